/* SPDX-License-Identifier: MIT
 * An HTTP/1.x message head: bytes to spans. Strict where leniency is dangerous: a head that two parties could read
 * differently, or whose message length they could, is refused, never repaired (RFC 9112 §2.2, §3.2, §5, §6, §11).
 * No state: the caller calls again from the start when more bytes have come. Pure.
 */
#ifndef PROXY_HTTP_H
#define PROXY_HTTP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/text.h"

#define HTTP_FIELDS_MAX 101             /* HAProxy's tune.http.maxhdr */

enum http_method {
	HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS, HTTP_TRACE, HTTP_PATCH, HTTP_CONNECT,
	HTTP_OTHER
};
enum http_body {
	HTTP_BODY_NONE,                 /* RFC 9112 §6.3 cases 1 and 7 */
	HTTP_BODY_LENGTH,               /* content_length bytes (may be 0) */
	HTTP_BODY_CHUNKED,
	HTTP_BODY_CLOSE,                /* response: until the server closes (case 8) */
	HTTP_BODY_TUNNEL,               /* 101, or 2xx to CONNECT: opaque bytes both ways (case 2) */
};

struct http_field {
	struct str name, value;         /* value without the white space around it */
	bool drop;                      /* hop-by-hop: by its own name, or because Connection names it (RFC 9110 §7.6.1) */
};

struct http_head {
	struct str method, target;      /* request: as received */
	struct str path;                /* request: origin-form (path and query) of target: what the server is sent. "*" for
	                                 * OPTIONS *, authority for CONNECT; "/" for an absolute-form without a path */
	struct str host;                /* request: the authority: of an absolute-form target, else of Host; n 0: none */
	uint16_t status;                /* response */
	struct str reason;
	uint8_t method_kind;            /* http_method */
	uint8_t minor;                  /* version 1.minor: 0 or 1; there is no 1.2, and who says so is refused with 505 */
	uint8_t body;                   /* http_body */
	uint64_t content_length;        /* HTTP_BODY_LENGTH; for a response to HEAD, 304: what its field says, if has_length */
	bool has_length;                /* there is a (valid) Content-Length field */
	bool keep_alive;                /* the sender wants to keep its connection: version, Connection: close, keep-alive */
	bool upgrade;                   /* Connection: upgrade and an Upgrade field, version 1.1; h2c alone is no upgrade */
	bool expect_continue;           /* request, version 1.1 */
	bool has_host;                  /* there is a Host field */
	uint32_t field_count;
	struct http_field fields[HTTP_FIELDS_MAX];
};

/* Where a search through the fields goes on; starts as zeros. */
struct http_cursor { uint32_t field, offset; };

/* Bytes of the head, with the empty line that ends it and with empty lines (CRLF) before the request line; 0: more bytes
 * are needed; negative: minus the status to answer with before closing (400, 414, 417, 431, 501, 505). The spans point
 * into the bytes. A caller whose buffer is full at 0 answers 431 (or 414 while there is no line end yet). */
int http_request_parse(const uint8_t *, size_t, struct http_head *);
/* The same for a response to a request with this method; negative: the server is to be taken as broken (502). Interim
 * responses (1xx but 101) are returned like others, with HTTP_BODY_NONE. */
int http_response_parse(const uint8_t *, size_t, enum http_method, struct http_head *);

/* The next field of that name (case does not count) at or after *index, which is then set to its place; NULL: none. */
const struct http_field *http_field_find(const struct http_head *, const char *name, uint32_t *index);
/* The method may be sent twice without harm (RFC 9110 §9.2.2). */
bool http_is_idempotent(enum http_method);
/* "GET" and so on is a method token; name of a status code ("Bad Request"). */
bool http_is_token(struct str);
/* "" for HTTP_OTHER. */
struct str http_method_name(enum http_method);
const char *http_reason(unsigned status);
#endif
