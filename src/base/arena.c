/* SPDX-License-Identifier: MIT */
#include "base/arena.h"
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include "base/assert.h"
#include "base/log.h"

#define ALIGNMENT 16

static size_t page_round(size_t n)
{
	size_t page = (size_t)getauxval(AT_PAGESZ);     /* sysconf() would cost a kilobyte */

	return (n + page - 1) / page * page;
}

bool arena_open(struct arena *a, size_t bytes_max)
{
	memset(a, 0, sizeof *a);
	a->reserved = page_round(bytes_max);
	/* PROT_NONE memory counts against no limit of the kernel; what is really taken is opened page by page below. */
	void *start = mmap(NULL, a->reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED)
		return false;
	a->start = start;
	return true;
}

static struct arena_line *line_of(struct arena *a, const char *name)
{
	for (uint32_t i = 0; i < a->line_count; i++)
		if (strcmp(a->lines[i].name, name) == 0)
			return &a->lines[i];
	ensure(a->line_count < ARENA_LINES_MAX);
	struct arena_line *line = &a->lines[a->line_count++];
	line->name = name;
	return line;
}

static void *take(struct arena *a, const char *name, uint64_t bytes, uint32_t count)
{
	ensure(!a->sealed);
	bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (bytes > a->reserved - a->used)
		die(2, "not enough memory: %llu bytes for %u x %s, %llu are left of %llu: lower maxconn or tune.bufsize",
			(unsigned long long)bytes, count, name, (unsigned long long)(a->reserved - a->used),
			(unsigned long long)a->reserved);
	size_t end = a->used + (size_t)bytes;
	if (end > a->usable) {
		size_t usable = page_round(end);
		if (mprotect(a->start + a->usable, usable - a->usable, PROT_READ | PROT_WRITE) == -1)
			die(2, "the kernel refuses memory for %u x %s (%llu bytes): lower maxconn", count, name,
				(unsigned long long)bytes);
		a->usable = usable;
	}
	void *object = a->start + a->used;
	a->used = end;
	struct arena_line *line = line_of(a, name);
	line->bytes += bytes;
	line->count += count;
	return object;
}

void *arena_array(struct arena *a, const char *name, size_t size, uint32_t count)
{
	return take(a, name, (uint64_t)size * count, count);
}

char *arena_text(struct arena *a, const char *text, size_t n)
{
	char *copy = take(a, "text", (uint64_t)n + 1, 1);

	memcpy(copy, text, n);
	return copy;
}

void arena_seal(struct arena *a)
{
	ensure(!a->sealed);
	a->sealed = true;
	if (a->usable == a->reserved)
		return;
	/* Failing to give address space back costs nothing but address space. */
	(void)munmap(a->start + a->usable, a->reserved - a->usable);
	a->reserved = a->usable;
}

void arena_freeze(struct arena *a)
{
	if (!a->sealed)
		arena_seal(a);
	if (a->usable && mprotect(a->start, a->usable, PROT_READ) == -1)
		die(2, "cannot make the configuration's memory read-only");
}

uint64_t arena_bytes(const struct arena *a)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < a->line_count; i++)
		sum += a->lines[i].bytes;
	return sum;
}

void arena_close(struct arena *a)
{
	if (a->reserved)
		(void)munmap(a->start, a->reserved);
	memset(a, 0, sizeof *a);
}
