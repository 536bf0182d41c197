/* SPDX-License-Identifier: MIT
 * vrrp/vrrp: the sentences of the standards (vrrp.txt).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "vrrp/vrrp.h"
#include "vector.h"

static struct vrrp_config config;
static struct vrrp vr;
static uint64_t now;
static unsigned wrong;

static const struct { const char *word; struct vrrp_event event; } events[] = {
	{ "start", { .kind = VRRP_START } }, { "fail", { .kind = VRRP_FAIL, .flag = true } }, { "cut", { .kind = VRRP_FAIL } },
	{ "stop", { .kind = VRRP_STOP, .flag = true } }, { "end", { .kind = VRRP_STOP } }, { "timer", { .kind = VRRP_TIMER } },
	{ "heard", { .kind = VRRP_HEARD } }, { "priority", { .kind = VRRP_PRIORITY } },
	{ "failover", { .kind = VRRP_FAILOVER } }, { "ready", { .kind = VRRP_READY, .flag = true } },
	{ "unready", { .kind = VRRP_READY } }, { "mismatch", { .kind = VRRP_MISMATCH } },
	{ "defer", { .kind = VRRP_DEFER } }, { "follow-master", { .kind = VRRP_FOLLOW, .flag = true } }, { "follow-backup", { .kind = VRRP_FOLLOW } },
};

static uint32_t number(const char *words, const char *word, uint32_t otherwise)
{
	const char *value = vector_option(words, word);

	return value ? (uint32_t)strtoul(value, NULL, 10) : otherwise;
}

static void configure(const char *words)
{
	config = (struct vrrp_config){ .name = "V", .vrid = 51, .version = (uint8_t)number(words, "version", 3),
		.priority = (uint8_t)number(words, "priority", 100), .advert_int_ms = number(words, "interval", 1000),
		.down_timer_adverts = (uint8_t)number(words, "down", 3), .preempt_delay_ms = number(words, "preempt_delay", 0),
		.startup_delay_ms = number(words, "startup_delay", 0), .nopreempt = vector_option(words, "nopreempt") != NULL,
		.lower_prio_no_advert = vector_option(words, "quiet") != NULL,
		.on_mismatch_hold = vector_option(words, "hold") != NULL };
	vrrp_init(&vr, &config);
	vr.source = addr_ipv4(0xc0a8010b);
	now = 1000000;
	if (!vector_option(words, "from"))
		return;
	vrrp_step(&vr, now, &(struct vrrp_event){ .kind = VRRP_START });
	if (strcmp(vector_option(words, "from"), "backup") == 0) {
		now = vr.hold_ms;
		vr.deadline_ms = now + vrrp_master_down_ms(&vr);
		return;
	}
	now = vr.deadline_ms;
	if (vr.state != VRRP_MASTER)
		vrrp_step(&vr, now, &(struct vrrp_event){ .kind = VRRP_TIMER });
	else
		vr.deadline_ms = now + config.advert_int_ms;
	assert_int_equal(vr.state, VRRP_MASTER);
}

/* "actions STATE +deadline why" */
static const char *described(unsigned actions)
{
	static const char *const names[] = { "release ", "resign ", "advert ", "take " }, *const why[] = { "start", "owner",
		"silence", "resigned", "preempt", "higher", "address", "late", "failed", "stopped", "command", "nobody", "group" };
	static char text[128];
	size_t n = 0;

	for (unsigned i = 0; i < 4; i++)
		if (actions & 1u << i)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s", names[i]);
	n += (size_t)snprintf(text + n, sizeof text - n, "%s ", vrrp_state_name(vr.state));
	if (vr.deadline_ms == UINT64_MAX)
		n += (size_t)snprintf(text + n, sizeof text - n, "never");
	else
		n += (size_t)snprintf(text + n, sizeof text - n, "%+lld", (long long)(vr.deadline_ms - now));
	snprintf(text + n, sizeof text - n, " %s", why[vr.why]);
	return text;
}

static unsigned happen(const struct vector *v, char *text)
{
	static struct vrrp_advert advert;
	struct vrrp_event e = { .kind = 255, .advert = &advert };
	char word[32] = "";
	unsigned wait = 0, value = 0, host = 12, interval = config.advert_int_ms;
	bool waits = sscanf(text, " @%u", &wait) == 1;

	sscanf(waits ? strchr(text, '@') + strcspn(strchr(text, '@'), " ") : text, " %31s %u .%u %u", word, &value, &host, &interval);
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (strcmp(events[i].word, word) == 0)
			e.kind = events[i].event.kind, e.flag = events[i].event.flag;
	if (e.kind == 255)
		fail_msg("vrrp.txt:%d: no event '%s'", v->line, word);
	e.priority = (uint8_t)value;
	advert = (struct vrrp_advert){ .source = addr_ipv4(0xc0a80100 + host), .version = config.version, .vrid = 51, .ttl = 255,
		.priority = (uint8_t)value, .interval_ms = interval };
	now = waits ? now + wait : e.kind == VRRP_TIMER && vr.deadline_ms != UINT64_MAX ? vr.deadline_ms : now;
	return vrrp_step(&vr, now, &e);
}

/* The next part of a list with semicolons, without the spaces around it; NULL: there is none. */
static char *part(char **rest)
{
	char *text = strsep(rest, ";");

	if (!text)
		return NULL;
	text += strspn(text, " ");
	for (char *end = text + strlen(text); end > text && end[-1] == ' ';)
		*--end = 0;
	return text;
}

static void check(const struct vector *v)
{
	char in[1024], out[1024], *events_left = in, *results_left = out, *event;

	snprintf(in, sizeof in, "%.*s", (int)v->in_n, (const char *)v->in);
	snprintf(out, sizeof out, "%.*s", (int)v->out_n, (const char *)v->out);
	configure(v->options);
	for (unsigned i = 1; (event = part(&events_left)); i++) {
		const char *wanted = part(&results_left), *is = described(happen(v, event));
		if (!wanted)
			fail_msg("vrrp.txt:%d: %s: event %u has no result", v->line, v->what, i);
		size_t n = strlen(wanted);
		if (strcmp(wanted, ".") != 0 && (strncmp(is, wanted, n) != 0 || !strchr(" ", is[n])))
			printf("vrrp.txt:%d: %s: event %u (%s): '%s', not '%s'\n", v->line, v->what, i, event, is, wanted), wrong++;
		assert_true(vr.state <= VRRP_FAULT || vr.deadline_ms != UINT64_MAX);
	}
	if (results_left)
		fail_msg("vrrp.txt:%d: %s: more results than events", v->line, v->what);
}

static void sentences(void **state)
{
	(void)state;
	assert_true(vectors("vrrp.txt", check) > 100);
	assert_int_equal(wrong, 0);
}

static void effective_priorities(void **state)
{
	struct vrrp_config c = { .priority = 100 };

	(void)state;
	assert_int_equal(vrrp_effective_priority(&c, 0), 100);
	assert_int_equal(vrrp_effective_priority(&c, -20), 80);
	assert_int_equal(vrrp_effective_priority(&c, 20), 120);
	assert_int_equal(vrrp_effective_priority(&c, -254), 1);
	assert_int_equal(vrrp_effective_priority(&c, 254), 254);
	c.priority = 255;
	assert_int_equal(vrrp_effective_priority(&c, -254), 255);
}

static void states_have_names(void **state)
{
	(void)state;
	assert_string_equal(vrrp_state_name(VRRP_INIT), "INIT");
	assert_string_equal(vrrp_state_name(VRRP_FAULT), "FAULT");
	assert_string_equal(vrrp_state_name(VRRP_BACKUP), "BACKUP");
	assert_string_equal(vrrp_state_name(VRRP_LEAVING), "LEAVING");
	assert_string_equal(vrrp_state_name(VRRP_MASTER), "MASTER");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentences),
		cmocka_unit_test(effective_priorities),
		cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
