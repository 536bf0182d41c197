/* SPDX-License-Identifier: MIT
 * Conditions: HAProxy's ACLs, and `if` / `unless` over them. conf/ builds these from the file's lines; whoever has a
 * message or a connection in hand asks condition_holds(). Pure.
 */
#ifndef PROXY_ACL_H
#define PROXY_ACL_H
#include "proxy/sample.h"

enum match_kind {
	MATCH_DEFAULT,                  /* by the sample's type */
	MATCH_FOUND, MATCH_BOOL,        /* without patterns */
	MATCH_NUMBER, MATCH_LENGTH,     /* ranges */
	MATCH_ADDR,
	MATCH_EXACT, MATCH_BEG, MATCH_END, MATCH_SUB, MATCH_DIR, MATCH_DOM,
	MATCH_REG,                      /* not here, but known */
};

union acl_pattern {
	struct { int64_t low, high; } range;    /* both included */
	struct prefix prefix;
	struct { struct str value; bool nocase; } text;
};

/* One line: any of the sample's values has to match any of the patterns. */
struct acl_test {
	struct sample_expr sample;
	uint8_t match;                  /* match_kind, not MATCH_DEFAULT */
	uint8_t uses;                   /* sample_use bits: where it can be asked */
	uint16_t pattern_count;
	const union acl_pattern *patterns;
	struct acl_test *next;
};
/* Lines of one name: any of them. */
struct acl {
	const char *name;               /* NULL: it stands in a condition, in braces */
	struct acl_test *tests;
	struct acl *next;
};

struct acl_term {
	const struct acl *acl;
	bool negated;
	bool alternative;               /* `or` stands before it */
};
struct condition {
	const struct acl_term *terms;   /* `or` parts groups; in a group all must hold */
	uint16_t count;
	bool unless;
};

bool acl_matches(const struct acl *, const struct sample_context *);
/* NULL: there is no condition; it holds. */
bool condition_holds(const struct condition *, const struct sample_context *);
/* Something in it can be asked only of what the bits say. */
bool condition_needs(const struct condition *, uint8_t uses);
/* What a sample is compared by when the line does not say. */
uint8_t match_default(uint8_t value_type);
#endif
