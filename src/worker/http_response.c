/* SPDX-License-Identifier: MIT
 * Mode http, from server to client: reads a response, sends it on, edited, and ends the request.
 */
#include <time.h>
#include "proxy/edit.h"
#include "proxy/upgrade.h"
#include "worker/worker.h"

/* HAProxy's rules (http_ana.c): what becomes of the server's own cookie of our name, and is ours to be inserted? */
static void cookie_for_client(struct session *s, struct edit_response *e, char *text, uint32_t size)
{
	const struct cookie_config *c = &s->backend->config->cookie;
	char unlogged, *state = s->access && s->access->cookie_response != '-' ? &s->access->cookie_response : &unlogged;
	bool set_by_server = false;

	if (!c->name)
		return;
	e->cookie = c;
	e->cookie_value = s->server->config->cookie;
	e->cookie_fate = cookie_fate(c, e->cookie_value, s->by_cookie);
	for (uint32_t i = 0; i < worker.head->field_count; i++)
		set_by_server = set_by_server || cookie_is_set_by(&worker.head->fields[i], c->name);
	if (set_by_server)
		*state = (char)e->cookie_fate;
	if (!c->insert || (set_by_server && c->preserve) || (c->postonly && s->method != HTTP_POST))
		return;
	uint32_t now = c->maxidle_s || c->maxlife_s || s->cookie.last_s ? (uint32_t)time(NULL) : 0;
	if (!cookie_is_due(c, &s->cookie, s->by_cookie, now))
		return;
	e->set_cookie = str_of(text, cookie_make(c, e->cookie_value, &s->cookie, now, text, size));
	e->cache_private = c->nocache && cookie_response_cacheable(worker.head, s->method);
	*state = s->by_cookie && e->cookie_value ? COOKIE_UPDATED : COOKIE_INSERTED;
}

static void forward_response_head(struct session *s, const struct edit_response *e, uint32_t raw_n)
{
	struct flow *f = &s->response;
	uint32_t ready = f->ready, n = edit_response(worker.head, e, worker.scratch, worker.scratch_bytes);
	bool all;

	if (n == 0 || !flow_send_head(f, &s->client, worker.scratch, n, raw_n, &all)) {
		http_session_failed(s, 502, (struct ending){ 'P', 'H' });
		return;
	}
	if (s->access)
		s->access->head_bytes += n;
	s->client_active = worker.loop.now_ms;
	if (all)
		buf_consume(f->buf, raw_n + ready);
}

static void begin_response(struct session *s, uint32_t head_bytes)
{
	struct http_head *head = worker.head;
	struct flow *f = &s->response;
	struct edit_response e = { .chunked = false };
	uint32_t options = s->listener->frontend->options | s->backend->config->options;
	char cookie[COOKIE_TEXT_MAX];

	uint32_t names = head->status == 101 ? upgrade_names(head, "sec-websocket-accept") : 0;

	if (head->status == 101 && (names == 0 || names & ~s->offered || s->method == HTTP_CONNECT)) {
		http_session_failed(s, 502, (struct ending){ 'S', 'H' });
		return;
	}
	flow_start(f, head, head->body == HTTP_BODY_CHUNKED && s->minor == 1);
	if (!flow_decode(f, buf_used(f->buf) - head_bytes)) {
		http_session_failed(s, 502, (struct ending){ 'P', 'H' });
		return;
	}
	if (!rules_response(s, head))
		return;
	bool tunnel = head->body == HTTP_BODY_TUNNEL;
	bool framed = head->body != HTTP_BODY_CLOSE && (head->body != HTTP_BODY_CHUNKED || s->minor == 1);
	/* A response that is there before its request has ended leaves no connection that could be used again. */
	bool clean = s->request.body.done && flow_done(&s->request);
	/* A backend's httpclose is about its servers alone, as in HAProxy. */
	s->keep_alive = s->keep_alive && framed && clean && !(s->listener->frontend->options & OPTION_HTTPCLOSE);
	s->upstream_keep = head->keep_alive && clean && head->body != HTTP_BODY_CLOSE
		&& !(options & (OPTION_HTTP_SERVER_CLOSE | OPTION_HTTPCLOSE));
	e.close = !s->keep_alive && !tunnel;
	e.keep_alive = s->keep_alive && s->minor == 0;
	e.chunked = f->chunked;
	cookie_for_client(s, &e, cookie, sizeof cookie);
	/* 501 and 505 are the client's doing. */
	server_observed(s->server, head->status < 500 || head->status == 501 || head->status == 505 ? OBSERVED_ANSWER :
		OBSERVED_STATUS);
	if (s->access) {
		s->access->status = head->status;
		s->access->response_ms = (int32_t)(worker.loop.now_ms - s->access->response_start_ms);
	}
	forward_response_head(s, &e, head_bytes);
	if (s->state != SESSION_RESPONSE)
		return;
	s->state = SESSION_STREAM;
	if (tunnel)
		tcp_session_tunnel(s);
}

/* 1xx: on to the client, unless its version does not know them (RFC 9110 §15.2). */
static void interim_response(struct session *s, uint32_t head_bytes)
{
	static const struct edit_response unchanged;

	s->response.body = (struct body){ .done = false };
	if (s->minor == 0)
		buf_consume(s->response.buf, head_bytes);
	else
		forward_response_head(s, &unchanged, head_bytes);
}

void http_response_read(struct session *s)
{
	struct flow *f = &s->response;
	struct conn *up = &s->upstream->conn;

	if (!f->buf)
		f->buf = worker_buffer();
	uint32_t n = up->readable ? conn_recv(up, f->buf, worker.head_reserve) : 0;
	s->server_active = n ? worker.loop.now_ms : s->server_active;
	while (s->state == SESSION_RESPONSE) {
		if (flow_pending(f))            /* an interim head that the client has not taken yet */
			flow_send(f, &s->client);
		if (s->client.broken) {         /* it takes none, and what cannot be sent would be looked at for ever */
			session_abort(s, (struct ending){ 'C', 'H' });
			return;
		}
		if (flow_pending(f))
			return;
		if (buf_used(f->buf) == 0) {
			if (up->ended)
				http_server_failed(s, (struct ending){ 'S', 'H' }, false);
			return;
		}
		http_request_commit(s);
		int used = http_response_parse(buf_first(f->buf), buf_used(f->buf), s->method, worker.head);
		bool full = buf_used(f->buf) >= f->buf->size - worker.head_reserve;
		if (used < 0 || (used == 0 && full))
			server_observed(s->server, OBSERVED_HEADERS);
		if (used < 0 || (used == 0 && (full || up->ended)))
			http_session_failed(s, 502, (struct ending){ used == 0 && !full ? 'S' : 'P', 'H' });
		else if (used == 0)
			return;
		else if (worker.head->status < 200 && worker.head->status != 101)
			interim_response(s, (uint32_t)used);
		else
			begin_response(s, (uint32_t)used);
	}
}

static void finish_response(struct session *s)
{
	bool rest = s->response.buf && buf_used(s->response.buf) > 0;   /* more than the message: never to be believed */
	bool request_done = flow_done(&s->request);
	/* What comes after the last look counts as well: a client that was ready to go on may have gone on. */
	bool may_send_more = !request_done || s->persistent || (s->request.buf && buf_used(s->request.buf) > 0);

	if (rest)
		buf_init(s->response.buf, s->response.buf->size);
	if (!s->logged)
		access_end(s, (struct ending){ '-', '-' });
	s->is_request = false;
	session_leave_backend(s, s->upstream_keep && !rest && request_done);
	s->first_request = false;
	if (s->keep_alive)
		http_session_start(s);
	else if (may_send_more && !s->client.ended)
		session_linger(s);
	else
		s->state = SESSION_CLOSED;
}

void http_response_forward(struct session *s)
{
	struct flow *f = &s->response;
	struct conn *up = s->upstream ? &s->upstream->conn : NULL;      /* NULL: the answer is our own, and complete */

	for (uint32_t budget = BYTES_A_TURN; budget > 0;) {
		uint32_t n = 0;
		if (!f->body.done && up->readable && !up->ended && flow_has_room(f)) {
			if (!f->buf)
				f->buf = worker_buffer();
			n = conn_recv(up, f->buf, 0);
			s->server_active = n ? worker.loop.now_ms : s->server_active;
			if (!flow_decode(f, n)) {
				session_abort(s, (struct ending){ 'S', 'D' });
				return;
			}
			budget -= n < budget ? n : budget;
		}
		if (!f->body.done && up->ended && !up->broken)
			(void)body_closed(&f->body);
		bool send = flow_pending(f) && s->client.writable && !s->client.broken;
		if (send) {
			flow_send(f, &s->client);
			s->client_active = worker.loop.now_ms;
		}
		if (n == 0 && (!send || !s->client.writable || !flow_pending(f)))
			break;
	}
	if (flow_done(f))
		finish_response(s);
	else if (s->client.broken)
		session_abort(s, (struct ending){ 'C', 'D' });
	else if (!f->body.done && up->ended && !flow_pending(f))
		session_abort(s, (struct ending){ 'S', 'D' });  /* the client must not take what it has for the whole */
}
