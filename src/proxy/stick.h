/* SPDX-License-Identifier: MIT
 * Stick tables: what is remembered of clients' addresses, in a fixed number of entries. An entry that nobody holds goes when
 * it has expired, or, unless the table says `nopurge`, when it is the oldest of a full table. The counters are
 * HAProxy's. Pure.
 */
#ifndef PROXY_STICK_H
#define PROXY_STICK_H
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"

enum stick_data {
	STICK_GPC0, STICK_CONN_CUR, STICK_CONN_CNT, STICK_HTTP_REQ_CNT,
	STICK_CONN_RATE, STICK_HTTP_REQ_RATE,                   /* over a period */
	STICK_DATA, STICK_COUNTERS = STICK_CONN_RATE
};

struct stick_config {
	uint8_t type;                   /* 0: ip, 1: ipv6 */
	bool nopurge;
	uint8_t stored;                 /* bits: 1 << stick_data */
	uint32_t size, expire_ms;       /* expire 0: never */
	uint32_t period_ms[STICK_DATA - STICK_COUNTERS];
};

struct stick_rate { uint64_t start_ms; uint32_t now, before; };  /* events of this period and of the one before it */

struct stick_entry {
	uint8_t key[16];                /* an IPv6 address; IPv4 as ::ffff:a.b.c.d */
	uint64_t expires_ms;
	uint32_t next;                  /* in its chain; the free ones have one too. Numbers are index + 1; 0: none */
	uint32_t older, newer;
	uint32_t server;                /* place in its backend + 1; 0: none yet */
	uint32_t holders;               /* sessions that track it: conn_cur */
	uint32_t counters[STICK_COUNTERS];
	struct stick_rate rates[STICK_DATA - STICK_COUNTERS];
};

struct stick_table {
	const struct stick_config *config;
	struct stick_entry *entries;    /* config->size */
	uint32_t *chains;               /* stick_chains() */
	uint32_t seed;                  /* nobody's to guess: who may choose addresses must not choose chains */
	uint32_t used;                  /* entries from here on were never used */
	uint32_t free, oldest, newest;
};

uint32_t stick_chains(const struct stick_config *);            /* a power of two */
/* NULL: it is not there, or an address that the table does not take. */
struct stick_entry *stick_find(struct stick_table *, const struct addr *, uint64_t now_ms);
/* The same, and makes it. NULL: there is no room. */
struct stick_entry *stick_get(struct stick_table *, const struct addr *, uint64_t now_ms);
/* The entry here of the address that another table's entry has; NULL: there is none. */
struct stick_entry *stick_find_same(struct stick_table *, const struct stick_entry *, uint64_t now_ms);
/* It is in use again, by that many more holders (or -1). */
void stick_hold(struct stick_table *, struct stick_entry *, int more, uint64_t now_ms);
void stick_count(const struct stick_table *, struct stick_entry *, enum stick_data, uint64_t now_ms);
/* false: the table does not keep that. */
bool stick_value(const struct stick_table *, const struct stick_entry *, enum stick_data, uint64_t now_ms,
	uint32_t *value);
#endif
