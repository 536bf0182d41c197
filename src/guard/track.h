/* SPDX-License-Identifier: MIT
 * What the kinds of tracks share (track.c, ping.c).
 */
#ifndef GUARD_TRACK_H
#define GUARD_TRACK_H
#include "guard/guard.h"

/* One more result of a script or ping; why: of a bad one. */
void watch_result(struct watch *, bool good, const char *why);
void ping_open(struct watch *);
void ping_due(struct timer *, uint64_t now_ms);
#endif
