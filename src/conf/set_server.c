/* SPDX-License-Identifier: MIT
 * Setters of server and default-server lines, and of the cookie that leads to a server.
 */
#include <errno.h>
#include <string.h>
#include "conf/parse.h"
#include "proxy/cookie.h"

void set_default_server(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct proxy_config *c = object;

	(void)k;
	words_apply(p, AS_SERVER, args, n, &c->default_server);
}

/* ADDRESS:PORT, or NAME:PORT with a name in /etc/hosts. */
static bool take_server(struct parser *p, struct str text, struct endpoint *e)
{
	uint32_t colon = text.n, port;

	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	struct str host = str_of(text.p, colon ? colon - 1 : 0);
	if (looks_like_host(text)) {
		refuse(p, "server '%.*s' has no port: '%.*s:80'", CLIPPED(text), CLIPPED(text));
		return false;
	}
	if (!looks_like_host(host) || !text_to_u32(str_of(text.p + colon, text.n - colon), 65535, &port) || port == 0)
		return take_endpoint(p, "server", text, e);
	if (!p->conf->hosts) {
		p->conf->hosts = conf_read_hosts(p->arena);
		if (errno == EFBIG)
			warn(p, "/etc/hosts has more than %u bytes: lines behind them are not seen", (unsigned)HOSTS_BYTES_MAX);
		else if (errno != 0 && errno != ENOENT)
			warn(p, "cannot read /etc/hosts: %m");
	}
	e->port = (uint16_t)port;
	if (hosts_find(p->conf->hosts, host, &e->addr))
		return true;
	refuse(p, "server '%.*s': it is not in /etc/hosts, and names are looked up nowhere else: give the IP address",
		CLIPPED(text));
	return false;
}

void set_server(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct proxy_config *c = object;
	struct server_config server = c->default_server, **last = &c->servers;
	bool named = check_name(p, k->name, args[0]);

	server.line = p->line;
	server.next = NULL;
	if (take_server(p, args[1], &server.address)
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

void set_cookie(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct proxy_config *c = object;
	struct cookie_config *cookie = &c->cookie;

	if (!token_is_good(args[0]))
		refuse(p, "'%.*s' cannot be the name of a cookie", CLIPPED(args[0]));
	*cookie = (struct cookie_config){ .name = keep_text(p, args[0]) };
	words_apply(p, AS_COOKIE, args + 1, n - 1, cookie);
	if (cookie->insert + cookie->rewrite + cookie->prefix > 1)
		refuse(p, "'%s': 'insert', 'rewrite' and 'prefix' exclude each other", k->name);
	if (cookie->rewrite && cookie->indirect)
		refuse(p, "'%s': 'rewrite' and 'indirect' exclude each other: the cookie is the server's own", k->name);
	if (cookie->preserve && !cookie->insert && !cookie->indirect)
		refuse(p, "'%s': 'preserve' needs 'insert' or 'indirect': nothing else takes a server's cookie away", k->name);
}

/* "a; b": HAProxy's way to put several into one text. */
static void add_text(struct parser *p, const char **text, const char *between, struct str more)
{
	char both[LEX_LINE_MAX + 256];          /* a word of the line grows by a few bytes */

	if (*text && !p->foreign)
		more = str_of(both, text_format(both, sizeof both, "%s%s%.*s", *text, between, (int)more.n, more.p));
	*text = keep_text(p, more);
}

void set_cookie_domain(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct cookie_config *cookie = object;

	(void)n;
	if (!name_is_good(args[0]))
		refuse(p, "'%s' must be a domain, not '%.*s'", k->name, CLIPPED(args[0]));
	else
		add_text(p, &cookie->domain, "; domain=", args[0]);
}

void set_cookie_attr(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct cookie_config *cookie = object;
	bool good = args[0].n > 0;

	(void)n;
	for (uint32_t i = 0; i < args[0].n; i++)
		good = good && args[0].p[i] >= ' ' && args[0].p[i] != 0x7f && args[0].p[i] != ';';
	if (!good)
		refuse(p, "'%s' must be an attribute, without ';' and control bytes, not '%.*s'", k->name, CLIPPED(args[0]));
	else
		add_text(p, &cookie->attr, "; ", args[0]);
}

/* Longer than milliseconds in 32 bits reach. */
void set_cookie_time(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	static const struct { char unit; uint32_t seconds; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	};
	struct str s = args[0];
	uint32_t v, factor = 1;

	(void)n;
	for (size_t i = 0; i < sizeof units / sizeof *units && s.n > 0; i++)
		if (s.p[s.n - 1] == units[i].unit) {
			factor = units[i].seconds;
			s.n--;
			break;
		}
	if (!text_to_u32(s, INT32_MAX / factor, &v))
		refuse(p, "'%s' must be a time in s, m, h or d up to 24855d, not '%.*s'", k->name, CLIPPED(args[0]));
	else
		memcpy((char *)object + k->field, &(uint32_t){ v * factor }, sizeof v);
}

void set_cookie_key(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct proxy_config *c = object;

	(void)n;
	if (args[0].n == 0 || args[0].n > COOKIE_KEY_MAX)
		refuse(p, "'%s' must be a text of 1 to %u bytes", k->name, (unsigned)COOKIE_KEY_MAX);
	else
		c->cookie_key = keep_text(p, args[0]);
}
