/* SPDX-License-Identifier: MIT
 * Setters of tcp-request lines.
 */
#include "conf/parse.h"

/* The field is the list, low the sample_use bits of the place. */
void set_tcp_rule(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	static const struct { const char *word; uint8_t action, uses, words; } actions[] = {
		{ "accept", RULE_ACCEPT, USE_CONNECTION | USE_STREAM, 1 },
		{ "reject", RULE_REJECT, USE_CONNECTION | USE_STREAM, 1 },
		{ "expect-proxy", RULE_EXPECT_PROXY, USE_CONNECTION, 2 },
	};
	struct rule rule = { .line = p->line }, **list = (struct rule **)(void *)((char *)object + k->field);
	uint32_t at = find_condition(args, n, 1), errors = p->error_count, i = 0;
	const uint32_t count = sizeof actions / sizeof *actions;

	while (i < count && !(str_is(args[0], actions[i].word) && (actions[i].uses | k->low) == actions[i].uses))
		i++;
	if (i == count || at != actions[i].words || (at == 2 && !str_is(args[1], "layer4"))) {
		refuse(p, "'tcp-request %s %.*s': what is here is %s", k->name, CLIPPED(args[i < count && at > 1]), k->arguments);
		return;
	}
	rule.action = actions[i].action;
	if (at < n)
		rule.condition = take_condition(p, object, args + at, n - at, (uint8_t)k->low);
	if (p->error_count == errors)
		add_rule(p, list, &rule);
}
