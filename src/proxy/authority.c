/* SPDX-License-Identifier: MIT */
#include "proxy/authority.h"
#include <string.h>
#include "base/addr.h"

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

/* Of reg-name (RFC 3986 §3.2.2), but for '%' and for ',', which no host has, and two Host fields made into one would. */
static bool is_name(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr(".-_~!$&'()*+;=", c));
}

/* How many bytes of s are a host: an IPv6 address in brackets, or a name or IPv4 address. 0: none. */
static uint32_t host_length(struct str s)
{
	struct addr address;
	uint32_t i = 0;

	if (s.n > 0 && s.p[0] == '[') {
		const char *end = memchr(s.p, ']', s.n);
		if (!end || !addr_parse(str_of(s.p + 1, (size_t)(end - s.p) - 1), &address) || address.family != ADDR_IPV6)
			return 0;
		return (uint32_t)(end - s.p) + 1;
	}
	while (i < s.n) {
		if (s.p[i] == '%' && s.n - i > 2 && is_hex(s.p[i + 1]) && is_hex(s.p[i + 2]))
			i += 3;
		else if (is_name(s.p[i]))
			i++;
		else
			break;
	}
	return i;
}

bool authority_is_valid(struct str s, bool port_needed)
{
	uint32_t i = host_length(s), port = 0, digits = 0;

	if (i == 0)
		return false;
	if (i == s.n)
		return !port_needed;
	if (s.p[i++] != ':')
		return false;
	for (; i < s.n; i++, digits++) {
		if (s.p[i] < '0' || s.p[i] > '9' || digits == 5)
			return false;
		port = port * 10 + (uint32_t)(s.p[i] - '0');
	}
	return port <= 65535 && (digits > 0 || !port_needed);
}
