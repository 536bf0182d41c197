/* SPDX-License-Identifier: MIT
 * Fuzzes heads: what is taken must survive being edited and read again, and no prefix of it may be judged differently.
 *
 * clang -g -O1 -fsanitize=fuzzer,address,undefined -Isrc test/fuzz/http.c src/proxy/[!c]*.c src/proxy/cookie.c \
 *     src/base/text.c src/base/addr.c -o /tmp/fuzz_http; test/fuzz/seeds.py http /tmp/seeds; /tmp/fuzz_http /tmp/seeds
 * With gcc, and test/fuzz/replay.c in place of "fuzzer", it runs the files it is given.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "proxy/edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct http_head head, again;
static char out[1 << 17];

static void must(bool good)
{
	if (!good)
		abort();
}

static void inside(struct str s, const uint8_t *bytes, size_t n)
{
	const char *start = (const char *)bytes;

	must(s.n == 0 || (s.p >= start && s.p + s.n <= start + n));
}

static void sound(const uint8_t *bytes, size_t n)
{
	must(head.field_count <= HTTP_FIELDS_MAX);
	for (uint32_t i = 0; i < head.field_count; i++) {
		inside(head.fields[i].name, bytes, n);
		inside(head.fields[i].value, bytes, n);
		must(http_is_token(head.fields[i].name));
		for (uint32_t k = 0; k < head.fields[i].value.n; k++)
			must(!strchr("\r\n", head.fields[i].value.p[k]) && head.fields[i].value.p[k]);
	}
}

static const struct cookie_config cookie = { .name = "a", .insert = true, .indirect = true };

static void request(const uint8_t *bytes, size_t n)
{
	int used = http_request_parse(bytes, n, &head);
	struct edit_request e = { .cookie = &cookie, .forwarded_for = "192.0.2.1", .host = "h" };

	must(used <= (int)n);
	if (used <= 0)
		return;
	sound(bytes, n);
	for (int k = 0; k < used; k++)
		must(http_request_parse(bytes, (size_t)k, &again) == 0);
	must(http_request_parse(bytes, (size_t)used, &head) == used);
	e.chunked = head.body == HTTP_BODY_CHUNKED;
	uint32_t m = edit_request(&head, &e, out, sizeof out);
	must(m > 0);
	if (head.field_count + 2 > HTTP_FIELDS_MAX)
		return;         /* ours may be one too many for ourselves */
	int result = http_request_parse((uint8_t *)out, m, &again);
	/* "Host:" beside OPTIONS * is given the server's; nothing else may change. */
	must(result == (int)m && again.body == head.body && again.content_length == head.content_length);
	must(again.upgrade == head.upgrade && str_equal(again.method, head.method) && again.minor == 1);
	must(head.host.n == 0 || str_equal(again.host, head.host));
}

static void response(const uint8_t *bytes, size_t n, enum http_method method)
{
	int used = http_response_parse(bytes, n, method, &head);
	struct edit_response e = { .cookie = &cookie, .cookie_fate = COOKIE_DELETED, .set_cookie = str_z("a=b; path=/"), .cache_private = true };

	must(used <= (int)n);
	if (used <= 0)
		return;
	sound(bytes, n);
	must(used > 0 && head.status >= 100 && head.status < 600);
	e.chunked = head.body == HTTP_BODY_CHUNKED;
	(void)cookie_response_cacheable(&head, method);
	uint32_t m = edit_response(&head, &e, out, sizeof out);
	must(m > 0);
	if (head.field_count + 4 > HTTP_FIELDS_MAX)
		return;
	int result = http_response_parse((uint8_t *)out, m, method, &again);
	must(result == (int)m && again.body == head.body && again.status == head.status);
	must(head.body != HTTP_BODY_LENGTH || again.content_length == head.content_length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	if (n > 16384)
		return 0;
	request(bytes, n);
	response(bytes, n, HTTP_GET);
	response(bytes, n, HTTP_HEAD);
	response(bytes, n, HTTP_CONNECT);
	return 0;
}
