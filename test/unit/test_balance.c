/* SPDX-License-Identifier: MIT
 * proxy/balance: shares exact over a cycle, evenly spread; who is avoided, who is not usable, backups.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "proxy/balance.h"

#define SERVER(w) { .weight = (w), .usable = true }

/* The next n choices as letters. */
static const char *next(struct balance_server *s, uint32_t count, uint32_t avoid, unsigned n)
{
	static char text[1024];

	for (unsigned i = 0; i < n; i++) {
		uint32_t chosen = balance_roundrobin(s, count, avoid);
		text[i] = chosen == BALANCE_NONE ? '-' : (char)('a' + chosen);
	}
	text[n] = 0;
	return text;
}

static void equal_weights_take_turns(void **state)
{
	struct balance_server s[] = { SERVER(1), SERVER(1), SERVER(1) };

	(void)state;
	assert_string_equal(next(s, 3, BALANCE_NONE, 7), "abcabca");
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
				got[balance_roundrobin(s, 4, BALANCE_NONE)]++;
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

	(void)state;
	s[0].usable = false;
	assert_string_equal(next(s, 3, BALANCE_NONE, 3), "bbb");
	s[1].usable = false;
	assert_string_equal(next(s, 3, BALANCE_NONE, 1), "-");
	assert_string_equal(next(s, 0, BALANCE_NONE, 1), "-");
	/* one that comes back does not get all that it has missed */
	s[0].usable = true;
	next(s, 3, BALANCE_NONE, 100);
	s[1].usable = true;
	assert_string_equal(next(s, 3, BALANCE_NONE, 4), "abab");
}

static void the_one_that_refused_comes_last(void **state)
{
	struct balance_server s[] = { SERVER(10), SERVER(1), { .weight = 1, .usable = true, .backup = true } };

	(void)state;
	assert_string_equal(next(s, 3, 0, 3), "bbb");
	s[1].usable = false;
	assert_string_equal(next(s, 3, 0, 2), "aa");       /* before a backup: one refused connection is not down */
	assert_string_equal(next(s, 1, 0, 1), "a");
}

static void backups_only_when_all_else_is_down(void **state)
{
	struct balance_server s[] = { SERVER(1), { .weight = 1, .backup = true }, { .weight = 1, .usable = true, .backup = true },
		{ .weight = 9, .usable = true, .backup = true } };

	(void)state;
	assert_string_equal(next(s, 4, BALANCE_NONE, 2), "aa");
	s[0].usable = false;
	assert_string_equal(next(s, 4, BALANCE_NONE, 3), "ccc");
	s[1].usable = true;
	assert_string_equal(next(s, 4, BALANCE_NONE, 3), "bbb");
	assert_string_equal(next(s, 4, 1, 2), "cc");
	s[2].usable = s[3].usable = false;
	assert_string_equal(next(s, 4, 1, 2), "bb");
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
