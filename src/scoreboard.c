/* SPDX-License-Identifier: MIT */
#include "scoreboard.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

size_t scoreboard_bytes(const struct conf *conf)
{
	return sizeof(struct scoreboard) + conf->server_count * sizeof(struct scoreboard_server);
}

static struct scoreboard *map(int fd, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

struct scoreboard *scoreboard_make(const struct conf *conf, int *fd)
{
	struct scoreboard *board = NULL;

	*fd = memfd_create("tandem-scoreboard", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd == -1)
		return NULL;
	/* Sealed: a worker that shrank it could kill the guard with SIGBUS. */
	if (ftruncate(*fd, (off_t)scoreboard_bytes(conf)) == 0
	    && fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		board = map(*fd, scoreboard_bytes(conf));
	if (!board) {
		int error = errno;
		(void)close(*fd);
		errno = error;
		return NULL;
	}
	board->magic = SCOREBOARD_MAGIC;
	board->server_count = conf->server_count;
	return board;
}

struct scoreboard *scoreboard_map(const struct conf *conf, int fd)
{
	if (lseek(fd, 0, SEEK_END) != (off_t)scoreboard_bytes(conf)) {
		errno = EINVAL;
		return NULL;
	}
	struct scoreboard *board = map(fd, scoreboard_bytes(conf));
	if (board && (board->magic != SCOREBOARD_MAGIC || board->server_count != conf->server_count)) {
		errno = EINVAL;
		return NULL;
	}
	return board;
}

uint32_t scoreboard_usable(const struct scoreboard *board, const struct proxy_config *backend)
{
	uint32_t usable = 0;

	for (const struct server_config *s = backend->servers; s; s = s->next) {
		uint32_t status = atomic_load_explicit(&board->servers[s->index].status, memory_order_relaxed);
		usable += status == SERVER_UP || status == SERVER_UNKNOWN;
	}
	return usable;
}
