/* SPDX-License-Identifier: MIT */
#include "proxy/health.h"
#include <string.h>
#include "base/text.h"

void health_init(struct health *h, const struct health_config *c)
{
	bool up = c->init_state == INIT_UP || c->init_state == INIT_FULLY_UP;
	uint16_t streak = (uint16_t)((up ? c->fall : c->rise) - 1);

	/* One failure short of down: what was never seen up must not keep getting traffic for three checks. */
	*h = (struct health){ .up = up, .streak = c->init_state == INIT_UP || c->init_state == INIT_DOWN ? streak : 0 };
}

enum health_change health_result(struct health *h, const struct health_config *c, bool ok)
{
	h->checked = true;
	if (ok == h->up) {
		h->streak = 0;
		return HEALTH_SAME;
	}
	if (++h->streak < (h->up ? c->fall : c->rise))
		return HEALTH_SAME;
	h->up = ok;
	h->streak = 0;
	return ok ? HEALTH_UP : HEALTH_DOWN;
}

bool health_error(struct health *h, const struct health_config *c, enum error_action action)
{
	/* Checks that may fail before this one counts. */
	uint16_t left = (uint16_t)(c->fall - 1 - (h->up ? h->streak : 0));

	if (action == ERROR_MARK_DOWN)
		h->streak = (uint16_t)(h->streak + left);
	else if (action == ERROR_SUDDEN_DEATH && left > 1)
		h->streak = (uint16_t)(h->streak + left - 1);
	return health_result(h, c, false) == HEALTH_DOWN;
}

uint32_t health_next_ms(const struct health *h, const struct health_config *c)
{
	if (!h->checked || h->streak > 0)
		return c->fastinter_ms ? c->fastinter_ms : c->inter_ms;
	if (!h->up && c->downinter_ms)
		return c->downinter_ms;
	return c->inter_ms;
}

uint32_t health_first_ms(uint32_t inter_ms_min, uint32_t index, uint32_t count)
{
	/* The division is on the way to a timer that is set once. */
	return count > 1 ? (uint32_t)((uint64_t)inter_ms_min * index / count) : 0;
}

/* One of the lines is a field of that name (small letters). */
static bool has_field(const char *lines, const char *name)
{
	struct str s = str_z(lines), wanted = str_z(name);

	while (s.n > wanted.n) {
		if (str_equal_nocase(str_of(s.p, wanted.n), wanted) && s.p[wanted.n] == ':')
			return true;
		uint32_t end = (uint32_t)strcspn(s.p, "\n") + 1;
		s = str_of(s.p + end, s.n - end);
	}
	return false;
}

/* HAProxy counts a body of nothing for methods that usually have one. */
static bool has_length(const char *method, const char *body)
{
	static const char *const bodyless[] = { "OPTIONS", "GET", "HEAD", "DELETE" };

	for (size_t i = 0; i < sizeof bodyless / sizeof *bodyless && !*body; i++)
		if (strcmp(method, bodyless[i]) == 0)
			return false;
	return true;
}

uint32_t health_request(const struct check_config *c, char *out, uint32_t size)
{
	const struct check_request *r = &c->request, *send = &c->send;
	const char *method = send->method ? send->method : r->method, *version = send->version ? send->version : r->version;
	const char *headers = send->headers ? send->headers : r->headers ? r->headers : "", *body = send->body ? send->body : "";
	char length[40] = "";

	/* 1.1 would keep the connection. HAProxy says nothing of it to 1.0 either: that is what servers' logs are used to. */
	bool close = strcmp(version, "HTTP/1.1") == 0 && !has_field(headers, "connection");
	if (has_length(method, body))
		text_format(length, sizeof length, "content-length: %u\r\n", (unsigned)strlen(body));
	size_t n = text_format(out, size, "%s %s %s\r\n%s%s%s\r\n%s", method, send->uri ? send->uri : r->uri, version, headers,
		length, close ? "connection: close\r\n" : "", body);

	return n + 1 < size ? (uint32_t)n : 0;
}

static bool status_expected(const struct check_config *c, unsigned status)
{
	for (uint8_t i = 0; i < c->range_count; i++)
		if (status >= c->ranges[i].low && status <= c->ranges[i].high)
			return true;
	return false;
}

static bool contains(const uint8_t *p, uint32_t n, struct str text)
{
	for (uint32_t i = 0; i + text.n <= n; i++)
		if (memcmp(p + i, text.p, text.n) == 0)
			return true;
	return false;
}

int health_step(const struct check_step *s, const uint8_t *p, uint32_t n, bool last)
{
	bool found = contains(p, n, s->bytes);

	/* As HAProxy: what must not be there is known not to be there at the end only. */
	if (!found && !last)
		return 0;
	return found != s->not ? 1 : -1;
}

/* "HTTP/1.x NNN": 1 and the status, 0: more bytes are needed, -1: it is something else. Only this line is read: a check
 * wants to know how a server feels, not to be strict with it. */
static int read_status(const uint8_t *p, uint32_t n, unsigned *status)
{
	static const char name[] = "HTTP/1.";

	for (uint32_t i = 0; i < n && i < 12; i++) {
		bool good = i < 7 ? p[i] == (uint8_t)name[i] : i == 8 ? p[i] == ' ' : p[i] >= '0' && p[i] <= '9';
		if (!good)
			return -1;
	}
	if (n < 13)
		return 0;
	if (p[12] != ' ' && p[12] != '\r' && p[12] != '\n')
		return -1;
	*status = (unsigned)((p[9] - '0') * 100 + (p[10] - '0') * 10 + p[11] - '0');
	return 1;
}

/* Where the body starts; 0: the head has not ended. */
static uint32_t body_start(const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i + 4 <= n; i++)
		if (memcmp(p + i, "\r\n\r\n", 4) == 0)
			return i + 4;
	return 0;
}

/* The body is all here by what its Content-Length says. (Chunks are not counted: such servers end the connection, too.) */
static bool is_whole(const uint8_t *p, uint32_t n, uint32_t body)
{
	static const char name[] = "\ncontent-length:";
	uint32_t length = 0;

	for (uint32_t i = 0; i + sizeof name - 1 < body; i++) {
		if (!str_equal_nocase(str_of((const char *)p + i, sizeof name - 1), str_of(name, sizeof name - 1)))
			continue;
		for (i += sizeof name - 1; i < body && p[i] == ' '; i++)
			;
		for (; i < body && p[i] >= '0' && p[i] <= '9' && length < UINT32_MAX / 20; i++)
			length = length * 10 + (uint32_t)(p[i] - '0');
		return n - body >= length;
	}
	return false;
}

int health_response(const struct check_config *c, const uint8_t *p, uint32_t n, bool closed, unsigned *status,
	const char **reason)
{
	int have = read_status(p, n, status);

	*reason = "Layer7 invalid response";
	if (have <= 0) {
		*status = 0;
		return have == 0 && !closed ? 0 : -1;
	}
	if (c->expect == EXPECT_STRING) {
		uint32_t body = body_start(p, n);
		bool found = body && contains(p + body, n - body, str_z(c->text));
		if (!closed && !found && !(body && is_whole(p, n, body)))
			return 0;
		if (found != c->expect_not)
			return 1;
		*status = 0;    /* HAProxy's log line has no code for this one */
		return -1;
	}
	bool good = c->expect == EXPECT_STATUS ? status_expected(c, *status) : *status / 100 == 2 || *status / 100 == 3;
	*reason = "Layer7 wrong status";
	return good != c->expect_not ? 1 : -1;
}

void health_info(const struct check_config *c, const uint8_t *p, uint32_t n, char *out, uint32_t size)
{
	const char *said = c->expect_not ? "HTTP check matched unwanted content" : "HTTP content check did not match";
	uint32_t i = 0, from = 13, body = body_start(p, n);
	unsigned status;

	if (read_status(p, n, &status) <= 0) {
		n = 0;
	} else if (c->expect == EXPECT_STRING) {
		if (body == 0 || body == n)
			said = "HTTP content check could not find a response body";
		p = (const uint8_t *)said;
		n = (uint32_t)strlen(said);
		from = 0;
	}
	for (; i + 1 < size && from + i < n && p[from + i] != '\r' && p[from + i] != '\n'; i++)
		out[i] = p[from + i] >= ' ' && p[from + i] < 127 ? (char)p[from + i] : '?';
	out[i] = 0;
}
