/* SPDX-License-Identifier: MIT
 * In place of libFuzzer: runs a harness on the files it is given, whole and each prefix.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int main(int argc, char **argv)
{
	static uint8_t bytes[1 << 16];

	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		if (!f) {
			perror(argv[i]);
			return 2;
		}
		size_t n = fread(bytes, 1, sizeof bytes, f);
		fclose(f);
		for (size_t k = 0; k <= n; k++) {
			uint8_t *copy = malloc(k + 1);
			memcpy(copy, bytes, k);
			LLVMFuzzerTestOneInput(copy, k);
			free(copy);
		}
	}
	printf("%d files\n", argc - 1);
	return 0;
}
