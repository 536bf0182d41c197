/* SPDX-License-Identifier: MIT */
#include "base/loop.h"
#include <errno.h>
#include <time.h>
#include "base/assert.h"
#include "base/log.h"

uint64_t clock_ms(void)
{
	struct timespec t;

	/* It goes on while the machine is suspended: who wakes up knows that time has passed. */
	ensure(clock_gettime(CLOCK_BOOTTIME, &t) == 0);
	return (uint64_t)t.tv_sec * 1000 + (uint32_t)t.tv_nsec / 1000000u;
}

void loop_init(struct loop *l, struct arena *a, uint32_t io_max, uint32_t timer_max)
{
	*l = (struct loop){ .size = io_max };
	l->pollfds = arena_array(a, "poll set", sizeof *l->pollfds, io_max);
	l->ios = arena_array(a, "poll set", sizeof(struct io *), io_max);
	timers_init(&l->timers, arena_array(a, "timers", sizeof(struct timer *), timer_max), timer_max);
	l->now_ms = clock_ms();
}

void loop_watch(struct loop *l, struct io *io, short events)
{
	if (events == 0) {
		loop_forget(l, io);
		return;
	}
	if (io->slot == 0) {
		ensure(l->count < l->size);
		l->ios[l->count] = io;
		io->slot = ++l->count;
		l->pollfds[io->slot - 1].revents = 0;
	}
	l->pollfds[io->slot - 1].fd = io->fd;
	l->pollfds[io->slot - 1].events = events;
}

void loop_forget(struct loop *l, struct io *io)
{
	if (io->slot == 0)
		return;
	uint32_t at = io->slot - 1, last = --l->count;

	/* The last one moves here. The dispatch below goes from the last to the first, so what moves has had its event. */
	l->ios[at] = l->ios[last];
	l->pollfds[at] = l->pollfds[last];
	l->ios[at]->slot = at + 1;
	io->slot = 0;
}

static int wait_ms(struct loop *l, int wait_ms_max)
{
	uint64_t next = timers_next(&l->timers), now = l->now_ms;

	if (l->again)
		return 0;
	if (next == TIMER_NEVER || next > now + (uint64_t)wait_ms_max)
		return wait_ms_max;
	/* The clock of this turn is a little old. Waiting by it would wake up late by as much. */
	now = clock_ms();
	return next > now ? (int)(next - now) : 0;
}

void loop_turn(struct loop *l, int wait_ms_max)
{
	int ready = poll(l->pollfds, l->count, wait_ms(l, wait_ms_max));

	l->now_ms = clock_ms();
	l->again = false;
	l->turn++;
	if (ready == -1 && errno != EINTR)
		log_errno("poll");
	timers_run(&l->timers, l->now_ms);
	/* From the last to the first: a handler may forget any descriptor (see loop_forget) and add others behind `i`. */
	for (uint32_t i = l->count; i-- > 0 && ready > 0;) {
		if (i >= l->count)
			continue;       /* the set has shrunk by more than one */
		short revents = l->pollfds[i].revents;
		if (revents == 0)
			continue;
		ready--;
		l->pollfds[i].revents = 0;
		l->ios[i]->ready(l->ios[i], revents);
	}
}
