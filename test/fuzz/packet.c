/* SPDX-License-Identifier: MIT
 * Fuzzes adverts: with the checksums as they are and made right, so that it gets behind them. What is understood is built
 * anew from what was understood, and must be understood in the same way.
 *
 * clang -g -O1 -fsanitize=fuzzer,address,undefined -Isrc test/fuzz/packet.c src/vrrp/packet.c src/vrrp/hmac.c \
 *     src/base/addr.c src/base/text.c -lbearssl -o /tmp/fuzz_packet; test/fuzz/seeds.py packet /tmp/seeds; /tmp/fuzz_packet /tmp/seeds
 * With gcc, and test/fuzz/replay.c in place of "fuzzer", it runs the files it is given.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "vrrp/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct vrrp_advert heard, again;
static struct vip_config vips[VRRP_ADDRESSES_MAX];

static void must(bool good)
{
	if (!good)
		abort();
}

static unsigned sum(const uint8_t *p, size_t n)
{
	unsigned long total = 0;

	for (size_t i = 0; i < n; i++)
		total += i % 2 ? p[i] : (unsigned long)p[i] << 8;
	while (total > 0xffff)
		total = (total >> 16) + (total & 0xffff);
	return (unsigned)total;
}

static void repair(uint8_t *p, size_t n, size_t at)
{
	p[at] = p[at + 1] = 0;
	unsigned s = 0xffff ^ sum(p, n);
	p[at] = (uint8_t)(s >> 8);
	p[at + 1] = (uint8_t)s;
}

/* The configuration of the node that would send what was heard. */
static struct vrrp_config sender(struct peer_config *peer)
{
	struct vrrp_config c = { .vrid = heard.vrid, .version = heard.version, .has_auth = heard.auth_type == 1,
		.advert_int_ms = heard.interval_ms, .vips = vips, .vip_count = heard.address_count };

	memcpy(c.auth_pass, heard.auth_data, sizeof c.auth_pass);
	for (uint32_t i = 0; i < heard.address_count; i++) {
		vips[i].address = (struct prefix){ heard.addresses[i], 32 };
		vips[i].next = i + 1 < heard.address_count ? &vips[i + 1] : NULL;
	}
	*peer = (struct peer_config){ .address = heard.source };
	if (!addr_is_multicast(&heard.destination))
		c.peers = peer;
	return c;
}

static void one(const uint8_t *bytes, size_t n)
{
	static uint8_t out[VRRP_PACKET_MAX];
	struct peer_config peer;

	memset(&heard, 0xa5, sizeof heard);
	if (vrrp_packet_parse(bytes, n, &heard) != VRRP_GOOD)
		return;
	must(heard.vrid > 0 && heard.address_count > 0 && heard.interval_ms > 0);
	must(heard.version == 3 || (heard.version == 2 && heard.source.family == ADDR_IPV4));
	if (heard.source.family == ADDR_IPV6 && heard.address_count > VRRP_IPV6_MAX)
		return;                 /* understood, and more than we would send */
	struct vrrp_config c = sender(&peer);
	enum vrrp_drop drop = vrrp_packet_judge(&c, &heard);
	must(drop == VRRP_GOOD || drop == VRRP_DROP_TTL || drop == VRRP_DROP_CAST || drop == VRRP_DROP_AUTH_TYPE);
	size_t m = vrrp_packet_build(&c, &heard.source, &heard.destination, heard.priority, heard.checksum, NULL, 0, out);
	must(m <= sizeof out && vrrp_packet_parse(out, m, &again) == VRRP_GOOD);
	must(again.vrid == heard.vrid && again.priority == heard.priority && again.interval_ms == heard.interval_ms);
	must(again.version == heard.version && again.address_count == heard.address_count && again.ttl == 255);
	must(memcmp(again.addresses, heard.addresses, heard.address_count * sizeof *heard.addresses) == 0);
	must(addr_equal(&again.source, &heard.source) && addr_equal(&again.destination, &heard.destination));
	/* Rarely two kinds of sum are right at once; then the first of them is what is remembered. */
	must(heard.version == 2 || again.checksum <= heard.checksum || again.checksum == VRRP_SUM_PSEUDO);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	if (n > 2048)
		return 0;
	one(bytes, n);
	if (n < 28)
		return 0;
	uint8_t *copy = malloc(n);
	memcpy(copy, bytes, n);
	size_t header = 4 * (copy[0] & 15u);
	if (header >= 20 && header + 8 <= n) {
		copy[2] = (uint8_t)(n >> 8);
		copy[3] = (uint8_t)n;
		repair(copy, header, 10);
		repair(copy + header, n - header, 6);
		one(copy, n);
	}
	free(copy);
	return 0;
}
