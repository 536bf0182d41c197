/* SPDX-License-Identifier: MIT
 * vrrp/diagnose: each kind of disagreement with its sentence; once, then more rarely, then over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "vrrp/diagnose.h"

static struct vip_config vips[2];
static struct peer_config peer;
static struct vrrp_config config;
static struct vrrp vr;
static struct diagnosis d;
static struct vrrp_advert advert;
static uint64_t now;

static struct addr address(const char *text)
{
	struct addr a;

	assert_true(addr_parse(str_z(text), &a));
	return a;
}

/* We are backup with 10.0.0.10 and .11, and 10.0.0.2 sends adverts that fit. */
static int setup(void **state)
{
	(void)state;
	vips[1] = (struct vip_config){ .address = { address("10.0.0.11"), 24 } };
	vips[0] = (struct vip_config){ .address = { address("10.0.0.10"), 24 }, .next = &vips[1] };
	peer = (struct peer_config){ .address = address("10.0.0.2") };
	config = (struct vrrp_config){ .name = "V", .vrid = 51, .version = 2, .priority = 100, .has_auth = true,
		.auth_pass = "s3cret", .advert_int_ms = 1000, .vips = vips, .vip_count = 2 };
	vrrp_init(&vr, &config);
	vr.state = VRRP_BACKUP;
	vr.source = address("10.0.0.1");
	d = (struct diagnosis){ 0 };
	advert = (struct vrrp_advert){ .source = address("10.0.0.2"), .destination = address("224.0.0.18"), .ttl = 255, .version = 2,
		.vrid = 51, .priority = 90, .auth_type = 1, .auth_data = "s3cret", .interval_ms = 1000, .address_count = 2 };
	advert.addresses[0] = address("10.0.0.10");
	advert.addresses[1] = address("10.0.0.11");
	now = 1000000;
	return 0;
}

/* What is said when the advert is heard now: sentences, or "over NAME", with newlines behind them. */
static const char *said(void)
{
	static char text[4096];
	struct disagreement e;
	size_t n = 0;

	while (diagnose_next(&d, now, &e)) {
		n += e.over ? text_format(text + n, sizeof text - n, "over %s", diagnose_name(e.kind))
			: diagnose_print(&e, text + n, sizeof text - n);
		n += text_format(text + n, sizeof text - n, "\n");
	}
	text[n] = 0;
	return text;
}

static const char *hear(void)
{
	diagnose_heard(&d, now, &vr, &advert, VRRP_GOOD);
	return said();
}

/* It says this sentence and no other, once; after the peer has changed its ways, that it is over. */
static void says(const char *sentence, const char *name)
{
	char with[512];

	text_format(with, sizeof with, "%s\n", sentence);
	assert_string_equal(hear(), with);
	now += 1000;
	assert_string_equal(hear(), "");
	const struct disagreement *e = diagnose_active(&d, now, NULL);
	assert_non_null(e);
	assert_string_equal(diagnose_name(e->kind), name);
	assert_int_equal(e->count, 2);
	assert_null(diagnose_active(&d, now, e));
}

static void heals(const char *name)
{
	char with[64];

	text_format(with, sizeof with, "over %s\n", name);
	now += 2000;
	assert_string_equal(hear(), "");        /* two may be on the way side by side */
	now += 10000;
	assert_string_equal(hear(), with);
	assert_null(diagnose_active(&d, now, NULL));
	assert_string_equal(hear(), "");
}

static void agreement(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++, now += 1000)
		assert_string_equal(hear(), "");
	advert.priority = 100;
	assert_string_equal(hear(), "");
}

static void version(void **state)
{
	(void)state;
	advert.version = 3;
	advert.auth_type = 0;
	says("10.0.0.2 sends VRRP version 3, ours is 2: its adverts do not count, both nodes may become master: set `version` alike",
		"version");
	advert.version = 2;
	advert.auth_type = 1;
	heals("version");
}

static void ttl(void **state)
{
	(void)state;
	advert.ttl = 64;
	says("an advert from 10.0.0.2 has TTL 64 instead of 255: it crossed a router, or its sender does not set it"
		" (unicast_ttl 255)", "TTL");
	advert.ttl = 255;
	heals("TTL");
}

static void cast(void **state)
{
	(void)state;
	advert.destination = address("10.0.0.1");
	says("10.0.0.2 sends adverts by unicast, we use multicast: its adverts do not count, both nodes may become master: set"
		" unicast_peer on both or on none", "unicast");
	advert.destination = address("224.0.0.18");
	heals("unicast");
	config.peers = &peer;
	says("10.0.0.2 sends adverts by multicast, we use unicast: its adverts do not count, both nodes may become master: set"
		" unicast_peer on both or on none", "unicast");
	advert.destination = address("10.0.0.1");
	heals("unicast");
}

static void no_peer(void **state)
{
	(void)state;
	config.peers = &peer;
	peer.address = address("10.0.0.3");
	advert.destination = address("10.0.0.1");
	says("10.0.0.2 sends unicast adverts, but is no unicast_peer of ours: they do not count: add it",
		"unicast_peer");
	peer.address = address("10.0.0.2");
	heals("unicast_peer");
}

static void authentication(void **state)
{
	(void)state;
	advert.auth_type = 0;
	says("10.0.0.2 sends adverts without authentication, ours are with it: its adverts do not count, both nodes may become"
		" master: set auth_pass or auth_hmac alike", "auth_type");
	advert.auth_type = 1;
	heals("auth_type");
	memcpy(advert.auth_data, "S3cret\0", 8);
	says("10.0.0.2 sends adverts with another auth_pass: its adverts do not count, both nodes may become master: set auth_pass"
		" alike (its first 8 characters count)", "auth_pass");
	memcpy(advert.auth_data, "s3cret\0", 8);
	heals("auth_pass");
	config.has_auth = false;
	says("10.0.0.2 sends adverts with authentication, ours are without it: its adverts do not count, both nodes may become"
		" master: set auth_pass or auth_hmac alike", "auth_type");
}

static void interval(void **state)
{
	(void)state;
	advert.interval_ms = 2000;
	says("10.0.0.2 has advert_int 2 s, ours is 1 s: its adverts do not count, both nodes may become master: set advert_int alike",
		"advert_int");
	advert.interval_ms = 1000;
	heals("advert_int");
	config.version = advert.version = 3;
	config.has_auth = false;
	config.advert_int_ms = 250;
	says("10.0.0.2 has advert_int 1 s, ours is 250 ms: the master's counts: set advert_int alike", "advert_int");
}

static void addresses(void **state)
{
	(void)state;
	advert.addresses[1] = advert.addresses[0];
	says("10.0.0.2 does not advertise 10.0.0.11, which we have: it is missing when 10.0.0.2 is master: make virtual_ipaddress"
		" alike", "virtual_ipaddress");
	advert.addresses[1] = address("10.0.0.11");
	heals("virtual_ipaddress");
	advert.address_count = 3;
	advert.addresses[2] = address("10.0.0.12");
	says("10.0.0.2 advertises 10.0.0.12 as well, which we do not have: it is missing when we are master: make virtual_ipaddress"
		" alike", "virtual_ipaddress");
	advert.address_count = 2;
	heals("virtual_ipaddress");
	/* In another order they are the same. */
	advert.addresses[0] = address("10.0.0.11");
	advert.addresses[1] = address("10.0.0.10");
	assert_string_equal(hear(), "");
}

static void another_cluster(void **state)
{
	(void)state;
	advert.address_count = 1;
	advert.addresses[0] = address("10.0.0.99");
	says("10.0.0.2 uses our virtual_router_id 51 for other addresses, such as 10.0.0.99: if it is not our peer, choose another"
		" virtual_router_id", "virtual_router_id");
}

static void another_vrid(void **state)
{
	(void)state;
	advert.vrid = 52;
	says("10.0.0.2 advertises 10.0.0.10 under virtual_router_id 52, we use 51: both nodes may hold it: set virtual_router_id"
		" alike", "virtual_router_id");
	advert.vrid = 51;
	heals("virtual_router_id");
	/* Other routers of the same node are none of our business, and end nothing. */
	advert.vrid = 52;
	says("10.0.0.2 advertises 10.0.0.10 under virtual_router_id 52, we use 51: both nodes may hold it: set virtual_router_id"
		" alike", "virtual_router_id");
	advert.vrid = 53;
	advert.address_count = 1;
	advert.addresses[0] = address("10.0.0.99");
	now += 9000;
	assert_string_equal(hear(), "");
	advert.vrid = 52;
	assert_string_equal(hear(), "over virtual_router_id\n");
}

static void split_brain(void **state)
{
	(void)state;
	/* One advert that crosses ours, and one more that was on its way: no. */
	vr.state = VRRP_MASTER;
	for (int i = 0; i < 2; i++, now += 1000)
		assert_string_equal(hear(), "");
	now += 11000;
	/* Ten of them within an interval: no. */
	for (int i = 0; i < 10; i++, now += 100)
		assert_string_equal(hear(), "");
	/* It stays: said, whatever else is wrong. */
	now += 1100;
	advert.priority = 120;
	advert.interval_ms = 2000;
	(void)hear();
	now += 2000;
	assert_string_equal(hear(), "10.0.0.2 is master as well, with priority 120, ours is 100: split brain, both hold 10.0.0.10:"
		" one of us does not hear or not accept the other: look at firewalls and the switch\n");
	now += 2000;
	assert_string_equal(hear(), "");
	/* It takes leave, and is not heard any more. */
	advert.priority = 0;
	assert_string_equal(hear(), "");
	now += 10001;
	diagnose_passed(&d, now, &vr);
	assert_string_equal(said(), "over split brain\n");
}

static void split_brain_ends_when_we_yield(void **state)
{
	(void)state;
	vr.state = VRRP_MASTER;
	for (int i = 0; i < 3; i++, now += 1000)
		assert_string_equal(hear(), "");
	assert_memory_equal(hear(), "10.0.0.2 is master as well", 26);
	vr.state = VRRP_BACKUP;
	assert_string_equal(hear(), "over split brain\n");
	/* Whoever comes from behind a router holds nothing here. */
	vr.state = VRRP_MASTER;
	advert.ttl = 254;
	(void)hear();
	for (int i = 0; i < 20; i++, now += 1000)
		assert_string_equal(hear(), "");
}

static void malformed(void **state)
{
	(void)state;
	diagnose_heard(&d, now, &vr, &advert, VRRP_DROP_CHECKSUM);
	assert_string_equal(said(), "an advert from 10.0.0.2 is discarded: bad checksum\n");
	diagnose_heard(&d, now, &vr, &advert, VRRP_DROP_COUNT);
	assert_string_equal(said(), "an advert from 10.0.0.2 is discarded: no addresses\n");
	now += 20000;
	assert_string_equal(hear(), "over bad checksum\nover no addresses\n");
	/* Another router's, or nobody's. */
	advert.vrid = 52;
	diagnose_heard(&d, now, &vr, &advert, VRRP_DROP_CHECKSUM);
	advert.vrid = 51;
	advert.source.family = ADDR_NONE;
	diagnose_heard(&d, now, &vr, &advert, VRRP_DROP_SHORT);
	assert_string_equal(said(), "");
}

static void claims(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0xab, 0x63 };

	(void)state;
	diagnose_claimed(&d, now, &vr, DIAGNOSE_SOURCE, &vr.source, mac);
	assert_string_equal(said(), "another machine, 02:00:00:00:ab:63, sends from our own address 10.0.0.1: no peer can tell us"
		" apart: give each node its own address\n");
	now += 30000;
	assert_string_equal(hear(), "");
	assert_non_null(diagnose_active(&d, now, NULL));
	now += 31000;
	assert_null(diagnose_active(&d, now, NULL));
}

static void rate(void **state)
{
	static const uint32_t minutes[] = { 0, 1, 3, 7, 15, 31, 63, 123, 183, 243 };
	uint64_t start = now;
	unsigned i = 0;

	(void)state;
	advert.ttl = 1;
	for (; now < start + 250 * 60000; now += 1000)
		if (*hear())
			assert_int_equal(now - start, minutes[i++] * 60000);
	assert_int_equal(i, sizeof minutes / sizeof *minutes);
}

static void full_table(void **state)
{
	unsigned sentences = 0;

	(void)state;
	advert.ttl = 1;
	for (uint8_t i = 0; i < 200; i++) {
		advert.source.bytes[3] = i;
		sentences += *hear() != 0;
	}
	assert_int_equal(sentences, DIAGNOSE_MAX);
	/* When they have gone there is room again. */
	now += 11000;
	assert_string_not_equal(hear(), "");
}

static bool shown(const char *peer, uint8_t kind)
{
	const struct disagreement *e = NULL;
	struct addr a = address(peer);

	while ((e = diagnose_active(&d, now, e)))
		if (addr_equal(&e->peer, &a) && e->kind == kind)
			return true;
	return false;
}

/* Anybody can fill the table under made-up names: not at the cost of those who count. */
static void strangers_make_room(void **state)
{
	static const char *const known[] = { "10.0.0.9", "10.0.0.2", NULL };

	(void)state;
	config.peers = &peer;
	advert.destination = vr.source;
	vr.master = address("10.0.0.9");
	for (const char *const *who = known; *who; who++) {
		advert.ttl = 1;
		for (uint8_t i = 100; i < 200; i++) {
			advert.source.bytes[3] = i;
			(void)hear();
		}
		advert.source = address(*who);
		assert_string_not_equal(hear(), "");
		assert_true(shown(*who, VRRP_DROP_TTL));
		/* One kind after the other, until it has all that were strangers'. */
		advert.ttl = 255;
		for (uint8_t i = 1; i < DIAGNOSE_MAX; i++) {
			diagnose_heard(&d, now, &vr, &advert, (enum vrrp_drop)i);
			(void)said();
		}
	}
	assert_true(shown("10.0.0.9", VRRP_DROP_TTL) && shown("10.0.0.2", VRRP_DROP_TTL));
	/* And a stranger gets none of them. */
	advert.source = address("10.0.0.3");
	assert_string_equal(hear(), "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(agreement, setup), cmocka_unit_test_setup(version, setup), cmocka_unit_test_setup(ttl, setup),
		cmocka_unit_test_setup(cast, setup), cmocka_unit_test_setup(no_peer, setup),
		cmocka_unit_test_setup(authentication, setup), cmocka_unit_test_setup(interval, setup),
		cmocka_unit_test_setup(addresses, setup), cmocka_unit_test_setup(another_cluster, setup),
		cmocka_unit_test_setup(another_vrid, setup), cmocka_unit_test_setup(split_brain, setup),
		cmocka_unit_test_setup(split_brain_ends_when_we_yield, setup), cmocka_unit_test_setup(malformed, setup),
		cmocka_unit_test_setup(claims, setup), cmocka_unit_test_setup(rate, setup), cmocka_unit_test_setup(full_table, setup),
		cmocka_unit_test_setup(strangers_make_room, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
