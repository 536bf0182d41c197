/* SPDX-License-Identifier: MIT
 * What routers follow: whether sections are complete, and names to what they name.
 */
#include <string.h>
#include "conf/parse.h"

void verify_followed(struct parser *p, const void *object)
{
	const struct watch_config *w = object;
	const struct group_config *g = object;
	bool group = p->section == IN_GROUP;
	const char *missing = group ? (g->member_count ? NULL : "group") : w->kind == TRACK_FILE ? (w->path ? NULL : "file")
		: w->command.argv ? NULL : "script";

	if (missing)
		refuse_at(p, p->section_line, "%s '%s' has no '%s' line", p->section_word, p->section_name, missing);
	else if (!group && w->timeout_ms > w->interval_ms)
		refuse_at(p, line_of(p, AS_LINE, "timeout"), "the timeout is longer than the interval");
}

static struct vrrp_config *find_vrrp(struct parser *p, const char *name)
{
	struct vrrp_config *v = p->conf->vrrps;

	while (v && strcmp(v->name, name) != 0)
		v = v->next;
	return v;
}

/* What the group follows each member follows. */
static void join(struct parser *p, struct vrrp_config *v, struct group_config *g)
{
	struct track_config **last = &v->tracks;

	v->group = g;
	v->track_count += g->track_count;
	while (*last)
		last = &(*last)->next;
	for (const struct track_config *t = g->tracks; t; t = t->next) {
		*last = keep(p, t, sizeof *t);
		(*last)->of_group = true;
		(*last)->next = NULL;
		last = &(*last)->next;
	}
}

void resolve_groups(struct parser *p)
{
	for (struct group_config *g = p->conf->groups; g; g = g->next)
		for (uint32_t i = 0; i < g->member_count; i++) {
			struct vrrp_config *v = find_vrrp(p, g->members[i]);
			if (!v)
				refuse_at(p, g->line, "vrrp_sync_group '%s': there is no vrrp '%s'", g->name, g->members[i]);
			else if (v->group)
				refuse_at(p, g->line, "vrrp_sync_group '%s': vrrp '%s' is in '%s' already", g->name, v->name,
					v->group->name);
			else
				join(p, v, g);
		}
}

static void resolve_backend(struct parser *p, struct track_config *t)
{
	const struct proxy_config *b = find_backend(p, t->name);
	bool checked = false;

	if (!b) {
		refuse_backend(p, t->line, "track_backend", t->name);
		return;
	}
	t->backend = b->index;
	for (const struct server_config *s = b->servers; s; s = s->next)
		checked |= s->check;
	if (!checked)
		warn_at(p, t->line, "no server of backend '%s' has 'check', so track_backend never sees it fail", b->name);
}

static void resolve_watch(struct parser *p, struct track_config *t)
{
	const char *what = t->kind == TRACK_SCRIPT ? "script" : "file", *section = t->kind == TRACK_SCRIPT ? "" : "track_";
	const char *near = NULL;
	unsigned limit = strlen(t->name) < 4 ? 1 : 2, distance = limit + 1;

	for (struct watch_config *w = p->conf->watches; w; w = w->next) {
		unsigned d = w->kind == t->kind ? text_distance(str_z(t->name), str_z(w->name), limit) : distance;
		if (d < distance) {
			distance = d;
			near = w->name;
			t->watch = w;
		}
	}
	if (distance > 0)
		refuse_at(p, t->line, "track_%s '%s': there is no such vrrp_%s%s%s%s%s", what, t->name, section, what,
			near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	else if (!t->has_weight) {
		t->weight = t->watch->weight;
		t->reverse = t->watch->reverse;
	}
}

void resolve_tracks(struct parser *p, struct vrrp_config *v)
{
	for (struct track_config *t = v->tracks; t; t = t->next) {
		if (t->kind == TRACK_BACKEND)
			resolve_backend(p, t);
		else if (t->kind == TRACK_SCRIPT || t->kind == TRACK_FILE)
			resolve_watch(p, t);
		if (!v->group || t->of_group || t->weight == 0)
			continue;
		if (t->has_weight)
			warn_at(p, t->line, "vrrp '%s' is in a sync group, whose members keep one priority: the weight is 0, as in "
				"keepalived", v->name);
		t->weight = 0;
	}
}
