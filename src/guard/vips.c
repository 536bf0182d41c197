/* SPDX-License-Identifier: MIT
 * Floating addresses wanted against addresses present. Each is put on with a finite lifetime, renewed with every advert: a
 * guard that is killed or frozen loses its addresses before its peer takes them (DESIGN §2, dead-man addresses).
 */
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include "base/log.h"
#include "guard/guard.h"
#include "vrrp/announce.h"

#define LIFETIME_S_MIN 2                /* the kernel rounds by a quarter of a second: one second could be too short */
#define RENEW_MS_MIN 250                /* adverts may come every 10 ms; the kernel need not hear of each */
#define REMOVALS_DAMPED 5               /* so often in a row, and it is put back only once a second */
#define REMOVALS_CALM_MS 10000

static int arp_socket = -1;

uint32_t vips_lifetime_s(const struct vrrp_config *c)
{
	/* Shorter than the peers' Master_Down_Interval, which is three adverts and the skew time. */
	uint32_t s = 3 * c->advert_int_ms / 1000;

	return s < LIFETIME_S_MIN ? LIFETIME_S_MIN : s;
}

static void announce(const struct vip *v)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = (int)v->interface->index, .sll_halen = 6, .sll_addr = { 255, 255, 255, 255, 255, 255 } };
	uint8_t frame[ANNOUNCE_ARP_BYTES];
	char address[ADDR_TEXT_MAX];

	if (arp_socket == -1)
		arp_socket = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	announce_arp(&v->config->address.addr, v->interface->mac, frame);
	if (arp_socket == -1 || sendto(arp_socket, frame, sizeof frame, 0, (struct sockaddr *)&to, sizeof to) == -1)
		log_errno("cannot send a gratuitous ARP for %s on %s", addr_print(&v->config->address.addr, address),
			v->interface->name);
}

static void announce_all(struct router *r, uint32_t repeat)
{
	for (uint32_t i = 0; i < repeat; i++)
		for (uint32_t v = 0; v < r->config->vip_count; v++)
			announce(&r->vips[v]);
}

void vips_garp_timer(struct timer *t, uint64_t now_ms)
{
	struct router *r = container_of(t, struct router, garp);
	const struct vrrp_config *c = r->config;
	bool second = r->garp_second;

	if (r->vr.state != VRRP_MASTER)
		return;
	r->garp_second = false;
	announce_all(r, second ? c->garp_master_repeat : c->garp_master_refresh_repeat);
	if (c->garp_master_refresh_ms)
		timer_set(&guard.loop.timers, t, now_ms + c->garp_master_refresh_ms);
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
	for (uint32_t v = 0; v < c->vip_count; v++)
		(void)put_on(r, &r->vips[v]);
	announce_all(r, c->garp_master_repeat);
	r->garp_second = c->garp_master_delay_ms > 0;
	uint32_t wait = r->garp_second ? c->garp_master_delay_ms : c->garp_master_refresh_ms;
	if (wait)
		timer_set(&guard.loop.timers, &r->garp, guard.loop.now_ms + wait);
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
}

void vips_release(struct router *r)
{
	char address[ADDR_TEXT_MAX];

	timer_off(&guard.loop.timers, &r->garp);
	for (uint32_t i = 0; i < r->config->vip_count; i++) {
		struct vip *v = &r->vips[i];
		if (v->permanent || v->interface->index == 0)
			continue;
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
	announce(v);
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

	/* A host that owns its address keeps it: for ever, as it was configured, and also when we stop. */
	if (r->config->priority == VRRP_PRIORITY_OWNER)
		return;
	for (uint32_t i = 0; i < r->config->vip_count; i++) {
		struct vip *v = &r->vips[i];
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
