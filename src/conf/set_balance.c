/* SPDX-License-Identifier: MIT
 * Setters of how a server is chosen.
 */
#include <string.h>
#include "conf/parse.h"
#include "proxy/balance.h"

/* "hdr(NAME)": cuts the word before the bracket, and gives what is between. */
static bool cut_argument(struct str *word, struct str *inside)
{
	uint32_t i = 0;

	while (i < word->n && word->p[i] != '(')
		i++;
	if (i == word->n)
		return false;
	*inside = str_of(word->p + i + 1, word->n - i - 1);
	word->n = word->p[word->n - 1] == ')' ? i : 0;
	inside->n -= inside->n > 0;
	return true;
}

/* The words behind `balance uri`. false: one is wrong. */
static bool take_uri(struct balance_config *b, const struct str *args, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		bool depth = str_is(args[i], "depth"), number = depth || str_is(args[i], "len");
		uint32_t v = 0;
		if (number && i + 1 < n && text_to_u32(args[i + 1], 65535, &v) && v > 0) {
			*(depth ? &b->depth : &b->length) = (uint16_t)v;
			i++;
		} else if (str_is(args[i], "whole")) {
			b->whole = true;
		} else if (number || !str_is(args[i], "path-only")) {
			return false;
		}
	}
	return true;
}

static bool take_balance(struct parser *p, struct balance_config *b, struct str inside, const struct str *args, uint32_t n)
{
	uint32_t draws;

	switch (b->kind) {
	case BALANCE_RANDOM:
		draws = 2;
		if (inside.p && (!text_to_u32(inside, 255, &draws) || draws == 0))
			return false;
		b->draws = (uint8_t)draws;
		return n == 0;
	case BALANCE_HDR:
		if (n > 0 || !inside.p || !token_is_good(inside))
			return false;
		b->name = keep_text(p, inside);
		return true;
	case BALANCE_URL_PARAM:
		if (n != 1 || inside.p)
			return false;
		b->name = keep_text(p, args[0]);
		return true;
	case BALANCE_URI:
		return !inside.p && take_uri(b, args, n);
	default:
		return !inside.p && n == 0;
	}
}

void set_balance(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct proxy_config *c = object;
	struct balance_config b = { .kind = BALANCE_ROUNDROBIN };
	struct str name = args[0], inside = { NULL, 0 };

	(void)cut_argument(&name, &inside);
	if (str_is(name, "rdp-cookie") || str_is(name, "hash"))
		refuse(p, "'%s %.*s' is HAProxy's; tandem does not have it", k->name, CLIPPED(args[0]));
	else if (!balance_find(name, &b.kind))
		refuse(p, "'%s %.*s' is unknown: it is one of %s", k->name, CLIPPED(args[0]), k->arguments);
	else if (!take_balance(p, &b, inside, args + 1, n - 1))
		refuse(p, "'%s %.*s': wrong arguments: it is one of %s", k->name, CLIPPED(args[0]), k->arguments);
	c->balance = b;
}

void set_hash_type(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	(void)object;
	if (str_is(args[0], "map-based"))
		refuse(p, "'%s map-based' moves nearly all clients when one server fails: tandem hashes consistently", k->name);
	else if (!str_is(args[0], "consistent") || n > 1)
		refuse(p, "'%s' is 'consistent' here, with a hash of tandem's own that both nodes share", k->name);
}
