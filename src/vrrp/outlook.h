/* SPDX-License-Identifier: MIT
 * What will come of it when tracks fail: both nodes' priorities for every combination of results, and what the backup
 * makes of them. It finds the weights that can never move an address before the night in which they should. Pure.
 */
#ifndef VRRP_OUTLOOK_H
#define VRRP_OUTLOOK_H
#include <stdbool.h>
#include <stdint.h>

#define OUTLOOK_TRACKS_MAX 16           /* of one router, as many as a section may have: 65536 combinations */

struct outlook_node {
	uint8_t priority;               /* configured */
	bool nopreempt;
	uint32_t track_count;
	int16_t weights[OUTLOOK_TRACKS_MAX];    /* 0: a fault */
	uint16_t reverse;               /* a bit a track */
};

/* Why the backup, on which all is well, does not take the addresses from a master with these failed tracks. */
enum outlook {
	OUTLOOK_MOVES,
	OUTLOOK_STRONGER,               /* the master's priority is still the higher one */
	OUTLOOK_TIE,                    /* equal: a backup does not preempt at equal priorities (RFC 9568 §6.4.2) */
	OUTLOOK_NOPREEMPT,              /* lower, but the backup has nopreempt, and the master goes on advertising */
	OUTLOOK_OWNER,                  /* 255 is not changed by weights */
};

/* The effective priority while the tracks whose bits are set have failed; 0: FAULT. */
uint8_t outlook_priority(const struct outlook_node *, unsigned failed);
enum outlook outlook_of(const struct outlook_node *master, unsigned failed, const struct outlook_node *backup);
/* Of the combinations in which at least one track of the master has failed: how many there are, and how many move the
 * addresses. */
void outlook_count(const struct outlook_node *master, const struct outlook_node *backup, uint32_t *all, uint32_t *move);
#endif
