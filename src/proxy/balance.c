/* SPDX-License-Identifier: MIT */
#include "proxy/balance.h"

/* Smooth weighted round robin: every server gains its weight, the richest is chosen and pays what all have gained. Weights
 * 3:1 give a, a, b, a and not a, a, a, b. */
static uint32_t pick(struct balance_server *s, uint32_t count, uint32_t avoid)
{
	uint32_t best = BALANCE_NONE;
	int32_t total = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (i == avoid || !s[i].usable || s[i].backup || s[i].weight == 0)
			continue;
		s[i].credit += s[i].weight;
		total += s[i].weight;
		if (best == BALANCE_NONE || s[i].credit > s[best].credit)
			best = i;
	}
	if (best != BALANCE_NONE)
		s[best].credit -= total;
	return best;
}

static uint32_t first_backup(const struct balance_server *s, uint32_t count, uint32_t avoid)
{
	for (uint32_t i = 0; i < count; i++)
		if (i != avoid && s[i].usable && s[i].backup && s[i].weight > 0)
			return i;
	return BALANCE_NONE;
}

uint32_t balance_roundrobin(struct balance_server *s, uint32_t count, uint32_t avoid)
{
	uint32_t i = pick(s, count, avoid);

	if (i == BALANCE_NONE && avoid < count && s[avoid].usable && !s[avoid].backup && s[avoid].weight > 0)
		i = avoid;      /* the only active one: backups are not for one refused connection */
	if (i == BALANCE_NONE)
		i = first_backup(s, count, avoid);
	if (i == BALANCE_NONE && avoid < count && s[avoid].usable && s[avoid].weight > 0)
		i = avoid;
	return i;
}
