/* SPDX-License-Identifier: MIT */
#include "base/log.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "base/net.h"

uint32_t log_lost;
bool out_failed;

static const char *program = "tandem";
static struct log_target *targets;
static uint32_t target_count;
static time_t retry_after;              /* of targets that could not be opened, CLOCK_MONOTONIC seconds */
static struct log_target to_stderr = { .kind = LOG_TO_STDERR, .level = LOG_L_INFO, .fd = STDERR_FILENO };

const char *const log_level_words[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

void log_init(const char *name)
{
	program = name;
	targets = &to_stderr;
	target_count = 1;
}

static bool target_connect(struct log_target *t)
{
	union { struct sockaddr any; struct sockaddr_un un; struct sockaddr_storage storage; } address = { .un = { 0 } };
	socklen_t n;

	if (t->kind == LOG_TO_STDERR) {
		t->fd = STDERR_FILENO;
		return true;
	}
	if (t->kind == LOG_TO_UNIX) {
		address.un.sun_family = AF_UNIX;
		memcpy(address.un.sun_path, t->path, strnlen(t->path, sizeof address.un.sun_path - 1));
		n = sizeof address.un;
	} else {
		n = net_sockaddr(&t->server, &address.storage);
	}
	int fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return false;
	if (connect(fd, &address.any, n) == -1) {
		(void)close(fd);
		return false;
	}
	t->fd = fd;
	return true;
}

void log_open(struct log_target *list, uint32_t count)
{
	if (count == 0)
		return;
	targets = list;
	target_count = count;
	for (uint32_t i = 0; i < count; i++)
		if (list[i].fd == -1)
			(void)target_connect(&list[i]);
}

/* "<29>Nov 24 11:50:20 tandem[123]: " (RFC 3164), or for stderr "warning: ". */
static size_t put_front(const struct log_target *t, enum log_level level, char *out, size_t size)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = time(NULL);
	struct tm utc;

	if (t->kind == LOG_TO_STDERR)
		return level <= LOG_L_WARNING ? text_format(out, size, "%s: ", log_level_words[level]) : 0;
	/* syslogd stamps what comes in by itself; for a server that does not, UTC is at least never ambiguous. */
	if (!gmtime_r(&now, &utc))
		return 0;
	return text_format(out, size, "<%d>%.*s %2d %02d:%02d:%02d %s[%d]: ", t->facility * 8 + (int)level,
		3, months + 3 * utc.tm_mon, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, program, (int)getpid());
}

static bool send_line(struct log_target *t, const char *front, size_t front_n, const char *text, size_t n)
{
	struct iovec parts[3] = { { (void *)(uintptr_t)front, front_n }, { (void *)(uintptr_t)text, n },
		{ (void *)(uintptr_t)"\n", 1 } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	if (t->kind == LOG_TO_STDERR) {
		/* A pipe that nobody reads must not stop us. It stays blocking, for it belongs to others too, so it is asked
		 * first: what is writable takes a line of less than a page. */
		struct pollfd pipe = { .fd = STDERR_FILENO, .events = POLLOUT };
		if (poll(&pipe, 1, 0) == 0) {
			errno = EAGAIN;
			return false;
		}
		return writev(STDERR_FILENO, parts, 3) != -1;
	}
	return sendmsg(t->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) != -1;
}

/* syslogd may start after us and may be restarted; the socket is then made anew, but not for every line. */
static bool reopened(struct log_target *t)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) == -1 || now.tv_sec < retry_after)
		return false;
	retry_after = now.tv_sec + 1;
	if (t->fd != -1)
		(void)close(t->fd);
	t->fd = -1;
	return target_connect(t);
}

static void write_line(enum log_level level, const char *text, size_t n)
{
	char front[96];

	for (uint32_t i = 0; i < target_count; i++) {
		struct log_target *t = &targets[i];
		if (level > t->level)
			continue;
		size_t front_n = put_front(t, level, front, sizeof front);
		if (t->fd != -1 && send_line(t, front, front_n, text, n))
			continue;
		bool full = t->fd != -1 && (errno == EAGAIN || errno == ENOBUFS);
		if (full || t->kind == LOG_TO_STDERR || !reopened(t) || !send_line(t, front, front_n, text, n))
			log_lost++;
	}
}

static void log_list(enum log_level level, const char *error, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));
static void log_list(enum log_level level, const char *error, const char *format, va_list arguments)
{
	char line[LOG_LINE_MAX];
	size_t n = text_vformat(line, sizeof line, INT_MAX, format, arguments);

	if (error)
		n += text_format(line + n, sizeof line - n, ": %s", error);
	write_line(level, line, n);
}

#define LOG_FUNCTION(name, level) \
	void (name)(const char *format, ...) \
	{ \
		va_list arguments; \
		va_start(arguments, format); \
		log_list(level, NULL, format, arguments); \
		va_end(arguments); \
	}
LOG_FUNCTION(log_err, LOG_L_ERR)
LOG_FUNCTION(log_warn, LOG_L_WARNING)
LOG_FUNCTION(log_notice, LOG_L_NOTICE)
LOG_FUNCTION(log_info, LOG_L_INFO)
LOG_FUNCTION(log_debug, LOG_L_DEBUG)

void (log_errno)(const char *format, ...)
{
	const char *error = strerror(errno);
	va_list arguments;

	va_start(arguments, format);
	log_list(LOG_L_ERR, error, format, arguments);
	va_end(arguments);
}

void (log_at)(enum log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_list(level, NULL, format, arguments);
	va_end(arguments);
}

void (die)(int exit_code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_list(LOG_L_ERR, NULL, format, arguments);
	va_end(arguments);
	exit(exit_code);
}

void (tell)(const char *format, ...)
{
	char line[LOG_LINE_MAX];
	va_list arguments;

	va_start(arguments, format);
	size_t n = text_vformat(line, sizeof line, INT_MAX, format, arguments);
	va_end(arguments);
	(void)send_line(&to_stderr, "", 0, line, n);
}

bool out_bytes(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t written = write(STDOUT_FILENO, p, n);
		if (written == -1 && errno == EINTR)
			continue;
		if (written <= 0)
			return !(out_failed = true);
		p += written;
		n -= (size_t)written;
	}
	return true;
}

bool (out)(const char *format, ...)
{
	char line[LOG_LINE_MAX];
	va_list arguments;

	va_start(arguments, format);
	size_t n = text_vformat(line, sizeof line, INT_MAX, format, arguments);
	va_end(arguments);
	return out_bytes(line, n);
}
