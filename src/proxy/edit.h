/* SPDX-License-Identifier: MIT
 * The head that the other side must see: hop-by-hop fields out, our own in. Writes into the caller's area in one pass
 * over the parsed head. Pure.
 */
#ifndef PROXY_EDIT_H
#define PROXY_EDIT_H
#include <stdbool.h>
#include <stdint.h>
#include "proxy/cookie.h"
#include "proxy/http.h"

struct edit_request {
	const struct cookie_config *cookie;     /* NULL: leave the cookies alone */
	const char *forwarded_for;      /* address for X-Forwarded-For; NULL: none is added */
	const char *forwarded_header;   /* in another header */
	const char *host;               /* for an HTTP/1.0 request that names none: 1.1 must (RFC 9112 §3.2), servers insist */
	bool close;                     /* tell the server that the connection serves this request only */
	bool chunked;                   /* the body goes out chunked (it came chunked) */
};
struct edit_response {
	bool close;                             /* tell the client that its connection ends after this response */
	bool keep_alive;                        /* tell an HTTP/1.0 client that it does not */
	bool chunked;                           /* the body goes out chunked */
	const struct cookie_config *cookie;     /* NULL: leave the server's own Set-Cookie alone */
	int cookie_fate;                        /* what becomes of the one with our name */
	const char *cookie_value;               /* of its server */
	struct str set_cookie;                  /* value of a Set-Cookie field to add; n 0: none */
	bool cache_private;                     /* add Cache-Control: private */
};

/* The number of bytes written, or 0 if size is too small. The request goes out as HTTP/1.1 with an origin-form target and
 * exactly one Host (if the client gave one, or an absolute-form); message length fields are written anew from
 * head->body, never copied. `Expect` is kept, `TE` and trailers announcements are not. */
uint32_t edit_request(const struct http_head *, const struct edit_request *, char *out, uint32_t size);
/* The response goes out as HTTP/1.1 whatever the server's version was. Also for interim responses. */
uint32_t edit_response(const struct http_head *, const struct edit_response *, char *out, uint32_t size);
struct edit_answer {
	uint16_t status;
	bool page;                      /* a short HTML page for the status, like HAProxy's; else type and body */
	bool head_only;                 /* to HEAD */
	bool no_cache, close, keep_alive;       /* keep_alive: an HTTP/1.0 client must be told */
	const char *type;               /* NULL: none */
	struct str location, body;      /* n 0: none */
};
/* A whole answer of our own. Returns its length, 0 if it does not fit. */
uint32_t edit_answer(const struct edit_answer *, char *out, uint32_t size);
#endif
