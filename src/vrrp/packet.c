/* SPDX-License-Identifier: MIT */
#include "vrrp/packet.h"
#include <string.h>

#define IP_HEADER 20
#define IPV6_HEADER 40
#define VRRP_HEADER 8
#define TYPE_ADVERT 1
#define TOS_INTERNETWORK_CONTROL 0xc0

static const char *const drop_names[VRRP_DROP_COUNT_OF] = {
	[VRRP_GOOD] = "good", [VRRP_DROP_IP] = PACKED "bad IP header", [VRRP_DROP_SHORT] = PACKED "wrong length",
	[VRRP_DROP_VERSION] = PACKED "unknown version", [VRRP_DROP_TYPE] = PACKED "unknown type",
	[VRRP_DROP_COUNT] = PACKED "no addresses",
	[VRRP_DROP_INTERVAL_ZERO] = "interval 0", [VRRP_DROP_CHECKSUM] = PACKED "bad checksum",
	[VRRP_DROP_VRID_ZERO] = PACKED "virtual_router_id 0", [VRRP_DROP_OTHER_VERSION] = PACKED "other version",
	[VRRP_DROP_TTL] = "wrong TTL",
	[VRRP_DROP_CAST] = PACKED "multicast instead of unicast or the reverse",
	[VRRP_DROP_PEER] = PACKED "not a configured peer",
	[VRRP_DROP_AUTH_TYPE] = PACKED "other authentication", [VRRP_DROP_PASSWORD] = PACKED "other password",
	[VRRP_DROP_INTERVAL] = PACKED "other interval", [VRRP_DROP_VRID] = PACKED "unknown virtual_router_id",
	[VRRP_DROP_FAMILY] = PACKED "other address family",
	[VRRP_DROP_LINK_LOCAL] = PACKED "first address not link-local",
	[VRRP_DROP_HMAC] = PACKED "wrong auth_hmac", [VRRP_DROP_STATE] = PACKED "not taking part",
	[VRRP_DROP_OWN] = PACKED "our own address",
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

struct addr vrrp_group(uint8_t family)
{
	if (family == ADDR_IPV6)
		return (struct addr){ ADDR_IPV6, { 0xff, 2, [15] = 0x12 } };
	return addr_ipv4(VRRP_GROUP_IPV4);
}

/* RFC 8200 §8.1, and the same of IPv4: the sum does not see how wide its fields are. */
static uint32_t pseudo_header(const struct addr *source, const struct addr *destination, size_t n)
{
	unsigned bytes = addr_bytes(source);

	return sum(destination->bytes, bytes, sum(source->bytes, bytes, VRRP_PROTOCOL + (uint32_t)n));
}

static struct addr address_at(const uint8_t *p, uint8_t family)
{
	struct addr a = { .family = family };

	memcpy(a.bytes, p, addr_bytes(&a));
	return a;
}

/* The checksum field included, a right sum folds to 0xffff. More than one may be right: a pseudo-header can sum to 0. */
static bool checksum_is_right(const uint8_t *p, size_t n, struct vrrp_advert *a)
{
	const struct addr group = vrrp_group(ADDR_IPV4);
	uint32_t plain = sum(p, n, 0);
	bool ipv6 = a->source.family == ADDR_IPV6;

	a->checksums = !ipv6 && fold(plain) == 0xffff ? 1 << VRRP_SUM_PLAIN : 0;
	if (a->version == 3 && fold(plain + pseudo_header(&a->source, &a->destination, n)) == 0xffff)
		a->checksums |= 1 << VRRP_SUM_PSEUDO;
	else if (a->version == 3 && !ipv6 && fold(plain + pseudo_header(&a->source, &group, n)) == 0xffff)
		a->checksums |= 1 << VRRP_SUM_GROUP;
	a->checksum = a->checksums & 1 << VRRP_SUM_PLAIN ? VRRP_SUM_PLAIN
		: a->checksums & 1 << VRRP_SUM_PSEUDO ? VRRP_SUM_PSEUDO : VRRP_SUM_GROUP;
	return a->checksums != 0;
}

/* No extension headers: nobody sends adverts with any. */
static bool ipv6_layer(const uint8_t *ip, size_t n, struct vrrp_advert *a, const uint8_t **message, size_t *message_n)
{
	if (n < IPV6_HEADER || ip[6] != VRRP_PROTOCOL || get16(ip + 4) > n - IPV6_HEADER)
		return false;
	a->source = address_at(ip + 8, ADDR_IPV6);
	a->destination = address_at(ip + 24, ADDR_IPV6);
	a->ttl = ip[7];
	*message = ip + IPV6_HEADER;
	*message_n = get16(ip + 4);
	return true;
}

/* The IP layer: a whole, unfragmented datagram with a right header. Sets where the message is. */
static bool ip_layer(const uint8_t *ip, size_t n, struct vrrp_advert *a, const uint8_t **message, size_t *message_n)
{
	if (n > 0 && ip[0] >> 4 == 6)
		return ipv6_layer(ip, n, a, message, message_n);
	if (n < IP_HEADER || ip[0] >> 4 != 4 || ip[9] != VRRP_PROTOCOL)
		return false;
	size_t header = (size_t)(ip[0] & 15) * 4, total = get16(ip + 2);
	if (header < IP_HEADER || total < header || total > n || fold(sum(ip, header, 0)) != 0xffff)
		return false;
	if (get16(ip + 6) & 0x3fff)     /* more fragments, or not the first */
		return false;
	a->source = address_at(ip + 12, ADDR_IPV4);
	a->destination = address_at(ip + 16, ADDR_IPV4);
	a->ttl = ip[8];
	*message = ip + header;
	*message_n = total - header;
	return true;
}

enum vrrp_drop vrrp_packet_parse(const uint8_t *ip, size_t n, struct vrrp_advert *a)
{
	const uint8_t *p;

	a->source.family = ADDR_NONE;   /* not known yet, in what cannot be understood */
	a->vrid = 0;
	if (!ip_layer(ip, n, a, &p, &n) || !addr_is_host(&a->source)) {
		a->source.family = ADDR_NONE;
		return VRRP_DROP_IP;
	}
	if (n < VRRP_HEADER)
		return VRRP_DROP_SHORT;
	a->version = p[0] >> 4;
	a->vrid = p[1];
	a->priority = p[2];
	a->address_count = p[3];
	if (a->version != 3 && (a->version != 2 || a->source.family == ADDR_IPV6))
		return VRRP_DROP_VERSION;
	if ((p[0] & 15) != TYPE_ADVERT)
		return VRRP_DROP_TYPE;
	if (a->address_count == 0)
		return VRRP_DROP_COUNT;
	size_t auth = a->version == 2 ? VRRP_AUTH_BYTES : 0, width = addr_bytes(&a->source);
	size_t message = VRRP_HEADER + width * a->address_count + auth;
	if (n != message && n != message + HMAC_TRAILER_BYTES)
		return VRRP_DROP_SHORT;
	/* Over IPv4 the sum leaves keepalived's trailer out; over IPv6 the kernel makes it, over all that there is. */
	if (!checksum_is_right(p, a->source.family == ADDR_IPV6 ? n : message, a))
		return VRRP_DROP_CHECKSUM;
	a->has_trailer = n != message;
	a->message = p;
	a->hmac = HMAC_GOOD;
	n = a->message_bytes = message;
	if (a->vrid == 0)
		return VRRP_DROP_VRID_ZERO;
	a->auth_type = a->version == 2 ? p[4] : 0;
	a->interval_ms = a->version == 2 ? p[5] * 1000u : (get16(p + 4) & 0xfff) * 10;
	if (a->interval_ms == 0)        /* erratum 8301 of RFC 9568 */
		return VRRP_DROP_INTERVAL_ZERO;
	for (uint32_t i = 0; i < a->address_count && i < VRRP_ADDRESSES_MAX; i++)
		a->addresses[i] = address_at(p + VRRP_HEADER + width * i, a->source.family);
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

/* RFC 9568 §5.2.9 and erratum 8300: over IPv6 the first is a link-local one. Many configurations of keepalived's have none
 * at all; where ours has none either, the operator wants it so, and two masters would be worse. */
static bool first_address_is_right(const struct vrrp_config *c, const struct vrrp_advert *a)
{
	const struct vip_config *v = c->vips;

	if (a->source.family != ADDR_IPV6 || addr_is_link_local(&a->addresses[0]))
		return true;
	while (v && !vrrp_advertises(c, v))
		v = v->next;
	return !v || !addr_is_link_local(&v->address.addr);
}

/* A packet with less has crossed a router (RFC 9568 §5.1.1.3), or its sender does not care: keepalived 2.2 sends 64 to IPv6
 * peers, so nothing is asked of them unless unicast_ttl asks it. */
static uint8_t ttl_min(const struct vrrp_config *c, uint8_t family)
{
	if (!c->peers)
		return 255;
	return c->unicast_ttl ? c->unicast_ttl : family == ADDR_IPV6 ? 0 : 255;
}

uint32_t vrrp_packet_faults(const struct vrrp_config *c, const struct vrrp_advert *a)
{
	const struct addr group = vrrp_group(a->source.family);
	uint32_t faults = 0;

	if (a->source.family != vrrp_family(c))
		return 1u << VRRP_DROP_FAMILY;
	if (a->version != c->version)
		faults |= 1u << VRRP_DROP_OTHER_VERSION;
	if (c->peers ? addr_is_multicast(&a->destination) : !addr_equal(&a->destination, &group))
		faults |= 1u << VRRP_DROP_CAST;
	if (a->ttl < ttl_min(c, a->source.family))
		faults |= 1u << VRRP_DROP_TTL;
	if (c->peers && !is_peer(c, &a->source))
		faults |= 1u << VRRP_DROP_PEER;
	if (a->has_trailer ? !c->hmac.key_count : c->hmac.key_count && c->hmac.mode == HMAC_ENFORCE)
		faults |= 1u << VRRP_DROP_AUTH_TYPE;
	if (a->version == 2 && c->version == 2) {
		if (a->auth_type != (c->has_auth ? 1 : 0))
			faults |= 1u << VRRP_DROP_AUTH_TYPE;
		else if (c->has_auth && memcmp(a->auth_data, c->auth_pass, VRRP_AUTH_BYTES) != 0)
			faults |= 1u << VRRP_DROP_PASSWORD;
		if (a->interval_ms != c->advert_int_ms)
			faults |= 1u << VRRP_DROP_INTERVAL;
	}
	if (a->hmac != HMAC_GOOD)
		faults |= 1u << VRRP_DROP_HMAC;
	return faults | (uint32_t)!first_address_is_right(c, a) << VRRP_DROP_LINK_LOCAL;
}

enum vrrp_drop vrrp_packet_judge(const struct vrrp_config *c, const struct vrrp_advert *a)
{
	uint32_t faults = vrrp_packet_faults(c, a);

	return faults ? (enum vrrp_drop)__builtin_ctz(faults) : VRRP_GOOD;
}

static size_t build_ip(uint8_t *ip, size_t n, const struct addr *source, const struct addr *destination, uint8_t ttl)
{
	if (source->family == ADDR_IPV6) {
		put16(ip, 0x6000 | TOS_INTERNETWORK_CONTROL << 4);
		put16(ip + 2, 0);
		put16(ip + 4, (uint32_t)n);
		ip[6] = VRRP_PROTOCOL;
		ip[7] = ttl;
		memcpy(ip + 8, source->bytes, 16);
		memcpy(ip + 24, destination->bytes, 16);
		return IPV6_HEADER + n;
	}
	memset(ip, 0, IP_HEADER);
	ip[0] = 0x45;
	ip[1] = TOS_INTERNETWORK_CONTROL;
	put16(ip + 2, (uint32_t)(IP_HEADER + n));
	ip[8] = ttl;
	ip[9] = VRRP_PROTOCOL;
	memcpy(ip + 12, source->bytes, 4);
	memcpy(ip + 16, destination->bytes, 4);
	put16(ip + 10, ~fold(sum(ip, IP_HEADER, 0)) & 0xffff);
	return IP_HEADER + n;
}

size_t vrrp_packet_build(const struct vrrp_config *c, const struct addr *source, const struct addr *destination,
	uint8_t priority, enum vrrp_checksum kind, struct hmac_state *state, uint64_t now, uint8_t *out)
{
	bool ipv6 = source->family == ADDR_IPV6;
	const struct addr group = vrrp_group(ADDR_IPV4);
	uint8_t *p = out + (ipv6 ? IPV6_HEADER : IP_HEADER);
	size_t n = VRRP_HEADER;
	uint32_t extra = 0;

	p[0] = (uint8_t)(c->version << 4 | TYPE_ADVERT);
	p[1] = c->vrid;
	p[2] = priority;
	p[3] = (uint8_t)vrrp_advertised(c);
	if (c->version == 2) {
		p[4] = c->has_auth;
		p[5] = (uint8_t)(c->advert_int_ms / 1000);
	} else {
		put16(p + 4, c->advert_int_ms / 10);
	}
	put16(p + 6, 0);
	for (const struct vip_config *v = c->vips; v; v = v->next) {
		if (!vrrp_advertises(c, v))
			continue;
		memcpy(p + n, v->address.addr.bytes, addr_bytes(source));
		n += addr_bytes(source);
	}
	if (c->version == 2) {
		memcpy(p + n, c->auth_pass, VRRP_AUTH_BYTES);
		n += VRRP_AUTH_BYTES;
	}
	size_t summed = n;
	if (c->hmac.key_count && c->hmac.mode != HMAC_RECEIVE_ONLY) {
		hmac_sign(&c->hmac, state, source, p, n, now);
		n += HMAC_TRAILER_BYTES;
		summed = ipv6 ? n : summed;
	}
	if (c->version == 3 && (ipv6 || kind != VRRP_SUM_PLAIN))
		extra = pseudo_header(source, !ipv6 && kind == VRRP_SUM_GROUP ? &group : destination, summed);
	put16(p + 6, ~fold(sum(p, summed, extra)) & 0xffff);
	return build_ip(out, n, source, destination, c->peers && c->unicast_ttl ? c->unicast_ttl : 255);
}
