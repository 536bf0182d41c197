/* SPDX-License-Identifier: MIT
 * proxy/proxyproto: every vector of proxyproto.txt whole, at the end of a page, and cut off behind each byte; and thousands of
 * mutations of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "proxy/proxyproto.h"
#include "vector.h"

#define MUTATIONS 400                   /* of each vector */

static struct proxyproto header;

static int parse(const uint8_t *bytes, size_t n)
{
	memset(&header, 0xa5, sizeof header);
	return proxyproto_parse(at_page_end(bytes, n), n, &header);
}

/* Ports may be 0 here. */
static struct endpoint endpoint(const char *text)
{
	struct endpoint e = { .port = 0 };
	char copy[64];

	if (!text)
		return e;
	snprintf(copy, sizeof copy, "%s", text + (*text == '['));
	char *colon = strrchr(copy, ':');
	e.port = (uint16_t)atoi(colon + 1);
	colon[*text == '[' ? -1 : 0] = 0;
	assert_true(addr_parse(str_z(copy), &e.addr));
	return e;
}

static void same(const struct vector *v, const char *word, const struct endpoint *is, const char *from)
{
	const char *text = vector_option(from, word);
	struct endpoint wanted = endpoint(text);

	if (!addr_equal(&wanted.addr, &is->addr) || (text && wanted.port != is->port))
		fail_msg("proxyproto.txt:%d: %s: %s", v->line, v->what, word);
}

static void test_parse(const struct vector *v)
{
	const char *out = (const char *)v->out, *used = vector_option(out, "used");
	int wanted = *out == '-' ? atoi(out) : used ? atoi(used) : (int)v->in_n, result = parse(v->in, v->in_n);

	if (result != wanted)
		fail_msg("proxyproto.txt:%d: %s: %d, not %d", v->line, v->what, result, wanted);
	if (result > 0) {
		same(v, "source", &header.source, out);
		same(v, "destination", &header.destination, out);
	}
	for (size_t n = 0, before = 0; n < v->in_n; n++) {
		int part = parse(v->in, n);
		bool good = result > 0 ? part == (n < (size_t)result ? 0 : result) : part == (before ? result : part ? result : 0);
		if (!good)
			fail_msg("proxyproto.txt:%d: %s: after %zu bytes: %d", v->line, v->what, n, part);
		before = part < 0;
	}
}

static void test_make(const struct vector *v)
{
	char out[PROXYPROTO_MAX + 1];
	const char *version = vector_option(v->options, "version");
	unsigned number = (unsigned)atoi(version);

	header.source = endpoint(vector_option(v->options, "source"));
	header.destination = endpoint(vector_option(v->options, "destination"));
	uint32_t n = proxyproto_make(number, &header, out);
	if (n != v->out_n || memcmp(out, v->out, n) != 0)
		fail_msg("proxyproto.txt:%d: %s", v->line, v->what);
}

static void one(const struct vector *v)
{
	if (strncmp(v->what, "make", 4) == 0)
		test_make(v);
	else
		test_parse(v);
}

static void vectors_hold(void **state)
{
	(void)state;
	assert_true(vectors("proxyproto.txt", one) > 50);
}

static uint32_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

/* Whatever is understood can be said again, and is then understood in the same way. */
static void mutate(const struct vector *v)
{
	for (int i = 0; i < MUTATIONS; i++) {
		uint8_t bytes[512];
		size_t n = v->in_n < 400 ? v->in_n : 400;
		memcpy(bytes, v->in, n);
		for (uint32_t changes = 1 + any(3); changes > 0 && n > 1; changes--) {
			uint32_t at = any((uint32_t)n), kind = any(3);
			if (kind == 0) {
				bytes[at] = (uint8_t)any(256);
			} else if (kind == 1) {
				memmove(bytes + at + 1, bytes + at, n - at);
				n++;
			} else {
				memmove(bytes + at, bytes + at + 1, n - at - 1);
				n--;
			}
		}
		int result = parse(bytes, n);
		assert_true(result >= PROXYPROTO_INVALID && result <= (int)n);
		if (result <= 0)
			continue;
		struct proxyproto first = header;
		for (unsigned version = 1; version <= 2; version++) {
			char out[PROXYPROTO_MAX + 1];
			uint32_t m = proxyproto_make(version, &first, out);
			assert_int_equal(parse((uint8_t *)out, m), m);
			assert_true(addr_equal(&header.source.addr, &first.source.addr));
			assert_true(addr_equal(&header.destination.addr, &first.destination.addr));
			assert_true(header.source.port == first.source.port && header.destination.port == first.destination.port);
		}
	}
}

static void mutations_are_understood_or_refused(void **state)
{
	(void)state;
	vectors("proxyproto.txt", mutate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_hold),
		cmocka_unit_test(mutations_are_understood_or_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
