// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>

#include "lib/err.h"

#include <cmocka.h>

/* cmocka has a fail() of its own; ours is tested through its function. */
#undef fail

static void fill(char *dst, size_t n, char c)
{
	memset(dst, c, n);
	dst[n] = '\0';
}

static void test_context_is_outermost_first(void **state)
{
	struct err e;

	(void)state;
	assert_false(fail(&e, EEXIST, "add %s", "veth0"));
	assert_false(wrap(&e, "bridge %s", "cni0"));
	assert_string_equal(e.text, "bridge cni0: add veth0: File exists");
	assert_int_equal(e.num, EEXIST);
	assert_int_equal(e.code, 0);
	assert_string_equal(e.details, "");
}

static void test_code_and_details_stay(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_false(fail_code(&e, 7, "no name"));
	assert_false(err_details(&e, "key %d", 1));
	wrap(&e, "load");
	assert_string_equal(e.text, "load: no name");
	assert_string_equal(e.details, "key 1");
	assert_int_equal(e.code, 7);
	assert_int_equal(e.num, 0);
	fail(&e, 0, "anew");
	assert_string_equal(e.text, "anew");
	assert_string_equal(e.details, "");
	assert_int_equal(e.code, 0);
}

static void test_arguments_may_be_the_failure_itself(void **state)
{
	struct err e;

	(void)state;
	fail(&e, ENOENT, "open");
	fail(&e, e.num, "again %s", e.text);
	assert_string_equal(e.text, "again open: No such file or directory: No such file or directory");
	wrap(&e, "%.5s", e.text);
	assert_true(strncmp(e.text, "again: again open", 17) == 0);
}

static void test_long_text_is_cut(void **state)
{
	char longer[2 * ERR_TEXT_MAX];
	struct err e;

	(void)state;
	fill(longer, sizeof(longer) - 1, 'x');
	fail(&e, EPERM, "%s", longer);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	assert_string_equal(e.text + ERR_TEXT_MAX - 5, "x...");
	err_details(&e, "%s", longer);
	assert_int_equal(strlen(e.details), ERR_DETAILS_MAX - 1);
	assert_string_equal(e.details + ERR_DETAILS_MAX - 5, "x...");
}

static void test_exact_fit_is_not_cut(void **state)
{
	char text[ERR_TEXT_MAX + 1];
	struct err e;

	(void)state;
	fill(text, ERR_TEXT_MAX - 1, 'x');
	fail(&e, 0, "%s", text);
	assert_string_equal(e.text, text);
	fill(text, ERR_TEXT_MAX, 'x');
	fail(&e, 0, "%s", text);
	assert_string_equal(e.text + ERR_TEXT_MAX - 5, "x...");
}

static void test_cut_keeps_characters_whole(void **state)
{
	/* Three bytes each, so that the cut falls inside of one at two of three offsets. */
	char text[ERR_TEXT_MAX + 8];
	struct err e;

	(void)state;
	for (size_t lead = 0; lead < 3; lead++) {
		size_t at = 0, n;

		for (; at < lead; at++)
			text[at] = 'x';
		for (; at + 3 < sizeof(text); at += 3)
			memcpy(text + at, "\xE2\x82\xAC", 3);
		text[at] = '\0';
		fail(&e, 0, "%s", text);
		n = strlen(e.text);
		assert_string_equal(e.text + n - 3, "...");
		assert_int_equal((n - 3 - lead) % 3, 0);
	}
}

static void test_wrap_of_full_text_keeps_context(void **state)
{
	char text[ERR_TEXT_MAX];
	struct err e;

	(void)state;
	fill(text, ERR_TEXT_MAX - 1, 'x');
	fail(&e, 0, "%s", text);
	wrap(&e, "load %s", "10-net.conf");
	assert_true(strncmp(e.text, "load 10-net.conf: xxx", 21) == 0);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	assert_string_equal(e.text + ERR_TEXT_MAX - 5, "x...");
	wrap(&e, "%s", text);
	assert_string_equal(e.text + ERR_TEXT_MAX - 5, "x...");
	assert_int_equal(e.text[0], 'x');
}

static void test_errs_join(void **state)
{
	struct errs all = { 0 };
	struct err e = ERR_INIT, one;

	(void)state;
	assert_true(errs_done(&all, &e));
	assert_string_equal(e.text, "");
	fail(&one, EBUSY, "first");
	one.code = 11;
	errs_add(&all, &one);
	fail(&one, EPERM, "second");
	errs_add(&all, &one);
	assert_false(errs_done(&all, &e));
	assert_int_equal(e.num, EBUSY);
	assert_int_equal(e.code, 11);
	assert_true(strncmp(e.text, "first: ", 7) == 0);
	assert_non_null(strstr(e.text, "; second: "));
	assert_int_equal(all.count, 2);
}

static void test_errs_count_what_does_not_fit(void **state)
{
	struct errs all = { 0 };
	struct err e, one;
	char text[400];

	(void)state;
	fill(text, sizeof(text) - 1, 'x');
	for (int i = 0; i < 9; i++) {
		fail(&one, 0, "%d%s", i, text);
		errs_add(&all, &one);
	}
	fail(&one, 0, "short, but after what was left out");
	errs_add(&all, &one);
	assert_false(errs_done(&all, &e));
	assert_non_null(strstr(e.text, "; 1xxx"));
	assert_null(strstr(e.text, "short"));
	assert_string_equal(e.text + strlen(e.text) - 12, "; and 8 more");
	assert_int_equal(all.count, 10);
}

static void test_errs_with_a_full_first(void **state)
{
	char text[ERR_TEXT_MAX];
	struct errs all = { 0 };
	struct err e, one;

	(void)state;
	fill(text, ERR_TEXT_MAX - 1, 'x');
	fail(&one, 0, "%s", text);
	errs_add(&all, &one);
	fail(&one, 0, "second");
	errs_add(&all, &one);
	assert_false(errs_done(&all, &e));
	assert_string_equal(e.text + strlen(e.text) - 16, "x...; and 1 more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_context_is_outermost_first),
		cmocka_unit_test(test_code_and_details_stay),
		cmocka_unit_test(test_arguments_may_be_the_failure_itself),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_exact_fit_is_not_cut),
		cmocka_unit_test(test_cut_keeps_characters_whole),
		cmocka_unit_test(test_wrap_of_full_text_keeps_context),
		cmocka_unit_test(test_errs_join),
		cmocka_unit_test(test_errs_count_what_does_not_fit),
		cmocka_unit_test(test_errs_with_a_full_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
