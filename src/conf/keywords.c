/* SPDX-License-Identifier: MIT
 * The whole language of tandem.conf. The parser, its messages, `tandem help` and the tests read this table; a
 * keyword is one row here, at most one setter, and its examples in test/vectors/conf.txt.
 */
#include <stddef.h>
#include <string.h>
#include "conf/parse.h"

#define FIELD(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)
#define GLOBAL(field) FIELD(global_config, field)
#define VRRP(field) FIELD(vrrp_config, field)
#define WATCH(field) FIELD(watch_config, field)
#define PROXY(field) FIELD(proxy_config, field)
#define SERVER(field) FIELD(server_config, field)
#define COOKIE(field) FIELD(cookie_config, field)
#define TIMEOUT(kind) PROXY(timeouts[TIMEOUT_##kind])
#define NOWHERE 0, 0
#define DAYS_24 (24u * 86400 * 1000)    /* HAProxy's longest time, about 2^31 ms */

static const struct keyword table[] = {
	/* where, min, max arguments, name, setter, field, low, high, default, arguments and help in one text */
	{ AS_SECTION, 0, 0, "global", begin_global, NOWHERE, 0, 0, 0, "\0"
		PACKED "what holds for the whole process" },
	{ AS_SECTION, 1, 1, "vrrp", begin_vrrp, NOWHERE, 0, 0, 0, PACKED "NAME\0"
		PACKED "a virtual router: floating addresses that one of the nodes holds (keepalived's vrrp_instance)" },
	{ AS_SECTION, 1, 1, "vrrp_script", begin_watch, NOWHERE, IN_SCRIPT, 0, 0, PACKED "NAME\0"
		PACKED "a program that is run again and again; track_script follows it" },
	{ AS_SECTION, 1, 1, "vrrp_track_file", begin_watch, NOWHERE, IN_FILE, 0, 0, PACKED "NAME\0"
		PACKED "a file with a number; track_file follows it" },
	{ AS_SECTION, 1, 1, "vrrp_sync_group", begin_group, NOWHERE, 0, 0, 0, PACKED "NAME\0"
		PACKED "virtual routers that change their state together" },
	{ AS_SECTION, 0, ARGS_ANY, "defaults", begin_proxy, NOWHERE, IN_DEFAULTS, 0, 0,
		PACKED "[NAME] [from DEFAULTS]\0"
		PACKED "what the proxy sections below it start with, up to the next one; others are 'from' it" },
	{ AS_SECTION, 1, ARGS_ANY, "frontend", begin_proxy, NOWHERE, IN_FRONTEND, 0, 0,
		PACKED "NAME [from DEFAULTS]\0"
		PACKED "where clients come in" },
	{ AS_SECTION, 1, ARGS_ANY, "backend", begin_proxy, NOWHERE, IN_BACKEND, 0, 0,
		PACKED "NAME [from DEFAULTS]\0"
		PACKED "servers that can do the same work" },
	{ AS_SECTION, 1, ARGS_ANY, "listen", begin_proxy, NOWHERE, IN_LISTEN, 0, 0,
		PACKED "NAME [from DEFAULTS]\0"
		PACKED "a frontend and its backend in one" },

	/* ---- global ---- */
	{ AS_LINE | IN_GLOBAL, 1, 1, "node", set_node, NOWHERE, 0, 0, 0, PACKED "NAME\0"
		PACKED "whose @ lines count, instead of the host's name; -n on the command line goes before it" },
	{ AS_LINE | IN_GLOBAL | REPEATS, 2, 2, "sysctl", set_sysctl, NOWHERE, 0, 0, 0, PACKED "NAME VALUE\0"
		PACKED "a kernel setting that is written at start and read back" },
	{ AS_LINE | IN_GLOBAL, 1, 1, "maxconn", set_number, GLOBAL(maxconn), 1, 65535, 256, PACKED "1..65535\0"
		PACKED "client connections at once; memory for them is set aside at start" },
	{ AS_LINE | IN_GLOBAL, 1, 1, "user", set_user, GLOBAL(user), 0, 0, 0, PACKED "NAME\0"
		PACKED "whom the worker runs as when it was started by root (nobody)" },
	{ AS_LINE | IN_GLOBAL, 1, 1, "group", set_name, GLOBAL(group), 0, 0, 0, PACKED "NAME\0"
		PACKED "its group (the user's own)" },
	{ AS_LINE | IN_GLOBAL, 1, 2, "script_user", set_identity, GLOBAL(script_user), 0, 0, 0, PACKED "USER [GROUP]\0"
		PACKED "whom scripts run as (nobody, and the user's own group)" },
	{ AS_LINE | IN_GLOBAL, 1, 1, "chroot", set_path, GLOBAL(chroot), 0, 0, 0, PACKED "DIRECTORY\0"
		PACKED "the worker's root directory (an empty one that needs no place on disk)" },
	{ AS_LINE | IN_GLOBAL | REPEATS, 2, ARGS_ANY, "log", set_log, NOWHERE, 0, 0, 0,
		PACKED "TARGET FACILITY [LEVEL]\0"
		PACKED "where log lines go: /dev/log, an address of a syslog server, or stderr; up to four" },
	{ AS_LINE | IN_GLOBAL | REPEATS, 2, ARGS_ANY, "stats", set_family, NOWHERE, AS_STATS, 0, 0,
		PACKED "socket PATH [mode MODE]\0"
		PACKED "the socket that `tandem status` and `tandem ctl` talk to" },
	{ AS_STATS | IN_GLOBAL, 1, ARGS_ANY, "socket", set_stats_socket, NOWHERE, 0, 0, 0, PACKED "PATH [mode MODE]\0"
		PACKED "the socket that `tandem status` and `tandem ctl` talk to" },
	{ AS_SOCKET | IN_GLOBAL, 1, 1, "mode", set_mode_bits, NOWHERE, 0, 0, 0, PACKED "OCTAL\0"
		PACKED "the socket's permissions (600)" },
	{ AS_SOCKET | IN_GLOBAL, 1, 1, "level", set_level, NOWHERE, 0, 0, 0, PACKED "admin\0"
		PACKED "what may be done there: everything, so only admin is true" },
	{ AS_LINE | IN_GLOBAL, 1, 1, "tune.bufsize", set_bytes, GLOBAL(buffer_bytes), 4096, 1024 * 1024, 16384,
		PACKED "BYTES\0"
		PACKED "size of a buffer, and so of the largest message head" },

	/* ---- vrrp ---- */
	{ AS_LINE | IN_VRRP, 1, 1, "interface", set_interface, VRRP(interface), 0, 0, 0, PACKED "NAME\0"
		PACKED "where the nodes hear each other and the addresses appear" },
	{ AS_LINE | IN_VRRP, 1, 1, "state", set_choice, VRRP(state_master_hint), 0, 0, 0, PACKED "BACKUP | MASTER\0"
		PACKED "keepalived's first state; every node starts as backup here, and the priority decides" },
	{ AS_LINE | IN_VRRP, 1, 1, "version", set_number, VRRP(version), 2, 3, 2, PACKED "2 | 3\0"
		PACKED "of the VRRP packets; the same on all nodes" },
	{ AS_LINE | IN_VRRP, 1, 1, "virtual_router_id", set_number, VRRP(vrid), 1, 255, 0, PACKED "1..255\0"
		PACKED "the same on all nodes of this router, and unlike any other on the link" },
	{ AS_LINE | IN_VRRP, 1, 1, "priority", set_number, VRRP(priority), 1, 255, 100, PACKED "1..255\0"
		PACKED "the highest wins; 255 owns the address and never yields" },
	{ AS_LINE | IN_VRRP, 1, 1, "advert_int", set_seconds, VRRP(advert_int_ms), 10, 255000, 1000, PACKED "SECONDS\0"
		PACKED "between two adverts; about three missing ones make a takeover. Version 3 takes 0.01 to 40.95" },
	{ AS_LINE | IN_VRRP, 0, 0, "nopreempt", set_value, VRRP(nopreempt), 1, 0, 0, "\0"
		PACKED "a node with a higher priority that comes back does not take the addresses from a working master" },
	{ AS_LINE | IN_VRRP, 1, 1, "preempt_delay", set_seconds, VRRP(preempt_delay_ms), 0, 1000000, 0, PACKED "SECONDS\0"
		PACKED "how long a working master with a lower priority is left alone" },
	{ AS_LINE | IN_VRRP, 1, 1, "startup_delay", set_seconds, VRRP(startup_delay_ms), 0, 1000000, 0, PACKED "SECONDS\0"
		PACKED "how long after the start the addresses are not taken" },
	{ AS_LINE | IN_VRRP, 1, 1, "takeover_ready", set_seconds, VRRP(takeover_ready_ms), 0, 600000, 10000, PACKED "SECONDS\0"
		PACKED "a node that starts or returns waits so long at most until its worker serves and has checked its "
			"servers; 0: not" },
	{ AS_LINE | IN_VRRP, 1, 1, "down_timer_adverts", set_number, VRRP(down_timer_adverts), 2, 10, 3, PACKED "2..10\0"
		PACKED "so many missing adverts make a takeover; the same on all nodes" },
	{ AS_LINE | IN_VRRP, 0, 0, "lower_prio_no_advert", set_value, VRRP(lower_prio_no_advert), 1, 0, 0, "\0"
		PACKED "the master does not answer an advert with a lower priority" },
	{ AS_LINE | IN_VRRP, 0, 0, "log_detail", set_value, VRRP(log_detail), 1, 0, 0, "\0"
		PACKED "each advert that is discarded or weaker, and each round of gratuitous ARP, is a line in the log" },
	{ AS_LINE | IN_VRRP, 1, 1, "on_mismatch", set_choice, VRRP(on_mismatch_hold), 0, 0, 0, PACKED "warn | hold\0"
		PACKED "hold: while a peer's adverts must be rejected, the backup does not take over" },
	{ AS_LINE | IN_VRRP, 1, 1, "auth_type", set_auth_type, VRRP(has_auth), 0, 0, 0, PACKED "PASS | none\0"
		PACKED "PASS: adverts carry auth_pass, in the clear; it tells routers apart and keeps nobody out" },
	{ AS_LINE | IN_VRRP, 1, 1, "auth_pass", set_auth_pass, VRRP(auth_pass), 0, 0, 0, PACKED "TEXT\0"
		PACKED "up to 8 bytes, the same on all nodes; version 2 only" },
	{ AS_LINE | IN_VRRP | REPEATS, 2, ARGS_ANY, "auth_hmac", set_family, NOWHERE, AS_HMAC, 0, 0, PACKED "key | ... VALUE\0"
		PACKED "keepalived's (2.4.2) proof of who sent an advert, and when; the same keys on all nodes" },
	{ AS_HMAC | IN_VRRP | REPEATS, 2, 2, "key", set_hmac_key, NOWHERE, 0, 0, 0, PACKED "1..255 TEXT\0"
		PACKED "a secret of 32 to 64 characters, or hex: and bytes; up to four" },
	{ AS_HMAC | IN_VRRP, 1, 1, "active_key", set_number, VRRP(hmac.active_key), 1, 255, 0, PACKED "1..255\0"
		PACKED "which of them signs (the first); all are believed" },
	{ AS_HMAC | IN_VRRP, 1, 1, "mode", set_choice, VRRP(hmac.mode), 0, 0, 0, PACKED "enforce | permissive | receive-only\0"
		PACKED "permissive: sign, but take unsigned adverts; receive-only: check what is signed, sign nothing" },
	{ AS_HMAC | IN_VRRP, 1, 1, "anti_replay", set_choice, VRRP(hmac.monotonic), 0, 0, 0, PACKED "time | monotonic\0"
		PACKED "monotonic: the nodes' clocks need not agree, as on boards that have none" },
	{ AS_HMAC | IN_VRRP, 1, 1, "time_window", set_seconds, VRRP(hmac.window_ms), 1000, 3600000, 0, PACKED "SECONDS\0"
		PACKED "how far the clocks may differ (three adverts, 5 s at least)" },
	{ AS_LINE | IN_VRRP | REPEATS, 1, ARGS_ANY, "virtual_ipaddress", set_vip, NOWHERE, 0, 0, 0,
		PACKED "ADDRESS[/LENGTH] [dev INTERFACE] [label LABEL] [scope SCOPE]\0"
		PACKED "a floating address; one a line; without a length /32 or /128. The first one's family is that of the "
		"adverts; those of the other family are moved and not advertised" },
	{ AS_LINE | IN_VRRP | REPEATS, 1, ARGS_ANY, "virtual_ipaddress_excluded", set_vip, NOWHERE, 1, 0, 0,
		PACKED "ADDRESS[/LENGTH] [dev INTERFACE] [label LABEL] [scope SCOPE]\0"
		PACKED "an address that moves with the others, but is not in the adverts" },
	{ AS_VIP | IN_VRRP, 1, 1, "dev", set_interface, FIELD(vip_config, device), 0, 0, 0, PACKED "INTERFACE\0"
		PACKED "where the address appears, if not on the router's interface" },
	{ AS_VIP | IN_VRRP, 1, 1, "label", set_interface, FIELD(vip_config, label), 1, 0, 0, PACKED "LABEL\0"
		PACKED "how `ip address` shows it, such as eth0:vip" },
	{ AS_VIP | IN_VRRP, 1, 1, "scope", set_scope, FIELD(vip_config, scope), 0, 0, 0,
		PACKED "global | site | link | host | 0..255\0"
		PACKED "of the address (global)" },
	{ AS_LINE | IN_VRRP | REPEATS, 1, ARGS_ANY, "virtual_routes", set_route, NOWHERE, 0, 0, 0,
		PACKED "DESTINATION [via GATEWAY] [dev INTERFACE] [src ADDRESS] [metric N] [table N] [scope SCOPE]\0"
		PACKED "a route that only the master has; one a line" },
	{ AS_ROUTE | IN_VRRP, 1, 1, "via", set_address, FIELD(route_config, via), 0, 0, 0, PACKED "GATEWAY\0"
		PACKED "the router that knows the way" },
	{ AS_ROUTE | IN_VRRP, 1, 1, "dev", set_interface, FIELD(route_config, device), 0, 0, 0, PACKED "INTERFACE\0"
		PACKED "where it leads out" },
	{ AS_ROUTE | IN_VRRP, 1, 1, "src", set_address, FIELD(route_config, source), 0, 0, 0, PACKED "ADDRESS\0"
		PACKED "what programs send from that way" },
	{ AS_ROUTE | IN_VRRP, 1, 1, "metric", set_number, FIELD(route_config, metric), 0, UINT32_MAX, 0, PACKED "N\0"
		PACKED "the lowest of several to one destination is taken" },
	{ AS_ROUTE | IN_VRRP, 1, 1, "table", set_number, FIELD(route_config, table), 1, UINT32_MAX, 0, PACKED "N\0"
		PACKED "the routing table (254, main)" },
	{ AS_ROUTE | IN_VRRP, 1, 1, "scope", set_scope, FIELD(route_config, scope), 0, 0, 0,
		PACKED "global | site | link | host | 0..255\0"
		PACKED "of the destination (link without a gateway, else global)" },
	{ AS_LINE | IN_VRRP, 0, 1, "use_vmac", set_vmac, VRRP(vmac), 0, 0, 0, PACKED "[INTERFACE]\0"
		PACKED "the addresses have the virtual MAC 00:00:5e:00:01:ID (IPv6: 02:ID), on a macvlan made for them "
		"(vrrp.ID)" },
	{ AS_LINE | IN_VRRP, 0, 0, "vmac_xmit_base", set_value, VRRP(vmac_xmit_base), 1, 0, 0, "\0"
		PACKED "with use_vmac: adverts come from the interface's own MAC" },
	{ AS_LINE | IN_VRRP, 1, 1, "unicast_src_ip", set_address, VRRP(source), 0, 0, 0, PACKED "ADDRESS\0"
		PACKED "the address that adverts to the peers come from (the interface's first)" },
	{ AS_LINE | IN_VRRP | REPEATS, 1, 1, "unicast_peer", set_peer, NOWHERE, 0, 0, 0, PACKED "ADDRESS\0"
		PACKED "another node: adverts go to it instead of the multicast group, and only peers are listened to" },
	{ AS_LINE | IN_VRRP, 1, 1, "unicast_ttl", set_number, VRRP(unicast_ttl), 1, 255, 0, PACKED "1..255\0"
		PACKED "TTL of adverts to peers, and the least that theirs must have (255; nothing is asked of IPv6 peers)" },
	{ AS_LINE | IN_VRRP, 0, 0, "v3_checksum_as_v2", set_value, VRRP(checksum_as_v2), 1, 0, 0, "\0"
		PACKED "version 3 over IPv4: checksums without a pseudo-header (RFC 9568), whatever the peer's are" },
	{ AS_LINE | IN_VRRP, 1, 1, "mcast_src_ip", set_address, VRRP(source), 0, 0, 0, PACKED "ADDRESS\0"
		PACKED "the address that multicast adverts come from (the interface's first)" },
	{ AS_LINE | IN_VRRP, 1, 1, "garp_master_delay", set_seconds, VRRP(garp_master_delay_ms), 0, 255000, 5000,
		PACKED "SECONDS\0"
		PACKED "after becoming master, when neighbours are told a second time where the address is; 0: not" },
	{ AS_LINE | IN_VRRP, 1, 1, "garp_master_repeat", set_number, VRRP(garp_master_repeat), 1, 100, 5,
		PACKED "1..100\0"
		PACKED "gratuitous ARP frames each of these two times" },
	{ AS_LINE | IN_VRRP, 1, 1, "garp_lower_prio_delay", set_seconds, VRRP(garp_lower_prio_delay_ms), 0, 255000, 5000,
		PACKED "SECONDS\0"
		PACKED "the same after a master with a lower priority was heard" },
	{ AS_LINE | IN_VRRP, 1, 1, "garp_lower_prio_repeat", set_number, VRRP(garp_lower_prio_repeat), 0, 100, 5,
		PACKED "0..100\0"
		PACKED "frames then; 0: none" },
	{ AS_LINE | IN_VRRP, 1, 1, "garp_master_refresh", set_seconds, VRRP(garp_master_refresh_ms),
		0, 86400000, 60000, PACKED "SECONDS\0"
		PACKED "how often the master repeats it; 0: never" },
	{ AS_LINE | IN_VRRP, 1, 1, "garp_master_refresh_repeat", set_number, VRRP(garp_master_refresh_repeat),
		1, 100, 1, PACKED "1..100\0"
		PACKED "frames each time" },
	{ AS_LINE | IN_VRRP | REPEATS, 1, ARGS_ANY, "track_backend", set_track, NOWHERE, TRACK_BACKEND, 0, 0,
		PACKED "BACKEND [weight N]\0"
		PACKED "it has failed while no server is usable. A failed track without a weight is a fault" },
	{ AS_LINE | IN_VRRP | IN_GROUP | REPEATS, 1, ARGS_ANY, "track_interface", set_track, NOWHERE, TRACK_INTERFACE, 0, 0,
		PACKED "INTERFACE [weight N] [reverse] [down_delay SECONDS] [up_delay SECONDS]\0"
		PACKED "it has failed while the link is down" },
	{ AS_LINE | IN_VRRP | IN_GROUP | REPEATS, 1, ARGS_ANY, "track_script", set_track, NOWHERE, TRACK_SCRIPT, 0, 0,
		PACKED "NAME [weight N] [reverse]\0"
		PACKED "it has failed when the vrrp_script does not end with exit code 0" },
	{ AS_LINE | IN_VRRP | IN_GROUP | REPEATS, 1, ARGS_ANY, "track_file", set_track, NOWHERE, TRACK_FILE, 0, 0,
		PACKED "NAME [weight N] [reverse]\0"
		PACKED "the number in the vrrp_track_file, times the weight, is added to the priority; with weight 0 any "
		"but 0 is a fault" },
	{ AS_LINE | IN_VRRP | REPEATS, 1, ARGS_ANY, "track_ping", set_track, NOWHERE, TRACK_PING, 0, 0,
		PACKED "ADDRESS [weight N] [interval SECONDS] [timeout SECONDS] [fall N] [rise N]\0"
		PACKED "it has failed when the host, such as the gateway, does not answer to ICMP echo" },
	{ AS_LINE | IN_VRRP, 1, 1, "track_worker", set_choice, VRRP(track_worker), 0, 0, 1, PACKED "off | on\0"
		PACKED "a worker that does not come back is a fault (on)" },
	{ AS_TRACK | IN_VRRP | IN_GROUP, 1, 1, "weight", set_track_weight, FIELD(track_config, weight), 0, 0, 0,
		PACKED "-254..254\0"
		PACKED "added to the priority: negative while it has failed, positive while it has not; 0: a fault" },
	{ AS_TRACK | IN_VRRP | IN_GROUP, 0, 0, "reverse", set_value, FIELD(track_config, reverse), 1, 0, 0, "\0"
		PACKED "the weight's sign is turned; with weight 0 it is a fault when it has not failed" },
	{ AS_TRACK | IN_VRRP | IN_GROUP, 1, 1, "down_delay", set_track_word, FIELD(track_config, down_delay_ms), 0, 255000, 0,
		PACKED "SECONDS\0"
		PACKED "how long the link must be down to count" },
	{ AS_TRACK | IN_VRRP | IN_GROUP, 1, 1, "up_delay", set_track_word, FIELD(track_config, up_delay_ms), 0, 255000, 0,
		PACKED "SECONDS\0"
		PACKED "how long it must be up again" },
	{ AS_TRACK | IN_VRRP | IN_GROUP, 1, 1, "interval", set_track_word, FIELD(track_config, interval_ms), 100, 3600000, 1000,
		PACKED "SECONDS\0"
		PACKED "between two pings" },
	{ AS_TRACK | IN_VRRP | IN_GROUP, 1, 1, "timeout", set_track_word, FIELD(track_config, timeout_ms), 10, 3600000, 0,
		PACKED "SECONDS\0"
		PACKED "for the answer (interval)" },
	{ AS_TRACK | IN_VRRP | IN_GROUP, 1, 1, "fall", set_track_word, FIELD(track_config, fall), 1, 255, 3, PACKED "1..255\0"
		PACKED "missing answers in a row that are a failure" },
	{ AS_TRACK | IN_VRRP | IN_GROUP, 1, 1, "rise", set_track_word, FIELD(track_config, rise), 1, 255, 2, PACKED "1..255\0"
		PACKED "answers in a row that end it" },
	{ AS_LINE | IN_VRRP | IN_GROUP, 1, ARGS_ANY, "notify_master", set_notify, NOWHERE, NOTIFY_MASTER, 0, 0,
		PACKED "PROGRAM [ARGUMENTS]\0"
		PACKED "is run on becoming master" },
	{ AS_LINE | IN_VRRP | IN_GROUP, 1, ARGS_ANY, "notify_backup", set_notify, NOWHERE, NOTIFY_BACKUP, 0, 0,
		PACKED "PROGRAM [ARGUMENTS]\0"
		PACKED "is run on becoming backup" },
	{ AS_LINE | IN_VRRP | IN_GROUP, 1, ARGS_ANY, "notify_fault", set_notify, NOWHERE, NOTIFY_FAULT, 0, 0,
		PACKED "PROGRAM [ARGUMENTS]\0"
		PACKED "is run on a fault" },
	{ AS_LINE | IN_VRRP | IN_GROUP, 1, ARGS_ANY, "notify_stop", set_notify, NOWHERE, NOTIFY_STOP, 0, 0,
		PACKED "PROGRAM [ARGUMENTS]\0"
		PACKED "is run when tandem stops" },
	{ AS_LINE | IN_VRRP, 1, ARGS_ANY, "notify_master_rx_lower_pri", set_notify, NOWHERE, NOTIFY_LOWER, 0, 0,
		PACKED "PROGRAM [ARGUMENTS]\0"
		PACKED "is run when the master hears an advert with a lower priority" },
	{ AS_LINE | IN_VRRP | IN_GROUP, 1, ARGS_ANY, "notify", set_notify, NOWHERE, NOTIFY_ANY, 0, 0,
		PACKED "PROGRAM [ARGUMENTS]\0"
		PACKED "is run after these, with INSTANCE or GROUP, name, state and priority as further arguments" },

	/* ---- vrrp_script, vrrp_track_file, vrrp_sync_group ---- */
	{ AS_LINE | IN_SCRIPT, 1, ARGS_ANY, "script", set_command, WATCH(command), 0, 0, 0, PACKED "PROGRAM [ARGUMENTS]\0"
		PACKED "what is run, without a shell; exit code 0 is good" },
	{ AS_LINE | IN_SCRIPT, 1, 1, "interval", set_seconds, WATCH(interval_ms), 100, 86400000, 1000, PACKED "SECONDS\0"
		PACKED "from one start to the next" },
	{ AS_LINE | IN_SCRIPT, 1, 1, "timeout", set_seconds, WATCH(timeout_ms), 100, 86400000, 0, PACKED "SECONDS\0"
		PACKED "then it is killed and has failed (interval)" },
	{ AS_LINE | IN_SCRIPT, 1, 1, "rise", set_number, WATCH(rise), 1, 65535, 1, PACKED "1..65535\0"
		PACKED "good runs in a row that end a failure" },
	{ AS_LINE | IN_SCRIPT, 1, 1, "fall", set_number, WATCH(fall), 1, 65535, 1, PACKED "1..65535\0"
		PACKED "bad runs in a row that are a failure" },
	{ AS_LINE | IN_WATCH, 1, 2, "weight", set_weight, WATCH(weight), 0, 0, 0, PACKED "-254..254 [reverse]\0"
		PACKED "of tracks that say none (script 0, file 1)" },
	{ AS_LINE | IN_SCRIPT, 1, 2, "user", set_identity, FIELD(watch_config, command.user), 0, 0, 0, PACKED "USER [GROUP]\0"
		PACKED "whom it runs as (script_user)" },
	{ AS_LINE | IN_SCRIPT, 0, 0, "init_fail", set_value, WATCH(init_fail), 1, 0, 0, "\0"
		PACKED "it counts as failed until it has run" },
	{ AS_LINE | IN_FILE, 1, 1, "file", set_path, WATCH(path), 0, 0, 0, PACKED "PATH\0"
		PACKED "a text file with a number, read once a second; one that is not there is 0" },
	{ AS_LINE | IN_FILE, 0, 2, "init_file", set_init_file, NOWHERE, 0, 0, 0, PACKED "[VALUE] [overwrite]\0"
		PACKED "it is written at start, if it is not there, with VALUE (0)" },
	{ AS_LINE | IN_GROUP | REPEATS, 1, ARGS_ANY, "group", set_members, NOWHERE, 0, 0, 0, PACKED "VRRP...\0"
		PACKED "its members" },

	/* ---- defaults, frontend, backend, listen ---- */
	{ AS_LINE | IN_PROXY, 1, 1, "mode", set_choice, PROXY(mode), 0, 0, 0, PACKED "tcp | http\0"
		PACKED "bytes as they come (tcp, as in HAProxy without this line), or HTTP requests one by one" },
	{ AS_LINE | IN_PROXY, 1, ARGS_ANY, "log", set_proxy_log, NOWHERE, 0, 0, 0, PACKED "global\0"
		PACKED "one line for each connection or request, to the targets of the global section" },
	{ AS_LINE | IN_PROXY | REPEATS, 1, ARGS_ANY, "option", set_family, NOWHERE, AS_OPTION, 0, 0,
		PACKED "NAME [...]\0"
		PACKED "turns something on" },
	{ AS_LINE | IN_PROXY | REPEATS, 2, ARGS_ANY, "no", set_no, NOWHERE, 0, 0, 0, PACKED "option NAME\0"
		PACKED "turns an option off that the defaults section turned on" },
	{ AS_LINE | IN_PROXY | REPEATS, 2, ARGS_ANY, "timeout", set_family, NOWHERE, AS_TIMEOUT, 0, 0,
		PACKED "KIND TIME\0"
		PACKED "how long to wait; milliseconds without a unit (us, ms, s, m, h, d)" },
	{ AS_LINE | IN_FRONT, 1, 1, "maxconn", set_number, PROXY(maxconn), 1, 65535, 0, PACKED "1..65535\0"
		PACKED "clients of this frontend at once; more wait in the kernel's queue (only the global limit)" },
	{ AS_LINE | IN_FRONT, 1, 1, "default_backend", set_default_backend, NOWHERE, 0, 0, 0, PACKED "BACKEND\0"
		PACKED "who serves the clients" },
	{ AS_LINE | IN_FRONTEND | IN_LISTEN | REPEATS, 1, ARGS_ANY, "bind", set_bind, NOWHERE, 0, 0, 0,
		PACKED "[ADDRESS]:PORT[-PORT][,...] [WORDS]\0"
		PACKED "where clients come in; the address need not be on this node at the moment" },
	{ AS_BIND | IN_FRONTEND | IN_LISTEN, 1, 1, "name", set_name, FIELD(bind_config, name), 0, 0, 0, PACKED "NAME\0"
		PACKED "how `tandem check` calls it" },
	{ AS_BIND | IN_FRONTEND | IN_LISTEN, 1, 1, "interface", set_interface, FIELD(bind_config, interface),
		0, 0, 0, PACKED "NAME\0"
		PACKED "only clients that come through this interface" },
	{ AS_BIND | IN_FRONTEND | IN_LISTEN, 0, 0, "v4v6", set_value, FIELD(bind_config, v4v6), 1, 0, 0, "\0"
		PACKED "[::] takes IPv4 clients too (as net.ipv6.bindv6only says)" },
	{ AS_BIND | IN_FRONTEND | IN_LISTEN, 0, 0, "v6only", set_value, FIELD(bind_config, v6only), 1, 0, 0, "\0"
		PACKED "it does not" },
	{ AS_BIND | IN_FRONTEND | IN_LISTEN, 0, 0, "accept-proxy", set_value, FIELD(bind_config, accept_proxy), 1, 0, 0, "\0"
		PACKED "clients come by way of a proxy that says who they are (PROXY protocol)" },
	{ AS_LINE | IN_BACK, 1, ARGS_ANY, "balance", set_balance, NOWHERE, 0, 0, 0,
		PACKED "roundrobin | static-rr | leastconn | first | random[(DRAWS)] | source | uri [whole] [len N] [depth N] | "
		"url_param NAME | hdr(NAME)\0"
		PACKED "how a server is chosen (roundrobin); from source on by hash, alike on all nodes" },
	{ AS_LINE | IN_BACK, 1, ARGS_ANY, "hash-type", set_hash_type, NOWHERE, 0, 0, 0, PACKED "consistent\0"
		PACKED "a server that fails moves its own clients and no others" },
	{ AS_LINE | IN_BACK, 1, 1, "http-reuse", set_choice, PROXY(http_reuse), 0, 0, REUSE_SAFE,
		PACKED "never | safe | aggressive | always\0"
		PACKED "which requests may use an idle connection: none, not a client's first one, that on a proven one, all" },
	{ AS_LINE | IN_BACK, 1, 1, "retries", set_number, PROXY(retries), 0, 255, 3, PACKED "0..255\0"
		PACKED "more attempts when a server does not take the connection" },
	{ AS_LINE | IN_BACK, 1, ARGS_ANY, "cookie", set_cookie, NOWHERE, 0, 0, 0,
		PACKED "NAME [insert | rewrite | prefix] [WORDS]\0"
		PACKED "clients stay on their server by a cookie with the server's `cookie` value; without a mode the "
		"server sets it" },
	{ AS_LINE | IN_BACK, 1, 1, "dynamic-cookie-key", set_cookie_key, NOWHERE, 0, 0, 0, PACKED "TEXT\0"
		PACKED "what `cookie ... dynamic` makes the servers' values of, with their addresses; the same on both nodes" },
	{ AS_COOKIE | IN_BACK, 0, 0, "insert", set_value, COOKIE(insert), 1, 0, 0, "\0"
		PACKED "tandem sets the cookie" },
	{ AS_COOKIE | IN_BACK, 0, 0, "rewrite", set_value, COOKIE(rewrite), 1, 0, 0, "\0"
		PACKED "the server sets it, tandem puts the value in" },
	{ AS_COOKIE | IN_BACK, 0, 0, "prefix", set_value, COOKIE(prefix), 1, 0, 0, "\0"
		PACKED "the server's own cookie of that name gets the value and ~ in front, which the server does not see" },
	{ AS_COOKIE | IN_BACK, 0, 0, "dynamic", set_value, COOKIE(dynamic), 1, 0, 0, "\0"
		PACKED "servers without a `cookie` value get one from address, port and `dynamic-cookie-key`" },
	{ AS_COOKIE | IN_BACK, 1, 1, "maxidle", set_cookie_time, COOKIE(maxidle_s), 0, 0, 0, PACKED "TIME\0"
		PACKED "it no longer counts when it was not used for so long; seconds without a unit" },
	{ AS_COOKIE | IN_BACK, 1, 1, "maxlife", set_cookie_time, COOKIE(maxlife_s), 0, 0, 0, PACKED "TIME\0"
		PACKED "the same, since it was first set" },
	{ AS_COOKIE | IN_BACK | REPEATS, 1, 1, "attr", set_cookie_attr, NOWHERE, 0, 0, 0, PACKED "TEXT\0"
		PACKED "adds an attribute, such as SameSite=Lax" },
	{ AS_COOKIE | IN_BACK, 0, 0, "indirect", set_value, COOKIE(indirect), 1, 0, 0, "\0"
		PACKED "the server does not see it, and a client that has it is not sent it again" },
	{ AS_COOKIE | IN_BACK, 0, 0, "nocache", set_value, COOKIE(nocache), 1, 0, 0, "\0"
		PACKED "shared caches are told not to keep a response with it" },
	{ AS_COOKIE | IN_BACK, 0, 0, "postonly", set_value, COOKIE(postonly), 1, 0, 0, "\0"
		PACKED "set only in answer to POST" },
	{ AS_COOKIE | IN_BACK, 0, 0, "preserve", set_value, COOKIE(preserve), 1, 0, 0, "\0"
		PACKED "a server's own cookie of that name passes" },
	{ AS_COOKIE | IN_BACK, 0, 0, "httponly", set_value, COOKIE(httponly), 1, 0, 0, "\0"
		PACKED "adds HttpOnly" },
	{ AS_COOKIE | IN_BACK, 0, 0, "secure", set_value, COOKIE(secure), 1, 0, 0, "\0"
		PACKED "adds Secure" },
	{ AS_COOKIE | IN_BACK | REPEATS, 1, 1, "domain", set_cookie_domain, NOWHERE, 0, 0, 0, PACKED "DOMAIN\0"
		PACKED "adds a domain" },
	{ AS_LINE | IN_BACK | REPEATS, 1, ARGS_ANY, "http-check", set_family, NOWHERE, AS_HTTP_CHECK, 0, 0,
		PACKED "connect | send | expect ...\0"
		PACKED "what an HTTP health check asks, and what it wants to see" },
	{ AS_HTTP_CHECK | IN_BACK, 0, ARGS_ANY, "send", set_http_send, NOWHERE, 0, 0, 0,
		PACKED "[meth METHOD] [uri URI] [ver VERSION] [hdr NAME VALUE]... [body TEXT]\0"
		PACKED "the request; what is not given here is as `option httpchk` says" },
	{ AS_SEND | IN_BACK, 1, 1, "meth", set_send_word, FIELD(check_request, method), SEND_METHOD, 0, 0, PACKED "METHOD\0"
		PACKED "the method" },
	{ AS_SEND | IN_BACK, 1, 1, "uri", set_send_word, FIELD(check_request, uri), SEND_URI, 0, 0, PACKED "URI\0"
		PACKED "what is asked for" },
	{ AS_SEND | IN_BACK, 1, 1, "ver", set_send_word, FIELD(check_request, version), SEND_VERSION, 0, 0,
		PACKED "HTTP/1.0 | HTTP/1.1\0"
		PACKED "the version" },
	{ AS_SEND | IN_BACK | REPEATS, 2, 2, "hdr", set_send_header, NOWHERE, 0, 0, 0, PACKED "NAME VALUE\0"
		PACKED "a header" },
	{ AS_SEND | IN_BACK, 1, 1, "body", set_send_word, FIELD(check_request, body), SEND_BODY, 0, 0, PACKED "TEXT\0"
		PACKED "the body" },
	{ AS_HTTP_CHECK | IN_BACK, 0, ARGS_ANY, "connect", set_connect, NOWHERE, AS_HTTP_CHECK, 0, 0,
		PACKED "[addr ADDRESS] [port PORT]\0"
		PACKED "where HTTP checks go, instead of the server line's own" },
	{ AS_CONNECT | IN_BACK, 1, 1, "port", set_number, FIELD(check_step, address.port), 1, 65535, 0, PACKED "1..65535\0"
		PACKED "to this port" },
	{ AS_CONNECT | IN_BACK, 1, 1, "addr", set_address, FIELD(check_step, address.addr), 0, 0, 0, PACKED "ADDRESS\0"
		PACKED "to this address" },
	{ AS_LINE | IN_BACK | REPEATS, 1, ARGS_ANY, "tcp-check", set_family, NOWHERE, AS_TCP_CHECK, 0, 0,
		PACKED "connect | send | send-binary | expect ...\0"
		PACKED "the next step of `option tcp-check`" },
	{ AS_TCP_CHECK | IN_BACK | REPEATS, 0, ARGS_ANY, "connect", set_connect, NOWHERE, AS_TCP_CHECK, 0, 0,
		PACKED "[addr ADDRESS] [port PORT]\0"
		PACKED "opens a connection, the next one if there was one" },
	{ AS_TCP_CHECK | IN_BACK | REPEATS, 1, 1, "send", set_tcp_send, NOWHERE, 0, 0, 0, PACKED "TEXT\0"
		PACKED "says this" },
	{ AS_TCP_CHECK | IN_BACK | REPEATS, 1, 1, "send-binary", set_tcp_send, NOWHERE, 1, 0, 0, PACKED "HEX\0"
		PACKED "says these bytes" },
	{ AS_TCP_CHECK | IN_BACK | REPEATS, 2, 3, "expect", set_tcp_expect, NOWHERE, 0, 0, 0,
		PACKED "[!] string TEXT | [!] binary HEX\0"
		PACKED "waits for what passes" },
	{ AS_CONTENT | IN_BACK, 1, 1, "string", set_tcp_part, NOWHERE, 0, 0, 0, PACKED "TEXT\0"
		PACKED "this text" },
	{ AS_CONTENT | IN_BACK, 1, 1, "binary", set_tcp_part, NOWHERE, 1, 0, 0, PACKED "HEX\0"
		PACKED "these bytes" },
	{ AS_HTTP_CHECK | IN_BACK, 2, ARGS_ANY, "expect", set_expect, NOWHERE, 0, 0, 0,
		PACKED "[!] status LIST | [!] string TEXT\0"
		PACKED "the answer that passes; 2xx and 3xx without this line" },
	{ AS_EXPECT | IN_BACK, 1, 1, "status", set_expect_status, NOWHERE, 100, 999, 0, PACKED "CODE[-CODE][,...]\0"
		PACKED "one of these status codes" },
	{ AS_EXPECT | IN_BACK, 1, 1, "string", set_expect_string, NOWHERE, 0, 0, 0, PACKED "TEXT\0"
		PACKED "this text in the body" },
	{ AS_LINE | IN_BACK | REPEATS, 1, ARGS_ANY, "default-server", set_default_server, NOWHERE, 0, 0, 0,
		PACKED "WORDS\0"
		PACKED "what the server lines below it start with" },
	{ AS_LINE | IN_BACKEND | IN_LISTEN | REPEATS, 2, ARGS_ANY, "server", set_server, NOWHERE, 0, 0, 0,
		PACKED "NAME ADDRESS:PORT [WORDS]\0"
		PACKED "a server" },

	{ AS_SERVER | IN_BACK, 0, 0, "check", set_value, SERVER(check), 1, 0, 0, "\0"
		PACKED "its health is checked; without it the server always counts as up" },
	{ AS_SERVER | IN_BACK, 0, 0, "no-check", set_value, SERVER(check), 0, 0, 0, "\0"
		PACKED "it is not (against a default-server line)" },
	{ AS_SERVER | IN_BACK, 1, 1, "inter", set_ms, SERVER(health.inter_ms), 1, DAYS_24, 2000, PACKED "TIME\0"
		PACKED "between two checks, and how long one may take" },
	{ AS_SERVER | IN_BACK, 1, 1, "fastinter", set_ms, SERVER(health.fastinter_ms), 1, DAYS_24, 0, PACKED "TIME\0"
		PACKED "the same while the server is on its way up or down (inter)" },
	{ AS_SERVER | IN_BACK, 1, 1, "downinter", set_ms, SERVER(health.downinter_ms), 1, DAYS_24, 0, PACKED "TIME\0"
		PACKED "the same while it is down (inter)" },
	{ AS_SERVER | IN_BACK, 1, 1, "fall", set_number, SERVER(health.fall), 1, 65535, 3, PACKED "1..65535\0"
		PACKED "failed checks in a row that take it down" },
	{ AS_SERVER | IN_BACK, 1, 1, "rise", set_number, SERVER(health.rise), 1, 65535, 2, PACKED "1..65535\0"
		PACKED "good checks in a row that bring it back" },
	{ AS_SERVER | IN_BACK, 1, 1, "weight", set_number, SERVER(weight), 0, 256, 1, PACKED "0..256\0"
		PACKED "its share; 0: only clients that hold its cookie" },
	{ AS_SERVER | IN_BACK, 1, 1, "cookie", set_server_cookie, SERVER(cookie), 0, 0, 0, PACKED "VALUE\0"
		PACKED "the cookie value that leads to it" },
	{ AS_SERVER | IN_BACK, 0, 0, "backup", set_value, SERVER(backup), 1, 0, 0, "\0"
		PACKED "used only when no other server is usable" },
	{ AS_SERVER | IN_BACK, 0, 0, "no-backup", set_value, SERVER(backup), 0, 0, 0, "\0"
		PACKED "used like the others" },
	{ AS_SERVER | IN_BACK, 0, 0, "disabled", set_value, SERVER(disabled), 1, 0, 0, "\0"
		PACKED "starts in maintenance" },
	{ AS_SERVER | IN_BACK, 0, 0, "enabled", set_value, SERVER(disabled), 0, 0, 0, "\0"
		PACKED "does not" },
	{ AS_SERVER | IN_BACK, 1, 1, "maxconn", set_number, SERVER(maxconn), 0, 65535, 0, PACKED "0..65535\0"
		PACKED "sessions at once; more wait (0: no limit)" },
	{ AS_SERVER | IN_BACK, 1, 1, "maxqueue", set_number, SERVER(maxqueue), 0, 65535, 0, PACKED "0..65535\0"
		PACKED "sessions that wait for it alone (0: no limit)" },
	{ AS_SERVER | IN_BACK, 1, 1, "slowstart", set_ms, SERVER(slowstart_ms), 0, DAYS_24, 0, PACKED "TIME\0"
		PACKED "so long after it came up its weight and maxconn grow" },
	{ AS_SERVER | IN_BACK, 1, 1, "observe", set_choice, SERVER(observe), 0, 0, 0, PACKED "none | layer4 | layer7\0"
		PACKED "real traffic counts for its health: connections, or answers" },
	{ AS_SERVER | IN_BACK, 1, 1, "error-limit", set_number, SERVER(error_limit), 1, 65535, 10, PACKED "1..65535\0"
		PACKED "so many errors in a row make on-error" },
	{ AS_SERVER | IN_BACK, 1, 1, "on-error", set_choice, SERVER(on_error), 0, 0, 0,
		PACKED "fail-check | fastinter | sudden-death | mark-down\0"
		PACKED "what the errors that `observe` sees do" },
	{ AS_SERVER | IN_BACK, 1, 1, "on-marked-down", set_choice, SERVER(shut_sessions), 1, 0, 0, PACKED "shutdown-sessions\0"
		PACKED "its sessions end when it goes down" },
	{ AS_SERVER | IN_BACK, 1, 1, "on-marked-up", set_choice, SERVER(shut_backups), 1, 0, 0,
		PACKED "shutdown-backup-sessions\0"
		PACKED "those of backups end when it comes up" },
	{ AS_SERVER | IN_BACK, 1, 1, "init-state", set_choice, SERVER(health.init_state), 0, 0, 0,
		PACKED "up | fully-up | down | fully-down\0"
		PACKED "before its checks: up, until one fails; up; down, until one passes; down" },
	{ AS_SERVER | IN_BACK, 1, 1, "port", set_number, SERVER(check_address.port), 1, 65535, 0, PACKED "1..65535\0"
		PACKED "checks go to this port" },
	{ AS_SERVER | IN_BACK, 1, 1, "addr", set_address, SERVER(check_address.addr), 0, 0, 0, PACKED "ADDRESS\0"
		PACKED "checks go to this address" },

	{ AS_SERVER | IN_BACK, 0, 0, "send-proxy", set_value, SERVER(send_proxy), 1, 0, 0, "\0"
		PACKED "it is told who the client is (PROXY protocol)" },
	{ AS_SERVER | IN_BACK, 0, 0, "send-proxy-v2", set_value, SERVER(send_proxy_v2), 1, 0, 0, "\0"
		PACKED "the same in the protocol's version 2" },
	{ AS_SERVER | IN_BACK, 0, 0, "check-send-proxy", set_value, SERVER(check_send_proxy), 1, 0, 0, "\0"
		PACKED "checks begin like that too, although they go to another port or address" },

	{ AS_OPTION | IN_PROXY | TAKES_NO, 0, ARGS_ANY, "forwardfor", set_forwardfor, NOWHERE, 0, 0, 0,
		PACKED "[except NETWORK] [header NAME] [if-none]\0"
		PACKED "the server is told the client's address in X-Forwarded-For" },
	{ AS_OPTION | IN_FRONT, 0, 0, "httplog", set_option_bit, NOWHERE, OPTION_HTTPLOG, 0, 0, "\0"
		PACKED "HAProxy's log line for a request" },
	{ AS_OPTION | IN_FRONT, 0, 0, "tcplog", set_option_bit, NOWHERE, OPTION_TCPLOG, 0, 0, "\0"
		PACKED "HAProxy's log line for a connection" },
	{ AS_OPTION | IN_FRONT | TAKES_NO, 0, 0, "dontlognull", set_option_bit, NOWHERE, OPTION_DONTLOGNULL, 0, 0,
		"\0"
		PACKED "no line for a client that sent nothing" },
	{ AS_OPTION | IN_BACK | TAKES_NO, 0, 1, "redispatch", set_redispatch, NOWHERE, 0, 0, 0, PACKED "[N]\0"
		PACKED "a client whose server does not answer may go to another one: at the last retry, or at every Nth" },
	{ AS_OPTION | IN_PROXY | TAKES_NO, 0, 0, "tcpka", set_option_bit, NOWHERE, OPTION_CLITCPKA | OPTION_SRVTCPKA, 0, 0, "\0"
		PACKED "the kernel asks silent clients and servers whether they are still there (TCP keep-alive)" },
	{ AS_OPTION | IN_FRONT | TAKES_NO, 0, 0, "clitcpka", set_option_bit, NOWHERE, OPTION_CLITCPKA, 0, 0, "\0"
		PACKED "the clients only" },
	{ AS_OPTION | IN_BACK | TAKES_NO, 0, 0, "srvtcpka", set_option_bit, NOWHERE, OPTION_SRVTCPKA, 0, 0, "\0"
		PACKED "the servers only" },
	{ AS_OPTION | IN_BACK | TAKES_NO, 0, 0, "allbackups", set_option_bit, NOWHERE, OPTION_ALLBACKUPS, 0, 0, "\0"
		PACKED "when no other server is usable, all backups share the work, not the first one alone" },
	{ AS_OPTION | IN_BACK | TAKES_NO, 0, 0, "abortonclose", set_option_bit, NOWHERE, OPTION_ABORTONCLOSE, 0, 0, "\0"
		PACKED "a client that has sent its end is not waited for, nor its server" },
	{ AS_OPTION | IN_BACK | TAKES_NO, 0, 0, "log-health-checks", set_option_bit, NOWHERE, OPTION_LOG_CHECKS, 0, 0, "\0"
		PACKED "a line for each health check whose result is new, not only for servers that go up or down" },
	{ AS_OPTION | IN_BACK | TAKES_NO, 0, 0, "persist", set_option_bit, NOWHERE, OPTION_PERSIST, 0, 0, "\0"
		PACKED "a cookie leads to its server even when that is down" },
	{ AS_OPTION | IN_PROXY | TAKES_NO, 0, 0, "http-server-close", set_http_mode, NOWHERE,
		OPTION_HTTP_SERVER_CLOSE, 0, 0, "\0"
		PACKED "a connection to a server is used for one request" },
	{ AS_OPTION | IN_PROXY | TAKES_NO, 0, 0, "httpclose", set_http_mode, NOWHERE, OPTION_HTTPCLOSE, 0, 0, "\0"
		PACKED "connections on both sides are used for one request" },
	{ AS_OPTION | IN_PROXY | TAKES_NO, 0, 0, "http-keep-alive", set_http_mode, NOWHERE, 0, 0, 0, "\0"
		PACKED "connections on both sides are used again (the default)" },
	{ AS_OPTION | IN_BACK, 0, ARGS_ANY, "httpchk", set_httpchk, NOWHERE, 0, 0, 0, PACKED "[METHOD] [URI] [VERSION]\0"
		PACKED "health checks send an HTTP request (OPTIONS / HTTP/1.0) instead of only connecting" },

	{ AS_OPTION | IN_BACK, 0, 0, "tcp-check", set_tcp_check, NOWHERE, 0, 0, 0, "\0"
		PACKED "health checks go the steps of the `tcp-check` lines" },

	{ AS_TIMEOUT | IN_BACK, 1, 1, "connect", set_ms, TIMEOUT(CONNECT), 1, DAYS_24, 0, PACKED "TIME\0"
		PACKED "for a server to take a connection (5s)" },
	{ AS_TIMEOUT | IN_FRONT, 1, 1, "client", set_ms, TIMEOUT(CLIENT), 1, DAYS_24, 0, PACKED "TIME\0"
		PACKED "for a client to send or take something (30s)" },
	{ AS_TIMEOUT | IN_BACK, 1, 1, "server", set_ms, TIMEOUT(SERVER), 1, DAYS_24, 0, PACKED "TIME\0"
		PACKED "for a server to send or take something (30s)" },
	{ AS_TIMEOUT | IN_FRONT, 1, 1, "http-request", set_ms, TIMEOUT(HTTP_REQUEST), 1, DAYS_24, 0, PACKED "TIME\0"
		PACKED "for a client to send a whole request head (timeout client)" },
	{ AS_TIMEOUT | IN_FRONT, 1, 1, "http-keep-alive", set_ms, TIMEOUT(HTTP_KEEP_ALIVE), 1, DAYS_24, 0,
		PACKED "TIME\0"
		PACKED "for a client to start its next request (timeout http-request)" },
	{ AS_TIMEOUT | IN_BACK, 1, 1, "check", set_ms, TIMEOUT(CHECK), 1, DAYS_24, 0, PACKED "TIME\0"
		PACKED "for a server to answer a health check once it is connected (inter, for both)" },
	{ AS_TIMEOUT | IN_BACK, 1, 1, "queue", set_ms, TIMEOUT(QUEUE), 1, DAYS_24, 0, PACKED "TIME\0"
		PACKED "for a client to wait for a free server (timeout connect)" },
	{ AS_TIMEOUT | IN_BACK, 1, 1, "tunnel", set_ms, TIMEOUT(TUNNEL), 1, DAYS_24, 0, PACKED "TIME\0"
		PACKED "instead of client and server, once bytes pass both ways" },
	{ AS_TIMEOUT | IN_FRONT, 1, 1, "client-fin", set_ms, TIMEOUT(CLIENT_FIN), 1, DAYS_24, 0, PACKED "TIME\0"
		PACKED "instead of client and tunnel, once one direction has ended" },
	{ AS_TIMEOUT | IN_BACK, 1, 1, "server-fin", set_ms, TIMEOUT(SERVER_FIN), 1, DAYS_24, 0, PACKED "TIME\0"
		PACKED "instead of server and tunnel, once one direction has ended" },

	/* ---- conditions ---- */
	{ AS_LINE | IN_RULES | REPEATS, 2, ARGS_ANY, "acl", set_acl, NOWHERE, 0, 0, 0,
		PACKED "NAME FETCH [-i] [-m METHOD] [VALUES]\0"
		PACKED "a name for a test; several lines of one name: any of them" },
	{ AS_LINE | IN_FRONTEND | IN_LISTEN | REPEATS, 1, ARGS_ANY, "use_backend", set_use_backend, NOWHERE, 0, 0, 0,
		PACKED "NAME [if | unless CONDITION]\0"
		PACKED "where requests for which the condition holds go; the first such line counts, else default_backend" },
	{ AS_LINE | IN_FRONTEND | IN_LISTEN | REPEATS, 2, ARGS_ANY, "tcp-request", set_family, NOWHERE, AS_TCP_REQUEST,
		0, 0, PACKED "connection | content | inspect-delay [...]\0"
		PACKED "what becomes of a connection; the first line of a kind whose condition holds counts, else it is accepted" },
	{ AS_TCP_REQUEST | IN_FRONTEND | IN_LISTEN | REPEATS, 1, ARGS_ANY, "connection", set_tcp_rule, PROXY(connection_rules),
		USE_CONNECTION, 0, 0,
		PACKED "accept | reject | track-sc0 src [table T] | expect-proxy layer4 [if | unless CONDITION]\0"
		PACKED "before anything is read; src is the peer itself; expect-proxy: a PROXY header comes first" },
	{ AS_TCP_REQUEST | IN_FRONTEND | IN_LISTEN | REPEATS, 1, ARGS_ANY, "content", set_tcp_rule, PROXY(content_rules),
		USE_CONNECTION | USE_STREAM, 0, 0, PACKED "accept | reject | track-sc0 src [table T] [if | unless CONDITION]\0"
		PACKED "by its first bytes, in mode tcp" },
	{ AS_TCP_REQUEST | IN_FRONTEND | IN_LISTEN, 1, 1, "inspect-delay", set_ms, PROXY(inspect_delay_ms), 1, DAYS_24, 0,
		PACKED "TIME\0"
		PACKED "how long to wait for bytes that a content line asks about (not at all)" },
	{ AS_LINE | IN_BACKEND | IN_LISTEN | REPEATS, 2, ARGS_ANY, "stick", set_stick, NOWHERE, 0, 0, 0,
		PACKED "on | match | store-request src [table T] [if | unless CONDITION]\0"
		PACKED "clients stay on the server that the table has for their address; on: it is looked up, and remembered" },
	{ AS_LINE | IN_RULES, 4, ARGS_ANY, "stick-table", set_stick_table, NOWHERE, 0, 0, 0,
		PACKED "type ip size N [expire TIME] [store WHAT] [nopurge]\0"
		PACKED "a table of addresses, called like the section; memory for it is set aside at start" },
	{ AS_STICK | IN_RULES, 1, 1, "type", set_choice, FIELD(stick_config, type), 0, 0, 0, PACKED "ip | ipv6\0"
		PACKED "ipv6 has IPv4 addresses too" },
	{ AS_STICK | IN_RULES, 1, 1, "size", set_bytes, FIELD(stick_config, size), 1, 16 << 20, 0, PACKED "N\0"
		PACKED "entries; with k or m 1024 times as many, or as many again" },
	{ AS_STICK | IN_RULES, 1, 1, "expire", set_ms, FIELD(stick_config, expire_ms), 1, DAYS_24, 0, PACKED "TIME\0"
		PACKED "how long an entry outlives its use (until there is no place)" },
	{ AS_STICK | IN_RULES, 0, 0, "nopurge", set_value, FIELD(stick_config, nopurge), 1, 0, 0, "\0"
		PACKED "a full table takes no new ones, instead of losing the oldest" },
	{ AS_STICK | IN_RULES | REPEATS, 1, 1, "store", set_stick_store, NOWHERE, 0, 0, 0,
		PACKED "gpc0,conn_cur,conn_cnt,http_req_cnt,conn_rate(TIME),http_req_rate(TIME)\0"
		PACKED "what is counted" },
	{ AS_FETCH | IN_PROXY, 0, 1, "sc0_conn_cur", set_fetch_stick, STICK_CONN_CUR, 0, SAMPLE_STICK,
		USE_ANY | FETCH_TRACKED, 0, PACKED "[(TABLE)]\0"
		PACKED "of what is tracked: connections now. Also sc_conn_cur(0), and src_conn_cur by the client's address; "
		"and so the others" },
	{ AS_FETCH | IN_PROXY, 0, 1, "sc0_conn_cnt", set_fetch_stick, STICK_CONN_CNT, 0, SAMPLE_STICK,
		USE_ANY | FETCH_TRACKED, 0, PACKED "[(TABLE)]\0"
		PACKED "all connections" },
	{ AS_FETCH | IN_PROXY, 0, 1, "sc0_conn_rate", set_fetch_stick, STICK_CONN_RATE, 0, SAMPLE_STICK,
		USE_ANY | FETCH_TRACKED, 0, PACKED "[(TABLE)]\0"
		PACKED "connections in the last period" },
	{ AS_FETCH | IN_PROXY, 0, 1, "sc0_http_req_cnt", set_fetch_stick, STICK_HTTP_REQ_CNT, 0, SAMPLE_STICK,
		USE_ANY | FETCH_TRACKED, 0, PACKED "[(TABLE)]\0"
		PACKED "all requests" },
	{ AS_FETCH | IN_PROXY, 0, 1, "sc0_http_req_rate", set_fetch_stick, STICK_HTTP_REQ_RATE, 0, SAMPLE_STICK,
		USE_ANY | FETCH_TRACKED, 0, PACKED "[(TABLE)]\0"
		PACKED "requests in the last period" },
	{ AS_FETCH | IN_PROXY, 0, 1, "sc0_get_gpc0", set_fetch_stick, STICK_GPC0, 0, SAMPLE_STICK,
		USE_ANY | FETCH_TRACKED, 0, PACKED "[(TABLE)]\0"
		PACKED "a counter that conditions count" },
	{ AS_FETCH | IN_PROXY, 0, 1, "sc0_inc_gpc0", set_fetch_stick, STICK_GPC0, 0, SAMPLE_STICK_INC,
		USE_ANY | FETCH_TRACKED, 0, PACKED "[(TABLE)]\0"
		PACKED "counts it, and is what it is then" },
	{ AS_FETCH | IN_PROXY, 0, 0, "req.ssl_sni", set_fetch, NOWHERE, SAMPLE_SSL_SNI, USE_STREAM, 0, "\0"
		PACKED "the server name in the ClientHello of TLS that passes through" },
	{ AS_FETCH | IN_PROXY, 0, 0, "req_ssl_sni", set_fetch, NOWHERE, SAMPLE_SSL_SNI, USE_STREAM, 0, "\0"
		PACKED "the same" },
	{ AS_FETCH | IN_PROXY, 0, 0, "req.ssl_hello_type", set_fetch, NOWHERE, SAMPLE_SSL_HELLO_TYPE, USE_STREAM, 0, "\0"
		PACKED "1 if it begins with a ClientHello" },
	{ AS_FETCH | IN_PROXY, 0, 0, "req_ssl_hello_type", set_fetch, NOWHERE, SAMPLE_SSL_HELLO_TYPE, USE_STREAM, 0, "\0"
		PACKED "the same" },
	{ AS_LINE | IN_RULES | REPEATS, 1, ARGS_ANY, "http-request", set_http_rule, NOWHERE, AS_HTTP_REQUEST, 0, 0,
		PACKED "ACTION [if | unless CONDITION]\0"
		PACKED "what is done to a request, or instead of it; in the order of the file, a frontend's before its backend's" },
	{ AS_LINE | IN_RULES | REPEATS, 1, ARGS_ANY, "http-response", set_http_rule, NOWHERE, AS_HTTP_RESPONSE, 0, 0,
		PACKED "ACTION [if | unless CONDITION]\0"
		PACKED "what is done to a response; a backend's before its frontend's" },
	{ AS_LINE | IN_RULES | REPEATS, 2, ARGS_ANY, "redirect", set_redirect, NOWHERE, 0, 0, 0,
		PACKED "location | prefix | scheme TEXT [code N] ... [if | unless CONDITION]\0"
		PACKED "as 'http-request redirect', after all http-request lines, and TEXT as it stands" },
	{ AS_LINE | IN_PROXY | REPEATS, 2, 2, "errorfile", set_errorfile, NOWHERE, 0, 0, 0, PACKED "CODE FILE\0"
		PACKED "a whole HTTP response, head and body, in place of our own with that status; an empty file: none at all" },
	{ AS_LINE | IN_FRONTEND | IN_LISTEN | IN_DEFAULTS, 1, 1, "monitor-uri", set_text, PROXY(monitor_uri), 0, 0, 0,
		PACKED "PATH\0"
		PACKED "requests for it are answered with 200, before all rules and without a log line" },
	{ AS_LINE | IN_FRONTEND | IN_LISTEN | REPEATS, 3, ARGS_ANY, "monitor", set_monitor_fail, NOWHERE, 0, 0, 0,
		PACKED "fail if | unless CONDITION\0"
		PACKED "then monitor-uri answers with 503" },
	{ AS_HTTP_RULE | IN_RULES | REPEATS, 2, 2, "set-header", set_rule_header, NOWHERE, RULE_SET_HEADER, 0, 0,
		PACKED "NAME TEXT\0"
		PACKED "this header instead of all of that name; TEXT may have %[FETCH] in it" },
	{ AS_HTTP_RULE | IN_RULES | REPEATS, 2, 2, "add-header", set_rule_header, NOWHERE, RULE_ADD_HEADER, 0, 0,
		PACKED "NAME TEXT\0"
		PACKED "one more" },
	{ AS_HTTP_RULE | IN_RULES | REPEATS, 1, 3, "del-header", set_rule_header, NOWHERE, RULE_DEL_HEADER, 0, 0,
		PACKED "NAME [-m str | beg | end]\0"
		PACKED "without these headers" },
	{ AS_HTTP_RULE | IN_RULES | REPEATS, 3, 3, "replace-header", set_rule_header, NOWHERE, RULE_REPLACE_HEADER, 0, 0,
		PACKED "NAME PATTERN TEXT\0"
		PACKED "values that match become TEXT; PATTERN is text with one (.*) in it, which is \\1 in TEXT, and ^ $ \\." },
	{ AS_HTTP_RULE | IN_RULES | REPEATS, 0, 0, "allow", set_rule_action, NOWHERE, RULE_ALLOW, 0, 0, "\0"
		PACKED "the section's further rules do not count" },
	{ AS_HTTP_RULE | IN_RULES | REPEATS, 0, ARGS_ANY, "deny", set_rule_answer, NOWHERE, 403, 1, 0,
		PACKED "[deny_status N] [status N] [content-type TYPE string | lf-string TEXT]\0"
		PACKED "an error instead (403; of a response 502)" },
	{ AS_HTTP_REQUEST | IN_RULES | REPEATS, 0, ARGS_ANY, "return", set_rule_answer, NOWHERE, 200, 0, 0,
		PACKED "[status N] [content-type TYPE string | lf-string TEXT]\0"
		PACKED "an answer of our own" },
	{ AS_HTTP_REQUEST | IN_RULES | REPEATS, 2, ARGS_ANY, "redirect", set_rule_redirect, NOWHERE, 0, 0, 0,
		PACKED "location | prefix | scheme TEXT [code N] [drop-query] [append-slash]\0"
		PACKED "the client is sent elsewhere" },
	{ AS_HTTP_REQUEST | IN_RULES | REPEATS, 1, 1, "set-path", set_rule_format, NOWHERE, RULE_SET_PATH, 0, 0, PACKED "TEXT\0"
		PACKED "this path; the query stays" },
	{ AS_HTTP_REQUEST | IN_RULES | REPEATS, 2, 2, "replace-path", set_rule_replace_path, NOWHERE, RULE_REPLACE_PATH, 0, 0,
		PACKED "PATTERN TEXT\0"
		PACKED "a path that matches becomes TEXT, as in replace-header" },
	{ AS_HTTP_REQUEST | IN_RULES | REPEATS, 1, 1, "set-query", set_rule_format, NOWHERE, RULE_SET_QUERY, 0, 0,
		PACKED "TEXT\0"
		PACKED "this query; the path stays" },
	{ AS_HTTP_REQUEST | IN_RULES | REPEATS, 1, 3, "track-sc0", set_rule_track, NOWHERE, 0, 0, 0, PACKED "src [table NAME]\0"
		PACKED "the client's address is counted in the stick-table (of this section)" },
	{ AS_HTTP_RESPONSE | IN_RULES | REPEATS, 1, 3, "set-status", set_rule_status, NOWHERE, 0, 0, 0, PACKED "N "
		"[reason TEXT]\0"
		PACKED "another status; not of one without a body, nor into one" },
	{ AS_ANSWER | IN_RULES, 1, 1, "status", set_number, FIELD(rule, status), 200, 599, 0, PACKED "200..599\0"
		PACKED "of the answer" },
	{ AS_ANSWER | IN_RULES, 1, 1, "deny_status", set_number, FIELD(rule, status), 200, 599, 0, PACKED "200..599\0"
		PACKED "of the answer, which has a short page" },
	{ AS_ANSWER | IN_RULES, 1, 1, "content-type", set_rule_type, NOWHERE, 0, 0, 0, PACKED "TYPE\0"
		PACKED "of the text" },
	{ AS_ANSWER | IN_RULES, 1, 1, "string", set_rule_string, NOWHERE, 0, 0, 0, PACKED "TEXT\0"
		PACKED "the body, as it stands" },
	{ AS_ANSWER | IN_RULES, 1, 1, "lf-string", set_rule_format, NOWHERE, 0, 1, 0, PACKED "TEXT\0"
		PACKED "the body, in which %[FETCH] and so on count" },
	{ AS_REDIRECT | IN_RULES, 1, 1, "location", set_rule_format, NOWHERE, RULE_LOCATION, 0, 0, PACKED "TEXT\0"
		PACKED "there" },
	{ AS_REDIRECT | IN_RULES, 1, 1, "prefix", set_rule_format, NOWHERE, RULE_PREFIX, 0, 0, PACKED "TEXT\0"
		PACKED "there, and path and query behind it; / alone: the same again" },
	{ AS_REDIRECT | IN_RULES, 1, 1, "scheme", set_rule_format, NOWHERE, RULE_SCHEME, 0, 0, PACKED "TEXT\0"
		PACKED "the same by another scheme, such as https" },
	{ AS_REDIRECT | IN_RULES, 1, 1, "code", set_rule_code, NOWHERE, 0, 0, 0, PACKED "301 | 302 | 303 | 307 | 308\0"
		PACKED "of the answer (302)" },
	{ AS_REDIRECT | IN_RULES, 0, 0, "drop-query", set_value, FIELD(rule, drop_query), 1, 0, 0, "\0"
		PACKED "without the query" },
	{ AS_REDIRECT | IN_RULES, 0, 0, "append-slash", set_value, FIELD(rule, append_slash), 1, 0, 0, "\0"
		PACKED "ends in a slash" },
	{ AS_FORWARDFOR | IN_PROXY, 1, 1, "except", set_forwardfor_except, NOWHERE, 0, 0, 0, PACKED "NETWORK\0"
		PACKED "not for clients from there" },
	{ AS_FORWARDFOR | IN_PROXY, 1, 1, "header", set_forwardfor_header, NOWHERE, 0, 0, 0, PACKED "NAME\0"
		PACKED "instead of X-Forwarded-For" },
	{ AS_FORWARDFOR | IN_PROXY, 0, 0, "if-none", set_value, FIELD(forwardfor_config, if_none), 1, 0, 0, "\0"
		PACKED "not where the client has sent one" },
	{ AS_FETCH | IN_PROXY, 0, 0, "always_true", set_fetch, NOWHERE, SAMPLE_TRUE, USE_ANY, 0, "\0"
		PACKED "true" },
	{ AS_FETCH | IN_PROXY, 0, 0, "always_false", set_fetch, NOWHERE, SAMPLE_FALSE, USE_ANY, 0, "\0"
		PACKED "false" },
	{ AS_FETCH | IN_PROXY, 0, 0, "src", set_fetch, NOWHERE, SAMPLE_SRC, USE_ANY, 0, "\0"
		PACKED "the client's address; values are networks" },
	{ AS_FETCH | IN_PROXY, 0, 0, "src_port", set_fetch, NOWHERE, SAMPLE_SRC_PORT, USE_ANY, 0, "\0"
		PACKED "the client's port" },
	{ AS_FETCH | IN_PROXY, 0, 0, "dst", set_fetch, NOWHERE, SAMPLE_DST, USE_ANY, 0, "\0"
		PACKED "the address that the client came to" },
	{ AS_FETCH | IN_PROXY, 0, 0, "dst_port", set_fetch, NOWHERE, SAMPLE_DST_PORT, USE_ANY, 0, "\0"
		PACKED "and its port" },
	{ AS_FETCH | IN_PROXY, 0, 0, "ssl_fc", set_fetch, NOWHERE, SAMPLE_FALSE, USE_ANY, 0, "\0"
		PACKED "whether the client came by TLS (no: that comes later)" },
	{ AS_FETCH | IN_PROXY, 1, 1, "nbsrv", set_fetch_backend, NOWHERE, SAMPLE_NBSRV, USE_ANY, 0, PACKED "(BACKEND)\0"
		PACKED "how many servers of the backend are usable" },
	{ AS_FETCH | IN_PROXY, 0, 0, "method", set_fetch, NOWHERE, SAMPLE_METHOD, USE_MESSAGE, 0, "\0"
		PACKED "of the request, such as GET" },
	{ AS_FETCH | IN_PROXY, 0, 0, "path", set_fetch, NOWHERE, SAMPLE_PATH, USE_REQUEST | FETCH_SUFFIXES, 0, "\0"
		PACKED "of the request, without query. This and others have path_beg, _dir, _dom, _end, _len and _sub" },
	{ AS_FETCH | IN_PROXY, 0, 0, "url", set_fetch, NOWHERE, SAMPLE_URL, USE_REQUEST | FETCH_SUFFIXES, 0, "\0"
		PACKED "the request's target as it came" },
	{ AS_FETCH | IN_PROXY, 0, 0, "query", set_fetch, NOWHERE, SAMPLE_QUERY, USE_REQUEST, 0, "\0"
		PACKED "what stands behind the first '?'" },
	{ AS_FETCH | IN_PROXY, 1, 1, "url_param", set_fetch, NOWHERE, SAMPLE_URL_PARAM, USE_REQUEST, 0, PACKED "(NAME)\0"
		PACKED "the value of this parameter in the query" },
	{ AS_FETCH | IN_PROXY, 1, 1, "urlp", set_fetch, NOWHERE, SAMPLE_URL_PARAM, USE_REQUEST | FETCH_SUFFIXES, 0,
		PACKED "(NAME)\0"
		PACKED "the same, with urlp_beg and so on" },
	{ AS_FETCH | IN_PROXY, 0, 0, "req.ver", set_fetch, NOWHERE, SAMPLE_VERSION, USE_REQUEST, 0, "\0"
		PACKED "the version that the client speaks: 1.0 or 1.1" },
	{ AS_FETCH | IN_PROXY, 0, 0, "status", set_fetch, NOWHERE, SAMPLE_STATUS, USE_RESPONSE, 0, "\0"
		PACKED "of the response, such as 200" },
	{ AS_FETCH | IN_PROXY, 1, 2, "hdr", set_fetch, NOWHERE, SAMPLE_HDR, USE_MESSAGE | FETCH_SUFFIXES |
		FETCH_PREFIXES, 0, PACKED "(NAME[,N])\0"
		PACKED "a header's values, split at commas; only the Nth, from the end with -N. Also req.hdr, res.hdr, hdr_beg..." },
	{ AS_FETCH | IN_PROXY, 1, 1, "hdr_cnt", set_fetch, NOWHERE, SAMPLE_HDR_CNT, USE_MESSAGE | FETCH_PREFIXES, 0,
		PACKED "(NAME)\0"
		PACKED "how many values a header has" },
	{ AS_FETCH | IN_PROXY, 1, 2, "hdr_val", set_fetch, NOWHERE, SAMPLE_HDR_VAL, USE_MESSAGE | FETCH_PREFIXES, 0,
		PACKED "(NAME[,N])\0"
		PACKED "a header's values as numbers" },
	{ AS_FETCH | IN_PROXY, 1, 2, "hdr_ip", set_fetch, NOWHERE, SAMPLE_HDR_IP, USE_MESSAGE | FETCH_PREFIXES, 0,
		PACKED "(NAME[,N])\0"
		PACKED "a header's values as addresses" },
	{ AS_FETCH | IN_PROXY, 1, 1, "cook", set_fetch, NOWHERE, SAMPLE_COOKIE, USE_REQUEST | FETCH_SUFFIXES | FETCH_PREFIXES, 0,
		PACKED "(NAME)\0"
		PACKED "a cookie's value" },
};
_Static_assert(sizeof table / sizeof *table <= KEYWORDS_MAX, "make struct parser's seen[] larger");

const char *keyword_help(const struct keyword *k)
{
	return k->arguments + strlen(k->arguments) + 1;
}

const struct keyword *keyword_table(uint32_t *count)
{
	*count = sizeof table / sizeof *table;
	return table;
}

const struct keyword *keyword_find(uint32_t as, uint32_t sections, struct str word)
{
	const struct keyword *elsewhere = NULL;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (!keyword_is(&table[i], as) || !str_is(word, table[i].name))
			continue;
		if (as == AS_SECTION || table[i].where & sections)
			return &table[i];
		elsewhere = &table[i];
	}
	return elsewhere;
}

const struct keyword *keyword_nearest(uint32_t as, uint32_t sections, struct str word, unsigned *distance)
{
	const struct keyword *best = NULL;
	unsigned limit = word.n < 4 ? 1 : 2;    /* two edits make any short word of any other */

	*distance = limit + 1;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (!keyword_is(&table[i], as) || !(as == AS_SECTION || table[i].where & sections))
			continue;
		unsigned d = text_distance(word, str_z(table[i].name), limit);
		if (d < *distance) {
			*distance = d;
			best = &table[i];
		}
	}
	return best;
}

/* By AS_ value: what stands in front of the word, and how its place is called. */
static const struct { const char *prefix, *place; } contexts[] = {
	[AS_OPTION >> 12] = { "option ", "'option'" },
	[AS_TIMEOUT >> 12] = { "timeout ", "'timeout'" },
	[AS_HTTP_CHECK >> 12] = { "http-check ", "'http-check'" },
	[AS_STATS >> 12] = { "stats ", "'stats'" },
	[AS_HMAC >> 12] = { "auth_hmac ", "'auth_hmac'" },
	[AS_EXPECT >> 12] = { "http-check expect ", "'http-check expect'" },
	[AS_SERVER >> 12] = { NULL, PACKED "a server line" },
	[AS_BIND >> 12] = { NULL, PACKED "a bind line" },
	[AS_COOKIE >> 12] = { NULL, PACKED "a cookie line" },
	[AS_VIP >> 12] = { NULL, PACKED "a virtual_ipaddress line" },
	[AS_TRACK >> 12] = { NULL, PACKED "a track line" },
	[AS_SOCKET >> 12] = { NULL, PACKED "a stats socket line" },
	[AS_ROUTE >> 12] = { NULL, PACKED "a virtual_routes line" },
	[AS_HTTP_REQUEST >> 12] = { "http-request ", "'http-request'" },
	[AS_HTTP_RESPONSE >> 12] = { "http-response ", "'http-response'" },
	[AS_HTTP_RULE >> 12] = { "http-request ", PACKED "'http-request' and 'http-response'" },
	[AS_TCP_REQUEST >> 12] = { "tcp-request ", "'tcp-request'" },
	[AS_TCP_CHECK >> 12] = { "tcp-check ", "'tcp-check'" },
	[AS_SEND >> 12] = { "http-check send ", "'http-check send'" },
	[AS_CONNECT >> 12] = { NULL, PACKED "a connect line of a check" },
	[AS_CONTENT >> 12] = { "tcp-check expect ", "'tcp-check expect'" },
	[AS_STICK >> 12] = { NULL, PACKED "a stick-table line" },
	[AS_ANSWER >> 12] = { NULL, PACKED "an answer" },
	[AS_REDIRECT >> 12] = { NULL, PACKED "a redirect" },
	[AS_FORWARDFOR >> 12] = { NULL, "'option forwardfor'" },
	[AS_FETCH >> 12] = { NULL, PACKED "a condition" },
};

const char *keyword_prefix(const struct keyword *k)
{
	const char *prefix = contexts[(k->where & AS_ALL) >> 12].prefix;

	return prefix ? prefix : "";
}

const char *keyword_place(uint32_t as)
{
	return contexts[as >> 12].place;
}

const char *section_text(uint32_t in)
{
	switch (in & IN_ANY) {
	case IN_GLOBAL: return "global";
	case IN_VRRP: return "vrrp";
	case IN_VRRP | IN_GROUP: return PACKED "vrrp or vrrp_sync_group";
	case IN_SCRIPT: return "vrrp_script";
	case IN_WATCH: return PACKED "vrrp_script or vrrp_track_file";
	case IN_FILE: return "vrrp_track_file";
	case IN_GROUP: return "vrrp_sync_group";
	case IN_FRONTEND: return "frontend";
	case IN_BACKEND: return "backend";
	case IN_LISTEN: return "listen";
	case IN_DEFAULTS: return "defaults";
	case IN_FRONT: return PACKED "frontend, listen or defaults";
	case IN_BACK: return PACKED "backend, listen or defaults";
	case IN_FRONTEND | IN_LISTEN: return PACKED "frontend or listen";
	case IN_BACKEND | IN_LISTEN: return PACKED "backend or listen";
	case IN_RULES: return PACKED "frontend, backend or listen";
	default: return PACKED "frontend, backend, listen or defaults";
	}
}

size_t keyword_facts(const struct keyword *k, char *out, size_t size)
{
	const char *place = keyword_place(k->where & AS_ALL);
	char text[16], plain[TEXT_MAX];
	const char *word = text_plain(k->arguments, plain);
	bool time = k->set == set_ms || (k->high > 0 && strcmp(word, "SECONDS") == 0);
	bool section = keyword_is(k, AS_SECTION);
	size_t n = text_format(out, size, "%s%s", section ? "a section" : "in ", section ? "" :
		place && !*keyword_prefix(k) ? place : section_text(k->where));

	if (k->set == set_bytes)
		n += text_format(out + n, size - n, "; %u to %u", k->low, k->high);
	if (time) {
		n += text_format(out + n, size - n, "; %s to ", print_ms(k->low, text));
		n += text_format(out + n, size - n, "%s", print_ms(k->high, text));
	}
	if (k->set == set_choice && k->initial >= k->low) {
		for (uint32_t i = k->initial - k->low; i > 0; i--)
			word += strcspn(word, "|") + 2;
		n += text_format(out + n, size - n, "; default: %.*s", (int)strcspn(word, " "), word);
	} else if (k->initial > 0) {
		n += text_format(out + n, size - n, "; default: ");
		if (time)
			n += text_format(out + n, size - n, "%s", print_ms(k->initial, text));
		else
			n += text_format(out + n, size - n, "%u", k->initial);
	}
	if (k->where & TAKES_NO)
		n += text_format(out + n, size - n, "; 'no option %s' turns it off", k->name);
	return n;
}

void keyword_defaults(uint32_t as, uint32_t sections, void *object)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct keyword *k = &table[i];
		uint8_t v8 = (uint8_t)k->initial;
		uint16_t v16 = (uint16_t)k->initial;
		if (!keyword_is(k, as) || !(k->where & sections) || k->initial == 0)
			continue;
		const void *value = k->size == 1 ? (const void *)&v8 : k->size == 2 ? (const void *)&v16 :
			&k->initial;
		memcpy((char *)object + k->field, value, k->size);
	}
}
