/* SPDX-License-Identifier: MIT
 * rtnetlink: requests to the kernel. libmnl builds and parses the messages; the sockets are our own, because libmnl's
 * allocate. The kernel carries out a request inside sendto(), so its answer is there when sendto() returns and nothing ever
 * waits.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "guard/netlink.h"

static int requests = -1;
static uint32_t sequence;
union netlink_buffer netlink_buffer;

int netlink_open(uint32_t groups)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd != -1 && bind(fd, (struct sockaddr *)&address, sizeof address) == -1) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

const struct nlattr *netlink_attribute(const struct nlmsghdr *m, size_t header, uint16_t type)
{
	const struct nlattr *a = mnl_nlmsg_get_payload_offset(m, header);
	const char *end = mnl_nlmsg_get_payload_tail(m);

	for (; mnl_attr_ok(a, (int)(end - (const char *)a)); a = mnl_attr_next(a))
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

int netlink_request(struct nlmsghdr *m, void (*seen)(const struct nlmsghdr *))
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (requests == -1 && (requests = netlink_open(0)) == -1)
		return errno;
	bool torn = false;              /* a list that changed while it was made */
	m->nlmsg_seq = ++sequence;
	if (sendto(requests, m, m->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) == -1)
		return errno;
	for (;;) {
		ssize_t n = recv(requests, &netlink_buffer, sizeof netlink_buffer, MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno;
		int left = (int)n;
		for (const struct nlmsghdr *r = &netlink_buffer.first; mnl_nlmsg_ok(r, left); r = mnl_nlmsg_next(r, &left)) {
			if (r->nlmsg_seq != sequence)
				continue;       /* the rest of an answer that was given up */
			torn |= (r->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			if (r->nlmsg_type == NLMSG_DONE)
				return torn ? EINTR : 0;
			if (r->nlmsg_type == NLMSG_ERROR)
				return -((const struct nlmsgerr *)mnl_nlmsg_get_payload(r))->error;
			if (seen)
				seen(r);
		}
	}
}

int netlink_dump(uint16_t type, uint8_t family, void (*seen)(const struct nlmsghdr *))
{
	_Alignas(8) uint8_t bytes[128] = { 0 };
	struct nlmsghdr *m = mnl_nlmsg_put_header(bytes);

	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	struct rtgenmsg *g = mnl_nlmsg_put_extra_header(m, sizeof(struct ifinfomsg));
	g->rtgen_family = family;
	return netlink_request(m, seen);
}

/* The message that names one of our addresses; the attributes that both directions need. */
static struct nlmsghdr *address_message(uint8_t *bytes, const struct vip *v, uint8_t length, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(bytes);
	const struct addr *a = &v->config->address.addr;
	bool ipv6 = a->family == ADDR_IPV6;

	m->nlmsg_type = type;
	m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(m, sizeof *info);
	info->ifa_family = ipv6 ? AF_INET6 : AF_INET;
	info->ifa_flags = ipv6 ? IFA_F_NODAD : 0;       /* the election has settled it: no time for DAD */
	info->ifa_prefixlen = length;
	info->ifa_index = v->interface->index;
	info->ifa_scope = v->config->scope;
	mnl_attr_put(m, IFA_LOCAL, addr_bytes(a), a->bytes);
	mnl_attr_put(m, IFA_ADDRESS, addr_bytes(a), a->bytes);  /* without it, a delete takes the first address that fits */
	return m;
}

int netlink_address_add(const struct vip *v, uint32_t valid_s)
{
	_Alignas(8) uint8_t bytes[256] = { 0 };
	/* Deprecated, so that nothing chooses it as its source; IPv4 does not know that. */
	struct ifa_cacheinfo life = { .ifa_prefered = v->config->address.addr.family == ADDR_IPV6 ? 0 : valid_s,
		.ifa_valid = valid_s };
	struct nlmsghdr *m = address_message(bytes, v, v->config->address.length, RTM_NEWADDR,
		NLM_F_CREATE | NLM_F_REPLACE);

	if (v->config->label)
		mnl_attr_put_strz(m, IFA_LABEL, v->config->label);
	/* The network's route is routes.c's. */
	if (v->config->address.addr.family == ADDR_IPV6 && !addr_is_link_local(&v->config->address.addr))
		mnl_attr_put_u32(m, IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
	mnl_attr_put(m, IFA_CACHEINFO, sizeof life, &life);
	return netlink_request(m, NULL);
}

int netlink_address_delete(const struct vip *v, uint8_t length)
{
	_Alignas(8) uint8_t bytes[256] = { 0 };

	return netlink_request(address_message(bytes, v, length, RTM_DELADDR, 0), NULL);
}
