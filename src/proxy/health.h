/* SPDX-License-Identifier: MIT
 * When a server counts as up, by rise and fall, and when it is checked next (HAProxy's rules). What a response to a check
 * is worth. No sockets, no clock. Pure.
 */
#ifndef PROXY_HEALTH_H
#define PROXY_HEALTH_H
#include <stdbool.h>
#include <stdint.h>
#include "proxy/config.h"
#include "proxy/http.h"

struct health {
	bool up;
	uint16_t streak;                /* checks in a row that contradict `up` */
	bool checked;                   /* at least one result is in */
};
enum health_change { HEALTH_SAME, HEALTH_UP, HEALTH_DOWN };

/* By init-state. As HAProxy starts: up, and one failed check takes it down. */
void health_init(struct health *, const struct health_config *);
enum health_change health_result(struct health *, const struct health_config *, bool ok);
/* Real traffic has seen too many errors of a server that is up (`observe`). true: that takes it down. */
bool health_error(struct health *, const struct health_config *, enum error_action);
/* Milliseconds until the next check: inter; fastinter while in transition or not yet checked; downinter when fully down;
 * each of the latter falls back to inter when it is 0. */
uint32_t health_next_ms(const struct health *, const struct health_config *);
/* When the first check of server `index` of `count` starts, so that they do not all start at once. */
uint32_t health_first_ms(uint32_t inter_ms_min, uint32_t index, uint32_t count);

/* Writes the request of an HTTP check; its length, 0 if it does not fit. */
uint32_t health_request(const struct check_config *, char *out, uint32_t size);
/* An `expect` of `tcp-check`: 1: found (or not, as it should be), 0: more bytes are needed, -1: failed. last: no more will
 * come. */
int health_step(const struct check_step *, const uint8_t *, uint32_t n, bool last);
/* Judges what the server has sent so far (closed: and it will send no more). 1: passed, 0: more bytes are needed,
 * -1: failed; then *status is the code (0: no valid response) and *reason a word or two for the log in HAProxy's terms. */
int health_response(const struct check_config *, const uint8_t *, uint32_t n, bool closed, unsigned *status,
	const char **reason);
/* What HAProxy's log line adds to a failure as info: the server's own reason phrase, or what was wrong with the content. NUL
 * at its end, printable; empty if there is nothing to say. */
void health_info(const struct check_config *, const uint8_t *, uint32_t n, char *out, uint32_t size);
#endif
