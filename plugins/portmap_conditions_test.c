// SPDX-License-Identifier: Apache-2.0
/* Conditions in both syntaxes, as `nft` shows what became of them; what is refused, by name. */
#include <sched.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/str.h"
#include "plugins/portmap_conditions.h"

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

/* One list entry per word, or all in one entry. */
static struct list words(const char *text, bool one)
{
	struct list l = { 0 };
	char **all = one ? str_split(&a, text, '\0', &l.n) : str_split(&a, text, ' ', &l.n);

	l.items = all;
	return l;
}

/* The rule that @text makes, as nft lists it. */
static const char *rule(const char *text, bool one, int family)
{
	uint8_t nfproto = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	static const struct nft_chain chain = { "c", "nat", NF_INET_PRE_ROUTING, -100 };
	uint8_t buf[4096] __attribute__((aligned(8)));
	struct list l = words(text, one);
	struct conditions c;
	struct nft_batch b;
	struct nft_rule r;
	struct nl nl;
	struct err e = ERR_INIT;

	if (!conditions_compile(&a, &l, family, &c, &e)) {
		assert_int_equal(e.code, 7);
		return arena_strdup(&a, e.text);
	}
	output("nft flush ruleset");
	assert_true(nl_open(&nl, NETLINK_NETFILTER, &e));
	nft_begin(&b, &nl, buf, sizeof(buf));
	nft_table(&b, nfproto, "t");
	nft_table_add(&b, NULL);
	nft_chain_add(&b, &chain);
	nft_rule_add(&b, &r, "c", NULL);
	conditions_put(&r, &c);
	nft_x_verdict(&r, NF_ACCEPT, NULL);
	nft_rule_end(&r);
	if (!nft_commit(&b, &e))
		fail_msg("%s: %s", text, e.text);
	nl_close(&nl);
	return arena_strdup(&a, output("nft list ruleset | sed -n 's/^\\t\\t\\(.*\\) accept$/\\1/p'"));
}

struct sample { const char *text, *shown; };

static void test_nft(void **state)
{
	static const struct sample samples[] = {
		{ "ip saddr 192.0.2.0/24", "ip saddr 192.0.2.0/24\n" },
		{ "ip daddr != 192.0.2.1", "ip daddr != 192.0.2.1\n" },
		{ "ip daddr == 192.0.2.1", "ip daddr 192.0.2.1\n" },
		{ "iifname \"eth0\"", "iifname \"eth0\"\n" },
		{ "oifname != veth*", "oifname != \"veth*\"\n" },
		{ "meta mark 0x2000", "meta mark 0x00002000\n" },
		{ "meta mark & 0xff != 0x1", "meta mark & 0x000000ff != 0x00000001\n" },
		{ "meta l4proto udp", "meta l4proto udp\n" },
		{ "tcp dport 8000-8999 ip saddr 10.0.0.0/8", "tcp dport 8000-8999 ip saddr 10.0.0.0/8\n" },
		{ "udp sport != 53", "udp sport != 53\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		assert_string_equal(rule(samples[i].text, true, AF_INET), samples[i].shown);
		assert_string_equal(rule(samples[i].text, false, AF_INET), samples[i].shown);
	}
	assert_string_equal(rule("ip6 saddr != 2001:db8::/32", true, AF_INET6), "ip6 saddr != 2001:db8::/32\n");
}

static void test_iptables(void **state)
{
	static const struct sample samples[] = {
		{ "-s 192.0.2.0/24", "ip saddr 192.0.2.0/24\n" },
		{ "! -s 192.0.2.0/24 -d 198.51.100.1", "ip saddr != 192.0.2.0/24 ip daddr 198.51.100.1\n" },
		{ "-i eth0 ! -o br+", "iifname \"eth0\" oifname != \"br*\"\n" },
		{ "-m mark ! --mark 0x10/0xf0", "meta mark & 0x000000f0 != 0x00000010\n" },
		{ "-p tcp -m tcp --dport 8000:8999", "tcp dport 8000-8999\n" },
		{ "-m comment --comment why -i lo", "iifname \"lo\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		assert_string_equal(rule(samples[i].text, false, AF_INET), samples[i].shown);
	assert_string_equal(rule("! --source 2001:db8::/32", false, AF_INET6), "ip6 saddr != 2001:db8::/32\n");
}

static void test_refused(void **state)
{
	static const struct sample samples[] = {
		{ "ct state new", "condition \"ct\": this expression of nft is not understood" },
		{ "ip saddr 2001:db8::1", "condition \"2001:db8::1\": an address of the other family" },
		{ "ip6 saddr 2001:db8::1", "condition \"ip6\": a selector of the other family" },
		{ "ip saddr", "condition \"saddr\": a value must follow" },
		{ "ip saddr { 10.0.0.1, 10.0.0.2 }", "condition \"{\": want an address or a subnet" },
		{ "ip saddr 0.0.0.0/0", "condition \"0.0.0.0/0\": a subnet that holds everything" },
		{ "iifname a-name-much-too-long", "condition \"a-name-much-too-long\": want the name of an interface" },
		{ "tcp dport 70000", "condition \"70000\": want a port or a range of ports" },
		{ "tcp dport 9-8", "condition \"9-8\": a range that ends before it begins" },
		{ "-m set --match-set x src",
		  "condition \"set\": this match of iptables is not understood (backend \"iptables\" passes it on)" },
		{ "-j DROP", "condition \"-j\": this option of iptables is not understood (backend \"iptables\" passes it on)" },
		{ "!", "condition \"!\": a value must follow" },
		{ "--mark x", "condition \"x\": want a mark" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		assert_string_equal(rule(samples[i].text, false, AF_INET), samples[i].shown);
}

static void test_id(void **state)
{
	struct list l = words("ip saddr 192.0.2.0/24", true), other = words("ip saddr 192.0.2.0/25", true),
		    none = { 0 };

	(void)state;
	assert_int_equal(strlen(conditions_id(&a, &l)), 8);
	assert_string_not_equal(conditions_id(&a, &l), conditions_id(&a, &other));
	assert_string_equal(conditions_id(&a, &none), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nft, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_iptables, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_id, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
