/* SPDX-License-Identifier: MIT
 * proxy/health: HAProxy's counts of rise and fall, when the next check is due, what an answer is worth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "proxy/health.h"
#include "vector.h"

/* Results as + and -, what each changes as U, D or a point. */
static const char *run(struct health *h, const struct health_config *c, const char *results)
{
	static char text[64];
	size_t i;

	for (i = 0; results[i]; i++)
		text[i] = ".UD"[health_result(h, c, results[i] == '+')];
	text[i] = 0;
	return text;
}

static void rise_and_fall(void **state)
{
	static const struct health_config c = { .inter_ms = 2000, .fall = 3, .rise = 2 };
	struct health h;

	(void)state;
	/* Starts up, but the first failure takes it down; two good ones in a row bring it back. */
	health_init(&h, &c);
	assert_true(h.up);
	assert_string_equal(run(&h, &c, "--+-++"), "D....U");
	/* Once it was seen up it takes three failures in a row. */
	assert_string_equal(run(&h, &c, "--+--+---"), "........D");
	assert_false(h.up);
	health_init(&h, &c);
	assert_string_equal(run(&h, &c, "+--+---"), "......D");
}

static void one_and_one(void **state)
{
	static const struct health_config c = { .inter_ms = 2000, .fall = 1, .rise = 1 };
	struct health h;

	(void)state;
	health_init(&h, &c);
	assert_string_equal(run(&h, &c, "-+-+"), "DUDU");
}

static void before_the_first_check(void **state)
{
	static const struct { uint8_t init; bool up; const char *results, *changes; } table[] = {
		{ INIT_UP, true, "--++", "D..U" }, { INIT_FULLY_UP, true, "---+", "..D." },
		{ INIT_DOWN, false, "+---", "U..D" }, { INIT_FULLY_DOWN, false, "-+++", "..U." },
	};
	struct health h;

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct health_config c = { .inter_ms = 2000, .fall = 3, .rise = 2, .init_state = table[i].init };
		health_init(&h, &c);
		assert_int_equal(h.up, table[i].up);
		assert_string_equal(run(&h, &c, table[i].results), table[i].changes);
	}
}

/* What errors of real traffic do to a server with so many good or failed checks before; and how many failures then do the rest. */
static void errors_that_sessions_see(void **state)
{
	static const struct { enum error_action action; uint16_t fall; const char *before; bool down; const char *after; } table[] = {
		{ ERROR_FAIL_CHECK, 3, "+", false, ".D" }, { ERROR_FAIL_CHECK, 3, "+--", true, "." }, { ERROR_FAIL_CHECK, 1, "+", true, "." },
		{ ERROR_SUDDEN_DEATH, 9, "+", false, "D" }, { ERROR_SUDDEN_DEATH, 2, "+", false, "D" }, { ERROR_SUDDEN_DEATH, 3, "+--", true, "." },
		{ ERROR_SUDDEN_DEATH, 1, "+", true, "." }, { ERROR_SUDDEN_DEATH, 9, "+---", false, "D" },
		{ ERROR_MARK_DOWN, 9, "+", true, "." }, { ERROR_MARK_DOWN, 1, "+", true, "." }, { ERROR_MARK_DOWN, 3, "", true, "." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct health_config c = { .inter_ms = 2000, .fall = table[i].fall, .rise = 2 };
		struct health h;
		health_init(&h, &c);
		run(&h, &c, table[i].before);
		assert_int_equal(health_error(&h, &c, table[i].action), table[i].down);
		assert_int_equal(h.up, !table[i].down);
		assert_string_equal(run(&h, &c, table[i].down ? "-" : table[i].action == ERROR_FAIL_CHECK ? "--" : "-"), table[i].after);
	}
}

static void the_next_check(void **state)
{
	static const struct health_config c = { .inter_ms = 2000, .fastinter_ms = 500, .downinter_ms = 9000, .fall = 3, .rise = 2 };
	static const struct health_config plain = { .inter_ms = 2000, .fall = 3, .rise = 2 };
	struct health h;

	(void)state;
	health_init(&h, &c);
	assert_int_equal(health_next_ms(&h, &c), 500);          /* not yet checked */
	run(&h, &c, "+");
	assert_int_equal(health_next_ms(&h, &c), 2000);         /* up */
	run(&h, &c, "-");
	assert_int_equal(health_next_ms(&h, &c), 500);          /* going down */
	assert_int_equal(health_next_ms(&h, &plain), 2000);
	run(&h, &c, "--");
	assert_int_equal(health_next_ms(&h, &c), 9000);         /* down */
	assert_int_equal(health_next_ms(&h, &plain), 2000);
	run(&h, &c, "+");
	assert_int_equal(health_next_ms(&h, &c), 500);          /* coming up */
	run(&h, &c, "+");
	assert_int_equal(health_next_ms(&h, &c), 2000);
}

static void first_checks_are_spread(void **state)
{
	(void)state;
	assert_int_equal(health_first_ms(2000, 0, 4), 0);
	assert_int_equal(health_first_ms(2000, 1, 4), 500);
	assert_int_equal(health_first_ms(2000, 3, 4), 1500);
	assert_int_equal(health_first_ms(2000, 0, 1), 0);
	assert_int_equal(health_first_ms(UINT32_MAX, 999, 1000), 4290672327u);
}

/* As HAProxy 2.6 sends it, recorded. */
static void the_request(void **state)
{
	struct check_config c = { .kind = CHECK_HTTP, .request = { "GET", "/health", "HTTP/1.0", NULL, NULL } };
	char out[128];

	(void)state;
	uint32_t n = health_request(&c, out, sizeof out);
	assert_string_equal(out, "GET /health HTTP/1.0\r\n\r\n");
	assert_int_equal(n, strlen(out));
	assert_int_equal(health_request(&c, out, n), 0);
	c.request.version = "HTTP/1.1";
	c.request.headers = "Host: x\r\n";
	health_request(&c, out, sizeof out);
	assert_string_equal(out, "GET /health HTTP/1.1\r\nHost: x\r\nconnection: close\r\n\r\n");
}

/* `http-check send` goes before `option httpchk`, word by word. */
static void the_request_of_send(void **state)
{
	struct check_config c = { .kind = CHECK_HTTP, .request = { "GET", "/health", "HTTP/1.1", "host: x\r\n", NULL } };
	char out[160];

	(void)state;
	c.send.body = "hello";
	health_request(&c, out, sizeof out);
	assert_string_equal(out, "GET /health HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello");
	c.send = (struct check_request){ "POST", "/a", "HTTP/1.0", "host: y\r\na: b\r\n", NULL };
	health_request(&c, out, sizeof out);
	assert_string_equal(out, "POST /a HTTP/1.0\r\nhost: y\r\na: b\r\ncontent-length: 0\r\n\r\n");
	c.send = (struct check_request){ .headers = "a: b\r\nCONNECTION: x\r\n" };
	health_request(&c, out, sizeof out);
	assert_string_equal(out, "GET /health HTTP/1.1\r\na: b\r\nCONNECTION: x\r\n\r\n");
}

static void steps(void **state)
{
	struct check_step s = { .kind = STEP_EXPECT, .bytes = str_of("a\0b", 3) };

	(void)state;
	assert_int_equal(health_step(&s, (const uint8_t *)"xa", 2, false), 0);
	assert_int_equal(health_step(&s, (const uint8_t *)"xa", 2, true), -1);
	assert_int_equal(health_step(&s, (const uint8_t *)"xa\0b", 4, false), 1);
	assert_int_equal(health_step(&s, (const uint8_t *)"xa\0c", 4, false), 0);
	s.not = true;
	assert_int_equal(health_step(&s, (const uint8_t *)"xa\0b", 4, false), -1);
	assert_int_equal(health_step(&s, (const uint8_t *)"xa\0c", 4, false), 0);
	assert_int_equal(health_step(&s, (const uint8_t *)"xa\0c", 4, true), 1);
	assert_int_equal(health_step(&s, (const uint8_t *)"", 0, true), 1);
}

/* Verdict and status of an answer that is `text` so far, at the end of a page. */
static int judge(const struct check_config *c, const char *text, bool closed, unsigned *status, const char **reason)
{
	size_t n = strlen(text);

	*status = 77;
	return health_response(c, at_page_end(text, n), (uint32_t)n, closed, status, reason);
}

static void expect(const struct check_config *c, const char *text, bool closed, int verdict, unsigned status)
{
	const char *reason = NULL;
	unsigned is;
	int result = judge(c, text, closed, &is, &reason);

	if (result != verdict || (verdict && is != status))
		fail_msg("'%s'%s: %d with status %u, not %d with %u", text, closed ? " (closed)" : "", result, is, verdict, status);
}

static void any_2xx_or_3xx(void **state)
{
	static const struct check_config c = { .kind = CHECK_HTTP };

	(void)state;
	expect(&c, "HTTP/1.1 200 OK\r\n", false, 1, 200);
	expect(&c, "HTTP/1.0 302\r\n", false, 1, 302);
	expect(&c, "HTTP/1.1 199 x\r\n", false, -1, 199);
	expect(&c, "HTTP/1.1 400 x\r\n", false, -1, 400);
	expect(&c, "HTTP/1.1 503 x\r\n", false, -1, 503);
	/* not enough yet, or for good */
	for (const char *text = "HTTP/1.1 200"; *text; text++) {
		char part[16];
		snprintf(part, sizeof part, "%.*s", (int)strlen(text) - 1, "HTTP/1.1 200");
		expect(&c, part, false, 0, 0);
		expect(&c, part, true, -1, 0);
	}
	expect(&c, "", true, -1, 0);
	expect(&c, "SSH-2.0", false, -1, 0);
	expect(&c, "HTTP/2.0 200 OK\r\n", false, -1, 0);
	expect(&c, "HTTP/1.1 2000 OK\r\n", false, -1, 0);
	expect(&c, "HTTP/1.1 20x OK\r\n", false, -1, 0);
}

static void expected_status(void **state)
{
	struct check_config c = { .kind = CHECK_HTTP, .expect = EXPECT_STATUS, .range_count = 2, .ranges = { { 200, 299 }, { 404, 404 } } };

	(void)state;
	expect(&c, "HTTP/1.1 200 OK\r\n", false, 1, 200);
	expect(&c, "HTTP/1.1 299 OK\r\n", false, 1, 299);
	expect(&c, "HTTP/1.1 404 OK\r\n", false, 1, 404);
	expect(&c, "HTTP/1.1 300 OK\r\n", false, -1, 300);
	expect(&c, "HTTP/1.1 405 OK\r\n", false, -1, 405);
	c.expect_not = true;
	expect(&c, "HTTP/1.1 200 OK\r\n", false, -1, 200);
	expect(&c, "HTTP/1.1 503 OK\r\n", false, 1, 503);
}

static void expected_string(void **state)
{
	struct check_config c = { .kind = CHECK_HTTP, .expect = EXPECT_STRING, .text = "hello" };

	(void)state;
	expect(&c, "HTTP/1.1 200 OK\r\n\r\nwell, hello", false, 1, 200);
	expect(&c, "HTTP/1.1 500 OK\r\n\r\nhello", false, 1, 500);
	expect(&c, "HTTP/1.1 200 OK\r\n\r\nhell", false, 0, 0);
	expect(&c, "HTTP/1.1 200 OK\r\n\r\nhell", true, -1, 0);
	expect(&c, "HTTP/1.1 200 OK\r\nX: hello\r\n", false, 0, 0);
	expect(&c, "HTTP/1.1 200 OK\r\nX: hello\r\n\r\n", true, -1, 0);
	expect(&c, "HTTP/1.1 200 OK\r\nX: hello\r\n", true, -1, 0);
	c.expect_not = true;
	expect(&c, "HTTP/1.1 200 OK\r\n\r\nhello", false, -1, 0);
	expect(&c, "HTTP/1.1 200 OK\r\n\r\nhell", false, 0, 0);
	expect(&c, "HTTP/1.1 200 OK\r\n\r\nhell", true, 1, 200);
}

/* HAProxy's words, recorded from its log. */
/* What Content-Length says is enough: the connection need not end. */
static void a_body_that_is_all_here(void **state)
{
	static const struct check_config c = { .kind = CHECK_HTTP, .expect = EXPECT_STRING, .expect_not = true, .text = "bad" };

	(void)state;
	expect(&c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngoo", false, 0, 200);
	expect(&c, "HTTP/1.1 200 OK\r\nA: b\r\ncontent-length:4\r\n\r\ngood", false, 1, 200);
	expect(&c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbad!", false, -1, 0);
	expect(&c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, 1, 200);
	expect(&c, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\ngood", false, 0, 200);
	expect(&c, "HTTP/1.1 200 OK\r\n\r\ngood\r\nContent-Length: 4\r\n", false, 0, 200);
}

/* However an answer comes in pieces: no verdict before it can be known, and none that more bytes would change. */
static void answers_byte_by_byte(void **state)
{
	static const struct check_config any = { .kind = CHECK_HTTP }, text = { .expect = EXPECT_STRING, .text = "well" },
		not = { .expect = EXPECT_STRING, .text = "well", .expect_not = true };
	static const struct check_config *const configs[] = { &any, &text, &not };
	static const char *const answers[] = { "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nall is well",
		"HTTP/1.0 503 Not now\r\n\r\nall is bad", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwell", "SSH-2.0-OpenSSH\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 204\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n" };

	(void)state;
	for (size_t c = 0; c < sizeof configs / sizeof *configs; c++) {
		for (size_t a = 0; a < sizeof answers / sizeof *answers; a++) {
			const char *reason;
			unsigned status;
			size_t n = strlen(answers[a]);
			int known = 0;
			for (size_t i = 0; i <= n; i++) {
				int verdict = health_response(configs[c], at_page_end(answers[a], i), (uint32_t)i, false, &status, &reason);
				if (known && verdict != known)
					fail_msg("%zu, '%s': %d after %zu bytes, was %d", c, answers[a], verdict, i, known);
				known = verdict;
			}
			int closed = judge(configs[c], answers[a], true, &status, &reason);
			assert_true(closed != 0 && (known == 0 || known == closed));
		}
	}
}

static void reasons(void **state)
{
	struct check_config c = { .kind = CHECK_HTTP, .text = "hello" };
	static const char wrong[] = "HTTP/1.0 503 Oops\x01!\r\n\r\n", with_body[] = "HTTP/1.0 200 OK\r\n\r\nx";
	const char *reason;
	unsigned status;
	char info[60];

	(void)state;
	assert_int_equal(judge(&c, wrong, true, &status, &reason), -1);
	assert_string_equal(reason, "Layer7 wrong status");
	health_info(&c, (const uint8_t *)wrong, sizeof wrong - 1, info, sizeof info);
	assert_string_equal(info, "Oops?!");
	health_info(&c, (const uint8_t *)wrong, sizeof wrong - 1, info, 3);
	assert_string_equal(info, "Oo");
	c.expect = EXPECT_STRING;
	assert_int_equal(judge(&c, wrong, true, &status, &reason), -1);
	assert_string_equal(reason, "Layer7 invalid response");
	health_info(&c, (const uint8_t *)wrong, sizeof wrong - 1, info, sizeof info);
	assert_string_equal(info, "HTTP content check could not find a response body");
	health_info(&c, (const uint8_t *)with_body, sizeof with_body - 1, info, sizeof info);
	assert_string_equal(info, "HTTP content check did not match");
	c.expect_not = true;
	health_info(&c, (const uint8_t *)with_body, sizeof with_body - 1, info, sizeof info);
	assert_string_equal(info, "HTTP check matched unwanted content");
	c.expect_not = false;
	assert_int_equal(judge(&c, "HTTZ", false, &status, &reason), -1);
	assert_string_equal(reason, "Layer7 invalid response");
	health_info(&c, (const uint8_t *)"HTTZ", 4, info, sizeof info);
	assert_string_equal(info, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rise_and_fall), cmocka_unit_test(one_and_one), cmocka_unit_test(before_the_first_check),
		cmocka_unit_test(errors_that_sessions_see), cmocka_unit_test(the_next_check),
		cmocka_unit_test(first_checks_are_spread), cmocka_unit_test(the_request), cmocka_unit_test(the_request_of_send),
		cmocka_unit_test(steps), cmocka_unit_test(any_2xx_or_3xx),
		cmocka_unit_test(expected_status), cmocka_unit_test(expected_string), cmocka_unit_test(reasons), cmocka_unit_test(a_body_that_is_all_here),
		cmocka_unit_test(answers_byte_by_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
