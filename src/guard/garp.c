/* SPDX-License-Identifier: MIT
 * Telling the neighbours where a floating address is, by gratuitous ARP or unsolicited neighbour advertisements: a burst on
 * taking it, another one later, then refreshes.
 */
#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include "base/log.h"
#include "guard/guard.h"
#include "vrrp/announce.h"


static int socket_fd = -1;

void garp_one(const struct vip *v)
{
	const struct addr *a = &v->config->address.addr;
	bool ipv6 = a->family == ADDR_IPV6;
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ipv6 ? ETH_P_IPV6 : ETH_P_ARP),
		.sll_ifindex = (int)v->interface->index, .sll_halen = 6, .sll_addr = { 255, 255, 255, 255, 255, 255 } };
	uint8_t frame[ANNOUNCE_NA_BYTES];
	char address[ADDR_TEXT_MAX];

	if (!v->interface->up)
		return;                 /* when it comes up: links_refresh() */
	if (socket_fd == -1)
		socket_fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ipv6) {
		memcpy(to.sll_addr, "\x33\x33\0\0\0\1", 6);
		announce_na(a, v->interface->mac, frame);
	} else {
		announce_arp(a, v->interface->mac, frame);
	}
	if (socket_fd == -1 || sendto(socket_fd, frame, ipv6 ? ANNOUNCE_NA_BYTES : ANNOUNCE_ARP_BYTES, 0,
	    (struct sockaddr *)&to, sizeof to) == -1)
		log_errno("cannot tell the neighbours of %s on %s", addr_print(a, address), v->interface->name);
}

/* All addresses, one after the other, so many times: as much as fits in a turn, and the rest in the next ones. */
static void burst(struct router *r, uint32_t repeat)
{
	if (r->config->log_detail)
		log_info("(%s) telling the neighbours of %u addresses %u times", r->config->name, r->config->vip_count, repeat);
	r->garp_left = repeat * r->config->vip_count;
	timer_set(&guard.loop.timers, &r->work, guard.loop.now_ms);
}

uint32_t garp_some(struct router *r, uint32_t budget)
{
	for (; budget > 0 && r->garp_left > 0; budget--)
		garp_one(&r->vips[--r->garp_left % r->config->vip_count]);
	return budget;
}

void garp_expired(struct timer *t, uint64_t now_ms)
{
	struct router *r = container_of(t, struct router, garp);
	const struct vrrp_config *c = r->config;
	uint32_t second = r->garp_second;

	if (!router_is_master(r))
		return;
	r->garp_second = 0;
	burst(r, second ? second : c->garp_master_refresh_repeat);
	if (c->garp_master_refresh_ms)
		timer_set(&guard.loop.timers, t, now_ms + c->garp_master_refresh_ms);
}

void garp_start(struct router *r)
{
	const struct vrrp_config *c = r->config;

	burst(r, c->garp_master_repeat - 1);
	r->garp_second = c->garp_master_delay_ms > 0 ? c->garp_master_repeat : 0;
	uint32_t wait = r->garp_second ? c->garp_master_delay_ms : c->garp_master_refresh_ms;
	if (wait)
		timer_set(&guard.loop.timers, &r->garp, guard.loop.now_ms + wait);
}

void garp_stop(struct router *r)
{
	timer_off(&guard.loop.timers, &r->garp);
	r->garp_left = 0;
}

void garp_lower(struct router *r)
{
	const struct vrrp_config *c = r->config;

	if (c->garp_lower_prio_repeat == 0 || r->garp_left || guard.loop.now_ms - r->lower_ms < LOWER_MS_MIN)
		return;
	r->lower_ms = guard.loop.now_ms;
	burst(r, c->garp_lower_prio_repeat);
	if (c->garp_lower_prio_delay_ms == 0)
		return;
	r->garp_second = c->garp_lower_prio_repeat;
	timer_set(&guard.loop.timers, &r->garp, guard.loop.now_ms + c->garp_lower_prio_delay_ms);
}
