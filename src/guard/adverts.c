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
#define PRIORITY_CONTROL 7              /* TC_PRIO_CONTROL: before everything else in the queues of the interface */

/* ---- sockets ---- */

static void advert_ready(struct io *, short revents);

/* Hears IPv4 packets of protocol 112 as they come from the wire: a firewall that forgot VRRP changes nothing. */
static int open_receive(uint32_t index)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),          /* the protocol, from the IP header */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VRRP_PROTOCOL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = { sizeof code / sizeof *code, code };
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)index };
	/* Protocol 0 until it is bound: nothing may come in before the filter is on. */
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == -1
	    || bind(fd, (struct sockaddr *)&at, sizeof at) == -1) {
		int error = errno;
		(void)close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* The group is joined on the socket that sends, so that switches which look for members forward to us. */
static int open_send(const struct interface *i)
{
	struct ip_mreqn group = { .imr_multiaddr.s_addr = htonl(VRRP_GROUP_IPV4), .imr_ifindex = (int)i->index };
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);

	if (fd == -1)
		return -1;
	(void)net_option(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, i->name, (socklen_t)strlen(i->name)) == -1
	    || setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof group) == -1
	    || !net_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0)
	    || setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) == -1) {
		int error = errno;
		(void)close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

bool adverts_open(struct interface *i)
{
	if (i->receive.fd != -1)
		return true;
	i->send = open_send(i);
	if (i->send == -1)
		return false;
	i->receive = (struct io){ .fd = open_receive(i->index), .ready = advert_ready };
	if (i->receive.fd == -1) {
		int error = errno;
		(void)close(i->send);
		i->send = -1;
		errno = error;
		return false;
	}
	loop_watch(&guard.loop, &i->receive, POLLIN);
	return true;
}

void adverts_close(struct interface *i)
{
	if (i->receive.fd == -1)
		return;
	loop_forget(&guard.loop, &i->receive);
	(void)close(i->receive.fd);
	(void)close(i->send);
	i->receive.fd = i->send = -1;
}

/* ---- out ---- */

uint64_t adverts_clock(void)
{
	struct timespec t;

	return clock_gettime(CLOCK_REALTIME, &t) == 0 ? hmac_sequence(t.tv_sec, (uint32_t)t.tv_nsec) : 0;
}

static void send_to(struct router *r, const struct addr *to, uint8_t priority, uint64_t now)
{
	uint8_t packet[VRRP_PACKET_MAX];
	struct sockaddr_storage address;
	struct endpoint destination = { .addr = *to };
	size_t n = vrrp_packet_build(r->config, &r->vr.source, to, priority, r->checksum, &r->hmac, now, packet);
	socklen_t size = net_sockaddr(&destination, &address);
	char text[ADDR_TEXT_MAX];

	if (sendto(r->interface->send, packet, n, 0, (struct sockaddr *)&address, size) == -1 && errno != ENETDOWN)
		log_errno("(%s) cannot send an advert to %s on %s", r->config->name, addr_print(to, text), r->interface->name);
}

void adverts_send(struct router *r, uint8_t priority)
{
	struct addr group = addr_ipv4(VRRP_GROUP_IPV4);
	uint64_t now = r->config->hmac.key_count ? adverts_clock() : 0;

	if (r->interface->send == -1)
		return;
	r->sent++;
	if (!r->config->peers)
		send_to(r, &group, priority, now);
	for (const struct peer_config *p = r->config->peers; p; p = p->next)
		send_to(r, &p->address, priority, now);
}

/* ---- in ---- */

static void advert_ready(struct io *io, short revents)
{
	struct interface *i = container_of(io, struct interface, receive);
	uint8_t packet[2048];

	(void)revents;
	for (int budget = PACKETS_A_TURN; budget > 0; budget--) {
		struct sockaddr_ll from;
		socklen_t size = sizeof from;
		ssize_t n = recvfrom(io->fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &size);
		if (n == -1) {
			if (errno != EAGAIN && errno != ENETDOWN && errno != EINTR)
				log_errno("cannot read adverts from %s", i->name);
			return;
		}
		if (from.sll_pkttype == PACKET_HOST || from.sll_pkttype == PACKET_MULTICAST)
			routers_heard(i, packet, (size_t)n);
	}
	guard.loop.again = true;
}
