/* SPDX-License-Identifier: MIT */
#include "conf/conf.h"
#include <string.h>
#include "conf/parse.h"

#define SENTENCE_MAX 512
#define CLIP 64                         /* of what the file says, that much is repeated */

/* ---- findings ---- */

static void say(struct parser *p, enum conf_severity severity, uint32_t line, const char *format,
	va_list arguments)
	__attribute__((format(printf, 4, 0)));
static void say(struct parser *p, enum conf_severity severity, uint32_t line, const char *format,
	va_list arguments)
{
	char sentence[SENTENCE_MAX];
	size_t n = 0;

	if (severity == CONF_ERROR && p->error_count++ >= CONF_ERRORS_MAX)
		return;
	if (line > 0)
		n = text_format(sentence, sizeof sentence, "%s:%u: ", p->file_name, line);
	else
		n = text_format(sentence, sizeof sentence, "%s: ", p->file_name);
	(void)text_vformat(sentence + n, sizeof sentence - n, CLIP, format, arguments);
	/* Escapes can put anything into a word; a terminal and a log get only what can be read. */
	for (char *c = sentence; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	p->report(p->context, severity, sentence);
}

#define FINDING(name, severity, line, ...) \
	void (name)(__VA_ARGS__, const char *format, ...) \
	{ \
		va_list arguments; \
		va_start(arguments, format); \
		say(p, severity, line, format, arguments); \
		va_end(arguments); \
	}
FINDING(refuse, CONF_ERROR, p->line, struct parser *p)
FINDING(refuse_at, CONF_ERROR, line, struct parser *p, uint32_t line)
FINDING(warn, CONF_WARNING, p->line, struct parser *p)
FINDING(warn_at, CONF_WARNING, line, struct parser *p, uint32_t line)

const char *keep_text(struct parser *p, struct str s)
{
	return p->foreign ? "" : arena_text(p->arena, s.p, s.n);
}

void *keep(struct parser *p, const void *object, size_t size)
{
	void *kept = arena_array(p->arena, "configuration", size, 1);

	memcpy(kept, object, size);
	return kept;
}

/* ---- words ---- */

void keyword_apply(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	uint32_t count;
	size_t row = (size_t)(k - keyword_table(&count));
	const char *prefix = keyword_prefix(k);

	if (n < k->min || n > k->max) {
		refuse(p, "'%s%s' takes %s: '%s%s%s%s'", prefix, k->name, k->max == 0 ? "no argument" :
			n < k->min ? PACKED "more arguments" : PACKED "fewer arguments", prefix, k->name, *k->arguments ? " " : "",
			k->arguments);
		return;
	}
	if (!(k->where & REPEATS) && !keyword_is(k, AS_SECTION) && !p->foreign) {
		if (p->section_line > 0 && p->seen[row] >= p->section_line) {
			refuse(p, "'%s%s' is set in line %u already", prefix, k->name, p->seen[row]);
			return;
		}
		if ((k->where & AS_ALL) < AS_PART)
			p->seen[row] = p->line;
	}
	k->set(p, k, args, n, object);
}

void words_apply(struct parser *p, uint32_t as, const struct str *words, uint32_t n, void *object)
{
	uint32_t count;
	const struct keyword *table = keyword_table(&count);

	for (uint32_t i = 0; i < n; ) {
		const struct keyword *k = keyword_find(as, p->section, words[i]);
		if (!k) {       /* how many of the next words are its arguments cannot be known */
			unknown_word(p, as, words[i]);
			return;
		}
		if (!(k->where & REPEATS) && p->seen_word[k - table] == p->line) {
			refuse(p, "'%s' stands twice in this line", k->name);
			return;
		}
		p->seen_word[k - table] = p->line;
		uint32_t given = n - i - 1 < k->max ? n - i - 1 : k->max;
		keyword_apply(p, k, words + i + 1, given, object);
		i += 1 + given;
	}
}

uint32_t line_of(const struct parser *p, uint32_t as, const char *name)
{
	uint32_t count;
	const struct keyword *table = keyword_table(&count);

	for (uint32_t i = 0; i < count; i++)
		if (keyword_is(&table[i], as) && table[i].where & p->section && strcmp(table[i].name, name) == 0
		    && p->seen[i] >= p->section_line)
			return p->seen[i];
	return 0;
}

void refuse_elsewhere(struct parser *p, const struct keyword *k)
{
	const char *quote = p->section_name ? "'" : "";

	refuse(p, "'%s%s' belongs in %s, not in %s%s%s%s%s", keyword_prefix(k), k->name, section_text(k->where),
		p->section_word, *quote ? " " : "", quote, *quote ? p->section_name : "", quote);
}

void unknown_word(struct parser *p, uint32_t as, struct str word)
{
	const char *reason = foreign_reason(as, p->section, word), *place = keyword_place(as);
	unsigned distance;
	const struct keyword *near = keyword_nearest(as, p->section, word, &distance);

	if (reason) {
		refuse(p, "'%.*s' %s", CLIPPED(word), reason);
		return;
	}
	refuse(p, "unknown keyword '%.*s' in %s%s%s%s%s%s%s%s", CLIPPED(word), place ? place : p->section_word,
		place || !p->section_name ? "" : " '", place || !p->section_name ? "" : p->section_name,
		place || !p->section_name ? "" : "'",
		near ? " (did you mean '" : "", near ? near->name : "", near ? "'" : "", near ? "?)" : "");
}

/* ---- lines ---- */

static void remember_node(struct parser *p, struct str name)
{
	struct conf *c = p->conf;

	for (uint32_t i = 0; i < c->node_count; i++)
		if (str_is(name, c->nodes[i]))
			return;
	if (c->node_count < CONF_NODES_MAX)
		c->nodes[c->node_count++] = arena_text(p->arena, name.p, name.n);
}

/* "@name1,name2": whether this node is one of them. */
static void read_marker(struct parser *p, struct str marker)
{
	bool matched = false;

	p->marked = true;
	if (p->marker_line == 0)
		p->marker_line = p->line;
	for (uint32_t i = 1; i <= marker.n; ) {
		uint32_t end = i;
		while (end < marker.n && marker.p[end] != ',')
			end++;
		struct str name = str_of(marker.p + i, end - i);
		if (!name_is_good(name))
			refuse(p, "'%.*s' does not name nodes: '@name' or '@name1,name2', without spaces",
				CLIPPED(marker));
		else
			remember_node(p, name);
		matched |= str_is(name, p->conf->global.node);
		i = end + 1;
	}
	p->foreign = !matched;
	p->marker_matched |= matched;
}

/* A file of keepalived's: said once, and the rest is read as if the braces were not there. */
static uint32_t drop_braces(struct parser *p, struct str *words, uint32_t n)
{
	if (n == 0 || !(str_is(words[n - 1], "{") || str_is(words[0], "}")))
		return n;
	if (!p->braces_reported)
		refuse(p, "braces are keepalived's: here a section ends where the next begins, and what keepalived "
			"has in an inner block is one line each, such as 'virtual_ipaddress 192.168.1.10/24'");
	p->braces_reported = true;
	return str_is(words[0], "}") ? 0 : n - 1;
}

static void *line_object(struct parser *p)
{
	size_t size = p->section == IN_GLOBAL ? sizeof(struct global_config) :
		p->section == IN_VRRP ? sizeof(struct vrrp_config) :
		p->section & IN_WATCH ? sizeof(struct watch_config) :
		p->section == IN_GROUP ? sizeof(struct group_config) : sizeof(struct proxy_config);

	if (!p->foreign)
		return p->object;
	memcpy(&p->scratch, p->object, size);
	return &p->scratch;
}

static void start_section(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n)
{
	p->foreign = false;
	verify_section(p);
	if (p->marked)
		refuse(p, "a section is for all nodes: '@' goes before the lines in '%s', one by one", k->name);
	p->skipping = true;             /* until the section is good */
	p->section_word = k->name;
	p->section_name = NULL;
	p->section_line = p->line;
	p->section_errors = p->error_count;
	p->foreign_acls = NULL;
	keyword_apply(p, k, args, n, NULL);
}

/* The first word is no section, and no keyword of this one. */
static void read_unknown(struct parser *p, const struct str *words, uint32_t n)
{
	const char *reason = foreign_reason(AS_SECTION, 0, words[0]);
	const struct keyword *k = p->section ? keyword_find(AS_LINE, p->section, words[0]) : NULL;
	unsigned section_distance, distance = 9;
	const struct keyword *section = keyword_nearest(AS_SECTION, 0, words[0], &section_distance);

	if (p->section)
		(void)keyword_nearest(AS_LINE, p->section, words[0], &distance);
	if (reason) {
		verify_section(p);
		refuse(p, "section '%.*s' %s", CLIPPED(words[0]), reason);
		p->skipping = true;
	} else if (k) {
		refuse_elsewhere(p, k);
	} else if (section && section_distance < distance && n == (section->min ? 2 : 1)) {
		verify_section(p);
		refuse(p, "unknown section '%.*s' (did you mean '%s'?)", CLIPPED(words[0]), section->name);
		start_section(p, section, words + 1, n - 1);    /* so that its lines make sense */
	} else if (!p->skipping) {
		if (p->section)
			unknown_word(p, AS_LINE, words[0]);
		else
			refuse(p, "'%.*s' stands before the first section: a section starts with global, vrrp, defaults, "
				"frontend, backend or listen", CLIPPED(words[0]));
	}
}

static void read_line(struct parser *p, const char *line, uint32_t n)
{
	const char *wrong = lex_line(&p->words, line, n);
	struct str *words = p->words.words;

	p->foreign = p->marked = p->negated = false;
	if (wrong) {
		refuse(p, "%s", wrong);
		return;
	}
	if (n > 0 && line[n - 1] == '\r' && !p->crlf_reported) {
		p->crlf_reported = true;
		warn(p, "lines end in CR LF, as Windows has it; the CR is left out");
	}
	n = p->words.count;
	if (n > 0 && words[0].n > 0 && words[0].p[0] == '@') {
		read_marker(p, words[0]);
		if (n == 1)
			refuse(p, "'%.*s' stands alone: the line that is for this node follows it", CLIPPED(words[0]));
		words++;
		n--;
	}
	n = drop_braces(p, words, n);
	if (n == 0)
		return;
	const struct keyword *k = keyword_find(AS_SECTION, 0, words[0]);
	if (k) {
		start_section(p, k, words + 1, n - 1);
		return;
	}
	k = p->section ? keyword_find(AS_LINE, p->section, words[0]) : NULL;
	if (k && k->where & p->section)
		keyword_apply(p, k, words + 1, n - 1, line_object(p));
	else
		read_unknown(p, words, n);
}

/* ---- the file ---- */

/* Calls for each line, which has no LF. Stops early when too much is wrong. */
static void for_lines(struct parser *p, const char *bytes, uint32_t n,
	void (*call)(struct parser *, const char *, uint32_t))
{
	const char *end = bytes + n;

	for (p->line = 1; bytes < end && p->error_count < CONF_ERRORS_MAX; p->line++) {
		const char *lf = memchr(bytes, '\n', (size_t)(end - bytes));
		const char *stop = lf ? lf : end;
		call(p, bytes, (uint32_t)(stop - bytes));
		bytes = lf ? lf + 1 : end;
	}
}

/* Before anything else: `node` in the global section, since lines above it may have an @. */
static void find_node(struct parser *p, const char *line, uint32_t n)
{
	struct lex_line *l = &p->words;

	if (lex_line(l, line, n) || l->count == 0)
		return;
	const struct keyword *k = keyword_find(AS_SECTION, 0, l->words[0]);
	if (k)
		p->section = str_is(l->words[0], "global") ? IN_GLOBAL : IN_VRRP;
	else if (p->section == IN_GLOBAL && l->count == 2 && str_is(l->words[0], "node")
		&& name_is_good(l->words[1])
	    && !p->conf->global.node)
		p->conf->global.node = keep_text(p, l->words[1]);
}

static void choose_node(struct parser *p, const char *bytes, uint32_t n, const char *node,
	const char *hostname)
{
	/* lb01.example.net is lb01, as in keepalived */
	struct str host = str_of(hostname, strcspn(hostname, "."));

	if (node && !name_is_good(str_z(node)))
		refuse_at(p, 0, "'%.*s' cannot be the name of a node", CLIPPED(str_z(node)));
	if (node)
		p->conf->global.node = keep_text(p, str_z(node));
	p->conf->global.node_origin = node ? "-n" : "the 'node' line";
	for_lines(p, bytes, n, find_node);
	p->section = 0;
	if (p->conf->global.node)
		return;
	p->conf->global.node = keep_text(p, host);
	p->conf->global.node_origin = "the host's name";
}

static bool is_text(struct parser *p, const char *bytes, uint32_t n)
{
	const char *nul;
	uint32_t line = 1;

	if (n > CONF_BYTES_MAX) {
		refuse_at(p, 0, "the file is larger than %u bytes", (unsigned)CONF_BYTES_MAX);
		return false;
	}
	nul = memchr(bytes, '\0', n);
	if (!nul)
		return true;
	for (const char *c = bytes; c < nul; c++)
		line += *c == '\n';
	refuse_at(p, line, "a NUL byte: this is not a text file");
	return false;
}

const struct conf *conf_load(struct arena *arena, const char *file_name, const char *bytes, uint32_t n,
	const char *node, const char *hostname, const struct conf_handed *handed, conf_report *report, void *context)
{
	struct parser p = { .arena = arena, .file_name = file_name, .report = report, .context = context };

	if (!is_text(&p, bytes, n))
		return NULL;
	p.conf = arena_array(arena, "configuration", sizeof *p.conf, 1);
	keyword_defaults(AS_LINE, IN_GLOBAL, &p.conf->global);
	p.conf->global.user = p.conf->global.script_user = "nobody";
	p.conf->global.stats_socket_mode = 0600;
	p.conf->hosts = handed ? handed->hosts : NULL;
	p.handed = handed ? handed->errors : NULL;
	p.last_error = &p.conf->errors;
	p.defaults = arena_array(arena, "configuration", sizeof *p.defaults, 1);
	proxy_defaults(p.defaults);
	if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
		warn_at(&p, 1, "the file starts with a UTF-8 byte order mark, as Windows has it; it is left out");
		bytes += 3;
		n -= 3;
	}
	choose_node(&p, bytes, n, node, hostname);
	for_lines(&p, bytes, n, read_line);
	p.foreign = false;
	verify_section(&p);
	if (p.error_count < CONF_ERRORS_MAX) {
		verify_file(&p);
	} else {
		p.error_count = CONF_ERRORS_MAX - 1;    /* room for this one */
		refuse_at(&p, 0, "too much is wrong: the rest of the file was not read");
	}
	return p.error_count > 0 ? NULL : p.conf;
}
