/* SPDX-License-Identifier: MIT
 * Setters of what a vrrp section moves and whom it speaks to: addresses, routes, peers, the virtual MAC.
 */
#include <string.h>
#include "conf/parse.h"

static bool is_host(struct parser *p, const char *name, const struct prefix *at)
{
	const uint8_t *b = at->addr.bytes;
	uint32_t hosts = UINT32_MAX >> at->length;
	uint32_t host = ((uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]) & hosts;
	char text[ADDR_TEXT_MAX];

	if (host == 0 || host == hosts)
		refuse(p, "%s: %s is the network's %s, and no host can have it", name, prefix_print(at, text),
			host ? "broadcast address" : "own address");
	return host != 0 && host != hosts;
}

static bool take_vip(struct parser *p, const char *name, struct str s, struct prefix *at)
{
	bool good = prefix_parse(s, at);

	if (!good) {
		refuse(p, "%s: '%.*s' is not an address, such as 192.168.1.10/24", name, CLIPPED(s));
		return false;
	}
	good = addr_is_host(&at->addr) && at->length > 0;
	if (!good)
		refuse(p, "%s: '%.*s' cannot be the address of an interface", name, CLIPPED(s));
	else if (at->addr.family == ADDR_IPV4 && at->length < 31)
		good = is_host(p, name, at);
	return good;
}

static void keep_vip(struct parser *p, const struct keyword *k, struct str text, const struct vip_config *vip,
	struct vrrp_config *v)
{
	struct vip_config **last = &v->vips;
	uint32_t count = 0;

	for (; *last; last = &(*last)->next) {
		count += (*last)->excluded == vip->excluded;
		if (addr_equal(&(*last)->address.addr, &vip->address.addr)) {
			refuse(p, "%s %.*s is there already, in line %u", k->name, CLIPPED(text), (*last)->line);
			return;
		}
	}
	if (count == CONF_VIPS_MAX) {
		refuse(p, "more than %u addresses in one vrrp section", (unsigned)CONF_VIPS_MAX);
		return;
	}
	v->vip_count++;
	*last = keep(p, vip, sizeof *vip);
}

/* low is 1 for those that are not advertised. */
void set_vip(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct vip_config vip = { .line = p->line, .excluded = k->low };
	struct prefix another;

	if (!take_vip(p, k->name, args[0], &vip.address))
		return;
	if (n > 1 && prefix_parse(args[1], &another)) {
		refuse(p, "%s: one address a line: '%.*s' needs a line of its own", k->name, CLIPPED(args[1]));
		return;
	}
	words_apply(p, AS_VIP, args + 1, n - 1, &vip);
	if (vip.label && vip.address.addr.family == ADDR_IPV6)
		refuse(p, "'label' is for IPv4 addresses: others have none");
	if (!p->foreign)
		keep_vip(p, k, args[0], &vip, object);
}

void set_scope(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	static const struct { const char *name; uint8_t scope; } names[] = {
		{ "global", 0 }, { "site", 200 }, { "link", 253 }, { "host", 254 }, { "nowhere", 255 },
	};
	uint32_t scope = UINT32_MAX;

	(void)n;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_is(args[0], names[i].name))
			scope = names[i].scope;
	if (scope == UINT32_MAX && !text_to_u32(args[0], 255, &scope))
		refuse(p, "'%s' must be %s, not '%.*s'", k->name, k->arguments, CLIPPED(args[0]));
	*((uint8_t *)object + k->field) = (uint8_t)scope;
	if (keyword_is(k, AS_ROUTE))
		((struct route_config *)object)->scope_given = true;
}

void set_route(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct vrrp_config *v = object;
	struct route_config route = { .line = p->line }, **last = &v->routes;
	uint32_t count = 0;
	bool all = str_is(args[0], "default");

	if (!all && !prefix_parse(args[0], &route.to)) {
		refuse(p, "%s: '%.*s' is not a destination, such as 10.0.0.0/8 or default", k->name, CLIPPED(args[0]));
		return;
	}
	words_apply(p, AS_ROUTE, args + 1, n - 1, &route);
	if (all)
		route.to.addr.family = route.via.family ? route.via.family : route.source.family ? route.source.family
			: ADDR_IPV4;
	if ((route.via.family && route.via.family != route.to.addr.family)
	    || (route.source.family && route.source.family != route.to.addr.family))
		refuse(p, "%s: IPv4 and IPv6 addresses in one route", k->name);
	for (; *last; last = &(*last)->next)
		count++;
	_Static_assert(CONF_ROUTES_MAX <= 64, "the guard has bits of a word for them");
	if (count == CONF_ROUTES_MAX)
		refuse(p, "more than %u virtual_routes in one vrrp section", (unsigned)CONF_ROUTES_MAX);
	else if (!p->foreign)
		*last = keep(p, &route, sizeof route);
}

void set_peer(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct vrrp_config *v = object;
	struct peer_config peer = { 0 }, **last = &v->peers;
	struct keyword row = *k;
	uint32_t errors = p->error_count;

	row.field = 0;          /* into peer.address; the rules are those of any address */
	set_address(p, &row, args, n, &peer.address);
	if (p->foreign || p->error_count > errors)
		return;
	for (; *last; last = &(*last)->next)
		if (addr_equal(&(*last)->address, &peer.address)) {
			refuse(p, "unicast_peer %.*s is there twice", CLIPPED(args[0]));
			return;
		}
	if (v->peer_count == CONF_PEERS_MAX) {
		refuse(p, "more than %u peers", (unsigned)CONF_PEERS_MAX);
		return;
	}
	v->peer_count++;
	*last = keep(p, &peer, sizeof peer);
}

/* Without a name verify_section() finds one, when the virtual_router_id is known. */
void set_vmac(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	if (n)
		set_interface(p, k, args, n, object);
	else
		((struct vrrp_config *)object)->vmac = "";
}
