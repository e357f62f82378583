// SPDX-License-Identifier: Apache-2.0
/* iptables-nft is the judge of what it reads, and the author of what we read. */
#include "kernel/testns.h"

#include "kernel/nft_testing.h"
#include "kernel/xt.h"
#include "lib/str.h"

#define MARK "net1 c1 eth0"

static const struct xt_rule forms[] = {
	{ .comment = "all of it", .jump = "X" },
	{ .dst = { { [10] = 0xff, 0xff, 10, 7, 0, 2 } }, .ct_state = XT_CT_RELATED | XT_CT_ESTABLISHED,
	  .verdict = NF_ACCEPT, .mark = MARK },
	{ .src = { { [10] = 0xff, 0xff, 10, 7, 0, 2 } }, .verdict = NF_ACCEPT, .mark = MARK },
	{ .in = "br0", .out = "br0", .out_not = true, .comment = "a b", .jump = "X" },
	{ .in = "br0", .out = "a15characters15", .verdict = NF_DROP },
	{ .comment = "back", .verdict = NFT_RETURN },
};

static const char *const texts[] = {
	"-A FORWARD -m comment --comment \"all of it\" -j X",
	"-A FORWARD -d 10.7.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
	"-A FORWARD -s 10.7.0.2/32 -j ACCEPT",
	"-A FORWARD -i br0 ! -o br0 -m comment --comment \"a b\" -j X",
	"-A FORWARD -i br0 -o a15characters15 -j DROP",
	"-A FORWARD -m comment --comment back -j RETURN",
};

#define NEED_IPTABLES()                                                        \
	do {                                                                   \
		if (system("iptables-nft -V >/dev/null 2>&1") != 0)            \
			skip();                                                \
		NEED_NETNS();                                                  \
	} while (0)

static void write_forms(struct nl *nl)
{
	static const struct nft_chain forward = { "FORWARD", "filter", NF_INET_FORWARD, 0 };
	static const struct nft_chain x = { .name = "X" };
	struct err e = ERR_INIT;
	struct nft_batch b;
	uint8_t buf[8192];

	nft_begin(&b, nl, buf, sizeof(buf));
	nft_table(&b, NFPROTO_IPV4, "filter");
	nft_table_new_marked(&b, "ours");
	nft_chain_new_marked(&b, &forward, "ours");
	nft_chain_new(&b, &x);
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		xt_rule_put(&b, &(struct nft_place){ .chain = "FORWARD" }, &forms[i]);
	OK(nft_commit(&b, &e));
}

static void assert_read_back(struct nl *nl, bool marked)
{
	struct err e = ERR_INIT;
	struct nft_rule_info *all;
	struct arena a;
	size_t n;

	arena_init(&a, NULL, 0);
	OK(nft_rules(nl, &a, NFPROTO_IPV4, "filter", "FORWARD", &all, &n, &e));
	assert_int_equal(n, ARRAY_LEN(forms));
	for (size_t i = 0; i < n; i++) {
		struct xt_rule x = xt_rule_read(&a, NFPROTO_IPV4, &all[i]);

		assert_true(xt_rule_eq(&x, &forms[i]));
		for (size_t k = 0; k < n; k++)
			assert_int_equal(xt_rule_eq(&x, &forms[k]), i == k);
		assert_true(marked && forms[i].mark ? x.mark && str_eq(x.mark, forms[i].mark) : !x.mark);
	}
	arena_done(&a);
}

static void iptables_reads_what_we_write(void **state)
{
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	char command[256];
	const char *said;

	(void)state;
	NEED_IPTABLES();
	OK(nl_open(&nl, NETLINK_NETFILTER, &e));
	write_forms(&nl);
	assert_read_back(&nl, true);
	said = output("iptables-nft -S FORWARD");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		said = strchr(said, '\n') + 1;
		assert_memory_equal(said, texts[i], strlen(texts[i]));
		assert_int_equal(said[strlen(texts[i])], '\n');
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		snprintf(command, sizeof(command), "iptables-nft -C%s 2>&1", texts[i] + 2);
		assert_string_equal(output(command), "");
		snprintf(command, sizeof(command), "iptables-nft -D%s 2>&1", texts[i] + 2);
		assert_string_equal(output(command), "");
	}
	assert_string_equal(output("iptables-nft -S FORWARD"), "-P FORWARD ACCEPT\n");
	assert_null(strstr(output("nft list ruleset"), "ours"));
}

static void we_read_what_iptables_writes(void **state)
{
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	char command[256];

	(void)state;
	NEED_IPTABLES();
	assert_string_equal(output("iptables-nft -N X 2>&1"), "");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		snprintf(command, sizeof(command), "iptables-nft %s 2>&1", texts[i]);
		assert_string_equal(output(command), "");
	}
	OK(nl_open(&nl, NETLINK_NETFILTER, &e));
	assert_read_back(&nl, false);
}

static void what_else_a_rule_holds_makes_it_another(void **state)
{
	static const char *const others[] = {
		"-p tcp -j ACCEPT", "-s 10.7.0.0/24 -j ACCEPT", "-i br+ -j DROP", "! -s 10.7.0.2 -j ACCEPT",
		"-m mark --mark 1 -j ACCEPT", "! -i br0 -j DROP", "-m conntrack ! --ctstate NEW -j ACCEPT", "-j REJECT",
	};
	struct err e = ERR_INIT;
	struct nft_rule_info *all;
	autonl nl = NL_CLOSED;
	char command[256];
	struct arena a;
	size_t n;

	(void)state;
	NEED_IPTABLES();
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		snprintf(command, sizeof(command), "iptables-nft -A FORWARD %s 2>&1", others[i]);
		assert_string_equal(output(command), "");
	}
	OK(nl_open(&nl, NETLINK_NETFILTER, &e));
	OK(nft_rules(&nl, &a, NFPROTO_IPV4, "filter", "FORWARD", &all, &n, &e));
	assert_int_equal(n, ARRAY_LEN(others));
	for (size_t i = 0; i < n; i++)
		assert_true(xt_rule_read(&a, NFPROTO_IPV4, &all[i]).other);
	arena_done(&a);
}

/* As versions of iptables-nft before and after this machine's write it. */
static void native_states_and_comments_are_read(void **state)
{
	struct err e = ERR_INIT;
	struct nft_rule_info *all;
	struct xt_rule x;
	autonl nl = NL_CLOSED;
	struct arena a;
	size_t n;

	(void)state;
	NEED_IPTABLES();
	arena_init(&a, NULL, 0);
	assert_string_equal(output("nft 'add table ip filter; add chain ip filter FORWARD; add rule ip filter FORWARD "
				   "ip daddr 10.7.0.2 ct state 0x6 counter accept comment \"hi\"' 2>&1"),
			    "");
	OK(nl_open(&nl, NETLINK_NETFILTER, &e));
	OK(nft_rules(&nl, &a, NFPROTO_IPV4, "filter", "FORWARD", &all, &n, &e));
	assert_int_equal(n, 1);
	x = xt_rule_read(&a, NFPROTO_IPV4, &all[0]);
	assert_string_equal(x.comment, "hi");
	x.comment = NULL;
	assert_true(xt_rule_eq(&x, &forms[1]));
	arena_done(&a);
}

static void places_and_marks(void **state)
{
	struct err e = ERR_INIT;
	struct nft_chain_info chain;
	struct nft_table_info table;
	struct nft_rule_info *all;
	struct nft_batch b;
	autonl nl = NL_CLOSED;
	uint32_t generation;
	uint8_t buf[8192];
	struct arena a;
	size_t n;

	(void)state;
	NEED_IPTABLES();
	arena_init(&a, NULL, 0);
	OK(nl_open(&nl, NETLINK_NETFILTER, &e));
	write_forms(&nl);
	OK(nft_chain_find(&nl, &a, NFPROTO_IPV4, "filter", "FORWARD", &chain, &e));
	assert_true(chain.there && chain.base && chain.policy == NF_ACCEPT);
	assert_string_equal(chain.mark, "ours");
	OK(nft_chain_find(&nl, &a, NFPROTO_IPV4, "filter", "X", &chain, &e));
	assert_true(chain.there && !chain.base && !chain.mark);
	OK(nft_chain_find(&nl, &a, NFPROTO_IPV4, "filter", "Y", &chain, &e));
	assert_false(chain.there);
	OK(nft_table_find(&nl, &a, NFPROTO_IPV4, "filter", &table, &e));
	assert_true(table.there && table.use == 2);
	assert_string_equal(table.mark, "ours");
	OK(nft_rules(&nl, &a, NFPROTO_IPV4, "filter", "FORWARD", &all, &n, &e));
	OK(nft_generation(&nl, &generation, &e));
	nft_begin(&b, &nl, buf, sizeof(buf));
	nft_only_at(&b, generation);
	nft_table(&b, NFPROTO_IPV4, "filter");
	xt_rule_put(&b, &(struct nft_place){ "FORWARD", .first = true }, &forms[4]);
	xt_rule_put(&b, &(struct nft_place){ "FORWARD", .after = all[0].handle }, &forms[5]);
	xt_rule_put(&b, &(struct nft_place){ "FORWARD", .instead = all[1].handle }, &forms[2]);
	OK(nft_commit(&b, &e));
	assert_string_equal(output("iptables-nft -S FORWARD | sed -n '2,5s/.*-j //p' | tr '\\n' ' '"),
			    "DROP X RETURN ACCEPT ");
	nft_begin(&b, &nl, buf, sizeof(buf));
	nft_only_at(&b, generation);
	nft_table(&b, NFPROTO_IPV4, "filter");
	nft_table_del(&b);
	assert_false(nft_commit(&b, &e));
	assert_int_equal(e.num, ERESTART);
	OK(nft_table_find(&nl, &a, NFPROTO_IPV4, "nothing", &table, &e));
	assert_false(table.there);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iptables_reads_what_we_write),
		cmocka_unit_test(we_read_what_iptables_writes),
		cmocka_unit_test(what_else_a_rule_holds_makes_it_another),
		cmocka_unit_test(native_states_and_comments_are_read),
		cmocka_unit_test(places_and_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
