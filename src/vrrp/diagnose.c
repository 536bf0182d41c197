/* SPDX-License-Identifier: MIT */
#include "vrrp/diagnose.h"
#include <string.h>

#define WAIT_MS_FIRST 60000u
#define WAIT_MS_MAX 3600000u
#define INTERVALS_QUIET 3               /* so many adverts without it, or none at all */
#define QUIET_MS_MIN 10000u             /* still shown for so long */
#define CLAIM_MS 20000u                 /* whoever claims an address says so now and then */
#define SPLIT_COUNT 3                   /* two adverts may cross at a takeover */

_Static_assert(DIAGNOSE_KINDS <= 32, "kinds are bits of a word");
#define BIT(kind) (1u << (kind))
/* Not ended by an advert that is free of them. */
#define LASTING (BIT(DIAGNOSE_SPLIT) | BIT(DIAGNOSE_SOURCE) | BIT(DIAGNOSE_CLAIM))

/* The name, and behind its NUL the sentence: $p the peer, $a the address, $m the MAC, $t theirs and $o ours as numbers,
 * $T and $O as times, $u and $v theirs and ours as words, $l what all have in common. */
#define LOST "$l"
#define VALUE_MAX 80
static const char *const kinds[DIAGNOSE_KINDS] = {
	[VRRP_DROP_OTHER_VERSION] = "version\0" PACKED "$p sends VRRP version $t, ours is $o" LOST "set `version` alike",
	[VRRP_DROP_CAST] = "unicast\0" PACKED "$p sends adverts by $u, we use $v" LOST "set unicast_peer"
		" on both or on none",
	[VRRP_DROP_TTL] = "TTL\0" PACKED "an advert from $p has TTL $t instead of 255: it crossed a router, or its "
		"sender does not set it"
		" (unicast_ttl 255)",
	[VRRP_DROP_PEER] = "unicast_peer\0" PACKED "$p sends unicast adverts, but is no unicast_peer of ours: they "
		"do not count: add it",
	[VRRP_DROP_AUTH_TYPE] = "auth_type\0" PACKED "$p sends adverts $u authentication, ours are $v it" LOST "set auth_pass or"
		" auth_hmac alike",
	[VRRP_DROP_PASSWORD] = "auth_pass\0" PACKED "$p sends adverts with another auth_pass" LOST "set auth_pass "
		"alike (its first 8"
		" characters count)",
	[VRRP_DROP_INTERVAL] = "advert_int\0" PACKED "$p has advert_int $T, ours is $O" LOST "set advert_int alike",
	[DIAGNOSE_LEARNT] = "advert_int\0" PACKED "$p has advert_int $T, ours is $O: the master's counts: set advert_int alike",
	[DIAGNOSE_MORE] = "virtual_ipaddress\0" PACKED "$p advertises $a as well, which we do not have: it is "
		"missing when we are master:"
		" make virtual_ipaddress alike",
	[DIAGNOSE_LESS] = "virtual_ipaddress\0" PACKED "$p does not advertise $a, which we have: it is missing when "
		"$p is master: make"
		" virtual_ipaddress alike",
	[DIAGNOSE_STRANGER] = "virtual_router_id\0" PACKED "$p uses our virtual_router_id $o for other addresses, "
		"such as $a: if it is"
		" not our peer, choose another virtual_router_id",
	[DIAGNOSE_VRID] = "virtual_router_id\0" PACKED "$p advertises $a under virtual_router_id $t, we use $o: "
		"both nodes may hold it:"
		" set virtual_router_id alike",
	[DIAGNOSE_SPLIT] = "split brain\0" PACKED "$p is master as well, with priority $t, ours is $o: split brain, "
		"both hold $a: one"
		" of us does not hear or not accept the other: look at firewalls and the switch",
	[DIAGNOSE_SOURCE] = "duplicate address\0" PACKED "another machine, $m, sends from our own address $p: no "
		"peer can tell us apart:"
		" give each node its own address",
	[DIAGNOSE_CLAIM] = "address in use\0" PACKED "another machine, $m, answers for $p, which we hold: some "
		"clients reach that one:"
		" find it and take the address off",
};
static const char *const words[] = { "multicast", "unicast", "without", "with" };

const char *diagnose_name(uint8_t kind)
{
	return kinds[kind] ? kinds[kind] : vrrp_drop_name(kind);
}

static void print_time(uint32_t ms, char *out, size_t size)
{
	if (ms % 1000)
		text_format(out, size, "%u ms", (unsigned)ms);
	else
		text_format(out, size, "%u s", (unsigned)ms / 1000);
}

static void print_value(const struct disagreement *e, char what, char out[VALUE_MAX])
{
	uint32_t value = what == 't' || what == 'T' || what == 'u' ? e->theirs : e->ours;

	out[0] = 0;
	switch (what) {
	case 'p':
		addr_print(&e->peer, out);
		break;
	case 'a':
		addr_print(&e->address, out);
		break;
	case 'm':
		for (unsigned i = 0; i < 6; i++)
			text_format(out + 3 * i, 4, "%02x%s", e->mac[i], i < 5 ? ":" : "");
		break;
	case 'T':
	case 'O':
		print_time(value, out, VALUE_MAX);
		break;
	case 'u':
	case 'v':
		text_format(out, VALUE_MAX, "%s", words[value]);
		break;
	case 'l':
		text_format(out, VALUE_MAX, ": its adverts do not count, both nodes may become master: ");
		break;
	default:
		text_format(out, VALUE_MAX, "%u", (unsigned)value);
	}
}

size_t diagnose_print(const struct disagreement *e, char *out, size_t size)
{
	const char *s = kinds[e->kind];
	char value[VALUE_MAX], plain[TEXT_MAX];
	size_t n = 0;

	if (!s)
		return text_format(out, size, "an advert from %s is discarded: %s", addr_print(&e->peer, value),
			vrrp_drop_name(e->kind));
	for (s = text_plain(s + strlen(s) + 1, plain); *s && n + 1 < size; s++) {
		if (*s == '$') {
			print_value(e, *++s, value);
			n += text_format(out + n, size - n, "%s", value);
		} else {
			out[n++] = *s;
		}
	}
	out[n] = '\0';
	return n;
}

/* ---- the table ---- */

/* Not heard for so long, it is over. */
static uint32_t quiet_ms(const struct disagreement *e)
{
	uint32_t quiet = INTERVALS_QUIET * e->interval_ms;

	/* keepalived puts off its own advert whenever it hears one that it rejects. */
	return e->kind == DIAGNOSE_SPLIT && quiet < QUIET_MS_MIN ? QUIET_MS_MIN : quiet;
}

static bool going_on(const struct disagreement *e, uint64_t now)
{
	uint32_t quiet = quiet_ms(e);

	return now - e->last_ms <= (quiet > QUIET_MS_MIN ? quiet : QUIET_MS_MIN);
}

/* A configured peer, or who was the last good master: whose disagreement counts. Anybody can send in anybody's name. */
static bool is_known(const struct vrrp *vr, const struct addr *a)
{
	for (const struct peer_config *p = vr->config->peers; p; p = p->next)
		if (addr_equal(&p->address, a))
			return true;
	return a->family && addr_equal(&vr->master, a);
}

static uint32_t count_of(const struct diagnosis *d, const struct addr *peer)
{
	uint32_t n = 0;

	for (const struct disagreement *e = d->entries; e < d->entries + DIAGNOSE_MAX; e++)
		n += addr_equal(&e->peer, peer);
	return n;
}

/* A stranger's place for who is known; or, so that each of these has one, of somebody's who has several. */
static struct disagreement *take_over(struct diagnosis *d, const struct vrrp *vr, const struct addr *peer)
{
	struct disagreement *place = NULL;

	if (!is_known(vr, peer))
		return NULL;
	for (struct disagreement *e = d->entries; e < d->entries + DIAGNOSE_MAX; e++) {
		if (!is_known(vr, &e->peer))
			return e;
		if (count_of(d, &e->peer) > 1 && count_of(d, peer) == 0)
			place = e;
	}
	return place;
}

/* Its place, or a new one; NULL: there is none. */
static struct disagreement *place_of(struct diagnosis *d, uint64_t now, const struct vrrp *vr,
	const struct disagreement *seen)
{
	struct disagreement *e, *place = NULL;

	for (e = d->entries; e < d->entries + DIAGNOSE_MAX; e++) {
		if (e->peer.family && e->kind == seen->kind && addr_equal(&e->peer, &seen->peer))
			return e;
		if (e->peer.family ? !place && !going_on(e, now) : !place || place->peer.family)
			place = e;
	}
	place = place ? place : take_over(d, vr, &seen->peer);
	if (place)
		*place = (struct disagreement){ .first_ms = now, .last_ms = now };
	return place;
}

static void note(struct diagnosis *d, uint64_t now, const struct vrrp *vr, const struct disagreement *seen)
{
	struct disagreement *e = place_of(d, now, vr, seen), before;

	if (!e)
		return;
	before = *e;
	*e = *seen;
	e->heard = true;
	e->last_ms = now;
	/* After a long silence it is a new one. */
	if (now - before.last_ms > (uint64_t)quiet_ms(seen) + 2 * (uint64_t)before.wait_ms)
		before = (struct disagreement){ .first_ms = now };
	e->first_ms = before.first_ms;
	e->next_ms = before.next_ms;
	e->wait_ms = before.wait_ms;
	e->count = before.count + 1;
}

static void end(struct disagreement *e)
{
	if (e->wait_ms)
		e->over = true;
	else
		e->peer.family = ADDR_NONE;     /* nobody was told that it began */
}

void diagnose_passed(struct diagnosis *d, uint64_t now, const struct vrrp *vr)
{
	for (struct disagreement *e = d->entries; e < d->entries + DIAGNOSE_MAX; e++)
		if (e->peer.family && e->kind == DIAGNOSE_SPLIT && (vr->state != VRRP_MASTER || now - e->last_ms > quiet_ms(e)))
			end(e);
}

bool diagnose_next(struct diagnosis *d, uint64_t now, struct disagreement *out)
{
	for (struct disagreement *e = d->entries; e < d->entries + DIAGNOSE_MAX; e++) {
		if (!e->peer.family || !(e->heard || e->over))
			continue;
		e->heard = false;
		if (e->over) {
			*out = *e;
			e->peer.family = ADDR_NONE;
			return true;
		}
		if (now < e->next_ms || (e->kind == DIAGNOSE_SPLIT
		    && (e->count < SPLIT_COUNT || now - e->first_ms <= 2 * (uint64_t)e->interval_ms)))
			continue;
		e->wait_ms = e->wait_ms == 0 ? WAIT_MS_FIRST : e->wait_ms * 2 > WAIT_MS_MAX ? WAIT_MS_MAX : e->wait_ms * 2;
		e->next_ms = now + e->wait_ms;
		*out = *e;
		return true;
	}
	return false;
}

const struct disagreement *diagnose_active(const struct diagnosis *d, uint64_t now, const struct disagreement *last)
{
	for (const struct disagreement *e = last ? last + 1 : d->entries; e < d->entries + DIAGNOSE_MAX; e++)
		if (e->peer.family && e->wait_ms && going_on(e, now))
			return e;
	return NULL;
}

/* ---- what an advert says ---- */

static const struct addr *advertised(const struct vrrp_advert *a, const struct addr *address)
{
	for (uint32_t i = 0; i < a->address_count && i < VRRP_ADDRESSES_MAX; i++)
		if (addr_equal(&a->addresses[i], address))
			return address;
	return NULL;
}

static bool is_ours(const struct vrrp_config *c, const struct addr *address)
{
	for (const struct vip_config *v = c->vips; v; v = v->next)
		if (addr_equal(&v->address.addr, address))
			return true;
	return false;
}

/* The first addresses that only one of us has, and one that both have; NULL: there is none. */
struct difference { const struct addr *more, *less, *common; };

static struct difference compare(const struct vrrp_config *c, const struct vrrp_advert *a)
{
	struct difference d = { 0 };

	for (const struct vip_config *v = c->vips; v; v = v->next) {
		if (!vrrp_advertises(c, v))
			continue;
		const struct addr **which = advertised(a, &v->address.addr) ? &d.common : &d.less;
		if (!*which)
			*which = &v->address.addr;
	}
	for (uint32_t i = 0; i < a->address_count && i < VRRP_ADDRESSES_MAX && !d.more; i++)
		if (!is_ours(c, &a->addresses[i]))
			d.more = &a->addresses[i];
	return d;
}

static uint32_t found_in(const struct vrrp *vr, const struct vrrp_advert *a, const struct difference *d)
{
	const struct vrrp_config *c = vr->config;

	if (a->vrid != c->vrid)
		return d->common ? BIT(DIAGNOSE_VRID) : 0;
	/* VRIDs of IPv4 and of IPv6 are counted apart. */
	uint32_t found = vrrp_packet_faults(c, a) & ~BIT(VRRP_DROP_FAMILY);
	if (a->version == 3 && c->version == 3 && a->interval_ms != c->advert_int_ms)
		found |= BIT(DIAGNOSE_LEARNT);
	if (!d->common)
		return a->source.family == vrrp_family(c) ? found | BIT(DIAGNOSE_STRANGER) : found;
	if (d->more)
		found |= BIT(DIAGNOSE_MORE);
	if (d->less)
		found |= BIT(DIAGNOSE_LESS);
	/* Priority 0 takes leave; who is behind a router or no peer may hold our address elsewhere. */
	if (vr->state == VRRP_MASTER && a->priority && !(found & (BIT(VRRP_DROP_TTL) | BIT(VRRP_DROP_PEER))))
		found |= BIT(DIAGNOSE_SPLIT);
	return found;
}

/* Ours and theirs. */
static void put_values(struct disagreement *e, const struct vrrp *vr, const struct vrrp_advert *a,
	const struct difference *d)
{
	const struct vrrp_config *c = vr->config;
	const struct addr *address = e->kind == DIAGNOSE_MORE || e->kind == DIAGNOSE_STRANGER ? d->more
		: e->kind == DIAGNOSE_LESS ? d->less : d->common;

	if (address)
		e->address = *address;
	switch (e->kind) {
	case VRRP_DROP_OTHER_VERSION:
		e->ours = c->version;
		e->theirs = a->version;
		break;
	case VRRP_DROP_TTL:
		e->theirs = a->ttl;
		break;
	case VRRP_DROP_CAST:
		e->ours = c->peers != NULL;
		e->theirs = !e->ours;
		break;
	case VRRP_DROP_AUTH_TYPE:
		e->ours = c->has_auth || c->hmac.key_count ? 3 : 2;
		e->theirs = a->auth_type || a->has_trailer ? 3 : 2;
		break;
	case VRRP_DROP_INTERVAL:
	case DIAGNOSE_LEARNT:
		e->ours = c->advert_int_ms;
		e->theirs = a->interval_ms;
		break;
	case DIAGNOSE_SPLIT:
		e->ours = vr->priority;
		e->theirs = a->priority;
		break;
	default:
		e->ours = c->vrid;
		e->theirs = a->vrid;
	}
}

/* An advert that cannot be read proves nothing; under another VRID it says nothing of what we agreed in under ours. */
static bool proves(const struct vrrp_config *c, const struct vrrp_advert *a, const struct disagreement *e)
{
	return a->vrid == c->vrid ? !(BIT(e->kind) & LASTING) : e->kind == DIAGNOSE_VRID && e->theirs == a->vrid;
}

void diagnose_heard(struct diagnosis *d, uint64_t now, const struct vrrp *vr, const struct vrrp_advert *a,
	enum vrrp_drop parsed)
{
	const struct vrrp_config *c = vr->config;
	struct difference differ = { 0 };
	uint32_t found = BIT(parsed), interval = c->advert_int_ms;

	diagnose_passed(d, now, vr);
	if (parsed == VRRP_GOOD) {
		differ = compare(c, a);
		found = found_in(vr, a, &differ);
		if (interval < a->interval_ms)
			interval = a->interval_ms;
	} else if (!a->source.family || a->vrid != c->vrid) {
		return;
	}
	for (struct disagreement *e = d->entries; e < d->entries + DIAGNOSE_MAX && parsed == VRRP_GOOD; e++)
		if (e->peer.family && addr_equal(&e->peer, &a->source) && !(found & BIT(e->kind)) && proves(c, a, e)
		    && now - e->last_ms > quiet_ms(e))
			end(e);
	for (; found; found &= found - 1) {
		struct disagreement seen = { .peer = a->source, .kind = (uint8_t)__builtin_ctz(found),
			.interval_ms = interval };
		if (parsed == VRRP_GOOD)
			put_values(&seen, vr, a, &differ);
		note(d, now, vr, &seen);
	}
}

void diagnose_claimed(struct diagnosis *d, uint64_t now, const struct vrrp *vr, uint8_t kind, const struct addr *address,
	const uint8_t mac[6])
{
	struct disagreement seen = { .peer = *address, .kind = kind, .interval_ms = CLAIM_MS };

	memcpy(seen.mac, mac, 6);
	note(d, now, vr, &seen);
}
