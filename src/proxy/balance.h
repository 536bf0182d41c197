/* SPDX-License-Identifier: MIT
 * Which server gets the next connection. Works on an array in server order that the caller keeps. Pure.
 */
#ifndef PROXY_BALANCE_H
#define PROXY_BALANCE_H
#include <stdbool.h>
#include <stdint.h>

struct balance_server {
	int32_t credit;                 /* of the smooth weighted round robin; starts at 0 */
	uint16_t weight;                /* 0: never chosen */
	bool usable;                    /* up, and not in maintenance */
	bool backup;                    /* only when no other is usable, and then the first usable one alone */
};
#define BALANCE_NONE UINT32_MAX

/* Round robin by weight, spread evenly. `avoid` (or BALANCE_NONE) is chosen only if nothing else can be: the server that
 * has just refused a connection. Returns the index, or BALANCE_NONE. */
uint32_t balance_roundrobin(struct balance_server *, uint32_t count, uint32_t avoid);
#endif
