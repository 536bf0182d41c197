/* SPDX-License-Identifier: MIT
 * vrrp/track: rise and fall as keepalived counts them, and what tracks do to a priority.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "vrrp/track.h"
#include "vrrp/vrrp.h"

/* Results as + and -, what each changes as U, F or a point. */
static const char *run(struct track_count *c, uint32_t rise, uint32_t fall, uint32_t first, const char *results)
{
	static char text[64];
	size_t i;

	for (i = 0; results[i]; i++)
		text[i] = !track_result(c, results[i] == '+', rise, fall, first) ? '.' : c->failed ? 'F' : 'U';
	text[i] = 0;
	return text;
}

static void the_first_result_decides(void **state)
{
	struct track_count a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	assert_string_equal(run(&a, 3, 3, 1, "+--+---"), "U.....F");
	assert_string_equal(run(&b, 3, 3, 1, "-++-+++"), "F.....U");
	/* A ping: bad ones must be as many as later. */
	assert_string_equal(run(&c, 2, 3, 3, "--"), "..");
	assert_false(c.known);
	assert_string_equal(run(&c, 2, 3, 3, "-+-++"), "F...U");
}

static void one_and_one(void **state)
{
	struct track_count c = { .known = true, .failed = true };       /* init_fail */

	(void)state;
	assert_string_equal(run(&c, 1, 1, 1, "--+-+"), "..UFU");
}

static void what_a_row_interrupts_does_not_count(void **state)
{
	struct track_count c = { .known = true };

	(void)state;
	assert_string_equal(run(&c, 2, 2, 1, "-+-+-+--"), ".......F");
	assert_string_equal(run(&c, 2, 2, 1, "+-+-++"), ".....U");
}

static void sums(void **state)
{
	static const struct { int weight; bool known, failed; int weights; bool fault, waiting; } rows[] = {
		{ 0, true, true, 0, true, false }, { 0, true, false, 0, false, false }, { 0, false, false, 0, false, true },
		{ -20, true, true, -20, false, false }, { -20, true, false, 0, false, false }, { -20, false, false, 0, false, false },
		{ 20, true, true, 0, false, false }, { 20, true, false, 20, false, false }, { 20, false, false, 0, false, false },
	};
	struct track_sum both = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct track_sum sum = { 0 };
		track_add(&sum, rows[i].weight, false, rows[i].known, rows[i].failed);
		assert_int_equal(sum.weights, rows[i].weights);
		assert_int_equal(sum.fault, rows[i].fault);
		assert_int_equal(sum.waiting, rows[i].waiting);
		track_add(&both, rows[i].weight, false, rows[i].known, rows[i].failed);
	}
	assert_int_equal(both.weights, 0);
	assert_true(both.fault && both.waiting);
}

static void numbers(void **state)
{
	static const struct { int weight, value, weights; bool fault; } rows[] = {
		{ 1, 0, 0, false }, { 1, 10, 10, false }, { 1, -10, -10, false }, { 2, -10, -20, false }, { -2, 10, -20, false },
		{ 1, -253, -253, false }, { 1, -254, 0, true }, { 2, -127, 0, true }, { 2, 200, 253, false },
		{ 0, 0, 0, false }, { 0, 1, 0, true }, { 0, -1, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct track_sum sum = { 0 };
		track_add_value(&sum, rows[i].weight, false, rows[i].value);
		assert_int_equal(sum.weights, rows[i].weights);
		assert_int_equal(sum.fault, rows[i].fault);
	}
}

/* keepalived.conf(5): "the direction of adjustment is reversed"; weight 0: down when it is up, and vice versa. */
static void reversed(void **state)
{
	static const struct { int weight; bool failed; int weights; bool fault; } rows[] = {
		{ 10, false, -10, false }, { 10, true, 0, false }, { -10, false, 0, false }, { -10, true, 10, false },
		{ 0, false, 0, true }, { 0, true, 0, false },
	};
	struct track_sum unknown = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct track_sum sum = { 0 };
		track_add(&sum, rows[i].weight, true, true, rows[i].failed);
		assert_int_equal(sum.weights, rows[i].weights);
		assert_int_equal(sum.fault, rows[i].fault);
		sum = (struct track_sum){ 0 };
		track_add_value(&sum, rows[i].weight, true, rows[i].failed ? 2 : 0);
		assert_int_equal(sum.weights, rows[i].failed ? -2 * rows[i].weight : 0);
		assert_int_equal(sum.fault, rows[i].fault);
	}
	track_add(&unknown, 0, true, false, false);
	assert_true(unknown.waiting && !unknown.fault);
}

static void priorities(void **state)
{
	struct vrrp_config c = { .priority = 100 }, owner = { .priority = 255 };

	(void)state;
	assert_int_equal(vrrp_effective_priority(&c, -20), 80);
	assert_int_equal(vrrp_effective_priority(&c, -253), 1);
	assert_int_equal(vrrp_effective_priority(&c, 253), 254);
	assert_int_equal(vrrp_effective_priority(&owner, -20), 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_result_decides), cmocka_unit_test(one_and_one),
		cmocka_unit_test(what_a_row_interrupts_does_not_count), cmocka_unit_test(sums), cmocka_unit_test(numbers),
		cmocka_unit_test(priorities), cmocka_unit_test(reversed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
