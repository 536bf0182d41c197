/* SPDX-License-Identifier: MIT
 * proxy/stick: entries against a slow model, expiry, what goes when a table is full, and rates against HAProxy's arithmetic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proxy/stick.h"

#define SIZE_MAX_HERE 64

static struct stick_config config;
static struct stick_table table;
static struct stick_entry entries[SIZE_MAX_HERE];
static uint32_t chains[SIZE_MAX_HERE];

static void make(struct stick_config c)
{
	config = c;
	memset(entries, 0, sizeof entries);
	memset(chains, 0, sizeof chains);
	table = (struct stick_table){ .config = &config, .entries = entries, .chains = chains };
	assert_true(stick_chains(&config) <= SIZE_MAX_HERE && c.size <= SIZE_MAX_HERE);
}

static struct addr ip(uint32_t n)
{
	return addr_ipv4(n);
}

static struct addr text(const char *s)
{
	struct addr a;

	assert_true(addr_parse(str_z(s), &a));
	return a;
}

static uint32_t value(const struct stick_entry *e, enum stick_data what, uint64_t now)
{
	uint32_t v;

	assert_true(stick_value(&table, e, what, now, &v));
	return v;
}

static void keys_are_addresses(void **state)
{
	struct addr four = text("1.2.3.4"), mapped = text("::ffff:1.2.3.4"), six = text("2001:db8::1"), none = { .family = ADDR_NONE };

	(void)state;
	make((struct stick_config){ .size = 4 });
	struct stick_entry *e = stick_get(&table, &four, 1);
	assert_true(e && stick_find(&table, &mapped, 1) == e && stick_get(&table, &mapped, 1) == e);
	assert_null(stick_get(&table, &six, 1));
	assert_null(stick_get(&table, &none, 1));
	make((struct stick_config){ .type = 1, .size = 4 });
	e = stick_get(&table, &four, 1);
	assert_true(e && stick_find(&table, &mapped, 1) == e && stick_get(&table, &six, 1) != e && stick_find(&table, &six, 1));
}

static void entries_expire_when_nobody_holds_them(void **state)
{
	struct addr a = ip(1), b = ip(2);

	(void)state;
	make((struct stick_config){ .size = 4, .expire_ms = 100 });
	struct stick_entry *e = stick_get(&table, &a, 1000), *held = stick_get(&table, &b, 1000);
	stick_hold(&table, held, 1, 1000);
	assert_ptr_equal(stick_find(&table, &a, 1099), e);
	assert_null(stick_find(&table, &a, 1100));
	assert_ptr_equal(stick_find(&table, &b, 5000), held);
	stick_hold(&table, held, -1, 5000);             /* from now on its time runs again */
	assert_ptr_equal(stick_find(&table, &b, 5099), held);
	assert_null(stick_find(&table, &b, 5100));
	e = stick_get(&table, &a, 6000);
	assert_int_equal(e->counters[STICK_GPC0], 0);
	make((struct stick_config){ .size = 4 });
	e = stick_get(&table, &a, 1);
	assert_ptr_equal(stick_find(&table, &a, UINT64_MAX / 2), e);
}

static void a_full_table_loses_its_oldest(void **state)
{
	(void)state;
	make((struct stick_config){ .size = 3, .expire_ms = 1000 });
	struct addr a[5] = { ip(1), ip(2), ip(3), ip(4), ip(5) };
	for (uint32_t i = 0; i < 3; i++)
		assert_non_null(stick_get(&table, &a[i], i));
	stick_hold(&table, stick_find(&table, &a[0], 10), 1, 10);       /* held, and the newest */
	assert_non_null(stick_get(&table, &a[3], 11));
	assert_null(stick_find(&table, &a[1], 11));
	assert_non_null(stick_find(&table, &a[0], 11));
	stick_hold(&table, stick_find(&table, &a[2], 12), 1, 12);
	stick_hold(&table, stick_find(&table, &a[3], 12), 1, 12);
	assert_null(stick_get(&table, &a[4], 13));                      /* everybody is held */
	stick_hold(&table, stick_find(&table, &a[2], 14), -1, 14);
	assert_non_null(stick_get(&table, &a[4], 15));
	assert_null(stick_find(&table, &a[2], 15));

	make((struct stick_config){ .size = 2, .expire_ms = 100, .nopurge = true });
	assert_true(stick_get(&table, &a[0], 0) && stick_get(&table, &a[1], 50));
	assert_null(stick_get(&table, &a[2], 60));
	assert_non_null(stick_get(&table, &a[2], 100));
	assert_null(stick_get(&table, &a[3], 149));
	assert_non_null(stick_get(&table, &a[3], 150));
}

/* HAProxy's freq_ctr, from its description: two periods, the older one weighted by what of it lies within the last period. */
struct model { uint64_t tick; uint64_t now, before; };

static void model_count(struct model *m, uint64_t now, uint64_t period)
{
	if (now - m->tick >= period) {
		m->before = now - m->tick >= 2 * period ? 0 : m->now;
		m->tick = now - m->tick >= 2 * period ? now : m->tick + period;
		m->now = 0;
	}
	m->now++;
}

static uint64_t model_rate(const struct model *m, uint64_t now, uint64_t period)
{
	int64_t remain = (int64_t)(m->tick + period) - (int64_t)now;
	uint64_t past = m->before, current = m->now;

	if (remain < 0) {
		remain += (int64_t)period;
		past = remain >= 0 ? current : 0;
		current = 0;
	}
	if (current == 0 && past <= 1)
		return past;
	return (past * (uint64_t)(remain < 0 ? 0 : remain) + current * period) / period;
}

static void rates_are_haproxys(void **state)
{
	struct addr a = ip(1);
	struct model m = { 0, 0, 0 };
	uint64_t now = 100000;

	(void)state;
	make((struct stick_config){ .size = 1, .stored = 1 << STICK_CONN_RATE, .period_ms = { 1000 } });
	struct stick_entry *e = stick_get(&table, &a, now);
	srand(1);
	for (int i = 0; i < 20000; i++) {
		now += (uint64_t)(rand() % 100 == 0 ? rand() % 3000 : rand() % 40);
		assert_int_equal(value(e, STICK_CONN_RATE, now), model_rate(&m, now, 1000));
		if (rand() % 3) {
			stick_count(&table, e, STICK_CONN_RATE, now);
			model_count(&m, now, 1000);
		}
	}
	/* Five at once: all of the period that follows they fade. */
	now += 10000;
	assert_int_equal(value(e, STICK_CONN_RATE, now), 0);
	for (int i = 0; i < 5; i++)
		stick_count(&table, e, STICK_CONN_RATE, now);
	assert_int_equal(value(e, STICK_CONN_RATE, now + 999), 5);
	assert_int_equal(value(e, STICK_CONN_RATE, now + 1500), 2);
	assert_int_equal(value(e, STICK_CONN_RATE, now + 2001), 0);
}

static void counters_count_and_only_what_is_stored_is_told(void **state)
{
	struct addr a = ip(1);
	uint32_t v;

	(void)state;
	make((struct stick_config){ .size = 1, .stored = 1 << STICK_GPC0 | 1 << STICK_CONN_CUR });
	struct stick_entry *e = stick_get(&table, &a, 1);
	stick_count(&table, e, STICK_GPC0, 1);
	stick_count(&table, e, STICK_GPC0, 1);
	stick_count(&table, e, STICK_CONN_RATE, 1);     /* without a period: nothing */
	stick_hold(&table, e, 1, 1);
	assert_int_equal(value(e, STICK_GPC0, 1), 2);
	assert_int_equal(value(e, STICK_CONN_CUR, 1), 1);
	assert_false(stick_value(&table, e, STICK_CONN_CNT, 1, &v));
}

/* What a table holds, against a list in the order of use. */
static void tables_are_as_lists(void **state)
{
	uint32_t list[16], n = 0;
	uint64_t now = 0;

	(void)state;
	make((struct stick_config){ .size = 16 });
	srand(2);
	for (int i = 0; i < 50000; i++, now++) {
		struct addr a = ip((uint32_t)rand() % 40);
		uint32_t key = addr_to_u32(&a), at = 0;
		while (at < n && list[at] != key)
			at++;
		bool get = rand() % 2;
		struct stick_entry *e = get ? stick_get(&table, &a, now) : stick_find(&table, &a, now);
		assert_int_equal(e != NULL, get || at < n);
		if (!e)
			continue;
		bool touch = rand() % 2;
		if (touch)
			stick_hold(&table, e, 0, now);
		if (at < n && touch) {
			memmove(list + at, list + at + 1, (n - at - 1) * sizeof *list);
			list[n - 1] = key;
		} else if (at == n) {
			if (n == 16)
				memmove(list, list + 1, --n * sizeof *list);
			list[n++] = key;
		}
	}
	assert_int_equal(n, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_addresses),
		cmocka_unit_test(entries_expire_when_nobody_holds_them),
		cmocka_unit_test(a_full_table_loses_its_oldest),
		cmocka_unit_test(rates_are_haproxys),
		cmocka_unit_test(counters_count_and_only_what_is_stored_is_told),
		cmocka_unit_test(tables_are_as_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
