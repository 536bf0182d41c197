/* SPDX-License-Identifier: MIT
 * Mode tcp, and what follows an upgrade in mode http: bytes both ways.
 */
#include "worker/worker.h"

static void receive(struct session *s)
{
	struct flow *f = &s->request;

	if (!s->client.readable || s->client.ended || !flow_has_room(f))
		return;
	if (!f->buf)
		f->buf = worker_buffer();
	(void)conn_recv(&s->client, f->buf, 0);
}

void tcp_session_start(struct session *s)
{
	uint32_t delay_ms = s->listener->frontend->inspect_delay_ms;

	s->is_request = true;
	s->state = SESSION_INSPECT;
	s->deadline = worker.loop.now_ms + delay_ms;
	tcp_session_inspect(s, delay_ms == 0);
}

/* By the content rules. final: all there will be is there. > 0: it goes on; 0: not yet; < 0: it does not. */
static int judge(struct session *s, bool final)
{
	struct sample_context c = rules_context(s, NULL);
	bool known;

	(void)rules_hello(s, &known);
	for (const struct rule *r = s->listener->frontend->content_rules; r; r = r->next) {
		if (!known && !final && condition_needs(r->condition, USE_STREAM))
			return 0;
		if (!condition_holds(r->condition, &c))
			continue;
		if (r->action != RULE_TRACK)
			return r->action == RULE_REJECT ? -1 : 1;
		track_start(&s->by_request, r->backend->proxy, &s->peer.addr);
	}
	return 1;
}

void tcp_session_inspect(struct session *s, bool expired)
{
	struct backend *b;
	int verdict = 1;

	if (s->listener->frontend->content_rules) {
		receive(s);
		verdict = judge(s, expired || s->client.ended || !flow_has_room(&s->request));
	}
	if (s->client.broken || verdict < 0) {
		session_close(s, (struct ending){ s->client.broken ? 'C' : 'P', 'R' });
	} else if (verdict > 0) {
		b = rules_backend(s, NULL);
		if (!b) {
			session_close(s, (struct ending){ 'S', 'C' });
			return;
		}
		session_enter_backend(s, b);
		session_take_key(s, NULL);
		session_connect(s);
	}
}

bool tcp_session_early(struct session *s)
{
	receive(s);
	bool spoke = s->request.buf && buf_used(s->request.buf) > 0;
	if (!s->client.broken && (!s->client.ended || spoke))
		return true;
	session_close(s, (struct ending){ 'C', s->state == SESSION_QUEUE ? 'Q' : spoke ? 'D' : 'C' });
	return false;
}

void tcp_session_tunnel(struct session *s)
{
	flow_start_tunnel(&s->request);
	flow_start_tunnel(&s->response);
	s->state = SESSION_TUNNEL;
	s->client_active = s->server_active = worker.loop.now_ms;
}

static void end(struct conn *to, uint64_t *active)
{
	if (!to->shut)
		*active = worker.loop.now_ms;   /* from now on the time of half-closed ones counts */
	conn_shut(to);
}

/* Moves bytes one way, and the end of them. */
static void pump(struct flow *f, struct conn *from, struct conn *to, uint64_t *from_active, uint64_t *to_active)
{
	uint32_t budget = BYTES_A_TURN;

	while (budget > 0) {
		bool sent = false;
		uint32_t n = 0;
		if (from->readable && !from->ended && flow_has_room(f)) {
			if (!f->buf)
				f->buf = worker_buffer();
			n = conn_recv(from, f->buf, 0);
			(void)flow_decode(f, n);        /* a tunnel has no framing that could be broken */
			*from_active = n ? worker.loop.now_ms : *from_active;
			budget -= n < budget ? n : budget;
		}
		if (flow_pending(f) && to->writable) {
			uint64_t before = f->sent;
			flow_send(f, to);
			sent = f->sent != before;
			*to_active = sent ? worker.loop.now_ms : *to_active;
		}
		if (n == 0 && !sent)
			break;
	}
	if (from->ended && !from->broken && !flow_pending(f))
		end(to, to_active);
}

void tcp_session_ready(struct session *s)
{
	struct conn *up = &s->upstream->conn;

	pump(&s->request, &s->client, up, &s->client_active, &s->server_active);
	pump(&s->response, up, &s->client, &s->server_active, &s->client_active);
	/* A side that broke is believed only when what it had sent before has reached the other (or cannot: then neither
	 * need be read to its end, which full buffers would not allow). */
	if (s->client.broken && (up->broken || (s->client.ended && !flow_pending(&s->request))))
		session_abort(s, (struct ending){ 'C', 'D' });
	else if (up->broken && up->ended && !flow_pending(&s->response))
		session_abort(s, (struct ending){ 'S', 'D' });
	else if (s->client.shut && up->shut)
		session_close(s, s->tunnel_end.cause ? s->tunnel_end : (struct ending){ '-', '-' });
}

void tcp_session_silent(struct session *s, bool client, struct ending e)
{
	struct conn *c = client ? &s->client : &s->upstream->conn;

	if (s->tunnel_end.cause == 0)
		s->tunnel_end = e;
	if (flow_pending(client ? &s->response : &s->request))
		session_abort(s, s->tunnel_end);
	else
		c->ended = true;
}
