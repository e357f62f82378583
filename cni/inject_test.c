// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>

#include "cni/inject.h"
#include "lib/str.h"

#include <cmocka.h>

static struct arena a;

static const struct json *parse(const char *text)
{
	struct err e = ERR_INIT;
	const struct json *j = NULL;

	if (!json_parse(&a, (struct bytes){ text, strlen(text) }, &j, &e))
		fail_msg("%s: %s", text, e.text);
	return j;
}

static const struct {
	const char *what, *plugin, *version, *prev, *caps, *valid;
	bool keep;
	const char *expect;
} rows[] = {
	{ "ours come after what is there", "{\"type\":\"t\"}", "1.0.0", NULL, NULL, NULL, false,
	  "{\"type\":\"t\",\"cniVersion\":\"1.0.0\",\"name\":\"net\"}" },
	{ "an empty object", "{}", "", NULL, NULL, NULL, false, "{\"cniVersion\":\"\",\"name\":\"net\"}" },
	{ "in their place, and once", "{\"Name\":\"x\",\"type\":\"t\",\"name\":\"y\",\"CNIVERSION\":\"z\"}", "0.4.0",
	  NULL, NULL, NULL, false, "{\"name\":\"net\",\"type\":\"t\",\"cniVersion\":\"0.4.0\"}" },
	{ "tokens are untouched",
	  "{ \"type\" : \"t\" ,\n\t\"a\": 9007199254740993, \"b\":1.50,\"c\":1e21, \"\\u0064\\\"\" : \"<&>\\u003c\\/\",\n"
	  " \"e\" : { \"z\" : 1 ,  \"a\" : [ 1.0, -0 ] } , \"f\":[] , \"a\":1 }",
	  "1.1.0", NULL, NULL, NULL, false,
	  "{\"type\":\"t\",\"a\":9007199254740993,\"b\":1.50,\"c\":1e21,\"\\u0064\\\"\":\"<&>\\u003c\\/\","
	  "\"e\":{ \"z\" : 1 ,  \"a\" : [ 1.0, -0 ] },\"f\":[],\"a\":1,\"cniVersion\":\"1.1.0\",\"name\":\"net\"}" },
	{ "prevResult is injected", "{\"type\":\"t\",\"prevResult\":{\"old\":1}}", "1.0.0", "{\"new\":1.0}", NULL, NULL,
	  false, "{\"type\":\"t\",\"prevResult\":{\"new\":1.0},\"cniVersion\":\"1.0.0\",\"name\":\"net\"}" },
	{ "one of the configuration stays if there is none", "{\"type\":\"t\",\"prevResult\":{\"old\":1}}", "1.0.0",
	  NULL, NULL, NULL, false,
	  "{\"type\":\"t\",\"prevResult\":{\"old\":1},\"cniVersion\":\"1.0.0\",\"name\":\"net\"}" },
	{ "declared and given", "{\"capabilities\":{\"a\":true,\"b\":true,\"c\":false}}", "1.0.0", NULL,
	  "{\"a\":[1.0],\"c\":1,\"d\":2,\"a\":[2.0]}", NULL, false,
	  "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"runtimeConfig\":{\"a\":[2.0]}}" },
	{ "nothing in common", "{\"capabilities\":{\"b\":true}}", "1.0.0", NULL, "{\"a\":1}", NULL, false,
	  "{\"cniVersion\":\"1.0.0\",\"name\":\"net\"}" },
	{ "capabilities are taken out from 1.0.0 on", "{\"Capabilities\":{\"b\":true}}", "1.1.0", NULL, NULL, NULL,
	  false, "{\"cniVersion\":\"1.1.0\",\"name\":\"net\"}" },
	{ "unless they are wanted", "{\"capabilities\":{\"b\":true}}", "1.1.0", NULL, NULL, NULL, true,
	  "{\"capabilities\":{\"b\":true},\"cniVersion\":\"1.1.0\",\"name\":\"net\"}" },
	{ "but not before", "{\"capabilities\":{\"b\":true}}", "0.4.0", NULL, "{\"b\":1}", NULL, false,
	  "{\"capabilities\":{\"b\":true},\"cniVersion\":\"0.4.0\",\"name\":\"net\",\"runtimeConfig\":{\"b\":1}}" },
	{ "repeated objects merge", "{\"capabilities\":{\"a\":true,\"b\":true},\"capabilities\":{\"b\":false}}",
	  "1.0.0", NULL, "{\"a\":1,\"b\":1}", NULL, false,
	  "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"runtimeConfig\":{\"a\":1}}" },
	{ "cni.dev keys are the runtime's", "{\"cni.dev/valid-attachments\":[],\"CNI.dev/x\":1,\"type\":\"t\"}",
	  "1.1.0", NULL, NULL, NULL, false, "{\"type\":\"t\",\"cniVersion\":\"1.1.0\",\"name\":\"net\"}" },
	{ "both names of the valid list", "{\"type\":\"t\"}", "1.1.0", NULL, NULL, "[1]", false,
	  "{\"type\":\"t\",\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"cni.dev/valid-attachments\":[1],"
	  "\"cni.dev/attachments\":[1]}" },
};

static struct bytes bytes(const char *s)
{
	return (struct bytes){ s, s ? strlen(s) : 0 };
}

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct inject_keys keys = {
			.name = "net",
			.version = rows[i].version,
			.prev = bytes(rows[i].prev),
			.cap_args = rows[i].caps ? parse(rows[i].caps) : NULL,
			.keep_capabilities = rows[i].keep,
			.valid = bytes(rows[i].valid),
		};
		struct bytes got = inject(&a, parse(rows[i].plugin), &keys);

		assert_int_equal(got.len, strlen(got.data));
		if (!str_eq(got.data, rows[i].expect))
			fail_msg("%s:\nwant %s\nhave %s", rows[i].what, rows[i].expect, got.data);
		parse(got.data);
	}
}

static void test_names_are_escaped(void **state)
{
	struct inject_keys keys = { .name = "a\"b\\", .version = "1.0.0" };

	(void)state;
	assert_string_equal(inject(&a, parse("{}"), &keys).data, "{\"cniVersion\":\"1.0.0\",\"name\":\"a\\\"b\\\\\"}");
}

static int start(void **state)
{
	(void)state;
	arena_init(&a, NULL, 0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	arena_done(&a);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_names_are_escaped),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
