/* SPDX-License-Identifier: MIT
 * Tells scripts of a change: notify_master and its kind first, then notify, as keepalived does. One at a time for each
 * router or group, in order. It is a level: when scripts are slower than changes, the last state is always delivered, and
 * those in between may not be.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include "base/log.h"
#include "conf/lex.h"
#include "guard/guard.h"

#define NOTIFY_TIMEOUT_MS 60000
#define STOP_TIMEOUT_MS 5000            /* at the end of all */

static const char *const names[] = { "MASTER", "BACKUP", "FAULT", "STOP" };

/* Runs what comes next of this state; false: nothing is left. */
static bool run(struct notify *n)
{
	char priority[4], environment[4][96];
	const char *argv[LEX_WORDS_MAX + 5], *envp[6] = { CHILD_PATH };
	const char *const words[4] = { n->is_group ? "GROUP" : "INSTANCE", n->name, names[n->telling], priority };
	static const char *const keys[4] = { "TYPE", "NAME", "STATE", "PRIORITY" };

	text_format(priority, sizeof priority, "%u", n->priority);
	for (uint32_t i = 0; i < 4; i++) {
		text_format(environment[i], sizeof environment[i], "TANDEM_%s=%s", keys[i], words[i]);
		envp[i + 1] = environment[i];
	}
	while (n->step < 2) {
		bool any = n->step++ == 1;
		const struct command_config *c = &n->config[any ? NOTIFY_ANY : n->telling];
		uint32_t count = 0;
		if (!c->argv)
			continue;
		for (; c->argv[count]; count++)
			argv[count] = c->argv[count];
		for (uint32_t i = 0; any && i < 4; i++)
			argv[count++] = words[i];
		argv[count] = NULL;
		if (child_start(&n->child, c, argv, envp, guard.stopping ? STOP_TIMEOUT_MS : NOTIFY_TIMEOUT_MS))
			return true;
	}
	return false;
}

static void go_on(struct notify *n)
{
	while (n->child.pid == 0) {
		if (n->step >= 2 && n->told == n->wanted)
			return;
		if (n->step >= 2) {
			n->telling = n->told = n->wanted;
			n->step = 0;
		}
		if (run(n))
			return;
	}
}

static void ended(struct child *child, int status)
{
	struct notify *n = container_of(child, struct notify, child);

	if (child->killed)
		log_warn("(%s) the notify script for %s took too long and was killed", n->name, names[n->telling]);
	else if (WIFSIGNALED(status))
		log_warn("(%s) the notify script for %s: killed by signal %d", n->name, names[n->telling], WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		log_warn("(%s) the notify script for %s: exit code %d", n->name, names[n->telling], WEXITSTATUS(status));
	go_on(n);
}

void notify_state(struct notify *n, enum notify_kind state, unsigned priority)
{
	if (n->wanted == state)
		return;
	if (n->wanted != n->told && n->config[NOTIFY_ANY].argv)
		log_notice("(%s) %s was over before the notify scripts were told", n->name, names[n->wanted]);
	n->wanted = (uint8_t)state;
	n->priority = priority;
	go_on(n);
}

static void lower_ended(struct child *child, int status)
{
	(void)child;
	(void)status;
}

/* One at a time, and once a second: anybody can send such adverts, and faster than scripts end. */
void notify_lower(struct router *r)
{
	static const char *const envp[] = { CHILD_PATH, NULL };
	const struct command_config *c = &r->config->notify[NOTIFY_LOWER];

	if (!c->argv || r->lower.pid || guard.loop.now_ms - r->lower_told_ms < LOWER_MS_MIN)
		return;
	r->lower_told_ms = guard.loop.now_ms;
	r->lower.ended = lower_ended;
	(void)child_start(&r->lower, c, c->argv, envp, NOTIFY_TIMEOUT_MS);
}

static void begin(struct notify *n, const char *name, const struct command_config *config, bool is_group)
{
	*n = (struct notify){ .name = name, .config = config, .is_group = is_group, .wanted = NOTIFY_KINDS, .told = NOTIFY_KINDS,
		.step = 2, .child.ended = ended };
	for (uint32_t i = 0; i < NOTIFY_KINDS; i++)
		child_check(&config[i]);
}

void notify_init(void)
{
	for (struct vrrp_config *c = guard.conf->vrrps; c; c = c->next)
		begin(&guard.routers[c->index].notify, c->name, c->notify, false);
	for (struct group_config *g = guard.conf->groups; g; g = g->next)
		begin(&guard.group_notify[g->index], g->name, g->notify, true);
}

static bool busy(void)
{
	bool any = false;

	for (uint32_t i = 0; i < guard.conf->vrrp_count; i++)
		any = any || guard.routers[i].notify.child.pid;
	for (uint32_t i = 0; i < guard.conf->group_count; i++)
		any = any || guard.group_notify[i].child.pid;
	return any;
}

/* The addresses are gone; what is left is to have said so. */
void notify_finish(void)
{
	uint64_t end = clock_ms() + STOP_TIMEOUT_MS;

	while (busy() && guard.loop.now_ms < end)
		loop_turn(&guard.loop, 100);
	children_kill();
}
