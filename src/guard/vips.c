/* SPDX-License-Identifier: MIT
 * Floating addresses wanted against addresses present. Each is put on with a finite lifetime, renewed with every advert: a
 * guard that is killed or frozen loses its addresses before its peer takes them (DESIGN §2, dead-man addresses).
 */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "guard/guard.h"

#define LIFETIME_S_MIN 2                /* the kernel rounds by a quarter of a second: one second could be too short */
#define RENEW_MS_MIN 250                /* adverts may come every 10 ms; the kernel need not hear of each */
#define REMOVALS_DAMPED 5               /* so often in a row, and it is put back only once a second */
#define REMOVALS_CALM_MS 10000

uint32_t vips_lifetime_s(const struct vrrp_config *c)
{
	/* Shorter than the peers' Master_Down_Interval, which is so many adverts and the skew time. */
	uint32_t s = c->down_timer_adverts * c->advert_int_ms / 1000;
	/* Each advert renews it: of one advert alone it must outlive the next. */
	uint32_t least = c->down_timer_adverts == 1 ? (c->advert_int_ms + 999) / 1000 + 1 : LIFETIME_S_MIN;

	return s < least ? least : s;
}

static bool put_on(struct router *r, struct vip *v)
{
	char address[ADDR_TEXT_MAX];

	if (v->permanent)
		return true;
	int error = netlink_address_add(v, vips_lifetime_s(r->config));
	v->present = error == 0;
	if (error && !v->missing_said)
		log_err("(%s) cannot put %s on %s: %s", r->config->name, prefix_print(&v->config->address, address),
			v->interface->name, strerror(error));
	v->missing_said = error != 0;
	return error == 0;
}

void vips_take(struct router *r)
{
	const struct vrrp_config *c = r->config;

	r->renewed_ms = guard.loop.now_ms;
	for (uint32_t v = 0; v < c->vip_count; v++) {
		struct vip *vip = &r->vips[v];
		/* Should it be there, for ever and somebody's: given a lifetime, its connected route would be over at once. */
		if (!vip->permanent && vip->config->address.addr.family == ADDR_IPV6)
			(void)netlink_address_delete(vip);
		(void)put_on(r, vip);
	}
	routes_add(r);
	garp_start(r);
}

void vips_renew(struct router *r)
{
	if (guard.loop.now_ms - r->renewed_ms < RENEW_MS_MIN)
		return;
	r->renewed_ms = guard.loop.now_ms;
	for (uint32_t v = 0; v < r->config->vip_count; v++) {
		struct vip *vip = &r->vips[v];
		/* One that somebody removed comes back by vips_put_back(), with its announcement. */
		if (vip->present || vip->missing_said)
			(void)put_on(r, vip);
		else
			vips_put_back(r, vip);
	}
	routes_add(r);
}

void vips_release(struct router *r)
{
	char address[ADDR_TEXT_MAX];

	garp_stop(r);
	routes_remove(r);
	for (uint32_t i = 0; i < r->config->vip_count; i++) {
		struct vip *v = &r->vips[i];
		if (v->permanent || v->interface->index == 0)
			continue;
		if (v->present)         /* while it is here: the resets must come from it */
			reset_connections(r, &v->config->address.addr);
		int error = netlink_address_delete(v);
		v->present = false;
		v->missing_said = false;
		/* Not there: its lifetime was over before we came to it. */
		if (error && error != EADDRNOTAVAIL && error != ENODEV)
			log_err("(%s) cannot take %s off %s: %s", r->config->name, prefix_print(&v->config->address, address),
				v->interface->name, strerror(error));
	}
}

void vips_put_back(struct router *r, struct vip *v)
{
	uint64_t now = guard.loop.now_ms;
	char address[ADDR_TEXT_MAX];

	if (v->permanent)
		v->permanent = false;   /* the owner's own address has gone: from now on it is ours to keep there */
	if (now - v->removed_ms > REMOVALS_CALM_MS)
		v->removals = 0;
	if (v->removals >= REMOVALS_DAMPED && now - v->removed_ms < 1000)
		return;                 /* the next advert's renewal comes by here again */
	v->removals++;
	v->removed_ms = now;
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

void vips_clean_at_start(struct router *r)
{
	char address[ADDR_TEXT_MAX];

	routes_remove(r);
	/* A host that owns its address keeps it: for ever, as it was configured, and also when we stop. */
	if (r->config->priority == VRRP_PRIORITY_OWNER)
		return;
	for (uint32_t i = 0; i < r->config->vip_count; i++) {
		struct vip *v = &r->vips[i];
		if (v->present && v->permanent && v->interface->primary.family == ADDR_NONE) {
			log_warn("(%s) %s is the only address of %s and stays there: make another one float, or set priority 255",
				r->config->name, prefix_print(&v->config->address, address), v->interface->name);
			continue;
		}
		v->permanent = false;
		if (!v->present)
			continue;
		int error = netlink_address_delete(v);
		v->present = error != 0;
		log_notice("(%s) %s was left on %s by an earlier run: %s%s", r->config->name,
			prefix_print(&v->config->address, address), v->interface->name,
			error ? "cannot remove it: " : "removed", error ? strerror(error) : "");
	}
}
