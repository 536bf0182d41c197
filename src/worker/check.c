/* SPDX-License-Identifier: MIT
 * Health checks on the wire: connect, and for `option httpchk` ask and read the answer. proxy/health.c decides what a result
 * means and when the next check is due.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include "base/assert.h"
#include "base/log.h"
#include "base/net.h"
#include "proxy/proxyproto.h"
#include "worker/worker.h"

enum check_state { CHECK_IDLE, CHECK_CONNECTING, CHECK_ASKING };

struct check {
	struct timer timer;             /* idle: when to start; else: when it has taken too long */
	struct conn conn;
	struct server *server;
	struct flow request;            /* what is left to send */
	struct buf *answer;
	uint64_t started_ms;
	uint8_t state;
	bool first;                     /* no result yet */
};

size_t check_bytes(void)
{
	return sizeof(struct check);
}

static const struct proxy_config *config_of(const struct check *k)
{
	return k->server->backend->config;
}

static struct endpoint check_address(const struct server_config *s)
{
	struct endpoint to = s->check_address;

	if (to.addr.family == ADDR_NONE)
		to.addr = s->address.addr;
	if (to.port == 0)
		to.port = s->address.port;
	return to;
}

static void give_buffer(struct buf **b)
{
	if (*b)
		pool_give(&worker.buffers, *b);
	*b = NULL;
}

static void log_reason(const struct check *k, char *out, size_t size, const char *what, unsigned code, const char *info)
{
	size_t n = text_format(out, size, "%s", what);

	if (code)
		n += text_format(out + n, size - n, ", code: %u", code);
	if (info)
		n += text_format(out + n, size - n, ", info: \"%s\"", info);
	text_format(out + n, size - n, ", check duration: %ums", (unsigned)(worker.loop.now_ms - k->started_ms));
}

static void finish(struct check *k, bool ok, const char *what, unsigned code, const char *info)
{
	struct server *s = k->server;
	char reason[256];
	enum health_change change = health_result(&s->health, &s->config->health, ok);

	/* A reset: a check leaves no connection in TIME_WAIT. */
	conn_reset(&k->conn);
	give_buffer(&k->request.buf);
	give_buffer(&k->answer);
	log_reason(k, reason, sizeof reason, what, code, info);
	if (change != HEALTH_SAME)
		server_set_up(s, change == HEALTH_UP, reason);
	if (k->first) {
		k->first = false;
		worker.checks_pending--;
	}
	k->state = CHECK_IDLE;
	timer_set(&worker.loop.timers, &k->timer, worker.loop.now_ms + health_next_ms(&s->health, &s->config->health));
}

static void failed(struct check *k, const char *what, const char *info)
{
	finish(k, false, what, 0, info);
}

static void ask(struct check *k)
{
	const struct check_config *c = &config_of(k)->check;
	const uint32_t *timeouts = config_of(k)->timeouts;

	if (c->kind == CHECK_TCP) {
		finish(k, true, "Layer4 check passed", 0, NULL);
		return;
	}
	k->state = CHECK_ASKING;
	k->conn.writable = true;
	k->request = (struct flow){ .buf = worker_buffer() };
	k->answer = worker_buffer();
	uint32_t n = health_request(c, (char *)buf_end(k->request.buf), buf_room(k->request.buf));
	k->request.buf->tail += n;
	flow_start_tunnel(&k->request);
	if (timeouts[TIMEOUT_CHECK])
		timer_set(&worker.loop.timers, &k->timer, worker.loop.now_ms + timeouts[TIMEOUT_CHECK]);
}

static void judge(struct check *k)
{
	unsigned status = 0;
	const char *reason = NULL;
	const struct conn *c = &k->conn;
	bool ended = c->ended || buf_used(k->answer) == k->answer->size;
	int verdict = health_response(&config_of(k)->check, buf_first(k->answer), buf_used(k->answer), ended, &status, &reason);

	if (verdict > 0)
		finish(k, true, "Layer7 check passed", status, NULL);
	else if (verdict < 0 && buf_used(k->answer) == 0)
		failed(k, "Layer7 invalid response", c->broken ? "connection reset" : "connection closed without an answer");
	else if (verdict < 0)
		finish(k, false, reason, status, NULL);
}

/* As HAProxy: in version 1 with our own addresses, since servers may refuse UNKNOWN; not where checks have a port or an
 * address of their own, unless told to. */
static bool introduce(struct check *k)
{
	const struct server_config *s = k->server->config;
	unsigned version = server_proxy_version(s);
	bool apart = s->check_address.port || s->check_address.addr.family != ADDR_NONE;
	struct sockaddr_storage address;
	socklen_t n = sizeof address;
	struct proxyproto h = { .source.port = 0 };

	if (s->check_send_proxy && version == 0)
		version = 1;
	else if (apart && !s->check_send_proxy)
		version = 0;
	if (version == 1 && getsockname(k->conn.io.fd, (struct sockaddr *)&address, &n) == 0)
		h = (struct proxyproto){ net_endpoint(&address), check_address(s) };
	return server_introduce(version, &k->conn, &h);
}

static void check_ready(struct io *io, short revents)
{
	struct check *k = container_of(container_of(io, struct conn, io), struct check, conn);
	struct conn *c = &k->conn;

	if (k->state == CHECK_CONNECTING) {
		int error = net_error(c->io.fd);
		if (error == 0 && !introduce(k))
			error = EPIPE;
		if (error) {
			failed(k, "Layer4 connection problem", strerror(error));
			return;
		}
		ask(k);
	} else {
		c->readable |= (revents & ~POLLOUT) != 0;
		c->writable |= (revents & ~POLLIN) != 0;
	}
	if (k->state != CHECK_ASKING)
		return;
	flow_send(&k->request, c);
	while (c->readable && !c->ended && conn_recv(c, k->answer, 0) > 0)
		;
	if (buf_used(k->answer) > 0 || c->ended)
		judge(k);
	if (k->state == CHECK_ASKING)
		conn_watch(c, true, flow_pending(&k->request) && !c->broken);
}

static void start(struct check *k)
{
	const struct server_config *s = k->server->config;
	const uint32_t *timeouts = config_of(k)->timeouts;
	static const struct addr any_source;
	struct endpoint to = check_address(s);
	uint32_t limit = s->health.inter_ms;

	k->started_ms = worker.loop.now_ms;
	int fd = net_connect(&to, &any_source);
	if (fd == -1) {
		conn_open(&k->conn, -1, check_ready);
		failed(k, "Layer4 connection problem", strerror(errno));
		return;
	}
	(void)net_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	conn_open(&k->conn, fd, check_ready);
	k->conn.readable = k->conn.writable = false;
	k->state = CHECK_CONNECTING;
	conn_watch(&k->conn, false, true);
	/* Without `timeout check`, inter bounds the whole check; with it, connecting has its own time and so has the answer. */
	if (timeouts[TIMEOUT_CHECK] && timeouts[TIMEOUT_CONNECT] && timeouts[TIMEOUT_CONNECT] < limit)
		limit = timeouts[TIMEOUT_CONNECT];
	timer_set(&worker.loop.timers, &k->timer, worker.loop.now_ms + limit);
}

static void check_expired(struct timer *t, uint64_t now_ms)
{
	struct check *k = container_of(t, struct check, timer);

	(void)now_ms;
	if (k->state == CHECK_IDLE)
		start(k);
	else
		failed(k, k->state == CHECK_CONNECTING ? "Layer4 timeout" : "Layer7 timeout", NULL);
}

void check_hasten(struct server *server)
{
	struct check *k = server->check;
	uint64_t soon = worker.loop.now_ms + server->config->health.fastinter_ms;

	if (k && k->state == CHECK_IDLE && server->config->health.fastinter_ms && soon < k->timer.when)
		timer_set(&worker.loop.timers, &k->timer, soon);
}

void checks_init(void)
{
	uint32_t n = 0, inter_min = UINT32_MAX;

	for (const struct proxy_config *p = worker.conf->proxies; p; p = p->next)
		for (const struct server_config *s = p->servers; s; s = s->next)
			if (s->check && s->health.inter_ms < inter_min)
				inter_min = s->health.inter_ms;
	for (const struct proxy_config *p = worker.conf->proxies; p; p = p->next) {
		struct server *server = worker.backends[p->index].servers;
		for (const struct server_config *s = p->servers; s; s = s->next, server++) {
			if (!s->check || s->disabled)
				continue;
			struct check *k = &worker.checks[n];
			*k = (struct check){ .server = server, .first = true, .timer.expired = check_expired };
			server->check = k;
			conn_open(&k->conn, -1, check_ready);
			uint32_t first = health_first_ms(inter_min, n, worker.conf->check_count);
			timer_set(&worker.loop.timers, &k->timer, worker.loop.now_ms + first);
			n++;
		}
	}
	worker.checks_pending = n;
}
