// SPDX-License-Identifier: Apache-2.0
#include "cni/request.h"

#include <fcntl.h>
#include <unistd.h>

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

static struct request request(enum command c)
{
	return (struct request){
		.command = c,
		.container_id = "c1",
		.netns = "/nowhere",
		.ifname = "eth0",
		.args = "",
		.path = "/x",
		.arena = &a,
	};
}

static void test_command_names(void **state)
{
	static const char *const strangers[] = { "", "add", "ADD ", "NOPE", "A" };

	(void)state;
	for (int c = 0; c < COMMANDS; c++)
		assert_int_equal(command_parse(command_names[c]), c);
	for (size_t i = 0; i < ARRAY_LEN(strangers); i++)
		assert_int_equal(command_parse(strangers[i]), COMMANDS);
}

/* SK1 to SK5: which variables each command needs, as letters. */
static void test_needed_variables(void **state)
{
	static const char *const needed[COMMANDS + 1] = { "INFP", "INFP", "IFP", "P", "P", "", "" };
	static const char letters[] = "INFAP";
	static const char *const names[] = { "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH" };

	(void)state;
	for (int c = 0; c <= COMMANDS; c++)
		for (size_t i = 0; letters[i]; i++) {
			struct request r = request(c);
			const char **at[] = { &r.container_id, &r.netns, &r.ifname, &r.args, &r.path };
			bool want = !strchr(needed[c], letters[i]);
			struct err e;

			*at[i] = "";
			assert_int_equal(request_variables_check(&r, &e), want);
			if (!want) {
				assert_int_equal(e.code, CNI_INVALID_ENVIRONMENT);
				assert_string_equal(e.text,
						    arena_printf(&a, "required env variables [%s] missing", names[i]));
			}
		}
}

static void test_invalid_wins_over_missing(void **state)
{
	struct request r = request(COMMAND_ADD);
	struct err e;

	(void)state;
	r.netns = r.path = "";
	assert_false(request_variables_check(&r, &e));
	assert_string_equal(e.text, "required env variables [CNI_NETNS,CNI_PATH] missing");
	r.container_id = "some-%%container-id";
	assert_false(request_variables_check(&r, &e));
	assert_string_equal(e.details, "some-%%container-id");
	r.container_id = "";
	r.ifname = "a/b";
	assert_false(request_variables_check(&r, &e));
	assert_non_null(strstr(e.text, "interface name"));
	r.command = COMMAND_STATUS;
	r.path = "/x";
	assert_true(request_variables_check(&r, &e));
}

/* SK10, SK11 and the half of SK13 that is about types. */
static void test_decode(void **state)
{
	static const struct {
		const char *text;
		int code;
	} cases[] = {
		{ "{", 6 },		  { "", 6 },	       { "[]", 6 },
		{ "{\"name\":5}", 6 },	  { "7", 6 },	       { "{\"name\":\"n\"} x", 6 },
		{ "null", 7 },		  { "{}", 7 },	       { "{\"name\":\"te%%st\"}", 7 },
		{ "{\"name\":\"\"}", 7 }, { "{\"name\":null}", 7 },  { "{\"name\":\"n\",\"cniVersion\":1.0}", 6 },
		{ "{\"name\":\"te%%st\",\"cniVersion\":5}", 7 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request r = request(COMMAND_ADD);
		struct err e = ERR_INIT;

		if (request_decode(&r, (struct bytes){ cases[i].text, strlen(cases[i].text) }, &e))
			broken("%s was taken", cases[i].text);
		assert_int_equal(e.code, cases[i].code);
	}
}

static void decode(struct request *r, const char *text)
{
	struct err e;

	if (!request_decode(r, (struct bytes){ text, strlen(text) }, &e) || !netconf_read(&a, r->conf, &r->net, &e))
		broken("%s: %s", text, e.text);
}

static void test_decoded_version(void **state)
{
	struct request r = request(COMMAND_ADD);

	(void)state;
	decode(&r, "{\"name\":\"n\"}");
	assert_string_equal(r.net.version, "0.1.0");
	decode(&r, "{\"name\":\"n\",\"cniVersion\":\"\"}");
	assert_string_equal(r.net.version, "0.1.0");
	decode(&r, "{\"NAME\":\"n\",\"CniVersion\":\"1.0.0\",\"cniversion\":\"0.4.0\"}");
	assert_string_equal(r.net.version, "0.4.0");
}

/* SK12 to SK15 */
static void test_versions(void **state)
{
	static const char *const odd[] = { "4.3.2", NULL }, *const old[] = { "0.1.0", "0.3.0", NULL };
	static const char *const garbage[] = { "0.4.0", "asdf", "1.0.0", NULL };
	static const struct {
		enum command command;
		const char *version;
		const char *const *speaks;
		int code;
	} cases[] = {
		{ COMMAND_ADD, "0.1.0", versions_all, 0 },
		{ COMMAND_DEL, "1.1.0", versions_all, 0 },
		{ COMMAND_ADD, "0.1.0", odd, 1 },
		{ COMMAND_ADD, "1.2.0", versions_all, 1 },
		{ COMMAND_ADD, "1.0", versions_all, 1 },
		{ COMMAND_ADD, "x", versions_all, 1 },
		{ COMMAND_DEL, "x", versions_all, 1 },
		{ COMMAND_CHECK, "x", versions_all, 6 },
		{ COMMAND_GC, "x", versions_all, 6 },
		{ COMMAND_STATUS, "x", versions_all, 6 },
		{ COMMAND_CHECK, "0.3.0", versions_all, 1 },
		{ COMMAND_CHECK, "0.4.0", versions_all, 0 },
		{ COMMAND_CHECK, "0.4.0", old, 1 },
		{ COMMAND_CHECK, "0.4.5", versions_all, 1 },
		{ COMMAND_CHECK, "0.4.0", garbage, 0 },
		{ COMMAND_CHECK, "1.0.0", garbage, 6 },
		{ COMMAND_GC, "1.1.0", versions_all, 0 },
		{ COMMAND_GC, "1.0.0", versions_all, 1 },
		{ COMMAND_GC, "0.3.0", versions_all, 1 },
		{ COMMAND_GC, "1.2.0", versions_all, 1 },
		{ COMMAND_STATUS, "1.1.0", versions_all, 0 },
		{ COMMAND_STATUS, "1.0.0", versions_all, 1 },
		{ COMMAND_STATUS, "1.2.0", versions_all, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request r = request(cases[i].command);
		struct plugin p = { .versions = cases[i].speaks };
		struct err e = ERR_INIT;

		r.net.version = cases[i].version;
		if (request_version_check(&r, &p, &e) != !cases[i].code || e.code != cases[i].code)
			broken("%s at %s: %d %s", command_names[r.command], r.net.version, e.code, e.text);
	}
}

static void test_incompatible_names_both_sides(void **state)
{
	static const char *const odd[] = { "4.3.2", "5.0.0", NULL };
	struct request r = request(COMMAND_ADD);
	struct plugin p = { .versions = odd };
	struct err e;

	(void)state;
	r.net.version = "0.1.0";
	assert_false(request_version_check(&r, &p, &e));
	assert_string_equal(e.text, "incompatible CNI versions");
	assert_string_equal(e.details, "config is \"0.1.0\", plugin supports [\"4.3.2\" \"5.0.0\"]");
}

/* SK17 to SK19 */
static void test_netns(void **state)
{
	static const struct {
		enum command command;
		const char *netns, *override;
		bool want;
	} cases[] = {
		{ COMMAND_ADD, "/proc/self/ns/net", NULL, false },
		{ COMMAND_DEL, "/proc/self/ns/net", NULL, false },
		{ COMMAND_ADD, "/proc/thread-self/ns/net", "", false },
		{ COMMAND_ADD, "/proc/self/ns/net", "yes", false },
		{ COMMAND_ADD, "/proc/self/ns/net", "0", false },
		{ COMMAND_ADD, "/proc/self/ns/net", "1", true },
		{ COMMAND_ADD, "/proc/self/ns/net", "TRUE", true },
		{ COMMAND_DEL, "/proc/self/ns/net", "TrUe", true },
		{ COMMAND_CHECK, "/proc/self/ns/net", NULL, true },
		{ COMMAND_GC, "/proc/self/ns/net", NULL, true },
		{ COMMAND_STATUS, "/proc/self/ns/net", NULL, true },
		{ COMMAND_DEL, "", NULL, true },
		{ COMMAND_DEL, "/nowhere/at/all", NULL, true },
		{ COMMAND_ADD, "/nowhere/at/all", NULL, true },
		{ COMMAND_ADD, "/dev/null", NULL, true },
		{ COMMAND_ADD, "/proc/self/ns/mnt", NULL, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request r = request(cases[i].command);
		struct err e = ERR_INIT;

		r.netns = cases[i].netns;
		if (cases[i].override)
			setenv("CNI_NETNS_OVERRIDE", cases[i].override, 1);
		else
			unsetenv("CNI_NETNS_OVERRIDE");
		if (request_netns_check(&r, &e) != cases[i].want)
			broken("case %zu: %s", i, e.text);
		assert_int_equal(e.code, cases[i].want ? 0 : CNI_INVALID_NETNS);
	}
	unsetenv("CNI_NETNS_OVERRIDE");
}

static enum command called;

static bool on_add(const struct request *r, struct result *ret, struct err *e)
{
	(void)e;
	called = r->command;
	ret->version = "set";
	return true;
}

static bool on_other(const struct request *r, struct err *e)
{
	called = r->command;
	return fail_code(e, 1234, "no");
}

static void test_call(void **state)
{
	const struct plugin full = { .name = "p",
				     .versions = versions_all,
				     .add = on_add,
				     .check = on_other,
				     .del = on_other,
				     .gc = on_other,
				     .status = on_other },
			    none = { .name = "q" };

	(void)state;
	for (int c = 0; c < COMMAND_VERSION; c++) {
		struct request r = request(c);
		struct result result = { .version = NULL };
		struct err e;

		called = COMMANDS;
		assert_int_equal(request_call(&r, &full, &result, &e), c == COMMAND_ADD);
		assert_int_equal(called, c);
		if (c == COMMAND_ADD)
			assert_string_equal(result.version, "set");
		assert_true(request_call(&r, &none, &result, &e));
	}
}

/*
 * RS13: "" is refused by all but the oldest configurations, another family always.
 * DEL takes what it cannot read for absent.
 */
static void test_previous_result(void **state)
{
	static const struct {
		const char *config, *prev, *version; /* version NULL: refused; "": absent */
	} cases[] = {
		{ "1.1.0", "null", "" },
		{ "1.1.0", "{}", "1.1.0" },
		{ "1.1.0", "{\"cniVersion\":\"1.0.0\"}", "1.0.0" },
		{ "1.0.0", "{\"cniVersion\":\"1.1.0\"}", "1.1.0" },
		{ "0.4.0", "{\"cniVersion\":\"0.3.0\"}", "0.3.0" },
		{ "0.2.0", "{\"cniVersion\":\"\"}", "0.1.0" },
		{ "0.4.0", "{\"cniVersion\":\"\"}", NULL },
		{ "1.0.0", "{\"cniVersion\":\"\"}", NULL },
		{ "1.0.0", "{\"cniVersion\":\"0.4.0\"}", NULL },
		{ "0.4.0", "{\"cniVersion\":\"1.0.0\"}", NULL },
		{ "0.3.1", "{\"cniVersion\":\"0.2.0\"}", NULL },
		{ "1.1.0", "{\"cniVersion\":\"5678.456\"}", NULL },
		{ "1.1.0", "{\"cniVersion\":5}", NULL },
		{ "1.1.0", "{\"ips\":[{}]}", NULL },
		{ "1.1.0", "[]", NULL },
		{ "1.1.0", "\"x\"", NULL },
	};
	static const enum command commands[] = { COMMAND_ADD, COMMAND_CHECK, COMMAND_DEL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t j = 0; j < ARRAY_LEN(commands); j++) {
			struct request r = request(commands[j]);
			const char *want = cases[i].version;
			bool there = true, readable = want || commands[j] == COMMAND_DEL;
			struct result prev = { .version = "untouched" };
			struct err e = ERR_INIT;

			decode(&r, arena_printf(&a, "{\"name\":\"n\",\"cniVersion\":\"%s\",\"prevResult\":%s}",
						cases[i].config, cases[i].prev));
			if (request_prev(&r, &prev, &there, &e) != readable)
				broken("%s in %s: %s", cases[i].prev, cases[i].config, e.text);
			if (readable)
				assert_int_equal(there, want && *want);
			assert_string_equal(prev.version, want && *want ? want : "untouched");
			assert_int_equal(request_prev_required(&r, &prev, &e), want && *want);
			assert_true((want && *want) || e.code);
		}
}

static void test_previous_result_demanded(void **state)
{
	struct request r = request(COMMAND_CHECK);
	struct result prev;
	struct err e;

	(void)state;
	decode(&r, "{\"name\":\"n\",\"cniVersion\":\"1.0.0\"}");
	assert_false(request_prev_required(&r, &prev, &e));
	assert_string_equal(e.text, "Required prevResult missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_names),
		cmocka_unit_test(test_needed_variables),
		cmocka_unit_test(test_invalid_wins_over_missing),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_decoded_version),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_incompatible_names_both_sides),
		cmocka_unit_test(test_netns),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_previous_result),
		cmocka_unit_test(test_previous_result_demanded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
