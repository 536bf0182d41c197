/* SPDX-License-Identifier: MIT
 * HAProxy's commands that change a server while we run. What they say is a level on the scoreboard: the worker obeys within
 * a second, also one that is started later.
 */
#include "guard/control.h"
#include "proxy/balance.h"

static struct str next_word(struct str *rest)
{
	uint32_t n = 0;

	while (n < rest->n && rest->p[n] != ' ')
		n++;
	struct str word = str_of(rest->p, n);
	n += n < rest->n;
	*rest = str_of(rest->p + n, rest->n - n);
	return word;
}

/* "backend/server"; NULL: said that there is none. */
static const struct server_config *find(struct answer *a, struct str name, const struct proxy_config **backend)
{
	uint32_t slash = 0;

	while (slash < name.n && name.p[slash] != '/')
		slash++;
	struct str server = str_of(name.p + slash + (slash < name.n), name.n - slash - (slash < name.n));
	for (*backend = guard.conf->proxies; *backend; *backend = (*backend)->next)
		if ((*backend)->sides & PROXY_BACKEND && str_is(str_of(name.p, slash), (*backend)->name))
			break;
	for (const struct server_config *s = *backend ? (*backend)->servers : NULL; s; s = s->next)
		if (str_is(server, s->name))
			return s;
	put(a, "No such %s.\n", *backend ? "server" : "backend");
	return NULL;
}

static void order(const struct server_config *s, uint32_t mask, uint32_t value)
{
	_Atomic uint32_t *at = &guard.board->servers[s->index].order;
	uint32_t before = atomic_load_explicit(at, memory_order_relaxed);

	atomic_store_explicit(at, (before & ~mask) | value, memory_order_relaxed);
	atomic_fetch_add_explicit(&guard.board->orders, 1, memory_order_release);
}

bool orders_state(struct answer *a, struct str server, enum server_order state)
{
	const struct proxy_config *backend;
	const struct server_config *s = find(a, server, &backend);

	if (s)
		order(s, ORDER_STATE, state);
	return true;
}

bool orders_weight(struct answer *a, struct str arguments)
{
	const struct proxy_config *backend;
	const struct server_config *s = find(a, next_word(&arguments), &backend);
	bool percent = arguments.n > 0 && arguments.p[arguments.n - 1] == '%';
	uint32_t v;

	if (!s)
		return true;
	arguments.n -= percent;
	if (!text_to_u32(arguments, 65535, &v))
		return false;
	if (percent)
		v = s->weight * v / 100;        /* below 2^24 */
	if (v > 256)
		put(a, "Absolute weight can only be between 0 and 256 inclusive.\n");
	else if (backend->balance.kind == BALANCE_STATIC_RR && v != 0 && v != s->weight)
		put(a, "Backend is using a static LB algorithm and only accepts weights '0%%' and '100%%'.\n");
	else
		order(s, ORDER_WEIGHT, (v + 1) << ORDER_WEIGHT_SHIFT);
	return true;
}

/* SERVER state ready|drain|maint, SERVER weight N[%] */
bool orders_set(struct answer *a, struct str arguments)
{
	static const char *const states[] = { [ORDER_READY] = "ready", [ORDER_DRAIN] = "drain", [ORDER_MAINT] = "maint" };
	struct str rest = arguments, server = next_word(&rest), what = next_word(&rest);
	char text[256];

	if (str_is(what, "weight") && rest.n > 0) {
		size_t n = text_format(text, sizeof text, "%.*s %.*s", (int)server.n, server.p, (int)rest.n, rest.p);
		return orders_weight(a, str_of(text, n));
	}
	for (uint32_t i = ORDER_READY; str_is(what, "state") && i <= ORDER_MAINT; i++)
		if (str_is(rest, states[i]))
			return orders_state(a, server, (enum server_order)i);
	return false;
}
