/* SPDX-License-Identifier: MIT
 * Cookie persistence with HAProxy's results (FACTS of http_ana.c: names exact, values compared in server order, the first
 * usable server wins). Finds, cuts out, changes and makes cookies; knows no socket, no clock and no server state. Pure.
 */
#ifndef PROXY_COOKIE_H
#define PROXY_COOKIE_H
#include <stdbool.h>
#include <stdint.h>
#include "proxy/config.h"
#include "proxy/http.h"

#define COOKIE_TEXT_MAX 512             /* of a Set-Cookie field's value that is made here */
#define COOKIE_KEY_MAX 256              /* of `dynamic-cookie-key` */

/* Third and fourth character of HAProxy's session state: what the client came with, what the response says. */
enum cookie_request { COOKIE_NONE = 'N', COOKIE_INVALID = 'I', COOKIE_DOWN = 'D', COOKIE_VALID = 'V', COOKIE_EXPIRED = 'E',
	COOKIE_OLD = 'O', COOKIE_UNUSED = 'U' };
enum cookie_response { COOKIE_PASSIVE = 'P', COOKIE_DELETED = 'D', COOKIE_INSERTED = 'I', COOKIE_REPLACED = 'R',
	COOKIE_UPDATED = 'U' };

/* A cookie of a request: NAME=value[|last[|first]], or NAME=value~the server's own in mode prefix. */
struct cookie {
	struct http_cursor at;          /* where the search goes on; starts as zeros */
	struct str value;               /* what leads to a server */
	uint32_t last_s, first_s;       /* when the client was last and first here (UNIX time, by fours); 0: not said. Stays
	                                 * from one cookie to the next unless that one says it too */
};

/* The next cookie of that name in the request; the cursor starts as zeros. A client may hold several, from other paths or
 * domains. false: there is none, or no more. */
bool cookie_next(const struct http_head *, const char *name, struct http_cursor *, struct str *value);
/* The same for the one that sticks: of several, HAProxy takes the first whose server can be used. */
bool cookie_find_next(const struct http_head *, const struct cookie_config *, struct cookie *);
/* Has it outlived maxlife (COOKIE_OLD) or maxidle (COOKIE_EXPIRED)? Then it loses its value and dates. 0: no. */
int cookie_age(const struct cookie_config *, struct cookie *, uint32_t now_s);
/* Writes the value of a Cookie field as the server is to see it: without our cookies (insert indirect), without what leads
 * to the server in them (prefix), else as it is; in HAProxy's spacing ("a=1; b=2"). out has room for field.n bytes.
 * Returns its length; 0: nothing is left, the whole field goes. */
uint32_t cookie_cut(struct str field, const struct cookie_config *, char *out);
/* HAProxy has no characters for a cookie that is only read. */
static inline bool cookie_is_logged(const struct cookie_config *c)
{
	return c->insert || c->rewrite || c->prefix || c->indirect;
}
/* The servers of a backend that carry this cookie value, one after the other in file order: start with NULL. */
const struct server_config *cookie_server(const struct proxy_config *backend, struct str value,
	const struct server_config *after);

/* What becomes of a Set-Cookie field with our name from the server: a cookie_response. value: its server's, NULL: none;
 * direct: the client's cookie has led to it. */
int cookie_fate(const struct cookie_config *, const char *value, bool direct);
/* A server's Set-Cookie sets this name. */
bool cookie_is_set_by(const struct http_field *, const char *name);
/* Writes such a field's value, any name's, with that fate for ours. Returns its length, 0: it goes; UINT32_MAX: no room. */
uint32_t cookie_change(struct str field, const struct cookie_config *, int fate, const char *value, char *out,
	uint32_t size);
/* A cookie is to be inserted although the client's own has led to this server (direct), or because none has. */
bool cookie_is_due(const struct cookie_config *, const struct cookie *, bool direct, uint32_t now_s);
/* The value of a Set-Cookie field that inserts value (NULL: clears the cookie): "SERVERID=web01; path=/". The client's
 * cookie gives the first date. Returns its length, 0 if it does not fit. */
uint32_t cookie_make(const struct cookie_config *, const char *value, const struct cookie *, uint32_t now_s, char *out,
	uint32_t size);
/* The response could be stored by a cache, as HAProxy 2.6 judges it for `nocache`: method, status, a validator or an expiry
 * date, and nothing in Cache-Control or Pragma against it. */
bool cookie_response_cacheable(const struct http_head *response, enum http_method);
/* `cookie ... dynamic`: 16 hexadecimal digits that depend on address and key alone, so that every proxy finds the same. */
void cookie_dynamic(const struct endpoint *, const char *key, char out[17]);
#endif
