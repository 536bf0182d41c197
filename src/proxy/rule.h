/* SPDX-License-Identifier: MIT
 * Rules: what a line such as `http-request deny if ...` or `use_backend web if ...` becomes, and what it does to the message
 * in hand. They stand in lists, in the order of the file. Pure.
 */
#ifndef PROXY_RULE_H
#define PROXY_RULE_H
#include "proxy/acl.h"

enum rule_action {
	RULE_USE_BACKEND,
	RULE_ACCEPT, RULE_REJECT, RULE_EXPECT_PROXY, RULE_TRACK,    /* tcp-request */
	RULE_STICK_ON, RULE_STICK_MATCH, RULE_STICK_STORE,
	/* These end their list; the caller does what they say. */
	RULE_ALLOW, RULE_ANSWER, RULE_LOCATION, RULE_PREFIX, RULE_SCHEME /* redirects */, RULE_MONITOR_FAIL,
	/* These change the message. */
	RULE_SET_HEADER, RULE_ADD_HEADER, RULE_DEL_HEADER, RULE_REPLACE_HEADER, RULE_SET_PATH, RULE_REPLACE_PATH,
	RULE_SET_QUERY, RULE_SET_STATUS,
};

/* A text with holes: HAProxy's log-format. */
struct format_piece {
	struct str text;                        /* where neither of the others says more */
	const struct sample_expr *sample;
	uint8_t variable;                       /* sample_kind of %ci and so on, which need no more; 0: none */
	uint8_t reference;                      /* of a replacement: 1: \0, all that matched; 2: \1, what (.*) stands for */
};
struct format { const struct format_piece *pieces; uint32_t count; };

/* The regular expressions that are here: text, with one ".*" in it, between '^' and '$'. */
struct pattern {
	struct str before, after;
	bool gap;                               /* ".*" between them; else `after` is empty */
	bool from_start, to_end;
};

struct rule {
	uint8_t action;                         /* rule_action */
	uint8_t match;                          /* RULE_DEL_HEADER: match_kind for the name */
	bool page, denies;                      /* RULE_ANSWER: with the status's own page; it is `deny` */
	bool drop_query, append_slash;          /* redirects */
	uint8_t place;                          /* in its list, which may be longer than that */
	uint16_t status;
	uint32_t line;
	const char *name;                       /* of a header; of an answer its type; RULE_SET_STATUS: the reason */
	struct format value;                    /* or body, or location */
	struct pattern pattern;
	const struct condition *condition;      /* NULL: always */
	const struct proxy_ref *backend;        /* RULE_USE_BACKEND; tables: whose */
	struct rule *next;
};

/* Where texts go that rules make: they live as long as the message is in hand. */
struct text_area { char *p; uint32_t left; };

/* The first rule from this one on whose condition holds; NULL: none. */
const struct rule *rule_first(const struct rule *, const struct sample_context *);
/* Does what the rules of a list say to the message (which the context shows to the conditions), up to one that ends it,
 * which *end then is; NULL: none did. false: a text has no place, or is nothing that may stand where it should. */
bool rules_run(const struct rule *, struct http_head *, const struct sample_context *, struct text_area *,
	const struct rule **end);
/* A format's text. false: no place. */
bool format_write(const struct format *, const struct sample_context *, struct text_area *, struct str *out);
/* The Location of a redirect. false: no place. */
bool rule_location(const struct rule *, const struct http_head *, const struct sample_context *, struct text_area *,
	struct str *out);
#endif
