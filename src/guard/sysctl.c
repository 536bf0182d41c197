/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "guard/guard.h"

static int open_name(const char *name, int flags)
{
	char path[256];
	size_t n = text_format(path, sizeof path, "/proc/sys/%s", name);

	/* "net.ipv4.conf.eth0.arp_ignore", and "net/ipv4/conf/eth0.10/arp_ignore" for names with dots in them. */
	if (!strchr(name, '/'))
		for (size_t i = sizeof "/proc/sys/" - 1; i < n; i++)
			if (path[i] == '.')
				path[i] = '/';
	return open(path, flags | O_CLOEXEC);
}

bool sysctl_write(const char *name, const char *value)
{
	int fd = open_name(name, O_WRONLY);

	if (fd == -1)
		return false;
	bool good = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	int error = errno;
	(void)close(fd);
	errno = error;
	return good;
}

static const char *skip_space(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\n')
		p++;
	return p;
}

/* The same words: the kernel prints tabs where people write blanks ("4096 87380 6291456"). */
static bool same_value(const char *a, const char *b)
{
	for (;;) {
		a = skip_space(a);
		b = skip_space(b);
		size_t n = strcspn(a, " \t\n"), m = strcspn(b, " \t\n");
		if (n != m || memcmp(a, b, n) != 0)
			return false;
		if (n == 0)
			return true;
		a += n;
		b += n;
	}
}

ssize_t sysctl_read(const char *name, char *value, size_t size)
{
	int fd = open_name(name, O_RDONLY);

	if (fd == -1)
		return -1;
	ssize_t n = read(fd, value, size - 1);
	(void)close(fd);
	if (n >= 0)
		value[n] = '\0';
	while (n > 0 && value[n - 1] == '\n')
		value[--n] = '\0';
	return n;
}

void sysctls_write(const struct conf *conf)
{
	char value[256];

	for (const struct sysctl_config *s = conf->global.sysctls; s; s = s->next) {
		bool written = sysctl_write(s->name, s->value);
		const char *error = strerror(errno);
		bool known = sysctl_read(s->name, value, sizeof value) >= 0;
		if (known && same_value(value, s->value))
			log_info("sysctl %s = %s", s->name, value);
		else if (!known)
			log_warn("sysctl %s: %s: it is not set to %s", s->name, written ? strerror(errno) : error, s->value);
		else
			log_warn("sysctl %s is %s and not %s: %s", s->name, value, s->value,
				written ? PACKED "the kernel did not take it" : error);
	}
}
