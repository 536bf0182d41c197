/* SPDX-License-Identifier: MIT
 * Startup memory, and the ledger of what it is for.
 *
 * Every object that tandem ever uses comes from arena_array() before the first packet. Each call is one line of the
 * ledger that `tandem check` prints, so the plan that is shown is the plan that runs. After arena_seal() there is no
 * more memory, which is the point: nothing can grow at night.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARENA_LINES_MAX 32
/* What a process reserves at most: address space, not memory. */
#define ARENA_BYTES_MAX (sizeof(size_t) == 8 ? (size_t)1 << 36 : (size_t)1 << 30)

struct arena_line {
	const char *name;       /* what it is for; calls with the same name are added up in one line */
	uint64_t bytes;         /* as taken, alignment included */
	uint32_t count;         /* objects */
};

struct arena {
	uint8_t *start;
	size_t used, usable, reserved;  /* usable: made readable and writable so far; reserved: address space */
	bool sealed;
	uint32_t line_count;
	struct arena_line lines[ARENA_LINES_MAX];
};

/* Reserves address space for at most bytes_max (nothing is committed). false with errno if the kernel refuses. */
bool arena_open(struct arena *, size_t bytes_max);
/* count zeroed objects of size bytes, aligned to 16. Never NULL: when the arena is full, it says which line of the
 * ledger was too much and exits with 2 (it is called at startup only). */
void *arena_array(struct arena *, const char *name, size_t size, uint32_t count);
/* A NUL-terminated copy of n bytes, in the ledger under "text". */
char *arena_text(struct arena *, const char *, size_t n);
/* No more calls after this (asserted); gives unused address space back. */
void arena_seal(struct arena *);
/* Also makes the memory read-only: for configuration. */
void arena_freeze(struct arena *);
uint64_t arena_bytes(const struct arena *);     /* the sum of the ledger */
void arena_close(struct arena *);               /* unmaps everything; for tests and `tandem check` */
#endif
