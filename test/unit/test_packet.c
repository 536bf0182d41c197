/* SPDX-License-Identifier: MIT
 * vrrp/packet and vrrp/announce: keepalived's adverts (packet.txt), each of them cut and bent in every way; what we build;
 * chance.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "vrrp/announce.h"
#include "vrrp/packet.h"
#include "vrrp/vrrp.h"
#include "vector.h"

static struct vrrp_advert advert;
static struct vip_config vips[VRRP_ADDRESSES_MAX];
static struct peer_config peer;
static struct vrrp_config config;

static struct addr address(const char *text)
{
	struct addr a;

	if (!addr_parse(str_z(text), &a))
		fail_msg("'%s' is no address", text);
	return a;
}

static uint32_t number(const char *words, const char *word)
{
	const char *value = vector_option(words, word);

	return value ? (uint32_t)strtoul(value, NULL, 10) : 0;
}

static void add_vip(const struct addr *a)
{
	struct vip_config *v = &vips[config.vip_count++];

	*v = (struct vip_config){ .address = { *a, 32 } };
	if (v != vips)
		v[-1].next = v;
	config.vips = vips;
}

static void configure(const char *words)
{
	const char *text;

	config = (struct vrrp_config){ .name = "V", .vrid = (uint8_t)number(words, "vrid"),
		.version = (uint8_t)number(words, "version"), .advert_int_ms = number(words, "interval") };
	if ((text = vector_option(words, "pass"))) {
		config.has_auth = true;
		memcpy(config.auth_pass, text, strlen(text));
	}
	config.unicast_ttl = (uint8_t)number(words, "ttl");
	if ((text = vector_option(words, "peer"))) {
		peer = (struct peer_config){ .address = address(text) };
		config.peers = &peer;
		config.peer_count = 1;
	}
	char list[512];
	snprintf(list, sizeof list, "%s", vector_option(words, "vips"));
	for (char *one = strtok(list, ","); one; one = strtok(NULL, ",")) {
		struct addr a = address(one);
		add_vip(&a);
	}
}

static size_t unhex(const struct vector *v, uint8_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < v->in_n;) {
		unsigned byte;
		if (v->in[i] == ' ') {
			i++;
			continue;
		}
		assert_int_equal(sscanf((const char *)v->in + i, "%2x", &byte), 1);
		out[n++] = (uint8_t)byte;
		i += 2;
	}
	return n;
}

/* What the receiver makes of n bytes. What the parser does not write must not matter. */
static enum vrrp_drop verdict(const uint8_t *bytes, size_t n)
{
	memset(&advert, 0xa5, sizeof advert);
	enum vrrp_drop drop = vrrp_packet_parse(at_page_end(bytes, n), n, &advert);

	return drop == VRRP_GOOD ? vrrp_packet_judge(&config, &advert) : drop;
}

/* ---- checksums, on our own ---- */

static unsigned sum(const uint8_t *p, size_t n, unsigned long total)
{
	for (size_t i = 0; i < n; i++)
		total += i % 2 ? p[i] : (unsigned long)p[i] << 8;
	while (total > 0xffff)
		total = (total >> 16) + (total & 0xffff);
	return (unsigned)total;
}

static void store(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static size_t header_of(const uint8_t *ip)
{
	return ip[0] >> 4 == 6 ? 40 : 4 * (ip[0] & 15u);
}

static void fix_ip(uint8_t *ip, size_t n)
{
	if (ip[0] >> 4 == 6) {
		store(ip + 4, (unsigned)n - 40);
		return;
	}
	store(ip + 2, (unsigned)n);
	store(ip + 10, 0);
	store(ip + 10, 0xffff ^ sum(ip, header_of(ip), 0));
}

static void fix(uint8_t *ip, size_t n)
{
	size_t header = header_of(ip);

	fix_ip(ip, n);
	if (n < header + 8)
		return;
	store(ip + header + 6, 0);
	unsigned long pseudo = ip[0] >> 4 == 6 ? sum(ip + 8, 32, n - header + 112) : 0;
	store(ip + header + 6, 0xffff ^ sum(ip + header, n - header, pseudo));
}

/* The advert names the addresses that we have, in any order. */
static bool same_addresses(const struct vrrp_config *c, const struct vrrp_advert *a)
{
	if (a->address_count != vrrp_advertised(c))
		return false;
	for (const struct vip_config *v = c->vips; v; v = v->next) {
		bool found = !vrrp_advertises(c, v);
		for (uint32_t i = 0; i < a->address_count && i < VRRP_ADDRESSES_MAX; i++)
			found = found || addr_equal(&v->address.addr, &a->addresses[i]);
		if (!found)
			return false;
	}
	return true;
}

/* ---- keepalived's packets ---- */

static void expect(const struct vector *v, size_t n, const char *how, enum vrrp_drop is, enum vrrp_drop wanted)
{
	if (is != wanted)
		fail_msg("packet.txt:%d: %s: %s, %zu bytes: %s, not %s", v->line, v->what, how, n, vrrp_drop_name(is),
			vrrp_drop_name(wanted));
}

static void fields(const struct vector *v)
{
	static const char *const sums[] = { [VRRP_SUM_PSEUDO] = "pseudo", [VRRP_SUM_PLAIN] = "plain", [VRRP_SUM_GROUP] = "group" };
	const char *out = (const char *)v->out, *text;
	struct { const char *word; uint32_t is; } numbers[] = { { "priority", advert.priority },
		{ "interval", advert.interval_ms }, { "auth", advert.auth_type }, { "count", advert.address_count } };

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (vector_option(out, numbers[i].word) && number(out, numbers[i].word) != numbers[i].is)
			fail_msg("packet.txt:%d: %s is %u", v->line, numbers[i].word, numbers[i].is);
	if ((text = vector_option(out, "source"))) {
		struct addr a = address(text);
		assert_true(addr_equal(&a, &advert.source));
	}
	if ((text = vector_option(out, "destination"))) {
		struct addr a = address(text);
		assert_true(addr_equal(&a, &advert.destination));
	}
	if ((text = vector_option(out, "sum")))
		assert_string_equal(sums[advert.checksum], text);
	assert_int_equal(advert.version, config.version);
	assert_int_equal(advert.vrid, config.vrid);
	assert_int_equal(advert.ttl, config.unicast_ttl ? config.unicast_ttl : 255);
}

/* With the same configuration we send the same bytes, but for keepalived's count of packets in the IP header. */
static void built_alike(const struct vector *v, uint8_t *bytes, size_t n)
{
	uint8_t ours[VRRP_PACKET_MAX];
	struct addr source = advert.source, destination = advert.destination;
	size_t m = vrrp_packet_build(&config, &source, &destination, advert.priority, advert.checksum, NULL, 0, ours);

	assert_int_equal(m, n);
	if (source.family == ADDR_IPV4)
		bytes[4] = bytes[5] = 0;
	else
		bytes[2] = bytes[3] = 0, bytes[1] &= 0xf0;         /* the flow label */
	fix_ip(bytes, n);
	if (memcmp(ours, bytes, n) != 0)
		fail_msg("packet.txt:%d: %s: built otherwise", v->line, v->what);
}

/* Of a whole packet: every part of it, with a length that says so and without; and more than there is. */
static void cut(const struct vector *v, const uint8_t *bytes, size_t n)
{
	static uint8_t copy[2048];

	for (size_t k = 0; k < n; k++)
		expect(v, k, "cut off", verdict(bytes, k), VRRP_DROP_IP);
	for (size_t k = header_of(bytes); k < n + 64; k++) {
		memset(copy, 0, sizeof copy);
		memcpy(copy, bytes, n);
		fix(copy, k);
		if (k != n && k != n + HMAC_TRAILER_BYTES)
			expect(v, k, "another length", verdict(copy, k), VRRP_DROP_SHORT);
	}
	for (size_t padding = 1; padding < 64; padding++) {
		memset(copy, 0xaa, sizeof copy);
		memcpy(copy, bytes, n);
		expect(v, n + padding, "padded by Ethernet", verdict(copy, n + padding), VRRP_GOOD);
	}
}

static void check(const struct vector *v)
{
	static uint8_t bytes[2048];
	size_t n = unhex(v, bytes);

	configure(v->options);
	enum vrrp_drop is = verdict(bytes, n);
	if (strncmp((const char *)v->out, "good", 4) != 0) {
		if (strcmp(vrrp_drop_name(is), (const char *)v->out) != 0)
			fail_msg("packet.txt:%d: %s: %s, not %s", v->line, v->what, vrrp_drop_name(is), v->out);
		return;
	}
	expect(v, n, "whole", is, VRRP_GOOD);
	fields(v);
	bool differ = vector_option(v->options, "differ") != NULL;
	assert_int_equal(same_addresses(&config, &advert), !differ);
	if (vector_option((const char *)v->out, "sum"))
		built_alike(v, bytes, n);
	cut(v, bytes, n);
}

static void adverts_of_keepalived(void **state)
{
	(void)state;
	assert_true(vectors("packet.txt", check) > 20);
}

/* ---- one field wrong ---- */

static uint8_t packet[VRRP_PACKET_MAX + 64];

static size_t build(const char *words, uint8_t priority, enum vrrp_checksum kind)
{
	configure(words);
	bool ipv6 = vrrp_family(&config) == ADDR_IPV6;
	struct addr source = address(ipv6 ? "fe80::11" : "192.168.1.11"), destination = vrrp_group(vrrp_family(&config));

	if (config.peers)
		destination = address(ipv6 ? "fe80::12" : "192.168.1.12");
	return vrrp_packet_build(&config, &source, &destination, priority, kind, NULL, 0, packet);
}

#define V2 "version=2 vrid=51 interval=1000 pass=s3cret vips=192.168.1.10,192.168.1.9"
#define V3 "version=3 vrid=51 interval=1000 vips=192.168.1.10,192.168.1.9"
#define V6 "version=3 vrid=51 interval=1000 vips=fe80::10,fd00::10"
#define V6_GLOBAL "version=3 vrid=51 interval=1000 vips=fd00::10,fd00::9"
#define UNICAST6 " peer=fe80::11"
#define UNICAST " peer=192.168.1.11"

/* FIX: the checksums are made right again, so that the field alone is wrong. */
enum { KEEP, FIX, FIX_IP };

static void each_field_wrong_has_its_reason(void **state)
{
	static const struct { const char *words; unsigned offset, value, repair; enum vrrp_drop wanted; } rows[] = {
		{ V2, 0, 0x55, FIX, VRRP_DROP_IP },             /* IP version 5 */
		{ V2, 0, 0x65, FIX, VRRP_DROP_IP },
		{ V2, 0, 0x44, KEEP, VRRP_DROP_IP },            /* a header of 16 bytes */
		{ V2, 0, 0x4f, KEEP, VRRP_DROP_IP },
		{ V2, 1, 0, KEEP, VRRP_DROP_IP },               /* header checksum */
		{ V2, 1, 0, FIX, VRRP_GOOD },                   /* any type of service will do */
		{ V2, 2, 1, KEEP, VRRP_DROP_IP },               /* longer than what came */
		{ V2, 6, 0x20, FIX, VRRP_DROP_IP },             /* the first fragment */
		{ V2, 7, 0x01, FIX, VRRP_DROP_IP },             /* a later one */
		{ V2, 6, 0x40, FIX, VRRP_GOOD },                /* do not fragment */
		{ V2, 8, 254, FIX, VRRP_DROP_TTL },
		{ V3, 8, 0, FIX, VRRP_DROP_TTL },
		{ V3 UNICAST, 8, 64, FIX, VRRP_DROP_TTL },
		{ V2, 9, 6, FIX, VRRP_DROP_IP },                /* TCP */
		{ V2, 11, 0, KEEP, VRRP_DROP_IP },
		{ V2, 12, 224, FIX, VRRP_DROP_IP },             /* nobody sends from there */
		{ V2, 12, 127, FIX, VRRP_DROP_IP },
		{ V3, 12, 255, FIX, VRRP_DROP_IP },
		{ V2, 16, 192, FIX, VRRP_DROP_CAST },           /* not to a group */
		{ V2, 19, 22, FIX, VRRP_DROP_CAST },            /* to another group */
		{ V3, 17, 1, FIX, VRRP_DROP_CAST },
		{ V3 UNICAST, 16, 224, FIX, VRRP_DROP_CAST },
		{ V3 UNICAST, 15, 13, FIX, VRRP_DROP_PEER },
		{ V2, 20, 0x11, FIX, VRRP_DROP_VERSION },
		{ V2, 20, 0x41, FIX, VRRP_DROP_VERSION },
		{ V2, 20, 0x01, FIX, VRRP_DROP_VERSION },
		{ V2, 20, 0x22, FIX, VRRP_DROP_TYPE },
		{ V2, 20, 0x20, FIX, VRRP_DROP_TYPE },
		{ V3, 20, 0x32, FIX, VRRP_DROP_TYPE },
		{ V2, 20, 0x31, FIX, VRRP_DROP_SHORT },         /* of version 3 it would be too long */
		{ V3, 20, 0x21, FIX, VRRP_DROP_SHORT },
		{ V2, 21, 0, FIX, VRRP_DROP_VRID_ZERO },
		{ V3, 21, 0, FIX, VRRP_DROP_VRID_ZERO },
		{ V2, 22, 101, KEEP, VRRP_DROP_CHECKSUM },
		{ V2, 22, 0, FIX, VRRP_GOOD },
		{ V2, 23, 0, FIX, VRRP_DROP_COUNT },
		{ V3, 23, 0, FIX, VRRP_DROP_COUNT },
		{ V2, 23, 1, FIX, VRRP_DROP_SHORT },
		{ V3, 23, 3, FIX, VRRP_DROP_SHORT },
		{ V2, 23, 255, FIX, VRRP_DROP_SHORT },
		{ V2, 24, 0, FIX, VRRP_DROP_AUTH_TYPE },
		{ V2, 24, 2, FIX, VRRP_DROP_AUTH_TYPE },
		{ V3, 24, 0xf0, FIX, VRRP_GOOD },               /* reserved bits are not looked at (RFC 9568 §5.2.6) */
		{ V2, 25, 0, FIX, VRRP_DROP_INTERVAL_ZERO },
		{ V3, 25, 0, FIX, VRRP_DROP_INTERVAL_ZERO },
		{ V2, 25, 2, FIX, VRRP_DROP_INTERVAL },
		{ V3, 25, 2, FIX, VRRP_GOOD },
		{ V2, 26, 0, KEEP, VRRP_DROP_CHECKSUM },
		{ V3, 27, 0, KEEP, VRRP_DROP_CHECKSUM },
		{ V3, 31, 77, KEEP, VRRP_DROP_CHECKSUM },
		{ V3, 15, 77, FIX_IP, VRRP_DROP_CHECKSUM },     /* the pseudo-header covers the source */
		{ V2, 36, 'S', FIX, VRRP_DROP_PASSWORD },
		{ V2, 43, 'x', FIX, VRRP_DROP_PASSWORD },       /* the eighth character */
		{ V6, 0, 0x50, KEEP, VRRP_DROP_IP },
		{ V6, 1, 0xff, KEEP, VRRP_GOOD },               /* any class and flow will do */
		{ V6, 4, 1, KEEP, VRRP_DROP_IP },               /* longer than what came */
		{ V6, 5, 39, KEEP, VRRP_DROP_SHORT },
		{ V6, 6, 0, KEEP, VRRP_DROP_IP },               /* an extension header */
		{ V6, 7, 254, KEEP, VRRP_DROP_TTL },
		{ V6 UNICAST6, 7, 64, KEEP, VRRP_GOOD },        /* keepalived's */
		{ V6 UNICAST6 " ttl=200", 7, 199, KEEP, VRRP_DROP_TTL },
		{ V3 UNICAST " ttl=64", 8, 64, FIX, VRRP_GOOD },
		{ V3 UNICAST " ttl=64", 8, 63, FIX, VRRP_DROP_TTL },
		{ V6, 23, 12, KEEP, VRRP_DROP_CHECKSUM },       /* the pseudo-header covers the source */
		{ V6, 39, 0x13, FIX, VRRP_DROP_CAST },          /* another group */
		{ V6 UNICAST6, 24, 0xff, FIX, VRRP_DROP_CAST },
		{ V6 UNICAST6, 23, 13, FIX, VRRP_DROP_PEER },
		{ V6, 40, 0x21, FIX, VRRP_DROP_VERSION },       /* there is no version 2 of IPv6 */
		{ V6, 40, 0x32, FIX, VRRP_DROP_TYPE },
		{ V6, 41, 0, FIX, VRRP_DROP_VRID_ZERO },
		{ V6, 43, 0, FIX, VRRP_DROP_COUNT },
		{ V6, 43, 3, FIX, VRRP_DROP_SHORT },
		{ V6, 43, 8, FIX, VRRP_DROP_SHORT },            /* as many as IPv4 addresses would be */
		{ V6, 45, 0, FIX, VRRP_DROP_INTERVAL_ZERO },
		{ V6, 46, 0xa5, KEEP, VRRP_DROP_CHECKSUM },
		{ V6, 48, 0xfd, FIX, VRRP_DROP_LINK_LOCAL },
		{ V6_GLOBAL, 48, 0xfc, FIX, VRRP_GOOD },        /* nor is ours */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t n = build(rows[i].words, 100, VRRP_SUM_PSEUDO);
		assert_int_equal(verdict(packet, n), VRRP_GOOD);
		packet[rows[i].offset] = (uint8_t)rows[i].value;
		if (rows[i].repair == FIX)
			fix(packet, n);
		if (rows[i].repair == FIX_IP)
			fix_ip(packet, n);
		enum vrrp_drop is = verdict(packet, n);
		if (is != rows[i].wanted)
			fail_msg("%s: byte %u = 0x%02x: %s, not %s", rows[i].words, rows[i].offset, rows[i].value, vrrp_drop_name(is),
				vrrp_drop_name(rows[i].wanted));
	}
}

/* keepalived from this address, with this VIP: its pseudo-header sums to nothing, so its advert is right without one as well. */
static void a_checksum_that_fits_twice(void **state)
{
	uint8_t out[VRRP_PACKET_MAX];
	struct addr source = address("192.168.94.200"), to = vrrp_group(ADDR_IPV4);

	(void)state;
	memset(vips, 0, sizeof vips);
	config = (struct vrrp_config){ .name = "V", .vrid = 51, .version = 3, .advert_int_ms = 1000 };
	add_vip(&(struct addr){ ADDR_IPV4, { 192, 168, 94, 10 } });
	size_t n = vrrp_packet_build(&config, &source, &to, 100, VRRP_SUM_PSEUDO, NULL, 0, out);
	assert_int_equal(vrrp_packet_parse(out, n, &advert), VRRP_GOOD);
	assert_int_equal(advert.checksums, 1 << VRRP_SUM_PLAIN | 1 << VRRP_SUM_PSEUDO);
	source.bytes[3] = 201;
	n = vrrp_packet_build(&config, &source, &to, 100, VRRP_SUM_PSEUDO, NULL, 0, out);
	assert_int_equal(vrrp_packet_parse(out, n, &advert), VRRP_GOOD);
	assert_int_equal(advert.checksums, 1 << VRRP_SUM_PSEUDO);
}

/* Each single bit that is flipped on the way is found out by one of the two checksums. */
static void no_single_bit_goes_unseen(void **state)
{
	static const char *const all[] = { V2, V3, V2 UNICAST, V3 UNICAST };

	(void)state;
	for (unsigned k = 0; k < 12; k++) {
		size_t n = build(all[k % 4], 100, k / 4);
		for (size_t bit = 0; bit < 8 * n; bit++) {
			packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
			enum vrrp_drop is = verdict(packet, n);
			/* But for the length of the header: more of it is checked then, and of the time to live. */
			assert_true(is == VRRP_DROP_IP || (bit / 8 >= 20 && is != VRRP_GOOD));
			packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_int_equal(verdict(packet, n), VRRP_GOOD);
	}
}

static void options_in_the_header(void **state)
{
	(void)state;
	for (unsigned words = 6; words <= 15; words++) {
		size_t n = build(V2, 100, VRRP_SUM_PLAIN), header = 4 * words;
		memmove(packet + header, packet + 20, n - 20);
		memset(packet + 20, 1, header - 20);            /* no operation */
		packet[0] = (uint8_t)(0x40 | words);
		n += header - 20;
		fix(packet, n);
		assert_int_equal(verdict(packet, n), VRRP_GOOD);
		assert_true(same_addresses(&config, &advert));
		for (size_t k = 0; k < n; k++)
			assert_int_equal(verdict(packet, k), VRRP_DROP_IP);
	}
}

/* ---- ours ---- */

static void what_is_built_is_understood(void **state)
{
	static const uint32_t intervals[2][4] = { { 1000, 2000, 100000, 255000 }, { 10, 250, 1000, 40950 } };
	static const uint32_t counts[] = { 1, 2, 20, 255 };

	(void)state;
	for (unsigned i = 0; i < 2 * 2 * 2 * 3 * 4 * 4; i++) {
		unsigned version = 2 + i % 2, interval = intervals[version - 2][i / 24 % 4], count = counts[i / 96 % 4];
		enum vrrp_checksum kind = i / 8 % 3;
		char words[128];
		snprintf(words, sizeof words, "version=%u vrid=%u interval=%u%s%s vips=10.0.0.0", version, 1 + i % 255, interval,
			i / 2 % 2 ? " pass=s3cret" : "", i / 4 % 2 ? UNICAST : "");
		configure(words);
		while (config.vip_count < count) {
			struct addr a = addr_ipv4(0x0a000000u + config.vip_count);
			add_vip(&a);
		}
		struct addr source = address("192.168.1.11"), destination = address(config.peers ? "192.168.1.12" : "224.0.0.18");
		size_t n = vrrp_packet_build(&config, &source, &destination, (uint8_t)(i * 7), kind, NULL, 0, packet);
		assert_int_equal(n, 28 + 4 * count + (version == 2 ? 8 : 0));
		assert_int_equal(verdict(packet, n), VRRP_GOOD);
		assert_true(same_addresses(&config, &advert));
		assert_true(addr_equal(&advert.source, &source) && addr_equal(&advert.destination, &destination));
		assert_int_equal(advert.priority, (uint8_t)(i * 7));
		assert_int_equal(advert.interval_ms, interval);
		/* To the group itself, both sums with a pseudo-header are one. */
		if (version == 2)
			assert_int_equal(advert.checksum, VRRP_SUM_PLAIN);
		else
			assert_int_equal(advert.checksum, kind == VRRP_SUM_GROUP && !config.peers ? VRRP_SUM_PSEUDO : kind);
	}
}

/* Those of the other family, and excluded ones, move and are not spoken of. */
static void adverts_have_one_family(void **state)
{
	static const struct { const char *vips; unsigned excluded, count; uint8_t family; } rows[] = {
		{ "10.0.0.1,fe80::1,10.0.0.2,fd00::1", 0, 2, ADDR_IPV4 },
		{ "fe80::1,10.0.0.1,fd00::1,fd00::2", 0, 3, ADDR_IPV6 },
		{ "10.0.0.1,fe80::1,10.0.0.2,fd00::1", 1, 2, ADDR_IPV6 },
		{ "10.0.0.1,fe80::1,10.0.0.2,fd00::1", 4, 1, ADDR_IPV4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char words[128];
		snprintf(words, sizeof words, "version=3 vrid=1 interval=1000 vips=%s", rows[i].vips);
		configure(words);
		for (unsigned k = 0; k < 4; k++)
			vips[k].excluded = rows[i].excluded >> k & 1;
		struct addr destination = vrrp_group(vrrp_family(&config));
		struct addr source = address(rows[i].family == ADDR_IPV6 ? "fe80::11" : "192.168.1.11");
		assert_int_equal(vrrp_family(&config), rows[i].family);
		size_t n = vrrp_packet_build(&config, &source, &destination, 1, VRRP_SUM_PSEUDO, NULL, 0, packet);
		assert_int_equal(verdict(packet, n), VRRP_GOOD);
		assert_int_equal(advert.address_count, rows[i].count);
		assert_true(same_addresses(&config, &advert));
	}
	size_t n = build(V6, 1, VRRP_SUM_PSEUDO);
	configure(V3);
	assert_int_equal(verdict(packet, n), VRRP_DROP_FAMILY);
	n = build(V3, 1, VRRP_SUM_PSEUDO);
	configure(V6);
	assert_int_equal(verdict(packet, n), VRRP_DROP_FAMILY);
}

static void addresses_are_compared_as_a_set(void **state)
{
	size_t n = build("version=3 vrid=1 interval=1000 vips=10.0.0.1,10.0.0.2,10.0.0.3", 1, VRRP_SUM_PLAIN);

	(void)state;
	verdict(packet, n);
	assert_true(same_addresses(&config, &advert));
	memcpy(packet + 36, packet + 32, 4);            /* the second one twice */
	fix(packet, n);
	assert_int_equal(verdict(packet, n), VRRP_GOOD);
	assert_false(same_addresses(&config, &advert));
}

static void a_gratuitous_arp(void **state)
{
	static const uint8_t wanted[ANNOUNCE_ARP_BYTES] = { 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 11, 192, 168, 1, 10,
		0, 0, 0, 0, 0, 0, 192, 168, 1, 10 };
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 11 };
	struct addr a = address("192.168.1.10");
	uint8_t *out = at_page_end(wanted, sizeof wanted);

	(void)state;
	memset(out, 0xa5, sizeof wanted);
	announce_arp(&a, mac, out);
	assert_memory_equal(out, wanted, sizeof wanted);
}

static void a_neighbour_advertisement(void **state)
{
	uint8_t out[ANNOUNCE_NA_BYTES];
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 11 };
	struct addr a = address("fd00::10");
	static const uint8_t wanted[ANNOUNCE_NA_BYTES] = { 0x60, 0, 0, 0, 0, 32, 58, 255,
		0xfd, [23] = 0x10, [24] = 0xff, 0x02, [39] = 1, [40] = 136, 0, 0x01, 0x27, 0xa0, [48] = 0xfd, [63] = 0x10, [64] = 2, 1, 2, 0, 0, 0, 0, 11 };

	(void)state;
	announce_na(&a, mac, out);
	assert_int_equal(sum(out + 8, 64, 32 + 58), 0xffff);
	out[42] = wanted[42];           /* the checksum, as it was found right */
	out[43] = wanted[43];
	assert_memory_equal(out, wanted, sizeof wanted);
}

static void reasons_have_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VRRP_DROP_COUNT_OF; i++)
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(vrrp_drop_name(i), vrrp_drop_name(k));
}

/* ---- chance ---- */

static uint64_t seed = 20240611;

static uint32_t chance(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % below;
}

static size_t mutate(size_t n)
{
	for (uint32_t times = 1 + chance(6); times > 0; times--)
		packet[chance((uint32_t)n)] = (uint8_t)chance(256);
	return chance(4) ? n : 1 + chance((uint32_t)n + 20);
}

/* A backup and a master hear ten thousand bent packets: none is believed, so neither hears of any. */
static void mutations_change_nothing(void **state)
{
	static const char *const all[] = { V2, V3, V2 UNICAST, V3 UNICAST };
	unsigned counted[VRRP_DROP_COUNT_OF] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		uint8_t whole[sizeof packet];
		size_t n = build(all[i % 4], 200, i % 3);
		memcpy(whole, packet, sizeof whole);
		size_t m = mutate(n);
		if (m >= n && memcmp(whole, packet, n) == 0)
			continue;
		counted[verdict(packet, m)]++;
	}
	assert_int_equal(counted[VRRP_GOOD], 0);
	assert_true(counted[VRRP_DROP_IP] > 1000 && counted[VRRP_DROP_CHECKSUM] > 500 && counted[VRRP_DROP_SHORT] > 50);
}

/* With checksums made right, so that it gets further: what is believed is what the configuration says, field by field. */
static void mutations_with_right_checksums(void **state)
{
	static const char *const all[] = { V2, V3, V2 UNICAST, V3 UNICAST };
	unsigned counted[VRRP_DROP_COUNT_OF] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 30000; i++) {
		size_t m = mutate(build(all[i % 4], 200, i % 3));
		packet[0] = chance(8) ? 0x45 : packet[0];
		packet[9] = chance(8) ? 112 : packet[9];
		store(packet + 6, chance(8) ? 0 : 1 + chance(65535));
		if (m >= 20)
			(chance(16) ? fix : fix_ip)(packet, m);
		enum vrrp_drop is = verdict(packet, m);
		counted[is]++;
		if (is != VRRP_GOOD)
			continue;
		const uint8_t *p = packet + header_of(packet);
		assert_true(p[0] == (config.version << 4 | 1) && p[1] != 0 && p[3] != 0 && packet[8] == 255);
		assert_int_equal(m, header_of(packet) + 8u + 4u * p[3] + (config.version == 2 ? 8 : 0));
		assert_int_equal(advert.priority, p[2]);
		assert_int_equal(advert.vrid, p[1]);
		if (config.version == 2)
			assert_true(p[5] == 1 && p[4] == 1 && memcmp(p + m - header_of(packet) - 8, config.auth_pass, 8) == 0);
		else
			assert_int_equal(advert.interval_ms, ((p[4] & 15) << 8 | p[5]) * 10);
	}
	for (unsigned i = 0; i < VRRP_DROP_VRID; i++)
		if (counted[i] == 0 && i != VRRP_DROP_OTHER_VERSION     /* that would have another length as well */
		    && i != VRRP_DROP_FAMILY && i != VRRP_DROP_LINK_LOCAL && i != VRRP_DROP_HMAC)
			fail_msg("never: %s", vrrp_drop_name(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adverts_of_keepalived),
		cmocka_unit_test(each_field_wrong_has_its_reason),
		cmocka_unit_test(no_single_bit_goes_unseen),
		cmocka_unit_test(options_in_the_header),
		cmocka_unit_test(what_is_built_is_understood),
		cmocka_unit_test(addresses_are_compared_as_a_set),
		cmocka_unit_test(a_gratuitous_arp),
		cmocka_unit_test(a_neighbour_advertisement),
		cmocka_unit_test(adverts_have_one_family),
		cmocka_unit_test(reasons_have_names),
		cmocka_unit_test(mutations_change_nothing),
		cmocka_unit_test(mutations_with_right_checksums), cmocka_unit_test(a_checksum_that_fits_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
