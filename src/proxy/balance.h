/* SPDX-License-Identifier: MIT
 * Which server gets the next connection. Works on an array in server order that the caller keeps true. Pure.
 */
#ifndef PROXY_BALANCE_H
#define PROXY_BALANCE_H
#include <stdbool.h>
#include <stdint.h>
#include "proxy/config.h"
#include "proxy/http.h"

struct balance_server {
	int32_t credit;                 /* of the smooth weighted round robin; starts at 0 */
	uint32_t chosen;                /* when it was chosen last, on the backend's own clock */
	uint32_t hash;                  /* of its name */
	uint32_t served, queued;        /* sessions that it has, and that wait for it and no other */
	uint32_t maxconn;               /* as many as it may have; 0: no limit */
	uint32_t maxqueue;
	uint16_t weight;                /* in 16ths, and less while it starts slowly; 0: never chosen */
	bool usable;                    /* up, and not in maintenance */
	bool backup;                    /* only when no other is usable, and then the first usable one alone */
};

struct balance {
	const struct balance_config *config;
	struct balance_server *servers;
	uint32_t count;
	uint32_t clock;                 /* choices so far */
	bool all_backups;               /* `option allbackups`: when none but backups are usable, all of them */
};
#define BALANCE_WEIGHT_SCALE 16
#define BALANCE_NONE UINT32_MAX         /* no server is usable */
#define BALANCE_FULL (UINT32_MAX - 1)   /* those that are have all the sessions that they may have */

const char *balance_name(enum balance_kind);
/* The kind of that name; false: there is none. */
bool balance_find(struct str name, uint8_t *kind);
/* The choice follows from the key, and from the names and weights of the usable servers, alone: two nodes choose alike, and
 * when a server fails only its own clients go elsewhere (rendezvous hashing). */
bool balance_hashes(enum balance_kind);
/* What the choice follows from; head NULL: mode tcp. false: this request has none of it, and servers take turns. */
bool balance_key(const struct balance_config *, const struct http_head *, const struct addr *source, uint32_t *key);
/* The index of a server, or BALANCE_NONE or BALANCE_FULL. key: NULL if there is none. `avoid` (or BALANCE_NONE) is chosen
 * only if nothing else but backups can be: the server that has just refused a connection. */
uint32_t balance_choose(struct balance *, const uint32_t *key, uint32_t avoid);
/* This one could be chosen now, had it room. */
bool balance_may_choose(const struct balance *, uint32_t index);
/* There is a place for one more session. */
bool balance_has_room(const struct balance_server *);
/* The share of something that a server gets so long after it came up: from a 16th to the whole (HAProxy's slowstart). */
uint32_t balance_ramp(uint32_t whole, uint32_t since_ms, uint32_t slowstart_ms);
/* Its maxconn then: 1 at least. */
uint32_t balance_ramp_maxconn(uint32_t maxconn, uint32_t since_ms, uint32_t slowstart_ms);
#endif
