/* SPDX-License-Identifier: MIT
 * Test vectors in text files, and input that ends where the next byte faults.
 *
 * A record is a line of words that says what it is, then lines of "<" input, "?" options and ">" what must come out. In
 * input and output \r \n \t \0 \\ and \xHH stand for bytes; several lines are joined. Lines starting with # and empty
 * lines do not count. Fuzzers start from the same files.
 */
#ifndef TEST_VECTOR_H
#define TEST_VECTOR_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#ifndef TEST_VECTORS
#define TEST_VECTORS "test/vectors"
#endif
#define VECTOR_MAX 40000

struct vector {
	int line;
	char what[512], options[512];
	uint8_t in[VECTOR_MAX];
	uint8_t out[VECTOR_MAX];
	size_t in_n, out_n;             /* out also has a NUL behind it */
};

static inline size_t vector_unescape(const char *s, uint8_t *out)
{
	size_t n = 0;

	for (; *s; s++) {
		unsigned v = 0;
		if (*s != '\\') {
			out[n++] = (uint8_t)*s;
			continue;
		}
		s++;
		if (*s == 'x' && sscanf(s + 1, "%2x", &v) == 1)
			s += 2;
		else
			v = *s == 'r' ? '\r' : *s == 'n' ? '\n' : *s == 't' ? '\t' : *s == '0' ? 0 : (unsigned char)*s;
		out[n++] = (uint8_t)v;
	}
	return n;
}

/* Calls back for each record; returns how many there were. */
static inline unsigned vectors(const char *file, void (*test)(const struct vector *))
{
	static struct vector v;
	static char line[VECTOR_MAX], path[4096];
	unsigned count = 0;

	snprintf(path, sizeof path, "%s/%s", TEST_VECTORS, file);
	FILE *f = fopen(path, "r");
	if (!f) {
		perror(path);
		abort();
	}
	v.line = 0;
	for (int number = 1;; number++) {
		char *text = fgets(line, sizeof line, f);
		if (text)
			text[strcspn(text, "\n")] = 0;
		if (text && (*text == 0 || *text == '#'))
			continue;
		if (text && strchr("<>?", *text)) {
			const char *rest = text + 1 + (text[1] == ' ');
			if (*text == '<')
				v.in_n += vector_unescape(rest, v.in + v.in_n);
			else if (*text == '>')
				v.out_n += vector_unescape(rest, v.out + v.out_n);
			else
				snprintf(v.options, sizeof v.options, "%s", rest);
			continue;
		}
		if (v.line) {
			v.out[v.out_n] = 0;
			test(&v);
			count++;
		}
		if (!text)
			break;
		v.line = number;
		v.in_n = v.out_n = 0;
		v.options[0] = 0;
		snprintf(v.what, sizeof v.what, "%s", text);
	}
	fclose(f);
	return count;
}

/* The value of word=value in a line of words; NULL: the word is not there. Static. */
static inline const char *vector_option(const char *words, const char *word)
{
	static char value[512];
	size_t n = strlen(word);

	for (const char *p = words; *p; p += strcspn(p, " "), p += strspn(p, " ")) {
		if (strncmp(p, word, n) != 0 || !strchr("= ", p[n]))
			continue;
		p += n + (p[n] == '=');
		snprintf(value, sizeof value, "%.*s", (int)strcspn(p, " "), p);
		return value;
	}
	return NULL;
}

/* A copy of n bytes; the byte behind the last faults. Valid until the next call. */
static inline uint8_t *at_page_end(const void *bytes, size_t n)
{
	static uint8_t *area;
	const size_t size = 1 << 16, page = 1 << 16;

	if (!area) {
		area = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (area == MAP_FAILED || mprotect(area + size, page, PROT_NONE) != 0)
			abort();
	}
	if (n > size)
		abort();
	if (n)
		memcpy(area + size - n, bytes, n);
	return area + size - n;
}
#endif
