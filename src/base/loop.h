/* SPDX-License-Identifier: MIT
 * The one wait of a process: poll, then timers, then I/O. The clock is read once a turn, after poll, and holds for the
 * whole turn. Nothing here allocates; the caller owns struct io and finds its object by container_of().
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/timer.h"

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

struct io {
	int fd;
	uint32_t slot;          /* place in the poll set + 1; 0: not watched */
	void (*ready)(struct io *, short revents);
};

struct loop {
	struct pollfd *pollfds;
	struct io **ios;
	uint32_t count, size;
	struct timers timers;
	uint64_t now_ms;        /* CLOCK_MONOTONIC of this turn */
	uint32_t turn;          /* counts turns: the heartbeat */
	bool again;             /* a budget was used up: the next poll does not wait */
	bool stop;
};

/* Takes room for io_max descriptors and timer_max timers from the arena. */
void loop_init(struct loop *, struct arena *, uint32_t io_max, uint32_t timer_max);
/* Watches io->fd for events (POLLIN, POLLOUT). 0 forgets it: poll() would report POLLHUP even to who asked for nothing,
 * and a paused side would spin. */
void loop_watch(struct loop *, struct io *, short events);
/* Takes it out at once: its handler is not called again, also not for an event that this turn has already seen. */
void loop_forget(struct loop *, struct io *);
/* One turn; waits at most wait_ms_max. */
void loop_turn(struct loop *, int wait_ms_max);
uint64_t clock_ms(void);        /* CLOCK_MONOTONIC */
#endif
