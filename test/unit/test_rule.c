/* SPDX-License-Identifier: MIT
 * proxy/rule: what the lines of rules.txt, as conf/ reads them, make of a message; and that what does not fit fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "conf/conf.h"
#include "proxy/edit.h"
#include "vector.h"

static struct arena arena;
static struct http_head head;
static char area_bytes[4096];

static void report(void *context, enum conf_severity severity, const char *sentence)
{
	(void)context;
	if (severity == CONF_ERROR)
		print_error("%s\n", sentence);
}

/* "request LINE // LINE": the rules. */
static const struct rule *rules(const char *what)
{
	static char file[4096];
	bool request = strncmp(what, "request ", 8) == 0;
	const char *line = what + (request ? 8 : 9);
	int n = snprintf(file, sizeof file, "listen l\nmode http\nbind :80\nserver s 10.0.0.1:80\n");

	while (line) {
		const char *end = strstr(line, " // ");
		n += snprintf(file + n, sizeof file - (size_t)n, "http-%s %.*s\n", request ? "request" : "response",
			(int)(end ? end - line : (long)strlen(line)), line);
		line = end ? end + 4 : NULL;
	}
	memset(arena.start, 0, arena.used);
	arena.used = arena.line_count = 0;
	const struct conf *conf = conf_load(&arena, "f", file, (uint32_t)n, "a", "a", NULL, report, NULL);
	if (!conf)
		fail_msg("%s", what);
	return request ? conf->proxies->request_rules : conf->proxies->response_rules;
}

/* What becomes of the message in hand, with so many bytes for texts. */
static size_t outcome(const struct rule *list, bool request, uint32_t bytes, char *out, size_t size)
{
	static const struct endpoint client = { .port = 1 };
	struct sample_context c = { .head = &head, .method = request ? head.method_kind : HTTP_GET, .client = &client,
		.frontend = "l", .backend = "l", .server = "s", .hostname = "h" };
	struct text_area area = { area_bytes + sizeof area_bytes - bytes, bytes };      /* a byte too much is seen */
	const struct edit_request as_request = { .host = NULL };
	const struct edit_response as_response = { .chunked = false };
	const struct rule *end;
	struct str text;

	if (!rules_run(list, &head, &c, &area, &end))
		return (size_t)snprintf(out, size, "failed");
	if (!end || end->action == RULE_ALLOW)
		return request ? edit_request(&head, &as_request, out, (uint32_t)size) : edit_response(&head, &as_response, out, (uint32_t)size);
	if (end->action == RULE_ANSWER) {
		if (!format_write(&end->value, &c, &area, &text))
			return (size_t)snprintf(out, size, "failed");
		return end->page ? (size_t)snprintf(out, size, "%u page", end->status)
			: (size_t)snprintf(out, size, "%u %s: %.*s", end->status, end->name, (int)text.n, text.p);
	}
	if (!rule_location(end, &head, &c, &area, &text))
		return (size_t)snprintf(out, size, "failed");
	return (size_t)snprintf(out, size, "%u %.*s", end->status, (int)text.n, text.p);
}

static void parse(const struct vector *v, bool request)
{
	const uint8_t *bytes = at_page_end(v->in, v->in_n);
	int used = request ? http_request_parse(bytes, v->in_n, &head) : http_response_parse(bytes, v->in_n, HTTP_GET, &head);

	assert_int_equal(used, v->in_n);
}

static void check(const struct vector *v)
{
	static char out[4096];
	bool request = strncmp(v->what, "request ", 8) == 0;
	const struct rule *list = rules(v->what);

	parse(v, request);
	size_t n = outcome(list, request, sizeof area_bytes, out, sizeof out);
	if (n != v->out_n || memcmp(out, v->out, n) != 0)
		fail_msg("rules.txt:%d: %s\n%.*s", v->line, v->what, (int)n, out);
	/* With less room for texts it is the same, or it fails; a byte too much would stand in the next object. */
	for (uint32_t bytes = 0; bytes < 64; bytes++) {
		parse(v, request);
		n = outcome(list, request, bytes, out, sizeof out);
		if (!(n == v->out_n && memcmp(out, v->out, n) == 0) && strncmp(out, "failed", n) != 0)
			fail_msg("rules.txt:%d: %s with %u bytes\n%.*s", v->line, v->what, bytes, (int)n, out);
	}
}

static void as_in_the_vectors(void **state)
{
	(void)state;
	assert_true(vectors("rules.txt", check) > 30);
}

static void too_many_fields_fail(void **state)
{
	static char text[8192];
	struct sample_context c = { .head = &head };
	struct text_area area = { area_bytes, sizeof area_bytes };
	const struct rule *end, *list = rules("request add-header X 1");
	int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: h\r\n");

	(void)state;
	for (int i = 1; i < HTTP_FIELDS_MAX - 1; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, "F%d: v\r\n", i);
	n += snprintf(text + n, sizeof text - (size_t)n, "\r\n");
	assert_int_equal(http_request_parse((const uint8_t *)text, (size_t)n, &head), n);
	assert_true(rules_run(list, &head, &c, &area, &end));
	assert_int_equal(head.field_count, HTTP_FIELDS_MAX);
	assert_false(rules_run(list, &head, &c, &area, &end));
	assert_int_equal(head.field_count, HTTP_FIELDS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_in_the_vectors),
		cmocka_unit_test(too_many_fields_fail),
	};

	assert_true(arena_open(&arena, CONF_ARENA_MAX));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
