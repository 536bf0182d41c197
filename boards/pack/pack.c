/* SPDX-License-Identifier: MIT
 * pack <PROGRAM.s >PACKED.s     on the machine that builds: makes the sentences of the program short
 *
 * What begins with PACKED or FORMAT (base/text.h) in the assembler text of the whole program is encoded: the pair of bytes that is
 * the most frequent becomes one byte that no sentence has, and so on until no such byte is left; a pair may have pairs in
 * it. The pairs go to the end as text_pairs[], and text_format() takes them apart again when it prints. Nothing is kept
 * but that: no memory is needed for unpacked text, and which sentences there are need not be known anywhere.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../src/base/text.h"

#define MARK "\\001\\002\\00"             /* PACKED or FORMAT, but the last byte, as the compiler writes them */
#define LINES_MAX 2000000
#define TEXTS_MAX 20000
#define BYTES_MAX 2000000

static char *lines[LINES_MAX];
static size_t line_count;

/* A run of .string and .ascii lines is one text, or several with a NUL between them. */
struct text { size_t line; uint8_t *p; size_t n; uint8_t *plain; size_t plain_n; bool format; };
static struct text texts[TEXTS_MAX];
static size_t text_count, text_at[LINES_MAX];   /* text_at: 1 + the text that begins in this line */
static bool gone[LINES_MAX];
static uint8_t bytes[BYTES_MAX];
static size_t byte_count;
static uint8_t pairs[256][2];

static void stop(const char *what, const char *where)
{
	fprintf(stderr, "pack: %s: %s\n", what, where);
	exit(1);
}

static void read_lines(void)
{
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, stdin) != -1) {
		if (line_count == LINES_MAX)
			stop("too many lines", line);
		line[strcspn(line, "\n")] = '\0';
		lines[line_count++] = strdup(line);
	}
}

/* The operand of .string or .ascii, or NULL. */
static const char *operand(const char *line)
{
	return strncmp(line, "\t.string\t\"", 10) == 0 ? line + 10 : strncmp(line, "\t.ascii\t\"", 9) == 0 ? line + 9 : NULL;
}

/* The byte at c, which moves behind it: itself, or an escape. */
static uint8_t take_byte(const char **c)
{
	static const char names[] = "nrtbf", values[] = "\n\r\t\b\f";
	unsigned v = (uint8_t)*(*c)++;

	if (v != '\\')
		return (uint8_t)v;
	v = (uint8_t)*(*c)++;
	const char *name = v ? strchr(names, (int)v) : NULL;
	if (name)
		return (uint8_t)values[name - names];
	if (v < '0' || v > '7')
		return (uint8_t)v;
	v -= '0';
	for (unsigned i = 0; i < 2 && **c >= '0' && **c <= '7'; i++)
		v = v * 8 + (unsigned)(*(*c)++ - '0');
	return (uint8_t)v;
}

/* Appends what the line stands for; a .string has a NUL at its end. */
static void take_bytes(const char *line)
{
	for (const char *c = operand(line); *c && *c != '"'; ) {
		if (byte_count + 2 >= BYTES_MAX)
			stop("too much text", line);
		bytes[byte_count++] = take_byte(&c);
	}
	if (line[2] == 's')
		bytes[byte_count++] = '\0';
}

static void find_texts(void)
{
	bool debug = false;

	for (size_t i = 0; i < line_count; i++) {
		if (strncmp(lines[i], "\t.section\t", 10) == 0)
			debug = strstr(lines[i], ".debug") != NULL;
		else if (strncmp(lines[i], "\t.text", 6) == 0 || strncmp(lines[i], "\t.data", 6) == 0
		    || strncmp(lines[i], "\t.bss", 5) == 0)
			debug = false;
		const char *c = operand(lines[i]);
		if (!c || debug || !strstr(c, MARK))
			continue;
		if (strstr(c + (strncmp(c, MARK, sizeof MARK - 1) == 0), MARK))
			stop("a mark inside of a text", lines[i]);
		if (text_count == TEXTS_MAX)
			stop("too many sentences", lines[i]);
		struct text *t = &texts[text_count++];
		size_t start = byte_count;
		t->line = i;
		text_at[i] = text_count;
		do {
			if (i == line_count || !operand(lines[i]))
				stop("a sentence without an end", lines[t->line]);
			take_bytes(lines[i]);
			gone[i++] = true;
		} while (bytes[byte_count - 1] != '\0');
		if (bytes[start + 2] != 3 && bytes[start + 2] != 4)
			stop("a mark that is neither PACKED nor FORMAT", lines[t->line]);
		t->p = bytes + start + 3;                       /* without the mark and the NUL */
		t->n = byte_count - start - 4;
		t->format = bytes[start + 2] == 4;
		if (t->n >= TEXT_MAX)
			stop("longer than TEXT_MAX", lines[t->line]);
		if (memchr(t->p, '\0', t->n))
			stop("more than one text in a line", lines[t->line]);
		t->plain_n = t->n;
		t->plain = memcpy(malloc(t->n + 1), t->p, t->n);
		if (i < line_count && (strncmp(lines[i], "\t.zero", 6) == 0 || strncmp(lines[i], "\t.quad", 6) == 0
		    || strncmp(lines[i], "\t.long", 6) == 0 || strncmp(lines[i], "\t.byte", 6) == 0))
			stop("a sentence must stand behind a pointer, not in a structure", lines[t->line]);
		i--;
	}
}

static unsigned counts[65536];

static uint8_t *most_frequent(void)
{
	static uint8_t best[2];
	unsigned most = 3;      /* fewer are not worth it */

	memset(counts, 0, sizeof counts);
	for (size_t k = 0; k < text_count; k++)
		for (size_t i = 0; i + 1 < texts[k].n; i++) {
			const uint8_t *p = texts[k].p + i;
			unsigned n = ++counts[p[0] * 256 + p[1]];
			if (p[0] == p[1] && i + 2 < texts[k].n && p[2] == p[1])
				i++;    /* "aaa" is one pair and a letter */
			if (n > most || (n == most && most > 3 && (p[0] * 256 + p[1]) < best[0] * 256 + best[1])) {
				most = n;
				best[0] = p[0];
				best[1] = p[1];
			}
		}
	return most > 3 ? best : NULL;
}

static void replace(struct text *t, const uint8_t pair[2], uint8_t code)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		if (i + 1 < t->n && t->p[i] == pair[0] && t->p[i + 1] == pair[1]) {
			t->p[n++] = code;
			i++;
		} else {
			t->p[n++] = t->p[i];
		}
	t->n = n;
}

static void pack(void)
{
	bool used[256] = { [0] = true };

	for (size_t k = 0; k < text_count; k++)
		for (size_t i = 0; i < texts[k].n; i++)
			used[texts[k].p[i]] = true;
	for (unsigned i = 0; i < TEXT_PAIRS; i++) {
		uint8_t code = (uint8_t)(TEXT_PAIRS_FROM + i), *pair;
		if (used[code])
			continue;
		if (!(pair = most_frequent()))
			return;
		pairs[code][0] = pair[0];
		pairs[code][1] = pair[1];
		for (size_t k = 0; k < text_count; k++)
			replace(&texts[k], pairs[code], code);
	}
}

static uint8_t *unpack(uint8_t *out, uint8_t code)
{
	if (pairs[code][0])
		return unpack(unpack(out, pairs[code][0]), pairs[code][1]);
	*out++ = code;
	return out;
}

/* The fewest bytes for a text with the pairs that there are: from its end, the best way on from each place. */
static void shorten(struct text *t, uint8_t words[256][TEXT_MAX], const size_t lengths[256])
{
	size_t best[TEXT_MAX + 1] = { 0 }, n = 0;
	uint8_t codes[TEXT_MAX + 1];

	best[t->plain_n] = 0;
	for (size_t i = t->plain_n; i-- > 0; ) {
		codes[i] = t->plain[i];
		best[i] = best[i + 1] + 1;
		for (unsigned c = 0; c < 256; c++)
			if (pairs[c][0] && i + lengths[c] <= t->plain_n && best[i + lengths[c]] + 1 < best[i]
			    && memcmp(words[c], t->plain + i, lengths[c]) == 0) {
				best[i] = best[i + lengths[c]] + 1;
				codes[i] = (uint8_t)c;
			}
	}
	for (size_t i = 0; i < t->plain_n; i += pairs[codes[i]][0] ? lengths[codes[i]] : 1)
		t->p[n++] = codes[i];
	t->n = n;
}

static void shorten_all(void)
{
	static uint8_t words[256][TEXT_MAX];
	static size_t lengths[256];

	for (unsigned c = 0; c < 256; c++)
		if (pairs[c][0])
			lengths[c] = (size_t)(unpack(words[c], (uint8_t)c) - words[c]);
	for (size_t k = 0; k < text_count; k++)
		shorten(&texts[k], words, lengths);
}

/* What was made is what was there. */
static void verify(const struct text *t)
{
	uint8_t plain[TEXT_MAX], *end = plain;

	for (size_t i = 0; i < t->n; i++)
		end = unpack(end, t->p[i]);
	if ((size_t)(end - plain) != t->plain_n || memcmp(plain, t->plain, t->plain_n) != 0)
		stop("cannot be unpacked", lines[t->line]);
}

static void write_bytes(const uint8_t *p, size_t n)
{
	printf("\t.ascii\t\"");
	for (size_t i = 0; i < n; i++)
		printf("\\%03o", p[i]);
	printf("\"\n");
}

int main(void)
{
	read_lines();
	find_texts();
	pack();
	shorten_all();
	for (size_t i = 0; i < line_count; i++) {
		struct text *t = text_at[i] ? &texts[text_at[i] - 1] : NULL;
		if (!gone[i])
			puts(lines[i]);
		if (!t)
			continue;
		verify(t);
		bool shorter = t->format || t->n + 1 < t->plain_n;
		if (!t->format && shorter)
			write_bytes((const uint8_t *)"\1", 1);
		write_bytes(shorter ? t->p : t->plain, shorter ? t->n : t->plain_n);
		write_bytes((const uint8_t *)"", 1);
	}
	printf("\t.section\t.rodata.text_pairs,\"a\"\n\t.globl\ttext_pairs\ntext_pairs:\n");
	for (unsigned i = 0; i < TEXT_PAIRS; i++)
		write_bytes(pairs[(uint8_t)(TEXT_PAIRS_FROM + i)], 2);
	return ferror(stdout) || fclose(stdout) ? 1 : 0;
}
