/* SPDX-License-Identifier: MIT
 * What the lines of the sections defaults, frontend, backend and listen become. As in HAProxy one structure serves all
 * four: a listen section is a frontend and a backend, and every section starts as a copy of the defaults before it.
 * conf/ fills these in; after start they are read-only. Times are milliseconds. Pure.
 */
#ifndef PROXY_CONFIG_H
#define PROXY_CONFIG_H
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/text.h"
#include "proxy/acl.h"
#include "proxy/rule.h"
#include "proxy/stick.h"

enum proxy_side { PROXY_FRONTEND = 1, PROXY_BACKEND = 2 };              /* bits; defaults: 0 */
enum proxy_mode { MODE_TCP, MODE_HTTP };
enum proxy_option {                                                     /* bits of proxy_config.options */
	OPTION_FORWARDFOR = 1 << 0,
	OPTION_HTTPLOG = 1 << 1,
	OPTION_TCPLOG = 1 << 2,
	OPTION_DONTLOGNULL = 1 << 3,
	OPTION_REDISPATCH = 1 << 4,
	OPTION_HTTP_SERVER_CLOSE = 1 << 5,      /* a server connection serves one request */
	OPTION_HTTPCLOSE = 1 << 6,              /* client and server connections serve one request */
	OPTION_LOG_GLOBAL = 1 << 7,             /* `log global`: sessions are logged */
	OPTION_CLITCPKA = 1 << 30, OPTION_SRVTCPKA = 1 << 29,   /* the kernel asks whether the peer is still there */
	OPTION_LOG_CHECKS = 1 << 28,            /* each health check that says something new is logged */
	OPTION_PERSIST = 1 << 8,                /* a cookie leads to its server even when that is down */
	OPTION_ALLBACKUPS = 1 << 16,            /* backups share the work, not the first one alone */
	OPTION_ABORTONCLOSE = 1 << 17,          /* a client that has sent its end waits for no answer */
};
enum timeout_kind {
	TIMEOUT_CONNECT, TIMEOUT_CLIENT, TIMEOUT_SERVER, TIMEOUT_HTTP_REQUEST, TIMEOUT_HTTP_KEEP_ALIVE, TIMEOUT_CHECK,
	TIMEOUT_QUEUE, TIMEOUT_TUNNEL, TIMEOUT_CLIENT_FIN, TIMEOUT_SERVER_FIN, TIMEOUT_COUNT
};
/* A frontend or backend without these lines gets them; HAProxy only warns and waits for ever. */
#define TIMEOUT_CONNECT_DEFAULT_MS 5000
#define TIMEOUT_CLIENT_DEFAULT_MS 30000
#define TIMEOUT_SERVER_DEFAULT_MS 30000

enum balance_kind {
	BALANCE_ROUNDROBIN, BALANCE_STATIC_RR, BALANCE_LEASTCONN, BALANCE_FIRST, BALANCE_RANDOM,
	BALANCE_SOURCE, BALANCE_URI, BALANCE_URL_PARAM, BALANCE_HDR     /* these hash: keep them last */
};
enum check_kind { CHECK_TCP, CHECK_HTTP, CHECK_STEPS };
enum expect_kind { EXPECT_DEFAULT /* 2xx and 3xx */, EXPECT_STATUS, EXPECT_STRING };
#define EXPECT_RANGES_MAX 8
enum reuse_kind { REUSE_NEVER, REUSE_SAFE, REUSE_AGGRESSIVE, REUSE_ALWAYS };
/* These in the order of their words in conf/keywords.c. */
enum observe_kind { OBSERVE_NONE, OBSERVE_LAYER4, OBSERVE_LAYER7 };
enum error_action { ERROR_FAIL_CHECK, ERROR_FASTINTER, ERROR_SUDDEN_DEATH, ERROR_MARK_DOWN };
enum init_state { INIT_UP, INIT_FULLY_UP, INIT_DOWN, INIT_FULLY_DOWN };

enum step_kind { STEP_CONNECT, STEP_SEND, STEP_EXPECT };

/* A line `tcp-check`, or `http-check connect`. */
struct check_step {
	uint8_t kind;                           /* step_kind */
	bool binary, not;                       /* how it is called in the log; `!` */
	struct endpoint address;                /* connect: parts that `addr` and `port` gave, as in check_address below */
	struct str bytes;                       /* what is sent or expected */
	struct check_step *next;
};
/* An HTTP request; NULL: not given. */
struct check_request {
	const char *method, *uri, *version;
	const char *headers;                    /* whole lines, each ended by CRLF */
	const char *body;
};
#define CHECK_REQUEST_DEFAULT { .method = "OPTIONS", .uri = "/", .version = "HTTP/1.0" }

struct check_config {
	uint8_t kind;                           /* check_kind */
	uint8_t expect;                         /* expect_kind */
	bool expect_not;                        /* `!` */
	uint8_t range_count;
	struct { uint16_t low, high; } ranges[EXPECT_RANGES_MAX];       /* EXPECT_STATUS */
	const char *text;                       /* EXPECT_STRING */
	struct check_request request;           /* of `option httpchk`: OPTIONS / HTTP/1.0 */
	struct check_request send;              /* of `http-check send`, which goes before it */
	struct check_step *connect;             /* `http-check connect`; NULL: none */
	struct check_step *steps;               /* CHECK_STEPS: in order; NULL: it is enough to connect */
};

struct balance_config {
	uint8_t kind;                           /* balance_kind */
	uint8_t draws;                          /* random: 2 */
	bool whole;                             /* uri: with the query */
	uint16_t length, depth;                 /* uri: so many bytes, or directories, at most; 0: all */
	const char *name;                       /* url_param, hdr: of what */
};

struct health_config {
	uint32_t inter_ms, fastinter_ms, downinter_ms;
	uint16_t fall, rise;
	uint8_t init_state;                     /* init_state */
};

struct cookie_config {
	const char *name;                       /* NULL: no cookie line */
	/* Modes; none of the first three: passive, the server sets the cookie. */
	bool insert, rewrite, prefix, indirect;
	bool nocache, postonly, preserve, httponly, secure, dynamic;
	const char *domain;                     /* NULL: none. Several: HAProxy writes "a; domain=b", so does the text here */
	const char *attr;                       /* NULL: none. Several: "a; b" */
	uint32_t maxidle_s, maxlife_s;          /* 0: for ever */
};

/* A whole response, head and body, in place of our own of that status; n 0: none at all. */
struct error_file {
	uint16_t status;
	uint32_t n;
	const char *bytes;
	struct error_file *next;                /* of the section, its own before those of its defaults */
	struct error_file *later;               /* in the order of the file */
};

struct forwardfor_config {                      /* OPTION_FORWARDFOR */
	const char *header;
	struct prefix except;                   /* family ADDR_NONE: none */
	bool if_none;
};

struct server_config {
	const char *name;                       /* NULL in a default-server line */
	struct endpoint address;
	const char *cookie;                     /* NULL: none */
	struct health_config health;
	uint16_t weight;                        /* 0..256; 0: only for clients that hold its cookie */
	bool check, backup, disabled;
	bool send_proxy, send_proxy_v2;         /* both: version 2 */
	bool check_send_proxy;                  /* also where checks have an address of their own */
	uint32_t maxconn, maxqueue;             /* sessions at once, and that wait for it alone; 0: no limit */
	uint32_t slowstart_ms;
	uint8_t observe;                        /* observe_kind */
	uint8_t on_error;                       /* error_action */
	uint16_t error_limit;                   /* so many errors in a row; 10 */
	bool shut_sessions, shut_backups;       /* on-marked-down shutdown-sessions, on-marked-up shutdown-backup-sessions */
	struct endpoint check_address;          /* parts that `addr` and `port` gave; family ADDR_NONE / port 0: as address */
	uint32_t index;                         /* over all servers of the file; its place on the scoreboard */
	uint32_t line;
	struct server_config *next;             /* in file order */
};

static inline unsigned server_proxy_version(const struct server_config *s)
{
	return s->send_proxy_v2 ? 2 : s->send_proxy;
}

struct bind_config {
	struct endpoint address;
	const char *name, *interface;           /* NULL: none; any */
	bool v6only, v4v6;                      /* an IPv6 address: IPv4 clients too? Neither: as the system has it */
	bool shared;                            /* another one overlaps: the kernel gives the nearest its clients */
	bool accept_proxy;                      /* a PROXY header comes first */
	uint32_t index;                         /* over all bind addresses of the file; its listening socket */
	uint32_t line;
	struct bind_config *next;
};

struct proxy_config {
	const char *name;
	uint8_t sides;                          /* proxy_side bits */
	uint8_t mode;                           /* proxy_mode */
	uint32_t options;                       /* proxy_option bits */
	struct server_config *servers;
	uint32_t server_count;
	struct bind_config *binds;
	uint32_t bind_count;
	uint32_t index;                         /* over all proxies; backends index the scoreboard with it */
	uint32_t line;
	struct proxy_config *next;
	uint32_t timeouts[TIMEOUT_COUNT];       /* ms; 0: not given (see the functions below) */
	uint32_t retries;                       /* 3 */
	int32_t redispatch_interval;            /* `option redispatch N`; -1: the last retry only */
	uint32_t maxconn;                       /* frontend; 0: only the global limit */
	struct balance_config balance;
	uint8_t http_reuse;                     /* reuse_kind */
	struct check_config check;
	struct cookie_config cookie;
	const char *cookie_key;                 /* `dynamic-cookie-key`; NULL: none */
	struct acl *acls;
	struct rule *backend_rules;             /* use_backend */
	struct rule *request_rules, *response_rules, *redirects, *monitor_fails;
	const char *monitor_uri;                /* NULL: none */
	struct error_file *errors;
	struct forwardfor_config forwardfor;
	struct rule *connection_rules, *content_rules;  /* tcp-request */
	struct rule *stick_rules;               /* stick on and so on */
	const struct stick_config *stick;       /* NULL: no table */
	uint32_t inspect_delay_ms;
	const char *default_backend_name;       /* NULL: none */
	uint32_t default_backend_line;
	const struct proxy_config *default_backend;     /* a listen section: itself */
	struct server_config default_server;
};
#endif
