/* SPDX-License-Identifier: MIT */
#include "base/net.h"
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

socklen_t net_sockaddr(const struct endpoint *e, struct sockaddr_storage *storage)
{
	memset(storage, 0, sizeof *storage);
	if (e->addr.family == ADDR_IPV6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(e->port);
		memcpy(&in6->sin6_addr, e->addr.bytes, 16);
		return sizeof *in6;
	}
	struct sockaddr_in *in = (struct sockaddr_in *)storage;
	in->sin_family = AF_INET;
	in->sin_port = htons(e->port);
	memcpy(&in->sin_addr, e->addr.bytes, 4);
	return sizeof *in;
}

struct endpoint net_endpoint(const struct sockaddr_storage *storage)
{
	struct endpoint e = { .port = 0 };

	if (storage->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)storage;
		e.addr.family = ADDR_IPV4;
		memcpy(e.addr.bytes, &in->sin_addr, 4);
		e.port = ntohs(in->sin_port);
	} else if (storage->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)storage;
		e.addr.family = ADDR_IPV6;
		memcpy(e.addr.bytes, &in6->sin6_addr, 16);
		e.port = ntohs(in6->sin6_port);
	}
	return e;
}

bool net_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* Closes, but keeps the errno of what went wrong before. */
static int close_failed(int fd)
{
	int error = errno;

	(void)close(fd);
	errno = error;
	return -1;
}

static int tcp_socket(const struct addr *a)
{
	return socket(a->family == ADDR_IPV6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int net_connect(const struct endpoint *to, const struct addr *source)
{
	struct sockaddr_storage address;
	int fd = tcp_socket(&to->addr);

	if (fd == -1)
		return -1;
	if (source->family != ADDR_NONE) {
		struct endpoint from = { .addr = *source };
		socklen_t n = net_sockaddr(&from, &address);
		if (bind(fd, (struct sockaddr *)&address, n) == -1)
			return close_failed(fd);
	}
	socklen_t n = net_sockaddr(to, &address);
	if (connect(fd, (struct sockaddr *)&address, n) == -1 && errno != EINPROGRESS)
		return close_failed(fd);
	return fd;
}

int net_listen(const struct endpoint *at, const char *device, int backlog, unsigned how)
{
	struct sockaddr_storage address;
	socklen_t n = net_sockaddr(at, &address);
	bool ipv6 = at->addr.family == ADDR_IPV6;
	int fd = tcp_socket(&at->addr);

	if (fd == -1)
		return -1;
	/* IP_FREEBIND: the floating address may be on the other node; needs no privilege and no sysctl. IP_TRANSPARENT, for
	 * who may: what is accepted can still send from the address when that has just gone to the other node. */
	if (!ipv6)
		(void)net_option(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
	if (!net_option(fd, SOL_SOCKET, SO_REUSEADDR, 1)
	    || !net_option(fd, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_FREEBIND : IP_FREEBIND, 1)
	    || (how & NET_SHARED && !net_option(fd, SOL_SOCKET, SO_REUSEPORT, 1))
	    || (ipv6 && how & (NET_V6ONLY | NET_V4V6) && !net_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, how & NET_V6ONLY))
	    || (device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)) == -1)
	    || bind(fd, (struct sockaddr *)&address, n) == -1
	    || listen(fd, backlog) == -1)
		return close_failed(fd);
	return fd;
}

int net_error(int fd)
{
	int error = 0;
	socklen_t n = sizeof error;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == -1 ? errno : error;
}

uint32_t net_unacknowledged(int fd, uint32_t *taken)
{
	struct tcp_info info = { .tcpi_unacked = 0 };
	socklen_t n = sizeof info;

	(void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n);  /* a kernel before 4.6 says less, and nothing is left then */
	*taken = (uint32_t)info.tcpi_bytes_acked;
	return info.tcpi_unacked + info.tcpi_notsent_bytes;
}

void net_reset_on_close(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}
