/* SPDX-License-Identifier: MIT
 * What the stats socket shows, as text and as JSON: the same facts in the same order. Each call of show_piece() makes the
 * next piece; where it is stands in the answer, so whatever changes between two pieces is only read anew.
 */
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "guard/control.h"
#include "version.h"

static const char *const checksums[] = { "pseudo-header", "plain", "group" };
static const char *const servers[] = { "unknown", "UP", "DOWN", "MAINT", "DRAIN" };

/* ---- JSON ---- */

static void json_key(struct answer *a, const char *key)
{
	if (a->last != '{' && a->last != '[' && a->last != '\0')
		put(a, ",");
	if (key)
		put(a, "\"%s\":", key);
}

static void json_open(struct answer *a, const char *key, char bracket)
{
	json_key(a, key);
	put(a, "%c", bracket);
}

static void json_text(struct answer *a, const char *key, const char *text)
{
	char escaped[512];

	(void)text_json(escaped, sizeof escaped, text);
	json_key(a, key);
	put(a, "\"%s\"", escaped);
}

static void json_number(struct answer *a, const char *key, uint64_t n)
{
	json_key(a, key);
	put(a, "%llu", (unsigned long long)n);
}

static void json_true(struct answer *a, const char *key, bool value)
{
	json_key(a, key);
	put(a, "%s", value ? "true" : "false");
}

/* ---- words ---- */

static uint64_t since(uint64_t ms)
{
	return guard.loop.now_ms - ms;
}

/* "1s", "0.2s", "0.01s" */
static const char *interval(uint32_t ms, char out[16])
{
	if (ms % 1000 == 0)
		(void)text_format(out, 16, "%us", ms / 1000);
	else if (ms % 100)
		(void)text_format(out, 16, "%u.%02us", ms / 1000, ms % 1000 / 10);
	else
		(void)text_format(out, 16, "%u.%us", ms / 1000, ms % 1000 / 100);
	return out;
}

/* The first line of a list has its name in front. */
static void label(struct answer *a, uint32_t item, const char *text)
{
	put(a, "  %-11s ", item == 0 ? text : "");
}

static bool vip_is_missing(const struct router *r, const struct vip *v)
{
	return r->vr.state == VRRP_MASTER && v->valid_s == 0;
}

static const char *mode_of(const struct router *r)
{
	return r->config->peers ? "unicast" : "multicast";
}

/* ---- a router ---- */

static uint32_t one(const struct router *r)
{
	(void)r;
	return 1;
}

static void router_json(struct answer *a, const struct router *r)
{
	const struct vrrp_config *c = r->config;
	char address[ADDR_TEXT_MAX];

	json_open(a, NULL, '{');
	json_text(a, "name", c->name);
	json_text(a, "state", vrrp_state_name(r->vr.state));
	json_number(a, "since_ms", since(r->since_ms));
	json_text(a, "why", r->why);
	json_text(a, "interface", r->interface->name);
	json_number(a, "virtual_router_id", c->vrid);
	json_number(a, "version", c->version);
	json_number(a, "family", vrrp_family(c));
	json_text(a, "cast", mode_of(r));
	json_number(a, "priority", r->vr.priority);
	json_number(a, "priority_configured", c->priority);
	json_number(a, "advert_int_ms", c->advert_int_ms);
	json_number(a, "master_advert_int_ms", r->vr.master_interval_ms);
	json_text(a, "master", r->vr.state == VRRP_MASTER ? addr_print(&r->vr.source, address)
		: r->vr.master.family ? addr_print(&r->vr.master, address) : "");
	json_number(a, "adverts_sent", r->sent);
	json_number(a, "adverts_received", r->drops[VRRP_GOOD]);
}

static void put_router(struct answer *a, const struct router *r, uint32_t i)
{
	const struct vrrp_config *c = r->config;
	char text[ADDR_TEXT_MAX], time[16];

	(void)i;
	if (a->json) {
		router_json(a, r);
		return;
	}
	put(a, "vrrp %s: %s for %s%s%s%s\n", c->name, vrrp_state_name(r->vr.state), text_age(since(r->since_ms), time),
		*r->why ? " (" : "", r->why, *r->why ? ")" : "");
	put(a, "  router      virtual_router_id %u on %s, version %u, IPv%u, %s\n", c->vrid, r->interface->name, c->version,
		vrrp_family(c), mode_of(r));
	put(a, "  priority    %u", r->vr.priority);
	if (r->vr.priority != c->priority)
		put(a, " (%u is configured)", c->priority);
	put(a, "\n  adverts     every %s, %u sent, %u received\n", interval(c->advert_int_ms, time), r->sent,
		r->drops[VRRP_GOOD]);
	if (r->vr.state == VRRP_MASTER)
		put(a, "  master      this node, %s\n", addr_print(&r->vr.source, text));
	else if (r->vr.master.family != ADDR_NONE)
		put(a, "  master      %s, priority %u, every %s\n", addr_print(&r->vr.master, text), r->vr.master_priority,
			interval(r->vr.master_interval_ms, time));
}

static uint32_t tracks_of(const struct router *r)
{
	return r->config->track_count;
}

static void put_track(struct answer *a, const struct router *r, uint32_t item)
{
	const struct track_config *t = r->tracks[item].config;
	bool failed = track_failed(&r->tracks[item]), known = t->kind == TRACK_FILE || r->tracks[item].watch->count.known;
	int value = r->tracks[item].watch->value, weight = t->reverse ? -t->weight : t->weight;

	if (a->json) {
		json_open(a, NULL, '{');
		json_text(a, track_keyword(t), t->name);
		json_true(a, "failed", failed);
		json_key(a, "weight");
		put(a, "%d}", weight);
		return;
	}
	label(a, item, "tracks");
	put(a, "%s %s: %s", track_keyword(t) + strlen("track_"), t->name, !known ? "no result yet" : !failed ? "good"
		: t->kind == TRACK_BACKEND ? "no usable server" : "failed");
	if (t->kind == TRACK_FILE)
		put(a, ", %d times %d", value, weight);
	else if (known && t->weight && failed == (t->weight < 0))
		put(a, ", priority %s%d", weight > 0 ? "+" : "", weight);
	put(a, "\n");
}

static uint32_t addresses_of(const struct router *r)
{
	return r->config->vip_count;
}

static void put_address(struct answer *a, const struct router *r, uint32_t i)
{
	const struct vip *v = &r->vips[i];
	char text[ADDR_TEXT_MAX];

	(void)prefix_print(&v->config->address, text);
	if (a->json) {
		json_open(a, NULL, '{');
		json_text(a, "address", text);
		json_text(a, "interface", v->interface->name);
		json_true(a, "present", v->valid_s != 0);
		if (v->valid_s == UINT32_MAX)
			json_true(a, "permanent", true);
		else
			json_number(a, "lifetime_s", v->valid_s);
		put(a, "}");
		return;
	}
	label(a, i, "addresses");
	put(a, "%s on %s", text, v->interface->name);
	if (v->valid_s == UINT32_MAX)
		put(a, ", for ever\n");
	else if (v->valid_s)
		put(a, ", for %us unless renewed\n", v->valid_s);
	else
		put(a, ": %s\n", vip_is_missing(r, v) ? "MISSING" : "not here");
}

/* The table is filled from the front. */
static uint32_t peers_of(const struct router *r)
{
	uint32_t n = 0;

	while (n < HEARD_MAX && r->heard[n].count)
		n++;
	return n;
}

static void put_peer(struct answer *a, const struct router *r, uint32_t i)
{
	const struct heard *h = &r->heard[i];
	char text[ADDR_TEXT_MAX], every[16], ago[16];

	(void)addr_print(&h->source, text);
	if (a->json) {
		json_open(a, NULL, '{');
		json_text(a, "address", text);
		json_number(a, "priority", h->priority);
		json_number(a, "version", h->version);
		json_number(a, "advert_int_ms", h->interval_ms);
		json_number(a, "ago_ms", since(h->ms));
		json_number(a, "adverts", h->count);
		if (h->version == 3)
			json_text(a, "checksum", checksums[h->checksum]);
		json_text(a, "verdict", vrrp_drop_name(h->drop));
		put(a, "}");
		return;
	}
	label(a, i, "peers");
	put(a, "%s priority %u, every %s, %s ago", text, h->priority, interval(h->interval_ms, every),
		text_age(since(h->ms), ago));
	if (h->version == 3)
		put(a, ", %s checksum", checksums[h->checksum]);
	put(a, "%s%s\n", h->drop ? ": " : "", h->drop ? vrrp_drop_name(h->drop) : "");
}

static uint32_t discards_of(const struct router *r)
{
	(void)r;
	return VRRP_DROP_COUNT_OF - 1;
}

static void put_discard(struct answer *a, const struct router *r, uint32_t i)
{
	const char *name = vrrp_drop_name(i + 1);

	if (a->json)
		json_number(a, name, r->drops[i + 1]);
	else if (r->drops[i + 1])
		put(a, "  discarded   %u: %s\n", r->drops[i + 1], name);
}

static const struct section {
	const char *name;               /* NULL: not a list in JSON */
	uint32_t (*count)(const struct router *);
	void (*put)(struct answer *, const struct router *, uint32_t item);
	char open, close;
} sections[] = {
	{ NULL, one, put_router, 0, 0 },
	{ "tracks", tracks_of, put_track, '[', ']' },
	{ "addresses", addresses_of, put_address, '[', ']' },
	{ "peers", peers_of, put_peer, '[', ']' },
	{ "discarded", discards_of, put_discard, '{', '}' },
};
#define SECTION_COUNT (sizeof sections / sizeof *sections)

/* false: there are no more routers. */
static bool routers_piece(struct answer *a)
{
	if (a->outer == guard.conf->vrrp_count)
		return false;
	const struct router *r = &guard.routers[a->outer];
	const struct section *s = &sections[a->section];

	if (a->json && s->name && a->item == 0)
		json_open(a, s->name, s->open);
	if (a->item < s->count(r)) {
		(s->put)(a, r, a->item++);
		if (a->item < s->count(r))
			return true;
	}
	if (a->json && s->name)
		put(a, "%c", s->close);
	a->item = 0;
	if (++a->section < SECTION_COUNT)
		return true;
	put(a, "%c", a->json ? '}' : '\n');
	a->section = 0;
	a->outer++;
	return true;
}

/* ---- the process, worker, servers ---- */

static void put_node(struct answer *a)
{
	bool resets = guard.conf->vrrp_count == 0 || guard.board || reset_works();
	char time[16];

	if (!a->json) {
		put(a, "node %s, tandem %s, up %s\n%s\n", guard.node, tandem_version, text_age(since(guard.started_ms), time),
			resets ? "" : "this kernel cannot reset connections to addresses that leave (CONFIG_INET_DIAG_DESTROY, on"
			" OpenWrt kmod-inet-diag): clients that only wait will wait for their timeout\n");
		return;
	}
	json_text(a, "node", guard.node);
	json_text(a, "version", tandem_version);
	json_number(a, "uptime_ms", since(guard.started_ms));
	json_true(a, "resets_connections", resets);
}

static uint32_t level(const _Atomic uint32_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

static const char *worker_state(const struct worker_view *w)
{
	return w->pid == 0 ? supervise_can_serve() ? "not running" : "cannot serve"
		: level(&guard.board->worker.ready) == 1 ? "serving" : "starting";
}

static void put_worker(struct answer *a)
{
	const struct scoreboard_worker *b = &guard.board->worker;
	struct worker_view w = supervise_view();
	char time[16];

	if (!a->json) {
		put(a, "worker: %s, pid %d, %u restarts, last turn %s ago\n"
			"  traffic     %u connections now (%u in queues), %u in all, %u requests\n\n", worker_state(&w), (int)w.pid,
			w.restarts, text_age(since(w.turn_ms), time), level(&b->sessions), level(&b->waiting), level(&b->accepted),
			level(&b->requests));
		return;
	}
	json_open(a, "worker", '{');
	json_text(a, "state", worker_state(&w));
	json_number(a, "pid", (uint32_t)w.pid);
	json_number(a, "restarts", w.restarts);
	json_number(a, "turn_ago_ms", since(w.turn_ms));
	json_number(a, "connections", level(&b->sessions));
	json_number(a, "queued", level(&b->waiting));
	json_number(a, "connections_total", level(&b->accepted));
	json_number(a, "requests_total", level(&b->requests));
	put(a, "}");
}

static const struct proxy_config *backend_number(uint32_t i)
{
	const struct proxy_config *b = guard.conf->proxies;

	for (; b && (!(b->sides & PROXY_BACKEND) || i-- > 0); b = b->next)
		;
	return b;
}

static bool backends_piece(struct answer *a)
{
	const struct proxy_config *b = guard.board ? backend_number(a->outer) : NULL;
	char address[ADDR_TEXT_MAX];

	if (!b)
		return false;
	const struct server_config *s = b->servers;
	for (uint32_t i = 0; i < a->item && s; i++)
		s = s->next;
	if (a->item == 0 && a->json) {
		json_open(a, NULL, '{');
		json_text(a, "name", b->name);
		json_open(a, "servers", '[');
	} else if (a->item == 0) {
		put(a, "backend %s: %u of %u servers\n", b->name, scoreboard_usable(guard.board, b), b->server_count);
	}
	if (!s) {
		put(a, "%s", a->json ? "]}" : "\n");
		a->item = 0;
		a->outer++;
		return true;
	}
	uint32_t status = level(&guard.board->servers[s->index].status);
	const char *word = servers[status < sizeof servers / sizeof *servers ? status : 0];
	(void)endpoint_print(&s->address, address);
	if (a->json) {
		json_open(a, NULL, '{');
		json_text(a, "name", s->name);
		json_text(a, "address", address);
		json_text(a, "state", word);
		put(a, "}");
	} else {
		put(a, "  %-7s     %-21s %s\n", word, address, s->name);
	}
	a->item++;
	return true;
}

bool show_info(struct answer *a)
{
	uint64_t s = since(guard.started_ms) / 1000;
	const struct scoreboard_worker *b = guard.board ? &guard.board->worker : NULL;

	if (a->item++)
		return false;
	put(a, "Name: tandem\nVersion: %s\nNode: %s\nPid: %d\nUptime: %ud %uh%02um%02us\nUptime_sec: %llu\n", tandem_version,
		guard.node, (int)getpid(), (unsigned)(s / 86400), (unsigned)(s / 3600 % 24), (unsigned)(s / 60 % 60),
		(unsigned)(s % 60), (unsigned long long)s);
	if (b)
		put(a, "Maxconn: %u\nCurrConns: %u\nCumConns: %u\nCumReq: %u\nUsedBuffers: %u\nUsedServerConns: %u\n"
			"UsedLogLines: %u\n", guard.conf->global.maxconn, level(&b->sessions), level(&b->accepted),
			level(&b->requests), level(&b->buffers), level(&b->server_conns), level(&b->log_lines));
	return true;
}

/* ---- faults ---- */

static void router_fault(const struct router *r, uint32_t i, char *out, size_t size)
{
	const char *name = r->config->name;
	char text[ADDR_TEXT_MAX];

	if (i == 0) {
		if (r->vr.state == VRRP_FAULT)
			text_format(out, size, "%s: FAULT: %s", name, r->why);
		else if (r->send_error)
			text_format(out, size, "%s: its adverts do not go out: %s", name, strerror(r->send_error));
		return;
	}
	i--;
	if (i < DIAGNOSE_MAX) {
		const struct disagreement *d = NULL;
		do
			d = diagnose_active(&r->diagnosis, guard.loop.now_ms, d);
		while (d && i-- > 0);
		size_t n = d ? text_format(out, size, "%s: ", name) : 0;
		if (d)
			(void)diagnose_print(d, out + n, size - n);
		return;
	}
	const struct vip *v = &r->vips[i - DIAGNOSE_MAX];
	if (vip_is_missing(r, v))
		text_format(out, size, "%s: %s is missing on %s", name, prefix_print(&v->config->address, text), v->interface->name);
}

/* Looks at one thing that may be wrong: routers and what they have, then the worker, then backends. */
static bool faults_piece(struct answer *a)
{
	char text[384] = "";
	uint32_t routers = guard.conf->vrrp_count;
	const struct proxy_config *b;

	if (a->outer < routers) {
		const struct router *r = &guard.routers[a->outer];
		router_fault(r, a->item++, text, sizeof text);
		if (a->item == 1 + DIAGNOSE_MAX + r->config->vip_count) {
			a->item = 0;
			a->outer++;
		}
	} else if (!guard.board) {
		return false;
	} else if (a->outer == routers) {
		struct worker_view w = supervise_view();
		if (w.pid == 0)
			text_format(text, sizeof text, "worker: %s", worker_state(&w));
		a->outer++;
	} else if ((b = backend_number(a->outer - routers - 1)) != NULL) {
		if (b->server_count && scoreboard_usable(guard.board, b) == 0)
			text_format(text, sizeof text, "backend %s: no usable server", b->name);
		a->outer++;
	} else {
		return false;
	}
	if (*text && a->json)
		json_text(a, NULL, text);
	else if (*text)
		put(a, "! %s\n", text);
	a->any = a->any || *text;
	return true;
}

/* ---- all of it ---- */

void show_start(struct answer *a, enum show_part first, enum show_part last)
{
	a->part = (uint8_t)first;
	a->last_part = (uint8_t)last;
	a->section = 0;
	a->outer = a->item = 0;
	a->any = false;
	if (guard.conf->vrrp_count)
		links_ask_lifetimes();
}

bool show_piece(struct answer *a)
{
	static const char *const lists[] = { [SHOW_FAULTS] = "faults", [SHOW_ROUTERS] = "vrrp", [SHOW_BACKENDS] = "backends",
		[SHOW_END] = NULL };
	static bool (*const parts[])(struct answer *) = { [SHOW_FAULTS] = faults_piece, [SHOW_ROUTERS] = routers_piece,
		[SHOW_BACKENDS] = backends_piece };

	if (a->part > a->last_part)
		return false;
	if (a->json && a->last == '\0')
		put(a, "{");
	if (a->json && lists[a->part] && a->outer == 0 && a->item == 0 && a->section == 0)
		json_open(a, lists[a->part], '[');
	if (a->part == SHOW_NODE)
		put_node(a);
	else if (a->part == SHOW_WORKER && guard.board)
		put_worker(a);
	else if (lists[a->part] && parts[a->part](a))
		return true;
	if (a->json && lists[a->part])
		put(a, "]");
	else if (a->part == SHOW_FAULTS && a->any)
		put(a, "\n");
	a->outer = a->item = 0;
	a->any = false;
	if (a->part++ == a->last_part && a->json)
		put(a, "}\n");
	return true;
}
