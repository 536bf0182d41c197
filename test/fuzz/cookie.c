/* SPDX-License-Identifier: MIT
 * Fuzzes cookies: after the cut the cookie is gone, nothing has grown, and cutting again changes nothing. Built like http.c.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "proxy/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void must(bool good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct http_head head;
	char *in = malloc(n + 1), *out = malloc(n + 1);
	static const struct cookie_config c = { .name = "SERVERID", .insert = true, .indirect = true },
		prefix = { .name = "SERVERID", .prefix = true };
	struct cookie cookie = { .last_s = 0 };
	unsigned found = 0;

	/* As the parser gives it: trimmed. */
	while (n > 0 && strchr(" \t", bytes[n - 1]))
		n--;
	if (n == 0 || strchr(" \t", *bytes) || n > 8192) {
		free(in);
		free(out);
		return 0;
	}
	memcpy(in, bytes, n);
	head.field_count = 1;
	head.fields[0] = (struct http_field){ .name = str_z("Cookie"), .value = str_of(in, n) };
	while (cookie_find_next(&head, &c, &cookie)) {
		must(cookie.value.p >= in && cookie.value.p + cookie.value.n <= in + n && ++found <= n);
	}
	must(cookie_cut(str_of(in, n), &prefix, out) <= n);
	uint32_t changed = cookie_change(str_of(in, n), &prefix, COOKIE_REPLACED, "w", out, (uint32_t)n);
	must(changed == UINT32_MAX || (changed > 0 && changed <= n));
	uint32_t cut = cookie_cut(str_of(in, n), &c, out);
	must(cut <= n);
	head.fields[0].value = str_of(out, cut);
	cookie.at = (struct http_cursor){ 0, 0 };
	must(cut == 0 || !cookie_find_next(&head, &c, &cookie));
	if (cut > 0)
		must(cookie_cut(str_of(out, cut), &c, in) == cut && memcmp(in, out, cut) == 0);
	free(in);
	free(out);
	return 0;
}
