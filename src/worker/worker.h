/* SPDX-License-Identifier: MIT
 * The worker: the unprivileged process that accepts, proxies and checks servers. One header for the folder; each part is
 * under the name of its file. A worker is one process with one loop, so there is one struct worker, `worker`.
 *
 * Who owns what: a session owns its client connection, at most one server connection, and at most one buffer a direction.
 * A server connection without a session is idle and belongs to its server.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H
#include <limits.h>
#include <sys/uio.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/loop.h"
#include "base/pool.h"
#include "conf/conf.h"
#include "proxy/balance.h"
#include "proxy/body.h"
#include "proxy/cookie.h"
#include "proxy/health.h"
#include "proxy/http.h"
#include "proxy/tls_hello.h"
#include "scoreboard.h"

/* ---- conn: one socket ---- */

struct conn {
	struct io io;
	bool readable, writable;        /* nothing has said otherwise since the last event: try */
	bool ended;                     /* it sent its end (or broke): nothing more will come */
	bool broken;                    /* an error: nothing more can be sent either */
	bool shut;                      /* we have sent our end */
};

void conn_open(struct conn *, int fd, void (*ready)(struct io *, short));
/* Takes in what fits into the buffer's room, but leaves `reserve` bytes of its size free. Returns the number of bytes;
 * 0: nothing now, or ended (see the flags). */
uint32_t conn_recv(struct conn *, struct buf *, uint32_t reserve);
/* Sends; returns the number of bytes taken, which may be 0; sets `writable` or `broken`. */
size_t conn_send(struct conn *, const struct iovec *, int count);
void conn_watch(struct conn *, bool read, bool write);
void conn_shut(struct conn *);          /* our end, once */
void conn_close(struct conn *);         /* reset: with RST, so that the peer sees an error and not a proper end */
void conn_reset(struct conn *);

/* ---- flow: the bytes of one direction ---- */

#define BYTES_A_TURN (64 * 1024)        /* that are moved of one flow; then others have their turn */

/* In its buffer stand, in this order: `plain` bytes to send as they are (what is left of an edited head), `ready` bytes of
 * body, framing taken out, and bytes that are not looked at yet (of a request: the next one). */
struct flow {
	struct buf *buf;                /* NULL: nothing in flight */
	struct body body;
	uint32_t plain, ready;
	uint32_t chunk_left;            /* of the chunk that is being sent */
	uint8_t lead_n, lead_sent;
	bool chunked;                   /* goes out chunked */
	bool crlf_due;                  /* behind chunk_left */
	bool last_sent;                 /* the last chunk is on its way (or in lead) */
	char lead[14];                  /* chunk line, or what is left of an end of chunk */
	uint64_t sent;                  /* bytes of body that went out, for the log */
};

/* Ready for a message with this head; the buffer stays. chunked: how the body goes out. */
void flow_start(struct flow *, const struct http_head *, bool chunked);
void flow_start_tunnel(struct flow *);  /* what is in the buffer goes out as it is */
/* Decodes n new bytes at the tail of the buffer. false: the framing is broken. */
bool flow_decode(struct flow *, uint32_t n);
/* Sends an edited head, whose raw form are the first raw_n bytes of the buffer, and what is ready behind it. *all:
 * everything went out, and the buffer still holds the raw form and the data, so that they can be sent again elsewhere; the
 * caller consumes them. Otherwise the raw form has gone and what did not go out waits in its place; unless the
 * connection broke before it took a byte: then nothing has changed. false: it does not fit. */
bool flow_send_head(struct flow *, struct conn *, const char *head, uint32_t head_n, uint32_t raw_n, bool *all);
/* Nothing has been sent: `ready` bytes of body stand behind the raw head again, for another try. */
void flow_rewind(struct flow *, uint32_t ready);
void flow_send(struct flow *, struct conn *);
bool flow_has_room(const struct flow *);
bool flow_pending(const struct flow *); /* something waits to be sent */
bool flow_done(const struct flow *);    /* the whole message went out */

/* ---- server: live servers and their connections ---- */

struct server_conn {
	struct conn conn;
	struct timer timer;             /* while idle: when it is closed */
	struct server *server;
	struct session *session;        /* NULL: idle */
	struct server_conn *idle_next, *idle_before;    /* of its server, last used first */
	struct server_conn *older, *newer;              /* of all idle ones: whom to close when the pool is empty */
	struct session *owner;          /* while idle, if it is for this session alone: http-reuse never */
	bool reused;                    /* served a request before */
};

struct queue {
	struct session *first, *last;
	uint32_t length, taken;         /* taken: that got a place, since start */
};

struct server {
	const struct server_config *config;
	struct balance_server *lb;      /* what balancing knows of it */
	struct queue queue;             /* sessions that wait for it alone */
	struct timer ramp;              /* slowstart */
	uint32_t weight;                /* what the stats socket has said, else the file */
	uint8_t order;                  /* server_order: READY, DRAIN or MAINT */
	uint64_t up_since_ms;
	uint32_t errors;                /* in a row, as `observe` sees them */
	struct backend *backend;
	struct health health;
	struct server_conn *idle;
	struct check *check;            /* NULL: not checked */
	char address[ADDR_TEXT_MAX];
	uint32_t idle_count;
};

struct backend {
	const struct proxy_config *config;
	struct server *servers;         /* config->server_count, in file order */
	struct balance balance;         /* its servers in the same order */
	struct queue queue;             /* sessions that wait for any of them */
	uint32_t tickets;               /* given to who waits */
	uint32_t sessions;
};

void servers_init(void);
/* Up or down, as health says: tells the balancer, the scoreboard and the log. reason is HAProxy's, ready to print. */
void server_set_up(struct server *, bool up, const char *reason);
bool server_usable(const struct server *);
void server_order(struct server *, uint32_t order);     /* as on the scoreboard */
enum observed {
	OBSERVED_CONNECT, OBSERVED_NO_CONNECT, OBSERVED_ANSWER, OBSERVED_STATUS, OBSERVED_HEADERS, OBSERVED_SILENCE, OBSERVED_END
};
/* What a session saw of it, for `observe`. */
void server_observed(struct server *, enum observed);
/* A connection for the session: an idle one if may_reuse, else a new one that is being opened. NULL: *error is an errno. */
struct server_conn *server_connect(struct server *, struct session *, bool may_reuse, int *error);
/* A new connection begins with a PROXY header of that version (0: none). false: it did not go out. */
struct proxyproto;
bool server_introduce(unsigned version, struct conn *, const struct proxyproto *);
void server_forget(struct session *);           /* the session ends: so does a connection that is kept for it */
/* The session no longer needs it. keep: it is clean, and waits for the next request. */
void server_release(struct server_conn *, bool keep);

/* ---- queue: places at servers, and who waits for them ---- */

void queue_take_place(struct session *, struct server *);
void queue_give_place(struct session *);        /* if it has one; the next one gets it */
void queue_wait(struct session *, struct server *);     /* NULL: for any of its backend */
void queue_leave(struct session *);             /* if it is in one */
uint32_t queue_serve(struct server *);          /* it may have room for more: how many got a place */
uint32_t queue_scatter(struct server *);        /* it is down: who waits for it may go elsewhere; how many */

/* ---- orders: what the stats socket says of servers ---- */

void orders_obey(void);

/* ---- check: health checks on the wire ---- */

void checks_init(void);
/* Out of maintenance: at once; into it: no more. */
void check_start(struct server *);
void check_stop(struct server *);
void check_hasten(struct server *);             /* the next one comes after fastinter, if there is one */
size_t check_bytes(void);

/* ---- session: a client's side and a server's side ---- */

enum session_state {
	SESSION_PROXYPROTO,             /* waits for a PROXY header */
	SESSION_INSPECT,                /* mode tcp: reads what rules want to see */
	SESSION_REQUEST,                /* waits for a request head */
	SESSION_CONNECT,                /* a server connection is being opened */
	SESSION_PAUSE,                  /* until it is tried again */
	SESSION_QUEUE,                  /* waits for a place at a server */
	SESSION_RESPONSE,               /* request goes out, response head awaited */
	SESSION_STREAM,                 /* response goes out */
	SESSION_TUNNEL,                 /* bytes both ways */
	SESSION_LINGER,                 /* all is said; reads until the client has read it (RFC 9112 §9.6) */
	SESSION_CLOSED,                 /* given back when the event that closed it is over */
};

struct tracked { struct stick_table *table; struct stick_entry *entry; };       /* entry NULL: nothing is tracked */

/* What an answer of our own, and the log, say about the end of a session (HAProxy's first two characters). */
struct ending { char cause, where; };

struct session {
	struct timer timer;
	struct conn client;
	struct server_conn *upstream;
	struct listener *listener;
	struct backend *backend;        /* NULL: none chosen yet */
	struct server *server;          /* chosen; NULL: none */
	struct access *access;          /* what the log line needs; NULL: it is not logged */
	uint64_t deadline;              /* of SESSION_REQUEST, CONNECT, PAUSE, QUEUE, LINGER */
	uint64_t client_active, server_active;  /* when bytes last moved there */
	uint32_t head_bytes;            /* raw request head at the front of request.buf; 0: sent for good, no way back */
	uint32_t kept_bytes;            /* body behind it that went out and is kept in case it must go out again */
	struct server_conn *kept;       /* idle, and for this session alone: http-reuse never */
	struct queue *queue;            /* where it waits; NULL: it does not */
	struct session *queue_next, *queue_before;
	uint32_t ticket, queue_taken;   /* its place in the backend's time; the queue's `taken` when it came */
	uint32_t offered;               /* upgrade_names() of the request */
	uint32_t held[2];               /* which request rules of frontend and backend: for sending again */
	uint32_t unread, taken;         /* in SESSION_LINGER: net_unacknowledged(), when it was looked at last */
	uint32_t key;                   /* of balance_key(), if has_key */
	uint32_t avoid;                 /* server (index in the backend) that has just failed; or BALANCE_NONE */
	uint8_t state;                  /* session_state */
	uint8_t method;                 /* http_method */
	uint8_t minor;                  /* of the client's version */
	uint32_t retries;               /* left */
	struct cookie cookie;           /* what the client came with: its dates */
	char cookie_request;            /* cookie_request: what it was worth */
	bool first_request;             /* of its connection */
	bool is_request;                /* the first byte of a request is there */
	bool keep_alive;                /* the client's connection goes on after this response */
	bool persistent;                /* the client would have it so */
	bool upstream_keep;             /* and the server's */
	bool upgrade;                   /* the request asks for another protocol */
	bool by_cookie;                 /* the server was chosen by cookie */
	bool no_reuse;                  /* an idle connection turned out dead: take a new one */
	bool head_in_hand;              /* worker.head is this request's: parsed in this very call */
	bool counted;                   /* in backend->sessions */
	char killed;                    /* HAProxy's reason to end it: D or U; 0: none */
	bool placed;                    /* in server->lb->served */
	bool has_key;
	struct tracked by_connection, by_request;       /* track-sc0 */
	bool logged;                    /* an answer of our own: said already, or not to be said */
	struct ending tunnel_end;       /* why its first direction ended; cause 0: nothing was wrong */
	struct endpoint peer;           /* the client, by the connection or by its PROXY header */
	struct endpoint local;          /* where it came to; for session_local() */
	struct flow request, response;
};

void session_accept(struct listener *, int fd, const struct endpoint *peer);
void session_ready(struct session *);           /* a connection of it may have something to do */
void session_close(struct session *, struct ending);            /* logs, and marks it closed */
void session_abort(struct session *, struct ending);            /* the same, and the client sees a reset */
void session_enter_backend(struct session *, struct backend *);
void session_take_key(struct session *, const struct http_head *);     /* what balancing goes by; head NULL: mode tcp */
void session_leave_backend(struct session *, bool keep_upstream);
/* Chooses a server by balancing unless s->server is set, waits for a place there if it must, and connects. If there is no
 * server, or no way to it, the client has its answer. */
void session_connect(struct session *);
void session_leave_server(struct session *);    /* it will go to another one */
void session_kill(struct session *, char cause);        /* its server must not have it any longer */
void session_drop_upstream(struct session *, bool keep);
void session_linger(struct session *);          /* all is said: lets the client read it, then closes */
void session_linger_ready(struct session *);
void session_linger_on(struct session *);      /* its time is over: more of it, or the end */
const struct endpoint *session_local(struct session *); /* where the client came to; family ADDR_NONE: unknown */
uint32_t session_timeout_ms(const struct session *, enum timeout_kind);         /* with its default */

/* ---- entry: before the mode of a frontend takes over ---- */

void entry_start(struct session *);
void entry_ready(struct session *);
void entry_expired(struct session *);

/* ---- track: stick tables ---- */

struct worker;
void track_memory(struct worker *, struct arena *, const struct conf *);
/* In the table of that section, unless something is tracked already. */
void track_start(struct tracked *, const struct proxy_config *owner, const struct addr *client);
void track_end(struct tracked *);
void track_request(const struct tracked *);     /* a request has come */
/* The server that `stick` lines remember for the client; NULL: none that is usable. */
struct server *track_server(struct session *);
void track_store(struct session *);             /* and they remember the one that it has */
/* false: there is no such entry, or it has no such counter. again: what counts has counted. */
bool track_ask(struct session *, const struct sample_expr *, bool again, struct sample *);

/* ---- http_session: mode http ---- */

void http_session_start(struct session *);      /* waits for the next request */
void http_session_ready(struct session *);
void http_session_connected(struct session *);
/* Answers with this status if nothing was sent yet (0: no answer), and closes. */
void http_session_failed(struct session *, unsigned status, struct ending);
/* Answers the request, nothing of whose answer was sent; sets what edit_answer says about the connection. */
struct edit_answer;
void http_session_answer(struct session *, struct edit_answer *, struct ending);


/* ---- rules ---- */

/* What conditions and texts may ask about the session; head: the message in hand, or NULL. */
struct sample_context rules_context(struct session *, const struct http_head *);
/* What the client's first bytes say as TLS; known: more of them would change nothing. Valid until the next call. */
const struct tls_hello *rules_hello(const struct session *, bool *known);
/* The backend that the frontend's rules choose; NULL: none. */
struct backend *rules_backend(struct session *, const struct http_head *);
/* All that frontend and backend say about the request in hand, and the choice of the backend. false: it was answered. */
bool rules_request(struct session *, struct http_head *);
/* The head was parsed again, to be sent again: changes it as it was. */
bool rules_request_again(struct session *, struct http_head *);
bool rules_response(struct session *, struct http_head *);

/* ---- http_request, http_response: its two directions ---- */

void http_request_read(struct session *);
/* Passes on what comes of the request body. false: the session has ended. */
bool http_request_forward(struct session *);
/* The server has answered: there is no way back, and the buffer is free for what the client sends next. */
void http_request_commit(struct session *);
/* The server went away, or was never there, before it had answered anything. unsent: it got nothing of the request. */
void http_server_failed(struct session *, struct ending, bool unsent);
void http_response_read(struct session *);
/* Passes on what comes of the response body. */
void http_response_forward(struct session *);

/* ---- tcp_session: mode tcp, and what follows an upgrade ---- */

void tcp_session_start(struct session *);       /* a client has come */
void tcp_session_tunnel(struct session *);      /* from now on bytes both ways */
void tcp_session_inspect(struct session *, bool expired);       /* may it go on? */
void tcp_session_ready(struct session *);
bool tcp_session_early(struct session *);       /* while there is no server; false: the client has gone */
/* A side has said nothing for too long: as if it had ended, as in HAProxy, or the end of all if it does not take what it is
 * sent. */
void tcp_session_silent(struct session *, bool client, struct ending);

/* ---- listener ---- */

struct listener {
	struct io io;
	const struct bind_config *bind;
	const struct proxy_config *frontend;
	struct frontend *owner;
	char address[ADDR_TEXT_MAX];
};
struct frontend { uint32_t sessions; };         /* by proxy index */

void listeners_init(void);
void listeners_session_closed(struct listener *);

/* ---- access_log ---- */

#define ACCESS_LINE_MAX 512             /* of the request line; more is cut */

struct access {
	uint64_t accepted_ms;           /* monotonic; date_* is the wall clock then */
	uint64_t date_s;
	uint32_t date_ms;
	uint64_t start_ms;              /* the request's first byte, or the accept */
	int32_t request_ms, queue_ms, connect_ms, response_ms;  /* HAProxy's TR, Tw, Tc, Tr; -1: never got there */
	uint32_t server_queue, backend_queue;   /* how many were before it */
	uint64_t connect_start_ms, response_start_ms;
	uint32_t head_bytes;            /* of the response, as sent */
	uint16_t status;
	uint8_t retries;
	bool redispatched;
	char cookie_request, cookie_response;
	uint16_t line_n;
	char line[ACCESS_LINE_MAX];
};

bool access_wanted(const struct proxy_config *frontend);
void access_start(struct session *);            /* a session or a request begins */
void access_request(struct session *, const struct http_head *);
void access_queued(struct session *);           /* it waits no longer */
void access_end(struct session *, struct ending);
void access_refused(const struct session *, const char *why);   /* before it was one */

/* ---- worker ---- */

struct worker {
	const struct conf *conf;
	struct scoreboard *board;
	struct arena memory;
	struct loop loop;
	struct pool sessions, buffers, server_conns, accesses;
	struct backend *backends;       /* by proxy index */
	struct frontend *frontends;     /* by proxy index */
	struct listener *listeners;     /* by bind index */
	struct check *checks;
	struct stick_table *tables;     /* by proxy index; of those that have one */
	struct server_conn *idle_oldest, *idle_newest;
	struct http_head *head;         /* of the message in hand: one at a time */
	char *scratch;                  /* an edited head */
	char *texts;                    /* what rules put into the message in hand; scratch_bytes */
	struct text_area text_area;     /* what is left of it */
	char hostname[HOST_NAME_MAX + 1];
	uint32_t scratch_bytes, head_reserve;
	uint32_t accepted, requests;
	uint32_t waiting;               /* sessions in queues */
	uint32_t checks_pending;        /* of the first round */
	bool full;                      /* no session is free: nobody is accepted */
};
extern struct worker worker;

/* Takes everything from the arena that a worker with this configuration needs: the plan that `tandem check` prints. */
void worker_memory(struct worker *, struct arena *, const struct conf *);
int worker_main(int argc, char **argv);         /* `tandem worker`: started by the guard, not by people */
struct buf *worker_buffer(void);                /* from the pool, empty */
#endif
