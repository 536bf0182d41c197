/* SPDX-License-Identifier: MIT
 * The worker as a process: started by exec of our own binary with descriptors handed over, watched by its turn counter,
 * replaced when it dies or hangs. The listening sockets stay with the guard, so clients wait in the kernel's queue.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/handoff.h"
#include "base/log.h"
#include "guard/guard.h"

#define HUNG_MS 2000                    /* a worker turns at least once a second */
#define BACKOFF_MS_FIRST 100
#define BACKOFF_MS_MAX 5000
/* A death counts 2, or 1 if the worker had completed a turn; with so many it will not come back by itself. All is forgotten
 * when one has lived for CALM_MS. */
#define FAILURES_MAX 6
#define CALM_MS 10000

static struct {
	pid_t pid;                      /* 0: none */
	uint32_t turn;                  /* as last seen */
	uint64_t turn_ms;               /* when it last changed */
	uint64_t start_ms;              /* when the next one is started, if there is none */
	uint32_t backoff_ms;
	uint32_t restarts;              /* since the guard started */
	uint32_t failures;              /* see FAILURES_MAX */
	uint64_t born_ms;
	int fork_error;                 /* said when it changes */
	bool turned;                    /* this one has */
	bool killed;                    /* by us, because it hung */
} worker;

bool supervise_can_serve(void)
{
	return worker.failures < FAILURES_MAX;
}

struct worker_view supervise_view(void)
{
	return (struct worker_view){ worker.pid, worker.restarts, worker.turn_ms };
}

static void keep_over_exec(int fd)
{
	if (fd != -1)
		(void)fcntl(fd, F_SETFD, 0);
}

/* In the child, before exec: what the guard has and a worker must not, and the other way round. */
static void become_worker(const char *const argv[], const char *const envp[], pid_t parent)
{
	sigset_t none;

	/* From here on, not from the worker's first line on: it must not outlive a guard that is killed in between. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1 || getppid() != parent)
		_exit(127);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setpriority(PRIO_PROCESS, 0, 0);
	keep_over_exec(guard.conf_fd);
	keep_over_exec(guard.board_fd);
	for (uint32_t i = 0; i < guard.conf->bind_count; i++)
		keep_over_exec(guard.listeners[i]);
	for (uint32_t i = 0; i < guard.conf->global.log_target_count; i++)
		if (guard.log_targets[i].kind != LOG_TO_STDERR)
			keep_over_exec(guard.log_targets[i].fd);
	(void)syscall(SYS_execveat, guard.self, "", argv, envp, AT_EMPTY_PATH);
	_exit(127);
}

static void count_failure(uint32_t weight)
{
	bool could = supervise_can_serve();

	worker.failures += weight;
	/* At once if it had worked; one that dies again and again must not take the processor from VRRP. */
	worker.backoff_ms = weight == 1 && worker.failures <= FAILURES_MAX / 2 ? 0
		: worker.backoff_ms == 0 ? BACKOFF_MS_FIRST : worker.backoff_ms * 2;
	if (worker.backoff_ms > BACKOFF_MS_MAX)
		worker.backoff_ms = BACKOFF_MS_MAX;
	worker.start_ms = guard.loop.now_ms + worker.backoff_ms;
	if (could && !supervise_can_serve())
		log_err("no worker stays alive: this node cannot serve");
}

static void start(void)
{
	const char *const argv[] = { "tandem", "worker", "-f", guard.conf_path, "-n", guard.node, NULL };
	const char *const envp[] = { guard.environment, NULL };

	worker.turned = worker.killed = false;
	worker.turn = 0;
	worker.turn_ms = worker.born_ms = guard.loop.now_ms;
	/* Between two workers nobody else writes here. */
	atomic_store_explicit(&guard.board->worker.turn, 0, memory_order_relaxed);
	atomic_store_explicit(&guard.board->worker.ready, 0, memory_order_relaxed);
	pid_t self = getpid(), pid = fork();
	if (pid == 0)
		become_worker(argv, envp, self);
	if (pid == -1) {
		if (errno != worker.fork_error)
			log_errno("cannot start a worker");
		worker.fork_error = errno;
		count_failure(2);
		return;
	}
	worker.fork_error = 0;
	worker.pid = pid;
}

static void hand_over(void)
{
	struct handoff h;
	bool fits = true;

	handoff_init(&h, guard.environment, handoff_bytes(guard.conf->bind_count + LOG_TARGETS_MAX + 2));
	fits = handoff_add(&h, "conf", 0, guard.conf_fd) && handoff_add(&h, "scoreboard", 0, guard.board_fd);
	for (uint32_t i = 0; i < guard.conf->bind_count; i++)
		fits = fits && handoff_add(&h, "bind", i, guard.listeners[i]);
	for (uint32_t i = 0; i < guard.conf->global.log_target_count; i++)
		if (guard.log_targets[i].fd != -1 && guard.log_targets[i].kind != LOG_TO_STDERR)
			fits = fits && handoff_add(&h, "log", i, guard.log_targets[i].fd);
	if (!fits)
		die(2, "cannot hand %u listening sockets over to the worker", guard.conf->bind_count);
}

void supervise_start(void)
{
	if (!guard.board)
		return;
	hand_over();
	start();
}

static void describe(int status, char *out, size_t size)
{
	if (WIFSIGNALED(status))
		text_format(out, size, "killed by signal %d", WTERMSIG(status));
	else
		text_format(out, size, "it ended with exit code %d", WEXITSTATUS(status));
}

void supervise_child(pid_t pid, int status)
{
	char what[96];

	if (pid != worker.pid)
		return;
	worker.pid = 0;
	if (guard.stopping)
		return;
	worker.restarts++;
	describe(status, what, sizeof what);
	worker.turned = worker.turned || atomic_load_explicit(&guard.board->worker.turn, memory_order_acquire) != 0;
	count_failure(worker.turned ? 1 : 2);
	log_err("worker %d: %s%s: it is replaced %s", (int)pid, what, worker.killed ? " because it hung" : "",
		worker.backoff_ms ? "after a while" : "at once");
	if (worker.backoff_ms == 0)
		start();
	routers_check();
}

/* Ten times a second: does it live, is it time for a new one? */
void supervise_tick(uint64_t now_ms)
{
	if (!guard.board)
		return;
	if (worker.pid == 0) {
		if (now_ms >= worker.start_ms)
			start();
		return;
	}
	uint32_t turn = atomic_load_explicit(&guard.board->worker.turn, memory_order_acquire);
	if (turn != worker.turn) {
		worker.turn = turn;
		worker.turn_ms = now_ms;
		worker.turned = true;
		if (now_ms - worker.born_ms >= CALM_MS)
			worker.failures = worker.backoff_ms = 0;
	} else if (now_ms - worker.turn_ms > HUNG_MS && !worker.killed) {
		log_err("worker %d: it has not completed a turn for %u ms: killing it", (int)worker.pid,
			(unsigned)(now_ms - worker.turn_ms));
		worker.killed = true;
		(void)kill(worker.pid, SIGKILL);
	}
}

void supervise_stop(void)
{
	if (worker.pid == 0)
		return;
	/* It holds nothing that must be saved, and a stopped one hears nothing else. */
	(void)kill(worker.pid, SIGKILL);
	while (waitpid(worker.pid, NULL, 0) == -1 && errno == EINTR)
		;
	worker.pid = 0;
}
