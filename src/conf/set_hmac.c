/* SPDX-License-Identifier: MIT
 * Setters of the auth_hmac lines.
 */
#include <string.h>
#include "conf/parse.h"

/* hex:0123..., or the characters themselves. */
static bool read_key(struct str s, struct hmac_key *k)
{
	bool hex = s.n >= 4 && memcmp(s.p, "hex:", 4) == 0;
	uint32_t n = hex ? (s.n - 4) / 2 : s.n;

	if (n < HMAC_KEY_MIN || n > HMAC_KEY_MAX || (hex && s.n % 2))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		int high = hex ? text_hex_digit(s.p[4 + 2 * i]) : 0, low = hex ? text_hex_digit(s.p[5 + 2 * i]) : s.p[i];
		if (hex && (high < 0 || low < 0))
			return false;
		k->bytes[i] = (uint8_t)(high << 4 | low);
	}
	k->length = (uint8_t)n;
	return true;
}

void set_hmac_key(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	struct hmac_config *h = &((struct vrrp_config *)object)->hmac;
	struct hmac_key key = { 0 };
	uint32_t id;

	(void)n;
	if (!text_to_u32(args[0], 255, &id) || id == 0) {
		refuse(p, "auth_hmac %s: its number must be from 1 to 255, not '%.*s'", k->name, CLIPPED(args[0]));
		return;
	}
	key.id = (uint8_t)id;
	if (!read_key(args[1], &key)) {
		refuse(p, "auth_hmac %s %u must have %u to %u characters, or 'hex:' and so many bytes in hexadecimal", k->name,
			(unsigned)key.id, HMAC_KEY_MIN, HMAC_KEY_MAX);
		return;
	}
	if (p->foreign)
		return;
	for (uint32_t i = 0; i < h->key_count; i++)
		if (h->keys[i].id == key.id) {
			refuse(p, "auth_hmac %s %u is there twice", k->name, (unsigned)key.id);
			return;
		}
	if (h->key_count == HMAC_KEYS_MAX)
		refuse(p, "more than %u keys of auth_hmac", HMAC_KEYS_MAX);
	else
		h->keys[h->key_count++] = key;
}

void verify_hmac(struct parser *p, struct vrrp_config *v)
{
	struct hmac_config *h = &v->hmac;
	static const char *const words[] = { "active_key", "mode", "anti_replay", "time_window" };
	uint32_t line = 0;
	bool active = h->active_key == 0;

	for (size_t i = 0; i < sizeof words / sizeof *words && !line; i++)
		line = line_of(p, AS_HMAC, words[i]);
	for (uint32_t i = 0; i < h->key_count; i++)
		active |= h->keys[i].id == h->active_key;
	if (line && h->key_count == 0)
		refuse_at(p, line, "auth_hmac has no key: 'auth_hmac key 1 TEXT'");
	else if (!active)
		refuse_at(p, line, "auth_hmac active_key %u: there is no key of that number", (unsigned)h->active_key);
	if (h->window_ms == 0)
		h->window_ms = 3 * v->advert_int_ms < 5000 ? 5000 : 3 * v->advert_int_ms;
	if (h->key_count && v->has_auth)
		refuse_at(p, line_of(p, AS_LINE, "auth_pass"), "auth_hmac takes the place of auth_pass: leave that out");
}
