/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "base/assert.h"
#include "base/text.h"
#include "worker/worker.h"

static void flow_reset(struct flow *f)
{
	struct buf *buf = f->buf;

	*f = (struct flow){ .buf = buf };
}

void flow_start(struct flow *f, const struct http_head *head, bool chunked)
{
	flow_reset(f);
	body_init(&f->body, head);
	f->chunked = chunked;
}

void flow_start_tunnel(struct flow *f)
{
	f->body = (struct body){ .kind = HTTP_BODY_TUNNEL };
	f->chunked = false;
	f->ready = f->buf ? buf_used(f->buf) - f->plain : 0;
}

bool flow_decode(struct flow *f, uint32_t n)
{
	uint32_t ready = 0, left = n;

	if (n == 0 || f->body.done)
		return true;    /* what comes behind the message stays as it is */
	if (f->body.kind == HTTP_BODY_TUNNEL) {
		f->ready += n;
		return true;
	}
	if (body_decode(&f->body, buf_end(f->buf) - n, &left, &ready) < 0)
		return false;
	f->buf->tail -= n - left;
	f->ready += ready;
	return true;
}

bool flow_has_room(const struct flow *f)
{
	return !f->buf || buf_used(f->buf) < f->buf->size;
}

bool flow_pending(const struct flow *f)
{
	return f->plain || f->ready || f->lead_sent < f->lead_n || f->crlf_due
		|| (f->chunked && f->body.done && !f->last_sent);
}

bool flow_done(const struct flow *f)
{
	return f->body.done && !flow_pending(f);
}

static void set_lead(struct flow *f, const char *text, size_t n)
{
	ensure(n <= sizeof f->lead);
	memcpy(f->lead, text, n);
	f->lead_n = (uint8_t)n;
	f->lead_sent = 0;
}

/* Decides what stands before the data: a chunk line, or the last chunk. */
static void prepare_lead(struct flow *f)
{
	if (f->lead_sent < f->lead_n || f->crlf_due)
		return;
	if (f->ready > 0) {
		char line[10];
		uint32_t n = text_put_hex(line, f->ready);
		line[n++] = '\r';
		line[n++] = '\n';
		set_lead(f, line, n);
		f->chunk_left = f->ready;
		f->crlf_due = true;
	} else if (f->body.done && !f->last_sent) {
		set_lead(f, "0\r\n\r\n", 5);
		f->last_sent = true;
	}
}

/* What stands behind the data of this chunk. */
static struct str chunk_end(const struct flow *f)
{
	if (!f->crlf_due)
		return str_of("", 0);
	return f->body.done && f->ready == f->chunk_left ? str_of("\r\n0\r\n\r\n", 7) : str_of("\r\n", 2);
}

/* Takes the first bytes of n that went out off a part; returns how many of the part did. */
static uint32_t took(size_t *n, size_t part)
{
	size_t taken = *n < part ? *n : part;

	*n -= taken;
	return (uint32_t)taken;
}

struct parts { struct iovec list[5]; int count; };

static void add_part(struct parts *p, const void *bytes, size_t n)
{
	if (n > 0)
		p->list[p->count++] = (struct iovec){ (void *)(uintptr_t)bytes, n };
}

/* Sends [head][plain][lead][data][end of chunk], where plain and data stand behind the buffer's first `skip` bytes. The
 * buffer itself is not touched. Returns how many bytes of head went out, and in *taken those of plain and data. */
static uint32_t send_parts(struct flow *f, struct conn *c, const char *head, uint32_t head_n, uint32_t skip, uint32_t *taken)
{
	const uint8_t *first = f->buf ? buf_first(f->buf) + skip : NULL;
	struct parts p = { .count = 0 };
	struct str end = { "", 0 };
	uint32_t data = f->ready;

	if (f->chunked) {
		prepare_lead(f);
		data = f->chunk_left;
		end = chunk_end(f);
	}
	add_part(&p, head, head_n);
	add_part(&p, first, f->plain);
	add_part(&p, f->lead + f->lead_sent, (size_t)(f->lead_n - f->lead_sent));
	if (data > 0)
		add_part(&p, first + f->plain, data);
	add_part(&p, end.p, end.n);

	size_t n = conn_send(c, p.list, p.count);
	uint32_t head_taken = took(&n, head_n), plain_taken = took(&n, f->plain);
	f->plain -= plain_taken;
	f->lead_sent = (uint8_t)(f->lead_sent + took(&n, (size_t)(f->lead_n - f->lead_sent)));
	uint32_t data_taken = took(&n, data);
	f->ready -= data_taken;
	f->sent += data_taken;
	if (f->chunked)
		f->chunk_left -= data_taken;
	if (f->crlf_due && data_taken == data && f->lead_sent == f->lead_n) {
		/* The data is out; what did not go of its end goes first next time. */
		f->crlf_due = false;
		f->last_sent = f->last_sent || end.n > 2;
		set_lead(f, end.p + n, end.n - n);
	}
	*taken = plain_taken + data_taken;
	return head_taken;
}

bool flow_send_head(struct flow *f, struct conn *c, const char *head, uint32_t head_n, uint32_t raw_n, bool *all)
{
	uint32_t taken, head_taken = send_parts(f, c, head, head_n, raw_n, &taken);

	*all = head_taken == head_n && !flow_pending(f);
	if (*all || (c->broken && head_taken == 0))
		return true;
	buf_consume(f->buf, raw_n + taken);
	f->plain = head_n - head_taken;
	return buf_replace_head(f->buf, 0, head + head_taken, f->plain);
}

void flow_rewind(struct flow *f, uint32_t ready)
{
	f->ready = ready;
	f->plain = f->chunk_left = 0;
	f->lead_n = f->lead_sent = 0;
	f->crlf_due = f->last_sent = false;
	f->sent = 0;
}

void flow_send(struct flow *f, struct conn *c)
{
	uint32_t taken;

	(void)send_parts(f, c, NULL, 0, 0, &taken);
	if (taken > 0)
		buf_consume(f->buf, taken);
}
