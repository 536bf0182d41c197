/* SPDX-License-Identifier: MIT
 * The guard: the process that keeps root's rights. It takes part in VRRP, moves the addresses, holds the listening sockets
 * and watches the worker; it parses no HTTP and no TLS. (keepalived would say parent or master; master is a state here.)
 * One header for the folder; each part is under the name of its file. There is one guard a process: `guard`.
 */
#ifndef GUARD_GUARD_H
#define GUARD_GUARD_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "scoreboard.h"
#include "vrrp/diagnose.h"
#include "vrrp/track.h"
#include "vrrp/vrrp.h"

/* ---- interfaces: what routers run on and addresses are put on ---- */

/* Where adverts of one family come in and leave. */
struct channel {
	struct interface *interface;
	uint8_t family;
	struct io receive;              /* AF_PACKET: hears adverts below netfilter; fd -1: not open */
	int send;                       /* raw */
};

struct interface {
	const char *name;
	uint32_t index;                 /* 0: there is none of that name now */
	bool up, was_up;                /* administratively, and with a carrier (a macvlan: it has that of the one below) */
	uint8_t mac[6];
	/* Its first addresses that are not floating ones; ADDR_NONE: none. The last is of a wider scope than the link. */
	struct addr primary, link_local, ipv6;
	struct channel channels[2];     /* IPv4, IPv6 */
	bool seen;                      /* in the last list of links; if not, its index holds until the routers have left it */
	bool macvlan;                   /* one that use_vmac makes */
	char arp_ignore[4];             /* as it was before use_vmac set it; empty: it has not */
};

/* ---- programs of others ---- */

struct child {
	pid_t pid;                      /* 0: none runs */
	bool killed;                    /* by us, at its timeout */
	struct timer timer;             /* that timeout */
	void (*ended)(struct child *, int status);
	struct child *next;
};

#define LOWER_MS_MIN 1000               /* whoever sends us adverts must not make us send or start much for each */
#define CHILD_PATH "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
#define PATH_BYTES_MAX 1024

struct notify {
	const char *name;
	const struct command_config *config;    /* NOTIFY_KINDS of them */
	struct child child;
	unsigned priority;
	uint8_t wanted, told, telling;  /* notify_kind; NOTIFY_KINDS: none yet */
	uint8_t step;                   /* 0: the one for this state is next, 1: the one for any, 2: done */
	bool is_group;
};

/* ---- what routers follow ---- */

struct watch {
	const struct watch_config *config;      /* a script or file, or */
	const struct track_config *track;       /* one router's: an interface, backend or ping */
	struct track_count count;
	uint64_t since_ms;              /* the last change; 0: none yet */
	struct timer timer;
	struct child child;             /* a script's */
	int value;                      /* of a file */
	struct interface *interface;    /* a link; a ping's router's */
	uint64_t changing_ms;           /* a link: since when it is other than it counts; 0: it is not */
	struct io io;                   /* a ping's, and the next three */
	uint64_t sent_ms;
	uint32_t sequence;
	bool waiting;
};

struct track { const struct track_config *config; struct watch *watch; };

/* ---- routers ---- */

struct vip {
	const struct vip_config *config;
	struct interface *interface;
	bool present;                   /* on the interface, as far as the kernel has told */
	uint8_t other_length;           /* there with another prefix length, from somebody else; 0: not */
	bool permanent;                 /* somebody else's, for ever: the address owner's own. Neither renewed nor removed */
	uint32_t removals;              /* by others, one after the other; or what they have put on while we do not hold it */
	uint64_t removed_ms;            /* the last one */
	bool missing_said;
	uint32_t valid_s;               /* of its lifetime, when links_ask_lifetimes() asked last; 0: it was not there */
};

/* The last advert of each who speaks for our virtual_router_id, good or not: for people, not for the election. */
#define HEARD_MAX 8

struct heard {
	struct addr source;             /* ADDR_NONE: nobody yet */
	uint64_t ms;
	uint32_t interval_ms, count;
	uint8_t priority, version, checksum;
	uint8_t drop;                   /* enum vrrp_drop: what became of it */
};

struct router {
	const struct vrrp_config *config;
	struct vrrp vr;
	struct interface *interface;
	struct interface *vmac;         /* use_vmac: its macvlan, where the addresses are; NULL: none */
	struct interface *hears, *sends;        /* one of the two */
	uint32_t vmac_index;            /* of the macvlan that is ready; 0: none is */
	bool has_source;                /* unicast_src_ip or mcast_src_ip is an address of ours, or there is no such line */
	bool vmac_said, route_said;     /* an error, which goes on */
	struct io claim;                /* the name by which no other tandem has it */
	struct timer timer;             /* vr.deadline_ms */
	struct timer garp;              /* the second burst, then refreshes */
	struct vip *vips;
	struct track *tracks;           /* config->track_count */
	const struct track *culprit;    /* the first whose failure is a fault; NULL: none */
	uint8_t checksum;               /* vrrp_checksum of what we send: the peer's */
	uint8_t own_block;              /* the same without its sync group */
	uint8_t blocked;                /* enum router_block: why it is in FAULT */
	uint32_t garp_second;           /* frames of the burst that garp_..._delay puts off; 0: none is to come */
	bool started;                   /* addresses of an earlier run have been dealt with */
	bool returning;                 /* from FAULT, and not yet ready */
	uint64_t free_ms;               /* when nothing blocked it any more; 0: blocked, or ready */
	uint64_t routes_ours;           /* a bit each: added by us */
	uint64_t renewed_ms, lower_ms, lower_told_ms;   /* lower_: garp_lower(), notify_lower() */
	struct timer reset;             /* reset_later() */
	struct timer work;              /* what a turn has left of the next three */
	uint32_t work_at;               /* the next address to put on or to renew; from config->vip_count on: all is done */
	bool taking;                    /* to put on */
	uint32_t garp_left;             /* frames still to be sent */
	int send_error;                 /* of the last adverts; said when it changes */
	uint64_t since_ms;              /* when the state changed last, and the sentence that the log had about it */
	struct notify notify;
	struct child lower;             /* notify_master_rx_lower_pri */
	struct hmac_state hmac;
	char why[128];
	uint32_t sent;                  /* adverts; to several peers it counts as one */
	uint32_t drops[VRRP_DROP_COUNT_OF];
	struct heard heard[HEARD_MAX];
	uint64_t defended_ms;           /* witness.c */
	struct diagnosis diagnosis;     /* what peers disagree in: diagnose_active() */
};

enum router_block {
	ROUTER_FREE, ROUTER_NO_INTERFACE, ROUTER_NO_SOCKETS, ROUTER_LINK_DOWN, ROUTER_NO_ADDRESS, ROUTER_TRACK, ROUTER_WORKER,
	ROUTER_GROUP, ROUTER_UNKNOWN    /* a track without a weight has no result yet: neither in nor out */
};

/* adverts.c */
bool adverts_open(struct interface *, uint8_t family);  /* sockets and group; false with errno */
void adverts_close(struct interface *);
void adverts_send(struct router *, uint8_t priority);   /* to the group or to each peer */
void adverts_hear(const struct router *);       /* now, what has come meanwhile */
uint64_t adverts_clock(void);                   /* the wall clock as auth_hmac's sequence */

/* router.c */
/* An IP datagram of protocol 112, in a frame of this family, from this MAC address. */
void routers_heard(const struct channel *, const uint8_t *packet, size_t n, const uint8_t mac[6]);
void router_event(struct router *, enum vrrp_event_kind);       /* one that needs nothing beside it */
bool router_is_master(struct router *);         /* still, after a look at the clock: before anything is said by a timer */
void router_failover(struct router *);          /* with its sync group */
void router_set_priority(struct router *, uint8_t);
void routers_init(void);
void routers_check(void);                       /* who may take part now; called when anything about it has changed */
/* While stopping: ends the loop when nothing is left to do. */
void routers_end(void);
/* The loop ends when no router holds an address: with hand_over, once each has heard its successor, or soon after. */
void routers_stop(bool hand_over);

struct interface *interface_named(const char *name);    /* at start: takes one of guard.interfaces for it */

/* child.c */
void child_check(const struct command_config *);      /* at start: says what will not work, ends if there is no such user */
/* false: it could not be started. ended() is called later, never from here. */
bool child_start(struct child *, const struct command_config *, const char *const *argv, const char *const *envp,
	uint32_t timeout_ms);
bool child_ended(pid_t, int status);            /* false: it is not one of these */
void children_kill(void);

/* notify.c */
void notify_init(void);
void notify_state(struct notify *, enum notify_kind, unsigned priority);
void notify_lower(struct router *);             /* as master it has heard a weaker one */
void notify_finish(void);                       /* waits, not for long, until the last state has been told */

/* track.c */
void tracks_init(void);                         /* after routers_init() */
struct track_sum tracks_sum(struct router *);   /* looks at all, and sets the culprit */
bool track_failed(const struct track *);
const char *track_keyword(const struct track_config *);

/* mismatch.c: says what vrrp/diagnose.h finds */
void mismatch_heard(struct router *, const struct vrrp_advert *, enum vrrp_drop parsed);
void mismatch_claimed(struct router *, uint8_t kind, const struct addr *, const uint8_t mac[6]);
void mismatch_say(struct router *);             /* what is due by now */

/* links.c */
bool links_open(void);                          /* hears of changes; false with errno */
void links_refresh(void);                       /* asks the kernel for all links and addresses, and acts on what is new */
void links_soon(void);                          /* the same in a moment */
void links_ask_lifetimes(void);                 /* sets valid_s of every floating address */
struct interface *interface_find(const char *name);     /* NULL: no router uses one of that name */

/* netlink.c (netlink.h has what these stand on) */
/* 0, or an errno. valid_s: the kernel removes it by itself after so long; asked again, the time starts anew. */
int netlink_address_add(const struct vip *, uint32_t valid_s);
int netlink_address_delete(const struct vip *, uint8_t length);

/* vips.c */
uint32_t vips_lifetime_s(const struct vrrp_config *);
void vips_take(struct router *);
void vips_renew(struct router *, bool at_once); /* for as long as the state lets them live */
void vips_release(struct router *);
void vips_put_back(struct router *, struct vip *);      /* somebody else removed it */
void vips_clean_at_start(struct router *);              /* what an earlier run has left behind */
void vips_drop_strays(struct router *);                 /* what somebody else has put on while we do not hold it */
void vips_work(struct timer *, uint64_t now_ms);

/* routes.c */
void routes_add(struct router *);
void routes_remove(struct router *);

/* vmac.c */
bool vmac_ready(struct router *);               /* makes the macvlan where one is wanted */
void vmacs_remove(void);

/* witness.c */
void witness_open(void);                        /* listens for other machines that say they have our addresses */

/* reset.c */
void reset_taken(const struct router *);        /* they are here again */
bool reset_works(void);                         /* false: this kernel cannot */
void reset_now(struct router *);                /* before its addresses leave: the connections to others' services there */
void reset_later(struct timer *, uint64_t now_ms);      /* those of ours that have not ended meanwhile */

/* garp.c */
void garp_start(struct router *);               /* the addresses have come, and each has been told of once: what follows */
void garp_stop(struct router *);
void garp_lower(struct router *);               /* as master it has heard a weaker one, who may have told them otherwise */
void garp_one(const struct vip *);
void garp_expired(struct timer *, uint64_t now_ms);
uint32_t garp_some(struct router *, uint32_t budget);   /* of the frames that are left; returns what is left of the budget */

/* sysctl.c */
void sysctls_write(const struct conf *);
bool sysctl_write(const char *name, const char *value);         /* dots or slashes; false with errno */
ssize_t sysctl_read(const char *name, char *value, size_t);     /* without its newline; -1 with errno */

/* supervise.c */
void supervise_start(void);
void supervise_stop(void);
void supervise_child(pid_t, int status);
void supervise_tick(uint64_t now_ms);
bool supervise_can_serve(void);
/* pid 0: none now. turn_ms: of its last sign of life. */
struct worker_view { pid_t pid; uint32_t restarts; uint64_t turn_ms; };
struct worker_view supervise_view(void);

/* control.c: the stats socket */
void control_memory(struct arena *, const struct conf *);
uint32_t control_clients(const struct conf *);  /* how many at once; 0: there is no stats socket */
void control_open(const struct conf *);         /* or ends the process with the reason */
void control_close(void);

/* ---- guard ---- */

struct guard {
	const struct conf *conf;
	const char *conf_path, *node;
	struct scoreboard *board;       /* NULL: no proxy sections */
	struct arena memory;
	struct loop loop;
	struct router *routers;         /* conf->vrrp_count */
	struct interface *interfaces;
	uint32_t interface_count;
	struct watch *watches;          /* those of the file's sections, then each router's own */
	struct notify *group_notify;    /* conf->group_count */
	int *listeners;                 /* by bind index */
	int self, conf_fd, board_fd;    /* our own binary; the configuration; the scoreboard */
	struct log_target log_targets[LOG_TARGETS_MAX];
	char *environment;              /* for the worker */
	uint64_t started_ms;
	bool stopping;
	bool links_known;               /* the last look at them was complete */
};
extern struct guard guard;

/* Takes everything from the arena that a guard with this configuration needs: the plan that `tandem check` prints. */
void guard_memory(struct guard *, struct arena *, const struct conf *);
uint32_t guard_descriptors(const struct conf *);
int guard_run(int argc, char **argv);
#endif
