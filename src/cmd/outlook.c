/* SPDX-License-Identifier: MIT
 * The part of `tandem check` that looks at both nodes: the file is read once more for each node that it names, and what a
 * failed track does to the one is held against what the other would make of it.
 */
#include <string.h>
#include "base/log.h"
#include "cmd/cmd.h"
#include "vrrp/diagnose.h"
#include "vrrp/outlook.h"

struct node { const char *name; const struct vrrp_config *router; struct outlook_node look; };

static void no_report(void *context, enum conf_severity severity, const char *sentence)
{
	(void)context;
	(void)severity;         /* the same lines were judged before, for the node that was asked for */
	(void)sentence;
}

static const char *kind_of(const struct track_config *t)
{
	static const char *const kinds[] = { [TRACK_BACKEND] = "backend", [TRACK_INTERFACE] = "interface",
		[TRACK_SCRIPT] = "script", [TRACK_FILE] = "file", [TRACK_PING] = "ping" };

	return kinds[t->kind];
}

/* A file's number is not known here, so what it adds is left out. */
static bool counts(const struct track_config *t)
{
	return t->kind != TRACK_FILE;
}

static const struct track_config *track_number(const struct vrrp_config *v, uint32_t number)
{
	const struct track_config *t = v->tracks;

	for (; t; t = t->next)
		if (counts(t) && number-- == 0)
			break;
	return t;
}

static void look(struct node *n, const struct vrrp_config *v)
{
	n->router = v;
	n->look = (struct outlook_node){ .priority = v->priority, .nopreempt = v->nopreempt };
	for (const struct track_config *t = v->tracks; t; t = t->next)
		if (counts(t) && n->look.track_count < OUTLOOK_TRACKS_MAX) {
			n->look.reverse |= (uint16_t)(t->reverse << n->look.track_count);
			n->look.weights[n->look.track_count++] = t->weight;
		}
}

static void warn_of(const struct node *m, const struct node *b, uint32_t i, const char *file)
{
	const struct track_config *t = track_number(m->router, i);
	unsigned ours = outlook_priority(&m->look, 1u << i), theirs = outlook_priority(&b->look, 0);

	switch (outlook_of(&m->look, 1u << i, &b->look)) {
	case OUTLOOK_STRONGER:
	case OUTLOOK_TIE:
		log_warn("%s:%u: vrrp %s: when %s %s fails, %s has priority %u and %s %u: the addresses stay where they are:"
			" give it more weight, or none, so that it is a fault", file, t->line, m->router->name, kind_of(t), t->name,
			m->name, ours, b->name, theirs);
		break;
	case OUTLOOK_NOPREEMPT:
		log_warn("%s:%u: vrrp %s: when %s %s fails, %s falls to priority %u but goes on as master, because %s has"
			" nopreempt: leave out the weight, so that it resigns", file, t->line, m->router->name, kind_of(t),
			t->name, m->name, ours, b->name);
		break;
	case OUTLOOK_OWNER:
		log_warn("%s:%u: vrrp %s: priority 255 is never changed: the weight of %s %s does nothing on %s", file, t->line,
			m->router->name, kind_of(t), t->name, m->name);
		break;
	default:
		break;
	}
}

/* What both nodes see alike, such as the servers of a backend, may take both out. */
static bool fails_there_too(const struct track_config *t, const struct vrrp_config *other)
{
	for (const struct track_config *o = other->tracks; o; o = o->next)
		if (o->kind == t->kind && (o->kind == TRACK_BACKEND || o->kind == TRACK_PING) && o->weight == 0
		    && strcmp(o->name, t->name) == 0)
			return true;
	return false;
}

static void print_pair(const struct node *m, const struct node *b, const char *file)
{
	uint32_t all, move;

	out("  vrrp %s: %s has priority %u and %s %u", m->router->name, m->name,
		(unsigned)outlook_priority(&m->look, 0), b->name, (unsigned)outlook_priority(&b->look, 0));
	outlook_count(&m->look, &b->look, &all, &move);
	if (all == 0)
		out("; nothing is tracked");
	else if (all > 1)
		out("; %u of %u combinations of failed tracks move the addresses", move, all);
	out("\n");
	for (uint32_t i = 0; i < m->look.track_count; i++) {
		const struct track_config *t = track_number(m->router, i);
		unsigned ours = outlook_priority(&m->look, 1u << i);
		out("    %s %s fails on %s: ", kind_of(t), t->name, m->name);
		if (ours == 0)
			out("fault, %s takes over%s\n", b->name, fails_there_too(t, b->router) ? ", unless it fails there as well:"
				" then nobody holds the addresses" : "");
		else if (outlook_of(&m->look, 1u << i, &b->look) == OUTLOOK_MOVES)
			out("priority %u, %s takes over\n", ours, b->name);
		else
			out("priority %u, %s stays master\n", ours, m->name);
		warn_of(m, b, i, file);
	}
}

/* ---- what they would say of each other ---- */

static bool has_peer(const struct vrrp_config *v, const struct addr *a)
{
	for (const struct peer_config *p = v->peers; p; p = p->next)
		if (addr_equal(&p->address, a))
			return true;
	return false;
}

/* The sentence is about an address, which the file need not have: here it is about a node. */
static void name_node(char *out, size_t size, const char *text, const char *address, const char *name)
{
	size_t n = 0, length = strlen(address);

	while (*text && n + 1 < size) {
		bool found = strncmp(text, address, length) == 0;
		n += found ? text_format(out + n, size - n, "%s", name) : text_format(out + n, size - n, "%c", *text);
		text += found ? length : 1;
	}
}

/* The advert of the one, as the other would judge it. */
static void compare(const struct node *from, const struct node *to, const char *file)
{
	static struct vrrp_advert advert;
	static uint8_t packet[VRRP_PACKET_MAX];
	const struct vrrp_config *c = from->router, *other = to->router;
	uint8_t family = vrrp_family(c);
	const struct addr unknown = { family, { family == ADDR_IPV6 ? 0xfe : 192, family == ADDR_IPV6 ? 0x80 : 0, 2, 1 } };
	const struct addr source = c->source.family ? c->source : other->peers ? other->peers->address : unknown;
	const struct addr destination = c->peers ? c->peers->address : vrrp_group(family);
	char text[320], named[320], address[ADDR_TEXT_MAX];
	struct hmac_state state = { 0 };
	struct diagnosis d = { 0 };
	struct disagreement e;
	struct vrrp vr;

	if (c->peers && other->source.family && !has_peer(c, &other->source))
		log_warn("%s:%u: vrrp %s: %s sends nothing to %s, the unicast_src_ip of %s: add it as a unicast_peer", file, c->line,
			c->name, from->name, addr_print(&other->source, address), to->name);
	vrrp_init(&vr, other);
	size_t n = vrrp_packet_build(c, &source, &destination, c->priority, VRRP_SUM_PSEUDO, &state, 0, packet);
	if (source.family != family || destination.family != family || vrrp_packet_parse(packet, n, &advert) != VRRP_GOOD)
		return;
	(void)addr_print(&source, address);
	state = (struct hmac_state){ 0 };
	if (advert.has_trailer && other->hmac.key_count)
		advert.hmac = (uint8_t)hmac_check(&other->hmac, &state, &source, advert.message, advert.message_bytes, 0, 1);
	diagnose_heard(&d, 0, &vr, &advert, VRRP_GOOD);
	while (diagnose_next(&d, 0, &e)) {
		(void)diagnose_print(&e, text, sizeof text);
		name_node(named, sizeof named, text, address, from->name);
		log_warn("%s:%u: vrrp %s, as %s sees it: %s", file, c->line, c->name, to->name, named);
	}
}

/* The stronger of two nodes is the master whose failures matter; of two equals each may be. */
static void print_router(struct node *a, struct node *b, const char *file)
{
	int ours = outlook_priority(&a->look, 0), theirs = outlook_priority(&b->look, 0);

	if (ours == theirs)
		log_warn("%s:%u: vrrp %s: %s and %s both have priority %d: who came first is master, and after a quarrel the"
			" one with the higher address", file, a->router->line, a->router->name, a->name, b->name, ours);
	if (a->router->down_timer_adverts != b->router->down_timer_adverts)
		log_warn("%s:%u: vrrp %s: %s has down_timer_adverts %u, %s %u: a node that is killed keeps its address longer than"
			" the other one waits: set it alike", file, a->router->line, a->router->name, a->name,
			a->router->down_timer_adverts, b->name, b->router->down_timer_adverts);
	compare(a, b, file);
	if (b->router->hmac.key_count
	    || (b->router->peers && a->router->source.family && !has_peer(b->router, &a->router->source)))
		compare(b, a, file);
	if (ours >= theirs)
		print_pair(a, b, file);
	if (theirs >= ours)
		print_pair(b, a, file);
}

void outlook_print(const char *file, const char *bytes, uint32_t n, const struct conf *conf)
{
	static struct arena memory[CONF_NODES_MAX];
	const struct conf *of[CONF_NODES_MAX];

	if (conf->vrrp_count == 0 || conf->node_count < 2)
		return;
	for (uint32_t i = 0; i < conf->node_count; i++) {
		if (arena_open(&memory[i], CONF_ARENA_MAX)
		    && (of[i] = conf_load(&memory[i], file, bytes, n, conf->nodes[i], "", NULL, no_report, NULL)))
			continue;
		log_warn("%s is not good for node '%s': 'tandem check -n %s' says why", file, conf->nodes[i], conf->nodes[i]);
		return;
	}
	out("\nelection\n");
	for (uint32_t i = 0; i < conf->node_count; i++) {
		for (uint32_t k = i + 1; k < conf->node_count; k++) {
			const struct vrrp_config *v = of[i]->vrrps, *w = of[k]->vrrps;
			for (; v && w; v = v->next, w = w->next) {
				struct node a = { .name = conf->nodes[i] }, b = { .name = conf->nodes[k] };
				look(&a, v);
				look(&b, w);
				print_router(&a, &b, file);
			}
		}
	}
}
