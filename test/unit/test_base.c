/* SPDX-License-Identifier: MIT
 * base/: text, addresses, pools, buffers, timers, arena, loop, handoff.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/handoff.h"
#include "base/loop.h"
#include "base/pool.h"
#include "base/text.h"
#include "base/timer.h"

/* ---- text ---- */

static void format_agrees_with_the_c_library(void **state)
{
	char ours[64], theirs[64];

	(void)state;
#define SAME(...) do { \
		size_t n = text_format(ours, sizeof ours, __VA_ARGS__); \
		snprintf(theirs, sizeof theirs, __VA_ARGS__); \
		assert_string_equal(ours, theirs); \
		assert_int_equal(n, strlen(theirs)); \
	} while (0)
	SAME("plain");
	SAME("%s|%10s|%-10s|%.*s", "a", "right", "left", 2, "cut");
	SAME("%d %d %d %d", 0, -1, 2147483647, -2147483647 - 1);
	SAME("%u %lu %llu %zu", 4294967295u, 4294967296ul, 18446744073709551615ull, (size_t)7);
	SAME("%02d:%02d %5u|%-5u|%05d", 3, 14, 42u, 42u, -42);
	SAME("%x %02x %08x", 0u, 10u, 0xdeadbeefu);
	SAME("%c%%%c", 'a', 'b');
	errno = ENOENT;
	SAME("%s: %m|%.*s", "name", 3, "abcd");
}

static void format_cuts_what_does_not_fit(void **state)
{
	char out[6] = "xxxxx";

	(void)state;
	assert_int_equal(text_format(out, sizeof out, "%s-%u", "abc", 12345u), 5);
	assert_string_equal(out, "abc-1");
	assert_int_equal(text_format(out, 1, "abc"), 0);
	assert_string_equal(out, "");
}

static void numbers_are_digits_and_nothing_else(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x1", "1a", "4294967296", "99999999999999999999" };
	uint32_t v = 7;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(text_to_u32(str_z(bad[i]), UINT32_MAX, &v));
	assert_int_equal(v, 7);
	assert_true(text_to_u32(str_z("4294967295"), UINT32_MAX, &v));
	assert_int_equal(v, 4294967295u);
	assert_false(text_to_u32(str_z("256"), 255, &v));
	assert_true(text_to_u32(str_z("0"), 255, &v));
	assert_int_equal(v, 0);
}

static void times_are_haproxys(void **state)
{
	static const struct { const char *text; uint32_t unit_ms; uint32_t ms; } rows[] = {
		{ "5s", 1, 5000 }, { "5000", 1, 5000 }, { "1", 1000, 1000 }, { "0.01", 1000, 10 }, { "1.5s", 1, 1500 },
		{ "2m", 1, 120000 }, { "1h", 1, 3600000 }, { "1d", 1, 86400000 }, { "250ms", 1000, 250 }, { "1500us", 1, 2 },
		{ "0.004", 1000, 4 }, { "40.95", 1000, 40950 },
	};
	static const char *const bad[] = { "", "s", "5x", "5ss", "-5", "5 s", ".5", "5.", "1.s", "50d", "4294967296" };
	uint32_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(text_to_ms(str_z(rows[i].text), rows[i].unit_ms, UINT32_MAX, &ms));
		assert_int_equal(ms, rows[i].ms);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(text_to_ms(str_z(bad[i]), 1, INT32_MAX, &ms));
}

static void sizes_have_units(void **state)
{
	uint32_t v;

	(void)state;
	assert_true(text_to_bytes(str_z("16k"), UINT32_MAX, &v) && v == 16384);
	assert_true(text_to_bytes(str_z("16384"), UINT32_MAX, &v) && v == 16384);
	assert_true(text_to_bytes(str_z("1M"), UINT32_MAX, &v) && v == 1048576);
	assert_false(text_to_bytes(str_z("4g"), UINT32_MAX, &v));
	assert_false(text_to_bytes(str_z("1kk"), UINT32_MAX, &v));
}

static void ages_are_short(void **state)
{
	static const struct { uint64_t ms; const char *text; } rows[] = {
		{ 0, "0.0s" }, { 999, "0.9s" }, { 9999, "9.9s" }, { 10000, "10s" }, { 59999, "59s" }, { 60000, "1m00s" },
		{ 192000, "3m12s" }, { 3599999, "59m59s" }, { 3600000, "1h00m" }, { 86399999, "23h59m" }, { 86400000, "1d00h" },
		{ 12 * 86400000ull + 4 * 3600000ull, "12d04h" },
	};
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(text_age(rows[i].ms, out), rows[i].text);
}

static void json_strings_are_escaped(void **state)
{
	static const struct { const char *text, *json; } rows[] = {
		{ "", "" }, { "plain", "plain" }, { "a\"b\\c", "a\\\"b\\\\c" }, { "\n\x1b\x7f", "\\u000a\\u001b\\u007f" },
		{ "b\xc3\xa4r \xe2\x82\xac \xf0\x9f\x98\x80", "b\xc3\xa4r \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xff", "\\ufffd" }, { "\xc3", "\\ufffd" }, { "\xe2\x82", "\\ufffd\\ufffd" }, { "\xc0\x80", "\\ufffd\\ufffd" },
		{ "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd" }, { "\xe0\x80\x80", "\\ufffd\\ufffd\\ufffd" },
		{ "\xf4\x90\x80\x80x", "\\ufffd\\ufffd\\ufffd\\ufffdx" },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(text_json(out, sizeof out, rows[i].text), strlen(rows[i].json));
		assert_string_equal(out, rows[i].json);
	}
	assert_int_equal(text_json(out, 4, "ab\xc3\xa4"), 2);
	assert_int_equal(text_json(out, 1, "a"), 0);
}

static void distance_counts_edits(void **state)
{
	(void)state;
	assert_int_equal(text_distance(str_z("option"), str_z("option"), 2), 0);
	assert_int_equal(text_distance(str_z("optoin"), str_z("option"), 2), 1);
	assert_int_equal(text_distance(str_z("opton"), str_z("option"), 2), 1);
	assert_int_equal(text_distance(str_z("bnid"), str_z("bind"), 2), 1);
	assert_int_equal(text_distance(str_z("server"), str_z("balance"), 2), 3);
	assert_int_equal(text_distance(str_z(""), str_z("ab"), 2), 2);
	assert_int_equal(text_distance(str_z("a-word-that-is-longer-than-thirty-two-bytes"), str_z("a"), 2), 3);
}

static void spans_compare(void **state)
{
	(void)state;
	assert_true(str_is_nocase(str_z("Content-Length"), "content-LENGTH"));
	assert_false(str_is(str_z("Host"), "host"));
	assert_false(str_is_nocase(str_z("Host"), "hos"));
	assert_false(str_is_nocase(str_z("@"), "`"));
}

/* ---- addresses ---- */

static void addresses_survive_reading_and_printing(void **state)
{
	static const struct { const char *in, *out; } rows[] = {
		{ "192.168.1.10", "192.168.1.10" }, { "0.0.0.0", "0.0.0.0" }, { "255.255.255.255", "255.255.255.255" },
		{ "::", "::" }, { "::1", "::1" }, { "2001:DB8::1", "2001:db8::1" }, { "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
		{ "fe80::a:0:0:1", "fe80::a:0:0:1" }, { "1:0:0:4:0:0:0:8", "1:0:0:4::8" }, { "1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8" },
		{ "::ffff:102:304", "::ffff:1.2.3.4" }, { "1::", "1::" },
	};
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "1..2.3", "a", ":", ":::",
		"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "1:2:3:4:5:6:7:8::", "::1:", ":1::", "::1.2.3", "1:2:3:4:5:6:7:1.2.3.4" };
	char text[ADDR_TEXT_MAX];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(addr_parse(str_z(rows[i].in), &a));
		assert_string_equal(addr_print(&a, text), rows[i].out);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (addr_parse(str_z(bad[i]), &a))
			fail_msg("'%s' was taken for an address", bad[i]);
	}
}

static void endpoints_need_a_port(void **state)
{
	char text[ADDR_TEXT_MAX];
	struct endpoint e;

	(void)state;
	assert_true(endpoint_parse(str_z("192.168.1.10:80"), &e));
	assert_string_equal(endpoint_print(&e, text), "192.168.1.10:80");
	assert_true(endpoint_parse(str_z("[2001:db8::1]:443"), &e));
	assert_string_equal(endpoint_print(&e, text), "[2001:db8::1]:443");
	assert_true(endpoint_parse(str_z("*:8080"), &e) && addr_is_any(&e.addr) && e.addr.family == ADDR_IPV4);
	assert_true(endpoint_parse(str_z(":8080"), &e) && e.port == 8080);
	assert_true(endpoint_parse(str_z(":::80"), &e) && e.addr.family == ADDR_IPV6);
	assert_false(endpoint_parse(str_z("192.168.1.10"), &e));
	assert_false(endpoint_parse(str_z("192.168.1.10:"), &e));
	assert_false(endpoint_parse(str_z("192.168.1.10:0"), &e));
	assert_false(endpoint_parse(str_z("192.168.1.10:65536"), &e));
	assert_false(endpoint_parse(str_z("[1.2.3.4]:80"), &e));
}

static void prefixes_contain(void **state)
{
	struct prefix p;
	struct addr a;
	char text[ADDR_TEXT_MAX];

	(void)state;
	assert_true(prefix_parse(str_z("192.168.1.10/23"), &p));
	assert_string_equal(prefix_print(&p, text), "192.168.1.10/23");
	assert_true(addr_parse(str_z("192.168.0.255"), &a) && prefix_contains(&p, &a));
	assert_true(addr_parse(str_z("192.168.2.0"), &a) && !prefix_contains(&p, &a));
	assert_true(prefix_parse(str_z("10.0.0.1"), &p) && p.length == 32);
	assert_true(prefix_parse(str_z("::1"), &p) && p.length == 128);
	assert_false(prefix_parse(str_z("10.0.0.1/33"), &p));
	assert_false(prefix_parse(str_z("10.0.0.1/"), &p));
	assert_true(addr_compare(&(struct addr){ 4, { 10, 0, 0, 200 } }, &(struct addr){ 4, { 10, 0, 0, 3 } }) > 0);
}

/* ---- pools and buffers ---- */

static void a_pool_gives_each_object_once(void **state)
{
	uint64_t objects[3] = { 0 };
	uint32_t links[3];
	struct pool p;

	(void)state;
	pool_init(&p, "test", objects, links, sizeof *objects, 3);
	uint64_t *a = pool_take(&p), *b = pool_take(&p), *c = pool_take(&p);
	assert_true(a && b && c && a != b && b != c && a != c);
	assert_null(pool_take(&p));
	assert_int_equal(p.refused, 1);
	assert_int_equal(p.used_max, 3);
	pool_give(&p, b);
	assert_ptr_equal(pool_take(&p), b);     /* the last one given is still warm */
	pool_give(&p, a);
	pool_give(&p, c);
	pool_give(&p, b);
	assert_int_equal(p.used, 0);
	assert_true(pool_take(&p) && pool_take(&p) && pool_take(&p) && !pool_take(&p));
}

/* The child must abort. */
static void expect_abort(void (*act)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		close(STDERR_FILENO);
		act();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void give_twice(void)
{
	uint64_t objects[2];
	uint32_t links[2];
	struct pool p;

	pool_init(&p, "test", objects, links, sizeof *objects, 2);
	void *a = pool_take(&p);
	pool_give(&p, a);
	pool_give(&p, a);
}

static void give_a_stranger(void)
{
	uint64_t objects[2], other;
	uint32_t links[2];
	struct pool p;

	pool_init(&p, "test", objects, links, sizeof *objects, 2);
	(void)pool_take(&p);
	pool_give(&p, (char *)&other + 1);
}

static void a_pool_refuses_what_is_not_its_own(void **state)
{
	(void)state;
	expect_abort(give_twice);
	expect_abort(give_a_stranger);
}

static struct buf *make_buf(uint32_t size, const char *text)
{
	struct buf *b = malloc(sizeof *b + size);

	buf_init(b, size);
	memcpy(b->bytes, text, strlen(text));
	b->tail = (uint32_t)strlen(text);
	return b;
}

static void a_buffer_moves_only_when_it_must(void **state)
{
	struct buf *b = make_buf(16, "0123456789");

	(void)state;
	buf_consume(b, 4);
	assert_int_equal(buf_used(b), 6);
	assert_int_equal(buf_room(b), 6);
	buf_compact(b);
	assert_int_equal(buf_room(b), 10);
	assert_memory_equal(buf_first(b), "456789", 6);
	buf_consume(b, 6);
	assert_int_equal(b->head, 0);
	assert_int_equal(b->tail, 0);
	free(b);
}

static void a_buffers_head_can_be_replaced(void **state)
{
	struct buf *b = make_buf(16, "headBODY");

	(void)state;
	assert_true(buf_replace_head(b, 4, "longer", 6));
	assert_int_equal(buf_used(b), 10);
	assert_memory_equal(buf_first(b), "longerBODY", 10);
	assert_true(buf_replace_head(b, 6, "a", 1));
	assert_memory_equal(buf_first(b), "aBODY", 5);
	assert_true(buf_replace_head(b, 1, "0123456789ab", 12));
	assert_memory_equal(buf_first(b), "0123456789abBODY", 16);
	assert_false(buf_replace_head(b, 12, "0123456789abc", 13));
	assert_memory_equal(buf_first(b), "0123456789abBODY", 16);
	assert_true(buf_replace_head(b, 16, "", 0));
	assert_int_equal(buf_used(b), 0);
	free(b);
}

/* ---- timers ---- */

enum { TIMERS = 64 };
static uint64_t fired_at[TIMERS];
static struct timer some[TIMERS];

static void note(struct timer *t, uint64_t now)
{
	fired_at[t - some] = now;
}

/* Many random operations beside the plainest model there is: an array of deadlines. */
static void timers_agree_with_a_plain_array(void **state)
{
	uint64_t model[TIMERS];
	struct timer *heap[TIMERS];
	struct timers ts;
	unsigned seed = 1;

	(void)state;
	timers_init(&ts, heap, TIMERS);
	for (int i = 0; i < TIMERS; i++) {
		some[i] = (struct timer){ .expired = note };
		model[i] = TIMER_NEVER;
	}
	for (uint64_t now = 1, step = 0; step < 300000; step++) {
		int i = rand_r(&seed) % TIMERS, what = rand_r(&seed) % 8;
		if (what < 4) {
			model[i] = now + (uint64_t)(rand_r(&seed) % 1000);
			timer_set(&ts, &some[i], model[i]);
		} else if (what < 6) {
			model[i] = TIMER_NEVER;
			timer_off(&ts, &some[i]);
		} else {
			now += (uint64_t)(rand_r(&seed) % 50);
			memset(fired_at, 0, sizeof fired_at);
			timers_run(&ts, now);
			for (int j = 0; j < TIMERS; j++) {
				assert_int_equal(fired_at[j], model[j] <= now ? now : 0);
				model[j] = model[j] <= now ? TIMER_NEVER : model[j];
			}
		}
		uint64_t next = TIMER_NEVER;
		for (int j = 0; j < TIMERS; j++) {
			next = model[j] < next ? model[j] : next;
			assert_int_equal(timer_is_on(&some[j]), model[j] != TIMER_NEVER);
		}
		assert_int_equal(timers_next(&ts), next);
	}
}

static struct timers again_timers;
static int again_count;

static void set_again(struct timer *t, uint64_t now)
{
	again_count++;
	timer_set(&again_timers, t, now - 1);
}

static void a_timer_set_to_the_past_waits_for_the_next_turn(void **state)
{
	struct timer *heap[1], t = { .expired = set_again };

	(void)state;
	timers_init(&again_timers, heap, 1);
	timer_set(&again_timers, &t, 5);
	timers_run(&again_timers, 10);
	assert_int_equal(again_count, 1);
	timers_run(&again_timers, 10);
	assert_int_equal(again_count, 2);
}

/* ---- arena ---- */

static void the_arena_adds_up(void **state)
{
	struct arena a;

	(void)state;
	assert_true(arena_open(&a, 1 << 20));
	uint32_t *numbers = arena_array(&a, "numbers", sizeof *numbers, 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(numbers[i], 0);
	numbers[99] = 1;
	assert_string_equal(arena_text(&a, "text!", 4), "text");
	(void)arena_array(&a, "numbers", sizeof *numbers, 4);
	assert_int_equal(a.line_count, 2);
	assert_int_equal(a.lines[0].count, 104);
	assert_int_equal(a.lines[0].bytes, 416);
	assert_int_equal(arena_bytes(&a), 416 + 16);
	arena_freeze(&a);
	assert_true(a.sealed);
	arena_close(&a);
}

static void take_too_much(void)
{
	struct arena a;

	(void)arena_open(&a, 1 << 16);
	(void)arena_array(&a, "elephants", 1 << 15, 3);
}

static void a_full_arena_ends_with_2(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		close(STDERR_FILENO);
		take_too_much();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
}

static void take_after_seal(void)
{
	struct arena a;

	(void)arena_open(&a, 1 << 16);
	arena_seal(&a);
	(void)arena_array(&a, "late", 1, 1);
}

static void a_sealed_arena_gives_nothing(void **state)
{
	(void)state;
	expect_abort(take_after_seal);
}

/* ---- loop ---- */

static struct loop loop;
static struct io ios[4];
static int calls[4];

static void forget_all_others(struct io *io, short revents)
{
	assert_true(revents & POLLIN);
	calls[io - ios]++;
	for (int i = 0; i < 4; i++)
		if (&ios[i] != io)
			loop_forget(&loop, &ios[i]);
}

static void watch_again(struct io *io, short revents)
{
	(void)revents;
	calls[io - ios]++;
	struct io *other = &ios[(io - ios + 1) % 4];
	for (int i = 0; i < 10; i++) {          /* more often than there are places */
		loop_forget(&loop, io);
		loop_watch(&loop, io, POLLIN);
		loop_forget(&loop, other);
		loop_watch(&loop, other, POLLIN);
	}
}

static void open_ios(struct arena *a, void (*ready)(struct io *, short))
{
	int pair[2];

	assert_true(arena_open(a, 1 << 16));
	loop_init(&loop, a, 4, 1);
	memset(calls, 0, sizeof calls);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pipe(pair), 0);
		assert_int_equal(write(pair[1], "x", 1), 1);
		close(pair[1]);
		ios[i] = (struct io){ .fd = pair[0], .ready = ready };
		loop_watch(&loop, &ios[i], POLLIN);
	}
}

static void close_ios(struct arena *a)
{
	for (int i = 0; i < 4; i++)
		close(ios[i].fd);
	arena_close(a);
}

static void a_forgotten_descriptor_is_not_called(void **state)
{
	struct arena a;

	(void)state;
	open_ios(&a, forget_all_others);
	loop_turn(&loop, 1000);
	assert_int_equal(calls[0] + calls[1] + calls[2] + calls[3], 1);
	assert_int_equal(loop.count, 1);
	close_ios(&a);
}

static void watching_again_during_a_turn_needs_no_room(void **state)
{
	struct arena a;

	(void)state;
	open_ios(&a, watch_again);
	for (int i = 0; i < 10; i++)
		loop_turn(&loop, 1000);
	assert_int_equal(loop.count, 4);
	for (int i = 0; i < 4; i++)
		assert_true(calls[i] > 0);      /* moving about starves nobody */
	close_ios(&a);
}

static void a_turn_waits_for_the_nearest_timer(void **state)
{
	struct arena a;

	(void)state;
	assert_true(arena_open(&a, 1 << 16));
	loop_init(&loop, &a, 1, 1);
	memset(fired_at, 0, sizeof fired_at);
	some[0] = (struct timer){ .expired = note };
	uint64_t start = clock_ms();
	timer_set(&loop.timers, &some[0], start + 30);
	for (int turns = 0; fired_at[0] == 0 && turns < 5; turns++)
		loop_turn(&loop, 60000);
	assert_true(fired_at[0] >= start + 30 && fired_at[0] < start + 20000);
	arena_close(&a);
}

/* ---- handoff ---- */

static void descriptors_cross_by_name(void **state)
{
	char area[128], small[20];
	struct handoff h;

	(void)state;
	int fd = open("/dev/null", O_RDONLY);
	handoff_init(&h, area, sizeof area);
	assert_true(handoff_add(&h, "bind", 1, 9999));
	assert_true(handoff_add(&h, "bind", 12, fd));
	assert_int_equal(strncmp(area, HANDOFF_VARIABLE "=", strlen(HANDOFF_VARIABLE) + 1), 0);
	setenv(HANDOFF_VARIABLE, area + strlen(HANDOFF_VARIABLE) + 1, 1);
	assert_int_equal(handoff_take("bind", 12), fd);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(handoff_take("bind", 1), -1);          /* named, but not open */
	assert_int_equal(handoff_take("bind", 2), -1);
	assert_int_equal(handoff_take("ind", 12), -1);
	handoff_init(&h, small, sizeof small);
	assert_true(handoff_add(&h, "a", 0, 3));
	assert_false(handoff_add(&h, "scoreboard", 0, 4));
	assert_int_equal(strcmp(small, HANDOFF_VARIABLE "=a0=3 "), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_agrees_with_the_c_library),
		cmocka_unit_test(format_cuts_what_does_not_fit),
		cmocka_unit_test(numbers_are_digits_and_nothing_else),
		cmocka_unit_test(times_are_haproxys),
		cmocka_unit_test(sizes_have_units),
		cmocka_unit_test(ages_are_short),
		cmocka_unit_test(json_strings_are_escaped),
		cmocka_unit_test(distance_counts_edits),
		cmocka_unit_test(spans_compare),
		cmocka_unit_test(addresses_survive_reading_and_printing),
		cmocka_unit_test(endpoints_need_a_port),
		cmocka_unit_test(prefixes_contain),
		cmocka_unit_test(a_pool_gives_each_object_once),
		cmocka_unit_test(a_pool_refuses_what_is_not_its_own),
		cmocka_unit_test(a_buffer_moves_only_when_it_must),
		cmocka_unit_test(a_buffers_head_can_be_replaced),
		cmocka_unit_test(timers_agree_with_a_plain_array),
		cmocka_unit_test(a_timer_set_to_the_past_waits_for_the_next_turn),
		cmocka_unit_test(the_arena_adds_up),
		cmocka_unit_test(a_full_arena_ends_with_2),
		cmocka_unit_test(a_sealed_arena_gives_nothing),
		cmocka_unit_test(a_forgotten_descriptor_is_not_called),
		cmocka_unit_test(watching_again_during_a_turn_needs_no_room),
		cmocka_unit_test(a_turn_waits_for_the_nearest_timer),
		cmocka_unit_test(descriptors_cross_by_name),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
