// SPDX-License-Identifier: Apache-2.0
#include "cni/args.h"
#include "cni/error.h"
#include "cni/test.h"

enum { IP, MAC };

/* @ip, @mac: the values wanted, NULL: not given. @error: a part of the failure's text, NULL: none. */
static const struct {
	const char *text, *ip, *mac, *error;
} cases[] = {
	{ "", NULL, NULL, NULL },
	{ "IP=1.2.3.4", "1.2.3.4", NULL, NULL },
	{ "IP=1.2.3.4;MAC=c2:11:22:33:44:55", "1.2.3.4", "c2:11:22:33:44:55", NULL },
	{ "IP=", "", NULL, NULL },
	{ "IP=a;IP=b", "b", NULL, NULL },
	{ "ip=1.2.3.4", NULL, NULL, "ARGS: unknown args [\"ip=1.2.3.4\"]" },
	{ " IP=1.2.3.4", NULL, NULL, "ARGS: unknown args [\" IP=1.2.3.4\"]" },
	{ "A=1", NULL, NULL, "ARGS: unknown args [\"A=1\"]" },
	{ "A=1;IP=x;B=", NULL, NULL, "ARGS: unknown args [\"A=1\" \"B=\"]" },
	{ "A=1;IgnoreUnknown=true", NULL, NULL, NULL },
	{ "IgnoreUnknown=1;A=1;IP=x", "x", NULL, NULL },
	{ "A=1;IgnoreUnknown=TrUe;IP=x", "x", NULL, NULL },
	{ "IgnoreUnknown=1;A=1;", NULL, NULL, "ARGS: invalid pair \"\"" },
	{ "IgnoreUnknown=1;A", NULL, NULL, "ARGS: invalid pair \"A\"" },
	{ "IgnoreUnknown=1;A=b=c", NULL, NULL, "ARGS: invalid pair \"A=b=c\"" },
	{ ";", NULL, NULL, "ARGS: invalid pair \"\"" },
	{ "IP", NULL, NULL, "ARGS: invalid pair \"IP\"" },
	{ "IgnoreUnknown=yes", NULL, NULL, "IgnoreUnknown=yes" },
	{ "IgnoreUnknown=", NULL, NULL, "IgnoreUnknown=" },
	{ "IgnoreUnknown=0;A=1", NULL, NULL, "ARGS: unknown args" },
	{ "IgnoreUnknown=FALSE;IP=x", "x", NULL, NULL },
	{ "IgnoreUnknown=0, Unk=nown", NULL, NULL, "ARGS: invalid pair" },
	{ "IgnoreUnknown=0;A=1;IgnoreUnknown=1", NULL, NULL, NULL },
	{ "IgnoreUnknown=1;A=1;IgnoreUnknown=0", NULL, NULL, "ARGS: unknown args" },
	{ "ignoreunknown=1;A=1", NULL, NULL, "ARGS: unknown args [\"ignoreunknown=1\" \"A=1\"]" },
	{ "IgnoreUnknown=1;K8S_POD_NAMESPACE=d;K8S_POD_NAME=p;IP=10.0.0.9", "10.0.0.9", NULL, NULL },
};

static void same(const char *have, const char *want)
{
	assert_int_equal(have != NULL, want != NULL);
	if (want)
		assert_string_equal(have, want);
}

static void test_table(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arg known[] = { [IP] = { "IP", NULL }, [MAC] = { "MAC", NULL } };
		struct err e = ERR_INIT;
		bool ok = args_read(&a, cases[i].text, known, ARRAY_LEN(known), &e);

		if (ok != !cases[i].error)
			broken("\"%s\": %s", cases[i].text, ok ? "no failure" : e.text);
		if (!ok) {
			assert_non_null(strstr(e.text, cases[i].error));
			assert_int_equal(e.code, CNI_INVALID_ENVIRONMENT);
		}
		same(known[IP].value, cases[i].ip);
		same(known[MAC].value, cases[i].mac);
	}
	arena_done(&a);
}

static void test_nothing_known(void **state)
{
	struct arena a;
	struct err e;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_true(args_read(&a, "A=1;IgnoreUnknown=1", NULL, 0, &e));
	assert_false(args_read(&a, "A=1", NULL, 0, &e));
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_nothing_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
