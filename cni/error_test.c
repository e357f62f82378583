// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "cni/error.h"
#include "cni/test.h"

static void test_write(void **state)
{
	struct arena a;
	struct buf out;
	struct err e;

	(void)state;
	arena_init(&a, NULL, 0);
	fail_code(&e, CNI_TRY_AGAIN_LATER, "say \"%s\"", "when");
	err_details(&e, "line 1\nline 2");
	buf_init(&out, &a, 0);
	error_write(&out, &e, "1.0.0");
	assert_string_equal(buf_str(&out),
			    "{\n    \"cniVersion\": \"1.0.0\",\n    \"code\": 11,\n"
			    "    \"msg\": \"say \\\"when\\\"\",\n    \"details\": \"line 1\\nline 2\"\n}");
	arena_done(&a);
}

static void test_write_least(void **state)
{
	struct arena a;
	struct buf out;
	struct err e;

	(void)state;
	arena_init(&a, NULL, 0);
	fail(&e, ENOENT, "open x");
	assert_int_equal(error_code(&e), CNI_INTERNAL);
	buf_init(&out, &a, 0);
	error_write(&out, &e, NULL);
	assert_string_equal(buf_str(&out),
			    "{\n    \"code\": 999,\n    \"msg\": \"open x: No such file or directory\"\n}");
	arena_done(&a);
}

static void test_read(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *msg, *details;
	} cases[] = {
		{ "{\"cniVersion\":\"1.0.0\",\"code\":7,\"msg\":\"m\",\"details\":\"d\"}", 7, "m", "d" },
		{ "{\"Code\":1234,\"MSG\":\"m\"}", 1234, "m", "" },
		{ "{\"code\":1,\"code\":2,\"msg\":\"a\",\"Msg\":\"b\"}", 2, "b", "" },
		{ "{}", 0, "", "" },
		{ "{\"code\":null,\"msg\":null,\"details\":null,\"other\":[1]}", 0, "", "" },
		{ "{\"cniVersion\":5,\"code\":0,\"msg\":\"%s%n\"}", 0, "%s%n", "" },
	};
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err said = { .num = 5, .details = "old" }, e;

		assert_true(error_parse(json_of(&a, cases[i].text), &said, &e));
		assert_int_equal(said.code, cases[i].code);
		assert_int_equal(said.num, 0);
		assert_string_equal(said.text, cases[i].msg);
		assert_string_equal(said.details, cases[i].details);
	}
	arena_done(&a);
}

static void test_refused(void **state)
{
	static const char *const cases[] = {
		"[]", "null", "\"msg\"", "{\"code\":-1}", "{\"code\":\"7\"}", "{\"code\":1.5}", "{\"code\":4294967296}",
		"{\"msg\":7}", "{\"details\":{}}",
	};
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err said = { .code = 77, .text = "untouched" }, e;

		if (error_parse(json_of(&a, cases[i]), &said, &e))
			broken("%s was read", cases[i]);
		assert_int_equal(said.code, 77);
		assert_string_equal(said.text, "untouched");
	}
	arena_done(&a);
}

static void test_round_trip(void **state)
{
	struct arena a;
	struct buf out;
	struct err e, back, why;

	(void)state;
	arena_init(&a, NULL, 0);
	fail_code(&e, 1234, "\x01 <&> \xE2\x80\xA8 \\");
	err_details(&e, "\t");
	buf_init(&out, &a, 0);
	error_write(&out, &e, "1.1.0");
	assert_true(error_parse(json_of(&a, buf_str(&out)), &back, &why));
	assert_int_equal(back.code, 1234);
	assert_string_equal(back.text, e.text);
	assert_string_equal(back.details, e.details);
	arena_done(&a);
}

static void test_names(void **state)
{
	static const int codes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 11, 50, 51, 100, 999 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(error_code_name(codes[i]), error_code_name(codes[j]));
	assert_string_equal(error_code_name(CNI_TRY_AGAIN_LATER), "try again later");
	assert_string_equal(error_code_name(100), "plugin error");
	assert_string_equal(error_code_name(4711), "plugin error");
	assert_string_equal(error_code_name(42), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write),	cmocka_unit_test(test_write_least), cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
