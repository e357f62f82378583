// SPDX-License-Identifier: Apache-2.0
#include "cni/test.h"
#include "plugins/plugin.h"

/* Bisection needs it; so does the person who looks for a name in the list. */
static void test_sorted(void **state)
{
	(void)state;
	for (size_t i = 1; i < plugins.n; i++)
		if (strcmp(plugins.rows[i - 1]->name, plugins.rows[i]->name) >= 0)
			broken("%s stands before %s", plugins.rows[i - 1]->name, plugins.rows[i]->name);
}

static void test_rows_are_complete(void **state)
{
	(void)state;
	assert_true(plugins.n > 0);
	for (size_t i = 0; i < plugins.n; i++) {
		const struct plugin *p = plugins.rows[i];

		assert_ptr_equal(plugin_find(&plugins, p->name), p);
		assert_true(p->about && *p->about);
		assert_non_null(p->add);
		assert_non_null(p->check);
		assert_non_null(p->del);
		assert_non_null(p->versions);
		for (const char *const *v = p->versions; *v; v++)
			assert_true(version_known(*v));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorted),
		cmocka_unit_test(test_rows_are_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
