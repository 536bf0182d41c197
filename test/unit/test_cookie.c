/* SPDX-License-Identifier: MIT
 * proxy/cookie: the vectors of cookie.txt, which are HAProxy's results; several fields; servers; what is made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "proxy/cookie.h"
#include "vector.h"

static struct http_head head;

/* A request with these Cookie fields. */
static void request(const char *fields)
{
	static char text[4096];
	int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", fields);

	assert_int_equal(http_request_parse((const uint8_t *)text, (size_t)n, &head), n);
}

static void check_cut(const struct vector *v)
{
	const char *in = (const char *)at_page_end(v->in, v->in_n);
	struct http_cursor at = { 0, 0 };
	struct str value;
	char fields[1024], found = 'N';
	/* Its own heap block: a byte too much is seen. */
	char *out = malloc(v->in_n ? v->in_n : 1);
	uint32_t n = cookie_cut(str_of(in, v->in_n), "SERVERID", out);

	if (n != v->out_n || memcmp(out, v->out, n) != 0)
		fail_msg("cookie.txt:%d: '%.*s', not '%s'", v->line, (int)n, out, v->out);
	free(out);
	snprintf(fields, sizeof fields, "Cookie: %.*s\r\n", (int)v->in_n, v->in);
	request(fields);
	while (found != 'V' && cookie_find_next(&head, "SERVERID", &at, &value))
		found = str_is(value, "web01") ? 'V' : 'I';
	if (found != v->what[4])
		fail_msg("cookie.txt:%d: found %c", v->line, found);
}

static void check_cacheable(const struct vector *v)
{
	static const struct { const char *name; enum http_method method; } methods[] = { { "GET", HTTP_GET },
		{ "HEAD", HTTP_HEAD }, { "POST", HTTP_POST }, { "PUT", HTTP_PUT }, { "DELETE", HTTP_DELETE },
		{ "OPTIONS", HTTP_OPTIONS } };
	const char *name = v->what + strlen("cacheable ");

	for (unsigned i = 0; i < sizeof methods / sizeof *methods; i++) {
		if (strcmp(methods[i].name, name) != 0)
			continue;
		const uint8_t *bytes = at_page_end(v->in, v->in_n);
		assert_int_equal(http_response_parse(bytes, v->in_n, methods[i].method, &head), v->in_n);
		if (cookie_response_cacheable(&head, methods[i].method) != (strcmp((const char *)v->out, "yes") == 0))
			fail_msg("cookie.txt:%d: %s", v->line, v->in);
		return;
	}
	fail_msg("cookie.txt:%d: which method?", v->line);
}

static void check(const struct vector *v)
{
	if (strncmp(v->what, "cut ", 4) == 0)
		check_cut(v);
	else
		check_cacheable(v);
}

static void as_haproxy(void **state)
{
	(void)state;
	assert_true(vectors("cookie.txt", check) > 90);
}

static bool first(const char *name, struct http_cursor *at, struct str *value)
{
	*at = (struct http_cursor){ 0, 0 };
	return cookie_find_next(&head, name, at, value);
}

static void the_first_cookie_of_the_name(void **state)
{
	struct str value;
	struct http_cursor at;

	(void)state;
	request("Cookie: a=SERVERID=no\r\nX: SERVERID=no\r\ncookie: b; SERVERID=one|AAAAA; SERVERID=two\r\nCookie: SERVERID=three\r\n");
	assert_true(first("SERVERID", &at, &value) && str_is(value, "one"));
	assert_true(cookie_find_next(&head, "SERVERID", &at, &value) && str_is(value, "two"));
	assert_true(cookie_find_next(&head, "SERVERID", &at, &value) && str_is(value, "three"));
	assert_false(cookie_find_next(&head, "SERVERID", &at, &value));
	assert_false(first("serverid", &at, &value));
	request("Cookie: SERVERID=\r\nCookie: SERVERID=; SERVERID=two\r\n");
	assert_true(first("SERVERID", &at, &value) && value.n == 0);
	assert_true(cookie_find_next(&head, "SERVERID", &at, &value) && value.n == 0);
	assert_true(cookie_find_next(&head, "SERVERID", &at, &value) && str_is(value, "two"));
	assert_false(cookie_find_next(&head, "SERVERID", &at, &value));
	request("Cookie:\r\nCookie: ;\r\nCookie: ,\r\n");
	assert_false(first("SERVERID", &at, &value));
}

/* Whatever the field, finding and cutting come to an end, and what is cut does not come back. */
static void any_field_comes_to_an_end(void **state)
{
	static const char alphabet[] = "a=;, \"\\$|";
	char field[7], out[7];

	(void)state;
	for (unsigned long k = 0; k < 4782969; k++) {   /* 9^7 */
		unsigned long rest = k;
		for (unsigned i = 0; i < 7; i++, rest /= 9)
			field[i] = alphabet[rest % 9];
		uint32_t n = cookie_cut(str_of(field, 7), "a", out);
		struct str value;
		struct http_cursor at;
		head.field_count = 1;
		head.fields[0] = (struct http_field){ .name = str_z("cookie"), .value = str_of(out, n) };
		assert_true(n <= 7);
		if (n > 0 && first("a", &at, &value))
			fail_msg("'%.7s' gives '%.*s'", field, (int)n, out);
	}
}

static void servers_of_a_value(void **state)
{
	struct server_config d = { .name = "d", .cookie = "y" }, c = { .name = "c", .next = &d },
		b = { .name = "b", .cookie = "x", .next = &c }, a = { .name = "a", .cookie = "y", .next = &b };
	struct proxy_config p = { .servers = &a };

	(void)state;
	assert_ptr_equal(cookie_server(&p, str_z("y"), NULL), &a);
	assert_ptr_equal(cookie_server(&p, str_z("y"), &a), &d);
	assert_null(cookie_server(&p, str_z("y"), &d));
	assert_ptr_equal(cookie_server(&p, str_z("x"), NULL), &b);
	assert_null(cookie_server(&p, str_z("X"), NULL));
	assert_null(cookie_server(&p, str_z("xx"), NULL));
}

static const char *made(const struct cookie_config *c, const char *value)
{
	static char out[256];
	uint32_t n = cookie_make(c, value, out, sizeof out - 1);

	assert_true(n > 0);
	out[n] = 0;
	return out;
}

static void what_is_set(void **state)
{
	struct cookie_config c = { .name = "SERVERID", .insert = true };
	char out[64];

	(void)state;
	assert_string_equal(made(&c, "web01"), "SERVERID=web01; path=/");
	assert_string_equal(made(&c, NULL), "SERVERID=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/");
	assert_int_equal(cookie_make(&c, "web01", out, 22), 22);
	assert_int_equal(cookie_make(&c, "web01", out, 21), 0);
	c.httponly = c.secure = true;
	c.domain = ".example.com";
	assert_string_equal(made(&c, "a"), "SERVERID=a; path=/; domain=.example.com; HttpOnly; Secure");
}

static bool sets(const char *name, const char *value)
{
	struct http_field f = { .name = str_z(name), .value = str_z(value) };

	return cookie_is_set_by(&f, "SERVERID");
}

static void who_sets_it(void **state)
{
	(void)state;
	assert_true(sets("Set-Cookie", "SERVERID=x; path=/"));
	assert_true(sets("set-cookie", " SERVERID = x"));
	assert_true(sets("set-cookie", "SERVERID="));
	assert_false(sets("Set-Cookie", "SERVERID"));
	assert_false(sets("Set-Cookie", "a=1; SERVERID=x"));
	assert_false(sets("Set-Cookie", "serverid=x"));
	assert_false(sets("Set-Cookie", ""));
	assert_false(sets("Set-Cookie", ";SERVERID=x"));
	assert_false(sets("Cookie", "SERVERID=x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_haproxy), cmocka_unit_test(the_first_cookie_of_the_name),
		cmocka_unit_test(any_field_comes_to_an_end), cmocka_unit_test(servers_of_a_value),
		cmocka_unit_test(what_is_set), cmocka_unit_test(who_sets_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
