/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include "base/handoff.h"
#include "base/log.h"
#include "base/net.h"
#include "worker/worker.h"

#define ACCEPTS_A_TURN 16               /* then others have their turn */

static bool has_room(const struct listener *l)
{
	return !worker.full && (l->frontend->maxconn == 0 || l->owner->sessions < l->frontend->maxconn);
}

static void listener_ready(struct io *io, short revents)
{
	struct listener *l = container_of(io, struct listener, io);

	(void)revents;
	for (int budget = ACCEPTS_A_TURN; budget > 0; budget--) {
		if (!has_room(l)) {
			/* The kernel's backlog holds the others until a session is given back. */
			loop_forget(&worker.loop, io);
			return;
		}
		struct sockaddr_storage address;
		socklen_t n = sizeof address;
		int fd = accept4(io->fd, (struct sockaddr *)&address, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1) {
			/* Out of descriptors cannot be: the plan counted them. A client that has gone again is no trouble. */
			if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
				log_errno("frontend %s: cannot accept on %s", l->frontend->name, l->address);
			return;
		}
		struct endpoint peer = net_endpoint(&address);
		(void)net_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		worker.accepted++;
		l->owner->sessions++;
		session_accept(l, fd, &peer);
	}
	worker.loop.again = true;
}

void listeners_session_closed(struct listener *l)
{
	l->owner->sessions--;
	if (worker.sessions.used == worker.sessions.count)
		return;
	bool was_full = worker.full;
	worker.full = false;
	for (uint32_t i = 0; i < worker.conf->bind_count; i++)
		if (worker.listeners[i].io.slot == 0 && (was_full || worker.listeners[i].owner == l->owner))
			loop_watch(&worker.loop, &worker.listeners[i].io, POLLIN);
}

void listeners_init(void)
{
	for (const struct proxy_config *p = worker.conf->proxies; p; p = p->next) {
		for (const struct bind_config *b = p->binds; b; b = b->next) {
			struct listener *l = &worker.listeners[b->index];
			l->io = (struct io){ .fd = handoff_take("bind", b->index), .ready = listener_ready };
			if (l->io.fd == -1)
				die(2, "worker: no listening socket was handed over for frontend %s", p->name);
			l->bind = b;
			if (p->options & OPTION_CLITCPKA)       /* whom it accepts inherits it */
				(void)net_option(l->io.fd, SOL_SOCKET, SO_KEEPALIVE, 1);
			l->frontend = p;
			l->owner = &worker.frontends[p->index];
			endpoint_print(&b->address, l->address);
			loop_watch(&worker.loop, &l->io, POLLIN);
		}
	}
}
