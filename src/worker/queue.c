/* SPDX-License-Identifier: MIT
 * Places at servers, and the sessions that wait for one: for any server of a backend, or (by cookie or hash) for one. Who
 * waits longest is served first, whichever of the two it waits for. A session in a queue holds its request head, no more.
 */
#include "base/assert.h"
#include "worker/worker.h"

void queue_take_place(struct session *s, struct server *server)
{
	ensure(!s->placed && !s->queue);
	s->server = server;
	s->placed = true;
	server->lb->served++;
}

void queue_give_place(struct session *s)
{
	if (!s->placed)
		return;
	s->placed = false;
	s->server->lb->served--;
	queue_serve(s->server);
}

/* The last one. */
void queue_wait(struct session *s, struct server *server)
{
	struct queue *q = server ? &server->queue : &s->backend->queue;

	ensure(!s->placed && !s->queue);
	s->queue = q;
	s->queue_next = NULL;
	s->queue_before = q->last;
	*(q->last ? &q->last->queue_next : &q->first) = s;
	q->last = s;
	q->length++;
	worker.waiting++;
	if (server)
		server->lb->queued++;
	s->ticket = s->backend->tickets++;
	s->queue_taken = q->taken;
	s->state = SESSION_QUEUE;
	s->deadline = worker.loop.now_ms + session_timeout_ms(s, TIMEOUT_QUEUE);
}

void queue_leave(struct session *s)
{
	struct queue *q = s->queue;
	bool own = q && q != &s->backend->queue;

	if (!q)
		return;
	*(s->queue_before ? &s->queue_before->queue_next : &q->first) = s->queue_next;
	*(s->queue_next ? &s->queue_next->queue_before : &q->last) = s->queue_before;
	q->length--;
	worker.waiting--;
	if (own)
		s->server->lb->queued--;
	s->queue = NULL;
	access_queued(s);
	if (s->access)          /* how many were served from it meanwhile, and itself: HAProxy's numbers */
		*(own ? &s->access->server_queue : &s->access->backend_queue) += q->taken - s->queue_taken + 1;
}

/* Its timer goes off in this turn or the next: what freed the place is not over yet. */
static void wake(struct session *s)
{
	s->state = SESSION_PAUSE;
	s->deadline = worker.loop.now_ms;
	timer_set(&worker.loop.timers, &s->timer, s->deadline);
}

uint32_t queue_serve(struct server *server)
{
	struct backend *b = server->backend;
	struct balance_server *lb = server->lb;
	bool any = balance_may_choose(&b->balance, (uint32_t)(server - b->servers));
	uint32_t n = 0;

	for (; lb->usable && (lb->maxconn == 0 || lb->served < lb->maxconn); n++) {
		struct session *own = server->queue.first, *s = any ? b->queue.first : NULL;
		if (!s || (own && (int32_t)(own->ticket - s->ticket) < 0))
			s = own;
		if (!s)
			break;
		struct queue *q = s->queue;
		queue_leave(s);
		q->taken++;
		queue_take_place(s, server);
		wake(s);
	}
	return n;
}

uint32_t queue_scatter(struct server *server)
{
	uint32_t n = 0;

	/* HAProxy's rule: they wait for it to come back unless they may go elsewhere. */
	while (server->queue.first && server->backend->config->options & OPTION_REDISPATCH) {
		struct session *s = server->queue.first;
		queue_leave(s);
		session_leave_server(s);
		wake(s);
		n++;
	}
	return n;
}
