/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include <string.h>
#include "base/assert.h"

void buf_init(struct buf *b, uint32_t size)
{
	b->head = b->tail = 0;
	b->size = size;
}

void buf_consume(struct buf *b, uint32_t n)
{
	ensure(n <= buf_used(b));
	b->head += n;
	if (b->head == b->tail)
		b->head = b->tail = 0;
}

void buf_compact(struct buf *b)
{
	if (b->head == 0)
		return;
	memmove(b->bytes, b->bytes + b->head, buf_used(b));
	b->tail -= b->head;
	b->head = 0;
}

bool buf_replace_head(struct buf *b, uint32_t old_bytes, const void *text, uint32_t new_bytes)
{
	ensure(old_bytes <= buf_used(b));
	uint32_t rest = buf_used(b) - old_bytes;

	if (new_bytes > b->size || rest > b->size - new_bytes)
		return false;
	uint32_t rest_at = b->head + old_bytes;
	if (new_bytes <= rest_at) {             /* there is room in front of the rest: it stays where it is */
		b->head = rest_at - new_bytes;
	} else {
		memmove(b->bytes + new_bytes, b->bytes + rest_at, rest);
		b->head = 0;
		b->tail = new_bytes + rest;
	}
	memcpy(b->bytes + b->head, text, new_bytes);
	return true;
}
