// SPDX-License-Identifier: Apache-2.0
#include "cni/version.h"
#include "cni/test.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int want[3];
	} good[] = {
		{ "1.2.3", { 1, 2, 3 } }, { "", { 0, 1, 0 } }, { "1", { 1, 0, 0 } },	 { "1.0", { 1, 0, 0 } },
		{ "0.4", { 0, 4, 0 } },   { "10.20.30", { 10, 20, 30 } }, { "0.-42.0", { 0, -42, 0 } },
	};
	static const char *const bad[] = { "asdf",        "asdf.",     ".x",     "0.",    "..", "1.2.3.4.5",
					   "1.2.3.4",     "1.0.0-rc1", "1.2.3.", " 1",    "1 ", "0x1",
					   "99999999999", "1..2",      "-",      "v1.0.0" };
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		int v[3] = { -1, -1, -1 };

		assert_true(version_parse(good[i].text, v, &e));
		assert_memory_equal(v, good[i].want, sizeof(v));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int v[3] = { 7, 8, 9 }, untouched[3] = { 7, 8, 9 };

		e = ERR_INIT;
		if (version_parse(bad[i], v, &e))
			broken("\"%s\" was taken for a version", bad[i]);
		assert_memory_equal(v, untouched, sizeof(v));
		assert_non_null(strstr(e.text, bad[i]));
	}
}

static void test_compare(void **state)
{
	(void)state;
	for (size_t i = 0; versions_all[i]; i++)
		for (size_t j = 0; versions_all[j]; j++) {
			int order = version_cmp(versions_all[i], versions_all[j]);

			assert_true(i < j ? order < 0 : i > j ? order > 0 : order == 0);
			assert_int_equal(version_at_least(versions_all[i], versions_all[j]), i >= j);
		}
	assert_int_equal(version_cmp("1.0", "1.0.0"), 0);
	assert_int_equal(version_cmp("", "0.1.0"), 0);
	assert_true(version_cmp("1.10.0", "1.9.0") > 0);
	assert_true(version_cmp("0.10.0", "1.0.0") < 0);
	assert_true(version_cmp("x", "0.0.0") < 0);
	assert_true(version_cmp("0.0.0", "x") > 0);
	assert_int_equal(version_cmp("x", "y"), 0);
	assert_false(version_at_least("x", "0.1.0"));
}

static void test_families(void **state)
{
	static const struct {
		const char *version;
		int family;
	} want[] = {
		{ "", 0 },	{ "0.1.0", 0 }, { "0.2.0", 0 }, { "0.3.0", 1 }, { "0.3.1", 1 },	 { "0.4.0", 1 },  { "1.0.0", 2 },
		{ "1.1.0", 2 }, { "1.2.0", -1 }, { "1.0", -1 },	{ "0.5.0", -1 }, { "x", -1 }, { "0.3", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(version_family(want[i].version), want[i].family);
	assert_false(version_known(""));
	assert_true(version_known("0.1.0") && version_known(VERSION_NEWEST));
	assert_false(version_known("1.0"));
}

/* Each list is the tail of all versions that begins with the one it is named after. */
static void test_lists(void **state)
{
	static const struct {
		const char *const *list;
		const char *first;
	} lists[] = {
		{ versions_all, "0.1.0" },
		{ versions_from_030, "0.3.0" },
		{ versions_from_031, "0.3.1" },
		{ versions_from_040, "0.4.0" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (size_t j = 0; versions_all[j]; j++)
			assert_int_equal(version_in(versions_all[j], lists[i].list),
					 version_at_least(versions_all[j], lists[i].first));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
