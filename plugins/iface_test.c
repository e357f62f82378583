// SPDX-License-Identifier: Apache-2.0
#include "cni/test.h"
#include "kernel/testns.h"
#include "lib/str.h"
#include "kernel/sysctl.h"
#include "plugins/iface.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

static struct arena arena;

#define MUST(call)                           \
	do {                                 \
		if (!(call))                 \
			broken("%s", e.text); \
	} while (0)

static struct result result_of(const char *text)
{
	struct result r = { 0 };
	struct err e = ERR_INIT;

	MUST(result_read(&arena, json_of(&arena, text), "1.0.0", false, &r, &e));
	return r;
}

/* A pair whose other end is up, so that eth0 has a carrier as soon as it is up. */
static struct iface_conf make_interface(struct nl *nl)
{
	struct veth_new v = { .name = "far", .peer_name = "eth0", .peer_netns = -1 };
	struct iface_conf c = { .ifname = "eth0", .result_index = 1 };
	struct err e = ERR_INIT;
	int far;

	MUST(link_veth_add(nl, &v, &far, &c.index, &e));
	return c;
}

static const char dual[] = "{\"interfaces\":[{\"name\":\"far\"},{\"name\":\"eth0\",\"sandbox\":\"/x\"}],"
			   "\"ips\":[{\"address\":\"10.7.0.5/24\",\"gateway\":\"10.7.0.1\",\"interface\":1},"
			   "{\"address\":\"fd07::5/64\",\"gateway\":\"fd07::1\",\"interface\":1},"
			   "{\"address\":\"10.9.9.9/24\",\"interface\":0},{\"address\":\"10.9.9.8/24\"}],"
			   "\"routes\":[{\"dst\":\"0.0.0.0/0\",\"mtu\":1300,\"advmss\":1200},{\"dst\":\"::/0\"},"
			   "{\"dst\":\"10.8.0.0/16\",\"gw\":\"10.7.0.9\",\"table\":77,\"priority\":5}]}";

static void test_configure_and_check(void **state)
{
	struct result r = result_of(dual);
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct route_filter main_table = { .family = AF_INET, .table = RT_TABLE_MAIN };
	struct kroute *routes;
	struct iface_conf c;
	struct addr *all;
	unsigned found = 0;
	char text[16];
	size_t n;

	(void)state;
	NEED_NETNS();
	MUST(nl_open(&nl, NETLINK_ROUTE, &e));
	c = make_interface(&nl);
	c.announce = true;
	MUST(iface_configure(&nl, &arena, &c, &r, &e));
	MUST(iface_check(&nl, &arena, &c, &r, &e));
	MUST(addr_list(&nl, &arena, AF_INET, c.index, &all, &n, &e));
	assert_int_equal(n, 1); /* those of other interfaces, and of none, are not ours */
	MUST(addr_list(&nl, &arena, AF_INET6, c.index, &all, &n, &e));
	for (size_t i = 0; i < n; i++)
		assert_true(ip_is_link_local(&all[i].cidr.ip) || !(all[i].flags & IFA_F_TENTATIVE));
	MUST(route_list(&nl, &arena, &main_table, &routes, &n, &e));
	for (size_t i = 0; i < n; i++)
		found += routes[i].dst.len == 0 && routes[i].mtu == 1300 && routes[i].advmss == 1200;
	assert_int_equal(found, 1);
	MUST(sysctl_get("net/ipv4/conf/eth0/arp_notify", text, sizeof(text), &e));
	assert_string_equal(text, "1");
}

/* Each thing taken away is missed, by name. */
static void test_check_misses(void **state)
{
	static const struct { const char *remove, *text; } rows[] = {
		{ "10.7.0.5/24", "Failed to match addr 10.7.0.5/24 on interface eth0" },
		{ "fd07::5/64", "Failed to match addr fd07::5/64 on interface eth0" },
		{ "0.0.0.0/0", "Expected Route 0.0.0.0/0 via 10.7.0.1 dev eth0" },
		{ "::/0", "Expected Route ::/0 via fd07::1 dev eth0" },
		{ "10.8.0.0/16", "Expected Route 10.8.0.0/16 via 10.7.0.9 dev eth0" },
		{ "10.7.0.0/24", "Failed to find Gateway: no route to 10.7.0.0/24" },
	};
	struct result r = result_of(dual);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kroute route = { .table = str_eq(rows[i].remove, "10.8.0.0/16") ? 77 : 0 };
		struct err e = ERR_INIT;
		autonl nl = NL_CLOSED;
		struct iface_conf c;

		NEED_NETNS();
		MUST(nl_open(&nl, NETLINK_ROUTE, &e));
		c = make_interface(&nl);
		MUST(iface_configure(&nl, &arena, &c, &r, &e));
		MUST(cidr_parse(rows[i].remove, &route.dst, &e));
		if (i < 2)
			MUST(addr_del(&nl, c.index, &route.dst, &e));
		else
			MUST(testns_route(&nl, RTM_DELROUTE, &route, 0, &e));
		if (iface_check(&nl, &arena, &c, &r, &e))
			broken("%s was not missed", rows[i].remove);
		if (strncmp(e.text, rows[i].text, strlen(rows[i].text)) != 0)
			broken("%s", e.text);
	}
}

/* A route to the right place by the wrong way is not the one. */
static void test_check_other_gateway(void **state)
{
	struct result r = result_of(dual);
	struct kroute detour = { .mtu = 1300, .advmss = 1200 };
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct iface_conf c;

	(void)state;
	NEED_NETNS();
	MUST(nl_open(&nl, NETLINK_ROUTE, &e));
	c = make_interface(&nl);
	MUST(iface_configure(&nl, &arena, &c, &r, &e));
	MUST(cidr_parse("0.0.0.0/0", &detour.dst, &e));
	MUST(ip_parse("10.7.0.77", &detour.gw, &e));
	detour.oif = c.index;
	MUST(testns_route(&nl, RTM_NEWROUTE, &detour, NLM_F_CREATE | NLM_F_REPLACE, &e));
	assert_false(iface_check(&nl, &arena, &c, &r, &e));
}

static void test_failure_names_the_step(void **state)
{
	struct result unreachable = result_of("{\"ips\":[{\"address\":\"10.7.0.5/24\",\"interface\":1}],"
					      "\"routes\":[{\"dst\":\"10.8.0.0/16\",\"gw\":\"192.0.2.1\"}]}");
	struct result twice = result_of("{\"ips\":[{\"address\":\"10.7.0.5/24\",\"interface\":1},"
					"{\"address\":\"10.7.0.5/24\",\"interface\":1}]}");
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct iface_conf c;

	(void)state;
	NEED_NETNS();
	MUST(nl_open(&nl, NETLINK_ROUTE, &e));
	c = make_interface(&nl);
	assert_false(iface_configure(&nl, &arena, &c, &unreachable, &e));
	assert_int_equal(e.num, ENETUNREACH);
	if (!str_starts(
		    e.text,
		    "failed to add route '10.8.0.0/16 via 192.0.2.1 dev eth0 metric 0 (Scope: universe, Table: 0)': "))
		broken("%s", e.text);
	NEED_NETNS();
	nl_close(&nl);
	MUST(nl_open(&nl, NETLINK_ROUTE, &e));
	c = make_interface(&nl);
	assert_false(iface_configure(&nl, &arena, &c, &twice, &e));
	assert_int_equal(e.num, EEXIST);
	if (!str_starts(e.text, "failed to add IP addr 10.7.0.5/24 to \"eth0\": "))
		broken("%s", e.text);
}

static void test_duplicate_detection(void **state)
{
	struct result r = result_of("{\"ips\":[{\"address\":\"fd07::5/64\",\"interface\":1}]}");
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct iface_conf c;
	struct addr *all;
	size_t n;

	(void)state;
	NEED_NETNS();
	MUST(nl_open(&nl, NETLINK_ROUTE, &e));
	c = make_interface(&nl);
	c.dad = true;
	MUST(iface_configure(&nl, &arena, &c, &r, &e));
	MUST(addr_list(&nl, &arena, AF_INET6, c.index, &all, &n, &e));
	assert_true(n >= 1);
	for (size_t i = 0; i < n; i++)
		assert_false(all[i].flags & (IFA_F_TENTATIVE | IFA_F_NODAD));
}

static void test_find(void **state)
{
	struct result r = result_of(dual);

	(void)state;
	assert_int_equal(iface_find(&r, "eth0", "/x"), 1);
	assert_int_equal(iface_find(&r, "eth0", "/y"), -1);
	assert_int_equal(iface_find(&r, "far", "/x"), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_configure_and_check),
		cmocka_unit_test(test_check_misses),
		cmocka_unit_test(test_check_other_gateway),
		cmocka_unit_test(test_failure_names_the_step),
		cmocka_unit_test(test_duplicate_detection),
		cmocka_unit_test(test_find),
	};
	int failed;

	arena_init(&arena, NULL, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&arena);
	return failed;
}
