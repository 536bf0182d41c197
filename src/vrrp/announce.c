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

void announce_na(const struct addr *ipv6, const uint8_t mac[6], uint8_t out[ANNOUNCE_NA_BYTES])
{
	/* IPv6 without its addresses: 32 bytes of ICMPv6, hop limit 255; type 136, R and O; the option with our MAC */
	static const uint8_t header[8] = { 0x60, 0, 0, 0, 0, 32, 58, 255 }, advertisement[8] = { 136, 0, 0, 0, 0xa0 };
	uint32_t sum = 32 + 58;         /* of the pseudo-header: length and protocol */

	memset(out, 0, ANNOUNCE_NA_BYTES);
	memcpy(out, header, sizeof header);
	memcpy(out + 8, ipv6->bytes, 16);
	out[24] = 0xff;                 /* ff02::1 */
	out[25] = 2;
	out[39] = 1;
	memcpy(out + 40, advertisement, sizeof advertisement);
	memcpy(out + 48, ipv6->bytes, 16);
	out[64] = 2;                    /* target link-layer address, 8 bytes */
	out[65] = 1;
	memcpy(out + 66, mac, 6);
	for (unsigned i = 8; i < ANNOUNCE_NA_BYTES; i += 2)
		sum += (uint32_t)out[i] << 8 | out[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	out[42] = (uint8_t)(~sum >> 8);
	out[43] = (uint8_t)~sum;
}
