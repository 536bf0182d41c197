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

static int request(const struct router *r, const struct route_config *c, uint16_t type, uint16_t flags)
{
	_Alignas(8) uint8_t bytes[256] = { 0 };
	struct nlmsghdr *m = mnl_nlmsg_put_header(bytes);
	bool ipv6 = c->to.addr.family == ADDR_IPV6;
	uint32_t index = out_index(r, c);

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
	return netlink_request(m, NULL);
}

static void say(const struct router *r, const struct route_config *c, const char *what, int error)
{
	char to[ADDR_TEXT_MAX];

	log_err("(%s) cannot %s the route to %s: %s", r->config->name, what, c->to.length ? prefix_print(&c->to, to) : "default",
		strerror(error));
}

void routes_add(struct router *r)
{
	bool failed = false;

	for (const struct route_config *c = r->config->routes; c; c = c->next) {
		int error = request(r, c, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
		if (error == 0 || error == EEXIST)
			continue;
		failed = true;
		if (!r->route_said)
			say(r, c, "add", error);
	}
	r->route_said = failed;
}

void routes_remove(struct router *r)
{
	for (const struct route_config *c = r->config->routes; c; c = c->next) {
		int error = request(r, c, RTM_DELROUTE, 0);
		/* ESRCH: it went with its interface or its source address, or never was there. */
		if (error && error != ESRCH && error != ENODEV)
			say(r, c, "remove", error);
	}
	r->route_said = false;
}
