/* SPDX-License-Identifier: MIT */
#include "vrrp/outlook.h"
#include "vrrp/config.h"
#include "vrrp/track.h"

uint8_t outlook_priority(const struct outlook_node *n, unsigned failed)
{
	struct track_sum sum = { 0 };

	for (uint32_t i = 0; i < n->track_count; i++)
		track_add(&sum, n->weights[i], n->reverse >> i & 1, true, failed >> i & 1);
	return sum.fault ? 0 : track_priority(n->priority, sum.weights);
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
