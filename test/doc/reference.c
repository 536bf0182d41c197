/* SPDX-License-Identifier: MIT
 * Writes cfg/REFERENCE.md (make doc): each keyword by the table that the parser reads, with an example from
 * test/vectors/conf.txt, and what becomes of HAProxy's words and lines (test/doc/haproxy.txt), by asking that parser.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../unit/kind.h"

static struct arena arena;
static const struct keyword *table;
static uint32_t count;
static char first_error[512];

static char *read_text(const char *path)
{
	char name[512];

	snprintf(name, sizeof name, "%s/%s", TEST_ROOT, path);
	FILE *f = fopen(name, "rb");
	if (!f) {
		perror(name);
		exit(1);
	}
	char *text = malloc(1 << 20);
	text[fread(text, 1, (1 << 20) - 1, f)] = '\0';
	fclose(f);
	return text;
}

/* ---- keywords ---- */

static char *examples[KEYWORDS_MAX];    /* by row: the first accepted one */

static void find_examples(void)
{
	char kind[32] = "", name[64] = "", *next;
	uint32_t row = count;

	for (char *line = read_text("test/vectors/conf.txt"); *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (sscanf(line, "= %31s %63s", kind, name) == 2)
			for (row = 0; row < count; row++)
				if (strcmp(kind_of(&table[row]), kind) == 0 && strcmp(table[row].name, name) == 0)
					break;
		if (*line == '+' && row < count && !examples[row])
			examples[row] = line + 2;
	}
}

/* Of an example of several lines the one that has the word. */
static void print_example(const struct keyword *k, const char *example)
{
	const char *start = example, *end;

	if (keyword_is(k, AS_SECTION)) {
		printf("  Example:\n\n");
		for (const char *line = start; line; line = *end ? end + 4 : NULL) {
			end = strstr(line, " // ") ? strstr(line, " // ") : line + strlen(line);
			printf("      %.*s\n", (int)(end - line), line);
		}
		printf("\n");
		return;
	}
	for (;;) {
		const char *word = strstr(start, k->name);
		end = strstr(start, " // ") ? strstr(start, " // ") : start + strlen(start);
		if ((word && word < end) || !*end)
			break;
		start = end + 4;
	}
	printf("  Example: `%.*s`\n", (int)(end - start), start);
}

static void print_row(const struct keyword *k, const char *example)
{
	char facts[256];

	(void)keyword_facts(k, facts, sizeof facts);
	printf("- **`%s%s%s%s`**: %s.\n  %c%s%s.\n", keyword_prefix(k), k->name, *k->arguments ? " " : "", k->arguments,
		keyword_help(k), *facts & ~0x20, facts + 1, k->where & REPEATS ? "; any number of times" : "");
	if (example)
		print_example(k, example);
}

static void print_group(const char *title, uint32_t as, uint32_t sections)
{
	bool any = false;

	for (uint32_t i = 0; i < count; i++) {
		if (!keyword_is(&table[i], as) || (sections && !(table[i].where & sections)))
			continue;
		if (!any)
			printf("\n## %s\n\n", title);
		any = true;
		print_row(&table[i], examples[i]);
	}
}

static void print_keywords(void)
{
	char title[128];

	print_group("Sections", AS_SECTION, 0);
	print_group("global", AS_LINE, IN_GLOBAL);
	print_group("vrrp", AS_LINE, IN_VRRP);
	print_group("vrrp_script", AS_LINE, IN_SCRIPT);
	print_group("vrrp_track_file", AS_LINE, IN_FILE);
	print_group("vrrp_sync_group", AS_LINE, IN_GROUP);
	print_group("defaults, frontend, backend, listen", AS_LINE, IN_PROXY);
	for (uint32_t as = AS_LINE + (1u << 12); as < AS_ALL; as += 1u << 12) {
		uint32_t i = 0;
		while (i < count && (table[i].where & AS_ALL) != as)
			i++;
		if (i == count)
			continue;
		const char *place = keyword_place(as);
		snprintf(title, sizeof title, "%s %s", *place == '\'' ? "Behind" : "On", place);
		print_group(title, as, 0);
	}
}

/* ---- HAProxy's ---- */

static void collect(void *context, enum conf_severity severity, const char *sentence)
{
	(void)context;
	const char *text = strstr(sentence, ": ");      /* behind "f:5" */
	if (severity == CONF_ERROR && !*first_error)
		snprintf(first_error, sizeof first_error, "%s", text ? text + 2 : sentence);
}

/* The parser's answer to a whole line: NULL, or why not. */
static const char *refused_line(const char *line)
{
	static char file[2048];
	bool front = strncmp(line, "use_backend", 11) == 0;

	/* What the line needs to make sense; lines that cannot be twice give way. */
	int n = snprintf(file, sizeof file, "listen l\n%s%sbind :80\nserver s 10.0.0.1:80 check%s\n%s%s\n%s\nbackend b\nmode http\n"
		"server s 10.0.0.2:80\n",
		strncmp(line, "mode ", 5) == 0 ? "" : strncmp(line, "tcp-request content", 19) == 0 ? "mode tcp\n" : "mode http\n", strstr(line, "option") && strstr(line, "log") ? "log global\n" : "",
		strncmp(line, "cookie ", 7) == 0 ? " cookie a" : "",
		strstr(line, " dynamic") ? "dynamic-cookie-key k\n" : strncmp(line, "http-check", 10) == 0 ? "option httpchk\n" :
		strncmp(line, "tcp-check", 9) == 0 ? "option tcp-check\n" :
		strstr(line, "sc0_") || strstr(line, "sc_") || strstr(line, "src_conn") || strstr(line, "src_http") || strstr(line, "src_get") || strncmp(line, "stick ", 6) == 0 || strstr(line, "track-sc")
		? "stick-table type ip size 1k expire 10m store conn_cur,conn_rate(10s),http_req_rate(10s),gpc0\n" : "", line,
		front ? "server t 10.0.0.3:80" : "");
	memset(arena.start, 0, arena.used);
	arena.used = arena.line_count = 0;
	*first_error = '\0';
	(void)conf_load(&arena, "f", file, (uint32_t)n, "a", "h", &(struct conf_handed){ .hosts = "" }, collect, NULL);
	return *first_error ? first_error : NULL;
}

/* NULL: the table has it. */
static const char *refused_word(uint32_t as, uint32_t sections, const char *text)
{
	static const char unknown[] = "unknown";
	const char *space = strchr(text, ' ');
	struct str word = str_of(text, space ? (size_t)(space - text) : strlen(text));
	const struct keyword *k = keyword_find(as, sections, word);

	if (!k || !(k->where & sections)) {
		const char *reason = foreign_reason(as, sections, word);
		return reason ? reason : unknown;
	}
	return k->set == set_family && space ? refused_word(k->low, sections, space + 1) : NULL;
}

struct place { const char *name; uint32_t as, sections; };
static const struct place places[] = {
	{ "global", AS_LINE, IN_GLOBAL }, { "proxy", AS_LINE, IN_PROXY }, { "bind", AS_BIND, IN_FRONTEND }, { "server", AS_SERVER, IN_BACK },
	{ "line", AS_ANY, 0 },
};

/* One answer and the words that it is for. */
struct answer { char text[1024]; char words[8192]; };
static struct answer answers[200];
static unsigned answer_count;

/* The sentences of the parser, without what is the same for each word. */
static void shorten(const char *text, char *out, size_t size)
{
	static const struct { const char *front, *instead; } fronts[] = {
		{ "yes", "yes" }, { "is HAProxy's; tandem does not have it: ", "no: " }, { "is HAProxy's; tandem does not have it", "no" },
		{ "is HAProxy's and comes later: ", "not yet: " }, { "is HAProxy's and comes later", "not yet" },
		{ "is HAProxy's: ", "differently: " }, { "is HAProxy's old word: ", "differently: " }, { "unknown", "no: unknown" },
		{ "is ", "no: it is " }, { "", "no: " },
	};
	const char *quoted = *text == '\'' ? strchr(text + 1, '\'') : NULL;
	unsigned i = 0;

	if (strncmp(text, "unknown keyword", 15) == 0)
		text = "unknown";
	if (quoted && strncmp(quoted, "' is ", 5) == 0)
		text = quoted + 2;
	while (strncmp(text, fronts[i].front, strlen(fronts[i].front)) != 0)
		i++;
	snprintf(out, size, "%s%s", fronts[i].instead, text + strlen(fronts[i].front));
}

static void add_answer(const char *text, const char *word)
{
	unsigned i = 0;
	char short_text[1024];

	shorten(text, short_text, sizeof short_text);
	while (i < answer_count && strcmp(answers[i].text, short_text) != 0)
		i++;
	if (i == sizeof answers / sizeof *answers)
		exit(1);
	if (i == answer_count)
		strcpy(answers[answer_count++].text, short_text);
	snprintf(answers[i].words + strlen(answers[i].words), sizeof answers[i].words - strlen(answers[i].words), "%s`%s`",
		*answers[i].words ? ", " : "", word);
}

static void print_cell(const char *text)
{
	for (; *text; text++)
		printf(*text == '|' ? "\\|" : "%c", *text);
}

static void print_answers(void)
{
	for (int yes = 1; yes >= 0; yes--)
		for (unsigned i = 0; i < answer_count; i++) {
			if ((strncmp(answers[i].text, "yes", 3) == 0) != yes)
				continue;
			printf("| ");
			print_cell(answers[i].words);
			printf(" | ");
			print_cell(answers[i].text);
			printf(" |\n");
		}
	memset(answers, 0, sizeof answers);
	answer_count = 0;
}

static void answer(const struct place *place, const char *word, const char *note)
{
	char text[1000];
	const char *why = place->as == AS_ANY ? refused_line(word) : refused_word(place->as, place->sections, word);

	snprintf(text, sizeof text, "%s%s%s", why ? why : "yes", !why && note ? ", with a difference: " : "", !why && note ? note : "");
	add_answer(text, word);
}

static void print_haproxy(void)
{
	const struct place *place = NULL;
	char *next;

	printf("\n## HAProxy's words and lines\n\n"
		"*Yes* means what it means in HAProxy 2.6, with the arguments that the lists above name. Anything else is refused, by name and\n"
		"with the reason below, never ignored; *unknown*: as a word that tandem has never heard of.\n");
	for (char *line = read_text("test/doc/haproxy.txt"); *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		char name[16], title[80], *note = strstr(line, " | ");
		if (sscanf(line, "= %15s %79[^\n]", name, title) == 2) {
			print_answers();
			printf("\n### %s\n\n| HAProxy's | here |\n|---|---|\n", title);
			for (place = places; strcmp(place->name, name) != 0; place++)
				if (place->as == AS_ANY)
					exit(1);
		} else if (!place || *line == '#' || *line == '\0') {
			continue;
		} else if (note || place->as == AS_ANY) {
			if (note)
				*note = '\0';
			answer(place, line, note ? note + 3 : NULL);
		} else {
			for (char *word = strtok(line, ","); word; word = strtok(NULL, ","))
				answer(place, word + strspn(word, " "), NULL);
		}
	}
	print_answers();
}

int main(void)
{
	if (!arena_open(&arena, CONF_ARENA_MAX))
		return 1;
	table = keyword_table(&count);
	find_examples();
	printf("<!-- Made by `make doc` from src/conf/keywords.c, test/vectors/conf.txt and test/doc/haproxy.txt: edit those. -->\n"
		"# Every keyword of tandem.conf\n\n"
		"`tandem help KEYWORD` says the same. A default in brackets at the end of a sentence is what holds without the line.\n");
	print_keywords();
	print_haproxy();
	return ferror(stdout) || fclose(stdout) ? 1 : 0;
}
