/* SPDX-License-Identifier: MIT
 * `tandem check`: reads the file as `tandem run` would, and prints what this node would do with it: the
 * election, the addresses, listeners and servers, the times in force, and the memory to the byte. It takes
 * the memory just as the processes do, so the plan that is printed is the plan that runs. Nothing on the
 * system is changed.
 */
#include "cmd/cmd.h"
#include "proxy/health.h"
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/log.h"
#include "base/privilege.h"
#include "guard/guard.h"
#include "plan.h"
#include "proxy/balance.h"
#include "worker/worker.h"

static void report(void *context, enum conf_severity severity, const char *sentence)
{
	(void)context;
	tell("%s%s", severity == CONF_ERROR ? "" : "warning: ", sentence);
}

/* "2s", "1.5s", "50ms" */
static const char *seconds(uint32_t ms, char text[16])
{
	uint32_t rest = ms % 1000;

	if (ms < 1000)
		(void)text_format(text, 16, "%ums", ms);
	else if (rest == 0)
		(void)text_format(text, 16, "%us", ms / 1000);
	else if (rest % 100 == 0)
		(void)text_format(text, 16, "%u.%us", ms / 1000, rest / 100);
	else
		(void)text_format(text, 16, "%u.%03us", ms / 1000, rest);
	return text;
}

/* ---- vrrp ---- */

static void print_adverts(const struct vrrp_config *v)
{
	const struct addr group = vrrp_group(vrrp_family(v));
	char text[ADDR_TEXT_MAX], time[16];

	out("  adverts     every %s%s, ", seconds(v->advert_int_ms, time), v->has_auth ? " with a password" : "");
	if (!v->peers)
		out("to all routers of the link (%s)", addr_print(&group, text));
	for (const struct peer_config *peer = v->peers; peer; peer = peer->next)
		out("%s%s", peer == v->peers ? "to " : ", ", addr_print(&peer->address, text));
	if (v->source.family == ADDR_NONE)
		out(", from the interface's %s address\n", group.family == ADDR_IPV4 ? "first"
			: v->peers && !addr_is_link_local(&v->peers->address) ? "first IPv6" : "link-local");
	else
		out(", from %s\n", addr_print(&v->source, text));
}

static void print_election(const struct vrrp_config *v)
{
	struct vrrp vr;
	char down[16], skew[16];

	vrrp_init(&vr, v);
	if (v->priority == VRRP_PRIORITY_OWNER) {
		out("  election    owns the addresses: master at once, and never yields\n");
		return;
	}
	out("  election    as backup: master after %s of silence (Master_Down_Interval),\n"
		"              or %s (skew time) after the master has resigned\n",
		seconds(vrrp_master_down_ms(&vr), down), seconds(vrrp_skew_ms(&vr), skew));
	out("              a working master with a lower priority %s\n", v->nopreempt ? "stays (nopreempt)" :
		PACKED "is taken over from");
}

static void print_track(const struct vrrp_config *v, const struct track_config *t)
{
	static const char *const kinds[] = { "backend", "interface", "script", "file", "ping" };
	static const char *const when[] = { PACKED "it has no usable server", PACKED "its link is down", "it fails",
		"it is not 0",
		PACKED "it does not answer" };

	int weight = t->reverse ? -t->weight : t->weight;

	out("  %-11s %s %s: ", t == v->tracks ? "tracks" : "", kinds[t->kind], t->name);
	if (t->weight == 0)
		out("the node resigns %s %s\n", t->reverse ? "unless" : "while", when[t->kind]);
	else if (t->kind == TRACK_FILE)
		out("the number, times %d, is added to the priority\n", weight);
	else
		out("priority %u %s %s\n", (unsigned)vrrp_effective_priority(v, weight), t->weight > 0 ? "unless" : "while",
			when[t->kind]);
}

static void print_vrrp(const struct vrrp_config *v)
{
	char text[ADDR_TEXT_MAX], other[ADDR_TEXT_MAX], time[16], refresh[16];
	struct vrrp vr;

	out("\nvrrp %s: virtual router %u on %s, version %u, priority %u\n", v->name, (unsigned)v->vrid,
		v->interface, (unsigned)v->version, (unsigned)v->priority);
	for (const struct vip_config *vip = v->vips; vip; vip = vip->next)
		out("  %-11s %s on %s%s%s%s\n", vip == v->vips ? "addresses" : "", prefix_print(&vip->address, text),
			vip->device ? vip->device : v->vmac ? v->vmac : v->interface, vip->label ? ", label " : "",
			vip->label ? vip->label : "", vrrp_advertises(v, vip) ? "" : ", not advertised");
	if (v->vmac)
		out("  virtual MAC 00:00:5e:00:0%u:%02x on %s\n", vrrp_family(v) == ADDR_IPV6 ? 2u : 1u, (unsigned)v->vrid, v->vmac);
	for (const struct route_config *r = v->routes; r; r = r->next)
		out("  %-11s %s%s%s\n", r == v->routes ? "routes" : "", prefix_print(&r->to, text),
			r->via.family ? " via " : "", r->via.family ? addr_print(&r->via, other) : "");
	out("  lifetime    %us: the kernel removes them when the guard does not renew them for so long\n",
		vips_lifetime_s(v));
	vrrp_init(&vr, v);
	if (vips_lifetime_s(v) * 1000 > vrrp_master_down_ms(&vr))
		out("              (after %s another node takes over: advert_int 1 and more leave no time with two holders)\n",
			seconds(vrrp_master_down_ms(&vr), time));
	print_adverts(v);
	print_election(v);
	out("  announced   %u times at takeover%s%s%s%s\n", v->garp_master_repeat,
		v->garp_master_delay_ms ? ", again after " : "",
		v->garp_master_delay_ms ? seconds(v->garp_master_delay_ms, time) : "",
		v->garp_master_refresh_ms ? ", then every " : "",
		v->garp_master_refresh_ms ? seconds(v->garp_master_refresh_ms, refresh) : "");
	for (const struct track_config *t = v->tracks; t; t = t->next)
		print_track(v, t);
	if (v->group)
		out("  sync group  %s\n", v->group->name);
}

/* ---- proxies ---- */

static uint32_t in_force(const struct proxy_config *c, enum timeout_kind kind)
{
	uint32_t given = c->timeouts[kind];

	switch (kind) {
	case TIMEOUT_CONNECT: return given ? given : TIMEOUT_CONNECT_DEFAULT_MS;
	case TIMEOUT_CLIENT: return given ? given : TIMEOUT_CLIENT_DEFAULT_MS;
	case TIMEOUT_SERVER: return given ? given : TIMEOUT_SERVER_DEFAULT_MS;
	case TIMEOUT_HTTP_REQUEST: return given ? given : in_force(c, TIMEOUT_CLIENT);
	case TIMEOUT_HTTP_KEEP_ALIVE: return given ? given : in_force(c, TIMEOUT_HTTP_REQUEST);
	default: return given;
	}
}

static void print_timeouts(const struct proxy_config *c)
{
	static const struct { const char *name; uint8_t kind, sides; bool http; } rows[] = {
		{ "client", TIMEOUT_CLIENT, PROXY_FRONTEND, false },
		{ "http-request", TIMEOUT_HTTP_REQUEST, PROXY_FRONTEND, true },
		{ "http-keep-alive", TIMEOUT_HTTP_KEEP_ALIVE, PROXY_FRONTEND, true },
		{ "connect", TIMEOUT_CONNECT, PROXY_BACKEND, false },
		{ "server", TIMEOUT_SERVER, PROXY_BACKEND, false },
		{ "check", TIMEOUT_CHECK, PROXY_BACKEND, false },
		{ "tunnel", TIMEOUT_TUNNEL, PROXY_BACKEND, false },
		{ "client-fin", TIMEOUT_CLIENT_FIN, PROXY_FRONTEND, false },
		{ "server-fin", TIMEOUT_SERVER_FIN, PROXY_BACKEND, false },
	};
	char time[16];
	bool first = true;

	out("  timeouts    ");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint32_t ms = in_force(c, rows[i].kind);
		if (!(c->sides & rows[i].sides) || (rows[i].http && c->mode != MODE_HTTP) || ms == 0)
			continue;
		out("%s%s %s", first ? "" : ", ", rows[i].name, seconds(ms, time));
		first = false;
	}
	out("\n");
}

static void print_options(const struct proxy_config *c)
{
	static const struct { uint32_t bit; uint8_t sides; const char *name; } rows[] = {
		{ OPTION_LOG_GLOBAL, PROXY_FRONTEND, "log global" },
		{ OPTION_HTTPLOG, PROXY_FRONTEND, "httplog" }, { OPTION_TCPLOG, PROXY_FRONTEND, "tcplog" },
		{ OPTION_DONTLOGNULL, PROXY_FRONTEND, "dontlognull" },
		{ OPTION_FORWARDFOR, PROXY_FRONTEND | PROXY_BACKEND, "forwardfor" },
		{ OPTION_ABORTONCLOSE, PROXY_BACKEND, "abortonclose" }, { OPTION_ALLBACKUPS, PROXY_BACKEND, "allbackups" },
		{ OPTION_REDISPATCH, PROXY_BACKEND, "redispatch" }, { OPTION_PERSIST, PROXY_BACKEND, "persist" },
		{ OPTION_HTTP_SERVER_CLOSE, PROXY_FRONTEND | PROXY_BACKEND, "http-server-close" },
		{ OPTION_HTTPCLOSE, PROXY_FRONTEND | PROXY_BACKEND, "httpclose" },
		{ OPTION_CLITCPKA, PROXY_FRONTEND, "clitcpka" }, { OPTION_SRVTCPKA, PROXY_BACKEND, "srvtcpka" },
	};
	bool first = true;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (!(c->options & rows[i].bit) || !(c->sides & rows[i].sides))
			continue;
		out("%s%s", first ? "  options     " : ", ", rows[i].name);
		first = false;
	}
	if (!first)
		out("\n");
}

static void print_check(const struct check_config *c)
{
	if (c->kind == CHECK_TCP) {
		out("  checks      connect to the port\n");
		return;
	}
	if (c->kind == CHECK_STEPS) {
		uint32_t n = 0;
		for (const struct check_step *s = c->steps; s; s = s->next)
			n++;
		out("  checks      connect, and %u steps of tcp-check\n", n);
		return;
	}
	char request[1024];
	(void)health_request(c, request, sizeof request);
	out("  checks      %.*s, expects %s", (int)strcspn(request, "\r"), request, c->expect_not ? "not " : "");
	if (c->expect == EXPECT_STRING)
		out("the text '%s'", c->text);
	else if (c->expect == EXPECT_DEFAULT)
		out("status 200-399");
	for (uint32_t i = 0; c->expect == EXPECT_STATUS && i < c->range_count; i++) {
		out("%s%u", i == 0 ? "status " : ",", (unsigned)c->ranges[i].low);
		if (c->ranges[i].high != c->ranges[i].low)
			out("-%u", (unsigned)c->ranges[i].high);
	}
	out("\n");
}

static void print_server(const struct server_config *s, bool first, uint32_t name_width)
{
	char text[ADDR_TEXT_MAX], time[16];
	struct endpoint at = s->address;

	out("  %-11s %s", first ? "servers" : "", s->name);
	for (size_t n = strlen(s->name); n < name_width; n++)
		out(" ");
	out("  %-21s weight %u", endpoint_print(&s->address, text), (unsigned)s->weight);
	if (s->cookie)
		out(", cookie %s", s->cookie);
	out("%s%s", s->backup ? ", backup" : "", s->disabled ? ", disabled" : "");
	if (s->maxconn)
		out(", at most %u sessions", s->maxconn);
	if (s->maxqueue)
		out(", %u waiting", s->maxqueue);
	if (s->slowstart_ms)
		out(", slow for %s", seconds(s->slowstart_ms, time));
	if (!s->check) {
		out(", not checked\n");
		return;
	}
	if (s->check_address.addr.family != ADDR_NONE)
		at.addr = s->check_address.addr;
	if (s->check_address.port)
		at.port = s->check_address.port;
	out(", checked every %s", seconds(s->health.inter_ms, time));
	if (at.port != s->address.port || !addr_equal(&at.addr, &s->address.addr))
		out(" at %s", endpoint_print(&at, text));
	if (s->health.fastinter_ms)
		out(" (%s on its way)", seconds(s->health.fastinter_ms, time));
	if (s->health.downinter_ms)
		out(" (%s when down)", seconds(s->health.downinter_ms, time));
	out(", down after %u, up after %u\n", (unsigned)s->health.fall, (unsigned)s->health.rise);
}

static void print_cookie(const struct cookie_config *k)
{
	const struct { bool is; const char *word; } words[] = {
		{ k->insert, "insert" }, { k->rewrite, "rewrite" }, { k->prefix, "prefix" },
		{ !k->insert && !k->rewrite && !k->prefix, PACKED "(set by the servers)" }, { k->indirect, "indirect" },
		{ k->nocache, "nocache" }, { k->postonly, "postonly" }, { k->preserve, "preserve" },
		{ k->httponly, "httponly" }, { k->secure, "secure" }, { k->dynamic, "dynamic" },
	};

	out("  cookie      %s", k->name);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i].is)
			out(" %s", words[i].word);
	if (k->maxidle_s)
		out(" maxidle %us", k->maxidle_s);
	if (k->maxlife_s)
		out(" maxlife %us", k->maxlife_s);
	if (k->domain)
		out(" domain=%s", k->domain);
	if (k->attr)
		out(" %s", k->attr);
	out("\n");
}

static void print_backend(const struct proxy_config *c)
{
	const struct cookie_config *k = &c->cookie;
	uint32_t width = 0, wait_ms = c->timeouts[TIMEOUT_QUEUE] ? c->timeouts[TIMEOUT_QUEUE] :
		c->timeouts[TIMEOUT_CONNECT] ? c->timeouts[TIMEOUT_CONNECT] : TIMEOUT_CONNECT_DEFAULT_MS;
	bool checked = false, limited = false;
	char time[16];

	for (const struct server_config *s = c->servers; s; s = s->next) {
		width = strlen(s->name) > width ? (uint32_t)strlen(s->name) : width;
		checked |= s->check;
		limited |= s->maxconn > 0;
	}
	out("  balance     %s%s%s, %u retries%s\n", balance_name(c->balance.kind), c->balance.name ? " of " : "",
		c->balance.name ? c->balance.name : "", c->retries, balance_hashes(c->balance.kind) ? ", alike on all nodes" : "");
	if (limited)
		out("  queue       %s at most; who waits needs no memory beyond that of its connection\n", seconds(wait_ms, time));
	if (k->name && c->mode == MODE_HTTP)
		print_cookie(k);
	if (checked)
		print_check(&c->check);
	for (const struct server_config *s = c->servers; s; s = s->next)
		print_server(s, s == c->servers, width);
}

static uint32_t length(const struct rule *list)
{
	uint32_t n = 0;

	for (; list; list = list->next)
		n++;
	return n;
}

static void print_rules(const struct proxy_config *c)
{
	uint32_t requests = length(c->request_rules) + length(c->redirects), responses = length(c->response_rules);

	for (const struct rule *r = c->backend_rules; r; r = r->next)
		out("  %-11s %s by line %u\n", r == c->backend_rules ? "to backend" : "", r->backend->name, r->line);
	if (requests + responses > 0)
		out("  %-11s %u for requests, %u for responses\n", "rules", requests, responses);
}

static void print_proxy(const struct proxy_config *c)
{
	static const char *const kinds[] = { "", "frontend", "backend", "listen" };
	char text[ADDR_TEXT_MAX];

	out("\n%s %s: mode %s", kinds[c->sides], c->name, c->mode == MODE_HTTP ? "http" : "tcp");
	if (c->maxconn && c->sides & PROXY_FRONTEND)
		out(", at most %u connections", c->maxconn);
	if (c->default_backend && c->default_backend != c)
		out(", %sto backend %s", c->backend_rules ? "else " : "", c->default_backend->name);
	out("\n");
	for (const struct bind_config *b = c->binds; b; b = b->next)
		out("  %-11s %s%s%s%s%s%s%s\n", b == c->binds ? "listens on" : "", endpoint_print(&b->address, text),
			b->interface ? " of " : "", b->interface ? b->interface : "",
			b->name ? " (" : "", b->name ? b->name : "", b->name ? ")" : "",
			b->accept_proxy ? PACKED ", behind a PROXY header" : "");
	print_rules(c);
	if (c->stick)
		out("  %-11s %u %s addresses, for %s\n", "remembers", c->stick->size, c->stick->type ? "IPv6" : "IPv4",
			c->stick->expire_ms ? seconds(c->stick->expire_ms, text) : "ever");
	if (c->sides & PROXY_BACKEND)
		print_backend(c);
	print_options(c);
	print_timeouts(c);
}

/* ---- the process ---- */

static void print_global(const struct conf *conf)
{
	const struct global_config *g = &conf->global;
	char text[ADDR_TEXT_MAX];

	for (const struct sysctl_config *s = g->sysctls; s; s = s->next)
		out("  %-11s %s = %s\n", s == g->sysctls ? "sysctl" : "", s->name, s->value);
	if (conf->proxy_count)
		out("  worker      user %s%s%s, in %s as its root directory, at most %u connections\n", g->user,
			g->group ? ", group " : "", g->group ? g->group : "", g->chroot ? g->chroot : "an empty place",
			g->maxconn);
	if (g->log_target_count == 0)
		out("  log         stderr, from info up\n");
	for (uint32_t i = 0; i < g->log_target_count; i++) {
		const struct log_target *t = &g->log_targets[i];
		out("  %-11s %s, from %s up\n", i == 0 ? "log" : "", t->kind == LOG_TO_STDERR ? "stderr" :
			t->kind == LOG_TO_UNIX ? t->path : endpoint_print(&t->server, text),
			log_level_words[t->level]);
	}
	if (g->stats_socket)
		out("  control     %s\n", g->stats_socket);
}

static uint64_t print_ledger(const char *who, const struct arena *a)
{
	for (uint32_t i = 0; i < a->line_count; i++) {
		if (a->lines[i].count == 0)
			continue;
		out("  %-11s %-24s %8u  %12llu\n", who, a->lines[i].name, a->lines[i].count,
			(unsigned long long)a->lines[i].bytes);
		who = "";
	}
	return arena_bytes(a);
}

static bool print_memory(const struct conf *conf, const struct arena *configuration)
{
	static struct arena guard_arena, worker_arena;
	uint64_t total = 0;
	uint32_t copies = conf->proxy_count ? 2 : 1;

	if (!arena_open(&guard_arena, ARENA_BYTES_MAX) || !arena_open(&worker_arena, ARENA_BYTES_MAX)) {
		log_errno("no address space to plan in");
		return false;
	}
	out("\nmemory                                  objects         bytes\n");
	total += copies * print_ledger(copies == 2 ? "each of 2" : "guard", configuration);
	guard_memory(&guard, &guard_arena, conf);
	total += print_ledger("guard", &guard_arena);
	if (conf->proxy_count) {
		worker_memory(&worker, &worker_arena, conf);
		total += print_ledger("worker", &worker_arena);
		total += scoreboard_bytes(conf);
		out("  %-11s %-24s %8u  %12zu\n", "both", "scoreboard", 1u, scoreboard_bytes(conf));
	}
	out("  %-11s %-24s %8s  %12llu\n", "total", "", "", (unsigned long long)total);
	out("  (the most there will ever be; what has not been used yet takes up no memory)\n");
	return true;
}

static void print_descriptors(const struct conf *conf)
{
	uint32_t in_guard = guard_descriptors(conf);
	uint32_t in_worker = conf->proxy_count ? plan_worker(conf).descriptors : 0;
	uint32_t most = in_guard > in_worker ? in_guard : in_worker;
	struct rlimit limit;

	out("\ndescriptors: guard %u, worker %u", in_guard, in_worker);
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1) {
		out("\n");
		return;
	}
	if (limit.rlim_max == RLIM_INFINITY) {
		out("; no limit here\n");
		return;
	}
	out("; the limit here is %llu\n", (unsigned long long)limit.rlim_max);
	if (limit.rlim_max < most)
		log_warn("a process needs %u descriptors, and the limit here is %llu: raise it (ulimit -n) or lower "
			"maxconn", most, (unsigned long long)limit.rlim_max);
}

static void warn_about_user(const struct conf *conf)
{
	struct identity who;

	if (conf->proxy_count && !identity_find(conf->global.user, conf->global.group, &who))
		log_warn("there is no user '%s'%s on this machine: root could not start the worker here",
			conf->global.user, conf->global.group ? " or no such group" : "");
}

static bool print_plan(const char *file, const char *bytes, uint32_t n, const struct conf *conf,
	const struct arena *configuration)
{
	out("%s is good. This node is '%s', by %s.\n\nglobal\n", file, conf->global.node,
		conf->global.node_origin);
	print_global(conf);
	for (const struct vrrp_config *v = conf->vrrps; v; v = v->next)
		print_vrrp(v);
	for (const struct proxy_config *c = conf->proxies; c; c = c->next)
		print_proxy(c);
	outlook_print(file, bytes, n, conf);
	if (!print_memory(conf, configuration))
		return false;
	print_descriptors(conf);
	warn_about_user(conf);
	return true;
}

static bool read_options(int argc, char **argv, const char **file, const char **node)
{
	for (int i = 1; i < argc; i += 2) {
		const char **value = strcmp(argv[i], "-f") == 0 ? file : strcmp(argv[i], "-n") == 0 ? node : NULL;
		if (!value || i + 1 == argc) {
			log_err("%s '%s': tandem check [-f FILE] [-n NODE]",
				value ? PACKED "a value is missing after" : "unknown option", argv[i]);
			return false;
		}
		*value = argv[i + 1];
	}
	return true;
}

int cmd_check(int argc, char **argv)
{
	static struct arena configuration;
	const char *file = CONF_PATH_DEFAULT, *node = NULL;
	char host[65] = "";
	uint32_t n;

	if (!read_options(argc, argv, &file, &node))
		return 1;
	if (gethostname(host, sizeof host - 1) == -1 || !arena_open(&configuration, CONF_ARENA_MAX)) {
		log_errno("cannot start");
		return 2;
	}
	const char *bytes = conf_read(&configuration, file, &n, report, NULL);
	const struct conf *conf = NULL;
	if (bytes)
		conf = conf_load(&configuration, file, bytes, n, node, host, NULL, report, NULL);
	if (!conf)
		return 1;
	plan_check(conf, file);
	return print_plan(file, bytes, n, conf, &configuration) ? 0 : 2;
}
