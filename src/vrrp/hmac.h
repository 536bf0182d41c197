/* SPDX-License-Identifier: MIT
 * keepalived's auth_hmac (2.4.2 and later): 28 bytes behind the VRRP message that say who sent it and that it is no
 * recording. The layout and the rules are those of keepalived's vrrp_auth_hmac.c: scheme 1, HMAC-SHA-256 cut to 16 bytes,
 * over a pseudo-header {4 or 6, version, vrid, 0, source}, the message with its checksum read as zero, and the trailer
 * with its code read as zero. The time is an argument. Pure.
 */
#ifndef VRRP_HMAC_H
#define VRRP_HMAC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"

#define HMAC_TRAILER_BYTES 28
#define HMAC_KEYS_MAX 4
#define HMAC_KEY_MIN 32
#define HMAC_KEY_MAX 64
#define HMAC_SENDERS_MAX 8

enum hmac_mode { HMAC_ENFORCE, HMAC_PERMISSIVE /* sign, and take unsigned adverts */, HMAC_RECEIVE_ONLY /* never sign */ };

struct hmac_key { uint8_t id, length, bytes[HMAC_KEY_MAX]; };

struct hmac_config {
	uint8_t key_count;              /* 0: no auth_hmac */
	uint8_t active_key;             /* an id; 0: the first */
	uint8_t mode;                   /* hmac_mode */
	bool monotonic;                 /* numbers must grow; the clock does not count (boards without one) */
	uint32_t window_ms;             /* three adverts, 5 s at least */
	struct hmac_key keys[HMAC_KEYS_MAX];
};

/* What has been sent and heard: numbers only grow. The sequence is seconds since 1970 in 32 bits, 1/65536 s in 16, a counter
 * in 16. */
struct hmac_state {
	uint64_t sent;
	struct { struct addr source; uint64_t sequence; uint32_t used; } senders[HMAC_SENDERS_MAX];
	uint32_t clock;                 /* of `used` */
};

enum hmac_result { HMAC_GOOD, HMAC_MALFORMED, HMAC_STALE, HMAC_UNKNOWN_KEY, HMAC_BAD, HMAC_REPLAY };

/* CLOCK_REALTIME as a sequence whose counter is 0. */
uint64_t hmac_sequence(int64_t seconds, uint32_t nanoseconds);
/* Writes the trailer behind the message of n bytes. Each call uses up a number. */
void hmac_sign(const struct hmac_config *, struct hmac_state *, const struct addr *source, uint8_t *message, size_t n,
	uint64_t now);
/* message is followed by its trailer. window_s: how far its clock may be from ours. A sender's number is remembered only if
 * the code is right, so strangers change nothing. */
enum hmac_result hmac_check(const struct hmac_config *, struct hmac_state *, const struct addr *source,
	const uint8_t *message, size_t n, uint64_t now, uint32_t window_s);
const char *hmac_result_text(enum hmac_result);
#endif
