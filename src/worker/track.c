/* SPDX-License-Identifier: MIT
 * Stick tables at work: who is tracked, and what conditions hear of it. A session may track by its connection and, on top
 * of that, by each of its requests; a request's entry counts before the connection's.
 */
#include <sys/random.h>
#include "worker/worker.h"

static void count(const struct tracked *t, enum stick_data what)
{
	stick_count(t->table, t->entry, what, worker.loop.now_ms);
}

void track_start(struct tracked *t, const struct proxy_config *owner, const struct addr *client)
{
	struct stick_table *table = &worker.tables[owner->index];
	struct stick_entry *e = t->entry ? NULL : stick_get(table, client, worker.loop.now_ms);

	if (!e)
		return;         /* it tracks already, or the table is full, or has no such addresses */
	*t = (struct tracked){ table, e };
	stick_hold(table, e, 1, worker.loop.now_ms);
	count(t, STICK_CONN_CNT);
	count(t, STICK_CONN_RATE);
}

void track_end(struct tracked *t)
{
	if (t->entry)
		stick_hold(t->table, t->entry, -1, worker.loop.now_ms);
	t->entry = NULL;
}

void track_request(const struct tracked *t)
{
	if (!t->entry)
		return;
	count(t, STICK_HTTP_REQ_CNT);
	count(t, STICK_HTTP_REQ_RATE);
}

bool track_ask(struct session *s, const struct sample_expr *e, bool again, struct sample *out)
{
	bool counts = e->kind == SAMPLE_STICK_INC && !again;
	const struct tracked *t = s->by_request.entry ? &s->by_request : &s->by_connection;
	struct stick_table *table = e->backend ? &worker.tables[e->backend->proxy->index] : t->table;
	struct stick_entry *entry = e->by_source ? NULL : t->entry;
	uint64_t now = worker.loop.now_ms;
	uint32_t value = 0;

	if (e->by_source) {
		entry = counts ? stick_get(table, &s->peer.addr, now) : stick_find(table, &s->peer.addr, now);
	} else if (entry && e->backend) {
		entry = stick_find_same(table, entry, now);
	}
	if (!entry || !stick_value(table, entry, e->data, now, &value))
		return false;
	if (counts) {
		stick_count(table, entry, e->data, now);
		value++;
	}
	out->number = value;
	return true;
}

struct server *track_server(struct session *s)
{
	struct backend *b = s->backend;
	struct sample_context c = rules_context(s, NULL);

	for (const struct rule *r = rule_first(b->config->stick_rules, &c); r; r = rule_first(r->next, &c)) {
		struct stick_table *t = &worker.tables[r->backend->proxy->index];
		struct stick_entry *e = r->action == RULE_STICK_STORE ? NULL : stick_find(t, &s->peer.addr, worker.loop.now_ms);
		if (!e || e->server == 0 || e->server > b->config->server_count)
			continue;
		struct server *server = &b->servers[e->server - 1];
		stick_hold(t, e, 0, worker.loop.now_ms);
		if (server_usable(server) || b->config->options & OPTION_PERSIST)
			return server;
	}
	return NULL;
}

void track_store(struct session *s)
{
	struct sample_context c = rules_context(s, NULL);

	for (const struct rule *r = rule_first(s->backend->config->stick_rules, &c); r; r = rule_first(r->next, &c)) {
		struct stick_table *t = &worker.tables[r->backend->proxy->index];
		struct stick_entry *e = r->action == RULE_STICK_MATCH ? NULL : stick_get(t, &s->peer.addr, worker.loop.now_ms);
		if (!e)
			continue;
		e->server = (uint32_t)(s->server - s->backend->servers) + 1;
		stick_hold(t, e, 0, worker.loop.now_ms);
	}
}

void track_memory(struct worker *w, struct arena *a, const struct conf *conf)
{
	uint32_t count = 0;

	for (const struct proxy_config *p = conf->proxies; p; p = p->next)
		count += p->stick != NULL;
	if (count == 0)
		return;
	w->tables = arena_array(a, "stick tables", sizeof *w->tables, conf->proxy_count);
	for (const struct proxy_config *p = conf->proxies; p; p = p->next) {
		struct stick_table *t = &w->tables[p->index];
		if (!p->stick)
			continue;
		t->config = p->stick;
		(void)getrandom(&t->seed, sizeof t->seed, GRND_NONBLOCK);       /* early at boot it may stay 0 */
		t->entries = arena_array(a, "stick tables", sizeof *t->entries, p->stick->size);
		t->chains = arena_array(a, "stick tables", sizeof *t->chains, stick_chains(p->stick));
	}
}
