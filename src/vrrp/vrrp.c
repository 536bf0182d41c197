/* SPDX-License-Identifier: MIT */
#include "vrrp/vrrp.h"
#include <stddef.h>

#define ADVERTS_LOST 3          /* RFC 9568 §6.1: three adverts must be missing */

void vrrp_init(struct vrrp *vr, const struct vrrp_config *config)
{
	*vr = (struct vrrp){ .config = config, .priority = config->priority, .master_interval_ms = config->advert_int_ms,
		.deadline_ms = UINT64_MAX };
}

const char *vrrp_state_name(enum vrrp_state state)
{
	static const char *const names[] = { "INIT", "FAULT", "BACKUP", "MASTER" };

	return names[state];
}

uint8_t vrrp_effective_priority(const struct vrrp_config *c, int failed_weights)
{
	int priority = c->priority + failed_weights;

	if (c->priority == VRRP_PRIORITY_OWNER)
		return VRRP_PRIORITY_OWNER;
	return (uint8_t)(priority < 1 ? 1 : priority > 254 ? 254 : priority);
}

/* RFC 9568 §6.1; version 2 counts in seconds whatever the interval is (RFC 3768 §6.1). */
uint32_t vrrp_skew_ms(const struct vrrp *vr)
{
	uint32_t interval = vr->config->version == 2 ? 1000 : vr->master_interval_ms;

	return (256u - vr->priority) * interval / 256;
}

uint32_t vrrp_master_down_ms(const struct vrrp *vr)
{
	return ADVERTS_LOST * vr->master_interval_ms + vrrp_skew_ms(vr);
}

static unsigned become_backup(struct vrrp *vr, uint64_t now, enum vrrp_why why)
{
	unsigned actions = vr->state == VRRP_MASTER ? VRRP_DO_RELEASE : 0;

	vr->state = VRRP_BACKUP;
	vr->why = (uint8_t)why;
	vr->heard_ms = now;
	vr->deadline_ms = now + vrrp_master_down_ms(vr);
	return actions;
}

static unsigned become_master(struct vrrp *vr, uint64_t now, enum vrrp_why why)
{
	vr->state = VRRP_MASTER;
	vr->why = (uint8_t)why;
	vr->master_interval_ms = vr->config->advert_int_ms;
	vr->deadline_ms = now + vr->config->advert_int_ms;
	return VRRP_DO_ADVERT | VRRP_DO_TAKE;
}

/* §6.4.1. A fault is left in the same way as Initialize. */
static unsigned start(struct vrrp *vr, uint64_t now)
{
	vr->master = (struct addr){ .family = ADDR_NONE };
	vr->master_priority = 0;
	vr->master_interval_ms = vr->config->advert_int_ms;
	if (vr->priority == VRRP_PRIORITY_OWNER)
		return become_master(vr, now, VRRP_WHY_OWNER);
	return become_backup(vr, now, VRRP_WHY_START);
}

/* From any state: nothing more is sent or believed. */
static unsigned leave(struct vrrp *vr, enum vrrp_state state, enum vrrp_why why)
{
	unsigned actions = vr->state == VRRP_MASTER ? VRRP_DO_RELEASE | VRRP_DO_RESIGN : 0;

	vr->state = (uint8_t)state;
	vr->why = (uint8_t)why;
	vr->deadline_ms = UINT64_MAX;
	return actions;
}

static void adopt(struct vrrp *vr, uint64_t now, const struct vrrp_advert *a)
{
	vr->master = a->source;
	vr->master_priority = a->priority;
	vr->heard_ms = now;
	if (vr->config->version == 3)
		vr->master_interval_ms = a->interval_ms;
}

/* §6.4.2 (350)-(420). */
static unsigned backup_heard(struct vrrp *vr, uint64_t now, const struct vrrp_advert *a)
{
	if (a->priority == 0) {
		vr->master_priority = 0;
		vr->deadline_ms = now + vrrp_skew_ms(vr);
		return 0;
	}
	if (!vr->config->nopreempt && a->priority < vr->priority) {
		/* Discarded: the timer runs on, and we take over when it is up. */
		vr->master = a->source;
		vr->master_priority = a->priority;
		return 0;
	}
	adopt(vr, now, a);
	vr->deadline_ms = now + vrrp_master_down_ms(vr);
	return 0;
}

static unsigned backup_timer(struct vrrp *vr, uint64_t now)
{
	bool preempting = vr->master.family != ADDR_NONE && vr->master_priority != 0 && vr->master_priority < vr->priority;

	/* We have slept past the deadline. What the master sent meanwhile is still in the socket: hear that first. */
	if (now - vr->deadline_ms > vr->master_interval_ms) {
		vr->heard_ms = now;
		vr->deadline_ms = now + vrrp_master_down_ms(vr);
		return 0;
	}
	if (vr->master_priority == 0 && vr->master.family != ADDR_NONE)
		return become_master(vr, now, VRRP_WHY_RESIGNED);
	return become_master(vr, now, preempting ? VRRP_WHY_PREEMPT : VRRP_WHY_SILENCE);
}

/* §6.4.3 (700)-(790). */
static unsigned master_heard(struct vrrp *vr, uint64_t now, const struct vrrp_advert *a)
{
	bool higher = a->priority > vr->priority;
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
	return VRRP_DO_ADVERT;
}

static unsigned master_timer(struct vrrp *vr, uint64_t now)
{
	uint32_t interval = vr->config->advert_int_ms;
	uint64_t late = now - vr->deadline_ms;

	/* Three intervals since the last advert: we were paused, and a peer's timer may have run out. Say nothing, and listen
	 * first (DESIGN §2, lateness fence). */
	if (late >= (ADVERTS_LOST - 1) * interval)
		return become_backup(vr, now, VRRP_WHY_LATE);
	/* On a fixed grid, so that small delays do not add up. */
	vr->deadline_ms += interval;
	if (vr->deadline_ms <= now)
		vr->deadline_ms = now + interval;
	return VRRP_DO_ADVERT;
}

static unsigned change_priority(struct vrrp *vr, uint64_t now, uint8_t priority)
{
	if (vr->priority == priority)
		return 0;
	vr->priority = priority;
	if (vr->state != VRRP_MASTER)
		return 0;
	vr->deadline_ms = now + vr->config->advert_int_ms;
	return VRRP_DO_ADVERT;          /* at once: a stronger backup need not wait for it */
}

unsigned vrrp_step(struct vrrp *vr, uint64_t now, const struct vrrp_event *e)
{
	bool running = vr->state == VRRP_BACKUP || vr->state == VRRP_MASTER;

	switch (e->kind) {
	case VRRP_START:
		return running ? 0 : start(vr, now);
	case VRRP_FAIL:
		return vr->state == VRRP_FAULT ? 0 : leave(vr, VRRP_FAULT, VRRP_WHY_FAILED);
	case VRRP_STOP:
		return leave(vr, VRRP_INIT, VRRP_WHY_STOPPED);
	case VRRP_PRIORITY:
		return change_priority(vr, now, e->priority);
	case VRRP_TIMER:
		if (!running || now < vr->deadline_ms)
			return 0;
		return vr->state == VRRP_MASTER ? master_timer(vr, now) : backup_timer(vr, now);
	case VRRP_HEARD:
		if (!running)
			return 0;
		return vr->state == VRRP_MASTER ? master_heard(vr, now, e->advert) : backup_heard(vr, now, e->advert);
	default:
		return 0;
	}
}
