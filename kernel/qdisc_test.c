// SPDX-License-Identifier: Apache-2.0
/* Token buckets, and filters that send packets elsewhere: figures, and what the kernel says it has. */
#include <setjmp.h>
#include <linux/if_ether.h>

#include "kernel/netns.h"
#include "kernel/tcfilter.h"
#include "kernel/testns.h"
#include "lib/fs.h"
#include "lib/str.h"

#include <cmocka.h>

/* Figures that the reference left in a kernel. */
static void test_figures(void **state)
{
	static const struct { uint64_t rate; uint32_t burst, buffer, limit; } rows[] = {
		{ 1000000, 100000, 1562500, 125000 },
		{ 2000000, 200000, 1562500, 250000 },
		{ 1, 100, 1562500000, 100 },
		{ 10000000000, 100000, 156, 250100000 },
		{ 125000, 536870911, 2684354435, 536874036 }, /* 67108863875 ticks */
		{ 125000, 268435455, 3489660803, 268438580 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tbf t = tbf_figures(rows[i].rate, rows[i].burst);

		assert_int_equal(t.rate, rows[i].rate);
		assert_int_equal(t.buffer, rows[i].buffer);
		assert_int_equal(t.limit, rows[i].limit);
	}
	/* What is left of 2^32 microseconds lets no packet through: rather too long a burst than none. */
	assert_int_equal(tbf_figures(1, 4295).buffer, UINT32_MAX);
	assert_int_equal(tbf_figures(1000000, UINT32_MAX - 1).limit, UINT32_MAX);
	assert_int_equal(tbf_figures(UINT64_MAX / 8, 1).limit, UINT32_MAX);
}

static int make_ifb(struct nl *nl, const char *name)
{
	struct link_new n = LINK_NEW;
	struct err e = ERR_INIT;
	struct link l;

	n.kind = "ifb";
	n.name = name;
	n.up = true;
	OK(link_add(nl, &n, nl, &l, &e));
	return l.index;
}

static void test_tbf(void **state)
{
	const struct tbf t = tbf_figures(5000000000, 4000000);
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct qdisc q;
	int index;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	index = make_ifb(&nl, "x0");
	OK(qdisc_root(&nl, index, &q, &e));
	assert_string_equal(q.kind, "");
	OK(qdisc_add_tbf(&nl, index, &t, &e));
	OK(qdisc_root(&nl, index, &q, &e));
	assert_true(q.is_tbf && q.handle == QDISC_OURS && str_eq(q.kind, "tbf"));
	assert_int_equal(q.tbf.rate, t.rate);
	assert_int_equal(q.tbf.limit, t.limit);
	assert_int_equal(q.tbf.buffer, t.buffer);
	assert_false(qdisc_add_tbf(&nl, index, &t, &e));
	assert_int_equal(e.num, EEXIST);
	OK(qdisc_del_root(&nl, index, &e));
	assert_false(qdisc_del_root(&nl, index, &e));
	OK(qdisc_root(&nl, index, &q, &e));
	assert_string_equal(q.kind, "");
	assert_false(qdisc_root(&nl, 4711, &q, &e));
	assert_int_equal(e.num, ENODEV);
}

static void test_redirect(void **state)
{
	struct tcfilter *f = NULL;
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct arena a;
	struct qdisc q;
	size_t n = 0;
	int from, to;

	(void)state;
	NEED_NETNS();
	arena_init(&a, NULL, 0);
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	from = make_ifb(&nl, "x0");
	to = make_ifb(&nl, "x1");
	OK(qdisc_ingress(&nl, from, &q, &e));
	assert_string_equal(q.kind, "");
	OK(qdisc_add_ingress(&nl, from, &e));
	assert_false(qdisc_add_ingress(&nl, from, &e));
	assert_int_equal(e.num, EEXIST);
	OK(qdisc_ingress(&nl, from, &q, &e));
	assert_string_equal(q.kind, "ingress");
	OK(tcfilter_list(&nl, &a, from, &q, &f, &n, &e));
	assert_int_equal(n, 0);
	OK(tcfilter_add_redirect(&nl, from, &q, 7, to, &e));
	OK(tcfilter_list(&nl, &a, from, &q, &f, &n, &e));
	assert_true(n > 0 && f[n - 1].all && f[n - 1].redirect == to && f[n - 1].priority == 7 &&
		    f[n - 1].protocol == ETH_P_ALL);
	OK(tcfilter_del(&nl, from, &q, 7, &e));
	OK(tcfilter_list(&nl, &a, from, &q, &f, &n, &e));
	assert_int_equal(n, 0);
	OK(qdisc_del_ingress(&nl, from, &e));
	OK(qdisc_ingress(&nl, from, &q, &e));
	assert_string_equal(q.kind, "");
	arena_done(&a);
}

static void test_usable(void **state)
{
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct qdisc q;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	OK(qdisc_kind_usable(&nl, "tbf", &e));
	OK(qdisc_kind_usable(&nl, "ingress", &e));
	OK(tcfilter_redirect_usable(&nl, &e));
	assert_false(qdisc_kind_usable(&nl, "nonesuch", &e));
	OK(qdisc_root(&nl, 1, &q, &e));
	assert_string_equal(q.kind, "");
}

static void test_number(void **state)
{
	autoclose int other = testns_other(), own = -1;
	struct veth_new v = { .name = "near", .peer_name = "far", .peer_netns = other };
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	int index, peer, number;
	struct link l;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	OK(netns_own(&own, &e));
	OK(link_veth_add(&nl, &v, &index, &peer, &e));
	OK(link_get_index(&nl, index, &l, &e));
	OK(netns_number(&nl, other, &number, &e));
	assert_true(number >= 0 && number == l.peer_nsid);
	OK(netns_number(&nl, own, &number, &e));
	assert_int_equal(number, -1);
	close(other);
	other = testns_other();
	OK(netns_number(&nl, other, &number, &e));
	assert_int_equal(number, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),	 cmocka_unit_test(test_tbf),	cmocka_unit_test(test_redirect),
		cmocka_unit_test(test_usable),	 cmocka_unit_test(test_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
