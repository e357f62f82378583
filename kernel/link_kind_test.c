// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <sys/socket.h>

#include "kernel/link.h"
#include "kernel/netns.h"
#include "kernel/testns.h"
#include "lib/fs.h"

#include <linux/if_link.h>
#include <cmocka.h>

static struct arena arena;

/* A node with a cable's end "up0", and a container. */
struct place {
	struct nl nl, far;
	int netns, lower;
};

static void place_init(struct place *p)
{
	struct err e = ERR_INIT;
	int peer;

	*p = (struct place){ .nl = NL_CLOSED, .far = NL_CLOSED, .netns = testns_other() };
	OK(nl_open(&p->nl, NETLINK_ROUTE, &e));
	OK(netns_nl_open(p->netns, NETLINK_ROUTE, &p->far, &e));
	OK(link_veth_add(&p->nl, &(struct veth_new){ .name = "up0", .peer_name = "up1", .peer_netns = -1 }, &p->lower,
			 &peer, &e));
}

static void place_done(struct place *p)
{
	nl_close(&p->nl);
	nl_close(&p->far);
	fd_close(&p->netns);
}

static struct link_new over(const struct place *p, const char *kind)
{
	struct link_new n = LINK_NEW;

	n.kind = kind;
	n.mode = MACVLAN_MODE_BRIDGE;
	n.name = "eth0";
	n.temporary = "cni0123456789ab";
	n.netns = p->netns;
	n.lower = p->lower;
	return n;
}

static size_t count(struct nl *nl)
{
	struct err e = ERR_INIT;
	struct link *all;
	size_t n;

	OK(link_list(nl, &arena, 0, &all, &n, &e));
	return n;
}

static void test_macvlan(void **state)
{
	struct err e = ERR_INIT;
	struct link l, again;
	struct link_new n;
	struct place p;

	(void)state;
	NEED_NETNS();
	place_init(&p);
	n = over(&p, "macvlan");
	n.mode = MACVLAN_MODE_PRIVATE;
	n.mac = link_random_mac();
	n.mtu = 1300;
	n.bcqueuelen = 7;
	OK(link_add(&p.nl, &n, &p.far, &l, &e));
	OK(link_get(&p.far, "eth0", &again, &e));
	assert_int_equal(l.index, again.index);
	assert_string_equal(l.name, "eth0");
	assert_string_equal(again.kind, "macvlan");
	assert_true(mac_eq(&again.mac, &n.mac) && again.mtu == 1300 && again.mode == MACVLAN_MODE_PRIVATE);
	assert_true(again.peer == p.lower && again.peer_nsid >= 0 && !(again.flags & IFF_UP));
	assert_int_equal(count(&p.far), 2);
	place_done(&p);
}

/* The lower device has the very number, in its own namespace, that the new interface gets in another. */
static void test_equal_numbers(void **state)
{
	struct err e = ERR_INIT;
	struct link_new n;
	struct place p;
	struct link l;
	bool equal = false;

	(void)state;
	NEED_NETNS();
	place_init(&p);
	for (int i = 0; i < 8 && !equal; i++) {
		n = over(&p, "macvlan");
		OK(link_add(&p.nl, &n, &p.far, &l, &e));
		assert_int_equal(l.peer, p.lower);
		equal = l.index == p.lower;
		OK(link_del(&p.far, l.index, &e));
	}
	assert_true(equal);
	place_done(&p);
}

/* What has been made goes again when nobody can be asked what it is: the socket there has lost messages. */
static void test_lost_answer(void **state)
{
	int small = 1, group = RTNLGRP_LINK;
	struct err e = ERR_INIT;
	struct nl deaf = NL_CLOSED;
	struct link_new n;
	struct place p;
	struct link l;

	(void)state;
	NEED_NETNS();
	place_init(&p);
	OK(netns_nl_open(p.netns, NETLINK_ROUTE, &deaf, &e));
	assert_return_code(setsockopt(deaf.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), errno);
	assert_return_code(setsockopt(deaf.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)), errno);
	for (int i = 0; i < 8; i++)
		OK(link_set_up(&p.far, 1, i % 2, &e));
	n = over(&p, "macvlan");
	assert_false(link_add(&p.nl, &n, &deaf, &l, &e));
	assert_int_equal(count(&p.far), 1);
	nl_close(&deaf);
	place_done(&p);
}

static void test_names(void **state)
{
	struct err e = ERR_INIT;
	struct link_new n;
	struct place p;
	struct link l;
	int a, b;

	(void)state;
	NEED_NETNS();
	place_init(&p);
	OK(link_veth_add(&p.nl, &(struct veth_new){ .name = "eth0", .peer_name = "eth1", .peer_netns = -1 }, &a, &b,
			 &e));
	n = over(&p, "macvlan");
	OK(link_add(&p.nl, &n, &p.far, &l, &e));
	assert_int_equal(count(&p.far), 2);
	l.index = -1;
	assert_false(link_add(&p.nl, &n, &p.far, &l, &e));
	assert_int_equal(e.num, EEXIST);
	assert_int_equal(l.index, -1);
	assert_int_equal(count(&p.far), 2);
	place_done(&p);
}

static void test_here(void **state)
{
	struct err e = ERR_INIT;
	struct link_new n;
	struct place p;
	struct link l;

	(void)state;
	NEED_NETNS();
	place_init(&p);
	n = over(&p, "macvlan");
	n.netns = -1;
	n.up = true;
	OK(link_add(&p.nl, &n, &p.nl, &l, &e));
	OK(link_get(&p.nl, "eth0", &l, &e));
	assert_true(l.flags & IFF_UP && l.peer == p.lower && l.peer_nsid < 0);
	assert_false(link_add(&p.nl, &n, &p.nl, &l, &e));
	assert_int_equal(e.num, EEXIST);
	n.kind = "nosuchkind";
	n.name = "x";
	assert_false(link_add(&p.nl, &n, &p.nl, &l, &e));
	n.kind = "macvlan";
	n.lower = 12345;
	assert_false(link_add(&p.nl, &n, &p.nl, &l, &e));
	place_done(&p);
}

/* Kinds that not every kernel has. */
static void test_others(void **state)
{
	static const struct {
		const char *kind;
		bool lower;
		uint32_t mode, table;
		uint16_t vlan_id;
	} rows[] = {
		{ .kind = "ipvlan", .lower = true, .mode = IPVLAN_MODE_L3S },
		{ .kind = "vlan", .lower = true, .vlan_id = 4094 },
		{ .kind = "vrf", .table = 1000 },
		{ .kind = "dummy" },
		{ .kind = "ifb" },
	};
	struct err e = ERR_INIT;
	struct place p;

	(void)state;
	NEED_NETNS();
	place_init(&p);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct link_new n = over(&p, rows[i].kind);
		struct link l;

		if (!link_kind_usable(&p.nl, rows[i].kind, &e)) {
			fprintf(stderr, "not looked at: %s\n", e.text);
			continue;
		}
		n.lower = rows[i].lower ? p.lower : 0;
		n.mode = rows[i].mode;
		n.table = rows[i].table;
		n.vlan_id = rows[i].vlan_id;
		OK(link_add(&p.nl, &n, &p.far, &l, &e));
		OK(link_get(&p.far, "eth0", &l, &e));
		assert_string_equal(l.kind, rows[i].kind);
		assert_true(l.mode == n.mode && l.table == n.table && l.vlan_id == n.vlan_id && l.peer == n.lower);
		OK(link_del(&p.far, l.index, &e));
	}
	place_done(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_macvlan), cmocka_unit_test(test_equal_numbers), cmocka_unit_test(test_names),
		cmocka_unit_test(test_here),	cmocka_unit_test(test_others),	     cmocka_unit_test(test_lost_answer),
	};
	int failed;

	arena_init(&arena, NULL, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&arena);
	return failed;
}
