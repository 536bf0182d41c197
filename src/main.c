/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "cmd/cmd.h"
#include "guard/guard.h"
#include "version.h"
#include "worker/worker.h"

#ifndef TANDEM_VERSION
#define TANDEM_VERSION "unknown"
#endif
#ifndef TANDEM_LIBMNL
#define TANDEM_LIBMNL "unknown"
#endif

const char tandem_version[] = TANDEM_VERSION;

static int version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return out("tandem %s\nlibmnl %s\n", tandem_version, TANDEM_LIBMNL) ? 0 : 2;
}

static const struct command { const char *name; int (*run)(int argc, char **argv); const char *help; } commands[] = {
	{ "run", guard_run, PACKED "[-f FILE] [-n NODE] [-d] [-p PIDFILE]   serve; in the foreground unless -d" },
	{ "check", cmd_check, PACKED "[-f FILE] [-n NODE]   validate the file; print the effective plan and the memory" },
	{ "status", cmd_status, PACKED "[-f FILE] [-n NODE] [-s SOCKET] [--json]   what a running tandem does: "
		"faults, VRRP, servers" },
	{ "top", cmd_top, PACKED "[-f FILE] [-n NODE] [-s SOCKET]   the same, every second; q ends it" },
	{ "ctl", cmd_ctl, PACKED "[-f FILE] [-n NODE] [-s SOCKET] COMMAND...   ask it; 'ctl help' lists what" },
	{ "help", cmd_help, PACKED "[KEYWORD]   this page, or what a keyword of the file means" },
	{ "version", version, PACKED "what this is and what it is built of" },
	{ "worker", worker_main, NULL },
};

int cmd_usage(void)
{
	out("usage: tandem COMMAND\n");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (commands[i].help)
			out("  tandem %-8s %s\n", commands[i].name, commands[i].help);
	return out("The default FILE is " CONF_PATH_DEFAULT ".\n") ? 0 : 2;
}

int main(int argc, char **argv)
{
	int null;

	/* A standard stream that somebody has closed: no socket may get its number, and our messages with it. */
	while ((null = open("/dev/null", O_RDWR)) != -1 && null < 3)
		;
	(void)close(null);
	log_init("tandem");
	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0) {
			int code = commands[i].run(argc - 1, argv + 1);
			return code || !out_failed ? code : 2;
		}
	if (argc > 1)
		log_err("unknown command '%s'", argv[1]);
	(void)cmd_usage();
	return 1;
}
