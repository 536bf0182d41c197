/* SPDX-License-Identifier: MIT */
#include "plan.h"

struct plan plan_worker(const struct conf *conf)
{
	uint32_t max = conf->global.maxconn;
	struct plan p = { .sessions = max };

	p.server_conns = max            /* one a session */
		+ max / 4 + 4;          /* idle ones that wait for the next request */
	p.buffers = 2 * max             /* one a direction */
		+ 2 * conf->check_count;        /* question and answer */
	p.ios = conf->bind_count + p.sessions + p.server_conns + conf->check_count;
	p.timers = p.sessions + p.server_conns + conf->check_count;
	for (const struct proxy_config *f = conf->proxies; f; f = f->next)
		if (f->sides & PROXY_FRONTEND && f->options & OPTION_LOG_GLOBAL)
			p.accesses = max;
	p.descriptors = p.ios
		+ 3                     /* standard input, output, error */
		+ 3                     /* configuration, scoreboard, our binary while it starts */
		+ LOG_TARGETS_MAX;
	return p;
}
