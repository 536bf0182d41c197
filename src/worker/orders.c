/* SPDX-License-Identifier: MIT
 * What the guard has said: servers' maintenance, draining, weights; and addresses that have left. It stands on the
 * scoreboard, so a worker that is replaced finds it there.
 */
#include <sys/socket.h>
#include "base/net.h"
#include "worker/worker.h"

static bool has_left(const struct session *s)
{
	struct sockaddr_storage address;
	socklen_t n = sizeof address;

	if (s->client.io.fd == -1 || getsockname(s->client.io.fd, (struct sockaddr *)&address, &n) == -1)
		return false;
	const struct endpoint local = net_endpoint(&address);
	for (const struct vrrp_config *c = worker.conf->vrrps; c; c = c->next) {
		uint32_t left = atomic_load_explicit(&worker.board->left[c->index / 32], memory_order_relaxed);
		for (const struct vip_config *v = c->vips; v && left >> c->index % 32 & 1; v = v->next)
			if (addr_equal(&v->address.addr, &local.addr))
				return true;
	}
	return false;
}

/* Their clients must not wait for what another node would have to say. */
static void reset_sessions(void)
{
	for (uint32_t i = 0; i < worker.sessions.fresh; i++) {
		struct session *s = (void *)(worker.sessions.objects + i * worker.sessions.object_bytes);
		if (!has_left(s))
			continue;
		net_reset_on_close(s->client.io.fd);
		session_kill(s, 'K');
	}
}

void orders_obey(void)
{
	static uint32_t seen;
	uint32_t orders = atomic_load_explicit(&worker.board->orders, memory_order_acquire);

	if (orders == seen)
		return;
	seen = orders;
	if (atomic_load_explicit(&worker.board->left[0], memory_order_relaxed)
	    | atomic_load_explicit(&worker.board->left[1], memory_order_relaxed))
		reset_sessions();
	for (const struct proxy_config *p = worker.conf->proxies; p; p = p->next)
		for (uint32_t i = 0; i < worker.backends[p->index].balance.count; i++) {
			struct server *s = &worker.backends[p->index].servers[i];
			server_order(s, atomic_load_explicit(&worker.board->servers[s->config->index].order, memory_order_relaxed));
		}
}
