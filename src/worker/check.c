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
	const char *said;               /* what the last result was, for log-health-checks; NULL: none yet */
	const struct check_step *step;  /* of tcp-check: the one that is under way; NULL: none is left */
	uint32_t step_number;           /* in the file: 1 is the first; 0: connecting, which no line says */
	uint8_t state;
	bool first;                     /* no result yet */
	bool step_begun;                /* its bytes are in `request` */
	bool only_connected;            /* the last step was to connect */
};

size_t check_bytes(void)
{
	return sizeof(struct check);
}

static const struct proxy_config *config_of(const struct check *k)
{
	return k->server->backend->config;
}

/* A `connect` line that this connection is made by; NULL: none. */
static const struct check_step *connect_line(const struct check *k)
{
	const struct check_config *c = &config_of(k)->check;

	if (c->kind == CHECK_STEPS)
		return k->step && k->step->kind == STEP_CONNECT ? k->step : NULL;
	return c->kind == CHECK_HTTP ? c->connect : NULL;
}

/* As HAProxy: of the connect line, else of the check's `addr` and `port`, else the server's own. */
static struct endpoint check_address(const struct check *k)
{
	const struct server_config *s = k->server->config;
	const struct check_step *line = connect_line(k);
	struct endpoint to = line ? line->address : s->check_address;

	if (to.addr.family == ADDR_NONE)
		to.addr = s->check_address.addr.family != ADDR_NONE ? s->check_address.addr : s->address.addr;
	if (to.port == 0)
		to.port = s->check_address.port ? s->check_address.port : s->address.port;
	return to;
}

static void give_buffer(struct buf **b)
{
	if (*b)
		pool_give(&worker.buffers, *b);
	*b = NULL;
}

static void log_reason(const struct check *k, char *out, size_t size, bool ok, const char *what, unsigned code,
	const char *info)
{
	size_t n = text_format(out, size, "%s", what);

	if (code || (ok && what[5] == '7'))     /* as HAProxy: of what has an answer */
		n += text_format(out + n, size - n, ", code: %u", code);
	if (info)
		n += text_format(out + n, size - n, ", info: \"%s\"", info);
	text_format(out + n, size - n, ", check duration: %ums", (unsigned)(worker.loop.now_ms - k->started_ms));
}

/* HAProxy's line of `option log-health-checks`: for another result than before, and on the way up or down. */
static void log_result(struct check *k, const struct health *before, bool ok, const char *what, const char *reason)
{
	const struct server *s = k->server;
	const struct health *h = &s->health;
	bool news = before->streak || ok != before->up || !k->said || strcmp(k->said, what) != 0;
	unsigned limit = h->up ? s->config->health.fall : s->config->health.rise;

	k->said = what;
	if (news && s->backend->config->options & OPTION_LOG_CHECKS)
		log_notice("Health check for %sserver %s/%s %s, reason: %s, status: %u/%u %s.", s->config->backup ? "backup " : "",
			s->backend->config->name, s->config->name, ok ? "succeeded" : "failed", reason,
			h->up ? limit - h->streak : h->streak, limit, h->up ? "UP" : "DOWN");
}

static void finish(struct check *k, bool ok, const char *what, unsigned code, const char *info)
{
	struct server *s = k->server;
	struct health before = s->health;
	char reason[256];
	enum health_change change = health_result(&s->health, &s->config->health, ok);

	/* A reset: a check leaves no connection in TIME_WAIT. */
	conn_reset(&k->conn);
	give_buffer(&k->request.buf);
	give_buffer(&k->answer);
	log_reason(k, reason, sizeof reason, ok, what, code, info);
	log_result(k, &before, ok, what, reason);
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

/* " at step 2 of tcp-check (expect string 'PONG')": what HAProxy puts behind a failure of these. */
static const char *at_step(const struct check *k, char *out, size_t size)
{
	const struct check_step *s = k->step;
	size_t n = 0;

	out[0] = 0;
	if (config_of(k)->check.kind != CHECK_STEPS)
		return NULL;
	if (k->step_number == 0 || !s) {
		text_format(out, size, " at initial connection step of tcp-check");
		return out;
	}
	n = text_format(out, size, " at step %u of tcp-check", k->step_number);
	if (s->kind == STEP_EXPECT)
		text_format(out + n, size - n, " (expect %s '%.*s')", s->binary ? "binary" : "string", (int)s->bytes.n, s->bytes.p);
	else if (s->kind == STEP_SEND)
		text_format(out + n, size - n, " (send)");
	else if (s->address.port)
		text_format(out + n, size - n, " (connect port %u)", s->address.port);
	else
		text_format(out + n, size - n, " (connect)");
	return out;
}

/* The system's word for it, and where. */
static void system_failed(struct check *k, const char *what, int error)
{
	char info[160], at[120];
	const char *where = at_step(k, at, sizeof at);

	text_format(info, sizeof info, "%s%s", strerror(error), where ? where : "");
	failed(k, what, info);
}

static void next_step(struct check *k)
{
	k->only_connected = k->step->kind == STEP_CONNECT;
	k->step = k->step->next;
	k->step_number++;
	k->step_begun = false;
}

static void ask(struct check *k)
{
	const struct check_config *c = &config_of(k)->check;
	const uint32_t *timeouts = config_of(k)->timeouts;

	if (c->kind == CHECK_TCP || (c->kind == CHECK_STEPS && !c->steps)) {
		finish(k, true, "Layer4 check passed", 0, NULL);
		return;
	}
	k->state = CHECK_ASKING;
	k->conn.writable = true;
	k->request = (struct flow){ .buf = worker_buffer() };
	k->answer = worker_buffer();
	if (k->step && k->step->kind == STEP_CONNECT)
		next_step(k);
	else
		k->step_number = 1;
	if (c->kind == CHECK_HTTP)
		k->request.buf->tail += health_request(c, (char *)buf_end(k->request.buf), buf_room(k->request.buf));
	flow_start_tunnel(&k->request);
	if (timeouts[TIMEOUT_CHECK])
		timer_set(&worker.loop.timers, &k->timer, worker.loop.now_ms + timeouts[TIMEOUT_CHECK]);
}

static void judge(struct check *k)
{
	unsigned status = 0;
	const char *reason = NULL;
	const struct check_config *config = &config_of(k)->check;
	const struct conn *c = &k->conn;
	char info[120];
	bool ended = c->ended || buf_used(k->answer) == k->answer->size;
	int verdict = health_response(config, buf_first(k->answer), buf_used(k->answer), ended, &status, &reason);

	if (verdict == 0)
		return;
	health_info(config, buf_first(k->answer), buf_used(k->answer), info, sizeof info);
	if (verdict > 0)
		finish(k, true, "Layer7 check passed", status, NULL);
	else if (buf_used(k->answer) == 0 && c->broken)
		system_failed(k, "Socket error", ECONNRESET);
	else
		finish(k, false, reason, status, *info ? info : NULL);
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

	if (connect_line(k))
		return true;            /* whose line says all that it does */
	if (s->check_send_proxy && version == 0)
		version = 1;
	else if (apart && !s->check_send_proxy)
		version = 0;
	if (version == 1 && getsockname(k->conn.io.fd, (struct sockaddr *)&address, &n) == 0)
		h = (struct proxyproto){ net_endpoint(&address), check_address(k) };
	return server_introduce(version, &k->conn, &h);
}

/* ---- tcp-check ---- */

static void expect_failed(struct check *k, bool empty)
{
	const struct check_step *s = k->step;
	char info[200];
	size_t n = text_format(info, sizeof info, "%s", empty ? "TCPCHK got an empty response" :
		s->not ? "TCPCHK matched unwanted content" : "TCPCHK did not match content");

	if (!empty && s->binary)
		n += text_format(info + n, sizeof info - n, " (binary)");
	else if (!empty)
		n += text_format(info + n, sizeof info - n, " '%.*s'", (int)s->bytes.n, s->bytes.p);
	text_format(info + n, sizeof info - n, " at step %u", k->step_number);
	failed(k, "Layer7 invalid response", info);
}

/* true: it is done, and the next one's turn. */
static bool send_step(struct check *k)
{
	struct buf *b = k->request.buf;

	if (!k->step_begun) {
		k->step_begun = true;
		buf_init(b, b->size);
		memcpy(buf_end(b), k->step->bytes.p, k->step->bytes.n);
		b->tail += k->step->bytes.n;
		flow_start_tunnel(&k->request);
		buf_init(k->answer, k->answer->size);   /* what comes from now on is the answer to this */
	}
	flow_send(&k->request, &k->conn);
	if (k->conn.broken)
		system_failed(k, "Socket error", EPIPE);
	return !k->conn.broken && !flow_pending(&k->request);
}

static bool expect_step(struct check *k)
{
	struct conn *c = &k->conn;

	while (c->readable && !c->ended && conn_recv(c, k->answer, 0) > 0)
		;
	uint32_t n = buf_used(k->answer);
	if (n == 0 && !c->ended)
		return false;
	if (n == 0 && c->broken) {
		system_failed(k, "Socket error", ECONNRESET);
		return false;
	}
	int verdict = n == 0 ? -1 : health_step(k->step, buf_first(k->answer), n, c->ended || n == k->answer->size);
	if (verdict < 0)
		expect_failed(k, n == 0);
	return verdict > 0;
}

static void start(struct check *);

static void go_steps(struct check *k)
{
	while (k->step && k->step->kind != STEP_CONNECT) {
		if (!(k->step->kind == STEP_SEND ? send_step(k) : expect_step(k))) {
			if (k->state == CHECK_ASKING)
				conn_watch(&k->conn, k->step->kind == STEP_EXPECT, flow_pending(&k->request));
			return;
		}
		next_step(k);
	}
	if (!k->step) {
		finish(k, true, k->only_connected ? "Layer4 check passed" : "Layer7 check passed", 0, "(tcp-check)");
		return;
	}
	conn_reset(&k->conn);
	give_buffer(&k->request.buf);
	give_buffer(&k->answer);
	start(k);
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
			system_failed(k, "Layer4 connection problem", error);
			return;
		}
		ask(k);
	} else {
		c->readable |= (revents & ~POLLOUT) != 0;
		c->writable |= (revents & ~POLLIN) != 0;
	}
	if (k->state != CHECK_ASKING)
		return;
	if (config_of(k)->check.kind == CHECK_STEPS) {
		go_steps(k);
		return;
	}
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
	struct endpoint to = check_address(k);
	uint32_t limit = s->health.inter_ms;

	int fd = net_connect(&to, &any_source);
	if (fd == -1) {
		conn_open(&k->conn, -1, check_ready);
		system_failed(k, "Layer4 connection problem", errno);
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
	if (k->state == CHECK_IDLE) {
		k->started_ms = worker.loop.now_ms;
		k->step = config_of(k)->check.steps;
		k->step_number = k->step && k->step->kind == STEP_CONNECT;
		start(k);
	} else {
		char at[120];
		failed(k, k->state == CHECK_CONNECTING ? "Layer4 timeout" : "Layer7 timeout", at_step(k, at, sizeof at));
	}
}

void check_start(struct server *server)
{
	if (server->check)
		timer_set(&worker.loop.timers, &server->check->timer, worker.loop.now_ms);
}

void check_stop(struct server *server)
{
	struct check *k = server->check;

	if (!k)
		return;
	conn_reset(&k->conn);
	give_buffer(&k->request.buf);
	give_buffer(&k->answer);
	timer_off(&worker.loop.timers, &k->timer);
	worker.checks_pending -= k->first;
	k->first = false;
	k->state = CHECK_IDLE;
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
			if (!s->check)
				continue;
			struct check *k = &worker.checks[n];
			*k = (struct check){ .server = server, .first = true, .timer.expired = check_expired };
			server->check = k;
			worker.checks_pending++;
			conn_open(&k->conn, -1, check_ready);
			uint32_t first = health_first_ms(inter_min, n, worker.conf->check_count);
			timer_set(&worker.loop.timers, &k->timer, worker.loop.now_ms + first);
			n++;
			if (s->disabled)
				check_stop(server);
		}
	}
}
