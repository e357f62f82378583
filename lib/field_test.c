// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>

#include "lib/field.h"
#include "lib/ip.h"

#include <cmocka.h>

struct range {
	const char *subnet;
	uint32_t count;
};

struct ipam {
	const char *type;
	struct list ranges; /* of struct list of struct range */
	struct list names;  /* of const char * */
};

struct conf {
	const char *name;
	bool gateway, has_gateway;
	uint32_t mtu;
	int32_t priority;
	uint64_t rate;
	const struct json *raw;
	struct ip ip;
	struct cidr cidr;
	struct mac mac;
	struct ipam ipam;
};

static const struct field range_rows[] = {
	FIELD(struct range, subnet, read_str, .required = true),
	FIELD(struct range, count, read_u32),
	{ 0 },
};
static const struct field_list range_list = { sizeof(struct range), { .read = read_object, .arg = range_rows } };
static const struct field_list set_list = { sizeof(struct list), { .read = read_list, .arg = &range_list } };
static const struct field_list name_list = { sizeof(const char *), { .read = read_str } };

static const struct field ipam_rows[] = {
	FIELD(struct ipam, type, read_str, .required = true),
	FIELD(struct ipam, ranges, read_list, .arg = &set_list),
	FIELD(struct ipam, names, read_list, .arg = &name_list),
	{ 0 },
};

static const struct field conf_rows[] = {
	FIELD(struct conf, name, read_str),
	FIELD_AS("isGateway", struct conf, gateway, read_bool),
	FIELD_AS("isGateway", struct conf, has_gateway, read_present),
	FIELD(struct conf, mtu, read_u32),
	FIELD(struct conf, priority, read_i32),
	FIELD(struct conf, rate, read_u64),
	FIELD(struct conf, raw, read_json),
	FIELD(struct conf, ip, read_ip),
	FIELD(struct conf, cidr, read_cidr),
	FIELD(struct conf, mac, read_mac),
	FIELD(struct conf, ipam, read_object, .arg = ipam_rows),
	{ 0 },
};

static struct arena arena;

static const struct json *parse(const char *text)
{
	const struct json *j;
	struct err e = ERR_INIT;

	if (!json_parse(&arena, (struct bytes){ text, strlen(text) }, &j, &e))
		fail_msg("%s: %s", text, e.text);
	return j;
}

static struct conf decode(const char *text)
{
	struct conf c = { .mtu = 1500 };
	struct err e = ERR_INIT;

	if (!json_fields(&arena, parse(text), conf_rows, &c, &e))
		fail_msg("%s: %s", text, e.text);
	assert_string_equal(e.text, "");
	return c;
}

static int done(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static void test_all_readers(void **state)
{
	struct conf c = decode("{\"name\":\"n\\u0041\",\"isGateway\":true,\"mtu\":4294967295,\"priority\":-2147483648,"
			       "\"rate\":18446744073709551615,\"raw\":{\"x\":1.50},\"ip\":\"10.1.2.3\","
			       "\"cidr\":\"10.1.2.3/24\",\"mac\":\"02:00:00:00:00:01\",\"unknown\":[1],"
			       "\"ipam\":{\"type\":\"host-local\",\"names\":[\"a\",\"b\"]}}");
	struct ip ip = ip4(10, 1, 2, 3);

	(void)state;
	assert_string_equal(c.name, "nA");
	assert_true(c.gateway && c.has_gateway);
	assert_true(c.mtu == UINT32_MAX && c.priority == INT32_MIN && c.rate == UINT64_MAX);
	assert_memory_equal(c.raw->raw.data, "{\"x\":1.50}", c.raw->raw.len);
	assert_true(ip_eq(&c.ip, &ip) && ip_eq(&c.cidr.ip, &ip));
	assert_int_equal(c.cidr.len, 24);
	assert_memory_equal(c.mac.b, "\x02\0\0\0\0\x01", 6);
	assert_string_equal(c.ipam.type, "host-local");
	assert_int_equal(c.ipam.names.n, 2);
	assert_string_equal(((const char **)c.ipam.names.items)[1], "b");
}

static void test_nested_lists(void **state)
{
	struct conf c = decode(
		"{\"ipam\":{\"type\":\"x\",\"ranges\":[[{\"subnet\":\"s0\"},{\"subnet\":\"s1\",\"count\":3}],[]]}}");
	const struct list *sets = c.ipam.ranges.items;
	const struct range *r = sets[0].items;

	(void)state;
	assert_int_equal(c.ipam.ranges.n, 2);
	assert_int_equal(sets[0].n, 2);
	assert_int_equal(sets[1].n, 0);
	assert_string_equal(r[0].subnet, "s0");
	assert_int_equal(r[0].count, 0);
	assert_string_equal(r[1].subnet, "s1");
	assert_int_equal(r[1].count, 3);
}

static void test_null_and_absent_leave_defaults(void **state)
{
	struct conf c = decode("{\"mtu\":null,\"isGateway\":null,\"raw\":null,\"ipam\":null}");

	(void)state;
	assert_int_equal(c.mtu, 1500);
	assert_false(c.has_gateway);
	assert_null(c.raw);
	assert_null(c.ipam.type);
	assert_int_equal(decode("{}").mtu, 1500);
	assert_int_equal(decode("null").mtu, 1500);
	assert_int_equal(decode("{\"mtu\":9000,\"mtu\":null}").mtu, 9000);
}

static void test_nothing_to_decode(void **state)
{
	struct conf c = { .mtu = 7 };
	struct ipam i = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_true(json_fields(&arena, NULL, conf_rows, &c, &e));
	assert_int_equal(c.mtu, 7);
	assert_false(json_fields(&arena, NULL, ipam_rows, &i, &e));
	assert_string_equal(e.text, "type: missing key");
}

static void test_later_key_wins_in_any_case(void **state)
{
	(void)state;
	assert_string_equal(decode("{\"name\":\"a\",\"NAME\":\"b\"}").name, "b");
	assert_string_equal(decode("{\"NAME\":\"b\",\"name\":\"a\"}").name, "a");
	assert_true(decode("{\"ISGATEWAY\":true}").has_gateway);
}

static void test_objects_merge_and_lists_replace(void **state)
{
	struct conf c = decode("{\"ipam\":{\"type\":\"a\",\"names\":[\"1\",\"2\"]},\"IPAM\":{\"type\":\"b\"}}");

	(void)state;
	assert_string_equal(c.ipam.type, "b");
	assert_int_equal(c.ipam.names.n, 2);
	c = decode("{\"ipam\":{\"type\":\"a\",\"names\":[\"1\",\"2\"],\"Names\":[\"3\"]}}");
	assert_int_equal(c.ipam.names.n, 1);
	assert_string_equal(((const char **)c.ipam.names.items)[0], "3");
	c = decode("{\"ipam\":{\"type\":\"a\",\"names\":[\"1\",\"2\"],\"Names\":[]}}");
	assert_int_equal(c.ipam.names.n, 0);
}

static void test_failures_carry_the_path(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "[]", "want an object, have an array" },
		{ "\"x\"", "want an object, have a string" },
		{ "{\"name\":1}", "name: want a string, have a number" },
		{ "{\"NAME\":1}", "name: want a string, have a number" },
		{ "{\"name\":\"a\\u0000b\"}", "name: want a string without NUL characters" },
		{ "{\"isgateway\":\"true\"}", "isGateway: want a boolean, have a string" },
		{ "{\"isGateway\":0}", "isGateway: want a boolean, have a number" },
		{ "{\"mtu\":4294967296}", "mtu: want an integer from 0 to 4294967295, have 4294967296" },
		{ "{\"mtu\":-1}", "mtu: want an integer from 0 to 4294967295, have -1" },
		{ "{\"mtu\":1500.0}", "mtu: want an integer, have 1500.0" },
		{ "{\"mtu\":15e2}", "mtu: want an integer, have 15e2" },
		{ "{\"mtu\":\"1500\"}", "mtu: want an integer, have a string" },
		{ "{\"priority\":2147483648}",
		  "priority: want an integer from -2147483648 to 2147483647, have 2147483648" },
		{ "{\"rate\":18446744073709551616}",
		  "rate: want an integer from 0 to 18446744073709551615, have 18446744073709551616" },
		{ "{\"ip\":\"10.0.0\"}", "ip: invalid IP address: 10.0.0" },
		{ "{\"ip\":\"[::1]\"}", "ip: invalid IP address: [::1]" },
		{ "{\"ip\":10}", "ip: want a string, have a number" },
		{ "{\"cidr\":\"10.0.0.0\"}", "cidr: invalid CIDR address: 10.0.0.0" },
		{ "{\"mac\":{}}", "mac: want a string, have an object" },
		{ "{\"ipam\":[]}", "ipam: want an object, have an array" },
		{ "{\"ipam\":{}}", "ipam: type: missing key" },
		{ "{\"ipam\":{\"type\":null}}", "ipam: type: missing key" },
		{ "{\"ipam\":{\"type\":\"x\",\"ranges\":{}}}", "ipam: ranges: want an array, have an object" },
		{ "{\"ipam\":{\"type\":\"x\",\"ranges\":[1]}}", "ipam: ranges[0]: want an array, have a number" },
		{ "{\"ipam\":{\"type\":\"x\",\"ranges\":[[],[1]]}}",
		  "ipam: ranges[1][0]: want an object, have a number" },
		{ "{\"ipam\":{\"type\":\"x\",\"ranges\":[[{\"subnet\":\"s\"},{\"subnet\":1}]]}}",
		  "ipam: ranges[0][1]: subnet: want a string, have a number" },
		{ "{\"ipam\":{\"type\":\"x\",\"ranges\":[[{\"count\":1}]]}}",
		  "ipam: ranges[0][0]: subnet: missing key" },
		{ "{\"ipam\":{\"type\":\"x\",\"ranges\":[[null]]}}", "ipam: ranges[0][0]: want an object, have null" },
		{ "{\"ipam\":{\"type\":\"x\",\"names\":[\"a\",null]}}", "ipam: names[1]: want a string, have null" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = ERR_INIT;
		struct conf c = { 0 };

		if (json_fields(&arena, parse(rows[i].text), conf_rows, &c, &e))
			fail_msg("accepted: %s", rows[i].text);
		assert_string_equal(e.text, rows[i].said);
	}
}

/* A reader that blames something: number, code and details come through a list's index. */
static bool read_blame(struct arena *a, const struct json *v, void *dst, const struct field *f, struct err *e)
{
	(void)a, (void)v, (void)dst;
	(fail_code)(e, 7, "%s", (const char *)f->arg);
	err_details(e, "because");
	return false;
}

static void test_code_and_details_survive_the_path(void **state)
{
	static const struct field_list list = { 1, { .read = read_blame, .arg = "no" } };
	static const struct field rows[] = { { .name = "a", .read = read_list, .arg = &list }, { 0 } };
	struct list dst = { NULL, 99 };
	struct err e = ERR_INIT;

	(void)state;
	assert_false(json_fields(&arena, parse("{\"a\":[1]}"), rows, &dst, &e));
	assert_string_equal(e.text, "a[0]: no");
	assert_string_equal(e.details, "because");
	assert_int_equal(e.code, 7);
	assert_int_equal(dst.n, 99);
}

/* Only a text that begins with the index of a list is glued to the key. */
static void test_what_looks_like_an_index(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "[0]: no", "a[0]: no" },   { "[12][3]: no", "a[12][3]: no" }, { "[]: no", "a: []: no" },
		{ "x1]: no", "a: x1]: no" }, { "[1] is bad", "a: [1] is bad" }, { "[::1]: no", "a: [::1]: no" },
		{ "[", "a: [" },	     { "", "a: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct field table[] = { { .name = "a", .read = read_blame, .arg = rows[i].text }, { 0 } };
		struct err e = ERR_INIT;
		char none;

		assert_false(json_fields(&arena, parse("{\"a\":1}"), table, &none, &e));
		assert_string_equal(e.text, rows[i].said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_all_readers, done),
		cmocka_unit_test_teardown(test_nested_lists, done),
		cmocka_unit_test_teardown(test_null_and_absent_leave_defaults, done),
		cmocka_unit_test_teardown(test_nothing_to_decode, done),
		cmocka_unit_test_teardown(test_later_key_wins_in_any_case, done),
		cmocka_unit_test_teardown(test_objects_merge_and_lists_replace, done),
		cmocka_unit_test_teardown(test_failures_carry_the_path, done),
		cmocka_unit_test_teardown(test_code_and_details_survive_the_path, done),
		cmocka_unit_test_teardown(test_what_looks_like_an_index, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
