/* SPDX-License-Identifier: MIT
 * proxy/edit: the vectors of edit.txt; what does not fit; what goes out reads as what came in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "proxy/edit.h"
#include "vector.h"

static struct http_head head, again;
static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT" };

static const char *option(const struct vector *v, const char *word, char *copy)
{
	const char *value = vector_option(v->options, word);

	return value ? strcpy(copy, value) : NULL;
}

static enum http_method method_of(const struct vector *v)
{
	for (unsigned m = 0; m < sizeof methods / sizeof *methods; m++)
		if (strncmp(v->what + strlen("response "), methods[m], strlen(methods[m])) == 0)
			return m;
	fail_msg("edit.txt:%d: no such method", v->line);
	return HTTP_OTHER;
}

/* `cookie NAME insert indirect`, if the vector has that option. */
static const struct cookie_config *cookie(const struct vector *v, const char *word)
{
	static struct cookie_config c = { .insert = true, .indirect = true };
	static char name[512];

	c.name = option(v, word, name);
	return c.name ? &c : NULL;
}

static uint32_t page(unsigned status, bool head_only, char *out, uint32_t size)
{
	struct edit_answer a = { .status = (uint16_t)status, .page = true, .head_only = head_only, .close = true };

	return edit_answer(&a, out, size);
}

static uint32_t edit(const struct vector *v, char *out, uint32_t size)
{
	char address[512], host[512];

	if (strncmp(v->what, "error ", 6) == 0)
		return page((unsigned)atoi(v->what + 6), strstr(v->what, "head") != NULL, out, size);
	if (strncmp(v->what, "request", 7) == 0) {
		struct edit_request e = { .cookie = cookie(v, "cut"), .forwarded_for = option(v, "for", address),
			.host = option(v, "host", host), .close = vector_option(v->options, "close"),
			.chunked = vector_option(v->options, "chunked") };
		return edit_request(&head, &e, out, size);
	}
	struct edit_response e = { .close = vector_option(v->options, "close"), .keep_alive = vector_option(v->options, "keep"),
		.chunked = vector_option(v->options, "chunked"), .cookie = cookie(v, "drop"), .cookie_fate = COOKIE_DELETED,
		.cache_private = vector_option(v->options, "private") };
	if (vector_option(v->options, "set"))
		e.set_cookie = str_z("SERVERID=web01; path=/");
	return edit_response(&head, &e, out, size);
}

/* What we send must be good enough for ourselves, and mean the same. */
static void reads_as_before(const struct vector *v)
{
	int used;

	if (strncmp(v->what, "request", 7) == 0) {
		used = http_request_parse(v->out, v->out_n, &again);
		assert_true(str_equal(again.path, head.path) || again.path.p[1] == '?');
		assert_true(str_equal(again.method, head.method) && again.upgrade == head.upgrade);
	} else if (strncmp(v->what, "response", 8) == 0) {
		used = http_response_parse(v->out, v->out_n, method_of(v), &again);
		assert_int_equal(again.status, head.status);
	} else {
		used = http_response_parse(v->out, v->out_n, strstr(v->what, "head") ? HTTP_HEAD : HTTP_GET, &again);
		assert_true(again.has_length && !again.keep_alive);
		assert_int_equal(v->out_n - (size_t)used, again.body == HTTP_BODY_LENGTH ? again.content_length : 0);
		return;
	}
	assert_int_equal(used, v->out_n);
	if (head.body != HTTP_BODY_CHUNKED || vector_option(v->options, "chunked"))
		assert_int_equal(again.body, head.body);
	if (head.body == HTTP_BODY_LENGTH)
		assert_int_equal(again.content_length, head.content_length);
}

static void check(const struct vector *v)
{
	const uint8_t *bytes = at_page_end(v->in, v->in_n);
	int used = (int)v->in_n;

	memset(&head, 0xa5, sizeof head);
	if (strncmp(v->what, "request", 7) == 0)
		used = http_request_parse(bytes, v->in_n, &head);
	else if (strncmp(v->what, "response", 8) == 0)
		used = http_response_parse(bytes, v->in_n, method_of(v), &head);
	if (used != (int)v->in_n)
		fail_msg("edit.txt:%d: %s: parsed as %d", v->line, v->what, used);
	/* Each size up to what it needs, in a block of its own: nothing is written behind it, and too small is 0. */
	for (uint32_t size = 0; size <= v->out_n + 1; size++) {
		char *out = malloc(size ? size : 1);
		uint32_t n = edit(v, out, size);
		if (n != 0 && (n != v->out_n || memcmp(out, v->out, n) != 0))
			fail_msg("edit.txt:%d: %s:\n%.*s", v->line, v->what, (int)n, out);
		if (size < v->out_n)
			assert_int_equal(n, 0);
		free(out);
	}
	static char large[VECTOR_MAX];
	uint32_t n = edit(v, large, sizeof large);
	if (n != v->out_n || memcmp(large, v->out, n) != 0)
		fail_msg("edit.txt:%d: %s: in place of\n%s\nthis:\n%.*s", v->line, v->what, v->out, (int)n, large);
	reads_as_before(v);
}

static void as_in_the_vectors(void **state)
{
	(void)state;
	assert_true(vectors("edit.txt", check) > 30);
}

static void every_status_has_its_page(void **state)
{
	static const unsigned list[] = { 200, 400, 403, 404, 405, 408, 410, 413, 414, 417, 425, 429, 431, 500, 501, 502, 503, 504, 505 };
	char out[1024], start[64];

	(void)state;
	for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
		uint32_t n = page(list[i], false, out, sizeof out);
		int used = http_response_parse((const uint8_t *)out, n, HTTP_GET, &head);
		assert_true(used > 0 && head.status == list[i] && head.content_length == n - (uint32_t)used);
		assert_true(str_is(head.reason, http_reason(list[i])) && !str_is(head.reason, "Unknown"));
		snprintf(start, sizeof start, "<html><body><h1>%u %s</h1>\n", list[i], http_reason(list[i]));
		assert_memory_equal(out + used, start, strlen(start));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_in_the_vectors),
		cmocka_unit_test(every_status_has_its_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
