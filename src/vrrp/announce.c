/* SPDX-License-Identifier: MIT */
#include "vrrp/announce.h"
#include <string.h>

void announce_arp(const struct addr *ipv4, const uint8_t mac[6], uint8_t out[ANNOUNCE_ARP_BYTES])
{
	/* Ethernet, IPv4, their lengths, request */
	static const uint8_t front[8] = { 0, 1, 8, 0, 6, 4, 0, 1 };

	memset(out, 0, ANNOUNCE_ARP_BYTES);
	memcpy(out, front, sizeof front);
	memcpy(out + 8, mac, 6);
	memcpy(out + 14, ipv4->bytes, 4);
	memcpy(out + 24, ipv4->bytes, 4);
}
