/* SPDX-License-Identifier: MIT */
#include "vrrp/packet.h"
#include <string.h>

#define IP_HEADER 20
#define VRRP_HEADER 8
#define TYPE_ADVERT 1
#define TOS_INTERNETWORK_CONTROL 0xc0

static const char *const drop_names[VRRP_DROP_COUNT_OF] = {
	[VRRP_GOOD] = "good", [VRRP_DROP_IP] = "bad IP header", [VRRP_DROP_SHORT] = "wrong length",
	[VRRP_DROP_VERSION] = "unknown version", [VRRP_DROP_TYPE] = "unknown type", [VRRP_DROP_COUNT] = "no addresses",
	[VRRP_DROP_INTERVAL_ZERO] = "interval 0", [VRRP_DROP_CHECKSUM] = "bad checksum",
	[VRRP_DROP_VRID_ZERO] = "virtual_router_id 0", [VRRP_DROP_OTHER_VERSION] = "other version",
	[VRRP_DROP_TTL] = "wrong TTL",
	[VRRP_DROP_CAST] = "multicast instead of unicast or the reverse", [VRRP_DROP_PEER] = "not a configured peer",
	[VRRP_DROP_AUTH_TYPE] = "other authentication", [VRRP_DROP_PASSWORD] = "other password",
	[VRRP_DROP_INTERVAL] = "other interval", [VRRP_DROP_VRID] = "unknown virtual_router_id",
	[VRRP_DROP_STATE] = "not taking part",
};

const char *vrrp_drop_name(enum vrrp_drop drop)
{
	return drop_names[drop];
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* RFC 1071, without the final complement; n may be odd. */
static uint32_t sum(const uint8_t *p, size_t n, uint32_t start)
{
	uint32_t total = start;

	for (; n > 1; p += 2, n -= 2)
		total += get16(p);
	if (n)
		total += (uint32_t)p[0] << 8;
	return total;
}

static uint32_t fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

static uint32_t pseudo_header(const uint8_t *source, const uint8_t *destination, size_t n)
{
	return sum(destination, 4, sum(source, 4, VRRP_PROTOCOL + (uint32_t)n));
}

static struct addr ipv4(const uint8_t *p)
{
	return (struct addr){ ADDR_IPV4, { p[0], p[1], p[2], p[3] } };
}

/* The checksum field included, a right sum folds to 0xffff. */
static bool checksum_is_right(const uint8_t *ip, const uint8_t *p, size_t n, struct vrrp_advert *a)
{
	static const uint8_t group[4] = { 224, 0, 0, 18 };
	const uint8_t *source = ip + 12, *destination = ip + 16;
	uint32_t plain = sum(p, n, 0);

	a->checksum = VRRP_SUM_PLAIN;
	if (fold(plain) == 0xffff)
		return true;
	if (a->version == 2)
		return false;
	a->checksum = VRRP_SUM_PSEUDO;
	if (fold(plain + pseudo_header(source, destination, n)) == 0xffff)
		return true;
	a->checksum = VRRP_SUM_GROUP;
	return fold(plain + pseudo_header(source, group, n)) == 0xffff;
}

/* The IP layer: a whole, unfragmented datagram with a right header. Sets where the message is. */
static bool ip_layer(const uint8_t *ip, size_t n, const uint8_t **message, size_t *message_n)
{
	if (n < IP_HEADER || ip[0] >> 4 != 4 || ip[9] != VRRP_PROTOCOL)
		return false;
	size_t header = (size_t)(ip[0] & 15) * 4, total = get16(ip + 2);
	if (header < IP_HEADER || total < header || total > n || fold(sum(ip, header, 0)) != 0xffff)
		return false;
	if (get16(ip + 6) & 0x3fff)     /* more fragments, or not the first */
		return false;
	*message = ip + header;
	*message_n = total - header;
	return true;
}

enum vrrp_drop vrrp_packet_parse(const uint8_t *ip, size_t n, struct vrrp_advert *a)
{
	const uint8_t *p;

	if (!ip_layer(ip, n, &p, &n))
		return VRRP_DROP_IP;
	if (n < VRRP_HEADER)
		return VRRP_DROP_SHORT;
	a->source = ipv4(ip + 12);
	a->destination = ipv4(ip + 16);
	a->ttl = ip[8];
	a->version = p[0] >> 4;
	a->vrid = p[1];
	a->priority = p[2];
	a->address_count = p[3];
	if (a->version != 2 && a->version != 3)
		return VRRP_DROP_VERSION;
	if ((p[0] & 15) != TYPE_ADVERT)
		return VRRP_DROP_TYPE;
	if (a->address_count == 0)
		return VRRP_DROP_COUNT;
	size_t auth = a->version == 2 ? VRRP_AUTH_BYTES : 0;
	if (n != VRRP_HEADER + 4 * a->address_count + auth)
		return VRRP_DROP_SHORT;
	if (!checksum_is_right(ip, p, n, a))
		return VRRP_DROP_CHECKSUM;
	if (a->vrid == 0)
		return VRRP_DROP_VRID_ZERO;
	a->auth_type = a->version == 2 ? p[4] : 0;
	a->interval_ms = a->version == 2 ? p[5] * 1000u : (get16(p + 4) & 0xfff) * 10;
	if (a->interval_ms == 0)        /* erratum 8301 of RFC 9568 */
		return VRRP_DROP_INTERVAL_ZERO;
	for (uint32_t i = 0; i < a->address_count && i < VRRP_ADDRESSES_MAX; i++)
		a->addresses[i] = ipv4(p + VRRP_HEADER + 4 * i);
	memset(a->auth_data, 0, sizeof a->auth_data);
	if (auth)
		memcpy(a->auth_data, p + n - auth, auth);
	return VRRP_GOOD;
}

static bool is_peer(const struct vrrp_config *c, const struct addr *source)
{
	for (const struct peer_config *p = c->peers; p; p = p->next)
		if (addr_equal(&p->address, source))
			return true;
	return false;
}

enum vrrp_drop vrrp_packet_judge(const struct vrrp_config *c, const struct vrrp_advert *a)
{
	const struct addr group = addr_ipv4(VRRP_GROUP_IPV4);

	if (a->version != c->version)
		return VRRP_DROP_OTHER_VERSION;
	if (c->peers ? addr_is_multicast(&a->destination) : !addr_equal(&a->destination, &group))
		return VRRP_DROP_CAST;
	if (a->ttl != 255)              /* it has crossed a router: RFC 9568 §5.1.1.3; peers are on this link as well */
		return VRRP_DROP_TTL;
	if (c->peers && !is_peer(c, &a->source))
		return VRRP_DROP_PEER;
	if (a->version == 2) {
		if (a->auth_type != (c->has_auth ? 1 : 0))
			return VRRP_DROP_AUTH_TYPE;
		if (c->has_auth && memcmp(a->auth_data, c->auth_pass, VRRP_AUTH_BYTES) != 0)
			return VRRP_DROP_PASSWORD;
		if (a->interval_ms != c->advert_int_ms)
			return VRRP_DROP_INTERVAL;
	}
	return VRRP_GOOD;
}

bool vrrp_packet_same_addresses(const struct vrrp_config *c, const struct vrrp_advert *a)
{
	if (a->address_count != c->vip_count)
		return false;
	for (const struct vip_config *v = c->vips; v; v = v->next) {
		bool found = false;
		for (uint32_t i = 0; i < a->address_count && i < VRRP_ADDRESSES_MAX; i++)
			found = found || addr_equal(&v->address.addr, &a->addresses[i]);
		if (!found)
			return false;
	}
	return true;
}

static void build_ip(uint8_t *ip, size_t total, const struct addr *source, const struct addr *destination)
{
	memset(ip, 0, IP_HEADER);
	ip[0] = 0x45;
	ip[1] = TOS_INTERNETWORK_CONTROL;
	put16(ip + 2, (uint32_t)total);
	ip[8] = 255;
	ip[9] = VRRP_PROTOCOL;
	memcpy(ip + 12, source->bytes, 4);
	memcpy(ip + 16, destination->bytes, 4);
	put16(ip + 10, ~fold(sum(ip, IP_HEADER, 0)) & 0xffff);
}

size_t vrrp_packet_build(const struct vrrp_config *c, const struct addr *source, const struct addr *destination,
	uint8_t priority, enum vrrp_checksum kind, uint8_t *out)
{
	uint8_t *p = out + IP_HEADER;
	size_t n = VRRP_HEADER;
	uint32_t extra = 0;

	p[0] = (uint8_t)(c->version << 4 | TYPE_ADVERT);
	p[1] = c->vrid;
	p[2] = priority;
	p[3] = (uint8_t)c->vip_count;
	if (c->version == 2) {
		p[4] = c->has_auth;
		p[5] = (uint8_t)(c->advert_int_ms / 1000);
	} else {
		put16(p + 4, c->advert_int_ms / 10);
	}
	put16(p + 6, 0);
	for (const struct vip_config *v = c->vips; v; v = v->next, n += 4)
		memcpy(p + n, v->address.addr.bytes, 4);
	if (c->version == 2) {
		memcpy(p + n, c->auth_pass, VRRP_AUTH_BYTES);
		n += VRRP_AUTH_BYTES;
	} else if (kind != VRRP_SUM_PLAIN) {
		struct addr group = addr_ipv4(VRRP_GROUP_IPV4);
		extra = pseudo_header(source->bytes, kind == VRRP_SUM_GROUP ? group.bytes : destination->bytes, n);
	}
	put16(p + 6, ~fold(sum(p, n, extra)) & 0xffff);
	build_ip(out, IP_HEADER + n, source, destination);
	return IP_HEADER + n;
}
