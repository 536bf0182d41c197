/* SPDX-License-Identifier: MIT
 * Floating addresses wanted against addresses present. Each is put on with a finite lifetime, renewed with every advert: a
 * guard that is killed or frozen loses its addresses before its peer takes them (DESIGN §2, dead-man addresses).
 */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "guard/guard.h"

#define LIFETIME_S_MIN 2                /* the kernel rounds by a quarter of a second: one second could be too short */
#define REMOVALS_DAMPED 5               /* so often in a row, and it is put back only once a second */
#define REMOVALS_CALM_MS 10000
#define WORK_A_TURN 16                  /* addresses, and frames that tell of them */

uint32_t vips_lifetime_s(const struct vrrp_config *c)
{
	/* Shorter than the peers' Master_Down_Interval, which is so many adverts and the skew time. */
	uint32_t s = c->down_timer_adverts * c->advert_int_ms / 1000;
	/* Each advert renews it: of one advert alone it must outlive the next. */
	uint32_t least = c->down_timer_adverts == 1 ? (c->advert_int_ms + 999) / 1000 + 1 : LIFETIME_S_MIN;

	return s < least ? least : s;
}

/* Who is leaving has a successor that comes after the skew time. */
static uint32_t leaving_s(const struct vrrp_config *c)
{
	uint32_t s = (c->advert_int_ms + VRRP_LEAVING_MS + 999) / 1000;

	return s < LIFETIME_S_MIN ? LIFETIME_S_MIN : s;
}

static bool put_on(struct router *r, struct vip *v)
{
	char address[ADDR_TEXT_MAX];

	if (v->permanent)
		return true;
	int error = netlink_address_add(v, r->vr.state == VRRP_LEAVING ? leaving_s(r->config) : vips_lifetime_s(r->config));
	v->present = error == 0;
	if (error && !v->missing_said)
		log_err("(%s) cannot put %s on %s: %s", r->config->name, prefix_print(&v->config->address, address),
			v->interface->name, strerror(error));
	v->missing_said = error != 0;
	return error == 0;
}

/* Off, with whatever length it is there. */
static int take_off(struct vip *v)
{
	int other = v->other_length ? netlink_address_delete(v, v->other_length) : 0;
	int error = netlink_address_delete(v, v->config->address.length);

	v->other_length = 0;
	v->present = false;
	/* Not there: its lifetime was over before we came to it. */
	return other ? other : error == EADDRNOTAVAIL || error == ENODEV ? 0 : error;
}

static void take_one(struct router *r, struct vip *v)
{
	/* Should it be there, for ever and somebody's: given a lifetime, its connected route would be over at once. */
	if (!v->permanent && (v->config->address.addr.family == ADDR_IPV6 || v->other_length))
		(void)take_off(v);
	if (put_on(r, v))
		garp_one(v);
}

static void renew_one(struct router *r, struct vip *v)
{
	/* One that somebody removed comes back by vips_put_back(), with its announcement. */
	if (v->present)
		(void)put_on(r, v);
	else if (r->vr.state == VRRP_MASTER)
		vips_put_back(r, v);
}

/* Two hundred addresses in one turn would hold up the adverts. */
static void work(struct router *r)
{
	uint32_t budget = WORK_A_TURN;

	for (; budget > 0 && r->work_at < r->config->vip_count; budget--) {
		struct vip *v = &r->vips[r->work_at++];
		if (r->taking)
			take_one(r, v);
		else
			renew_one(r, v);
		if (r->work_at < r->config->vip_count)
			continue;
		routes_add(r);
		if (r->taking)
			garp_start(r);
		r->taking = false;
	}
	if (r->vr.state == VRRP_MASTER)
		budget = garp_some(r, budget);
	/* Not in this turn again, whatever else is due. */
	if (budget == 0)
		timer_set(&guard.loop.timers, &r->work, guard.loop.now_ms + 1);
}

void vips_work(struct timer *t, uint64_t now_ms)
{
	struct router *r = container_of(t, struct router, work);

	(void)now_ms;
	if (router_is_master(r) || r->vr.state == VRRP_LEAVING)
		work(r);
}

void vips_take(struct router *r)
{
	r->renewed_ms = guard.loop.now_ms;
	r->work_at = 0;
	r->taking = true;
	reset_taken(r);
	work(r);
}

/* In the first turn of a second, and router_step() has all routers send in it: when an address has expired, the kernel looks
 * for others only a second later, by when our peers have them. */
void vips_renew(struct router *r, bool at_once)
{
	/* Once a second, in its first turn; where that could be late by nearly a second, with each advert. */
	bool soon = r->config->advert_int_ms <= 500 && guard.loop.now_ms / 1000 == r->renewed_ms / 1000;

	if (!at_once && (soon || r->work_at < r->config->vip_count))
		return;
	r->taking = false;
	r->renewed_ms = guard.loop.now_ms;
	r->work_at = 0;
	work(r);
}

void vips_release(struct router *r)
{
	char address[ADDR_TEXT_MAX];

	garp_stop(r);
	r->work_at = r->config->vip_count;
	r->taking = false;
	routes_remove(r);
	reset_now(r);
	for (uint32_t i = 0; i < r->config->vip_count; i++) {
		struct vip *v = &r->vips[i];
		if (v->permanent || v->interface->index == 0)
			continue;
		int error = take_off(v);
		v->missing_said = false;
		if (error)
			log_err("(%s) cannot take %s off %s: %s", r->config->name, prefix_print(&v->config->address, address),
				v->interface->name, strerror(error));
	}
}

/* Against somebody who wants it otherwise: at once, and when that goes on, once a second. */
static bool try_again(struct vip *v)
{
	uint64_t now = guard.loop.now_ms;

	if (now - v->removed_ms > REMOVALS_CALM_MS)
		v->removals = 0;
	if (v->removals >= REMOVALS_DAMPED && now - v->removed_ms < 1000)
		return false;
	v->removals++;
	v->removed_ms = now;
	return true;
}

void vips_put_back(struct router *r, struct vip *v)
{
	char address[ADDR_TEXT_MAX];

	if (v->missing_said) {          /* it never was there */
		if (put_on(r, v))
			garp_one(v);
		return;
	}
	if (v->permanent)
		v->permanent = false;   /* the owner's own address has gone: from now on it is ours to keep there */
	if (!try_again(v))
		return;                 /* the next advert's renewal comes by here again */
	if (!put_on(r, v))
		return;
	garp_one(v);
	if (v->removals <= REMOVALS_DAMPED)
		log_warn("(%s) %s was removed from %s by somebody else: put back", r->config->name,
			prefix_print(&v->config->address, address), v->interface->name);
	if (v->removals == REMOVALS_DAMPED)
		log_warn("(%s) somebody keeps removing %s from %s: look for another program that manages this interface;"
			" it is put back once a second from now on", r->config->name,
			prefix_print(&v->config->address, address), v->interface->name);
}

/* Without it nobody would reach this node there, nor would adverts have a source. */
static bool is_only_address(const struct router *r, const struct vip *v)
{
	const struct interface *i = v->interface;

	if (i != r->interface)
		return false;
	return v->config->address.addr.family == ADDR_IPV4 ? i->primary.family == ADDR_NONE :
		i->ipv6.family == ADDR_NONE && i->link_local.family == ADDR_NONE;
}

void vips_clean_at_start(struct router *r)
{
	char address[ADDR_TEXT_MAX];

	routes_remove(r);
	/* A host that owns its address keeps it: for ever, as it was configured, and also when we stop. */
	if (r->config->priority == VRRP_PRIORITY_OWNER)
		return;
	for (uint32_t i = 0; i < r->config->vip_count; i++) {
		struct vip *v = &r->vips[i];
		if (v->present && v->permanent && is_only_address(r, v)) {
			log_warn("(%s) %s is the only address of %s and stays there: make another one float, or set priority 255",
				r->config->name, prefix_print(&v->config->address, address), v->interface->name);
			continue;
		}
		v->permanent = false;
		if (!v->present)
			continue;
		int error = take_off(v);
		v->present = error != 0;
		log_notice("(%s) %s was left on %s by an earlier run: %s%s", r->config->name,
			prefix_print(&v->config->address, address), v->interface->name,
			error ? "cannot remove it: " : "removed", error ? strerror(error) : "");
	}
}

static void drop_stray(struct router *r, struct vip *v)
{
	const char *name = r->config->name;
	char address[ADDR_TEXT_MAX];

	if (!try_again(v)) {
		links_soon();
		return;
	}
	int error = take_off(v);
	(void)prefix_print(&v->config->address, address);
	if (v->removals <= REMOVALS_DAMPED)
		log_warn("(%s) %s was put on %s by somebody else, while it is for the master alone: %s%s", name, address,
			v->interface->name, error ? "cannot remove it: " : "removed", error ? strerror(error) : "");
	if (v->removals == REMOVALS_DAMPED)
		log_warn("(%s) somebody keeps putting %s on %s: it is removed once a second from now on", name, address,
			v->interface->name);
}

void vips_drop_strays(struct router *r)
{
	/* The owner's own address may have a lifetime as well, from DHCP. */
	if (r->config->priority == VRRP_PRIORITY_OWNER)
		return;
	for (uint32_t i = 0; r->started && !vrrp_holds(&r->vr) && i < r->config->vip_count; i++)
		if (r->vips[i].present && !r->vips[i].permanent)
			drop_stray(r, &r->vips[i]);
}
