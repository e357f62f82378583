// SPDX-License-Identifier: Apache-2.0
#include "cni/test.h"
#include "lib/str.h"
#include "plugins/subnet_env.h"

static struct arena arena;

static bool parse(const char *text, struct subnet_env *ret, struct err *e)
{
	return subnet_env_parse(&arena, (struct bytes){ text, strlen(text) }, ret, e);
}

static void test_values(void **state UNUSED)
{
	struct subnet_env s;
	struct err e = ERR_INIT;
	char text[CIDR_TEXT_MAX];

	assert_true(parse("FLANNEL_NETWORK=10.244.0.0/16,10.245.1.1/16,10.244.9.0/16\nFLANNEL_SUBNET=10.244.1.1/24\r\n"
			  "FLANNEL_MTU=1\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true",
			  &s, &e));
	assert_int_equal(s.n_networks, 2);
	assert_string_equal(cidr_text(&s.networks[1], text), "10.245.0.0/16");
	assert_string_equal(cidr_text(&s.subnet, text), "10.244.1.0/24");
	assert_true(s.mtu == 1450 && s.masquerades && !s.has_subnet6 && !s.n_networks6);
}

static const struct refused {
	const char *text, *says;
} refused[] = {
	{ "", "is missing FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK, FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET, FLANNEL_MTU, "
	      "FLANNEL_IPMASQ" },
	{ "FLANNEL_MTU", "line 1: FLANNEL_MTU: there is no \"=\"" },
	{ "x\nFLANNEL_MTU=-1", "line 2: FLANNEL_MTU" },
	{ "FLANNEL_MTU=4294967296", "4294967296" },
	{ "FLANNEL_SUBNET=10.0.0.1", "10.0.0.1" },
	{ "FLANNEL_NETWORK=10.0.0.0/8,", "FLANNEL_NETWORK" },
	{ "FLANNEL_NETWORK=10.0.0.0/8\nFLANNEL_SUBNET=10.1.0.0/16\nFLANNEL_MTU=5\n flannel_ipmasq=true",
	  "is missing FLANNEL_IPMASQ" },
};

static void test_refused(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct subnet_env s = { .mtu = 77 };
		struct err e = ERR_INIT;

		if (parse(refused[i].text, &s, &e) || !strstr(e.text, refused[i].says) || s.mtu != 77)
			broken("%s: %s", refused[i].text, e.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_values), cmocka_unit_test(test_refused) };
	int failed;

	arena_init(&arena, NULL, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&arena);
	return failed;
}
