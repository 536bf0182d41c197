/* SPDX-License-Identifier: MIT */
#include "proxy/edit.h"
#include <string.h>

struct writer { char *p, *end; bool full; };

static void put(struct writer *w, struct str s)
{
	if (s.n == 0)
		return;         /* its pointer may be NULL */
	if ((size_t)(w->end - w->p) < s.n) {
		w->full = true;
		return;
	}
	memcpy(w->p, s.p, s.n);
	w->p += s.n;
}

#define PUT(w, literal) put(w, str_of(literal, sizeof literal - 1))

static void put_number(struct writer *w, uint64_t v)
{
	char digits[20];

	put(w, str_of(digits, text_put_u64(digits, v)));
}

static void put_field(struct writer *w, struct str name, struct str value)
{
	put(w, name);
	PUT(w, ": ");
	put(w, value);
	PUT(w, "\r\n");
}

static uint32_t written(const struct writer *w, const char *start)
{
	return w->full ? 0 : (uint32_t)(w->p - start);
}

/* The Cookie field without ours; a field of nothing but ours goes. */
static void put_cookies(struct writer *w, const struct http_field *f, const struct cookie_config *cookie)
{
	char *start = w->p;

	if ((size_t)(w->end - w->p) < f->name.n + 4u + f->value.n) {
		w->full = true;
		return;
	}
	put(w, f->name);
	PUT(w, ": ");
	uint32_t n = cookie_cut(f->value, cookie, w->p);
	if (n == 0 && f->value.n > 0) {         /* nothing is left of it */
		w->p = start;
		return;
	}
	w->p += n;
	PUT(w, "\r\n");
}

static void put_request_line(struct writer *w, const struct http_head *head, const char *host)
{
	put(w, head->method);
	PUT(w, " ");
	if (head->path.n > 0 && head->path.p[0] == '?')
		PUT(w, "/");    /* "http://host?query" has an empty path (RFC 9112 §3.2.1) */
	put(w, head->path);
	PUT(w, " HTTP/1.1\r\n");
	put_field(w, str_of("host", 4), head->host.n > 0 || !host ? head->host : str_z(host));
}

uint32_t edit_request(const struct http_head *head, const struct edit_request *e, char *out, uint32_t size)
{
	struct writer w = { out, out + size, false };

	put_request_line(&w, head, e->host);
	for (uint32_t i = 0; i < head->field_count; i++) {
		const struct http_field *f = &head->fields[i];
		if (f->drop)
			continue;
		if (e->cookie && str_is_nocase(f->name, "cookie"))
			put_cookies(&w, f, e->cookie);
		else
			put_field(&w, f->name, f->value);
	}
	if (head->body == HTTP_BODY_LENGTH) {
		PUT(&w, "content-length: ");
		put_number(&w, head->content_length);
		PUT(&w, "\r\n");
	}
	if (e->chunked)
		PUT(&w, "transfer-encoding: chunked\r\n");
	if (e->forwarded_for)
		put_field(&w, str_z(e->forwarded_header ? e->forwarded_header : "x-forwarded-for"), str_z(e->forwarded_for));
	if (head->upgrade)
		PUT(&w, "connection: upgrade\r\n");
	else if (e->close)
		PUT(&w, "connection: close\r\n");
	PUT(&w, "\r\n");
	return written(&w, out);
}

static void put_set_cookie(struct writer *w, const struct http_field *f, const struct edit_response *e)
{
	char *start = w->p;

	put(w, f->name);
	PUT(w, ": ");
	uint32_t n = cookie_change(f->value, e->cookie, e->cookie_fate, e->cookie_value, w->p, (uint32_t)(w->end - w->p));
	if (n == UINT32_MAX) {
		w->full = true;
	} else if (n == 0) {
		w->p = start;
	} else {
		w->p += n;
		PUT(w, "\r\n");
	}
}

/* Length fields of a response: of its body; without one, what its own field says about the body it would have had. */
static void put_response_length(struct writer *w, const struct http_head *head, const struct edit_response *e)
{
	bool described = head->body == HTTP_BODY_NONE && head->has_length && head->status >= 200 && head->status != 204;

	if (head->body == HTTP_BODY_LENGTH || described) {
		PUT(w, "content-length: ");
		put_number(w, head->content_length);
		PUT(w, "\r\n");
	}
	if (e->chunked)
		PUT(w, "transfer-encoding: chunked\r\n");
}

uint32_t edit_response(const struct http_head *head, const struct edit_response *e, char *out, uint32_t size)
{
	struct writer w = { out, out + size, false };

	PUT(&w, "HTTP/1.1 ");
	put_number(&w, head->status);
	PUT(&w, " ");
	put(&w, head->reason);
	PUT(&w, "\r\n");
	for (uint32_t i = 0; i < head->field_count; i++) {
		const struct http_field *f = &head->fields[i];
		if (!f->drop && e->cookie && f->value.n > 0 && str_is_nocase(f->name, "set-cookie"))
			put_set_cookie(&w, f, e);
		else if (!f->drop)
			put_field(&w, f->name, f->value);
	}
	put_response_length(&w, head, e);
	if (e->set_cookie.n > 0)
		put_field(&w, str_of("set-cookie", 10), e->set_cookie);
	if (e->cache_private)
		PUT(&w, "cache-control: private\r\n");
	if (head->upgrade)
		PUT(&w, "connection: upgrade\r\n");
	else if (e->close)
		PUT(&w, "connection: close\r\n");
	else if (e->keep_alive)
		PUT(&w, "connection: keep-alive\r\n");
	PUT(&w, "\r\n");
	return written(&w, out);
}

static const char *explanation(unsigned status)
{
	static const struct { uint16_t status; const char *text; } list[] = {
		{ 200, PACKED "This service is ready." },
		{ 400, PACKED "Your browser sent an invalid request." },
		{ 403, PACKED "This request is not allowed here." },
		{ 404, PACKED "There is nothing at this address." },
		{ 405, PACKED "This method is not allowed here." },
		{ 408, PACKED "Your browser didn't send a complete request in time." },
		{ 410, PACKED "What was here is gone for good." },
		{ 413, PACKED "The request is too large." },
		{ 414, PACKED "The address that was asked for is too long." },
		{ 417, PACKED "What the request expects is not to be had here." },
		{ 425, PACKED "The request came too early." },
		{ 429, PACKED "Too many requests in a short time." },
		{ 431, PACKED "The header of the request is too large." },
		{ 501, PACKED "The server does not support the functionality required to fulfill the request." },
		{ 502, PACKED "The server returned an invalid or incomplete response." },
		{ 503, PACKED "No server is available to handle this request." },
		{ 504, PACKED "The server didn't respond in time." },
		{ 505, PACKED "Only HTTP/1.0 and HTTP/1.1 are spoken here." },
	};

	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (list[i].status == status)
			return list[i].text;
	return PACKED "An internal server error occurred.";
}

/* Either the page of the status, or the text. */
static void put_body(struct writer *w, const struct edit_answer *a, struct str reason, struct str text)
{
	if (!a->page) {
		put(w, a->body);
		return;
	}
	PUT(w, "<html><body><h1>");
	put_number(w, a->status);
	PUT(w, " ");
	put(w, reason);
	PUT(w, "</h1>\n");
	put(w, text);
	PUT(w, "\n</body></html>\n");
}

uint32_t edit_answer(const struct edit_answer *a, char *out, uint32_t size)
{
	struct writer w = { out, out + size, false };
	char plain[TEXT_MAX];
	struct str reason = str_z(http_reason(a->status)), text = str_z(text_plain(explanation(a->status), plain));
	uint32_t page_bytes = (uint32_t)sizeof "<html><body><h1>NNN </h1>\n\n</body></html>\n" - 1 + reason.n + text.n;

	PUT(&w, "HTTP/1.1 ");
	put_number(&w, a->status);
	PUT(&w, " ");
	put(&w, reason);
	PUT(&w, "\r\n");
	if (a->status != 204 && a->status != 304) {
		PUT(&w, "content-length: ");
		put_number(&w, a->page ? page_bytes : a->body.n);
		PUT(&w, "\r\n");
	}
	if (a->location.n > 0)
		put_field(&w, str_of("location", 8), a->location);
	if (a->page || a->no_cache)
		PUT(&w, "cache-control: no-cache\r\n");
	if (a->page || a->type)
		put_field(&w, str_of("content-type", 12), str_z(a->page ? "text/html" : a->type));
	if (a->close)
		PUT(&w, "connection: close\r\n");
	else if (a->keep_alive)
		PUT(&w, "connection: keep-alive\r\n");
	PUT(&w, "\r\n");
	if (!a->head_only)
		put_body(&w, a, reason, text);
	return written(&w, out);
}
