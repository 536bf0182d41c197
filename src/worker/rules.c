/* SPDX-License-Identifier: MIT
 * Rules at work: where a session's samples come from, which backend is its, what changes its messages, and what answers
 * instead of a server.
 */
#include "proxy/edit.h"
#include "worker/worker.h"

/* HAProxy's nbsrv: servers that take part in balancing; of backups those that would be used. */
static uint32_t usable_servers(const struct backend *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->balance.count; i++)
		n += balance_may_choose(&b->balance, i);
	return n;
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
		return track_ask(c->owner, e, c->again, out);
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
		.server = s->server ? s->server->config->name : "<NOSRV>", .hostname = worker.hostname, .owner = s, .ask = ask };
}

struct backend *rules_backend(struct session *s, const struct http_head *head)
{
	const struct proxy_config *f = s->listener->frontend;
	struct sample_context c = rules_context(s, head);
	const struct rule *r = rule_first(f->backend_rules, &c);
	const struct proxy_config *b = r ? r->backend->proxy : f->default_backend;

	return b ? &worker.backends[b->index] : NULL;
}

static bool failed(struct session *s)
{
	http_session_failed(s, 500, (struct ending){ 'P', s->state == SESSION_RESPONSE ? 'H' : 'R' });
	return false;
}

/* HAProxy's endings: P the proxy refused, L it answered; R while the request, H while the response was in hand. */
static bool answer(struct session *s, const struct rule *r, const struct http_head *head, const struct sample_context *c)
{
	bool redirect = r->action != RULE_ANSWER, response = s->state == SESSION_RESPONSE;
	struct edit_answer a = { .status = r->status, .page = r->page, .type = redirect ? NULL : r->name,
		.no_cache = redirect && r->status != 301 && r->status != 308 };
	bool deny = !redirect && r->denies;

	if (redirect ? !rule_location(r, head, c, &worker.text_area, &a.location)
	    : !format_write(&r->value, c, &worker.text_area, &a.body))
		return failed(s);
	if (redirect && !(head->body == HTTP_BODY_NONE || (head->body == HTTP_BODY_LENGTH && head->content_length == 0)))
		s->keep_alive = false;          /* as HAProxy: a client that is sent elsewhere with a body need not send it */
	http_session_answer(s, &a, (struct ending){ deny ? 'P' : 'L', response ? 'H' : 'R' });
	return false;
}

/* In rules about a request the backend is the section that has them and the server not known, so that they say the same
 * again when the request is sent again. */
static struct sample_context request_context(struct session *s, const struct proxy_config *p, const struct http_head *head)
{
	struct sample_context c = rules_context(s, head);

	c.backend = p->name;
	c.server = "<NOSRV>";
	c.held = &s->held[p != s->listener->frontend];
	return c;
}

/* One list. false: the message has been answered. */
static bool run(struct session *s, const struct rule *list, struct http_head *head, struct sample_context c)
{
	const struct rule *end;

	for (;; list = end->next) {
		if (!rules_run(list, head, &c, &worker.text_area, &end))
			return failed(s);
		if (!end || end->action == RULE_ALLOW)
			return true;
		if (end->action != RULE_TRACK)
			return answer(s, end, head, &c);
		if (s->by_request.entry)
			continue;
		track_start(&s->by_request, end->backend->proxy, &s->peer.addr);
		track_request(&s->by_request);
	}
}

static bool run_request(struct session *s, const struct proxy_config *p, struct http_head *head)
{
	struct sample_context c = request_context(s, p, head), redirects = c;

	*c.held = 0;
	redirects.held = NULL;
	return run(s, p->request_rules, head, c) && run(s, p->redirects, head, redirects);
}

static void start_texts(void)
{
	worker.text_area = (struct text_area){ worker.texts, worker.scratch_bytes };
}

/* A request for monitor-uri is answered whatever the rules say, and not logged. */
static bool is_monitor(struct session *s, const struct http_head *head)
{
	const struct proxy_config *f = s->listener->frontend;
	struct sample_context c = rules_context(s, head);

	if (!f->monitor_uri || !str_is(f->monitor_uri[0] == '/' ? head->path : head->target, f->monitor_uri))
		return false;
	struct edit_answer a = { .status = rule_first(f->monitor_fails, &c) ? 503 : 200, .page = true };
	http_session_answer(s, &a, (struct ending){ '\0', 'R' });
	return true;
}

bool rules_request(struct session *s, struct http_head *head)
{
	const struct proxy_config *f = s->listener->frontend;

	start_texts();
	if (is_monitor(s, head) || !run_request(s, f, head))
		return false;
	struct backend *b = rules_backend(s, head);
	if (b)
		session_enter_backend(s, b);
	if (b && s->access && cookie_is_logged(&b->config->cookie))   /* until its cookie has been looked for */
		s->access->cookie_request = s->access->cookie_response = 'N';
	if (b && b->config != f && !run_request(s, b->config, head))
		return false;
	if (b)
		session_take_key(s, head);      /* of what the rules have made of the request */
	return true;
}

/* What would end a list has not ended it the first time. */
static bool again(struct session *s, const struct proxy_config *p, struct http_head *head)
{
	struct sample_context c = request_context(s, p, head);
	const struct rule *list = p->request_rules;

	c.again = true;
	while (list) {
		if (!rules_run(list, head, &c, &worker.text_area, &list))
			return false;
		if (list && list->action == RULE_ALLOW)
			break;
		list = list ? list->next : NULL;
	}
	return true;
}

bool rules_request_again(struct session *s, struct http_head *head)
{
	const struct proxy_config *f = s->listener->frontend, *b = s->backend->config;

	start_texts();
	return again(s, f, head) && (b == f || again(s, b, head));
}

bool rules_response(struct session *s, struct http_head *head)
{
	const struct proxy_config *f = s->listener->frontend, *b = s->backend->config;

	struct sample_context c = rules_context(s, head);

	start_texts();
	return run(s, b->response_rules, head, c) && (b == f || run(s, f->response_rules, head, c));
}
