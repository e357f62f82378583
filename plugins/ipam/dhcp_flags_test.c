// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>

#include "plugins/ipam/dhcp_flags.h"

#include <cmocka.h>

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* 0: refused */
	} cases[] = {
		{ "10s", 10000 }, { "1m30s", 90000 }, { "1.5h", 5400000 }, { "300ms", 300 }, { "2000us", 2 },
		{ "2000\xc2\xb5s", 2 }, { "1000000ns", 1 }, { "1h1m1s1ms", 3661001 }, { ".5s", 500 }, { "1.s", 1000 },
		{ "", 0 }, { "0", 0 }, { "0s", 0 }, { "10", 0 }, { "s", 0 }, { "-1s", 0 }, { "10 s", 0 }, { "1d", 0 },
		{ ".s", 0 }, { "1s ", 0 }, { "1us", 0 }, { "9999999h", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;
		int64_t ms = -7;

		assert_int_equal(duration_parse(cases[i].text, &ms, &e), cases[i].ms != 0);
		assert_int_equal(ms, cases[i].ms ? cases[i].ms : -7);
	}
}

static const char *text;
static bool on;
static int64_t ms;
static const struct flag flags[] = {
	{ "text", FLAG_TEXT, &text, "" }, { "on", FLAG_BOOL, &on, "" }, { "ms", FLAG_DURATION, &ms, "" }, { 0 }
};

#define READ(...) read_flags((const char *[]){ "daemon", __VA_ARGS__, NULL })
static bool read_flags(const char **argv)
{
	struct err e = ERR_INIT;
	bool help;
	int n = 0;

	text = NULL;
	on = false;
	ms = 0;
	while (argv[n])
		n++;
	return flags_read(n, (char **)argv, flags, &help, &e) && !help;
}

static void test_forms(void **state)
{
	(void)state;
	assert_true(READ("-text", "a", "--on", "-ms=1s"));
	assert_string_equal(text, "a");
	assert_true(on);
	assert_int_equal(ms, 1000);
	assert_true(READ("--text=", "-on=false"));
	assert_string_equal(text, "");
	assert_false(on);
	assert_true(READ("-text", "-on"));
	assert_string_equal(text, "-on");
	assert_false(on);
	assert_true(READ("word", "-on"));
	assert_false(on);
	assert_true(READ("--", "-on"));
	assert_false(on);
	assert_true(READ("-on", "true", "-ms", "1s"));
	assert_int_equal(ms, 0);
}

static void test_refusals(void **state)
{
	(void)state;
	assert_false(READ("-tex", "a"));
	assert_false(READ("-text"));
	assert_false(READ("-on=2"));
	assert_false(READ("-ms", "1"));
	assert_false(READ("-h"));
	assert_false(READ("--help"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
