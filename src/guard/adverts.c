/* SPDX-License-Identifier: MIT
 * Adverts on the wire: the sockets that they leave by and come in on. What they say is for the routers (router.c).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "base/net.h"
#include "guard/guard.h"

#define PACKETS_A_TURN 64
#define TURNS_QUEUED 16                 /* more than a socket's queue holds */
#define PRIORITY_CONTROL 7              /* TC_PRIO_CONTROL: before everything else in the queues of the interface */

/* ---- sockets ---- */

static void advert_ready(struct io *, short revents);

/* Closes, but keeps the errno of what went wrong before. */
static int close_failed(int fd)
{
	int error = errno;

	(void)close(fd);
	errno = error;
	return -1;
}

static void group_mac(bool ipv6, uint8_t out[6])
{
	memcpy(out, ipv6 ? "\x33\x33\0\0\0\x12" : "\1\0\x5e\0\0\x12", 6);
}

/* Hears packets of protocol 112 as they come from the wire: a firewall that forgot VRRP changes nothing. */
static int open_receive(const struct interface *i, bool ipv6)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ipv6 ? 6 : 9),       /* the protocol, from the IP header */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VRRP_PROTOCOL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = { sizeof code / sizeof *code, code };
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ipv6 ? ETH_P_IPV6 : ETH_P_IP),
		.sll_ifindex = (int)i->index };
	struct packet_mreq group = { .mr_ifindex = (int)i->index, .mr_type = PACKET_MR_MULTICAST, .mr_alen = 6 };
	group_mac(ipv6, group.mr_address);
	/* Protocol 0 until it is bound: nothing may come in before the filter is on. */
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return -1;
	(void)net_option(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
	if (i->macvlan && setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &group, sizeof group) == -1)
		return close_failed(fd);
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == -1
	    || bind(fd, (struct sockaddr *)&at, sizeof at) == -1)
		return close_failed(fd);
	return fd;
}

/* The group is joined on the socket that sends, so that switches which look for members forward to us. Not on a macvlan: the
 * report would come from the virtual MAC, and a backup's would draw the master's frames to itself. */
static bool join_group(int fd, const struct interface *i, bool ipv6)
{
	struct ip_mreqn group = { .imr_multiaddr.s_addr = htonl(VRRP_GROUP_IPV4), .imr_ifindex = (int)i->index };
	struct ipv6_mreq group6 = { .ipv6mr_interface = i->index };
	const struct addr address = vrrp_group(ADDR_IPV6);

	if (ipv6) {
		memcpy(&group6.ipv6mr_multiaddr, address.bytes, 16);
		return i->macvlan || setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group6, sizeof group6) == 0;
	}
	return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof group) == 0
		&& net_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0)
		&& (i->macvlan || setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) == 0);
}

static int open_send(const struct interface *i, bool ipv6)
{
	int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);

	if (fd == -1)
		return -1;
	(void)net_option(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, i->name, (socklen_t)strlen(i->name)) == -1
	    || !join_group(fd, i, ipv6))
		return close_failed(fd);
	return fd;
}

static struct channel *channel_of(struct interface *i, uint8_t family)
{
	return &i->channels[family == ADDR_IPV6];
}

bool adverts_open(struct interface *i, uint8_t family)
{
	struct channel *c = channel_of(i, family);

	if (c->receive.fd != -1)
		return true;
	*c = (struct channel){ .interface = i, .family = family, .receive = { .fd = -1, .ready = advert_ready },
		.send = open_send(i, family == ADDR_IPV6) };
	if (c->send == -1)
		return false;
	c->receive.fd = open_receive(i, family == ADDR_IPV6);
	if (c->receive.fd == -1) {
		c->send = close_failed(c->send);
		return false;
	}
	loop_watch(&guard.loop, &c->receive, POLLIN);
	return true;
}

void adverts_close(struct interface *i)
{
	for (struct channel *c = i->channels; c < i->channels + 2; c++) {
		if (c->receive.fd == -1)
			continue;
		loop_forget(&guard.loop, &c->receive);
		(void)close(c->receive.fd);
		(void)close(c->send);
		c->receive.fd = c->send = -1;
	}
}

/* ---- out ---- */

uint64_t adverts_clock(void)
{
	struct timespec t;

	return clock_gettime(CLOCK_REALTIME, &t) == 0 ? hmac_sequence(t.tv_sec, (uint32_t)t.tv_nsec) : 0;
}

/* To the group it goes to the wire as it is: no rule of a firewall stops it, and no route is needed, which would want an
 * address of ours on the interface: a macvlan has none. */
static ssize_t send_packet(const struct channel *c, const struct addr *to, const uint8_t *packet, size_t n)
{
	bool ipv6 = to->family == ADDR_IPV6;
	struct sockaddr_ll group = { .sll_family = AF_PACKET, .sll_protocol = htons(ipv6 ? ETH_P_IPV6 : ETH_P_IP),
		.sll_ifindex = (int)c->interface->index, .sll_halen = 6 };
	struct endpoint destination = { .addr = *to };
	struct sockaddr_storage address;

	group_mac(ipv6, group.sll_addr);
	if (addr_is_multicast(to))
		return sendto(c->receive.fd, packet, n, 0, (struct sockaddr *)&group, sizeof group);
	socklen_t size = net_sockaddr(&destination, &address);
	return sendto(c->send, packet, n, 0, (struct sockaddr *)&address, size);
}

static int send_to(struct router *r, const struct channel *c, const struct addr *to, uint8_t priority, uint64_t now)
{
	uint8_t packet[VRRP_PACKET_MAX];
	char text[ADDR_TEXT_MAX];
	size_t n = vrrp_packet_build(r->config, &r->vr.source, to, priority, r->checksum, &r->hmac, now, packet);

	if (send_packet(c, to, packet, n) != -1 || errno == ENETDOWN || errno == ENODEV || errno == ENXIO)
		return 0;
	int error = errno;
	if (error != r->send_error)     /* adverts may go out a hundred times a second */
		log_errno("(%s) cannot send an advert to %s on %s", r->config->name, addr_print(to, text), c->interface->name);
	return error;
}

void adverts_send(struct router *r, uint8_t priority)
{
	const struct channel *c = channel_of(r->sends, vrrp_family(r->config));
	const struct addr group = vrrp_group(c->family);
	uint64_t now = r->config->hmac.key_count ? adverts_clock() : 0;

	if (c->receive.fd == -1)
		return;
	r->sent++;
	if (!r->config->peers)
		r->send_error = send_to(r, c, &group, priority, now);
	int last = 0;
	for (const struct peer_config *p = r->config->peers; p; p = p->next) {
		int error = send_to(r, c, &p->address, priority, now);
		last = error ? error : last;
	}
	if (r->config->peers)
		r->send_error = last;
}

/* ---- in ---- */

/* false: there may be more. */
static bool read_adverts(struct io *io)
{
	const struct channel *c = container_of(io, struct channel, receive);
	uint8_t packet[2048];

	for (int budget = PACKETS_A_TURN; budget > 0; budget--) {
		struct sockaddr_ll from;
		socklen_t size = sizeof from;
		ssize_t n = recvfrom(io->fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &size);
		if (n == -1) {
			int error = errno;
			if (error == ENETDOWN) {        /* the link is down, or it was another's for a moment: anew */
				adverts_close(c->interface);
				links_soon();
			} else if (error != EAGAIN && error != EINTR) {
				log_errno("cannot read adverts from %s", c->interface->name);
			}
			return true;
		}
		/* To us, to all, to the group; not what we send ourselves, nor what is not for us. */
		if (from.sll_pkttype <= PACKET_MULTICAST)
			routers_heard(c, packet, (size_t)n, from.sll_addr);
	}
	return false;
}

static void advert_ready(struct io *io, short revents)
{
	(void)revents;
	if (!read_adverts(io))
		guard.loop.again = true;
}

void adverts_hear(const struct router *r)
{
	struct io *receive = &channel_of(r->hears, vrrp_family(r->config))->receive;

	for (int turns = TURNS_QUEUED; receive->fd != -1 && turns > 0 && !read_adverts(receive); turns--)
		;
}
