/* SPDX-License-Identifier: MIT
 * What the stats socket has said of servers: maintenance, draining, weights. It stands on the scoreboard, so a worker that
 * is replaced finds it there.
 */
#include "worker/worker.h"

void orders_obey(void)
{
	static uint32_t seen;
	uint32_t orders = atomic_load_explicit(&worker.board->orders, memory_order_acquire);

	if (orders == seen)
		return;
	seen = orders;
	for (const struct proxy_config *p = worker.conf->proxies; p; p = p->next)
		for (uint32_t i = 0; i < worker.backends[p->index].balance.count; i++) {
			struct server *s = &worker.backends[p->index].servers[i];
			server_order(s, atomic_load_explicit(&worker.board->servers[s->config->index].order, memory_order_relaxed));
		}
}
