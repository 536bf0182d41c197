/* SPDX-License-Identifier: MIT
 * The first handshake message of a TLS connection that passes through: which server the client asks for (SNI), without
 * ending TLS. Over any number of records and pieces. Pure.
 */
#ifndef PROXY_TLS_HELLO_H
#define PROXY_TLS_HELLO_H
#include <stddef.h>
#include <stdint.h>
#include "base/text.h"

#define TLS_CLIENT_HELLO 1

struct tls_hello {
	uint8_t type;                   /* of the message; TLS_CLIENT_HELLO from a client */
	uint8_t name_n;                 /* 0: no server name */
	char name[255];                 /* host_name, as it was sent */
};

/* > 0: bytes that the whole message takes up; 0: more needed; < 0: this is no TLS, or a message that is broken. */
int tls_hello_parse(const uint8_t *, size_t n, struct tls_hello *);
#endif
