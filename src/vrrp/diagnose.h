/* SPDX-License-Identifier: MIT
 * What nodes disagree in: each advert on the link is held against a router's configuration, and each disagreement is kept
 * for its peer and kind, is due to be said once, then ever more rarely, and is over when the peer is heard without it.
 * Decides what to say; says nothing. A full table keeps what is going on now, but a configured peer and the last good master
 * always find a place: strangers give theirs. What finds none is counted as a drop all the same (router.c). Pure.
 */
#ifndef VRRP_DIAGNOSE_H
#define VRRP_DIAGNOSE_H
#include "vrrp/vrrp.h"

/* The reasons to drop an advert (enum vrrp_drop) are kinds; these are kinds that are no reason. */
enum {
	DIAGNOSE_LEARNT = VRRP_DROP_COUNT_OF,   /* version 3: another interval, which we learn from the master */
	DIAGNOSE_MORE, DIAGNOSE_LESS,           /* the peer has an address that we have not, or has not one that we have */
	DIAGNOSE_STRANGER,                      /* our VRID, and none of our addresses */
	DIAGNOSE_VRID,                          /* our address under another VRID */
	DIAGNOSE_SPLIT,                         /* we are master, and hear another one again and again */
	DIAGNOSE_SOURCE,                        /* the address that we send from is another machine's as well */
	DIAGNOSE_CLAIM,                         /* we hold a floating address, and another machine says that it has it */
	DIAGNOSE_KINDS
};

#define DIAGNOSE_MAX 8

struct disagreement {
	struct addr peer;               /* SOURCE: the address in question. ADDR_NONE: a free place */
	struct addr address;            /* MORE, LESS, STRANGER, VRID, SPLIT: one that it is about */
	uint8_t kind;
	bool heard;                     /* since diagnose_next() last looked */
	bool over;
	uint8_t mac[6];                 /* SOURCE */
	uint32_t ours, theirs;
	uint32_t count;                 /* times heard since first_ms */
	uint32_t interval_ms;           /* between the adverts that it is heard in */
	uint32_t wait_ms;               /* from saying it to saying it again; 0: not said yet */
	uint64_t first_ms, last_ms, next_ms;
};

struct diagnosis { struct disagreement entries[DIAGNOSE_MAX]; };

/* An advert, of whatever VRID; parsed: what vrrp_packet_parse() said of it. Before vrrp_step() hears of it. */
void diagnose_heard(struct diagnosis *, uint64_t now_ms, const struct vrrp *, const struct vrrp_advert *,
	enum vrrp_drop parsed);
/* Another machine uses an address of ours: DIAGNOSE_SOURCE or DIAGNOSE_CLAIM. */
void diagnose_claimed(struct diagnosis *, uint64_t now_ms, const struct vrrp *, uint8_t kind, const struct addr *,
	const uint8_t mac[6]);
/* What can end without a packet: a split brain. */
void diagnose_passed(struct diagnosis *, uint64_t now_ms, const struct vrrp *);
/* Something is to be said now: a disagreement, or (out->over) that one has ended. false: nothing more. */
bool diagnose_next(struct diagnosis *, uint64_t now_ms, struct disagreement *out);
/* What is going on: the first one behind `last` (NULL: the first of all), or NULL. */
const struct disagreement *diagnose_active(const struct diagnosis *, uint64_t now_ms, const struct disagreement *last);
const char *diagnose_name(uint8_t kind);        /* a word or two, mostly the keyword that is at fault */
/* One sentence: who differs in what, what follows from it, and the remedy. As text_format(). */
size_t diagnose_print(const struct disagreement *, char *out, size_t);
#endif
