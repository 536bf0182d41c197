/* SPDX-License-Identifier: MIT */
#include "proxy/sample.h"
#include <string.h>
#include "proxy/cookie.h"

uint8_t sample_type(enum sample_kind kind)
{
	static const uint8_t types[SAMPLE_KINDS] = { [SAMPLE_TRUE] = VALUE_BOOL, [SAMPLE_FALSE] = VALUE_BOOL,
		[SAMPLE_SRC] = VALUE_ADDR, [SAMPLE_SRC_PORT] = VALUE_NUMBER, [SAMPLE_STATUS] = VALUE_NUMBER,
		[SAMPLE_HDR_CNT] = VALUE_NUMBER, [SAMPLE_HDR_VAL] = VALUE_NUMBER, [SAMPLE_HDR_IP] = VALUE_ADDR,
		[SAMPLE_NBSRV] = VALUE_NUMBER, [SAMPLE_DST] = VALUE_ADDR, [SAMPLE_DST_PORT] = VALUE_NUMBER,
		[SAMPLE_SSL_HELLO_TYPE] = VALUE_NUMBER,
		[SAMPLE_STICK] = VALUE_NUMBER, [SAMPLE_STICK_INC] = VALUE_NUMBER };   /* others: text */

	return types[kind];
}

/* The number that s starts with; false: it starts with none. */
static bool text_number(struct str s, bool may_be_negative, int64_t *number)
{
	bool minus = may_be_negative && s.n > 0 && s.p[0] == '-';
	uint32_t i = minus;
	int64_t v = 0;

	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && v < INT64_MAX / 10 - 1; i++)
		v = v * 10 + (s.p[i] - '0');
	*number = minus ? -v : v;
	return i > minus;
}

/* ---- parts of a message ---- */

static uint32_t path_end(const struct http_head *head)
{
	const char *mark = head->path.n ? memchr(head->path.p, '?', head->path.n) : NULL;

	return mark ? (uint32_t)(mark - head->path.p) : head->path.n;
}

struct str path_of(const struct http_head *head)
{
	return str_of(head->path.p, head->path.n && head->path.p[0] == '/' ? path_end(head) : 0);
}

struct str query_of(const struct http_head *head)
{
	uint32_t end = path_end(head) + 1;

	return end <= head->path.n ? str_of(head->path.p + end, head->path.n - end) : str_of(NULL, 0);
}

/* The next element of a field of that name, split at commas outside quotes. As in HAProxy, "a," has an empty one behind
 * the comma, and an empty field is one empty element. */
static bool split(const struct http_head *head, struct str name, struct http_cursor *at, struct str *out)
{
	for (; at->field < head->field_count; at->field++, at->offset = 0) {
		struct str s = head->fields[at->field].value;
		uint32_t start = at->offset, end = start;
		bool quoted = false;
		if (start > s.n || !str_equal_nocase(head->fields[at->field].name, name))
			continue;
		for (; end < s.n && (quoted || s.p[end] != ','); end++) {
			if (quoted && s.p[end] == '\\' && end + 1 < s.n)
				end++;
			else if (s.p[end] == '"')
				quoted = !quoted;
		}
		at->offset = end + 1;
		while (start < end && (s.p[start] == ' ' || s.p[start] == '\t'))
			start++;
		while (end > start && (s.p[end - 1] == ' ' || s.p[end - 1] == '\t'))
			end--;
		*out = str_of(s.p + start, end - start);
		return true;
	}
	return false;
}

/* The same, but for what Connection says about the end of its connection: HAProxy hides that. */
static bool next_element(const struct http_head *head, struct str name, struct http_cursor *at, struct str *out)
{
	bool is_connection = str_is_nocase(name, "connection");

	while (split(head, name, at, out))
		if (!is_connection || !(str_is_nocase(*out, "close") || str_is_nocase(*out, "keep-alive")))
			return true;
	return false;
}

/* The next "name=value" of the query; HAProxy parts them at '&', ';' and further '?'. */
static bool next_parameter(const struct http_head *head, struct str name, struct http_cursor *at, struct str *out)
{
	struct str query = query_of(head);

	while (at->offset < query.n) {
		uint32_t start = at->offset, end = start;
		while (end < query.n && query.p[end] != '&' && query.p[end] != ';' && query.p[end] != '?')
			end++;
		at->offset = end + 1;
		if (end - start > name.n && query.p[start + name.n] == '=' && memcmp(query.p + start, name.p, name.n) == 0) {
			start += name.n + 1;
			*out = str_of(query.p + start, end - start);
			return true;
		}
	}
	return false;
}

/* ---- values ---- */

static bool text_is_here(struct str s, struct sample *out)
{
	out->text = s;
	return s.p != NULL;
}

static bool ends_field(const struct http_head *head, const struct http_cursor *at, struct str s)
{
	struct str value = head->fields[at->field].value;

	return s.p + s.n == value.p + value.n;
}

/* As HAProxy: a port may stand behind IPv4. */
static bool text_addr(struct str s, struct addr *out)
{
	const char *colon = s.n > 0 ? memchr(s.p, ':', s.n) : NULL;

	return addr_parse(s, out) || (colon && addr_parse(str_of(s.p, (uint32_t)(colon - s.p)), out));
}

/* Values of which there may be several. */
static bool next_of_head(const struct sample_expr *e, const struct sample_context *c, struct http_cursor *at,
	struct sample *out)
{
	switch (e->kind) {
	case SAMPLE_URL_PARAM:
		return next_parameter(c->head, e->argument, at, &out->text);
	case SAMPLE_COOKIE:
		while (cookie_next(c->head, e->argument.p, at, &out->text))
			if (out->text.n > 0 || !ends_field(c->head, at, out->text))
				return true;
		return false;   /* an empty one at the end of its field is none, as in HAProxy */
	case SAMPLE_HDR_VAL:
		if (!next_element(c->head, e->argument, at, &out->text))
			return false;
		if (!text_number(out->text, true, &out->number))
			out->number = 0;
		return true;
	case SAMPLE_HDR_IP:
		while (next_element(c->head, e->argument, at, &out->text))
			if (text_addr(out->text, &out->addr))
				return true;
		return false;
	default:
		return next_element(c->head, e->argument, at, &out->text);
	}
}

/* What a message has once. */
static bool one_of_head(const struct sample_expr *e, const struct sample_context *c, struct sample *out)
{
	const struct http_head *head = c->head;
	struct http_cursor at = { 0, 0 };

	switch (e->kind) {
	case SAMPLE_VERSION:
		return text_is_here(str_z(head->minor ? "1.1" : "1.0"), out);
	case SAMPLE_PATH:
		return text_is_here(path_of(head), out) && out->text.n > 0;
	case SAMPLE_URL:
		return text_is_here(head->target, out);
	case SAMPLE_QUERY:
		return text_is_here(query_of(head), out);
	case SAMPLE_STATUS:
		out->number = head->status;
		return true;
	default:        /* SAMPLE_HDR_CNT */
		for (struct str s; next_element(head, e->argument, &at, &s);)
			out->number++;
		return true;
	}
}

static bool of_connection(const struct sample_expr *e, const struct sample_context *c, struct sample *out)
{
	switch (e->kind) {
	case SAMPLE_TRUE:
	case SAMPLE_FALSE:
		out->number = e->kind == SAMPLE_TRUE;
		return true;
	case SAMPLE_SRC:
	case SAMPLE_SRC_PORT:
		out->addr = c->client->addr;
		out->number = c->client->port;
		return true;
	case SAMPLE_METHOD:
		return text_is_here(c->head && c->head->method.n ? c->head->method : http_method_name(c->method), out);
	case SAMPLE_FRONTEND:
		return text_is_here(str_z(c->frontend), out);
	case SAMPLE_BACKEND:
		return text_is_here(str_z(c->backend), out);
	case SAMPLE_SERVER:
		return text_is_here(str_z(c->server), out);
	case SAMPLE_HOSTNAME:
		return text_is_here(str_z(c->hostname), out);
	default:
		return c->ask && c->ask(c, e, out);
	}
}

static bool is_several(enum sample_kind kind)
{
	return kind == SAMPLE_URL_PARAM || kind == SAMPLE_COOKIE || kind == SAMPLE_HDR || kind == SAMPLE_HDR_VAL
		|| kind == SAMPLE_HDR_IP;
}

static bool next(const struct sample_expr *e, const struct sample_context *c, struct http_cursor *at, struct sample *out)
{
	bool of_head = e->kind >= SAMPLE_VERSION && e->kind <= SAMPLE_COOKIE;

	*out = (struct sample){ .type = sample_type(e->kind) };
	if (of_head && !c->head)
		return false;
	if (is_several(e->kind))
		return next_of_head(e, c, at, out);
	if (at->field++ > 0)
		return false;
	return of_head ? one_of_head(e, c, out) : of_connection(e, c, out);
}

/* The wanted one of several, counted from the front or from the end. */
static bool nth(const struct sample_expr *e, const struct sample_context *c, int wanted, struct sample *out)
{
	struct http_cursor at = { 0, 0 };
	struct sample_expr any = *e;
	int count = 0;

	/* What is no address counts as well: it is in the place of one. */
	if (e->kind == SAMPLE_HDR_IP) {
		any.kind = SAMPLE_HDR;
		bool found = nth(&any, c, wanted, out);
		out->type = VALUE_ADDR;
		return found && text_addr(out->text, &out->addr);
	}
	while (wanted < 0 && next(e, c, &at, out))
		count++;
	wanted += wanted < 0 ? count + 1 : 0;
	at = (struct http_cursor){ 0, 0 };
	while (wanted > 0 && next(e, c, &at, out))
		if (--wanted == 0)
			return true;
	return false;
}

bool sample_next(const struct sample_expr *e, const struct sample_context *c, struct http_cursor *at, struct sample *out)
{
	if (!e->occurrence)
		return next(e, c, at, out);
	return at->field++ == 0 && nth(e, c, e->occurrence, out);
}

bool sample_one(const struct sample_expr *e, const struct sample_context *c, struct sample *out)
{
	bool last = e->kind >= SAMPLE_HDR && e->kind <= SAMPLE_COOKIE && e->kind != SAMPLE_HDR_CNT;

	return nth(e, c, e->occurrence ? e->occurrence : last ? -1 : 1, out);
}

struct str sample_text(const struct sample *s, char *area)
{
	switch (s->type) {
	case VALUE_TEXT:
		return s->text;
	case VALUE_ADDR:
		return str_z(addr_print(&s->addr, area));
	default:
		return str_of(area, text_format(area, ADDR_TEXT_MAX, "%s%lu", s->number < 0 ? "-" : "",
			(unsigned long)(s->number < 0 ? -s->number : s->number)));
	}
}

bool sample_number(const struct sample *s, int64_t *number)
{
	*number = s->number;
	if (s->type == VALUE_TEXT)
		return text_number(s->text, false, number);
	if (s->type == VALUE_ADDR && s->addr.family == ADDR_IPV4)
		*number = addr_to_u32(&s->addr);
	return s->type != VALUE_ADDR || s->addr.family == ADDR_IPV4;
}
