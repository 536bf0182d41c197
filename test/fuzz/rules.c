/* SPDX-License-Identifier: MIT
 * conf/set_rule, conf/set_acl, proxy/rule: a line ("request RULE", "response RULE"), LF, and a message. Whatever the line
 * says, if it is taken and the message is good, then what goes on is a message with the same end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "conf/conf.h"
#include "proxy/edit.h"

static struct arena arena;
static struct http_head head, again;
static char area_bytes[8192], edited[65536];

static void must(bool good)
{
	if (!good)
		abort();
}

static void ignore(void *context, enum conf_severity severity, const char *sentence)
{
	(void)context;
	(void)severity;
	must(strlen(sentence) < 1024);
}

static void run(const struct rule *list, bool request, const uint8_t *bytes, size_t n)
{
	static const struct endpoint client = { .addr = { .family = ADDR_IPV4, .bytes = { 192, 0, 2, 1 } }, .port = 1 };
	int used = request ? http_request_parse(bytes, n, &head) : http_response_parse(bytes, n, HTTP_GET, &head);
	struct sample_context c = { .head = &head, .method = head.method_kind, .client = &client, .frontend = "l", .backend = "l",
		.server = "s", .hostname = "h" };
	struct text_area area = { area_bytes, sizeof area_bytes };
	const struct edit_request as_request = { .host = "h", .chunked = head.body == HTTP_BODY_CHUNKED };
	const struct edit_response as_response = { .chunked = head.body == HTTP_BODY_CHUNKED };
	const struct rule *end;
	struct str text;

	if (used <= 0 || head.field_count + 4 > HTTP_FIELDS_MAX || !rules_run(list, &head, &c, &area, &end))
		return;
	if (end && end->action >= RULE_LOCATION && end->action <= RULE_SCHEME && rule_location(end, &head, &c, &area, &text))
		for (uint32_t i = 0; i < text.n; i++)
			must(!strchr("\r\n", text.p[i]) && text.p[i]);
	uint32_t m = request ? edit_request(&head, &as_request, edited, sizeof edited)
		: edit_response(&head, &as_response, edited, sizeof edited);
	must(m > 0);
	int result = request ? http_request_parse((uint8_t *)edited, m, &again)
		: http_response_parse((uint8_t *)edited, m, HTTP_GET, &again);
	must(result == (int)m && again.body == head.body);
	must(head.body != HTTP_BODY_LENGTH || again.content_length == head.content_length);
	must(!request || (str_equal(again.method, head.method) && (head.host.n == 0 || str_equal(again.host, head.host))));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const char start[] = "listen l\nmode http\nbind :80\nserver s 10.0.0.1:80\nhttp-";
	const uint8_t *lf = memchr(bytes, '\n', n);
	char file[4096];
	size_t line_n = lf ? (size_t)(lf - bytes) : 0;

	if (!arena.start)
		must(arena_open(&arena, CONF_ARENA_MAX));
	if (line_n == 0 || line_n > 2000 || n > 16384)
		return 0;
	memcpy(file, start, sizeof start - 1);
	memcpy(file + sizeof start - 1, bytes, line_n);
	memset(arena.start, 0, arena.used);
	arena.used = arena.line_count = 0;
	const struct conf *conf = conf_load(&arena, "f", file, (uint32_t)(sizeof start - 1 + line_n), "a", "a", NULL, ignore, NULL);
	if (conf && conf->proxies->request_rules)
		run(conf->proxies->request_rules, true, lf + 1, n - line_n - 1);
	else if (conf && conf->proxies->response_rules)
		run(conf->proxies->response_rules, false, lf + 1, n - line_n - 1);
	return 0;
}
