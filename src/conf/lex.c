/* SPDX-License-Identifier: MIT */
#include "conf/lex.h"

struct lexer {
	const char *p, *end;
	char *out;              /* never behind p: every byte of the line makes at most one byte of text */
	char quote;             /* 0, ' or " */
};

/* Bytes that only ever get into a file by mistake, and look like spaces or quotes when they do. */
static const char *odd_byte(const struct lexer *l)
{
	unsigned char c = (unsigned char)*l->p;
	unsigned char second = l->end - l->p > 1 ? (unsigned char)l->p[1] : 0;
	unsigned char third = l->end - l->p > 2 ? (unsigned char)l->p[2] : 0;

	if (c == '\r')
		return PACKED "a carriage return in the middle of the line";
	if (c < ' ' || c == 0x7f)
		return PACKED "a control character";
	if (l->quote || c < 0x80)
		return NULL;
	if (c == 0xc2 && second == 0xa0)
		return PACKED "a non-breaking space (from a web page?): type the space again";
	if (c == 0xe2 && second == 0x80 && third >= 0x98 && third <= 0x9f)
		return PACKED "a typographic quote (from a web page?): type it as ' or \"";
	return PACKED "a character that is not ASCII, outside quotes";
}

/* p is behind a backslash. */
static const char *take_escape(struct lexer *l)
{
	static const char from[] = "\\ '\"#nrt$", to[] = "\\ '\"#\n\r\t$";

	if (l->p == l->end)
		return PACKED "it ends in a backslash; a line cannot be continued on the next";
	for (unsigned i = 0; from[i]; i++)
		if (*l->p == from[i] && (from[i] != '$' || l->quote)) {
			*l->out++ = to[i];
			l->p++;
			return NULL;
		}
	if (*l->p != 'x') {
		*l->out++ = '\\';
		return NULL;
	}
	int high = l->end - l->p > 2 ? text_hex_digit(l->p[1]) : -1, low = high >= 0 ? text_hex_digit(l->p[2]) : -1;
	if (low < 0)
		return PACKED "\\x needs two hexadecimal digits";
	if (high == 0 && low == 0)
		return PACKED "\\x00 is no character that a word can have";
	*l->out++ = (char)(high << 4 | low);
	l->p += 3;
	return NULL;
}

static const char *take_word(struct lexer *l)
{
	while (l->p < l->end) {
		char c = *l->p;
		const char *wrong = c == '\t' ? NULL : odd_byte(l);
		if (wrong)
			return wrong;
		if (!l->quote && (c == ' ' || c == '\t' || c == '#'))
			return NULL;
		l->p++;
		if (c == '\\' && l->quote != '\'') {
			wrong = take_escape(l);
			if (wrong)
				return wrong;
		} else if ((c == '"' || c == '\'') && (!l->quote || l->quote == c)) {
			l->quote = l->quote ? 0 : c;
		} else if (c == '$' && l->quote == '"') {
			return PACKED "$ in double quotes is an environment variable in HAProxy, and tandem reads none: write "
				"\\$ or use single quotes";
		} else {
			*l->out++ = c;
		}
	}
	if (l->quote == '"')
		return PACKED "a double quote is not closed";
	return l->quote ? PACKED "a single quote is not closed" : NULL;
}

const char *lex_line(struct lex_line *line, const char *p, uint32_t n)
{
	struct lexer l = { .p = p, .end = p + n, .out = line->text };

	line->count = 0;
	if (n > 0 && p[n - 1] == '\r')          /* a file from Windows; conf_load() says so once */
		l.end--;
	for (;;) {
		while (l.p < l.end && (*l.p == ' ' || *l.p == '\t'))
			l.p++;
		if (l.p == l.end || *l.p == '#')
			return NULL;
		if (l.end - p > LEX_LINE_MAX)
			return PACKED "the line is longer than 2048 bytes";
		if (line->count == LEX_WORDS_MAX)
			return PACKED "more than 64 words";
		char *start = l.out;
		const char *wrong = take_word(&l);
		if (wrong)
			return wrong;
		line->words[line->count++] = str_of(start, (size_t)(l.out - start));
		*l.out++ = '\0';
	}
}
