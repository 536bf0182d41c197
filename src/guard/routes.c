/* SPDX-License-Identifier: MIT
 * virtual_routes: what the master alone has. They carry a protocol number of ours, so that no route of anybody else's is
 * taken for one of them; asked for anew with each renewal of the addresses, which is nothing where they are.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include "base/log.h"
#include "guard/netlink.h"

#define PROTOCOL_OURS 112
#define METRIC_NETWORK 512              /* the kernel's own go before them */

static void put_address(struct nlmsghdr *m, uint16_t type, const struct addr *a)
{
	if (a->family != ADDR_NONE)
		mnl_attr_put(m, type, addr_bytes(a), a->bytes);
}

/* The kernel finds the interface of a gateway, but not of a link-local one. */
static uint32_t out_index(const struct router *r, const struct route_config *c)
{
	if (c->device)
		return if_nametoindex(c->device);
	return c->via.family == ADDR_NONE || addr_is_link_local(&c->via) ? r->interface->index : 0;
}

static int request(const struct router *r, const struct route_config *c, uint32_t index, uint16_t type, uint16_t flags)
{
	_Alignas(8) uint8_t bytes[256] = { 0 };
	struct nlmsghdr *m = mnl_nlmsg_put_header(bytes);
	bool ipv6 = c->to.addr.family == ADDR_IPV6;

	if (c->device && index == 0)
		return ENODEV;
	m->nlmsg_type = type;
	m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(m, sizeof *route);
	route->rtm_family = ipv6 ? AF_INET6 : AF_INET;
	route->rtm_dst_len = c->to.length;
	route->rtm_protocol = PROTOCOL_OURS;
	route->rtm_type = RTN_UNICAST;
	route->rtm_scope = c->scope_given ? c->scope : ipv6 || c->via.family ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	if (c->to.length)
		put_address(m, RTA_DST, &c->to.addr);
	put_address(m, RTA_GATEWAY, &c->via);
	put_address(m, RTA_PREFSRC, &c->source);
	if (index)
		mnl_attr_put_u32(m, RTA_OIF, index);
	if (c->metric)
		mnl_attr_put_u32(m, RTA_PRIORITY, c->metric);
	mnl_attr_put_u32(m, RTA_TABLE, c->table ? c->table : RT_TABLE_MAIN);
	if (ipv6 && type == RTM_NEWROUTE)
		mnl_attr_put_u32(m, RTA_EXPIRES, vips_lifetime_s(r->config));
	return netlink_request(m, NULL);
}

/* IPv6: asked for again it has its lifetime anew, and the answer is EEXIST. But so a route of somebody else's would get a
 * second way: the first time it must not be there. */
static int add(const struct router *r, const struct route_config *c, uint32_t index, bool ours)
{
	bool again = ours && c->to.addr.family == ADDR_IPV6;
	int error = request(r, c, index, RTM_NEWROUTE, again ? NLM_F_CREATE : NLM_F_CREATE | NLM_F_EXCL);

	return ours && error == EEXIST ? 0 : error;
}

/* The way to the network of an IPv6 address. The kernel's own route would be shared with other addresses of that network,
 * and would end with ours. */
static bool network_of(const struct vip *v, struct route_config *c)
{
	const struct prefix *p = &v->config->address;

	*c = (struct route_config){ .to = *p, .metric = METRIC_NETWORK, .device = v->interface->name };
	return p->addr.family == ADDR_IPV6 && p->length < 128 && !addr_is_link_local(&p->addr) && v->interface->index;
}

static void say(const struct router *r, const struct route_config *c, const char *what, int error)
{
	char to[ADDR_TEXT_MAX];

	log_err("(%s) cannot %s the route to %s: %s", r->config->name, what, c->to.length ? prefix_print(&c->to, to) : "default",
		error == EEXIST ? "there is another one" : strerror(error));
}

void routes_add(struct router *r)
{
	struct route_config network;
	bool failed = false;
	uint64_t bit = 1;

	for (const struct route_config *c = r->config->routes; c; c = c->next, bit <<= 1) {
		int error = add(r, c, out_index(r, c), r->routes_ours & bit);
		r->routes_ours = error ? r->routes_ours & ~bit : r->routes_ours | bit;
		failed |= error != 0;
		if (error && !r->route_said)
			say(r, c, "add", error);
	}
	r->route_said = failed;
	for (uint32_t i = 0; i < r->config->vip_count; i++)
		if (network_of(&r->vips[i], &network))
			(void)add(r, &network, r->vips[i].interface->index, true);
}

void routes_remove(struct router *r)
{
	struct route_config network;

	for (const struct route_config *c = r->config->routes; c; c = c->next) {
		int error = request(r, c, out_index(r, c), RTM_DELROUTE, 0);
		/* ESRCH: it went with its interface or its source address, or never was there. */
		if (error && error != ESRCH && error != ENODEV)
			say(r, c, "remove", error);
	}
	for (uint32_t i = 0; i < r->config->vip_count; i++)
		if (network_of(&r->vips[i], &network))
			(void)request(r, &network, r->vips[i].interface->index, RTM_DELROUTE, 0);
	r->route_said = false;
	r->routes_ours = 0;
	/* The way to a network may be another router's as well. */
	for (uint32_t k = 0; k < guard.conf->vrrp_count; k++)
		if (&guard.routers[k] != r && vrrp_holds(&guard.routers[k].vr))
			routes_add(&guard.routers[k]);
}
