/* SPDX-License-Identifier: MIT
 * proxy/body: chunked messages in one piece, in every two pieces and byte by byte must give the same; other lengths.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "proxy/body.h"
#include "vector.h"

#define BAD ((const char *)-1)
#define MORE ((const char *)-2)

/* Bytes on the wire; the body they carry, BAD, or MORE (not ended, nothing wrong); what is left behind the message. */
static const struct { const char *wire, *body, *rest; } chunked[] = {
	{ "5\r\nhello\r\n0\r\n\r\n", "hello", "" },
	{ "0\r\n\r\n", "", "" },
	{ "0\r\n\r\nGET / HTTP/1.1\r\n", "", "GET / HTTP/1.1\r\n" },
	{ "1\r\na\r\nA\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n\r\nx", "a0123456789abcdefghij", "x" },
	{ "0005\r\nhello\r\n000\r\n\r\n", "hello", "" },
	{ "2\r\n\r\n\r\n0\r\n\r\n", "\r\n", "" },
	{ "5;a\r\nhello\r\n0;b=c;d=\"e f\"\t\r\n\r\n", "hello", "" },
	{ "5\r\nhello\r\n0\r\nX-Sum: 1 2\r\nb:\r\n\r\n", "hello", "" },
	{ "5\r\nhel", MORE, "" },
	{ "5\r\nhello\r\n", MORE, "" },
	{ "5\r\nhello\r\n0\r\n", MORE, "" },
	{ "5\r\nhello\r\n0\r\n\r", MORE, "" },
	{ "7fffffffffffffff\r\nx", MORE, "" },
	/* the size: 1*HEXDIG and nothing else */
	{ "\r\n", BAD, "" }, { ";a\r\n", BAD, "" }, { " 5\r\nhello\r\n", BAD, "" }, { "5 \r\nhello\r\n", BAD, "" },
	{ "5 ;a\r\nhello\r\n", BAD, "" }, { "5\t\r\nhello\r\n", BAD, "" }, { "+5\r\nhello\r\n", BAD, "" },
	{ "-5\r\nhello\r\n", BAD, "" }, { "0x5\r\nhello\r\n", BAD, "" }, { "5h\r\nhello\r\n", BAD, "" },
	{ "5,5\r\nhello\r\n", BAD, "" }, { "g\r\n", BAD, "" }, { "5_0\r\n", BAD, "" },
	{ "8000000000000000\r\nx", BAD, "" }, { "ffffffffffffffff\r\nx", BAD, "" }, { "10000000000000000\r\nx", BAD, "" },
	{ "fffffffffffffffff0\r\nx", BAD, "" }, { "00000000000000000000000010000000000000005\r\nx", BAD, "" },
	/* line ends */
	{ "5\nhello\r\n", BAD, "" }, { "5\rhello\r\n", BAD, "" }, { "5\r\rhello\r\n", BAD, "" }, { "5;a\nhello\r\n", BAD, "" },
	{ "5;a\rb\r\nhello\r\n", BAD, "" }, { "5;\x01\r\nhello\r\n", BAD, "" }, { "5;a\x7f\r\nhello\r\n", BAD, "" },
	{ "5\r\nhello0\r\n\r\n", BAD, "" }, { "5\r\nhello\n0\r\n\r\n", BAD, "" }, { "5\r\nhello\r0\r\n\r\n", BAD, "" },
	{ "5\r\nhelloXX0\r\n\r\n", BAD, "" }, { "4\r\nhello\r\n0\r\n\r\n", BAD, "" }, { "6\r\nhello\r\n0\r\n\r\n", BAD, "" },
	{ "0\n\r\n", BAD, "" }, { "0\r\n\n", BAD, "" }, { "0\r\n\rx", BAD, "" },
	/* trailers */
	{ "0\r\nA: b\n\r\n", BAD, "" }, { "0\r\nA: b\rc\r\n\r\n", BAD, "" }, { "0\r\n A: b\r\n\r\n", BAD, "" },
	{ "0\r\nA: b\r\n c\r\n\r\n", BAD, "" }, { "0\r\nA : b\r\n\r\n", BAD, "" }, { "0\r\n: b\r\n\r\n", BAD, "" },
	{ "0\r\nabc\r\n\r\n", BAD, "" }, { "0\r\nA(: b\r\n\r\n", BAD, "" }, { "0\r\nA: \x01\r\n\r\n", BAD, "" },
	{ "0\r\nContent-Length: 5\r\n\r\n", BAD, "" }, { "0\r\ntransfer-ENCODING: chunked\r\n\r\n", BAD, "" },
	{ "0\r\nHost: x\r\n\r\n", BAD, "" }, { "0\r\nA: b\r\nConnection: close\r\n\r\n", BAD, "" },
	{ "0\r\nTrailer: x\r\n\r\n", BAD, "" }, { "0\r\nTE: x\r\n\r\n", BAD, "" }, { "0\r\nUpgrade: x\r\n\r\n", BAD, "" },
	{ "0\r\nExpect: x\r\n\r\n", BAD, "" }, { "0\r\nAuthorization: x\r\n\r\n", BAD, "" },
	{ "0\r\nCookie: x\r\n\r\n", BAD, "" }, { "0\r\nSet-Cookie: x\r\n\r\n", BAD, "" },
	{ "0\r\nContent-Encoding: x\r\n\r\n", BAD, "" }, { "0\r\nContent-Type: x\r\n\r\n", BAD, "" },
	{ "0\r\nContent-Range: x\r\n\r\n", BAD, "" },
	{ "0\r\nContent-Lengt: 5\r\n\r\n", "", "" }, { "0\r\nContent-Length5: 5\r\n\r\n", "", "" },
};

static struct body start(uint8_t kind, uint64_t length)
{
	static struct http_head head;
	struct body b;

	head.body = kind;
	head.content_length = length;
	memset(&b, 0xa5, sizeof b);
	body_init(&b, &head);
	return b;
}

struct result { uint8_t body[8192], rest[8192]; size_t body_n, rest_n; bool bad, done; };

/* Feeds n bytes in pieces that end at `first` and then every `step`; each piece stands at the end of a page. */
static void feed(const char *wire, size_t n, size_t first, size_t step, struct result *r)
{
	struct body b = start(HTTP_BODY_CHUNKED, 0);

	memset(r, 0, sizeof *r);
	for (size_t at = 0, end = first; at < n; at = end, end += step) {
		end = end < n ? end : n;
		uint32_t left = (uint32_t)(end - at), ready = 77;
		if (b.done) {
			memcpy(r->rest + r->rest_n, wire + at, left);
			r->rest_n += left;
			continue;
		}
		uint8_t *piece = at_page_end(wire + at, left);
		int result = body_decode(&b, piece, &left, &ready);
		if (result < 0) {
			assert_int_equal(result, -400);
			r->bad = true;
			return;
		}
		assert_int_equal(result, 0);
		assert_true(ready <= left && left <= end - at && (b.done || ready == left));
		memcpy(r->body + r->body_n, piece, ready);
		memcpy(r->rest + r->rest_n, piece + ready, left - ready);
		r->body_n += ready;
		r->rest_n += left - ready;
	}
	r->done = b.done;
}

static void as_wanted(size_t i, const struct result *r, size_t first, size_t step)
{
	const char *body = chunked[i].body;
	bool good;

	if (body == BAD)
		good = r->bad;
	else if (body == MORE)
		good = !r->bad && !r->done;
	else
		good = r->done && !r->bad && r->body_n == strlen(body) && memcmp(r->body, body, r->body_n) == 0
			&& r->rest_n == strlen(chunked[i].rest) && memcmp(r->rest, chunked[i].rest, r->rest_n) == 0;
	if (!good)
		fail_msg("'%s' cut at %zu, then every %zu: %s, %zu bytes of body, %zu behind it", chunked[i].wire, first, step,
			r->bad ? "refused" : r->done ? "done" : "not done", r->body_n, r->rest_n);
}

static void chunked_messages_in_all_pieces(void **state)
{
	static struct result r;

	(void)state;
	for (size_t i = 0; i < sizeof chunked / sizeof *chunked; i++) {
		size_t n = strlen(chunked[i].wire);
		for (size_t first = 1; first <= n; first++) {
			feed(chunked[i].wire, n, first, n, &r);
			as_wanted(i, &r, first, n);
		}
		for (size_t step = 1; step <= 3; step++) {
			feed(chunked[i].wire, n, step, step, &r);
			as_wanted(i, &r, step, step);
		}
	}
}

/* A NUL cannot stand in the table. */
static void no_nul_in_framing(void **state)
{
	static struct result r;

	(void)state;
	feed("5\0\r\nhello\r\n", 11, 11, 1, &r);
	assert_true(r.bad);
	feed("5;\0\r\nhello\r\n", 12, 12, 1, &r);
	assert_true(r.bad);
	feed("0\r\nA: \0\r\n\r\n", 12, 12, 1, &r);
	assert_true(r.bad);
	feed("3\r\na\0b\r\n0\r\n\r\n", 13, 1, 1, &r);
	assert_true(r.done && r.body_n == 3 && memcmp(r.body, "a\0b", 3) == 0);
}

static bool line_is_taken(const char *before, char fill, size_t count, const char *after)
{
	static char wire[16384];
	static struct result r;
	size_t n = strlen(before);

	memcpy(wire, before, n);
	memset(wire + n, fill, count);
	n += count;
	strcpy(wire + n, after);
	n += strlen(after);
	feed(wire, n, n, n, &r);
	assert_true(r.bad || r.done);
	bool taken = !r.bad;
	feed(wire, n, 1, 1, &r);
	assert_int_equal(taken, !r.bad);
	return taken;
}

static void lines_have_a_limit(void **state)
{
	(void)state;
	assert_true(line_is_taken("1;", 'x', BODY_CHUNK_LINE_MAX - 10, "\r\na\r\n0\r\n\r\n"));
	assert_false(line_is_taken("1;", 'x', BODY_CHUNK_LINE_MAX, "\r\na\r\n0\r\n\r\n"));
	assert_true(line_is_taken("", '0', 100, "1\r\na\r\n0\r\n\r\n"));
	assert_false(line_is_taken("", '0', BODY_CHUNK_LINE_MAX, "1\r\na\r\n0\r\n\r\n"));
	assert_true(line_is_taken("0\r\na: ", 'x', BODY_TRAILER_MAX - 20, "\r\n\r\n"));
	assert_false(line_is_taken("0\r\na: ", 'x', BODY_TRAILER_MAX, "\r\n\r\n"));
	/* together, not each */
	assert_false(line_is_taken("0\r\na: b\r\nc: ", 'x', BODY_TRAILER_MAX - 10, "\r\n\r\n"));
}

/* Each chunk has its own line: many small ones are no long one. */
static void many_chunks(void **state)
{
	struct body b = start(HTTP_BODY_CHUNKED, 0);

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		uint8_t chunk[] = "1\r\nx\r\n";
		uint32_t n = 6, ready;
		assert_int_equal(body_decode(&b, chunk, &n, &ready), 0);
		assert_true(n == 1 && ready == 1 && chunk[0] == 'x' && !b.done);
	}
	uint8_t end[] = "0\r\n\r\n";
	uint32_t n = 5, ready;
	assert_int_equal(body_decode(&b, end, &n, &ready), 0);
	assert_true(b.done && n == 0 && ready == 0);
}

static void a_length_is_counted(void **state)
{
	struct body b = start(HTTP_BODY_LENGTH, 5);
	uint8_t bytes[] = "abcdef";
	uint32_t n = 3, ready;

	(void)state;
	assert_false(b.done);
	assert_int_equal(body_decode(&b, bytes, &n, &ready), 0);
	assert_true(n == 3 && ready == 3 && !b.done);
	assert_false(body_closed(&b));
	n = 3;
	assert_int_equal(body_decode(&b, bytes + 3, &n, &ready), 0);
	assert_true(n == 3 && ready == 2 && b.done && body_closed(&b));
	n = 3;
	assert_int_equal(body_decode(&b, bytes, &n, &ready), 0);
	assert_true(n == 3 && ready == 0);
	b = start(HTTP_BODY_LENGTH, 0);
	assert_true(b.done);
	b = start(HTTP_BODY_LENGTH, (uint64_t)1 << 40);
	n = 6;
	assert_int_equal(body_decode(&b, bytes, &n, &ready), 0);
	assert_true(ready == 6 && b.left == ((uint64_t)1 << 40) - 6);
}

static void none_close_and_tunnel(void **state)
{
	struct body b = start(HTTP_BODY_NONE, 5);
	uint8_t bytes[] = "abc";
	uint32_t n = 3, ready;

	(void)state;
	assert_true(b.done && body_closed(&b));
	assert_int_equal(body_decode(&b, bytes, &n, &ready), 0);
	assert_true(n == 3 && ready == 0);
	b = start(HTTP_BODY_CLOSE, 0);
	assert_int_equal(body_decode(&b, bytes, &n, &ready), 0);
	assert_true(n == 3 && ready == 3 && !b.done);
	assert_true(body_closed(&b) && b.done);
	b = start(HTTP_BODY_TUNNEL, 0);
	assert_int_equal(body_decode(&b, bytes, &n, &ready), 0);
	assert_true(n == 3 && ready == 3 && !b.done);
	b = start(HTTP_BODY_CHUNKED, 0);
	assert_false(body_closed(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunked_messages_in_all_pieces),
		cmocka_unit_test(no_nul_in_framing),
		cmocka_unit_test(lines_have_a_limit),
		cmocka_unit_test(many_chunks),
		cmocka_unit_test(a_length_is_counted),
		cmocka_unit_test(none_close_and_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
