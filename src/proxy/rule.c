/* SPDX-License-Identifier: MIT */
#include "proxy/rule.h"

const struct rule *rule_first(const struct rule *r, const struct sample_context *c)
{
	while (r && !condition_holds(r->condition, c))
		r = r->next;
	return r;
}
