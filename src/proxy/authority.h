/* SPDX-License-Identifier: MIT
 * The authority of a target, and what a Host field holds: a host and perhaps a port. Pure.
 */
#ifndef PROXY_AUTHORITY_H
#define PROXY_AUTHORITY_H
#include <stdbool.h>
#include "base/text.h"

/* uri-host [ ":" port ] (RFC 9110 §7.2, RFC 3986 §3.2): a name, an IPv4 address or an [IPv6 address]; no user, no zone, no
 * list. The port is 0..65535; it may be empty unless it is needed. */
bool authority_is_valid(struct str, bool port_needed);
#endif
