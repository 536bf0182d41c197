/* SPDX-License-Identifier: MIT
 * Setters of lines that are rules: an action, and the condition for it.
 */
#include <string.h>
#include "conf/parse.h"

uint32_t find_condition(const struct str *words, uint32_t n, uint32_t from)
{
	while (from < n && !str_is(words[from], "if") && !str_is(words[from], "unless"))
		from++;
	return from < n ? from : n;
}

void add_rule(struct parser *p, struct rule **list, const struct rule *rule)
{
	struct rule *kept = keep(p, rule, sizeof *rule);

	if (p->foreign)
		return;
	for (; *list; list = &(*list)->next)
		kept->place = (*list)->place < UINT8_MAX ? (uint8_t)((*list)->place + 1) : UINT8_MAX;
	*list = kept;
}

void set_use_backend(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct proxy_config *c = object;
	struct rule rule = { .action = RULE_USE_BACKEND, .line = p->line };
	uint32_t at = find_condition(args, n, 1), errors = p->error_count;

	if (at > 1)
		refuse(p, "'%s' takes a name and a condition, not '%.*s'", k->name, CLIPPED(args[1]));
	rule.backend = refer_backend(p, k->name, args[0]);
	if (at < n)
		rule.condition = take_condition(p, c, args + at, n - at, USE_CONNECTION | USE_REQUEST | USE_STREAM);
	if (p->error_count == errors)
		add_rule(p, &c->backend_rules, &rule);
}

/* ---- texts with holes ---- */

static const struct { char name[3]; uint8_t kind; } variables[] = {
	{ "ci", SAMPLE_SRC }, { "cp", SAMPLE_SRC_PORT }, { "fi", SAMPLE_DST }, { "fp", SAMPLE_DST_PORT },
	{ "H", SAMPLE_HOSTNAME }, { "f", SAMPLE_FRONTEND }, { "b", SAMPLE_BACKEND }, { "s", SAMPLE_SERVER },
	{ "HM", SAMPLE_METHOD },
};

/* "%[FETCH]" or "%ci", at text.p; returns how many bytes that is, 0: refused. */
static uint32_t take_hole(struct parser *p, struct str text, struct format_piece *piece)
{
	struct sample_expr e = { .argument = { "", 0 } };
	uint32_t n = 1;
	uint8_t match, uses;

	if (text.n > 1 && text.p[1] == '[') {
		while (n < text.n && text.p[n] != ']')
			n++;
		if (n == text.n) {
			refuse(p, "'%.*s': the bracket is not closed", CLIPPED(text));
			return 0;
		}
		if (!take_sample(p, str_of(text.p + 2, n - 2), &e, &match, &uses))
			return 0;
		if (match != MATCH_DEFAULT || !(uses & p->uses)) {
			refuse(p, "'%.*s' is not known here", CLIPPED(str_of(text.p, n + 1)));
			return 0;
		}
		piece->sample = keep(p, &e, sizeof e);
		return n + 1;
	}
	while (n < text.n && ((text.p[n] >= 'a' && text.p[n] <= 'z') || (text.p[n] >= 'A' && text.p[n] <= 'Z')))
		n++;
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
		if (str_is(str_of(text.p + 1, n - 1), variables[i].name)) {
			piece->variable = variables[i].kind;
			return n;
		}
	refuse(p, "'%.*s': of HAProxy's variables %%ci %%cp %%fi %%fp %%H %%f %%b %%s %%HM and %%[FETCH] are here; %%%% is a "
		"percent sign", CLIPPED(str_of(text.p, n < text.n && n == 1 ? 2 : n)));
	return 0;
}

/* references: \0 and \1 stand for parts of what was matched. in_line: it becomes part of a line, which it must not end. */
static void take_format(struct parser *p, struct str text, bool references, bool in_line, struct format *f)
{
	struct format_piece pieces[2 * LEX_WORDS_MAX];
	uint32_t count = 0, start = 0, i = 0;

	for (; i < text.n || start < i;) {
		char c = i < text.n ? text.p[i] : '\0', next = i + 1 < text.n ? text.p[i + 1] : '\0';
		bool hole = c == '%' && !p->literal, reference = references && c == '\\' && next >= '0' && next <= '9';
		if (in_line && (unsigned char)c < ' ' && c != '\t' && i < text.n) {
			refuse(p, "a control character in '%.*s': it would end the line that it becomes a part of", CLIPPED(text));
			return;
		}
		if (i < text.n && !hole && !reference) {
			i++;
			continue;
		}
		if (count + 2 > sizeof pieces / sizeof *pieces || (reference && next > '1')) {
			refuse(p, "'%.*s': %s", CLIPPED(text), reference ? PACKED "there is one (.*), which is \\1" :
				PACKED "too many holes");
			return;
		}
		bool percent = hole && next == '%';
		if (i + percent > start)
			pieces[count++] = (struct format_piece){
				.text = str_z(keep_text(p, str_of(text.p + start, i + percent - start))) };
		if (i == text.n)
			break;
		pieces[count] = (struct format_piece){ .text = { "", 0 }, .reference = reference ? (uint8_t)(next - '0' + 1) : 0 };
		uint32_t taken = percent || reference ? 2 : take_hole(p, str_of(text.p + i, text.n - i), &pieces[count]);
		if (taken == 0)
			return;
		count += !percent;
		i += taken;
		start = i;
	}
	f->count = count;
	f->pieces = count ? keep(p, pieces, count * sizeof *pieces) : NULL;
}

void set_rule_format(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct rule *rule = object;

	(void)n;
	if (k->low)
		rule->action = (uint8_t)k->low;
	if (args[0].n == 0)
		refuse(p, "'%s': the text is empty", k->name);
	else
		take_format(p, args[0], false, k->high == 0, &rule->value);
}

void set_rule_string(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct format_piece piece = { .text = str_z(keep_text(p, args[0])) };
	struct format *f = &((struct rule *)object)->value;

	(void)k;
	(void)n;
	f->count = 1;
	f->pieces = keep(p, &piece, sizeof piece);
}

void set_rule_type(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	(void)n;
	for (uint32_t i = 0; i < args[0].n; i++)
		if ((unsigned char)args[0].p[i] < ' ' || args[0].p[i] == 0x7f) {
			refuse(p, "'%s' has a control character", k->name);
			return;
		}
	((struct rule *)object)->name = keep_text(p, args[0]);
}

/* ---- regular expressions, the few that are here ---- */

static void take_pattern(struct parser *p, struct str text, struct pattern *pattern)
{
	char kept[2][LEX_LINE_MAX];
	uint32_t n[2] = { 0, 0 };
	struct str s = text;

	pattern->from_start = s.n > 0 && s.p[0] == '^';
	for (uint32_t i = pattern->from_start; i < s.n;) {
		struct str rest = str_of(s.p + i, s.n - i);
		uint32_t gap = rest.n >= 4 && str_is(str_of(rest.p, 4), "(.*)") ? 4 :
			rest.n >= 2 && str_is(str_of(rest.p, 2), ".*") ? 2 : 0;
		if (gap && !pattern->gap) {
			pattern->gap = true;
			i += gap;
		} else if (rest.n == 1 && rest.p[0] == '$') {
			pattern->to_end = true;
			i++;
		} else {
			bool escaped = rest.n > 1 && rest.p[0] == '\\' && strchr(".[]{}()*+?|^$\\/-", rest.p[1]);
			if (!escaped && strchr(".[]{}()*+?|^$\\", rest.p[0])) {
				refuse(p, "'%.*s': of regular expressions text is here, one (.*) in it, ^ before it and $ behind it; a dot "
					"is \\.", CLIPPED(text));
				return;
			}
			kept[pattern->gap][n[pattern->gap]++] = rest.p[escaped];
			i += 1 + escaped;
		}
	}
	pattern->before = str_z(keep_text(p, str_of(kept[0], n[0])));
	pattern->after = str_z(keep_text(p, str_of(kept[1], n[1])));
}

/* ---- actions ---- */

/* Fields that say where a message or its connection ends are the proxy's to write. */
static void take_name(struct parser *p, struct str name, struct rule *rule)
{
	static const char *const ours = "connection content-length expect keep-alive proxy-connection te trailer "
		"transfer-encoding upgrade";
	char lower[32];
	uint32_t n = 0;

	for (; n < name.n && n < sizeof lower; n++)
		lower[n] = name.p[n] >= 'A' && name.p[n] <= 'Z' ? (char)(name.p[n] + 32) : name.p[n];
	bool host = str_is(str_of(lower, n), "host") && rule->action != RULE_SET_HEADER && rule->action != RULE_REPLACE_HEADER;
	if (!token_is_good(name))
		refuse(p, "'%.*s' cannot be the name of a header", CLIPPED(name));
	else if (n == name.n && (host || word_in_list(ours, str_of(lower, n))))
		refuse(p, "'%.*s' is written by tandem alone: both sides must agree on where a message ends%s", CLIPPED(name),
			host ? ", and there is exactly one Host, which 'set-header' changes" : "");
	rule->name = keep_text(p, name);
}

void set_rule_header(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct rule *rule = object;

	rule->action = (uint8_t)k->low;
	take_name(p, args[0], rule);
	if (rule->action == RULE_DEL_HEADER) {
		rule->match = n < 3 || str_is(args[2], "str") ? MATCH_EXACT : str_is(args[2], "beg") ? MATCH_BEG :
			str_is(args[2], "end") ? MATCH_END : MATCH_DEFAULT;
		if (n == 2 || (n == 3 && (!str_is(args[1], "-m") || !rule->match)))
			refuse(p, "'%s' takes a name, and -m str, beg or end", k->name);
		return;
	}
	bool replaces = rule->action == RULE_REPLACE_HEADER;
	if (replaces)
		take_pattern(p, args[1], &rule->pattern);
	take_format(p, args[1 + replaces], replaces, true, &rule->value);
}

void set_rule_replace_path(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct rule *rule = object;

	(void)n;
	rule->action = (uint8_t)k->low;
	take_pattern(p, args[0], &rule->pattern);
	take_format(p, args[1], true, true, &rule->value);
}

void set_rule_status(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct rule *rule = object;
	uint32_t status = 0;

	rule->action = RULE_SET_STATUS;
	if (!text_to_u32(args[0], 599, &status) || status < 200 || status == 204 || status == 205 || status == 304)
		refuse(p, "'%s' must be a status from 200 to 599 that has a body, not '%.*s'", k->name, CLIPPED(args[0]));
	rule->status = (uint16_t)status;
	rule->name = http_reason(status);
	if (n > 1 && !str_is(args[1], "reason"))
		refuse(p, "'%s' takes a status and 'reason TEXT', not '%.*s'", k->name, CLIPPED(args[1]));
	else if (n > 1)
		set_rule_type(p, k, args + 2, 1, rule);
}

/* `allow`, and what else needs no more than its name. */
void set_rule_action(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	(void)p;
	(void)args;
	(void)n;
	((struct rule *)object)->action = (uint8_t)k->low;
}

void set_rule_track(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct rule *rule = object;

	rule->action = RULE_TRACK;
	if (!str_is(args[0], "src"))
		refuse(p, "'%s' tracks src, not '%.*s'", k->name, CLIPPED(args[0]));
	else
		rule->backend = refer_table(p, k->name, args + 1, n - 1);
}

void set_rule_answer(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct rule *rule = object;

	rule->action = RULE_ANSWER;
	rule->status = (uint16_t)k->low;
	if (k->high && p->uses & USE_RESPONSE)
		rule->status = 502;
	words_apply(p, AS_ANSWER, args, n, rule);
	rule->denies = k->high;
	rule->page = rule->denies && (n == 0 || (n == 2 && str_is(args[0], "deny_status")));
	if (!rule->value.pieces == (rule->name != NULL))
		refuse(p, "'%s': a text needs its content-type, and a content-type its text", k->name);
	if (rule->status == 204 || rule->status == 205 || rule->status == 304)
		rule->value.count = 0;
}

void set_rule_code(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	uint32_t code = 0;

	(void)n;
	if (!word_in_list(k->arguments, args[0]) || !text_to_u32(args[0], 999, &code))
		refuse(p, "'%s' must be %s, not '%.*s'", k->name, k->arguments, CLIPPED(args[0]));
	((struct rule *)object)->status = (uint16_t)code;
}

void set_rule_redirect(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct rule *rule = object;
	uint32_t errors = p->error_count;

	rule->status = 302;
	words_apply(p, AS_REDIRECT, args, n, rule);
	if (!rule->action && p->error_count == errors)
		refuse(p, "'%s' needs location, prefix or scheme", k->name);
}

/* ---- lines ---- */

static void take_rule(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, uint32_t at,
	struct proxy_config *c, struct rule **list)
{
	struct rule rule = { .line = p->line };
	uint32_t errors = p->error_count;

	keyword_apply(p, k, args, at, &rule);
	if (at < n)
		rule.condition = take_condition(p, c, args + at, n - at, p->uses);
	if (p->error_count == errors)
		add_rule(p, list, &rule);
}

void set_http_rule(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	const struct keyword *sub = keyword_find(k->low, p->section, args[0]);
	struct proxy_config *c = object;
	bool request = k->low == AS_HTTP_REQUEST;

	p->uses = USE_CONNECTION | (request ? USE_REQUEST : USE_RESPONSE);
	p->literal = false;
	if (!sub)
		unknown_word(p, k->low, args[0]);
	else
		take_rule(p, sub, args + 1, n - 1, find_condition(args + 1, n - 1, sub->min), c,
			request ? &c->request_rules : &c->response_rules);
}

/* The old line: its texts have no holes, and it comes after all http-request lines. */
void set_redirect(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct proxy_config *c = object;

	p->uses = USE_CONNECTION | USE_REQUEST;
	p->literal = true;
	take_rule(p, keyword_find(AS_HTTP_REQUEST, p->section, str_z(k->name)), args, n, find_condition(args, n, 2), c,
		&c->redirects);
}

void set_monitor_fail(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct rule rule = { .action = RULE_MONITOR_FAIL, .line = p->line };
	struct proxy_config *c = object;

	if (!str_is(args[0], "fail") || find_condition(args, n, 1) != 1)
		refuse(p, "'%s' takes 'fail' and a condition", k->name);
	else if ((rule.condition = take_condition(p, c, args + 1, n - 1, USE_CONNECTION | USE_REQUEST)) != NULL)
		add_rule(p, &c->monitor_fails, &rule);
}

void set_forwardfor(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct proxy_config *c = object;

	(void)k;
	c->options &= ~(uint32_t)OPTION_FORWARDFOR;
	c->options |= p->negated ? 0 : OPTION_FORWARDFOR;
	c->forwardfor = (struct forwardfor_config){ .header = "x-forwarded-for" };
	words_apply(p, AS_FORWARDFOR, args, n, &c->forwardfor);
}

void set_forwardfor_header(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct rule rule = { .action = RULE_ADD_HEADER };

	(void)k;
	(void)n;
	take_name(p, args[0], &rule);
	((struct forwardfor_config *)object)->header = rule.name;
}

void set_forwardfor_except(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	(void)n;
	if (!prefix_parse(args[0], &((struct forwardfor_config *)object)->except))
		refuse(p, "'%s' must be an address or a network, not '%.*s'", k->name, CLIPPED(args[0]));
}
