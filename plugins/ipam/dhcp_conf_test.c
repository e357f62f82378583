// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>

#include "plugins/ipam/dhcp_conf.h"

#include <cmocka.h>

#include "cni/error.h"
#include "lib/str.h"

static bool read_conf(struct arena *a, const char *text, const char *args, struct dhcp_conf *ret, struct err *e)
{
	const struct json *j;

	return json_parse(a, (struct bytes){ text, strlen(text) }, &j, e) && dhcp_conf_read(a, j, args, ret, e);
}

static const struct {
	const char *conf, *args, *send, *wanted;
} good[] = {
	{ "{}", "", "", "3,1," },
	{ "{\"provide\":null,\"request\":null,\"priority\":null,\"daemonSocketPath\":null}", "", "", "3,1," },
	{ "{\"request\":[{\"option\":\"42\"},{\"option\":\"routers\"},{\"option\":\"042\"}]}", "", "", "42,3,1," },
	{ "{\"request\":[{\"skipDefault\":true,\"option\":\"121\"}]}", "", "", "121," },
	{ "{\"REQUEST\":[{\"skipdefault\":false,\"Option\":\"subnet-mask\"}]}", "", "", "1,3," },
	/* a row for its flag alone, and nothing left to ask for */
	{ "{\"request\":[{\"skipDefault\":true},{\"option\":\"6\"},{\"option\":\"\"}]}", "", "", "6," },
	{ "{\"request\":[{\"skipDefault\":true}]}", "", "", "3,1," },
	{ "{\"request\":[{}]}", "", "", "3,1," },
	{ "{\"provide\":[{\"option\":\"host-name\",\"value\":\"a\"}]}", "", "12=a ", "3,1," },
	{ "{\"provide\":[{\"option\":\"host-name\"},{\"option\":\"60\",\"value\":\"\"}]}", "", "", "3,1," },
	/* CNI_ARGS before the value, the last of a repeated key, the rest of the pair */
	{ "{\"provide\":[{\"option\":\"12\",\"value\":\"a\",\"fromArg\":\"N\"}]}", "N=b;N=c=d;;x", "12=c=d ", "3,1," },
	{ "{\"provide\":[{\"option\":\"12\",\"value\":\"a\",\"fromArg\":\"N\"}]}", "NN=b;n=c", "12=a ", "3,1," },
	{ "{\"provide\":[{\"option\":\"12\",\"value\":\"a\",\"fromArg\":\"N\"}]}", "N=", "12= ", "3,1," },
	{ "{\"provide\":[{\"option\":\"12\",\"value\":\"a\",\"fromArg\":\"\"}]}", "=b", "12=a ", "3,1," },
	/* the last of an option wins, in the place of the first */
	{ "{\"provide\":[{\"option\":\"12\",\"value\":\"a\"},{\"option\":\"77\",\"value\":\"u\"},"
	  "{\"option\":\"host-name\",\"value\":\"b\"}]}",
	  "", "12=b 77=u ", "3,1," },
};

static void test_reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct err e = ERR_INIT;
		struct buf send, wanted;
		struct dhcp_conf c;
		struct arena a;

		arena_init(&a, NULL, 0);
		buf_init(&send, &a, 0);
		buf_init(&wanted, &a, 0);
		if (!read_conf(&a, good[i].conf, good[i].args, &c, &e))
			fail_msg("%s: %s", good[i].conf, e.text);
		for (size_t k = 0; k < c.n_send; k++)
			buf_printf(&send, "%u=%.*s ", c.send[k].code, (int)c.send[k].value.len, c.send[k].value.data);
		for (size_t k = 0; k < c.n_wanted; k++)
			buf_printf(&wanted, "%u,", c.wanted[k]);
		assert_string_equal(buf_str(&send), good[i].send);
		assert_string_equal(buf_str(&wanted), good[i].wanted);
		assert_string_equal(c.socket, "/run/cni/dhcp.sock");
		arena_done(&a);
	}
}

static const struct {
	const char *conf, *why;
	int code;
} bad[] = {
	{ "{\"version\":5}", "ipam: version: want 4, 6 or \"dual\", have 5", CNI_INVALID_CONFIG },
	{ "{\"version\":\"Dual\"}", "have \"Dual\"", CNI_INVALID_CONFIG },
	{ "{\"version\":[6]}", "have [6]", CNI_INVALID_CONFIG },
	{ "{\"version\":true}", "have true", CNI_INVALID_CONFIG },
	{ "{\"version\":6.0}", "have 6.0", CNI_INVALID_CONFIG },
	{ "{\"version\":46}", "have 46", CNI_INVALID_CONFIG },
	{ "{\"priority\":-1}", "ipam: priority", CNI_DECODING_FAILURE },
	{ "{\"provide\":{}}", "ipam: provide", CNI_DECODING_FAILURE },
	{ "{\"provide\":[{\"option\":12}]}", "provide[0]: option", CNI_DECODING_FAILURE },
	{ "{\"provide\":[{\"option\":\"12\",\"value\":5}]}", "ipam: provide[0]: value", CNI_DECODING_FAILURE },
	{ "{\"provide\":[{\"value\":\"a\"}]}", "ipam: provide[0]: Can not parse option \"\"", CNI_INVALID_CONFIG },
	{ "{\"provide\":[{\"option\":\"0\"}]}", "from 1 to 254", CNI_INVALID_CONFIG },
	{ "{\"request\":[{\"option\":\"255\"}]}", "ipam: request[0]: Can not parse", CNI_INVALID_CONFIG },
	{ "{\"request\":[{\"option\":\"+3\"}]}", "\"+3\"", CNI_INVALID_CONFIG },
	{ "{\"request\":[{\"option\":\"Routers\"}]}", "\"Routers\"", CNI_INVALID_CONFIG },
	{ "{\"provide\":[{\"option\":\"53\",\"value\":\"a\"}]}", "the client's own", CNI_INVALID_CONFIG },
};

static void test_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct dhcp_conf c = { .priority = 99 };
		struct err e = ERR_INIT;
		struct arena a;

		arena_init(&a, NULL, 0);
		if (read_conf(&a, bad[i].conf, "", &c, &e))
			fail_msg("%s was taken", bad[i].conf);
		if (!strstr(e.text, bad[i].why) || e.code != bad[i].code)
			fail_msg("%s: %d %s", bad[i].conf, e.code, e.text);
		assert_int_equal(c.priority, 99);
		arena_done(&a);
	}
}

static void test_lengths(void **state)
{
	struct err e = ERR_INIT;
	struct dhcp_conf c;
	struct arena a;
	char value[257];

	(void)state;
	arena_init(&a, NULL, 0);
	memset(value, 'v', 256);
	value[256] = '\0';
	for (size_t len = 255; len <= 256; len++) {
		const char *conf =
			arena_printf(&a, "{\"provide\":[{\"option\":\"60\",\"value\":\"%.*s\"}]}", (int)len, value);
		const char *from = "{\"provide\":[{\"option\":\"60\",\"fromArg\":\"K\"}]}";

		assert_int_equal(read_conf(&a, conf, "", &c, &e), len == 255);
		assert_int_equal(read_conf(&a, from, arena_printf(&a, "K=%.*s", (int)len, value), &c, &e), len == 255);
	}
	assert_non_null(strstr(e.text, "from CNI_ARGS \"K\": 256 bytes, at most 255"));
	for (size_t len = 107; len <= 108; len++)
		assert_int_equal(read_conf(&a, arena_printf(&a, "{\"daemonSocketPath\":\"%.*s\"}", (int)len, value), "",
					   &c, &e),
				 len == 107);
	arena_done(&a);
}

static void test_versions(void **state)
{
	static const struct {
		const char *conf;
		unsigned versions;
	} rows[] = {
		{ "{}", DHCP_VERSION_4 },
		{ "{\"version\":null}", DHCP_VERSION_4 },
		{ "{\"version\":4}", DHCP_VERSION_4 },
		{ "{\"version\":\"4\"}", DHCP_VERSION_4 },
		{ "{\"Version\":6}", DHCP_VERSION_6 },
		{ "{\"version\":\"6\"}", DHCP_VERSION_6 },
		{ "{\"version\":\"dual\"}", DHCP_VERSION_4 | DHCP_VERSION_6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dhcp_conf c = { .versions = 0 };
		struct err e = ERR_INIT;
		struct arena a;

		arena_init(&a, NULL, 0);
		assert_true(read_conf(&a, rows[i].conf, "", &c, &e));
		assert_int_equal(c.versions, rows[i].versions);
		arena_done(&a);
	}
}

static void test_absent(void **state)
{
	const char *socket = "untouched";
	struct err e = ERR_INIT;
	struct dhcp_conf c;
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_false(dhcp_conf_read(&a, NULL, "", &c, &e));
	assert_int_equal(e.code, CNI_INVALID_CONFIG);
	assert_false(dhcp_conf_socket(&a, NULL, &socket, &e));
	assert_string_equal(socket, "untouched");
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
