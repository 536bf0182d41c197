/* SPDX-License-Identifier: MIT
 * The page that guard and workers share (MAP_SHARED memory made at startup). Levels, never events: what is in it is true
 * now, and nothing is lost when a reader is late. Every field has one writer and 32 bits. To the guard it is hostile
 * input: it uses what it reads as a number to compare, never as an index or a length.
 */
#ifndef SCOREBOARD_H
#define SCOREBOARD_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "conf/conf.h"

#define SCOREBOARD_MAGIC 0x74646d31u    /* "tdm1" */

enum server_status { SERVER_UNKNOWN, SERVER_UP, SERVER_DOWN, SERVER_MAINT, SERVER_DRAIN };      /* UNKNOWN: not said yet */
/* What the stats socket wants of a server: a state, and a weight + 1; 0: as in the file. */
enum server_order { ORDER_NONE, ORDER_READY, ORDER_DRAIN, ORDER_MAINT };
#define ORDER_STATE 0xffu
#define ORDER_WEIGHT_SHIFT 8
#define ORDER_WEIGHT (~ORDER_STATE)

struct scoreboard_worker {              /* written by the worker */
	_Atomic uint32_t turn;          /* of its loop: the heartbeat. It turns at least once a second */
	_Atomic uint32_t ready;         /* 1: accepts connections */
	_Atomic uint32_t sessions;      /* now */
	_Atomic uint32_t waiting;       /* of these, for a place at a server */
	_Atomic uint32_t accepted;      /* since start, modulo 2^32, like the next ones */
	_Atomic uint32_t requests;
	_Atomic uint32_t refused;       /* times that a pool was empty */
	_Atomic uint32_t log_lost;
	_Atomic uint32_t checked;       /* 1: the first round of health checks is in */
	_Atomic uint32_t buffers, server_conns, log_lines;      /* taken from their pools, now */
};

struct scoreboard_server {              /* by server_config.index */
	_Atomic uint32_t status;        /* server_status; written by the worker */
	_Atomic uint32_t order;         /* written by the guard */
};

struct scoreboard {
	uint32_t magic, server_count;           /* written by the guard before the first worker starts */
	struct scoreboard_worker worker;
	_Atomic uint32_t orders;                /* how many there were; written by the guard, like the next one */
	/* Bits by vrrp_config.index: its addresses have left, and the kernel does not reset connections to them. */
	_Atomic uint32_t left[2];
	struct scoreboard_server servers[];
};

size_t scoreboard_bytes(const struct conf *);
/* Makes it, as a memfd sealed against resizing. NULL with errno. */
struct scoreboard *scoreboard_make(const struct conf *, int *fd);
/* Maps the guard's. NULL: errno, or it does not fit the configuration. */
struct scoreboard *scoreboard_map(const struct conf *, int fd);
/* Servers of this backend that are up (without checks they are up from the start); before the worker has said, all of
 * them count: nobody resigns because of what is not known yet. */
uint32_t scoreboard_usable(const struct scoreboard *, const struct proxy_config *backend);
#endif
