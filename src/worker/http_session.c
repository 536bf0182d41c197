/* SPDX-License-Identifier: MIT
 * Mode http: one request after the other. The raw head of a request stays in its buffer until the server has answered, so
 * that it can be sent again elsewhere; heads are edited on their way out, bodies pass through (flow.c).
 */
#include "base/assert.h"
#include "base/log.h"
#include "proxy/cookie.h"
#include "proxy/edit.h"
#include "worker/worker.h"

static const struct ending good = { '-', '-' };

void http_session_start(struct session *s)
{
	uint32_t wait = s->first_request ? TIMEOUT_HTTP_REQUEST : TIMEOUT_HTTP_KEEP_ALIVE;

	s->state = SESSION_REQUEST;
	s->deadline = worker.loop.now_ms + session_timeout_ms(s, wait);
	s->head_bytes = s->kept_bytes = 0;
	s->is_request = s->by_cookie = s->no_reuse = s->head_in_hand = s->upgrade = false;
	s->cookie_request = COOKIE_NONE;
	s->avoid = BALANCE_NONE;
	s->method = HTTP_GET;
	s->response = (struct flow){ .buf = s->response.buf };
}

/* Our own answer goes out at once; what the socket does not take waits in the buffer. */
static void answer(struct session *s, unsigned status)
{
	uint32_t n = edit_error(status, s->method == HTTP_HEAD, worker.scratch, worker.scratch_bytes);
	bool all;

	flow_rewind(&s->response, 0);
	s->response.body = (struct body){ .done = true };
	s->response.chunked = false;
	if (!s->response.buf)
		s->response.buf = worker_buffer();
	buf_init(s->response.buf, s->response.buf->size);
	(void)flow_send_head(&s->response, &s->client, worker.scratch, n, 0, &all);
	if (s->access) {
		s->access->status = (uint16_t)status;
		s->access->head_bytes = n;
	}
}

void http_session_failed(struct session *s, unsigned status, struct ending e)
{
	bool started = s->state == SESSION_STREAM || s->response.plain > 0;

	s->is_request = true;
	if (started) {
		session_abort(s, e);
		return;
	}
	if (status == 0) {
		session_close(s, e);
		return;
	}
	answer(s, status);
	access_end(s, e);
	s->is_request = false;
	session_linger(s);
}

/* ---- request ---- */

static bool choose_by_cookie(struct session *s, const struct http_head *head)
{
	const struct proxy_config *b = s->backend->config;
	const struct server_config *c = NULL;
	struct str value;

	if (!b->cookie.name)
		return false;
	if (!cookie_find(head, b->cookie.name, &value)) {
		s->cookie_request = COOKIE_NONE;
		return false;
	}
	s->cookie_request = COOKIE_INVALID;
	while (value.n > 0 && (c = cookie_server(b, value, c)) != NULL) {
		struct server *server = &s->backend->servers[c->index - b->servers->index];
		s->cookie_request = COOKIE_DOWN;
		if (server_usable(server) || b->options & OPTION_PERSIST) {
			s->cookie_request = COOKIE_VALID;
			s->server = server;
			return true;
		}
	}
	return false;
}

static void log_cookie(struct session *s)
{
	if (!s->access || !s->backend->config->cookie.name)
		return;
	s->access->cookie_request = s->cookie_request;
	s->access->cookie_response = 'N';       /* until the server sets one, or we do */
}

static void begin_request(struct session *s, uint32_t head_bytes)
{
	struct http_head *head = worker.head;
	struct flow *f = &s->request;
	const struct proxy_config *b = s->listener->frontend->default_backend;

	s->head_bytes = head_bytes;
	s->method = head->method_kind;
	s->minor = head->minor;
	s->keep_alive = s->persistent = head->keep_alive;
	s->upgrade = head->upgrade || head->method_kind == HTTP_CONNECT;
	worker.requests++;
	access_request(s, head);
	flow_start(f, head, head->body == HTTP_BODY_CHUNKED);
	if (!flow_decode(f, buf_used(f->buf) - head_bytes)) {
		http_session_failed(s, 400, (struct ending){ 'P', 'R' });
		return;
	}
	if (b) {
		session_enter_backend(s, &worker.backends[b->index]);
		s->by_cookie = choose_by_cookie(s, head);
		log_cookie(s);
	}
	s->head_in_hand = true;
	if (!b || !session_connect(s))
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

static void read_request(struct session *s)
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

/* What the server must see of the request in hand. */
static uint32_t edit_for_server(struct session *s)
{
	const struct proxy_config *front = s->listener->frontend, *back = s->backend->config;
	uint32_t options = front->options | back->options;
	struct edit_request e = { .chunked = s->request.chunked, .host = s->server->address,
		.close = options & (OPTION_HTTP_SERVER_CLOSE | OPTION_HTTPCLOSE) };
	char address[ADDR_TEXT_MAX];

	if (back->cookie.indirect)
		e.cut_cookie = back->cookie.name;
	if (options & OPTION_FORWARDFOR)
		e.forwarded_for = addr_print(&s->peer.addr, address);
	return edit_request(worker.head, &e, worker.scratch, worker.scratch_bytes);
}

static void server_failed(struct session *s, struct ending e);

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
	}
	uint32_t n = edit_for_server(s);
	s->kept_bytes = f->ready;
	if (s->access)
		s->access->response_start_ms = worker.loop.now_ms;
	if (n == 0 || !flow_send_head(f, up, worker.scratch, n, s->head_bytes, &all)) {
		http_session_failed(s, 431, (struct ending){ 'P', 'R' });
		return;
	}
	if (up->broken) {
		server_failed(s, (struct ending){ 'S', 'H' });
		return;
	}
	if (all && f->body.done)
		return;         /* the whole request stays in the buffer until the server answers */
	if (all)
		buf_consume(f->buf, s->head_bytes + s->kept_bytes);
	s->head_bytes = s->kept_bytes = 0;
}

/* The server has answered: there is no way back, and the buffer is free for what the client sends next. */
static void commit_request(struct session *s)
{
	if (s->head_bytes)
		buf_consume(s->request.buf, s->head_bytes + s->kept_bytes);
	s->head_bytes = s->kept_bytes = 0;
}

/* Passes on what comes of the request body. false: the session has ended. */
static bool forward_request(struct session *s)
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

/* ---- response ---- */

/* The server went away, or was never there, before it had answered anything. */
static void server_failed(struct session *s, struct ending e)
{
	bool reused = s->upstream->reused, unsent = s->upstream->conn.broken && s->request.sent == 0 && s->head_bytes;
	bool whole = s->head_bytes && s->request.body.done;

	/* An idle connection that the server was just closing (RFC 9112 §9.3.1): once more on a new one, if that can
	 * do no harm. */
	if (reused && (unsent || (whole && http_is_idempotent(s->method)))) {
		session_drop_upstream(s, false);
		flow_rewind(&s->request, s->kept_bytes);
		s->no_reuse = true;
		if (!session_connect(s))
			http_session_failed(s, 503, (struct ending){ 'S', 'C' });
		return;
	}
	/* The client knows that a kept connection may end like this, and may send its request again; an error from us would
	 * forbid it that. */
	if (reused && !s->first_request)
		http_session_failed(s, 0, e);
	else
		http_session_failed(s, 502, e);
}

/* HAProxy's rules of `cookie insert` (http_ana.c): nothing for who came with the right one. */
static void cookie_for_client(struct session *s, struct edit_response *e, char *text, uint32_t size)
{
	const struct cookie_config *c = &s->backend->config->cookie;
	bool set_by_server = false;

	if (!c->name || !c->insert)
		return;
	for (uint32_t i = 0; i < worker.head->field_count; i++)
		set_by_server = set_by_server || cookie_is_set_by(&worker.head->fields[i], c->name);
	if (set_by_server && c->preserve) {
		if (s->access)
			s->access->cookie_response = 'P';
		return;
	}
	e->drop_cookie = c->name;
	if (s->access)
		s->access->cookie_response = set_by_server ? 'D' : 'N';
	if (s->by_cookie || (c->postonly && s->method != HTTP_POST))
		return;
	uint32_t n = cookie_make(c, s->server->config->cookie, text, size);
	e->set_cookie = str_of(text, n);
	e->cache_private = n > 0 && c->nocache && cookie_response_cacheable(worker.head, s->method);
	if (s->access)
		s->access->cookie_response = 'I';
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
	const struct http_head *head = worker.head;
	struct flow *f = &s->response;
	struct edit_response e = { .chunked = false };
	uint32_t options = s->listener->frontend->options | s->backend->config->options;
	char cookie[512];

	if (head->body == HTTP_BODY_TUNNEL && !s->upgrade) {
		http_session_failed(s, 502, (struct ending){ 'S', 'H' });
		return;
	}
	flow_start(f, head, head->body == HTTP_BODY_CHUNKED && s->minor == 1);
	if (!flow_decode(f, buf_used(f->buf) - head_bytes)) {
		http_session_failed(s, 502, (struct ending){ 'P', 'H' });
		return;
	}
	bool tunnel = head->body == HTTP_BODY_TUNNEL;
	bool framed = head->body != HTTP_BODY_CLOSE && (head->body != HTTP_BODY_CHUNKED || s->minor == 1);
	/* A response that is there before its request has ended leaves no connection that could be used again. */
	bool clean = s->request.body.done && flow_done(&s->request);
	s->keep_alive = s->keep_alive && framed && clean && !(options & OPTION_HTTPCLOSE);
	s->upstream_keep = head->keep_alive && clean && head->body != HTTP_BODY_CLOSE
		&& !(options & (OPTION_HTTP_SERVER_CLOSE | OPTION_HTTPCLOSE));
	e.close = !s->keep_alive && !tunnel;
	e.keep_alive = s->keep_alive && s->minor == 0;
	e.chunked = f->chunked;
	cookie_for_client(s, &e, cookie, sizeof cookie);
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

static void read_response(struct session *s)
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
		if (flow_pending(f))
			return;
		if (buf_used(f->buf) == 0) {
			if (up->ended)
				server_failed(s, (struct ending){ 'S', 'H' });
			return;
		}
		commit_request(s);
		int used = http_response_parse(buf_first(f->buf), buf_used(f->buf), s->method, worker.head);
		bool full = buf_used(f->buf) >= f->buf->size - worker.head_reserve;
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
	access_end(s, good);
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

/* Passes on what comes of the response body. */
static void forward_response(struct session *s)
{
	struct flow *f = &s->response;
	struct conn *up = &s->upstream->conn;

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
		if (up->ended && !up->broken && !f->body.done)
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
	else if (up->ended && !f->body.done && !flow_pending(f))
		session_abort(s, (struct ending){ 'S', 'D' });  /* the client must not take what it has for the whole */
}

void http_session_ready(struct session *s)
{
	switch (s->state) {
	case SESSION_REQUEST:
		read_request(s);
		break;
	case SESSION_RESPONSE:
		if (forward_request(s))
			read_response(s);
		break;
	default:
		if (flow_done(&s->request) || forward_request(s))
			forward_response(s);
	}
}
