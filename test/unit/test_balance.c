/* SPDX-License-Identifier: MIT
 * proxy/balance: shares exact over a cycle, evenly spread; who is avoided, who is not usable, who is full, backups; that hashing
 * is fair, moves as little as can be, and follows from names and weights alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "proxy/balance.h"
#include "proxy/hash.h"

#define SERVER(w) { .weight = (w), .usable = true }
#define BACKUP(w) { .weight = (w), .usable = true, .backup = true }

static void name_them(struct balance_server *s, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		char name[] = { 'w', 'e', 'b', (char)('a' + i) };
		s[i].hash = hash_bytes(name, sizeof name);
		s[i].maxqueue = 'a' + i;        /* to know it by */
	}
}

static uint32_t choose(enum balance_kind kind, struct balance_server *s, uint32_t count, const uint32_t *key, uint32_t avoid)
{
	struct balance_config config = { .kind = (uint8_t)kind, .draws = 2 };
	static uint32_t clock;
	struct balance b = { .config = &config, .servers = s, .count = count, .clock = clock };
	uint32_t i = balance_choose(&b, key, avoid);

	clock = b.clock;
	return i;
}

/* The next n choices as letters. */
static const char *next_of(enum balance_kind kind, struct balance_server *s, uint32_t count, uint32_t avoid, unsigned n)
{
	static char text[1024];

	for (unsigned i = 0; i < n; i++) {
		uint32_t chosen = choose(kind, s, count, NULL, avoid);
		text[i] = chosen == BALANCE_NONE ? '-' : chosen == BALANCE_FULL ? '+' : (char)('a' + chosen);
	}
	text[n] = 0;
	return text;
}

static const char *next(struct balance_server *s, uint32_t count, uint32_t avoid, unsigned n)
{
	return next_of(BALANCE_ROUNDROBIN, s, count, avoid, n);
}

static void equal_weights_take_turns(void **state)
{
	struct balance_server s[] = { SERVER(1), SERVER(1), SERVER(1) };

	(void)state;
	assert_string_equal(next(s, 3, BALANCE_NONE, 7), "abcabca");
	assert_string_equal(next_of(BALANCE_STATIC_RR, s, 3, BALANCE_NONE, 3), "bca");
}

static void three_to_one_is_spread(void **state)
{
	struct balance_server s[] = { SERVER(3), SERVER(1) };

	(void)state;
	assert_string_equal(next(s, 2, BALANCE_NONE, 8), "aabaaaba");
}

/* Over each cycle of the sum of weights every server gets exactly its weight, and in each stretch of it its share, give or
 * take what is less than two. */
static void shares_are_exact_and_even(void **state)
{
	static const uint16_t weights[][4] = { { 1, 1, 1, 1 }, { 3, 1, 0, 0 }, { 5, 3, 2, 1 }, { 100, 1, 50, 7 }, { 256, 255, 1, 2 },
		{ 10, 20, 30, 40 } };

	(void)state;
	for (size_t w = 0; w < sizeof weights / sizeof *weights; w++) {
		struct balance_server s[4];
		unsigned total = 0;
		for (unsigned i = 0; i < 4; i++) {
			s[i] = (struct balance_server)SERVER(weights[w][i]);
			total += weights[w][i];
		}
		for (unsigned cycle = 0; cycle < 3; cycle++) {
			unsigned got[4] = { 0 };
			for (unsigned n = 1; n <= total; n++) {
				got[choose(BALANCE_ROUNDROBIN, s, 4, NULL, BALANCE_NONE)]++;
				for (unsigned i = 0; i < 4; i++) {
					unsigned is = got[i] * total, should = n * weights[w][i];
					assert_true((is > should ? is - should : should - is) < 2 * total);
				}
			}
			for (unsigned i = 0; i < 4; i++)
				assert_int_equal(got[i], weights[w][i]);
		}
	}
}

static void who_cannot_serve_gets_nothing(void **state)
{
	struct balance_server s[] = { SERVER(1), SERVER(1), SERVER(0) };
	uint32_t key = 5;

	(void)state;
	s[0].usable = false;
	assert_string_equal(next(s, 3, BALANCE_NONE, 3), "bbb");
	for (int kind = BALANCE_ROUNDROBIN; kind <= BALANCE_HDR; kind++)
		assert_int_equal(choose((enum balance_kind)kind, s, 3, &key, BALANCE_NONE), 1);
	s[1].usable = false;
	assert_string_equal(next(s, 3, BALANCE_NONE, 1), "-");
	assert_string_equal(next(s, 0, BALANCE_NONE, 1), "-");
	for (int kind = BALANCE_ROUNDROBIN; kind <= BALANCE_HDR; kind++)
		assert_int_equal(choose((enum balance_kind)kind, s, 3, &key, BALANCE_NONE), BALANCE_NONE);
	/* one that comes back does not get all that it has missed */
	s[0].usable = true;
	next(s, 3, BALANCE_NONE, 100);
	s[1].usable = true;
	assert_string_equal(next(s, 3, BALANCE_NONE, 4), "abab");
}

static void the_one_that_refused_comes_last(void **state)
{
	struct balance_server s[] = { SERVER(10), SERVER(1), BACKUP(1) };

	(void)state;
	assert_string_equal(next(s, 3, 0, 3), "bbb");
	s[1].usable = false;
	assert_string_equal(next(s, 3, 0, 2), "aa");       /* before a backup: one refused connection is not down */
	assert_string_equal(next(s, 1, 0, 1), "a");
}

static void backups_only_when_all_else_is_down(void **state)
{
	struct balance_server s[] = { SERVER(1), { .weight = 1, .backup = true }, BACKUP(1), BACKUP(9) };
	struct balance_config config = { .kind = BALANCE_ROUNDROBIN };
	struct balance b = { .config = &config, .servers = s, .count = 4 };
	unsigned got[4] = { 0 };

	(void)state;
	assert_string_equal(next(s, 4, BALANCE_NONE, 2), "aa");
	assert_true(balance_may_choose(&b, 0) && !balance_may_choose(&b, 2));
	s[0].usable = false;
	assert_string_equal(next(s, 4, BALANCE_NONE, 3), "ccc");
	assert_true(!balance_may_choose(&b, 0) && !balance_may_choose(&b, 1) && balance_may_choose(&b, 2) && !balance_may_choose(&b, 3));
	s[1].usable = true;
	assert_string_equal(next(s, 4, BALANCE_NONE, 3), "bbb");
	assert_string_equal(next(s, 4, 1, 2), "cc");
	s[2].usable = s[3].usable = false;
	assert_string_equal(next(s, 4, 1, 2), "bb");
	s[2].usable = s[3].usable = b.all_backups = true;
	assert_true(balance_may_choose(&b, 1) && balance_may_choose(&b, 3));
	for (int i = 0; i < 110; i++)
		got[balance_choose(&b, NULL, BALANCE_NONE)]++;
	assert_true(got[0] == 0 && got[1] == 10 && got[2] == 10 && got[3] == 90);
}

static void who_is_full_is_left_out(void **state)
{
	struct balance_server s[] = { SERVER(1), SERVER(1) };
	uint32_t key = 1;

	(void)state;
	s[0].maxconn = 2;
	s[0].served = 2;
	for (int kind = BALANCE_ROUNDROBIN; kind < BALANCE_SOURCE; kind++)
		assert_string_equal(next_of((enum balance_kind)kind, s, 2, BALANCE_NONE, 3), "bbb");
	s[1].maxconn = 1;
	s[1].served = 1;
	for (int kind = BALANCE_ROUNDROBIN; kind < BALANCE_SOURCE; kind++)
		assert_string_equal(next_of((enum balance_kind)kind, s, 2, BALANCE_NONE, 1), "+");
	/* who belongs to a server waits there */
	assert_true(choose(BALANCE_SOURCE, s, 2, &key, BALANCE_NONE) < 2);
	/* a backup is no help against load, and the one that refused is better than waiting */
	s[1].backup = true;
	assert_string_equal(next(s, 2, BALANCE_NONE, 1), "+");
	s[1].backup = false;
	s[1].served = 0;
	assert_string_equal(next(s, 2, 1, 1), "b");
	/* who has a place comes behind those who wait for it */
	s[1].queued = 1;
	assert_false(balance_has_room(&s[1]));
	assert_string_equal(next(s, 2, BALANCE_NONE, 1), "+");
	s[1].maxqueue = 5;
	assert_string_equal(next_of(BALANCE_LEASTCONN, s, 2, BALANCE_NONE, 1), "b");
	assert_string_equal(next_of(BALANCE_FIRST, s, 2, BALANCE_NONE, 1), "+");
}

static void leastconn_evens_out(void **state)
{
	struct balance_server s[] = { SERVER(1), SERVER(1), SERVER(2) };

	(void)state;
	assert_string_equal(next_of(BALANCE_LEASTCONN, s, 3, BALANCE_NONE, 6), "abcabc");
	s[0].served = 1;
	assert_string_equal(next_of(BALANCE_LEASTCONN, s, 3, BALANCE_NONE, 4), "bcbc");
	s[1].served = 1;
	s[2].served = 2;
	assert_string_equal(next_of(BALANCE_LEASTCONN, s, 3, BALANCE_NONE, 2), "cc");   /* 3 / 2 against 2 / 1 */
	s[2].served = 3;
	assert_string_equal(next_of(BALANCE_LEASTCONN, s, 3, BALANCE_NONE, 3), "abc");
	/* sessions that stay: always as even as weights allow */
	for (int i = 0; i < 3; i++)
		s[i].served = 0;
	for (int i = 0; i < 400; i++)
		s[choose(BALANCE_LEASTCONN, s, 3, NULL, BALANCE_NONE)].served++;
	assert_in_range(s[0].served, 99, 101);
	assert_in_range(s[1].served, 99, 101);
	assert_in_range(s[2].served, 199, 201);
}

static void first_fills_one_after_the_other(void **state)
{
	struct balance_server s[] = { SERVER(1), SERVER(1), SERVER(1) };

	(void)state;
	for (int i = 0; i < 3; i++)
		s[i].maxconn = 3;
	for (int i = 0; i < 7; i++)
		s[choose(BALANCE_FIRST, s, 3, NULL, BALANCE_NONE)].served++;
	assert_true(s[0].served == 3 && s[1].served == 3 && s[2].served == 1);
	s[0].served--;
	assert_string_equal(next_of(BALANCE_FIRST, s, 3, BALANCE_NONE, 1), "a");
}

static void random_follows_weights_and_load(void **state)
{
	struct balance_server s[] = { SERVER(16), SERVER(16), SERVER(32) };
	unsigned got[3] = { 0 };

	(void)state;
	name_them(s, 3);
	for (int i = 0; i < 4000; i++)
		got[choose(BALANCE_RANDOM, s, 3, NULL, BALANCE_NONE)]++;
	assert_in_range(got[0], 850, 1150);
	assert_in_range(got[1], 850, 1150);
	assert_in_range(got[2], 1800, 2200);
	s[2].served = 1000;
	memset(got, 0, sizeof got);
	for (int i = 0; i < 4000; i++)
		got[choose(BALANCE_RANDOM, s, 3, NULL, BALANCE_NONE)]++;
	assert_in_range(got[2], 800, 1200);             /* both draws must hit it: a quarter */
}

/* ---- hashing ---- */

#define KEYS 20000

static uint32_t key_of(uint32_t i)
{
	return hash_bytes(&i, sizeof i);
}

static void place_all(struct balance_server *s, uint32_t count, uint8_t *to)
{
	for (uint32_t i = 0; i < KEYS; i++) {
		uint32_t key = key_of(i);
		to[i] = (uint8_t)s[choose(BALANCE_SOURCE, s, count, &key, BALANCE_NONE)].maxqueue;
	}
}

static void hashing_is_fair(void **state)
{
	static const uint16_t weights[][5] = { { 1, 1, 1, 1, 1 }, { 16, 16, 0, 0, 0 }, { 1, 2, 3, 4, 10 }, { 4096, 16, 16, 2048, 16 } };

	(void)state;
	for (size_t w = 0; w < sizeof weights / sizeof *weights; w++) {
		struct balance_server s[5];
		unsigned got[5] = { 0 }, total = 0;
		for (unsigned i = 0; i < 5; i++) {
			s[i] = (struct balance_server)SERVER(weights[w][i]);
			total += weights[w][i];
		}
		name_them(s, 5);
		for (uint32_t i = 0; i < KEYS; i++) {
			uint32_t key = key_of(i);
			got[choose(BALANCE_SOURCE, s, 5, &key, BALANCE_NONE)]++;
		}
		for (unsigned i = 0; i < 5; i++) {
			unsigned should = KEYS * weights[w][i] / total;
			unsigned off = got[i] > should ? got[i] - should : should - got[i];
			assert_true(off * off <= 16 * should + 100);    /* four standard deviations */
		}
	}
}

/* For every server: without it its own clients go elsewhere, to all others by weight, and nobody else moves; back again, all is
 * as before. And a larger weight only draws clients in. */
static void hashing_moves_no_others(void **state)
{
	static uint8_t before[KEYS], after[KEYS];
	struct balance_server s[6] = { SERVER(16), SERVER(32), SERVER(16), SERVER(48), SERVER(16), SERVER(16) };

	(void)state;
	name_them(s, 6);
	place_all(s, 6, before);
	for (unsigned gone = 0; gone < 6; gone++) {
		unsigned heirs[256] = { 0 };
		s[gone].usable = false;
		place_all(s, 6, after);
		for (unsigned i = 0; i < KEYS; i++) {
			if (before[i] != (uint8_t)s[gone].maxqueue)
				assert_int_equal(before[i], after[i]);
			else
				heirs[after[i]]++;
		}
		for (unsigned i = 0; i < 6; i++)
			assert_true(i == gone ? heirs[s[i].maxqueue] == 0 : heirs[s[i].maxqueue] > 0);
		s[gone].usable = true;
		place_all(s, 6, after);
		assert_memory_equal(before, after, KEYS);
	}
	s[2].weight = 64;
	place_all(s, 6, after);
	for (unsigned i = 0; i < KEYS; i++)
		assert_true(after[i] == before[i] || after[i] == (uint8_t)s[2].maxqueue);
}

/* Another order of lines, other sessions, other things seen: the other node. */
static void both_nodes_choose_alike(void **state)
{
	static uint8_t one[KEYS], other[KEYS];
	struct balance_server s[4] = { SERVER(16), SERVER(32), SERVER(16), SERVER(48) }, t[4];

	(void)state;
	name_them(s, 4);
	for (unsigned i = 0; i < 4; i++) {
		t[i] = s[3 - i];
		t[i].served = 7 * i;
		t[i].credit = (int32_t)i;
	}
	t[2].usable = false;
	place_all(t, 4, other);
	t[2].usable = true;
	place_all(s, 4, one);
	place_all(t, 4, other);
	assert_memory_equal(one, other, KEYS);
}

static void the_logarithm_is_right(void **state)
{
	(void)state;
	assert_int_equal(hash_cost(UINT32_MAX), 0);
	assert_int_equal(hash_cost(0x7fffffff), 1 << 24);
	assert_int_equal(hash_cost(0x3fffffff), 2 << 24);
	assert_int_equal(hash_cost(0), 32 << 24);
	assert_in_range(hash_cost(0xb504f333), (1 << 23) - 4, (1 << 23) + 4);   /* 2^32 / sqrt 2 */
	for (uint32_t h = 0; h < UINT32_MAX - 0x10000; h += 0xfff1)
		assert_true(hash_cost(h) >= hash_cost(h + 0xfff1));
}

static void keys_are_what_the_line_says(void **state)
{
	static const struct { struct balance_config c; const char *one, *two; bool same; } table[] = {
		{ { .kind = BALANCE_URI }, "/a?x=1", "/a?x=2", true },
		{ { .kind = BALANCE_URI }, "/a", "/b", false },
		{ { .kind = BALANCE_URI, .whole = true }, "/a?x=1", "/a?x=2", false },
		{ { .kind = BALANCE_URI, .length = 3 }, "/abc", "/abd", true },
		{ { .kind = BALANCE_URI, .length = 4 }, "/abc", "/abd", false },
		{ { .kind = BALANCE_URI, .depth = 1 }, "/a/b", "/a/c/d?x", true },
		{ { .kind = BALANCE_URI, .depth = 2 }, "/a/b", "/a/c/d?x", false },
		{ { .kind = BALANCE_URI, .depth = 2 }, "/a/b/c", "/a/b/d", true },
		{ { .kind = BALANCE_URL_PARAM, .name = "id" }, "/a?id=7&x=1", "/b?x=2&id=7", true },
		{ { .kind = BALANCE_URL_PARAM, .name = "id" }, "/?id=7", "/?id=8", false },
		{ { .kind = BALANCE_URL_PARAM, .name = "id" }, "/?xid=1&id=", "/x?id=&id=7", true },
	};
	static struct http_head head;
	struct balance_config hdr = { .kind = BALANCE_HDR, .name = "host" }, source = { .kind = BALANCE_SOURCE };
	struct addr address = addr_ipv4(1);
	uint32_t one, two;

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		head.path = str_z(table[i].one);
		assert_true(balance_key(&table[i].c, &head, &address, &one));
		head.path = str_z(table[i].two);
		assert_true(balance_key(&table[i].c, &head, &address, &two));
		assert_int_equal(one == two, table[i].same);
	}
	head.path = str_z("/id=7?xid=8&idx=9&id");
	assert_false(balance_key(&table[8].c, &head, &address, &one));
	assert_false(balance_key(&hdr, &head, &address, &one));
	head.fields[0] = (struct http_field){ .name = str_z("Host"), .value = str_z("a") };
	head.field_count = 1;
	assert_true(balance_key(&hdr, &head, &address, &one));
	assert_true(balance_key(&source, NULL, &address, &one));
	address = addr_ipv4(2);
	assert_true(balance_key(&source, NULL, &address, &two));
	assert_true(one != two);
}

static void slowstart_grows(void **state)
{
	uint32_t before = 0;

	(void)state;
	assert_int_equal(balance_ramp(10 * 16, 0, 16000), 10);
	assert_int_equal(balance_ramp(10 * 16, 8000, 16000), 90);
	assert_int_equal(balance_ramp(10 * 16, 16000, 16000), 160);
	assert_int_equal(balance_ramp(10 * 16, 0, 0), 160);
	assert_int_equal(balance_ramp_maxconn(100, 0, 1000), 1);
	assert_int_equal(balance_ramp_maxconn(100, 500, 1000), 50);
	assert_int_equal(balance_ramp_maxconn(0, 500, 1000), 0);
	assert_int_equal(balance_ramp_maxconn(100, 5, 0), 100);
	for (uint32_t t = 0; t < 2100; t += 7) {
		assert_true(balance_ramp(16, t, 2000) >= before && balance_ramp(16, t, 2000) <= 16);
		before = balance_ramp(16, t, 2000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_weights_take_turns),
		cmocka_unit_test(three_to_one_is_spread),
		cmocka_unit_test(shares_are_exact_and_even),
		cmocka_unit_test(who_cannot_serve_gets_nothing),
		cmocka_unit_test(the_one_that_refused_comes_last),
		cmocka_unit_test(backups_only_when_all_else_is_down),
		cmocka_unit_test(who_is_full_is_left_out),
		cmocka_unit_test(leastconn_evens_out),
		cmocka_unit_test(first_fills_one_after_the_other),
		cmocka_unit_test(random_follows_weights_and_load),
		cmocka_unit_test(hashing_is_fair),
		cmocka_unit_test(hashing_moves_no_others),
		cmocka_unit_test(both_nodes_choose_alike),
		cmocka_unit_test(the_logarithm_is_right),
		cmocka_unit_test(keys_are_what_the_line_says),
		cmocka_unit_test(slowstart_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
