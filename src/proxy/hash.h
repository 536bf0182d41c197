/* SPDX-License-Identifier: MIT
 * Hashes for choosing servers: not for strangers' tables, and the same on every machine. Pure.
 */
#ifndef PROXY_HASH_H
#define PROXY_HASH_H
#include <stddef.h>
#include <stdint.h>

/* Every bit of the input moves every bit of the result. */
uint32_t hash_mix(uint32_t);
uint32_t hash_bytes(const void *, size_t);
/* Minus the logarithm to base 2 of h / 2^32, in 2^-24. Of rendezvous hashing: the server with the least of this, divided by
 * its weight, is chosen exactly as often as its weight says. Whole numbers, so that nodes of different kinds agree. */
uint32_t hash_cost(uint32_t h);
#endif
