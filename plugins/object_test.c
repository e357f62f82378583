// SPDX-License-Identifier: Apache-2.0
#include "cni/test.h"
#include "plugins/object.h"

static struct arena arena;

static void test_rewrite(void **state UNUSED)
{
	struct object o;

	object_init(&o, &arena,
		    json_of(&arena,
			    "{ \"b\": 1.50, \"MTU\": 5, \"a\": { \"x\" : [ 1e21 ] }, \"b\": 12345678901234567890 }"));
	assert_true(object_has(&o, "mtu") && !object_has(&o, "mt"));
	object_set_text(&o, "mtu", "7");
	object_set_word(&o, "Z", "word");
	object_drop(&o, "nothing");
	assert_string_equal(object_text(&o).data,
			    "{\"Z\":\"word\",\"a\":{\"x\":[1e21]},\"b\":12345678901234567890,\"mtu\":7}");
	object_drop(&o, "A");
	assert_string_equal(object_text(&o).data, "{\"Z\":\"word\",\"b\":12345678901234567890,\"mtu\":7}");
}

static void test_empty(void **state UNUSED)
{
	struct object o;

	object_init(&o, &arena, NULL);
	assert_string_equal(object_text(&o).data, "{}");
	object_init(&o, &arena, json_of(&arena, "null"));
	assert_string_equal(object_text(&o).data, "{}");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rewrite), cmocka_unit_test(test_empty) };
	int failed;

	arena_init(&arena, NULL, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&arena);
	return failed;
}
