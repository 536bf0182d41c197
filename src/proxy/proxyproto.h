/* SPDX-License-Identifier: MIT
 * The PROXY protocol, versions 1 and 2: one header at the front of a connection says for whom it is. Understood only where
 * the configuration asks for it, never guessed: anybody could write one. Pure.
 */
#ifndef PROXY_PROXYPROTO_H
#define PROXY_PROXYPROTO_H
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"

#define PROXYPROTO_MAX 107      /* bytes of a header that is made here */

enum proxyproto_error {
	PROXYPROTO_FOREIGN = -1,        /* no such header */
	PROXYPROTO_UNHANDLED = -2,      /* of a protocol that is not TCP */
	PROXYPROTO_INVALID = -3,
};
struct proxyproto {
	struct endpoint source, destination;    /* family ADDR_NONE: it speaks for itself (LOCAL, UNKNOWN) */
};

/* > 0: bytes of the header; 0: more needed; < 0: a proxyproto_error, as soon as it shows. */
int proxyproto_parse(const uint8_t *, size_t n, struct proxyproto *);
/* Makes one of that version; returns its length. Addresses of different families, or none, become UNKNOWN or LOCAL. */
uint32_t proxyproto_make(unsigned version, const struct proxyproto *, char out[PROXYPROTO_MAX + 1]);
#endif
