/* SPDX-License-Identifier: MIT */
#include "base/net.h"
#include "worker/worker.h"

#define LINGER_MS 2000                  /* between looks at how much of the answer the client has taken */

void session_linger(struct session *s)
{
	session_leave_backend(s, false);
	if (s->client.broken) {
		s->state = SESSION_CLOSED;
		return;
	}
	s->state = SESSION_LINGER;
	s->deadline = worker.loop.now_ms + LINGER_MS;
	s->client_active = worker.loop.now_ms;
	s->unread = s->taken = 0;
	s->client.readable = true;
}

/* The client goes on reading: it may take its time for what is on its way to it, but only `timeout client` for standing
 * still. When its system has all of it there is time once more, for the client to read that. */
void session_linger_on(struct session *s)
{
	uint32_t taken, before = s->unread;

	s->unread = net_unacknowledged(s->client.io.fd, &taken);
	if (taken != s->taken)
		s->client_active = worker.loop.now_ms;
	s->taken = taken;
	s->deadline = worker.loop.now_ms + LINGER_MS;
	if (!(s->unread || before) || worker.loop.now_ms - s->client_active >= session_timeout_ms(s, TIMEOUT_CLIENT))
		s->state = SESSION_CLOSED;
}

void session_linger_ready(struct session *s)
{
	flow_send(&s->response, &s->client);
	if (!flow_pending(&s->response))
		conn_shut(&s->client);
	/* What still comes is read and thrown away: closing with unread bytes sends a reset, and the client would lose the
	 * answer that it has not read yet. */
	if (!s->request.buf)
		s->request.buf = worker_buffer();
	for (uint32_t budget = BYTES_A_TURN; budget > 0 && s->client.readable && !s->client.ended;) {
		buf_init(s->request.buf, s->request.buf->size);
		uint32_t n = conn_recv(&s->client, s->request.buf, 0);
		budget -= n < budget ? n : budget;
	}
	buf_init(s->request.buf, s->request.buf->size);
	if (s->client.broken || (s->client.ended && !flow_pending(&s->response)))
		s->state = SESSION_CLOSED;
}
