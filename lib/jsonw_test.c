// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>

#include "lib/jsonw.h"

#include <cmocka.h>

struct out {
	struct arena arena;
	struct buf buf;
	struct jsonw w;
};

static struct jsonw *out_open(struct out *o, bool pretty)
{
	arena_init(&o->arena, NULL, 0);
	buf_init(&o->buf, &o->arena, 0);
	jsonw_init(&o->w, &o->buf, pretty);
	return &o->w;
}

static void out_is(struct out *o, const char *want)
{
	assert_string_equal(buf_str(&o->buf), want);
	assert_int_equal(o->buf.len, strlen(want));
	arena_done(&o->arena);
}

static void write_all(struct jsonw *w)
{
	jsonw_object(w);
	jsonw_kstr(w, "cniVersion", "1.0.0");
	jsonw_kstr_if(w, "left", "");
	jsonw_kstr_if(w, "out", NULL);
	jsonw_kstr_if(w, "in", "x");
	jsonw_key(w, "interfaces");
	jsonw_array(w);
	jsonw_object(w);
	jsonw_kint(w, "min", INT64_MIN);
	jsonw_kuint(w, "max", UINT64_MAX);
	jsonw_object_end(w);
	jsonw_object(w);
	jsonw_object_end(w);
	jsonw_array(w);
	jsonw_array_end(w);
	jsonw_array_end(w);
	jsonw_key(w, "dns");
	jsonw_object(w);
	jsonw_object_end(w);
	jsonw_key(w, "list");
	jsonw_array(w);
	jsonw_bool(w, true);
	jsonw_null(w);
	jsonw_str(w, NULL);
	jsonw_raw(w, (struct bytes){ "1.50 ", 4 });
	jsonw_array_end(w);
	jsonw_kbool(w, "last", false);
	jsonw_object_end(w);
}

static void test_compact(void **state)
{
	struct out o;

	(void)state;
	write_all(out_open(&o, false));
	out_is(&o, "{\"cniVersion\":\"1.0.0\",\"in\":\"x\",\"interfaces\":[{\"min\":-9223372036854775808,"
		   "\"max\":18446744073709551615},{},[]],\"dns\":{},\"list\":[true,null,null,1.50],\"last\":false}");
}

static void test_pretty(void **state)
{
	struct out o;

	(void)state;
	write_all(out_open(&o, true));
	out_is(&o, "{\n"
		   "    \"cniVersion\": \"1.0.0\",\n"
		   "    \"in\": \"x\",\n"
		   "    \"interfaces\": [\n"
		   "        {\n"
		   "            \"min\": -9223372036854775808,\n"
		   "            \"max\": 18446744073709551615\n"
		   "        },\n"
		   "        {},\n"
		   "        []\n"
		   "    ],\n"
		   "    \"dns\": {},\n"
		   "    \"list\": [\n"
		   "        true,\n"
		   "        null,\n"
		   "        null,\n"
		   "        1.50\n"
		   "    ],\n"
		   "    \"last\": false\n"
		   "}");
}

static void test_top_level_values(void **state)
{
	struct out o;

	(void)state;
	jsonw_str(out_open(&o, true), "x");
	out_is(&o, "\"x\"");
	jsonw_int(out_open(&o, true), 0);
	out_is(&o, "0");
	jsonw_array(out_open(&o, true));
	jsonw_array_end(&o.w);
	out_is(&o, "[]");
	jsonw_json(out_open(&o, true), NULL);
	out_is(&o, "null");
}

static void test_escapes(void **state)
{
	static const struct {
		bool html;
		const char *text, *want;
		size_t len; /* 0: strlen */
	} rows[] = {
		{ false, "", "\"\"", 0 },
		{ false, "a\"b\\c/", "\"a\\\"b\\\\c/\"", 0 },
		{ false, "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"", 0 },
		{ false, "\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"", 0 },
		{ false, "a\0b", "\"a\\u0000b\"", 3 },
		{ false, "<a & b>", "\"<a & b>\"", 0 },
		{ true, "<a & b>", "\"\\u003ca \\u0026 b\\u003e\"", 0 },
		{ false, "\xE2\x80\xA8\xE2\x80\xA9", "\"\xE2\x80\xA8\xE2\x80\xA9\"", 0 },
		{ true, "\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA", "\"\\u2028\\u2029\xE2\x80\xAA\"", 0 },
		{ false, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"", 0 },
		{ false, "a\xFF\xC3", "\"a\\ufffd\\ufffd\"", 0 },
		{ false, "\xE2\x82x", "\"\\ufffd\\ufffdx\"", 0 },
		{ false, "\xED\xA0\x80", "\"\\ufffd\\ufffd\\ufffd\"", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct out o;

		out_open(&o, false)->html = rows[i].html;
		jsonw_strn(&o.w, rows[i].text, rows[i].len ? rows[i].len : strlen(rows[i].text));
		out_is(&o, rows[i].want);
	}
}

static void rewrite_is(const char *text, bool pretty, const char *want)
{
	const struct json *j;
	struct err e;
	struct out o;

	out_open(&o, pretty);
	assert_true(json_parse(&o.arena, (struct bytes){ text, strlen(text) }, &j, &e));
	jsonw_json(&o.w, j);
	out_is(&o, want);
}

static void test_parsed_values(void **state)
{
	static const char text[] = " { \"a\" : [ 1.50 , 1e21, \"\\u0041\\/\" ] , \"a\":{ }, \"\\u0062\\u0000\":[ ]\n} ";

	(void)state;
	rewrite_is(text, false, "{\"a\":[1.50,1e21,\"\\u0041\\/\"],\"a\":{},\"b\\u0000\":[]}");
	rewrite_is(text, true,
		   "{\n    \"a\": [\n        1.50,\n        1e21,\n        \"\\u0041\\/\"\n    ],\n"
		   "    \"a\": {},\n    \"b\\u0000\": []\n}");
	rewrite_is(" -0 ", true, "-0");
	rewrite_is("[[[]],{\"a\":{\"b\":[{}]}}]", false, "[[[]],{\"a\":{\"b\":[{}]}}]");
}

static void test_parsed_inside_written(void **state)
{
	static const char text[] = "{ \"x\" :[1, 2]}";
	const struct json *j;
	struct err e;
	struct out o;

	(void)state;
	out_open(&o, true);
	assert_true(json_parse(&o.arena, (struct bytes){ text, strlen(text) }, &j, &e));
	jsonw_object(&o.w);
	jsonw_key(&o.w, "raw");
	jsonw_raw(&o.w, j->raw);
	jsonw_key(&o.w, "anew");
	jsonw_json(&o.w, j);
	jsonw_kstr(&o.w, "k\"", "v");
	jsonw_object_end(&o.w);
	out_is(&o,
	       "{\n    \"raw\": { \"x\" :[1, 2]},\n    \"anew\": {\n        \"x\": [\n            1,\n            2\n"
	       "        ]\n    },\n    \"k\\\"\": \"v\"\n}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compact),          cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_top_level_values), cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_parsed_values),    cmocka_unit_test(test_parsed_inside_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
