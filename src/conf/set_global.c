/* SPDX-License-Identifier: MIT
 * Setters of the global section.
 */
#include <string.h>
#include "conf/parse.h"

void begin_global(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	(void)k;
	(void)args;
	(void)n;
	(void)object;
	if (p->global_line > 0) {
		refuse(p, "a second global section; the first is in line %u", p->global_line);
		return;
	}
	p->global_line = p->line;
	p->section = IN_GLOBAL;
	p->object = &p->conf->global;
	p->skipping = false;
}

/* Stored before the first line was read: conf.c's find_node(). */
void set_node(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	(void)k;
	(void)n;
	(void)object;
	if (p->marked)
		refuse(p, "'node' says which lines with an @ count, so it cannot have one");
	else
		(void)check_name(p, "node", args[0]);
}

void set_sysctl(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct global_config *g = object;
	struct str name = args[0], value = args[1];
	struct sysctl_config **last = &g->sysctls;
	bool good = name.n > 0 && name.n < 128;
	uint32_t count = 0;

	(void)k;
	(void)n;
	for (uint32_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool separator = c == '.' || c == '/';
		good = good && c > ' ' && c < 0x7f;
		/* It becomes a path below /proc/sys, and must stay there. */
		if (separator && (i == 0 || i + 1 == name.n || name.p[i + 1] == '.' || name.p[i + 1] == '/'))
			good = false;
	}
	if (!good)
		refuse(p, "sysctl: '%.*s' is not the name of a setting, such as net.ipv4.ip_nonlocal_bind",
			CLIPPED(name));
	if (value.n == 0 || value.n > 255 || memchr(value.p, '\n', value.n))
		refuse(p, "sysctl: '%.*s' is not a value: 1 to 255 bytes in one line", CLIPPED(value));
	for (; *last; last = &(*last)->next, count++)
		if (str_is(name, (*last)->name) && !p->foreign) {
			refuse(p, "sysctl %s is set in line %u already", (*last)->name, (*last)->line);
			return;
		}
	if (count == CONF_SYSCTLS_MAX)
		refuse(p, "more than %u sysctl lines", (unsigned)CONF_SYSCTLS_MAX);
	else if (!p->foreign) {
		struct sysctl_config s = { .name = keep_text(p, name), .value = keep_text(p, value),
			.line = p->line };
		*last = keep(p, &s, sizeof s);
	}
}

static bool find_word(const char *words, struct str word, uint8_t *index)
{
	uint32_t place = word_in_list(words, word);

	*index = (uint8_t)(place - 1);
	return place > 0;
}

static bool take_log_target(struct parser *p, struct str s, struct log_target *t)
{
	t->fd = -1;
	if (str_is(s, "stderr")) {
		t->kind = LOG_TO_STDERR;
		return true;
	}
	if (s.n > 0 && s.p[0] == '/') {
		t->kind = LOG_TO_UNIX;
		if (s.n < sizeof t->path) {
			memcpy(t->path, s.p, s.n);
			return true;
		}
		refuse(p, "log: '%.*s' is too long for a socket: at most %u bytes", CLIPPED(s),
			(unsigned)sizeof t->path - 1);
		return false;
	}
	t->kind = LOG_TO_UDP;
	t->server.port = 514;
	if ((addr_parse(s, &t->server.addr) || endpoint_parse(s, &t->server)) && !addr_is_any(&t->server.addr))
		return true;
	refuse(p, "log: '%.*s' is no target: /dev/log, ADDRESS[:PORT] of a syslog server, or stderr", CLIPPED(s));
	return false;
}

void set_log(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	/* In the order of their numbers in RFC 5424; the words are HAProxy's. */
	const char *const facilities = PACKED "kern user mail daemon auth syslog lpr news uucp cron auth2 ftp ntp audit "
		"alert cron2 local0 local1 local2 local3 local4 local5 local6 local7";
	const char *const levels = PACKED "emerg alert crit err warning notice info debug";
	struct global_config *g = object;
	struct log_target t = { .level = LOG_L_DEBUG };
	uint32_t errors = p->error_count;

	(void)k;
	(void)take_log_target(p, args[0], &t);
	if (str_is(args[1], "len") || str_is(args[1], "format") || str_is(args[1], "sample"))
		refuse(p, "log: '%.*s' is HAProxy's; tandem does not have it", CLIPPED(args[1]));
	else if (!find_word(facilities, args[1], &t.facility))
		refuse(p, "log: '%.*s' is no facility, such as daemon or local0", CLIPPED(args[1]));
	else if (n > 2 && !find_word(levels, args[2], &t.level))
		refuse(p, "log: '%.*s' is no level: emerg, alert, crit, err, warning, notice, info or debug",
			CLIPPED(args[2]));
	else if (n > 3)
		refuse(p, "log: '%.*s' is too much: 'log TARGET FACILITY [LEVEL]'", CLIPPED(args[3]));
	if (p->foreign || p->error_count > errors)
		return;
	if (g->log_target_count == LOG_TARGETS_MAX)
		refuse(p, "more than %u log lines", (unsigned)LOG_TARGETS_MAX);
	else
		g->log_targets[g->log_target_count++] = t;
}

void set_stats_socket(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct global_config *g = object;

	(void)k;
	/* sun_path has 108 bytes. */
	if (args[0].n == 0 || args[0].n > 107 || args[0].p[0] != '/')
		refuse(p, "stats socket: '%.*s' is not a path that starts with '/' and has at most 107 bytes",
			CLIPPED(args[0]));
	else
		g->stats_socket = keep_text(p, args[0]);
	words_apply(p, AS_SOCKET, args + 1, n - 1, g);
}

void set_mode_bits(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct global_config *g = object;
	uint32_t mode = 0;
	bool good = args[0].n > 0 && args[0].n <= 4;

	(void)n;
	for (uint32_t i = 0; good && i < args[0].n; i++) {
		good = args[0].p[i] >= '0' && args[0].p[i] <= '7';
		mode = mode * 8 + (uint32_t)(args[0].p[i] - '0');
	}
	if (!good || mode > 0777)
		refuse(p, "'%s' must be permissions in octal, such as 600, not '%.*s'", k->name, CLIPPED(args[0]));
	else
		g->stats_socket_mode = mode;
}

void set_level(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	(void)n;
	(void)object;
	if (!str_is(args[0], "admin"))
		refuse(p, "'%s %.*s': whoever may open the socket may do everything, so only admin is true; 'mode' "
			"and the directory say who may", k->name, CLIPPED(args[0]));
}

void set_user(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	set_name(p, k, args, n, object);
	if (str_is(args[0], "root") || str_is(args[0], "0"))
		warn(p, "user %.*s: the worker, which reads what strangers send, keeps root's rights: leave the line out (nobody)",
			CLIPPED(args[0]));
}
