/* SPDX-License-Identifier: MIT
 * What routers follow: scripts, files, pings, links, backends. A watch is one of them, a track is a router's interest in it.
 * All are levels; a change of one has every router look at all of its own.
 */
#include "guard/track.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"

#define FILE_INTERVAL_MS 1000

static const char *const kinds[] = { "track_backend", "track_interface", "track_script", "track_file",
	"track_ping" };

const char *track_keyword(const struct track_config *t)
{
	return kinds[t->kind];
}

void watch_result(struct watch *w, bool good, const char *why)
{
	const struct watch_config *c = w->config;
	const struct track_config *t = w->track;
	bool unknown = !w->count.known;

	/* keepalived's scripts: the first run decides. A ping may be lost. */
	if (!track_result(&w->count, good, c ? c->rise : t->rise, c ? c->fall : t->fall, c ? 1 : t->fall))
		return;
	w->since_ms = guard.loop.now_ms;
	if (!good)
		log_warn("%s %s: failed: %s", c ? "script" : "ping", c ? c->name : t->name, why);
	else if (!unknown)
		log_notice("%s %s: good again", c ? "script" : "ping", c ? c->name : t->name);
	else
		log_info("%s %s: good", c ? "script" : "ping", c ? c->name : t->name);
	routers_check();
}

/* ---- scripts ---- */

static void script_ended(struct child *child, int status)
{
	struct watch *w = container_of(child, struct watch, child);
	char why[64];

	if (guard.stopping)
		return;
	if (child->killed)
		text_format(why, sizeof why, "it took too long and was killed");
	else if (WIFSIGNALED(status))
		text_format(why, sizeof why, "killed by signal %d", WTERMSIG(status));
	else
		text_format(why, sizeof why, "exit code %d", WEXITSTATUS(status));
	watch_result(w, !child->killed && WIFEXITED(status) && WEXITSTATUS(status) == 0, why);
}

static void script_due(struct timer *t, uint64_t now_ms)
{
	static const char *const envp[] = { CHILD_PATH, NULL };
	struct watch *w = container_of(t, struct watch, timer);
	const struct watch_config *c = w->config;

	timer_set(&guard.loop.timers, t, now_ms + c->interval_ms);
	if (w->child.pid) {
		/* Killed at its timeout, and not gone: it hangs in the kernel. One at a time, whatever comes. */
		if (w->child.killed)
			watch_result(w, false, "it cannot be killed");
		return;
	}
	w->child.ended = script_ended;
	if (!child_start(&w->child, &c->command, c->command.argv, envp, c->timeout_ms ? c->timeout_ms : c->interval_ms))
		watch_result(w, false, "it cannot be started");
}

/* ---- files ---- */

/* A whole number at its beginning, as much as is one; nothing else than that can come out of a file. */
static int number_in(const char *text, size_t n)
{
	bool minus = n > 0 && *text == '-';
	int value = 0;

	for (size_t i = minus || (n > 0 && *text == '+'); i < n && text[i] >= '0' && text[i] <= '9' && value < 10000; i++)
		value = value * 10 + (text[i] - '0');
	value = value > 254 ? 254 : value;
	return minus ? -value : value;
}

static int read_number(const char *path)
{
	char text[32];
	struct stat s;
	size_t skip = 0;
	int value = 0, fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd == -1)
		return 0;
	if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode)) {
		ssize_t n = read(fd, text, sizeof text);
		while (n > 0 && skip < (size_t)n && (text[skip] == ' ' || text[skip] == '\t' || text[skip] == '\n'))
			skip++;
		value = n > 0 ? number_in(text + skip, (size_t)n - skip) : 0;
	}
	(void)close(fd);
	return value;
}

/* init_file. A link that is there already is not followed. */
static void write_number(const struct watch_config *c)
{
	char text[16];
	size_t n = text_format(text, sizeof text, "%d\n", (int)c->init_value);
	int fd = open(c->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
		| (c->overwrite ? O_TRUNC : O_EXCL), 0644);

	if (fd == -1 && errno == EEXIST)
		return;
	if (fd == -1 || write(fd, text, n) != (ssize_t)n)
		log_errno("vrrp_track_file %s: cannot write %s", c->name, c->path);
	if (fd != -1)
		(void)close(fd);
}

static void file_due(struct timer *t, uint64_t now_ms)
{
	struct watch *w = container_of(t, struct watch, timer);
	int value = read_number(w->config->path);

	timer_set(&guard.loop.timers, t, now_ms + FILE_INTERVAL_MS);
	if (value == w->value)
		return;
	log_notice("file %s: %d instead of %d", w->config->name, value, w->value);
	w->value = value;
	w->since_ms = now_ms;
	routers_check();
}

/* ---- links ---- */

static void link_lasted(struct timer *t, uint64_t now_ms)
{
	(void)t;
	(void)now_ms;
	routers_check();
}

/* A change counts when it has lasted. What is so at the start counts at once. */
static void link_look(struct watch *w)
{
	const struct track_config *t = w->track;
	bool down = w->interface->index == 0 || !w->interface->up;
	uint32_t delay = down ? t->down_delay_ms : t->up_delay_ms;

	if (w->count.known && down == w->count.failed) {
		timer_off(&guard.loop.timers, &w->timer);
		w->changing_ms = 0;
		return;
	}
	if (w->changing_ms == 0)
		w->changing_ms = guard.loop.now_ms;
	if (w->count.known && guard.loop.now_ms < w->changing_ms + delay) {
		timer_set(&guard.loop.timers, &w->timer, w->changing_ms + delay);
		return;
	}
	w->count = (struct track_count){ .known = true, .failed = down };
	w->since_ms = guard.loop.now_ms;
	w->changing_ms = 0;
}

/* ---- all ---- */

static bool backend_is_down(uint32_t index)
{
	const struct proxy_config *b = guard.conf->proxies;

	while (b && b->index != index)
		b = b->next;
	return guard.board && b && scoreboard_usable(guard.board, b) == 0;
}

static void backend_look(struct watch *w)
{
	bool down = backend_is_down(w->track->backend);

	if (!w->count.known || down != w->count.failed)
		w->since_ms = guard.loop.now_ms;
	w->count = (struct track_count){ .known = true, .failed = down };
}

static void (*const looks[])(struct watch *) = { [TRACK_BACKEND] = backend_look, [TRACK_INTERFACE] = link_look,
	[TRACK_PING] = NULL };
static void (*const dues[])(struct timer *, uint64_t) = { [TRACK_INTERFACE] = link_lasted, [TRACK_SCRIPT] = script_due,
	[TRACK_FILE] = file_due, [TRACK_PING] = ping_due };

bool track_failed(const struct track *t)
{
	if (t->config->kind == TRACK_FILE)
		return t->config->weight == 0 ? t->watch->value != 0 : t->config->weight * t->watch->value < 0;
	return t->watch->count.known && t->watch->count.failed;
}

struct track_sum tracks_sum(struct router *r)
{
	struct track_sum sum = { 0 };

	r->culprit = NULL;
	for (uint32_t i = 0; i < r->config->track_count; i++) {
		struct track *t = &r->tracks[i];
		struct track_sum before = sum;
		if (looks[t->config->kind])
			looks[t->config->kind](t->watch);
		if (t->config->kind == TRACK_FILE)
			track_add_value(&sum, t->config->weight, t->config->reverse, t->watch->value);
		else
			track_add(&sum, t->config->weight, t->config->reverse, t->watch->count.known,
				t->watch->count.failed);
		if (!r->culprit && sum.fault && !before.fault)
			r->culprit = t;
	}
	return sum;
}

static void watch_begin(struct watch *w, uint8_t kind)
{
	w->timer.expired = dues[kind];
	if (kind == TRACK_FILE && w->config->init)
		write_number(w->config);
	if (kind == TRACK_FILE)
		w->value = read_number(w->config->path);
	if (kind == TRACK_PING)
		ping_open(w);
	if (kind == TRACK_SCRIPT || kind == TRACK_PING)
		timer_set(&guard.loop.timers, &w->timer, guard.loop.now_ms);
	else if (kind == TRACK_FILE)
		timer_set(&guard.loop.timers, &w->timer, guard.loop.now_ms + FILE_INTERVAL_MS);
}

void tracks_init(void)
{
	for (struct watch_config *c = guard.conf->watches; c; c = c->next) {
		struct watch *w = &guard.watches[c->index];
		w->config = c;
		if (c->kind == TRACK_SCRIPT)
			child_check(&c->command);
		if (c->init_fail)
			w->count = (struct track_count){ .known = true, .failed = true };
		watch_begin(w, c->kind);
	}
	struct watch *own = guard.watches + guard.conf->watch_count;
	for (uint32_t k = 0; k < guard.conf->vrrp_count; k++) {
		struct router *r = &guard.routers[k];
		struct track *t = r->tracks;
		for (const struct track_config *c = r->config->tracks; c; c = c->next, t++) {
			t->config = c;
			t->watch = c->watch ? &guard.watches[c->watch->index] : own++;
			if (c->watch)
				continue;
			t->watch->track = c;
			t->watch->interface = c->kind == TRACK_INTERFACE ? interface_named(c->name) : r->interface;
			watch_begin(t->watch, c->kind);
		}
	}
}
