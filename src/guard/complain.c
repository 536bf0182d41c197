/* SPDX-License-Identifier: MIT
 * Sentences about adverts that do not fit ours. Each is said once for a peer and a kind, and then ever more rarely: what is
 * wrong at night must be in the log in the morning, but once.
 */
#include "base/log.h"
#include "guard/guard.h"

#define WAIT_MS_FIRST 60000u
#define WAIT_MS_MAX 3600000u

enum { KIND_ADDRESSES = VRRP_DROP_COUNT_OF, KIND_OTHER_VRID };

/* May this be said now? */
static bool due(struct router *r, const struct addr *source, unsigned kind)
{
	struct complaint *free_one = NULL, *c;
	uint64_t now = guard.loop.now_ms;

	for (c = r->complaints; c < r->complaints + COMPLAINTS_MAX; c++) {
		if (c->wait_ms && c->kind == kind && addr_equal(&c->source, source))
			break;
		if (!c->wait_ms || now > c->next_ms + 2 * (uint64_t)c->wait_ms)
			free_one = c;
	}
	if (c == r->complaints + COMPLAINTS_MAX) {
		if (!free_one)
			return false;
		*free_one = (struct complaint){ *source, (uint8_t)kind, now + WAIT_MS_FIRST, WAIT_MS_FIRST };
		return true;
	}
	if (now < c->next_ms)
		return false;
	c->wait_ms = c->wait_ms * 2 > WAIT_MS_MAX ? WAIT_MS_MAX : c->wait_ms * 2;
	c->next_ms = now + c->wait_ms;
	return true;
}

void complain_drop(struct router *r, const struct vrrp_advert *a, enum vrrp_drop drop)
{
	const struct vrrp_config *c = r->config;
	char from[ADDR_TEXT_MAX];

	if (!due(r, &a->source, drop))
		return;
	addr_print(&a->source, from);
	switch (drop) {
	case VRRP_DROP_OTHER_VERSION:
		log_warn("(%s) %s sends VRRP version %u, ours is %u: its adverts do not count, both nodes may become master:"
			" set `version` alike", c->name, from, a->version, c->version);
		break;
	case VRRP_DROP_TTL:
		log_warn("(%s) an advert from %s has TTL %u instead of 255: it was sent by a host behind a router, or by a peer"
			" that does not set it (keepalived: unicast_ttl 255)", c->name, from, a->ttl);
		break;
	case VRRP_DROP_CAST:
		log_warn("(%s) %s sends adverts by %s, we use %s: its adverts do not count, both nodes may become master:"
			" configure unicast_peer on both or on none", c->name, from, c->peers ? "multicast" : "unicast",
			c->peers ? "unicast" : "multicast");
		break;
	case VRRP_DROP_PEER:
		log_warn("(%s) %s sends unicast adverts, but is no unicast_peer of ours: they do not count", c->name, from);
		break;
	case VRRP_DROP_AUTH_TYPE:
		log_warn("(%s) %s sends adverts %s a password, ours have %s: they do not count, both nodes may become master:"
			" set auth_pass alike", c->name, from, a->auth_type ? "with" : "without", c->has_auth ? "one" : "none");
		break;
	case VRRP_DROP_PASSWORD:
		log_warn("(%s) %s sends adverts with another auth_pass: they do not count, both nodes may become master:"
			" set auth_pass alike (only its first 8 characters count)", c->name, from);
		break;
	case VRRP_DROP_INTERVAL:
		log_warn("(%s) %s has advert_int %u s, ours is %u s: its adverts do not count (RFC 3768), both nodes may become"
			" master: set advert_int alike", c->name, from, a->interval_ms / 1000, c->advert_int_ms / 1000);
		break;
	default:
		log_warn("(%s) an advert from %s is discarded: %s", c->name, from, vrrp_drop_name(drop));
	}
}

void complain_addresses(struct router *r, const struct vrrp_advert *a)
{
	char from[ADDR_TEXT_MAX], first[ADDR_TEXT_MAX];

	if (due(r, &a->source, KIND_ADDRESSES))
		log_warn("(%s) %s advertises other addresses than ours (%u of them, the first is %s; we have %u): after a takeover"
			" some would be missing: make virtual_ipaddress alike", r->config->name,
			addr_print(&a->source, from), a->address_count, addr_print(&a->addresses[0], first),
			r->config->vip_count);
}

void complain_other_vrid(struct router *r, const struct vrrp_advert *a)
{
	char from[ADDR_TEXT_MAX], address[ADDR_TEXT_MAX];

	for (const struct vip_config *v = r->config->vips; v; v = v->next)
		for (uint32_t i = 0; i < a->address_count && i < VRRP_ADDRESSES_MAX; i++)
			if (addr_equal(&v->address.addr, &a->addresses[i]) && due(r, &a->source, KIND_OTHER_VRID))
				log_warn("(%s) %s advertises %s under virtual_router_id %u, we use %u: both nodes may hold it:"
					" set virtual_router_id alike", r->config->name, addr_print(&a->source, from),
					addr_print(&a->addresses[i], address), a->vrid, r->config->vrid);
}
