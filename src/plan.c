/* SPDX-License-Identifier: MIT */
#include "plan.h"
#include "base/log.h"

struct plan plan_worker(const struct conf *conf)
{
	uint32_t max = conf->global.maxconn;
	struct plan p = { .sessions = max };

	p.server_conns = max            /* one a session */
		+ max / 4 + 4;          /* idle ones that wait for the next request */
	p.buffers = 2 * max             /* one a direction */
		+ 2 * conf->check_count;        /* question and answer */
	p.ios = conf->bind_count + p.sessions + p.server_conns + conf->check_count;
	p.timers = p.sessions + p.server_conns + conf->check_count
		+ conf->server_count;           /* slowstart */
	for (const struct proxy_config *f = conf->proxies; f; f = f->next)
		if (f->sides & PROXY_FRONTEND && f->options & OPTION_LOG_GLOBAL)
			p.accesses = max;
	p.descriptors = p.ios
		+ 3                     /* standard input, output, error */
		+ 3                     /* configuration, scoreboard, our binary while it starts */
		+ LOG_TARGETS_MAX;
	return p;
}

void plan_check(const struct conf *conf, const char *file)
{
	const struct global_config *g = &conf->global;
	uint64_t bytes = (uint64_t)plan_worker(conf).buffers * g->buffer_bytes;

	/* What else there is takes far less than the buffers. */
	if (conf->proxy_count && bytes > ARENA_BYTES_MAX / 4 * 3)
		die(1, "%s:%u: maxconn %u with tune.bufsize %u needs %llu MB for buffers, and a worker can have %llu: lower them",
			file, g->memory_line, g->maxconn, g->buffer_bytes, (unsigned long long)(bytes >> 20),
			(unsigned long long)ARENA_BYTES_MAX / 4 * 3 >> 20);
}
