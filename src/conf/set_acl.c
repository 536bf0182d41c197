/* SPDX-License-Identifier: MIT
 * acl lines, the conditions behind `if` and `unless`, and the fetches in them: words to proxy/acl.h's structures.
 */
#include <string.h>
#include "conf/parse.h"
#include "proxy/acl.h"

/* ---- fetches ---- */

void set_fetch(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct sample_expr *e = object;
	int32_t occurrence = 0;

	e->kind = (uint8_t)k->low;
	if (n > 1 && (!take_signed(args[1], -10, 127, &occurrence) || occurrence == 0))
		refuse(p, "'%s': '%.*s' is no place among several values: 1.. from the first, -1..-10 from the last", k->name,
			CLIPPED(args[1]));
	e->occurrence = (int8_t)occurrence;
	if (n > 0)
		e->argument = str_z(keep_text(p, args[0]));
}

static struct proxy_ref *refer(struct parser *p, const char *keyword, struct str name, bool table)
{
	struct proxy_ref ref = { .keyword = keyword, .line = p->line, .table = table, .next = p->refs };

	if (!check_name(p, "backend", name))
		return NULL;
	ref.name = keep_text(p, name);
	struct proxy_ref *kept = keep(p, &ref, sizeof ref);
	if (!p->foreign)
		p->refs = kept;
	return kept;
}

struct proxy_ref *refer_backend(struct parser *p, const char *keyword, struct str name)
{
	return refer(p, keyword, name, false);
}

struct proxy_ref *refer_table(struct parser *p, const char *keyword, const struct str *words, uint32_t n)
{
	if (n == 0)
		return refer(p, keyword, str_z(p->section_name), true);
	if (n == 2 && str_is(words[0], "table"))
		return refer(p, keyword, words[1], true);
	refuse(p, "'%s': 'table NAME' or nothing is expected, not '%.*s'", keyword, CLIPPED(words[0]));
	return NULL;
}

/* The field is what is asked of the entry: low is the kind, high has the bits. */
void set_fetch_stick(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct sample_expr *e = object;

	e->kind = (uint8_t)k->low;
	e->data = (uint8_t)k->field;
	if (n > 0)
		e->backend = refer(p, k->name, args[0], true);
	else if (e->by_source)
		e->backend = refer_table(p, k->name, args, 0);
}

void set_fetch_backend(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct sample_expr *e = object;

	(void)n;
	e->kind = (uint8_t)k->low;
	e->backend = refer_backend(p, k->name, args[0]);
}

static const struct { char suffix[6]; uint8_t match; } suffixes[] = {
	{ "beg", MATCH_BEG }, { "end", MATCH_END }, { "sub", MATCH_SUB }, { "dir", MATCH_DIR }, { "dom", MATCH_DOM },
	{ "len", MATCH_LENGTH }, { "reg", MATCH_REG }, { "str", MATCH_EXACT }, { "found", MATCH_FOUND },
	{ "bool", MATCH_BOOL }, { "int", MATCH_NUMBER }, { "ip", MATCH_ADDR },
};

static uint8_t match_named(struct str word)
{
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
		if (str_is(word, suffixes[i].suffix))
			return suffixes[i].match;
	return MATCH_DEFAULT;
}

/* "path", "hdr_beg", "req.hdr_beg": the row, what the rest of the name says, and where that may be asked. NULL: none. */
static const struct keyword *find_fetch(struct parser *p, struct str name, uint8_t *match, uint8_t *uses)
{
	bool request = name.n > 4 && str_is(str_of(name.p, 4), "req.");
	bool response = name.n > 4 && str_is(str_of(name.p, 4), "res.");
	const struct keyword *k = keyword_find(AS_FETCH, p->section, name);
	uint32_t bar = name.n;

	*match = MATCH_DEFAULT;
	if (!k && (request || response)) {
		name = str_of(name.p + 4, name.n - 4);
		k = keyword_find(AS_FETCH, p->section, name);
	} else {
		request = response = false;
	}
	/* src_conn_cur and sc_conn_cur(0) are sc0_conn_cur otherwise. */
	uint32_t prefix = str_is(str_of(name.p, name.n < 3 ? name.n : 3), "sc_") ? 3 : 4;
	if (!k && name.n > 4 && name.n < 60 && (prefix == 3 || str_is(str_of(name.p, 4), "src_"))) {
		char tracked[64];
		size_t length = text_format(tracked, sizeof tracked, "sc0_%.*s", (int)(name.n - prefix), name.p + prefix);
		k = keyword_find(AS_FETCH, p->section, str_of(tracked, length));
		k = k && k->high & FETCH_TRACKED ? k : NULL;
	}
	for (bar = name.n; !k && bar > 0 && name.p[bar - 1] != '_';)
		bar--;
	if (!k && bar > 1) {
		*match = match_named(str_of(name.p + bar, name.n - bar));
		k = *match && *match <= MATCH_REG ? keyword_find(AS_FETCH, p->section, str_of(name.p, bar - 1)) : NULL;
		k = k && k->high & FETCH_SUFFIXES ? k : NULL;
	}
	if (!k || ((request || response) && !(k->high & FETCH_PREFIXES)))
		return NULL;
	*uses = (uint8_t)(k->high & (request ? USE_REQUEST : response ? USE_RESPONSE : USE_ANY));
	return *uses ? k : NULL;
}

bool take_sample(struct parser *p, struct str word, struct sample_expr *e, uint8_t *match, uint8_t *uses)
{
	uint32_t open = 0, errors = p->error_count, n = 0;
	struct str args[4];

	while (open < word.n && word.p[open] != '(' && word.p[open] != ',')
		open++;
	struct str name = str_of(word.p, open), rest = str_of(word.p + open, word.n - open);
	*e = (struct sample_expr){ .argument = { "", 0 } };
	if (rest.n > 0 && rest.p[0] == '(') {
		uint32_t start = 1, end = 1;
		for (; end < rest.n && rest.p[end] != ')' && n < 4; end++)
			if (rest.p[end] == ',') {
				args[n++] = str_of(rest.p + start, end - start);
				start = end + 1;
			}
		if (end == rest.n || n == 4) {
			refuse(p, "'%.*s': the parenthesis is not closed", CLIPPED(word));
			return false;
		}
		if (end > 1)
			args[n++] = str_of(rest.p + start, end - start);
		rest = str_of(rest.p + end + 1, rest.n - end - 1);
	}
	const struct keyword *k = find_fetch(p, name, match, uses);
	if (!k) {
		unknown_word(p, AS_FETCH, name);
	} else if (rest.n > 0) {
		refuse(p, "'%.*s': converters, such as '%.*s', are HAProxy's; tandem does not have them (-i ignores case)",
			CLIPPED(word), CLIPPED(rest));
	} else if (n > 0 && args[0].n == 0) {
		refuse(p, "'%.*s': the argument is empty", CLIPPED(word));
	} else if (k->high & FETCH_TRACKED && name.p[2] == '_' && (n == 0 || !str_is(args[0], "0"))) {
		refuse(p, "'%.*s': 0 is the only counter that there is: '%.*s(0)'", CLIPPED(word), CLIPPED(name));
	} else {
		bool numbered = k->high & FETCH_TRACKED && name.p[2] == '_';
		e->by_source = k->high & FETCH_TRACKED && name.p[1] == 'r';
		keyword_apply(p, k, args + numbered, n - numbered, e);
	}
	return p->error_count == errors;
}

/* ---- one test ---- */

static bool take_range(struct str word, struct str op, union acl_pattern *out)
{
	uint32_t colon = 0;
	int32_t low = 0, high = INT32_MAX;

	while (colon < word.n && word.p[colon] != ':')
		colon++;
	bool ranged = colon < word.n, good = word.n > 1 || !ranged;
	if (colon > 0 && !take_signed(str_of(word.p, colon), INT32_MIN + 1, INT32_MAX, &low))
		good = false;
	if (colon + 1 < word.n && !take_signed(str_of(word.p + colon + 1, word.n - colon - 1), INT32_MIN + 1, INT32_MAX, &high))
		good = false;
	out->range.low = colon > 0 ? low : INT64_MIN;
	out->range.high = !ranged ? low : colon + 1 < word.n ? high : INT64_MAX;
	if (op.n == 0 || str_is(op, "eq"))
		return good && word.n > 0;
	out->range.low = op.p[0] == 'g' ? low + (int64_t)(op.p[1] == 't') : INT64_MIN;
	out->range.high = op.p[0] == 'l' ? low - (int64_t)(op.p[1] == 't') : INT64_MAX;
	return good && !ranged && word.n > 0;
}

/* The words behind the fetch and its flags. */
static void take_patterns(struct parser *p, struct acl_test *t, const struct str *words, uint32_t n, bool nocase)
{
	union acl_pattern patterns[LEX_WORDS_MAX];
	struct str op = { "", 0 };
	uint32_t count = 0;
	bool good = true;

	for (uint32_t i = 0; i < n && good; i++) {
		if (t->match == MATCH_NUMBER || t->match == MATCH_LENGTH) {
			if (word_in_list("eq ge gt le lt", words[i])) {
				op = words[i];
				continue;
			}
			good = take_range(words[i], op, &patterns[count]);
			if (!good)
				refuse(p, "'%.*s' is no number or range, such as 80, 1024:65535 or 'gt 5'", CLIPPED(words[i]));
		} else if (t->match == MATCH_ADDR) {
			good = prefix_parse(words[i], &patterns[count].prefix);
			if (!good)
				refuse(p, "'%.*s' is no address or network, such as 10.0.0.0/8 or 2001:db8::/32", CLIPPED(words[i]));
		} else {
			patterns[count].text.value = str_z(keep_text(p, words[i]));
			patterns[count].text.nocase = nocase;
		}
		count++;
	}
	if (good && t->match <= MATCH_BOOL && n > 0)
		refuse(p, "'%.*s': a value has no meaning here, where only %s is asked", CLIPPED(words[0]),
			t->match == MATCH_BOOL ? PACKED "true or false" : PACKED "whether it is there");
	else if (good && t->match > MATCH_BOOL && count == 0)
		refuse(p, "there is nothing to compare with: the values are missing");
	t->pattern_count = (uint16_t)count;
	if (count > 0)
		t->patterns = keep(p, patterns, count * sizeof *patterns);
}

/* "FETCH [flags] [values]". */
static bool take_test(struct parser *p, const struct str *words, uint32_t n, struct acl_test *t)
{
	uint32_t i = 1, errors = p->error_count;
	uint8_t named;
	bool nocase = false;

	*t = (struct acl_test){ .match = MATCH_DEFAULT };
	if (!take_sample(p, words[0], &t->sample, &t->match, &t->uses))
		return false;
	/* HAProxy's: in a condition hdr and its kin are req.hdr; in a text they are of the message in hand. */
	if (words[0].n > 3 && str_is(str_of(words[0].p, 3), "hdr"))
		t->uses &= (uint8_t)~USE_RESPONSE;
	for (; i < n && words[i].n > 1 && words[i].p[0] == '-' && !(words[i].p[1] >= '0' && words[i].p[1] <= '9'); i++) {
		if (str_is(words[i], "--")) {
			i++;
			break;
		}
		if (str_is(words[i], "-i")) {
			nocase = true;
		} else if (str_is(words[i], "-m") && i + 1 < n && (named = match_named(words[i + 1])) != MATCH_DEFAULT) {
			t->match = named;
			i++;
		} else if (!str_is(words[i], "-n")) {   /* no name is ever looked up */
			refuse(p, "'%.*s': of HAProxy's flags -i, -n and -m with found, bool, int, len, ip, str, beg, end, sub, dir "
				"or dom are here; values stand in the line", CLIPPED(words[i]));
			return false;
		}
	}
	if (t->match == MATCH_DEFAULT)
		t->match = match_default(sample_type(t->sample.kind));
	if (t->match == MATCH_REG)
		refuse(p, "'%.*s': regular expressions are not here: beg, end, sub, dir and dom compare plain text",
			CLIPPED(words[0]));
	else
		take_patterns(p, t, words + i, n - i, nocase);
	return p->error_count == errors;
}

/* ---- named ones ---- */

static struct acl *find_in(struct acl *a, struct str name)
{
	while (a && !str_is(name, a->name))
		a = a->next;
	return a;
}

static struct acl *find_acl(const struct parser *p, const struct proxy_config *c, struct str name)
{
	struct acl *a = p->foreign ? find_in(p->foreign_acls, name) : NULL;

	return a ? a : find_in(c->acls, name);
}

/* A further test of the acl of that name, which is made if it is not there. name n 0: it has none. */
static struct acl *add_test(struct parser *p, struct proxy_config *c, struct str name, const struct str *words,
	uint32_t n)
{
	struct acl fresh = { .name = NULL }, *acl = name.n ? find_acl(p, c, name) : NULL;
	struct acl **list = p->foreign ? &p->foreign_acls : &c->acls;
	struct acl_test test, **last;

	if (!take_test(p, words, n, &test))
		return NULL;
	if (!acl) {
		fresh.name = name.n ? arena_text(p->arena, name.p, name.n) : NULL;
		fresh.next = name.n ? *list : NULL;
		acl = keep(p, &fresh, sizeof fresh);
		if (name.n)
			*list = acl;
	}
	for (last = &acl->tests; *last;)
		last = &(*last)->next;
	if (!p->foreign || !acl->tests)
		*last = keep(p, &test, sizeof test);
	return acl;
}

void set_acl(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	if (check_name(p, k->name, args[0]))
		(void)add_test(p, object, args[0], args + 1, n - 1);
}

/* HAProxy's, each with its meaning as a line would say it. */
static struct acl *predefined(struct parser *p, struct proxy_config *c, struct str name)
{
	static const char *const known[] = { "TRUE always_true", "FALSE always_false", "LOCALHOST src 127.0.0.1/8 ::1",
		"HTTP_1.0 req.ver 1.0", "HTTP_1.1 req.ver 1.1", "HTTP_CONTENT req.hdr_val(content-length) gt 0",
		"HTTP_URL_SLASH url_beg /", "HTTP_URL_STAR url *", "METH_GET method GET HEAD", "METH_HEAD method HEAD",
		"METH_POST method POST", "METH_PUT method PUT", "METH_DELETE method DELETE", "METH_OPTIONS method OPTIONS",
		"METH_CONNECT method CONNECT", "METH_TRACE method TRACE" };
	struct str words[6];

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		uint32_t n = 0;
		for (const char *s = known[i]; *s; s += strspn(s, " ")) {
			words[n++] = str_of(s, strcspn(s, " "));
			s += strcspn(s, " ");
		}
		if (str_equal(words[0], name))
			return add_test(p, c, name, words + 1, n - 1);
	}
	return NULL;
}

/* ---- conditions ---- */

/* An acl as a condition has it, "NAME" or "{ FETCH ... }", behind any number of '!'. Moves *at behind it. */
static const struct acl *take_acl(struct parser *p, struct proxy_config *c, const struct str *words, uint32_t n,
	uint32_t *at, bool *negated)
{
	struct str name = words[*at];

	while (name.n > 0 && name.p[0] == '!') {
		*negated = !*negated;
		name = name.n > 1 || *at + 1 == n ? str_of(name.p + 1, name.n - 1) : words[++*at];
	}
	uint32_t start = ++*at, end = start;
	if (!str_is(name, "{")) {
		const struct acl *acl = find_acl(p, c, name);
		if (!acl)
			acl = predefined(p, c, name);
		if (!acl)
			refuse(p, "there is no acl '%.*s' above this line%s", CLIPPED(name), str_is_nocase(name, "and") ?
				PACKED ": what stands side by side must all be true, without 'and'" : "");
		return acl;
	}
	while (end < n && !str_is(words[end], "}"))
		end++;
	*at = end + 1;
	if (end < n && end > start)
		return add_test(p, c, str_of("", 0), words + start, end - start);
	refuse(p, "'{' without %s", end == n ? "'}': both are words of their own" : "anything behind it");
	return NULL;
}

static bool can_be_asked(struct parser *p, const struct acl *acl, uint8_t uses)
{
	for (const struct acl_test *t = acl->tests; t; t = t->next)
		if (!(t->uses & uses)) {
			refuse(p, "'%s' asks for what is not known here: %s", acl->name ? acl->name : "{ }",
				uses & USE_REQUEST ? PACKED "there is no response yet" :
				uses & USE_RESPONSE ? PACKED "the request has gone, and only its method is kept; res.hdr is of the "
					"response" : PACKED "no message has been read yet");
			return false;
		}
	return true;
}

/* "if" or "unless" and the acls behind it. */
const struct condition *take_condition(struct parser *p, struct proxy_config *c, const struct str *words, uint32_t n,
	uint8_t uses)
{
	struct acl_term terms[LEX_WORDS_MAX];
	struct condition condition = { .unless = str_is(words[0], "unless") };
	bool wants_term = true, alternative = false;

	for (uint32_t i = 1; i < n;) {
		if (!wants_term && (str_is_nocase(words[i], "or") || str_is(words[i], "||"))) {
			alternative = wants_term = true;
			i++;
			continue;
		}
		struct acl_term t = { .alternative = alternative };
		t.acl = take_acl(p, c, words, n, &i, &t.negated);
		if (!t.acl || !can_be_asked(p, t.acl, uses))
			return NULL;
		terms[condition.count++] = t;
		alternative = wants_term = false;
	}
	if (wants_term) {
		refuse(p, "'%.*s' needs a condition: names of acls, or { FETCH VALUES }", CLIPPED(words[n - 1]));
		return NULL;
	}
	condition.terms = keep(p, terms, condition.count * sizeof *terms);
	return keep(p, &condition, sizeof condition);
}
