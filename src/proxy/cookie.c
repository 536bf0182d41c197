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

/* Dates are 30 bits, of UNIX time / 4, in 5 characters of base64. */
static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 0: it is none. */
static uint32_t read_date(const char *p)
{
	uint32_t date = 0;

	for (int i = 0; i < 5; i++) {
		const char *digit = p[i] ? strchr(base64, p[i]) : NULL;
		if (!digit)
			return 0;
		date = date << 6 | (uint32_t)(digit - base64);
	}
	return date << 2;
}

/* "web01|AAAAA|BBBBB": dates that are there replace those of a cookie before. */
static void read_dates(struct cookie *c)
{
	const char *end = c->value.p + c->value.n, *bar = memchr(c->value.p, '|', c->value.n);
	uint32_t date;

	if (!bar)
		return;
	c->value.n = (uint32_t)(bar - c->value.p);
	bar++;
	if (end - bar >= 5 && (date = read_date(bar)) != 0)
		c->last_s = date;
	bar = memchr(bar, '|', (size_t)(end - bar));
	if (bar && end - bar > 5 && (date = read_date(bar + 1)) != 0)
		c->first_s = date;
}

/* How much of a cookie's value leads to a server, in mode prefix: what is before '~', or all of it. */
static uint32_t prefix_length(struct str value)
{
	const char *tilde = memchr(value.p, '~', value.n);

	return tilde ? (uint32_t)(tilde - value.p) : value.n;
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

bool cookie_find_next(const struct http_head *head, const struct cookie_config *config, struct cookie *c)
{
	if (!cookie_next(head, config->name, &c->at, &c->value))
		return false;
	if (config->prefix)
		c->value.n = prefix_length(c->value);
	else
		read_dates(c);
	return true;
}

/* More than `limit` ago, or more than a day ahead: somebody's clock was wrong. */
static bool is_past(uint32_t date_s, uint32_t limit_s, uint32_t now_s)
{
	return date_s && limit_s && ((int32_t)(now_s - date_s) > (int32_t)limit_s || (int32_t)(date_s - now_s) > 86400);
}

int cookie_age(const struct cookie_config *config, struct cookie *c, uint32_t now_s)
{
	bool old = is_past(c->first_s, config->maxlife_s, now_s);

	if (!old && !is_past(c->last_s, config->maxidle_s, now_s))
		return 0;
	c->first_s = c->last_s = 0;
	c->value.n = 0;
	return old ? COOKIE_OLD : COOKIE_EXPIRED;
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
	c->equal -= before;
	c->value = c->equal + 1;
	c->value_end -= behind + before;
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

/* What leads to the server goes, and its '~'. Returns the bytes taken out. */
static uint32_t cut_prefix(char *p, uint32_t n, struct crumb *c)
{
	uint32_t length = prefix_length(str_of(p + c->value, c->value_end - c->value));
	uint32_t gone = c->value + length < c->value_end ? take_out(p, n, c->value, c->value + length + 1) : 0;

	c->end -= gone;
	return gone;
}

uint32_t cookie_cut(struct str field, const struct cookie_config *config, char *out)
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
		if (is_named(str_of(out, n), &c, config->name)) {
			if (config->prefix)
				n -= cut_prefix(out, n, &c);
			else if (config->insert && config->indirect && from == UINT32_MAX)
				from = at;
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

static void put_span(struct writer *w, struct str s)
{
	if (s.n > 0 && w->n + s.n <= w->size)
		memcpy(w->p + w->n, s.p, s.n);
	w->n += s.n;
}

static void put(struct writer *w, const char *text)
{
	put_span(w, str_z(text));
}

static void put_date(struct writer *w, uint32_t date_s)
{
	char text[7] = "|";

	date_s >>= 2;
	for (int i = 5; i > 0; i--, date_s >>= 6)
		text[i] = base64[date_s & 63];
	put(w, text);
}

bool cookie_is_due(const struct cookie_config *config, const struct cookie *c, bool direct, uint32_t now_s)
{
	bool dated = config->maxidle_s || c->last_s;

	if (!direct)
		return true;
	/* A date to be set, renewed or taken away. */
	return (dated && (!c->last_s || (int32_t)(c->last_s - now_s) < 0)) || !config->maxlife_s != !c->first_s;
}

uint32_t cookie_make(const struct cookie_config *config, const char *value, const struct cookie *c, uint32_t now_s,
	char *out, uint32_t size)
{
	struct writer w = { out, 0, size };

	put(&w, config->name);
	put(&w, "=");
	put(&w, value ? value : "; Expires=Thu, 01-Jan-1970 00:00:01 GMT");
	if (value && (config->maxidle_s || config->maxlife_s))
		put_date(&w, now_s + 3);
	if (value && config->maxlife_s)
		put_date(&w, c->first_s ? c->first_s : now_s + 3);
	put(&w, "; path=/");
	if (config->domain) {
		put(&w, "; domain=");
		put(&w, config->domain);
	}
	if (config->httponly)
		put(&w, "; HttpOnly");
	if (config->secure)
		put(&w, "; Secure");
	if (config->attr) {
		put(&w, "; ");
		put(&w, config->attr);
	}
	return w.n <= size ? w.n : 0;
}

int cookie_fate(const struct cookie_config *config, const char *value, bool direct)
{
	if (config->preserve)
		return COOKIE_PASSIVE;
	if (config->insert || (config->indirect && direct))
		return COOKIE_DELETED;
	return value && (config->rewrite || config->prefix) ? COOKIE_REPLACED : COOKIE_PASSIVE;
}

bool cookie_is_set_by(const struct http_field *f, const char *name)
{
	if (!str_is_nocase(f->name, "set-cookie"))
		return false;
	struct crumb c = read_crumb(f->value, 0, true);
	return is_named(f->value, &c, name);
}

uint32_t cookie_change(struct str field, const struct cookie_config *config, int fate, const char *value, char *out,
	uint32_t size)
{
	struct crumb c = read_crumb(field, 0, true);
	struct writer w = { out, 0, size };
	bool ours = is_named(field, &c, config->name);

	if (ours && fate == COOKIE_DELETED)
		return 0;
	put_span(&w, str_of(field.p, c.has_value ? c.name_end : field.n));
	if (c.has_value) {
		bool replaced = ours && fate == COOKIE_REPLACED;
		put(&w, "=");
		if (replaced)
			put(&w, value);
		if (replaced && config->prefix)
			put(&w, "~");
		uint32_t from = replaced && !config->prefix ? c.value_end : c.value;
		put_span(&w, str_of(field.p + from, field.n - from));
	}
	return w.n <= size ? w.n : UINT32_MAX;
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

/* ---- dynamic ---- */

/* XXH64 with seed 0, which is what HAProxy uses; of an input that nobody but the administrator gives. */
#define PRIME_1 0x9e3779b185ebca87u
#define PRIME_2 0xc2b2ae3d27d4eb4fu
#define PRIME_3 0x165667b19e3779f9u
#define PRIME_4 0x85ebca77c2b2ae63u
#define PRIME_5 0x27d4eb2f165667c5u

static uint64_t rotate(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static uint64_t little_endian(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static uint64_t round_64(uint64_t sum, uint64_t lane)
{
	return rotate(sum + lane * PRIME_2, 31) * PRIME_1;
}

static uint64_t xxh64(const uint8_t *p, size_t n)
{
	uint64_t lanes[4] = { PRIME_1 + PRIME_2, PRIME_2, 0, -PRIME_1 }, hash = PRIME_5;
	size_t left = n;

	for (; left >= 32; p += 32, left -= 32)
		for (int i = 0; i < 4; i++)
			lanes[i] = round_64(lanes[i], little_endian(p + 8 * i, 8));
	if (n >= 32) {
		hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
		for (int i = 0; i < 4; i++)
			hash = (hash ^ round_64(0, lanes[i])) * PRIME_1 + PRIME_4;
	}
	hash += n;
	for (; left >= 8; p += 8, left -= 8)
		hash = rotate(hash ^ round_64(0, little_endian(p, 8)), 27) * PRIME_1 + PRIME_4;
	for (; left >= 4; p += 4, left -= 4)
		hash = rotate(hash ^ little_endian(p, 4) * PRIME_1, 23) * PRIME_2 + PRIME_3;
	for (; left > 0; p++, left--)
		hash = rotate(hash ^ *p * PRIME_5, 11) * PRIME_1;
	hash = (hash ^ hash >> 33) * PRIME_2;
	hash = (hash ^ hash >> 29) * PRIME_3;
	return hash ^ hash >> 32;
}

void cookie_dynamic(const struct endpoint *e, const char *key, char out[17])
{
	uint8_t text[COOKIE_KEY_MAX + 20];
	size_t n = strlen(key), address = e->addr.family == ADDR_IPV6 ? 16 : 4;

	memcpy(text, key, n);
	memcpy(text + n, e->addr.bytes, address);
	memcpy(text + n + address, (uint8_t[4]) { 0, 0, (uint8_t)(e->port >> 8), (uint8_t)e->port }, 4);
	uint64_t hash = xxh64(text, n + address + 4);
	for (int i = 16; i-- > 0; hash >>= 4)
		out[i] = "0123456789abcdef"[hash & 15];
	out[16] = 0;
}
