/* SPDX-License-Identifier: MIT
 * Commands that run and end: each is called by main() with argv[0] being its own name, and returns the exit
 * code of the process (0 good, 1 the user's input is wrong, 2 the system said no).
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

int cmd_check(int argc, char **argv);
int cmd_ctl(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_usage(void);            /* the list of commands, to standard output; in main.c, which has the table */
#endif
