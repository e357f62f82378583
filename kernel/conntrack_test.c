// SPDX-License-Identifier: Apache-2.0
/*
 * Both ways of forgetting: only the entries of the port, the protocol, the address go. Entries are made by the
 * conntrack tool.
 */
#include <sched.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <netinet/in.h>

#include "kernel/conntrack.h"

#include <cmocka.h>

typedef bool flush(struct nl *nl, int family, uint8_t protocol, uint16_t port, const struct ip *dst, struct err *e);

static struct nl nl;

static int set_up(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_true(nl_open(&nl, NETLINK_NETFILTER, &e));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nl_close(&nl);
	return 0;
}

static void entry(const char *protocol, const char *src, const char *dst, unsigned sport, unsigned dport)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "conntrack -I -p %s -s %s -d %s --sport %u --dport %u -t 60 %s >/dev/null 2>&1", protocol, src, dst,
		 sport, dport, *protocol == 't' ? "--state ESTABLISHED" : "");
	assert_int_equal(system(command), 0);
}

static unsigned entries(const char *filter)
{
	char command[256];
	unsigned n = 0;
	FILE *f;

	snprintf(command, sizeof(command), "conntrack -L %s 2>/dev/null | wc -l", filter);
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u", &n), 1);
	pclose(f);
	return n;
}

static void some_entries(void)
{
	entry("udp", "192.0.2.1", "198.51.100.1", 1000, 53);
	entry("udp", "192.0.2.2", "198.51.100.1", 1001, 53);
	entry("udp", "192.0.2.2", "198.51.100.9", 1001, 53);
	entry("udp", "192.0.2.1", "198.51.100.1", 1000, 54);
	entry("tcp", "192.0.2.1", "198.51.100.1", 1000, 53);
	entry("udp", "2001:db8::1", "2001:db8::2", 1000, 53);
	assert_int_equal(entries("-f ipv4"), 5);
	assert_int_equal(entries("-f ipv6"), 1);
}

static void port_goes(flush *fn)
{
	struct ip dst = ip4(198, 51, 100, 9);
	struct err e = ERR_INIT;

	some_entries();
	assert_true(fn(&nl, AF_INET, IPPROTO_UDP, 53, &dst, &e));
	assert_int_equal(entries("-d 198.51.100.9"), 0);
	assert_int_equal(entries("-f ipv4"), 4);
	assert_true(fn(&nl, AF_INET, IPPROTO_UDP, 53, NULL, &e));
	assert_int_equal(entries("-f ipv4"), 2);
	assert_int_equal(entries("-p udp --dport 54"), 1);
	assert_int_equal(entries("-p tcp"), 1);
	assert_int_equal(entries("-f ipv6"), 1);
	assert_true(fn(&nl, AF_INET6, IPPROTO_UDP, 53, NULL, &e));
	assert_int_equal(entries("-f ipv6"), 0);
	assert_true(fn(&nl, AF_INET6, IPPROTO_UDP, 53, NULL, &e));
}

static void test_flush(void **state)
{
	(void)state;
	port_goes(conntrack_flush_port);
}

static void test_listed(void **state)
{
	(void)state;
	port_goes(conntrack_flush_port_listed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_flush, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_listed, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
