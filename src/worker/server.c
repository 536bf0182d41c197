/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include "base/assert.h"
#include "base/log.h"
#include "base/net.h"
#include "proxy/proxyproto.h"
#include "worker/worker.h"

/* Shorter than the five seconds after which many servers close an idle connection themselves: a request that meets a
 * closing connection may have to be answered with an error (RFC 9112 §9.5). */
#define IDLE_MS 4000

static void publish(const struct server *s)
{
	enum server_status status = s->config->disabled ? SERVER_MAINT : s->health.up ? SERVER_UP : SERVER_DOWN;

	atomic_store_explicit(&worker.board->servers[s->config->index], (uint32_t)status, memory_order_relaxed);
}

void servers_init(void)
{
	for (const struct proxy_config *p = worker.conf->proxies; p; p = p->next) {
		struct backend *b = &worker.backends[p->index];
		uint32_t i = 0;
		for (const struct server_config *c = p->servers; c; c = c->next, i++) {
			struct server *s = &b->servers[i];
			s->config = c;
			s->backend = b;
			health_init(&s->health, &c->health);
			endpoint_print(&c->address, s->address);
			b->balance[i] = (struct balance_server){ .weight = c->weight, .usable = !c->disabled, .backup = c->backup };
			publish(s);
		}
	}
}

bool server_usable(const struct server *s)
{
	return s->backend->balance[s - s->backend->servers].usable;
}

static void count_usable(const struct backend *b, unsigned *active, unsigned *backups)
{
	*active = *backups = 0;
	for (uint32_t i = 0; i < b->config->server_count; i++)
		if (b->balance[i].usable)
			++*(b->balance[i].backup ? backups : active);
}

void server_set_up(struct server *s, bool up, const char *reason)
{
	struct backend *b = s->backend;
	unsigned active, backups;

	b->balance[s - b->servers].usable = up;
	b->balance[s - b->servers].credit = 0;
	publish(s);
	count_usable(b, &active, &backups);
	log_at(up ? LOG_L_NOTICE : LOG_L_ALERT, "Server %s/%s is %s, reason: %s. %u active and %u backup servers %s.%s"
		" %u sessions active, 0 requeued, 0 remaining in queue.", b->config->name, s->config->name,
		up ? "UP" : "DOWN", reason, active, backups, up ? "online" : "left",
		active == 0 && backups > 0 ? " Running on backup." : "", s->sessions);
	if (active + backups == 0)
		log_at(LOG_L_EMERG, "backend %s has no server available!", b->config->name);
	while (!up && s->idle)
		server_release(s->idle, false);
}

static void idle_remove(struct server_conn *c)
{
	*(c->idle_before ? &c->idle_before->idle_next : &c->server->idle) = c->idle_next;
	if (c->idle_next)
		c->idle_next->idle_before = c->idle_before;
	*(c->older ? &c->older->newer : &worker.idle_oldest) = c->newer;
	*(c->newer ? &c->newer->older : &worker.idle_newest) = c->older;
	c->idle_next = c->idle_before = c->older = c->newer = NULL;
	c->server->idle_count--;
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

/* `http-reuse safe`: the first request of a client must not meet a connection that may turn out dead, for nobody would
 * send it again; unless that connection has shown that its server keeps connections open. */
static struct server_conn *take_idle(struct server *s, const struct session *session)
{
	struct server_conn *c = s->idle;

	/* One that has been closed, or that says something unasked, which must not become this request's answer. */
	for (; c && loop_event(&worker.loop, &c->conn.io); c = s->idle)
		server_conn_free(c);
	if (!c || (session->first_request && !c->safe))
		return NULL;
	idle_remove(c);
	c->safe = c->reused;
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
	s->sessions++;
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

void server_release(struct server_conn *c, bool keep)
{
	if (c->session)
		c->server->sessions--;
	/* What a connection was introduced for is one client. Readable: there may be more than was asked for, and that would
	 * be taken for the next answer. */
	keep = keep && server_proxy_version(c->server->config) == 0 && !c->conn.readable;
	if (keep && !c->conn.ended && !c->conn.broken && server_usable(c->server)) {
		c->session = NULL;
		idle_add(c);
		return;
	}
	server_conn_free(c);
}
