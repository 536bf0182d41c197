/* SPDX-License-Identifier: MIT
 * Setters that serve many rows: numbers, times, names, addresses, choices; and the rows that lead to other
 * rows.
 */
#include <stddef.h>
#include <string.h>
#include "base/assert.h"
#include "conf/parse.h"

static void store(void *object, const struct keyword *k, uint32_t value)
{
	uint8_t v8 = (uint8_t)value;
	uint16_t v16 = (uint16_t)value;
	const void *from = k->size == 1 ? (const void *)&v8 : k->size == 2 ? (const void *)&v16 : &value;

	ensure(k->size == 1 || k->size == 2 || k->size == 4);
	memcpy((char *)object + k->field, from, k->size);
}

static void store_text(void *object, const struct keyword *k, const char *text)
{
	ensure(k->size == sizeof text);
	memcpy((char *)object + k->field, &text, sizeof text);
}

const char *print_ms(uint32_t ms, char out[16])
{
	if (ms >= 86400000 && ms % 86400000 == 0)
		(void)text_format(out, 16, "%ud", ms / 86400000);
	else if (ms % 1000 == 0)
		(void)text_format(out, 16, "%us", ms / 1000);
	else
		(void)text_format(out, 16, "%ums", ms);
	return out;
}

void set_number(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	uint32_t v;

	(void)n;
	if (!text_to_u32(args[0], UINT32_MAX, &v) || v < k->low || v > k->high)
		refuse(p, "'%s' must be a whole number from %u to %u, not '%.*s'", k->name, k->low, k->high,
			CLIPPED(args[0]));
	else
		store(object, k, v);
}

static void set_time(struct parser *p, const struct keyword *k, struct str arg, uint32_t unit_ms,
	void *object)
{
	char low[16], high[16];
	uint32_t ms;

	if (!text_to_ms(arg, unit_ms, UINT32_MAX, &ms) || ms < k->low || ms > k->high)
		refuse(p, "'%s%s' must be a time from %s to %s, not '%.*s'", keyword_prefix(k), k->name,
			print_ms(k->low, low), print_ms(k->high, high), CLIPPED(arg));
	else
		store(object, k, ms);
}

void set_seconds(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	(void)n;
	set_time(p, k, args[0], 1000, object);
}

void set_ms(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	(void)n;
	set_time(p, k, args[0], 1, object);
}

void set_bytes(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	uint32_t v;

	(void)n;
	if (!text_to_bytes(args[0], UINT32_MAX, &v) || v < k->low || v > k->high)
		refuse(p, "'%s' must be a size from %u to %u bytes, not '%.*s'", k->name, k->low, k->high,
			CLIPPED(args[0]));
	else
		store(object, k, v);
}

void set_value(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	(void)p;
	(void)args;
	(void)n;
	store(object, k, k->low);
}

/* The place of the word in the row's list of arguments, "tcp | http", is its value; from low on. */
void set_choice(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	uint32_t place = word_in_list(k->arguments, args[0]);

	(void)n;
	if (place == 0)
		refuse(p, "'%s' must be %s, not '%.*s'", k->name, k->arguments, CLIPPED(args[0]));
	else
		store(object, k, place - 1 + k->low);
}

void set_text(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	(void)n;
	store_text(object, k, keep_text(p, args[0]));
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool name_is_good(struct str s)
{
	for (uint32_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && !strchr("-_.:", s.p[i]))
			return false;
	return s.n > 0 && s.n <= CONF_NAME_MAX;
}

bool token_is_good(struct str s)
{
	for (uint32_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && !strchr("!#$%&'*+-.^_`|~", s.p[i]))
			return false;
	return s.n > 0;
}

bool check_name(struct parser *p, const char *what, struct str s)
{
	if (!name_is_good(s))
		refuse(p, "'%.*s' cannot be the name of a %s: 1 to %u letters, digits, and - _ . :", CLIPPED(s), what,
			(unsigned)CONF_NAME_MAX);
	return name_is_good(s);
}

void set_name(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	(void)n;
	if (!name_is_good(args[0]))
		refuse(p, "'%s' must be a name of letters, digits, and - _ . :, not '%.*s'", k->name,
			CLIPPED(args[0]));
	else
		store_text(object, k, keep_text(p, args[0]));
}

void set_path(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	(void)n;
	if (args[0].n == 0 || args[0].p[0] != '/')
		refuse(p, "'%s' must be a path that starts with '/', not '%.*s'", k->name, CLIPPED(args[0]));
	else
		store_text(object, k, keep_text(p, args[0]));
}

/* The kernel's rule for names of interfaces (dev_valid_name), and IFNAMSIZ. A label (low is 1) may have a
 * colon. */
void set_interface(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct str s = args[0];
	bool good = s.n > 0 && s.n < 16 && !str_is(s, ".") && !str_is(s, "..");

	(void)n;
	for (uint32_t i = 0; i < s.n; i++)
		good = good && s.p[i] > ' ' && s.p[i] < 0x7f && s.p[i] != '/' && (s.p[i] != ':' || k->low == 1);
	if (!good)
		refuse(p, "'%s' must be the name of an interface, at most 15 characters, not '%.*s'", k->name,
			CLIPPED(s));
	else
		store_text(object, k, keep_text(p, s));
}

void set_address(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct addr a;

	(void)n;
	if (!addr_parse(args[0], &a))
		refuse(p, "'%s' must be an IP address, not '%.*s'", k->name, CLIPPED(args[0]));
	else if (addr_is_any(&a) || addr_is_multicast(&a))
		refuse(p, "'%s %.*s': no machine can have this address", k->name, CLIPPED(args[0]));
	else
		memcpy((char *)object + k->field, &a, sizeof a);
}

bool looks_like_host(struct str s)
{
	bool letter = false;

	for (uint32_t i = 0; i < s.n; i++) {
		if (!is_alnum(s.p[i]) && !strchr("-_.", s.p[i]))
			return false;
		letter |= is_alnum(s.p[i]) && (s.p[i] > '9');
	}
	return letter;
}

bool take_endpoint(struct parser *p, const char *what, struct str s, struct endpoint *e)
{
	struct addr a;
	uint32_t colon = s.n;

	if (endpoint_parse(s, e))
		return true;
	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	if (looks_like_host(str_of(s.p, colon ? colon - 1 : s.n)))
		refuse(p, "%s '%.*s': host names are not looked up: give the IP address", what, CLIPPED(s));
	else if (addr_parse(s, &a))
		refuse(p, "%s '%.*s' has no port: '%.*s:80'", what, CLIPPED(s), CLIPPED(s));
	else if (s.n > 0 && s.p[0] == '/')
		refuse(p, "%s '%.*s': Unix sockets are HAProxy's; tandem does not have them here", what, CLIPPED(s));
	else
		refuse(p, "%s '%.*s' is not ADDRESS:PORT with a port from 1 to 65535", what, CLIPPED(s));
	return false;
}

bool take_signed(struct str s, int32_t low, int32_t high, int32_t *value)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	uint32_t v;

	if (!text_to_u32(minus ? str_of(s.p + 1, s.n - 1) : s, INT32_MAX, &v))
		return false;
	*value = minus ? -(int32_t)v : (int32_t)v;
	return *value >= low && *value <= high;
}

/* A row such as `option`, whose first argument is a word of another kind (low). */
void set_family(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	const struct keyword *sub = keyword_find(k->low, p->section, args[0]);

	if (!sub)
		unknown_word(p, k->low, args[0]);
	else if (!(sub->where & p->section))
		refuse_elsewhere(p, sub);
	else if (p->negated && !(sub->where & TAKES_NO))
		refuse(p, "'no' does not go with '%s%s'", keyword_prefix(sub), sub->name);
	else if (p->negated && n > 1)
		refuse(p, "'no %s%s' takes no argument", keyword_prefix(sub), sub->name);
	else
		keyword_apply(p, sub, args + 1, n - 1, object);
}

void set_no(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	if (!str_is(args[0], "option")) {
		refuse(p, "'%s' goes before 'option' only", k->name);
		return;
	}
	p->negated = true;
	set_family(p, keyword_find(AS_LINE, p->section, args[0]), args + 1, n - 1, object);
}

void set_option_bit(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n,
	void *object)
{
	struct proxy_config *c = object;

	(void)args;
	(void)n;
	if (p->negated)
		c->options &= ~k->low;
	else
		c->options |= k->low;
}
