/* SPDX-License-Identifier: MIT
 * Rules: what a line such as `http-request deny if ...` or `use_backend web if ...` becomes. They stand in lists, in the
 * order of the file. Pure.
 */
#ifndef PROXY_RULE_H
#define PROXY_RULE_H
#include "proxy/acl.h"

enum rule_action {
	RULE_USE_BACKEND,
	RULE_ACCEPT, RULE_REJECT, RULE_EXPECT_PROXY, RULE_TRACK,    /* tcp-request */
};

struct rule {
	uint8_t action;                         /* rule_action */
	uint32_t line;
	const struct condition *condition;      /* NULL: always */
	const struct proxy_ref *backend;        /* RULE_USE_BACKEND; RULE_TRACK: whose table */
	struct rule *next;
};

/* The first rule from this one on whose condition holds; NULL: none. */
const struct rule *rule_first(const struct rule *, const struct sample_context *);
#endif
