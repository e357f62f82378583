// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cni/plugin.h"
#include "cni/test.h"
#include "lib/fs.h"

/* Delegates are shell scripts in a folder of their own, or this very program by another name. */
static struct arena a;
static char dir[] = "/tmp/delegate_test.XXXXXX";

static int setup(void **state)
{
	(void)state;
	arena_init(&a, NULL, 0);
	return mkdtemp(dir) ? 0 : -1;
}

static void folder_empty(const char *path)
{
	char **names;
	size_t n;
	struct err e;

	if (!fs_list(&a, path, true, &names, &n, &e))
		broken("%s", e.text);
	for (size_t i = 0; i < n; i++) {
		const char *inner = fs_join(&a, path, names[i]);

		if (unlink(inner) < 0) {
			folder_empty(inner);
			rmdir(inner);
		}
	}
}

static int teardown(void **state)
{
	(void)state;
	folder_empty(dir);
	rmdir(dir);
	arena_done(&a);
	return 0;
}

static void script(const char *name, mode_t mode, const char *body)
{
	const char *text = arena_printf(&a, "#!/bin/sh\n%s\n", body);
	struct err e;

	if (!fs_write_atomic(fs_join(&a, dir, name), (struct bytes){ text, strlen(text) }, mode, &e))
		broken("%s", e.text);
}

static struct request request(const char *path, const char *version)
{
	const char *text = arena_printf(&a, "{ \"name\":\"n\",  \"cniVersion\":\"%s\", \"big\":1e21 }\n", version);

	return (struct request){
		.command = COMMAND_ADD,
		.container_id = "c1",
		.netns = "/nowhere",
		.ifname = "eth0",
		.args = "",
		.path = path,
		.stdin_bytes = { text, strlen(text) },
		.conf = json_of(&a, text),
		.net = { .version = version, .name = "n" },
		.arena = &a,
	};
}

static const char *content(const char *name)
{
	struct bytes text;
	struct err e;

	if (!fs_read(&a, fs_join(&a, dir, name), 1 << 20, &text, &e))
		broken("%s", e.text);
	return text.data;
}

static bool call(const struct request *r, enum command c, const char *type, struct err *e)
{
	struct result result;

	switch (c) {
	case COMMAND_ADD: return delegate_add(r, type, &result, e);
	case COMMAND_CHECK: return delegate_check(r, type, e);
	case COMMAND_DEL: return delegate_del(r, type, e);
	case COMMAND_GC: return delegate_gc(r, type, e);
	case COMMAND_STATUS: return delegate_status(r, type, e);
	case COMMAND_VERSION:
	case COMMANDS: break;
	}
	return false;
}

/* The verb is the delegate's own, all else is ours; our environment stays as it was. */
static void test_environment_and_stdin(void **state)
{
	struct request r = request(dir, "1.0.0");
	struct err e = ERR_INIT;

	(void)state;
	script("echoer", 0755,
	       arena_printf(&a,
			    "echo \"$CNI_COMMAND $CNI_IFNAME $MORE\" > %s/env; "
			    "tr '\\0' '\\n' < /proc/$$/environ | grep -c ^CNI_COMMAND= >> %s/env; "
			    "cat > %s/stdin; echo '{}'",
			    dir, dir, dir));
	setenv("CNI_COMMAND", "NOPE", 1);
	setenv("CNI_IFNAME", "eth7", 1);
	setenv("MORE", "more", 1);
	for (int c = 0; c < COMMAND_VERSION; c++) {
		if (!call(&r, c, "echoer", &e))
			broken("%s: %s", command_names[c], e.text);
		assert_string_equal(content("env"), arena_printf(&a, "%s eth7 more\n1\n", command_names[c]));
		assert_string_equal(content("stdin"), r.stdin_bytes.data);
	}
	assert_string_equal(getenv("CNI_COMMAND"), "NOPE");
	unsetenv("CNI_COMMAND");
	assert_true(call(&r, COMMAND_DEL, "echoer", &e));
	assert_string_equal(content("env"), "DEL eth7 more\n1\n");
}

static void test_result(void **state)
{
	struct request r = request(dir, "0.4.0");
	struct result result;
	struct err e = ERR_INIT;

	(void)state;
	script("addresses", 0755, "echo '{\"ips\":[{\"version\":\"4\",\"address\":\"10.1.2.3/24\"}]}'");
	if (!delegate_add(&r, "addresses", &result, &e))
		broken("%s", e.text);
	assert_string_equal(result.version, "0.4.0");
	assert_int_equal(result.n_ips, 1);
	assert_int_equal(result.ips[0].version, '4');
}

static void failed(const char *path, const char *type, int code, const char *text, const char *details)
{
	struct request r = request(path, "1.0.0");

	for (int c = 0; c < COMMAND_VERSION; c++) {
		struct err e = ERR_INIT;

		if (call(&r, c, type, &e))
			broken("%s of %s worked", command_names[c], type);
		assert_int_equal(e.num, 0);
		if (e.code != code || !strstr(e.text, text) || !strstr(e.details, details))
			broken("%s of %s: %d %s; %s", command_names[c], type, e.code, e.text, e.details);
	}
}

static void test_failures(void **state)
{
	struct err e;

	(void)state;
	script("typed", 0755, "echo '{\"code\":77,\"msg\":\"m\",\"details\":\"d\"}'; exit 1");
	script("silent", 0755, "exit 3");
	script("loud", 0755, "echo oops >&2; exit 1");
	script("nameless", 0755, "echo '{\"code\":5}'; exit 1");
	script("two", 0755, "echo '{}{}'; exit 1");
	script("negative", 0755, "echo '{\"code\":-1,\"msg\":\"m\"}'; exit 1");
	script("killed", 0755, "kill -9 $$");
	script("shut", 0644, "true");
	if (!fs_write_atomic(fs_join(&a, dir, "bodiless"), (struct bytes){ "#!/nowhere\n", 11 }, 0755, &e))
		broken("%s", e.text);
	failed(dir, "typed", 77, "m", "d");
	failed(dir, "silent", 0, "plugin silent: exit status 3", "");
	failed(dir, "loud", 0, "plugin loud: exit status 1: oops", "");
	failed(dir, "nameless", 5, "error code 5 without a message", "");
	failed(dir, "two", 0, "plugin two: exit status 1", "");
	failed(dir, "negative", 0, "{\"code\":-1,\"msg\":\"m\"}", "");
	failed(dir, "killed", 0, "killed by signal 9", "");
	failed(dir, "bodiless", 0, "plugin bodiless: ", "");
	failed(dir, "shut", 0, "shut cannot be executed", "");
	failed(dir, "absent", 0, arena_printf(&a, "failed to find plugin \"absent\" in path [%s]", dir), "");
	failed("", "typed", 0, "failed to find plugin \"typed\"", "");
	failed(dir, "..", 0, "failed to find plugin", "");
	failed(dir, "", CNI_INVALID_CONFIG, "no plugin name provided", "");
	failed(dir, "x/typed", CNI_INVALID_CONFIG, "invalid plugin name \"x/typed\"", "");
}

/* An answer that cannot be read leaves nothing behind. */
static void test_unreadable_result_is_undone(void **state)
{
	static const char *const answers[] = { "", "log text {}", "[]", "{\"cniVersion\":\"0.9.0\"}",
					       "{\"ips\":[{}]}" };
	struct request r = request(dir, "1.0.0");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct result result = { .version = "untouched" };
		struct err e;

		script("unreadable", 0755,
		       arena_printf(&a, "echo $CNI_COMMAND >> %s/log%zu; echo '%s'", dir, i, answers[i]));
		assert_false(delegate_add(&r, "unreadable", &result, &e));
		assert_string_equal(result.version, "untouched");
		assert_int_equal(e.code, CNI_DECODING_FAILURE);
		assert_string_equal(content(arena_printf(&a, "log%zu", i)), "ADD\nDEL\n");
	}
}

static void test_search_order(void **state)
{
	const char *second = fs_join(&a, dir, "second");
	struct request r = request(arena_printf(&a, "/nowhere::%s:%s", dir, second), "1.0.0");
	char home[4096];
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(mkdir(second, 0755), 0);
	script("second/shadowed", 0755, "exit 0");
	script("shadowed", 0644, "exit 1");
	assert_true(call(&r, COMMAND_DEL, "shadowed", &e));
	script("shadowed", 0755, "exit 1");
	assert_false(call(&r, COMMAND_DEL, "shadowed", &e));
	assert_int_equal(mkdir(fs_join(&a, dir, "folder"), 0755), 0);
	script("second/folder", 0755, "exit 0");
	assert_true(call(&r, COMMAND_DEL, "folder", &e));
	assert_non_null(getcwd(home, sizeof(home)));
	assert_int_equal(chdir(second), 0);
	r.path = ".";
	assert_true(call(&r, COMMAND_DEL, "shadowed", &e));
	r.path = "../second";
	assert_true(call(&r, COMMAND_DEL, "shadowed", &e));
	assert_int_equal(chdir(home), 0);
}

/* ---- in process ---- */

static enum command called;
static int calls;
static bool unanswerable;

static bool own_add(const struct request *r, struct result *ret, struct err *e)
{
	called = r->command;
	calls++;
	if (!unanswerable)
		for (int i = 0; i < 2; i++)
			if (!cidr_parse(i ? "10.1.2.4/24" : "10.1.2.3/24", &result_add_ip(r->arena, ret)->address, e))
				return false;
	struct result_route *route = result_add_route(r->arena, ret);

	route->mtu = 1400;
	return cidr_parse("0.0.0.0/0", &route->dst, e);
}

static bool own_del(const struct request *r, struct err *e)
{
	called = r->command;
	calls++;
	(void)e;
	return true;
}

static bool own_fail(const struct request *r, struct err *e)
{
	called = r->command;
	calls++;
	return r->command == COMMAND_STATUS ? fail_code(e, CNI_NOT_AVAILABLE, "no") : fail(e, 2, "gone");
}

static bool own_recurse(const struct request *r, struct err *e)
{
	calls++;
	return delegate_del(r, "recurse", e);
}

static const struct plugin own = {
	.name = "own",
	.versions = versions_from_031,
	.add = own_add,
	.check = own_fail,
	.del = own_del,
	.gc = own_fail,
	.status = own_fail,
};
static const struct plugin oldest = {
	.name = "oldest",
	.versions = versions_all,
	.add = own_add,
	.check = own_fail,
	.del = own_del,
	.gc = own_fail,
	.status = own_fail,
};
static const struct plugin recurse = { .name = "recurse", .versions = versions_all, .del = own_recurse };
static const struct plugin *const rows[] = { &oldest, &own, &recurse };
static const struct plugin_table table = { rows, ARRAY_LEN(rows) };

static struct request own_request(const char *version)
{
	struct request r = request(dir, version);
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *path = fs_join(&a, dir, rows[i]->name);

		unlink(path);
		assert_int_equal(symlink(self, path), 0);
	}
	r.table = &table;
	called = COMMANDS;
	calls = 0;
	unanswerable = false;
	return r;
}

static void test_in_process(void **state)
{
	struct request r = own_request("1.1.0");
	struct result result;
	struct err e = ERR_INIT;

	(void)state;
	if (!delegate_add(&r, "own", &result, &e))
		broken("%s", e.text);
	assert_int_equal(called, COMMAND_ADD);
	assert_string_equal(result.version, "1.1.0");
	assert_int_equal(result.n_ips, 2);
	assert_true(delegate_del(&r, "own", &e));
	assert_int_equal(called, COMMAND_DEL);
	assert_int_equal(r.command, COMMAND_ADD);
	assert_false(delegate_status(&r, "own", &e));
	assert_int_equal(e.code, CNI_NOT_AVAILABLE);
	assert_false(delegate_check(&r, "own", &e));
	assert_int_equal(e.code, CNI_INTERNAL);
	assert_int_equal(e.num, 0);
}

/* What a process of its own would have refused before it ran is refused. */
static void test_in_process_checks(void **state)
{
	struct request r = own_request("0.3.0");
	struct result result;
	struct err e = ERR_INIT;

	(void)state;
	assert_false(delegate_add(&r, "own", &result, &e));
	assert_int_equal(e.code, CNI_INCOMPATIBLE_VERSION);
	r = own_request("1.0.0");
	assert_false(delegate_status(&r, "own", &e));
	assert_int_equal(e.code, CNI_INCOMPATIBLE_VERSION);
	assert_false(delegate_gc(&r, "own", &e));
	r.container_id = "";
	assert_false(delegate_del(&r, "own", &e));
	assert_int_equal(e.code, CNI_INVALID_ENVIRONMENT);
	assert_int_equal(calls, 0);
}

/* The oldest shape carries less, and an ADD without addresses cannot be said in it. */
static void test_in_process_loses_what_text_loses(void **state)
{
	struct request r = own_request("0.2.0");
	struct result result = { .version = "untouched" };
	struct err e = ERR_INIT;

	(void)state;
	if (!delegate_add(&r, "oldest", &result, &e))
		broken("%s", e.text);
	assert_string_equal(result.version, "0.2.0");
	assert_int_equal(result.n_ips, 1);
	assert_int_equal(result.routes[0].mtu, 0);
	r = own_request("0.2.0");
	unanswerable = true;
	result.version = "untouched";
	assert_false(delegate_add(&r, "oldest", &result, &e));
	assert_string_equal(result.version, "untouched");
	assert_int_equal(called, COMMAND_DEL);
	assert_int_equal(calls, 2);
}

static void test_in_process_ends(void **state)
{
	struct request r = own_request("1.0.0");
	struct err e;

	(void)state;
	assert_false(delegate_del(&r, "recurse", &e));
	assert_int_equal(e.code, CNI_INVALID_CONFIG);
	assert_true(calls > 0 && calls < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environment_and_stdin),
		cmocka_unit_test(test_result),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_unreadable_result_is_undone),
		cmocka_unit_test(test_search_order),
		cmocka_unit_test(test_in_process),
		cmocka_unit_test(test_in_process_checks),
		cmocka_unit_test(test_in_process_loses_what_text_loses),
		cmocka_unit_test(test_in_process_ends),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
