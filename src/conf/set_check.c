/* SPDX-License-Identifier: MIT
 * Setters of lines about health checks: option httpchk, option tcp-check, http-check, tcp-check.
 */
#include <string.h>
#include "conf/parse.h"

static bool is_visible(struct str s)
{
	for (uint32_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return s.n > 0;
}

/* HAProxy's old way to give headers: "HTTP/1.1\r\nHost: www\r\nX: y". Each line must be a header that can be
 * sent. */
static bool headers_are_good(struct str s)
{
	while (s.n > 0) {
		uint32_t colon = 0, end = 0;
		while (end < s.n && s.p[end] != '\r' && s.p[end] != '\n')
			end++;
		while (colon < end && s.p[colon] != ':')
			colon++;
		if (colon == end || !token_is_good(str_of(s.p, colon)))
			return false;
		for (uint32_t i = colon + 1; i < end; i++)
			if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
				return false;
		if (end < s.n && (end + 2 > s.n || s.p[end] != '\r' || s.p[end + 1] != '\n'))
			return false;
		end = end < s.n ? end + 2 : end;
		s = str_of(s.p + end, s.n - end);
	}
	return true;
}

static void take_version(struct parser *p, struct str s, struct check_config *check)
{
	char lines[LEX_LINE_MAX + 3];
	uint32_t end = (uint32_t)strcspn(s.p, "\r\n");
	struct str version = str_of(s.p, end), headers = str_of(s.p + end, s.n - end);

	if (!str_is(version, "HTTP/1.0") && !str_is(version, "HTTP/1.1")) {
		refuse(p, "option httpchk: the version must be HTTP/1.0 or HTTP/1.1, not '%.*s'", CLIPPED(version));
		return;
	}
	check->request.version = keep_text(p, version);
	if (headers.n >= 2 && headers.p[0] == '\r' && headers.p[1] == '\n')
		headers = str_of(headers.p + 2, headers.n - 2);
	else if (headers.n > 0)
		headers.n = UINT32_MAX;
	if (headers.n == UINT32_MAX || !headers_are_good(headers)) {
		refuse(p, "option httpchk: what follows the version must be headers, such as HTTP/1.1\\r\\nHost:\\ "
			"www.example.net");
		return;
	}
	if (headers.n == 0)
		return;
	memcpy(lines, headers.p, headers.n);
	if (lines[headers.n - 1] != '\n') {
		memcpy(lines + headers.n, "\r\n", 2);
		headers.n += 2;
	}
	check->request.headers = keep_text(p, str_of(lines, headers.n));
}

/* As HAProxy: the first line about checks in a section takes the place of all that its defaults section had. */
static void begin_rules(struct parser *p, struct check_config *check)
{
	if (!p->foreign && p->check_line < p->section_line)
		*check = (struct check_config){ .kind = check->kind, .request = CHECK_REQUEST_DEFAULT };
	if (!p->foreign)
		p->check_line = p->line;
}

/* One argument is the URI, two are method and URI. */
void set_httpchk(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct check_config *check = &((struct proxy_config *)object)->check;

	begin_rules(p, check);
	check->kind = CHECK_HTTP;
	check->request = (struct check_request)CHECK_REQUEST_DEFAULT;
	if (n > 3)
		refuse(p, "'option %s' takes METHOD URI VERSION; '%.*s' is too much (a space in it needs a "
			"backslash)", k->name, CLIPPED(args[3]));
	if (n > 1 && !token_is_good(args[0]))
		refuse(p, "'option %s': '%.*s' is no method", k->name, CLIPPED(args[0]));
	else if (n > 1)
		check->request.method = keep_text(p, args[0]);
	if (n > 0 && !is_visible(args[n > 1]))
		refuse(p, "'option %s': '%.*s' is no URI", k->name, CLIPPED(args[n > 1]));
	else if (n > 0)
		check->request.uri = keep_text(p, args[n > 1]);
	if (n > 2)
		take_version(p, args[2], check);
}

void set_expect(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct check_config *check = &((struct proxy_config *)object)->check;
	bool not = str_is(args[0], "!");
	const struct keyword *sub;

	(void)k;
	args += not;
	n -= not;
	sub = keyword_find(AS_EXPECT, p->section, args[0]);
	if (!sub) {
		unknown_word(p, AS_EXPECT, args[0]);
		return;
	}
	begin_rules(p, check);
	check->expect_not = not;
	keyword_apply(p, sub, args + 1, n - 1, check);
}

void set_expect_status(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct check_config *check = object;
	struct str list = args[0];

	(void)n;
	check->expect = EXPECT_STATUS;
	check->range_count = 0;
	for (uint32_t start = 0; start <= list.n; ) {
		uint32_t end = start, dash = start, low, high;
		while (end < list.n && list.p[end] != ',')
			end++;
		while (dash < end && list.p[dash] != '-')
			dash++;
		struct str first = str_of(list.p + start, dash - start);
		struct str second = dash < end ? str_of(list.p + dash + 1, end - dash - 1) : first;
		if (!text_to_u32(first, k->high, &low) || !text_to_u32(second, k->high, &high) || low < k->low
		    || high < low) {
			refuse(p, "http-check expect status: '%.*s' is no list of codes from %u to %u, such as 200 or "
				"200-399,404", CLIPPED(list), k->low, k->high);
			return;
		}
		if (check->range_count == EXPECT_RANGES_MAX) {
			refuse(p, "http-check expect status: more than %u ranges", (unsigned)EXPECT_RANGES_MAX);
			return;
		}
		check->ranges[check->range_count].low = (uint16_t)low;
		check->ranges[check->range_count++].high = (uint16_t)high;
		start = end + 1;
	}
}

void set_expect_string(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct check_config *check = object;

	(void)n;
	if (args[0].n == 0)
		refuse(p, "http-check expect %s: the text is empty", k->name);
	check->expect = EXPECT_STRING;
	check->text = keep_text(p, args[0]);
}

/* ---- http-check send ---- */

void set_http_send(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct check_config *check = &((struct proxy_config *)object)->check;

	(void)k;
	begin_rules(p, check);
	words_apply(p, AS_SEND, args, n, &check->send);
}

/* meth, uri, ver and body; k->low says what must be true of the text. */
void set_send_word(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	bool good = k->low == SEND_METHOD ? token_is_good(args[0]) : k->low == SEND_URI ? is_visible(args[0])
		: k->low != SEND_VERSION || str_is(args[0], "HTTP/1.0") || str_is(args[0], "HTTP/1.1");
	const char *text = keep_text(p, args[0]);

	(void)n;
	if (!good)
		refuse(p, "http-check send: '%.*s' cannot be a request's '%s'", CLIPPED(args[0]), k->name);
	else
		memcpy((char *)object + k->field, &text, sizeof text);
}

void set_send_header(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct check_request *r = object;
	char lines[LEX_LINE_MAX + 16];
	struct str name = args[0], value = args[1];

	(void)n;
	if (memchr(value.p, '%', value.n)) {
		refuse(p, "'%s %.*s': a '%%' in the value starts a variable in HAProxy; checks have none here", k->name,
			CLIPPED(name));
		return;
	}
	size_t had = r->headers ? text_format(lines, sizeof lines, "%s", r->headers) : 0, from = had;
	had += text_format(lines + had, sizeof lines - had, "%.*s: %.*s\r\n", (int)name.n, name.p, (int)value.n, value.p);
	if (!headers_are_good(str_of(lines, had)) || had + 1 >= sizeof lines)
		refuse(p, "'%s' takes a name and a value that can be sent, not '%.*s'", k->name, CLIPPED(name));
	else if (str_is_nocase(name, "content-length") || str_is_nocase(name, "transfer-encoding"))
		refuse(p, "'%s %.*s': how long the body is, is counted", k->name, CLIPPED(name));
	else {
		for (size_t i = from; lines[i] != ':'; i++)     /* as HAProxy sends them */
			lines[i] = (char)(lines[i] >= 'A' && lines[i] <= 'Z' ? lines[i] | 32 : lines[i]);
		r->headers = keep_text(p, str_of(lines, had));
	}
}

/* ---- tcp-check, http-check connect ---- */

void set_tcp_check(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct check_config *check = &((struct proxy_config *)object)->check;

	(void)k;
	(void)args;
	(void)n;
	begin_rules(p, check);
	check->kind = CHECK_STEPS;
}

static void add_step(struct parser *p, struct check_config *check, const struct check_step *step)
{
	struct check_step **last = &check->steps;

	begin_rules(p, check);
	if (p->foreign)
		return;
	if (step->kind == STEP_CONNECT && check->steps && check->steps->kind != STEP_CONNECT)
		refuse(p, "'tcp-check connect': if one is given, the first step must be one too");
	while (*last)
		last = &(*last)->next;
	*last = keep(p, step, sizeof *step);
}

/* Of either kind: low is the AS_ value. */
void set_connect(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct check_config *check = &((struct proxy_config *)object)->check;
	struct check_step step = { .kind = STEP_CONNECT };

	words_apply(p, AS_CONNECT, args, n, &step);
	if (k->low == AS_TCP_CHECK) {
		add_step(p, check, &step);
	} else {
		begin_rules(p, check);
		check->connect = p->foreign ? NULL : keep(p, &step, sizeof step);
	}
}

/* A text, or "50494e47" for one: k->low. */
static bool take_bytes(struct parser *p, const struct keyword *k, struct str arg, struct check_step *step)
{
	char bytes[LEX_LINE_MAX];
	bool good = arg.n > 0 && (!k->low || arg.n % 2 == 0);

	for (uint32_t i = 0; k->low && good && i < arg.n; i += 2) {
		int high = text_hex_digit(arg.p[i]), low = text_hex_digit(arg.p[i + 1]);
		good = high >= 0 && low >= 0;
		bytes[i / 2] = (char)(high * 16 + low);
	}
	if (!good)
		refuse(p, "tcp-check: '%s' takes %s, not '%.*s'", k->name, k->low ? "hexadecimal digits, two a byte" : "a text",
			CLIPPED(arg));
	if (!good)
		return false;
	step->binary = k->low;
	step->bytes = k->low ? str_of(bytes, arg.n / 2) : arg;
	step->bytes.p = keep_text(p, step->bytes);
	return true;
}

void set_tcp_send(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct check_step step = { .kind = STEP_SEND };

	(void)n;
	if (take_bytes(p, k, args[0], &step))
		add_step(p, &((struct proxy_config *)object)->check, &step);
}

void set_tcp_expect(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct check_step step = { .kind = STEP_EXPECT, .not = str_is(args[0], "!") };
	const struct keyword *sub;

	(void)k;
	args += step.not;
	n -= step.not;
	sub = keyword_find(AS_CONTENT, p->section, args[0]);
	if (!sub) {
		unknown_word(p, AS_CONTENT, args[0]);
		return;
	}
	keyword_apply(p, sub, args + 1, n - 1, &step);
	if (step.bytes.n > 0)
		add_step(p, &((struct proxy_config *)object)->check, &step);
}

void set_tcp_part(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	(void)n;
	(void)take_bytes(p, k, args[0], object);
}
