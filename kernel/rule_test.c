// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <sys/socket.h>

#include "kernel/rule.h"
#include "kernel/testns.h"

#include <cmocka.h>

static char memory[64 << 10];

struct world {
	struct arena arena;
	struct nl nl;
	struct err e;
};

static void open_world(struct world *w)
{
	struct err e;

	*w = (struct world){ .nl = NL_CLOSED, .e = ERR_INIT };
	arena_init(&w->arena, memory, sizeof(memory));
	OK(nl_open(&w->nl, NETLINK_ROUTE, &e));
}

static void close_world(struct world *w)
{
	nl_close(&w->nl);
	arena_done(&w->arena);
}

static struct rule from(const char *source, uint32_t table)
{
	struct rule r = { .has_src = true, .table = table };
	struct err e;

	OK(cidr_parse(source, &r.src, &e));
	r.family = ip_family(&r.src.ip);
	return r;
}

/* How many plain rules for the address lead to the table. */
static size_t count(struct world *w, int family, const char *ip, uint32_t table)
{
	struct err e;
	struct rule *all;
	struct ip want;
	size_t n, found = 0;

	OK(ip_parse(ip, &want, &e));
	OK(rule_list(&w->nl, &w->arena, family, &all, &n, &e));
	for (size_t i = 0; i < n; i++)
		found += rule_is_of(&all[i], &want) && all[i].table == table;
	return found;
}

static void test_add_list_del(void **state UNUSED)
{
	static const char *const sources[] = { "10.1.0.2/32", "fd00::2/128" };
	static const char *const ips[] = { "10.1.0.2", "fd00::2" };
	static const uint32_t tables[] = { 100, 100000 };
	struct world w;
	struct err e;

	NEED_NETNS();
	open_world(&w);
	for (size_t i = 0; i < 4; i++) {
		struct rule r = from(sources[i & 1], tables[i >> 1]);

		r.priority = 7000;
		OK(rule_add(&w.nl, &r, &e));
		assert_int_equal(count(&w, AF_UNSPEC, ips[i & 1], r.table), 1);
		assert_int_equal(count(&w, r.family == AF_INET ? AF_INET6 : AF_INET, ips[i & 1], r.table), 0);
		assert_false(rule_add(&w.nl, &r, &e));
		assert_int_equal(e.num, EEXIST);
		OK(rule_del(&w.nl, &r, &e));
		assert_int_equal(count(&w, AF_UNSPEC, ips[i & 1], r.table), 0);
		assert_false(rule_del(&w.nl, &r, &e));
		assert_int_equal(e.num, ENOENT);
	}
	close_world(&w);
}

static void test_priority(void **state UNUSED)
{
	struct rule first = from("10.1.0.2/32", 100), second = from("10.1.0.2/32", 101), *all;
	struct world w;
	struct err e;
	size_t n;

	NEED_NETNS();
	open_world(&w);
	first.priority = 7000;
	OK(rule_add(&w.nl, &first, &e));
	OK(rule_add(&w.nl, &second, &e));
	OK(rule_list(&w.nl, &w.arena, AF_INET, &all, &n, &e));
	assert_int_equal(n, 5); /* local, ours, ours, main, default */
	assert_int_equal(all[1].table, 101);
	assert_int_equal(all[2].priority, 7000);
	assert_false(all[1].conditional || all[2].conditional);
	close_world(&w);
}

static void test_conditional(void **state UNUSED)
{
	struct world w;
	struct rule *all;
	struct err e;
	size_t n, plain = 0;

	NEED_NETNS();
	open_world(&w);
	if (system("ip rule add from 10.1.0.2 to 10.9.0.0/16 table 100 && ip rule add from 10.1.0.2 fwmark 7 table 100 &&"
		   "ip rule add from 10.1.0.2 iif lo table 100 && ip rule add not from 10.1.0.2 table 100 &&"
		   "ip rule add from 10.1.0.2 ipproto tcp table 100 && ip rule add from 10.1.0.2 prohibit") != 0) {
		close_world(&w);
		skip();
	}
	OK(rule_list(&w.nl, &w.arena, AF_INET, &all, &n, &e));
	assert_int_equal(n, 9);
	for (size_t i = 0; i < n; i++)
		plain += rule_is_of(&all[i], &(struct ip){ { [10] = 255, 255, 10, 1, 0, 2 } });
	assert_int_equal(plain, 0);
	close_world(&w);
}

static void test_questions(void **state UNUSED)
{
	struct rule wide = from("10.1.0.0/16", 5), all = { .family = AF_INET, .table = 5 };
	struct ip in = ip4(10, 1, 0, 2), out = ip4(10, 2, 0, 2);

	assert_true(rule_covers(&wide, &in) && !rule_covers(&wide, &out));
	assert_true(rule_covers(&all, &in) && rule_covers(&all, &out));
	assert_false(rule_is_of(&wide, &in) || rule_is_of(&all, &in));
	all.table = 0;
	assert_false(rule_covers(&all, &in));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_list_del),
		cmocka_unit_test(test_priority),
		cmocka_unit_test(test_conditional),
		cmocka_unit_test(test_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
