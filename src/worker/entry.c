/* SPDX-License-Identifier: MIT
 * What a client goes through before its mode takes over: rules about its connection, and a PROXY header where one is due.
 */
#include "proxy/proxyproto.h"
#include "worker/worker.h"

static void begin(struct session *s)
{
	if (s->listener->frontend->mode == MODE_HTTP)
		http_session_start(s);
	else
		tcp_session_start(s);
}

void entry_start(struct session *s)
{
	const struct proxy_config *f = s->listener->frontend;
	bool header = s->listener->bind->accept_proxy;
	struct sample_context c = rules_context(s, NULL);

	for (const struct rule *r = rule_first(f->connection_rules, &c); r; r = rule_first(r->next, &c)) {
		header = header || r->action == RULE_EXPECT_PROXY;
		if (r->action == RULE_TRACK)
			track_start(&s->by_connection, r->backend->proxy, &s->peer.addr);
		if (r->action == RULE_REJECT) {         /* without a line in the log, as in HAProxy */
			session_abort(s, (struct ending){ 'P', 'R' });
			return;
		}
		if (r->action == RULE_ACCEPT)
			break;
	}
	if (!header) {
		begin(s);
		return;
	}
	s->state = SESSION_PROXYPROTO;
	s->deadline = worker.loop.now_ms + session_timeout_ms(s, f->mode == MODE_HTTP ? TIMEOUT_HTTP_REQUEST : TIMEOUT_CLIENT);
}

/* HAProxy's sentences. */
static void refuse(struct session *s, const char *what, bool silent)
{
	if (!silent)
		access_refused(s, what);
	/* What was not asked for is cut off; who said nothing is left in peace. */
	if (s->request.buf && buf_used(s->request.buf) > 0)
		session_abort(s, (struct ending){ 'P', 'R' });
	else
		session_close(s, (struct ending){ 'P', 'R' });
}

void entry_ready(struct session *s)
{
	static const char *const wrong[] = {
		[-PROXYPROTO_FOREIGN] = PACKED "Received something which does not look like a PROXY protocol header",
		[-PROXYPROTO_UNHANDLED] = PACKED "Received an unhandled protocol in the PROXY protocol header",
		[-PROXYPROTO_INVALID] = PACKED "Received an invalid PROXY protocol header",
	};
	struct flow *f = &s->request;
	struct proxyproto h;

	if (!f->buf)
		f->buf = worker_buffer();
	bool full = s->client.readable && conn_recv(&s->client, f->buf, worker.head_reserve) > 0
		&& buf_used(f->buf) == f->buf->size - worker.head_reserve;
	int used = proxyproto_parse(buf_first(f->buf), buf_used(f->buf), &h);
	if (used < 0 || (used == 0 && full)) {
		refuse(s, wrong[used < 0 ? -used : -PROXYPROTO_INVALID], false);
	} else if (used > 0) {
		buf_consume(f->buf, (uint32_t)used);
		if (h.source.addr.family != ADDR_NONE) {
			s->peer = h.source;
			s->local = h.destination;
		}
		begin(s);
	} else if (s->client.ended && buf_used(f->buf) > 0) {
		refuse(s, PACKED "Truncated PROXY protocol header received", false);
	} else if (s->client.ended) {
		refuse(s, PACKED "Connection closed while waiting for PROXY protocol header",
			s->listener->frontend->options & OPTION_DONTLOGNULL);
	}
}

void entry_expired(struct session *s)
{
	refuse(s, PACKED "Timeout while waiting for PROXY protocol header", s->listener->frontend->options & OPTION_DONTLOGNULL);
}
