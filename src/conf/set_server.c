/* SPDX-License-Identifier: MIT
 * Setters of server and default-server lines, and of the cookie that leads to a server.
 */
#include <string.h>
#include "conf/parse.h"

void set_default_server(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct proxy_config *c = object;

	(void)k;
	words_apply(p, AS_SERVER, args, n, &c->default_server);
}

void set_server(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct proxy_config *c = object;
	struct server_config server = c->default_server, **last = &c->servers;
	bool named = check_name(p, k->name, args[0]);

	server.line = p->line;
	server.next = NULL;
	if (take_endpoint(p, "server", args[1], &server.address)
	    && (addr_is_any(&server.address.addr) || addr_is_multicast(&server.address.addr)))
		refuse(p, "server '%.*s': '%.*s' is no server's address", CLIPPED(args[0]), CLIPPED(args[1]));
	words_apply(p, AS_SERVER, args + 2, n - 2, &server);
	if (p->foreign)
		return;
	for (; *last; last = &(*last)->next)
		if (named && str_is(args[0], (*last)->name)) {
			refuse(p, "server '%s' is there already, in line %u", (*last)->name, (*last)->line);
			return;
		}
	if (p->conf->server_count == CONF_SERVERS_MAX) {
		refuse(p, "more than %u servers", (unsigned)CONF_SERVERS_MAX);
		return;
	}
	server.name = named ? keep_text(p, args[0]) : "?";
	c->server_count++;
	p->conf->server_count++;
	p->conf->check_count += server.check;
	*last = keep(p, &server, sizeof server);
}

/* What may stand in a cookie (RFC 6265 §4.1.1), without '|', behind which HAProxy puts dates. */
void set_server_cookie(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct server_config *server = object;
	bool good = args[0].n > 0;

	(void)n;
	for (uint32_t i = 0; i < args[0].n; i++)
		good = good && args[0].p[i] > ' ' && args[0].p[i] < 0x7f && !strchr("\",;\\|", args[0].p[i]);
	if (!good)
		refuse(p, "'%s': '%.*s' cannot be a cookie's value: visible ASCII without \" , ; \\ |", k->name,
			CLIPPED(args[0]));
	else
		server->cookie = keep_text(p, args[0]);
}

void set_check_addr(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct server_config *server = object;

	(void)n;
	if (!addr_parse(args[0], &server->check_address.addr) || addr_is_any(&server->check_address.addr)
	    || addr_is_multicast(&server->check_address.addr))
		refuse(p, "'%s' must be an IP address, not '%.*s'", k->name, CLIPPED(args[0]));
}

void set_cookie(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct proxy_config *c = object;
	uint32_t errors = p->error_count;

	if (!token_is_good(args[0]))
		refuse(p, "'%.*s' cannot be the name of a cookie", CLIPPED(args[0]));
	c->cookie = (struct cookie_config){ .name = keep_text(p, args[0]) };
	words_apply(p, AS_COOKIE, args + 1, n - 1, &c->cookie);
	if (!c->cookie.insert && p->error_count == errors)
		refuse(p, "'%s %.*s' without 'insert' leaves the setting of the cookie to the server, as HAProxy "
			"can; tandem inserts it", k->name, CLIPPED(args[0]));
}

void set_cookie_domain(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct cookie_config *cookie = object;
	char both[LEX_LINE_MAX + 256];          /* a word of the line grows by two bytes */

	(void)n;
	if (!name_is_good(args[0])) {
		refuse(p, "'%s' must be a domain, not '%.*s'", k->name, CLIPPED(args[0]));
		return;
	}
	if (cookie->domain && !p->foreign) {
		size_t length = text_format(both, sizeof both, "%s; domain=%.*s", cookie->domain, (int)args[0].n,
			args[0].p);
		cookie->domain = keep_text(p, str_of(both, length));
	} else {
		cookie->domain = keep_text(p, args[0]);
	}
}
