// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>

#include "lib/json.h"

#include <cmocka.h>

#define TEXT(s) \
	{ \
		s, sizeof(s) - 1 \
	}

struct accept_case {
	const char *name; /* y_ accepted, n_ refused */
	struct bytes text;
};

static const struct accept_case accept_cases[] = {
	{ "y_null", TEXT("null") },
	{ "y_true", TEXT("true") },
	{ "y_false", TEXT("false") },
	{ "y_zero", TEXT("0") },
	{ "y_minus_zero", TEXT("-0") },
	{ "y_int", TEXT("1234567890") },
	{ "y_negative", TEXT("-17") },
	{ "y_fraction", TEXT("0.5") },
	{ "y_negative_fraction", TEXT("-0.0") },
	{ "y_exponent", TEXT("1e5") },
	{ "y_exponent_upper", TEXT("1E5") },
	{ "y_exponent_plus", TEXT("1e+5") },
	{ "y_exponent_minus", TEXT("1e-5") },
	{ "y_exponent_of_zero", TEXT("0e1") },
	{ "y_exponent_leading_zero", TEXT("1e05") },
	{ "y_fraction_exponent", TEXT("1.50e21") },
	{ "y_number_beyond_double", TEXT("1e400") },
	{ "y_number_tiny", TEXT("1e-4000") },
	{ "y_number_many_digits", TEXT("123456789012345678901234567890.123456789012345678901234567890") },
	{ "y_empty_string", TEXT("\"\"") },
	{ "y_string", TEXT("\"abc\"") },
	{ "y_string_del", TEXT("\"\x7f\"") },
	{ "y_string_escapes", TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"") },
	{ "y_string_u", TEXT("\"\\u0041\\u00e9\\u20AC\"") },
	{ "y_string_u_nul", TEXT("\"a\\u0000b\"") },
	{ "y_string_u_pair", TEXT("\"\\ud83d\\uDE00\"") },
	{ "y_string_u_last_pair", TEXT("\"\\udbff\\udfff\"") },
	{ "y_string_u_before_surrogates", TEXT("\"\\ud7ff\\ue000\"") },
	{ "y_string_u_noncharacter", TEXT("\"\\uffff\"") },
	{ "y_string_backslash_at_end", TEXT("\"x\\\\\"") },
	{ "y_string_quote_at_end", TEXT("\"x\\\"\"") },
	{ "y_string_utf8_2", TEXT("\"\xC3\xA9\"") },
	{ "y_string_utf8_3", TEXT("\"\xE2\x82\xAC\"") },
	{ "y_string_utf8_4", TEXT("\"\xF0\x9F\x98\x80\"") },
	{ "y_string_utf8_max", TEXT("\"\xF4\x8F\xBF\xBF\"") },
	{ "y_string_utf8_noncharacter", TEXT("\"\xEF\xBF\xBF\"") },
	{ "y_string_bom_inside", TEXT("\"\xEF\xBB\xBF\"") },
	{ "y_string_line_separators", TEXT("\"\xE2\x80\xA8\xE2\x80\xA9\"") },
	{ "y_string_looks_like_comment", TEXT("\"/* // */\"") },
	{ "y_string_single_quotes", TEXT("\"'x'\"") },
	{ "y_empty_array", TEXT("[]") },
	{ "y_empty_array_space", TEXT("[ \n]") },
	{ "y_array", TEXT("[1,2,3]") },
	{ "y_array_mixed", TEXT("[null,true,1,\"x\",[],{}]") },
	{ "y_array_spaces", TEXT(" [ 1 , 2 ] ") },
	{ "y_array_nested", TEXT("[[[[]]],[[]]]") },
	{ "y_empty_object", TEXT("{}") },
	{ "y_empty_object_space", TEXT("{\t}") },
	{ "y_object", TEXT("{\"a\":1}") },
	{ "y_object_two", TEXT("{\"a\":1,\"b\":2}") },
	{ "y_object_spaces", TEXT("\r\n{ \"a\"\t:\n1 , \"b\" : 2 }\r\n") },
	{ "y_object_duplicate_keys", TEXT("{\"a\":1,\"a\":2}") },
	{ "y_object_empty_key", TEXT("{\"\":0}") },
	{ "y_object_escaped_key", TEXT("{\"\\u0061\\n\":0}") },
	{ "y_object_nul_key", TEXT("{\"a\\u0000b\":0}") },
	{ "y_object_utf8_key", TEXT("{\"\xE2\x82\xAC\":0}") },
	{ "y_space_before", TEXT(" \t\r\n1") },
	{ "y_space_after", TEXT("1 \t\r\n") },
	{ "y_number_before_bracket", TEXT("[-0]") },
	{ "y_conflist",
	  TEXT("{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[{\"type\":\"bridge\",\"mtu\":1500}]}") },

	{ "n_empty", TEXT("") },
	{ "n_space_only", TEXT(" \n") },
	{ "n_nul_byte", TEXT("\0") },
	{ "n_nul_byte_after", TEXT("1\0") },
	{ "n_nul_byte_in_string", TEXT("\"a\0b\"") },
	{ "n_bom", TEXT("\xEF\xBB\xBF{}") },
	{ "n_bom_cut", TEXT("\xEF\xBB") },
	{ "n_utf16", TEXT("[\0]\0") },
	{ "n_two_values", TEXT("1 2") },
	{ "n_two_objects", TEXT("{}{}") },
	{ "n_text_after", TEXT("{} x") },
	{ "n_comma_after", TEXT("1,") },
	{ "n_bracket_after", TEXT("[]]") },
	{ "n_brace_after", TEXT("{}}") },
	{ "n_comment_line", TEXT("// x\n1") },
	{ "n_comment_block", TEXT("/* x */1") },
	{ "n_comment_hash", TEXT("# x\n1") },
	{ "n_comment_inside", TEXT("[1 /* x */]") },
	{ "n_word", TEXT("hello") },
	{ "n_word_upper", TEXT("True") },
	{ "n_word_cut", TEXT("tru") },
	{ "n_word_cut_in_array", TEXT("[tru]") },
	{ "n_word_longer", TEXT("nulll") },
	{ "n_word_with_digit", TEXT("true1") },
	{ "n_word_nan", TEXT("NaN") },
	{ "n_word_infinity", TEXT("-Infinity") },
	{ "n_word_undefined", TEXT("undefined") },
	{ "n_form_feed", TEXT("\f1") },
	{ "n_vertical_tab", TEXT("\v1") },
	{ "n_no_break_space", TEXT("\xC2\xA0"
				   "1") },
	{ "n_line_separator", TEXT("\xE2\x80\xA8"
				   "1") },
	{ "n_number_leading_zero", TEXT("01") },
	{ "n_number_double_zero", TEXT("00") },
	{ "n_number_negative_leading_zero", TEXT("-01") },
	{ "n_number_plus", TEXT("+1") },
	{ "n_number_minus_only", TEXT("-") },
	{ "n_number_double_minus", TEXT("--1") },
	{ "n_number_minus_space", TEXT("- 1") },
	{ "n_number_minus_letter", TEXT("[-x]") },
	{ "n_number_leading_point", TEXT(".5") },
	{ "n_number_negative_point", TEXT("-.5") },
	{ "n_number_trailing_point", TEXT("1.") },
	{ "n_number_point_exponent", TEXT("1.e1") },
	{ "n_number_two_points", TEXT("1.2.3") },
	{ "n_number_exponent_empty", TEXT("1e") },
	{ "n_number_exponent_sign_only", TEXT("1e+") },
	{ "n_number_exponent_two_signs", TEXT("1e+-1") },
	{ "n_number_exponent_fraction", TEXT("1e1.5") },
	{ "n_number_two_exponents", TEXT("1e1e1") },
	{ "n_number_hex", TEXT("0x1F") },
	{ "n_number_suffix", TEXT("1L") },
	{ "n_number_underscore", TEXT("1_000") },
	{ "n_number_full_width_digit", TEXT("\xEF\xBC\x91") },
	{ "n_string_open", TEXT("\"") },
	{ "n_string_unclosed", TEXT("\"abc") },
	{ "n_string_unclosed_escape", TEXT("\"abc\\") },
	{ "n_string_escaped_close", TEXT("\"abc\\\"") },
	{ "n_string_single_quotes", TEXT("'abc'") },
	{ "n_string_newline", TEXT("\"a\nb\"") },
	{ "n_string_tab", TEXT("\"a\tb\"") },
	{ "n_string_control", TEXT("\"\x1f\"") },
	{ "n_string_escape_x", TEXT("\"\\x41\"") },
	{ "n_string_escape_a", TEXT("\"\\a\"") },
	{ "n_string_escape_zero", TEXT("\"\\0\"") },
	{ "n_string_escape_single_quote", TEXT("\"\\'\"") },
	{ "n_string_escape_upper_u", TEXT("\"\\U0041\"") },
	{ "n_string_escape_newline", TEXT("\"\\\n\"") },
	{ "n_string_escape_nul", TEXT("\"\\\0\"") },
	{ "n_string_escape_utf8", TEXT("\"\\\xC3\xA9\"") },
	{ "n_string_u_short", TEXT("\"\\u041\"") },
	{ "n_string_u_empty", TEXT("\"\\u\"") },
	{ "n_string_u_not_hex", TEXT("\"\\u00g1\"") },
	{ "n_string_u_sign", TEXT("\"\\u+041\"") },
	{ "n_string_u_braces", TEXT("\"\\u{41}\"") },
	{ "n_string_u_unclosed", TEXT("\"\\u0041") },
	{ "n_string_u_high_alone", TEXT("\"\\ud800\"") },
	{ "n_string_u_high_then_text", TEXT("\"\\ud800abcdef\"") },
	{ "n_string_u_high_then_escape", TEXT("\"\\ud800\\n\"") },
	{ "n_string_u_two_high", TEXT("\"\\ud800\\ud800\"") },
	{ "n_string_u_two_low", TEXT("\"\\udc00\\udc00\"") },
	{ "n_string_u_high_then_above_low", TEXT("\"\\ud800\\ue000\"") },
	{ "n_string_u_high_then_below_low", TEXT("\"\\ud800\\udbff\"") },
	{ "n_string_u_high_then_bmp", TEXT("\"\\ud800\\u0041\"") },
	{ "n_string_u_high_then_short", TEXT("\"\\ud800\\udc0\"") },
	{ "n_string_u_high_then_raw_low", TEXT("\"\\ud800\xED\xB0\x80\"") },
	{ "n_string_u_low_alone", TEXT("\"\\udc00\"") },
	{ "n_string_u_pair_reversed", TEXT("\"\\udc00\\ud800\"") },
	{ "n_string_utf8_continuation", TEXT("\"\x80\"") },
	{ "n_string_utf8_cut", TEXT("\"\xE2\x82\"") },
	{ "n_string_utf8_cut_at_end", TEXT("\"\xE2\x82") },
	{ "n_string_utf8_overlong_2", TEXT("\"\xC0\xAF\"") },
	{ "n_string_utf8_overlong_3", TEXT("\"\xE0\x80\xAF\"") },
	{ "n_string_utf8_overlong_4", TEXT("\"\xF0\x80\x80\xAF\"") },
	{ "n_string_utf8_surrogate", TEXT("\"\xED\xA0\x80\"") },
	{ "n_string_utf8_too_high", TEXT("\"\xF4\x90\x80\x80\"") },
	{ "n_string_utf8_ff", TEXT("\"\xFF\"") },
	{ "n_string_latin1", TEXT("\"\xE9\"") },
	{ "n_utf8_outside_string", TEXT("[\xC3\xA9]") },
	{ "n_utf8_invalid_outside_string", TEXT("[\xFF]") },
	{ "n_array_open", TEXT("[") },
	{ "n_array_unclosed", TEXT("[1") },
	{ "n_array_unclosed_comma", TEXT("[1,") },
	{ "n_array_trailing_comma", TEXT("[1,]") },
	{ "n_array_comma_only", TEXT("[,]") },
	{ "n_array_leading_comma", TEXT("[,1]") },
	{ "n_array_double_comma", TEXT("[1,,2]") },
	{ "n_array_no_comma", TEXT("[1 2]") },
	{ "n_array_no_comma_containers", TEXT("[[][]]") },
	{ "n_array_colon", TEXT("[1:2]") },
	{ "n_array_key", TEXT("[\"a\":1]") },
	{ "n_array_closed_by_brace", TEXT("[1}") },
	{ "n_array_close_only", TEXT("]") },
	{ "n_object_open", TEXT("{") },
	{ "n_object_unclosed", TEXT("{\"a\":1") },
	{ "n_object_unclosed_comma", TEXT("{\"a\":1,") },
	{ "n_object_unclosed_key", TEXT("{\"a\"") },
	{ "n_object_unclosed_colon", TEXT("{\"a\":") },
	{ "n_object_trailing_comma", TEXT("{\"a\":1,}") },
	{ "n_object_comma_only", TEXT("{,}") },
	{ "n_object_double_comma", TEXT("{\"a\":1,,\"b\":2}") },
	{ "n_object_no_comma", TEXT("{\"a\":1 \"b\":2}") },
	{ "n_object_no_colon", TEXT("{\"a\" 1}") },
	{ "n_object_double_colon", TEXT("{\"a\"::1}") },
	{ "n_object_equals", TEXT("{\"a\"=1}") },
	{ "n_object_no_value", TEXT("{\"a\":}") },
	{ "n_object_key_only", TEXT("{\"a\"}") },
	{ "n_object_comma_for_colon", TEXT("{\"a\",1}") },
	{ "n_object_key_bare", TEXT("{a:1}") },
	{ "n_object_key_single_quotes", TEXT("{'a':1}") },
	{ "n_object_key_number", TEXT("{1:1}") },
	{ "n_object_key_null", TEXT("{null:1}") },
	{ "n_object_key_array", TEXT("{[]:1}") },
	{ "n_object_closed_by_bracket", TEXT("{\"a\":1]") },
	{ "n_object_close_only", TEXT("}") },
	{ "n_crossed", TEXT("[{]}") },
};

static void test_accept_and_refuse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(accept_cases); i++) {
		const struct accept_case *c = &accept_cases[i];
		/* From malloc with nothing behind it, so that a sanitizer sees a read too far. */
		char *copy = malloc(c->text.len ? c->text.len : 1);
		const struct json *j = NULL;
		struct err e = ERR_INIT;
		struct arena a;
		bool good;

		memcpy(copy, c->text.data, c->text.len);
		arena_init(&a, NULL, 0);
		good = json_parse(&a, (struct bytes){ copy, c->text.len }, &j, &e);
		if (good != (c->name[0] == 'y'))
			fail_msg("%s: %s", c->name, good ? "accepted" : e.text);
		if (good != (j != NULL) || good != (e.text[0] == '\0'))
			fail_msg("%s: output on failure, or failure text on success", c->name);
		if (!good && strncmp(e.text, "line ", 5) != 0)
			fail_msg("%s: no place in \"%s\"", c->name, e.text);
		arena_done(&a);
		free(copy);
	}
}

struct err_case {
	const char *text, *said;
};

static const struct err_case err_cases[] = {
	{ "", "line 1, column 1: unexpected end of text" },
	{ "\n\n  ", "line 3, column 3: unexpected end of text" },
	{ "[1", "line 1, column 3: unexpected end of text inside an array" },
	{ "{\"a\":1,\n", "line 2, column 1: unexpected end of text inside an object" },
	{ "\"abc", "line 1, column 5: unexpected end of text inside a string" },
	{ "{\"a\"", "line 1, column 5: unexpected end of text" },
	{ "fals", "line 1, column 5: unexpected end of text" },
	{ "-", "line 1, column 2: unexpected end of text" },
	{ "{\n\t\"a\": 1,\n}", "line 2, column 8: trailing comma" },
	{ "[1,\n\n]", "line 1, column 3: trailing comma" },
	{ "{}\n{}", "line 2, column 1: text after the value" },
	{ "[1\n2]", "line 2, column 1: want ',' or ']', have '2'" },
	{ "{\"a\":1 \"b\":2}", "line 1, column 8: want ',' or '}', have '\"'" },
	{ "{a:1}", "line 1, column 2: want a key in double quotes, have \"a\"" },
	{ "{'a':1}", "line 1, column 2: want a key in double quotes (JSON strings are in double quotes)" },
	{ "{\"a\" 1}", "line 1, column 6: want ':' after the key, have '1'" },
	{ "{\"a\":}", "line 1, column 6: want a value, have '}'" },
	{ "[1, // one\n2]", "line 1, column 5: want a value (JSON has no comments)" },
	{ "[NaN]", "line 1, column 2: want a value, have \"NaN\"" },
	{ "[nulll]", "line 1, column 2: want a value, have \"nulll\"" },
	{ "[\x01]", "line 1, column 2: want a value, have the control character 0x01" },
	{ "[\xE2\x82\xAC]", "line 1, column 2: want a value, have '\xE2\x82\xAC'" },
	{ "[\xFF]", "line 1, column 2: invalid UTF-8 (byte 0xff)" },
	/* A column is a character, whatever its bytes. */
	{ "[\"\xE2\x82\xAC\xC3\xA9\", x]", "line 1, column 8: want a value, have \"x\"" },
	{ "[\"a\nb\"]", "line 1, column 4: control character 0x0a in a string" },
	{ "\"ab\xFF\"", "line 1, column 4: invalid UTF-8 in a string (byte 0xff)" },
	{ "\"ab\\x41\"", "line 1, column 4: invalid escape in a string (a backslash is written \\\\)" },
	{ "\"\\u12\"", "line 1, column 2: \\u wants four hexadecimal digits" },
	{ "\"a\\ud800\"", "line 1, column 3: unpaired surrogate \\ud800" },
	{ "\"\\uDC01\"", "line 1, column 2: unpaired surrogate \\uDC01" },
	{ "[007]", "line 1, column 2: a number may not begin with 0" },
	{ "[1.]", "line 1, column 4: a number wants a digit after '.'" },
	{ "[1e+]", "line 1, column 5: a number wants a digit after 'e'" },
	{ "[-x]", "line 1, column 3: a number wants a digit after '-'" },
	{ "\xEF\xBB\xBF{}", "line 1, column 1: JSON text may not begin with a byte order mark" },
};

static void test_failures_say_where_and_what(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(err_cases); i++) {
		const struct json *j;
		struct err e = ERR_INIT;
		struct arena a;

		arena_init(&a, NULL, 0);
		assert_false(json_parse(&a, (struct bytes){ err_cases[i].text, strlen(err_cases[i].text) }, &j, &e));
		assert_string_equal(e.text, err_cases[i].said);
		arena_done(&a);
	}
}

static const struct json *parse(struct arena *a, const char *text)
{
	const struct json *j;
	struct err e = ERR_INIT;

	if (!json_parse(a, (struct bytes){ text, strlen(text) }, &j, &e))
		fail_msg("%s: %s", text, e.text);
	return j;
}

static void test_tree(void **state)
{
	const struct json *j, *m;
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	j = parse(&a,
		  " {\"a\": [1.50, 1e21 ,{}], \"b\\n\":\"x\\u0000\\ud83d\\ude00\",\"c\":true,\"d\":false,\"e\":null} ");
	assert_int_equal(j->type, JSON_OBJECT);
	assert_int_equal(j->count, 5);
	assert_null(j->key);
	assert_int_equal(j->raw.len, strlen(j->raw.data) - 1);

	m = j->first;
	assert_string_equal(m->key, "a");
	assert_int_equal(m->type, JSON_ARRAY);
	assert_int_equal(m->count, 3);
	assert_memory_equal(m->raw.data, "[1.50, 1e21 ,{}],", m->raw.len + 1);
	assert_memory_equal(m->first->raw.data, "1.50,", m->first->raw.len + 1);
	assert_null(m->first->key);
	assert_memory_equal(m->first->next->raw.data, "1e21 ", m->first->next->raw.len + 1);
	assert_null(m->first->next->next->first);
	assert_null(m->first->next->next->next);

	m = m->next;
	assert_int_equal(m->key_len, 2);
	assert_string_equal(m->key, "b\n");
	assert_int_equal(m->str_len, 6);
	assert_memory_equal(m->str, "x\0\xF0\x9F\x98\x80", 7);
	assert_memory_equal(m->raw.data, "\"x\\u0000\\ud83d\\ude00\",", m->raw.len + 1);
	m = m->next;
	assert_true(json_is(m, JSON_BOOL) && m->truth);
	m = m->next;
	assert_true(json_is(m, JSON_BOOL) && !m->truth);
	assert_true(json_absent(m->next) && json_absent(m->next->next) && !json_absent(m));
	arena_done(&a);
}

static void test_decoded_strings(void **state)
{
	static const struct {
		const char *text;
		struct bytes value;
	} rows[] = {
		{ "\"\"", TEXT("") },
		{ "\"plain\"", TEXT("plain") },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", TEXT("\"\\/\b\f\n\r\t") },
		{ "\"\\u0000\"", TEXT("\0") },
		{ "\"\\u007f\\u0080\"", TEXT("\x7f\xC2\x80") },
		{ "\"\\u07ff\\u0800\"", TEXT("\xDF\xBF\xE0\xA0\x80") },
		{ "\"\\ud7ff\\uE000\\uFFFF\"", TEXT("\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF") },
		{ "\"\\ud800\\udc00\"", TEXT("\xF0\x90\x80\x80") },
		{ "\"\\udbff\\udfff\"", TEXT("\xF4\x8F\xBF\xBF") },
		{ "\"a\\\\u0041\"", TEXT("a\\u0041") },
		{ "\"\xC3\xA9\\n\xE2\x82\xAC\"", TEXT("\xC3\xA9\n\xE2\x82\xAC") },
	};
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct json *j = parse(&a, rows[i].text);

		assert_int_equal(j->str_len, rows[i].value.len);
		assert_memory_equal(j->str, rows[i].value.data, j->str_len + 1);
	}
	arena_done(&a);
}

static void test_look_ups(void **state)
{
	const struct json *j;
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	j = parse(&a, "{\"name\":1,\"Name\":2,\"name\":3,\"NAME\":4,\"ke\\u0000y\":5,\"n\":null,\"na\":6,\"\":7}");
	assert_memory_equal(json_get(j, "name")->raw.data, "3", 1);
	assert_memory_equal(json_get(j, "Name")->raw.data, "2", 1);
	assert_memory_equal(json_fold(j, "name")->raw.data, "4", 1);
	assert_memory_equal(json_get(j, "")->raw.data, "7", 1);
	assert_null(json_get(j, "nam"));
	assert_null(json_fold(j, "names"));
	assert_null(json_get(j, "ke"));
	assert_null(json_fold(j, "ke"));
	assert_non_null(json_get(j, "n"));
	assert_true(json_absent(json_get(j, "n")));
	assert_null(json_get(NULL, "a"));
	assert_null(json_fold(NULL, "a"));
	assert_null(json_get(parse(&a, "[1]"), "a"));
	assert_null(json_fold(parse(&a, "\"a\""), "a"));
	json_each(m, json_get(j, "absent"))
		fail_msg("a member of nothing");
	arena_done(&a);
}

static void test_folding(void **state)
{
	const struct json *j;
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	/* U+017F is a long s, U+212A the Kelvin sign; U+0131 (dotless i) and U+00C9 fold to nothing in ASCII. */
	j = parse(&a, "{\"hostport\":1,\"\xC5\xBF"
		      "tatu\xC5\xBF\":2,\"\xE2\x84\xAA"
		      "ey\":3,\"\xC4\xB1p\":4,\"\xC3\x89\":5,\"a[\":6}");
	assert_non_null(json_fold(j, "hostPort"));
	assert_non_null(json_fold(j, "HOSTPORT"));
	assert_non_null(json_fold(j, "status"));
	assert_non_null(json_fold(j, "key"));
	assert_null(json_get(j, "status"));
	assert_null(json_fold(j, "ip"));
	assert_null(json_fold(j, "\xC3\xA9"));
	assert_null(json_fold(j, "a{"));
	assert_null(json_fold(j, "hostPor"));
	assert_null(json_fold(j, "hostPorts"));
	arena_done(&a);
}

static void test_names_and_text(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_string_equal(json_type_name(NULL), "nothing");
	assert_string_equal(json_type_name(parse(&a, "null")), "null");
	assert_string_equal(json_type_name(parse(&a, "true")), "a boolean");
	assert_string_equal(json_type_name(parse(&a, "1")), "a number");
	assert_string_equal(json_type_name(parse(&a, "\"\"")), "a string");
	assert_string_equal(json_type_name(parse(&a, "[]")), "an array");
	assert_string_equal(json_type_name(parse(&a, "{}")), "an object");
	assert_true(json_str_is(parse(&a, "\"ab\""), "ab"));
	assert_false(json_str_is(parse(&a, "\"abc\""), "ab"));
	assert_false(json_str_is(parse(&a, "\"ab\\u0000\""), "ab"));
	assert_false(json_str_is(parse(&a, "1"), "1"));
	assert_false(json_str_is(NULL, ""));
	arena_done(&a);
}

/* @depth containers in each other, arrays and objects by turns. */
static struct bytes nested(struct arena *a, size_t depth)
{
	struct buf b;

	buf_init(&b, a, 0);
	for (size_t i = 0; i < depth; i++)
		buf_puts(&b, i % 2 ? "{\"a\":" : "[");
	buf_puts(&b, "1");
	for (size_t i = depth; i-- > 0;)
		buf_puts(&b, i % 2 ? "}" : "]");
	return buf_bytes(&b);
}

static void test_depth(void **state)
{
	const struct json *j = NULL, *k = NULL;
	struct err e = ERR_INIT;
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_true(json_parse(&a, nested(&a, JSON_DEPTH_MAX), &j, &e));
	assert_true(json_parse(&a, nested(&a, JSON_DEPTH_MAX), &k, &e));
	assert_true(json_equal(j, k));
	assert_false(json_parse(&a, nested(&a, JSON_DEPTH_MAX + 1), &j, &e));
	assert_non_null(strstr(e.text, ": nested deeper than 128 levels"));
	assert_false(json_parse(&a, nested(&a, 1000000), &j, &e));
	/* Many beside each other are not deep. */
	buf_init(&b, &a, 0);
	for (int i = 0; i < 2 * JSON_DEPTH_MAX; i++)
		buf_puts(&b, i ? ",[],{}" : "[[]");
	buf_puts(&b, "]");
	parse(&a, buf_str(&b));
	arena_done(&a);
}

static void test_too_many_values(void **state)
{
	enum { MOST = JSON_VALUES_MAX };
	const struct json *j = NULL;
	struct err e = ERR_INIT;
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, NULL, 0);
	buf_init(&b, &a, 2 * MOST + 8);
	buf_putc(&b, '[');
	for (int i = 1; i < MOST; i++)
		buf_put(&b, i > 1 ? ",0" : "0", i > 1 ? 2 : 1);
	buf_putc(&b, ']');
	assert_true(json_parse(&a, buf_bytes(&b), &j, &e));
	assert_int_equal(j->count, MOST - 1);
	b.len--;
	buf_puts(&b, ",0]");
	assert_false(json_parse(&a, buf_bytes(&b), &j, &e));
	assert_non_null(strstr(e.text, ": too many values (more than 1000000)"));
	arena_done(&a);
}

/* Quadratic work would be seen here as minutes. */
static void test_large_texts(void **state)
{
	enum { MANY = 300000 };
	const struct json *j, *k;
	struct err e;
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, NULL, 0);
	buf_init(&b, &a, 0);
	buf_putc(&b, '{');
	for (int i = 0; i < MANY; i++)
		buf_printf(&b, "%s\"key%d\":%d", i ? "," : "", i % (MANY / 2), i);
	buf_putc(&b, '}');
	assert_true(json_parse(&a, buf_bytes(&b), &j, &e));
	assert_int_equal(j->count, MANY);
	assert_memory_equal(json_get(j, "key0")->raw.data, "150000", 6);
	assert_true(json_parse(&a, buf_bytes(&b), &k, &e));
	assert_true(json_equal(j, k));

	buf_init(&b, &a, 0);
	buf_putc(&b, '"');
	for (int i = 0; i < MANY; i++)
		buf_puts(&b, "\\n\xE2\x82\xAC"
			     "x");
	buf_putc(&b, '"');
	assert_true(json_parse(&a, buf_bytes(&b), &j, &e));
	assert_int_equal(j->str_len, 5 * MANY);
	arena_done(&a);
}

struct int_case {
	const char *text;
	int64_t min, max;
	bool good;
	int64_t value;
	const char *said;
};

static const struct int_case int_cases[] = {
	{ "0", 0, 0, true, 0, NULL },
	{ "-0", 0, 0, true, 0, NULL },
	{ "1500", 0, 65535, true, 1500, NULL },
	{ "-1", -1, 1, true, -1, NULL },
	{ "9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX, NULL },
	{ "-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN, NULL },
	{ "9223372036854775808", INT64_MIN, INT64_MAX, false, 0,
	  "want an integer from -9223372036854775808 to 9223372036854775807, have 9223372036854775808" },
	{ "-9223372036854775809", INT64_MIN, INT64_MAX, false, 0,
	  "want an integer from -9223372036854775808 to 9223372036854775807, have -9223372036854775809" },
	{ "18446744073709551616", INT64_MIN, INT64_MAX, false, 0, NULL },
	{ "-18446744073709551616", INT64_MIN, INT64_MAX, false, 0, NULL },
	{ "18446744073709551615", -5, 5, false, 0, NULL },
	{ "65536", 0, 65535, false, 0, "want an integer from 0 to 65535, have 65536" },
	{ "-1", 0, 65535, false, 0, "want an integer from 0 to 65535, have -1" },
	{ "-6", -5, 5, false, 0, NULL },
	{ "1.0", 0, 5, false, 0, "want an integer, have 1.0" },
	{ "1e3", 0, 5000, false, 0, "want an integer, have 1e3" },
	{ "1E0", 0, 5000, false, 0, "want an integer, have 1E0" },
	{ "\"1\"", 0, 5, false, 0, "want an integer, have a string" },
	{ "null", 0, 5, false, 0, "want an integer, have null" },
	{ "true", 0, 5, false, 0, "want an integer, have a boolean" },
	{ "100000000000000000000000000000000000000000000000000000", 0, 5, false, 0,
	  "want an integer from 0 to 5, have 1000000000000000000000000000000000000000..." },
};

static void test_int(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(int_cases); i++) {
		const struct int_case *c = &int_cases[i];
		struct err e = ERR_INIT;
		int64_t v = 4711;

		if (json_int(parse(&a, c->text), c->min, c->max, &v, &e) != c->good)
			fail_msg("row %zu: %s", i, c->text);
		assert_int_equal(v, c->good ? c->value : 4711);
		if (c->said)
			assert_string_equal(e.text, c->said);
	}
	arena_done(&a);
}

static void test_uint(void **state)
{
	struct err e = ERR_INIT;
	struct arena a;
	uint64_t v = 4711;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_false(json_uint(parse(&a, "18446744073709551616"), UINT64_MAX, &v, &e));
	assert_string_equal(e.text, "want an integer from 0 to 18446744073709551615, have 18446744073709551616");
	assert_false(json_uint(parse(&a, "100000000000000000000000"), UINT64_MAX, &v, &e));
	assert_false(json_uint(parse(&a, "-1"), UINT64_MAX, &v, &e));
	assert_false(json_uint(parse(&a, "8"), 7, &v, &e));
	assert_false(json_uint(parse(&a, "1.5"), 7, &v, &e));
	assert_false(json_uint(NULL, 7, &v, &e));
	assert_string_equal(e.text, "want an integer, have nothing");
	assert_int_equal(v, 4711);
	assert_true(json_uint(parse(&a, "18446744073709551615"), UINT64_MAX, &v, &e));
	assert_true(v == UINT64_MAX);
	assert_true(json_uint(parse(&a, "-0"), 7, &v, &e));
	assert_int_equal(v, 0);
	arena_done(&a);
}

static void test_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "null", "null", true },
		{ "true", "true", true },
		{ "true", "false", false },
		{ "1", "1", true },
		{ "1", "1.0", false },
		{ "0", "-0", false },
		{ "1", "\"1\"", false },
		{ "null", "false", false },
		{ "\"A\"", "\"\\u0041\"", true },
		{ "\"a\\u0000b\"", "\"a\\u0000c\"", false },
		{ "\"a\"", "\"ab\"", false },
		{ "[1,2]", "[ 1 , 2 ]", true },
		{ "[1,2]", "[2,1]", false },
		{ "[1]", "[1,1]", false },
		{ "[]", "{}", false },
		{ "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true },
		{ "{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false },
		{ "{\"a\":1}", "{\"a\":1,\"b\":null}", false },
		{ "{\"a\":1}", "{\"A\":1}", false },
		{ "{\"a\":0,\"b\":2,\"a\":1}", "{\"a\":1,\"b\":2}", true },
		{ "{\"a\":1,\"b\":2,\"a\":0}", "{\"a\":1,\"b\":2}", false },
		{ "{\"a\":{\"x\":[1,{\"p\":1,\"q\":2}]}}", "{\"a\":{\"x\":[1,{\"q\":2,\"p\":1}]}}", true },
		{ "{\"a\":{\"x\":[1,{\"p\":1,\"q\":2}]}}", "{\"a\":{\"x\":[1,{\"q\":2,\"p\":0}]}}", false },
		{ "{\"a\\u0000x\":1}", "{\"a\\u0000y\":1}", false },
		{ "{\"ab\":1,\"a\":2}", "{\"a\":2,\"ab\":1}", true },
	};
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct json *x = parse(&a, rows[i].a), *y = parse(&a, rows[i].b);

		if (json_equal(x, y) != rows[i].same || json_equal(y, x) != rows[i].same)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
	}
	assert_true(json_equal(NULL, NULL));
	assert_false(json_equal(NULL, parse(&a, "null")));
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accept_and_refuse),
		cmocka_unit_test(test_failures_say_where_and_what),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_decoded_strings),
		cmocka_unit_test(test_look_ups),
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_names_and_text),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_too_many_values),
		cmocka_unit_test(test_large_texts),
		cmocka_unit_test(test_int),
		cmocka_unit_test(test_uint),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
