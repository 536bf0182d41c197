/* SPDX-License-Identifier: MIT
 * A fixed set of equal objects: take one, give it back. A full pool answers NULL and counts it; the caller then stops
 * taking in work (DESIGN §1.4). An object that was never taken was never touched: an idle pool costs address space only.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H
#include <stddef.h>
#include <stdint.h>

struct pool {
	const char *name;
	uint8_t *objects;
	uint32_t *links;        /* of a free object: the next free one; of a taken one: POOL_TAKEN */
	size_t object_bytes;
	uint32_t count, used, used_max, refused;
	uint32_t fresh;         /* objects from here on were never taken */
	uint32_t free_first;    /* POOL_NONE: none was given back */
};

/* objects: count * object_bytes; links: count. Both stay the caller's and must outlive the pool. */
void pool_init(struct pool *, const char *name, void *objects, uint32_t *links, size_t object_bytes, uint32_t count);
/* The object last given back, with the content it had then (zero if it was never taken). NULL: full, and counted. */
void *pool_take(struct pool *);
/* Asserts that the object is this pool's and taken. */
void pool_give(struct pool *, void *object);
uint32_t pool_index(const struct pool *, const void *object);
#endif
