/* SPDX-License-Identifier: MIT
 * proxy/http: every vector of http.txt as a whole, at the end of a page, and cut off behind each byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "proxy/authority.h"
#include "proxy/http.h"
#include "vector.h"

static struct http_head head;
static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT" };

static int parse(const struct vector *v, size_t n)
{
	const uint8_t *bytes = at_page_end(v->in, n);

	/* What the parser does not write must not matter. */
	memset(&head, 0xa5, sizeof head);
	if (strncmp(v->what, "request", 7) == 0)
		return http_request_parse(bytes, n, &head);
	for (unsigned m = 0; m < sizeof methods / sizeof *methods; m++)
		if (strncmp(v->what + strlen("response "), methods[m], strlen(methods[m])) == 0)
			return http_response_parse(bytes, n, m, &head);
	fail_msg("line %d: no such method", v->line);
	return 0;
}

static void same(const struct vector *v, const char *word, const char *is)
{
	const char *wanted = vector_option((const char *)v->out, word);

	if (wanted && strcmp(wanted, is) != 0)
		fail_msg("http.txt:%d: %s: %s is '%s', not '%s'", v->line, v->what, word, is, wanted);
}

static void same_str(const struct vector *v, const char *word, struct str s)
{
	char text[1024];

	snprintf(text, sizeof text, "%.*s", (int)s.n, s.n ? s.p : "");
	same(v, word, text);
}

static void same_number(const struct vector *v, const char *word, unsigned long long n)
{
	char text[32];

	snprintf(text, sizeof text, "%llu", n);
	same(v, word, text);
}

static void dropped(const struct vector *v)
{
	char names[1024] = "";

	for (uint32_t i = 0; i < head.field_count; i++)
		if (head.fields[i].drop)
			snprintf(names + strlen(names), sizeof names - strlen(names), "%s%.*s", *names ? "," : "",
				(int)head.fields[i].name.n, head.fields[i].name.p);
	same(v, "drop", names);
}

static void check(const struct vector *v)
{
	static const char *const bodies[] = { "none", "length", "chunked", "close", "tunnel" };
	int result = parse(v, v->in_n), wanted = atoi((const char *)v->out);
	const char *used = vector_option((const char *)v->out, "used");

	if (wanted >= 0)
		wanted = used ? atoi(used) : (int)v->in_n;
	if (result != wanted)
		fail_msg("http.txt:%d: %s: result %d, not %d", v->line, v->what, result, wanted);
	if (result > 0) {
		same_str(v, "method", head.method);
		same_str(v, "path", head.path);
		same_str(v, "host", head.host);
		same_str(v, "reason", head.reason);
		same(v, "body", bodies[head.body]);
		same_number(v, "status", head.status);
		same_number(v, "length", head.content_length);
		same_number(v, "minor", head.minor);
		same_number(v, "keep", head.keep_alive);
		same_number(v, "upgrade", head.upgrade);
		same_number(v, "expect", head.expect_continue);
		same_number(v, "fields", head.field_count);
		dropped(v);
	}
	/* Every prefix is either not enough, or wrong in the same way. */
	size_t whole = result > 0 ? (size_t)result : v->in_n;
	for (size_t n = 0; n < whole; n++) {
		int r = parse(v, n);
		if (r != 0 && (result > 0 || r != result))
			fail_msg("http.txt:%d: %s: %zu bytes give %d, all %d", v->line, v->what, n, r, result);
	}
	for (size_t n = whole; result > 0 && n <= v->in_n; n++)
		assert_int_equal(parse(v, n), result);
}

static void heads_of_the_vectors(void **state)
{
	(void)state;
	assert_true(vectors("http.txt", check) > 150);
}

/* ---- what does not fit into a line ---- */

static size_t with_fields(uint8_t *out, unsigned count)
{
	size_t n = (size_t)sprintf((char *)out, "GET / HTTP/1.1\r\nHost: x\r\n");

	for (unsigned i = 1; i < count; i++)
		n += (size_t)sprintf((char *)out + n, "a: b\r\n");
	return n + (size_t)sprintf((char *)out + n, "\r\n");
}

static void a_hundred_and_one_fields_and_no_more(void **state)
{
	static uint8_t bytes[4096];
	size_t n = with_fields(bytes, HTTP_FIELDS_MAX);

	(void)state;
	assert_int_equal(http_request_parse(at_page_end(bytes, n), n, &head), n);
	assert_int_equal(head.field_count, HTTP_FIELDS_MAX);
	n = with_fields(bytes, HTTP_FIELDS_MAX + 1);
	assert_int_equal(http_request_parse(at_page_end(bytes, n), n, &head), -431);
}

/* Each byte in each place: only what the grammar allows there gets through. */
static void every_byte_in_every_place(void **state)
{
	static const struct { const char *format; const char *more; bool obs_text; } places[] = {
		{ "G%cT / HTTP/1.1\r\nHost: x\r\n\r\n", "!#$%&'*+-.^_`|~", false },
		{ "GET /%c HTTP/1.1\r\nHost: x\r\n\r\n", "!\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~", false },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA%cb: c\r\n\r\n", "!#$%&'*+-.^_`|~:", false },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA: b%cc\r\n\r\n", "\t !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", true },
		{ "GET / HTTP/1.1\r\nHost: x%cy\r\n\r\n", "!$&'()*+-.;=_~", false },
		{ "GET / HTTP/1.1\r\nHost: x%c\r\n\r\n", "\t !$&'()*+-.;=_~:", false },
		{ "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1%c2\r\n\r\n", "", false },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA: b\r%c\r\n", "\n", false },
		{ "GET / HTTP/1.1%c\nHost: x\r\n\r\n", "\r", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		for (int c = 0; c < 256; c++) {
			char text[128];
			int n = snprintf(text, sizeof text, places[i].format, c);
			int result = http_request_parse(at_page_end(text, (size_t)n), (size_t)n, &head);
			bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), digit = c >= '0' && c <= '9';
			bool plain = i == 6 ? digit : i < 7 && (letter || digit);
			bool good = plain || (c && strchr(places[i].more, c)) || (c >= 0x80 && places[i].obs_text);
			if (good != (result == n))
				fail_msg("place %zu, byte 0x%02x: %d", i, (unsigned)c, result);
		}
	}
}

static void fields_are_found_in_order_and_any_case(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nb: 2\r\na: 3\r\n\r\n";
	uint32_t i = 0;

	(void)state;
	assert_true(http_request_parse((const uint8_t *)text, sizeof text - 1, &head) > 0);
	const struct http_field *f = http_field_find(&head, "a", &i);
	assert_true(f && str_is(f->value, "1") && i == 1);
	i++;
	f = http_field_find(&head, "A", &i);
	assert_true(f && str_is(f->value, "3") && i == 3);
	i++;
	assert_null(http_field_find(&head, "a", &i));
}

static void only_some_methods_may_be_sent_twice(void **state)
{
	(void)state;
	assert_true(http_is_idempotent(HTTP_GET) && http_is_idempotent(HTTP_PUT) && http_is_idempotent(HTTP_DELETE));
	assert_true(http_is_idempotent(HTTP_HEAD) && http_is_idempotent(HTTP_OPTIONS) && http_is_idempotent(HTTP_TRACE));
	assert_false(http_is_idempotent(HTTP_POST) || http_is_idempotent(HTTP_PATCH) || http_is_idempotent(HTTP_OTHER)
		|| http_is_idempotent(HTTP_CONNECT));
}

static void reasons_and_tokens(void **state)
{
	(void)state;
	assert_string_equal(http_reason(503), "Service Unavailable");
	assert_string_equal(http_reason(400), "Bad request");
	assert_string_equal(http_reason(299), "Unknown");
	assert_true(http_is_token(str_z("GET")) && http_is_token(str_z("M-SEARCH")));
	assert_false(http_is_token(str_z("")) || http_is_token(str_z("a b")) || http_is_token(str_z("a/b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_of_the_vectors),
		cmocka_unit_test(a_hundred_and_one_fields_and_no_more),
		cmocka_unit_test(every_byte_in_every_place),
		cmocka_unit_test(fields_are_found_in_order_and_any_case),
		cmocka_unit_test(only_some_methods_may_be_sent_twice),
		cmocka_unit_test(reasons_and_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
