/* SPDX-License-Identifier: MIT
 * What the files that speak rtnetlink share: messages built with libmnl, sent, and answered. One buffer holds whatever the
 * kernel says; it is the caller's until the next call.
 */
#ifndef GUARD_NETLINK_H
#define GUARD_NETLINK_H
#include <linux/netlink.h>
#include "guard/guard.h"

union netlink_buffer { struct nlmsghdr first; uint8_t bytes[16384]; };  /* the kernel fills what it is given */
extern union netlink_buffer netlink_buffer;

/* A socket that hears these groups (RTMGRP_*). -1 with errno. */
int netlink_open(uint32_t groups);
/* One attribute of a message whose own header has so many bytes, or NULL. */
const struct nlattr *netlink_attribute(const struct nlmsghdr *, size_t header, uint16_t type);
/* Sends the message and hands each part of the answer to `seen` (may be NULL). 0, or an errno. */
int netlink_request(struct nlmsghdr *, void (*seen)(const struct nlmsghdr *));
int netlink_dump(uint16_t type, uint8_t family, void (*seen)(const struct nlmsghdr *));
#endif
