/* SPDX-License-Identifier: MIT
 * Programs of others: scripts that say how a service is, and those that want to know of a change. Each runs without a shell,
 * as the user it is meant to run as, with no descriptor of ours, and for a bounded time. The loop never waits for one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/log.h"
#include "base/privilege.h"
#include "base/assert.h"
#include "guard/guard.h"

#ifndef SYS_close_range
#define SYS_close_range 436             /* on every machine */
#endif
#define SIGNALS 32
#define DESCRIPTORS_OLD 1024            /* a kernel before 5.9 is asked one by one, so far */
#define EXIT_UNSAFE 126                 /* the shell's numbers: found, but cannot be executed; not found */
#define EXIT_MISSING 127

static struct child *running;

static bool others_may_write(const char *path)
{
	struct stat s;

	return stat(path, &s) == -1 || s.st_uid != 0 || s.st_mode & S_IWOTH || (s.st_mode & S_IWGRP && s.st_gid != 0);
}

/* Where it really is, behind all symbolic links. */
static bool find_program(const char *program, char path[PATH_BYTES_MAX])
{
	char link[32];
	int fd = open(program, O_PATH | O_CLOEXEC);

	if (fd == -1)
		return false;
	text_format(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, PATH_BYTES_MAX);
	(void)close(fd);
	if (n <= 0 || n == PATH_BYTES_MAX || *path != '/')
		return false;
	path[n] = '\0';
	return true;
}

/* keepalived's script security: what root runs, nobody else may have written, nor moved another in its place. real: what to
 * execute, where no link can change any more. */
static bool is_safe(const char *program, char real[PATH_BYTES_MAX])
{
	char path[PATH_BYTES_MAX];

	if (!find_program(program, real))
		return false;
	size_t n = strlen(real);
	memcpy(path, real, n + 1);
	while (n > 1) {
		path[n] = '\0';
		if (others_may_write(path))
			return false;
		while (n > 0 && path[--n] != '/')
			;
	}
	return !others_may_write("/");
}

static bool find_user(const struct command_config *c, struct identity *who)
{
	const struct global_config *g = &guard.conf->global;

	return identity_find(c->user ? c->user : g->script_user, c->user ? c->group : g->script_group, who);
}

void child_check(const struct command_config *c)
{
	const char *user = c->user ? c->user : guard.conf->global.script_user;
	char real[PATH_BYTES_MAX];
	struct identity who;
	struct stat s;

	if (!c->argv)
		return;
	if (!find_user(c, &who))
		die(1, "%s:%u: there is no user '%s' on this system, or no such group", guard.conf_path, c->line, user);
	if (stat(c->argv[0], &s) == -1 || !S_ISREG(s.st_mode) || !(s.st_mode & 0111))
		log_err("%s:%u: %s cannot be run: %s", guard.conf_path, c->line, c->argv[0],
			errno ? strerror(errno) : PACKED "it is not executable");
	else if (who.uid == 0 && !is_safe(c->argv[0], real))
		log_err("%s:%u: %s is not run as root: others than root can change it, or a directory above it", guard.conf_path,
			c->line, c->argv[0]);
}

static void become(const struct identity *who, const char *const *argv,
	const char *const *envp)
{
	char real[PATH_BYTES_MAX];
	const char *path = argv[0];
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	(void)setpgid(0, 0);
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	if (syscall(SYS_close_range, 3, ~0u, 0) == -1)
		for (int fd = 3; fd < DESCRIPTORS_OLD; fd++)
			(void)close(fd);
	(void)setpriority(PRIO_PROCESS, 0, 0);
	for (int n = 1; n < SIGNALS; n++)
		(void)signal(n, SIG_DFL);       /* whoever started us may have had some ignored */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (!privilege_become(who) || chdir("/") == -1)
		_exit(EXIT_UNSAFE);
	if (who->uid == 0) {
		if (!is_safe(path, real))
			_exit(EXIT_UNSAFE);
		path = real;
	}
	(void)execve(path, (char **)(uintptr_t)argv, (char **)(uintptr_t)envp);
	_exit(EXIT_MISSING);
}

static void child_late(struct timer *t, uint64_t now_ms)
{
	struct child *c = container_of(t, struct child, timer);

	(void)now_ms;
	c->killed = true;
	(void)kill(-c->pid, SIGKILL);           /* with what it has started */
	(void)kill(c->pid, SIGKILL);
}

bool child_start(struct child *c, const struct command_config *command, const char *const *argv, const char *const *envp,
	uint32_t timeout_ms)
{
	struct identity who;

	ensure(c->pid == 0);
	c->killed = false;
	if (!find_user(command, &who))
		return false;
	pid_t pid = fork();
	if (pid == 0)
		become(&who, argv, envp);
	if (pid == -1) {
		log_errno("cannot start %s", argv[0]);
		return false;
	}
	(void)setpgid(pid, pid);                /* here too: whoever comes first */
	c->pid = pid;
	c->timer.expired = child_late;
	timer_set(&guard.loop.timers, &c->timer, guard.loop.now_ms + timeout_ms);
	c->next = running;
	running = c;
	return true;
}

bool child_ended(pid_t pid, int status)
{
	struct child **c = &running;

	while (*c && (*c)->pid != pid)
		c = &(*c)->next;
	if (!*c)
		return false;
	struct child *found = *c;
	*c = found->next;
	found->pid = 0;
	timer_off(&guard.loop.timers, &found->timer);
	found->ended(found, status);
	return true;
}

void children_kill(void)
{
	for (struct child *c = running; c; c = c->next)
		child_late(&c->timer, 0);
}
