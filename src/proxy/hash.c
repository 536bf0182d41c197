/* SPDX-License-Identifier: MIT */
#include "proxy/hash.h"

uint32_t hash_mix(uint32_t h)
{
	/* The end of MurmurHash3. */
	h = (h ^ h >> 16) * 0x85ebca6bu;
	h = (h ^ h >> 13) * 0xc2b2ae35u;
	return h ^ h >> 16;
}

uint32_t hash_bytes(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint32_t h = 0x811c9dc5u;       /* FNV-1a */

	while (n-- > 0)
		h = (h ^ *p++) * 0x01000193u;
	return hash_mix(h);
}

uint32_t hash_cost(uint32_t h)
{
	uint64_t m = (uint64_t)h + 1;   /* 1..2^32 */
	uint32_t log = 32;

	for (; m < 1ull << 32; m <<= 1)
		log--;
	/* m is 1..2 in units of 2^32: squared, it is 2 or more if the next bit of its logarithm is 1. */
	m >>= 1;
	for (int bit = 0; bit < 24; bit++) {
		m = m * m >> 31;
		log = log << 1 | (uint32_t)(m >> 32);
		m >>= m >> 32;
	}
	return (32u << 24) - log;
}
