/* SPDX-License-Identifier: MIT */
#include "base/text.h"
#include <errno.h>
#include <limits.h>
#include <string.h>

struct str str_z(const char *text)
{
	return (struct str){ text, (uint32_t)strlen(text) };
}

bool str_equal(struct str a, struct str b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static unsigned lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c + 32u : c;
}

bool str_equal_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (uint32_t i = 0; i < a.n; i++)
		if (lower((unsigned char)a.p[i]) != lower((unsigned char)b.p[i]))
			return false;
	return true;
}

bool str_is(struct str s, const char *text)
{
	return str_equal(s, str_z(text));
}

bool str_is_nocase(struct str s, const char *text)
{
	return str_equal_nocase(s, str_z(text));
}

/* The digits at the front of s, at most max; moves s behind them. */
static bool take_digits(struct str *s, uint64_t max, uint64_t *value)
{
	uint32_t i = 0;
	uint64_t v = 0;

	for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
		v = v * 10 + (uint64_t)(s->p[i] - '0');
		if (v > max)
			return false;
	}
	s->p += i;
	s->n -= i;
	*value = v;
	return i > 0;
}

bool text_to_u32(struct str s, uint32_t max, uint32_t *value)
{
	uint64_t v;

	if (!take_digits(&s, max, &v) || s.n > 0)
		return false;
	*value = (uint32_t)v;
	return true;
}

int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Up to six digits behind the point, as millionths. */
static bool take_fraction(struct str *s, uint64_t *millionths)
{
	uint64_t unit = 100000;

	*millionths = 0;
	if (s->n == 0 || *s->p != '.')
		return true;
	s->p++;
	s->n--;
	if (s->n == 0 || *s->p < '0' || *s->p > '9')
		return false;
	for (; s->n > 0 && *s->p >= '0' && *s->p <= '9'; s->p++, s->n--, unit /= 10)
		*millionths += unit * (uint64_t)(*s->p - '0');
	return true;
}

bool text_to_ms(struct str s, uint32_t unit_ms, uint32_t max_ms, uint32_t *ms)
{
	static const struct { const char *name; uint32_t us; } units[] = {
		{ "us", 1 }, { "ms", 1000 }, { "s", 1000000 }, { "m", 60000000 }, { "h", 3600000000u },
	};
	uint64_t whole, millionths, us = (uint64_t)unit_ms * 1000;

	if (!take_digits(&s, UINT32_MAX, &whole) || !take_fraction(&s, &millionths))
		return false;
	if (str_is(s, "d"))
		us = 86400000000u;
	else if (s.n > 0) {
		us = 0;
		for (size_t i = 0; i < sizeof units / sizeof *units; i++)
			if (str_is(s, units[i].name))
				us = units[i].us;
		if (us == 0)
			return false;
	}
	if (whole > UINT64_MAX / 2 / us)
		return false;
	uint64_t value = (whole * us + millionths * us / 1000000 + 500) / 1000;
	if (value > max_ms)
		return false;
	*ms = (uint32_t)value;
	return true;
}

bool text_to_bytes(struct str s, uint32_t max, uint32_t *bytes)
{
	uint64_t v;
	unsigned shift = 0;

	if (!take_digits(&s, max, &v))
		return false;
	if (str_is_nocase(s, "k"))
		shift = 10;
	else if (str_is_nocase(s, "m"))
		shift = 20;
	else if (str_is_nocase(s, "g"))
		shift = 30;
	else if (s.n > 0)
		return false;
	if (v << shift > max)
		return false;
	*bytes = (uint32_t)(v << shift);
	return true;
}

uint32_t text_put_u64(char *out, uint64_t v)
{
	char digits[20];
	uint32_t n = 0;

	/* 64-bit division is a library call on 32-bit machines: nearly all numbers take the short way. */
	while (v > UINT32_MAX) {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	}
	uint32_t small = (uint32_t)v;
	do {
		digits[n++] = (char)('0' + small % 10);
		small /= 10;
	} while (small);
	for (uint32_t i = 0; i < n; i++)
		out[i] = digits[n - 1 - i];
	return n;
}

uint32_t text_put_hex(char *out, uint32_t v)
{
	uint32_t n = 0;

	for (int shift = 28; shift >= 0; shift -= 4)
		if (n > 0 || v >> shift || shift == 0)
			out[n++] = "0123456789abcdef"[v >> shift & 15];
	return n;
}

struct output { char *p; size_t used, size; int clip; };

static void put(struct output *o, const char *text, size_t n)
{
	size_t room = o->size - 1 - o->used;

	if (n > room)
		n = room;
	memcpy(o->p + o->used, text, n);
	o->used += n;
}

static void fill(struct output *o, char c, size_t n)
{
	for (; n > 0; n--)
		put(o, &c, 1);
}

/* ---- packed sentences ---- */

#ifdef TANDEM_PACKS
extern const uint8_t text_pairs[TEXT_PAIRS][2] __attribute__((weak));   /* by boards/pack/pack.c; { 0, 0 }: no pair */

static char *unpack(char *out, const char *end, uint8_t c)
{
	uint8_t i = (uint8_t)(c - TEXT_PAIRS_FROM);

	if (i < TEXT_PAIRS && text_pairs[i][0])
		return unpack(unpack(out, end, text_pairs[i][0]), end, text_pairs[i][1]);
	if (out < end)
		*out++ = (char)c;
	return out;
}

static const char *unpacked(const char *packed, char out[TEXT_MAX])
{
	char *p = out;

	while (*packed)
		p = unpack(p, out + TEXT_MAX - 1, (uint8_t)*packed++);
	*p = '\0';
	return out;
}

/* Only a literal is packed: text of files and of the network, which may begin with any byte, is in arenas and on stacks. */
static bool is_packed(const char *text)
{
	extern const char __executable_start[], edata[];        /* by the linker */

	return *text == *PACKED && (uintptr_t)text >= (uintptr_t)__executable_start && (uintptr_t)text < (uintptr_t)edata;
}
#else
static bool is_packed(const char *text)
{
	(void)text;
	return false;
}

static const char *unpacked(const char *packed, char out[TEXT_MAX])
{
	(void)out;
	return packed;
}
#endif

const char *text_plain(const char *text, char out[TEXT_MAX])
{
	return is_packed(text) ? unpacked(text + 1, out) : text;
}

/* ---- formats ---- */

/* One conversion: what stands between % and its letter. */
struct conversion { bool left, zero; unsigned width, longs; int precision; char letter; };

static const char *read_conversion(const char *f, struct conversion *c, va_list *arguments)
{
	*c = (struct conversion){ .precision = -1 };
	for (; *f == '-' || *f == '0'; f++)
		*(*f == '-' ? &c->left : &c->zero) = true;
	for (; *f >= '0' && *f <= '9'; f++)
		c->width = c->width * 10 + (unsigned)(*f - '0');
	if (f[0] == '.' && f[1] == '*') {
		c->precision = va_arg(*arguments, int);
		f += 2;
	}
	for (; *f == 'l' || *f == 'z'; f++)
		c->longs += *f == 'z' ? 3 : 1;
	c->letter = *f ? *f++ : '%';
	return f;
}

static void put_padded(struct output *o, const struct conversion *c, const char *text, size_t n)
{
	size_t pad = n < c->width ? c->width - n : 0;
	bool minus = c->zero && n > 0 && *text == '-';

	if (minus)
		put(o, text++, 1), n--;
	if (!c->left)
		fill(o, c->zero ? '0' : ' ', pad);
	put(o, text, n);
	if (c->left)
		fill(o, ' ', pad);
}

static uint64_t unsigned_argument(unsigned longs, va_list *arguments)
{
	switch (longs) {
	case 0: return va_arg(*arguments, unsigned);
	case 1: return va_arg(*arguments, unsigned long);
	case 2: return va_arg(*arguments, unsigned long long);
	default: return va_arg(*arguments, size_t);
	}
}

static void put_conversion(struct output *o, const struct conversion *c, va_list *arguments)
{
	char digits[24];
	uint32_t n = 0;

	switch (c->letter) {
	case 's':
	case 'm': {
		char plain[TEXT_MAX];
		const char *text = c->letter == 'm' ? strerror(errno) : va_arg(*arguments, const char *);
		if (c->precision < 0)
			text = text_plain(text, plain);
		put_padded(o, c, text, c->precision < 0 ? strlen(text) : (size_t)(c->precision < o->clip ? c->precision : o->clip));
		return;
	}
	case 'c':
		digits[n++] = (char)va_arg(*arguments, int);
		break;
	case 'd': {
		long long v = c->longs == 0 ? va_arg(*arguments, int) : c->longs == 1 ? va_arg(*arguments, long)
			: va_arg(*arguments, long long);
		if (v < 0)
			digits[n++] = '-';
		n += text_put_u64(digits + n, v < 0 ? 0 - (unsigned long long)v : (unsigned long long)v);
		break;
	}
	case 'u':
		n = text_put_u64(digits, unsigned_argument(c->longs, arguments));
		break;
	case 'x':
		n = text_put_hex(digits, (uint32_t)unsigned_argument(c->longs, arguments));
		break;
	default:
		digits[n++] = c->letter;
	}
	put_padded(o, c, digits, n);
}

size_t text_vformat(char *out, size_t size, int clip, const char *format, va_list list)
{
	struct output o = { .p = out, .size = size, .clip = clip };
	struct conversion c;
	char plain[TEXT_MAX];
	va_list arguments;

	format = unpacked(format, plain);
	va_copy(arguments, list);       /* a va_list parameter may be an array: only a copy has an address of the right type */
	while (*format) {
		const char *percent = format;
		while (*percent && *percent != '%')
			percent++;
		put(&o, format, (size_t)(percent - format));
		if (!*percent)
			break;
		format = read_conversion(percent + 1, &c, &arguments);
		put_conversion(&o, &c, &arguments);
	}
	va_end(arguments);
	out[o.used] = '\0';
	return o.used;
}

size_t (text_format)(char *out, size_t size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	size_t n = text_vformat(out, size, INT_MAX, format, arguments);
	va_end(arguments);
	return n;
}

const char *text_age(uint64_t ms, char out[16])
{
	unsigned s = (unsigned)(ms / 1000), m = s / 60, h = m / 60;

	if (s < 10)
		(void)text_format(out, 16, "%u.%us", s, (unsigned)(ms % 1000 / 100));
	else if (m == 0)
		(void)text_format(out, 16, "%us", s);
	else if (h == 0)
		(void)text_format(out, 16, "%um%02us", m, s % 60);
	else if (h < 24)
		(void)text_format(out, 16, "%uh%02um", h, m % 60);
	else
		(void)text_format(out, 16, "%ud%02uh", h / 24, h % 24);
	return out;
}

/* Bytes of the UTF-8 character in front; 0: there is none (RFC 3629 §4). */
static unsigned utf8_bytes(const unsigned char *p)
{
	unsigned n = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xf0 && *p < 0xf5 ? 4 : 0;

	for (unsigned i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90)
	    || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

size_t text_json(char *out, size_t size, const char *text)
{
	size_t used = 0;
	char one[8], plain[TEXT_MAX];

	for (const unsigned char *p = (const unsigned char *)text_plain(text, plain); *p;) {
		unsigned n = utf8_bytes(p);
		size_t m;
		if (n == 0)
			m = text_format(one, sizeof one, "\\ufffd");
		else if (*p < 0x20 || *p == 0x7f)
			m = text_format(one, sizeof one, "\\u%04x", (unsigned)*p);
		else
			m = text_format(one, sizeof one, "%s%.*s", *p == '"' || *p == '\\' ? "\\" : "", (int)n, (const char *)p);
		if (used + m >= size)
			break;
		memcpy(out + used, one, m);
		used += m;
		p += n ? n : 1;
	}
	out[used] = '\0';
	return used;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned text_distance(struct str a, struct str b, unsigned limit)
{
	enum { WORD_MAX = 32 };
	unsigned rows[3][WORD_MAX + 1], *before = rows[0], *last = rows[1], *now = rows[2];

	if (a.n > WORD_MAX || b.n > WORD_MAX)
		return limit + 1;
	for (unsigned j = 0; j <= b.n; j++)
		last[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		now[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			bool same = a.p[i - 1] == b.p[j - 1];
			now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + !same);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		unsigned *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return least(last[b.n], limit + 1);
}
