/* SPDX-License-Identifier: MIT
 * Sockets: the few calls that guard and worker share. Every descriptor is non-blocking and close-on-exec.
 */
#ifndef BASE_NET_H
#define BASE_NET_H
#include <stdbool.h>
#include <sys/socket.h>
#include "base/addr.h"

socklen_t net_sockaddr(const struct endpoint *, struct sockaddr_storage *);
struct endpoint net_endpoint(const struct sockaddr_storage *);  /* family ADDR_NONE for what is not IP */
/* A TCP socket that connects to the endpoint; from `source` unless its family is ADDR_NONE. -1 with errno. EINPROGRESS
 * is success: poll for POLLOUT, then net_error(). */
int net_connect(const struct endpoint *, const struct addr *source);
enum { NET_V6ONLY = 1, NET_V4V6 = 2, NET_SHARED = 4 };
/* A listening TCP socket with SO_REUSEADDR and IP_FREEBIND (the address need not be here yet). device may be NULL.
 * how: whether an IPv6 one takes IPv4 too (else as the system has it); whether others of this user may have the port. */
int net_listen(const struct endpoint *, const char *device, int backlog, unsigned how);
int net_error(int fd);                  /* takes SO_ERROR: 0 or an errno */
/* What of our bytes the peer's system has not taken yet, 0 if it has all; *taken: how many it has, the low 32 bits. */
uint32_t net_unacknowledged(int fd, uint32_t *taken);
bool net_option(int fd, int level, int name, int value);
void net_reset_on_close(int fd);        /* SO_LINGER 0: close sends RST */
#endif
