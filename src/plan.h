/* SPDX-License-Identifier: MIT
 * How many of each kind a worker has: sums of what the configuration says, each term with its reason. The worker takes its
 * memory by it, the guard asks the system for descriptors by it, and `tandem check` prints it.
 */
#ifndef PLAN_H
#define PLAN_H
#include "conf/conf.h"

struct plan { uint32_t sessions, server_conns, buffers, ios, timers, accesses, descriptors; };

struct plan plan_worker(const struct conf *);
/* Ends the process with the reason (1) if that can never fit. */
void plan_check(const struct conf *, const char *file);
#endif
