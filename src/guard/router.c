/* SPDX-License-Identifier: MIT
 * The routers: events in, and what vrrp_step() answers to them carried out, here and nowhere else.
 */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "guard/guard.h"

/* ---- what the state machine wants ---- */

static void put_block(const struct router *r, char *out, size_t size)
{
	const char *name = r->blocked == ROUTER_NO_INTERFACE && r->interface->seen ? r->vmac->name : r->interface->name;
	char address[ADDR_TEXT_MAX];

	switch (r->blocked) {
	case ROUTER_NO_INTERFACE:
		text_format(out, size, "there is no interface %s", name);
		break;
	case ROUTER_LINK_DOWN:
		text_format(out, size, "the link of %s is down", name);
		break;
	case ROUTER_NO_SOCKETS:
		text_format(out, size, "no sockets for adverts on %s", name);
		break;
	case ROUTER_NO_ADDRESS:
		if (!r->has_source)
			text_format(out, size, "%s is no address of %s: adverts cannot come from it",
				addr_print(&r->config->source, address), r->config->peers ? "this node" : name);
		else if (vrrp_family(r->config) == ADDR_IPV4)
			text_format(out, size, "%s has no IPv4 address", name);
		else
			text_format(out, size, "%s has no IPv6 address to send from (or is net.ipv6.conf.%s.disable_ipv6 "
				"set?)", name, name);
		break;
	case ROUTER_TRACK:
		text_format(out, size, "%s %s has %sfailed", track_keyword(r->culprit->config), r->culprit->config->name,
			r->culprit->config->reverse ? "not " : "");
		break;
	case ROUTER_GROUP:
		text_format(out, size, "another member of sync group %s is in FAULT", r->config->group->name);
		break;
	case ROUTER_UNKNOWN:
		text_format(out, size, "a track has no result yet");
		break;
	default:
		text_format(out, size, "the worker cannot serve");
	}
}

static void log_state(struct router *r)
{
	const struct vrrp *vr = &r->vr;
	char from[ADDR_TEXT_MAX], *text = r->why;
	uint64_t silent = guard.loop.now_ms - vr->heard_ms;

	r->since_ms = guard.loop.now_ms;
	addr_print(&vr->master, from);
	switch (vr->why) {
	case VRRP_WHY_SILENCE:
		text_format(text, sizeof r->why, "no advert%s%s for %llu.%llu s", vr->master.family ? " from " : "",
			vr->master.family ? from : "", (unsigned long long)silent / 1000, (unsigned long long)silent % 1000 / 100);
		break;
	case VRRP_WHY_RESIGNED:
		text_format(text, sizeof r->why, "%s has resigned", from);
		break;
	case VRRP_WHY_PREEMPT:
		text_format(text, sizeof r->why, "%s has the lower priority %u, ours is %u", from, vr->master_priority,
			vr->priority);
		break;
	case VRRP_WHY_HIGHER:
		text_format(text, sizeof r->why, "%s has the higher priority %u, ours is %u", from, vr->master_priority,
			vr->priority);
		break;
	case VRRP_WHY_ADDRESS:
		text_format(text, sizeof r->why, "%s has our priority %u and the higher address", from, vr->priority);
		break;
	case VRRP_WHY_LATE:
		text_format(text, sizeof r->why, "this node was not running for longer than three adverts");
		break;
	case VRRP_WHY_OWNER:
		text_format(text, sizeof r->why, "it owns the address: priority 255");
		break;
	case VRRP_WHY_FAILED:
		put_block(r, text, sizeof r->why);
		break;
	case VRRP_WHY_COMMAND:
		text_format(text, sizeof r->why, "a failover was asked for");
		break;
	case VRRP_WHY_NOBODY:
		text_format(text, sizeof r->why, "nobody else has taken over");
		break;
	case VRRP_WHY_GROUP:
		text_format(text, sizeof r->why, "as the others of its sync group");
		break;
	default:
		text_format(text, sizeof r->why, "%s", vr->why == VRRP_WHY_STOPPED ? "stopping" : "started");
	}
	log_notice("(%s) Entering %s STATE (%s)", r->config->name, vrrp_state_name(vr->state), text);
}

static bool any_holds(void)
{
	for (uint32_t k = 0; k < guard.conf->vrrp_count; k++)
		if (vrrp_holds(&guard.routers[k].vr))
			return true;
	return false;
}

void routers_end(void)
{
	bool busy = !guard.stopping || any_holds();

	for (uint32_t k = 0; k < guard.conf->vrrp_count; k++)
		busy = busy || timer_is_on(&guard.routers[k].reset);
	if (!busy)
		guard.loop.stop = true;
}

/* The members of a router's sync group but itself, one after the other; NULL: no more. */
static struct router *next_member(const struct router *r, const struct router *last)
{
	const struct group_config *group = r->config->group;
	uint32_t k = last ? (uint32_t)(last - guard.routers) + 1 : 0;

	for (; group && k < guard.conf->vrrp_count; k++)
		if (guard.routers[k].config->group == group && &guard.routers[k] != r)
			return &guard.routers[k];
	return NULL;
}

static void tell_scripts(struct router *r)
{
	static const uint8_t kinds[] = { [VRRP_INIT] = NOTIFY_STOP, [VRRP_FAULT] = NOTIFY_FAULT, [VRRP_BACKUP] = NOTIFY_BACKUP,
		[VRRP_MASTER] = NOTIFY_MASTER };

	if (r->vr.state == VRRP_LEAVING)
		return;                 /* the state that follows is the one to tell */
	notify_state(&r->notify, kinds[r->vr.state], r->vr.priority);
	if (!r->config->group)
		return;
	/* A group has changed when its last member has. keepalived gives it no priority. */
	for (struct router *m = NULL; (m = next_member(r, m)); )
		if (m->vr.state != r->vr.state)
			return;
	notify_state(&guard.group_notify[r->config->group->index], kinds[r->vr.state], 0);
}

static void router_step(struct router *, const struct vrrp_event *);

/* What one member of a sync group has decided is done by all. */
static void lead_group(const struct router *r, uint8_t before)
{
	bool up = r->vr.state == VRRP_MASTER, down = r->vr.state == VRRP_BACKUP && before >= VRRP_LEAVING;

	if (r->vr.why == VRRP_WHY_GROUP || !(up || down))
		return;
	for (struct router *m = NULL; (m = next_member(r, m)); )
		router_step(m, &(struct vrrp_event){ .kind = VRRP_FOLLOW, .flag = up });
}

/* keepalived's rule: a member becomes master when all can, so that a link that is cut in part does not tear the group to
 * and fro. When a master is gone, their timers run out within one advert interval. */
static bool group_can_lead(const struct router *r)
{
	for (struct router *m = NULL; (m = next_member(r, m)); )
		if (m->vr.state < VRRP_BACKUP || m->vr.unready
		    || (m->vr.state == VRRP_BACKUP && m->vr.deadline_ms > guard.loop.now_ms + m->vr.master_interval_ms))
			return false;
	return true;
}

static void router_step(struct router *r, const struct vrrp_event *e)
{
	uint8_t before = r->vr.state;
	unsigned actions = vrrp_step(&r->vr, guard.loop.now_ms, e);

	if (actions & VRRP_DO_RESIGN)
		adverts_send(r, 0);
	if (actions & VRRP_DO_RELEASE)
		vips_release(r);
	if (actions & VRRP_DO_ADVERT) {
		/* The lifetime starts before the advert does: the address must be gone when the peer's timer is up. */
		if (before >= VRRP_LEAVING)
			vips_renew(r, false);
		adverts_send(r, r->vr.priority);
	}
	if (actions & VRRP_DO_TAKE)
		vips_take(r);
	if (r->vr.state == VRRP_LEAVING && before != VRRP_LEAVING) {
		garp_stop(r);
		vips_renew(r, true);
	}
	if (r->vr.state != before) {
		log_state(r);
		tell_scripts(r);
		lead_group(r, before);
	}
	/* On a multiple of the interval, as all routers: see vips_renew(). It comes earlier by that, never later. */
	if (r->vr.state == VRRP_MASTER)
		r->vr.deadline_ms -= r->vr.deadline_ms % r->config->advert_int_ms;
	if (r->vr.deadline_ms == UINT64_MAX)
		timer_off(&guard.loop.timers, &r->timer);
	else
		timer_set(&guard.loop.timers, &r->timer, r->vr.deadline_ms);
	routers_end();
}

static void router_expired(struct timer *t, uint64_t now_ms)
{
	struct router *r = container_of(t, struct router, timer);

	/* What has come while we could not run is heard before silence is believed. */
	if (r->vr.state == VRRP_BACKUP || r->vr.state == VRRP_LEAVING)
		adverts_hear(r);
	bool defer = r->vr.state == VRRP_BACKUP && now_ms >= r->vr.deadline_ms && !group_can_lead(r);
	router_step(r, &(struct vrrp_event){ .kind = defer ? VRRP_DEFER : VRRP_TIMER });
	mismatch_say(r);        /* a split brain that has ended sends nothing */
}

void router_event(struct router *r, enum vrrp_event_kind kind)
{
	router_step(r, &(struct vrrp_event){ .kind = (uint8_t)kind });
}

bool router_is_master(struct router *r)
{
	router_expired(&r->timer, guard.loop.now_ms);
	return r->vr.state == VRRP_MASTER;
}

/* Alone a member could not go: the other node's waits until all of its group can be master. */
void router_failover(struct router *r)
{
	router_event(r, VRRP_FAILOVER);
	for (struct router *m = NULL; (m = next_member(r, m)); )
		router_event(m, VRRP_FAILOVER);
}

void router_set_priority(struct router *r, uint8_t priority)
{
	if (r->vr.priority == priority)
		return;
	log_notice("(%s) Changing effective priority from %u to %u", r->config->name, r->vr.priority, priority);
	router_step(r, &(struct vrrp_event){ .kind = VRRP_PRIORITY, .priority = priority });
}

/* ---- what is heard ---- */

static bool is_peer(const struct vrrp_config *c, const struct addr *source)
{
	for (const struct peer_config *p = c->peers; p; p = p->next)
		if (addr_equal(&p->address, source))
			return true;
	return false;
}

/* A new one takes the place of who has been silent longest, but what is not good not that of who is good, or a peer. */
static void note_heard(struct router *r, const struct vrrp_advert *a, enum vrrp_drop drop)
{
	struct heard *h = r->heard, *oldest = NULL;

	for (; h < r->heard + HEARD_MAX && !addr_equal(&h->source, &a->source); h++)
		if (!h->count || drop == VRRP_GOOD || (h->drop != VRRP_GOOD && !is_peer(r->config, &h->source)))
			oldest = oldest && oldest->ms <= h->ms ? oldest : h;
	if (h == r->heard + HEARD_MAX) {
		if (!oldest)
			return;
		h = oldest;
		h->count = 0;
	}
	*h = (struct heard){ a->source, guard.loop.now_ms, a->interval_ms, h->count + 1, a->priority, a->version, a->checksum,
		(uint8_t)drop };
}

/* Only of an advert that is good in all else: what strangers send costs no hash. */
static void check_hmac(struct router *r, struct vrrp_advert *a)
{
	const struct hmac_config *h = &r->config->hmac;

	a->hmac = HMAC_GOOD;
	if (!a->has_trailer || vrrp_packet_judge(r->config, a) != VRRP_GOOD)
		return;
	a->hmac = (uint8_t)hmac_check(h, &r->hmac, &a->source, a->message, a->message_bytes, adverts_clock(),
		h->window_ms / 1000);
}

static void router_heard(struct router *r, struct vrrp_advert *a)
{
	char from[ADDR_TEXT_MAX];

	if (a->checksums >> r->checksum & 1)
		a->checksum = r->checksum;      /* what we know of the peer fits */
	check_hmac(r, a);
	mismatch_heard(r, a, VRRP_GOOD);
	enum vrrp_drop drop = vrrp_packet_judge(r->config, a);

	if (drop == VRRP_GOOD && r->vr.state < VRRP_BACKUP)
		drop = VRRP_DROP_STATE;
	r->drops[drop]++;
	note_heard(r, a, drop);
	if (drop != VRRP_GOOD && r->config->log_detail)
		log_info("(%s) advert from %s with priority %u discarded: %s", r->config->name, addr_print(&a->source, from),
			a->priority, vrrp_drop_name(drop));
	if (drop != VRRP_GOOD) {
		if (drop != VRRP_DROP_STATE && drop != VRRP_DROP_TTL && drop != VRRP_DROP_FAMILY && drop != VRRP_DROP_PEER
		    && a->priority && (!r->config->peers || is_peer(r->config, &a->source)))
			router_event(r, VRRP_MISMATCH);
		return;
	}
	if (a->version == 3 && !r->config->checksum_as_v2)
		r->checksum = a->checksum;      /* in kind: a peer that sums otherwise would not hear us */
	router_step(r, &(struct vrrp_event){ .kind = VRRP_HEARD, .advert = a });
	if (r->vr.state != VRRP_MASTER || a->priority == 0)
		return;
	if (r->config->log_detail)
		log_info("(%s) received lower priority (%u) advert from %s", r->config->name, a->priority,
			addr_print(&a->source, from));
	garp_lower(r);
	notify_lower(r);
}

/* A switch or an access point may send back what we said; with our address and another MAC it is another machine. */
static void own_address_heard(struct router *r, const uint8_t mac[6])
{
	for (uint32_t i = 0; i < guard.interface_count; i++)
		if (memcmp(guard.interfaces[i].mac, mac, 6) == 0)
			return;
	mismatch_claimed(r, DIAGNOSE_SOURCE, &r->vr.source, mac);
}

void routers_heard(const struct channel *c, const uint8_t *packet, size_t n, const uint8_t mac[6])
{
	static struct vrrp_advert a;
	enum vrrp_drop drop = vrrp_packet_parse(packet, n, &a);

	for (uint32_t k = 0; k < guard.conf->vrrp_count; k++) {
		struct router *r = &guard.routers[k];
		/* The same number may be in use in the other family, by another router. */
		if (vrrp_family(r->config) != c->family || r->hears != c->interface)
			continue;
		if (drop == VRRP_GOOD && addr_equal(&a.source, &r->vr.source)) {
			r->drops[VRRP_DROP_OWN]++;
			own_address_heard(r, mac);
			continue;
		}
		if (drop == VRRP_GOOD && a.vrid == r->config->vrid) {
			router_heard(r, &a);
			continue;
		}
		r->drops[drop == VRRP_GOOD ? VRRP_DROP_VRID : drop]++;  /* what cannot be read each router counts */
		mismatch_heard(r, &a, drop);
	}
}

/* ---- who takes part ---- */

static const struct addr *source_of(const struct router *r)
{
	const struct vrrp_config *c = r->config;

	if (c->source.family != ADDR_NONE)
		return &c->source;
	if (vrrp_family(c) == ADDR_IPV4)
		return &r->interface->primary;
	return c->peers && !addr_is_link_local(&c->peers->address) ? &r->interface->ipv6 : &r->interface->link_local;
}

static enum router_block block_of(struct router *r, const struct track_sum *sum)
{
	struct interface *i = r->interface;

	if (!i->seen)
		return ROUTER_NO_INTERFACE;
	if (!i->up)
		return ROUTER_LINK_DOWN;
	if (source_of(r)->family == ADDR_NONE || !r->has_source)
		return ROUTER_NO_ADDRESS;
	if (sum->fault)
		return ROUTER_TRACK;
	if (sum->waiting)
		return ROUTER_UNKNOWN;
	return supervise_can_serve() || !r->config->track_worker ? ROUTER_FREE : ROUTER_WORKER;
}

/* When a check that is on its way now has ended, whatever becomes of it. */
static uint32_t check_bound_ms(const struct proxy_config *b)
{
	uint32_t longest = 0;

	for (const struct server_config *s = b->servers; s; s = s->next)
		if (s->check && s->health.inter_ms > longest)
			longest = s->health.inter_ms;
	return longest + (longest ? b->timeouts[TIMEOUT_CHECK] : 0);
}

/* Does this node serve? One that returns also waits for its servers: while its link was down they all failed, or are about
 * to by a check that was sent then. */
static bool serves(bool returning, uint64_t waited_ms)
{
	const struct scoreboard_worker *w = &guard.board->worker;

	if (!atomic_load_explicit(&w->ready, memory_order_acquire) || !atomic_load_explicit(&w->checked, memory_order_acquire))
		return false;
	for (const struct proxy_config *b = guard.conf->proxies; b && returning; b = b->next)
		if (b->servers && (scoreboard_usable(guard.board, b) == 0 || waited_ms < check_bound_ms(b)))
			return false;
	return true;
}

/* No takeover before we can serve, but for takeover_ready at most. */
static void check_ready(struct router *r)
{
	uint64_t now = guard.loop.now_ms;

	if (!guard.board || (r->vr.state >= VRRP_BACKUP && !r->vr.unready))
		return;
	if (r->vr.state < VRRP_BACKUP)
		r->returning = r->vr.state == VRRP_FAULT;
	if (r->free_ms == 0)
		r->free_ms = now;
	router_step(r, &(struct vrrp_event){ .kind = VRRP_READY,
		.flag = now - r->free_ms >= r->config->takeover_ready_ms || serves(r->returning, now - r->free_ms) });
}

static void router_look(struct router *r)
{
	struct interface *i = r->interface;
	struct track_sum sum = tracks_sum(r);
	enum router_block block = block_of(r, &sum);

	if (block == ROUTER_FREE && !vmac_ready(r))
		block = ROUTER_NO_INTERFACE;
	if (i->seen && i->up && (!adverts_open(i, vrrp_family(r->config))
	    || (r->vmac_index && !adverts_open(r->vmac, vrrp_family(r->config))))) {
		if (r->own_block != ROUTER_NO_SOCKETS)
			log_errno("(%s) cannot open the sockets for adverts on %s", r->config->name, i->name);
		block = ROUTER_NO_SOCKETS;
	}
	/* One that has gone is still good to resign from. */
	if (source_of(r)->family != ADDR_NONE)
		r->vr.source = *source_of(r);
	router_set_priority(r, vrrp_effective_priority(r->config, sum.weights));
	if (!r->started && i->index) {
		r->started = true;
		vips_clean_at_start(r);
	}
	r->own_block = (uint8_t)block;
}

/* A member is as good as the worst of its group. */
static enum router_block group_block(const struct router *r)
{
	enum router_block worst = r->own_block;

	for (struct router *m = NULL; worst == ROUTER_FREE && (m = next_member(r, m)); )
		if (m->own_block != ROUTER_FREE)
			worst = m->own_block == ROUTER_UNKNOWN ? ROUTER_UNKNOWN : ROUTER_GROUP;
	return worst;
}

static void router_decide(struct router *r)
{
	if (r->blocked == ROUTER_FREE) {
		check_ready(r);
		router_event(r, VRRP_START);
		return;
	}
	/* With a track that has failed the node still answers, and so waits for its successor. */
	r->free_ms = 0;
	router_step(r, &(struct vrrp_event){ .kind = VRRP_FAIL,
		.flag = r->blocked == ROUTER_TRACK || r->blocked == ROUTER_GROUP });
}

void routers_check(void)
{
	uint32_t count = guard.stopping || !guard.links_known ? 0 : guard.conf->vrrp_count;

	for (uint32_t k = 0; k < count; k++)
		router_look(&guard.routers[k]);
	for (uint32_t k = 0; k < count; k++) {
		struct router *r = &guard.routers[k];
		r->blocked = (uint8_t)group_block(r);
		if (r->blocked != ROUTER_UNKNOWN)
			router_decide(r);
	}
}

void routers_stop(bool hand_over)
{
	guard.stopping = true;
	for (uint32_t k = 0; k < guard.conf->vrrp_count; k++)
		router_step(&guard.routers[k], &(struct vrrp_event){ .kind = VRRP_STOP, .flag = hand_over });
	routers_end();
}

struct interface *interface_named(const char *name)
{
	struct interface *i = interface_find(name);

	if (!i) {
		i = &guard.interfaces[guard.interface_count++];
		*i = (struct interface){ .name = name, .channels = { { .receive.fd = -1 }, { .receive.fd = -1 } } };
	}
	return i;
}

void routers_init(void)
{
	uint32_t k = 0;

	for (const struct vrrp_config *c = guard.conf->vrrps; c; c = c->next, k++) {
		struct router *r = &guard.routers[k];
		uint32_t v = 0;
		r->config = c;
		r->interface = interface_named(c->interface);
		r->timer.expired = router_expired;
		r->garp.expired = garp_expired;
		r->work.expired = vips_work;
		r->reset.expired = reset_later;
		r->work_at = c->vip_count;
		r->hears = r->sends = r->interface;
		if (c->vmac) {
			r->vmac = interface_named(c->vmac);
			r->vmac->macvlan = true;
		}
		/* Frames from the virtual MAC, which the peer's have, go to the macvlan of that MAC and nowhere else. */
		if (c->vmac && !c->peers) {
			r->hears = r->vmac;
			r->sends = c->vmac_xmit_base ? r->interface : r->vmac;
		}
		r->checksum = c->checksum_as_v2 ? VRRP_SUM_PLAIN : VRRP_SUM_PSEUDO;
		r->since_ms = guard.loop.now_ms;
		vrrp_init(&r->vr, c);
		for (const struct vip_config *vc = c->vips; vc; vc = vc->next, v++) {
			r->vips[v].config = vc;
			r->vips[v].interface = vc->device ? interface_named(vc->device)
				: r->vmac ? r->vmac : r->interface;
		}
	}
}
