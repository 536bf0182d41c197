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
static const struct cookie_config serverid = { .name = "SERVERID", .insert = true, .indirect = true };

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
	struct cookie cookie = { .last_s = 0 };
	char fields[1024], found = 'N';
	/* Its own heap block: a byte too much is seen. */
	char *out = malloc(v->in_n ? v->in_n : 1);
	uint32_t n = cookie_cut(str_of(in, v->in_n), &serverid, out);

	if (n != v->out_n || memcmp(out, v->out, n) != 0)
		fail_msg("cookie.txt:%d: '%.*s', not '%s'", v->line, (int)n, out, v->out);
	free(out);
	snprintf(fields, sizeof fields, "Cookie: %.*s\r\n", (int)v->in_n, v->in);
	request(fields);
	while (found != 'V' && cookie_find_next(&head, &serverid, &cookie))
		found = str_is(cookie.value, "web01") ? 'V' : 'I';
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

/* "request MODE": a Cookie field and what the server sees of it in another mode. */
static void check_request(const struct vector *v)
{
	const char *mode = v->what + strlen("request "), *in = (const char *)at_page_end(v->in, v->in_n);
	struct cookie_config c = { .name = "SERVERID", .insert = strcmp(mode, "insert") == 0,
		.rewrite = strcmp(mode, "rewrite") == 0, .prefix = strcmp(mode, "prefix") == 0 };
	char *out = malloc(v->in_n);
	uint32_t n = cookie_cut(str_of(in, v->in_n), &c, out);

	if (n != v->out_n || memcmp(out, v->out, n) != 0)
		fail_msg("cookie.txt:%d: '%.*s', not '%s'", v->line, (int)n, out, v->out);
	free(out);
}

static void check(const struct vector *v)
{
	if (strncmp(v->what, "request ", 8) == 0) {
		check_request(v);
		return;
	}
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

static bool next_is(struct cookie *c, const char *value)
{
	return cookie_find_next(&head, &serverid, c) && str_is(c->value, value);
}

static void one_after_the_other(void **state)
{
	struct cookie c = { .last_s = 0 };

	(void)state;
	request("Cookie: a=SERVERID=no\r\nX: SERVERID=no\r\ncookie: b; SERVERID=one|AAAAA; SERVERID=two\r\nCookie: SERVERID=three\r\n");
	assert_true(next_is(&c, "one") && next_is(&c, "two") && next_is(&c, "three"));
	assert_false(cookie_find_next(&head, &serverid, &c));
	c = (struct cookie){ .last_s = 0 };
	request("Cookie: serverid=one\r\n");
	assert_false(cookie_find_next(&head, &serverid, &c));
	c = (struct cookie){ .last_s = 0 };
	request("Cookie: SERVERID=\r\nCookie: SERVERID=; SERVERID=two\r\n");
	assert_true(next_is(&c, "") && next_is(&c, "") && next_is(&c, "two"));
	assert_false(cookie_find_next(&head, &serverid, &c));
	c = (struct cookie){ .last_s = 0 };
	request("Cookie:\r\nCookie: ;\r\nCookie: ,\r\n");
	assert_false(cookie_find_next(&head, &serverid, &c));
}

/* By fours of seconds in base64: "AAAAB" is 4, "BAAAA" 4 * 64^4. */
static void dates_of_a_cookie(void **state)
{
	static const struct { const char *text; uint32_t last, first; } cases[] = {
		{ "w", 0, 0 }, { "w|AAAAB", 4, 0 }, { "w|AAAAB|AAAAC", 4, 8 }, { "w|BAAAA|//9//", 1u << 26, 0xffff7ffcu },
		{ "w||AAAAC", 0, 8 }, { "w|AAAA|AAAAC", 0, 8 }, { "w|AAAAB|AAAA", 4, 0 }, { "w|AAA-B|AAAAC", 0, 8 },
		{ "w|AAAAA|AAAAA", 0, 0 }, { "w|AAAABC", 4, 0 }, { "w|AAAAB|AAAACC", 4, 8 }, { "w|AAAA=", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char fields[64];
		struct cookie c = { .last_s = 0 };
		snprintf(fields, sizeof fields, "Cookie: SERVERID=%s\r\n", cases[i].text);
		request(fields);
		assert_true(next_is(&c, "w"));
		if (c.last_s != cases[i].last || c.first_s != cases[i].first)
			fail_msg("%s: last %u, first %u", cases[i].text, c.last_s, c.first_s);
	}
}

static int age(uint32_t maxidle, uint32_t maxlife, uint32_t last, uint32_t first, uint32_t now)
{
	struct cookie_config config = { .name = "S", .maxidle_s = maxidle, .maxlife_s = maxlife };
	struct cookie c = { .value = str_z("w"), .last_s = last, .first_s = first };
	int result = cookie_age(&config, &c, now);

	assert_true(result ? c.value.n == 0 && !c.last_s && !c.first_s : c.value.n == 1 && c.last_s == last && c.first_s == first);
	return result;
}

static void too_old(void **state)
{
	(void)state;
	assert_int_equal(age(0, 0, 4, 4, 100000), 0);
	assert_int_equal(age(100, 0, 1000, 1000, 1100), 0);
	assert_int_equal(age(100, 0, 1000, 1000, 1101), COOKIE_EXPIRED);
	assert_int_equal(age(0, 100, 1000, 1000, 1101), COOKIE_OLD);
	assert_int_equal(age(0, 100, 1000, 1004, 1104), 0);
	assert_int_equal(age(100, 100, 1000, 1000, 1101), COOKIE_OLD);
	assert_int_equal(age(100, 100, 0, 0, 1101), 0);
	/* From the future: a day is forgiven. */
	assert_int_equal(age(100, 100, 87400, 87400, 1000), 0);
	assert_int_equal(age(100, 0, 87404, 0, 1000), COOKIE_EXPIRED);
	assert_int_equal(age(0, 100, 0, 87404, 1000), COOKIE_OLD);
}

/* XXH64 over key, address and port in four bytes: the values are what HAProxy 2.6 sets. */
static void dynamic_values(void **state)
{
	static const struct { const char *key, *address, *value; } cases[] = {
		{ "mysecret", "192.168.1.21:80", "a65c182efb883e7e" }, { "mysecret", "192.168.1.21:81", "8a88905be30442ca" },
		{ "mysecret", "[2001:db8::1]:8080", "34ee5fc25c710b37" }, { "mysecret", "10.0.0.1:65535", "0cd4735fd89f6db5" },
		{ "0123456789012345678901234567890123456789", "192.168.1.21:80", "9298e8ae0ae9e7eb" },
		{ "0123456789012345678901234567890123456789", "[2001:db8::1]:443", "eb77a2bb1fc4bce6" },
		{ "k", "10.1.2.3:8080", "92dc13445c61fc63" }, { "0123456789012345678901234567", "10.1.2.3:8080", "a4a9228848084d8f" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct endpoint e;
		char value[17];
		assert_true(endpoint_parse(str_z(cases[i].address), &e));
		cookie_dynamic(&e, cases[i].key, value);
		assert_string_equal(value, cases[i].value);
	}
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
		static const struct cookie_config a = { .name = "a", .insert = true, .indirect = true };
		uint32_t n = cookie_cut(str_of(field, 7), &a, out);
		struct cookie cookie = { .last_s = 0 };
		head.field_count = 1;
		head.fields[0] = (struct http_field){ .name = str_z("cookie"), .value = str_of(out, n) };
		assert_true(n <= 7);
		if (n > 0 && cookie_find_next(&head, &a, &cookie))
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

static const char *made(const struct cookie_config *c, const char *value, uint32_t first_s)
{
	static char out[256];
	/* Rounded up to 1764079200: 441019800 fours of seconds. */
	uint32_t n = cookie_make(c, value, &(struct cookie){ .first_s = first_s }, 1764079197, out, sizeof out - 1);

	assert_true(n > 0);
	out[n] = 0;
	return out;
}

static void what_is_set(void **state)
{
	struct cookie_config c = { .name = "SERVERID", .insert = true };
	struct cookie none = { .last_s = 0 };
	char out[64];

	(void)state;
	assert_string_equal(made(&c, "web01", 0), "SERVERID=web01; path=/");
	assert_string_equal(made(&c, NULL, 0), "SERVERID=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/");
	assert_int_equal(cookie_make(&c, "web01", &none, 0, out, 22), 22);
	assert_int_equal(cookie_make(&c, "web01", &none, 0, out, 21), 0);
	c.httponly = c.secure = true;
	c.domain = ".example.com; domain=b";
	c.attr = "SameSite=Lax; Priority=High";
	assert_string_equal(made(&c, "a", 0),
		"SERVERID=a; path=/; domain=.example.com; domain=b; HttpOnly; Secure; SameSite=Lax; Priority=High");
	c = (struct cookie_config){ .name = "S", .insert = true, .maxidle_s = 10 };
	assert_string_equal(made(&c, "a", 8), "S=a|aSW2Y; path=/");
	assert_string_equal(made(&c, NULL, 8), "S=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/");
	c.maxlife_s = 20;
	assert_string_equal(made(&c, "a", 8), "S=a|aSW2Y|AAAAC; path=/");
	assert_string_equal(made(&c, "a", 0), "S=a|aSW2Y|aSW2Y; path=/");
}

static void when_it_is_set(void **state)
{
	struct cookie_config plain = { .name = "S", .insert = true }, idle = { .name = "S", .insert = true, .maxidle_s = 9 },
		life = { .name = "S", .insert = true, .maxlife_s = 9 };
	struct cookie none = { .last_s = 0 }, last = { .last_s = 1000 }, both = { .last_s = 1000, .first_s = 400 };

	(void)state;
	assert_true(cookie_is_due(&plain, &none, false, 0));
	assert_false(cookie_is_due(&plain, &none, true, 1001));
	assert_true(cookie_is_due(&plain, &last, true, 1001));          /* a date that nobody wants any more */
	assert_true(cookie_is_due(&plain, &both, true, 1000));
	assert_true(cookie_is_due(&idle, &none, true, 1000));
	assert_false(cookie_is_due(&idle, &last, true, 1000));
	assert_true(cookie_is_due(&idle, &last, true, 1001));
	assert_true(cookie_is_due(&idle, &both, true, 1000));
	assert_true(cookie_is_due(&life, &last, true, 1000));
	assert_false(cookie_is_due(&life, &both, true, 1000));
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

static const char *changed(const struct cookie_config *c, int fate, const char *value)
{
	static char out[64];
	const char *field = "S = v ; Path=/; a = b";
	uint32_t n = cookie_change(str_z(field), c, fate, value, out, sizeof out - 1);

	assert_int_equal(cookie_change(str_z(field), c, fate, value, out, n - 1), n ? UINT32_MAX : 0);
	out[n] = 0;
	return out;
}

static void what_becomes_of_a_servers_cookie(void **state)
{
	struct cookie_config insert = { .name = "S", .insert = true }, rewrite = { .name = "S", .rewrite = true },
		prefix = { .name = "S", .prefix = true }, passive = { .name = "S" }, indirect = { .name = "S", .indirect = true },
		keep = { .name = "S", .insert = true, .preserve = true }, other = { .name = "T", .insert = true };

	(void)state;
	assert_int_equal(cookie_fate(&insert, "w", false), COOKIE_DELETED);
	assert_int_equal(cookie_fate(&insert, NULL, true), COOKIE_DELETED);
	assert_int_equal(cookie_fate(&keep, "w", true), COOKIE_PASSIVE);
	assert_int_equal(cookie_fate(&rewrite, "w", true), COOKIE_REPLACED);
	assert_int_equal(cookie_fate(&rewrite, NULL, false), COOKIE_PASSIVE);
	assert_int_equal(cookie_fate(&prefix, "w", false), COOKIE_REPLACED);
	assert_int_equal(cookie_fate(&passive, "w", true), COOKIE_PASSIVE);
	assert_int_equal(cookie_fate(&indirect, "w", false), COOKIE_PASSIVE);
	assert_int_equal(cookie_fate(&indirect, "w", true), COOKIE_DELETED);
	assert_string_equal(changed(&insert, COOKIE_DELETED, "w"), "");
	assert_string_equal(changed(&other, COOKIE_DELETED, "w"), "S=v ; Path=/; a = b");
	assert_string_equal(changed(&passive, COOKIE_PASSIVE, "w"), "S=v ; Path=/; a = b");
	assert_string_equal(changed(&rewrite, COOKIE_REPLACED, "web01"), "S=web01 ; Path=/; a = b");
	assert_string_equal(changed(&prefix, COOKIE_REPLACED, "web01"), "S=web01~v ; Path=/; a = b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_haproxy), cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(any_field_comes_to_an_end), cmocka_unit_test(servers_of_a_value),
		cmocka_unit_test(what_is_set), cmocka_unit_test(who_sets_it), cmocka_unit_test(dates_of_a_cookie),
		cmocka_unit_test(too_old), cmocka_unit_test(dynamic_values), cmocka_unit_test(when_it_is_set),
		cmocka_unit_test(what_becomes_of_a_servers_cookie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
