/* SPDX-License-Identifier: MIT
 * Bytes from head to tail in a fixed area. Linear: parsers want contiguous bytes. Reading moves head, writing moves
 * tail, and bytes are moved to the front only when the room behind tail has become short. Pure.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint32_t head, tail, size;      /* head <= tail <= size */
	uint8_t bytes[];
};

static inline uint32_t buf_used(const struct buf *b) { return b->tail - b->head; }
static inline uint32_t buf_room(const struct buf *b) { return b->size - b->tail; }      /* without moving */
static inline uint8_t *buf_first(struct buf *b) { return b->bytes + b->head; }
static inline uint8_t *buf_end(struct buf *b) { return b->bytes + b->tail; }
void buf_init(struct buf *, uint32_t size);     /* empty; size is what bytes[] holds */
void buf_consume(struct buf *, uint32_t n);     /* n <= used; an empty buffer starts at the front again */
void buf_compact(struct buf *);                 /* moves what is there to the front */
/* Replaces the first `old_bytes` by new_bytes of text. false (nothing done) if it does not fit. */
bool buf_replace_head(struct buf *, uint32_t old_bytes, const void *text, uint32_t new_bytes);
#endif
