/* SPDX-License-Identifier: MIT */
#include "base/privilege.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/text.h"

/* The C library's own functions stop all threads first, which costs two kilobytes; there are no threads here. Where a
 * machine has two of these calls, the one without "32" is for ids of 16 bits. */
#ifdef SYS_setresuid32
enum { CALL_SETGROUPS = SYS_setgroups32, CALL_SETRESGID = SYS_setresgid32, CALL_SETRESUID = SYS_setresuid32 };
#else
enum { CALL_SETGROUPS = SYS_setgroups, CALL_SETRESGID = SYS_setresgid, CALL_SETRESUID = SYS_setresuid };
#endif

/* The fields of the first line of a passwd or group file whose first field is name. false: there is none. */
static bool find_line(const char *path, struct str name, struct str *fields, uint32_t field_max, char *line,
	size_t line_size)
{
	char block[512];
	size_t used = 0;
	ssize_t n;
	bool found = false;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return false;
	while (!found && (n = read(fd, block, sizeof block)) > 0) {
		for (ssize_t i = 0; i < n && !found; i++) {
			if (block[i] != '\n') {
				if (used < line_size)
					line[used++] = block[i];
				continue;
			}
			struct str rest = str_of(line, used);
			for (uint32_t f = 0; f < field_max; f++) {
				uint32_t end = 0;
				while (end < rest.n && rest.p[end] != ':')
					end++;
				fields[f] = str_of(rest.p, end);
				rest = end < rest.n ? str_of(rest.p + end + 1, rest.n - end - 1) : str_of(rest.p + end, 0);
			}
			found = str_equal(fields[0], name);
			used = 0;
		}
	}
	(void)close(fd);
	return found;
}

bool identity_find(const char *user, const char *group, struct identity *who)
{
	char line[512];
	struct str fields[4];
	uint32_t uid, gid;

	if (text_to_u32(str_z(user), UINT32_MAX - 1, &uid))
		gid = uid;
	else if (!find_line("/etc/passwd", str_z(user), fields, 4, line, sizeof line)
	    || !text_to_u32(fields[2], UINT32_MAX - 1, &uid) || !text_to_u32(fields[3], UINT32_MAX - 1, &gid))
		return false;
	if (group && !text_to_u32(str_z(group), UINT32_MAX - 1, &gid)
	    && (!find_line("/etc/group", str_z(group), fields, 3, line, sizeof line)
	    || !text_to_u32(fields[2], UINT32_MAX - 1, &gid)))
		return false;
	*who = (struct identity){ uid, gid };
	return true;
}

/* A child that shares our root directory goes into its own fdinfo and ends: what stays is an empty directory of a process
 * that no longer exists. Nothing can be made in it, and no directory on disk is needed (an initramfs may have none). */
static bool chroot_to_nowhere(void)
{
	int status;
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0);

	if (child == 0)
		_exit(chroot("/proc/self/fdinfo") == 0 && chdir("/") == 0 ? 0 : errno);
	if (child == -1)
		return false;
	while (waitpid(child, &status, 0) == -1)
		if (errno != EINTR)
			return false;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	return errno == 0;
}

bool privilege_chroot(const char *directory)
{
	if (directory)
		return chroot(directory) == 0 && chdir("/") == 0;
	return chroot_to_nowhere();
}

bool privilege_become(const struct identity *who)
{
	if (geteuid() != 0)
		return true;
	/* In a user namespace that maps one user only, setgroups is denied and the ids stay as they are. */
	return (syscall(CALL_SETGROUPS, 0, NULL) != -1 || errno == EPERM)
		&& (syscall(CALL_SETRESGID, who->gid, who->gid, who->gid) != -1 || errno == EINVAL)
		&& (syscall(CALL_SETRESUID, who->uid, who->uid, who->uid) != -1 || errno == EINVAL);
}

bool privilege_drop(const struct identity *who)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 }, { 0 } };

	return privilege_become(who)
		&& syscall(SYS_capset, &header, none) == 0
		&& prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
		&& prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}
