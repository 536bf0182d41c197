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

uint32_t health_request(const struct check_config *c, char *out, uint32_t size)
{
	/* 1.1 would keep the connection. HAProxy says nothing of it to 1.0 either: that is what servers' logs are used to. */
	size_t n = text_format(out, size, "%s %s %s\r\n%s%s\r\n", c->method, c->uri, c->version,
		c->headers ? c->headers : "", strcmp(c->version, "HTTP/1.1") == 0 ? "connection: close\r\n" : "");

	return n + 1 < size ? (uint32_t)n : 0;
}

static bool status_expected(const struct check_config *c, unsigned status)
{
	for (uint8_t i = 0; i < c->range_count; i++)
		if (status >= c->ranges[i].low && status <= c->ranges[i].high)
			return true;
	return false;
}

static bool contains(const uint8_t *p, uint32_t n, const char *text)
{
	size_t m = strlen(text);

	for (uint32_t i = 0; i + m <= n; i++)
		if (memcmp(p + i, text, m) == 0)
			return true;
	return false;
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
		bool found = body && contains(p + body, n - body, c->text);
		if (!closed && !found)
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
	static const char mismatch[] = "HTTP content check did not match";
	uint32_t i = 0, from = 13;
	unsigned status;

	if (read_status(p, n, &status) <= 0) {
		n = 0;
	} else if (c->expect == EXPECT_STRING) {
		p = (const uint8_t *)mismatch;
		n = sizeof mismatch - 1;
		from = 0;
	}
	for (; i + 1 < size && from + i < n && p[from + i] != '\r' && p[from + i] != '\n'; i++)
		out[i] = p[from + i] >= ' ' && p[from + i] < 127 ? (char)p[from + i] : '?';
	out[i] = 0;
}
