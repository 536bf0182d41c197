/* SPDX-License-Identifier: MIT
 * proxy/acl and proxy/sample: the conditions of acl.txt, as conf/ reads them; what the worker is asked for; one value of several.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "conf/conf.h"
#include "vector.h"

static struct arena arena;
static struct http_head head;
static struct endpoint client;

static void report(void *context, enum conf_severity severity, const char *sentence)
{
	(void)context;
	if (severity == CONF_ERROR)
		print_error("%s\n", sentence);
}

/* The condition of a use_backend line. */
static const struct condition *condition(const char *lines, const char *words)
{
	char file[2048];
	int n = snprintf(file, sizeof file, "listen l\nmode http\nbind :80\nserver s 10.0.0.1:80\n%suse_backend b %s\nbackend b\nmode http\n"
		"server s 10.0.0.1:80\nserver t 10.0.0.2:80\n", lines, words);

	memset(arena.start, 0, arena.used);
	arena.used = arena.line_count = 0;
	const struct conf *conf = conf_load(&arena, "f", file, (uint32_t)n, "a", "a", NULL, report, NULL);
	assert_non_null(conf);
	return conf->proxies->backend_rules->condition;
}

static bool ask(const struct sample_context *c, const struct sample_expr *e, struct sample *out)
{
	if (e->kind == SAMPLE_NBSRV)
		out->number = strcmp(e->backend->proxy->name, "b") == 0 ? *(int *)c->owner : -1;
	else if (e->kind == SAMPLE_DST_PORT)
		out->number = 8080;
	else
		return false;
	return true;
}

static bool holds(const struct condition *c, int servers)
{
	struct sample_context context = { .head = &head, .method = head.method_kind, .client = &client, .frontend = "l",
		.backend = "b", .server = "s", .hostname = "h", .owner = &servers, .ask = ask };

	return condition_holds(c, &context);
}

static void request(const uint8_t *bytes, size_t n)
{
	assert_in_range(http_request_parse(bytes, n, &head), 1, n);
}

static void check(const struct vector *v)
{
	const char *from = vector_option(v->options, "client");
	const struct condition *c = condition("", v->what);

	client = (struct endpoint){ .port = 1234 };
	assert_true(addr_parse(str_z(from ? from : "10.0.0.99"), &client.addr));
	request(at_page_end(v->in, v->in_n), v->in_n);
	if (holds(c, 0) != (strcmp((const char *)v->out, "yes") == 0))
		fail_msg("acl.txt:%d: %s: not %s", v->line, v->what, v->out);
}

static void as_haproxy(void **state)
{
	(void)state;
	assert_true(vectors("acl.txt", check) > 200);
}

#define GET(fields) request((const uint8_t *)"GET /p?q=1 HTTP/1.1\r\nHost: h\r\n" fields "\r\n", sizeof "GET /p?q=1 HTTP/1.1\r\nHost: h\r\n" fields "\r\n" - 1)

static void several_lines_of_a_name_are_alternatives(void **state)
{
	(void)state;
	const struct condition *c = condition("acl a path /x\nacl a hdr(y) 1\nacl a dst_port 81\n", "if a");

	GET("");
	assert_false(holds(c, 0));
	GET("Y: 1\r\n");
	assert_true(holds(c, 0));
}

static void what_the_worker_knows(void **state)
{
	(void)state;
	GET("");
	assert_true(holds(condition("", "if { nbsrv(b) lt 2 }"), 1));
	assert_false(holds(condition("", "if { nbsrv(b) lt 2 }"), 2));
	assert_true(holds(condition("", "if { dst_port 8080 }"), 0));
	/* What nobody knows is no match, whatever it is compared with. */
	assert_false(holds(condition("", "if { dst 0.0.0.0/0 }"), 0));
	assert_true(holds(condition("", "if ! { dst 0.0.0.0/0 }"), 0));
}

/* Without a message, as in mode tcp, nothing of it matches and nothing is read. */
static void without_a_message(void **state)
{
	struct sample_context context = { .client = &client, .frontend = "l" };

	(void)state;
	assert_false(condition_holds(condition("", "if { path -m found } or { hdr_cnt(x) 0 } or { hdr(x) -m found }"), &context));
	assert_true(condition_holds(condition("", "unless { cook(x) -m found } or { url_param(x) -m found }"), &context));
}

static void one_of_several(void **state)
{
	static const struct { uint8_t kind; int8_t occurrence; const char *argument, *value; } cases[] = {
		{ SAMPLE_HDR, 0, "x", "c" }, { SAMPLE_HDR, 1, "x", "a" }, { SAMPLE_HDR, 2, "x", "b" }, { SAMPLE_HDR, -3, "x", "a" },
		{ SAMPLE_HDR, -4, "x", NULL }, { SAMPLE_HDR, 4, "x", NULL }, { SAMPLE_HDR_CNT, 0, "x", "3" }, { SAMPLE_COOKIE, 0, "k", "2" },
		{ SAMPLE_URL_PARAM, 0, "q", "1" }, { SAMPLE_HDR_IP, 0, "i", "::1" }, { SAMPLE_HDR_VAL, 1, "i", "0" },
		{ SAMPLE_SRC, 0, "", "10.0.0.1" }, { SAMPLE_SRC_PORT, 0, "", "5" }, { SAMPLE_SERVER, 0, "", "s" },
		{ SAMPLE_METHOD, 0, "", "GET" }, { SAMPLE_PATH, 0, "", "/p" }, { SAMPLE_DST, 0, "", NULL },
	};
	struct sample_context context = { .head = &head, .client = &client, .server = "s" };
	char area[ADDR_TEXT_MAX];

	(void)state;
	client = (struct endpoint){ .port = 5 };
	assert_true(addr_parse(str_z("10.0.0.1"), &client.addr));
	GET("X: a, b\r\nX: c\r\nCookie: k=1; k=2\r\nI: no, ::1\r\n");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sample_expr e = { .kind = cases[i].kind, .occurrence = cases[i].occurrence, .argument = str_z(cases[i].argument) };
		struct sample s;
		bool found = sample_one(&e, &context, &s);
		if (found != (cases[i].value != NULL) || (found && !str_is(sample_text(&s, area), cases[i].value)))
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_haproxy),
		cmocka_unit_test(several_lines_of_a_name_are_alternatives),
		cmocka_unit_test(what_the_worker_knows),
		cmocka_unit_test(without_a_message),
		cmocka_unit_test(one_of_several),
	};

	assert_true(arena_open(&arena, CONF_ARENA_MAX));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
