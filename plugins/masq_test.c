// SPDX-License-Identifier: Apache-2.0
/*
 * Masquerading in every form it may have in the kernel: what `nft list ruleset` shows, and what teardown and GC
 * leave.
 */
#include <sched.h>
#include <setjmp.h>
#include <time.h>
#include <unistd.h>

#include "plugins/masq.h"

#include <cmocka.h>

#include "kernel/nft_testing.h"

static struct arena a;

static int set_up(void **state)
{
	(void)state;
	arena_init(&a, NULL, 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_done(&a);
	return 0;
}

static const struct attachment one = { "net1", "cid1", "eth0" }, two = { "net1", "cid2", "eth0" },
			       other = { "net2", "cid1", "eth1" };

static struct cidr cidr(const char *s)
{
	struct cidr c;
	struct err e;

	assert_true(cidr_parse(s, &c, &e));
	return c;
}

static void setup(enum masq_backend backend, const struct attachment *at, const char *first, const char *second)
{
	struct cidr c[2] = { cidr(first) };
	struct err e = ERR_INIT;
	bool new;

	if (second)
		c[1] = cidr(second);
	if (!masq_setup(&a, backend, at, c, second ? 2 : 1, &new, &e))
		fail_msg("%s", e.text);
}

static void teardown(const struct attachment *at, const char *addr)
{
	struct cidr c = addr ? cidr(addr) : (struct cidr){ 0 };
	struct err e = ERR_INIT;

	if (!masq_teardown(&a, at, &c, addr ? 1 : 0, &e))
		fail_msg("%s", e.text);
}

static bool check(const struct attachment *at, const char *addr, struct err *e)
{
	struct cidr c = cidr(addr);

	*e = ERR_INIT;
	return masq_check(&a, at, &c, 1, e);
}

static void test_list(void **state)
{
	(void)state;
	setup(MASQ_AUTO, &one, "10.1.0.5/16", "fd00:1::5/64");
	setup(MASQ_AUTO, &one, "10.1.0.5/16", "fd00:1::5/64");
	setup(MASQ_NFTABLES, &other, "10.1.2.7/24", "192.0.2.1/32");
	assert_string_equal(output("nft list ruleset"),
			    "table ip crimp_masquerade {\n"
			    "\tcomment \"containers masqueraded by crimp\"\n"
			    "\tset from_10.1.0.0/16_net1 {\n"
			    "\t\ttype ipv4_addr\n"
			    "\t\telements = { 10.1.0.5 comment \"net1 cid1 eth0\" }\n"
			    "\t}\n\n"
			    "\tset from_10.1.2.0/24_net2 {\n"
			    "\t\ttype ipv4_addr\n"
			    "\t\telements = { 10.1.2.7 comment \"net2 cid1 eth1\" }\n"
			    "\t}\n\n"
			    "\tset hosts_net2 {\n"
			    "\t\ttype ipv4_addr\n"
			    "\t\telements = { 192.0.2.1 comment \"net2 cid1 eth1\" }\n"
			    "\t}\n\n"
			    "\tchain postrouting {\n"
			    "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
			    "\t\tip daddr 224.0.0.0/4 return\n"
			    "\t\tip saddr @from_10.1.0.0/16_net1 ip daddr != 10.1.0.0/16 masquerade\n"
			    "\t\tip saddr @from_10.1.2.0/24_net2 ip daddr != 10.1.2.0/24 masquerade\n"
			    "\t\tip saddr @hosts_net2 masquerade\n"
			    "\t}\n"
			    "}\n"
			    "table ip6 crimp_masquerade {\n"
			    "\tcomment \"containers masqueraded by crimp\"\n"
			    "\tset from_fd00-1--/64_net1 {\n"
			    "\t\ttype ipv6_addr\n"
			    "\t\telements = { fd00:1::5 comment \"net1 cid1 eth0\" }\n"
			    "\t}\n\n"
			    "\tchain postrouting {\n"
			    "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
			    "\t\tip6 daddr ff00::/8 return\n"
			    "\t\tip6 saddr @from_fd00-1--/64_net1 ip6 daddr != fd00:1::/64 masquerade\n"
			    "\t}\n"
			    "}\n");
	assert_reloads();
}

static const char *elements(void)
{
	return output("nft list ruleset | grep -o '[0-9a-f.:]* comment \"net.*\"'");
}

static void test_teardown(void **state)
{
	struct err e;

	(void)state;
	setup(MASQ_AUTO, &one, "10.1.0.5/16", "fd00:1::5/64");
	setup(MASQ_AUTO, &two, "10.1.0.6/16", NULL);
	assert_true(check(&two, "10.1.0.6/16", &e));
	assert_string_equal(e.text, "");
	/* Not with somebody else's name on it, even at the right address. */
	teardown(&other, "10.1.0.6/16");
	assert_true(check(&two, "10.1.0.6/16", &e));
	teardown(&two, "10.1.0.6/16");
	assert_false(check(&two, "10.1.0.6/16", &e));
	assert_non_null(strstr(e.text, "from_10.1.0.0/16"));
	teardown(&two, "10.1.0.6/16");
	/* Nobody knows the addresses any more. */
	teardown(&one, NULL);
	assert_string_equal(elements(), "");
	teardown(&one, NULL);
}

static void test_owner_changes(void **state)
{
	struct err e;

	(void)state;
	setup(MASQ_AUTO, &one, "10.1.0.5/16", NULL);
	setup(MASQ_AUTO, &two, "10.1.0.5/16", NULL);
	assert_string_equal(elements(), "10.1.0.5 comment \"net1 cid2 eth0\"\n");
	assert_true(check(&two, "10.1.0.5/16", &e));
	/* The late DEL of the first owner. */
	teardown(&one, "10.1.0.5/16");
	assert_true(check(&two, "10.1.0.5/16", &e));
}

static void gc(const struct attachment *valid, size_t n)
{
	struct err e = ERR_INIT;

	if (!masq_gc(&a, "net1", valid, n, &e))
		fail_msg("%s", e.text);
}

/* Two networks may use the same addresses, each on a bridge of its own. */
static void test_same_address(void **state)
{
	const struct attachment twin = { "net2", "cid2", "eth0" };
	struct err e;

	(void)state;
	setup(MASQ_AUTO, &one, "10.1.0.5/16", "192.0.2.1/32");
	setup(MASQ_AUTO, &twin, "10.1.0.5/16", "192.0.2.1/32");
	assert_true(check(&one, "10.1.0.5/16", &e));
	assert_true(check(&twin, "10.1.0.5/16", &e));
	teardown(&twin, "10.1.0.5/16");
	teardown(&twin, NULL);
	assert_true(check(&one, "10.1.0.5/16", &e) && check(&one, "192.0.2.1/32", &e));
	setup(MASQ_AUTO, &twin, "10.1.0.5/16", NULL);
	gc(NULL, 0);
	assert_false(check(&one, "10.1.0.5/16", &e));
	assert_true(check(&twin, "10.1.0.5/16", &e));
}

/* What somebody else puts before our rules takes their effect. */
static void test_check_order(void **state)
{
	struct err e;

	(void)state;
	setup(MASQ_AUTO, &one, "10.1.0.5/16", "fd00:1::5/64");
	setup(MASQ_AUTO, &other, "10.2.0.5/16", NULL);
	assert_reloads();
	assert_true(check(&one, "10.1.0.5/16", &e) && check(&one, "fd00:1::5/64", &e) &&
		    check(&other, "10.2.0.5/16", &e));
	output("nft insert rule ip crimp_masquerade postrouting return");
	assert_false(check(&one, "10.1.0.5/16", &e));
	assert_non_null(strstr(e.text, "a rule of somebody else before that for set from_10.1.0.0/16_net1"));
	output("nft delete rule ip crimp_masquerade postrouting handle $(nft -a list chain ip crimp_masquerade postrouting | "
	       "sed -n 's/.*return # handle //p' | head -1)");
	assert_true(check(&one, "10.1.0.5/16", &e));
	output("nft add rule ip crimp_masquerade postrouting accept");
	assert_true(check(&one, "10.1.0.5/16", &e));
}

static void test_check_rule(void **state)
{
	struct err e;

	(void)state;
	setup(MASQ_AUTO, &one, "10.1.0.5/16", NULL);
	output("nft flush chain ip crimp_masquerade postrouting");
	assert_false(check(&one, "10.1.0.5/16", &e));
	assert_non_null(strstr(e.text, "no rule for set from_10.1.0.0/16_net1"));
}

static void test_gc(void **state)
{
	(void)state;
	gc(NULL, 0);
	setup(MASQ_AUTO, &one, "10.1.0.5/16", "fd00:1::5/64");
	setup(MASQ_AUTO, &two, "10.1.0.6/16", NULL);
	setup(MASQ_AUTO, &other, "10.2.0.6/16", NULL);
	gc(&two, 1);
	assert_string_equal(elements(), "10.1.0.6 comment \"net1 cid2 eth0\"\n10.2.0.6 comment \"net2 cid1 eth1\"\n");
	gc(NULL, 0);
	assert_string_equal(elements(), "10.2.0.6 comment \"net2 cid1 eth1\"\n");
}

/* A name longer than a comment can hold. */
static void test_long_names(void **state)
{
	static char name[300];
	struct attachment at = { name, "cid", "eth0" };
	struct err e;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	setup(MASQ_AUTO, &at, "10.1.0.5/16", NULL);
	assert_true(check(&at, "10.1.0.5/16", &e));
	at.container_id = "other";
	assert_false(check(&at, "10.1.0.5/16", &e));
	teardown(&at, "10.1.0.5/16");
	at.container_id = "cid";
	assert_true(check(&at, "10.1.0.5/16", &e));
	teardown(&at, "10.1.0.5/16");
	assert_string_equal(elements(), "");
}

// ---- iptables ----

#define CHAIN "CNI-e8f6f419596f7f47b3468487"

static const char saved[] =
	"-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n"
	"-N " CHAIN "\n"
	"-A POSTROUTING -s 10.1.0.5/32 -m comment --comment \"name: \\\"net1\\\" id: \\\"cid1\\\"\" -j " CHAIN "\n"
	"-A " CHAIN " -d 10.1.0.0/16 -m comment --comment \"name: \\\"net1\\\" id: \\\"cid1\\\"\" -j ACCEPT\n"
	"-A " CHAIN " ! -d 224.0.0.0/4 -m comment --comment \"name: \\\"net1\\\" id: \\\"cid1\\\"\" -j MASQUERADE\n";
static const char empty[] = "-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n";

static void test_iptables(void **state)
{
	struct err e;

	(void)state;
	setup(MASQ_IPTABLES, &one, "10.1.0.5/16", "fd00:1::5/64");
	setup(MASQ_IPTABLES, &one, "10.1.0.5/16", "fd00:1::5/64");
	assert_string_equal(output("iptables -t nat -S"), saved);
	assert_non_null(strstr(output("ip6tables -t nat -S"), "! -d ff00::/8"));
	assert_true(check(&one, "10.1.0.5/16", &e));
	assert_false(check(&two, "10.1.0.6/16", &e));
	teardown(&one, NULL);
	assert_string_equal(output("iptables -t nat -S"), empty);
	assert_string_equal(output("ip6tables -t nat -S"), empty);
	assert_false(check(&one, "10.1.0.5/16", &e));
}

/* Two interfaces of one container in one network share the chain. */
static void test_iptables_two(void **state)
{
	const struct attachment second = { "net1", "cid1", "eth1" };
	const char *before, *both;
	struct err e;

	(void)state;
	setup(MASQ_IPTABLES, &one, "10.1.0.5/16", NULL);
	before = arena_strdup(&a, output("iptables -t nat -S"));
	assert_false(check(&second, "10.1.0.6/16", &e));
	setup(MASQ_IPTABLES, &second, "10.1.0.6/16", NULL);
	both = arena_strdup(&a, output("iptables -t nat -S"));
	assert_non_null(strstr(both, "-A POSTROUTING -s 10.1.0.6/32"));
	setup(MASQ_IPTABLES, &one, "10.1.0.5/16", NULL);
	setup(MASQ_IPTABLES, &second, "10.1.0.6/16", NULL);
	assert_string_equal(output("iptables -t nat -S"), both);
	assert_true(check(&one, "10.1.0.5/16", &e) && check(&second, "10.1.0.6/16", &e));
	teardown(&second, "10.1.0.6/16");
	teardown(&second, "10.1.0.6/16");
	assert_string_equal(output("iptables -t nat -S"), before);
	/* In another subnet, which is spared before anything is masqueraded. */
	setup(MASQ_IPTABLES, &second, "10.2.0.6/16", NULL);
	assert_true(check(&one, "10.1.0.5/16", &e) && check(&second, "10.2.0.6/16", &e));
	assert_string_equal(output("iptables -t nat -S " CHAIN " | grep -o -e '-j .*'"),
			    "-j ACCEPT\n-j ACCEPT\n-j MASQUERADE\n");
	teardown(&one, "10.1.0.5/16");
	assert_true(check(&second, "10.2.0.6/16", &e));
	teardown(&second, "10.2.0.6/16");
	assert_string_equal(output("iptables -t nat -S"), empty);
}

static const char go_commands[] =
	"%s -t nat -N " CHAIN "; %s -t nat -A " CHAIN
	" -d 10.1.0.5/16 -j ACCEPT -m comment --comment 'name: \"net1\" id: \"cid1\"';"
	"%s -t nat -A " CHAIN " ! -d 224.0.0.0/4 -j MASQUERADE -m comment --comment 'name: \"net1\" id: \"cid1\"';"
	"%s -t nat -A POSTROUTING -s %s -j " CHAIN " -m comment --comment 'name: \"net1\" id: \"cid1\"'";

static void go_made(const char *iptables, const char *source)
{
	assert_string_equal(output(arena_printf(&a, go_commands, iptables, iptables, iptables, iptables, source)), "");
}

/* What the reference made, in both front ends, with the source of today and of before 0.8. */
static void test_iptables_found(void **state)
{
	static const char *const fronts[] = { "iptables-nft", "iptables-legacy" }, *const sources[] = { "10.1.0.5",
													"10.1.0.5/16" };
	struct err e;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const char *front = fronts[i % 2], *list = arena_printf(&a, "%s -t nat -S", front);

		go_made(front, sources[i / 2]);
		assert_true(check(&one, "10.1.0.5/16", &e));
		teardown(&two, "10.1.0.6/16");
		assert_true(check(&one, "10.1.0.5/16", &e));
		teardown(&one, "10.1.0.5/16");
		assert_string_equal(output(list), empty);
		go_made(front, sources[i / 2]);
		gc(&one, 1);
		assert_true(check(&one, "10.1.0.5/16", &e));
		gc(&two, 1);
		assert_string_equal(output(list), empty);
	}
}

static void test_rules_found(void **state)
{
	static const char made[] =
		"nft 'add table inet cni_plugins_masquerade; add chain inet cni_plugins_masquerade masq_checks;"
		"add rule inet cni_plugins_masquerade masq_checks ip saddr 10.1.0.5 ip daddr != 10.1.0.0/16 masquerade comment "
		"\"8e48f37d5de60467-0b65a318f52e521b, net: net1, if: eth0, id: cid1\"'";
	struct err e;

	(void)state;
	for (int by_gc = 0; by_gc < 2; by_gc++) {
		assert_string_equal(output(made), "");
		assert_true(check(&one, "10.1.0.5/16", &e));
		teardown(&two, NULL);
		gc(&one, 1);
		assert_true(check(&one, "10.1.0.5/16", &e));
		by_gc ? gc(&two, 1) : teardown(&one, NULL);
		assert_false(check(&one, "10.1.0.5/16", &e));
		assert_null(strstr(output("nft list ruleset"), "saddr"));
	}
}

/* Many rules against many attachments: each is hashed once. */
static void test_rules_found_many(void **state)
{
	static struct attachment valid[4000];
	struct timespec from, to;

	(void)state;
	assert_string_equal(
		output("(echo 'table inet cni_plugins_masquerade { chain masq_checks {';"
		       "for i in $(seq 2000); do printf 'ip saddr 10.1.0.5 masquerade comment \"8e48f37d5de60467-%016x\"\\n' $i; done;"
		       "echo 'ip saddr 10.1.0.5 masquerade comment \"8e48f37d5de60467-0b65a318f52e521b\"\n}\n}') | nft -f -"),
		"");
	for (int i = 0; i < 4000; i++)
		valid[i] = (struct attachment){ "net1", arena_printf(&a, "cid%d", i), "eth0" };
	clock_gettime(CLOCK_MONOTONIC, &from);
	gc(valid, 4000);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_string_equal(output("nft list ruleset | grep -o '8e48f37.*'"), "8e48f37d5de60467-0b65a318f52e521b\"\n");
	assert_true(to.tv_sec - from.tv_sec < 2);
}

static void test_backend(void **state)
{
	enum masq_backend b = MASQ_NFTABLES;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(masq_backend_parse(NULL, &b, &e) && b == MASQ_AUTO);
	assert_true(masq_backend_parse("", &b, &e) && b == MASQ_AUTO);
	assert_true(masq_backend_parse("iptables", &b, &e) && b == MASQ_IPTABLES);
	assert_false(masq_backend_parse("pf", &b, &e));
	assert_string_equal(e.text, "unknown ipmasq backend \"pf\"");
	assert_int_equal(e.code, 7);
}

static void test_status(void **state)
{
	const char *path = arena_strdup(&a, getenv("PATH"));
	struct err e = ERR_INIT;

	(void)state;
	assert_true(masq_status(&a, MASQ_AUTO, &e));
	assert_true(masq_status(&a, MASQ_NFTABLES, &e));
	assert_true(masq_status(&a, MASQ_IPTABLES, &e));
	assert_string_equal(output("nft list ruleset"), "");
	/* Without the right to change anything. */
	assert_int_equal(unshare(CLONE_NEWUSER), 0);
	setenv("PATH", "/nonexistent", 1);
	assert_false(masq_status(&a, MASQ_NFTABLES, &e));
	assert_int_equal(e.code, 50);
	setenv("PATH", path, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_teardown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_owner_changes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_same_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_check_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_check_rule, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gc, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_iptables, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_iptables_two, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_iptables_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rules_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rules_found_many, set_up, tear_down),
		cmocka_unit_test(test_backend),
		/* last: it gives its rights away */
		cmocka_unit_test_setup_teardown(test_status, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
