/* SPDX-License-Identifier: MIT
 * Descriptors that cross exec(), by name: "conf=3 scoreboard=4 bind0=5" in one environment string. The only code that
 * knows that format; guard writes it, the program after exec() reads it.
 */
#ifndef BASE_HANDOFF_H
#define BASE_HANDOFF_H
#include <stdbool.h>
#include <stddef.h>

#define HANDOFF_VARIABLE "TANDEM_FDS"

struct handoff { char *text; size_t size, used; };      /* text starts with "TANDEM_FDS=" and is fit for envp */

size_t handoff_bytes(unsigned count);           /* room that this many descriptors need */
void handoff_init(struct handoff *, char *area, size_t size);
/* false: the area is full. The descriptor's close-on-exec flag is the caller's business (clear it in the child). */
bool handoff_add(struct handoff *, const char *name, unsigned number, int fd);
/* Reads the own environment: the descriptor "name" followed by the number, close-on-exec set again; -1: not there. */
int handoff_take(const char *name, unsigned number);
#endif
