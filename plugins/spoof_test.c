// SPDX-License-Identifier: Apache-2.0
/* The sender guard: what it looks like, which frames pass, and that nothing of it or of the reference's stays. */
#include <sched.h>
#include <setjmp.h>
#include <unistd.h>

#include "plugins/spoof.h"

#include <cmocka.h>

#include "kernel/nft_testing.h"

static struct arena a;
static const struct attachment one = { "net1", "cid1", "eth0" }, two = { "net1", "cid2", "eth0" };
static const struct mac mac = { { 0x0a, 0x58, 10, 1, 0, 5 } }, mac2 = { { 0x0a, 0x58, 10, 1, 0, 6 } };

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

static void setup(const struct attachment *at, const char *port, const struct mac *m)
{
	struct err e = ERR_INIT;

	if (!spoof_setup(&a, at, port, m, &e))
		fail_msg("%s", e.text);
}

static void teardown(const struct attachment *at)
{
	struct err e = ERR_INIT;

	if (!spoof_teardown(&a, at, NULL, NULL, &e))
		fail_msg("%s", e.text);
}

static void test_list(void **state)
{
	struct err e;

	(void)state;
	setup(&one, "veth1a2b3c4d", &mac);
	setup(&one, "veth1a2b3c4d", &mac);
	assert_string_equal(output("nft list ruleset"),
			    "table bridge crimp_spoof {\n"
			    "\tcomment \"senders of bridge ports, checked by crimp\"\n"
			    "\tset guarded {\n"
			    "\t\ttype ifname\n"
			    "\t\telements = { \"veth1a2b3c4d\" comment \"net1 cid1 eth0\" }\n"
			    "\t}\n\n"
			    "\tset allowed {\n"
			    "\t\ttype ifname . ether_addr\n"
			    "\t\telements = { \"veth1a2b3c4d\" . 0a:58:0a:01:00:05 comment \"net1 cid1 eth0\" }\n"
			    "\t}\n\n"
			    "\tchain prerouting {\n"
			    "\t\ttype filter hook prerouting priority dstnat; policy accept;\n"
			    "\t\tiifname @guarded iifname . ether saddr != @allowed drop\n"
			    "\t}\n"
			    "}\n");
	assert_reloads();
	assert_true(spoof_check(&a, &one, "veth1a2b3c4d", &mac, &e));
	assert_false(spoof_check(&a, &one, "veth1a2b3c4d", &mac2, &e));
	assert_false(spoof_check(&a, &two, "veth1a2b3c4d", &mac, &e));
	output("nft insert rule bridge crimp_spoof prerouting accept");
	assert_false(spoof_check(&a, &one, "veth1a2b3c4d", &mac, &e));
	assert_non_null(strstr(e.text, "somebody else"));
	output("nft flush chain bridge crimp_spoof prerouting");
	assert_false(spoof_check(&a, &one, "veth1a2b3c4d", &mac, &e));
	assert_non_null(strstr(e.text, "no rule for set guarded"));
}

static const char *elements(void)
{
	return output("nft list ruleset | grep -c comment.*net1");
}

static void test_teardown(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	teardown(&one);
	setup(&one, "veth1", &mac);
	setup(&two, "veth2", &mac2);
	teardown(&one);
	teardown(&one);
	assert_string_equal(elements(), "2\n");
	assert_true(spoof_check(&a, &two, "veth2", &mac2, &e));
	assert_true(spoof_gc(&a, "net2", NULL, 0, &e));
	assert_true(spoof_gc(&a, "net1", &two, 1, &e));
	assert_string_equal(elements(), "2\n");
	assert_true(spoof_gc(&a, "net1", &one, 1, &e));
	assert_string_equal(elements(), "0\n");
}

/* Who knows the keys takes away that guard and no other of the same owner; else the owner is looked for. */
static void test_keys(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	setup(&one, "veth1", &mac);
	setup(&one, "veth3", &mac);
	setup(&two, "veth2", &mac2);
	assert_true(spoof_teardown(&a, &one, "veth3", &mac, &e));
	assert_true(spoof_check(&a, &one, "veth1", &mac, &e));
	assert_false(spoof_check(&a, &one, "veth3", &mac, &e));
	/* Another plugin of the chain has changed the MAC. */
	assert_true(spoof_teardown(&a, &one, "veth1", &mac2, &e));
	assert_string_equal(elements(), "2\n");
	assert_true(spoof_teardown(&a, &one, "veth2", &mac2, &e));
	assert_true(spoof_check(&a, &two, "veth2", &mac2, &e));
}

static void test_gc_of_many(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	setup(&two, "veth2", &mac2);
	for (int i = 0; i < 2000; i++) {
		struct attachment at = { "net1", arena_printf(&a, "0123456789abcdef0123456789abcdef%032d", i), "eth0" };

		setup(&at, arena_printf(&a, "veth%08x", i), &mac);
	}
	if (!spoof_gc(&a, "net1", &two, 1, &e))
		fail_msg("%s", e.text);
	assert_string_equal(output("nft list ruleset | grep -o 'comment .net1' | wc -l"), "2\n");
	assert_true(spoof_check(&a, &two, "veth2", &mac2, &e));
}

static void test_reference(void **state)
{
	static const char made[] =
		"nft 'add table bridge nat; add chain bridge nat PREROUTING { type filter hook prerouting priority -300; };"
		"add chain bridge nat cni-br-iface-cid1-eth0; add chain bridge nat cni-br-iface-cid1-eth0-mac;"
		"add rule bridge nat PREROUTING iifname veth1 jump cni-br-iface-cid1-eth0 comment \"macspoofchk-cid1-eth0\";"
		"add rule bridge nat cni-br-iface-cid1-eth0 jump cni-br-iface-cid1-eth0-mac comment \"macspoofchk-cid1-eth0\";"
		"add rule bridge nat cni-br-iface-cid1-eth0-mac ether saddr 0a:58:0a:01:00:05 return comment \"macspoofchk-cid1-eth0\";"
		"add rule bridge nat cni-br-iface-cid1-eth0-mac drop comment \"macspoofchk-cid1-eth0\"'";
	struct err e;

	(void)state;
	assert_string_equal(output(made), "");
	assert_true(spoof_check(&a, &one, "veth1", &mac, &e));
	teardown(&two);
	assert_true(spoof_check(&a, &one, "veth1", &mac, &e));
	teardown(&one);
	assert_false(spoof_check(&a, &one, "veth1", &mac, &e));
	assert_string_equal(output("nft list ruleset | grep -c cni-br"), "0\n");
}

/* A bridge with two ports: the honest sender is heard, the liar is not, an unguarded one is. */
static void test_frames(void **state)
{
	(void)state;
	assert_string_equal(
		output("ip link set lo up; ip link add br0 type bridge; ip link set br0 up; ip addr add 10.9.0.1/24 dev br0;"
		       "ip link add veth1 master br0 up type veth peer name c1; ip link set c1 address 0a:58:0a:01:00:05;"
		       "unshare -n sleep 60 >/dev/null 2>&1 & p=$!; sleep 0.2; ip link set c1 netns $p; echo $p > /tmp/crimp-spoof-$PPID;"
		       "nsenter -n -t $p sh -c 'ip link set c1 up; ip addr add 10.9.0.2/24 dev c1'"),
		"");
	setup(&one, "veth1", &mac);
	assert_int_equal(system("ping -c1 -W1 10.9.0.2 >/dev/null 2>&1"), 0);
	assert_string_equal(
		output("p=$(cat /tmp/crimp-spoof-$PPID); nsenter -n -t $p ip link set c1 address 02:00:00:00:00:01; ip neigh flush all;"
		       "ping -c1 -W1 10.9.0.2 >/dev/null 2>&1 && echo heard"),
		"");
	teardown(&one);
	assert_string_equal(output("ip neigh flush all; ping -c2 -W1 10.9.0.2 >/dev/null 2>&1 && echo heard;"
				   "kill $(cat /tmp/crimp-spoof-$PPID); rm /tmp/crimp-spoof-$PPID"),
			    "heard\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_teardown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gc_of_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reference, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_frames, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
