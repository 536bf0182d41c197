/* SPDX-License-Identifier: MIT */
#include "worker/worker.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "base/assert.h"
#include "base/handoff.h"
#include "base/log.h"
#include "base/privilege.h"
#include "plan.h"

#define HEAD_RESERVE 1024               /* what an edited head may be longer than the one that came (tune.maxrewrite) */
#define TURN_MS_MAX 1000                /* it turns at least this often, so that the guard sees that it lives */

struct worker worker;
static struct log_target log_targets[LOG_TARGETS_MAX];

static void pool_plan(struct pool *p, struct arena *a, const char *name, size_t size, uint32_t count)
{
	size = (size + 15) / 16 * 16;
	void *objects = arena_array(a, name, size, count);
	pool_init(p, name, objects, arena_array(a, "free lists", sizeof(uint32_t), count), size, count);
}

void worker_memory(struct worker *w, struct arena *a, const struct conf *conf)
{
	struct plan p = plan_worker(conf);

	pool_plan(&w->sessions, a, "sessions", sizeof(struct session), p.sessions);
	pool_plan(&w->server_conns, a, "server connections", sizeof(struct server_conn), p.server_conns);
	pool_plan(&w->buffers, a, "buffers", sizeof(struct buf) + conf->global.buffer_bytes, p.buffers);
	pool_plan(&w->accesses, a, "log lines", sizeof(struct access), p.accesses);
	loop_init(&w->loop, a, p.ios, p.timers);
	w->backends = arena_array(a, "backends", sizeof *w->backends, conf->proxy_count);
	w->frontends = arena_array(a, "frontends", sizeof *w->frontends, conf->proxy_count);
	w->listeners = arena_array(a, "listeners", sizeof *w->listeners, conf->bind_count);
	track_memory(w, a, conf);
	w->checks = arena_array(a, "health checks", check_bytes(), conf->check_count);
	w->head = arena_array(a, "message head", sizeof *w->head, 1);
	w->head_reserve = HEAD_RESERVE;
	w->scratch_bytes = conf->global.buffer_bytes + HEAD_RESERVE;
	w->scratch = arena_array(a, "message head", w->scratch_bytes, 1);
	w->texts = arena_array(a, "texts of rules", w->scratch_bytes, 1);
	for (const struct proxy_config *b = conf->proxies; b; b = b->next) {
		w->backends[b->index].config = b;
		w->backends[b->index].servers = arena_array(a, "servers", sizeof(struct server), b->server_count);
		w->backends[b->index].balance = (struct balance){ .config = &b->balance, .count = b->server_count,
			.all_backups = b->options & OPTION_ALLBACKUPS,
			.servers = arena_array(a, "servers", sizeof(struct balance_server), b->server_count) };
	}
}

struct buf *worker_buffer(void)
{
	struct buf *b = pool_take(&worker.buffers);

	ensure(b);              /* the plan has one for every place that can hold one */
	buf_init(b, worker.conf->global.buffer_bytes);
	return b;
}

static void report(void *context, enum conf_severity severity, const char *sentence)
{
	(void)context;
	if (severity == CONF_ERROR)
		log_err("worker: %s", sentence);
}

/* The guard has checked these bytes with this same code, so trouble here is the system's. */
static const struct conf *read_configuration(struct arena *a, const char *name, const char *node)
{
	int fd = handoff_take("conf", 0);
	off_t size = fd == -1 ? -1 : lseek(fd, 0, SEEK_END);

	if (size < 0 || size > CONF_BYTES_MAX + 2 + HOSTS_BYTES_MAX + 2 * ERRORS_BYTES_MAX)
		die(2, "worker: this command is for the guard: use 'tandem run'");
	uint32_t n = (uint32_t)size;
	char *bytes = arena_array(a, "configuration file", n + 1, 1);
	if (pread(fd, bytes, n, 0) != (ssize_t)n)
		die(2, "worker: cannot read the configuration that the guard has handed over");
	(void)close(fd);
	/* Behind the file stand the names of servers and the error files. */
	uint32_t file_n = (uint32_t)strlen(bytes);
	struct conf_handed handed = { .hosts = file_n < n ? bytes + file_n + 1 : "" };
	handed.errors = handed.hosts + strlen(handed.hosts) + 1;
	const struct conf *conf = conf_load(a, name, bytes, file_n, node, node, &handed, report, NULL);
	if (!conf)
		die(2, "worker: cannot use the configuration that the guard has handed over");
	return conf;
}

static void open_log(const struct conf *conf)
{
	memcpy(log_targets, conf->global.log_targets, sizeof log_targets);
	for (uint32_t i = 0; i < conf->global.log_target_count; i++)
		log_targets[i].fd = handoff_take("log", i);
	log_open(log_targets, conf->global.log_target_count);
}

static void give_up_privileges(const struct conf *conf, pid_t guard)
{
	struct identity who = { getuid(), getgid() };
	bool root = geteuid() == 0;

	if (root && !identity_find(conf->global.user, conf->global.group, &who))
		die(2, "worker: there is no user '%s'%s%s", conf->global.user, conf->global.group ? " or no group " : "",
			conf->global.group ? conf->global.group : "");
	if (root && !privilege_chroot(conf->global.chroot))
		die(2, "worker: cannot change the root directory%s%s: %s", conf->global.chroot ? " to " : "",
			conf->global.chroot ? conf->global.chroot : PACKED " (is /proc mounted? `chroot DIRECTORY` does without)",
			strerror(errno));
	if (!privilege_drop(&who))
		die(2, "worker: cannot become user '%s': %m", conf->global.user);
	/* Changing the user clears it, so it comes after that. A worker without a guard serves an address nobody holds. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1 || getppid() != guard)
		die(2, "worker: the guard has gone");
	if (!privilege_seccomp())
		log_warn("worker: this kernel has no seccomp filter: %m");
}

static void publish(void)
{
	struct scoreboard_worker *slot = &worker.board->worker;

	atomic_store_explicit(&slot->sessions, worker.sessions.used, memory_order_relaxed);
	atomic_store_explicit(&slot->buffers, worker.buffers.used, memory_order_relaxed);
	atomic_store_explicit(&slot->server_conns, worker.server_conns.used, memory_order_relaxed);
	atomic_store_explicit(&slot->log_lines, worker.accesses.used, memory_order_relaxed);
	atomic_store_explicit(&slot->waiting, worker.waiting, memory_order_relaxed);
	atomic_store_explicit(&slot->accepted, worker.accepted, memory_order_relaxed);
	atomic_store_explicit(&slot->requests, worker.requests, memory_order_relaxed);
	atomic_store_explicit(&slot->log_lost, log_lost, memory_order_relaxed);
	atomic_store_explicit(&slot->checked, worker.checks_pending == 0, memory_order_relaxed);
	atomic_store_explicit(&slot->turn, worker.loop.turn, memory_order_release);
}

/* A broken log pipe is an error like others; what a terminal sends to all its processes is the guard's business. */
static void block_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGPIPE);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
}

int worker_main(int argc, char **argv)
{
	static struct arena configuration;
	const char *name = CONF_PATH_DEFAULT, *node = NULL;
	pid_t guard = getppid();

	log_init("tandem-worker");
	for (int i = 1; i + 1 < argc; i += 2)
		*(strcmp(argv[i], "-f") == 0 ? &name : &node) = argv[i + 1];
	if (!arena_open(&configuration, CONF_ARENA_MAX) || !arena_open(&worker.memory, ARENA_BYTES_MAX))
		die(2, "worker: no address space: %m");
	worker.conf = read_configuration(&configuration, name, node);
	open_log(worker.conf);
	arena_freeze(&configuration);
	worker_memory(&worker, &worker.memory, worker.conf);
	arena_seal(&worker.memory);
	int board = handoff_take("scoreboard", 0);
	worker.board = board == -1 ? NULL : scoreboard_map(worker.conf, board);
	if (!worker.board)
		die(2, "worker: no scoreboard was handed over");
	block_signals();
	(void)gethostname(worker.hostname, sizeof worker.hostname - 1);
	listeners_init();
	servers_init();
	checks_init();
	give_up_privileges(worker.conf, guard);
	atomic_store_explicit(&worker.board->worker.ready, 1, memory_order_release);
	while (!worker.loop.stop) {
		orders_obey();
		loop_turn(&worker.loop, TURN_MS_MAX);
		publish();
	}
	return 0;
}
