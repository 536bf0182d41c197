/* SPDX-License-Identifier: MIT
 * Two to four nodes run the election that ships (vrrp/vrrp, vrrp/packet) in virtual time, on a network and on machines that
 * do what they can to divide them; what must hold is checked after every step. One seed makes one play; that of a play that
 * fails is printed, with its last events.
 *
 * sim_vrrp            ten million steps from fixed seeds, in cmocka's words, so that `make unit` counts it
 * SEED=n sim_vrrp     that play
 * SEEDS=n, SECONDS=n  so many plays, or so long; from START=n
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "vrrp/vrrp.h"

#define NODES 4
#define FLYING 512
#define QUEUED 32
#define TRACE 96
#define STEPS_OF_A_TEST 10000000u
#define NEVER UINT64_MAX

/* Plays differ in what may go wrong, and so in what may be asked of them. */
enum play { HEALTHY, FAITHFUL, WILD, SPLIT, PLAYS };
static const char *const play_names[] = { "few_lost_adverts_change_nothing", "faults_of_nodes", "faults_of_nodes_and_network",
	"a_forced_split_heals" };

struct message { uint64_t at; uint8_t to, from, n; uint8_t bytes[72]; };

struct node {
	struct vrrp_config config;
	struct vip_config vip;
	struct vrrp vr;
	uint64_t clock;                 /* its own minus ours */
	bool alive, failed, ready;
	uint64_t paused_until;          /* 0: runs */
	bool wants, address;            /* what it was told; what its kernel has */
	uint64_t expires;
	uint64_t advert_at;             /* the last one it sent as this master */
	uint64_t leaving_at, changed_at;
	uint64_t free_since;            /* runs, ready and not failed since then */
	uint32_t late;                  /* by so much the next timer is */
	struct message queue[QUEUED];
	uint32_t queued;
	uint8_t lost[NODES];            /* in a row, from each */
};

static struct node nodes[NODES];
static uint32_t count;
static struct message flying[FLYING];
static uint32_t flying_count;
static uint64_t now, seed, rng, quiet_since, two_free_since, steps;
static enum play play;
static bool chaos, cut[NODES][NODES];
static uint32_t interval, down, loss, delay_max, late_max;
static bool failed_play;

static struct { uint64_t at; uint8_t node; char text[88]; } trace[TRACE];
static uint32_t traced;

static uint32_t chance(uint32_t below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)((rng >> 32) * below >> 32);
}

static void note(uint32_t node, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	trace[traced % TRACE].at = now;
	trace[traced % TRACE].node = (uint8_t)node;
	vsnprintf(trace[traced % TRACE].text, sizeof trace->text, format, list);
	va_end(list);
	traced++;
}

static void broken(uint32_t node, const char *what)
{
	if (failed_play)
		return;
	failed_play = true;
	printf("seed %" PRIu64 " (%s), %u nodes, interval %u ms, down %u: at %" PRIu64 ", node %u: %s\n", seed, play_names[play],
		count, interval, down, now, node, what);
	for (uint32_t i = 0; i < count; i++)
		printf("  node %u: %s priority %u%s%s%s%s%s, holds %d\n", i, vrrp_state_name(nodes[i].vr.state),
			nodes[i].vr.priority, nodes[i].config.nopreempt ? " nopreempt" : "", nodes[i].vr.yielding ? " yielding" : "",
			nodes[i].alive ? "" : " dead", nodes[i].paused_until ? " paused" : "", nodes[i].ready ? "" : " unready",
			nodes[i].address);
	for (uint32_t i = traced > TRACE ? traced - TRACE : 0; i < traced; i++)
		printf("  %8" PRIu64 " node %u %s\n", trace[i % TRACE].at, trace[i % TRACE].node, trace[i % TRACE].text);
}

static uint32_t lifetime_of(const struct vrrp_config *c)
{
	uint32_t s = c->down_timer_adverts * c->advert_int_ms / 1000;

	return 1000 * (s < 2 ? 2 : s);
}

/* ---- the network ---- */

static bool is_lost(uint32_t from, uint32_t to, uint8_t priority)
{
	uint8_t *row = &nodes[to].lost[from];

	if (!chaos)
		return false;
	if (play == HEALTHY) {          /* so many in a row that one less would be too few for a takeover */
		bool drop = priority > 0 && *row < down - 1 && chance(4) != 0;
		*row = drop ? (uint8_t)(*row + 1) : 0;
		return drop;
	}
	return cut[from][to] || chance(100) < loss;
}

static void send_advert(uint32_t from, uint8_t priority)
{
	static uint8_t packet[VRRP_PACKET_MAX];
	struct addr group = addr_ipv4(VRRP_GROUP_IPV4);
	size_t n = vrrp_packet_build(&nodes[from].config, &nodes[from].vr.source, &group, priority, VRRP_SUM_PSEUDO, NULL, 0,
		packet);

	if (n > sizeof flying->bytes)
		abort();
	if (priority)
		quiet_since = now;
	for (uint32_t to = 0; to < count; to++) {
		uint32_t copies = chaos && play != HEALTHY && chance(20) == 0 ? 2 : 1;
		if (to == from || is_lost(from, to, priority))
			continue;
		for (; copies > 0 && flying_count < FLYING; copies--) {
			struct message *m = &flying[flying_count++];
			m->at = now + chance(delay_max + 1);
			m->from = (uint8_t)from;
			m->to = (uint8_t)to;
			m->n = (uint8_t)n;
			memcpy(m->bytes, packet, n);
		}
	}
}

/* ---- a step, and what must hold after it ---- */

/* A master that was killed or frozen has lost the address by its lifetime before somebody takes over because of its silence,
 * wherever whole seconds allow. */
static void check_taken(uint32_t i)
{
	if (play != FAITHFUL || interval < 1000 || nodes[i].vr.why != VRRP_WHY_SILENCE)
		return;
	for (uint32_t k = 0; k < count; k++)
		if (k != i && nodes[k].address && (!nodes[k].alive || nodes[k].paused_until)
		    && nodes[k].vr.state == VRRP_MASTER && now - nodes[k].changed_at > delay_max)       /* it has been heard */
			broken(i, "takes over from one that is silent, and it still has the address");
}

static void check_step(uint32_t i, const struct vrrp_event *e, uint8_t before, unsigned actions, uint64_t local)
{
	struct node *n = &nodes[i];
	const struct vrrp *vr = &n->vr;

	if (actions & VRRP_DO_RELEASE && !n->wants)
		broken(i, "releases what it does not hold");
	if (actions & VRRP_DO_ADVERT && vr->state != VRRP_MASTER)
		broken(i, "sends an advert, and is not master");
	if (actions & VRRP_DO_RESIGN && (before < VRRP_LEAVING || vr->state == VRRP_MASTER || vr->state == VRRP_BACKUP))
		broken(i, "resigns what it was not or stays");
	if (actions & VRRP_DO_ADVERT && !(actions & VRRP_DO_TAKE) && now - n->advert_at >= (uint64_t)down * interval)
		broken(i, "was silent for its dead interval, and goes on as master");
	if (vr->state >= VRRP_BACKUP && vr->deadline_ms == NEVER)
		broken(i, "has no deadline");
	if (vr->state < VRRP_BACKUP && vr->deadline_ms != NEVER)
		broken(i, "has a deadline and no use for it");
	if (e->kind == VRRP_TIMER && vr->deadline_ms <= local)
		broken(i, "the timer does not advance");
	if (vr->state >= VRRP_BACKUP && vr->deadline_ms > local + n->config.startup_delay_ms + (uint64_t)(down + 1) * interval + 1200)
		broken(i, "the deadline is too far away");
	if (before < VRRP_MASTER && vr->state == VRRP_MASTER && before != VRRP_LEAVING && vr->unready && e->kind != VRRP_FOLLOW)
		broken(i, "takes over, and is not ready");
}

static void step(uint32_t i, const struct vrrp_event *e, const char *what)
{
	static const char *const names[] = { "", " RELEASE", "", " RESIGN" };
	struct node *n = &nodes[i];
	uint8_t before = n->vr.state;
	uint64_t local = now + n->clock;
	unsigned actions = vrrp_step(&n->vr, local, e);

	steps++;
	if (e->kind != VRRP_TIMER || actions || n->vr.state != before)
		note(i, "%s: %s -> %s,%s%s%s%s, deadline %+" PRId64, what, vrrp_state_name(before), vrrp_state_name(n->vr.state),
			names[actions & 1], actions & 2 ? names[3] : "", actions & 4 ? " ADVERT" : "", actions & 8 ? " TAKE" : "",
			n->vr.deadline_ms == NEVER ? -1 : (int64_t)(n->vr.deadline_ms - local));
	check_step(i, e, before, actions, local);
	if (actions & VRRP_DO_RESIGN)
		send_advert(i, 0);
	if (actions & VRRP_DO_RELEASE)
		n->wants = n->address = false;
	if (actions & VRRP_DO_ADVERT) {
		n->advert_at = now;
		n->expires = now + lifetime_of(&n->config);
		n->address = n->address || before >= VRRP_LEAVING;
		send_advert(i, n->vr.priority);
	}
	if (actions & VRRP_DO_TAKE) {
		n->wants = n->address = true;
		check_taken(i);
	}
	if (n->wants != vrrp_holds(&n->vr))
		broken(i, "its state and its address differ");
	if (n->vr.state != before) {
		n->changed_at = now;
		n->leaving_at = n->vr.state == VRRP_LEAVING ? now : NEVER;
	}
	n->late = chance(late_max + 1);
}

static void event(uint32_t i, enum vrrp_event_kind kind, bool flag, const char *what)
{
	step(i, &(struct vrrp_event){ .kind = (uint8_t)kind, .flag = flag }, what);
}

static void deliver(const struct message *m)
{
	static struct vrrp_advert a;
	struct node *n = &nodes[m->to];
	char what[24];

	enum vrrp_drop drop = vrrp_packet_parse(m->bytes, m->n, &a);
	if (drop == VRRP_GOOD)
		drop = vrrp_packet_judge(&n->config, &a);
	if (drop != VRRP_GOOD) {
		broken(m->to, vrrp_drop_name(drop));
		return;
	}
	snprintf(what, sizeof what, "heard %u from %u", a.priority, m->from);
	step(m->to, &(struct vrrp_event){ .kind = VRRP_HEARD, .advert = &a }, what);
}

static bool runs(const struct node *n)
{
	return n->alive && n->paused_until == 0;
}

static bool due(const struct node *n)
{
	return n->vr.deadline_ms != NEVER && n->vr.deadline_ms - n->clock <= now;
}

/* As the guard does: a backup reads what has come before it believes in silence; a master may come to its timer first. */
static void wake(uint32_t i)
{
	struct node *n = &nodes[i];
	uint32_t queued = n->queued;

	n->paused_until = 0;
	n->free_since = now;
	note(i, "goes on, %u adverts wait", queued);
	if (n->vr.state != VRRP_BACKUP && chance(2) && due(n))
		event(i, VRRP_TIMER, false, "timer");
	for (uint32_t k = 0; k < queued; k++)
		deliver(&n->queue[k]);
	n->queued = 0;
	if (due(n))
		event(i, VRRP_TIMER, false, "timer");
}

/* ---- the machines ---- */

static void start(uint32_t i, bool ready)
{
	struct node *n = &nodes[i];

	if (!n->alive) {
		uint8_t priority = n->vr.priority;
		n->alive = true;
		n->wants = n->address = false;          /* what an earlier run has left is removed */
		struct addr source = n->vr.source;
		vrrp_init(&n->vr, &n->config);
		n->vr.source = source;
		n->vr.priority = priority;
		n->queued = 0;
	}
	n->failed = false;
	n->ready = ready;
	n->free_since = now;
	event(i, VRRP_READY, ready, ready ? "ready" : "unready");
	event(i, VRRP_START, false, "start");
}

static void die(uint32_t i)
{
	nodes[i].alive = false;
	nodes[i].paused_until = 0;
	note(i, "killed");
}

static void disturb_node(uint32_t i)
{
	struct node *n = &nodes[i];

	switch (chance(16)) {
	case 0:
		die(i);
		break;
	case 1: case 2: case 3:
		n->paused_until = now + 1 + chance((down + 3) * interval);
		note(i, "paused until %" PRIu64, n->paused_until);
		break;
	case 4:
		n->failed = true;
		event(i, VRRP_FAIL, false, "cut");
		break;
	case 5:
		n->failed = true;
		event(i, VRRP_FAIL, true, "fail");
		break;
	case 6:
		n->failed = true;
		event(i, VRRP_STOP, chance(2), "stop");
		break;
	case 7: case 8:
		event(i, VRRP_FAILOVER, false, "failover");
		break;
	case 9: case 10: case 11:
		step(i, &(struct vrrp_event){ .kind = VRRP_PRIORITY, .priority = n->config.priority == VRRP_PRIORITY_OWNER
			? VRRP_PRIORITY_OWNER : (uint8_t)(1 + chance(4) * 60) }, "priority");
		break;
	case 12:
		n->ready = !n->ready;
		n->free_since = now;
		event(i, VRRP_READY, n->ready, n->ready ? "ready" : "unready");
		break;
	case 13:
		quiet_since = now;
		event(i, VRRP_MISMATCH, false, "mismatch");
		break;
	case 14:
		quiet_since = now;
		event(i, VRRP_FOLLOW, chance(2), "follow");
		break;
	default:
		start(i, chance(4) != 0);
	}
}

static void disturb_network(void)
{
	uint32_t a = chance(count), b = chance(count);

	switch (chance(4)) {
	case 0:
		cut[a][b] = true;
		break;
	case 1:
		cut[a][b] = cut[b][a] = true;
		break;
	case 2:
		memset(cut, 0, sizeof cut);
		break;
	default:
		loss = chance(3) * 30;
	}
	note(a, "network: %u -> %u %s, loss %u %%", a, b, cut[a][b] ? "cut" : "works", loss);
}

static void disturb(void)
{
	uint32_t i = chance(count);

	if (play == HEALTHY || play == SPLIT)
		return;
	if (play == WILD && chance(3) == 0)
		disturb_network();
	else if (!nodes[i].alive || (nodes[i].failed && chance(2)))
		start(i, chance(4) != 0);
	else if (runs(&nodes[i]))
		disturb_node(i);
}

/* ---- what must hold at every moment ---- */

static void check_holders(void)
{
	uint32_t holders = 0;
	bool stuck = false, quiet = false;

	for (uint32_t i = 0; i < count; i++) {
		holders += nodes[i].address;
		stuck = stuck || (nodes[i].address && !runs(&nodes[i]));
		quiet = quiet || nodes[i].config.lower_prio_no_advert;
	}
	two_free_since = holders < 2 || stuck ? NEVER : two_free_since == NEVER ? now : two_free_since;
	/* On a network that delivers, two that run find out within the time of an advert and its answer. */
	uint64_t way = 3 * delay_max + 3 * late_max + 2 + (quiet ? interval : 0);
	if (play != WILD && play != SPLIT && two_free_since != NEVER && now - two_free_since > way)
		broken(0, "two hold the address for longer than an advert and its answer take");
}

static void check_nobody(void)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct node *n = &nodes[i];
		uint64_t since = n->free_since > quiet_since ? n->free_since : quiet_since;
		uint64_t limit = n->config.startup_delay_ms + 2ull * (down + 1) * interval + 2000 + interval + VRRP_LEAVING_MS
			+ 4 * delay_max + 4 * late_max;
		if (runs(n) && n->ready && !n->failed && now > since + limit)
			broken(i, "could serve, and nobody is master");
		if (runs(n) && n->vr.state == VRRP_LEAVING && now > n->leaving_at + interval + VRRP_LEAVING_MS + late_max
		    && now > n->free_since)
			broken(i, "leaves for too long");
	}
}

/* ---- time ---- */

static uint64_t wake_time(const struct node *n)
{
	if (!n->alive)
		return NEVER;
	if (n->paused_until)
		return n->paused_until;
	return n->vr.deadline_ms == NEVER ? NEVER : n->vr.deadline_ms - n->clock + n->late;
}

static uint64_t next_time(uint64_t until)
{
	uint64_t next = until;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t t = wake_time(&nodes[i]);
		next = t < next ? t : next;
		next = nodes[i].address && nodes[i].expires < next ? nodes[i].expires : next;
	}
	for (uint32_t k = 0; k < flying_count; k++)
		next = flying[k].at < next ? flying[k].at : next;
	return next > now ? next : now;
}

static void land(void)
{
	for (uint32_t k = 0; k < flying_count;) {
		if (flying[k].at > now) {
			k++;
			continue;
		}
		struct message m = flying[k];
		struct node *n = &nodes[m.to];
		flying[k] = flying[--flying_count];
		if (runs(n))
			deliver(&m);
		else if (n->alive && n->queued < QUEUED)
			n->queue[n->queued++] = m;
	}
}

static void run(uint64_t until)
{
	while (!failed_play && now < until) {
		now = next_time(until);
		for (uint32_t i = 0; i < count; i++)
			if (nodes[i].address && nodes[i].expires <= now && wake_time(&nodes[i]) > now)
				nodes[i].address = false;
		land();
		for (uint32_t i = 0; i < count; i++) {
			if (wake_time(&nodes[i]) > now)
				continue;
			if (nodes[i].paused_until)
				wake(i);
			else
				event(i, VRRP_TIMER, false, "timer");
		}
		check_holders();
		check_nobody();
	}
}

/* ---- a play ---- */

static void cast(void)
{
	static const uint32_t intervals[2][4] = { { 1000, 1000, 2000, 3000 }, { 10, 100, 1000, 250 } };
	uint8_t version = (uint8_t)(2 + chance(2)), equal = (uint8_t)(1 + chance(254));
	bool same = chance(4) == 0, owners = chance(8) == 0, all_preempt = chance(2);

	count = play == SPLIT ? 2 : 2 + chance(NODES - 1);
	interval = intervals[version - 2][chance(4)];
	down = 2 + (chance(2) ? 1 : chance(4));
	delay_max = chance(2) ? 1 : chance(1 + interval / 10);
	late_max = chance(1 + interval / 20);
	loss = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct node *n = &nodes[i];
		*n = (struct node){ .config = { .vrid = 51, .version = version, .advert_int_ms = interval, .vip_count = 1,
			.down_timer_adverts = (uint8_t)down }, .ready = true, .leaving_at = NEVER };
		n->vip.address = (struct prefix){ addr_ipv4(0xc0a8010a), 24 };
		n->config.vips = &n->vip;
		n->config.priority = same || play == SPLIT ? equal : owners && chance(2) ? VRRP_PRIORITY_OWNER : (uint8_t)(1 + chance(254));
		n->config.nopreempt = !all_preempt && chance(2);
		n->config.preempt_delay_ms = chance(4) ? 0 : chance(10) * interval;
		n->config.startup_delay_ms = chance(6) ? 0 : chance(10) * interval;
		n->config.on_mismatch_hold = chance(2);
		n->config.lower_prio_no_advert = chance(8) == 0;
		n->clock = (uint64_t)chance(1u << 31) << chance(12);
		vrrp_init(&n->vr, &n->config);
		/* Addresses in an order that has nothing to do with priorities. */
		n->vr.source = addr_ipv4(0xc0a80100 + 11 + (i * 7 + (uint32_t)seed) % 23);
	}
}

static void heal(void)
{
	chaos = false;
	memset(cut, 0, sizeof cut);
	loss = 0;
	for (uint32_t i = 0; i < count; i++)
		note(i, "healed");
	for (uint32_t i = 0; i < count; i++) {
		if (nodes[i].alive && nodes[i].paused_until)
			wake(i);
		start(i, true);
	}
}

static uint32_t settle_time(void)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t own = nodes[i].config.startup_delay_ms + nodes[i].config.preempt_delay_ms;
		most = own > most ? own : most;
	}
	return 2 * most + 4 * ((down + 1) * interval + 1000);
}

/* Exactly one, and nobody who may preempt it. */
static void check_one(const char *what)
{
	uint32_t masters = 0, master = 0, holders = 0;

	for (uint32_t i = 0; i < count; i++) {
		holders += nodes[i].address;
		if (nodes[i].vr.state == VRRP_MASTER)
			masters++, master = i;
		else if (nodes[i].vr.state != VRRP_BACKUP)
			broken(i, "takes no part though all is well");
	}
	if (masters != 1 || holders != 1 || !nodes[master].address)
		broken(master, what);
	for (uint32_t i = 0; i < count; i++)
		if (nodes[i].vr.priority > nodes[master].vr.priority && !nodes[i].config.nopreempt && !nodes[i].vr.yielding)
			broken(i, "is stronger than the master, and may preempt it");
}

static void stays(uint32_t time, const char *what)
{
	uint64_t since = now;

	run(now + time);
	for (uint32_t i = 0; i < count; i++)
		if (nodes[i].changed_at > since)
			broken(i, what);
}

static uint32_t least_skew(void)
{
	uint32_t least = UINT32_MAX;

	for (uint32_t i = 0; i < count; i++)
		least = vrrp_skew_ms(&nodes[i].vr) < least ? vrrp_skew_ms(&nodes[i].vr) : least;
	return least;
}

static void part_and_join(void)
{
	memset(cut, 1, sizeof cut);
	chaos = true;
	for (uint32_t i = 0; i < count; i++)
		start(i, true);
	run(now + settle_time());
	for (uint32_t i = 0; i < count; i++)
		if (nodes[i].vr.state != VRRP_MASTER)
			broken(i, "is alone, and not master");
	uint32_t higher = addr_compare(&nodes[0].vr.source, &nodes[1].vr.source) > 0 ? 0 : 1;
	chaos = false;
	memset(cut, 0, sizeof cut);
	run(now + interval + 3 * delay_max + 3 * late_max + 2);
	if (!failed_play && (nodes[higher].vr.state != VRRP_MASTER || nodes[1 - higher].vr.state != VRRP_BACKUP))
		broken(1 - higher, "has the lower address, and does not yield");
}

static void perform(uint64_t number)
{
	seed = number;
	rng = number * 0x9e3779b97f4a7c15u + 1;
	for (int i = 0; i < 4; i++)
		(void)chance(2);
	play = number % PLAYS;
	now = quiet_since = 1000;
	two_free_since = NEVER;
	flying_count = traced = 0;
	failed_play = false;
	chaos = false;
	memset(cut, 0, sizeof cut);
	cast();
	if (play == SPLIT) {
		part_and_join();
	} else if (play == HEALTHY) {
		heal();
		run(now + settle_time());
		check_one("not exactly one master on a healthy link");
		late_max = late_max > 1 ? 1 : late_max;
		delay_max = delay_max > 1 ? 1 : delay_max;
		if (least_skew() > 4) {         /* what is late must be less than the skew time */
			chaos = true;
			stays(60 * interval, "changes its state, and fewer adverts were lost than it takes");
		}
	} else {
		chaos = true;
		for (uint32_t i = 0; i < count; i++)
			start(i, chance(3) != 0);
		for (int i = 0; i < 40 && !failed_play; i++) {
			disturb();
			run(now + 1 + chance(chance(2) ? interval : (down + 2) * interval));
		}
	}
	if (!failed_play) {
		heal();
		run(now + settle_time());
		check_one("not exactly one master after all has healed");
		stays(3 * down * interval, "changes its state on a healthy link");
	}
}

static bool test(uint32_t which, uint64_t enough)
{
	uint64_t until = steps + enough;

	printf("[ RUN      ] %s\n", play_names[which]);
	for (uint64_t number = PLAYS + which; steps < until && !failed_play; number += PLAYS)
		perform(number);
	printf("%s %s\n", failed_play ? "[  FAILED  ]" : "[       OK ]", play_names[which]);
	return !failed_play;
}

static uint64_t given(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static int run_long(void)
{
	uint64_t from = given("SEED", given("START", 1)), seeds = given("SEED", 0) ? 1 : given("SEEDS", NEVER), done;
	time_t end = time(NULL) + (time_t)given("SECONDS", seeds == NEVER ? 10 : 1000000);

	for (done = 0; done < seeds && !failed_play && time(NULL) < end; done++)
		perform(from + done);
	printf("%" PRIu64 " plays from seed %" PRIu64 ", %" PRIu64 " steps: %s\n", done, from, steps, failed_play ? "failed" : "passed");
	return failed_play;
}

int main(void)
{
	uint32_t passed = 0;

	if (getenv("SEED") || getenv("SEEDS") || getenv("SECONDS"))
		return run_long();
	for (uint32_t which = 0; which < PLAYS; which++) {
		failed_play = false;
		passed += test(which, which == FAITHFUL || which == WILD ? STEPS_OF_A_TEST * 2 / 5 : STEPS_OF_A_TEST / 9);
	}
	printf("[==========] %u test(s) run: %" PRIu64 " steps.\n[  PASSED  ] %u test(s).\n", PLAYS, steps, passed);
	return passed != PLAYS;
}
