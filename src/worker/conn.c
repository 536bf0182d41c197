/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/net.h"
#include "worker/worker.h"

void conn_open(struct conn *c, int fd, void (*ready)(struct io *, short))
{
	*c = (struct conn){ .io = { .fd = fd, .ready = ready }, .readable = true, .writable = true };
}

uint32_t conn_recv(struct conn *c, struct buf *b, uint32_t reserve)
{
	uint32_t limit = b->size - reserve;

	if (b->tail >= limit || buf_room(b) < b->size / 4)
		buf_compact(b);
	if (b->tail >= limit)
		return 0;
	uint32_t room = limit - b->tail;
	ssize_t n = recv(c->io.fd, buf_end(b), room, 0);
	if (n > 0) {
		b->tail += (uint32_t)n;
		/* Less than there was room for: the rest has not come yet, and asking again would only say so. */
		c->readable = (uint32_t)n == room;
		return (uint32_t)n;
	}
	c->readable = false;
	if (n == 0) {
		c->ended = true;
	} else if (errno != EAGAIN && errno != EINTR) {
		c->ended = c->broken = true;
		c->writable = false;
	}
	return 0;
}

size_t conn_send(struct conn *c, const struct iovec *parts, int count)
{
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)count };
	size_t total = 0;

	for (int i = 0; i < count; i++)
		total += parts[i].iov_len;
	if (c->broken || total == 0)
		return 0;
	ssize_t n = sendmsg(c->io.fd, &message, MSG_NOSIGNAL);
	if (n == -1) {
		c->writable = false;
		if (errno != EAGAIN && errno != EINTR)
			c->broken = true;
		return 0;
	}
	c->writable = (size_t)n == total;
	return (size_t)n;
}

void conn_watch(struct conn *c, bool read, bool write)
{
	loop_watch(&worker.loop, &c->io, (short)((read ? POLLIN : 0) | (write ? POLLOUT : 0)));
}

void conn_shut(struct conn *c)
{
	if (c->shut || c->io.fd == -1)
		return;
	c->shut = true;
	(void)shutdown(c->io.fd, SHUT_WR);      /* fails only when the peer has already gone */
}

void conn_close(struct conn *c)
{
	if (c->io.fd == -1)
		return;
	loop_forget(&worker.loop, &c->io);
	(void)close(c->io.fd);
	c->io.fd = -1;
}

void conn_reset(struct conn *c)
{
	if (c->io.fd != -1)
		net_reset_on_close(c->io.fd);
	conn_close(c);
}
