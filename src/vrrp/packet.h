/* SPDX-License-Identifier: MIT
 * VRRP adverts, version 2 (RFC 3768) and 3 (RFC 9568), over IPv4 and IPv6: whole IP datagrams <-> struct vrrp_advert. After
 * vrrp_packet_parse() every field of the advert can be trusted to be what the packet says; whether we want to hear it is
 * another question, vrrp_packet_judge(). Pure.
 */
#ifndef VRRP_PACKET_H
#define VRRP_PACKET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "vrrp/config.h"

#define VRRP_PROTOCOL 112
#define VRRP_GROUP_IPV4 0xe0000012u     /* 224.0.0.18 */
#define VRRP_ADDRESSES_MAX 255          /* the packet counts them in a byte */
#define VRRP_IPV6_MAX 88                /* that many IPv6 addresses fit a frame of 1500 bytes; nothing is fragmented */
#define VRRP_PACKET_MAX (40 + 8 + 16 * VRRP_IPV6_MAX + HMAC_TRAILER_BYTES)

/* What the sum of a version 3 packet over IPv4 covers: peers differ (RFC 5798 was ambiguous, RFC 9568 §5.2.8 is not). Over
 * IPv6 there is always a pseudo-header. */
enum vrrp_checksum {
	VRRP_SUM_PSEUDO,                /* message and pseudo-header: keepalived's and FRR's default, so ours */
	VRRP_SUM_PLAIN,                 /* message alone: RFC 9568, Cisco, Juniper */
	VRRP_SUM_GROUP,                 /* pseudo-header with 224.0.0.18 though sent to a peer: keepalived before 1.3.6 */
};

struct vrrp_advert {
	struct addr source, destination;        /* their family is the advert's */
	uint8_t ttl, version, vrid, priority;
	uint8_t auth_type;              /* version 2: 0 none, 1 simple text; version 3: 0 */
	uint8_t auth_data[VRRP_AUTH_BYTES];
	uint8_t checksum, checksums;    /* version 3: the first vrrp_checksum that fits; all of them, as bits */
	uint32_t interval_ms;
	uint32_t address_count;         /* as the packet says; the first VRRP_ADDRESSES_MAX of them are kept */
	bool has_trailer;               /* keepalived's auth_hmac behind the message */
	const uint8_t *message;         /* in the packet: until the next one is read */
	size_t message_bytes;           /* without the trailer */
	uint8_t hmac;                   /* hmac_result, when the caller has checked it; HMAC_GOOD till then */
	struct addr addresses[VRRP_ADDRESSES_MAX];
};

/* Why a packet is not for the state machine. Each is counted. */
enum vrrp_drop {
	VRRP_GOOD,
	/* vrrp_packet_parse: not a packet that can be understood */
	VRRP_DROP_IP, VRRP_DROP_SHORT, VRRP_DROP_VERSION, VRRP_DROP_TYPE, VRRP_DROP_COUNT, VRRP_DROP_INTERVAL_ZERO,
	VRRP_DROP_CHECKSUM, VRRP_DROP_VRID_ZERO,
	/* vrrp_packet_judge: understood, and not to be believed */
	VRRP_DROP_OTHER_VERSION, VRRP_DROP_CAST, VRRP_DROP_TTL, VRRP_DROP_PEER, VRRP_DROP_AUTH_TYPE, VRRP_DROP_PASSWORD,
	VRRP_DROP_INTERVAL, VRRP_DROP_FAMILY, VRRP_DROP_LINK_LOCAL, VRRP_DROP_HMAC,
	/* the caller's */
	VRRP_DROP_VRID, VRRP_DROP_STATE, VRRP_DROP_OWN,
	VRRP_DROP_COUNT_OF
};
const char *vrrp_drop_name(enum vrrp_drop);

/* The multicast group of a family. */
struct addr vrrp_group(uint8_t family);
/* n: bytes received, which may be more than the datagram (Ethernet padding). */
enum vrrp_drop vrrp_packet_parse(const uint8_t *, size_t n, struct vrrp_advert *);
/* The checks of RFC 9568 §7.1 and RFC 3768 §7.1 that need to know the configuration. In version 2 another interval is a
 * reason to drop, in version 3 it is not. */
enum vrrp_drop vrrp_packet_judge(const struct vrrp_config *, const struct vrrp_advert *);
/* All reasons at once, bits 1 << vrrp_drop: for a diagnosis. The lowest is what vrrp_packet_judge() answers. */
uint32_t vrrp_packet_faults(const struct vrrp_config *, const struct vrrp_advert *);
/* Writes the whole datagram, of the destination's family; returns its length (out has VRRP_PACKET_MAX bytes). state and now
 * (hmac_sequence) are for routers with auth_hmac. */
size_t vrrp_packet_build(const struct vrrp_config *, const struct addr *source, const struct addr *destination,
	uint8_t priority, enum vrrp_checksum, struct hmac_state *state, uint64_t now, uint8_t *out);
#endif
