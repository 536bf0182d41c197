/* SPDX-License-Identifier: MIT
 * `tandem ctl`, `tandem status`, `tandem top`: what a running guard answers on its stats socket.
 */
#include "cmd/cmd.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>
#include "base/log.h"
#include "conf/conf.h"

#define ANSWER_MS_MAX 5000

struct options { const char *file, *node, *socket; bool json; int rest; };       /* rest: the first word that is no option */

static void report(void *context, enum conf_severity severity, const char *sentence)
{
	(void)context;
	if (severity == CONF_ERROR)
		tell("%s", sentence);
}

/* The socket that the file names, unless -s does. NULL: an error, which has been said. */
static const char *socket_path(const struct options *o)
{
	static struct arena configuration;
	char host[256] = "";
	uint32_t n;

	if (o->socket && strlen(o->socket) < sizeof ((struct sockaddr_un *)0)->sun_path)
		return o->socket;
	if (o->socket) {
		log_err("the path behind -s is longer than a socket's can be");
		return NULL;
	}
	if (gethostname(host, sizeof host - 1) == -1 || !arena_open(&configuration, CONF_ARENA_MAX))
		die(2, "cannot start: %m");
	const char *bytes = conf_read(&configuration, o->file, &n, report, NULL);
	const struct conf *conf = bytes ? conf_load(&configuration, o->file, bytes, n, o->node, host, NULL, report, NULL) : NULL;
	if (conf && !conf->global.stats_socket)
		log_err("%s has no stats socket, so there is nobody to ask: add 'stats socket /run/tandem.sock mode 600' to its"
			" global section and restart tandem", o->file);
	return conf ? conf->global.stats_socket : NULL;
}

static void say_why_not(const char *path)
{
	int error = errno;
	struct stat there;

	if (error == ENOENT)
		log_err("there is no socket %s: tandem is not running, or with another 'stats socket' line", path);
	else if (error == EACCES || error == EPERM)
		log_err("this user may not open %s: be root, or give the 'stats socket' line a wider mode", path);
	else if (stat(path, &there) == 0 && !S_ISSOCK(there.st_mode))
		log_err("%s is no socket: is the path right?", path);
	else if (error == EAGAIN)
		log_err("%s: tandem does not answer: it is stopped, or busy with other clients", path);
	else if (error == ECONNREFUSED)
		log_err("nobody answers on %s: tandem is not running (it has left the socket behind)", path);
	else
		log_err("cannot connect to %s: %s", path, strerror(error));
}

static int dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	struct timeval limit = { .tv_sec = ANSWER_MS_MAX / 1000 };

	memcpy(address.sun_path, path, strlen(path));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);    /* a full queue makes connect() wait */
	if (fd != -1 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	say_why_not(path);
	if (fd != -1)
		(void)close(fd);
	return -1;
}

/* To standard output, without the empty line at the end. `front` is written first. */
static int copy_answer(int fd, const char *path, const char *front)
{
	char bytes[4096];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint32_t held = 0;              /* the last newline: it may be the one of the empty line */
	bool refused = false, first = true;

	for (;;) {
		ssize_t n = poll(&p, 1, ANSWER_MS_MAX) == 1 ? recv(fd, bytes + held, sizeof bytes - held, 0) : -1;
		if (n == -1) {
			log_err("%s: tandem does not answer: it is stopped, or busy with other clients", path);
			return 2;
		}
		if (n == 0 && first)
			log_err("%s was closed without an answer", path);
		if (n == 0)
			return first ? 2 : refused;
		struct str text = str_of(bytes, held + (size_t)n);
		refused = first ? text.n > 7 && (memcmp(bytes, "Refused", 7) == 0 || memcmp(bytes, "Unknown", 7) == 0) : refused;
		held = bytes[text.n - 1] == '\n';
		if ((first && !out_bytes(front, strlen(front))) || !out_bytes(bytes, text.n - held))
			return 2;
		bytes[0] = '\n';
		first = false;
	}
}

/* The words, with a blank between them, as one line. */
static int ask(const char *path, const char *front, char **words)
{
	char line[1024];
	size_t n = 0;

	for (; *words; words++) {
		if (n + strlen(*words) + 1 >= sizeof line) {
			log_err("the command is longer than %u bytes", (unsigned)sizeof line - 2);
			return 1;
		}
		n += text_format(line + n, sizeof line - n, "%s%s", *words, words[1] ? " " : "\n");
	}
	int fd = dial(path);
	if (fd == -1)
		return 2;
	int code = 2;
	if (send(fd, line, n, MSG_NOSIGNAL) == (ssize_t)n)
		code = copy_answer(fd, path, front);
	else
		log_errno("cannot write to %s", path);
	(void)close(fd);
	return code;
}

/* false: the command line is wrong, which has been said. */
static bool read_options(int argc, char **argv, struct options *o, const char *usage)
{
	*o = (struct options){ .file = CONF_PATH_DEFAULT, .rest = 1 };
	for (; o->rest < argc && argv[o->rest][0] == '-'; o->rest++) {
		const char *word = argv[o->rest];
		const char **value = strcmp(word, "-f") == 0 ? &o->file : strcmp(word, "-n") == 0 ? &o->node
			: strcmp(word, "-s") == 0 ? &o->socket : NULL;
		if (strcmp(word, "--json") == 0) {
			o->json = true;
		} else if (value && o->rest + 1 < argc) {
			*value = argv[++o->rest];
		} else {
			log_err("%s '%s': tandem %s", value ? PACKED "a value is missing after" : "unknown option", word, usage);
			return false;
		}
	}
	return true;
}

int cmd_ctl(int argc, char **argv)
{
	const char *const usage = PACKED "ctl [-f FILE] [-n NODE] [-s SOCKET] COMMAND... ('ctl help' lists them)";
	struct options o;

	if (!read_options(argc, argv, &o, usage))
		return 1;
	if (o.rest == argc || o.json) {
		log_err("%s: tandem %s", o.json ? PACKED "--json is for 'tandem status'" : "which command?", usage);
		return 1;
	}
	const char *path = socket_path(&o);
	return path ? ask(path, "", argv + o.rest) : 1;
}

int cmd_status(int argc, char **argv)
{
	const char *const usage = PACKED "status [-f FILE] [-n NODE] [-s SOCKET] [--json]";
	static char show[] = "show", status[] = "status", json[] = "json";
	struct options o;

	if (!read_options(argc, argv, &o, usage))
		return 1;
	if (o.rest != argc) {
		log_err("'%s' is too much: tandem %s", argv[o.rest], usage);
		return 1;
	}
	const char *path = socket_path(&o);
	return path ? ask(path, "", (char *[]){ show, status, o.json ? json : NULL, NULL }) : 1;
}

/* The keys come one by one while it runs; ctrl-C comes as one, so that the terminal is always left as it was. */
int cmd_top(int argc, char **argv)
{
	static char show[] = "show", status[] = "status";
	struct options o;
	struct termios before, keys;
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char key = 0;
	int code;

	if (!read_options(argc, argv, &o, PACKED "top [-f FILE] [-n NODE] [-s SOCKET]"))
		return 1;
	const char *path = socket_path(&o);
	if (!path)
		return 1;
	if (tcgetattr(STDIN_FILENO, &before) == -1) {
		log_err("top: this is no terminal: 'tandem status' prints it once");
		return 1;
	}
	keys = before;
	keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &keys);
	do {
		code = ask(path, "\033[H\033[J", (char *[]){ show, status, NULL });
		if (code == 0 && poll(&p, 1, 1000) == 1 && read(STDIN_FILENO, &key, 1) != 1)
			key = 'q';
	} while (code == 0 && key != 'q' && key != 3);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
	return code;
}
