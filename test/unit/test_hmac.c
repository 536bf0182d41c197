/* SPDX-License-Identifier: MIT
 * vrrp/hmac: codes made by Python's hmac module from keepalived's layout, each bit of the trailer and of the message wrong,
 * numbers that do not grow, clocks that do not agree; and whole adverts with a trailer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "vrrp/packet.h"

static const struct addr v4 = { ADDR_IPV4, { 192, 168, 1, 11 } }, v4_other = { ADDR_IPV4, { 192, 168, 1, 12 } };
static const struct addr v6 = { ADDR_IPV6, { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b } };

/* source, message, key number and length, sequence, trailer */
static const struct { const struct addr *source; const char *message; uint8_t id, length; uint64_t sequence; const char *trailer; }
	vectors[] = {
	{ &v4, "3133640100641234c0a8010a", 1, 32, 0x6745f00080000000,
		"010100006745f00080000000ce3577d6e0d44b30ee3f00b81c412754" },
	{ &v4, "2133640100641234c0a8010a0000000000000000", 255, 64, 0x6745f00080000001,
		"01ff00006745f0008000000160099df3fbdd2a6a5ae5e94eb3f7c52b" },
	{ &v6, "3133640100641234fe800000000000000000000000000010", 7, 64, 0x6745f0010000ffff,
		"010700006745f0010000ffffa86d0a567d9cab7730ced3225dcde9fb" },
};

static size_t unhex(const char *text, uint8_t *out)
{
	size_t n = strlen(text) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned v = 0;
		assert_int_equal(sscanf(text + 2 * i, "%2x", &v), 1);
		out[i] = (uint8_t)v;
	}
	return n;
}

static struct hmac_config config(uint8_t id, uint8_t length)
{
	struct hmac_config c = { .key_count = 1, .keys = { { .id = id, .length = length } } };

	for (int i = 0; i < length; i++)
		c.keys[0].bytes[i] = (uint8_t)i;
	return c;
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		struct hmac_config c = config(vectors[i].id, vectors[i].length);
		struct hmac_state out = { 0 }, in = { 0 };
		uint8_t bytes[256], trailer[HMAC_TRAILER_BYTES];
		size_t n = unhex(vectors[i].message, bytes);

		unhex(vectors[i].trailer, trailer);
		hmac_sign(&c, &out, vectors[i].source, bytes, n, vectors[i].sequence);
		assert_memory_equal(bytes + n, trailer, sizeof trailer);
		assert_int_equal(hmac_check(&c, &in, vectors[i].source, bytes, n, vectors[i].sequence, 5), HMAC_GOOD);
		assert_int_equal(hmac_check(&c, &in, vectors[i].source, bytes, n, vectors[i].sequence, 5), HMAC_REPLAY);
	}
}

static void test_every_bit_counts_but_the_checksums(void **state)
{
	struct hmac_config c = config(1, 32);
	uint8_t bytes[256];
	size_t n = unhex(vectors[0].message, bytes);
	struct hmac_state out = { 0 };

	(void)state;
	hmac_sign(&c, &out, &v4, bytes, n, vectors[0].sequence);
	for (size_t bit = 0; bit < 8 * (n + HMAC_TRAILER_BYTES); bit++) {
		struct hmac_state in = { 0 };
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		enum hmac_result r = hmac_check(&c, &in, &v4, bytes, n, vectors[0].sequence, UINT32_MAX / 4);
		if (bit / 8 == 6 || bit / 8 == 7)
			assert_int_equal(r, HMAC_GOOD);
		else
			assert_int_not_equal(r, HMAC_GOOD);
		if (r != HMAC_GOOD)
			assert_int_equal(in.clock, 0);  /* nothing is remembered of it */
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	struct hmac_state in = { 0 };
	assert_int_equal(hmac_check(&c, &in, &v4_other, bytes, n, vectors[0].sequence, 5), HMAC_BAD);
	c.keys[0].bytes[31] ^= 1;
	assert_int_equal(hmac_check(&c, &in, &v4, bytes, n, vectors[0].sequence, 5), HMAC_BAD);
	c.keys[0].id = 2;
	assert_int_equal(hmac_check(&c, &in, &v4, bytes, n, vectors[0].sequence, 5), HMAC_UNKNOWN_KEY);
}

static enum hmac_result hear(struct hmac_config *c, struct hmac_state *in, uint64_t sent, uint64_t now)
{
	struct hmac_state out = { 0 };
	uint8_t bytes[256];
	size_t n = unhex(vectors[0].message, bytes);

	hmac_sign(c, &out, &v4, bytes, n, sent);
	return hmac_check(c, in, &v4, bytes, n, now, 5);
}

static void test_time(void **state)
{
	struct hmac_config c = config(1, 32);
	struct hmac_state in = { 0 };
	const uint64_t second = (uint64_t)1 << 32, now = 1000 * second;

	(void)state;
	assert_int_equal(hear(&c, &in, now, now), HMAC_GOOD);
	assert_int_equal(hear(&c, &in, now - 1, now), HMAC_REPLAY);
	assert_int_equal(hear(&c, &in, now + 5 * second, now), HMAC_GOOD);
	assert_int_equal(hear(&c, &in, now + 6 * second, now), HMAC_STALE);
	assert_int_equal(hear(&c, &in, now - 6 * second, now), HMAC_STALE);
	/* Both clocks were set back: the mark lies in the future, out of the window, and has expired. */
	assert_int_equal(hear(&c, &in, now - 500 * second, now - 500 * second), HMAC_GOOD);
	c.monotonic = true;
	assert_int_equal(hear(&c, &in, now - 501 * second, now), HMAC_REPLAY);
	assert_int_equal(hear(&c, &in, 2 * now, now), HMAC_GOOD);
	assert_int_equal(hear(&c, &in, now, now), HMAC_REPLAY);
}

static void test_numbers_grow_though_the_clock_does_not(void **state)
{
	struct hmac_config c = config(1, 32);
	struct hmac_state out = { 0 };
	uint8_t bytes[256];
	size_t n = unhex(vectors[0].message, bytes);

	(void)state;
	c.window_ms = 5000;
	hmac_sign(&c, &out, &v4, bytes, n, 0x10000ffff);
	assert_int_equal(out.sent, 0x10000ffff);
	hmac_sign(&c, &out, &v4, bytes, n, 0x10000ffff);
	assert_int_equal(out.sent, 0x100010000);
	hmac_sign(&c, &out, &v4, bytes, n, 5);
	assert_int_equal(out.sent, 0x100010001);
	/* Set back by more than the window: receivers know nothing of before. By less: they do. A clock that does not count: never. */
	hmac_sign(&c, &out, &v4, bytes, n, 0xf00000000000);
	hmac_sign(&c, &out, &v4, bytes, n, 0xeffd00000000);
	assert_int_equal(out.sent, 0xf00000000001);
	hmac_sign(&c, &out, &v4, bytes, n, 0xe00000000000);
	assert_int_equal(out.sent, 0xe00000000000);
	c.monotonic = true;
	hmac_sign(&c, &out, &v4, bytes, n, 0xd00000000000);
	assert_int_equal(out.sent, 0xe00000000001);
	assert_int_equal(hmac_sequence(7, 0), (uint64_t)7 << 32);
	assert_int_equal(hmac_sequence(7, 500000000), (uint64_t)7 << 32 | (uint64_t)32760 << 16);
	assert_int_equal(hmac_sequence(7, 999999999) >> 16, (uint64_t)7 << 16 | 65521);
}

static void test_senders_have_places_of_their_own(void **state)
{
	struct hmac_config c = config(1, 32);
	struct hmac_state in = { 0 };

	(void)state;
	for (int round = 0; round < 2; round++)
		for (uint8_t i = 0; i < HMAC_SENDERS_MAX; i++) {
			struct addr source = v4;
			struct hmac_state out = { 0 };
			uint8_t bytes[256];
			size_t n = unhex(vectors[0].message, bytes);
			source.bytes[3] = i;
			hmac_sign(&c, &out, &source, bytes, n, vectors[0].sequence + i);
			assert_int_equal(hmac_check(&c, &in, &source, bytes, n, vectors[0].sequence, 5),
				round ? HMAC_REPLAY : HMAC_GOOD);
		}
}

static struct vip_config vip = { .address = { .addr = { ADDR_IPV4, { 192, 168, 1, 10 } }, .length = 24 } };

static void test_whole_adverts(void **state)
{
	const struct addr group = vrrp_group(ADDR_IPV4);
	uint8_t packet[VRRP_PACKET_MAX];

	(void)state;
	for (uint8_t version = 2; version <= 3; version++) {
		struct vrrp_config c = { .name = "V", .interface = "e", .vrid = 51, .version = version, .priority = 100,
			.advert_int_ms = 1000, .vips = &vip, .vip_count = 1, .hmac = config(1, 32) };
		struct hmac_state out = { 0 }, in = { 0 };
		struct vrrp_advert a;
		size_t n = vrrp_packet_build(&c, &v4, &group, 100, VRRP_SUM_PSEUDO, &out, vectors[0].sequence, packet);
		assert_int_equal(n, 20 + (version == 2 ? 20 : 12) + HMAC_TRAILER_BYTES);
		assert_int_equal(vrrp_packet_parse(packet, n, &a), VRRP_GOOD);
		assert_true(a.has_trailer);
		assert_int_equal(vrrp_packet_judge(&c, &a), VRRP_GOOD);
		assert_int_equal(hmac_check(&c.hmac, &in, &a.source, a.message, a.message_bytes, vectors[0].sequence, 5), HMAC_GOOD);
		a.hmac = HMAC_BAD;
		assert_int_equal(vrrp_packet_judge(&c, &a), VRRP_DROP_HMAC);
		a.hmac = HMAC_GOOD;
		a.has_trailer = false;
		assert_int_equal(vrrp_packet_judge(&c, &a), VRRP_DROP_AUTH_TYPE);
		c.hmac.mode = HMAC_PERMISSIVE;
		assert_int_equal(vrrp_packet_judge(&c, &a), VRRP_GOOD);
		a.has_trailer = true;
		c.hmac.key_count = 0;
		assert_int_equal(vrrp_packet_judge(&c, &a), VRRP_DROP_AUTH_TYPE);
		for (size_t cut = 1; cut < HMAC_TRAILER_BYTES; cut++) {
			packet[3] = (uint8_t)(n - cut);         /* and the header's sum with it */
			packet[10] = packet[11] = 0;
			uint32_t sum = 0;
			for (int i = 0; i < 20; i += 2)
				sum += (uint32_t)packet[i] << 8 | packet[i + 1];
			sum = (sum & 0xffff) + (sum >> 16);
			packet[10] = (uint8_t)(~sum >> 8);
			packet[11] = (uint8_t)~sum;
			assert_int_equal(vrrp_packet_parse(packet, n, &a), VRRP_DROP_SHORT);
		}
		c.hmac = config(1, 32);
		c.hmac.mode = HMAC_RECEIVE_ONLY;
		n = vrrp_packet_build(&c, &v4, &group, 100, VRRP_SUM_PSEUDO, &out, vectors[0].sequence, packet);
		assert_int_equal(n, 20 + (version == 2 ? 20 : 12));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_every_bit_counts_but_the_checksums),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_numbers_grow_though_the_clock_does_not),
		cmocka_unit_test(test_senders_have_places_of_their_own),
		cmocka_unit_test(test_whole_adverts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
