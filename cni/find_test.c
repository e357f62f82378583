// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cni/error.h"
#include "cni/find.h"
#include "lib/fs.h"
#include "lib/str.h"

#include <cmocka.h>

static struct arena a;
static char dir[] = "/tmp/crimp-find-XXXXXX";

static char *in(const char *name)
{
	return fs_join(&a, dir, name);
}

static void put(const char *name, mode_t mode)
{
	struct err e = ERR_INIT;

	assert_true(fs_write_atomic(in(name), (struct bytes){ "", 0 }, mode, &e));
}

static void test_dirs(void **state)
{
	const char *const *dirs = find_dirs(&a, ":/a::b:");

	(void)state;
	assert_string_equal(dirs[0], "/a");
	assert_string_equal(dirs[1], "b");
	assert_null(dirs[2]);
	assert_string_equal(find_dirs_text(&a, dirs), "/a:b");
	assert_null(find_dirs(&a, "")[0]);
	assert_string_equal(find_dirs_text(&a, NULL), "");
}

static void test_find(void **state)
{
	const char *const dirs[] = { in("none"), in("one"), in("two"), NULL }, *const nowhere[] = { NULL };
	struct err e = ERR_INIT;
	char *path = NULL;

	(void)state;
	assert_int_equal(mkdir(in("one"), 0755) | mkdir(in("two"), 0755) | mkdir(in("one/folder"), 0755), 0);
	put("one/a", 0755);
	put("two/a", 0755);
	put("two/b.exe", 0755);
	put("one/unfit", 0644);
	put("two/unfit", 0755);
	put("one/only", 0644);
	assert_int_equal(symlink("a", in("one/link")), 0);
	assert_int_equal(symlink("nothing", in("one/dangling")), 0);

	assert_true(find_plugin(&a, dirs, "a", &path, &e));
	assert_string_equal(path, in("one/a"));
	assert_true(find_plugin(&a, dirs, "b.exe", &path, &e));
	assert_string_equal(path, in("two/b.exe"));
	assert_true(find_plugin(&a, dirs, "link", &path, &e));
	assert_string_equal(path, in("one/link"));
	assert_true(find_plugin(&a, dirs, "unfit", &path, &e));
	assert_string_equal(path, in("two/unfit"));

	assert_false(find_plugin(&a, dirs, "only", &path, &e));
	assert_int_equal(e.num, EACCES);
	assert_non_null(strstr(e.text, "one/only cannot be executed"));
	static const char *const absent[] = { "c", "folder", ".", "..", "dangling" };

	for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
		assert_false(find_plugin(&a, dirs, absent[i], &path, &e));
		assert_int_equal(e.num, ENOENT);
		assert_non_null(strstr(e.text, "failed to find plugin"));
		assert_non_null(strstr(e.text, dirs[2]));
	}
	static const char *const bad[] = { "", "/bin/sh", "../one/a", "a/" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(find_plugin(&a, dirs, bad[i], &path, &e));
		assert_int_equal(e.code, CNI_INVALID_CONFIG);
	}
	assert_false(find_plugin(&a, nowhere, "a", &path, &e));
	assert_false(find_plugin(&a, NULL, "a", &path, &e));
}

static void test_relative(void **state)
{
	const char *const dirs[] = { ".", NULL };
	char here[4096], *path = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(in("one")), 0);
	assert_true(find_plugin(&a, dirs, "a", &path, &e));
	assert_int_equal(chdir(here), 0);
	assert_string_equal(path, in("one/./a"));
	assert_int_equal(access(path, X_OK), 0);
}

static int start(void **state)
{
	(void)state;
	arena_init(&a, NULL, 0);
	return mkdtemp(dir) ? 0 : -1;
}

static int stop(void **state)
{
	int rc = system(arena_printf(&a, "rm -rf '%s'", dir));

	(void)state;
	arena_done(&a);
	return rc;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dirs),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_relative),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
