/* SPDX-License-Identifier: MIT
 * rtnetlink: which links and addresses there are, and ours put on and taken off. libmnl builds and parses the messages; the
 * sockets are our own, because libmnl's allocate. The kernel carries out a request inside sendto(), so its answer is there
 * when sendto() returns and nothing ever waits.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "guard/guard.h"

static struct io events = { .fd = -1 };
static int requests = -1;
static uint32_t sequence;
static union { struct nlmsghdr first; uint8_t bytes[16384]; } reply;   /* the kernel fills what it is given */

static int open_socket(uint32_t groups)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd != -1 && bind(fd, (struct sockaddr *)&address, sizeof address) == -1) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static struct interface *interface_by_name(const char *name)
{
	for (uint32_t i = 0; i < guard.interface_count; i++)
		if (strcmp(guard.interfaces[i].name, name) == 0)
			return &guard.interfaces[i];
	return NULL;
}

static struct interface *interface_by_index(uint32_t index)
{
	for (uint32_t i = 0; i < guard.interface_count; i++)
		if (index && guard.interfaces[i].index == index)
			return &guard.interfaces[i];
	return NULL;
}

/* One attribute of a message, or NULL. */
static const struct nlattr *attribute(const struct nlmsghdr *m, size_t header, uint16_t type)
{
	const struct nlattr *a = mnl_nlmsg_get_payload_offset(m, header);
	const char *end = mnl_nlmsg_get_payload_tail(m);

	for (; mnl_attr_ok(a, (int)(end - (const char *)a)); a = mnl_attr_next(a))
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

static void link_seen(const struct nlmsghdr *m)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(m);
	const struct nlattr *name = attribute(m, sizeof *info, IFLA_IFNAME), *mac = attribute(m, sizeof *info, IFLA_ADDRESS);
	struct interface *i = name ? interface_by_name(mnl_attr_get_str(name)) : NULL;

	if (!i)
		return;
	if (i->index && i->index != (uint32_t)info->ifi_index)
		adverts_close(i);       /* the old one has gone, and its sockets with it */
	i->index = (uint32_t)info->ifi_index;
	i->seen = true;
	i->up = (info->ifi_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
	if (mac && mnl_attr_get_payload_len(mac) == sizeof i->mac)
		memcpy(i->mac, mnl_attr_get_payload(mac), sizeof i->mac);
}

static bool read_address(const struct nlmsghdr *m, struct prefix *p, uint32_t *valid_s)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(m);
	const struct nlattr *local = attribute(m, sizeof *info, IFA_LOCAL), *cache = attribute(m, sizeof *info, IFA_CACHEINFO);

	if (info->ifa_family != AF_INET || !local || mnl_attr_get_payload_len(local) != 4)
		return false;
	*p = (struct prefix){ .addr.family = ADDR_IPV4, .length = info->ifa_prefixlen };
	memcpy(p->addr.bytes, mnl_attr_get_payload(local), 4);
	*valid_s = UINT32_MAX;
	if (cache && mnl_attr_get_payload_len(cache) >= sizeof(struct ifa_cacheinfo))
		*valid_s = ((const struct ifa_cacheinfo *)mnl_attr_get_payload(cache))->ifa_valid;
	return true;
}

/* Every VIP of the configuration that this is. */
static bool each_vip(uint32_t index, const struct addr *a, void (*act)(struct router *, struct vip *, uint32_t),
	uint32_t valid_s)
{
	bool found = false;

	for (uint32_t r = 0; r < guard.conf->vrrp_count; r++) {
		struct router *router = &guard.routers[r];
		for (uint32_t v = 0; v < router->config->vip_count; v++) {
			struct vip *vip = &router->vips[v];
			if (vip->interface->index != index || !addr_equal(&vip->config->address.addr, a))
				continue;
			found = true;
			if (act)
				act(router, vip, valid_s);
		}
	}
	return found;
}

static void vip_is_present(struct router *r, struct vip *v, uint32_t valid_s)
{
	v->present = true;
	v->permanent = valid_s == UINT32_MAX && r->config->priority == VRRP_PRIORITY_OWNER;
}

static void address_seen(const struct nlmsghdr *m)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(m);
	struct interface *i = interface_by_index(info->ifa_index);
	struct prefix p;
	uint32_t valid_s;

	if (!read_address(m, &p, &valid_s) || each_vip(info->ifa_index, &p.addr, vip_is_present, valid_s))
		return;
	if (i && i->primary.family == ADDR_NONE)
		i->primary = p.addr;
}

/* Sends what is in m and hands each part of the answer to `seen`. 0, or an errno. */
static int transact(struct nlmsghdr *m, void (*seen)(const struct nlmsghdr *))
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	m->nlmsg_seq = ++sequence;
	if (sendto(requests, m, m->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) == -1)
		return errno;
	for (;;) {
		ssize_t n = recv(requests, &reply, sizeof reply, MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno;
		int left = (int)n;
		for (const struct nlmsghdr *r = &reply.first; mnl_nlmsg_ok(r, left); r = mnl_nlmsg_next(r, &left)) {
			if (r->nlmsg_seq != sequence)
				continue;       /* the rest of an answer that was given up */
			if (r->nlmsg_type == NLMSG_DONE)
				return 0;
			if (r->nlmsg_type == NLMSG_ERROR)
				return -((const struct nlmsgerr *)mnl_nlmsg_get_payload(r))->error;
			if (seen)
				seen(r);
		}
	}
}

static int dump(uint16_t type, uint8_t family, void (*seen)(const struct nlmsghdr *))
{
	_Alignas(8) uint8_t bytes[128] = { 0 };
	struct nlmsghdr *m = mnl_nlmsg_put_header(bytes);

	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	struct rtgenmsg *g = mnl_nlmsg_put_extra_header(m, sizeof(struct ifinfomsg));
	g->rtgen_family = family;
	return transact(m, seen);
}

static void forget_links(void)
{
	for (uint32_t i = 0; i < guard.interface_count; i++) {
		guard.interfaces[i].primary = (struct addr){ .family = ADDR_NONE };
		guard.interfaces[i].up = guard.interfaces[i].seen = false;
	}
	for (uint32_t r = 0; r < guard.conf->vrrp_count; r++)
		for (uint32_t v = 0; v < guard.routers[r].config->vip_count; v++)
			guard.routers[r].vips[v].present = false;
}

void netlink_refresh(void)
{
	forget_links();
	int error = dump(RTM_GETLINK, AF_UNSPEC, link_seen);
	for (uint32_t i = 0; i < guard.interface_count && !error; i++) {
		struct interface *gone = &guard.interfaces[i];
		if (gone->seen || !gone->index)
			continue;
		adverts_close(gone);
		gone->index = 0;
	}
	if (!error)
		error = dump(RTM_GETADDR, AF_INET, address_seen);
	if (error) {
		log_err("netlink: cannot read the interfaces and their addresses: %s", strerror(error));
		return;
	}
	routers_check();
	for (uint32_t r = 0; r < guard.conf->vrrp_count; r++)
		for (uint32_t v = 0; v < guard.routers[r].config->vip_count; v++)
			if (guard.routers[r].vr.state == VRRP_MASTER && !guard.routers[r].vips[v].present)
				vips_put_back(&guard.routers[r], &guard.routers[r].vips[v]);
}

/* Our own renewals are told to us as well: they are no news. */
static bool is_news(const struct nlmsghdr *m)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(m);
	struct prefix p;
	uint32_t valid_s;

	return m->nlmsg_type != RTM_NEWADDR || !read_address(m, &p, &valid_s)
		|| !each_vip(info->ifa_index, &p.addr, NULL, 0);
}

static void events_ready(struct io *io, short revents)
{
	bool news = false;

	(void)revents;
	for (int budget = 64; budget > 0; budget--) {
		ssize_t n = recv(io->fd, &reply, sizeof reply, MSG_DONTWAIT);
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1) {
			news = true;    /* ENOBUFS: some were lost, so everything is looked at anew */
			continue;
		}
		int left = (int)n;
		for (const struct nlmsghdr *m = &reply.first; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
			news = news || is_news(m);
	}
	if (news && !guard.stopping)
		netlink_refresh();
}

bool netlink_open(void)
{
	requests = open_socket(0);
	events.fd = requests == -1 ? -1 : open_socket(RTMGRP_LINK | RTMGRP_IPV4_IFADDR);
	if (events.fd == -1)
		return false;
	events.ready = events_ready;
	loop_watch(&guard.loop, &events, POLLIN);
	return true;
}

/* The message that names one of our addresses; the attributes that both directions need. */
static struct nlmsghdr *address_message(uint8_t *bytes, const struct vip *v, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(bytes);
	const uint8_t *address = v->config->address.addr.bytes;

	m->nlmsg_type = type;
	m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(m, sizeof *info);
	info->ifa_family = AF_INET;
	info->ifa_prefixlen = v->config->address.length;
	info->ifa_index = v->interface->index;
	info->ifa_scope = RT_SCOPE_UNIVERSE;
	mnl_attr_put(m, IFA_LOCAL, 4, address);
	mnl_attr_put(m, IFA_ADDRESS, 4, address);       /* without it, a delete takes the first address that fits */
	return m;
}

int netlink_address_add(const struct vip *v, uint32_t valid_s)
{
	_Alignas(8) uint8_t bytes[256] = { 0 };
	struct ifa_cacheinfo life = { .ifa_prefered = valid_s, .ifa_valid = valid_s };
	struct nlmsghdr *m = address_message(bytes, v, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);

	if (v->config->label)
		mnl_attr_put_strz(m, IFA_LABEL, v->config->label);
	mnl_attr_put(m, IFA_CACHEINFO, sizeof life, &life);
	return transact(m, NULL);
}

int netlink_address_delete(const struct vip *v)
{
	_Alignas(8) uint8_t bytes[256] = { 0 };

	return transact(address_message(bytes, v, RTM_DELADDR, 0), NULL);
}
