/* SPDX-License-Identifier: MIT
 * use_vmac: a macvlan with the virtual MAC of the router (RFC 9568 §7.3), which holds the addresses and sends the adverts,
 * so that neighbours and switches see the same MAC whoever is master.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include "base/log.h"
#include "guard/netlink.h"

static struct nlmsghdr *link_message(uint8_t *bytes, uint16_t type, uint16_t flags, uint32_t index, uint32_t up)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(bytes);

	m->nlmsg_type = type;
	m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(m, sizeof *info);
	info->ifi_index = (int)index;
	info->ifi_flags = info->ifi_change = up;
	return m;
}

/* Private: the router's interface and its macvlan need not talk to each other. */
static int make(const struct router *r, const uint8_t mac[6])
{
	_Alignas(8) uint8_t bytes[256] = { 0 };
	struct nlmsghdr *m = link_message(bytes, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, 0);

	mnl_attr_put_u32(m, IFLA_LINK, r->interface->index);
	mnl_attr_put_strz(m, IFLA_IFNAME, r->vmac->name);
	mnl_attr_put(m, IFLA_ADDRESS, 6, mac);
	struct nlattr *info = mnl_attr_nest_start(m, IFLA_LINKINFO);
	mnl_attr_put_strz(m, IFLA_INFO_KIND, "macvlan");
	struct nlattr *data = mnl_attr_nest_start(m, IFLA_INFO_DATA);
	mnl_attr_put_u32(m, IFLA_MACVLAN_MODE, MACVLAN_MODE_PRIVATE);
	mnl_attr_nest_end(m, data);
	mnl_attr_nest_end(m, info);
	return netlink_request(m, NULL);
}

/* Each of the two answers ARP for its own addresses only; what comes in by the macvlan is answered by the interface below
 * it, so the reverse path must not be looked at too closely; and no link-local address is derived from the virtual MAC,
 * which both nodes have (RFC 9568 §7.4). */
static void set_sysctls(struct router *r)
{
	static const struct { const char *name, *value; bool below; } rows[] = {
		{ "ipv4/conf/%s/arp_ignore", "1", true }, { "ipv4/conf/%s/arp_ignore", "1", false },
		{ "ipv4/conf/%s/rp_filter", "2", false }, { "ipv4/conf/%s/promote_secondaries", "1", false },
		{ "ipv6/conf/%s/addr_gen_mode", "1", false },
	};
	char path[96] = "net/";

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *after = strchr(rows[i].name, '%') + 2;
		text_format(path, sizeof path, "net/%.*s%s%s", (int)(after - 2 - rows[i].name), rows[i].name,
			rows[i].below ? r->interface->name : r->vmac->name, after);
		/* Only the first is of an interface that outlives us: the next router that uses it finds what we set. */
		if (i == 0 && !*r->interface->arp_ignore)
			(void)sysctl_read(path, r->interface->arp_ignore, sizeof r->interface->arp_ignore);
		if (!sysctl_write(path, rows[i].value))
			log_debug("(%s) cannot set %s: %m", r->config->name, path);
	}
}

bool vmac_ready(struct router *r)
{
	_Alignas(8) uint8_t bytes[256] = { 0 };
	struct interface *v = r->vmac;
	const uint8_t mac[6] = { 0, 0, 0x5e, 0, vrrp_family(r->config) == ADDR_IPV6 ? 2 : 1, r->config->vrid };

	if (!v || (v->seen && v->up && v->index == r->vmac_index))
		return true;
	if (!v->seen && v->index) {     /* somebody has removed it */
		adverts_close(v);
		v->index = 0;
	}
	int error = v->index == 0 ? make(r, mac) : memcmp(v->mac, mac, 6) != 0 ? EEXIST : 0;
	if (error == 0) {
		v->index = if_nametoindex(v->name);
		memcpy(v->mac, mac, 6);
		set_sysctls(r);
		error = netlink_request(link_message(bytes, RTM_NEWLINK, 0, v->index, IFF_UP), NULL);
		v->seen = v->up = error == 0;
	}
	if (error && !r->vmac_said)
		log_err("(%s) cannot make the interface %s with the virtual MAC: %s", r->config->name, v->name, strerror(error));
	r->vmac_said = error != 0;
	r->vmac_index = error ? 0 : v->index;
	return error == 0;
}

void vmacs_remove(void)
{
	_Alignas(8) uint8_t bytes[256] = { 0 };
	char path[96];

	for (uint32_t k = 0; k < guard.conf->vrrp_count; k++) {
		const struct router *r = &guard.routers[k];
		text_format(path, sizeof path, "net/ipv4/conf/%s/arp_ignore", r->interface->name);
		if (*r->interface->arp_ignore && !sysctl_write(path, r->interface->arp_ignore))
			log_debug("(%s) cannot set %s: %m", r->config->name, path);
		if (!r->vmac || !r->vmac_index)
			continue;
		int error = netlink_request(link_message(bytes, RTM_DELLINK, 0, r->vmac_index, 0), NULL);
		if (error && error != ENODEV)
			log_err("(%s) cannot remove the interface %s: %s", r->config->name, r->vmac->name, strerror(error));
	}
}
