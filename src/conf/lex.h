/* SPDX-License-Identifier: MIT
 * One line of the configuration file -> its words, by HAProxy's rules: words stand between spaces or tabs, #
 * starts a comment, 'strong' quotes keep everything, "weak" quotes and plain text know backslash escapes (\\
 * \' \" \# \r \n \t \xHH and backslash-space; in weak quotes \$; any other backslash stands for itself).
 * What HAProxy would replace by an environment variable is refused. Pure.
 */
#ifndef CONF_LEX_H
#define CONF_LEX_H
#include "base/text.h"

#define LEX_LINE_MAX 2048               /* bytes of a line, as in HAProxy */
#define LEX_WORDS_MAX 64

struct lex_line {
	uint32_t count;                         /* 0: an empty line, or only a comment */
	struct str words[LEX_WORDS_MAX];        /* in text, each followed by a NUL; there is no NUL in a word */
	char text[LEX_LINE_MAX + 1];
};

/* Reads the n bytes at p, which are one line without its LF. Returns NULL, or what is wrong with the line. */
const char *lex_line(struct lex_line *, const char *p, uint32_t n);
#endif
