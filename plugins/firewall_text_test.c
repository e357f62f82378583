// SPDX-License-Identifier: Apache-2.0
/* Rules go to text and back, and what else a rule of iptables-save can hold is never taken for one of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/str.h"
#include "plugins/firewall_table.h"

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, NULL, 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static void texts_come_back(void **state)
{
	static const char *const texts[] = {
		"-s 10.7.0.2/32 -j ACCEPT",
		"-d fd00::2/128 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
		"-i \"br0\" ! -o \"br0\" -m comment --comment \"a \\\"b\\\" \\\\ c\" -j CNI-ISOLATION-STAGE-2",
		"-m comment --comment \"x\" -j RETURN",
		"-o \"br0\" -j DROP",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct xt_rule x = fw_rule_parse(&arena, texts[i]), y;

		assert_false(x.other);
		assert_string_equal(fw_rule_text(&arena, &x), texts[i]);
		y = fw_rule_parse(&arena, fw_rule_text(&arena, &x));
		assert_true(xt_rule_eq(&x, &y));
		for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
			y = fw_rule_parse(&arena, texts[k]);
			assert_int_equal(xt_rule_eq(&x, &y), i == k);
		}
	}
}

static void a_rule_is_what_it_says(void **state)
{
	struct xt_rule x;

	(void)state;
	x = fw_rule_parse(&arena, "-i cni0 ! -o cni0 -m comment --comment \"a b\" -j X");
	assert_string_equal(x.in, "cni0");
	assert_string_equal(x.out, "cni0");
	assert_true(x.out_not);
	assert_string_equal(x.comment, "a b");
	assert_string_equal(x.jump, "X");
	x = fw_rule_parse(&arena, "-d 10.7.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
	assert_int_equal(x.ct_state, XT_CT_RELATED | XT_CT_ESTABLISHED);
	assert_int_equal(x.verdict, NF_ACCEPT);
	assert_null(x.jump);
	x = fw_rule_parse(&arena, "");
	assert_int_equal(x.verdict, NFT_CONTINUE);
}

static void other_rules_are_others(void **state)
{
	static const char *const texts[] = {
		"-s 10.7.0.0/24 -j ACCEPT", "! -s 10.7.0.2/32 -j ACCEPT", "! -i cni0 -j DROP", "-p tcp -j ACCEPT",
		"-m mark --mark 0x1 -j ACCEPT", "-m conntrack --ctstate DNAT -j ACCEPT", "-g X", "-j", "! -o", "!",
		"-m conntrack ! --ctstate NEW -j ACCEPT", "-j REJECT --reject-with icmp-port-unreachable", "-s x -j ACCEPT",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!fw_rule_parse(&arena, texts[i]).other)
			fail_msg("%s", texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(texts_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_rule_is_what_it_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(other_rules_are_others, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
