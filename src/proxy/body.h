/* SPDX-License-Identifier: MIT
 * How far a message reaches: content-length, chunked, until close. The chunked decoder takes the framing out in place,
 * strictly (RFC 9112 §7.1): extensions and trailers are checked, limited and dropped, never passed on. Pure.
 */
#ifndef PROXY_BODY_H
#define PROXY_BODY_H
#include <stdbool.h>
#include <stdint.h>
#include "proxy/http.h"

#define BODY_CHUNK_LINE_MAX 1024        /* chunk size with its extensions */
#define BODY_TRAILER_MAX 4096           /* all trailer fields */

struct body {
	uint8_t kind;                   /* http_body */
	uint8_t state;                  /* of the chunked decoder */
	bool done;                      /* the last byte of the message was seen */
	uint16_t line_bytes;            /* of the chunk line or the trailers so far */
	uint32_t name_hash;             /* of the trailer field whose name is being read */
	uint64_t left;                  /* of the content length, or of the chunk */
};

/* From a parsed head. A message without a body is done at once. */
void body_init(struct body *, const struct http_head *);
/* Looks at *n new bytes. Afterwards the first *ready of them are body, framing taken out, and what is left behind those
 * (up to *n, which may have become smaller) is not part of this message: there is such a rest only when the body is done.
 * 0: fine; negative: the framing is broken (minus the status for a request, 400), nothing may be passed on or kept. */
int body_decode(struct body *, uint8_t *bytes, uint32_t *n, uint32_t *ready);
/* The end of the connection came: true if that is the proper end of this message. */
bool body_closed(struct body *);
#endif
