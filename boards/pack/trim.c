/* SPDX-License-Identifier: MIT
 * trim FILE     on the machine that builds: ends an ELF program where its last segment ends
 *
 * Behind that stand only the section headers and their names, a kilobyte that no kernel reads (OpenWrt's sstrip does the
 * same). tandem.debug keeps them for debuggers.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint8_t head[4096];
static bool wide, big;

/* The number of n bytes at this place. */
static uint64_t number(size_t at, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | head[at + (big ? i : n - 1 - i)];
	return v;
}

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "r+b") : NULL;
	uint64_t end = 0;

	if (!f || fread(head, 1, sizeof head, f) != sizeof head || memcmp(head, "\x7f" "ELF", 4) != 0) {
		fprintf(stderr, "trim: %s is no ELF file that can be changed\n", argc == 2 ? argv[1] : "FILE");
		return 1;
	}
	wide = head[4] == 2;
	big = head[5] == 2;
	uint64_t segments = number(wide ? 32 : 28, wide ? 8 : 4), size = number(wide ? 54 : 42, 2), count = number(wide ? 56 : 44, 2);
	if (count == 0 || segments + size * count > sizeof head)
		return 1;
	for (uint64_t at = segments; at < segments + size * count; at += size) {
		uint64_t last = number(at + (wide ? 8 : 4), wide ? 8 : 4) + number(at + (wide ? 32 : 16), wide ? 8 : 4);
		end = last > end ? last : end;
	}
	memset(head + (wide ? 40 : 32), 0, wide ? 8 : 4);       /* where the section headers are, */
	memset(head + (wide ? 60 : 48), 0, 4);                  /* how many, and which has their names */
	bool done = fseek(f, 0, SEEK_SET) == 0 && fwrite(head, 1, wide ? 64 : 52, f) == (wide ? 64u : 52u) && fclose(f) == 0
		&& truncate(argv[1], (off_t)end) == 0;
	return done ? 0 : 1;
}
