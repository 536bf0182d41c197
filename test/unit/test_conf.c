/* SPDX-License-Identifier: MIT
 * conf/: what a file becomes, and what is said about a wrong one. The examples are in test/vectors/conf.txt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "conf/conf.h"
#include "conf/parse.h"
#include "kind.h"

#define FINDINGS_MAX 256

static struct arena arena;
static struct { enum conf_severity severity; char text[512]; } findings[FINDINGS_MAX];
static uint32_t finding_count, errors, warnings;

static void collect(void *context, enum conf_severity severity, const char *sentence)
{
	assert_ptr_equal(context, &arena);
	errors += severity == CONF_ERROR;
	warnings += severity == CONF_WARNING;
	if (finding_count == FINDINGS_MAX)
		return;
	findings[finding_count].severity = severity;
	snprintf(findings[finding_count++].text, sizeof findings[0].text, "%s", sentence);
}

/* As fresh memory, without the time that mapping it takes. */
static void reset(void)
{
	memset(arena.start, 0, arena.used);
	arena.used = 0;
	arena.line_count = 0;
	finding_count = errors = warnings = 0;
}

static const struct conf *load_bytes(const char *bytes, size_t n, const char *node)
{
	char *copy = malloc(n ? n : 1);         /* ends where the file ends, so that the sanitizer sees a byte too many */

	reset();
	assert_non_null(copy);
	memcpy(copy, bytes, n);
	const struct conf_handed handed = { .hosts = "# names\n10.0.0.9\tweb09 www.example.net # web08\nfd00::9 six\n10.0.0.8 web09" };
	const struct conf *conf = conf_load(&arena, "f", copy, (uint32_t)n, node, "host.example.net", &handed, collect, &arena);
	free(copy);
	assert_int_equal(conf == NULL, errors > 0);     /* always */
	return conf;
}

static const struct conf *load(const char *text)
{
	return load_bytes(text, strlen(text), "a");
}

static bool found(enum conf_severity severity, const char *text)
{
	for (uint32_t i = 0; i < finding_count; i++)
		if (findings[i].severity == severity && strstr(findings[i].text, text))
			return true;
	return false;
}

static void show(const char *title)
{
	print_error("%s\n", title);
	for (uint32_t i = 0; i < finding_count; i++)
		print_error("    %s: %s\n", findings[i].severity == CONF_ERROR ? "error" : "warning", findings[i].text);
}

static const struct conf *good(const char *text)
{
	const struct conf *conf = load(text);

	if (!conf) {
		show(text);
		fail();
	}
	return conf;
}

static void says(enum conf_severity severity, const char *text)
{
	if (!found(severity, text)) {
		show(text);
		fail();
	}
}

static char *read_text(const char *path, size_t *n)
{
	char name[512];
	snprintf(name, sizeof name, "%s/%s", TEST_ROOT, path);
	FILE *f = fopen(name, "rb");
	if (!f)
		fail_msg("%s", name);
	char *text = malloc(1 << 20);
	assert_non_null(text);
	*n = fread(text, 1, (1 << 20) - 1, f);
	text[*n] = '\0';
	fclose(f);
	return text;
}

/* ---- the examples ---- */

static const char global_template[] = "global\n>\nlisten l\nbind :80\nserver s 10.0.0.1:80\n";
static const char vrrp_template[] = "vrrp V\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress 10.0.0.1/24\n>\n"
	"backend b\nserver x 10.9.0.1:80 check\nfrontend f\nbind :1080\ndefault_backend b\n"
	"backend unchecked\nserver y 10.9.0.2:80\nvrrp_script alive\nscript /bin/true\nvrrp_track_file number\nfile /tmp/n\n";
#define VRRP_V "vrrp V\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress 10.0.0.1\n"
static const char script_template[] = "vrrp_script alive\nscript /bin/true\n>\n" VRRP_V;
static const char file_template[] = "vrrp_track_file n\nfile /tmp/n\n>\n" VRRP_V;
static const char group_template[] = "vrrp_sync_group g\n>\n" VRRP_V
	"vrrp W\ninterface eth1\nvirtual_router_id 1\nvirtual_ipaddress 10.0.0.2\n"
	"vrrp U\ninterface eth2\nvirtual_router_id 1\nvirtual_ipaddress 10.0.0.3\n";
static const char proxy_template[] = "listen l\nmode http\nbind :80\noption httpchk\nserver s 10.0.0.1:80 check\n>\n"
	"backend b\nmode http\nserver x 10.9.0.1:80\nbackend t\nserver x 10.9.0.1:80\n"
	"frontend f\nmode http\nbind :1080\ndefault_backend b\n";

static const char *template_of(const char *kind)
{
	if (strcmp(kind, "global") == 0 || strcmp(kind, "stats") == 0 || strcmp(kind, "socket") == 0)
		return global_template;
	if (strcmp(kind, "vrrp") == 0 || strcmp(kind, "vip") == 0 || strcmp(kind, "hmac") == 0 || strcmp(kind, "route") == 0 || strcmp(kind, "track") == 0)
		return vrrp_template;
	if (strcmp(kind, "script") == 0 || strcmp(kind, "group") == 0 || strcmp(kind, "file-of-a-track") == 0)
		return *kind == 's' ? script_template : *kind == 'g' ? group_template : file_template;
	return strcmp(kind, "section") == 0 || strcmp(kind, "file") == 0 ? ">\n" : proxy_template;
}

/* Does a line of the example have what this line of the template sets? */
static bool replaced(const char *line, size_t n, const char *example)
{
	size_t word = strcspn(line, " \n");

	if (n > 14 && strncmp(line, "option httpchk", 14) == 0)
		return strstr(example, "option httpchk");
	if (strncmp(line, "bind", 4) == 0 || strncmp(line, "server", 6) == 0 || strncmp(line, "option", 6) == 0)
		return false;
	for (const char *p = example; p; p = strstr(p, " // ")) {
		p += strncmp(p, " // ", 4) == 0 ? 4 : 0;
		const char *keyword = *p == '@' ? p + strcspn(p, " ") + 1 : p;
		if (strncmp(keyword, line, word) == 0 && (keyword[word] == ' ' || keyword[word] == '\0'))
			return true;
	}
	return false;
}

static void put_example(char *out, const char *kind, const char *example)
{
	bool section_over = false;

	for (const char *line = template_of(kind); *line; line += strcspn(line, "\n") + 1) {
		size_t n = strcspn(line, "\n") + 1;
		if (*line == '>') {
			for (const char *p = example; *p; )
				if (strncmp(p, " // ", 4) == 0) {
					*out++ = '\n';
					p += 4;
				} else {
					*out++ = *p++;
				}
			*out++ = '\n';
			section_over = true;
		} else if (section_over || !replaced(line, n, example)) {
			memcpy(out, line, n);
			out += n;
			if (strncmp(line, "server s", 8) == 0 && strstr(example, "cookie ")) {
				memcpy(out - 1, " cookie a\n", 10);
				out += 9;
			}
		}
	}
	*out = '\0';
}

static bool example_holds(const char *kind, char sign, char *example)
{
	static char file[8192];
	char *expected = strstr(example, " => ");

	if (expected) {
		*expected = '\0';
		expected += 4;
	}
	put_example(file, kind, example);
	(void)load(file);
	bool holds = sign == '+' ? errors == 0 && warnings == 0 && !expected
		: sign == '~' ? errors == 0 && expected && found(CONF_WARNING, expected)
		: errors > 0 && expected && found(CONF_ERROR, expected);
	if (!holds) {
		print_error("= %s: %c %s => %s\n", kind, sign, example, expected ? expected : "");
		show(file);
	}
	return holds;
}

static void every_example_holds_and_every_row_has_one(void **state)
{
	size_t n;
	char *text = read_text("test/vectors/conf.txt", &n), kind[32] = "", *next;
	uint32_t count, row = 0, failed = 0;
	const struct keyword *table = keyword_table(&count);
	bool accepted[KEYWORDS_MAX] = { 0 }, refused[KEYWORDS_MAX] = { 0 };

	(void)state;
	for (char *line = text; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (*line == '=') {
			char name[64] = "";
			assert_in_range(sscanf(line, "= %31s %63s", kind, name), 1, 2);
			for (row = 0; row < count; row++)
				if (strcmp(kind_of(&table[row]), kind) == 0 && strcmp(table[row].name, name) == 0)
					break;
			if (row == count && strcmp(kind, "file") != 0)
				fail_msg("no row: %s", line);
		} else if (*line == '+' || *line == '-' || *line == '~') {
			bool holds = example_holds(kind, *line, line + 2);
			failed += !holds;
			accepted[row] |= *line == '+';
			refused[row] |= *line == '-';
		}
	}
	free(text);
	for (uint32_t i = 0; i < count; i++)
		if (!accepted[i] || !refused[i]) {
			print_error("%s %s: no %s example\n", kind_of(&table[i]), table[i].name,
				accepted[i] ? "refused" : "accepted");
			failed++;
		}
	assert_int_equal(failed, 0);
}

/* ---- the table itself ---- */

static void the_table_is_sound(void **state)
{
	uint32_t count;
	const struct keyword *table = keyword_table(&count);

	(void)state;
	assert_in_range(count, 1, KEYWORDS_MAX);
	for (uint32_t i = 0; i < count; i++) {
		const struct keyword *k = &table[i];
		uint32_t as = k->where & AS_ALL;
		assert_int_not_equal(as, AS_ANY);
		assert_non_null(k->set);
		assert_true(k->min <= k->max);
		assert_true(*keyword_help(k) != '\0');
		assert_int_equal(k->max == 0, *k->arguments == '\0');
		assert_true(as == AS_SECTION || k->where & IN_ANY);
		if ((k->set == set_number || k->set == set_ms || k->set == set_seconds || k->set == set_bytes) && k->initial)
			assert_in_range(k->initial, k->low, k->high);
		if (k->where & TAKES_NO)
			assert_int_equal(as, AS_OPTION);
		if (as != AS_SECTION)
			assert_ptr_equal(keyword_find(as, k->where & IN_ANY, str_z(k->name)), k);
		assert_null(foreign_reason(as, k->where & IN_ANY, str_z(k->name)));
	}
}

/* ---- values ---- */

static void the_sample_becomes_what_it_says(void **state)
{
	size_t n;
	char *text = read_text("cfg/tandem.conf", &n);
	const struct conf *conf = load_bytes(text, n, "lb02");

	(void)state;
	free(text);
	assert_non_null(conf);
	assert_int_equal(warnings, 0);
	const struct global_config *g = &conf->global;
	assert_string_equal(g->node, "lb02");
	assert_string_equal(g->sysctls->name, "net.ipv4.ip_nonlocal_bind");
	assert_string_equal(g->sysctls->value, "1");
	assert_int_equal(g->maxconn, 256);
	assert_int_equal(g->buffer_bytes, 16384);
	assert_string_equal(g->stats_socket, "/run/tandem.sock");
	assert_int_equal(g->stats_socket_mode, 0600);
	assert_int_equal(g->log_target_count, 1);
	assert_int_equal(g->log_targets[0].kind, LOG_TO_UNIX);
	assert_string_equal(g->log_targets[0].path, "/dev/log");
	assert_int_equal(g->log_targets[0].facility, 16);
	assert_int_equal(g->log_targets[0].level, LOG_L_INFO);
	assert_int_equal(g->log_targets[0].fd, -1);

	const struct vrrp_config *v = conf->vrrps;
	char out[ADDR_TEXT_MAX];
	assert_int_equal(conf->vrrp_count, 1);
	assert_string_equal(v->interface, "eth0");
	assert_int_equal(v->vrid, 51);
	assert_int_equal(v->version, 2);
	assert_int_equal(v->priority, 90);
	assert_int_equal(v->advert_int_ms, 1000);
	assert_true(v->has_auth);
	assert_memory_equal(v->auth_pass, "s3cret\0\0", 8);
	assert_string_equal(prefix_print(&v->vips->address, out), "192.168.1.10/24");
	assert_string_equal(addr_print(&v->source, out), "192.168.1.12");
	assert_string_equal(addr_print(&v->peers->address, out), "192.168.1.11");
	assert_int_equal(v->peer_count, 1);
	assert_int_equal(v->tracks->weight, -20);
	assert_int_equal(v->tracks->backend, 1);
	assert_int_equal(v->garp_master_delay_ms, 5000);
	assert_int_equal(v->garp_master_repeat, 5);
	assert_int_equal(v->garp_master_refresh_ms, 60000);
	assert_int_equal(v->garp_master_refresh_repeat, 1);

	const struct proxy_config *f = conf->proxies, *b = f->next;
	assert_int_equal(conf->proxy_count, 2);
	assert_int_equal(f->sides, PROXY_FRONTEND);
	assert_int_equal(b->sides, PROXY_BACKEND);
	assert_ptr_equal(f->default_backend, b);
	assert_string_equal(endpoint_print(&f->binds->address, out), "192.168.1.10:80");
	assert_int_equal(b->mode, MODE_HTTP);
	assert_int_equal(b->timeouts[TIMEOUT_SERVER], 30000);
	assert_true(b->options & OPTION_FORWARDFOR);
	assert_int_equal(b->retries, 3);
	assert_int_equal(b->redispatch_interval, -1);
	assert_int_equal(b->check.kind, CHECK_HTTP);
	assert_string_equal(b->check.request.method, "GET");
	assert_string_equal(b->check.request.uri, "/health");
	assert_string_equal(b->check.request.version, "HTTP/1.0");
	assert_null(b->check.request.headers);
	assert_int_equal(b->check.expect, EXPECT_STATUS);
	assert_int_equal(b->check.ranges[0].low, 200);
	assert_int_equal(b->check.ranges[0].high, 200);
	assert_string_equal(b->cookie.name, "SERVERID");
	assert_true(b->cookie.insert && b->cookie.indirect && b->cookie.nocache && !b->cookie.postonly);
	const struct server_config *s = b->servers->next;
	assert_int_equal(b->server_count, 2);
	assert_string_equal(s->name, "web02");
	assert_string_equal(s->cookie, "web02");
	assert_int_equal(s->index, 1);
	assert_int_equal(s->weight, 1);
	assert_true(s->check && !s->backup && !s->disabled);
	assert_int_equal(s->health.inter_ms, 2000);
	assert_int_equal(s->health.fall, 3);
	assert_int_equal(s->health.rise, 2);
	assert_int_equal(conf->check_count, 2);
	assert_int_equal(conf->server_count, 2);
	assert_int_equal(conf->bind_count, 1);
}

static void sections_start_with_the_defaults_above_them(void **state)
{
	const struct conf *conf = good("defaults\nmode http\nretries 7\ntimeout client 9s\noption httpclose\n"
		"default-server inter 3s weight 5\nlisten a\nbind :80\nserver s 10.0.0.1:80\ndefault-server weight 6\n"
		"server t 10.0.0.1:81 inter 4s\nno option httpclose\ndefaults\nlisten b\nbind :81\nserver s 10.0.0.1:80\n");
	const struct proxy_config *a = conf->proxies, *b = a->next;

	(void)state;
	assert_int_equal(a->mode, MODE_HTTP);
	assert_int_equal(a->retries, 7);
	assert_int_equal(a->timeouts[TIMEOUT_CLIENT], 9000);
	assert_int_equal(a->options, 0);
	assert_int_equal(a->servers->health.inter_ms, 3000);
	assert_int_equal(a->servers->weight, 5);
	assert_int_equal(a->servers->next->health.inter_ms, 4000);
	assert_int_equal(a->servers->next->weight, 6);
	assert_ptr_equal(a->default_backend, a);
	assert_int_equal(b->mode, MODE_TCP);
	assert_int_equal(b->retries, 3);
	assert_int_equal(b->timeouts[TIMEOUT_CLIENT], 0);
	assert_int_equal(b->servers->health.inter_ms, 2000);
	assert_int_equal(b->servers->health.fall, 3);
	assert_int_equal(b->servers->weight, 1);
	assert_int_equal(b->servers->index, 2);
	assert_int_equal(b->binds->index, 1);
}

static void an_http_check_carries_its_headers(void **state)
{
	const struct conf *conf = good("backend b\noption httpchk GET /a HTTP/1.1\\r\\nHost:\\ www\\r\\nX:\\ y\n"
		"server s 10.0.0.1:80\nbackend c\noption httpchk /b\nserver s 10.0.0.1:80\n");

	(void)state;
	assert_string_equal(conf->proxies->check.request.version, "HTTP/1.1");
	assert_string_equal(conf->proxies->check.request.headers, "Host: www\r\nX: y\r\n");
	assert_string_equal(conf->proxies->next->check.request.method, "OPTIONS");
	assert_string_equal(conf->proxies->next->check.request.uri, "/b");
}

static void other_values_arrive(void **state)
{
	const struct conf *conf = good("vrrp V\ninterface eth0\nvirtual_router_id 1\nversion 3\nadvert_int 0.25\n"
		"virtual_ipaddress 10.0.0.1\nvirtual_ipaddress 10.0.0.2/24 dev eth1 label eth1:v\nnopreempt\nstate BACKUP\n"
		"mcast_src_ip 10.0.0.9\nlisten l\nmode http\noption httpchk\nhttp-check expect ! status 400-499,503\n"
		"cookie S insert domain a.b domain c.d secure\nbind :80,:81 interface eth0 name n\n"
		"option redispatch 2\nserver s [2001:db8::1]:80 cookie s check port 8080 addr 10.1.1.1 backup disabled weight 0\n");
	const struct vrrp_config *v = conf->vrrps;
	const struct proxy_config *l = conf->proxies;
	char out[ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(v->advert_int_ms, 250);
	assert_int_equal(v->vips->address.length, 32);
	assert_string_equal(v->vips->next->device, "eth1");
	assert_string_equal(v->vips->next->label, "eth1:v");
	assert_true(v->nopreempt && !v->state_master_hint);
	assert_string_equal(addr_print(&v->source, out), "10.0.0.9");
	assert_true(l->check.expect_not);
	assert_int_equal(l->check.range_count, 2);
	assert_int_equal(l->check.ranges[0].high, 499);
	assert_string_equal(l->cookie.domain, "a.b; domain=c.d");
	assert_true(l->cookie.secure);
	assert_int_equal(l->bind_count, 2);
	assert_string_equal(l->binds->next->interface, "eth0");
	assert_int_equal(l->redispatch_interval, 2);
	assert_true(l->options & OPTION_REDISPATCH);
	assert_true(l->servers->check && l->servers->backup && l->servers->disabled);
	assert_int_equal(l->servers->weight, 0);
	assert_int_equal(l->servers->check_address.port, 8080);
	assert_string_equal(addr_print(&l->servers->check_address.addr, out), "10.1.1.1");
	assert_int_equal(l->servers->address.addr.family, ADDR_IPV6);
}

static void lines_about_connections_arrive(void **state)
{
	const struct conf *conf = good("listen l\nmode http\nbind 10.0.0.1:80-82,[::1]:90 accept-proxy v4v6 name n\nbind :80\nbind [::]:91 v6only\n"
		"option tcpka\nno option clitcpka\ntimeout client-fin 2s\ntimeout server-fin 3s\ntcp-request inspect-delay 4s\n"
		"stick-table type ipv6 size 2k expire 5s nopurge store gpc0,conn_rate(6s) store http_req_rate(7s)\n"
		"tcp-request connection track-sc0 src\ntcp-request connection reject if { src_conn_rate(l) gt 5 }\n"
		"tcp-request connection accept\nstick match src\n"
		"server s 10.0.0.2:80 send-proxy\nserver t 10.0.0.3:80 send-proxy send-proxy-v2 check-send-proxy\n");
	const struct proxy_config *l = conf->proxies;
	const struct bind_config *b = l->binds;
	const struct stick_config *t = l->stick;

	(void)state;
	assert_int_equal(conf->bind_count, 6);
	for (uint16_t port = 80; port <= 82; port++, b = b->next)
		assert_true(b->address.port == port && b->accept_proxy && b->v4v6 && b->shared == (port == 80) && b->index == port - 80u);
	assert_true(b->address.addr.family == ADDR_IPV6 && b->accept_proxy && !b->shared && strcmp(b->name, "n") == 0);
	assert_true(b->next->shared && !b->next->accept_proxy && b->next->next->v6only && !b->next->next->shared);
	assert_true(l->options & OPTION_SRVTCPKA && !(l->options & OPTION_CLITCPKA));
	assert_true(l->timeouts[TIMEOUT_CLIENT_FIN] == 2000 && l->timeouts[TIMEOUT_SERVER_FIN] == 3000 && l->inspect_delay_ms == 4000);
	assert_true(t->type == 1 && t->size == 2048 && t->expire_ms == 5000 && t->nopurge);
	assert_int_equal(t->stored, 1 << STICK_GPC0 | 1 << STICK_CONN_RATE | 1 << STICK_HTTP_REQ_RATE);
	assert_true(t->period_ms[STICK_CONN_RATE - STICK_COUNTERS] == 6000 && t->period_ms[STICK_HTTP_REQ_RATE - STICK_COUNTERS] == 7000);
	const struct rule *r = l->connection_rules;
	assert_true(r->action == RULE_TRACK && r->backend->proxy == l);
	const struct sample_expr *e = &r->next->condition->terms->acl->tests->sample;
	assert_true(r->next->action == RULE_REJECT && e->by_source && e->data == STICK_CONN_RATE && e->backend->proxy == l);
	assert_true(r->next->next->action == RULE_ACCEPT && !r->next->next->next && l->stick_rules->action == RULE_STICK_MATCH);
	assert_int_equal(server_proxy_version(l->servers), 1);
	assert_int_equal(server_proxy_version(l->servers->next), 2);
	assert_true(l->servers->next->check_send_proxy);
}

/* ---- nodes ---- */

static void the_node_is_named_by_n_then_by_the_file_then_by_the_host(void **state)
{
	static const char with_node[] = "global\n@x maxconn 10\n@y maxconn 11\n@host maxconn 12\nnode y\n"
		"listen l\nbind :80\nserver s 10.0.0.1:80\n", without[] = "global\n@x,host maxconn 10\nlisten l\nbind :80\n"
		"server s 10.0.0.1:80\n";

	(void)state;
	
	assert_int_equal(load_bytes(with_node, sizeof with_node - 1, "x")->global.maxconn, 10);
	assert_int_equal(load_bytes(with_node, sizeof with_node - 1, NULL)->global.maxconn, 11);
	const struct conf *conf = load_bytes(without, sizeof without - 1, NULL);
	assert_string_equal(conf->global.node, "host");
	assert_int_equal(conf->global.maxconn, 10);
	assert_null(load_bytes(without, sizeof without - 1, "a b"));
}

static void a_line_for_another_node_is_checked_and_not_taken(void **state)
{
	const struct conf *conf = good("global\n@b sysctl x 1\n@b log stderr user\n@a maxconn 5\nvrrp V\ninterface eth0\n"
		"virtual_router_id 1\nvirtual_ipaddress 10.0.0.1\n@b virtual_ipaddress 10.0.0.2\n@b unicast_peer 10.0.0.3\n"
		"@b track_backend l\nlisten l\nbind :80\n@b bind :81,:82\n@b server t 10.0.0.2:80 check\nserver s 10.0.0.1:80\n");

	(void)state;
	assert_null(conf->global.sysctls);
	assert_int_equal(conf->global.log_target_count, 0);
	assert_int_equal(conf->vrrps->vip_count, 1);
	assert_null(conf->vrrps->vips->next);
	assert_null(conf->vrrps->peers);
	assert_null(conf->vrrps->tracks);
	assert_int_equal(conf->bind_count, 1);
	assert_null(conf->proxies->binds->next);
	assert_int_equal(conf->server_count, 1);
	assert_int_equal(conf->check_count, 0);
	assert_string_equal(conf->proxies->servers->name, "s");
	assert_null(load("listen l\nbind :80\nserver s 10.0.0.1:80\n@b server t 10.0.0.2\n"));
	says(CONF_ERROR, "f:4: server '10.0.0.2' has no port");
}

/* ---- files ---- */

static void all_errors_come_in_one_run_in_their_order(void **state)
{
	static const char *const expected[] = { "f:2: unknown keyword 'maxcon'", "f:4: 'virtual_router_id' must be",
		"f:5: 'advert_int' must be", "f:7: bind 'x'", "f:8: unknown keyword 'serverr'", "f:9: a double quote" };

	(void)state;
	assert_null(load("global\nmaxcon 5\nvrrp V\nvirtual_router_id 0\nadvert_int x\nlisten l\nbind x\nserverr a\nlog \"\n"));
	assert_int_equal(errors, 6);
	for (uint32_t i = 0; i < 6; i++)
		if (strncmp(findings[i].text, expected[i], strlen(expected[i])) != 0)
			fail_msg("%s", findings[i].text);
}

static void a_hopeless_file_is_not_read_to_its_end(void **state)
{
	static char text[CONF_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % 2 ? '\n' : 'x';
	assert_null(load_bytes(text, sizeof text, "a"));
	assert_int_equal(errors, CONF_ERRORS_MAX + 1);
	says(CONF_ERROR, "f: too much is wrong");
}

static void what_is_no_text_is_refused(void **state)
{
	static char large[CONF_BYTES_MAX + 1];

	(void)state;
	assert_null(load_bytes("global\nmax\0conn 5\n", 18, "a"));
	assert_int_equal(errors, 1);
	says(CONF_ERROR, "f:2: a NUL byte");
	memset(large, '#', sizeof large);
	assert_null(load_bytes(large, sizeof large, "a"));
	says(CONF_ERROR, "f: the file is larger than 262144 bytes");
}

static void a_file_from_windows_is_read(void **state)
{
	const struct conf *conf = good("\xef\xbb\xbflisten l\r\nbind :80\r\n\r\n# x\r\nserver s 10.0.0.1:80\r\n");

	(void)state;
	assert_string_equal(conf->proxies->name, "l");
	assert_int_equal(warnings, 2);
	says(CONF_WARNING, "f:1: the file starts with a UTF-8 byte order mark");
	says(CONF_WARNING, "f:1: lines end in CR LF");
}

static void the_last_line_needs_no_end(void **state)
{
	(void)state;
	assert_int_equal(good("listen l\nbind :80\nserver s 10.0.0.1:80 weight 7")->proxies->servers->weight, 7);
}

static void nothing_unprintable_is_printed(void **state)
{
	(void)state;
	assert_null(load("listen l\n\"\\x1b[31m\\r\\n\" 1\n"));
	says(CONF_ERROR, "f:2: unknown keyword '?[31m?\?' in listen 'l'");
}

/* Fills text with n lines, of which each has a number for its %d. */
static const struct conf *many(const char *head, const char *format, int n)
{
	static char text[CONF_BYTES_MAX];
	size_t used = (size_t)snprintf(text, sizeof text, "%s", head);

	for (int i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, format, i / 250, i % 250 + 1, i + 1);
	return load_bytes(text, used, "a");
}

static void too_many_of_anything_is_refused(void **state)
{
	static const char v[] = "vrrp V\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress 9.9.9.9\n";
	static const struct { const char *head, *format; int max; const char *error; } rows[] = {
		{ "listen l\nbind :80\n", "server s%d.%d 10.0.0.1:%d\n", CONF_SERVERS_MAX, "more than 1024 servers" },
		{ "listen l\nserver s 10.0.0.1:80\n", "bind 10.0.%d.%d:%d\n", CONF_BINDS_MAX, "more than 256 bind addresses" },
		{ "", "backend b%d.%d\nserver s 10.0.0.1:%d\n", CONF_PROXIES_MAX, "more than 256 frontends and backends" },
		{ "vrrp V\ninterface eth0\nvirtual_router_id 1\n", "virtual_ipaddress 10.0.%d.%d #%d\n", CONF_VIPS_MAX,
			"more than 255 addresses" },
		{ v, "unicast_peer 10.0.%d.%d #%d\n", CONF_PEERS_MAX, "more than 32 peers" },
		{ "listen l\nbind :80\nserver s 10.0.0.1:80\nglobal\n", "sysctl a%d.b%d %d\n", CONF_SYSCTLS_MAX,
			"more than 64 sysctl lines" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (!many(rows[i].head, rows[i].format, rows[i].max)) {
			show(rows[i].head);
			fail();
		}
		assert_null(many(rows[i].head, rows[i].format, rows[i].max + 1));
		says(CONF_ERROR, rows[i].error);
	}
	assert_null(many("", "vrrp V%d.%d.%d\ninterface eth0\n", CONF_VRRPS_MAX + 1));
	says(CONF_ERROR, "more than 64 vrrp sections");
	assert_null(many(v, "track_backend b%d.%d.%d\n", CONF_TRACKS_MAX + 1));
	says(CONF_ERROR, "more than 16 track lines");
}

/* The largest file that is accepted must fit CONF_ARENA_MAX, else arena_array() ends the process. */
static void no_file_needs_more_than_its_arena(void **state)
{
	static const char *const lines[] = { "default-server cookie a\n", "bind :1,:1,:1,:1,:1,:1,:1,:1\n", "log global\n",
		"@b bind :1,:2,:3\n", "@b server s 1.1.1.1:1 cookie a\n", "defaults a\n", "server a 1.1.1.1:1 cookie a\n",
		"cookie a insert domain a domain b domain c\n", "option httpchk GET /\n" };
	static char text[CONF_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		size_t used = (size_t)snprintf(text, sizeof text, "listen l\n"), n = strlen(lines[i]);
		for (; used + n <= sizeof text; used += n)
			memcpy(text + used, lines[i], n);
		(void)load_bytes(text, used, "a");
		assert_in_range(arena.used, 0, CONF_ARENA_MAX);
	}
}

static void reading_a_file_says_what_is_wrong(void **state)
{
	char path[] = "/tmp/tandem-conf-XXXXXX";
	static char large[CONF_BYTES_MAX + 1];
	uint32_t n = 0;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd != -1);
	reset();
	assert_int_equal(write(fd, "global\n", 7), 7);
	const char *bytes = conf_read(&arena, path, &n, collect, &arena);
	assert_non_null(bytes);
	assert_int_equal(n, 7);
	assert_memory_equal(bytes, "global\n", 7);
	assert_int_equal(write(fd, large, sizeof large), sizeof large);
	close(fd);
	assert_null(conf_read(&arena, path, &n, collect, &arena));
	says(CONF_ERROR, "the file is larger than 262144 bytes");
	unlink(path);
	assert_null(conf_read(&arena, path, &n, collect, &arena));
	says(CONF_ERROR, "No such file or directory");
	assert_null(conf_read(&arena, "/tmp", &n, collect, &arena));
	says(CONF_ERROR, "/tmp: it is a directory");
	assert_int_equal(errors, 3);
}

/* ---- anything ---- */

static uint32_t seed = 20240501;

static uint32_t number(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

/* One change of a text of n bytes that has room for 64 more; returns the new length. */
static size_t mutate(char *text, size_t n)
{
	static const char *const words[] = { "@lb01", "@", "\"", "'", "\\", "#", "\n", " ", "{", "}", "0", "-1", "99999999999",
		"vrrp V", "\nglobal\n", "\nlisten l\n", "server", "bind :80", ":80", "10.0.0.1", "::1", "no ", "option ",
		"cookie a insert", "http-check expect ! status", "\r", "\xc2\xa0", "$", "\\x00", "priority 1", ",", "/" };
	size_t at = number((uint32_t)n), length = number(30) + 1;
	uint32_t count, kind = number(5);
	const struct keyword *table = keyword_table(&count);
	const char *word = number(2) ? words[number(sizeof words / sizeof *words)] : table[number(count)].name;

	if (kind == 0) {
		text[at] = (char)number(256);
	} else if (kind == 1) {
		length = length > n - at ? n - at : length;
		memmove(text + at, text + at + length, n - at - length);
		n -= length;
	} else if (kind == 2) {         /* a piece again */
		size_t from = number((uint32_t)n);
		length = length > n - from ? n - from : length;
		char piece[32];
		memcpy(piece, text + from, length);
		memmove(text + at + length, text + at, n - at);
		memcpy(text + at, piece, length);
		n += length;
	} else {
		length = strlen(word);
		memmove(text + at + length, text + at, n - at);
		memcpy(text + at, word, length);
		n += length;
	}
	return n;
}

static void any_file_is_read_or_refused(void **state)
{
	static const char *const names[] = { "cfg/tandem.conf", "cfg/article-multicast.conf", "cfg/article-unicast.conf",
		"cfg/active-active.conf", "cfg/tcp.conf", "cfg/sni.conf" };
	static char mutated[1 << 16];
	uint32_t accepted = 0, runs = 0;

	(void)state;
	for (size_t f = 0; f < sizeof names / sizeof *names; f++) {
		size_t size;
		char *text = read_text(names[f], &size);
		for (int i = 0; i < 2000; i++, runs++) {
			size_t n = size;
			memcpy(mutated, text, n);
			for (uint32_t changes = number(4) + 1; changes > 0 && n > 0; changes--)
				n = mutate(mutated, n);
			accepted += load_bytes(mutated, n, i % 2 ? "lb01" : NULL) != NULL;
		}
		free(text);
	}
	/* Most changes hit a comment or break something; if none or all were accepted the test would test nothing. */
	assert_in_range(accepted, runs / 20, runs * 19 / 20);
}

static void the_samples_are_good_on_both_nodes(void **state)
{
	static const char *const names[] = { "cfg/tandem.conf", "cfg/article-multicast.conf", "cfg/article-unicast.conf",
		"cfg/active-active.conf", "cfg/tcp.conf", "cfg/sni.conf" };

	(void)state;
	for (size_t f = 0; f < sizeof names / sizeof *names; f++) {
		size_t n;
		char *text = read_text(names[f], &n);
		for (int node = 0; node < 2; node++) {
			(void)load_bytes(text, n, node ? "lb02" : "lb01");
			if (finding_count > 0) {
				show(names[f]);
				fail();
			}
		}
		free(text);
	}
}

static int open_arena(void **state)
{
	(void)state;
	return arena_open(&arena, CONF_ARENA_MAX) ? 0 : -1;
}

static int close_arena(void **state)
{
	(void)state;
	arena_close(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(every_example_holds_and_every_row_has_one),
		cmocka_unit_test(the_sample_becomes_what_it_says),
		cmocka_unit_test(sections_start_with_the_defaults_above_them),
		cmocka_unit_test(an_http_check_carries_its_headers),
		cmocka_unit_test(other_values_arrive),
		cmocka_unit_test(lines_about_connections_arrive),
		cmocka_unit_test(the_node_is_named_by_n_then_by_the_file_then_by_the_host),
		cmocka_unit_test(a_line_for_another_node_is_checked_and_not_taken),
		cmocka_unit_test(all_errors_come_in_one_run_in_their_order),
		cmocka_unit_test(a_hopeless_file_is_not_read_to_its_end),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(a_file_from_windows_is_read),
		cmocka_unit_test(the_last_line_needs_no_end),
		cmocka_unit_test(nothing_unprintable_is_printed),
		cmocka_unit_test(too_many_of_anything_is_refused),
		cmocka_unit_test(no_file_needs_more_than_its_arena),
		cmocka_unit_test(reading_a_file_says_what_is_wrong),
		cmocka_unit_test(the_samples_are_good_on_both_nodes),
		cmocka_unit_test(any_file_is_read_or_refused),
	};
	return cmocka_run_group_tests_name("conf", tests, open_arena, close_arena);
}
