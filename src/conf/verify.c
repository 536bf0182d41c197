/* SPDX-License-Identifier: MIT
 * What can be said only when a section, or the whole file, has been read: what is missing, and what does not
 * go together.
 */
#include <string.h>
#include "conf/parse.h"
#include "proxy/balance.h"
#include "proxy/cookie.h"
#include "vrrp/packet.h"

/* ---- one vrrp section ---- */

static void verify_required(struct parser *p, const struct vrrp_config *v)
{
	const char *node = p->conf->global.node;
	const char *missing = !v->interface ? "interface" : v->vrid == 0 ? "virtual_router_id" :
		vrrp_advertised(v) == 0 ? "virtual_ipaddress" : NULL;

	if (missing)
		refuse_at(p, v->line, "vrrp '%s' has no '%s' line%s%s%s", v->name, missing,
			p->marker_line ? " for node '" : "", p->marker_line ? node : "", p->marker_line ? "'" : "");
}

static void verify_families(struct parser *p, struct vrrp_config *v)
{
	bool ipv6 = vrrp_family(v) == ADDR_IPV6;
	const struct vip_config *first = v->vips;
	uint32_t version = line_of(p, AS_LINE, "version");
	char text[ADDR_TEXT_MAX];

	while (first && first->excluded)
		first = first->next;
	if (!first)
		return;
	if (ipv6 && version && v->version == 2)
		refuse_at(p, version, "version 2 has no IPv6, and virtual_ipaddress %s decides that adverts are IPv6: use "
			"version 3, or give an IPv4 address first", addr_print(&first->address.addr, text));
	if (ipv6)
		v->version = 3;
	if (ipv6 && vrrp_advertised(v) > VRRP_IPV6_MAX)
		refuse_at(p, v->line, "more than %u IPv6 addresses in an advert: make the others virtual_ipaddress_excluded",
			(unsigned)VRRP_IPV6_MAX);
	if (ipv6 && !addr_is_link_local(&first->address.addr))
		warn_at(p, first->line, "the first IPv6 address is not a link-local one, such as fe80::10: tandem and keepalived "
			"do without it, other routers do not (RFC 9568 §5.2.9)");
	for (const struct peer_config *peer = v->peers; peer; peer = peer->next)
		if (peer->address.family != first->address.addr.family)
			refuse_at(p, v->line, "unicast_peer %s is not of the family of the adverts, which is that of the first "
				"virtual_ipaddress", addr_print(&peer->address, text));
	if (v->source.family && v->source.family != first->address.addr.family)
		refuse_at(p, v->line, "%s is not of the family of the adverts, which is that of the first virtual_ipaddress",
			addr_print(&v->source, text));
	if (ipv6 && v->source.family && !v->peers && !addr_is_link_local(&v->source))
		refuse_at(p, v->line, "mcast_src_ip %s: IPv6 adverts come from a link-local address", addr_print(&v->source, text));
}

/* keepalived's name. */
static void verify_vmac(struct parser *p, struct vrrp_config *v)
{
	char name[16];

	if (v->vmac && !*v->vmac) {
		(void)text_format(name, sizeof name, "vrrp.%u", (unsigned)v->vrid);
		v->vmac = keep_text(p, str_z(name));
	}
	if (v->vmac && v->interface && strcmp(v->vmac, v->interface) == 0)
		refuse_at(p, v->line, "use_vmac %s: that is the router's interface itself", v->vmac);
	if (v->vmac_xmit_base && !v->vmac)
		warn_at(p, v->line, "vmac_xmit_base has no effect without use_vmac");
}

static void verify_interval(struct parser *p, const struct vrrp_config *v)
{
	uint32_t line = line_of(p, AS_LINE, "advert_int"), ms = v->advert_int_ms;
	char text[16];

	if (v->version == 2 && (ms % 1000 != 0 || ms == 0))
		refuse_at(p, line, "advert_int %s: version 2 has whole seconds only, from 1 to 255; 'version 3' has "
			"hundredths", print_ms(ms, text));
	if (v->version == 3 && (ms % 10 != 0 || ms > 40950))
		refuse_at(p, line, "advert_int %s: version 3 has hundredths of a second, from 0.01 to 40.95",
			print_ms(ms, text));
}

static void verify_auth(struct parser *p, const struct vrrp_config *v)
{
	uint32_t type = line_of(p, AS_LINE, "auth_type"), pass = line_of(p, AS_LINE, "auth_pass");

	if (v->version == 3 && (pass || v->has_auth))
		refuse_at(p, pass ? pass : type, "version 3 has no passwords (RFC 5798 §9): leave out auth_pass, or "
			"use version 2");
	else if (pass && !v->has_auth)
		refuse_at(p, pass, "auth_pass contradicts 'auth_type none' in line %u", type);
	else if (v->has_auth && !pass)
		refuse_at(p, type, "'auth_type PASS' needs an auth_pass line");
}

static void verify_addresses(struct parser *p, const struct vrrp_config *v)
{
	uint32_t unicast = line_of(p, AS_LINE, "unicast_src_ip"), mcast = line_of(p, AS_LINE, "mcast_src_ip");
	char text[ADDR_TEXT_MAX];

	if (unicast && mcast)
		refuse_at(p, unicast > mcast ? unicast : mcast, "unicast_src_ip contradicts mcast_src_ip (line %u)",
			unicast > mcast ? mcast : unicast);
	else if (unicast && !v->peers)
		refuse_at(p, unicast, "unicast_src_ip without unicast_peer: who is to hear it?");
	else if (mcast && v->peers)
		refuse_at(p, mcast, "mcast_src_ip contradicts unicast_peer: with peers nothing is sent to the "
			"multicast group; 'unicast_src_ip' says where adverts come from");
	for (const struct peer_config *peer = v->peers; peer; peer = peer->next)
		if (addr_equal(&peer->address, &v->source))
			refuse_at(p, unicast, "unicast_peer %s is this node's own unicast_src_ip",
				addr_print(&peer->address, text));
	for (const struct vip_config *vip = v->vips; vip; vip = vip->next) {
		if (v->priority != VRRP_PRIORITY_OWNER && addr_equal(&vip->address.addr, &v->source))
			refuse_at(p, vip->line, "virtual_ipaddress %s is also the address that adverts come from",
				addr_print(&vip->address.addr, text));
		for (const struct peer_config *peer = v->peers; peer; peer = peer->next)
			if (addr_equal(&peer->address, &vip->address.addr))
				refuse_at(p, vip->line, "virtual_ipaddress %s is also a unicast_peer",
					addr_print(&peer->address, text));
	}
}

static void verify_vrrp(struct parser *p, struct vrrp_config *v)
{
	uint32_t nopreempt = line_of(p, AS_LINE, "nopreempt");

	verify_required(p, v);
	if (v->interface && strcmp(v->interface, "lo") == 0)
		refuse_at(p, line_of(p, AS_LINE, "interface"), "interface lo: no other node hears what is sent there: name the "
			"interface that leads to them");
	verify_families(p, v);
	verify_vmac(p, v);
	verify_interval(p, v);
	verify_auth(p, v);
	verify_hmac(p, v);
	verify_addresses(p, v);
	if (nopreempt && v->state_master_hint)
		warn_at(p, nopreempt, "'nopreempt' counts here; keepalived ignores it on a node with 'state MASTER'");
	if (v->priority == VRRP_PRIORITY_OWNER && (nopreempt || v->tracks))
		warn_at(p, nopreempt ? nopreempt : v->tracks->line, "a node with priority 255 owns the address: it "
			"never yields, whatever this line says");
}

/* ---- one frontend, backend or listen section ---- */

static void verify_mode(struct parser *p, struct proxy_config *c)
{
	const char *what = NULL;
	uint32_t line = 0;

	if (c->mode == MODE_HTTP)
		return;
	if (c->options & OPTION_FORWARDFOR) {
		what = "option forwardfor";
		line = line_of(p, AS_OPTION, "forwardfor");
	} else if (c->options & OPTION_HTTPLOG) {
		what = "option httplog";        /* as in HAProxy, the line for connections instead */
		line = line_of(p, AS_OPTION, "httplog");
		c->options = (c->options & ~(uint32_t)OPTION_HTTPLOG) | OPTION_TCPLOG;
	} else if (c->request_rules || c->response_rules || c->redirects) {
		const struct rule *r = c->request_rules ? c->request_rules : c->response_rules ? c->response_rules : c->redirects;
		what = r == c->request_rules ? "http-request" : r == c->response_rules ? "http-response" : "redirect";
		line = r->line;
	} else if (c->cookie.name && c->sides & PROXY_BACKEND) {
		what = "cookie";
		line = line_of(p, AS_LINE, "cookie");
	}
	if (what)
		warn_at(p, line ? line : c->line, "'%s' has no effect in %s '%s', which is in mode tcp", what,
			p->section_word, c->name);
}

static void verify_balance(struct parser *p, const struct proxy_config *c)
{
	bool http = c->mode == MODE_HTTP;

	if (!http && c->balance.kind >= BALANCE_URI)
		refuse_at(p, c->line, "'balance %s' needs mode http", balance_name(c->balance.kind));
	for (const struct server_config *s = c->servers; s; s = s->next)
		if (!http && s->observe == OBSERVE_LAYER7)
			refuse_at(p, s->line, "server '%s': 'observe layer7' needs mode http", s->name);
}

/* The value of a server that has none of its own. */
static void make_cookie(struct parser *p, const struct proxy_config *c, struct server_config *s)
{
	char value[17];

	if (!c->cookie.dynamic || !c->cookie_key || s->cookie)
		return;
	cookie_dynamic(&s->address, c->cookie_key, value);
	s->cookie = keep_text(p, str_of(value, 16));
}

static void verify_cookies(struct parser *p, const struct proxy_config *c)
{
	bool used = c->cookie.name && c->mode == MODE_HTTP;
	char text[COOKIE_TEXT_MAX];

	if (used && c->cookie.dynamic && !c->cookie_key)
		refuse_at(p, line_of(p, AS_LINE, "cookie"), "'cookie ... dynamic' needs a 'dynamic-cookie-key' line");
	for (struct server_config *s = c->servers; s; s = s->next) {
		make_cookie(p, c, s);
		if (used && !s->cookie && !s->backup && !c->cookie.dynamic)
			warn_at(p, s->line, "server '%s' has no 'cookie' value, but the section has cookie '%s': "
				"its clients do not stay", s->name, c->cookie.name);
		if (!c->cookie.name && s->cookie)
			warn_at(p, s->line, "the cookie value of server '%s' has no effect: %s '%s' has no 'cookie' line",
				s->name, p->section_word, c->name);
		if (used && cookie_make(&c->cookie, s->cookie, &(struct cookie){ .last_s = 0 }, 0, text, sizeof text) == 0)
			refuse_at(p, s->line, "the cookie of server '%s' with all that is added to it is longer than %u bytes",
				s->name, (unsigned)sizeof text);
		for (const struct server_config *t = c->servers; used && s->cookie && t != s; t = t->next)
			if (t->cookie && strcmp(t->cookie, s->cookie) == 0 && t->backup == s->backup) {
				warn_at(p, s->line, "server '%s' has the same cookie value as '%s' in line %u: its clients go "
					"there as long as that one is up", s->name, t->name, t->line);
				break;
			}
	}
}

/* In mode tcp there is no request to look at, in mode http nothing else. */
static void verify_tcp_rules(struct parser *p, const struct proxy_config *c)
{
	bool http = c->mode == MODE_HTTP;

	for (const struct rule *r = c->backend_rules; r; r = r->next)
		if (condition_needs(r->condition, http ? USE_STREAM : USE_MESSAGE))
			refuse_at(p, r->line, "the condition is about %s, but '%s' is in mode %s", http ? "a connection's first bytes" :
				"HTTP", c->name, http ? "http" : "tcp");
	if (http && c->content_rules)
		refuse_at(p, c->content_rules->line, "'tcp-request content' is for mode tcp; in mode http there is http-request");
}

static void verify_check(struct parser *p, const struct check_config *c, uint32_t line)
{
	uint32_t send = line_of(p, AS_HTTP_CHECK, "send");
	bool http = send || line_of(p, AS_HTTP_CHECK, "expect") || line_of(p, AS_HTTP_CHECK, "connect");

	if (http && c->kind != CHECK_HTTP)
		refuse_at(p, line, "'http-check' needs 'option httpchk'");
	else if (c->steps && c->kind != CHECK_STEPS)
		refuse_at(p, line, "'tcp-check' needs 'option tcp-check'");
	else if (http && !send && !line_of(p, AS_OPTION, "httpchk"))
		/* HAProxy sends nothing then, and waits until the time of the check is over. */
		refuse_at(p, line, "'http-check' takes the place of all that the defaults section says of checks, so that they "
			"ask for nothing: repeat 'option httpchk' here");
}

static void verify_proxy(struct parser *p, struct proxy_config *c)
{
	uint32_t rule = p->check_line >= p->section_line ? p->check_line : 0;

	if (c->sides & PROXY_FRONTEND && !c->binds)
		warn_at(p, c->line, "%s '%s' has no 'bind' line: no client can reach it", p->section_word, c->name);
	if (c->sides == PROXY_FRONTEND && !c->default_backend_name && !c->backend_rules
	    && !c->request_rules && !c->redirects && !c->monitor_uri)
		refuse_at(p, c->line, "frontend '%s' has no 'default_backend' line", c->name);
	if (c->sides & PROXY_BACKEND && !c->servers && !(c->sides & PROXY_FRONTEND && c->default_backend_name))
		warn_at(p, c->line, "%s '%s' has no server", p->section_word, c->name);
	if (c->sides & PROXY_BACKEND && rule)
		verify_check(p, &c->check, rule);
	verify_mode(p, c);
	verify_tcp_rules(p, c);
	if (c->sides & PROXY_BACKEND) {
		verify_cookies(p, c);
		verify_balance(p, c);
	}
}

void verify_section(struct parser *p)
{
	/* After an error the missing line may be the one that had it. */
	bool good = p->error_count == p->section_errors;

	if (p->section == IN_GLOBAL) {
		uint32_t line = line_of(p, AS_LINE, "maxconn");
		p->conf->global.memory_line = line ? line : line_of(p, AS_LINE, "tune.bufsize");
	}
	if (good && p->section == IN_VRRP)
		verify_vrrp(p, p->object);
	else if (good && p->section & (IN_WATCH | IN_GROUP))
		verify_followed(p, p->object);
	else if (good && p->section & (IN_FRONTEND | IN_BACKEND | IN_LISTEN))
		verify_proxy(p, p->object);
	p->section = 0;
}

/* ---- the file ---- */

struct proxy_config *find_backend(const struct parser *p, const char *name)
{
	for (struct proxy_config *c = p->conf->proxies; c; c = c->next)
		if (c->sides & PROXY_BACKEND && strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

/* The name is no backend's: says what it is, or what is meant. */
void refuse_backend(struct parser *p, uint32_t line, const char *keyword, const char *name)
{
	const char *near = NULL;
	unsigned limit = strlen(name) < 4 ? 1 : 2, distance = limit + 1;

	for (const struct proxy_config *c = p->conf->proxies; c; c = c->next) {
		unsigned d = text_distance(str_z(name), str_z(c->name), limit);
		if (d == 0) {
			refuse_at(p, line, "%s '%s' is a frontend (line %u), not a backend", keyword, name, c->line);
			return;
		}
		if (c->sides & PROXY_BACKEND && d < distance) {
			distance = d;
			near = c->name;
		}
	}
	refuse_at(p, line, "%s '%s': there is no such backend%s%s%s", keyword, name,
		near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static const struct proxy_config *find_table(const struct parser *p, const char *name)
{
	for (const struct proxy_config *c = p->conf->proxies; c; c = c->next)
		if (c->stick && strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

/* Backends that lines name, in the file's order backwards: the list's. */
static void resolve_refs(struct parser *p)
{
	for (struct proxy_ref *r = p->refs; r; r = r->next) {
		if (r->table) {
			r->proxy = find_table(p, r->name);
			if (!r->proxy)
				refuse_at(p, r->line, "%s: '%s' has no stick-table", r->keyword, r->name);
			continue;
		}
		r->proxy = find_backend(p, r->name);
		if (!r->proxy)
			refuse_backend(p, r->line, r->keyword, r->name);
	}
}

static const char *mode_name(const struct proxy_config *c)
{
	return c->mode == MODE_HTTP ? "http" : "tcp";
}

static void resolve_backends(struct parser *p)
{
	for (struct proxy_config *c = p->conf->proxies; c; c = c->next) {
		struct proxy_config *b = c->default_backend_name ? find_backend(p, c->default_backend_name) : c;
		if (!(c->sides & PROXY_FRONTEND) || (b == c && !(c->sides & PROXY_BACKEND)))
			continue;
		if (!b)
			refuse_backend(p, c->default_backend_line, "default_backend", c->default_backend_name);
		else if (b->mode != c->mode)
			refuse_at(p, c->default_backend_line, "'%s' is in mode %s and its backend '%s' (line %u) in mode "
				"%s", c->name, mode_name(c), b->name, b->line, mode_name(b));
		c->default_backend = b;
	}
	resolve_refs(p);
	for (struct proxy_config *c = p->conf->proxies; c; c = c->next)
		for (const struct rule *r = c->backend_rules; r; r = r->next)
			if (r->backend->proxy && r->backend->proxy->mode != c->mode)
				refuse_at(p, r->line, "'%s' is in mode %s and '%s' in mode %s", c->name, mode_name(c), r->backend->name,
					mode_name(r->backend->proxy));
}

static void compare_vrrps(struct parser *p, const struct vrrp_config *a, const struct vrrp_config *b)
{
	char text[ADDR_TEXT_MAX];

	if (a->interface && b->interface && strcmp(a->interface, b->interface) == 0 && a->vrid
	    && a->vrid == b->vrid && vrrp_family(a) == vrrp_family(b))
		refuse_at(p, b->line, "vrrp '%s' has virtual_router_id %u on %s, as '%s' in line %u has", b->name,
			(unsigned)b->vrid, b->interface, a->name, a->line);
	if (a->vmac && b->vmac && strcmp(a->vmac, b->vmac) == 0)
		refuse_at(p, b->line, "vrrp '%s' and '%s' in line %u would make the same interface %s: give use_vmac another name",
			b->name, a->name, a->line, a->vmac);
	for (const struct vip_config *x = a->vips; x; x = x->next)
		for (const struct vip_config *y = b->vips; y; y = y->next)
			if (addr_equal(&x->address.addr, &y->address.addr))
				refuse_at(p, y->line, "virtual_ipaddress %s is in vrrp '%s' too, in line %u",
					addr_print(&y->address.addr, text), a->name, x->line);
}

static bool takes_both(const struct bind_config *b)
{
	return b->address.addr.family == ADDR_IPV6 && addr_is_any(&b->address.addr) && !b->v6only;
}

static bool binds_overlap(const struct bind_config *a, const struct bind_config *b)
{
	const struct addr *x = &a->address.addr, *y = &b->address.addr;

	bool families = x->family == y->family || takes_both(a) || takes_both(b);

	return a->address.port == b->address.port && families && (addr_equal(x, y) || addr_is_any(x) || addr_is_any(y))
		&& (!a->interface || !b->interface || strcmp(a->interface, b->interface) == 0);
}

/* Compares it with all binds before it in the file. */
/* As in HAProxy an address and any address may have the same port: the nearer one gets the client. */
static void verify_bind(struct parser *p, struct bind_config *bind)
{
	char text[ADDR_TEXT_MAX], other[ADDR_TEXT_MAX];

	for (const struct proxy_config *c = p->conf->proxies; c; c = c->next)
		for (struct bind_config *b = c->binds; b; b = b->next) {
			bool same_way = b->interface ? bind->interface != NULL : !bind->interface;
			if (b == bind)
				return;
			if (!binds_overlap(b, bind))
				continue;
			b->shared = bind->shared = true;
			if (same_way && addr_equal(&b->address.addr, &bind->address.addr)) {
				refuse_at(p, bind->line, "bind %s collides with %s of '%s' in line %u",
					endpoint_print(&bind->address, text), endpoint_print(&b->address, other), c->name,
					b->line);
				return;
			}
		}
}

static void number_all(struct conf *conf)
{
	uint32_t binds = 0, servers = 0;

	for (struct proxy_config *c = conf->proxies; c; c = c->next) {
		for (struct bind_config *b = c->binds; b; b = b->next)
			b->index = binds++;
		for (struct server_config *s = c->servers; s; s = s->next)
			s->index = servers++;
	}
}

void verify_file(struct parser *p)
{
	struct conf *conf = p->conf;

	number_all(conf);
	if (!conf->vrrps && !conf->proxies && p->error_count == 0)
		refuse_at(p, 0, "neither a vrrp section nor a frontend: there is nothing to do");
	resolve_backends(p);
	resolve_groups(p);
	for (struct vrrp_config *v = conf->vrrps; v; v = v->next) {
		resolve_tracks(p, v);
		for (const struct vrrp_config *before = conf->vrrps; before != v; before = before->next)
			compare_vrrps(p, before, v);
	}
	for (struct proxy_config *c = conf->proxies; c; c = c->next)
		for (struct bind_config *b = c->binds; b; b = b->next)
			verify_bind(p, b);
	if (p->marker_line && !p->marker_matched)
		warn_at(p, p->marker_line, "this line and others are for other nodes, and none is for '%s', which is "
			"this node's name by %s; -n NODE or 'node' in global sets it", conf->global.node,
			conf->global.node_origin);
}
