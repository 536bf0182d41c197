/* SPDX-License-Identifier: MIT
 * Setters of lines that are rules: an action, and the condition for it.
 */
#include <string.h>
#include "conf/parse.h"

uint32_t find_condition(const struct str *words, uint32_t n, uint32_t from)
{
	while (from < n && !str_is(words[from], "if") && !str_is(words[from], "unless"))
		from++;
	return from;
}

void add_rule(struct parser *p, struct rule **list, const struct rule *rule)
{
	struct rule *kept = keep(p, rule, sizeof *rule);

	if (p->foreign)
		return;
	while (*list)
		list = &(*list)->next;
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
