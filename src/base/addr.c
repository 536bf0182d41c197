/* SPDX-License-Identifier: MIT */
#include "base/addr.h"
#include <string.h>

static bool parse_ipv4(struct str s, uint8_t *bytes)
{
	uint32_t part = 0, digits = 0, value = 0;

	for (uint32_t i = 0; i <= s.n; i++) {
		char c = i < s.n ? s.p[i] : '.';
		if (c == '.') {
			if (digits == 0 || part == 4)
				return false;
			bytes[part++] = (uint8_t)value;
			digits = value = 0;
			continue;
		}
		/* A leading zero is refused: some programs read it as octal. */
		if (c < '0' || c > '9' || (digits > 0 && value == 0))
			return false;
		value = value * 10 + (uint32_t)(c - '0');
		if (++digits > 3 || value > 255)
			return false;
	}
	return part == 4;
}

/* RFC 4291 §2.2: groups, one "::", and an IPv4 tail. */
static bool parse_ipv6(struct str s, uint8_t *bytes)
{
	uint8_t out[16];
	uint32_t n = 0, i = 0, gap = UINT32_MAX;

	if (s.n >= 2 && s.p[0] == ':' && s.p[1] == ':') {
		gap = 0;
		i = 2;
	}
	while (i < s.n) {
		uint32_t start = i, value = 0;
		while (i < s.n && text_hex_digit(s.p[i]) >= 0)
			value = value << 4 | (uint32_t)text_hex_digit(s.p[i++]);
		if (i < s.n && s.p[i] == '.') {
			if (n > 12 || !parse_ipv4(str_of(s.p + start, s.n - start), out + n))
				return false;
			n += 4;
			break;
		}
		if (i == start || i - start > 4 || n > 14)
			return false;
		out[n++] = (uint8_t)(value >> 8);
		out[n++] = (uint8_t)value;
		if (i == s.n)
			break;
		if (s.p[i++] != ':' || i == s.n)
			return false;
		if (s.p[i] == ':') {
			if (gap != UINT32_MAX)
				return false;
			gap = n;
			i++;
		}
	}
	if (gap == UINT32_MAX ? n != 16 : n > 14)
		return false;
	if (gap == UINT32_MAX)
		gap = n;
	memset(bytes, 0, 16);
	memcpy(bytes, out, gap);
	memcpy(bytes + 16 - (n - gap), out + gap, n - gap);
	return true;
}

bool addr_parse(struct str s, struct addr *a)
{
	memset(a, 0, sizeof *a);
	if (parse_ipv4(s, a->bytes))
		a->family = ADDR_IPV4;
	else if (parse_ipv6(s, a->bytes))
		a->family = ADDR_IPV6;
	else
		memset(a, 0, sizeof *a);
	return a->family != ADDR_NONE;
}

bool prefix_parse(struct str s, struct prefix *p)
{
	uint32_t n = 0, length;

	while (n < s.n && s.p[n] != '/')
		n++;
	if (!addr_parse(str_of(s.p, n), &p->addr))
		return false;
	length = addr_bytes(&p->addr) * 8;
	if (n < s.n && !text_to_u32(str_of(s.p + n + 1, s.n - n - 1), length, &length))
		return false;
	p->length = (uint8_t)length;
	return true;
}

bool endpoint_parse(struct str s, struct endpoint *e)
{
	uint32_t colon = s.n, port;

	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	if (colon == 0 || !text_to_u32(str_of(s.p + colon, s.n - colon), 65535, &port) || port == 0)
		return false;
	struct str host = str_of(s.p, colon - 1);
	e->port = (uint16_t)port;
	if (host.n == 0 || str_is(host, "*")) {
		e->addr = addr_ipv4(0);
		return true;
	}
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
		host = str_of(host.p + 1, host.n - 2);
		return addr_parse(host, &e->addr) && e->addr.family == ADDR_IPV6;
	}
	return addr_parse(host, &e->addr);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

bool addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->bytes, zero, sizeof zero) == 0;
}

bool addr_is_multicast(const struct addr *a)
{
	return a->family == ADDR_IPV4 ? a->bytes[0] >> 4 == 14 : a->family == ADDR_IPV6 && a->bytes[0] == 0xff;
}

bool addr_is_link_local(const struct addr *a)
{
	return a->family == ADDR_IPV6 && a->bytes[0] == 0xfe && a->bytes[1] >> 6 == 2;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	unsigned whole = p->length / 8u, bits = p->length % 8u;

	if (p->addr.family != a->family || memcmp(p->addr.bytes, a->bytes, whole) != 0)
		return false;
	return bits == 0 || (p->addr.bytes[whole] ^ a->bytes[whole]) >> (8 - bits) == 0;
}

bool addr_is_host(const struct addr *a)
{
	static const struct prefix no_hosts[] = {
		{ { ADDR_IPV4, { 127 } }, 8 }, { { ADDR_IPV4, { 240 } }, 4 }, { { ADDR_IPV6, { [15] = 1 } }, 128 },
	};
	bool good = !addr_is_any(a) && !addr_is_multicast(a);

	for (size_t i = 0; i < sizeof no_hosts / sizeof *no_hosts; i++)
		good = good && !prefix_contains(&no_hosts[i], a);
	return good;
}

struct addr addr_ipv4(uint32_t v)
{
	return (struct addr){ ADDR_IPV4, { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v } };
}

uint32_t addr_to_u32(const struct addr *a)
{
	return (uint32_t)a->bytes[0] << 24 | (uint32_t)a->bytes[1] << 16 | (uint32_t)a->bytes[2] << 8 | a->bytes[3];
}

/* What stands in front of an IPv4 address in an IPv6 one (RFC 4291 §2.5.5.2). */
static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

static unsigned group(const struct addr *a, unsigned i)
{
	return (unsigned)a->bytes[2 * i] << 8 | a->bytes[2 * i + 1];
}

/* RFC 5952 §4: lower case, the longest run of two or more zero groups becomes "::". */
static char *print_ipv6(const struct addr *a, char *out)
{
	unsigned best = 8, best_n = 1;

	for (unsigned i = 0; i < 8; i++) {
		unsigned n = 0;
		while (i + n < 8 && group(a, i + n) == 0)
			n++;
		if (n > best_n) {
			best = i;
			best_n = n;
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		if (i == best) {
			*out++ = ':';
			*out++ = ':';
			i += best_n - 1;
			continue;
		}
		if (i > 0 && i != best + best_n)
			*out++ = ':';
		out += text_put_hex(out, group(a, i));
	}
	return out;
}

static char *print(const struct addr *a, char *out)
{
	const uint8_t *ipv4 = a->bytes;

	if (a->family == ADDR_IPV6 && memcmp(a->bytes, mapped, sizeof mapped) == 0) {
		memcpy(out, "::ffff:", 7);      /* RFC 5952 §5 */
		out += 7;
		ipv4 += sizeof mapped;
	} else if (a->family == ADDR_IPV6) {
		return print_ipv6(a, out);
	} else if (a->family != ADDR_IPV4) {
		*out++ = '-';
		return out;
	}
	for (unsigned i = 0; i < 4; i++) {
		if (i > 0)
			*out++ = '.';
		out += text_put_u64(out, ipv4[i]);
	}
	return out;
}

const char *addr_print(const struct addr *a, char *out)
{
	*print(a, out) = '\0';
	return out;
}

const char *endpoint_print(const struct endpoint *e, char *out)
{
	char *p = out;
	bool brackets = e->addr.family == ADDR_IPV6;

	if (brackets)
		*p++ = '[';
	p = print(&e->addr, p);
	if (brackets)
		*p++ = ']';
	*p++ = ':';
	p += text_put_u64(p, e->port);
	*p = '\0';
	return out;
}

const char *prefix_print(const struct prefix *x, char *out)
{
	char *p = print(&x->addr, out);

	*p++ = '/';
	p += text_put_u64(p, x->length);
	*p = '\0';
	return out;
}
