/* SPDX-License-Identifier: MIT
 * The election: RFC 9568 §6.4 (and RFC 3768 §6.4 for version 2) as a pure function of state, event and time. It decides;
 * who calls it carries out what it answers. Times are milliseconds of one clock that never goes back, and that should go on
 * while the machine is suspended. Pure.
 *
 * What is not in the RFCs:
 * LEAVING  a master that resigns keeps the addresses, and says nothing, until its successor is heard: no gap. It is bounded.
 * fence    who comes to its turn later than its own dead interval gives the addresses up before it says anything.
 * ready    a node that cannot serve yet neither preempts nor takes over. The caller bounds it.
 */
#ifndef VRRP_VRRP_H
#define VRRP_VRRP_H
#include <stdbool.h>
#include <stdint.h>
#include "vrrp/config.h"
#include "vrrp/packet.h"

#define VRRP_LEAVING_MS 200     /* and one advert interval: a successor's skew time, and its way to us */

/* From LEAVING on the addresses are held. */
enum vrrp_state { VRRP_INIT, VRRP_FAULT, VRRP_BACKUP, VRRP_LEAVING, VRRP_MASTER };

enum vrrp_event_kind {
	VRRP_START,             /* the interface is usable: take part */
	VRRP_FAIL,              /* it is not, or something tracked without a weight has failed */
	VRRP_STOP,              /* leave for good */
	VRRP_TIMER,             /* the deadline has come */
	VRRP_HEARD,             /* an advert that was judged good */
	VRRP_PRIORITY,          /* the effective priority has changed */
	VRRP_FAILOVER,          /* the operator's wish: hand over, and do not preempt until a master falls silent */
	VRRP_READY,             /* this node can serve, or (flag false) not yet */
	VRRP_MISMATCH,          /* a configured peer uses our virtual_router_id in a form that was rejected */
	VRRP_FOLLOW,            /* another member of the sync group has become master, or (flag false) backup */
	VRRP_DEFER,             /* one of them cannot be master yet: wait another interval */
};

struct vrrp_event {
	uint8_t kind;
	uint8_t priority;                       /* VRRP_PRIORITY */
	/* FAIL and STOP: the link works and this node still serves, so a master waits for its successor; false: out at once.
	 * READY: it is. FOLLOW: to MASTER. */
	bool flag;
	const struct vrrp_advert *advert;       /* VRRP_HEARD */
};

/* What to do, in this order. */
enum vrrp_action {
	VRRP_DO_RELEASE = 1,    /* take the addresses off the interface */
	VRRP_DO_RESIGN = 2,     /* send an advert with priority 0 */
	VRRP_DO_ADVERT = 4,     /* send an advert */
	VRRP_DO_TAKE = 8,       /* put the addresses on, announce them */
};

/* Why the last change of state came about, for the log. */
enum vrrp_why {
	VRRP_WHY_START, VRRP_WHY_OWNER, VRRP_WHY_SILENCE, VRRP_WHY_RESIGNED, VRRP_WHY_PREEMPT, VRRP_WHY_HIGHER, VRRP_WHY_ADDRESS,
	VRRP_WHY_LATE, VRRP_WHY_FAILED, VRRP_WHY_STOPPED, VRRP_WHY_COMMAND, VRRP_WHY_NOBODY, VRRP_WHY_GROUP
};

struct vrrp {
	const struct vrrp_config *config;
	struct addr source;             /* our address in adverts: breaks a tie */
	uint8_t state, why;
	uint8_t after;                  /* LEAVING: the state that follows */
	uint8_t priority;               /* effective */
	uint8_t master_priority;        /* of the last advert that counted; 0: the master has resigned or none was heard */
	bool unready;                   /* VRRP_READY */
	bool due;                       /* the timer has run out, but we are not ready */
	bool yielding;                  /* after VRRP_FAILOVER: as with nopreempt, while the successor is as good as it was */
	uint8_t yield_priority;         /* its priority then; 0: not heard yet */
	struct addr master;             /* who sent it; ADDR_NONE: nobody yet */
	uint64_t heard_ms;              /* when; or when waiting began */
	uint64_t hold_ms;               /* startup_delay: the down timer starts then at the earliest */
	uint64_t preempt_ms;            /* preempt_delay is over then; 0: no lower master is being heard */
	uint32_t master_interval_ms;    /* version 3: learnt from the master */
	uint64_t deadline_ms;           /* call with VRRP_TIMER then; UINT64_MAX: never */
};

void vrrp_init(struct vrrp *, const struct vrrp_config *);
/* Returns vrrp_action bits; *vr has the new state and deadline. */
unsigned vrrp_step(struct vrrp *, uint64_t now_ms, const struct vrrp_event *);
uint32_t vrrp_skew_ms(const struct vrrp *);
uint32_t vrrp_master_down_ms(const struct vrrp *);
/* The configured priority with the weights of what has failed, within 1..254; the owner's 255 stays. */
uint8_t vrrp_effective_priority(const struct vrrp_config *, int failed_weights);
const char *vrrp_state_name(enum vrrp_state);
static inline bool vrrp_holds(const struct vrrp *vr) { return vr->state >= VRRP_LEAVING; }
#endif
