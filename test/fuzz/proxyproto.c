/* SPDX-License-Identifier: MIT
 * Fuzzes PROXY headers: what is understood can be made anew in both versions, and is then understood in the same way. Built
 * like cookie.c, of src/proxy/proxyproto.c, src/base/addr.c and src/base/text.c.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "proxy/proxyproto.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void must(bool good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct proxyproto header, again;
	int used = n > 70000 ? 0 : proxyproto_parse(bytes, n, &header);

	must(used >= PROXYPROTO_INVALID && used <= (int)n);
	if (used <= 0)
		return 0;
	must(proxyproto_parse(bytes, (size_t)used - 1, &again) == 0);
	for (unsigned version = 1; version <= 2; version++) {
		char out[PROXYPROTO_MAX + 1];
		uint32_t m = proxyproto_make(version, &header, out);
		must(proxyproto_parse((uint8_t *)out, m, &again) == (int)m);
		must(addr_equal(&again.source.addr, &header.source.addr) && again.source.port == header.source.port);
		must(addr_equal(&again.destination.addr, &header.destination.addr)
			&& again.destination.port == header.destination.port);
	}
	return 0;
}
