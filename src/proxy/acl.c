/* SPDX-License-Identifier: MIT */
#include "proxy/acl.h"
#include <string.h>

uint8_t match_default(uint8_t value_type)
{
	static const uint8_t matches[] = { [VALUE_BOOL] = MATCH_BOOL, [VALUE_NUMBER] = MATCH_NUMBER,
		[VALUE_ADDR] = MATCH_ADDR, [VALUE_TEXT] = MATCH_EXACT };

	return matches[value_type];
}

static bool same(struct str a, struct str b, bool nocase)
{
	return nocase ? str_equal_nocase(a, b) : str_equal(a, b);
}

static bool is_delimiter(char c, const char *delimiters)
{
	return c != '\0' && strchr(delimiters, c) != NULL;
}

static bool has(struct str s, struct str pattern, bool nocase)
{
	for (uint32_t i = 0; i + pattern.n <= s.n; i++)
		if (same(str_of(s.p + i, pattern.n), pattern, nocase))
			return true;
	return false;
}

/* The pattern, without delimiters at its ends, stands between delimiters or the ends of s. */
static bool has_word(struct str s, struct str pattern, bool nocase, const char *delimiters)
{
	while (pattern.n > 0 && is_delimiter(pattern.p[0], delimiters)) {
		pattern.p++;
		pattern.n--;
	}
	while (pattern.n > 0 && is_delimiter(pattern.p[pattern.n - 1], delimiters))
		pattern.n--;
	for (uint32_t i = 0; pattern.n > 0 && i + pattern.n <= s.n; i++) {
		uint32_t end = i + pattern.n;
		if ((i == 0 || is_delimiter(s.p[i - 1], delimiters)) && (end == s.n || is_delimiter(s.p[end], delimiters))
		    && same(str_of(s.p + i, pattern.n), pattern, nocase))
			return true;
	}
	return false;
}

static bool text_matches(uint8_t match, struct str s, struct str pattern, bool nocase)
{
	switch (match) {
	case MATCH_SUB:
		return has(s, pattern, nocase);
	case MATCH_DIR:
		return has_word(s, pattern, nocase, "/?");
	case MATCH_DOM:
		return has_word(s, pattern, nocase, "/?.:");
	default:
		break;
	}
	if (match != MATCH_EXACT && s.n > pattern.n) {
		s.p += match == MATCH_END ? s.n - pattern.n : 0;
		s.n = pattern.n;
	}
	return same(s, pattern, nocase);
}

/* As in HAProxy: an IPv6 address that stands for an IPv4 one (::a.b.c.d, ::ffff:a.b.c.d, 2002:a.b.c.d::) is compared with
 * IPv4 networks as that; an IPv4 address with IPv6 networks as ::ffff:a.b.c.d. */
static bool address_matches(const struct prefix *prefix, const struct addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, zero[12] = { 0 };
	struct addr other = { .family = prefix->addr.family };

	if (prefix->addr.family == a->family)
		return prefix_contains(prefix, a);
	if (a->family == ADDR_IPV4) {
		memcpy(other.bytes, mapped, 12);
		memcpy(other.bytes + 12, a->bytes, 4);
	} else if (memcmp(a->bytes, mapped, 12) == 0 || memcmp(a->bytes, zero, 12) == 0) {
		memcpy(other.bytes, a->bytes + 12, 4);
	} else if (a->bytes[0] == 0x20 && a->bytes[1] == 2) {
		memcpy(other.bytes, a->bytes + 2, 4);
	} else {
		return false;
	}
	return prefix_contains(prefix, &other);
}

static bool test_matches(const struct acl_test *t, const struct sample *s)
{
	char area[ADDR_TEXT_MAX];
	int64_t number = 0;
	struct str text = { area, 0 };

	if (t->match == MATCH_FOUND)
		return true;
	if (t->match <= MATCH_NUMBER && !sample_number(s, &number))
		return false;
	if (t->match == MATCH_BOOL)
		return number != 0;
	if (t->match == MATCH_ADDR ? s->type != VALUE_ADDR : t->match != MATCH_NUMBER)
		text = sample_text(s, area);
	if (t->match == MATCH_LENGTH)
		number = text.n;
	struct addr a = s->addr;
	if (t->match == MATCH_ADDR && s->type != VALUE_ADDR && !addr_parse(text, &a))
		return false;
	for (uint32_t i = 0; i < t->pattern_count; i++) {
		const union acl_pattern *p = &t->patterns[i];
		if (t->match <= MATCH_LENGTH ? number >= p->range.low && number <= p->range.high
		    : t->match == MATCH_ADDR ? address_matches(&p->prefix, &a)
		    : text_matches(t->match, text, p->text.value, p->text.nocase))
			return true;
	}
	return false;
}

bool acl_matches(const struct acl *acl, const struct sample_context *c)
{
	for (const struct acl_test *t = acl->tests; t; t = t->next) {
		struct http_cursor at = { 0, 0 };
		struct sample s;
		while (sample_next(&t->sample, c, &at, &s))
			if (test_matches(t, &s))
				return true;
	}
	return false;
}

bool condition_holds(const struct condition *condition, const struct sample_context *c)
{
	bool all = true;

	if (!condition)
		return true;
	for (uint32_t i = 0; i < condition->count; i++) {
		const struct acl_term *t = &condition->terms[i];
		if (t->alternative && all)
			break;
		all = (all || t->alternative) && acl_matches(t->acl, c) != t->negated;
	}
	return all != condition->unless;
}

bool condition_needs(const struct condition *c, uint8_t uses)
{
	for (uint32_t i = 0; c && i < c->count; i++)
		for (const struct acl_test *t = c->terms[i].acl->tests; t; t = t->next)
			if (!(t->uses & ~uses))
				return true;
	return false;
}
