/* SPDX-License-Identifier: MIT
 * A passive witness: whoever else on the link says that one of our floating addresses is at its own MAC, while we hold it
 * (RFC 5227 §2.4). Never asks, since probing would take seconds; listens to ARP and to neighbour advertisements, which
 * come anyway.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "guard/guard.h"

#define FRAMES_A_TURN 64
#define DEFEND_MS 10000                 /* RFC 5227 §2.4 (b): DEFEND_INTERVAL */
#define NA 136

static void heard_ready(struct io *, short revents);
static struct io arp = { .fd = -1, .ready = heard_ready }, ndp = { .fd = -1, .ready = heard_ready };

static bool is_ours(const uint8_t mac[6])
{
	for (uint32_t i = 0; i < guard.interface_count; i++)
		if (memcmp(guard.interfaces[i].mac, mac, 6) == 0)
			return true;
	return false;
}

static void claimed(struct router *r, struct vip *v, const uint8_t mac[6])
{
	uint32_t calm_ms = 2 * r->config->advert_int_ms;

	/* At a takeover the old master may still be heard for a moment. */
	if (guard.loop.now_ms - r->since_ms < (calm_ms < 1000 ? 1000 : calm_ms))
		return;
	mismatch_claimed(r, DIAGNOSE_CLAIM, &v->config->address.addr, mac);
	if (guard.loop.now_ms - r->defended_ms < DEFEND_MS)
		return;
	r->defended_ms = guard.loop.now_ms;
	if (router_is_master(r))
		garp_one(v);
}

static void judge(uint32_t index, const struct addr *address, const uint8_t mac[6])
{
	if (is_ours(mac))
		return;
	for (uint32_t k = 0; k < guard.conf->vrrp_count; k++) {
		struct router *r = &guard.routers[k];
		for (uint32_t i = 0; r->vr.state == VRRP_MASTER && i < r->config->vip_count; i++) {
			struct vip *v = &r->vips[i];
			if ((v->interface->index == index || r->interface->index == index)
			    && addr_equal(&v->config->address.addr, address))
				claimed(r, v, mac);
		}
	}
}

/* Ethernet and IPv4: whose sender is where. */
static void judge_arp(uint32_t index, const uint8_t *p, size_t n)
{
	static const uint8_t front[] = { 0, 1, 8, 0, 6, 4 };

	if (n < 28 || memcmp(p, front, sizeof front) != 0)
		return;
	judge(index, &(struct addr){ ADDR_IPV4, { p[14], p[15], p[16], p[17] } }, p + 8);
}

/* RFC 4861 §4.4, behind an IPv6 header; the option, if there is one, goes before the frame's own source. */
static void judge_ndp(uint32_t index, const uint8_t *p, size_t n, const uint8_t source[6])
{
	struct addr target = { .family = ADDR_IPV6 };

	if (n < 64 || p[6] != IPPROTO_ICMPV6 || p[40] != NA)
		return;
	memcpy(target.bytes, p + 48, 16);
	judge(index, &target, n >= 72 && p[64] == 2 && p[65] == 1 ? p + 66 : source);
}

static void heard_ready(struct io *io, short revents)
{
	uint8_t bytes[128];

	(void)revents;
	for (int budget = FRAMES_A_TURN; budget > 0; budget--) {
		struct sockaddr_ll from;
		socklen_t size = sizeof from;
		ssize_t n = recvfrom(io->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size);
		if (n == -1)
			return;
		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		if (io == &arp)
			judge_arp((uint32_t)from.sll_ifindex, bytes, (size_t)n);
		else
			judge_ndp((uint32_t)from.sll_ifindex, bytes, (size_t)n, from.sll_addr);
	}
	guard.loop.again = true;
}

static void listen_to(struct io *io, uint16_t protocol, const struct sock_fprog *filter)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol) };

	io->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (io->fd == -1 || setsockopt(io->fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof *filter) == -1
	    || bind(io->fd, (struct sockaddr *)&at, sizeof at) == -1) {
		log_errno("nobody watches for other machines that use our addresses");
		return;
	}
	loop_watch(&guard.loop, io, POLLIN);
}

void witness_open(void)
{
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, 128) };
	struct sock_filter advertisements[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 40),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NA, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 128),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog every = { 1, all }, some = { sizeof advertisements / sizeof *advertisements, advertisements };

	listen_to(&arp, ETH_P_ARP, &every);
	listen_to(&ndp, ETH_P_IPV6, &some);
}
