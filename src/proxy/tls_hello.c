/* SPDX-License-Identifier: MIT */
#include "proxy/tls_hello.h"
#include <string.h>

enum { RECORD_HANDSHAKE = 22, RECORD_MAX = 16384, EXTENSION_SERVER_NAME = 0, NAME_HOST = 0 };
enum { GOOD, SHORT, BROKEN };

/* The message inside its records (RFC 8446 §5.1): from `at` on `record` bytes belong to it, then comes the next record's
 * head. Once it is not GOOD all that is read is 0. */
struct reader {
	const uint8_t *bytes;
	size_t n, at, record;
	uint32_t left;                  /* of the part in hand; what is read beyond it makes it BROKEN */
	uint8_t state;
};

static void next_record(struct reader *r)
{
	const uint8_t *head = r->bytes + r->at;
	size_t n = r->n - r->at, length = n < 5 ? 1 : (size_t)head[3] << 8 | head[4];

	/* What is wrong shows with its first byte. */
	if ((n > 0 && head[0] != RECORD_HANDSHAKE) || (n > 1 && head[1] != 3) || length == 0 || length > RECORD_MAX) {
		r->state = BROKEN;
	} else if (n < 5) {
		r->state = SHORT;
	} else {
		r->at += 5;
		r->record = length;
	}
}

/* Takes the next n bytes, to out unless it is NULL. */
static void take(struct reader *r, uint8_t *out, uint32_t n)
{
	if (r->state == GOOD && n > r->left)
		r->state = BROKEN;
	r->left -= n;
	while (r->state == GOOD && n > 0) {
		size_t some = n < r->record ? n : r->record;
		if (some == 0) {
			next_record(r);
			continue;
		}
		if (some > r->n - r->at) {
			r->state = SHORT;
			break;
		}
		if (out) {
			memcpy(out, r->bytes + r->at, some);
			out += some;
		}
		r->at += some;
		r->record -= some;
		n -= (uint32_t)some;
	}
}

static uint32_t number(struct reader *r, uint32_t bytes)
{
	uint8_t b[4] = { 0 };

	take(r, b + 4 - bytes, bytes);
	return r->state == GOOD ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

/* A vector of at least `least` bytes, with its length in front. */
static void skip_vector(struct reader *r, uint32_t length_bytes, uint32_t least)
{
	uint32_t n = number(r, length_bytes);

	if (r->state == GOOD && n < least)
		r->state = BROKEN;
	take(r, NULL, n);
}

/* RFC 6066 §3. The list has one host_name; of another type there is none yet. */
static void read_names(struct reader *r, struct tls_hello *h)
{
	uint32_t n = number(r, 2), type = number(r, 1), length = number(r, 2);

	if (r->state == GOOD && (n != length + 3 || r->left != length || type != NAME_HOST || length == 0
				|| length > sizeof h->name || h->name_n > 0))
		r->state = BROKEN;
	take(r, (uint8_t *)h->name, length);
	h->name_n = (uint8_t)length;
}

/* RFC 8446 §4.1.2. */
static void read_client_hello(struct reader *r, struct tls_hello *h)
{
	take(r, NULL, 2 + 32);                  /* version, random */
	skip_vector(r, 1, 0);                   /* session */
	skip_vector(r, 2, 2);                   /* ciphers */
	skip_vector(r, 1, 1);                   /* compression */
	if (r->state != GOOD || r->left == 0)
		return;
	uint32_t n = number(r, 2);
	if (r->state == GOOD && n != r->left)
		r->state = BROKEN;
	while (r->state == GOOD && r->left > 0) {
		uint32_t type = number(r, 2), length = number(r, 2), behind = r->left - length;
		if (r->state == GOOD && length > r->left)
			r->state = BROKEN;
		if (type != EXTENSION_SERVER_NAME || r->state != GOOD) {
			take(r, NULL, length);
			continue;
		}
		r->left = length;
		read_names(r, h);
		r->left = behind;
	}
}

int tls_hello_parse(const uint8_t *bytes, size_t n, struct tls_hello *h)
{
	struct reader r = { .bytes = bytes, .n = n, .left = 4 };

	*h = (struct tls_hello){ .type = (uint8_t)number(&r, 1) };
	r.left = number(&r, 3);
	if (h->type == TLS_CLIENT_HELLO)
		read_client_hello(&r, h);
	else
		take(&r, NULL, r.left);
	if (r.state == GOOD)
		return (int)r.at;
	*h = (struct tls_hello){ .type = 0 };
	return r.state == SHORT ? 0 : -1;
}
