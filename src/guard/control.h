/* SPDX-License-Identifier: MIT
 * What control.c, which speaks with the clients of the stats socket, and show.c, which has the long answers, share. An
 * answer comes in pieces, each of at most PIECE_MAX bytes, made when there is room for it: however long it is and however
 * slowly it is read, it never takes more than its buffer.
 */
#ifndef GUARD_CONTROL_H
#define GUARD_CONTROL_H
#include "guard/guard.h"

#define PIECE_MAX 1536
#define ANSWER_BYTES 4096

struct answer {
	bool json;
	uint8_t part, last_part;        /* where show.c is: which part, */
	uint8_t section;                /* which section of a router, */
	uint32_t outer, item;           /* which router or backend, which item of it */
	bool any;                       /* this part has had an item */
	char last;                      /* the last byte that was put: says whether JSON needs a comma */
	uint32_t used;
	char bytes[ANSWER_BYTES];
};

enum show_part { SHOW_NODE, SHOW_FAULTS, SHOW_ROUTERS, SHOW_WORKER, SHOW_BACKENDS, SHOW_END };

void put(struct answer *, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define put(a, ...) put(a, FORMAT __VA_ARGS__)
void show_start(struct answer *, enum show_part first, enum show_part last);
bool show_piece(struct answer *);               /* false: there are no more */
bool show_info(struct answer *);                /* one piece */
/* false: wrong arguments. */
bool orders_set(struct answer *, struct str arguments);
bool orders_weight(struct answer *, struct str arguments);
bool orders_state(struct answer *, struct str server, enum server_order);
#endif
