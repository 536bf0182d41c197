/* SPDX-License-Identifier: MIT
 * Commands that run and end: each is called by main() with argv[0] being its own name, and returns the exit
 * code of the process (0 good, 1 the user's input is wrong, 2 the system said no).
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H
#include "conf/conf.h"

int cmd_check(int argc, char **argv);
int cmd_ctl(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_top(int argc, char **argv);
/* Part of check: what failed tracks of the one node make the other do. For files that name two nodes or more. */
void outlook_print(const char *file, const char *bytes, uint32_t n, const struct conf *);
int cmd_help(int argc, char **argv);
int cmd_usage(void);            /* the list of commands, to standard output; in main.c, which has the table */
#endif
