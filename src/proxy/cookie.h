/* SPDX-License-Identifier: MIT
 * Cookie persistence, mode insert, with HAProxy's results (FACTS of http_ana.c: names exact, values compared in server
 * order, first usable server wins). Finds, cuts out and makes cookies; knows no socket and no server state. Pure.
 */
#ifndef PROXY_COOKIE_H
#define PROXY_COOKIE_H
#include <stdbool.h>
#include <stdint.h>
#include "proxy/config.h"
#include "proxy/http.h"

/* Third character of HAProxy's session state: what the client came with. */
enum cookie_request { COOKIE_NONE = 'N', COOKIE_INVALID = 'I', COOKIE_DOWN = 'D', COOKIE_VALID = 'V' };

/* The next cookie of that name in the request; the cursor starts as zeros. A client may hold several, from other paths or
 * domains. false: there is none, or no more. */
bool cookie_next(const struct http_head *, const char *name, struct http_cursor *, struct str *value);
/* The same up to a '|' (HAProxy's date mark): of several, HAProxy takes the first whose server can be used. */
bool cookie_find_next(const struct http_head *, const char *name, struct http_cursor *, struct str *value);
/* Writes the value of a Cookie field without the cookies of that name (HAProxy's spacing: "a=1; b=2"). out has room for
 * field.n bytes. Returns its length; 0: nothing is left, the whole field goes. */
uint32_t cookie_cut(struct str field, const char *name, char *out);
/* The servers of a backend that carry this cookie value, one after the other in file order: start with NULL. */
const struct server_config *cookie_server(const struct proxy_config *backend, struct str value,
	const struct server_config *after);
/* The value of a Set-Cookie field that inserts value (NULL: clears the cookie): "SERVERID=web01; path=/". Returns its
 * length, 0 if it does not fit. */
uint32_t cookie_make(const struct cookie_config *, const char *value, char *out, uint32_t size);
/* The server's own Set-Cookie sets this name. */
bool cookie_is_set_by(const struct http_field *, const char *name);
/* The response could be stored by a cache, as HAProxy 2.6 judges it for `nocache`: method, status, a validator or an expiry
 * date, and nothing in Cache-Control or Pragma against it. */
bool cookie_response_cacheable(const struct http_head *response, enum http_method);
#endif
