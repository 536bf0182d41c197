/* SPDX-License-Identifier: MIT */
#include "vrrp/track.h"
#include "vrrp/config.h"

#define WEIGHT_MAX 253                  /* keepalived's: what is below -253 is a fault */

bool track_result(struct track_count *c, bool good, uint32_t rise, uint32_t fall, uint32_t first)
{
	if (c->known && good != c->failed) {
		c->row = 0;
		return false;
	}
	uint32_t needed = !c->known ? good ? 1 : first : good ? rise : fall;
	if (++c->row < needed)
		return false;
	*c = (struct track_count){ .known = true, .failed = !good };
	return true;
}

void track_add(struct track_sum *sum, int weight, bool reverse, bool known, bool failed)
{
	if (weight == 0) {
		sum->fault = sum->fault || (known && failed != reverse);
		sum->waiting = sum->waiting || !known;
	} else if (known && failed == (weight < 0)) {
		sum->weights += reverse ? -weight : weight;
	}
}

void track_add_value(struct track_sum *sum, int weight, bool reverse, int value)
{
	int product = reverse ? -weight * value : weight * value;

	if (weight == 0 ? (value != 0) != reverse : product < -WEIGHT_MAX)
		sum->fault = true;
	else
		sum->weights += product > WEIGHT_MAX ? WEIGHT_MAX : product;
}

uint8_t track_priority(uint8_t configured, int weights)
{
	int priority = configured + weights;

	if (configured == VRRP_PRIORITY_OWNER)
		return VRRP_PRIORITY_OWNER;
	return (uint8_t)(priority < 1 ? 1 : priority > 254 ? 254 : priority);
}
