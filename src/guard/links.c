/* SPDX-License-Identifier: MIT
 * Which links and addresses there are: asked at start and whenever the kernel tells of a change.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include "base/log.h"
#include "guard/netlink.h"

#define AGAIN_MS 100
#define TORN_MAX 10

static struct io events = { .fd = -1 };

struct interface *interface_find(const char *name)
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

/* Without it an address that expires takes along those that were added after it. A new interface has it off. */
static void promote_secondaries(const struct interface *i)
{
	char name[96];

	text_format(name, sizeof name, "net/ipv4/conf/%s/promote_secondaries", i->name);
	if (!sysctl_write(name, "1"))
		log_debug("cannot set %s: %m", name);
}

static void link_seen(const struct nlmsghdr *m)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(m);
	const struct nlattr *name = netlink_attribute(m, sizeof *info, IFLA_IFNAME);
	const struct nlattr *mac = netlink_attribute(m, sizeof *info, IFLA_ADDRESS);
	struct interface *i = name ? interface_find(mnl_attr_get_str(name)) : NULL;

	if (!i)
		return;
	if (i->index && i->index != (uint32_t)info->ifi_index)
		adverts_close(i);       /* the old one has gone, and its sockets with it */
	if (i->index != (uint32_t)info->ifi_index)
		promote_secondaries(i);
	i->index = (uint32_t)info->ifi_index;
	i->seen = true;
	uint32_t wanted = i->macvlan ? IFF_UP : IFF_UP | IFF_RUNNING;
	i->up = (info->ifi_flags & wanted) == wanted;
	if (mac && mnl_attr_get_payload_len(mac) == sizeof i->mac) {
		if (memcmp(i->mac, mnl_attr_get_payload(mac), sizeof i->mac) != 0)
			i->was_up = false;      /* for the neighbours it is a new one */
		memcpy(i->mac, mnl_attr_get_payload(mac), sizeof i->mac);
	}
}

static bool read_address(const struct nlmsghdr *m, struct prefix *p, uint32_t *valid_s)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(m);
	bool ipv6 = info->ifa_family == AF_INET6;
	/* IPv6 has IFA_LOCAL only where there is a peer's address beside it. */
	const struct nlattr *local = netlink_attribute(m, sizeof *info, IFA_LOCAL);
	local = local ? local : netlink_attribute(m, sizeof *info, IFA_ADDRESS);
	const struct nlattr *cache = netlink_attribute(m, sizeof *info, IFA_CACHEINFO);

	*p = (struct prefix){ .addr.family = ipv6 ? ADDR_IPV6 : ADDR_IPV4, .length = info->ifa_prefixlen };
	if (!local || mnl_attr_get_payload_len(local) != addr_bytes(&p->addr))
		return false;
	memcpy(p->addr.bytes, mnl_attr_get_payload(local), addr_bytes(&p->addr));
	*valid_s = UINT32_MAX;
	if (cache && mnl_attr_get_payload_len(cache) >= sizeof(struct ifa_cacheinfo))
		*valid_s = ((const struct ifa_cacheinfo *)mnl_attr_get_payload(cache))->ifa_valid;
	return true;
}

/* Every VIP of the configuration that this is. */
static bool each_vip(uint32_t index, const struct prefix *p,
	void (*act)(struct router *, struct vip *, const struct prefix *, uint32_t), uint32_t valid_s)
{
	bool found = false;

	for (uint32_t r = 0; r < guard.conf->vrrp_count; r++) {
		struct router *router = &guard.routers[r];
		for (uint32_t v = 0; v < router->config->vip_count; v++) {
			struct vip *vip = &router->vips[v];
			if (vip->interface->index != index || !addr_equal(&vip->config->address.addr, &p->addr))
				continue;
			found = true;
			act(router, vip, p, valid_s);
		}
	}
	return found;
}

static void vip_is_present(struct router *r, struct vip *v, const struct prefix *p, uint32_t valid_s)
{
	v->present = true;
	if (p->length != v->config->address.length)
		v->other_length = p->length;
	bool owner = r->config->priority == VRRP_PRIORITY_OWNER;        /* whose address may be from DHCP */
	bool others = valid_s == UINT32_MAX || (owner && valid_s > vips_lifetime_s(r->config));

	/* Before vips_clean_at_start(), any; after it, the owner's and what that has kept. */
	v->permanent = others && (!r->started || v->permanent || owner);
}

static void address_seen(const struct nlmsghdr *m)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(m);
	struct interface *i = interface_by_index(info->ifa_index);
	struct prefix p;
	uint32_t valid_s;

	if (!read_address(m, &p, &valid_s))
		return;
	for (uint32_t k = 0; k < guard.conf->vrrp_count; k++) {
		struct router *r = &guard.routers[k];
		r->has_source |= addr_equal(&r->config->source, &p.addr) && (r->config->peers || i == r->interface);
	}
	if (each_vip(info->ifa_index, &p, vip_is_present, valid_s))
		return;
	/* Not one that is still looking whether anybody else has it, or has found so. */
	if (!i || (p.addr.family == ADDR_IPV6 && info->ifa_flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
		return;
	struct addr *first = p.addr.family == ADDR_IPV4 ? &i->primary : addr_is_link_local(&p.addr) ? &i->link_local : &i->ipv6;
	if (first->family == ADDR_NONE)
		*first = p.addr;
}

static void keep_lifetime(struct router *r, struct vip *v, const struct prefix *p, uint32_t valid_s)
{
	(void)r;
	(void)p;
	v->valid_s = valid_s;
}

static void lifetime_seen(const struct nlmsghdr *m)
{
	struct prefix p;
	uint32_t valid_s;

	if (read_address(m, &p, &valid_s))
		(void)each_vip(((const struct ifaddrmsg *)mnl_nlmsg_get_payload(m))->ifa_index, &p, keep_lifetime, valid_s);
}

void links_ask_lifetimes(void)
{
	for (uint32_t r = 0; r < guard.conf->vrrp_count; r++)
		for (uint32_t v = 0; v < guard.routers[r].config->vip_count; v++)
			guard.routers[r].vips[v].valid_s = 0;
	int error = netlink_dump(RTM_GETADDR, AF_UNSPEC, lifetime_seen);
	if (error)
		log_err("netlink: cannot read the addresses: %s", strerror(error));
}

static void forget_links(void)
{
	for (uint32_t i = 0; i < guard.interface_count; i++) {
		guard.interfaces[i].primary = guard.interfaces[i].link_local = guard.interfaces[i].ipv6
			= (struct addr){ .family = ADDR_NONE };
		guard.interfaces[i].up = guard.interfaces[i].seen = false;
	}
	for (uint32_t r = 0; r < guard.conf->vrrp_count; r++) {
		guard.routers[r].has_source = guard.routers[r].config->source.family == ADDR_NONE;
		for (uint32_t v = 0; v < guard.routers[r].config->vip_count; v++) {
			guard.routers[r].vips[v].present = false;
			guard.routers[r].vips[v].other_length = 0;
		}
	}
}

/* Half a list is none: until there is a whole one nobody decides anything, and what we hold is taken to be there. */
static void believe_in_addresses(void)
{
	for (uint32_t r = 0; r < guard.conf->vrrp_count; r++)
		for (uint32_t v = 0; v < guard.routers[r].config->vip_count; v++)
			guard.routers[r].vips[v].present = vrrp_holds(&guard.routers[r].vr);
}

static void look_again(struct timer *t, uint64_t now_ms)
{
	(void)t;
	(void)now_ms;
	links_refresh();
}

static uint32_t failures;       /* to read the lists, one after the other */
static struct timer again = { .expired = look_again };

void links_soon(void)
{
	timer_set(&guard.loop.timers, &again, guard.loop.now_ms + AGAIN_MS);
}

static void look_after(struct router *r, struct vip *v)
{
	if (!v->present)
		vips_put_back(r, v);
	if (v->interface->up && !v->interface->was_up)
		timer_set(&guard.loop.timers, &r->garp, guard.loop.now_ms);
}

void links_refresh(void)
{
	int error = EINTR;

	for (uint32_t i = 0; i < guard.interface_count; i++)
		guard.interfaces[i].was_up = guard.interfaces[i].up;
	for (int tries = 3; error == EINTR && tries > 0; tries--) {
		forget_links();
		error = netlink_dump(RTM_GETLINK, AF_UNSPEC, link_seen);
		if (!error)
			error = netlink_dump(RTM_GETADDR, AF_UNSPEC, address_seen);
	}
	guard.links_known = error == 0;
	failures = error ? failures + 1 : 0;
	if (error) {
		/* Where much changes, a list is torn now and then. */
		if (failures == (error == EINTR ? TORN_MAX : 1))
			log_err("netlink: cannot read the interfaces and their addresses: %s: again in a moment", strerror(error));
		believe_in_addresses();
		links_soon();
		return;
	}
	routers_check();
	/* One that has another name now could still be resigned on. */
	for (uint32_t i = 0; i < guard.interface_count; i++) {
		struct interface *gone = &guard.interfaces[i];
		if (gone->seen || !gone->index)
			continue;
		adverts_close(gone);
		gone->index = 0;
	}
	for (uint32_t r = 0; r < guard.conf->vrrp_count; r++) {
		struct router *router = &guard.routers[r];
		vips_drop_strays(router);
		/* Those that are still to come are not missing. */
		for (uint32_t v = 0; v < (router->taking ? router->work_at : router->config->vip_count); v++)
			if (router->vr.state == VRRP_MASTER)
				look_after(router, &router->vips[v]);
	}
}

static bool stray;

static void look_for_stray(struct router *r, struct vip *v, const struct prefix *p, uint32_t valid_s)
{
	(void)valid_s;
	stray = stray || !vrrp_holds(&r->vr) || p->length != v->config->address.length;
}

/* Our own renewals are told to us as well: they are no news. */
static bool is_news(const struct nlmsghdr *m)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(m);
	struct prefix p;
	uint32_t valid_s;

	stray = false;
	return m->nlmsg_type != RTM_NEWADDR || !read_address(m, &p, &valid_s)
		|| !each_vip(info->ifa_index, &p, look_for_stray, 0) || stray;
}

static void events_ready(struct io *io, short revents)
{
	bool news = false;

	(void)revents;
	for (int budget = 64; budget > 0; budget--) {
		ssize_t n = recv(io->fd, &netlink_buffer, sizeof netlink_buffer, MSG_DONTWAIT);
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1) {
			news = true;    /* ENOBUFS: some were lost, so everything is looked at anew */
			continue;
		}
		int left = (int)n;
		for (const struct nlmsghdr *m = &netlink_buffer.first; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
			news = news || is_news(m);
	}
	if (news && !guard.stopping && failures == 0)
		links_refresh();
}

bool links_open(void)
{
	events.fd = netlink_open(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
	if (events.fd == -1)
		return false;
	events.ready = events_ready;
	loop_watch(&guard.loop, &events, POLLIN);
	return true;
}
