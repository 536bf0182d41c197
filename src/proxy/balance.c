/* SPDX-License-Identifier: MIT */
#include "proxy/balance.h"
#include <string.h>
#include "proxy/hash.h"

/* What a server would cost, as a fraction: the cheapest one is chosen, of equal ones the one with the lower tie, and of
 * those the first in the file. */
struct cost { uint32_t n, d, tie; };

/* Smooth weighted round robin: every server gains its weight, the richest is chosen and pays what all have gained. Weights
 * 3:1 give a, a, b, a and not a, a, a, b. */
static struct cost turns(const struct balance_server *s, uint32_t key)
{
	(void)key;
	return (struct cost){ 0x80000000u - (uint32_t)s->credit - s->weight, 1, 0 };
}

/* As HAProxy has it: idle ones are all alike. */
static struct cost load(const struct balance_server *s, uint32_t key)
{
	uint32_t has = s->served + s->queued;

	(void)key;
	return (struct cost){ has ? has + 1 : 0, s->weight, s->chosen };
}

static struct cost order(const struct balance_server *s, uint32_t key)
{
	(void)s;
	(void)key;
	return (struct cost){ 0, 1, 0 };
}

static struct cost rendezvous(const struct balance_server *s, uint32_t key)
{
	return (struct cost){ hash_cost(hash_mix(key ^ s->hash)), s->weight, s->hash };
}

static const struct { const char *name; struct cost (*cost)(const struct balance_server *, uint32_t key); } kinds[] = {
	[BALANCE_ROUNDROBIN] = { "roundrobin", turns },
	[BALANCE_STATIC_RR] = { "static-rr", turns },
	[BALANCE_LEASTCONN] = { "leastconn", load },
	[BALANCE_FIRST] = { "first", order },
	[BALANCE_RANDOM] = { "random", rendezvous },
	[BALANCE_SOURCE] = { "source", rendezvous },
	[BALANCE_URI] = { "uri", rendezvous },
	[BALANCE_URL_PARAM] = { "url_param", rendezvous },
	[BALANCE_HDR] = { "hdr", rendezvous },
};

const char *balance_name(enum balance_kind kind)
{
	return kinds[kind].name;
}

bool balance_find(struct str name, uint8_t *kind)
{
	for (uint8_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (str_is(name, kinds[i].name)) {
			*kind = i;
			return true;
		}
	return false;
}

bool balance_hashes(enum balance_kind kind)
{
	return kind >= BALANCE_SOURCE;
}

bool balance_has_room(const struct balance_server *s)
{
	return s->maxconn == 0 || (s->queued == 0 && s->served < s->maxconn);
}

/* ---- keys ---- */

static struct str uri_of(const struct balance_config *c, struct str path)
{
	uint32_t n = 0, slashes = 0;

	for (; n < path.n && (c->length == 0 || n < c->length); n++) {
		if (path.p[n] == '?' && !c->whole)
			break;
		if (path.p[n] == '/' && c->depth && slashes++ == c->depth)
			break;
	}
	return str_of(path.p, n);
}

/* The value of NAME= in the query. */
static bool param_of(const char *name, struct str path, struct str *value)
{
	size_t n = strlen(name);
	uint32_t i = 0, end;

	while (i < path.n && path.p[i] != '?')
		i++;
	for (i++; i < path.n; i = end + 1) {
		for (end = i; end < path.n && path.p[end] != '&'; end++)
			;
		if (end - i > n && memcmp(path.p + i, name, n) == 0 && path.p[i + n] == '=') {
			*value = str_of(path.p + i + n + 1, end - i - n - 1);
			return true;
		}
	}
	return false;
}

bool balance_key(const struct balance_config *c, const struct http_head *head, const struct addr *source, uint32_t *key)
{
	const struct http_field *field;
	struct str text = { NULL, 0 };
	uint32_t index = 0;

	switch (c->kind) {
	case BALANCE_SOURCE:
		*key = hash_bytes(source->bytes, addr_bytes(source));
		return true;
	case BALANCE_URI:
		text = uri_of(c, head->path);
		break;
	case BALANCE_URL_PARAM:
		if (!param_of(c->name, head->path, &text))
			return false;
		break;
	case BALANCE_HDR:
		field = http_field_find(head, c->name, &index);
		if (!field)
			return false;
		text = field->value;
		break;
	default:
		return false;
	}
	*key = hash_bytes(text.p, text.n);
	return true;
}

/* ---- the choice ---- */

static bool may_serve(const struct balance_server *s)
{
	return s->usable && s->weight > 0;
}

bool balance_may_choose(const struct balance *b, uint32_t index)
{
	if (!may_serve(&b->servers[index]))
		return false;
	for (uint32_t i = 0; i < b->count && b->servers[index].backup; i++)
		if (may_serve(&b->servers[i]) && (!b->servers[i].backup || (i < index && !b->all_backups)))
			return false;
	return true;
}

static bool cheaper(struct cost a, struct cost b)
{
	uint64_t left = (uint64_t)a.n * b.d, right = (uint64_t)b.n * a.d;

	return left != right ? left < right : a.tie < b.tie;
}

/* Hashing ignores it: who belongs to a server waits for it. `leastconn` may choose one whose own queue has room. */
static bool is_full(const struct balance_server *s, enum balance_kind kind)
{
	if (kind == BALANCE_LEASTCONN && s->maxconn && s->served + s->queued < s->maxconn + s->maxqueue)
		return false;
	return !balance_hashes(kind) && !balance_has_room(s);
}

static uint32_t cheapest(struct balance *b, enum balance_kind kind, uint32_t key, bool backup, uint32_t avoid)
{
	bool alone = backup && !b->all_backups, full = false, by_turns = kinds[kind].cost == turns;
	uint32_t best = BALANCE_NONE;
	struct cost least = { 0, 1, 0 };
	int32_t total = 0;

	for (uint32_t i = 0; i < b->count; i++) {
		struct balance_server *s = &b->servers[i];
		if (i == avoid || s->backup != backup || !may_serve(s))
			continue;
		if (is_full(s, kind)) {
			full = true;
		} else {
			struct cost c = kinds[kind].cost(s, key);
			if (best == BALANCE_NONE || cheaper(c, least)) {
				best = i;
				least = c;
			}
			s->credit += by_turns ? s->weight : 0;
			total += s->weight;
		}
		if (alone)
			break;
	}
	if (best == BALANCE_NONE)
		return full ? BALANCE_FULL : BALANCE_NONE;
	b->servers[best].credit -= by_turns ? total : 0;
	return best;
}

/* Of the active ones; of the backups when no active one is usable. */
static uint32_t choose(struct balance *b, enum balance_kind kind, uint32_t key, uint32_t avoid)
{
	uint32_t i = BALANCE_NONE;

	for (int backup = 0; backup <= 1 && i == BALANCE_NONE; backup++) {
		i = cheapest(b, kind, key, backup, avoid);
		if (i >= BALANCE_FULL && avoid < b->count)      /* backups are not for one refused connection */
			i = cheapest(b, kind, key, backup, BALANCE_NONE);
	}
	return i;
}

uint32_t balance_choose(struct balance *b, const uint32_t *key, uint32_t avoid)
{
	enum balance_kind kind = b->config->kind;
	uint32_t best = BALANCE_NONE;

	if (balance_hashes(kind) && !key)
		kind = BALANCE_ROUNDROBIN;
	/* Several throws, and the one with less to do: better than one by far, and as good as knowing all (Mitzenmacher). */
	for (uint32_t draws = kind == BALANCE_RANDOM ? b->config->draws : 1; draws > 0; draws--) {
		uint32_t i = choose(b, kind, kind == BALANCE_RANDOM ? hash_mix(b->clock) : *(key ? key : &b->clock), avoid);
		b->clock++;
		if (i >= BALANCE_FULL)
			return i;
		if (best == BALANCE_NONE || (uint64_t)b->servers[i].served * b->servers[best].weight
		    <= (uint64_t)b->servers[best].served * b->servers[i].weight)
			best = i;
	}
	b->servers[best].chosen = b->clock;
	return best;
}

/* ---- slowstart ---- */

uint32_t balance_ramp(uint32_t whole, uint32_t since_ms, uint32_t slowstart_ms)
{
	if (since_ms >= slowstart_ms)
		return whole;
	return whole / BALANCE_WEIGHT_SCALE * (uint32_t)((uint64_t)since_ms * BALANCE_WEIGHT_SCALE / slowstart_ms + 1);
}

uint32_t balance_ramp_maxconn(uint32_t maxconn, uint32_t since_ms, uint32_t slowstart_ms)
{
	uint32_t n = since_ms >= slowstart_ms ? maxconn : (uint32_t)((uint64_t)maxconn * since_ms / slowstart_ms);

	return n || !maxconn ? n : 1;
}
