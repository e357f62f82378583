// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>

#include "lib/str.h"

#include <cmocka.h>

static void test_questions(void **state)
{
	(void)state;
	assert_true(str_eq("a", "a"));
	assert_false(str_eq("a", "A"));
	assert_true(str_empty(NULL) && str_empty(""));
	assert_false(str_empty("0"));
	assert_true(str_starts("10-a.conf", "10-") && str_starts("x", "") && str_starts("x", "x"));
	assert_false(str_starts("x", "xy"));
	assert_true(str_ends("a.conf", ".conf") && str_ends("x", "") && str_ends("x", "x"));
	assert_false(str_ends("x", "yx"));
	assert_false(str_ends("a.conf ", ".conf"));
	assert_true(str_fold_eq("HostPort", "hostport") && str_fold_eq("", ""));
	assert_false(str_fold_eq("hostport", "hostports"));
	assert_false(str_fold_eq("hostports", "hostport"));
	assert_false(str_fold_eq("@[`{", "`{@["));
	assert_false(str_fold_eq("\xC5\xBF", "s"));
}

static void test_u64(void **state)
{
	static const char *const refused[] = {
		"",
		" 1",
		"1 ",
		"+1",
		"-1",
		"-0",
		"0x10",
		"1e3",
		"1.0",
		"18446744073709551616",
		"28446744073709551615",
		"184467440737095516150",
		"99999999999999999999999999",
		"a",
		"1a",
	};
	uint64_t v = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		if (str_u64(refused[i], UINT64_MAX, &v))
			fail_msg("accepted: \"%s\"", refused[i]);
		assert_int_equal(v, 77);
	}
	assert_true(str_u64("0", 0, &v) && v == 0);
	assert_true(str_u64("0012", 12, &v) && v == 12);
	assert_false(str_u64("65536", 65535, &v));
	assert_true(str_u64("65535", 65535, &v) && v == 65535);
	assert_true(str_u64("18446744073709551615", UINT64_MAX, &v) && v == UINT64_MAX);
}

static void test_split(void **state)
{
	struct arena a;
	char **p;
	size_t n;

	(void)state;
	arena_init(&a, NULL, 0);
	p = str_split(&a, "/opt/cni/bin::/x:", ':', &n);
	assert_int_equal(n, 4);
	assert_string_equal(p[0], "/opt/cni/bin");
	assert_string_equal(p[1], "");
	assert_string_equal(p[2], "/x");
	assert_string_equal(p[3], "");
	assert_null(p[4]);
	p = str_split(&a, "", ':', NULL);
	assert_string_equal(p[0], "");
	assert_null(p[1]);
	arena_done(&a);
}

static void test_hex(void **state)
{
	char text[9];

	(void)state;
	str_hex(text, "\x00\x7f\x80\xff", 4);
	assert_string_equal(text, "007f80ff");
	str_hex(text, "", 0);
	assert_string_equal(text, "");
}

/* Encode by the definition, compare over all code points; what is no code point has no length. */
static void test_utf8_all_code_points(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x120000; c++) {
		unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		bool valid = c < 0x110000 && (c < 0xD800 || c > 0xDFFF);
		char s[5];

		s[0] = (char)(n == 1 ? c : (0xF00u >> n & 0xFF) | c >> 6 * (n - 1));
		for (unsigned i = 1; i < n; i++)
			s[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3F));
		s[n] = 'x';
		if (utf8_len(s, s + n + 1) != (valid ? n : 0))
			fail_msg("U+%04X", c);
		if (utf8_len(s, s + n - 1) != 0)
			fail_msg("cut U+%04X", c);
	}
}

static void test_utf8_refused(void **state)
{
	static const char *const rows[] = {
		"\x80",
		"\xBF",
		"\xC0\x80",
		"\xC1\xBF",
		"\xE0\x80\x80",
		"\xE0\x9F\xBF",
		"\xED\xA0\x80",
		"\xED\xBF\xBF",
		"\xF0\x80\x80\x80",
		"\xF0\x8F\xBF\xBF",
		"\xF4\x90\x80\x80",
		"\xF5\x80\x80\x80",
		"\xFE",
		"\xFF",
		"\xC3(",
		"\xE2\x82(",
		"\xE2(\xA1",
		"\xF0\x9F\x98(",
		"\xF0(\x98\x80",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (utf8_len(rows[i], rows[i] + strlen(rows[i])))
			fail_msg("accepted row %zu", i);
}

static void test_split_nonempty(void **state)
{
	struct arena a;
	char **pieces;
	size_t n;

	(void)state;
	arena_init(&a, NULL, 0);
	pieces = str_split_nonempty(&a, ":/a::b:", ':', &n);
	assert_int_equal(n, 2);
	assert_string_equal(pieces[0], "/a");
	assert_string_equal(pieces[1], "b");
	assert_null(pieces[2]);
	assert_null(str_split_nonempty(&a, "::", ':', NULL)[0]);
	assert_null(str_split_nonempty(&a, "", ':', NULL)[0]);
	arena_done(&a);
}

static void test_utf8_copy(void **state)
{
	static const struct {
		const char *src;
		size_t size;
		const char *dst;
	} rows[] = {
		{ "", 8, "" },
		{ "abc", 4, "abc" },
		{ "abcd", 4, "..." },
		{ "abcdefg", 8, "abcdefg" },
		{ "abcdefgh", 8, "abcd..." },
		{ "a\xFFz", 8, "a\xEF\xBF\xBDz" },
		{ "a\xC3", 8, "a\xEF\xBF\xBD" },
		{ "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4", 7, "\xC3\xA4..." },
		{ "\xC3\xA4\xC3\xA4x\xC3\xA4", 8, "\xC3\xA4\xC3\xA4x\xC3\xA4" },
		{ "abc\xFF\xFF", 8, "abc..." },
		{ "x\xED\xA0\x80", 16, "x\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
	};
	char dst[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memset(dst, '#', sizeof(dst));
		utf8_copy(dst, rows[i].size, rows[i].src);
		assert_string_equal(dst, rows[i].dst);
		for (size_t k = rows[i].size; k < sizeof(dst); k++)
			assert_int_equal(dst[k], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_nonempty), cmocka_unit_test(test_utf8_copy),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_utf8_all_code_points),
		cmocka_unit_test(test_utf8_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
