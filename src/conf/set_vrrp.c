/* SPDX-License-Identifier: MIT
 * Setters of the vrrp sections.
 */
#include <string.h>
#include "conf/parse.h"

void begin_vrrp(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct vrrp_config fresh = { .line = p->line }, **last = &p->conf->vrrps;
	uint32_t count = 0;

	(void)k;
	(void)n;
	(void)object;
	if (!check_name(p, "vrrp section", args[0]))
		fresh.name = "?";
	for (; *last; last = &(*last)->next, count++)
		if (str_is(args[0], (*last)->name))
			refuse(p, "vrrp '%s' is there already, in line %u", (*last)->name, (*last)->line);
	_Static_assert(CONF_VRRPS_MAX <= 64, "the scoreboard has bits of two words for them");
	if (count == CONF_VRRPS_MAX) {
		refuse(p, "more than %u vrrp sections", (unsigned)CONF_VRRPS_MAX);
		return;
	}
	if (!fresh.name)
		fresh.name = keep_text(p, args[0]);
	fresh.index = p->conf->vrrp_count++;
	keyword_defaults(AS_LINE, IN_VRRP, &fresh);
	*last = keep(p, &fresh, sizeof fresh);
	p->section = IN_VRRP;
	p->section_name = fresh.name;
	p->object = *last;
	p->skipping = false;
}

void set_auth_type(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct vrrp_config *v = object;

	(void)n;
	if (str_is(args[0], "PASS"))
		v->has_auth = true;
	else if (str_is(args[0], "AH"))
		refuse(p, "'auth_type AH' was taken out of VRRP by RFC 3768: nothing but keepalived speaks it, and "
			"it protects from little; use PASS");
	else if (str_is(args[0], "none"))
		v->has_auth = false;
	else
		refuse(p, "'%s' must be %s, not '%.*s'", k->name, k->arguments, CLIPPED(args[0]));
}

void set_auth_pass(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct vrrp_config *v = object;
	uint32_t used = args[0].n > VRRP_AUTH_BYTES ? VRRP_AUTH_BYTES : args[0].n;

	(void)n;
	if (args[0].n == 0)
		refuse(p, "'%s' is empty", k->name);
	else if (args[0].n > VRRP_AUTH_BYTES)
		warn(p, "only the first %u bytes of auth_pass count, as in keepalived", (unsigned)VRRP_AUTH_BYTES);
	memset(v->auth_pass, 0, sizeof v->auth_pass);
	memcpy(v->auth_pass, args[0].p, used);
	if (line_of(p, AS_LINE, "auth_type") == 0)
		v->has_auth = true;     /* a password is there to be used */
}
