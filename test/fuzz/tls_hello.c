/* SPDX-License-Identifier: MIT
 * Fuzzes ClientHellos: what is understood is not understood without its last byte, nor otherwise with more behind it. Built
 * like cookie.c, of src/proxy/tls_hello.c.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "proxy/tls_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void must(bool good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct tls_hello hello, again;
	int used = tls_hello_parse(bytes, n, &hello);

	must(used >= -1 && used <= (int)n);
	if (used <= 0) {
		must(hello.type == 0 && hello.name_n == 0);
		return 0;
	}
	must(tls_hello_parse(bytes, (size_t)used, &again) == used && again.type == hello.type);
	must(again.name_n == hello.name_n && memcmp(again.name, hello.name, hello.name_n) == 0);
	must(tls_hello_parse(bytes, (size_t)used - 1, &again) == 0);
	return 0;
}
