// SPDX-License-Identifier: Apache-2.0
#include "cni/plugin.h"
#include "cni/test.h"

static const struct plugin a = { .name = "a" }, b = { .name = "b" }, bb = { .name = "bb" }, c = { .name = "c" };
static const struct plugin *const rows[] = { &a, &b, &bb, &c };

static void test_find(void **state)
{
	static const char *const strangers[] = { "", "A", "aa", "ba", "bbb", "d", "~" };

	(void)state;
	for (size_t n = 0; n <= ARRAY_LEN(rows); n++) {
		struct plugin_table t = { rows, n };

		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			assert_ptr_equal(plugin_find(&t, rows[i]->name), i < n ? rows[i] : NULL);
		for (size_t i = 0; i < ARRAY_LEN(strangers); i++)
			assert_null(plugin_find(&t, strangers[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_find) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
