/* SPDX-License-Identifier: MIT
 * Setters of tcp-request, stick and stick-table lines.
 */
#include <string.h>
#include "conf/parse.h"

/* The field is the list, low the sample_use bits of the place. */
void set_tcp_rule(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	static const struct { const char *word, *behind; uint8_t action, uses; } actions[] = {
		{ "accept", NULL, RULE_ACCEPT, USE_CONNECTION | USE_STREAM },
		{ "reject", NULL, RULE_REJECT, USE_CONNECTION | USE_STREAM },
		{ "track-sc0", "src", RULE_TRACK, USE_CONNECTION | USE_STREAM },
		{ "expect-proxy", "layer4", RULE_EXPECT_PROXY, USE_CONNECTION },
	};
	struct rule rule = { .line = p->line }, **list = (struct rule **)(void *)((char *)object + k->field);
	uint32_t at = find_condition(args, n, 1), errors = p->error_count, i = 0, wrong = 0, words = 1;
	const uint32_t count = sizeof actions / sizeof *actions;

	while (i < count && !(str_is(args[0], actions[i].word) && (actions[i].uses | k->low) == actions[i].uses))
		i++;
	bool good = i < count;
	if (good && actions[i].behind) {
		words = 2;
		good = at > 1 && str_is(args[1], actions[i].behind);
	}
	wrong = i < count && at > 1;
	if (!good || (at > words && actions[i].action != RULE_TRACK)) {
		refuse(p, "'tcp-request %s %.*s': what is here is %s", k->name, CLIPPED(args[wrong]), k->arguments);
		return;
	}
	rule.action = actions[i].action;
	if (rule.action == RULE_TRACK)
		rule.backend = refer_table(p, actions[i].word, args + 2, at - 2);
	if (at < n)
		rule.condition = take_condition(p, object, args + at, n - at, (uint8_t)k->low);
	if (p->error_count == errors)
		add_rule(p, list, &rule);
}

void set_stick(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	uint32_t kind = word_in_list("on match store-request", args[0]), at = find_condition(args, n, 2);
	uint32_t errors = p->error_count;
	struct rule rule = { .line = p->line, .action = (uint8_t)(RULE_STICK_ON + kind - 1) };
	struct proxy_config *c = object;

	if (kind == 0 || !str_is(args[1], "src")) {
		refuse(p, "'%s %.*s': what is here is %s", k->name, CLIPPED(args[kind != 0]), k->arguments);
		return;
	}
	rule.backend = refer_table(p, k->name, args + 2, at - 2);
	if (at < n)
		rule.condition = take_condition(p, c, args + at, n - at, USE_CONNECTION);
	if (p->error_count == errors)
		add_rule(p, &c->stick_rules, &rule);
}

/* "gpc0,conn_rate(10s)" */
void set_stick_store(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	static const char *const names[STICK_DATA] = { "gpc0", "conn_cur", "conn_cnt", "http_req_cnt", "conn_rate",
		"http_req_rate" };
	struct stick_config *t = object;
	struct str list = args[0];

	(void)n;
	for (uint32_t start = 0, end; start <= list.n; start = end + 1) {
		uint32_t name = start, i = 0, ms;
		for (end = start; end < list.n && list.p[end] != ','; end++)
			;
		while (name < end && list.p[name] != '(')
			name++;
		while (i < STICK_DATA && !str_is(str_of(list.p + start, name - start), names[i]))
			i++;
		bool rate = i >= STICK_COUNTERS && i < STICK_DATA;
		if (i == STICK_DATA || rate == (name == end) || (rate && (list.p[end - 1] != ')'
				|| !text_to_ms(str_of(list.p + name + 1, end - name - 2), 1, 86400000, &ms) || ms == 0))) {
			refuse(p, "'%s %.*s': what can be stored is %s", k->name, (int)(end - start), list.p + start, k->arguments);
			return;
		}
		t->stored |= (uint8_t)(1 << i);
		if (rate)
			t->period_ms[i - STICK_COUNTERS] = ms;
	}
}

void set_stick_table(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct stick_config t = { .type = UINT8_MAX };
	uint32_t errors = p->error_count;

	words_apply(p, AS_STICK, args, n, &t);
	if (p->error_count == errors && (t.type == UINT8_MAX || t.size == 0))
		refuse(p, "'%s' needs a type and a size, such as 'type ip size 10k'", k->name);
	if (p->error_count == errors)
		((struct proxy_config *)object)->stick = keep(p, &t, sizeof t);
}
