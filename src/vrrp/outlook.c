/* SPDX-License-Identifier: MIT */
#include "vrrp/outlook.h"
#include "vrrp/config.h"

uint8_t outlook_priority(const struct outlook_node *n, unsigned failed)
{
	int priority = n->priority;

	for (uint32_t i = 0; i < n->track_count; i++) {
		bool down = failed >> i & 1;
		bool reverse = n->reverse >> i & 1;
		if (down != reverse && n->weights[i] == 0)
			return 0;
		/* keepalived: a negative weight counts while the track has failed, a positive one while it has not. */
		if (down == (n->weights[i] < 0))
			priority += reverse ? -n->weights[i] : n->weights[i];
	}
	if (n->priority == VRRP_PRIORITY_OWNER)
		return VRRP_PRIORITY_OWNER;
	return (uint8_t)(priority < 1 ? 1 : priority > 254 ? 254 : priority);
}

enum outlook outlook_of(const struct outlook_node *master, unsigned failed, const struct outlook_node *backup)
{
	uint8_t ours = outlook_priority(master, failed), theirs = outlook_priority(backup, 0);

	if (ours == 0)
		return OUTLOOK_MOVES;
	if (master->priority == VRRP_PRIORITY_OWNER)
		return OUTLOOK_OWNER;
	if (ours > theirs)
		return OUTLOOK_STRONGER;
	if (ours == theirs)
		return OUTLOOK_TIE;
	return backup->nopreempt ? OUTLOOK_NOPREEMPT : OUTLOOK_MOVES;
}

void outlook_count(const struct outlook_node *master, const struct outlook_node *backup, uint32_t *all, uint32_t *move)
{
	*all = *move = 0;
	for (unsigned failed = 1; failed < 1u << master->track_count; failed++) {
		(*all)++;
		*move += outlook_of(master, failed, backup) == OUTLOOK_MOVES;
	}
}
