/* SPDX-License-Identifier: MIT
 * Words that a file of HAProxy's or keepalived's may have and tandem does not: whoever brings such a file
 * hears that the word is known, and why it is not taken.
 */
#include <string.h>
#include "conf/parse.h"

#define HAPROXY PACKED "is HAProxy's; tandem does not have it"
#define KEEPALIVED PACKED "is keepalived's; tandem does not have it"
#define TLS PACKED "is about TLS, which comes later"

/* Only the words that files of small sites really have: each costs its letters, and what is not here is
 * refused as well. */
static const struct { uint32_t where; const char *words, *reason; } table[] = {
	{ AS_SECTION, PACKED "vrrp_instance", PACKED "is keepalived's: here it starts with 'vrrp NAME', and has no braces" },
	{ AS_SECTION, PACKED "vrrp_track_process global_defs virtual_server", KEEPALIVED },
	{ AS_SECTION, PACKED "peers resolvers userlist mailers cache http-errors ring", HAPROXY },

	{ AS_LINE | IN_GLOBAL, PACKED "daemon", PACKED "is HAProxy's: 'tandem run -d' goes to the background" },
	{ AS_LINE | IN_GLOBAL, PACKED "pidfile", PACKED "is HAProxy's: 'tandem run -p FILE' writes it" },
	{ AS_LINE | IN_GLOBAL, PACKED "nbthread nbproc cpu-map", PACKED "is HAProxy's: tandem has one worker and no threads" },
	{ AS_LINE | IN_GLOBAL, PACKED "uid gid", PACKED "is HAProxy's: write 'user' or 'group', which take numbers as well" },
	{ AS_LINE | IN_GLOBAL, PACKED "maxsslconn ca-base crt-base ssl-default-bind-ciphers "
		"ssl-default-bind-ciphersuites ssl-default-bind-options ssl-default-server-ciphers "
		"ssl-default-server-options ssl-dh-param-file ssl-server-verify tune.ssl.default-dh-param", TLS },
	{ AS_LINE | IN_GLOBAL, PACKED "description hard-stop-after log-send-hostname log-tag lua-load master-worker "
		"maxconnrate spread-checks ulimit-n", HAPROXY },
	{ AS_LINE | IN_GLOBAL, PACKED "router_id notification_email smtp_server vrrp_strict", KEEPALIVED },
	{ AS_LINE | IN_GLOBAL, PACKED "enable_script_security", PACKED "is keepalived's: it is always on here" },

	{ AS_LINE | IN_VRRP, PACKED "authentication",
		PACKED "is keepalived's block: here 'auth_pass TEXT' is a line of its own" },
	{ AS_LINE | IN_VRRP, PACKED "preempt", PACKED "is keepalived's: it is the rule here; 'nopreempt' turns it off" },
	{ AS_LINE | IN_VRRP, PACKED "accept debug dont_track_primary smtp_alert track_process "
		"virtual_rules", KEEPALIVED },

	{ AS_LINE | IN_PROXY, PACKED "stats", PACKED "is HAProxy's and comes later" },
	{ AS_HTTP_RULE, PACKED "replace-value replace-uri replace-pathq",
		PACKED "is HAProxy's: here are replace-header and replace-path" },
	{ AS_HTTP_RULE, PACKED "set-method",
		PACKED "is HAProxy's; tandem does not have it: the answer to another method may have another end" },
	{ AS_HTTP_RULE, PACKED "set-uri set-pathq set-var set-src set-dst set-log-level capture tarpit auth reject silent-drop "
		"normalize-uri use-service track-sc1 track-sc2 wait-for-body", HAPROXY },
	{ AS_ANSWER, PACKED "file lf-file errorfile errorfiles default-errorfiles hdr", HAPROXY },
	{ AS_REDIRECT, PACKED "set-cookie clear-cookie ignore-empty", HAPROXY },
	{ AS_LINE | IN_PROXY, PACKED "appsession", PACKED "has gone from HAProxy too: 'cookie' keeps clients on a server" },
	{ AS_LINE | IN_PROXY, PACKED "clitimeout contimeout srvtimeout",
		PACKED "is HAProxy's old word: write 'timeout client', 'timeout connect' or 'timeout server'" },
	{ AS_LINE | IN_PROXY, PACKED "backlog capture compression description disabled filter fullconn "
		"http-error log-format rate-limit retry-on server-template source "
		"tcp-response unique-id-format", HAPROXY },
	{ AS_OPTION, PACKED "contstats http-buffer-request http-ignore-probes "
		"http-no-delay httpslog logasap mysql-check nolinger originalto pgsql-check "
		"redis-check smtpchk socket-stats splice-auto ssl-hello-chk", HAPROXY },
	{ AS_TIMEOUT, PACKED "tarpit", HAPROXY },
	{ AS_HTTP_CHECK, PACKED "comment set-var unset-var disable-on-404 send-state", HAPROXY },
	{ AS_TCP_CHECK, PACKED "comment send-lf send-binary-lf set-var unset-var", HAPROXY },
	{ AS_CONTENT, PACKED "rstring rbinary string-lf binary-lf comment min-recv", HAPROXY },
	{ AS_SEND, PACKED "uri-lf body-lf comment", HAPROXY },
	{ AS_CONNECT, PACKED "ssl sni alpn", TLS },
	{ AS_CONNECT, PACKED "default proto send-proxy via-socks4 linger comment", HAPROXY },
	{ AS_EXPECT, PACKED "rstatus rstring hdr fhdr", HAPROXY },
	{ AS_STATS, PACKED "timeout enable uri auth refresh", HAPROXY },
	{ AS_SOCKET, PACKED "user group expose-fd", HAPROXY },
	{ AS_STICK, PACKED "peers srvkey", HAPROXY },
	{ AS_TCP_REQUEST, PACKED "session", HAPROXY },
	{ AS_BIND, PACKED "ssl crt ca-file verify alpn ciphers ssl-min-ver strict-sni", TLS },
	{ AS_BIND, PACKED "transparent",
		PACKED "is HAProxy's: tandem binds to addresses that are on the other node without it" },
	{ AS_BIND, PACKED "defer-accept maxconn mode tfo", HAPROXY },
	{ AS_SERVER, PACKED "ssl verify ca-file crt sni alpn check-ssl check-sni", TLS },
	{ AS_SERVER, PACKED "resolvers resolve-prefer init-addr",
		PACKED "is about host names, which are not looked up: give the server's IP address" },
	{ AS_SERVER, PACKED "agent-check id minconn source track", HAPROXY },
	{ AS_VIP, PACKED "brd broadcast home mngtmpaddr noprefixroute use_vmac peer no_track", KEEPALIVED },
	{ AS_ROUTE, PACKED "to gw or nexthop onlink proto mtu tos preference weight advmss hoplimit track_group "
		"no_track", KEEPALIVED },
};

uint32_t word_in_list(const char *list, struct str word)
{
	char plain[TEXT_MAX];

	list = text_plain(list, plain);
	for (uint32_t place = 1; *list; place++) {
		size_t n = strcspn(list, " ");
		if (str_equal(word, str_of(list, n)))
			return place;
		list += n;
		list += strspn(list, " |");
	}
	return 0;
}

const char *foreign_reason(uint32_t as, uint32_t sections, struct str word)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		uint32_t where = table[i].where;
		if (as != AS_ANY && (where & AS_ALL) != as && !((where & AS_ALL) == AS_HTTP_RULE && is_http_rule(as)))
			continue;
		if ((!(where & IN_ANY) || where & sections) && word_in_list(table[i].words, word))
			return table[i].reason;
	}
	return NULL;
}
