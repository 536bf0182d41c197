/* SPDX-License-Identifier: MIT
 * Samples: what a condition or a text may ask about a connection and the message in hand ("fetches" in HAProxy). An
 * expression says what is wanted, the context where to look. Spans point into the head, the context or the expression.
 * Pure; what only the worker knows it is asked for.
 */
#ifndef PROXY_SAMPLE_H
#define PROXY_SAMPLE_H
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "proxy/http.h"

enum sample_kind {
	SAMPLE_TRUE, SAMPLE_FALSE, SAMPLE_SRC, SAMPLE_SRC_PORT,
	SAMPLE_METHOD, SAMPLE_VERSION, SAMPLE_PATH, SAMPLE_URL, SAMPLE_QUERY, SAMPLE_URL_PARAM, SAMPLE_STATUS,
	SAMPLE_HDR, SAMPLE_HDR_CNT, SAMPLE_HDR_VAL, SAMPLE_HDR_IP, SAMPLE_COOKIE,
	SAMPLE_FRONTEND, SAMPLE_BACKEND, SAMPLE_SERVER, SAMPLE_HOSTNAME,
	SAMPLE_ASKED,                   /* from here on sample_context.ask knows */
	SAMPLE_NBSRV = SAMPLE_ASKED, SAMPLE_DST, SAMPLE_DST_PORT, SAMPLE_SSL_SNI, SAMPLE_SSL_HELLO_TYPE,
	SAMPLE_STICK, SAMPLE_STICK_INC,
	SAMPLE_KINDS
};
enum value_type { VALUE_TEXT, VALUE_BOOL, VALUE_NUMBER, VALUE_ADDR };
/* Bits: when there is something to look at. */
enum sample_use { USE_CONNECTION = 1, USE_REQUEST = 2, USE_RESPONSE = 4, USE_STREAM = 8 /* its first bytes, in mode tcp */ };

/* A backend that a line names; the file's end tells which it is. */
struct proxy_config;
struct proxy_ref {
	const char *name, *keyword;
	uint32_t line;
	const struct proxy_config *proxy;
	bool table;                     /* a section with a stick table, rather */
	struct proxy_ref *next;
};

struct sample_expr {
	uint8_t kind;                   /* sample_kind */
	int8_t occurrence;              /* of several values: 1 the first, -1 the last; 0: not said */
	struct str argument;            /* name of a field, cookie, parameter; has a NUL behind it */
	const struct proxy_ref *backend;        /* or whose table */
	uint8_t data;                   /* stick_data */
	bool by_source;                 /* of the client's address, not of what is tracked */
};

struct sample {
	uint8_t type;                   /* value_type */
	int64_t number;                 /* VALUE_BOOL: 0 or 1 */
	struct addr addr;
	struct str text;
};

struct sample_context {
	const struct http_head *head;   /* the message in hand; NULL: none */
	uint8_t method;                 /* http_method, of the request */
	const struct endpoint *client;
	const char *frontend, *backend, *server, *hostname;
	/* Which rules' conditions have held; NULL: that is not kept. again: they held then, and nothing is counted twice. */
	uint32_t *held;
	bool again;
	/* Kinds from SAMPLE_ASKED on: owner is who asks. false: there is no such thing. */
	void *owner;
	bool (*ask)(const struct sample_context *, const struct sample_expr *, struct sample *);
};

uint8_t sample_type(enum sample_kind);                                  /* value_type */
/* The next value; the cursor starts as zeros. Fields and cookies have one for each time that they are there, fields split
 * at commas. false: there is none, or no more. */
bool sample_next(const struct sample_expr *, const struct sample_context *, struct http_cursor *, struct sample *);
/* The only value, where HAProxy takes one of several: the last of a field or cookie, else the first. */
bool sample_one(const struct sample_expr *, const struct sample_context *, struct sample *);
/* As text; area has ADDR_TEXT_MAX bytes. */
struct str sample_text(const struct sample *, char *area);
/* The number that a text starts with, as HAProxy casts it. false: it starts with no digit. */
bool sample_number(const struct sample *, int64_t *);
/* What of the request's path and query comes before the '?', and behind it. path n 0: there is none ("*");
 * query p NULL: there is no '?'. */
struct str path_of(const struct http_head *);
struct str query_of(const struct http_head *);
#endif
