/* SPDX-License-Identifier: MIT
 * Mode http: one request after the other. The raw head of a request stays in its buffer until the server has answered, so
 * that it can be sent again elsewhere; heads are edited on their way out, bodies pass through (flow.c).
 */
#include <string.h>
#include "base/assert.h"
#include "proxy/edit.h"
#include "worker/worker.h"

void http_session_start(struct session *s)
{
	uint32_t wait = s->first_request ? TIMEOUT_HTTP_REQUEST : TIMEOUT_HTTP_KEEP_ALIVE;

	track_end(&s->by_request);
	s->state = SESSION_REQUEST;
	s->deadline = worker.loop.now_ms + session_timeout_ms(s, wait);
	s->head_bytes = s->kept_bytes = 0;
	s->keep_alive = false;          /* until there is a request that says so */
	s->is_request = s->by_cookie = s->no_reuse = s->head_in_hand = s->upgrade = false;
	s->cookie_request = COOKIE_NONE;
	s->cookie = (struct cookie){ .last_s = 0 };
	s->avoid = BALANCE_NONE;
	s->method = HTTP_GET;
	s->response = (struct flow){ .buf = s->response.buf };
	s->logged = false;
}

/* The errorfile for our own page of that status; NULL: none. */
static const struct error_file *find_file(const struct session *s, const struct edit_answer *a)
{
	const struct proxy_config *sides[] = { s->backend ? s->backend->config : NULL, s->listener->frontend };

	for (int i = 0; a->page && i < 2; i++)
		for (const struct error_file *e = sides[i] ? sides[i]->errors : NULL; e; e = e->next)
			if (e->status == a->status)
				return e;
	return NULL;
}

/* It was parsed when it was read, and so it can be parsed again. */
static uint32_t put_file(const struct session *s, const struct edit_answer *a, const struct error_file *file)
{
	struct edit_response e = { .close = a->close, .keep_alive = a->keep_alive };
	int used = http_response_parse((const uint8_t *)file->bytes, file->n, s->method, worker.head);
	uint32_t body_n = file->n - (uint32_t)used;

	ensure(used > 0);
	worker.head->has_length = true;
	worker.head->content_length = body_n;
	if (worker.head->body != HTTP_BODY_NONE)
		worker.head->body = HTTP_BODY_LENGTH;
	uint32_t most = worker.conf->global.buffer_bytes, n = edit_response(worker.head, &e, worker.scratch, most);
	if (worker.head->body == HTTP_BODY_NONE || n + body_n > most)
		return n;
	memcpy(worker.scratch + n, file->bytes + used, body_n);
	return n + body_n;
}

/* HAProxy closes behind a file that asks for it, or does not say how long it is. */
static bool keeps_alive(const struct error_file *file)
{
	return http_response_parse((const uint8_t *)file->bytes, file->n, HTTP_GET, worker.head) > 0
		&& worker.head->keep_alive && worker.head->has_length;
}

/* No longer than a buffer, which has to take what the socket does not. */
static uint32_t put_answer(struct edit_answer *a)
{
	uint32_t n = edit_answer(a, worker.scratch, worker.conf->global.buffer_bytes);

	if (n > 0)
		return n;
	*a = (struct edit_answer){ .status = 500, .page = true, .head_only = a->head_only, .close = a->close,
		.keep_alive = a->keep_alive };
	return edit_answer(a, worker.scratch, worker.conf->global.buffer_bytes);
}

/* Our own answer goes out at once; what the socket does not take waits in the buffer. */
static void send_answer(struct session *s, struct edit_answer *a, const struct error_file *file)
{
	uint32_t n = file ? put_file(s, a, file) : put_answer(a);
	bool all;

	flow_rewind(&s->response, 0);
	s->response.body = (struct body){ .done = true };
	s->response.chunked = false;
	if (!s->response.buf)
		s->response.buf = worker_buffer();
	buf_init(s->response.buf, s->response.buf->size);
	(void)flow_send_head(&s->response, &s->client, worker.scratch, n, 0, &all);
	if (s->access) {
		s->access->status = a->status;
		s->access->head_bytes = n;
	}
}

/* As in HAProxy the connection goes on if the client wants it, and if its whole request is here: what stands behind that
 * in the buffer is its next one. */
void http_session_answer(struct session *s, struct edit_answer *a, struct ending e)
{
	struct flow *f = &s->request;
	uint32_t options = s->listener->frontend->options | (s->backend ? s->backend->config->options : 0);
	bool whole = s->head_bytes > 0 ? f->body.done : flow_done(f);   /* still in the buffer, or sent on */
	bool keep = s->keep_alive && whole && !(options & OPTION_HTTPCLOSE);
	const struct error_file *file = find_file(s, a);

	if (file && file->n == 0) {
		s->is_request = true;
		session_close(s, e);
		return;
	}
	keep = keep && (!file || keeps_alive(file));
	a->head_only = s->method == HTTP_HEAD;
	a->close = !keep;
	a->keep_alive = keep && s->minor == 0;
	send_answer(s, a, file);
	if (e.cause)
		access_end(s, e);
	s->logged = true;
	s->is_request = false;
	session_leave_backend(s, false);        /* nobody waits for its server, or behind it in a queue, any longer */
	if (!keep) {
		session_linger(s);
		return;
	}
	if (s->head_bytes > 0)
		buf_consume(f->buf, s->head_bytes + (f->ready > s->kept_bytes ? f->ready : s->kept_bytes));
	flow_rewind(f, 0);
	f->chunked = false;
	s->head_bytes = s->kept_bytes = 0;
	s->client_active = worker.loop.now_ms;
	s->state = SESSION_STREAM;
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
	struct edit_answer a = { .status = (uint16_t)status, .page = true };
	http_session_answer(s, &a, e);
}

void http_session_ready(struct session *s)
{
	switch (s->state) {
	case SESSION_REQUEST:
		http_request_read(s);
		break;
	case SESSION_RESPONSE:
		if (http_request_forward(s))
			http_response_read(s);
		break;
	default:
		if (flow_done(&s->request) || http_request_forward(s))
			http_response_forward(s);
	}
}
