/* SPDX-License-Identifier: MIT
 * Telling the link where an address is now: gratuitous ARP. Pure.
 */
#ifndef VRRP_ANNOUNCE_H
#define VRRP_ANNOUNCE_H
#include <stdint.h>
#include "base/addr.h"

#define ANNOUNCE_ARP_BYTES 28

/* An ARP announcement (RFC 5227 §1.1, §2.3): a request, for there are hosts that ignore replies they did not ask for, with
 * the address as sender and as target. Without the link layer's header. */
void announce_arp(const struct addr *ipv4, const uint8_t mac[6], uint8_t out[ANNOUNCE_ARP_BYTES]);
#endif
