/* SPDX-License-Identifier: MIT
 * `tandem help [KEYWORD]`: the command line, or what the table of the configuration's keywords says.
 */
#include "cmd/cmd.h"
#include <string.h>
#include "base/log.h"
#include "conf/parse.h"

static void print_row(const struct keyword *k)
{
	char facts[160];

	(void)keyword_facts(k, facts, sizeof facts);
	out("%s%s%s%s\n    %s\n    %s\n", keyword_prefix(k), k->name, *k->arguments ? " " : "", k->arguments, keyword_help(k),
		facts);
}

static void print_keywords(uint32_t as, uint32_t in, const char *title)
{
	uint32_t count, column = 0;
	const struct keyword *table = keyword_table(&count);

	out("\n%s\n", title);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t n = (uint32_t)strlen(table[i].name) + 1;
		if (!keyword_is(&table[i], as) || !(table[i].where & in))
			continue;
		if (column == 0 || column + n > 100) {
			out("%s    ", column ? "\n" : "");
			column = 4;
		}
		out("%s ", table[i].name);
		column += n;
	}
	out("\n");
}

static void print_overview(void)
{
	(void)cmd_usage();
	out("\nThe file has sections; 'tandem help KEYWORD' says more about a word.\n");
	print_keywords(AS_LINE, IN_GLOBAL, "global");
	print_keywords(AS_LINE, IN_VRRP, "vrrp NAME");
	print_keywords(AS_LINE, IN_SCRIPT, "vrrp_script NAME");
	print_keywords(AS_LINE, IN_FILE, "vrrp_track_file NAME");
	print_keywords(AS_LINE, IN_GROUP, "vrrp_sync_group NAME");
	print_keywords(AS_LINE, IN_FRONTEND, "frontend NAME");
	print_keywords(AS_LINE, IN_BACKEND, "backend NAME");
	out("\nlisten NAME: what a frontend and a backend have\n"
		"\ndefaults: what the sections below it have, but bind and server\n");
	print_keywords(AS_OPTION, IN_PROXY, "option");
	print_keywords(AS_TIMEOUT, IN_PROXY, "timeout");
	print_keywords(AS_SERVER, IN_BACK, PACKED "server NAME ADDRESS:PORT, default-server");
	print_keywords(AS_HTTP_REQUEST, IN_PROXY, "http-request");
	print_keywords(AS_HTTP_RESPONSE, IN_PROXY, "http-response");
	print_keywords(AS_FETCH, IN_PROXY, PACKED "acl NAME FETCH[_beg | _end | _sub | _dir | _dom | _len] VALUE...");
}

/* Every row with that name, of any context or of one. */
static uint32_t print_rows(uint32_t as, struct str word)
{
	uint32_t count, found = 0;
	const struct keyword *table = keyword_table(&count);

	for (uint32_t i = 0; i < count; i++) {
		if (!str_is(word, table[i].name) || !keyword_is(&table[i], as))
			continue;
		if (found++)
			out("\n");
		print_row(&table[i]);
	}
	return found;
}

int cmd_help(int argc, char **argv)
{
	const struct keyword *near;
	unsigned distance;

	if (argc < 2) {
		print_overview();
		return 0;
	}
	struct str word = str_z(argv[argc - 1]);        /* of "option forwardfor" the last one */
	const char *suffix = strrchr(word.p, '_');      /* of "path_beg" */
	if (print_rows(AS_ANY, word) || (suffix && print_rows(AS_FETCH, str_of(word.p, (size_t)(suffix - word.p)))))
		return 0;
	const char *reason = foreign_reason(AS_ANY, IN_ANY, word);
	near = keyword_nearest(AS_ANY, IN_ANY, word, &distance);
	if (reason)
		log_err("'%.*s' %s", CLIPPED(word), reason);
	else
		log_err("there is no keyword '%.*s'%s%s%s", CLIPPED(word), near ? " (did you mean '" : "",
			near ? near->name : "", near ? "'?)" : "");
	return 1;
}
