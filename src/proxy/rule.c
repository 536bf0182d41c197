/* SPDX-License-Identifier: MIT */
#include "proxy/rule.h"
#include <string.h>
#include "proxy/authority.h"

/* Of the first rules of a list it is remembered; beyond them conditions are asked anew. */
static bool holds(const struct rule *r, const struct sample_context *c)
{
	uint32_t bit = c->held && r->place < 32 ? 1U << r->place : 0;

	if (c->again && bit)
		return *c->held & bit;
	if (!condition_holds(r->condition, c))
		return false;
	if (bit)
		*c->held |= bit;
	return true;
}

const struct rule *rule_first(const struct rule *r, const struct sample_context *c)
{
	while (r && !holds(r, c))
		r = r->next;
	return r;
}

/* ---- texts ---- */

/* Appends to what began at `start`. */
static bool put(struct text_area *a, struct str s)
{
	if (s.n > a->left)
		return false;
	if (s.n > 0)
		memcpy(a->p, s.p, s.n);
	a->p += s.n;
	a->left -= s.n;
	return true;
}

/* What a target may not contain is escaped: a space would end it. */
static bool put_target(struct text_area *a, struct str s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (uint32_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char escaped[3] = { '%', digits[c >> 4], digits[c & 15] };
		if (!put(a, c > ' ' && c < 0x7f && c != '#' ? str_of(s.p + i, 1) : str_of(escaped, 3)))
			return false;
	}
	return true;
}

struct matched { struct str all, gap; };

static bool write_format(const struct format *f, const struct sample_context *c, const struct matched *m,
	struct text_area *a, struct str *out)
{
	char number[ADDR_TEXT_MAX];
	const char *start = a->p;

	for (uint32_t i = 0; i < f->count; i++) {
		const struct format_piece *p = &f->pieces[i];
		struct str s = p->text;
		struct sample_expr plain = { .kind = p->variable };
		struct sample value;
		if (p->reference)
			s = p->reference == 1 ? m->all : m->gap;
		else if ((p->sample || p->variable) && sample_one(p->sample ? p->sample : &plain, c, &value))
			s = sample_text(&value, number);
		if (!put(a, s))
			return false;
	}
	*out = str_of(start, (size_t)(a->p - start));
	return true;
}

bool format_write(const struct format *f, const struct sample_context *c, struct text_area *a, struct str *out)
{
	return write_format(f, c, NULL, a, out);
}

/* Where `what` stands in s, the first time or the last; s.n: nowhere, unless `what` is empty. */
static uint32_t find(struct str s, struct str what, bool last)
{
	uint32_t found = s.n;

	for (uint32_t i = 0; i + what.n <= s.n; i++)
		if (str_equal(str_of(s.p + i, what.n), what)) {
			found = i;
			if (!last)
				break;
		}
	return found;
}

static bool starts(struct str s, struct str with)
{
	return s.n >= with.n && str_equal(str_of(s.p, with.n), with);
}

static bool ends(struct str s, struct str with)
{
	return s.n >= with.n && str_equal(str_of(s.p + s.n - with.n, with.n), with);
}

/* Leftmost and greedy, as regular expressions have it: `before` at its first place leaves most room for the rest. */
static bool pattern_matches(const struct pattern *p, struct str s, struct matched *m)
{
	bool exact = !p->gap && p->to_end;
	uint32_t start = p->from_start ? 0 : exact && ends(s, p->before) ? s.n - p->before.n : find(s, p->before, false);

	if (start > s.n || !starts(str_of(s.p + start, s.n - start), p->before))
		return false;
	struct str rest = str_of(s.p + start + p->before.n, s.n - start - p->before.n);
	m->all = str_of(s.p + start, p->before.n);
	m->gap = str_of(rest.p, 0);
	if (!p->gap)
		return !p->to_end || rest.n == 0;
	uint32_t after = p->to_end ? rest.n - p->after.n : find(rest, p->after, true);
	if (rest.n < p->after.n || !starts(str_of(rest.p + after, rest.n - after), p->after))
		return false;
	m->gap.n = after;
	m->all.n += after + p->after.n;
	return true;
}

/* ---- fields ---- */

static bool is_named(const struct http_field *f, const struct rule *r)
{
	struct str name = str_z(r->name), its = f->name;

	if (its.n < name.n || f->name.n == 0)
		return false;
	switch (r->action == RULE_DEL_HEADER ? r->match : MATCH_EXACT) {
	case MATCH_BEG:
		return str_equal_nocase(str_of(its.p, name.n), name);
	case MATCH_END:
		return str_equal_nocase(str_of(its.p + its.n - name.n, name.n), name);
	default:
		return str_equal_nocase(its, name);
	}
}

/* Host is one of the fields that the proxy writes itself, and must stay one that all read alike. */
static bool set_host(struct http_head *head, struct http_field *f, struct str value)
{
	head->host = f->value = value;
	return authority_is_valid(value, false);
}

static bool add_field(struct http_head *head, const char *name, struct str value)
{
	if (head->field_count == HTTP_FIELDS_MAX)
		return false;
	head->fields[head->field_count++] = (struct http_field){ .name = str_z(name), .value = value };
	return true;
}

/* Fields that the proxy writes anew are out of reach, but for Host. */
static struct http_field *next_field(struct http_head *head, const struct rule *r, uint32_t *i)
{
	for (; *i < head->field_count; ++*i) {
		struct http_field *f = &head->fields[*i];
		if (is_named(f, r) && (!f->drop || str_is_nocase(f->name, "host")))
			return f;
	}
	return NULL;
}

static bool replace_header(const struct rule *r, struct http_head *head, const struct sample_context *c, struct text_area *a)
{
	struct http_field *f;
	struct matched m;
	struct str value;

	for (uint32_t i = 0; (f = next_field(head, r, &i)) != NULL; i++) {
		if (!pattern_matches(&r->pattern, f->value, &m))
			continue;
		if (!write_format(&r->value, c, &m, a, &value))
			return false;
		if (f->drop && !set_host(head, f, value))
			return false;
		f->value = value;
	}
	return true;
}

static bool change_header(const struct rule *r, struct http_head *head, const struct sample_context *c, struct text_area *a)
{
	struct http_field *f;
	struct str value = { "", 0 };
	uint32_t first = 0;

	if (r->action != RULE_DEL_HEADER && !write_format(&r->value, c, NULL, a, &value))
		return false;
	if (r->action == RULE_SET_HEADER && str_is_nocase(str_z(r->name), "host")) {
		if (!next_field(head, r, &first) && !add_field(head, r->name, value))   /* HTTP/1.0 */
			return false;
		head->fields[first].drop = true;
		return set_host(head, &head->fields[first], value);
	}
	for (uint32_t i = 0; r->action != RULE_ADD_HEADER && (f = next_field(head, r, &i)) != NULL; i++)
		if (!f->drop) {
			f->drop = true;
			f->name.n = 0;  /* and no condition sees it any more */
		}
	return r->action == RULE_DEL_HEADER || add_field(head, r->name, value);
}

/* ---- the target ---- */

/* Path and query from their parts. */
static bool set_target(struct http_head *head, struct text_area *a, struct str path, struct str query)
{
	const char *start = a->p;

	if (!(path.n > 0 && path.p[0] == '/') && !put(a, str_of("/", 1)))
		return false;
	if (!put_target(a, path))
		return false;
	if (query.p && (!put(a, str_of("?", 1)) || !put_target(a, query)))
		return false;
	head->path = head->target = str_of(start, (size_t)(a->p - start));
	return true;
}

static bool change_target(const struct rule *r, struct http_head *head, const struct sample_context *c, struct text_area *a)
{
	struct str path = path_of(head), query = query_of(head), value;
	struct matched m;

	if (path.n == 0 && !(r->action == RULE_SET_PATH && str_is(head->path, "*")))
		return true;    /* OPTIONS * and CONNECT have none */
	if (r->action == RULE_REPLACE_PATH && !pattern_matches(&r->pattern, path, &m))
		return true;
	if (!write_format(&r->value, c, &m, a, &value))
		return false;
	if (r->action != RULE_SET_QUERY)
		return set_target(head, a, value, query);
	if (value.n == 0 && !query.p)
		return true;
	return set_target(head, a, path, value);
}

/* A status without a body, and one with it, cannot become each other. */
static void set_status(const struct rule *r, struct http_head *head)
{
	if (head->status < 200 || head->status == 204 || head->status == 304)
		return;
	head->status = r->status;
	head->reason = str_z(r->name);
}

bool rules_run(const struct rule *r, struct http_head *head, const struct sample_context *c, struct text_area *a,
	const struct rule **end)
{
	*end = NULL;
	for (; (r = rule_first(r, c)) != NULL; r = r->next) {
		bool good = true;
		switch (r->action) {
		case RULE_SET_HEADER:
		case RULE_ADD_HEADER:
		case RULE_DEL_HEADER:
			good = change_header(r, head, c, a);
			break;
		case RULE_REPLACE_HEADER:
			good = replace_header(r, head, c, a);
			break;
		case RULE_SET_PATH:
		case RULE_REPLACE_PATH:
		case RULE_SET_QUERY:
			good = change_target(r, head, c, a);
			break;
		case RULE_SET_STATUS:
			set_status(r, head);
			break;
		default:
			*end = r;
			return true;
		}
		if (!good)
			return false;
	}
	return true;
}

bool rule_location(const struct rule *r, const struct http_head *head, const struct sample_context *c, struct text_area *a,
	struct str *out)
{
	struct str first, path = head->path, host = head->host;
	bool scheme = r->action == RULE_SCHEME;

	if (!write_format(&r->value, c, NULL, a, &first))
		return false;
	*out = first;
	if (r->action == RULE_LOCATION)
		return true;
	if (path.n == 0 || path.p[0] == '*')
		path = str_of("/", 1);
	if (r->drop_query && head->path.n > 0 && head->path.p[0] == '/')
		path = path_of(head);
	if (!scheme && str_is(first, "/"))      /* "redirect prefix /": the same again */
		out->p = a->p;
	bool slash = r->append_slash && path.p[path.n - 1] != '/';
	if ((scheme && !(put(a, str_of("://", 3)) && put(a, host))) || !put(a, path) || (slash && !put(a, str_of("/", 1))))
		return false;
	out->n = (uint32_t)(a->p - out->p);
	return true;
}
