// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <errno.h>

#include "cni/invoke.h"
#include "cni/error.h"
#include "lib/str.h"

#include <cmocka.h>

#define EXIT(n) ((n) << 8)
#define SIGNAL(n) (n)

static struct arena a;

static struct bytes text(const char *s)
{
	return (struct bytes){ s, strlen(s) };
}

static const struct {
	int status;
	const char *out, *err;
	bool ok;
	int code;
	const char *says, *details;
} rows[] = {
	{ 0, "", "", true, 0, NULL, "" },
	{ 0, "{}", "noise", true, 0, NULL, "" },
	{ 0, "not JSON", "", true, 0, NULL, "" },
	{ 0, "{\"cniVersion\":\"1.0.0\",\"code\":7,\"msg\":\"no\",\"details\":\"d\"}", "", false, 7,
	  "it ended with exit status 0 but says that it failed: no", "d" },
	{ 0, "{\"cniVersion\":\"1.0.0\"}\n{\"code\":8,\"msg\":\"same namespace\"}", "", false, 8,
	  "it ended with exit status 0 but says that it failed: same namespace", "" },
	{ 0, "{\"code\":0,\"msg\":\"fine\"}", "", true, 0, NULL, "" },
	{ EXIT(1), "{\"code\":11,\"msg\":\"later\",\"details\":\"d\"}", "s", false, 11, "later", "d" },
	{ EXIT(1), "{\"Code\":11,\"Msg\":\"later\"}", "", false, 11, "later", "" },
	{ EXIT(1), "{\"cniVersion\":\"1.0.0\",\"ips\":[]}{\"code\":8,\"msg\":\"same {namespace\"}", "", false, 8,
	  "same {namespace", "" },
	{ EXIT(1), "log: \"hello\n{\"code\":100,\"msg\":\"bad\"}\n", "", false, 100, "bad", "" },
	{ EXIT(1), "{}", "", false, 0, "exit status 1, error code 0 without a message", "" },
	{ EXIT(2), "{\"code\":5}", "", false, 5, "exit status 2, error code 5 without a message", "" },
	{ EXIT(1), "{\"code\":-1,\"msg\":\"x\"}", "", false, 0,
	  "exit status 1, and its output is no error object: {\"code\":-1,\"msg\":\"x\"}", "" },
	{ EXIT(3), "oops\nat line 3\n", "", false, 0,
	  "exit status 3, and its output is no error object: oops at line 3", "" },
	{ EXIT(3), "", "", false, 0, "exit status 3, and it printed nothing", "" },
	{ EXIT(3), "", " panic: x\n\tat y\n", false, 0, "exit status 3: panic: x  at y", "" },
	{ SIGNAL(11), "", "", false, 0, "killed by signal 11 (Segmentation fault), and it printed nothing", "" },
	{ SIGNAL(9), "{\"cniVersion\":\"1.0.0\"}", "", false, 0,
	  "killed by signal 9 (Killed), error code 0 without a message", "" },
};

static void test_judge(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reply r = {
			.end = { .status = rows[i].status, .out = text(rows[i].out), .err = text(rows[i].err) }
		};
		struct err e = ERR_INIT;

		assert_int_equal(invoke_judge(&a, &r, &e), rows[i].ok);
		if (rows[i].ok)
			continue;
		assert_string_equal(e.text, rows[i].says);
		assert_int_equal(e.code, rows[i].code);
		assert_string_equal(e.details, rows[i].details);
	}
}

static void test_stderr_is_kept(void **state)
{
	char *much = arena_alloc(&a, 10001);
	struct reply r = { .end = { .out = text("{\"code\":11,\"msg\":\"later\"}"), .status = EXIT(1) } };
	struct err e = ERR_INIT;

	(void)state;
	r.end.err = text("reason\n");
	assert_false(invoke_judge(&a, &r, &e));
	assert_false(invoke_add_stderr(&a, &r.end, &e));
	assert_string_equal(e.text, "later (stderr: reason)");
	assert_false(invoke_add_stderr(&a, &r.end, &e));
	assert_string_equal(e.text, "later (stderr: reason)");
	/* Of much, the end; and whole characters. */
	memset(much, 'x', 10000);
	memcpy(much + 9598, "\xC3\xA4", 2);
	memcpy(much + 9994, " done\n", 6);
	r.end.err = text(much);
	e = (struct err){ .text = "short" };
	invoke_add_stderr(&a, &r.end, &e);
	assert_true(str_starts(e.text, "short (stderr: ...x"));
	assert_true(str_ends(e.text, "x done)"));
	assert_true(strlen(e.text) < 450);
}

static bool result(const char *out, const char *version, struct result *ret, struct err *e)
{
	struct reply r = { .end = { .out = text(out) } };
	const struct json *j;

	*e = ERR_INIT;
	assert_true(invoke_judge(&a, &r, e));
	return invoke_result(&a, &r, version, ret, &j, e);
}

static void test_results(void **state)
{
	static const char *const unlabelled[] = { "{}", "{\"cniVersion\":\"\"}", "{\"cniVersion\":null}", " null\n" };
	struct result r;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(unlabelled); i++) {
		assert_true(result(unlabelled[i], "0.4.0", &r, &e));
		assert_string_equal(r.version, "0.4.0");
	}
	assert_true(result("{\"cniVersion\":\"0.3.1\"}", "1.0.0", &r, &e));
	assert_string_equal(r.version, "0.3.1");
	assert_false(result("", "1.0.0", &r, &e));
	assert_int_equal(e.code, CNI_DECODING_FAILURE);
	assert_non_null(strstr(e.text, "printed no result"));
	assert_false(result("  \n", "1.0.0", &r, &e));
	assert_false(result("hello {}", "1.0.0", &r, &e));
	assert_int_equal(e.code, CNI_DECODING_FAILURE);
	assert_non_null(strstr(e.text, "it printed: hello {}"));
	assert_false(result("[]", "1.0.0", &r, &e));
	assert_false(result("{\"cniVersion\":\"0.9.0\"}", "1.0.0", &r, &e));
	assert_int_equal(e.code, CNI_DECODING_FAILURE);
}

/* What is quoted is UTF-8, and cut between characters. */
static void test_quotes_are_text(void **state)
{
	char *much = arena_alloc(&a, 1001);
	struct reply r = { .end = { .status = EXIT(1), .out = text("no\xFF\xC3") } };
	struct err e = ERR_INIT;

	(void)state;
	assert_false(invoke_judge(&a, &r, &e));
	assert_string_equal(e.text, "exit status 1, and its output is no error object: no\xEF\xBF\xBD\xEF\xBF\xBD");
	memset(much, 0xFF, 1000);
	r.end.err = text(much);
	assert_false(invoke_add_stderr(&a, &r.end, &e));
	assert_true(str_ends(e.text, "..."));
	for (const char *p = e.text, *end = p + strlen(p); p < end; p += utf8_len(p, end))
		assert_int_not_equal(utf8_len(p, end), 0);
}

static void test_env(void **state)
{
	char *base[] = { "A=1", "CNI_COMMAND=x", "B=2", "CNI_COMMANDS=keep", "A=3", "CNI_COMMAND=y", "odd", NULL };
	const struct arg set[] = { { "CNI_COMMAND", "ADD" }, { "CNI_ARGS", NULL } };
	static const char *const expect[] = {
		"B=2", "CNI_COMMANDS=keep", "A=3", "odd", "CNI_COMMAND=ADD", "CNI_ARGS="
	};
	char **env = env_with(&a, base, set, ARRAY_LEN(set));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(expect); i++)
		assert_string_equal(env[i], expect[i]);
	assert_null(env[ARRAY_LEN(expect)]);
	assert_string_equal(env_with(&a, NULL, set, 1)[0], "CNI_COMMAND=ADD");
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
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_stderr_is_kept),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_quotes_are_text),
		cmocka_unit_test(test_env),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
