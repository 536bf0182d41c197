/* SPDX-License-Identifier: MIT
 * errorfile: responses that stand in files. The guard reads them; a worker gets what the guard has read.
 */
#include <errno.h>
#include <string.h>
#include "conf/parse.h"

/* The file's bytes; false: refused. */
static bool take_file(struct parser *p, const char *path, struct error_file *e)
{
	uint32_t most = p->conf->global.buffer_bytes - 1024;    /* with room for what is added, as in HAProxy */

	if (p->handed) {
		memcpy(&e->n, p->handed, sizeof e->n);
		e->bytes = p->handed + sizeof e->n;
		p->handed = e->bytes + e->n;
		return true;
	}
	uint32_t left = ERRORS_BYTES_MAX - p->error_bytes;
	e->bytes = conf_read_small(p->arena, path, left < most ? left : most, &e->n);
	if (e->bytes) {
		p->error_bytes += e->n;
		return true;
	}
	if (errno != EFBIG)
		refuse(p, "'errorfile': cannot read '%s': %m", path);
	else
		refuse(p, "'errorfile': '%s' has more than %u bytes, or all of them more than %u", path, most,
			(unsigned)ERRORS_BYTES_MAX);
	return false;
}

void set_errorfile(struct parser *p, const struct keyword *k, const struct str *args, uint32_t n, void *object)
{
	static const char *const codes = "200 400 401 403 404 405 407 408 410 413 425 429 500 501 502 503 504";
	struct proxy_config *c = object;
	struct error_file e = { .next = c->errors };
	struct http_head head;
	uint32_t status = 0;

	(void)n;
	if (!word_in_list(codes, args[0]) || !text_to_u32(args[0], 999, &status)) {
		refuse(p, "'%s' must have one of the codes %s, not '%.*s'", k->name, codes, CLIPPED(args[0]));
		return;
	}
	e.status = (uint16_t)status;
	if (p->foreign || !take_file(p, args[1].p, &e))         /* another node's file may not be here */
		return;
	int used = e.n ? http_response_parse((const uint8_t *)e.bytes, e.n, HTTP_GET, &head) : 0;
	if (e.n && (used <= 0 || head.status < 200 || head.body == HTTP_BODY_CHUNKED
		    || (head.has_length && head.content_length != e.n - (uint32_t)used))) {
		refuse(p, "'%s': '%.*s' is no HTTP response: a status line and headers that end in CR LF, an empty line, and a body "
			"as long as its Content-Length, if there is one", k->name, CLIPPED(args[1]));
		return;
	}
	c->errors = keep(p, &e, sizeof e);
	*p->last_error = c->errors;
	p->last_error = &c->errors->later;
}
