/* SPDX-License-Identifier: MIT */
#include "proxy/http.h"
#include <string.h>
#include "proxy/authority.h"

/* What a byte may be part of. */
enum { TOKEN = 1, VALUE = 2, TARGET = 4 };
#define ALL (TOKEN | VALUE | TARGET)

/* token: RFC 9110 §5.6.2; value: visible, obs-text, SP and HTAB (§5.5); target: visible ASCII without '#', which no
 * target contains (RFC 9112 §3.2). */
static const uint8_t classes[256] = {
	['\t'] = VALUE, [' '] = VALUE, ['!'] = ALL, ['"'] = VALUE | TARGET, ['#'] = TOKEN | VALUE, ['$' ... '\''] = ALL,
	['(' ... ')'] = VALUE | TARGET, ['*' ... '+'] = ALL, [','] = VALUE | TARGET, ['-' ... '.'] = ALL,
	['/'] = VALUE | TARGET, ['0' ... '9'] = ALL, [':' ... '@'] = VALUE | TARGET, ['A' ... 'Z'] = ALL,
	['[' ... ']'] = VALUE | TARGET, ['^' ... 'z'] = ALL, ['{'] = VALUE | TARGET, ['|'] = ALL, ['}'] = VALUE | TARGET,
	['~'] = ALL, [0x80 ... 0xff] = VALUE,
};

#define METHOD_MAX 32
#define EMPTY_LINES_MAX 4
#define NAMED_FIELDS_MAX 16             /* by Connection: each is looked for in all fields */

static const char *const methods[] = {
	[HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD", [HTTP_POST] = "POST", [HTTP_PUT] = "PUT", [HTTP_DELETE] = "DELETE",
	[HTTP_OPTIONS] = "OPTIONS", [HTTP_TRACE] = "TRACE", [HTTP_PATCH] = "PATCH", [HTTP_CONNECT] = "CONNECT",
};

/* What the fields that matter here have said so far. */
struct facts {
	int error;                      /* status, or 0 */
	bool close, keep_alive_option, upgrade_option, upgrade_field, upgrade_protocol, h2c;
	bool chunked, has_coding;
	uint32_t hosts, named_fields;
	struct str host;
};

bool http_is_token(struct str s)
{
	for (uint32_t i = 0; i < s.n; i++)
		if (!(classes[(unsigned char)s.p[i]] & TOKEN))
			return false;
	return s.n > 0;
}

struct str http_method_name(enum http_method m)
{
	return str_z(m < HTTP_OTHER ? methods[m] : "");
}

bool http_is_idempotent(enum http_method m)
{
	return m != HTTP_POST && m != HTTP_PATCH && m != HTTP_CONNECT && m != HTTP_OTHER;
}

const struct http_field *http_field_find(const struct http_head *head, const char *name, uint32_t *index)
{
	struct str wanted = str_z(name);

	for (uint32_t i = *index; i < head->field_count; i++) {
		if (str_equal_nocase(head->fields[i].name, wanted)) {
			*index = i;
			return &head->fields[i];
		}
	}
	return NULL;
}

const char *http_reason(unsigned status)
{
	static const struct { uint16_t status; const char *reason; } reasons[] = {
		{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" }, { 301, "Moved Permanently" },
		{ 302, "Found" }, { 303, "See Other" }, { 304, "Not Modified" }, { 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" }, { 400, "Bad request" }, { 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" }, { 408, "Request Time-out" }, { 409, "Conflict" },
		{ 410, "Gone" },
		{ 413, "Payload Too Large" }, { 414, "URI Too Long" }, { 417, "Expectation Failed" }, { 418, "I'm a teapot" },
		{ 421, "Misdirected Request" }, { 422, "Unprocessable Content" }, { 425, "Too Early" }, { 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" }, { 501, "Not Implemented" },
		{ 502, "Bad Gateway" }, { 503, "Service Unavailable" }, { 504, "Gateway Time-out" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

/* ---- field values ---- */

static struct str trim(struct str s)
{
	while (s.n > 0 && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* The next element of a comma list, trimmed; moves list behind it. */
static struct str next_element(struct str *list)
{
	uint32_t n = 0;

	while (n < list->n && list->p[n] != ',')
		n++;
	struct str element = trim(str_of(list->p, n));
	list->p += n + (n < list->n);
	list->n -= n + (n < list->n);
	return element;
}

static int connection_field(struct facts *f, struct http_head *head, struct http_field *field)
{
	struct str list = field->value;

	(void)head;
	field->drop = true;
	while (list.n > 0) {
		struct str option = next_element(&list);
		if (option.n == 0)
			continue;
		if (!http_is_token(option))
			return 400;
		if (str_is_nocase(option, "close"))
			f->close = true;
		else if (str_is_nocase(option, "keep-alive"))
			f->keep_alive_option = true;
		else if (str_is_nocase(option, "upgrade"))
			f->upgrade_option = true;
		else if (++f->named_fields > NAMED_FIELDS_MAX)
			return 400;
	}
	return 0;
}

/* RFC 9112 §6.3 case 5 would allow to fold equal values into one; refusing leaves nothing to disagree about. */
static int content_length_field(struct facts *f, struct http_head *head, struct http_field *field)
{
	struct str s = field->value;
	uint64_t v = 0;

	(void)f;
	field->drop = true;
	if (head->has_length || s.n == 0 || s.n > 19)
		return 400;
	for (uint32_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 400;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	if (v > INT64_MAX)
		return 400;
	head->has_length = true;
	head->content_length = v;
	return 0;
}

/* A coding's name with its parameters, which nobody needs to understand here. */
static bool is_foreign_coding(struct str s)
{
	uint32_t n = 0;

	while (n < s.n && s.p[n] != ';')
		n++;
	struct str name = trim(str_of(s.p, n));
	return http_is_token(name) && !str_is_nocase(name, "chunked");
}

static int transfer_encoding_field(struct facts *f, struct http_head *head, struct http_field *field)
{
	struct str list = field->value, coding = { "", 0 };
	bool foreign = false;

	(void)head;
	field->drop = true;
	if (f->has_coding)
		return 400;
	f->has_coding = true;
	f->chunked = str_is_nocase(field->value, "chunked");
	if (f->chunked)
		return 0;
	/* "gzip, chunked" is well framed, but not ours to decode (§6.1); anything else has no end that all agree on. */
	while (list.n > 0) {
		coding = next_element(&list);
		if (list.n > 0 && !is_foreign_coding(coding))
			return 400;
		foreign = foreign || list.n > 0;
	}
	return foreign && str_is_nocase(coding, "chunked") ? 501 : 400;
}

static int host_field(struct facts *f, struct http_head *head, struct http_field *field)
{
	field->drop = true;     /* written anew as the first field */
	head->has_host = true;
	f->hosts++;
	f->host = field->value;
	return 0;
}

static int upgrade_field(struct facts *f, struct http_head *head, struct http_field *field)
{
	struct str list = field->value;

	(void)head;
	f->upgrade_field = true;
	f->upgrade_protocol = f->upgrade_protocol || list.n > 0;
	while (list.n > 0) {
		struct str protocol = next_element(&list);
		f->h2c = f->h2c || str_is_nocase(protocol, "h2c");
	}
	return 0;
}

static int expect_field(struct facts *f, struct http_head *head, struct http_field *field)
{
	(void)f;
	if (head->minor == 0) {
		field->drop = true;     /* RFC 9110 §10.1.1: not from 1.0 */
		return 0;
	}
	if (!str_is_nocase(field->value, "100-continue"))
		return 417;
	head->expect_continue = true;
	return 0;
}

static int hop_field(struct facts *f, struct http_head *head, struct http_field *field)
{
	(void)f;
	(void)head;
	field->drop = true;
	return 0;
}

/* Fields that the proxy acts on, by the length of their names: nearly no other field gets as far as a comparison. */
static const struct known {
	const char *name;
	int (*note)(struct facts *, struct http_head *, struct http_field *);
	uint8_t n;
	bool request_only;
} known[] = {
	{ "te", hop_field, 2, false }, { "host", host_field, 4, true }, { "expect", expect_field, 6, true },
	{ "upgrade", upgrade_field, 7, false }, { "trailer", hop_field, 7, false },
	{ "connection", connection_field, 10, false }, { "keep-alive", hop_field, 10, false },
	{ "content-length", content_length_field, 14, false }, { "proxy-connection", hop_field, 16, false },
	{ "transfer-encoding", transfer_encoding_field, 17, false },
};
/* By length: the place of the first one, + 1. */
static const uint8_t known_first[] = { [2] = 1, [4] = 2, [6] = 3, [7] = 4, [10] = 6, [14] = 8, [16] = 9, [17] = 10 };

static int note_field(struct facts *f, struct http_head *head, struct http_field *field, bool request)
{
	struct str name = field->name;

	if (name.n >= sizeof known_first || !known_first[name.n])
		return 0;
	for (size_t i = known_first[name.n] - 1u; i < sizeof known / sizeof *known && known[i].n == name.n; i++)
		if ((name.p[0] | 32) == known[i].name[0] && str_equal_nocase(name, str_of(known[i].name, name.n)))
			return known[i].request_only && !request ? 0 : known[i].note(f, head, field);
	return 0;
}

/* Connection may name further fields that end at the next hop (RFC 9110 §7.6.1), but not the ones that are meant for all:
 * a client could make us take away what a proxy before us has said, or what the server's answer depends on. They stay. */
static bool may_be_named(struct str name)
{
	static const char *const never[] = { "host", "cookie", "set-cookie", "authorization", "cache-control", "content-type",
		"content-encoding", "content-range", "range", "expect", "date", "location", "vary", "forwarded", "via",
		"x-real-ip",
		"upgrade" /* drop_upgrade() decides */ };

	if (name.n > 11 && str_is_nocase(str_of(name.p, 12), "x-forwarded-"))
		return false;
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		if (str_is_nocase(name, never[i]))
			return false;
	return true;
}

static void drop_named_fields(struct http_head *head)
{
	for (uint32_t i = 0; i < head->field_count; i++) {
		struct str list = head->fields[i].value;
		if (!str_is_nocase(head->fields[i].name, "connection"))
			continue;
		while (list.n > 0) {
			struct str option = next_element(&list);
			for (uint32_t j = 0; j < head->field_count; j++)
				if (str_equal_nocase(head->fields[j].name, option) && may_be_named(option))
					head->fields[j].drop = true;
		}
	}
}

/* ---- lines ---- */

struct cursor { const uint8_t *p, *end; };

/* The bytes of that class from here on. Half of what a head costs is spent here: four at a time. */
static struct str scan(struct cursor *c, uint8_t class)
{
	const uint8_t *start = c->p, *p = start, *end = c->end;

	while (end - p >= 4 && classes[p[0]] & classes[p[1]] & classes[p[2]] & classes[p[3]] & class)
		p += 4;
	while (p < end && classes[*p] & class)
		p++;
	c->p = p;
	return str_of((const char *)start, (size_t)(p - start));
}

/* CRLF. 1: it was there, 0: more bytes are needed, -1: something else. A bare LF or CR is something else (§2.2). */
static int line_end(struct cursor *c)
{
	if (c->p == c->end)
		return 0;
	if (*c->p != '\r')
		return -1;
	if (c->p + 1 == c->end)
		return 0;
	if (c->p[1] != '\n')
		return -1;
	c->p += 2;
	return 1;
}

/* One field line, or the empty line. 2: a field, 1: the end of the head, 0: more bytes, negative: -400. */
static int field_line(struct cursor *c, struct http_field *field)
{
	if (c->p < c->end && *c->p == '\r') {
		int end = line_end(c);
		return end < 0 ? -400 : end;
	}
	/* White space first: obs-fold, or before the first field (§2.2, §5.2). */
	field->name = scan(c, TOKEN);
	if (c->p == c->end)
		return 0;
	if (*c->p != ':' || field->name.n == 0)
		return -400;
	c->p++;
	field->value = scan(c, VALUE);
	field->drop = false;
	int end = line_end(c);
	if (end <= 0)
		return end < 0 ? -400 : 0;
	field->value = trim(field->value);
	return 2;
}

static int field_lines(struct cursor *c, struct http_head *head, struct facts *f, bool request)
{
	for (;;) {
		struct http_field spare, *field = head->field_count < HTTP_FIELDS_MAX ? &head->fields[head->field_count] : &spare;
		int result = field_line(c, field);
		if (result != 2)
			return result;
		if (field == &spare)
			return -431;
		head->field_count++;
		int error = note_field(f, head, field, request);
		if (error && !f->error)
			f->error = error;
		if (f->error == 400)
			return -400;
	}
}

/* "HTTP/1.0" or "HTTP/1.1". 1: good, 0: more bytes are needed, negative: minus the status. */
static int version(struct cursor *c, uint8_t *minor)
{
	static const char name[] = "HTTP/";
	size_t n = (size_t)(c->end - c->p);

	for (size_t i = 0; i < n && i < 8; i++) {
		bool digit = c->p[i] >= '0' && c->p[i] <= '9';
		if (i < 5 ? c->p[i] != (uint8_t)name[i] : i == 6 ? c->p[i] != '.' : !digit)
			return -400;
	}
	if (n < 8)
		return 0;
	if (c->p[5] != '1' || c->p[7] > '1')
		return -505;
	*minor = (uint8_t)(c->p[7] - '0');
	c->p += 8;
	return 1;
}

static void start(struct http_head *head)
{
	memset(head, 0, offsetof(struct http_head, fields));
}

static bool keeps_alive(const struct http_head *head, const struct facts *f)
{
	return !f->close && (head->minor == 1 || f->keep_alive_option);
}

/* ---- requests ---- */

/* "http://authority/path": sets host and path. */
static bool absolute_form(struct http_head *head)
{
	struct str t = head->target;
	uint32_t scheme = t.n > 7 && str_is_nocase(str_of(t.p, 7), "http://") ? 7
		: t.n > 8 && str_is_nocase(str_of(t.p, 8), "https://") ? 8 : 0, end = scheme, i = 0;

	if (scheme == 0)
		return false;
	while (end < t.n && t.p[end] != '/' && t.p[end] != '?')
		end++;
	head->host = str_of(t.p + scheme, end - scheme);
	head->path = str_z(head->method_kind == HTTP_OPTIONS ? "*" : "/");
	if (end < t.n)
		head->path = str_of(t.p + end, t.n - end);
	/* Whoever looks at Host must see what the server will see: what it said itself does not count (RFC 9112 §3.2.2). */
	if (http_field_find(head, "host", &i))
		head->fields[i].value = head->host;
	return authority_is_valid(head->host, false);
}

/* The four forms of RFC 9112 §3.2. */
static bool target_form(struct http_head *head, const struct facts *f)
{
	struct str t = head->target;

	head->path = t;
	head->host = f->host;
	if (head->method_kind == HTTP_CONNECT) {
		head->host = t;
		return authority_is_valid(t, true);
	}
	if (t.p[0] == '/')
		return true;
	if (str_is(t, "*"))
		return head->method_kind == HTTP_OPTIONS;
	return absolute_form(head);
}

static int request_line(struct cursor *c, struct http_head *head)
{
	head->method = scan(c, TOKEN);
	if (head->method.n > METHOD_MAX)
		return -501;
	if (c->p == c->end)
		return 0;
	if (*c->p++ != ' ' || head->method.n == 0)
		return -400;
	head->target = scan(c, TARGET);
	if (c->p == c->end)
		return 0;
	if (*c->p++ != ' ' || head->target.n == 0)
		return -400;
	int result = version(c, &head->minor);
	if (result <= 0)
		return result;
	result = line_end(c);
	return result < 0 ? -400 : result;
}

static int finish_request(struct http_head *head, const struct facts *f)
{
	if (f->error)
		return f->error;
	if (f->hosts > 1 || (f->hosts == 0 && head->minor == 1))
		return 400;
	/* An empty Host says that the target has no authority (§3.2): true of "*" only, or of no matter beside a target that
	 * has one. Of an http URI it would be false (RFC 9110 §4.2.1). */
	bool may_be_empty = head->target.p[0] != '/' || head->minor == 0;
	if (f->hosts && !(f->host.n == 0 ? may_be_empty : authority_is_valid(f->host, false)))
		return 400;
	if (!target_form(head, f))
		return 400;
	/* §6.1: a coding in 1.0, or beside a length, is an attempt at smuggling, or a fault that looks like one. */
	if (f->has_coding && (head->minor == 0 || head->has_length))
		return 400;
	head->body = f->chunked ? HTTP_BODY_CHUNKED : head->has_length ? HTTP_BODY_LENGTH : HTTP_BODY_NONE;
	if (head->method_kind == HTTP_CONNECT && head->body != HTTP_BODY_NONE)
		return 400;
	head->keep_alive = keeps_alive(head, f);
	/* With a body, two messages would have to end before the protocol could change; nobody does that. h2c would put
	 * what follows out of our sight, and no server behind a proxy needs it: such an Upgrade is ignored (RFC 9110 §7.8). */
	bool bodyless = head->body == HTTP_BODY_NONE || (head->body == HTTP_BODY_LENGTH && head->content_length == 0);
	head->upgrade = f->upgrade_option && f->upgrade_protocol && !f->h2c && head->minor == 1 && bodyless;
	return 0;
}

static void drop_upgrade(struct http_head *head)
{
	uint32_t i = 0;

	for (const struct http_field *u; !head->upgrade && (u = http_field_find(head, "upgrade", &i)) != NULL; i++)
		head->fields[i].drop = true;
}

static uint8_t method_kind(struct str method)
{
	for (uint8_t m = 0; m < HTTP_OTHER; m++)
		if (str_is(method, methods[m]))
			return m;
	return HTTP_OTHER;
}

int http_request_parse(const uint8_t *bytes, size_t n, struct http_head *head)
{
	struct cursor c = { bytes, bytes + n };
	struct facts f = { .error = 0 };

	start(head);
	for (int lines = 0; c.p < c.end && *c.p == '\r'; lines++) {      /* §2.2: at least one empty line is ignored */
		int result = line_end(&c);
		if (result <= 0 || lines == EMPTY_LINES_MAX)
			return result == 0 ? 0 : -400;
	}
	int result = request_line(&c, head);
	if (result <= 0)
		return result;
	head->method_kind = method_kind(head->method);
	result = field_lines(&c, head, &f, true);
	if (result <= 0)
		return result;
	int error = finish_request(head, &f);
	if (error)
		return -error;
	if (f.named_fields)
		drop_named_fields(head);
	if (f.upgrade_field)
		drop_upgrade(head);
	return (int)(c.p - bytes);
}

/* ---- responses ---- */

static int status_line(struct cursor *c, struct http_head *head)
{
	int result = version(c, &head->minor);

	if (result <= 0)
		return result;
	for (int i = 0; i < 4; i++, c->p++) {
		if (c->p == c->end)
			return 0;
		if (i == 0 ? *c->p != ' ' : *c->p < '0' || *c->p > '9')
			return -502;
		if (i > 0)
			head->status = (uint16_t)(head->status * 10 + *c->p - '0');
	}
	if (head->status < 100)
		return -502;
	if (c->p < c->end && *c->p == ' ') {
		c->p++;
		head->reason = scan(c, VALUE);
	}
	return line_end(c);
}

/* RFC 9112 §6.3, in its order. */
static uint8_t response_body(const struct http_head *head, const struct facts *f, enum http_method method)
{
	if (head->status == 101 || (method == HTTP_CONNECT && head->status / 100 == 2))
		return HTTP_BODY_TUNNEL;
	if (method == HTTP_HEAD || head->status / 100 == 1 || head->status == 204 || head->status == 304)
		return HTTP_BODY_NONE;
	if (f->chunked)
		return HTTP_BODY_CHUNKED;
	return head->has_length ? HTTP_BODY_LENGTH : HTTP_BODY_CLOSE;
}

int http_response_parse(const uint8_t *bytes, size_t n, enum http_method method, struct http_head *head)
{
	struct cursor c = { bytes, bytes + n };
	struct facts f = { .error = 0 };

	start(head);
	int result = status_line(&c, head);
	if (result > 0)
		result = field_lines(&c, head, &f, false);
	if (result == 0)
		return 0;
	if (result < 0 || f.error || (f.has_coding && (head->minor == 0 || head->has_length)))
		return -502;
	/* RFC 9112 §6.1, RFC 9110 §8.6: these have no body, and must not speak of one. If they do, one may come. (What comes
	 * behind a 101 is nobody's message.) */
	bool lies = ((head->status < 200 && head->status != 101) || head->status == 204)
		&& (f.has_coding || (head->has_length && head->content_length > 0));
	if (lies && head->status < 200)
		return -502;
	head->body = response_body(head, &f, method);
	head->keep_alive = keeps_alive(head, &f) && !lies;
	head->upgrade = head->status == 101;
	if (f.named_fields)
		drop_named_fields(head);
	if (f.upgrade_field)
		drop_upgrade(head);
	return (int)(c.p - bytes);
}
