/* SPDX-License-Identifier: MIT
 * Setters of what routers follow and what they start: tracks, scripts, files, sync groups, notify lines.
 */
#include <string.h>
#include "conf/parse.h"

/* ---- sections ---- */

void begin_watch(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct watch_config fresh = { .line = p->line, .kind = k->low == IN_SCRIPT ? TRACK_SCRIPT : TRACK_FILE };
	struct watch_config **last = &p->conf->watches;

	(void)n;
	(void)object;
	if (!check_name(p, k->name, args[0]))
		return;
	for (; *last; last = &(*last)->next)
		if ((*last)->kind == fresh.kind && str_is(args[0], (*last)->name))
			refuse(p, "%s '%s' is there already, in line %u", k->name, (*last)->name, (*last)->line);
	if (p->conf->watch_count == CONF_WATCHES_MAX) {
		refuse(p, "more than %u scripts and files", (unsigned)CONF_WATCHES_MAX);
		return;
	}
	fresh.name = keep_text(p, args[0]);
	fresh.weight = fresh.kind == TRACK_FILE;
	fresh.index = p->conf->watch_count++;
	keyword_defaults(AS_LINE, k->low, &fresh);
	*last = keep(p, &fresh, sizeof fresh);
	p->section = k->low;
	p->section_name = fresh.name;
	p->object = *last;
	p->skipping = false;
}

void begin_group(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct group_config fresh = { .line = p->line }, **last = &p->conf->groups;

	(void)n;
	(void)object;
	if (!check_name(p, k->name, args[0]))
		return;
	for (; *last; last = &(*last)->next)
		if (str_is(args[0], (*last)->name))
			refuse(p, "%s '%s' is there already, in line %u", k->name, (*last)->name, (*last)->line);
	fresh.name = keep_text(p, args[0]);
	fresh.index = p->conf->group_count++;
	*last = keep(p, &fresh, sizeof fresh);
	p->section = IN_GROUP;
	p->section_name = fresh.name;
	p->object = *last;
	p->skipping = false;
}

/* A list of texts in the arena that ends with NULL, with room for n more behind the old ones. */
static const char **keep_list(struct parser *p, const char **old, uint32_t old_count, const struct str *words, uint32_t n)
{
	const char **list = arena_array(p->arena, "configuration", sizeof *list, old_count + n + 1);

	if (old_count)
		memcpy(list, old, old_count * sizeof *list);
	for (uint32_t i = 0; i < n; i++)
		list[old_count + i] = keep_text(p, words[i]);
	return list;
}

void set_members(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct group_config *g = object;

	for (uint32_t i = 0; i < n; i++)
		if (!check_name(p, k->name, args[i]))
			return;
	if (p->foreign)
		return;
	if (g->member_count + n > CONF_VRRPS_MAX) {
		refuse(p, "more than %u members", (unsigned)CONF_VRRPS_MAX);
		return;
	}
	g->members = keep_list(p, g->members, g->member_count, args, n);
	g->member_count += n;
}

/* ---- programs ---- */

/* Words with blanks between them; returns how many. */
static uint32_t split(struct str s, struct str *words)
{
	uint32_t count = 0;

	for (uint32_t i = 0, from = 0; i <= s.n && count < LEX_WORDS_MAX; i++) {
		if (i < s.n && s.p[i] != ' ')
			continue;
		if (i > from)
			words[count++] = str_of(s.p + from, i - from);
		from = i + 1;
	}
	return count;
}

static void take_command(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	struct command_config *c)
{
	struct str words[LEX_WORDS_MAX];

	/* keepalived wants a program and its arguments in one pair of quotes; here they may also stand as they are. */
	if (n == 1) {
		n = split(args[0], words);
		args = words;
	}
	if (n == 0 || args[0].n == 0 || args[0].p[0] != '/') {
		refuse(p, "'%s' takes the whole path of a program, and its arguments: no shell looks for it", k->name);
		return;
	}
	if (p->foreign)
		return;
	c->argv = keep_list(p, NULL, 0, args, n);
	c->line = p->line;
}

void set_command(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	take_command(p, k, args, n, &((struct watch_config *)object)->command);
}

void set_notify(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct command_config *all = p->section == IN_GROUP ? ((struct group_config *)object)->notify :
		((struct vrrp_config *)object)->notify;

	take_command(p, k, args, n, &all[k->low]);
}

void set_identity(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct keyword group = *k;

	set_name(p, k, args, 1, object);
	group.field = (uint16_t)(group.field + group.size);    /* the group's name stands behind the user's */
	if (n > 1)
		set_name(p, &group, args + 1, 1, object);
}

/* ---- tracks ---- */

void set_weight(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	int32_t weight;
	int16_t v;

	if (n == 2 && !str_is(args[1], "reverse"))
		refuse(p, "'%s' takes a number and 'reverse', not '%.*s'", k->name, CLIPPED(args[1]));
	else if (n == 2)
		((struct watch_config *)object)->reverse = true;
	if (!take_signed(args[0], -254, 254, &weight)) {
		refuse(p, "'%s' must be a whole number from -254 to 254, not '%.*s'", k->name, CLIPPED(args[0]));
		return;
	}
	v = (int16_t)weight;
	memcpy((char *)object + k->field, &v, sizeof v);
}

void set_track_weight(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	((struct track_config *)object)->has_weight = true;
	set_weight(p, k, args, n, object);
}

void set_track_word(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	bool delay = k->name[strcspn(k->name, "_")] == '_';

	if (((struct track_config *)object)->kind != (delay ? TRACK_INTERFACE : TRACK_PING))
		refuse(p, "'%s' goes with %s only", k->name, delay ? "track_interface" : "track_ping");
	else if (strcmp(k->name, "fall") == 0 || strcmp(k->name, "rise") == 0)
		set_number(p, k, args, n, object);
	else
		set_seconds(p, k, args, n, object);
}

static bool take_target(struct parser *p, const struct keyword *k, struct str s, struct track_config *t)
{
	struct keyword row = *k;
	uint32_t errors = p->error_count;
	const char *name = NULL;

	row.field = 0;
	row.size = sizeof name;
	row.low = 0;
	if (t->kind == TRACK_INTERFACE)
		set_interface(p, &row, &s, 1, &name);
	else if (t->kind != TRACK_PING)
		(void)check_name(p, k->name + strlen("track_"), s);
	else if (!addr_parse(s, &t->address) || addr_is_any(&t->address) || addr_is_multicast(&t->address))
		refuse(p, "'%s' must be the address of one host, not '%.*s'", k->name, CLIPPED(s));
	return p->error_count == errors;
}

void set_init_file(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct watch_config *w = object;

	w->init = true;
	w->overwrite = n > 0 && str_is(args[n - 1], "overwrite");
	n -= w->overwrite;
	if (n > 1 || (n == 1 && !take_signed(args[0], -254, 254, &w->init_value)))
		refuse(p, "'%s' takes a whole number from -254 to 254, and 'overwrite'", k->name);
}

void set_track(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct vrrp_config *v = object;
	struct group_config *g = object;
	bool group = p->section == IN_GROUP;
	struct track_config track = { .line = p->line, .kind = (uint8_t)k->low }, **last = group ? &g->tracks : &v->tracks;
	uint32_t errors = p->error_count, *count = group ? &g->track_count : &v->track_count;

	if (!take_target(p, k, args[0], &track))
		return;
	keyword_defaults(AS_TRACK, IN_VRRP, &track);
	words_apply(p, AS_TRACK, args + 1, n - 1, &track);
	if (track.timeout_ms > track.interval_ms)
		refuse(p, "'%s': the timeout is longer than the interval", k->name);
	if (p->foreign || p->error_count > errors)
		return;
	for (; *last; last = &(*last)->next)
		if ((*last)->kind == track.kind && str_is(args[0], (*last)->name)) {
			refuse(p, "%s '%s' is there already, in line %u", k->name, (*last)->name, (*last)->line);
			return;
		}
	if (*count == CONF_TRACKS_MAX) {
		refuse(p, "more than %u track lines in one section", (unsigned)CONF_TRACKS_MAX);
		return;
	}
	++*count;
	track.name = keep_text(p, args[0]);
	*last = keep(p, &track, sizeof track);
}
