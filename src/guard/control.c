/* SPDX-License-Identifier: MIT
 * The stats socket: a Unix socket that answers HAProxy's way. A line has commands with ';' between them, each answer ends
 * with an empty line, and the connection is closed after the first line unless `prompt` was among them. VRRP goes first: a
 * turn makes at most one buffer of answer for each client, and a client that does not read waits by itself.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"
#include "base/net.h"
#include "guard/control.h"

#define CLIENTS_MAX 4                   /* more wait in the kernel's queue */
#define QUEUE_MAX 64
#define LINE_BYTES_MAX 1024
#define IDLE_MS 10000                   /* without a byte in either direction; HAProxy's `stats timeout` */
#define RETRY_MS 1000
#define STEPS_A_TURN 256                /* pieces may be empty: nothing to say about one of many addresses */
#define SEND_BYTES 8192                 /* of the kernel's memory for an answer */

struct client {
	struct io io;                   /* fd -1: this place is free */
	struct timer idle;
	const struct command *command;  /* being answered; NULL: none */
	bool prompt;
	bool ended;                     /* nothing more comes in */
	bool closing;                   /* once what is in the buffer has been sent */
	bool more;                      /* the turn was over before the lines that are here */
	bool in_line;                   /* the line up to line_n is being worked through, and has been up to at */
	uint32_t in_used, line_n, at;
	uint32_t sent;                  /* of answer.bytes */
	struct answer answer;
	char in[LINE_BYTES_MAX];
};

struct command {
	const char *name, *arguments, *help;
	bool (*start)(struct client *, struct str arguments);   /* false: wrong arguments; NULL: there are none */
	bool (*piece)(struct answer *);                         /* false: that was the last; NULL: nothing more to say */
};

static struct io listener = { .fd = -1 };
static struct timer retry;
static struct client *clients;
static struct stat created;             /* the file of our socket */

/* ---- commands ---- */

static bool wants_json(struct client *c, struct str arguments)
{
	c->answer.json = str_is(arguments, "json") || str_is(arguments, "--json");
	return arguments.n == 0 || c->answer.json;
}

static bool start_vrrp(struct client *c, struct str arguments)
{
	show_start(&c->answer, SHOW_ROUTERS, SHOW_ROUTERS);
	return wants_json(c, arguments);
}

static bool start_status(struct client *c, struct str arguments)
{
	show_start(&c->answer, SHOW_NODE, SHOW_BACKENDS);
	return wants_json(c, arguments);
}

/* From which router to which: the named one, or all. */
static bool start_failover(struct client *c, struct str arguments)
{
	struct answer *a = &c->answer;

	for (a->outer = 0; a->outer < guard.conf->vrrp_count; a->outer++) {
		a->item = a->outer + 1;
		if (str_is(arguments, guard.routers[a->outer].config->name))
			return true;
	}
	a->item = a->outer;
	a->outer = 0;
	return arguments.n == 0;
}

static bool failover_piece(struct answer *a)
{
	if (a->outer == a->item)
		return false;
	struct router *r = &guard.routers[a->outer++];
	const struct group_config *group = r->config->group;
	router_failover(r);
	if (vrrp_holds(&r->vr))
		put(a, "%s: handing over%s%s\n", r->config->name, group ? ", and all of sync group " : "", group ? group->name : "");
	else
		put(a, "%s: not master here, nothing has changed\n", r->config->name);
	return true;
}

static bool start_set_server(struct client *c, struct str arguments)
{
	return orders_set(&c->answer, arguments);
}

static bool start_set_weight(struct client *c, struct str arguments)
{
	return orders_weight(&c->answer, arguments);
}

static bool start_disable(struct client *c, struct str arguments)
{
	return orders_state(&c->answer, arguments, ORDER_MAINT);
}

static bool start_enable(struct client *c, struct str arguments)
{
	return orders_state(&c->answer, arguments, ORDER_READY);
}

static bool start_prompt(struct client *c, struct str arguments)
{
	c->prompt = !c->prompt;
	return arguments.n == 0;
}

static bool start_quit(struct client *c, struct str arguments)
{
	c->closing = true;
	return arguments.n == 0;
}

static bool help_piece(struct answer *);

static const struct command commands[] = {
	{ "disable server", "BACKEND/SERVER", PACKED "into maintenance: no clients, no checks", start_disable, NULL },
	{ "enable server", "BACKEND/SERVER", PACKED "out of it", start_enable, NULL },
	{ "failover", "[INSTANCE]", PACKED "hand over to the other node, where this one is master", start_failover,
		failover_piece },
	{ "help", "", PACKED "this list", NULL, help_piece },
	{ "prompt", "", PACKED "stay connected, with a prompt; again: no longer", start_prompt, NULL },
	{ "quit", "", PACKED "close the connection", start_quit, NULL },
	{ "set server", PACKED "BACKEND/SERVER state ready|drain|maint | weight N[%]",
		PACKED "drain: only clients that hold its cookie", start_set_server, NULL },
	{ "set weight", PACKED "BACKEND/SERVER N[%]", PACKED "its share of new clients", start_set_weight, NULL },
	{ "show info", "", PACKED "the process: version, node, uptime, connections", NULL, show_info },
	{ "show status", "[json]", PACKED "faults, virtual routers, worker and servers", start_status, show_piece },
	{ "show vrrp", "[json]", PACKED "the virtual routers: state and why, priority, addresses, peers, discards", start_vrrp,
		show_piece },
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static bool help_piece(struct answer *a)
{
	char name[32];

	if (a->item == COMMAND_COUNT)
		return false;
	const struct command *c = &commands[a->item++];
	(void)text_format(name, sizeof name, "%s %s", c->name, c->arguments);
	put(a, "%-20s %s\n", name, c->help);
	return true;
}

void (put)(struct answer *a, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	size_t n = text_vformat(a->bytes + a->used, sizeof a->bytes - a->used, 64, format, arguments);
	va_end(arguments);
	/* Names, and what a client has typed, go to terminals. */
	for (char *p = a->bytes + a->used; n > 0; n--, p++) {
		if ((*p >= 0 && *p < ' ' && *p != '\n') || *p == 0x7f)
			*p = '?';
		a->last = *p;
		a->used++;
	}
}

static void unknown(struct answer *a, struct str text)
{
	const struct command *near = NULL;
	unsigned distance = 4;

	for (const struct command *c = commands; c < commands + COMMAND_COUNT; c++) {
		unsigned d = text_distance(text, str_z(c->name), distance);
		if (d < distance) {
			distance = d;
			near = c;
		}
	}
	put(a, "Unknown command: '%.*s'%s%s%s. 'help' lists all.\n", (int)text.n, text.p,
		near ? " (did you mean '" : "", near ? near->name : "", near ? "'?)" : "");
}

/* One blank between words, none around them. */
static struct str squeeze(char *p, uint32_t n)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < n; i++) {
		bool blank = p[i] == ' ' || p[i] == '\t' || p[i] == '\r';
		if (!blank)
			p[used++] = p[i];
		else if (used > 0 && p[used - 1] != ' ')
			p[used++] = ' ';
	}
	if (used > 0 && p[used - 1] == ' ')
		used--;
	return str_of(p, used);
}

static void start_command(struct client *c, struct str text)
{
	struct answer *a = &c->answer;

	a->item = 0;
	a->last = '\0';
	for (const struct command *k = commands; k < commands + COMMAND_COUNT; k++) {
		struct str name = str_z(k->name), rest;
		if (text.n < name.n || !str_equal(str_of(text.p, name.n), name) || (text.n > name.n && text.p[name.n] != ' '))
			continue;
		rest = text.n > name.n ? str_of(text.p + name.n + 1, text.n - name.n - 1) : str_of("", 0);
		if (k->start ? k->start(c, rest) : rest.n == 0)
			c->command = k;
		else
			put(a, "Refused: '%s' takes %s, not '%.*s'.\n", k->name, *k->arguments ? k->arguments : "nothing",
				(int)rest.n, rest.p);
		return;
	}
	unknown(a, text);
}

/* ---- lines ---- */

static void answer_ends(struct client *c)
{
	c->command = NULL;
	if (!c->closing)
		put(&c->answer, "%s", c->prompt ? "\n> " : "\n");
}

/* The next line that has come in whole; also one that lacks its newline, when nothing more can come. */
static bool next_line(struct client *c)
{
	const char *end = memchr(c->in, '\n', c->in_used);

	if (!end && c->in_used == sizeof c->in) {
		put(&c->answer, "Refused: a line has at most %u bytes.\n\n", (unsigned)LINE_BYTES_MAX - 1);
		c->closing = true;
		return false;
	}
	if (!end && (!c->ended || c->in_used == 0)) {
		c->closing = c->ended;
		return false;
	}
	c->line_n = end ? (uint32_t)(end - c->in) : c->in_used;
	c->at = 0;
	c->in_line = true;
	return true;
}

static void line_ends(struct client *c)
{
	uint32_t taken = c->line_n < c->in_used ? c->line_n + 1 : c->in_used;

	c->in_line = false;
	c->closing = c->closing || !c->prompt;
	c->in_used -= taken;
	memmove(c->in, c->in + taken, c->in_used);
}

/* Begins with the next command, if there is one. */
static bool next_command(struct client *c)
{
	if (!c->in_line && !next_line(c))
		return false;
	char *from = c->in + c->at, *end = memchr(from, ';', c->line_n - c->at);
	uint32_t n = end ? (uint32_t)(end - from) : c->line_n - c->at;
	struct str text = squeeze(from, n);
	bool empty_line = text.n == 0 && c->at == 0 && !end;

	c->at += n + 1;
	if (text.n > 0)
		start_command(c, text);
	if ((text.n > 0 || empty_line) && !(c->command && c->command->piece))
		answer_ends(c);
	if (!end || c->closing)
		c->at = c->line_n + 1;
	return true;
}

static void produce(struct client *c)
{
	struct answer *a = &c->answer;

	c->more = false;
	for (int steps = STEPS_A_TURN; steps > 0 && sizeof a->bytes - a->used >= PIECE_MAX; steps--) {
		if (c->command) {
			if (!c->command->piece(a))
				answer_ends(c);
		} else if (c->in_line && c->at > c->line_n) {
			line_ends(c);
		} else if (c->closing || !next_command(c)) {
			return;
		}
	}
	c->more = true;
}

/* ---- connections ---- */

static void client_close(struct client *c)
{
	loop_forget(&guard.loop, &c->io);
	timer_off(&guard.loop.timers, &c->idle);
	(void)close(c->io.fd);
	c->io.fd = -1;
	loop_watch(&guard.loop, &listener, POLLIN);
}

static void idle_expired(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	client_close(container_of(t, struct client, idle));
}

/* false: the connection is over. */
static bool receive(struct client *c)
{
	ssize_t n = recv(c->io.fd, c->in + c->in_used, sizeof c->in - c->in_used, 0);

	if (n == -1)
		return errno == EAGAIN || errno == EINTR;
	c->in_used += (uint32_t)n;
	c->ended = n == 0;
	return true;
}

static bool transmit(struct client *c)
{
	struct answer *a = &c->answer;
	ssize_t n = send(c->io.fd, a->bytes + c->sent, a->used - c->sent, MSG_NOSIGNAL);

	if (n == -1)
		return errno == EAGAIN || errno == EINTR;
	c->sent += (uint32_t)n;
	memmove(a->bytes, a->bytes + c->sent, a->used - c->sent);
	a->used -= c->sent;
	c->sent = 0;
	timer_set(&guard.loop.timers, &c->idle, guard.loop.now_ms + IDLE_MS);
	return true;
}

static bool is_busy(const struct client *c)
{
	return c->more || c->answer.used > c->sent;
}

static void client_ready(struct io *io, short revents)
{
	struct client *c = container_of(io, struct client, io);

	(void)revents;
	if (!is_busy(c)) {
		timer_set(&guard.loop.timers, &c->idle, guard.loop.now_ms + IDLE_MS);
		if (!receive(c)) {
			client_close(c);
			return;
		}
	}
	produce(c);
	if ((c->answer.used > c->sent && !transmit(c)) || (c->closing && !is_busy(c)))
		client_close(c);
	else
		loop_watch(&guard.loop, io, is_busy(c) ? POLLOUT : POLLIN);
}

static void client_open(struct client *c, int fd)
{
	c->command = NULL;
	c->prompt = c->ended = c->closing = c->in_line = c->more = false;
	c->in_used = c->sent = c->answer.used = 0;
	c->io.fd = fd;
	(void)net_option(fd, SOL_SOCKET, SO_SNDBUF, SEND_BYTES);
	timer_set(&guard.loop.timers, &c->idle, guard.loop.now_ms + IDLE_MS);
	loop_watch(&guard.loop, &c->io, POLLIN);
}

static void listener_ready(struct io *io, short revents)
{
	(void)revents;
	for (struct client *c = clients; c < clients + CLIENTS_MAX; c++) {
		if (c->io.fd != -1)
			continue;
		int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1) {
			client_open(c, fd);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			log_errno("the stats socket cannot take a connection");
			loop_forget(&guard.loop, io);
			timer_set(&guard.loop.timers, &retry, guard.loop.now_ms + RETRY_MS);
		}
		return;
	}
	loop_forget(&guard.loop, io);   /* all places are taken: the next one that becomes free goes on here */
}

static void retry_expired(struct timer *t, uint64_t now_ms)
{
	(void)t;
	(void)now_ms;
	loop_watch(&guard.loop, &listener, POLLIN);
}

/* ---- the socket ---- */

uint32_t control_clients(const struct conf *conf)
{
	return conf->global.stats_socket ? CLIENTS_MAX : 0;
}

void control_memory(struct arena *a, const struct conf *conf)
{
	clients = arena_array(a, "control clients", sizeof *clients, control_clients(conf));
}

/* A socket file that nobody answers on is left from a crash; anything else is somebody's. */
static void remove_stale(const char *path, const struct sockaddr *address, socklen_t n)
{
	struct stat there;

	if (lstat(path, &there) == -1)
		return;                 /* bind() will say what else is wrong */
	if (!S_ISSOCK(there.st_mode))
		die(2, "stats socket %s: there is a file of that name, and it is no socket: remove it, or name another", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool stale = fd != -1 && connect(fd, address, n) == -1 && errno == ECONNREFUSED;
	(void)close(fd);
	if (!stale)
		die(2, "stats socket %s: another process answers there (a second tandem?): give each its own path", path);
	if (unlink(path) == -1)
		die(2, "stats socket %s: cannot replace what an earlier run has left: %m", path);
}

void control_open(const struct conf *conf)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = conf->global.stats_socket;

	if (!path)
		return;
	memcpy(address.sun_path, path, strlen(path));
	remove_stale(path, (struct sockaddr *)&address, sizeof address);
	listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The file has its permissions from its first moment. */
	mode_t mask = umask(~(mode_t)conf->global.stats_socket_mode & 0777);
	if (listener.fd == -1 || bind(listener.fd, (struct sockaddr *)&address, sizeof address) == -1
	    || listen(listener.fd, QUEUE_MAX) == -1 || lstat(path, &created) == -1)
		die(2, "stats socket %s: cannot make it: %m", path);
	(void)umask(mask);
	for (struct client *c = clients; c < clients + CLIENTS_MAX; c++) {
		c->io = (struct io){ .fd = -1, .ready = client_ready };
		c->idle.expired = idle_expired;
	}
	retry.expired = retry_expired;
	listener.ready = listener_ready;
	loop_watch(&guard.loop, &listener, POLLIN);
}

void control_close(void)
{
	struct stat now;

	if (listener.fd == -1)
		return;
	/* Somebody may have put another in its place. */
	if (lstat(guard.conf->global.stats_socket, &now) == 0 && now.st_ino == created.st_ino && now.st_dev == created.st_dev)
		(void)unlink(guard.conf->global.stats_socket);
	(void)close(listener.fd);
}
