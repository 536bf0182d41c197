/* SPDX-License-Identifier: MIT
 * Adverts in and out, and the routers that they are about. What vrrp_step() answers is carried out here and nowhere else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "base/net.h"
#include "guard/guard.h"

#define PACKETS_A_TURN 64
#define PRIORITY_CONTROL 7              /* TC_PRIO_CONTROL: before everything else in the queues of the interface */

/* ---- sockets ---- */

static void advert_ready(struct io *, short revents);

/* Hears IPv4 packets of protocol 112 as they come from the wire: a firewall that forgot VRRP changes nothing. */
static int open_receive(uint32_t index)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),          /* the protocol, from the IP header */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VRRP_PROTOCOL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = { sizeof code / sizeof *code, code };
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)index };
	/* Protocol 0 until it is bound: nothing may come in before the filter is on. */
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == -1
	    || bind(fd, (struct sockaddr *)&at, sizeof at) == -1) {
		int error = errno;
		(void)close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* The group is joined on the socket that sends, so that switches which look for members forward to us. */
static int open_send(const struct interface *i)
{
	struct ip_mreqn group = { .imr_multiaddr.s_addr = htonl(VRRP_GROUP_IPV4), .imr_ifindex = (int)i->index };
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);

	if (fd == -1)
		return -1;
	(void)net_option(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, i->name, (socklen_t)strlen(i->name)) == -1
	    || setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof group) == -1
	    || !net_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0)
	    || setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) == -1) {
		int error = errno;
		(void)close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

bool adverts_open(struct interface *i)
{
	if (i->receive.fd != -1)
		return true;
	i->send = open_send(i);
	if (i->send == -1)
		return false;
	i->receive = (struct io){ .fd = open_receive(i->index), .ready = advert_ready };
	if (i->receive.fd == -1) {
		int error = errno;
		(void)close(i->send);
		i->send = -1;
		errno = error;
		return false;
	}
	loop_watch(&guard.loop, &i->receive, POLLIN);
	return true;
}

void adverts_close(struct interface *i)
{
	if (i->receive.fd == -1)
		return;
	loop_forget(&guard.loop, &i->receive);
	(void)close(i->receive.fd);
	(void)close(i->send);
	i->receive.fd = i->send = -1;
}

/* ---- out ---- */

static void send_to(struct router *r, const struct addr *to, uint8_t priority)
{
	uint8_t packet[VRRP_PACKET_MAX];
	struct sockaddr_storage address;
	struct endpoint destination = { .addr = *to };
	size_t n = vrrp_packet_build(r->config, &r->vr.source, to, priority, r->checksum, packet);
	socklen_t size = net_sockaddr(&destination, &address);
	char text[ADDR_TEXT_MAX];

	if (sendto(r->interface->send, packet, n, 0, (struct sockaddr *)&address, size) == -1 && errno != ENETDOWN)
		log_errno("(%s) cannot send an advert to %s on %s", r->config->name, addr_print(to, text), r->interface->name);
}

static void send_advert(struct router *r, uint8_t priority)
{
	struct addr group = addr_ipv4(VRRP_GROUP_IPV4);

	if (r->interface->send == -1)
		return;
	if (!r->config->peers)
		send_to(r, &group, priority);
	for (const struct peer_config *p = r->config->peers; p; p = p->next)
		send_to(r, &p->address, priority);
}

/* ---- what the state machine wants ---- */

static void put_block(const struct router *r, char *out, size_t size)
{
	const char *name = r->interface->name;

	switch (r->blocked) {
	case ROUTER_NO_INTERFACE:
		text_format(out, size, "there is no interface %s", name);
		break;
	case ROUTER_LINK_DOWN:
		text_format(out, size, "the link of %s is down", name);
		break;
	case ROUTER_NO_ADDRESS:
		text_format(out, size, "%s has no IPv4 address", name);
		break;
	default:
		text_format(out, size, "%s", r->blocked == ROUTER_TRACK ? "a tracked backend has no server left"
			: "the worker cannot serve");
	}
}

static void log_state(const struct router *r)
{
	const struct vrrp *vr = &r->vr;
	char from[ADDR_TEXT_MAX], text[128];
	uint64_t silent = guard.loop.now_ms - vr->heard_ms;

	addr_print(&vr->master, from);
	switch (vr->why) {
	case VRRP_WHY_SILENCE:
		text_format(text, sizeof text, "no advert%s%s for %llu.%llu s", vr->master.family ? " from " : "",
			vr->master.family ? from : "", (unsigned long long)silent / 1000, (unsigned long long)silent % 1000 / 100);
		break;
	case VRRP_WHY_RESIGNED:
		text_format(text, sizeof text, "%s has resigned", from);
		break;
	case VRRP_WHY_PREEMPT:
		text_format(text, sizeof text, "%s has the lower priority %u, ours is %u", from, vr->master_priority, vr->priority);
		break;
	case VRRP_WHY_HIGHER:
		text_format(text, sizeof text, "%s has the higher priority %u, ours is %u", from, vr->master_priority, vr->priority);
		break;
	case VRRP_WHY_ADDRESS:
		text_format(text, sizeof text, "%s has our priority %u and the higher address", from, vr->priority);
		break;
	case VRRP_WHY_LATE:
		text_format(text, sizeof text, "this node was not running for longer than three adverts");
		break;
	case VRRP_WHY_OWNER:
		text_format(text, sizeof text, "it owns the address: priority 255");
		break;
	case VRRP_WHY_FAILED:
		put_block(r, text, sizeof text);
		break;
	default:
		text_format(text, sizeof text, "%s", vr->why == VRRP_WHY_STOPPED ? "stopping" : "started");
	}
	log_notice("(%s) Entering %s STATE (%s)", r->config->name, vrrp_state_name(vr->state), text);
}

static void router_step(struct router *r, const struct vrrp_event *e)
{
	uint8_t before = r->vr.state;
	unsigned actions = vrrp_step(&r->vr, guard.loop.now_ms, e);

	if (actions & VRRP_DO_RESIGN)
		send_advert(r, 0);
	if (actions & VRRP_DO_RELEASE)
		vips_release(r);
	if (actions & VRRP_DO_ADVERT) {
		/* The lifetime starts before the advert does: the address must be gone when the peer's timer is up. */
		if (before == VRRP_MASTER)
			vips_renew(r);
		send_advert(r, r->vr.priority);
	}
	if (actions & VRRP_DO_TAKE)
		vips_take(r);
	if (r->vr.state != before)
		log_state(r);
	if (r->vr.deadline_ms == UINT64_MAX)
		timer_off(&guard.loop.timers, &r->timer);
	else
		timer_set(&guard.loop.timers, &r->timer, r->vr.deadline_ms);
}

static void router_expired(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	router_step(container_of(t, struct router, timer), &(struct vrrp_event){ .kind = VRRP_TIMER });
}

void router_event(struct router *r, enum vrrp_event_kind kind)
{
	router_step(r, &(struct vrrp_event){ .kind = (uint8_t)kind });
}

void router_set_priority(struct router *r, uint8_t priority)
{
	if (r->vr.priority == priority)
		return;
	log_notice("(%s) Changing effective priority from %u to %u", r->config->name, r->vr.priority, priority);
	router_step(r, &(struct vrrp_event){ .kind = VRRP_PRIORITY, .priority = priority });
}

/* ---- in ---- */

static void router_heard(struct router *r, const struct vrrp_advert *a)
{
	enum vrrp_drop drop = vrrp_packet_judge(r->config, a);

	if (drop == VRRP_GOOD && r->vr.state != VRRP_BACKUP && r->vr.state != VRRP_MASTER)
		drop = VRRP_DROP_STATE;
	r->drops[drop]++;
	if (drop != VRRP_GOOD) {
		if (drop != VRRP_DROP_STATE)
			complain_drop(r, a, drop);
		return;
	}
	if (!vrrp_packet_same_addresses(r->config, a))
		complain_addresses(r, a);
	if (a->version == 3)
		r->checksum = a->checksum;      /* in kind: a peer that sums otherwise would not hear us */
	router_step(r, &(struct vrrp_event){ .kind = VRRP_HEARD, .advert = a });
}

static void interface_heard(struct interface *i, const uint8_t *packet, size_t n)
{
	static struct vrrp_advert a;
	enum vrrp_drop drop = vrrp_packet_parse(packet, n, &a);

	for (uint32_t k = 0; k < guard.conf->vrrp_count; k++) {
		struct router *r = &guard.routers[k];
		if (r->interface != i || (drop == VRRP_GOOD && addr_equal(&a.source, &r->vr.source)))
			continue;
		if (drop != VRRP_GOOD) {
			r->drops[drop]++;       /* nobody can say which router it was for: each counts it */
		} else if (a.vrid == r->config->vrid) {
			router_heard(r, &a);
		} else {
			r->drops[VRRP_DROP_VRID]++;
			complain_other_vrid(r, &a);
		}
	}
}

static void advert_ready(struct io *io, short revents)
{
	struct interface *i = container_of(io, struct interface, receive);
	uint8_t packet[2048];

	(void)revents;
	for (int budget = PACKETS_A_TURN; budget > 0; budget--) {
		struct sockaddr_ll from;
		socklen_t size = sizeof from;
		ssize_t n = recvfrom(io->fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &size);
		if (n == -1) {
			if (errno != EAGAIN && errno != ENETDOWN && errno != EINTR)
				log_errno("cannot read adverts from %s", i->name);
			return;
		}
		if (from.sll_pkttype == PACKET_HOST || from.sll_pkttype == PACKET_MULTICAST)
			interface_heard(i, packet, (size_t)n);
	}
	guard.loop.again = true;
}

/* ---- who takes part ---- */

static bool backend_is_down(const struct track_config *t)
{
	const struct proxy_config *b = guard.conf->proxies;

	while (b && b->index != t->backend)
		b = b->next;
	return guard.board && b && scoreboard_usable(guard.board, b) == 0;
}

static enum router_block block_of(struct router *r)
{
	struct interface *i = r->interface;

	if (i->index == 0)
		return ROUTER_NO_INTERFACE;
	if (!i->up)
		return ROUTER_LINK_DOWN;
	if (r->config->source.family == ADDR_NONE && i->primary.family == ADDR_NONE)
		return ROUTER_NO_ADDRESS;
	for (const struct track_config *t = r->config->tracks; t; t = t->next)
		if (t->weight == 0 && backend_is_down(t))
			return ROUTER_TRACK;
	return supervise_can_serve() ? ROUTER_FREE : ROUTER_WORKER;
}

static void router_check(struct router *r)
{
	struct interface *i = r->interface;
	enum router_block block = block_of(r);
	int weights = 0;

	if (block != ROUTER_NO_INTERFACE && !adverts_open(i)) {
		log_errno("(%s) cannot open the sockets for adverts on %s", r->config->name, i->name);
		block = ROUTER_NO_INTERFACE;
	}
	r->vr.source = r->config->source.family != ADDR_NONE ? r->config->source : i->primary;
	for (const struct track_config *t = r->config->tracks; t; t = t->next)
		weights += backend_is_down(t) ? t->weight : 0;
	router_set_priority(r, vrrp_effective_priority(r->config, weights));
	if (!r->started && i->index) {
		r->started = true;
		vips_clean_at_start(r);
	}
	r->blocked = (uint8_t)block;
	router_event(r, block == ROUTER_FREE ? VRRP_START : VRRP_FAIL);
}

void routers_check(void)
{
	for (uint32_t k = 0; k < guard.conf->vrrp_count && !guard.stopping; k++)
		router_check(&guard.routers[k]);
}

void routers_stop(void)
{
	for (uint32_t k = 0; k < guard.conf->vrrp_count; k++)
		router_event(&guard.routers[k], VRRP_STOP);
}

static struct interface *interface_named(const char *name)
{
	for (uint32_t i = 0; i < guard.interface_count; i++)
		if (strcmp(guard.interfaces[i].name, name) == 0)
			return &guard.interfaces[i];
	struct interface *new = &guard.interfaces[guard.interface_count++];
	*new = (struct interface){ .name = name, .receive.fd = -1, .send = -1 };
	return new;
}

void routers_init(void)
{
	char name[96];
	uint32_t k = 0;

	for (const struct vrrp_config *c = guard.conf->vrrps; c; c = c->next, k++) {
		struct router *r = &guard.routers[k];
		uint32_t v = 0;
		r->config = c;
		r->interface = interface_named(c->interface);
		r->timer.expired = router_expired;
		r->garp.expired = vips_garp_timer;
		r->checksum = VRRP_SUM_PSEUDO;
		vrrp_init(&r->vr, c);
		for (const struct vip_config *vc = c->vips; vc; vc = vc->next, v++) {
			r->vips[v].config = vc;
			r->vips[v].interface = vc->device ? interface_named(vc->device) : r->interface;
		}
		/* Without it an address that expires takes along those that were added after it. */
		text_format(name, sizeof name, "net/ipv4/conf/%s/promote_secondaries", c->interface);
		if (!sysctl_write(name, "1"))
			log_debug("(%s) cannot set %s: %s", c->name, name, strerror(errno));
	}
}
