/* SPDX-License-Identifier: MIT
 * Names of servers, from /etc/hosts: there is no resolver, so nothing can make a start wait or change while we run.
 */
#include <string.h>
#include "conf/parse.h"

/* The next word of the line; false: it has no more. */
static bool next_word(struct str *line, struct str *word)
{
	uint32_t i = 0;

	while (i < line->n && (line->p[i] == ' ' || line->p[i] == '\t' || line->p[i] == '\r'))
		i++;
	*word = str_of(line->p + i, 0);
	while (i < line->n && !strchr(" \t\r#", line->p[i])) {
		i++;
		word->n++;
	}
	*line = str_of(line->p + i, line->n - i);
	return word->n > 0;
}

bool hosts_find(const char *text, struct str name, struct addr *a)
{
	while (*text) {
		struct str line = str_of(text, strcspn(text, "\n")), word;
		text += line.n + (text[line.n] == '\n');
		if (!next_word(&line, &word) || !addr_parse(word, a))
			continue;
		while (next_word(&line, &word))
			if (str_equal_nocase(word, name))
				return true;
	}
	return false;
}
