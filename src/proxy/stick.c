/* SPDX-License-Identifier: MIT */
#include "proxy/stick.h"
#include <string.h>
#include "proxy/hash.h"

static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

uint32_t stick_chains(const struct stick_config *c)
{
	uint32_t n = 1;

	while (n < c->size)
		n *= 2;
	return n;
}

static bool make_key(const struct stick_config *c, const struct addr *a, uint8_t key[16])
{
	bool ipv4 = a->family == ADDR_IPV4;

	memcpy(key, mapped, sizeof mapped);
	memcpy(ipv4 ? key + sizeof mapped : key, a->bytes, ipv4 ? 4 : 16);
	return a->family != ADDR_NONE && (c->type == 1 || memcmp(key, mapped, sizeof mapped) == 0);
}

/* No two keys meet whatever the seed is, as they do in hash_bytes(). */
static uint32_t *chain_of(const struct stick_table *t, const uint8_t key[16])
{
	uint32_t words[4], h = t->seed;

	memcpy(words, key, sizeof words);
	for (int i = 0; i < 4; i++)
		h = hash_mix(h ^ words[i]);
	return &t->chains[h & (stick_chains(t->config) - 1)];
}

static uint32_t number_of(const struct stick_table *t, const struct stick_entry *e)
{
	return (uint32_t)(e - t->entries) + 1;
}

/* The entry with that number, of what was found before: not 0. */
static struct stick_entry *numbered(const struct stick_table *t, uint32_t number)
{
	return &t->entries[number - 1];
}

/* ---- oldest to newest ---- */

static void unlink_age(struct stick_table *t, struct stick_entry *e)
{
	*(e->older ? &numbered(t, e->older)->newer : &t->oldest) = e->newer;
	*(e->newer ? &numbered(t, e->newer)->older : &t->newest) = e->older;
}

static void link_newest(struct stick_table *t, struct stick_entry *e, uint64_t now_ms)
{
	e->older = t->newest;
	e->newer = 0;
	t->newest = number_of(t, e);
	*(e->older ? &numbered(t, e->older)->newer : &t->oldest) = t->newest;
	e->expires_ms = now_ms + t->config->expire_ms;
}

static void drop(struct stick_table *t, struct stick_entry *e)
{
	uint32_t *at = chain_of(t, e->key);

	while (*at != number_of(t, e))
		at = &numbered(t, *at)->next;
	*at = e->next;
	unlink_age(t, e);
	e->next = t->free;
	t->free = number_of(t, e);
}

static bool has_expired(const struct stick_table *t, const struct stick_entry *e, uint64_t now_ms)
{
	return t->config->expire_ms && e->holders == 0 && now_ms >= e->expires_ms;
}

/* A free place, if need be the oldest one's that nobody holds. */
static struct stick_entry *take_place(struct stick_table *t, uint64_t now_ms)
{
	bool full = !t->free && t->used == t->config->size;

	for (uint32_t n = t->oldest; full && n; n = numbered(t, n)->newer) {
		struct stick_entry *e = numbered(t, n);
		if (e->holders > 0)
			continue;
		if (!t->config->nopurge || has_expired(t, e, now_ms))
			drop(t, e);
		break;          /* the others are younger */
	}
	uint32_t number = t->free;
	if (number)
		t->free = numbered(t, number)->next;
	else if (t->used < t->config->size)
		number = ++t->used;
	return number ? numbered(t, number) : NULL;
}

static struct stick_entry *find(struct stick_table *t, const uint8_t key[16], uint64_t now_ms)
{
	for (uint32_t n = *chain_of(t, key); n; n = numbered(t, n)->next) {
		struct stick_entry *e = numbered(t, n);
		if (memcmp(e->key, key, 16) != 0)
			continue;
		if (!has_expired(t, e, now_ms))
			return e;
		drop(t, e);
		break;
	}
	return NULL;
}

struct stick_entry *stick_find(struct stick_table *t, const struct addr *a, uint64_t now_ms)
{
	uint8_t key[16];

	return make_key(t->config, a, key) ? find(t, key, now_ms) : NULL;
}

struct stick_entry *stick_find_same(struct stick_table *t, const struct stick_entry *other, uint64_t now_ms)
{
	return find(t, other->key, now_ms);
}

struct stick_entry *stick_get(struct stick_table *t, const struct addr *a, uint64_t now_ms)
{
	uint8_t key[16];

	if (!make_key(t->config, a, key))
		return NULL;
	struct stick_entry *e = find(t, key, now_ms);
	if (e)
		return e;
	e = take_place(t, now_ms);
	if (!e)
		return NULL;
	uint32_t *chain = chain_of(t, key);
	*e = (struct stick_entry){ .next = *chain };
	memcpy(e->key, key, sizeof key);
	*chain = number_of(t, e);
	link_newest(t, e, now_ms);
	return e;
}

void stick_hold(struct stick_table *t, struct stick_entry *e, int more, uint64_t now_ms)
{
	e->holders += (uint32_t)more;
	unlink_age(t, e);
	link_newest(t, e, now_ms);
}

/* ---- counters ---- */

/* Two periods in sequence: what of the older one still counts shrinks as the newer one grows. */
static void count(struct stick_rate *r, uint32_t period_ms, uint64_t now_ms)
{
	if (now_ms - r->start_ms >= period_ms) {
		r->before = r->now;
		r->now = 0;
		r->start_ms += period_ms;
		if (now_ms - r->start_ms >= period_ms) {
			r->before = 0;
			r->start_ms = now_ms;
		}
	}
	r->now++;
}

static uint32_t rate(const struct stick_rate *r, uint32_t period_ms, uint64_t now_ms)
{
	uint64_t since = now_ms - r->start_ms;
	uint32_t now = r->now, before = r->before;

	if (since >= period_ms) {
		before = since - period_ms <= period_ms ? now : 0;
		now = 0;
		since -= period_ms;
	}
	if (now == 0 && before <= 1)    /* as HAProxy: a single event does not fade, it ends */
		return before;
	return now + (since < period_ms ? (uint32_t)(before * (period_ms - since) / period_ms) : 0);
}

void stick_count(const struct stick_table *t, struct stick_entry *e, enum stick_data what, uint64_t now_ms)
{
	if (what >= STICK_COUNTERS && t->config->period_ms[what - STICK_COUNTERS])
		count(&e->rates[what - STICK_COUNTERS], t->config->period_ms[what - STICK_COUNTERS], now_ms);
	else if (what < STICK_COUNTERS)
		e->counters[what]++;
}

bool stick_value(const struct stick_table *t, const struct stick_entry *e, enum stick_data what, uint64_t now_ms,
	uint32_t *value)
{
	if (what == STICK_CONN_CUR)
		*value = e->holders;
	else if (what >= STICK_COUNTERS)
		*value = rate(&e->rates[what - STICK_COUNTERS], t->config->period_ms[what - STICK_COUNTERS], now_ms);
	else
		*value = e->counters[what];
	return t->config->stored >> what & 1;
}
