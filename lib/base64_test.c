// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>

#include "lib/base64.h"

#include <cmocka.h>

static void test_known(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xff\xef\xbe\xfb", "/+++" "+w==" },
	};
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b;
		struct bytes back;
		struct err e = ERR_INIT;

		buf_init(&b, &a, 4);
		base64_encode(&b, (struct bytes){ rows[i][0], strlen(rows[i][0]) });
		assert_string_equal(buf_str(&b), rows[i][1]);
		assert_true(base64_decode(&a, rows[i][1], strlen(rows[i][1]), &back, &e));
		assert_int_equal(back.len, strlen(rows[i][0]));
		assert_string_equal(back.data, rows[i][0]);
	}
	arena_done(&a);
}

static void test_every_length(void **state)
{
	struct arena a;
	uint8_t data[256];

	(void)state;
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 167 + 13);
	for (size_t n = 0; n <= sizeof(data); n++) {
		struct buf b;
		struct bytes back;
		struct err e = ERR_INIT;

		buf_init(&b, &a, 0);
		base64_encode(&b, (struct bytes){ (char *)data, n });
		assert_true(base64_decode(&a, buf_str(&b), b.len, &back, &e));
		assert_int_equal(back.len, n);
		assert_memory_equal(back.data, data, n);
	}
	arena_done(&a);
}

static void test_refused(void **state)
{
	static const char *const rows[] = {
		"Z", "Zg", "Zg=", "Zg===", "====", "=", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "Zg==Zm9v", "Z=9v", "Zm9v====", "Zm-_", "\x80\x80\x80\x80",
	};
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bytes back = { "kept", 4 };
		struct err e = ERR_INIT;

		if (base64_decode(&a, rows[i], strlen(rows[i]), &back, &e))
			fail_msg("accepted: %s", rows[i]);
		assert_string_equal(back.data, "kept");
	}
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_known), cmocka_unit_test(test_every_length),
					    cmocka_unit_test(test_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
