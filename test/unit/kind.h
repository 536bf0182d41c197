/* SPDX-License-Identifier: MIT
 * What test/vectors/conf.txt calls the kind of a row: "= KIND NAME".
 */
#include "conf/parse.h"

static const char *kind_of(const struct keyword *k)
{
	switch (k->where & AS_ALL) {
	case AS_SECTION: return "section";
	case AS_OPTION: return "option";
	case AS_TIMEOUT: return "timeout";
	case AS_HTTP_CHECK: return "http-check";
	case AS_EXPECT: return "expect";
	case AS_TCP_CHECK: return "tcp-check";
	case AS_SEND: return "check-send";
	case AS_CONNECT: return "check-connect";
	case AS_CONTENT: return "tcp-expect";
	case AS_SERVER: return "server";
	case AS_BIND: return "bind";
	case AS_COOKIE: return "cookie";
	case AS_VIP: return "vip";
	case AS_ANSWER: return "answer";
	case AS_REDIRECT: return "redirect";
	case AS_FORWARDFOR: return "forwardfor";
	case AS_FETCH: return "fetch";
	case AS_HTTP_REQUEST: case AS_HTTP_RULE: return "http-request";
	case AS_HTTP_RESPONSE: return "http-response";
	case AS_TCP_REQUEST: return "tcp-request";
	case AS_STICK: return "stick-table";
	case AS_ROUTE: return "route";
	case AS_TRACK: return "track";
	case AS_STATS: return "stats";
	case AS_HMAC: return "hmac";
	case AS_SOCKET: return "socket";
	default: return k->where & IN_GLOBAL ? "global" : k->where & IN_VRRP ? "vrrp" : k->where & IN_SCRIPT ? "script" :
		k->where & IN_FILE ? "file-of-a-track" : k->where & IN_GROUP ? "group" : "proxy";
	}
}
