/* SPDX-License-Identifier: MIT
 * Words that a file of HAProxy's or keepalived's may have and tandem does not: whoever brings such a file hears that the
 * word is known, and why it is not taken.
 */
#include <string.h>
#include "conf/parse.h"

#define HAPROXY "is HAProxy's; tandem does not have it"
#define KEEPALIVED "is keepalived's; tandem does not have it"
#define TLS "is about TLS, which comes later"

static const struct { uint32_t where; const char *words, *reason; } table[] = {
	{ AS_SECTION, "vrrp_instance", "is keepalived's: here it starts with 'vrrp NAME', and has no braces" },
	{ AS_SECTION, "vrrp_sync_group vrrp_script vrrp_track_process vrrp_track_file vrrp_track_bfd global_defs "
		"virtual_server virtual_server_group static_ipaddress static_routes static_rules static_track_group "
		"bfd_instance garp_group linkbeat_interfaces interface_up_down_delays", KEEPALIVED },
	{ AS_SECTION, "peers resolvers userlist mailers cache program http-errors ring log-forward fcgi-app crt-store "
		"traces acme", HAPROXY },

	{ AS_LINE | IN_GLOBAL, "daemon", "is HAProxy's: 'tandem run -d' goes to the background" },
	{ AS_LINE | IN_GLOBAL, "pidfile", "is HAProxy's: 'tandem run -p FILE' writes it" },
	{ AS_LINE | IN_GLOBAL, "nbthread nbproc cpu-map thread-groups", "is HAProxy's: tandem has one worker and no threads" },
	{ AS_LINE | IN_GLOBAL, "uid gid", "is HAProxy's: write 'user' or 'group', which take numbers as well" },
	{ AS_LINE | IN_GLOBAL, "maxsslconn ca-base crt-base issuers-chain-path ssl-default-bind-ciphers "
		"ssl-default-bind-ciphersuites ssl-default-bind-curves ssl-default-bind-options ssl-default-server-ciphers "
		"ssl-default-server-ciphersuites ssl-default-server-options ssl-dh-param-file ssl-server-verify", TLS },
	{ AS_LINE | IN_GLOBAL, "close-spread-time default-path description external-check grace h1-case-adjust "
		"hard-stop-after insecure-fork-wanted localpeer log-send-hostname log-tag lua-load lua-load-per-thread "
		"lua-prepend-path master-worker maxcompcpuusage maxcomprate maxconnrate maxpipes maxsessrate maxsslrate "
		"maxzlibmem mworker-max-reloads noepoll nogetaddrinfo nokqueue nopoll noreuseport nosplice numa-cpu-mapping "
		"presetenv profiling.tasks quiet resetenv server-state-base server-state-file set-dumpable set-var set-var-fmt "
		"setcap setenv spread-checks strict-limits tune.comp.maxlevel tune.http.cookielen tune.http.logurilen "
		"tune.http.maxhdr tune.idletimer tune.maxaccept tune.maxpollevents tune.maxrewrite tune.pipesize "
		"tune.rcvbuf.client tune.rcvbuf.server tune.sndbuf.client tune.sndbuf.server tune.ssl.cachesize "
		"tune.ssl.default-dh-param ulimit-n unix-bind unsetenv zero-warning", HAPROXY },
	{ AS_LINE | IN_GLOBAL, "router_id vrrp_version notification_email notification_email_from smtp_server "
		"enable_script_security script_user vrrp_strict vrrp_skip_check_adv_addr vrrp_garp_interval "
		"vrrp_gna_interval dynamic_interfaces", KEEPALIVED },

	{ AS_LINE | IN_VRRP, "authentication", "is keepalived's block: here 'auth_pass TEXT' is a line of its own" },
	{ AS_LINE | IN_VRRP, "track_script track_process track_file track_bfd",
		"is keepalived's: here 'track_backend BACKEND' follows the service, without scripts" },
	{ AS_LINE | IN_VRRP, "preempt", "is keepalived's: it is the rule here; 'nopreempt' turns it off" },
	{ AS_LINE | IN_VRRP, "preempt_delay notify notify_master notify_backup notify_fault notify_stop track_interface "
		"use_vmac virtual_ipaddress_excluded virtual_routes virtual_rules", "is keepalived's and comes later" },
	{ AS_LINE | IN_VRRP, "accept debug dont_track_primary down_timer_adverts garp_lower_prio_delay "
		"garp_lower_prio_repeat garp_interval gna_interval higher_prio_send_advert lower_prio_no_advert lvs_sync_daemon "
		"lvs_sync_daemon_interface native_ipv6 nodelay_preempt notify_priority_changes old_unicast_checksum "
		"promote_secondaries skip_check_adv_addr smtp_alert strict_mode unicast_ttl vmac_xmit_base kernel_rx_buf_size "
		"track_src_ip linkbeat_use_polling check_unicast_src rfc6527_sends_adverts", KEEPALIVED },

	{ AS_LINE | IN_PROXY, "acl use_backend http-request http-response http-after-response redirect use-server stats",
		"is HAProxy's and comes later" },
	{ AS_LINE | IN_PROXY, "stick stick-table", "is HAProxy's; tandem does not have it: 'cookie' keeps clients on a server" },
	{ AS_LINE | IN_PROXY, "clitimeout contimeout srvtimeout",
		"is HAProxy's old word: write 'timeout client', 'timeout connect' or 'timeout server'" },
	{ AS_LINE | IN_PROXY, "backlog bind-process capture clitcpka-cnt clitcpka-idle clitcpka-intvl compression declare "
		"description disabled dispatch email-alert enabled errorfile errorfiles errorloc errorloc302 errorloc303 "
		"external-check filter force-persist fullconn grace hash-balance-factor hash-type http-error http-reuse "
		"http-send-name-header id ignore-persist load-server-state-from-file log-format log-format-sd log-tag "
		"max-keep-alive-queue max-session-srv-conns monitor monitor-net monitor-uri rate-limit retry-on rspadd reqadd "
		"server-state-file-name server-template source srvtcpka-cnt srvtcpka-idle srvtcpka-intvl tcp-check tcp-request "
		"tcp-response transparent unique-id-format unique-id-header use-fcgi-app block reqrep rsprep", HAPROXY },
	{ AS_OPTION, "abortonclose accept-invalid-http-request accept-invalid-http-response allbackups checkcache clitcpka "
		"contstats disable-h2-upgrade dontlog-normal external-check forceclose h1-case-adjust-bogus-client "
		"h1-case-adjust-bogus-server http-buffer-request http-ignore-probes http-no-delay http-pretend-keepalive "
		"http-restrict-req-hdr-names http-tunnel http-use-htx http-use-proxy-header httpslog idle-close-on-response "
		"independent-streams ldap-check log-health-checks log-separate-errors logasap mysql-check nolinger originalto "
		"pgsql-check prefer-last-server redis-check smtpchk socket-stats splice-auto splice-request splice-response "
		"spop-check srvtcpka ssl-hello-chk tcp-check tcp-smart-accept tcp-smart-connect tcpka transparent", HAPROXY },
	{ AS_TIMEOUT, "client-fin server-fin tarpit client-hs clitimeout contimeout srvtimeout", HAPROXY },
	{ AS_HTTP_CHECK, "send", "is HAProxy's and comes later: 'option httpchk METHOD URI VERSION' sends the request, with "
		"headers as in 'option httpchk GET /health HTTP/1.1\\r\\nHost:\\ www'" },
	{ AS_HTTP_CHECK, "connect disable-on-404 send-state set-var set-var-fmt unset-var comment", HAPROXY },
	{ AS_EXPECT, "rstatus rstring hdr fhdr min-recv comment ok-status error-status tout-status on-success on-error "
		"status-code", HAPROXY },
	{ AS_COOKIE, "rewrite prefix", "is a mode of HAProxy's that changes the server's own cookie; only 'insert' is here" },
	{ AS_COOKIE, "dynamic maxidle maxlife attr", HAPROXY },
	{ AS_STATS, "timeout maxconn bind-process enable uri auth refresh realm hide-version admin scope show-node "
		"show-legends show-desc", HAPROXY },
	{ AS_SOCKET, "user group uid gid expose-fd process", HAPROXY },
	{ AS_BIND, "ssl crt crt-list ca-file ca-verify-file verify alpn npn ciphers ciphersuites curves ecdhe crl-file "
		"ssl-min-ver ssl-max-ver force-tlsv12 force-tlsv13 no-sslv3 no-tlsv10 no-tlsv11 no-tlsv12 no-tlsv13 "
		"no-tls-tickets strict-sni allow-0rtt prefer-client-ciphers tls-ticket-keys generate-certificates", TLS },
	{ AS_BIND, "transparent", "is HAProxy's: tandem binds to addresses that are on the other node without it" },
	{ AS_BIND, "accept-proxy accept-netscaler-cip backlog defer-accept expose-fd gid group id level maxconn mode mss "
		"namespace nice process proto severity-output shards tcp-ut tfo thread uid user v4v6 v6only", HAPROXY },
	{ AS_SERVER, "ssl no-ssl verify verifyhost ca-file crl-file crt sni alpn npn ciphers ciphersuites check-ssl "
		"no-check-ssl check-sni check-alpn ssl-min-ver ssl-max-ver ssl-reuse no-ssl-reuse sslv3 no-sslv3 no-tlsv10 "
		"no-tlsv11 no-tlsv12 no-tlsv13 no-verifyhost tls-tickets no-tls-tickets force-tlsv12 force-tlsv13 allow-0rtt",
		TLS },
	{ AS_SERVER, "resolvers resolve-prefer resolve-net resolve-opts init-addr",
		"is about host names, which are not looked up: give the server's IP address" },
	{ AS_SERVER, "agent-addr agent-check agent-inter agent-port agent-send no-agent-check check-proto "
		"check-send-proxy no-check-send-proxy check-via-socks4 error-limit id log-proto max-reuse maxconn maxqueue "
		"minconn namespace non-stick observe on-error on-marked-down on-marked-up pool-low-conn pool-max-conn "
		"pool-purge-delay proto redir send-proxy no-send-proxy send-proxy-v2 no-send-proxy-v2 send-proxy-v2-ssl "
		"proxy-v2-options shard slowstart socks4 source stick tcp-ut tfo no-tfo track usesrc ws init-state", HAPROXY },
	{ AS_VIP, "brd broadcast scope no_track nopreempt preferred_lft home mngtmpaddr noprefixroute track_group peer",
		KEEPALIVED },
	{ AS_TRACK, "reverse", KEEPALIVED },
};

static bool list_has(const char *list, struct str word)
{
	while (*list) {
		uint32_t n = (uint32_t)strcspn(list, " ");
		if (str_equal(word, str_of(list, n)))
			return true;
		list += n;
		list += *list == ' ';
	}
	return false;
}

const char *foreign_reason(uint32_t as, uint32_t sections, struct str word)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].where & as && (!(table[i].where & IN_ANY) || table[i].where & sections)
		    && list_has(table[i].words, word))
			return table[i].reason;
	return NULL;
}
