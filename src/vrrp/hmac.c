/* SPDX-License-Identifier: MIT */
#include "vrrp/hmac.h"
#include <bearssl_hmac.h>
#include <string.h>

#define SCHEME_SHA256_128 1
#define CODE_BYTES 16
#define CODE_AT (HMAC_TRAILER_BYTES - CODE_BYTES)
#define CHECKSUM_AT 6

const char *hmac_result_text(enum hmac_result r)
{
	static const char *const texts[] = { "good", "the trailer is malformed", "its time is too far from ours (NTP?)",
		"we have no key of that number", "the code is wrong: another key", "it was heard before" };

	return texts[r];
}

uint64_t hmac_sequence(int64_t seconds, uint32_t nanoseconds)
{
	/* About 65536 / 10^9, in 32 bits (small machines divide no more), and never a whole second. */
	return (uint64_t)(uint32_t)seconds << 32 | (uint64_t)(nanoseconds / 1000 * 4294 / 65536) << 16;
}

static bool after(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0;    /* RFC 1982 */
}

static const struct hmac_key *key_of(const struct hmac_config *c, uint8_t id)
{
	for (uint32_t i = 0; i < c->key_count; i++)
		if (id == 0 || c->keys[i].id == id)
			return &c->keys[i];
	return NULL;
}

static void code(const struct hmac_key *k, const struct addr *source, const uint8_t *message, size_t n,
	const uint8_t *trailer, uint8_t out[32])
{
	static const uint8_t zeros[CODE_BYTES];
	uint8_t pseudo[20] = { source->family, message[0] >> 4, message[1], 0 };
	br_hmac_key_context key;
	br_hmac_context h;

	memcpy(pseudo + 4, source->bytes, sizeof source->bytes);
	br_hmac_key_init(&key, &br_sha256_vtable, k->bytes, k->length);
	br_hmac_init(&h, &key, 0);
	br_hmac_update(&h, pseudo, sizeof pseudo);
	br_hmac_update(&h, message, CHECKSUM_AT);
	br_hmac_update(&h, zeros, 2);
	br_hmac_update(&h, message + CHECKSUM_AT + 2, n - CHECKSUM_AT - 2);
	br_hmac_update(&h, trailer, CODE_AT);
	br_hmac_update(&h, zeros, sizeof zeros);
	br_hmac_out(&h, out);
}

static void put(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static uint64_t get(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static bool is_near(uint64_t sequence, uint64_t now, uint32_t window_s)
{
	int32_t apart = (int32_t)((uint32_t)(now >> 32) - (uint32_t)(sequence >> 32));

	return apart <= (int32_t)window_s && apart >= -(int32_t)window_s;
}

void hmac_sign(const struct hmac_config *c, struct hmac_state *s, const struct addr *source, uint8_t *message, size_t n,
	uint64_t now)
{
	const struct hmac_key *k = key_of(c, c->active_key);
	uint8_t *t = message + n, full[32];

	/* Set back further than the window, the clock begins anew: the receivers have forgotten, and would call us stale. */
	bool begin = !c->monotonic && !is_near(s->sent, now, c->window_ms / 1000);
	s->sent = begin || after(now, s->sent) ? now : s->sent + 1;
	t[0] = SCHEME_SHA256_128;
	t[1] = k->id;
	t[2] = t[3] = 0;
	put(t + 4, s->sent);
	code(k, source, message, n, t, full);
	memcpy(t + CODE_AT, full, CODE_BYTES);
}

/* The sender's place: its own, else that of whoever was heard longest ago. */
static uint32_t place_of(struct hmac_state *s, const struct addr *source)
{
	uint32_t oldest = 0;

	for (uint32_t i = 0; i < HMAC_SENDERS_MAX; i++) {
		if (s->senders[i].used && addr_equal(&s->senders[i].source, source))
			return i;
		if (s->senders[i].used < s->senders[oldest].used)
			oldest = i;
	}
	s->senders[oldest].source = *source;
	s->senders[oldest].used = 0;
	return oldest;
}

enum hmac_result hmac_check(const struct hmac_config *c, struct hmac_state *s, const struct addr *source,
	const uint8_t *message, size_t n, uint64_t now, uint32_t window_s)
{
	const uint8_t *t = message + n;
	uint64_t sequence = get(t + 4);
	uint8_t full[32], differs = 0;

	if (t[0] != SCHEME_SHA256_128 || t[1] == 0 || t[2] || t[3])
		return HMAC_MALFORMED;
	if (!c->monotonic && !is_near(sequence, now, window_s))
		return HMAC_STALE;      /* before the code, which costs more */
	const struct hmac_key *k = key_of(c, t[1]);
	if (!k)
		return HMAC_UNKNOWN_KEY;
	code(k, source, message, n, t, full);
	for (int i = 0; i < CODE_BYTES; i++)    /* all of them, always: how long it takes tells nothing */
		differs |= full[i] ^ t[CODE_AT + i];
	if (differs)
		return HMAC_BAD;
	uint32_t i = place_of(s, source);
	/* A mark that is out of the window has expired: its sender's clock was set back, or ours forward. */
	bool valid = s->senders[i].used && (c->monotonic || is_near(s->senders[i].sequence, now, window_s));
	if (valid && !after(sequence, s->senders[i].sequence))
		return HMAC_REPLAY;
	s->senders[i].used = ++s->clock;
	s->senders[i].sequence = sequence;
	return HMAC_GOOD;
}
