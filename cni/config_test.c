// SPDX-License-Identifier: Apache-2.0
#include "cni/config.h"
#include "cni/error.h"
#include "cni/test.h"

static struct arena a;

static int setup(void **state)
{
	(void)state;
	arena_init(&a, NULL, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_done(&a);
	return 0;
}

static struct netconf conf_of(const char *text)
{
	struct netconf c = { .name = NULL };
	struct err e;

	if (!netconf_read(&a, json_of(&a, text), &c, &e))
		broken("%s: %s", text, e.text);
	return c;
}

static void test_nothing(void **state)
{
	static const char *const cases[] = {
		"{}",
		"null",
		("{\"name\":null,\"cniVersion\":null,\"ipam\":null,\"prevResult\":null,"
		 "\"args\":null,\"cni.dev/valid-attachments\":null}"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct netconf c = conf_of(cases[i]);

		assert_string_equal(c.version, "0.1.0");
		assert_string_equal(c.name, "");
		assert_string_equal(c.type, "");
		assert_string_equal(c.ipam_type, "");
		assert_null(c.ipam);
		assert_null(c.prev);
		assert_null(c.runtime);
		assert_null(c.args_cni);
		assert_true(dns_is_empty(&c.dns));
		assert_false(c.has_valid);
		assert_int_equal(c.n_valid, 0);
	}
	assert_string_equal(conf_of("{\"cniVersion\":\"\"}").version, "0.1.0");
}

static void test_everything(void **state)
{
	struct netconf c = conf_of(
		"{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"bridge\",\"ipam\":{\"type\":\"host-local\","
		"\"subnet\":\"10.0.0.0/8\"},\"dns\":{\"nameservers\":[\"1.1.1.1\",\"::1\"],\"domain\":\"d\","
		"\"search\":[\"s\"],\"options\":[]},\"prevResult\":{\"ips\":[]},\"runtimeConfig\":{\"mac\":\"x\"},"
		"\"args\":{\"cni\":{\"labels\":[]}},\"capabilities\":{\"mac\":true},\"x\":1e21}");

	(void)state;
	assert_string_equal(c.version, "1.1.0");
	assert_string_equal(c.name, "net");
	assert_string_equal(c.type, "bridge");
	assert_string_equal(c.ipam_type, "host-local");
	assert_true(json_str_is(json_get(c.ipam, "subnet"), "10.0.0.0/8"));
	assert_non_null(json_get(c.prev, "ips"));
	assert_non_null(json_get(c.runtime, "mac"));
	assert_non_null(json_get(c.args_cni, "labels"));
	assert_string_equal(c.dns.nameservers[0], "1.1.1.1");
	assert_string_equal(c.dns.nameservers[1], "::1");
	assert_null(c.dns.nameservers[2]);
	assert_string_equal(c.dns.domain, "d");
	assert_string_equal(c.dns.search[0], "s");
	assert_null(c.dns.options[0]);
}

/* Keys fold; of several spellings the last in the document wins, whatever its case. */
static void test_folded_and_repeated_keys(void **state)
{
	struct netconf c =
		conf_of("{\"NAME\":\"a\",\"CniVersion\":\"0.4.0\",\"Type\":\"t\",\"IPAM\":{\"TYPE\":\"static\"},"
			"\"RuntimeConfig\":{},\"PREVRESULT\":{},\"Args\":{\"CNI\":{}},"
			"\"CNI.dev/Valid-Attachments\":[{\"ContainerId\":\"c\",\"IFNAME\":\"e\"}]}");

	(void)state;
	assert_string_equal(c.name, "a");
	assert_string_equal(c.version, "0.4.0");
	assert_string_equal(c.type, "t");
	assert_string_equal(c.ipam_type, "static");
	assert_non_null(c.runtime);
	assert_non_null(c.prev);
	assert_non_null(c.args_cni);
	assert_int_equal(c.n_valid, 1);
	assert_string_equal(c.valid[0].container_id, "c");
	assert_string_equal(c.valid[0].ifname, "e");
	assert_string_equal(conf_of("{\"name\":\"a\",\"NAME\":\"b\"}").name, "b");
	assert_string_equal(conf_of("{\"NAME\":\"b\",\"name\":\"a\"}").name, "a");
	assert_string_equal(conf_of("{\"name\":\"a\",\"name\":null}").name, "a");
	assert_string_equal(conf_of("{\"ipam\":{\"type\":\"x\"},\"ipam\":{\"subnet\":1}}").ipam_type, "x");
	assert_string_equal(conf_of("{\"dns\":{\"domain\":\"x\"},\"dns\":{\"search\":[]}}").dns.domain, "x");
}

static void test_valid_attachments(void **state)
{
	struct netconf c;

	(void)state;
	c = conf_of("{\"cni.dev/valid-attachments\":[],\"cni.dev/attachments\":[{\"containerID\":\"x\"}]}");
	assert_true(c.has_valid);
	assert_int_equal(c.n_valid, 0);
	c = conf_of("{\"cni.dev/attachments\":[{\"containerID\":\"x\"},{\"ifname\":\"e\",\"more\":1}]}");
	assert_true(c.has_valid);
	assert_int_equal(c.n_valid, 2);
	assert_string_equal(c.valid[0].container_id, "x");
	assert_string_equal(c.valid[0].ifname, "");
	assert_string_equal(c.valid[1].container_id, "");
	assert_string_equal(c.valid[1].ifname, "e");
	c = conf_of("{\"cni.dev/valid-attachments\":null,\"cni.dev/attachments\":[{}]}");
	assert_true(c.has_valid);
	assert_int_equal(c.n_valid, 1);
}

static void test_wrong_types(void **state)
{
	static const char *const cases[] = {
		"[]", "7", "\"x\"", "{\"name\":5}", "{\"cniVersion\":1.0}", "{\"type\":[]}", "{\"ipam\":\"host-local\"}",
		"{\"ipam\":{\"type\":5}}", "{\"dns\":[]}", "{\"dns\":{\"nameservers\":\"x\"}}", "{\"dns\":{\"search\":[1]}}",
		"{\"dns\":{\"options\":[null]}}", "{\"dns\":{\"domain\":{}}}", "{\"cni.dev/valid-attachments\":{}}",
		"{\"cni.dev/attachments\":[null]}", "{\"cni.dev/attachments\":[{\"ifname\":1}]}", "{\"name\":5,\"name\":\"a\"}",
		"{\"name\":\"a\\u0000b\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct netconf c = { .name = "untouched" };
		struct err e = ERR_INIT;

		if (netconf_read(&a, json_of(&a, cases[i]), &c, &e))
			broken("%s was read", cases[i]);
		assert_int_equal(e.code, CNI_DECODING_FAILURE);
		assert_string_equal(c.name, "untouched");
	}
}

static void test_words(void **state)
{
	static const char *const good[] = { "a", "0", "A-b_c.d", "some-container-id", "0-", "a..", "n1" };
	static const char *const bad[] = {
		"some-%%container-id", "-a", ".a", "_a", "a b", "a/b", "a\n", "\xC3\xA4", "a:"
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(container_id_valid(good[i], &e));
		assert_true(network_name_valid(good[i], &e));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(container_id_valid(bad[i], &e));
		assert_int_equal(e.code, CNI_INVALID_ENVIRONMENT);
		assert_string_equal(e.text, "invalid characters in containerID");
		assert_string_equal(e.details, bad[i]);
		assert_false(network_name_valid(bad[i], &e));
		assert_int_equal(e.code, CNI_INVALID_CONFIG);
		assert_string_equal(e.text, "invalid characters found in network name");
		assert_string_equal(e.details, bad[i]);
	}
	assert_false(container_id_valid("", &e));
	assert_int_equal(e.code, CNI_UNKNOWN_CONTAINER);
	assert_false(network_name_valid("", &e));
	assert_int_equal(e.code, CNI_INVALID_CONFIG);
	assert_string_equal(e.text, "missing network name");
}

static void test_interface_names(void **state)
{
	static const char *const good[] = {
		"e", "eth0", "123456789012345", "...", "a\xFF", "\xC3\xA4", "-", "a\xE2\x80",
	};
	static const char *const bad[] = {
		"", "1234567890123456", ".", "..", "a/b", "a:b", "a b", "a%b", "net%d", "a\tb", "a\n", "\va", "a\f",
		"a\r", "a\xC2\xA0", "a\xC2\x85",
		"\xE1\x9A\x80", "a\xE2\x80\x80", "a\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF",
		"\xE2\x81\x9F", "\xE3\x80\x80", "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4",
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!ifname_valid(good[i], &e))
			broken("%s: %s", good[i], e.text);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (ifname_valid(bad[i], &e))
			broken("\"%s\" was taken", bad[i]);
		assert_int_equal(e.code, CNI_INVALID_ENVIRONMENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_folded_and_repeated_keys),
		cmocka_unit_test(test_valid_attachments),
		cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_interface_names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
