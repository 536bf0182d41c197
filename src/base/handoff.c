/* SPDX-License-Identifier: MIT */
#include "base/handoff.h"
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

size_t handoff_bytes(unsigned count)
{
	return sizeof HANDOFF_VARIABLE + 1 + (size_t)count * sizeof "scoreboard4294967295=2147483647 ";
}

void handoff_init(struct handoff *h, char *area, size_t size)
{
	h->text = area;
	h->size = size;
	h->used = text_format(area, size, HANDOFF_VARIABLE "=");
}

bool handoff_add(struct handoff *h, const char *name, unsigned number, int fd)
{
	char word[48];
	size_t n = text_format(word, sizeof word, "%s%u=%d ", name, number, fd);

	if (n + 1 > h->size - h->used)
		return false;
	memcpy(h->text + h->used, word, n + 1);
	h->used += n;
	return true;
}

int handoff_take(const char *name, unsigned number)
{
	const char *p = getenv(HANDOFF_VARIABLE);
	char wanted[48];
	size_t n = text_format(wanted, sizeof wanted, "%s%u=", name, number);
	uint32_t fd;

	while (p && *p) {
		size_t word = strcspn(p, " ");
		if (word > n && memcmp(p, wanted, n) == 0 && text_to_u32(str_of(p + n, word - n), INT32_MAX, &fd)) {
			/* A descriptor that is not there is as good as one that was not handed over. */
			return fcntl((int)fd, F_SETFD, FD_CLOEXEC) == -1 ? -1 : (int)fd;
		}
		p += word;
		p += *p == ' ';
	}
	return -1;
}
