// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>

#include "lib/buf.h"

#include <cmocka.h>

static void test_puts_together(void **state)
{
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, NULL, 0);
	buf_init(&b, &a, 0);
	assert_string_equal(buf_str(&b), "");
	buf_puts(&b, "link ");
	buf_putc(&b, '"');
	buf_printf(&b, "%s%d", "veth", 12);
	buf_put(&b, "\"\0", 2);
	assert_int_equal(b.len, 14);
	assert_memory_equal(buf_str(&b), "link \"veth12\"\0", 15);
	assert_int_equal(buf_bytes(&b).len, b.len);
	arena_done(&a);
}

static void test_empty_without_memory(void **state)
{
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, NULL, 0);
	buf_init(&b, &a, 0);
	assert_int_equal(buf_bytes(&b).len, 0);
	buf_put(&b, NULL, 0);
	assert_int_equal(b.len, 0);
	arena_done(&a);
}

/* Every length around the powers of two, in steps that cross a growth in each of the ways to put. */
static void test_growth(void **state)
{
	char expect[5000];
	struct arena a;

	(void)state;
	for (size_t i = 0; i < sizeof(expect); i++)
		expect[i] = (char)('a' + i % 26);
	for (size_t step = 1; step < 700; step += 37) {
		struct buf b;
		size_t done = 0;

		arena_init(&a, NULL, 0);
		buf_init(&b, &a, step % 3 ? 0 : step);
		for (unsigned way = 0; done + step < sizeof(expect); done += step, way++) {
			if (way % 3 == 0) {
				buf_put(&b, expect + done, step);
			} else if (way % 3 == 1) {
				buf_printf(&b, "%.*s", (int)step, expect + done);
			} else {
				memcpy(buf_room(&b, step), expect + done, step);
				buf_grew(&b, step);
			}
			if (way % 5 == 0)
				arena_alloc(&a, 1); /* in the way of growing in place */
			assert_int_equal(strlen(buf_str(&b)), done + step);
		}
		assert_memory_equal(b.data, expect, done);
		arena_done(&a);
	}
}

static void test_printf_exactly_at_the_end(void **state)
{
	char text[300];
	struct arena a;

	(void)state;
	for (size_t n = 250; n < 260; n++) {
		struct buf b;

		arena_init(&a, NULL, 0);
		memset(text, 'x', n);
		text[n] = '\0';
		buf_init(&b, &a, 256);
		buf_printf(&b, "%s", text);
		assert_string_equal(buf_str(&b), text);
		arena_done(&a);
	}
}

static void test_put_of_itself(void **state)
{
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, NULL, 0);
	buf_init(&b, &a, 4);
	buf_puts(&b, "ab");
	for (int i = 0; i < 10; i++)
		buf_put(&b, b.data, b.len);
	assert_int_equal(b.len, 2048);
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(b.data[i], i % 2 ? 'b' : 'a');
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_puts_together), cmocka_unit_test(test_empty_without_memory),
		cmocka_unit_test(test_growth),        cmocka_unit_test(test_printf_exactly_at_the_end),
		cmocka_unit_test(test_put_of_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
