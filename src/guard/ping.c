/* SPDX-License-Identifier: MIT
 * track_ping: ICMP echo to a witness such as the gateway, over a raw socket of its own. What comes back is strangers' bytes.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "base/net.h"
#include "guard/track.h"

#define ECHO_BYTES 16                   /* header, and eight bytes that come back */
#define ICMP_FILTER 1                   /* linux/icmp.h, linux/icmpv6.h: a bit set is a type not wanted */
#define ICMP6_FILTER 1
#define BUDGET 16

enum { ECHO4 = 8, REPLY4 = 0, ECHO6 = 128, REPLY6 = 129 };

static uint16_t identity(const struct watch *w)
{
	return (uint16_t)((uint32_t)getpid() * 31 + (uint32_t)(w - guard.watches));
}

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

/* RFC 1071; over IPv6 the kernel does it. */
static uint32_t sum_of(const uint8_t *p)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < ECHO_BYTES; i += 2)
		sum += get16(p + i);
	sum = (sum >> 16) + (sum & 0xffff);
	return ~(sum + (sum >> 16)) & 0xffff;
}

static void answered(struct watch *w)
{
	if (!w->waiting)
		return;
	w->waiting = false;
	timer_set(&guard.loop.timers, &w->timer, w->sent_ms + w->track->interval_ms);
	watch_result(w, true, "");
}

static void ping_ready(struct io *io, short revents)
{
	struct watch *w = container_of(io, struct watch, io);
	bool v4 = w->track->address.family == ADDR_IPV4;
	uint8_t bytes[128];

	(void)revents;
	for (int budget = BUDGET; budget > 0; budget--) {
		struct sockaddr_storage from;
		socklen_t from_length = sizeof from;
		ssize_t got = recvfrom(io->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &from_length);
		if (got == -1)
			return;         /* nothing more, or an error of the network: the timeout says so */
		size_t n = (size_t)got, skip = v4 && n > 0 ? (size_t)(bytes[0] & 15) * 4 : 0;
		const uint8_t *p = bytes + skip;
		struct endpoint source = net_endpoint(&from);
		if (n < skip + 8 || p[0] != (v4 ? REPLY4 : REPLY6) || p[1] != 0 || !addr_equal(&source.addr, &w->track->address)
		    || get16(p + 4) != identity(w) || get16(p + 6) != (w->sequence & 0xffff))
			continue;
		answered(w);
	}
}

static bool ping_send(struct watch *w)
{
	bool v4 = w->track->address.family == ADDR_IPV4;
	uint8_t bytes[ECHO_BYTES] = { v4 ? ECHO4 : ECHO6 };
	struct endpoint to = { .addr = w->track->address };
	struct sockaddr_storage s;
	socklen_t length = net_sockaddr(&to, &s);

	if (!v4 && to.addr.bytes[0] == 0xfe && (to.addr.bytes[1] & 0xc0) == 0x80)
		((struct sockaddr_in6 *)(void *)&s)->sin6_scope_id = w->interface->index;
	w->sequence++;
	put16(bytes + 4, identity(w));
	put16(bytes + 6, w->sequence & 0xffff);
	if (v4)
		put16(bytes + 2, sum_of(bytes));
	/* An error that waits from the one before (no route, refused) is taken off first. */
	(void)net_error(w->io.fd);
	return sendto(w->io.fd, bytes, sizeof bytes, 0, (struct sockaddr *)&s, length) == (ssize_t)sizeof bytes;
}

void ping_due(struct timer *t, uint64_t now_ms)
{
	struct watch *w = container_of(t, struct watch, timer);
	const struct track_config *c = w->track;
	bool missing = w->waiting;

	if (missing && now_ms < w->sent_ms + c->interval_ms)
		timer_set(&guard.loop.timers, t, w->sent_ms + c->interval_ms);
	w->waiting = false;
	if (missing)
		watch_result(w, false, "no answer");
	if (missing && now_ms < w->sent_ms + c->interval_ms)
		return;
	w->sent_ms = now_ms;
	w->waiting = ping_send(w);
	timer_set(&guard.loop.timers, t, now_ms + (w->waiting && c->timeout_ms ? c->timeout_ms : c->interval_ms));
	if (!w->waiting)
		watch_result(w, false, strerror(errno));
}

void ping_open(struct watch *w)
{
	bool v4 = w->track->address.family == ADDR_IPV4;
	uint32_t wanted4 = ~(1u << REPLY4), wanted6[8];

	memset(wanted6, 0xff, sizeof wanted6);
	wanted6[REPLY6 / 32] &= ~(1u << REPLY6 % 32);
	w->io.fd = socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (w->io.fd == -1
	    || (v4 ? setsockopt(w->io.fd, SOL_RAW, ICMP_FILTER, &wanted4, sizeof wanted4)
		: setsockopt(w->io.fd, IPPROTO_ICMPV6, ICMP6_FILTER, wanted6, sizeof wanted6)) == -1)
		die(2, "cannot open a socket for track_ping %s: %m", w->track->name);
	w->io.ready = ping_ready;
	loop_watch(&guard.loop, &w->io, POLLIN);
}
