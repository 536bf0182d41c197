/* SPDX-License-Identifier: MIT */
#include "guard/guard.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/handoff.h"
#include "base/log.h"
#include "base/net.h"
#include "base/privilege.h"
#include "plan.h"

#define TICK_MS 100
#define BACKLOG 4096                    /* the kernel cuts it to net.core.somaxconn */

struct guard guard;
static struct io signals = { .fd = -1 };
static struct timer tick;

struct options { const char *file, *node, *pid_file; bool daemon; };

/* ---- plan ---- */

static uint32_t vip_count(const struct conf *conf)
{
	uint32_t n = 0;

	for (const struct vrrp_config *c = conf->vrrps; c; c = c->next)
		n += c->vip_count;
	return n;
}

static uint32_t track_count(const struct conf *conf)
{
	uint32_t n = 0;

	for (const struct vrrp_config *c = conf->vrrps; c; c = c->next)
		n += c->track_count;
	return n;
}

static void routers_memory(struct guard *g, struct arena *a, const struct conf *conf)
{
	uint32_t vips = vip_count(conf), tracks = track_count(conf), k = 0;

	g->routers = arena_array(a, "routers", sizeof *g->routers, conf->vrrp_count);
	g->interfaces = arena_array(a, "interfaces", sizeof *g->interfaces, 2 * conf->vrrp_count + vips + tracks);
	struct vip *vip = arena_array(a, "floating addresses", sizeof *vip, vips);
	struct track *track = arena_array(a, "tracks", sizeof *track, tracks);
	g->watches = arena_array(a, "tracks", sizeof *g->watches, conf->watch_count + tracks);
	g->group_notify = arena_array(a, "tracks", sizeof *g->group_notify, conf->group_count);
	for (const struct vrrp_config *c = conf->vrrps; c; c = c->next) {
		g->routers[k].vips = vip;
		g->routers[k++].tracks = track;
		vip += c->vip_count;
		track += c->track_count;
	}
}

void guard_memory(struct guard *g, struct arena *a, const struct conf *conf)
{
	uint32_t tracks = track_count(conf), watches = conf->watch_count + tracks;

	/* An interface and its macvlan hear both families, and a name; pings; signals, netlink, and two witnesses. */
	loop_init(&g->loop, a, 5 * conf->vrrp_count + tracks + 4 + 1 + control_clients(conf) /* the stats socket */,
		6 * conf->vrrp_count    /* deadline, announcements, work, reset; what is told to scripts, and of weaker ones */
		+ 2 * watches + conf->group_count + 2 /* tick, links */
		+ 1 + control_clients(conf) /* the stats socket */);
	routers_memory(g, a, conf);
	g->listeners = arena_array(a, "listening sockets", sizeof *g->listeners, conf->bind_count);
	control_memory(a, conf);
	g->environment = arena_array(a, "descriptors handed over", handoff_bytes(conf->bind_count + LOG_TARGETS_MAX + 2), 1);
}

uint32_t guard_descriptors(const struct conf *conf)
{
	return 3 + conf->bind_count
		+ 9 * conf->vrrp_count  /* a name; an interface and its macvlan hear and send both families */
		+ track_count(conf) + 1         /* pings; a file, or what a script is started with */
		+ 7                     /* netlink twice, gratuitous ARP, connections that are reset, witnesses */
		+ 1 + control_clients(conf)     /* the stats socket */
		+ 4                     /* signals, our binary, configuration, scoreboard */
		+ LOG_TARGETS_MAX;
}

/* ---- start ---- */

static bool read_options(int argc, char **argv, struct options *o)
{
	*o = (struct options){ .file = CONF_PATH_DEFAULT };
	for (int i = 1; i < argc; i++) {
		const char **value = strcmp(argv[i], "-f") == 0 ? &o->file : strcmp(argv[i], "-n") == 0 ? &o->node
			: strcmp(argv[i], "-p") == 0 ? &o->pid_file : NULL;
		if (strcmp(argv[i], "-d") == 0) {
			o->daemon = true;
		} else if (value && i + 1 < argc) {
			*value = argv[++i];
		} else {
			log_err("run: %s '%s' (tandem run [-f FILE] [-n NODE] [-d] [-p PIDFILE])",
				value ? "a value is missing after" : "unknown option", argv[i]);
			return false;
		}
	}
	return true;
}

static void report(void *context, enum conf_severity severity, const char *sentence)
{
	(void)context;
	tell("%s%s", severity == CONF_ERROR ? "" : "warning: ", sentence);
}

static bool keep_error_files(int fd, const struct error_file *e)
{
	for (; e; e = e->later)
		if (write(fd, &e->n, sizeof e->n) != sizeof e->n || write(fd, e->bytes, e->n) != (ssize_t)e->n)
			return false;
	return true;
}

/* The bytes that were checked are the bytes that workers read: sealed, whatever becomes of the file. Behind a NUL stand the
 * names of servers, and behind another one the error files. */
static int keep_configuration(const char *bytes, uint32_t n, const struct conf *conf)
{
	const char *hosts = conf->hosts ? conf->hosts : "";
	int fd = memfd_create("tandem-conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ssize_t hosts_n = (ssize_t)strlen(hosts) + 1;

	if (fd == -1 || write(fd, bytes, n + 1) != (ssize_t)n + 1 || write(fd, hosts, (size_t)hosts_n) != hosts_n
	    || !keep_error_files(fd, conf->errors)
	    || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == -1)
		die(2, "cannot keep the configuration in memory: %m");
	return fd;
}

static void raise_descriptor_limit(uint32_t needed)
{
	struct { uint64_t now, most; } limit;  /* what prlimit64() takes on every machine */

	if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) == -1 || limit.now >= needed)
		return;
	limit.now = needed;
	if (limit.most < needed)
		limit.most = needed;
	if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL) == -1)
		die(2, "this configuration needs %u descriptors a process, the system allows fewer (ulimit -n): %m: lower maxconn",
			needed);
}

static void open_listeners(const struct conf *conf)
{
	char address[ADDR_TEXT_MAX];

	for (const struct proxy_config *p = conf->proxies; p; p = p->next) {
		for (const struct bind_config *b = p->binds; b; b = b->next) {
			unsigned how = (b->v6only ? NET_V6ONLY : b->v4v6 ? NET_V4V6 : 0) | (b->shared ? NET_SHARED : 0);
			int fd = net_listen(&b->address, b->interface, BACKLOG, how);
			/* The worker of a guard that was killed a moment ago may not be gone yet. */
			for (int tries = 20; fd == -1 && errno == EADDRINUSE && tries > 0; tries--) {
				(void)poll(NULL, 0, 50);
				fd = net_listen(&b->address, b->interface, BACKLOG, how);
			}
			if (fd == -1)
				die(2, "%s:%u: frontend %s cannot listen on %s: %m", guard.conf_path, b->line, p->name,
					endpoint_print(&b->address, address));
			guard.listeners[b->index] = fd;
		}
	}
}

/* Adverts go out in time also when the worker has all the processor. musl's own sched_setscheduler() always refuses. */
static void rise_in_priority(void)
{
	struct sched_param low = { .sched_priority = 1 };

	if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO | SCHED_RESET_ON_FORK, &low) == -1
	    && setpriority(PRIO_PROCESS, 0, -20) == -1)
		log_debug("no priority over other processes: %m");
}

static void write_pid_file(const char *path, pid_t pid)
{
	char text[16];
	size_t n = text_format(text, sizeof text, "%d\n", (int)pid);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd == -1 || write(fd, text, n) != (ssize_t)n)
		die(2, "cannot write the pid file %s: %m", path);
	(void)close(fd);
}

/* The parent ends when the pid file is there, so whoever called it can use it. */
static void become_daemon(const struct options *o)
{
	if (guard.conf->global.log_target_count == 0)
		log_warn("run -d: there is no 'log' line in global: from here on nothing is logged");
	if (o->pid_file)
		write_pid_file(o->pid_file, getpid());  /* if that is not possible, here is the place to say so */
	pid_t child = fork();
	if (child == -1)
		die(2, "cannot go into the background: %m");
	if (child > 0) {
		if (o->pid_file)
			write_pid_file(o->pid_file, child);
		_exit(0);
	}
	(void)setsid();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null != -1 && fd < 3; fd++)
		(void)dup2(null, fd);
}

/* ---- run ---- */

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!child_ended(pid, status))
			supervise_child(pid, status);
}

static void signals_ready(struct io *io, short revents)
{
	struct signalfd_siginfo s;

	(void)revents;
	while (read(io->fd, &s, sizeof s) == (ssize_t)sizeof s) {
		switch (s.ssi_signo) {
		case SIGCHLD:
			reap();
			break;
		case SIGHUP:
			log_warn("SIGHUP: this version cannot reload: nothing has changed; restart it to use a new file");
			break;
		case SIGUSR1:
			log_warn("SIGUSR1: this version cannot drain: nothing has changed");
			break;
		default:
			log_notice("stopping: signal %u", s.ssi_signo);
			routers_stop(!guard.stopping);  /* the second time at once */
		}
	}
}

static void open_signals(void)
{
	static const int list[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGPIPE);         /* a broken pipe is an error like others */
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		(void)sigaddset(&set, list[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1 || (signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) == -1)
		die(2, "cannot receive signals: %m");
	signals.ready = signals_ready;
	loop_watch(&guard.loop, &signals, POLLIN);
}

static void ticked(struct timer *t, uint64_t now_ms)
{
	supervise_tick(now_ms);
	if (guard.board)
		routers_check();
	timer_set(&guard.loop.timers, t, now_ms + TICK_MS);
}

static const struct conf *read_configuration(struct arena *a, struct options *o)
{
	static char host[256];
	uint32_t n;

	if (gethostname(host, sizeof host - 1) == -1)
		host[0] = '\0';
	const char *bytes = conf_read(a, o->file, &n, report, NULL);
	const struct conf *conf = bytes ? conf_load(a, o->file, bytes, n, o->node, host, NULL, report, NULL) : NULL;
	if (conf && conf->proxy_count)
		guard.conf_fd = keep_configuration(bytes, n, conf);
	return conf;
}

/* Whether it is root who has this name: it is anybody's to take. */
static bool is_guard(const struct sockaddr_un *name)
{
	struct ucred who = { .uid = 1 };
	socklen_t n = sizeof who;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool known = connect(fd, (const struct sockaddr *)name, sizeof *name) == 0
		&& getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0;

	(void)close(fd);
	return known && who.uid == geteuid();
}

/* Somebody wants to know who has the name: the kernel has told. */
static void claim_ready(struct io *io, short revents)
{
	(void)revents;
	(void)close(accept4(io->fd, NULL, NULL, SOCK_CLOEXEC));
}

/* A name that only one process of this network can have, and that goes with it. */
static void claim_router(const struct vrrp_config *c)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct io *io = &guard.routers[c->index].claim;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), tries = 20;

	text_format(name.sun_path + 1, sizeof name.sun_path - 1, "tandem/%s/%u/%u", c->interface, c->vrid, vrrp_family(c));
	while (bind(fd, (struct sockaddr *)&name, sizeof name) == -1 || listen(fd, BACKLOG) == -1) {
		if (errno != EADDRINUSE || !is_guard(&name)) {
			log_warn("vrrp %s: nobody will notice another tandem with the same router: %s", c->name, strerror(errno));
			return;
		}
		/* A guard that was killed a moment ago may not be gone yet. */
		if (tries-- == 0)
			die(2, "%s:%u: another tandem on this machine has virtual_router_id %u on %s already", guard.conf_path, c->line,
				c->vrid, c->interface);
		(void)poll(NULL, 0, 50);
	}
	*io = (struct io){ .fd = fd, .ready = claim_ready };
	loop_watch(&guard.loop, io, POLLIN);
}

static void open_all(const struct conf *conf)
{
	struct identity who;
	uint32_t descriptors = guard_descriptors(conf), worker = plan_worker(conf).descriptors;

	if (conf->proxy_count && geteuid() == 0 && !identity_find(conf->global.user, conf->global.group, &who))
		die(1, "%s: there is no user '%s'%s%s%s on this system", guard.conf_path, conf->global.user,
			conf->global.group ? ", or no group '" : "", conf->global.group ? conf->global.group : "",
			conf->global.group ? "'," : "");
	raise_descriptor_limit(descriptors > worker || !conf->proxy_count ? descriptors : worker);
	guard.self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (guard.self == -1 && conf->proxy_count)
		die(2, "cannot open /proc/self/exe, which the worker is started from (is /proc mounted?): %m");
	open_listeners(conf);
	if (conf->proxy_count && !(guard.board = scoreboard_make(conf, &guard.board_fd)))
		die(2, "cannot share memory with the worker: %m");
	if (conf->vrrp_count && !links_open())
		die(2, "cannot open a netlink socket: %m");
	for (const struct vrrp_config *c = conf->vrrps; c; c = c->next) {
		int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd == -1)
			die(2, "%s:%u: vrrp needs root's rights (CAP_NET_ADMIN and CAP_NET_RAW): %m", guard.conf_path, c->line);
		(void)close(fd);
		claim_router(c);
	}
	control_open(conf);
}

static void start_all(const struct conf *conf)
{
	open_signals();
	rise_in_priority();
	supervise_start();
	if (conf->vrrp_count) {
		routers_init();
		witness_open();
		notify_init();
		tracks_init();
		links_refresh();
	}
	tick.expired = ticked;
	if (conf->proxy_count)
		timer_set(&guard.loop.timers, &tick, guard.loop.now_ms + TICK_MS);
}

int guard_run(int argc, char **argv)
{
	static struct arena configuration;
	struct options o;

	if (!read_options(argc, argv, &o))
		return 1;
	if (!arena_open(&configuration, CONF_ARENA_MAX) || !arena_open(&guard.memory, ARENA_BYTES_MAX))
		die(2, "no address space: %m");
	const struct conf *conf = read_configuration(&configuration, &o);
	if (!conf)
		return 1;
	plan_check(conf, o.file);
	guard.conf = conf;
	guard.conf_path = o.file;
	guard.node = conf->global.node;
	arena_freeze(&configuration);
	guard_memory(&guard, &guard.memory, conf);
	guard.started_ms = guard.loop.now_ms;
	arena_seal(&guard.memory);
	open_all(conf);
	memcpy(guard.log_targets, conf->global.log_targets, sizeof guard.log_targets);
	if (o.daemon)
		become_daemon(&o);
	else if (o.pid_file)
		write_pid_file(o.pid_file, getpid());
	log_open(guard.log_targets, conf->global.log_target_count);
	sysctls_write(conf);
	start_all(conf);
	log_notice("ready: node %s, %u virtual routers, %u listeners", guard.node, conf->vrrp_count, conf->bind_count);
	while (!guard.loop.stop)
		loop_turn(&guard.loop, 60000);
	notify_finish();
	vmacs_remove();
	supervise_stop();
	control_close();
	if (o.pid_file)
		(void)unlink(o.pid_file);
	return 0;
}
