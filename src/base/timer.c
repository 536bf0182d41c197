/* SPDX-License-Identifier: MIT */
#include "base/timer.h"
#include <stddef.h>
#include "base/assert.h"

void timers_init(struct timers *ts, struct timer **heap, uint32_t size)
{
	*ts = (struct timers){ .heap = heap, .size = size };
}

static void place(struct timers *ts, struct timer *t, uint32_t at)
{
	ts->heap[at] = t;
	t->slot = at + 1;
}

static void sift_up(struct timers *ts, struct timer *t, uint32_t at)
{
	while (at > 0) {
		uint32_t parent = (at - 1) / 2;
		if (ts->heap[parent]->key <= t->key)
			break;
		place(ts, ts->heap[parent], at);
		at = parent;
	}
	place(ts, t, at);
}

static void sift_down(struct timers *ts, struct timer *t, uint32_t at)
{
	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= ts->count)
			break;
		if (child + 1 < ts->count && ts->heap[child + 1]->key < ts->heap[child]->key)
			child++;
		if (t->key <= ts->heap[child]->key)
			break;
		place(ts, ts->heap[child], at);
		at = child;
	}
	place(ts, t, at);
}

void timer_set(struct timers *ts, struct timer *t, uint64_t when_ms)
{
	t->when = when_ms;
	if (t->slot == 0) {
		ensure(ts->count < ts->size);
		t->key = when_ms;
		sift_up(ts, t, ts->count++);
	} else if (when_ms < t->key) {
		t->key = when_ms;
		sift_up(ts, t, t->slot - 1);
	}
	/* Later than key: the heap finds out when key comes. */
}

void timer_off(struct timers *ts, struct timer *t)
{
	if (t->slot == 0)
		return;
	uint32_t at = t->slot - 1;
	struct timer *last = ts->heap[--ts->count];

	t->slot = 0;
	if (last == t)
		return;
	if (at > 0 && last->key < ts->heap[(at - 1) / 2]->key)
		sift_up(ts, last, at);
	else
		sift_down(ts, last, at);
}

/* Brings the timer at the top to its real deadline until the top is one that means it. */
static struct timer *nearest(struct timers *ts)
{
	while (ts->count > 0) {
		struct timer *t = ts->heap[0];
		if (t->key == t->when)
			return t;
		t->key = t->when;
		sift_down(ts, t, 0);
	}
	return NULL;
}

uint64_t timers_next(struct timers *ts)
{
	struct timer *t = nearest(ts);

	return t ? t->when : TIMER_NEVER;
}

void timers_run(struct timers *ts, uint64_t now_ms)
{
	/* At most as many as there are: a timer that sets itself to the past again waits for the next call. */
	for (uint32_t budget = ts->count; budget > 0; budget--) {
		struct timer *t = nearest(ts);
		if (!t || t->when > now_ms)
			return;
		timer_off(ts, t);
		t->expired(t, now_ms);
	}
}
