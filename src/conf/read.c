/* SPDX-License-Identifier: MIT
 * The one place of conf/ that makes system calls: it fetches the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "conf/parse.h"

static const char *fail(const char *path, const char *why, conf_report *report, void *context)
{
	char sentence[512];

	(void)text_format(sentence, sizeof sentence, "%s: %s", path, why);
	report(context, CONF_ERROR, sentence);
	return NULL;
}

/* At most size bytes. -1 with errno. */
static ssize_t read_whole(int fd, char *bytes, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, bytes + used, size - used);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

const char *conf_read(struct arena *arena, const char *path, uint32_t *n, conf_report *report, void *context)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd == -1)
		return fail(path, strerror(errno), report, context);
	/* A pipe has no size; nor have files in /proc. */
	off_t end = lseek(fd, 0, SEEK_END);
	size_t size = end > 0 && end <= CONF_BYTES_MAX ? (size_t)end : CONF_BYTES_MAX;
	if (end > 0)
		(void)lseek(fd, 0, SEEK_SET);
	char *bytes = arena_array(arena, "configuration file", size + 1, 1);
	ssize_t used = read_whole(fd, bytes, size + 1);
	int error = errno;
	(void)close(fd);
	if (used == -1)
		return fail(path, error == EISDIR ? PACKED "it is a directory" : strerror(error), report, context);
	if ((size_t)used > size)
		return fail(path, size == CONF_BYTES_MAX ? PACKED "the file is larger than 262144 bytes" :
			PACKED "the file grew while it was read: try again", report, context);
	*n = (uint32_t)used;
	return bytes;
}

const char *conf_read_small(struct arena *arena, const char *path, uint32_t max, uint32_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	off_t end = fd == -1 ? 0 : lseek(fd, 0, SEEK_END);      /* of /dev/null as well */
	size_t size = end > 0 ? (size_t)end : 0;
	char *bytes = fd == -1 || size > max ? NULL : arena_array(arena, "error files", size + 1, 1);

	if (size > max)
		errno = EFBIG;
	if (bytes && pread(fd, bytes, size, 0) != (ssize_t)size)
		bytes = NULL;
	int error = errno;
	if (fd != -1)
		(void)close(fd);
	errno = error;
	*n = (uint32_t)size;
	return bytes;
}

/* errno is 0, EFBIG if it is longer than what is returned, or says why it cannot be read. */
const char *conf_read_hosts(struct arena *arena)
{
	errno = 0;
	int fd = open("/etc/hosts", O_RDONLY | O_CLOEXEC);
	off_t end = fd == -1 ? 0 : lseek(fd, 0, SEEK_END);
	size_t size = end <= 0 ? 0 : end < HOSTS_BYTES_MAX ? (size_t)end : HOSTS_BYTES_MAX;
	char *text = arena_array(arena, "names of servers", size + 1, 1);

	ssize_t n = size > 0 ? pread(fd, text, size, 0) : 0;
	int error = end > HOSTS_BYTES_MAX && n > 0 ? EFBIG : errno;
	if (fd != -1)
		(void)close(fd);
	size = n > 0 ? (size_t)n : 0;
	while (error == EFBIG && size > 0 && text[size - 1] != '\n')    /* half an address is another one */
		size--;
	text[size] = '\0';
	errno = error;
	return text;
}

_Static_assert(CONF_BYTES_MAX == 262144, "the sentences above say this number");
