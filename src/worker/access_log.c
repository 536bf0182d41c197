/* SPDX-License-Identifier: MIT
 * One line a request (httplog) or connection (tcplog), in HAProxy's formats, so that what reads its logs reads these.
 */
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "base/log.h"
#include "base/net.h"
#include "worker/worker.h"

bool access_wanted(const struct proxy_config *frontend)
{
	return frontend->options & OPTION_LOG_GLOBAL;
}

void access_start(struct session *s)
{
	struct access *a = s->access;
	struct timespec now;

	if (!a)
		return;
	uint64_t accepted = s->first_request ? worker.loop.now_ms : a->accepted_ms;
	*a = (struct access){ .accepted_ms = accepted, .start_ms = worker.loop.now_ms, .request_ms = -1, .queue_ms = -1,
		.connect_ms = -1, .response_ms = -1, .cookie_request = '-', .cookie_response = '-' };
	if (clock_gettime(CLOCK_REALTIME, &now) == 0) {
		a->date_s = (uint64_t)now.tv_sec;
		a->date_ms = (uint32_t)now.tv_nsec / 1000000u;
	}
}

void access_queued(struct session *s)
{
	struct access *a = s->access;

	if (a)
		a->queue_ms = (int32_t)(worker.loop.now_ms - a->start_ms) - (a->request_ms > 0 ? a->request_ms : 0);
}

/* Printable, as HAProxy writes it: other bytes as #hh, so that a client cannot forge lines. */
static void put_visible(struct access *a, struct str s)
{
	for (uint32_t i = 0; i < s.n && a->line_n + 3u < sizeof a->line; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = c >= ' ' && c < 127 && c != '"' && c != '#';
		a->line[a->line_n++] = plain ? (char)c : '#';
		if (plain)
			continue;
		a->line[a->line_n++] = "0123456789ABCDEF"[c >> 4];
		a->line[a->line_n++] = "0123456789ABCDEF"[c & 15];
	}
}

void access_request(struct session *s, const struct http_head *head)
{
	struct access *a = s->access;

	if (!a)
		return;
	a->request_ms = (int32_t)(worker.loop.now_ms - a->start_ms);
	a->line_n = 0;
	put_visible(a, head->method);
	put_visible(a, str_of(" ", 1));
	put_visible(a, head->target);
	put_visible(a, str_z(head->minor ? " HTTP/1.1" : " HTTP/1.0"));
}

/* "24/Nov/2026:11:50:20.123", UTC: local time would need the zone files and the allocator. */
static void put_date(const struct access *a, char *out, size_t size)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t when = (time_t)a->date_s;
	struct tm utc;

	if (!gmtime_r(&when, &utc))
		memset(&utc, 0, sizeof utc);
	text_format(out, size, "%02d/%.*s/%d:%02d:%02d:%02d.%03u", utc.tm_mday, 3, months + 3 * utc.tm_mon,
		utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec, a->date_ms);
}

struct line_words {
	char client[ADDR_TEXT_MAX], date[40], counts[80];
	const char *frontend, *backend, *server;
};

static void put_words(const struct session *s, struct line_words *w)
{
	const struct access *a = s->access;

	addr_print(&s->peer.addr, w->client);
	put_date(a, w->date, sizeof w->date);
	w->frontend = s->listener->frontend->name;
	w->backend = s->backend ? s->backend->config->name : w->frontend;
	w->server = s->server ? s->server->config->name : "<NOSRV>";
	text_format(w->counts, sizeof w->counts, "%u/%u/%u/%u/%s%u %u/%u", worker.sessions.used,
		s->listener->owner->sessions, s->backend ? s->backend->sessions : 0, s->server ? s->server->lb->served : 0,
		a->redispatched ? "+" : "", a->retries, a->server_queue, a->backend_queue);
}

static void log_http(const struct session *s, struct ending e)
{
	const struct access *a = s->access;
	struct line_words w;

	put_words(s, &w);
	log_info("%s:%u [%s] %s %s/%s %d/%d/%d/%d/%u %d %llu - - %c%c%c%c %s \"%.*s\"", w.client, s->peer.port, w.date,
		w.frontend, w.backend, w.server, a->request_ms, a->queue_ms, a->connect_ms, a->response_ms,
		(unsigned)(worker.loop.now_ms - a->start_ms), a->status ? a->status : -1,
		(unsigned long long)(a->head_bytes + s->response.sent), e.cause, e.where, a->cookie_request,
		a->cookie_response, w.counts, a->line_n ? a->line_n : 8, a->line_n ? a->line : "<BADREQ>");
}

static void log_tcp(const struct session *s, struct ending e)
{
	const struct access *a = s->access;
	struct line_words w;

	put_words(s, &w);
	log_info("%s:%u [%s] %s %s/%s %d/%d/%u %llu %c%c %s", w.client, s->peer.port, w.date, w.frontend, w.backend, w.server,
		a->queue_ms, a->connect_ms, (unsigned)(worker.loop.now_ms - a->accepted_ms),
		(unsigned long long)(a->head_bytes + s->response.sent), e.cause, e.where, w.counts);
}

static void log_connect(struct session *s)
{
	char client[ADDR_TEXT_MAX], local[ADDR_TEXT_MAX];
	const struct endpoint *at = session_local(s);

	log_info("Connect from %s:%u to %s:%u (%s/%s)", addr_print(&s->peer.addr, client), s->peer.port,
		addr_print(&at->addr, local), at->port, s->listener->frontend->name,
		s->listener->frontend->mode == MODE_HTTP ? "HTTP" : "TCP");
}

void access_end(struct session *s, struct ending e)
{
	uint32_t options = s->listener->frontend->options;

	if (!s->access)
		return;
	/* In mode http the moment decides; here it is a client of which not a byte came. */
	if (options & OPTION_DONTLOGNULL && s->listener->frontend->mode == MODE_TCP && s->request.sent == 0
	    && !(s->request.buf && buf_used(s->request.buf) > 0))
		return;
	if (options & OPTION_HTTPLOG && s->listener->frontend->mode == MODE_HTTP)
		log_http(s, e);
	else if (options & (OPTION_TCPLOG | OPTION_HTTPLOG))
		log_tcp(s, e);
	else
		log_connect(s);
}

void access_refused(const struct session *s, const char *why)
{
	const struct proxy_config *frontend = s->listener->frontend;
	const struct bind_config *bind = s->listener->bind;
	char client[ADDR_TEXT_MAX], date[40], number[12];

	if (!s->access || !(frontend->options & (OPTION_HTTPLOG | OPTION_TCPLOG)))
		return;
	put_date(s->access, date, sizeof date);
	(void)text_format(number, sizeof number, "%u", bind->index - frontend->binds->index + 1);
	log_info("%s:%u [%s] %s/%s: %s", addr_print(&s->peer.addr, client), s->peer.port, date, frontend->name,
		bind->name ? bind->name : number, why);
}
