/* SPDX-License-Identifier: MIT
 * Telling the link where an address is now: gratuitous ARP and unsolicited neighbour advertisements. Pure.
 */
#ifndef VRRP_ANNOUNCE_H
#define VRRP_ANNOUNCE_H
#include <stdint.h>
#include "base/addr.h"

#define ANNOUNCE_ARP_BYTES 28
#define ANNOUNCE_NA_BYTES (40 + 32)

/* An ARP announcement (RFC 5227 §1.1, §2.3): a request, for there are hosts that ignore replies they did not ask for, with
 * the address as sender and as target. Without the link layer's header. */
void announce_arp(const struct addr *ipv4, const uint8_t mac[6], uint8_t out[ANNOUNCE_ARP_BYTES]);
/* An unsolicited neighbour advertisement (RFC 4861 §4.4) to all nodes, from the address itself: R and O, not S (RFC 9568
 * §6.4.2). The whole IPv6 datagram. */
void announce_na(const struct addr *ipv6, const uint8_t mac[6], uint8_t out[ANNOUNCE_NA_BYTES]);
#endif
