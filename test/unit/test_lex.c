/* SPDX-License-Identifier: MIT
 * conf/lex: lines to words, as HAProxy reads them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "conf/lex.h"

static struct lex_line line;

/* From a copy that ends where the line ends, so that the sanitizer sees a byte too many. */
static const char *lex(const char *text, size_t n)
{
	char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, text, n);
	const char *wrong = lex_line(&line, copy, (uint32_t)n);
	free(copy);
	return wrong;
}

/* Words are shown as <a><b>. */
static void gives(const char *text, const char *expected)
{
	char shown[4096];
	size_t n = 0;
	const char *wrong = lex(text, strlen(text));

	if (wrong)
		fail_msg("%s: %s", text, wrong);
	shown[0] = '\0';
	for (uint32_t i = 0; i < line.count; i++) {
		n += (size_t)snprintf(shown + n, sizeof shown - n, "<%s>", line.words[i].p);
		assert_int_equal(strlen(line.words[i].p), line.words[i].n);
	}
	assert_string_equal(shown, expected);
}

static void refused(const char *text, const char *expected)
{
	const char *wrong = lex(text, strlen(text));

	if (!wrong || !strstr(wrong, expected))
		fail_msg("%s: %s", text, wrong ? wrong : "accepted");
}

static void words_stand_between_spaces_and_tabs(void **state)
{
	(void)state;
	gives("", "");
	gives("   \t ", "");
	gives("bind :80", "<bind><:80>");
	gives("\t bind\t\t:80  ", "<bind><:80>");
}

static void comments_start_anywhere(void **state)
{
	(void)state;
	gives("# all", "");
	gives("a # b", "<a>");
	gives("a#b", "<a>");
	gives("a\\#b '#' \"#\"", "<a#b><#><#>");
	gives("a # \xe2\x80\x9c what ever \" \x01", "<a>");
}

static void quotes_keep_spaces(void **state)
{
	(void)state;
	gives("a 'b c' d", "<a><b c><d>");
	gives("a \"b c\" d", "<a><b c><d>");
	gives("a'b c'd\"e f\"", "<ab cde f>");
	gives("'' \"\"", "<><>");
	gives("\"a'b\" 'a\"b'", "<a'b><a\"b>");
	gives("'a\\b\\'", "<a\\b\\>");
	gives("\"\xc3\xa9\"", "<\xc3\xa9>");
	gives("'$HOME' \"\\$HOME\" $HOME \\$HOME", "<$HOME><$HOME><$HOME><\\$HOME>");
}

static void escapes_are_haproxys(void **state)
{
	(void)state;
	gives("a\\ b", "<a b>");
	gives("\\\\ \\' \\\" \\#", "<\\><'><\"><#>");
	gives("\"a\\\"b\"", "<a\"b>");
	gives("a\\r\\n\\tb", "<a\r\n\tb>");
	gives("\\x41\\x4a\\x7E", "<AJ~>");
	gives("a\\qb \\1", "<a\\qb><\\1>");
}

static void what_cannot_be_read_is_refused(void **state)
{
	(void)state;
	refused("a 'b", "single quote is not closed");
	refused("a \"b", "double quote is not closed");
	refused("a \"b\\\"", "double quote is not closed");
	refused("a \\", "ends in a backslash");
	refused("a \\x4", "hexadecimal");
	refused("a \\xg0", "hexadecimal");
	refused("a \\x00", "\\x00");
	refused("a \"$B\"", "environment variable");
	refused("a\rb", "carriage return");
	refused("a \x01", "control character");
	refused("a \x7f", "control character");
	refused("a\xc2\xa0" "b", "non-breaking space");
	refused("a \xe2\x80\x9c" "b", "typographic quote");
	refused("a \xc3\xa9", "not ASCII");
	refused("a \xff", "not ASCII");
	refused("'\x01'", "control character");
}

static void a_cr_at_the_end_goes(void **state)
{
	(void)state;
	gives("a b\r", "<a><b>");
	gives("\r", "");
	gives("a 'b'\r", "<a><b>");
	refused("a\r\r", "carriage return");
	refused("a \\\r", "ends in a backslash");
}

static void limits_hold_to_the_byte(void **state)
{
	char text[LEX_LINE_MAX + 8];

	(void)state;
	memset(text, 'a', sizeof text);
	assert_null(lex(text, LEX_LINE_MAX));
	assert_int_equal(line.words[0].n, LEX_LINE_MAX);
	assert_non_null(lex(text, LEX_LINE_MAX + 1));
	text[0] = '#';
	assert_null(lex(text, LEX_LINE_MAX + 1));
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % 2 ? ' ' : 'a';
	assert_null(lex(text, 2 * LEX_WORDS_MAX));
	assert_int_equal(line.count, LEX_WORDS_MAX);
	assert_non_null(lex(text, 2 * LEX_WORDS_MAX + 1));
}

static uint32_t seed = 1;

static uint32_t number(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

/* Any bytes: never out of bounds, and every word ends in a NUL and has none inside. */
static void any_line_is_read_or_refused(void **state)
{
	static const char alphabet[] = "ab \t\\\\\"'#$xn\r\n\x01\xc2\xa0\xe2\x80\x99{}@";

	(void)state;
	for (int run = 0; run < 50000; run++) {
		char text[64];
		uint32_t n = number(sizeof text);
		for (uint32_t i = 0; i < n; i++)
			text[i] = alphabet[number(sizeof alphabet - 1)];
		if (lex(text, n))
			continue;
		assert_in_range(line.count, 0, LEX_WORDS_MAX);
		for (uint32_t i = 0; i < line.count; i++)
			assert_int_equal(strlen(line.words[i].p), line.words[i].n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_stand_between_spaces_and_tabs),
		cmocka_unit_test(comments_start_anywhere),
		cmocka_unit_test(quotes_keep_spaces),
		cmocka_unit_test(escapes_are_haproxys),
		cmocka_unit_test(what_cannot_be_read_is_refused),
		cmocka_unit_test(a_cr_at_the_end_goes),
		cmocka_unit_test(limits_hold_to_the_byte),
		cmocka_unit_test(any_line_is_read_or_refused),
	};
	return cmocka_run_group_tests_name("lex", tests, NULL, NULL);
}
