/* SPDX-License-Identifier: MIT
 * Mode http, from client to server: reads a request, chooses who answers it, sends it there, edited; again if it must be.
 */
#include <time.h>
#include "base/assert.h"
#include "proxy/edit.h"
#include "proxy/upgrade.h"
#include "worker/worker.h"

/* A server of this cookie that may be used becomes the session's. Returns what the cookie was worth. */
static char cookie_worth(struct session *s, struct str value)
{
	const struct proxy_config *b = s->backend->config;
	const struct server_config *c = NULL;
	char worth = 0;

	while (value.n > 0 && (c = cookie_server(b, value, c)) != NULL) {
		struct server *server = &s->backend->servers[c->index - b->servers->index];
		bool usable = server_usable(server);
		worth = usable ? COOKIE_VALID : COOKIE_DOWN;
		if (usable || b->options & OPTION_PERSIST) {
			s->server = server;
			break;
		}
	}
	return worth;
}

/* As HAProxy: the first cookie whose server can be used leads there. */
static bool choose_by_cookie(struct session *s, const struct http_head *head)
{
	const struct cookie_config *c = &s->backend->config->cookie;
	char *state = &s->cookie_request;

	while (c->name && cookie_find_next(head, c, &s->cookie)) {
		bool dated = s->cookie.last_s || s->cookie.first_s;
		int past = dated && (c->maxidle_s || c->maxlife_s) ? cookie_age(c, &s->cookie, (uint32_t)time(NULL)) : 0;
		char worth = s->server ? 0 : cookie_worth(s, s->cookie.value);
		if (past)
			*state = (char)past;
		if (worth)
			*state = worth;
		else if (*state == COOKIE_NONE)
			*state = s->server ? COOKIE_UNUSED : COOKIE_INVALID;
	}
	return s->server != NULL;
}

static void log_cookie(struct session *s)
{
	if (!s->access || !cookie_is_logged(&s->backend->config->cookie))
		return;
	s->access->cookie_request = s->cookie_request;
	s->access->cookie_response = 'N';       /* until the server sets one, or we do */
}

static void begin_request(struct session *s, uint32_t head_bytes)
{
	struct http_head *head = worker.head;
	struct flow *f = &s->request;

	s->head_bytes = head_bytes;
	s->method = head->method_kind;
	s->minor = head->minor;
	s->keep_alive = s->persistent = head->keep_alive;
	s->upgrade = head->upgrade || head->method_kind == HTTP_CONNECT;
	s->offered = head->upgrade ? upgrade_names(head, "sec-websocket-key") : 0;
	worker.requests++;
	access_request(s, head);
	track_request(&s->by_connection);
	flow_start(f, head, head->body == HTTP_BODY_CHUNKED);
	if (!flow_decode(f, buf_used(f->buf) - head_bytes) || (head->upgrade && !s->offered)) {
		http_session_failed(s, 400, (struct ending){ 'P', 'R' });
		return;
	}
	if (!rules_request(s, head))
		return;
	if (s->backend) {
		s->by_cookie = choose_by_cookie(s, head);
		log_cookie(s);
	}
	s->head_in_hand = true;
	if (s->backend)
		session_connect(s);
	else
		http_session_failed(s, 503, (struct ending){ 'S', 'C' });
	s->head_in_hand = false;
}

/* The client has sent its end, and no whole request before it. */
static void request_ended(struct session *s)
{
	bool silent = !s->is_request && (!s->first_request || s->listener->frontend->options & OPTION_DONTLOGNULL);

	if (silent || s->client.broken) {
		s->is_request = s->is_request || !silent;
		session_close(s, (struct ending){ 'C', 'R' });
	} else {
		http_session_failed(s, 400, (struct ending){ 'C', 'R' });
	}
}

static void request_incomplete(struct session *s)
{
	const struct buf *b = s->request.buf;
	bool full = buf_used(b) >= b->size - worker.head_reserve;

	if (full)       /* not even the request line has ended: it is the target that is too long */
		http_session_failed(s, worker.head->field_count == 0 ? 414 : 431, (struct ending){ 'P', 'R' });
	else if (s->client.ended)
		request_ended(s);
}

void http_request_read(struct session *s)
{
	struct flow *f = &s->request;

	if (!f->buf)
		f->buf = worker_buffer();
	uint32_t n = s->client.readable ? conn_recv(&s->client, f->buf, worker.head_reserve) : 0;
	if (buf_used(f->buf) == 0) {
		if (s->client.ended)
			request_ended(s);
		return;
	}
	bool new_request = !s->is_request;
	if (new_request) {
		s->is_request = true;
		if (!s->first_request)  /* whose time runs since the connection is there */
			s->deadline = worker.loop.now_ms + session_timeout_ms(s, TIMEOUT_HTTP_REQUEST);
		access_start(s);
	}
	if (n == 0 && !new_request && !s->client.ended)
		return;
	int used = http_request_parse(buf_first(f->buf), buf_used(f->buf), worker.head);
	if (used > 0)
		begin_request(s, (uint32_t)used);
	else if (used < 0)
		http_session_failed(s, (unsigned)-used, (struct ending){ 'P', 'R' });
	else
		request_incomplete(s);
}

/* HAProxy's rules: the backend's header before the frontend's; if-none only if nobody says otherwise; either's except. */
static void forward_for(const struct session *s, struct edit_request *e, char *address)
{
	const struct proxy_config *sides[] = { s->backend->config, s->listener->frontend };
	bool if_none = true;
	uint32_t at = 0;

	for (int i = 0; i < 2; i++) {
		const struct forwardfor_config *f = &sides[i]->forwardfor;
		if (!(sides[i]->options & OPTION_FORWARDFOR))
			continue;
		if (f->except.addr.family != ADDR_NONE && prefix_contains(&f->except, &s->peer.addr))
			return;
		if (!e->forwarded_header)
			e->forwarded_header = f->header;
		if_none = if_none && f->if_none;
	}
	if (!if_none || !http_field_find(worker.head, e->forwarded_header, &at))
		e->forwarded_for = addr_print(&s->peer.addr, address);
}

/* What the server must see of the request in hand. */
static uint32_t edit_for_server(struct session *s)
{
	const struct proxy_config *front = s->listener->frontend, *back = s->backend->config;
	uint32_t options = front->options | back->options;
	struct edit_request e = { .chunked = s->request.chunked, .host = s->server->address,
		.close = options & (OPTION_HTTP_SERVER_CLOSE | OPTION_HTTPCLOSE) };
	char address[ADDR_TEXT_MAX];

	if (back->cookie.name)
		e.cookie = &back->cookie;
	if (options & OPTION_FORWARDFOR)
		forward_for(s, &e, address);
	return edit_request(worker.head, &e, worker.scratch, worker.scratch_bytes);
}

void http_server_failed(struct session *s, struct ending e, bool unsent)
{
	bool reused = s->upstream->reused;
	bool whole = s->head_bytes && s->request.body.done;

	/* An idle connection that the server was just closing (RFC 9112 §9.3.1): once more on a new one, if that can
	 * do no harm. */
	if (reused && (unsent || (whole && http_is_idempotent(s->method)))) {
		session_drop_upstream(s, false);
		flow_rewind(&s->request, s->kept_bytes);
		s->no_reuse = true;
		session_connect(s);
		return;
	}
	server_observed(s->server, OBSERVED_END);
	/* The client knows that a kept connection may end like this, and may send its request again; an error from us would
	 * forbid it that. */
	if (reused && !s->first_request)
		http_session_failed(s, 0, e);
	else
		http_session_failed(s, 502, e);
}

void http_session_connected(struct session *s)
{
	struct flow *f = &s->request;
	struct conn *up = &s->upstream->conn;
	bool all;

	s->state = SESSION_RESPONSE;
	up->readable = false;   /* there can be no answer yet */
	if (!s->head_in_hand) {
		int used = http_request_parse(buf_first(f->buf), buf_used(f->buf), worker.head);
		ensure(used > 0 && (uint32_t)used == s->head_bytes);
		if (!rules_request_again(s, worker.head)) {
			http_session_failed(s, 500, (struct ending){ 'P', 'R' });
			return;
		}
	}
	uint32_t n = edit_for_server(s);
	s->kept_bytes = f->ready;
	if (s->access)
		s->access->response_start_ms = worker.loop.now_ms;
	if (n == 0 || !flow_send_head(f, up, worker.scratch, n, s->head_bytes, &all)) {
		s->keep_alive = s->keep_alive && n == 0;        /* else the request is no longer whole in its buffer */
		http_session_failed(s, 431, (struct ending){ 'P', 'R' });
		return;
	}
	if (up->broken) {
		http_server_failed(s, (struct ending){ 'S', 'H' }, true);
		return;
	}
	if (all && f->body.done)
		return;         /* the whole request stays in the buffer until the server answers */
	if (all)
		buf_consume(f->buf, s->head_bytes + s->kept_bytes);
	s->head_bytes = s->kept_bytes = 0;
}

void http_request_commit(struct session *s)
{
	if (s->head_bytes)
		buf_consume(s->request.buf, s->head_bytes + s->kept_bytes);
	s->head_bytes = s->kept_bytes = 0;
}

bool http_request_forward(struct session *s)
{
	struct flow *f = &s->request;
	struct conn *up = &s->upstream->conn;

	for (uint32_t budget = BYTES_A_TURN; budget > 0;) {
		uint32_t n = 0;
		if (!f->body.done && s->client.readable && !s->client.ended && flow_has_room(f)) {
			if (!f->buf)
				f->buf = worker_buffer();
			n = conn_recv(&s->client, f->buf, 0);
			if (!flow_decode(f, n)) {
				http_session_failed(s, 400, (struct ending){ 'P', 'D' });
				return false;
			}
			budget -= n < budget ? n : budget;
			s->client_active = n ? worker.loop.now_ms : s->client_active;
		}
		bool send = s->head_bytes == 0 && flow_pending(f) && up->writable && !up->broken;
		if (send) {
			flow_send(f, up);
			s->server_active = worker.loop.now_ms;
		}
		if (n == 0 && (!send || !up->writable))
			break;
		if (n == 0 && !flow_pending(f))
			break;
	}
	if (s->client.ended && !f->body.done) {
		http_session_failed(s, 400, (struct ending){ 'C', 'D' });
		return false;
	}
	return true;
}
