/* SPDX-License-Identifier: MIT
 * What a connection is to become: what Upgrade names. Pure.
 */
#ifndef PROXY_UPGRADE_H
#define PROXY_UPGRADE_H
#include "proxy/http.h"

/* The protocols that the Upgrade fields name, a bit each that follows from the name: of an answer they must all be among
 * those of its request (RFC 9110 §7.8). 0: none, or websocket without the field that proves it (RFC 6455 §4). */
uint32_t upgrade_names(const struct http_head *, const char *proof);
#endif
