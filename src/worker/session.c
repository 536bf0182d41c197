/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include "base/assert.h"
#include "base/log.h"
#include "base/net.h"
#include "proxy/cookie.h"
#include "proxy/proxyproto.h"
#include "worker/worker.h"

#define PAUSE_MS_MAX 1000               /* before the same server is tried again, as HAProxy */

uint32_t session_timeout_ms(const struct session *s, enum timeout_kind kind)
{
	const uint32_t *front = s->listener->frontend->timeouts;
	const uint32_t *back = s->backend ? s->backend->config->timeouts : front;
	uint32_t client = front[TIMEOUT_CLIENT] ? front[TIMEOUT_CLIENT] : TIMEOUT_CLIENT_DEFAULT_MS;

	switch (kind) {
	case TIMEOUT_CONNECT:
		return back[kind] ? back[kind] : TIMEOUT_CONNECT_DEFAULT_MS;
	case TIMEOUT_QUEUE:
		return back[kind] ? back[kind] : session_timeout_ms(s, TIMEOUT_CONNECT);
	case TIMEOUT_SERVER:
		return back[kind] ? back[kind] : TIMEOUT_SERVER_DEFAULT_MS;
	case TIMEOUT_HTTP_REQUEST:
		return front[kind] ? front[kind] : client;
	case TIMEOUT_HTTP_KEEP_ALIVE:
		return front[kind] ? front[kind] : session_timeout_ms(s, TIMEOUT_HTTP_REQUEST);
	default:
		return client;
	}
}

const struct endpoint *session_local(struct session *s)
{
	struct sockaddr_storage address;
	socklen_t n = sizeof address;

	if (s->local.addr.family == ADDR_NONE && getsockname(s->client.io.fd, (struct sockaddr *)&address, &n) == 0)
		s->local = net_endpoint(&address);
	return &s->local;
}

/* ---- what is waited for ---- */

/* Nothing has been answered yet. */
static bool waits_for_server(const struct session *s)
{
	return s->state == SESSION_QUEUE || s->state == SESSION_PAUSE || s->state == SESSION_CONNECT
		|| s->state == SESSION_RESPONSE;
}

/* A client that has sent its end is taken to have gone, and is told from one that only has nothing more to say by
 * `option abortonclose` alone. */
static bool client_may_leave(const struct session *s)
{
	return waits_for_server(s) && s->backend->config->options & OPTION_ABORTONCLOSE;
}

struct waits { bool client_read, client_write, server_read, server_write; };

static struct waits waits_of(const struct session *s)
{
	struct waits w = { false, false, false, false };
	const struct conn *up = s->upstream ? &s->upstream->conn : NULL;

	switch (s->state) {
	case SESSION_PROXYPROTO:
	case SESSION_INSPECT:
	case SESSION_REQUEST:
		w.client_read = true;
		break;
	case SESSION_CONNECT:
	case SESSION_PAUSE:
	case SESSION_QUEUE:
		w.server_write = s->state == SESSION_CONNECT;
		w.client_read = s->listener->frontend->mode == MODE_TCP && !s->client.ended && flow_has_room(&s->request);
		break;
	case SESSION_LINGER:
		w.client_read = !s->client.ended;
		w.client_write = flow_pending(&s->response);
		break;
	case SESSION_RESPONSE:
	case SESSION_STREAM:
	case SESSION_TUNNEL:
		/* A side is read only while the buffer it fills has room: that is all of the back-pressure. */
		w.client_read = !s->request.body.done && !s->client.ended && flow_has_room(&s->request);
		w.client_write = flow_pending(&s->response) && !s->client.broken;
		w.server_read = up && !s->response.body.done && !up->ended && flow_has_room(&s->response);
		w.server_write = up && flow_pending(&s->request) && !up->broken;
		break;
	default:
		break;
	}
	return w;
}

/* When the client, and when the server, will have been silent for too long. */
static void silences(const struct session *s, const struct waits *w, uint64_t *client, uint64_t *server)
{
	bool tunnel = s->state == SESSION_TUNNEL;
	const uint32_t *front = s->listener->frontend->timeouts, *back = tunnel ? s->backend->config->timeouts : NULL;
	uint32_t tunnel_ms = tunnel ? back[TIMEOUT_TUNNEL] : 0, client_fin_ms = 0, server_fin_ms = 0;

	if (tunnel && (s->client.ended || s->client.shut))
		client_fin_ms = front[TIMEOUT_CLIENT_FIN];
	if (tunnel && (s->upstream->conn.ended || s->upstream->conn.shut))
		server_fin_ms = back[TIMEOUT_SERVER_FIN];
	*client = *server = TIMER_NEVER;
	if (w->client_read || w->client_write)
		*client = s->client_active + (client_fin_ms ? client_fin_ms : tunnel_ms ? tunnel_ms :
			session_timeout_ms(s, TIMEOUT_CLIENT));
	/* While the client is still sending, the server cannot be blamed for not answering. */
	if (w->server_write || (w->server_read && (s->request.body.done || s->state != SESSION_RESPONSE)))
		*server = s->server_active + (server_fin_ms ? server_fin_ms : tunnel_ms ? tunnel_ms :
			session_timeout_ms(s, TIMEOUT_SERVER));
	if (tunnel_ms && !client_fin_ms && !server_fin_ms && *client != TIMER_NEVER && *server != TIMER_NEVER) {
		/* `timeout tunnel` is about both directions together. */
		uint64_t later = *client > *server ? *client : *server;
		*client = *server = later;
	}
}

static void session_watch(struct session *s)
{
	struct waits w = waits_of(s);
	int events = (w.client_read ? POLLIN : 0) | (w.client_write ? POLLOUT : 0) | (client_may_leave(s) ? POLLRDHUP : 0);
	uint64_t client, server;

	loop_watch(&worker.loop, &s->client.io, (short)events);
	if (s->upstream)
		conn_watch(&s->upstream->conn, w.server_read, w.server_write);
	if (s->state == SESSION_RESPONSE || s->state == SESSION_STREAM || s->state == SESSION_TUNNEL) {
		silences(s, &w, &client, &server);
		s->deadline = client < server ? client : server;
	}
	if (s->killed)
		s->deadline = worker.loop.now_ms;
	timer_set(&worker.loop.timers, &s->timer, s->deadline);
}

/* ---- end ---- */

static void release_buffer(struct flow *f)
{
	if (f->buf)
		pool_give(&worker.buffers, f->buf);
	f->buf = NULL;
}

static void session_free(struct session *s)
{
	struct listener *l = s->listener;

	server_forget(s);
	timer_off(&worker.loop.timers, &s->timer);
	release_buffer(&s->request);
	release_buffer(&s->response);
	track_end(&s->by_connection);
	track_end(&s->by_request);
	conn_close(&s->client);
	if (s->access)
		pool_give(&worker.accesses, s->access);
	pool_give(&worker.sessions, s);
	listeners_session_closed(l);
}

/* The end of every event: what was closed is given back, the others wait for something. */
static void settle(struct session *s)
{
	if (s->state == SESSION_CLOSED) {
		session_free(s);
		return;
	}
	if (s->request.buf && buf_used(s->request.buf) == 0)
		release_buffer(&s->request);
	if (s->response.buf && buf_used(s->response.buf) == 0)
		release_buffer(&s->response);
	session_watch(s);
}

void session_close(struct session *s, struct ending e)
{
	if (s->is_request)
		access_end(s, e);
	s->is_request = false;
	session_leave_backend(s, false);
	s->state = SESSION_CLOSED;
}

void session_abort(struct session *s, struct ending e)
{
	net_reset_on_close(s->client.io.fd);
	if (s->upstream)
		net_reset_on_close(s->upstream->conn.io.fd);
	session_close(s, e);
}

/* ---- servers ---- */

void session_enter_backend(struct session *s, struct backend *b)
{
	s->backend = b;
	s->counted = true;
	s->retries = b->config->retries;
	b->sessions++;
}

void session_take_key(struct session *s, const struct http_head *head)
{
	s->has_key = balance_key(&s->backend->config->balance, head, &s->peer.addr, &s->key);
}

void session_drop_upstream(struct session *s, bool keep)
{
	if (!s->upstream)
		return;
	server_release(s->upstream, keep);
	s->upstream = NULL;
}

void session_leave_backend(struct session *s, bool keep_upstream)
{
	session_drop_upstream(s, keep_upstream);
	queue_leave(s);
	queue_give_place(s);
	s->killed = 0;
	if (s->counted)
		s->backend->sessions--;
	s->counted = false;
	s->backend = NULL;
	s->server = NULL;
}

static void connected(struct session *s)
{
	struct access *a = s->access;

	s->upstream->conn.writable = true;
	s->server_active = s->client_active = worker.loop.now_ms;
	if (!s->upstream->reused)
		server_observed(s->server, OBSERVED_CONNECT);
	track_store(s);
	if (a)
		a->connect_ms = (int32_t)(worker.loop.now_ms - a->connect_start_ms);
	if (s->listener->frontend->mode == MODE_HTTP)
		http_session_connected(s);
	else
		tcp_session_tunnel(s);
}

/* No server took it. */
static void give_up(struct session *s, struct ending e)
{
	if (s->listener->frontend->mode == MODE_HTTP)
		http_session_failed(s, 503, e);
	else
		session_close(s, e);
}

/* It goes elsewhere: HAProxy's marks in the log. */
void session_leave_server(struct session *s)
{
	if (s->access) {
		s->access->redispatched = true;
		if (s->by_cookie)
			s->access->cookie_request = COOKIE_DOWN;
	}
	s->by_cookie = false;
	s->server = NULL;
}

/* A server, and a place there; false: it waits, or has been told that there is none. */
static bool find_place(struct session *s)
{
	struct backend *b = s->backend;

	if (s->placed)
		return true;
	if (!s->server && s->avoid == BALANCE_NONE && (s->server = track_server(s)) != NULL)
		s->by_cookie = true;
	const struct balance_server *lb = s->server ? s->server->lb : NULL;
	/* A client whose server has no room even to wait. */
	if (lb && !balance_has_room(lb) && lb->maxqueue && lb->queued >= lb->maxqueue
	    && s->by_cookie && b->config->options & OPTION_REDISPATCH)
		session_leave_server(s);
	if (!s->server) {
		uint32_t i = balance_choose(&b->balance, s->has_key ? &s->key : NULL, s->avoid);
		if (i == BALANCE_NONE)
			give_up(s, (struct ending){ 'S', 'C' });
		else if (i == BALANCE_FULL)
			queue_wait(s, NULL);
		if (i >= BALANCE_FULL)
			return false;
		s->server = &b->servers[i];
	}
	lb = s->server->lb;
	if (balance_has_room(lb))
		queue_take_place(s, s->server);
	else if (lb->maxqueue && lb->queued >= lb->maxqueue)
		give_up(s, (struct ending){ 'S', 'Q' });
	else
		queue_wait(s, s->server);
	return s->placed;
}

/* May this session, whose server did not take its connection, go to another one? Without a cookie always: nothing holds it.
 * With one only by `option redispatch`, at HAProxy's moments. */
static bool may_redispatch(const struct session *s)
{
	const struct proxy_config *b = s->backend->config;
	int32_t every = b->redispatch_interval;

	/* A hash holds it like a cookie: its server is up as far as we know, and elsewhere it does not belong. */
	if (!s->by_cookie && !s->has_key)
		return true;
	if (!(b->options & OPTION_REDISPATCH))
		return false;
	if (!server_usable(s->server))
		return true;
	return every > 0 ? s->retries % (uint32_t)every == 0 : s->retries == 0;
}

/* It did not take the connection: once more there, or elsewhere, or it has been tried often enough. */
static void retry(struct session *s, char cause)
{
	struct backend *b = s->backend;
	uint32_t connect_ms = session_timeout_ms(s, TIMEOUT_CONNECT);

	server_observed(s->server, OBSERVED_NO_CONNECT);
	session_drop_upstream(s, false);
	if (s->retries == 0) {
		give_up(s, (struct ending){ cause, 'C' });
		return;
	}
	s->retries--;
	if (s->access)
		s->access->retries++;
	s->state = SESSION_PAUSE;
	s->deadline = worker.loop.now_ms + (connect_ms < PAUSE_MS_MAX ? connect_ms : PAUSE_MS_MAX);
	if (!may_redispatch(s))
		return;
	s->avoid = (uint32_t)(s->server - b->servers);
	uint32_t i = balance_choose(&b->balance, s->has_key ? &s->key : NULL, s->avoid);
	if (i == BALANCE_NONE || i == s->avoid)
		return;
	queue_give_place(s);
	session_leave_server(s);
	if (i < BALANCE_FULL)
		queue_take_place(s, &b->servers[i]);
	s->deadline = worker.loop.now_ms;       /* another server need not be waited for */
}

void session_connect(struct session *s)
{
	const struct proxy_config *b = s->backend->config;
	uint32_t single = OPTION_HTTP_SERVER_CLOSE | OPTION_HTTPCLOSE;
	bool may_reuse = b->mode == MODE_HTTP && !s->no_reuse && !s->upgrade
		&& !((b->options | s->listener->frontend->options) & single);
	struct access *a = s->access;
	int error;

	if (!find_place(s))
		return;
	if (a && a->connect_start_ms == 0) {    /* the time to connect includes retries */
		a->connect_start_ms = worker.loop.now_ms;
		access_queued(s);
	}
	s->upstream = server_connect(s->server, s, may_reuse, &error);
	if (!s->upstream) {
		retry(s, 'S');
	} else if (s->upstream->reused) {
		connected(s);
	} else {
		s->state = SESSION_CONNECT;
		s->deadline = worker.loop.now_ms + session_timeout_ms(s, TIMEOUT_CONNECT);
	}
}

/* The server's new connection begins with the PROXY header that it may want. */
static bool introduce(struct session *s)
{
	struct proxyproto h = { s->peer, *session_local(s) };

	return server_introduce(server_proxy_version(s->server->config), &s->upstream->conn, &h);
}

static void connect_ready(struct session *s)
{
	if (!s->upstream->conn.writable)
		return;
	if (net_error(s->upstream->conn.io.fd) == 0 && introduce(s))
		connected(s);
	else
		retry(s, 'S');
}

/* ---- events ---- */

static void run(struct session *s)
{
	switch (s->state) {
	case SESSION_PROXYPROTO:
		entry_ready(s);
		break;
	case SESSION_INSPECT:
		tcp_session_inspect(s, false);
		break;
	case SESSION_CONNECT:
	case SESSION_PAUSE:
	case SESSION_QUEUE:
		if (s->listener->frontend->mode == MODE_TCP && !tcp_session_early(s))
			break;
		if (s->state == SESSION_CONNECT)
			connect_ready(s);
		break;
	case SESSION_TUNNEL:
		tcp_session_ready(s);
		break;
	case SESSION_LINGER:
		session_linger_ready(s);
		break;
	case SESSION_REQUEST:
	case SESSION_RESPONSE:
	case SESSION_STREAM:
		http_session_ready(s);
		break;
	default:
		break;
	}
}

static void step(struct session *s)
{
	/* A step may lead straight to the next one: bytes for it may already be there. */
	for (uint8_t before = SESSION_CLOSED; s->state != before;) {
		before = s->state;
		run(s);
	}
}

void session_ready(struct session *s)
{
	step(s);
	settle(s);
}

/* It ends for a reason of HAProxy's: C the client, D the server, U a better server. */
static void end_waiting(struct session *s, char cause)
{
	struct ending e = { cause, s->state == SESSION_QUEUE ? 'Q' : s->state == SESSION_RESPONSE ? 'H' :
		waits_for_server(s) ? 'C' : s->listener->frontend->mode == MODE_HTTP ? 'D' : '-' };

	queue_leave(s);
	if (!waits_for_server(s))
		session_abort(s, e);
	else if (s->listener->frontend->mode == MODE_HTTP)
		http_session_failed(s, s->state != SESSION_RESPONSE ? cause == 'C' ? 0 : 503 : cause == 'C' ? 400 : 502, e);
	else
		session_close(s, e);
}

static void client_ready(struct io *io, short revents)
{
	struct session *s = container_of(container_of(io, struct conn, io), struct session, client);

	s->client.readable |= (revents & ~POLLOUT) != 0;
	s->client.writable |= (revents & ~POLLIN) != 0;
	if (revents & (POLLRDHUP | POLLHUP | POLLERR) && client_may_leave(s))
		end_waiting(s, 'C');
	session_ready(s);
}

void session_kill(struct session *s, char cause)
{
	/* Later: this may be in the middle of an event of its own. */
	s->killed = cause;
	s->deadline = worker.loop.now_ms;
	timer_set(&worker.loop.timers, &s->timer, s->deadline);
}

static void silence(struct session *s)
{
	struct waits w = waits_of(s);
	uint64_t client, server;

	silences(s, &w, &client, &server);
	bool by_client = client <= server;
	if (!by_client && s->state == SESSION_RESPONSE)
		server_observed(s->server, OBSERVED_SILENCE);
	struct ending e = { by_client ? 'c' : 's', s->state == SESSION_RESPONSE && !by_client ? 'H' : 'D' };
	if (s->state == SESSION_RESPONSE)
		http_session_failed(s, by_client ? 408 : 504, e);
	else if (s->state == SESSION_TUNNEL)
		tcp_session_silent(s, by_client, e);
	else
		session_abort(s, e);
}

static void session_expired(struct timer *t, uint64_t now_ms)
{
	struct session *s = container_of(t, struct session, timer);

	if (s->killed) {
		end_waiting(s, s->killed);
		session_ready(s);
		return;
	}
	switch (s->state) {
	case SESSION_PROXYPROTO:
		entry_expired(s);
		break;
	case SESSION_INSPECT:
		tcp_session_inspect(s, true);
		break;
	case SESSION_REQUEST:
		if (s->is_request || s->first_request)
			http_session_failed(s, 408, (struct ending){ 'c', 'R' });
		else
			session_close(s, (struct ending){ '-', '-' });
		break;
	case SESSION_CONNECT:
		retry(s, 's');
		if (s->state == SESSION_PAUSE)
			s->deadline = now_ms;   /* it has been waited for already */
		break;
	case SESSION_PAUSE:
		session_connect(s);
		break;
	case SESSION_QUEUE:
		queue_leave(s);
		give_up(s, (struct ending){ 's', 'Q' });
		break;
	case SESSION_LINGER:
		session_linger_on(s);
		break;
	default:
		silence(s);
	}
	session_ready(s);
}

void session_accept(struct listener *l, int fd, const struct endpoint *peer)
{
	struct session *s = pool_take(&worker.sessions);

	ensure(s);              /* the listener asks before it accepts */
	worker.full = worker.sessions.used == worker.sessions.count;
	*s = (struct session){ .listener = l, .peer = *peer, .timer.expired = session_expired, .first_request = true,
		.avoid = BALANCE_NONE };
	conn_open(&s->client, fd, client_ready);
	s->client_active = s->server_active = worker.loop.now_ms;
	if (access_wanted(l->frontend)) {
		s->access = pool_take(&worker.accesses);
		access_start(s);
	}
	entry_start(s);
	session_ready(s);
}
