/* SPDX-License-Identifier: MIT
 * Fuzzes the chunked decoder: in one piece, in pieces as the first bytes of the input say, and byte by byte it must give the
 * same. Built like http.c.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "proxy/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct result { bool bad, done; size_t body_n, used; uint8_t body[4096]; };

static void must(bool good)
{
	if (!good)
		abort();
}

static void feed(const uint8_t *bytes, size_t n, const uint8_t *steps, size_t step_count, struct result *r)
{
	static struct http_head head = { .body = HTTP_BODY_CHUNKED };
	struct body b;

	memset(r, 0, sizeof *r);
	body_init(&b, &head);
	for (size_t i = 0; r->used < n && !b.done; i++) {
		uint32_t take = step_count ? 1u + steps[i % step_count] : (uint32_t)n, ready;
		if (take > n - r->used)
			take = (uint32_t)(n - r->used);
		uint8_t *piece = malloc(take);
		memcpy(piece, bytes + r->used, take);
		uint32_t left = take;
		int result = body_decode(&b, piece, &left, &ready);
		must(result == 0 || result == -400);
		if (result < 0) {
			r->bad = true;
			free(piece);
			return;
		}
		must(ready <= left && left <= take && (b.done || ready == left));
		memcpy(r->body + r->body_n, piece, ready);
		must(memcmp(piece + ready, bytes + r->used + take - (left - ready), left - ready) == 0);
		r->body_n += ready;
		r->used += take - (left - ready);
		free(piece);
	}
	r->done = b.done;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct result whole, parts, single;
	static const uint8_t one[] = { 0 };

	if (n < 4 || n > 4000)
		return 0;
	feed(bytes + 4, n - 4, NULL, 0, &whole);
	feed(bytes + 4, n - 4, bytes, 4, &parts);
	feed(bytes + 4, n - 4, one, 1, &single);
	must(whole.bad == parts.bad && whole.bad == single.bad);
	if (whole.bad)
		return 0;
	must(whole.done == parts.done && whole.body_n == parts.body_n && whole.used == parts.used);
	must(whole.done == single.done && whole.body_n == single.body_n && whole.used == single.used);
	must(memcmp(whole.body, parts.body, whole.body_n) == 0 && memcmp(whole.body, single.body, whole.body_n) == 0);
	return 0;
}
