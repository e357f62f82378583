// SPDX-License-Identifier: Apache-2.0
/* What we make must read well in `nft list ruleset` and load again from that text: nft itself is the judge. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/nft.h"

#include <cmocka.h>

#include "kernel/nft_testing.h"

static struct arena arena;
static struct nl nl;
static uint8_t bytes[16384] __attribute__((aligned(8)));

static int set_up(void **state)
{
	struct err e;

	(void)state;
	arena_init(&arena, NULL, 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_true(nl_open(&nl, NETLINK_NETFILTER, &e));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nl_close(&nl);
	arena_done(&arena);
	return 0;
}

static void commit(struct nft_batch *b)
{
	struct err e = ERR_INIT;

	if (!nft_commit(b, &e))
		fail_msg("commit: %s", e.text);
}

static void start(struct nft_batch *b, uint8_t family, const char *table)
{
	nft_begin(b, &nl, bytes, sizeof(bytes));
	nft_table(b, family, table);
}

static const struct nft_chain postrouting = { "postrouting", "nat", NF_INET_POST_ROUTING, 100 };
static const struct nft_set pods = {
	.name = "pods", .key_type = NFT_TYPE_IPV4, .key_len = 4, .comment = "who is masqueraded"
};

static void make_pods(void)
{
	struct nft_batch b;
	struct nft_rule r;
	struct ip net = ip4(10, 1, 0, 0);
	struct cidr subnet = { net, 16 };

	start(&b, NFPROTO_IPV4, "t");
	nft_table_new(&b, "made by a test");
	nft_chain_add(&b, &postrouting);
	nft_set_new(&b, &pods);
	nft_rule_add(&b, &r, "postrouting", "pods go out");
	nft_x_load(&r, NFT_F_IP_SADDR, NFT_REG_1);
	nft_x_lookup(&r, "pods", NFT_REG_1, false);
	nft_x_cidr(&r, NFT_F_IP_DADDR, NFT_CMP_NEQ, &subnet);
	nft_x_masquerade(&r, false);
	nft_rule_end(&r);
	commit(&b);
}

static struct nft_elem pod(const uint8_t key[4], const char *comment)
{
	return (struct nft_elem){ .key = key, .key_len = 4, .comment = comment };
}

static void test_list(void **state)
{
	const uint8_t key[4] = { 10, 1, 0, 5 };
	struct nft_elem el = pod(key, "net cid eth0");
	struct nft_batch b;

	(void)state;
	make_pods();
	start(&b, NFPROTO_IPV4, "t");
	nft_elem_add(&b, "pods", &el, 1, true);
	commit(&b);
	assert_string_equal(output("nft list ruleset"),
			    "table ip t {\n"
			    "\tcomment \"made by a test\"\n"
			    "\tset pods {\n"
			    "\t\ttype ipv4_addr\n"
			    "\t\tcomment \"who is masqueraded\"\n"
			    "\t\telements = { 10.1.0.5 comment \"net cid eth0\" }\n"
			    "\t}\n\n"
			    "\tchain postrouting {\n"
			    "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
			    "\t\tip saddr @pods ip daddr != 10.1.0.0/16 masquerade comment \"pods go out\"\n"
			    "\t}\n"
			    "}\n");
	assert_reloads();
}

/* The whole vocabulary in one table, IPv6 where it differs. Long because it is one ruleset and its listing. */
static void test_expressions(void **state)
{
	static const struct nft_chain prerouting = { "prerouting", "nat", NF_INET_PRE_ROUTING, -100 };
	static const struct nft_chain publish = { .name = "publish" };
	struct nft_set ports = { .name = "ports",
				 .key_type = nft_type_concat(NFT_TYPE_PROTO, NFT_TYPE_SERVICE),
				 .key_len = 8,
				 .data_type = nft_type_concat(NFT_TYPE_IPV6, NFT_TYPE_SERVICE),
				 .data_len = 20 };
	const uint8_t key[8] = { 6, 0, 0, 0, 0x1f, 0x90 }, data[20] = { 0xfd, [15] = 5, [16] = 0, [17] = 80 };
	struct nft_elem el = { .key = key, .key_len = 8, .data = data, .data_len = 20, .comment = "n c i" };
	const uint16_t from = __builtin_bswap16(80), to = __builtin_bswap16(90);
	const uint8_t tcp = 6;
	const char name[16] = "eth0";
	struct cidr c;
	struct nft_batch b;
	struct nft_rule r;
	struct err e;

	(void)state;
	assert_true(cidr_parse("fd00::/64", &c, &e));
	start(&b, NFPROTO_IPV6, "t6");
	nft_table_add(&b, NULL);
	nft_chain_add(&b, &publish);
	nft_chain_add(&b, &prerouting);
	nft_chain_add(&b, &postrouting);
	nft_set_add(&b, &ports);
	nft_elem_add(&b, "ports", &el, 1, true);
	nft_rule_add(&b, &r, "prerouting", NULL);
	nft_x_fib_local(&r);
	nft_x_verdict(&r, NFT_JUMP, "publish");
	nft_rule_end(&r);
	nft_rule_add(&b, &r, "publish", NULL);
	nft_x_load(&r, NFT_F_META_L4PROTO, NFT_REG32_00);
	nft_x_load(&r, NFT_F_TH_DPORT, NFT_REG32_01);
	nft_x_map(&r, "ports", NFT_REG32_00, NFT_REG32_00);
	nft_x_dnat(&r, NFPROTO_IPV6, NFT_REG32_00, NFT_REG32_04);
	nft_rule_end(&r);
	nft_rule_add(&b, &r, "postrouting", NULL);
	nft_x_load(&r, NFT_F_META_L4PROTO, NFT_REG_1);
	nft_x_cmp(&r, NFT_REG_1, NFT_CMP_EQ, &tcp, 1);
	nft_x_load(&r, NFT_F_TH_DPORT, NFT_REG_1);
	nft_x_range(&r, NFT_REG_1, NFT_CMP_EQ, &from, &to, 2);
	nft_x_load(&r, NFT_F_META_OIFNAME, NFT_REG_1);
	nft_x_cmp(&r, NFT_REG_1, NFT_CMP_NEQ, name, 16);
	nft_x_verdict(&r, NFT_RETURN, NULL);
	nft_rule_end(&r);
	nft_rule_add(&b, &r, "postrouting", NULL);
	nft_x_flag(&r, NFT_F_CT_STATUS, 1 << 5);
	nft_x_cidr(&r, NFT_F_IP6_SADDR, NFT_CMP_EQ, &c);
	nft_x_masquerade(&r, true);
	nft_rule_end(&r);
	commit(&b);
	assert_string_equal(output("nft list ruleset"),
			    "table ip6 t6 {\n"
			    "\tmap ports {\n"
			    "\t\ttype inet_proto . inet_service : ipv6_addr . inet_service\n"
			    "\t\telements = { tcp . 8080 comment \"n c i\" : fd00::5 . 80 }\n"
			    "\t}\n\n"
			    "\tchain publish {\n"
			    "\t\tdnat ip6 to meta l4proto . th dport map @ports\n"
			    "\t}\n\n"
			    "\tchain prerouting {\n"
			    "\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
			    "\t\tfib daddr type local jump publish\n"
			    "\t}\n\n"
			    "\tchain postrouting {\n"
			    "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
			    "\t\ttcp dport 80-90 oifname != \"eth0\" return\n"
			    "\t\tct status dnat ip6 saddr fd00::/64 masquerade fully-random\n"
			    "\t}\n"
			    "}\n");
	assert_reloads();
}

static void test_errors(void **state)
{
	const uint8_t key[4] = { 10, 1, 0, 5 }, key2[4] = { 10, 1, 0, 6 };
	struct nft_elem el[2] = { pod(key2, "x"), pod(key, "one") };
	struct nft_elem_info *all;
	struct nft_batch b;
	unsigned index = 99;
	size_t n;
	struct err e = ERR_INIT;

	(void)state;
	start(&b, NFPROTO_IPV4, "t");
	nft_elem_add(&b, "pods", el, 2, true);
	assert_false(nft_commit(&b, &e));
	assert_int_equal(e.num, ENOENT);
	make_pods();
	start(&b, NFPROTO_IPV4, "t");
	nft_elem_add(&b, "pods", &el[1], 1, true);
	commit(&b);
	/* All or nothing, and the message to blame is known. */
	start(&b, NFPROTO_IPV4, "t");
	nft_elem_add(&b, "pods", &el[0], 1, true);
	nft_elem_add(&b, "pods", &el[1], 1, true);
	assert_false(nft_commit_index(&b, &index, &e));
	assert_int_equal(e.num, EEXIST);
	assert_int_equal(index, 1);
	assert_true(nft_elems(&nl, &arena, NFPROTO_IPV4, "t", "pods", &all, &n, &e));
	assert_int_equal(n, 1);
	/* Without @excl it is welcome again. */
	start(&b, NFPROTO_IPV4, "t");
	nft_elem_add(&b, "pods", &el[1], 1, false);
	commit(&b);
	/* An empty transaction is none. */
	start(&b, NFPROTO_IPV4, "t");
	assert_true(nft_batch_is_empty(&b));
	commit(&b);
}

static void test_try(void **state)
{
	struct nft_batch b;
	struct err e = ERR_INIT;

	(void)state;
	start(&b, NFPROTO_IPV4, "t");
	nft_table_add(&b, NULL);
	nft_chain_add(&b, &postrouting);
	assert_true(nft_try(&b, &e));
	assert_string_equal(output("nft list ruleset"), "");
	start(&b, NFPROTO_IPV4, "t");
	nft_chain_add(&b, &postrouting);
	assert_false(nft_try(&b, &e));
	assert_int_equal(e.num, ENOENT);
}

static void test_read(void **state)
{
	const uint8_t key[4] = { 10, 1, 0, 5 }, other[4] = { 10, 1, 0, 6 };
	struct nft_elem el = pod(key, "net cid eth0"), none = pod(other, NULL);
	struct nft_rule_info *rules;
	struct nft_elem_info info;
	const char **names;
	struct nft_batch b;
	struct err e = ERR_INIT;
	bool found, there;
	size_t n;

	(void)state;
	make_pods();
	start(&b, NFPROTO_IPV4, "t");
	nft_elem_add(&b, "pods", &el, 1, true);
	commit(&b);
	assert_true(nft_rules(&nl, &arena, NFPROTO_IPV4, "t", NULL, &rules, &n, &e));
	assert_int_equal(n, 1);
	assert_string_equal(rules[0].chain, "postrouting");
	assert_string_equal(rules[0].comment, "pods go out");
	assert_string_equal(rules[0].set, "pods");
	assert_null(rules[0].jump);
	assert_true(nft_elem_find(&nl, &arena, NFPROTO_IPV4, "t", "pods", &el, &info, &found, &e));
	assert_true(found);
	assert_int_equal(info.key.len, 4);
	assert_memory_equal(info.key.data, key, 4);
	assert_string_equal(info.comment, "net cid eth0");
	assert_true(nft_elem_find(&nl, &arena, NFPROTO_IPV4, "t", "pods", &none, &info, &found, &e));
	assert_false(found);
	assert_true(nft_set_names(&nl, &arena, NFPROTO_IPV4, "t", &names, &n, &e));
	assert_int_equal(n, 1);
	assert_string_equal(names[0], "pods");
	assert_true(nft_chain_exists(&nl, NFPROTO_IPV4, "t", "postrouting", &there, &e));
	assert_true(there);
	start(&b, NFPROTO_IPV4, "t");
	nft_elem_del(&b, "pods", &el, 1);
	nft_rule_del(&b, "postrouting", rules[0].handle);
	nft_chain_flush(&b, "postrouting");
	nft_chain_del(&b, "postrouting");
	commit(&b);
	assert_null(strstr(output("nft list ruleset"), "elements"));
	assert_null(strstr(output("nft list ruleset"), "chain"));
}

/* Nothing there, at every level. */
static void test_read_nothing(void **state)
{
	const uint8_t key[4] = { 10, 1, 0, 5 };
	struct nft_elem el = pod(key, NULL);
	struct nft_rule_info *rules;
	struct nft_elem_info *elems, info;
	const char **names;
	struct err e = ERR_INIT;
	bool there = true, found = true;
	size_t n = 9;

	(void)state;
	for (int made = 0; made < 2; made++) {
		assert_true(nft_rules(&nl, &arena, NFPROTO_IPV4, "t", "none", &rules, &n, &e) && n == 0);
		assert_true(nft_elems(&nl, &arena, NFPROTO_IPV4, "t", "none", &elems, &n, &e) && n == 0);
		assert_true(nft_elem_find(&nl, &arena, NFPROTO_IPV4, "t", "none", &el, &info, &found, &e) && !found);
		assert_true(nft_chain_exists(&nl, NFPROTO_IPV4, "t", "none", &there, &e) && !there);
		assert_true(nft_set_names(&nl, &arena, NFPROTO_IPV6, "t", &names, &n, &e) && n == 0);
		if (!made)
			make_pods();
	}
}

/* A thousand elements come back whole, in several datagrams. */
static void test_many(void **state)
{
	static uint8_t keys[1000][4];
	static struct nft_elem el[1000];
	static uint8_t room[128 * 1024] __attribute__((aligned(8)));
	struct nft_elem_info *all;
	struct nft_batch b;
	struct err e = ERR_INIT;
	size_t n;

	(void)state;
	make_pods();
	for (unsigned i = 0; i < 1000; i++) {
		memcpy(keys[i], (uint8_t[]){ 10, 1, (uint8_t)(i >> 8), (uint8_t)i }, 4);
		el[i] = pod(keys[i], "a comment of some length, so that all of this is more than one page");
	}
	nft_begin(&b, &nl, room, sizeof(room));
	nft_table(&b, NFPROTO_IPV4, "t");
	for (unsigned i = 0; i < 1000; i += 250)
		nft_elem_add(&b, "pods", el + i, 250, true);
	commit(&b);
	assert_true(nft_elems(&nl, &arena, NFPROTO_IPV4, "t", "pods", &all, &n, &e));
	assert_int_equal(n, 1000);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/*
 * Elements that nobody touches are in every listing, however busy others are. The kernel forgets some of them, and does
 * not say so, when the table behind the set grows or shrinks during the listing.
 */
static void test_busy(void **state)
{
	static uint8_t keys[2000][4];
	static struct nft_elem el[2000];
	struct nft_elem_info *all;
	struct nft_batch b;
	struct err e = ERR_INIT;
	size_t n, ours = 1000;
	double reading;
	pid_t pid;
	int round;

	(void)state;
	make_pods();
	for (unsigned i = 0; i < 2000; i++) {
		memcpy(keys[i], (uint8_t[]){ 10, i < 1000 ? 1 : 2, (uint8_t)(i >> 8), (uint8_t)i }, 4);
		el[i] = pod(keys[i], "net cid eth0");
	}
	nft_begin_growing(&b, &nl, &arena);
	nft_table(&b, NFPROTO_IPV4, "t");
	for (unsigned i = 0; i < 1000; i += 50)
		nft_elem_add(&b, "pods", el + i, 50, true);
	commit(&b);
	reading = now_ms();
	assert_true(nft_elems(&nl, &arena, NFPROTO_IPV4, "t", "pods", &all, &n, &e));
	reading = now_ms() - reading;
	pid = fork();
	if (pid == 0) {
		alarm(120);
		nl.fd = -1;
		if (!nl_open(&nl, NETLINK_NETFILTER, &e))
			_exit(1);
		for (unsigned i = 0;; i = (i + 50) % 1000) {
			bool done UNUSED;

			nft_begin_growing(&b, &nl, &arena);
			nft_table(&b, NFPROTO_IPV4, "t");
			(i / 50 % 2 ? nft_elem_del(&b, "pods", el + 1000 + i - 50, 50)
				    : nft_elem_add(&b, "pods", el + 1000 + i, 50, false));
			done = nft_commit(&b, &e);
			/* Some readings are disturbed and some are not, however slow this machine is. */
			usleep((useconds_t)(6000 * reading));
		}
	}
	for (round = 0; round < 100 && ours == 1000; round++) {
		if (!nft_elems(&nl, &arena, NFPROTO_IPV4, "t", "pods", &all, &n, &e))
			break;
		ours = 0;
		for (size_t k = 0; k < n; k++)
			ours += all[k].key.data[1] == 1;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (round < 100 || ours != 1000)
		fail_msg("listing %d has %zu of 1000 elements %s", round, ours, e.text);
}

/* Deletions that are large beyond any buffer go in parts. */
static void test_spill(void **state)
{
	static uint8_t keys[20000][4];
	struct nft_elem_info *all;
	struct nft_batch b;
	struct err e = ERR_INIT;
	size_t n;

	(void)state;
	make_pods();
	for (int del = 0; del < 2; del++) {
		nft_begin_growing(&b, &nl, &arena);
		nft_table(&b, NFPROTO_IPV4, "t");
		for (unsigned i = 0; i < 20000; i++) {
			struct nft_elem el = pod(keys[i], NULL);

			memcpy(keys[i], (uint8_t[]){ 10, 1, (uint8_t)(i >> 8), (uint8_t)i }, 4);
			(del ? nft_elem_del(&b, "pods", &el, 1) : nft_elem_add(&b, "pods", &el, 1, true));
			if (!nft_spill(&b, &e))
				fail_msg("%s", e.text);
		}
		assert_true(b.sent && b.m.cap < 256 * 1024);
		commit(&b);
		assert_true(nft_batch_changes(&b));
		assert_true(nft_elems(&nl, &arena, NFPROTO_IPV4, "t", "pods", &all, &n, &e));
		assert_int_equal(n, del ? 0 : 20000);
	}
}

/* A buffer too small is a failure of its own, and nothing happens. */
static void test_full(void **state)
{
	uint8_t small[128] __attribute__((aligned(8)));
	struct nft_batch b;
	struct err e = ERR_INIT;

	(void)state;
	nft_begin(&b, &nl, small, sizeof(small));
	nft_table(&b, NFPROTO_IPV4, "t");
	nft_table_add(&b, "a comment that does not fit together with the rest of the message");
	assert_false(nft_commit(&b, &e));
	assert_int_equal(e.num, EMSGSIZE);
	assert_string_equal(output("nft list ruleset"), "");
}

/* The child does not hold our output open, and ends by itself. */
static void test_close(void **state)
{
	const uint8_t key[4] = { 10, 1, 0, 5 };
	struct nft_elem el = pod(key, "x");
	struct nft_batch b;
	struct err e = ERR_INIT;
	int out[2];
	char c;
	double at;

	(void)state;
	make_pods();
	start(&b, NFPROTO_IPV4, "t");
	nft_elem_add(&b, "pods", &el, 1, true);
	nft_elem_del(&b, "pods", &el, 1);
	commit(&b);
	assert_int_equal(pipe(out), 0);
	at = now_ms();
	nft_close(&nl);
	at = now_ms() - at;
	close(out[1]);
	assert_int_equal(read(out[0], &c, 1), 0);
	close(out[0]);
	assert_true(waitpid(-1, NULL, 0) > 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(nl.fd, -1);
	nft_close(&nl);
	print_message("# nft_close after a deletion: %.2f ms\n", at);
	assert_true(nl_open(&nl, NETLINK_NETFILTER, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_expressions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_errors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_try, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_busy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spill, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_close, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
