/* SPDX-License-Identifier: MIT
 * IPv4 and IPv6 addresses: read, print, compare. No resolver, no socket types (those are in net.h). Pure.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H
#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"

enum { ADDR_NONE = 0, ADDR_IPV4 = 4, ADDR_IPV6 = 6 };
#define ADDR_TEXT_MAX 48        /* "[ipv6]:port" or "ipv6/prefix" and the NUL */

struct addr {
	uint8_t family;         /* ADDR_* */
	uint8_t bytes[16];      /* network order; IPv4 in the first four, the others zero */
};
struct endpoint { struct addr addr; uint16_t port; };           /* port in host order */
struct prefix { struct addr addr; uint8_t length; };

bool addr_parse(struct str, struct addr *);                     /* "192.168.1.10", "2001:db8::1" */
/* "a.b.c.d/24"; without a length it is 32 or 128. */
bool prefix_parse(struct str, struct prefix *);
/* "1.2.3.4:80", "[::1]:80", ":::80", "*:80", ":80" (the last two: any IPv4 address). The port must be there, 1..65535. */
bool endpoint_parse(struct str, struct endpoint *);
static inline unsigned addr_bytes(const struct addr *a)
{
	return a->family == ADDR_IPV4 ? 4 : a->family == ADDR_IPV6 ? 16 : 0;
}
bool addr_equal(const struct addr *, const struct addr *);
int addr_compare(const struct addr *, const struct addr *);     /* unsigned, network order; families first */
bool addr_is_any(const struct addr *);
bool addr_is_multicast(const struct addr *);
bool addr_is_host(const struct addr *);         /* of one machine, and not of its loopback */
bool addr_is_link_local(const struct addr *);                   /* IPv6 fe80::/10 */
bool prefix_contains(const struct prefix *, const struct addr *);
struct addr addr_ipv4(uint32_t host_order);
uint32_t addr_to_u32(const struct addr *);                      /* IPv4 only; host order */
/* out has ADDR_TEXT_MAX; returns out. */
const char *addr_print(const struct addr *, char *out);
const char *endpoint_print(const struct endpoint *, char *out);
const char *prefix_print(const struct prefix *, char *out);
#endif
