/* SPDX-License-Identifier: MIT */
#include "proxy/upgrade.h"

static bool parts_names(char c)
{
	return c == ',' || c == ' ' || c == '\t';
}

uint32_t upgrade_names(const struct http_head *head, const char *proof)
{
	const struct http_field *f;
	uint32_t names = 0, at = 0, none = 0;

	for (; (f = http_field_find(head, "upgrade", &at)) != NULL; at++)
		for (uint32_t i = 0, start, hash; i < f->value.n; i++) {
			for (start = i, hash = 0; i < f->value.n && !parts_names(f->value.p[i]); i++)
				hash = hash * 31 + ((uint8_t)f->value.p[i] | 0x20);
			if (i == start)
				continue;
			if (str_is_nocase(str_of(f->value.p + start, i - start), "websocket") && !http_field_find(head, proof, &none))
				return 0;
			names |= 1U << hash % 32;
		}
	return names;
}
