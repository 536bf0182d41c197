/* SPDX-License-Identifier: MIT
 * Gives a voice to what vrrp/diagnose.c finds.
 */
#include "base/log.h"
#include "guard/guard.h"

void mismatch_say(struct router *r)
{
	struct disagreement e;
	char text[320];

	diagnose_passed(&r->diagnosis, guard.loop.now_ms, &r->vr);
	while (diagnose_next(&r->diagnosis, guard.loop.now_ms, &e)) {
		if (e.over) {
			log_notice("(%s) %s: healed: %s, after %llu s", r->config->name, addr_print(&e.peer, text),
				diagnose_name(e.kind), (unsigned long long)(e.last_ms - e.first_ms) / 1000);
			continue;
		}
		(void)diagnose_print(&e, text, sizeof text);
		log_warn("(%s) %s", r->config->name, text);
	}
}

void mismatch_heard(struct router *r, const struct vrrp_advert *a, enum vrrp_drop parsed)
{
	diagnose_heard(&r->diagnosis, guard.loop.now_ms, &r->vr, a, parsed);
	mismatch_say(r);
}

void mismatch_claimed(struct router *r, uint8_t kind, const struct addr *address, const uint8_t mac[6])
{
	diagnose_claimed(&r->diagnosis, guard.loop.now_ms, &r->vr, kind, address, mac);
	mismatch_say(r);
}
