/* SPDX-License-Identifier: MIT
 * Tracks: how results of scripts and pings become "up" or "failed", and what that does to a router's priority. keepalived's
 * rules. Pure.
 */
#ifndef VRRP_TRACK_H
#define VRRP_TRACK_H
#include <stdbool.h>
#include <stdint.h>

/* ---- results, one after the other ---- */

struct track_count {
	bool known, failed;             /* not known: nothing can be said yet */
	uint32_t row;                   /* results in a row that contradict it */
};

/* One more result. True: known or failed has changed. While nothing is known the first good result decides, and so do
 * `first` bad ones. */
bool track_result(struct track_count *, bool good, uint32_t rise, uint32_t fall, uint32_t first);

/* ---- what a router makes of them ---- */

struct track_sum {
	int weights;                    /* to add to the priority */
	bool fault;
	bool waiting;                   /* something that would be a fault is not known yet */
};

/* reverse, as in keepalived: the sign of what counts is turned; with weight 0 it is a fault when it has not failed. */
void track_add(struct track_sum *, int weight, bool reverse, bool known, bool failed);
/* A file: its number times the weight counts; with weight 0, or beyond -253, it is a fault. */
void track_add_value(struct track_sum *, int weight, bool reverse, int value);
/* From 1 to 254, but for 255, which weights do not change. */
uint8_t track_priority(uint8_t configured, int weights);
#endif
