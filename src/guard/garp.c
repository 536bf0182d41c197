/* SPDX-License-Identifier: MIT
 * Telling the neighbours where a floating address is: a burst on taking it, another one later, then refreshes.
 */
#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include "base/log.h"
#include "guard/guard.h"
#include "vrrp/announce.h"

static int arp_socket = -1;

void garp_one(const struct vip *v)
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

static void burst(struct router *r, uint32_t repeat)
{
	for (uint32_t i = 0; i < repeat; i++)
		for (uint32_t v = 0; v < r->config->vip_count; v++)
			garp_one(&r->vips[v]);
}

void garp_expired(struct timer *t, uint64_t now_ms)
{
	struct router *r = container_of(t, struct router, garp);
	const struct vrrp_config *c = r->config;
	bool second = r->garp_second;

	if (r->vr.state != VRRP_MASTER)
		return;
	r->garp_second = false;
	burst(r, second ? c->garp_master_repeat : c->garp_master_refresh_repeat);
	if (c->garp_master_refresh_ms)
		timer_set(&guard.loop.timers, t, now_ms + c->garp_master_refresh_ms);
}

void garp_start(struct router *r)
{
	const struct vrrp_config *c = r->config;

	burst(r, c->garp_master_repeat);
	r->garp_second = c->garp_master_delay_ms > 0;
	uint32_t wait = r->garp_second ? c->garp_master_delay_ms : c->garp_master_refresh_ms;
	if (wait)
		timer_set(&guard.loop.timers, &r->garp, guard.loop.now_ms + wait);
}

void garp_stop(struct router *r)
{
	timer_off(&guard.loop.timers, &r->garp);
}
