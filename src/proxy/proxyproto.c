/* SPDX-License-Identifier: MIT */
#include "proxy/proxyproto.h"
#include <string.h>

#define V2_BYTES 16                     /* of its fixed part */
static const char v1_start[] = "PROXY ", v2_start[] = "\r\n\r\n\0\r\nQUIT\n";
enum { SIGNATURE = sizeof v2_start - 1, LOCAL = 0x20, PROXY = 0x21, TCP4 = 0x11, TCP6 = 0x21 };

/* The next word; one space and no more stands between two, none behind the last. */
static struct str next_word(struct str *rest)
{
	const char *space = memchr(rest->p, ' ', rest->n);
	struct str word = str_of(rest->p, space ? (size_t)(space - rest->p) : rest->n);
	uint32_t used = word.n + (space != NULL);

	*rest = str_of(rest->p + used, rest->n - used);
	return word;
}

static bool take_address(struct str *rest, unsigned family, struct addr *a)
{
	return addr_parse(next_word(rest), a) && a->family == family;
}

static bool take_port(struct str *rest, uint16_t *port)
{
	struct str word = next_word(rest);
	uint32_t v;

	if (!text_to_u32(word, 65535, &v) || (word.n > 1 && word.p[0] == '0'))
		return false;
	*port = (uint16_t)v;
	return true;
}

/* What stands between "PROXY " and CRLF. */
static int parse_line(struct str rest, struct proxyproto *h)
{
	bool spaced = rest.n > 0 && rest.p[rest.n - 1] == ' ';
	struct str word = next_word(&rest);
	unsigned family = str_is(word, "TCP4") ? ADDR_IPV4 : ADDR_IPV6;

	if (str_is(word, "UNKNOWN"))
		return 1;
	if (family == ADDR_IPV6 && !str_is(word, "TCP6"))
		return PROXYPROTO_UNHANDLED;
	if (!take_address(&rest, family, &h->source.addr) || !take_address(&rest, family, &h->destination.addr)
	    || !take_port(&rest, &h->source.port) || !take_port(&rest, &h->destination.port) || rest.n > 0 || spaced)
		return PROXYPROTO_INVALID;
	return 1;
}

static int parse_v1(const uint8_t *bytes, size_t n, struct proxyproto *h)
{
	const char *text = (const char *)bytes;
	size_t limit = n < PROXYPROTO_MAX ? n : PROXYPROTO_MAX, start = sizeof v1_start - 1;
	const char *lf = memchr(text, '\n', limit);

	if (!lf)
		return n < PROXYPROTO_MAX ? 0 : PROXYPROTO_INVALID;
	if (lf < text + start + 1 || lf[-1] != '\r')
		return PROXYPROTO_INVALID;
	int result = parse_line(str_of(text + start, (size_t)(lf - text) - start - 1), h);
	return result < 0 ? result : (int)(lf - text) + 1;
}

static void read_side(struct endpoint *e, unsigned family, const uint8_t *address, const uint8_t *port)
{
	e->addr.family = (uint8_t)family;
	memcpy(e->addr.bytes, address, addr_bytes(&e->addr));
	e->port = (uint16_t)(port[0] << 8 | port[1]);
}

static int parse_v2(const uint8_t *bytes, size_t n, struct proxyproto *h)
{
	if (n < V2_BYTES)
		return 0;
	unsigned length = (unsigned)bytes[14] << 8 | bytes[15], family = bytes[13] == TCP4 ? ADDR_IPV4 : ADDR_IPV6;
	unsigned wide = family == ADDR_IPV4 ? 4 : 16;
	const uint8_t *block = bytes + V2_BYTES;

	if (bytes[12] != LOCAL) {
		bool known = bytes[13] == TCP4 || bytes[13] == TCP6;
		if (bytes[12] != PROXY || !known || length < 2 * wide + 4)
			return PROXYPROTO_INVALID;
	}
	if (n < V2_BYTES + length)
		return 0;
	if (bytes[12] == PROXY) {
		read_side(&h->source, family, block, block + 2 * wide);
		read_side(&h->destination, family, block + wide, block + 2 * wide + 2);
	}
	return (int)(V2_BYTES + length);        /* what stands behind the addresses is of no use here */
}

int proxyproto_parse(const uint8_t *bytes, size_t n, struct proxyproto *h)
{
	bool v2 = n > 0 && bytes[0] == (uint8_t)v2_start[0];
	size_t start = v2 ? SIGNATURE : sizeof v1_start - 1;

	*h = (struct proxyproto){ .source.port = 0 };
	if (memcmp(bytes, v2 ? v2_start : v1_start, n < start ? n : start) != 0)
		return PROXYPROTO_FOREIGN;
	return v2 ? parse_v2(bytes, n, h) : parse_v1(bytes, n, h);
}

static uint32_t make_v1(const struct proxyproto *h, unsigned family, char *out)
{
	char source[ADDR_TEXT_MAX], destination[ADDR_TEXT_MAX];

	if (family == ADDR_NONE)
		return (uint32_t)text_format(out, PROXYPROTO_MAX + 1, "%sUNKNOWN\r\n", v1_start);
	return (uint32_t)text_format(out, PROXYPROTO_MAX + 1, "%sTCP%u %s %s %u %u\r\n", v1_start, family,
		addr_print(&h->source.addr, source), addr_print(&h->destination.addr, destination), h->source.port,
		h->destination.port);
}

static void put_side(const struct endpoint *e, char *address, char *port)
{
	memcpy(address, e->addr.bytes, addr_bytes(&e->addr));
	port[0] = (char)(e->port >> 8);
	port[1] = (char)e->port;
}

uint32_t proxyproto_make(unsigned version, const struct proxyproto *h, char out[PROXYPROTO_MAX + 1])
{
	unsigned family = h->source.addr.family == h->destination.addr.family ? h->source.addr.family : ADDR_NONE;
	unsigned wide = addr_bytes(&h->source.addr), length = family == ADDR_NONE ? 0 : 2 * wide + 4;
	char *block = out + V2_BYTES;

	if (version == 1)
		return make_v1(h, family, out);
	memcpy(out, v2_start, SIGNATURE);
	out[12] = length ? PROXY : LOCAL;
	out[13] = family == ADDR_IPV4 ? TCP4 : family == ADDR_IPV6 ? TCP6 : 0;
	out[14] = 0;
	out[15] = (char)length;
	if (length > 0) {
		put_side(&h->source, block, block + 2 * wide);
		put_side(&h->destination, block + wide, block + 2 * wide + 2);
	}
	return V2_BYTES + length;
}
