/* SPDX-License-Identifier: MIT
 * Setters of the sections defaults, frontend, backend and listen, but for server lines.
 */
#include <string.h>
#include "conf/parse.h"

/* "[NAME] [from DEFAULTS]": the defaults section that counts; builtin: where there is neither. */
static const struct proxy_config *check_proxy_line(struct parser *p, const struct keyword *k, const struct str *args,
	uint32_t n, const struct proxy_config *builtin)
{
	const struct proxy_config *found = NULL;
	uint32_t from = k->low == IN_DEFAULTS && (n == 0 || str_is(args[0], "from")) ? 0 : 1;

	if (from == 1 && n > 0)
		(void)check_name(p, k->name, args[0]);
	if (n == from)
		return builtin;
	if (n != from + 2 || !str_is(args[from], "from")) {
		refuse(p, "'%s' takes a name and 'from DEFAULTS', not '%.*s'", k->name, CLIPPED(args[from]));
		return builtin;
	}
	for (const struct proxy_config *d = p->named; d; d = d->next)
		if (str_is(args[from + 1], d->name))
			found = found ? builtin : d;
	if (!found || found == builtin)
		refuse(p, "'from %.*s': there %s of that name above this line", CLIPPED(args[from + 1]),
			found ? PACKED "is more than one defaults section" : PACKED "is no defaults section");
	return found ? found : builtin;
}

/* HAProxy's rule: a frontend and a backend may have the same name, two of a kind may not. */
static void check_duplicate(struct parser *p, const struct proxy_config *c, struct str name, uint8_t sides)
{
	if (str_is(name, c->name) && c->sides & sides)
		refuse(p, "%s '%s' is there already, as the %s in line %u", p->section_word, c->name,
			section_text(c->sides == PROXY_FRONTEND ? IN_FRONTEND : c->sides == PROXY_BACKEND ? IN_BACKEND :
			IN_LISTEN), c->line);
}

void proxy_defaults(struct proxy_config *c)
{
	*c = (struct proxy_config){ .redispatch_interval = -1,
		.check.request = CHECK_REQUEST_DEFAULT };
	keyword_defaults(AS_LINE, IN_PROXY, c);
	keyword_defaults(AS_TIMEOUT, IN_PROXY, c);
	keyword_defaults(AS_SERVER, IN_PROXY, &c->default_server);
}

/* As in HAProxy: a defaults section starts from the built-in values, not from the one before it. */
static void begin_defaults(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n)
{
	struct proxy_config builtin;

	proxy_defaults(&builtin);
	struct proxy_config fresh = *check_proxy_line(p, k, args, n, &builtin), *kept;
	p->section_name = fresh.name = n > 0 && name_is_good(args[0]) && !str_is(args[0], "from") ? keep_text(p, args[0]) : NULL;
	fresh.next = p->named;
	if (p->defaults_count++ == CONF_PROXIES_MAX)
		refuse(p, "more than %u defaults sections", (unsigned)CONF_PROXIES_MAX);
	kept = p->defaults_count > CONF_PROXIES_MAX ? p->defaults : keep(p, &fresh, sizeof fresh);
	if (fresh.name && kept != p->defaults)
		p->named = kept;
	p->section = IN_DEFAULTS;
	p->object = p->defaults = kept;
	p->skipping = false;
}

void begin_proxy(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct proxy_config **last = &p->conf->proxies;

	(void)object;
	if (k->low == IN_DEFAULTS) {
		begin_defaults(p, k, args, n);
		return;
	}
	struct proxy_config fresh = *check_proxy_line(p, k, args, n, p->defaults);
	fresh.next = NULL;
	fresh.sides = k->low == IN_FRONTEND ? PROXY_FRONTEND : k->low == IN_BACKEND ? PROXY_BACKEND :
		PROXY_FRONTEND | PROXY_BACKEND;
	for (; *last; last = &(*last)->next)
		check_duplicate(p, *last, args[0], fresh.sides);
	if (p->conf->proxy_count == CONF_PROXIES_MAX) {
		refuse(p, "more than %u frontends and backends", (unsigned)CONF_PROXIES_MAX);
		return;
	}
	fresh.name = name_is_good(args[0]) ? keep_text(p, args[0]) : "?";
	fresh.line = p->line;
	fresh.index = p->conf->proxy_count++;
	*last = keep(p, &fresh, sizeof fresh);
	p->section = k->low;
	p->section_name = fresh.name;
	p->object = *last;
	p->skipping = false;
}

void set_proxy_log(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct proxy_config *c = object;

	(void)k;
	if (n == 1 && str_is(args[0], "global"))
		c->options |= OPTION_LOG_GLOBAL;
	else
		refuse(p, "'log %.*s': a %s section takes 'log global' only; targets are in the global section",
			CLIPPED(args[0]), p->section_word);
}

void set_default_backend(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct proxy_config *c = object;

	(void)k;
	(void)n;
	if (!check_name(p, "backend", args[0]))
		return;
	c->default_backend_name = keep_text(p, args[0]);
	c->default_backend_line = p->line;
}

static void add_binds(struct parser *p, struct proxy_config *c, struct bind_config *bind, struct str address)
{
	struct bind_config **last = &c->binds;
	struct str first = address;
	uint32_t end = address.n, high;

	while (end > 0 && address.p[end - 1] != '-' && address.p[end - 1] != ':')
		end--;
	bool range = end > 1 && address.p[end - 1] == '-';
	if (range)
		first.n = end - 1;
	if (!take_endpoint(p, "bind", first, &bind->address))
		return;
	high = bind->address.port;
	if (range && (!text_to_u32(str_of(address.p + end, address.n - end), 65535, &high) || high < bind->address.port)) {
		refuse(p, "bind '%.*s': a range of ports is written as 8000-8010", CLIPPED(address));
		return;
	}
	if (addr_is_multicast(&bind->address.addr)) {
		refuse(p, "bind '%.*s': no connection can come to a multicast address", CLIPPED(address));
		return;
	}
	if (p->foreign)
		return;
	if (p->conf->bind_count + high - bind->address.port >= CONF_BINDS_MAX) {
		refuse(p, "more than %u bind addresses", (unsigned)CONF_BINDS_MAX);
		return;
	}
	while (*last)
		last = &(*last)->next;
	for (uint32_t port = bind->address.port; port <= high; port++, last = &(*last)->next) {
		bind->address.port = (uint16_t)port;
		c->bind_count++;
		p->conf->bind_count++;
		*last = keep(p, bind, sizeof *bind);
	}
}

void set_bind(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct proxy_config *c = object;
	struct bind_config bind = { .line = p->line };
	struct str list = args[0];

	(void)k;
	words_apply(p, AS_BIND, args + 1, n - 1, &bind);
	for (uint32_t start = 0; start <= list.n; ) {
		uint32_t end = start;
		while (end < list.n && list.p[end] != ',')
			end++;
		add_binds(p, c, &bind, str_of(list.p + start, end - start));
		start = end + 1;
	}
}

void set_redispatch(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct proxy_config *c = object;
	int32_t interval = -1;

	if (n > 0 && (!take_signed(args[0], -1, 255, &interval) || interval == 0)) {
		refuse(p, "'option %s' takes -1 (the last retry) or 1 to 255 (every Nth), not '%.*s'", k->name,
			CLIPPED(args[0]));
		return;
	}
	c->redispatch_interval = interval;
	c->options &= ~(uint32_t)OPTION_REDISPATCH;
	c->options |= p->negated ? 0 : OPTION_REDISPATCH;
}

/* One of three counts. A later section overrides its defaults; two in one section contradict each other. */
void set_http_mode(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	const uint32_t all = OPTION_HTTP_SERVER_CLOSE | OPTION_HTTPCLOSE;
	struct proxy_config *c = object;

	(void)args;
	(void)n;
	if (p->negated) {
		c->options &= ~k->low;
		return;
	}
	if (!p->foreign && p->http_mode_line >= p->section_line)
		refuse(p, "'option %s' contradicts line %u", k->name, p->http_mode_line);
	if (!p->foreign)
		p->http_mode_line = p->line;
	c->options = (c->options & ~all) | k->low;
}
