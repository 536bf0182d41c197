/* SPDX-License-Identifier: MIT */
#include "base/pool.h"
#include "base/assert.h"

#define POOL_NONE UINT32_MAX            /* end of the list of free objects */
#define POOL_TAKEN (UINT32_MAX - 1)

void pool_init(struct pool *p, const char *name, void *objects, uint32_t *links, size_t object_bytes, uint32_t count)
{
	ensure(count < POOL_TAKEN);
	*p = (struct pool){ .name = name, .objects = objects, .links = links, .object_bytes = object_bytes,
		.count = count, .free_first = POOL_NONE };
}

void *pool_take(struct pool *p)
{
	uint32_t i;

	if (p->free_first != POOL_NONE) {
		i = p->free_first;      /* the one given back last: it is still in the cache */
		p->free_first = p->links[i];
	} else if (p->fresh < p->count) {
		i = p->fresh++;
	} else {
		p->refused++;
		return NULL;
	}
	p->links[i] = POOL_TAKEN;
	if (++p->used > p->used_max)
		p->used_max = p->used;
	return p->objects + i * p->object_bytes;
}

uint32_t pool_index(const struct pool *p, const void *object)
{
	size_t offset = (size_t)((const uint8_t *)object - p->objects);

	ensure(offset % p->object_bytes == 0 && offset / p->object_bytes < p->count);
	return (uint32_t)(offset / p->object_bytes);
}

void pool_give(struct pool *p, void *object)
{
	uint32_t i = pool_index(p, object);

	ensure(p->links[i] == POOL_TAKEN);
	p->links[i] = p->free_first;
	p->free_first = i;
	p->used--;
}
