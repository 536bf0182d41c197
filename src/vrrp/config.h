/* SPDX-License-Identifier: MIT
 * What a vrrp section becomes: one virtual router on one interface. conf/ fills it in; read-only after start. The words
 * are keepalived's. Times are milliseconds. Pure.
 */
#ifndef VRRP_CONFIG_H
#define VRRP_CONFIG_H
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "vrrp/hmac.h"

#define VRRP_AUTH_BYTES 8               /* RFC 2338 simple text password: the rest is cut, as keepalived does */
#define VRRP_PRIORITY_OWNER 255

struct vip_config {
	struct prefix address;          /* /32 or /128 when the line has no length */
	const char *device, *label;     /* NULL: the router's interface; no label */
	uint8_t scope;                  /* as rtnetlink counts them: 0 global, 253 link, 254 host */
	bool excluded;                  /* moved with the others, not advertised */
	uint32_t line;
	struct vip_config *next;
};
/* virtual_routes: on the master only. */
struct route_config {
	struct prefix to;               /* length 0: default */
	struct addr via, source;        /* ADDR_NONE: none */
	const char *device;             /* NULL: where the gateway is, or the router's interface */
	uint32_t metric, table;         /* 0: the kernel's defaults */
	uint8_t scope;
	bool scope_given;
	uint32_t line;
	struct route_config *next;
};
struct peer_config { struct addr address; struct peer_config *next; };

/* What a router depends on. A failed track with weight 0 is a fault; any other weight changes the priority: a negative one
 * counts while the track has failed, a positive one while it has not (vrrp/track.h). */
enum track_kind { TRACK_BACKEND, TRACK_INTERFACE, TRACK_SCRIPT, TRACK_FILE, TRACK_PING };

struct track_config {
	uint8_t kind;
	bool has_weight;                /* else a script's or file's own */
	bool of_group;                  /* a sync group's, which all its members have alike */
	bool reverse;                   /* the weight's sign is turned; with weight 0 it is a fault when all is well */
	int16_t weight;                 /* -254..254 */
	const char *name;               /* as in the file */
	uint32_t backend;               /* TRACK_BACKEND: index of the proxy, once names are resolved */
	struct watch_config *watch;     /* TRACK_SCRIPT, TRACK_FILE: once names are resolved */
	struct addr address;            /* TRACK_PING, and the next four */
	uint32_t interval_ms, timeout_ms;       /* 1 s; timeout 0: as interval */
	uint32_t fall, rise;
	uint32_t down_delay_ms, up_delay_ms;    /* TRACK_INTERFACE: how long it must last to count */
	uint32_t line;
	struct track_config *next;
};

/* A program, its arguments, and who runs it. No shell. */
struct command_config {
	const char **argv;              /* NULL: none; ends with NULL */
	const char *user, *group;       /* user NULL: script_user */
	uint32_t line;
};

/* vrrp_script and vrrp_track_file: looked at once, whoever tracks it. */
struct watch_config {
	const char *name;
	uint8_t kind;                   /* TRACK_SCRIPT or TRACK_FILE */
	bool reverse;
	int16_t weight;
	struct command_config command;  /* TRACK_SCRIPT, and the next five */
	uint32_t interval_ms, timeout_ms;       /* 1 s; timeout 0: as interval */
	uint32_t fall, rise;            /* 1 */
	bool init_fail;                 /* counts as failed until it has run */
	const char *path;               /* TRACK_FILE, and the next three */
	bool init, overwrite;           /* init_file: written at start if it is not there, or in any case */
	int32_t init_value;
	uint32_t index, line;
	struct watch_config *next;
};

/* When a router or a sync group changes its state; LOWER: when a master hears a weaker one. */
enum notify_kind { NOTIFY_MASTER, NOTIFY_BACKUP, NOTIFY_FAULT, NOTIFY_STOP, NOTIFY_ANY, NOTIFY_LOWER, NOTIFY_KINDS };

struct group_config {
	const char *name;
	const char **members;           /* names, then NULL */
	uint32_t member_count;
	struct track_config *tracks;
	uint32_t track_count;
	struct command_config notify[NOTIFY_KINDS];
	uint32_t index, line;
	struct group_config *next;
};

struct vrrp_config {
	const char *name;
	const char *interface;
	uint8_t vrid, version, priority;        /* version 2 or 3; 2 by default as in keepalived */
	bool nopreempt;
	bool lower_prio_no_advert;              /* as master: no answer to an advert with a lower priority */
	bool log_detail;                        /* each discarded advert and each burst of gratuitous ARP is logged */
	bool on_mismatch_hold;                  /* a backup stays one while a peer sends what must be rejected */
	uint8_t down_timer_adverts;             /* 3; so many lost adverts make a takeover. The same on all nodes */
	struct peer_config *peers;              /* not NULL: unicast */
	uint32_t peer_count;
	struct vip_config *vips;
	uint32_t vip_count;                     /* excluded ones as well */
	uint32_t preempt_delay_ms;              /* 0; how long a master with a lower priority is left alone */
	uint32_t takeover_ready_ms;             /* 10 s; how long at most we wait to be able to serve; 0: not */
	uint32_t startup_delay_ms;              /* 0; how long after the start the address is left alone */
	bool state_master_hint;                 /* `state MASTER`: keepalived's files have it; the priority decides */
	bool has_auth;
	uint8_t auth_pass[VRRP_AUTH_BYTES];     /* padded with zeros */
	uint32_t advert_int_ms;                 /* version 2: whole seconds */
	uint32_t garp_master_delay_ms;          /* 5 s; the second burst after becoming master; 0: none */
	uint32_t garp_master_repeat;            /* 5 frames a burst */
	uint32_t garp_master_refresh_ms;        /* 60 s; 0: never */
	uint32_t garp_master_refresh_repeat;    /* 1 */
	uint8_t unicast_ttl;                    /* sent to peers, and the least that is accepted; 0: 255 sent */
	bool checksum_as_v2;                    /* version 3 over IPv4: no pseudo-header, whatever the peer does */
	uint32_t garp_lower_prio_delay_ms, garp_lower_prio_repeat;      /* when a weaker master is heard; 5 s, 5 frames */
	struct addr source;                     /* unicast_src_ip or mcast_src_ip; ADDR_NONE: the interface's first address */
	struct route_config *routes;
	const char *vmac;                       /* use_vmac: the interface to make, with the virtual MAC; NULL: none */
	bool vmac_xmit_base;                    /* adverts leave by the interface below it */
	struct track_config *tracks;
	uint32_t track_count;
	uint8_t track_worker;                   /* 1: a worker that cannot serve makes the node resign */
	struct group_config *group;             /* NULL: none */
	uint32_t index, line;
	struct vrrp_config *next;
	struct hmac_config hmac;
	struct command_config notify[NOTIFY_KINDS];
};

/* The family of the adverts: that of the first address that is not an excluded one. */
static inline uint8_t vrrp_family(const struct vrrp_config *c)
{
	const struct vip_config *v = c->vips;

	while (v && v->excluded)
		v = v->next;
	return v ? v->address.addr.family : ADDR_IPV4;
}

/* Adverts carry the addresses of their own family; the others are moved, and not spoken of. */
static inline bool vrrp_advertises(const struct vrrp_config *c, const struct vip_config *v)
{
	return !v->excluded && v->address.addr.family == vrrp_family(c);
}

static inline uint32_t vrrp_advertised(const struct vrrp_config *c)
{
	uint32_t n = 0;

	for (const struct vip_config *v = c->vips; v; v = v->next)
		n += vrrp_advertises(c, v);
	return n;
}
#endif
