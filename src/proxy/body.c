/* SPDX-License-Identifier: MIT */
#include "proxy/body.h"
#include <string.h>

/* The chunked decoder (RFC 9112 §7.1). Every state takes one byte; DATA takes what it can. */
enum { SIZE_FIRST, SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, LINE_FIRST, NAME, TEXT, LINE_LF, END_LF };

void body_init(struct body *b, const struct http_head *head)
{
	*b = (struct body){ .kind = head->body, .left = head->body == HTTP_BODY_LENGTH ? head->content_length : 0 };
	b->done = b->kind == HTTP_BODY_NONE || (b->kind == HTTP_BODY_LENGTH && b->left == 0);
}

static uint32_t hash_byte(uint32_t hash, char c)
{
	return (hash ^ (uint8_t)(c >= 'A' && c <= 'Z' ? c | 32 : c)) * 16777619u;       /* FNV-1a */
}

/* Fields that say where a message ends, who it is for, or how it is handled must not come late (RFC 9110 §6.5.1). Trailers
 * are dropped in any case; whoever sends these wants them to be believed by somebody. */
static bool is_forbidden(uint32_t name_hash)
{
	static const char *const names[] = { "content-length", "transfer-encoding", "host", "connection", "te", "trailer",
		"upgrade", "expect", "authorization", "cookie", "set-cookie", "content-encoding", "content-type", "content-range" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		uint32_t hash = 0;
		for (const char *p = names[i]; *p; p++)
			hash = hash_byte(hash, *p);
		if (hash == name_hash)
			return true;
	}
	return false;
}

static bool is_text(uint8_t c)
{
	return c == '\t' || (c >= ' ' && c != 127);
}

/* One byte of framing. false: it is wrong there. */
static bool size_step(struct body *b, uint8_t c)
{
	int digit = text_hex_digit((char)c);

	switch (b->state) {
	case SIZE_FIRST:
		if (digit < 0)
			return false;
		b->left = (uint64_t)digit;
		b->state = SIZE;
		return true;
	case SIZE:
		if (digit >= 0) {
			if (b->left >> 59)      /* one digit more would reach beyond 2^63 - 1 */
				return false;
			b->left = b->left << 4 | (uint64_t)digit;
			return true;
		}
		b->state = c == ';' ? EXTENSION : SIZE_LF;
		return c == ';' || c == '\r';
	case EXTENSION:
		if (c == '\r')
			b->state = SIZE_LF;
		return c == '\r' || is_text(c);
	default:
		b->state = b->left ? DATA : LINE_FIRST;
		b->line_bytes = 0;
		return c == '\n';
	}
}

static bool trailer_step(struct body *b, uint8_t c)
{
	char name = (char)c;

	switch (b->state) {
	case LINE_FIRST:
		if (c == '\r') {
			b->state = END_LF;
			return true;
		}
		b->name_hash = 0;
		b->state = NAME;
		/* fall through */
	case NAME:
		if (http_is_token(str_of(&name, 1))) {
			b->name_hash = hash_byte(b->name_hash, name);
			return true;
		}
		b->state = TEXT;
		return c == ':' && b->name_hash != 0 && !is_forbidden(b->name_hash);
	case TEXT:
		if (c == '\r')
			b->state = LINE_LF;
		return c == '\r' || is_text(c);
	case LINE_LF:
		b->state = LINE_FIRST;
		return c == '\n';
	default:
		b->done = true;
		return c == '\n';
	}
}

static bool frame_step(struct body *b, uint8_t c)
{
	if (b->state == DATA_CR) {
		b->state = DATA_LF;
		return c == '\r';
	}
	if (b->state == DATA_LF) {
		b->state = SIZE_FIRST;
		return c == '\n';
	}
	if (b->state < DATA)
		return ++b->line_bytes <= BODY_CHUNK_LINE_MAX && size_step(b, c);
	return ++b->line_bytes <= BODY_TRAILER_MAX && trailer_step(b, c);
}

static int decode_chunks(struct body *b, uint8_t *bytes, uint32_t *n, uint32_t *ready)
{
	uint32_t in = 0, out = 0;

	while (in < *n && !b->done) {
		if (b->state != DATA) {
			if (!frame_step(b, bytes[in++]))
				return -400;
			continue;
		}
		uint32_t take = *n - in;
		if (take > b->left)
			take = (uint32_t)b->left;
		if (out != in)
			memmove(bytes + out, bytes + in, take);
		in += take;
		out += take;
		b->left -= take;
		if (b->left == 0)
			b->state = DATA_CR;
	}
	memmove(bytes + out, bytes + in, *n - in);
	*n -= in - out;
	*ready = out;
	return 0;
}

int body_decode(struct body *b, uint8_t *bytes, uint32_t *n, uint32_t *ready)
{
	*ready = 0;
	if (b->done)
		return 0;
	switch (b->kind) {
	case HTTP_BODY_CHUNKED:
		return decode_chunks(b, bytes, n, ready);
	case HTTP_BODY_LENGTH:
		*ready = *n < b->left ? *n : (uint32_t)b->left;
		b->left -= *ready;
		b->done = b->left == 0;
		return 0;
	default:
		*ready = *n;
		return 0;
	}
}

bool body_closed(struct body *b)
{
	if (b->kind == HTTP_BODY_CLOSE)
		b->done = true;
	return b->done;
}
