/* SPDX-License-Identifier: MIT
 * Connections to a floating address that leaves: each is reset, so that its client learns that it must come again, instead
 * of waiting for an answer that nobody sends. Every TCP connection of this host that has the address is dead after the
 * move, whoever serves it; listening sockets stay. Those of our own listeners may send for a moment longer
 * (IP_TRANSPARENT): the answer to a request that has come already still reaches its client. The kernel resets
 * (SOCK_DESTROY, Linux 4.5, CONFIG_INET_DIAG_DESTROY); where it cannot, a client that sends is reset by the new master,
 * which does not know it.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "guard/netlink.h"

/* All but those that listen, and those that are over. */
#define GRACE_MS 100
#define STATES (0xfffu & ~(1u << TCP_LISTEN | 1u << TCP_CLOSE | 1u << TCP_TIME_WAIT))

static int lists = -1, orders = -1;     /* the list is still being read while orders are given */
static bool impossible, said;

static int send_request(int fd, struct nlmsghdr *m)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return sendto(fd, m, m->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) == -1 ? errno : 0;
}

static struct nlmsghdr *put_request(uint8_t *bytes, uint16_t type, uint16_t flags, uint8_t family,
	struct inet_diag_req_v2 **request)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(bytes);

	m->nlmsg_type = type;
	m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	*request = mnl_nlmsg_put_extra_header(m, sizeof **request);
	(*request)->sdiag_family = family;
	(*request)->sdiag_protocol = IPPROTO_TCP;
	(*request)->idiag_states = STATES;
	return m;
}

static void destroy(const struct inet_diag_msg *connection)
{
	_Alignas(8) uint8_t bytes[256] = { 0 };
	struct { struct nlmsghdr head; struct nlmsgerr error; uint8_t rest[256]; } answer;
	struct inet_diag_req_v2 *request;
	struct nlmsghdr *m = put_request(bytes, SOCK_DESTROY, NLM_F_ACK, connection->idiag_family, &request);

	request->id = connection->id;
	int error = send_request(orders, m);
	if (!error && recv(orders, &answer, sizeof answer, MSG_DONTWAIT) >= (ssize_t)(sizeof answer.head + sizeof answer.error))
		error = -answer.error.error;
	impossible = error == EOPNOTSUPP;
}

static bool is_served_port(uint16_t port)
{
	for (const struct proxy_config *c = guard.conf->proxies; c; c = c->next)
		for (const struct bind_config *b = c->binds; b; b = b->next)
			if (b->address.port == port)
				return true;
	return false;
}

/* Of an IPv6 socket it may be ::ffff:a.b.c.d. */
static bool is_leaving(const struct router *r, bool later, const struct inet_diag_msg *connection)
{

	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };
	const uint8_t *source = (const uint8_t *)connection->id.idiag_src;
	struct addr local = { .family = connection->idiag_family == AF_INET ? ADDR_IPV4 : ADDR_IPV6 };

	if (local.family == ADDR_IPV6 && memcmp(source, mapped, sizeof mapped) == 0) {
		local.family = ADDR_IPV4;
		source += sizeof mapped;
	}
	memcpy(local.bytes, source, addr_bytes(&local));
	if (!later && is_served_port(ntohs(connection->id.idiag_sport)))
		return false;
	for (uint32_t i = 0; i < r->config->vip_count; i++)
		if (r->vips[i].present != later && !r->vips[i].permanent && addr_equal(&r->vips[i].config->address.addr, &local))
			return true;
	return false;
}

static bool read_list(const struct router *r, bool later, uint32_t *count)
{
	for (;;) {
		ssize_t n = recv(lists, &netlink_buffer, sizeof netlink_buffer, MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		int left = (int)n;
		for (const struct nlmsghdr *m = &netlink_buffer.first; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			if (m->nlmsg_type == NLMSG_DONE)
				return true;
			if (m->nlmsg_type == NLMSG_ERROR || impossible)
				return false;
			if (!r || !is_leaving(r, later, mnl_nlmsg_get_payload(m)))
				continue;
			destroy(mnl_nlmsg_get_payload(m));
			(*count)++;
		}
	}
}

/* All connections of a family at once: the kernel looks through its whole table for each request. */
static bool reset_family(const struct router *r, bool later, uint8_t family, uint32_t *count)
{
	_Alignas(8) uint8_t bytes[256] = { 0 };
	struct inet_diag_req_v2 *request;

	return send_request(lists, put_request(bytes, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family, &request)) == 0
		&& read_list(r, later, count);
}

/* Nobody has the connection that is asked for. */
bool reset_works(void)
{
	const struct inet_diag_msg nobody = { .idiag_family = AF_INET };
	static bool works;              /* it did once: each question is a walk through all connections */
	uint32_t count = 0;

	if (works)
		return true;
	if (lists == -1) {
		lists = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
		orders = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
	}
	if (lists == -1 || orders == -1 || impossible || !reset_family(NULL, false, AF_INET, &count))
		return false;
	destroy(&nobody);
	works = !impossible;
	return works;
}

/* Now, while the addresses are here to send a reset from; or later, if they have not come back. */
static void reset(const struct router *r, bool later)
{
	uint32_t count = 0;
	bool good = reset_works() && reset_family(r, later, AF_INET, &count)
		&& reset_family(r, later, AF_INET6, &count);
	if (count && !impossible)
		log_info("(%s) %u connections to its addresses reset", r->config->name, count);
	else if (!good && !said && !guard.board)
		log_info("(%s) this kernel cannot reset connections: clients that only wait will wait for their timeout",
			r->config->name);
	said |= !good;
}

/* Where the kernel cannot, the worker resets its own. */
static void tell_worker(const struct router *r, bool left)
{
	uint32_t bit = 1u << r->config->index % 32;
	_Atomic uint32_t *word = guard.board ? &guard.board->left[r->config->index / 32] : NULL;

	if (!word || !(atomic_load_explicit(word, memory_order_relaxed) & bit) == !left)
		return;
	atomic_fetch_xor_explicit(word, bit, memory_order_relaxed);
	atomic_fetch_add_explicit(&guard.board->orders, 1, memory_order_release);
}

void reset_taken(const struct router *r)
{
	tell_worker(r, false);
}

void reset_now(struct router *r)
{
	reset(r, false);
	timer_set(&guard.loop.timers, &r->reset, guard.loop.now_ms + GRACE_MS);
}

void reset_later(struct timer *t, uint64_t now_ms)
{
	struct router *r = container_of(t, struct router, reset);

	(void)now_ms;
	reset(r, true);
	if (!vrrp_holds(&r->vr) && !reset_works())
		tell_worker(r, true);
	routers_end();
}
