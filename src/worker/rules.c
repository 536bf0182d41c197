/* SPDX-License-Identifier: MIT
 * Rules at work: where a session's samples come from, and which backend is its.
 */
#include "worker/worker.h"

/* HAProxy's nbsrv: servers that take part in balancing; of backups only the one that would be used. */
static uint32_t usable_servers(const struct backend *b)
{
	uint32_t active = 0;
	bool backup = false;

	for (uint32_t i = 0; i < b->config->server_count; i++) {
		const struct server_config *c = b->servers[i].config;
		bool counts = server_usable(&b->servers[i]) && c->weight > 0;
		active += counts && !c->backup;
		backup = backup || (counts && c->backup);
	}
	return active ? active : backup;
}

const struct tls_hello *rules_hello(const struct session *s, bool *known)
{
	static struct tls_hello hello;  /* one at a time */
	struct buf *b = s->request.buf;

	*known = tls_hello_parse(b ? buf_first(b) : NULL, b ? buf_used(b) : 0, &hello) != 0;
	return &hello;
}

static bool ask(const struct sample_context *c, const struct sample_expr *e, struct sample *out)
{
	bool known;

	if (e->kind == SAMPLE_NBSRV) {
		out->number = usable_servers(&worker.backends[e->backend->proxy->index]);
		return true;
	}
	if (e->kind == SAMPLE_SSL_SNI || e->kind == SAMPLE_SSL_HELLO_TYPE) {
		const struct tls_hello *hello = rules_hello(c->owner, &known);
		out->number = hello->type;
		out->text = str_of(hello->name, hello->name_n);
		return e->kind == SAMPLE_SSL_SNI ? hello->name_n > 0 : hello->type > 0;
	}
	if (e->kind == SAMPLE_STICK || e->kind == SAMPLE_STICK_INC)
		return track_ask(c->owner, e, out);
	const struct endpoint *local = session_local(c->owner);
	out->addr = local->addr;
	out->number = local->port;
	return local->addr.family != ADDR_NONE;
}

struct sample_context rules_context(struct session *s, const struct http_head *head)
{
	const char *frontend = s->listener->frontend->name;

	return (struct sample_context){ .head = head, .method = s->method, .client = &s->peer, .frontend = frontend,
		.backend = s->backend ? s->backend->config->name : frontend,
		.server = s->server ? s->server->config->name : "<NOSRV>", .owner = s, .ask = ask };
}

struct backend *rules_backend(struct session *s, const struct http_head *head)
{
	const struct proxy_config *f = s->listener->frontend;
	struct sample_context c = rules_context(s, head);
	const struct rule *r = rule_first(f->backend_rules, &c);
	const struct proxy_config *b = r ? r->backend->proxy : f->default_backend;

	return b ? &worker.backends[b->index] : NULL;
}
