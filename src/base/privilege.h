/* SPDX-License-Identifier: MIT
 * Giving up what the worker does not need: root directory, user, capabilities, system calls. Reads /etc/passwd and
 * /etc/group itself, because the C library's readers allocate.
 */
#ifndef BASE_PRIVILEGE_H
#define BASE_PRIVILEGE_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct identity { uid_t uid; gid_t gid; };

/* false: no such user (in /etc/passwd), or no such group (group may be NULL: the user's own). A number is taken as is. */
bool identity_find(const char *user, const char *group, struct identity *);
/* An empty root directory that nothing can be written to: `directory`, or where it is NULL the one of a process that has
 * ended. false with errno. */
bool privilege_chroot(const char *directory);
/* Groups, gid and uid for good, as login does: for a program that may be anything. false with errno. */
bool privilege_become(const struct identity *);
/* The same, no capabilities, no_new_privs, not dumpable. false with errno; the caller must then exit. */
bool privilege_drop(const struct identity *);
/* Only the system calls that a running worker makes; any other kills the process. false with errno where the kernel has
 * no seccomp (the caller says so and goes on). */
bool privilege_seccomp(void);
#endif
