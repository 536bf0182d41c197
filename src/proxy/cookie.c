/* SPDX-License-Identifier: MIT */
#include "proxy/cookie.h"
#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* One cookie of a Cookie field, as places in it. */
struct crumb {
	uint32_t name, name_end, equal, value, value_end;
	uint32_t end;                   /* of the crumb: the next delimiter, or the end of the field */
	bool has_value;                 /* there is a '=' */
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

static uint32_t skip_space(struct str s, uint32_t i)
{
	while (i < s.n && is_space(s.p[i]))
		i++;
	return i;
}

static uint32_t trim_end(const char *p, uint32_t from, uint32_t to)
{
	while (to > from && is_space(p[to - 1]))
		to--;
	return to;
}

/* The crumb from `at`, where its delimiter stands unless it is the first. Only the first may end where it starts: whoever
 * goes from end to end gets on. */
static struct crumb read_crumb(struct str s, uint32_t at, bool first)
{
	struct crumb c = { .name = skip_space(s, at + !first) };

	c.equal = c.name;
	while (c.equal < s.n && s.p[c.equal] != '=' && s.p[c.equal] != ';' && s.p[c.equal] != ',')
		c.equal++;
	c.name_end = trim_end(s.p, c.name, c.equal);
	c.has_value = c.equal < s.n && s.p[c.equal] == '=';
	c.value = c.has_value ? skip_space(s, c.equal + 1) : c.equal;
	c.end = c.has_value ? value_end(s, c.value) : c.equal;
	c.value_end = trim_end(s.p, c.value, c.end);
	return c;
}

static bool is_named(struct str s, const struct crumb *c, const char *name)
{
	return c->has_value && str_is(str_of(s.p + c->name, c->name_end - c->name), name);
}

bool cookie_next(const struct http_head *head, const char *name, struct http_cursor *at, struct str *value)
{
	for (; http_field_find(head, "cookie", &at->field); at->field++, at->offset = 0) {
		struct str s = head->fields[at->field].value;
		/* offset: one more than where the crumb before ended; 0: this is the field's first */
		while (at->offset ? at->offset <= s.n : s.n > 0) {
			struct crumb c = read_crumb(s, at->offset - (at->offset > 0), at->offset == 0);
			at->offset = c.end + 1;
			*value = str_of(s.p + c.value, c.value_end - c.value);
			if (is_named(s, &c, name))
				return true;
		}
	}
	return false;
}

bool cookie_find_next(const struct http_head *head, const char *name, struct http_cursor *at, struct str *value)
{
	bool found = cookie_next(head, name, at, value);
	const char *date = found ? memchr(value->p, '|', value->n) : NULL;

	if (date)
		value->n = (uint32_t)(date - value->p);
	return found;
}

static uint32_t take_out(char *p, uint32_t n, uint32_t from, uint32_t to)
{
	memmove(p + from, p + to, n - to);
	return to - from;
}

/* HAProxy leaves no white space around the '=' of any cookie. Returns the bytes taken out. */
static uint32_t close_gaps(char *p, uint32_t n, struct crumb *c)
{
	uint32_t behind = take_out(p, n, c->equal + 1, c->value);
	uint32_t before = take_out(p, n - behind, c->name_end, c->equal);

	c->end -= behind + before;
	return behind + before;
}

/* Cuts from `from` up to the delimiter at `to`; one delimiter and one space are left between neighbours. Returns the bytes
 * taken out. */
static uint32_t cut_out(char *p, uint32_t n, uint32_t from, uint32_t to)
{
	uint32_t next = skip_space(str_of(p, n), to + 1);

	if (from > 0) {
		from = trim_end(p, 0, from);
		p[from++] = p[to];
		if (from < to)
			p[from++] = ' ';
	}
	return take_out(p, n, from, next);
}

uint32_t cookie_cut(struct str field, const char *name, char *out)
{
	uint32_t n = field.n, from = UINT32_MAX;
	struct crumb c = { .end = 0 };
	bool kept = false;

	memcpy(out, field.p, n);
	for (bool first = true; first ? n > 0 : c.end < n; first = false) {
		uint32_t at = c.end;
		c = read_crumb(str_of(out, n), at, first);
		if (c.name < n && out[c.name] == '$')
			continue;       /* RFC 2965: belongs to the cookie before it, and goes with it */
		if (c.has_value)
			n -= close_gaps(out, n, &c);
		if (is_named(str_of(out, n), &c, name)) {
			from = from == UINT32_MAX ? at : from;
			continue;
		}
		kept = true;
		if (from != UINT32_MAX) {
			uint32_t gone = cut_out(out, n, from, at);
			n -= gone;
			c.end -= gone;
			from = UINT32_MAX;
		}
	}
	if (from != UINT32_MAX)
		n = kept ? from : 0;
	return trim_end(out, 0, n);
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
	if (!str_is_nocase(f->name, "set-cookie"))
		return false;
	struct crumb c = read_crumb(f->value, 0, true);
	return is_named(f->value, &c, name);
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

/* What Cache-Control has said so far. */
struct caching { bool cacheable, dated; };

/* One directive, as HAProxy reads it: `public` takes back what was said before, also by method and status. */
static void cache_directive(struct str d, struct caching *c)
{
	if (str_is_nocase(d, "public"))
		c->cacheable = true;
	else if (str_is_nocase(d, "private") || str_is_nocase(d, "no-cache") || str_is_nocase(d, "no-store")
	    || str_is_nocase(d, "max-age=0") || str_is_nocase(d, "s-maxage=0"))
		c->cacheable = false;
	else if (starts_with(d, "max-age") || starts_with(d, "s-maxage"))
		c->dated = true;
}

static void cache_directives(struct str s, struct caching *c)
{
	for (uint32_t at = 0; at < s.n; at++) {
		uint32_t end = value_end(s, at), from = skip_space(str_of(s.p, end), at);
		cache_directive(str_of(s.p + from, trim_end(s.p, from, end) - from), c);
		at = end;
	}
}

bool cookie_response_cacheable(const struct http_head *head, enum http_method method)
{
	bool safe = method == HTTP_GET || method == HTTP_HEAD || method == HTTP_OPTIONS || method == HTTP_TRACE;
	struct caching c = { .cacheable = safe && cacheable_status(head->status) };
	const struct http_field *f;
	uint32_t pragma = 0;

	if (head->status < 200)
		return false;
	f = http_field_find(head, "pragma", &pragma);
	if (f && str_is_nocase(f->value, "no-cache"))
		return false;
	for (uint32_t i = 0; i < head->field_count; i++) {
		f = &head->fields[i];
		if (str_is_nocase(f->name, "cache-control"))
			cache_directives(f->value, &c);
		else if (str_is_nocase(f->name, "expires") || str_is_nocase(f->name, "etag")
		    || str_is_nocase(f->name, "last-modified"))
			c.dated = true;
	}
	return c.cacheable && c.dated;
}
