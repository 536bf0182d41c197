/* SPDX-License-Identifier: MIT */
#include "vrrp/vrrp.h"
#include "vrrp/track.h"
#include <stddef.h>

void vrrp_init(struct vrrp *vr, const struct vrrp_config *config)
{
	*vr = (struct vrrp){ .config = config, .priority = config->priority, .master_interval_ms = config->advert_int_ms,
		.deadline_ms = UINT64_MAX };
}

const char *vrrp_state_name(enum vrrp_state state)
{
	static const char *const names[] = { "INIT", "FAULT", "BACKUP", "LEAVING", "MASTER" };

	return names[state];
}

uint8_t vrrp_effective_priority(const struct vrrp_config *c, int failed_weights)
{
	return track_priority(c->priority, failed_weights);
}

/* RFC 9568 §6.1; version 2 counts in seconds whatever the interval is (RFC 3768 §6.1). */
uint32_t vrrp_skew_ms(const struct vrrp *vr)
{
	uint32_t interval = vr->config->version == 2 ? 1000 : vr->master_interval_ms;

	return (256u - vr->priority) * interval / 256;
}

uint32_t vrrp_master_down_ms(const struct vrrp *vr)
{
	return vr->config->down_timer_adverts * vr->master_interval_ms + vrrp_skew_ms(vr);
}

/* ---- changes of state ---- */

static void arm(struct vrrp *vr, uint64_t now, uint32_t wait)
{
	vr->due = false;
	vr->deadline_ms = (now < vr->hold_ms ? vr->hold_ms : now) + wait;
}

static unsigned enter(struct vrrp *vr, enum vrrp_state state, enum vrrp_why why)
{
	unsigned actions = vrrp_holds(vr) && state < VRRP_LEAVING ? VRRP_DO_RELEASE : 0;

	vr->state = (uint8_t)state;
	vr->why = (uint8_t)why;
	vr->deadline_ms = UINT64_MAX;
	vr->due = false;
	vr->preempt_ms = 0;
	return actions;
}

static unsigned become_backup(struct vrrp *vr, uint64_t now, enum vrrp_why why)
{
	unsigned actions = enter(vr, VRRP_BACKUP, why);

	vr->heard_ms = now;
	arm(vr, now, vrrp_master_down_ms(vr));
	return actions;
}

static unsigned become_master(struct vrrp *vr, uint64_t now, enum vrrp_why why)
{
	(void)enter(vr, VRRP_MASTER, why);
	vr->yielding = false;
	vr->master_interval_ms = vr->config->advert_int_ms;
	vr->deadline_ms = now + vr->config->advert_int_ms;
	return VRRP_DO_ADVERT | VRRP_DO_TAKE;
}

/* §6.4.1. A fault is left in the same way as Initialize, but without its delay. */
static unsigned start(struct vrrp *vr, uint64_t now)
{
	bool owner = vr->priority == VRRP_PRIORITY_OWNER;

	if (vr->state == VRRP_INIT)
		vr->hold_ms = now + vr->config->startup_delay_ms;
	vr->master = (struct addr){ .family = ADDR_NONE };
	vr->master_priority = 0;
	vr->master_interval_ms = vr->config->advert_int_ms;
	vr->yielding = false;
	/* In a sync group its timer asks whether the others can. */
	if (owner && !vr->unready && now >= vr->hold_ms && !vr->config->group)
		return become_master(vr, now, VRRP_WHY_OWNER);
	(void)become_backup(vr, now, VRRP_WHY_START);
	if (owner)
		arm(vr, now, 0);
	return 0;
}

/* From any state: nothing more is sent or believed, once the addresses are gone. */
static unsigned leave(struct vrrp *vr, uint64_t now, enum vrrp_state state, enum vrrp_why why, bool hand_over)
{
	unsigned resign = vr->state == VRRP_MASTER ? VRRP_DO_RESIGN : 0;

	if (vr->state == VRRP_LEAVING && hand_over) {
		if (vr->after != VRRP_INIT) {
			vr->after = (uint8_t)state;
			vr->why = (uint8_t)why;
		}
		return 0;
	}
	if (!resign || !hand_over)
		return resign | enter(vr, state, why);
	(void)enter(vr, VRRP_LEAVING, why);
	vr->after = (uint8_t)state;
	vr->deadline_ms = now + vr->config->advert_int_ms + VRRP_LEAVING_MS;
	return resign;
}

/* The reason to leave has gone. Who is heard meanwhile is believed all the same. */
static unsigned stay(struct vrrp *vr)
{
	if (vr->state == VRRP_LEAVING && vr->after != VRRP_BACKUP) {
		vr->after = VRRP_BACKUP;
		vr->why = VRRP_WHY_START;
	}
	return 0;
}

static unsigned left(struct vrrp *vr, uint64_t now)
{
	return vr->after == VRRP_BACKUP ? become_backup(vr, now, vr->why) : enter(vr, vr->after, vr->why);
}

static void adopt(struct vrrp *vr, uint64_t now, const struct vrrp_advert *a)
{
	vr->master = a->source;
	vr->master_priority = a->priority;
	vr->heard_ms = now;
	if (vr->config->version == 3)
		vr->master_interval_ms = a->interval_ms;
}

/* ---- Backup: §6.4.2 ---- */

/* May we take over from a living master of a lower priority? preempt_delay counts from the first advert of it. */
static bool preempts(struct vrrp *vr, uint64_t now, uint8_t priority)
{
	if (vr->config->nopreempt || vr->yielding || vr->unready || now < vr->hold_ms || priority >= vr->priority) {
		vr->preempt_ms = 0;
		return false;
	}
	if (vr->preempt_ms == 0)
		vr->preempt_ms = now + vr->config->preempt_delay_ms;
	return now >= vr->preempt_ms;
}

/* Whoever we have handed over to and gets worse is not what the operator chose: the priorities decide again. */
static void watch_successor(struct vrrp *vr, uint8_t priority)
{
	if (vr->yield_priority == 0)
		vr->yield_priority = priority;
	vr->yielding = vr->yielding && priority >= vr->yield_priority;
}

static unsigned backup_heard(struct vrrp *vr, uint64_t now, const struct vrrp_advert *a)
{
	if (a->priority == 0) {
		vr->master = a->source;
		vr->master_priority = 0;
		arm(vr, now, vrrp_skew_ms(vr));
		return 0;
	}
	watch_successor(vr, a->priority);
	if (preempts(vr, now, a->priority)) {
		/* Discarded: the timer runs on, and we take over when it is up. */
		vr->master = a->source;
		vr->master_priority = a->priority;
		return 0;
	}
	adopt(vr, now, a);
	arm(vr, now, vrrp_master_down_ms(vr));
	return 0;
}

static unsigned backup_timer(struct vrrp *vr, uint64_t now)
{
	bool known = vr->master.family != ADDR_NONE;

	if (vr->unready) {
		vr->due = true;
		vr->deadline_ms = now + vr->config->advert_int_ms;
		return 0;
	}
	/* We have slept past the deadline. What the master sent meanwhile is still in the socket: hear that first. */
	if (now - vr->deadline_ms > vr->master_interval_ms) {
		vr->heard_ms = now;
		arm(vr, now, vrrp_master_down_ms(vr));
		return 0;
	}
	if (vr->priority == VRRP_PRIORITY_OWNER && !known)
		return become_master(vr, now, VRRP_WHY_OWNER);
	if (known && vr->master_priority == 0)
		return become_master(vr, now, VRRP_WHY_RESIGNED);
	return become_master(vr, now, vr->preempt_ms ? VRRP_WHY_PREEMPT : VRRP_WHY_SILENCE);
}

static unsigned ready(struct vrrp *vr, uint64_t now, bool is)
{
	vr->unready = !is;
	/* Not at once: where both nodes wait for the same moment, the stronger one comes first. */
	if (is && vr->due && vr->state == VRRP_BACKUP)
		arm(vr, now, vrrp_skew_ms(vr));
	return 0;
}

/* ---- Master: §6.4.3 ---- */

static unsigned master_heard(struct vrrp *vr, uint64_t now, const struct vrrp_advert *a)
{
	bool higher = a->priority > vr->priority;
	/* Two owners as well: one of them is mistaken, and two holders are worse than a wrong one. */
	bool tie_lost = a->priority == vr->priority && addr_compare(&a->source, &vr->source) > 0;

	if (a->priority == 0) {
		vr->deadline_ms = now + vr->config->advert_int_ms;
		return VRRP_DO_ADVERT;
	}
	if (higher || tie_lost) {
		adopt(vr, now, a);
		return become_backup(vr, now, higher ? VRRP_WHY_HIGHER : VRRP_WHY_ADDRESS);
	}
	/* RFC 9568 answers at once, so that who is mistaken learns it now; keepalived does so in version 2 as well. */
	return vr->config->lower_prio_no_advert ? 0 : VRRP_DO_ADVERT;
}

static unsigned master_timer(struct vrrp *vr, uint64_t now)
{
	/* On a fixed grid, so that small delays do not add up. */
	vr->deadline_ms += vr->config->advert_int_ms;
	if (vr->deadline_ms <= now)
		vr->deadline_ms = now + vr->config->advert_int_ms;
	return VRRP_DO_ADVERT;
}

/* ---- Leaving ---- */

static unsigned leaving_heard(struct vrrp *vr, uint64_t now, const struct vrrp_advert *a)
{
	if (a->priority == 0)
		return 0;               /* it leaves as well */
	adopt(vr, now, a);
	watch_successor(vr, a->priority);
	return left(vr, now);
}

/* Nobody has come. On the operator's word alone the addresses are not left without a holder, unless we come late: we did not
 * listen all the time. Who can no longer serve goes, and says so again: the first word may have been lost. */
static unsigned leaving_timer(struct vrrp *vr, uint64_t now)
{
	if (vr->after != VRRP_BACKUP)
		return VRRP_DO_RESIGN | left(vr, now);
	return now - vr->deadline_ms > VRRP_LEAVING_MS ? left(vr, now) : become_master(vr, now, VRRP_WHY_NOBODY);
}

/* ---- all ---- */

static unsigned change_priority(struct vrrp *vr, uint64_t now, uint8_t priority)
{
	uint32_t skew = vrrp_skew_ms(vr);

	if (vr->priority == priority)
		return 0;
	vr->priority = priority;
	if (vr->state == VRRP_BACKUP && vr->deadline_ms > now)
		vr->deadline_ms = vr->deadline_ms - skew + vrrp_skew_ms(vr);
	if (vr->state != VRRP_MASTER)
		return 0;
	vr->deadline_ms = now + vr->config->advert_int_ms;
	return VRRP_DO_ADVERT;          /* at once: a stronger backup need not wait for it */
}

/* The other members of a sync group do what one of them has done (keepalived's vrrp_sync_group). */
static unsigned follow(struct vrrp *vr, uint64_t now, bool to_master)
{
	if (to_master)
		return vr->state == VRRP_BACKUP ? become_master(vr, now, VRRP_WHY_GROUP) : 0;
	return vr->state == VRRP_MASTER ? become_backup(vr, now, VRRP_WHY_GROUP) : 0;
}

/* down_timer_adverts intervals since the last advert: we were paused, and a peer's timer may have run out. The addresses go
 * before anything is said, whatever it is that has woken us (DESIGN §2, lateness fence). */
static unsigned fence(struct vrrp *vr, uint64_t now)
{
	uint64_t latest = vr->deadline_ms + (vr->config->down_timer_adverts - 1) * (uint64_t)vr->config->advert_int_ms;

	if (!vrrp_holds(vr) || now < latest)
		return 0;
	if (vr->state == VRRP_LEAVING)
		return left(vr, now);
	return become_backup(vr, now, VRRP_WHY_LATE);
}

static unsigned heard(struct vrrp *vr, uint64_t now, const struct vrrp_advert *a)
{
	switch (vr->state) {
	case VRRP_BACKUP:
		return backup_heard(vr, now, a);
	case VRRP_MASTER:
		return master_heard(vr, now, a);
	case VRRP_LEAVING:
		return leaving_heard(vr, now, a);
	default:
		return 0;
	}
}

static unsigned timer(struct vrrp *vr, uint64_t now)
{
	if (now < vr->deadline_ms)
		return 0;
	return vr->state == VRRP_BACKUP ? backup_timer(vr, now) : vr->state == VRRP_MASTER ? master_timer(vr, now)
		: leaving_timer(vr, now);
}

static unsigned step(struct vrrp *vr, uint64_t now, const struct vrrp_event *e)
{
	switch (e->kind) {
	case VRRP_START:
		return vr->state < VRRP_BACKUP ? start(vr, now) : stay(vr);
	case VRRP_FAIL:
		return vr->state == VRRP_FAULT ? 0 : leave(vr, now, VRRP_FAULT, VRRP_WHY_FAILED, e->flag);
	case VRRP_STOP:
		return leave(vr, now, VRRP_INIT, VRRP_WHY_STOPPED, e->flag);
	case VRRP_TIMER:
		return timer(vr, now);
	case VRRP_HEARD:
		return heard(vr, now, e->advert);
	case VRRP_PRIORITY:
		return change_priority(vr, now, e->priority);
	case VRRP_FAILOVER:
		if (vr->state != VRRP_MASTER)
			return 0;
		vr->yielding = true;
		vr->yield_priority = 0;
		return leave(vr, now, VRRP_BACKUP, VRRP_WHY_COMMAND, true);
	case VRRP_READY:
		return ready(vr, now, e->flag);
	case VRRP_MISMATCH:
		if (vr->state == VRRP_BACKUP && vr->config->on_mismatch_hold)
			arm(vr, now, vrrp_master_down_ms(vr));
		return 0;
	case VRRP_FOLLOW:
		return follow(vr, now, e->flag);
	case VRRP_DEFER:
		if (vr->state == VRRP_BACKUP)
			arm(vr, now, vr->master_interval_ms);
		return 0;
	default:
		return 0;
	}
}

unsigned vrrp_step(struct vrrp *vr, uint64_t now, const struct vrrp_event *e)
{
	unsigned released = fence(vr, now);

	return released | step(vr, now, e);
}
