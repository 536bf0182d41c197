/* SPDX-License-Identifier: MIT */
#include "proxy/cookie.h"
#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* One cookie of a Cookie field. */
struct crumb {
	struct str name, value;
	uint32_t start, end;            /* from its delimiter (or the front) up to the next delimiter or the end */
};

/* Where a value ends: at ';' or ',' outside quotes (RFC 2109's cookies may be quoted). */
static uint32_t value_end(struct str s, uint32_t i)
{
	bool quoted = false;

	for (; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (!quoted && (s.p[i] == ';' || s.p[i] == ','))
			return i;
	}
	return s.n;
}

static struct str trimmed(struct str s, uint32_t from, uint32_t to)
{
	while (from < to && is_space(s.p[from]))
		from++;
	while (to > from && is_space(s.p[to - 1]))
		to--;
	return str_of(s.p + from, to - from);
}

/* The crumb that starts at c->end. false: there is no more. */
static bool next_crumb(struct str field, struct crumb *c)
{
	uint32_t i = c->end, equal;

	if (i >= field.n)
		return false;
	c->start = i;
	i += i > 0;             /* its delimiter */
	for (equal = i; equal < field.n && !strchr("=;,", field.p[equal]); equal++)
		;
	c->name = trimmed(field, i, equal);
	if (equal < field.n && field.p[equal] == '=') {
		c->end = value_end(field, equal + 1);
		c->value = trimmed(field, equal + 1, c->end);
	} else {
		c->end = equal;
		c->value = str_of(field.p + equal, 0);
	}
	return true;
}

bool cookie_find(const struct http_head *head, const char *name, struct str *value)
{
	const struct http_field *f;

	for (uint32_t i = 0; (f = http_field_find(head, "cookie", &i)) != NULL; i++) {
		struct crumb c = { .end = 0 };
		while (next_crumb(f->value, &c)) {
			if (!str_is(c.name, name))
				continue;
			const char *date = memchr(c.value.p, '|', c.value.n);
			*value = str_of(c.value.p, date ? (size_t)(date - c.value.p) : c.value.n);
			return true;
		}
	}
	return false;
}

uint32_t cookie_cut(struct str field, const char *name, char *out)
{
	struct crumb c = { .end = 0 };
	uint32_t n = 0;
	bool cut_before = false;

	while (next_crumb(field, &c)) {
		if (str_is(c.name, name)) {
			/* As HAProxy: no space is left before the delimiter that now follows. */
			while (n > 0 && is_space(out[n - 1]))
				n--;
			cut_before = true;
			continue;
		}
		if (!cut_before) {
			memcpy(out + n, field.p + c.start, c.end - c.start);
			n += c.end - c.start;
			continue;
		}
		/* The first one after a cut: one delimiter and one space, unless it has become the first of all. */
		uint32_t from = c.start + (c.start > 0);
		while (from < c.end && is_space(field.p[from]))
			from++;
		if (n > 0) {
			out[n++] = field.p[c.start];
			out[n++] = ' ';
		}
		memcpy(out + n, field.p + from, c.end - from);
		n += c.end - from;
		cut_before = false;
	}
	return n;
}

const struct server_config *cookie_server(const struct proxy_config *backend, struct str value,
	const struct server_config *after)
{
	for (const struct server_config *s = after ? after->next : backend->servers; s; s = s->next)
		if (s->cookie && str_is(value, s->cookie))
			return s;
	return NULL;
}

struct writer { char *p; uint32_t n, size; };

static void put(struct writer *w, const char *text)
{
	size_t n = strlen(text);

	if (w->n + n <= w->size)
		memcpy(w->p + w->n, text, n);
	w->n += (uint32_t)n;
}

uint32_t cookie_make(const struct cookie_config *c, const char *value, char *out, uint32_t size)
{
	struct writer w = { out, 0, size };

	put(&w, c->name);
	put(&w, "=");
	put(&w, value ? value : "; Expires=Thu, 01-Jan-1970 00:00:01 GMT");
	put(&w, "; path=/");
	if (c->domain) {
		put(&w, "; domain=");
		put(&w, c->domain);
	}
	if (c->httponly)
		put(&w, "; HttpOnly");
	if (c->secure)
		put(&w, "; Secure");
	return w.n <= size ? w.n : 0;
}

bool cookie_is_set_by(const struct http_field *f, const char *name)
{
	struct crumb c = { .end = 0 };

	return str_is_nocase(f->name, "set-cookie") && next_crumb(f->value, &c) && str_is(c.name, name);
}

static bool starts_with(struct str s, const char *text)
{
	size_t n = strlen(text);

	return s.n >= n && str_is_nocase(str_of(s.p, n), text);
}

static bool cacheable_status(unsigned status)
{
	static const uint16_t list[] = { 200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501 };

	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (list[i] == status)
			return true;
	return false;
}

/* One directive of Cache-Control, as HAProxy reads it: a later `public` takes back what was said before. */
static void cache_directive(struct str d, bool *cacheable, bool *dated)
{
	if (str_is_nocase(d, "public"))
		*cacheable = true;
	else if (str_is_nocase(d, "private") || str_is_nocase(d, "no-cache") || str_is_nocase(d, "no-store")
	    || str_is_nocase(d, "max-age=0") || str_is_nocase(d, "s-maxage=0"))
		*cacheable = false;
	else if (starts_with(d, "max-age") || starts_with(d, "s-maxage"))
		*dated = true;
}

bool cookie_response_cacheable(const struct http_head *head, enum http_method method)
{
	bool safe = method == HTTP_GET || method == HTTP_HEAD || method == HTTP_OPTIONS || method == HTTP_TRACE;
	bool cacheable = safe && cacheable_status(head->status), dated = false;
	const struct http_field *f;

	if (!cacheable)
		return false;
	for (uint32_t i = 0; (f = http_field_find(head, "pragma", &i)) != NULL; i++)
		cacheable = cacheable && !str_is_nocase(f->value, "no-cache");
	for (uint32_t i = 0; (f = http_field_find(head, "cache-control", &i)) != NULL; i++) {
		for (uint32_t at = 0; at < f->value.n; at++) {
			uint32_t end = value_end(f->value, at);
			cache_directive(trimmed(f->value, at, end), &cacheable, &dated);
			at = end;
		}
	}
	for (uint32_t i = 0; i < head->field_count; i++)
		dated = dated || str_is_nocase(head->fields[i].name, "expires") || str_is_nocase(head->fields[i].name, "etag")
			|| str_is_nocase(head->fields[i].name, "last-modified");
	return cacheable && dated;
}
