/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include "base/assert.h"
#include "base/log.h"
#include "base/net.h"
#include "proxy/proxyproto.h"
#include "proxy/hash.h"
#include "worker/worker.h"

/* Shorter than the five seconds after which many servers close an idle connection themselves: a request that meets a
 * closing connection may have to be answered with an error (RFC 9112 §9.5). */
#define IDLE_MS 4000

static void publish(const struct server *s)
{
	enum server_status status = s->order == ORDER_MAINT ? SERVER_MAINT : !s->health.up ? SERVER_DOWN :
		s->order == ORDER_DRAIN ? SERVER_DRAIN : SERVER_UP;

	atomic_store_explicit(&worker.board->servers[s->config->index].status, (uint32_t)status, memory_order_relaxed);
}

/* Its weight and its maxconn: what the file says, or what slowstart leaves of it. */
static void set_strength(struct server *s)
{
	const struct server_config *c = s->config;
	enum balance_kind kind = s->backend->config->balance.kind;
	uint32_t since = c->slowstart_ms, weight = s->order == ORDER_DRAIN ? 0 : s->weight * BALANCE_WEIGHT_SCALE;

	if (s->up_since_ms && worker.loop.now_ms - s->up_since_ms < c->slowstart_ms) {
		since = (uint32_t)(worker.loop.now_ms - s->up_since_ms);
		timer_set(&worker.loop.timers, &s->ramp, worker.loop.now_ms + c->slowstart_ms / BALANCE_WEIGHT_SCALE + 1);
	}
	s->lb->maxconn = balance_ramp_maxconn(c->maxconn, since, c->slowstart_ms);
	/* Where a client belongs must not depend on when a server came up: the other node has seen that at another time. */
	if (kind != BALANCE_STATIC_RR && !balance_hashes(kind))
		weight = balance_ramp(weight, since, c->slowstart_ms);
	s->lb->weight = (uint16_t)weight;
}

static void ramp_expired(struct timer *t, uint64_t now_ms)
{
	struct server *s = container_of(t, struct server, ramp);

	(void)now_ms;
	set_strength(s);
	(void)queue_serve(s);
}

void servers_init(void)
{
	for (const struct proxy_config *p = worker.conf->proxies; p; p = p->next) {
		struct backend *b = &worker.backends[p->index];
		uint32_t i = 0;
		for (const struct server_config *c = p->servers; c; c = c->next, i++) {
			struct server *s = &b->servers[i];
			s->config = c;
			s->order = c->disabled ? ORDER_MAINT : ORDER_READY;
			s->weight = c->weight;
			s->backend = b;
			health_init(&s->health, &c->health);
			endpoint_print(&c->address, s->address);
			s->lb = &b->balance.servers[i];
			*s->lb = (struct balance_server){ .usable = !c->disabled && (!c->check || s->health.up), .backup = c->backup,
				.hash = hash_bytes(c->name, strlen(c->name)), .maxqueue = c->maxqueue };
			s->ramp.expired = ramp_expired;
			set_strength(s);
			publish(s);
		}
	}
}

bool server_usable(const struct server *s)
{
	return s->lb->usable;
}

static void count_usable(const struct backend *b, unsigned *active, unsigned *backups)
{
	*active = *backups = 0;
	for (uint32_t i = 0; i < b->balance.count; i++)
		if (b->servers[i].lb->usable && b->servers[i].lb->weight > 0)
			++*(b->servers[i].lb->backup ? backups : active);
}

/* Ends what the server has in hand. */
static void shut_sessions(const struct server *server, char cause)
{
	for (uint32_t i = 0; i < worker.sessions.fresh; i++) {
		struct session *s = (void *)(worker.sessions.objects + i * worker.sessions.object_bytes);
		if (s->placed && s->server == server)
			session_kill(s, cause);
	}
}

/* It begins or ceases to serve, in part or wholly. what: "is UP, reason: ..." */
static void changed(struct server *s, bool up, bool alert, const char *what)
{
	struct backend *b = s->backend;
	bool serves = s->health.up && s->order != ORDER_MAINT;
	uint32_t moved;
	unsigned active, backups;

	s->lb->usable = serves;
	s->lb->credit = 0;
	s->errors = 0;
	publish(s);
	set_strength(s);
	count_usable(b, &active, &backups);
	moved = serves ? queue_serve(s) : queue_scatter(s);
	log_at(alert ? LOG_L_ALERT : LOG_L_NOTICE, "Server %s/%s %s. %u active and %u backup servers %s.%s"
		" %u sessions active, %u requeued, %u remaining in queue.", b->config->name, s->config->name, what, active,
		backups, up ? "online" : "left", active == 0 && backups > 0 ? " Running on backup." : "", s->lb->served, moved,
		s->queue.length);
	if (active + backups == 0 && !up)
		log_at(LOG_L_EMERG, "backend %s has no server available!", b->config->name);
	while (!serves && s->idle)
		server_release(s->idle, false);
	if (!serves && s->config->shut_sessions)
		shut_sessions(s, 'D');
	for (uint32_t i = 0; up && s->config->shut_backups && i < b->balance.count; i++)
		if (b->servers[i].lb->backup)
			shut_sessions(&b->servers[i], 'U');
}

void server_set_up(struct server *s, bool up, const char *reason)
{
	char what[288];

	(void)text_format(what, sizeof what, "is %s, reason: %s", up ? "UP" : "DOWN", reason);
	s->up_since_ms = worker.loop.now_ms;
	changed(s, up, !up, what);
}

void server_order(struct server *s, uint32_t order)
{
	const struct server_config *c = s->config;
	uint32_t weight = order >> ORDER_WEIGHT_SHIFT, before = s->order;
	uint8_t state = order & ORDER_STATE ? (uint8_t)(order & ORDER_STATE) : c->disabled ? ORDER_MAINT : ORDER_READY;
	char what[64];

	s->weight = weight ? weight - 1 : c->weight;
	s->order = state;
	set_strength(s);
	if (state == before) {
		(void)queue_serve(s);
		return;
	}
	if (state == ORDER_MAINT) {
		check_stop(s);
		changed(s, false, true, "is going DOWN for maintenance");
		return;
	}
	if (before == ORDER_MAINT) {
		health_init(&s->health, &c->health);
		s->up_since_ms = worker.loop.now_ms;
		check_start(s);
	}
	const char *health = s->health.up ? "UP" : "DOWN";
	if (before == ORDER_MAINT)
		(void)text_format(what, sizeof what, "is %s/%s (leaving forced maintenance)", health,
			state == ORDER_DRAIN ? "DRAIN" : "READY");
	else if (state == ORDER_DRAIN)
		(void)text_format(what, sizeof what, "enters drain state");
	else
		(void)text_format(what, sizeof what, "is %s (leaving forced drain)", health);
	changed(s, state == ORDER_READY, false, what);
}

/* ---- observe: what sessions see counts for its health ---- */

void server_observed(struct server *s, enum observed what)
{
	/* HAProxy's words; what it is to layer 4 and to layer 7: 0 nothing, 1 good, 2 an error. */
	static const struct { const char *text; uint8_t worth[2]; } table[] = {
		[OBSERVED_CONNECT] = { PACKED "L4 successful connection", { 1, 0 } },
		[OBSERVED_NO_CONNECT] = { PACKED "L4 unsuccessful connection", { 2, 2 } },
		[OBSERVED_ANSWER] = { PACKED "Correct http response", { 0, 1 } },
		[OBSERVED_STATUS] = { PACKED "Wrong http response", { 0, 2 } },
		[OBSERVED_HEADERS] = { PACKED "Invalid http response (headers)", { 0, 2 } },
		[OBSERVED_SILENCE] = { PACKED "Read timeout (http)", { 0, 2 } },
		[OBSERVED_END] = { PACKED "Close from server (http)", { 0, 2 } },
	};
	const struct server_config *c = s->config;
	char reason[128];

	if (c->observe == OBSERVE_NONE || !c->check || s->order == ORDER_MAINT || table[what].worth[c->observe - 1] == 0)
		return;
	if (table[what].worth[c->observe - 1] == 1) {
		s->errors = 0;
		return;
	}
	if (++s->errors < c->error_limit || !s->health.up)
		return;
	(void)text_format(reason, sizeof reason, "Health analyze, info: \"Detected %u consecutive errors, last one was: %s\"",
		s->errors, table[what].text);
	s->errors = 0;
	if (c->on_error != ERROR_FASTINTER && health_error(&s->health, &c->health, c->on_error))
		server_set_up(s, false, reason);
	check_hasten(s);
}

/* ---- connections ---- */

static void idle_remove(struct server_conn *c)
{
	*(c->idle_before ? &c->idle_before->idle_next : &c->server->idle) = c->idle_next;
	if (c->idle_next)
		c->idle_next->idle_before = c->idle_before;
	*(c->older ? &c->older->newer : &worker.idle_oldest) = c->newer;
	*(c->newer ? &c->newer->older : &worker.idle_newest) = c->older;
	c->idle_next = c->idle_before = c->older = c->newer = NULL;
	c->server->idle_count--;
	if (c->owner)
		c->owner->kept = NULL;
	c->owner = NULL;
	timer_off(&worker.loop.timers, &c->timer);
}

static void idle_add(struct server_conn *c)
{
	c->idle_next = c->server->idle;
	if (c->idle_next)
		c->idle_next->idle_before = c;
	c->server->idle = c;
	c->server->idle_count++;
	c->older = worker.idle_newest;
	*(c->older ? &c->older->newer : &worker.idle_oldest) = c;
	worker.idle_newest = c;
	timer_set(&worker.loop.timers, &c->timer, worker.loop.now_ms + IDLE_MS);
	/* Whatever it says now, it is not the answer to a question: the connection is done for (RFC 9112 §9.2). */
	conn_watch(&c->conn, true, false);
}

static void server_conn_free(struct server_conn *c)
{
	if (!c->session)
		idle_remove(c);
	/* With a proper end it would wait in TIME_WAIT, and a minute of them takes all ports that there are. A server that
	 * closed first has that wait itself. */
	if (c->conn.ended)
		conn_close(&c->conn);
	else
		conn_reset(&c->conn);
	pool_give(&worker.server_conns, c);
}

static void server_conn_ready(struct io *io, short revents)
{
	struct server_conn *c = container_of(container_of(io, struct conn, io), struct server_conn, conn);

	if (!c->session) {
		server_conn_free(c);
		return;
	}
	c->conn.readable |= (revents & ~POLLOUT) != 0;
	c->conn.writable |= (revents & ~POLLIN) != 0;
	session_ready(c->session);
}

static void idle_expired(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	server_conn_free(container_of(t, struct server_conn, timer));
}

/* What was introduced as one client's connection serves no other. */
static enum reuse_kind reuse_of(const struct server *s)
{
	return server_proxy_version(s->config) ? REUSE_NEVER : s->backend->config->http_reuse;
}

/* HAProxy's table of `http-reuse`. A client's first request must not meet a connection that may turn out dead, for nobody
 * would send it again; others may take any. */
static struct server_conn *idle_for(const struct server *s, const struct session *session)
{
	enum reuse_kind kind = reuse_of(s);
	bool first = session->first_request;
	struct server_conn *c = s->idle;

	if (kind == REUSE_NEVER)
		return session->kept && session->kept->server == s ? session->kept : NULL;
	if (kind == REUSE_SAFE && first)
		return NULL;
	while (c && kind == REUSE_AGGRESSIVE && first && !c->reused)
		c = c->idle_next;
	return c;
}

/* It has been closed, or says something unasked, which must not become the next answer: what came since poll() counts. */
static bool is_quiet(const struct conn *c)
{
	char byte;

	return recv(c->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 && errno == EAGAIN;
}

static struct server_conn *take_idle(struct server *s, const struct session *session)
{
	struct server_conn *c;

	while ((c = idle_for(s, session)) != NULL && !is_quiet(&c->conn))
		server_conn_free(c);
	if (!c)
		return NULL;
	idle_remove(c);
	c->reused = true;
	return c;
}

struct server_conn *server_connect(struct server *s, struct session *session, bool may_reuse, int *error)
{
	static const struct addr any_source;
	struct server_conn *c = may_reuse ? take_idle(s, session) : NULL;

	if (!c) {
		if (worker.server_conns.used == worker.server_conns.count) {
			/* There are as many as sessions and some more, so one of them is idle. */
			ensure(worker.idle_oldest);
			server_conn_free(worker.idle_oldest);
		}
		int fd = net_connect(&s->config->address, &any_source);
		if (fd == -1) {
			*error = errno;
			return NULL;
		}
		(void)net_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		if (s->backend->config->options & OPTION_SRVTCPKA)
			(void)net_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
		c = pool_take(&worker.server_conns);
		ensure(c);
		*c = (struct server_conn){ .server = s, .timer.expired = idle_expired };
		conn_open(&c->conn, fd, server_conn_ready);
		c->conn.readable = c->conn.writable = false;    /* until it is open */
	}
	c->session = session;
	return c;
}

bool server_introduce(unsigned version, struct conn *c, const struct proxyproto *h)
{
	char header[PROXYPROTO_MAX + 1];

	if (version == 0)
		return true;
	c->writable = true;
	struct iovec part = { header, proxyproto_make(version, h, header) };
	return conn_send(c, &part, 1) == part.iov_len;
}

void server_forget(struct session *s)
{
	if (s->kept)
		server_conn_free(s->kept);
}

void server_release(struct server_conn *c, bool keep)
{
	struct session *owner = c->session;

	/* Readable: there may be more than was asked for, and that would be taken for the next answer. */
	keep = keep && !c->conn.readable;
	if (keep && !c->conn.ended && !c->conn.broken && server_usable(c->server)) {
		c->session = NULL;
		idle_add(c);
		if (reuse_of(c->server) == REUSE_NEVER) {
			if (owner->kept)
				server_conn_free(owner->kept);
			owner->kept = c;
			c->owner = owner;
		}
		return;
	}
	server_conn_free(c);
}
