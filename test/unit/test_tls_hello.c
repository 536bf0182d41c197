/* SPDX-License-Identifier: MIT
 * proxy/tls_hello: every vector of tls_hello.txt whole, at the end of a page, and cut off behind each byte; good ones also in
 * records of every size; and thousands of mutations of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "proxy/tls_hello.h"
#include "vector.h"

#define MUTATIONS 300                   /* of each vector */

static struct tls_hello hello;
static uint8_t bytes[VECTOR_MAX];

static int parse(const uint8_t *p, size_t n)
{
	memset(&hello, 0xa5, sizeof hello);
	return tls_hello_parse(at_page_end(p, n), n, &hello);
}

static size_t unhex(const struct vector *v)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < v->in_n; i += 2) {
		unsigned byte;
		assert_int_equal(sscanf((const char *)v->in + i, "%2x", &byte), 1);
		bytes[n++] = (uint8_t)byte;
	}
	return n;
}

static void says(const struct vector *v, const char *how)
{
	const char *out = (const char *)v->out;
	bool typed = hello.type == atoi(vector_option(out, "type"));
	const char *name = vector_option(out, "name");

	if (!typed || hello.name_n != strlen(name) || memcmp(hello.name, name, hello.name_n) != 0)
		fail_msg("tls_hello.txt:%d: %s (%s): type %d, name '%.*s'", v->line, v->what, how, hello.type, hello.name_n,
			hello.name);
}

static void every_prefix(const struct vector *v, const uint8_t *p, size_t n, int wanted)
{
	bool refused = false;

	for (size_t cut = 0; cut < n; cut++) {
		int part = parse(p, cut), before = wanted < 0 ? -1 : 0;
		bool good = wanted > 0 && cut >= (size_t)wanted ? part == wanted : refused ? part == before : part == 0 || part == before;
		if (!good)
			fail_msg("tls_hello.txt:%d: %s: after %zu of %zu bytes: %d", v->line, v->what, cut, n, part);
		refused = part < 0;
	}
}

/* The same message in records of `size` bytes. */
static size_t in_records(const uint8_t *p, size_t used, size_t size, uint8_t *out)
{
	static uint8_t message[VECTOR_MAX];
	size_t n = 0, made = 0;

	for (size_t at = 0; at < used; at += 5 + ((size_t)p[at + 3] << 8 | p[at + 4])) {
		size_t length = (size_t)p[at + 3] << 8 | p[at + 4];
		length = length < used - at - 5 ? length : used - at - 5;
		memcpy(message + n, p + at + 5, length);
		n += length;
	}
	for (size_t at = 0; at < n; at += size) {
		size_t length = n - at < size ? n - at : size;
		memcpy(out + made, (uint8_t[]){ 22, 3, 3, (uint8_t)(length >> 8), (uint8_t)length }, 5);
		memcpy(out + made + 5, message + at, length);
		made += 5 + length;
	}
	return made;
}

static void one(const struct vector *v)
{
	static uint8_t again[VECTOR_MAX * 6];
	const char *out = (const char *)v->out, *used = vector_option(out, "used");
	size_t n = unhex(v);
	int wanted = *out == '-' ? -1 : used ? atoi(used) : (int)n, result = parse(bytes, n);

	if (result != wanted)
		fail_msg("tls_hello.txt:%d: %s: %d, not %d", v->line, v->what, result, wanted);
	if (result > 0)
		says(v, "whole");
	every_prefix(v, bytes, n, wanted);
	for (size_t size = 1; result > 0 && size < 700; size += size < 9 ? 1 : 83) {
		size_t m = in_records(bytes, (size_t)result, size, again);
		assert_int_equal(parse(again, m), m);
		says(v, "in records");
		if (size < 4 || size == 9)
			every_prefix(v, again, m, (int)m);
	}
}

static void vectors_hold(void **state)
{
	(void)state;
	assert_true(vectors("tls_hello.txt", one) > 30);
}

static uint32_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

static void mutate(const struct vector *v)
{
	size_t n = unhex(v);
	static uint8_t changed[VECTOR_MAX];

	for (int i = 0; i < MUTATIONS; i++) {
		memcpy(changed, bytes, n);
		for (uint32_t changes = 1 + any(3); changes > 0; changes--)
			changed[any(2) ? any((uint32_t)n) : any(64) % (uint32_t)n] = any(2) ? (uint8_t)any(256) : (uint8_t)any(4);
		int result = parse(changed, n);
		assert_in_range(result + 1, 0, n + 1);
		if (result <= 0)
			assert_true(hello.name_n == 0 && hello.type == 0);
		else
			assert_int_equal(parse(changed, (size_t)result - 1), 0);
	}
}

static void mutations_do_no_harm(void **state)
{
	(void)state;
	vectors("tls_hello.txt", mutate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_hold),
		cmocka_unit_test(mutations_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
