/* SPDX-License-Identifier: MIT
 * vrrp/outlook: what each combination of failed tracks makes of two nodes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "vrrp/outlook.h"

static const struct outlook_node strong = { .priority = 100, .track_count = 3, .weights = { -20, -5, 0 } };
static const struct outlook_node weak = { .priority = 90 };

static void test_priorities(void **state)
{
	static const uint8_t expected[8] = { 100, 80, 95, 75, 0, 0, 0, 0 };
	struct outlook_node n = { .priority = 100, .track_count = 2, .weights = { 30, -254 } };

	(void)state;
	for (unsigned failed = 0; failed < 8; failed++)
		assert_int_equal(outlook_priority(&strong, failed), expected[failed]);
	assert_int_equal(outlook_priority(&n, 0), 130);
	assert_int_equal(outlook_priority(&n, 1), 100);
	assert_int_equal(outlook_priority(&n, 2), 1);
	n.priority = 255;
	assert_int_equal(outlook_priority(&n, 3), 255);
	n.weights[1] = 0;
	assert_int_equal(outlook_priority(&n, 2), 0);
	n.priority = 250;
	assert_int_equal(outlook_priority(&n, 0), 254);
}

static void test_what_the_backup_does(void **state)
{
	struct outlook_node patient = weak, equal = weak, owner = strong;

	(void)state;
	assert_int_equal(outlook_of(&strong, 1, &weak), OUTLOOK_MOVES);
	assert_int_equal(outlook_of(&strong, 2, &weak), OUTLOOK_STRONGER);
	assert_int_equal(outlook_of(&strong, 4, &weak), OUTLOOK_MOVES);
	patient.nopreempt = true;
	assert_int_equal(outlook_of(&strong, 1, &patient), OUTLOOK_NOPREEMPT);
	assert_int_equal(outlook_of(&strong, 4, &patient), OUTLOOK_MOVES);
	equal.priority = 80;
	assert_int_equal(outlook_of(&strong, 1, &equal), OUTLOOK_TIE);
	owner.priority = 255;
	assert_int_equal(outlook_of(&owner, 1, &weak), OUTLOOK_OWNER);
	assert_int_equal(outlook_of(&owner, 4, &weak), OUTLOOK_MOVES);
}

static void test_counts(void **state)
{
	uint32_t all, move;

	(void)state;
	outlook_count(&strong, &weak, &all, &move);
	assert_int_equal(all, 7);
	assert_int_equal(move, 6);      /* all but the second track alone */
	outlook_count(&weak, &strong, &all, &move);
	assert_int_equal(all, 0);
	assert_int_equal(move, 0);
}

static void test_as_many_tracks_as_a_section_may_have(void **state)
{
	struct outlook_node n = { .priority = 100, .track_count = OUTLOOK_TRACKS_MAX, .reverse = 1u << (OUTLOOK_TRACKS_MAX - 1) };
	uint32_t all, move;

	(void)state;
	for (uint32_t i = 0; i < OUTLOOK_TRACKS_MAX; i++)
		n.weights[i] = -1;
	n.weights[OUTLOOK_TRACKS_MAX - 1] = -50;
	assert_int_equal(outlook_priority(&n, 1u << (OUTLOOK_TRACKS_MAX - 1)), 150);
	outlook_count(&n, &weak, &all, &move);
	assert_int_equal(all, (1u << OUTLOOK_TRACKS_MAX) - 1);
	/* More than ten of the fifteen that weigh 1, and not the last: C(15,11) + ... + C(15,15). */
	assert_int_equal(move, 1365 + 455 + 105 + 15 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_what_the_backup_does),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_as_many_tracks_as_a_section_may_have),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
