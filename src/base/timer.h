/* SPDX-License-Identifier: MIT
 * Deadlines, nearest first: a heap over timers that the callers own. Setting a timer to a later time is one store; the
 * heap finds out when the old time comes (STYLE C1). Times are milliseconds of any one clock. Pure.
 */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H
#include <stdbool.h>
#include <stdint.h>

#define TIMER_NEVER UINT64_MAX

struct timer {
	uint64_t when;          /* when it must expire */
	uint64_t key;           /* where it stands in the heap: never later than when */
	uint32_t slot;          /* place in the heap + 1; 0: off */
	void (*expired)(struct timer *, uint64_t now_ms);
};

struct timers {
	struct timer **heap;
	uint32_t count, size;
};

void timers_init(struct timers *, struct timer **heap, uint32_t size);
/* Never fails: the heap has a place for every timer that exists (asserted). */
void timer_set(struct timers *, struct timer *, uint64_t when_ms);
void timer_off(struct timers *, struct timer *);
static inline bool timer_is_on(const struct timer *t) { return t->slot != 0; }
/* The nearest deadline, or TIMER_NEVER. */
uint64_t timers_next(struct timers *);
/* Calls each timer that is due, each at most once (one that sets itself to the past waits for the next call). */
void timers_run(struct timers *, uint64_t now_ms);
#endif
