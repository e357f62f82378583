// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

#include <cmocka.h>

static struct arena a;
static char dir[] = "/tmp/crimp-fs-XXXXXX";

static char *in_dir(const char *name)
{
	return fs_join(&a, dir, name);
}

static void test_write_and_read(void **state)
{
	struct err e = ERR_INIT;
	struct bytes back;
	struct stat st;
	char **names;
	size_t n;

	(void)state;
	assert_true(fs_write_atomic(in_dir("file"), (struct bytes){ "one", 3 }, 0600, &e));
	assert_true(fs_write_atomic(in_dir("file"), (struct bytes){ "second", 6 }, 0600, &e));
	assert_true(fs_read(&a, in_dir("file"), 6, &back, &e));
	assert_int_equal(back.len, 6);
	assert_string_equal(back.data, "second");
	assert_int_equal(stat(in_dir("file"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_false(fs_read(&a, in_dir("file"), 5, &back, &e));
	assert_int_equal(e.num, EFBIG);
	assert_false(fs_read(&a, in_dir("none"), 5, &back, &e));
	assert_int_equal(e.num, ENOENT);
	assert_non_null(strstr(e.text, "/none"));

	/* No temporary file stays behind, not even from a failure. */
	assert_int_equal(mkdir(in_dir("file.d"), 0700), 0);
	assert_false(fs_write_atomic(in_dir("file.d"), (struct bytes){ "x", 1 }, 0600, &e));
	assert_true(fs_list(&a, dir, false, &names, &n, &e));
	assert_int_equal(n, 2);
	assert_string_equal(names[0], "file");
	assert_string_equal(names[1], "file.d");
	assert_int_equal(rmdir(in_dir("file.d")), 0);
	assert_true(fs_remove(in_dir("file"), &e));
	assert_true(fs_remove(in_dir("file"), &e));
}

static void test_read_big(void **state)
{
	struct err e = ERR_INIT;
	struct bytes back;
	size_t n = 100000;
	char *data = arena_alloc(&a, n);
	int ends[2];

	(void)state;
	for (size_t i = 0; i < n; i++)
		data[i] = (char)(i * 31);
	assert_int_equal(pipe(ends), 0);

	pid_t child = fork();

	if (child == 0)
		_exit(!fd_write_all(ends[1], data, n, &e));
	close(ends[1]);
	assert_true(fd_read_all(&a, ends[0], n, &back, &e));
	assert_int_equal(back.len, n);
	assert_memory_equal(back.data, data, n);
	close(ends[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(fs_read(&a, "/proc/self/stat", 4096, &back, &e));
	assert_true(back.len > 10);
	assert_false(fs_read(&a, dir, 4096, &back, &e));
	assert_int_equal(e.num, EISDIR);
}

static void test_mkdirs(void **state)
{
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	assert_true(fs_mkdirs(in_dir("a//b/c/"), 0755, &e));
	assert_true(fs_mkdirs(in_dir("a/b/c"), 0755, &e));
	assert_int_equal(stat(in_dir("a/b/c"), &st), 0);
	assert_true(fs_write_atomic(in_dir("a/file"), (struct bytes){ "", 0 }, 0600, &e));
	assert_false(fs_mkdirs(in_dir("a/file"), 0755, &e));
	assert_int_equal(e.num, ENOTDIR);
	assert_false(fs_mkdirs(in_dir("a/file/x"), 0755, &e));
	assert_false(fs_mkdirs("", 0755, &e));
	assert_true(fs_remove(in_dir("a/file"), &e));
	assert_int_equal(rmdir(in_dir("a/b/c")) | rmdir(in_dir("a/b")) | rmdir(in_dir("a")), 0);
}

static void test_lock(void **state)
{
	struct err e = ERR_INIT;
	int first = -1, second = -1;

	(void)state;
	assert_true(fs_lock(in_dir("lock"), 0600, false, -1, &first, &e));
	assert_int_equal(fcntl(first, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);

	int64_t start = fs_now_ms();

	assert_false(fs_lock(in_dir("lock"), 0600, false, start + 30, &second, &e));
	assert_int_equal(e.num, ETIMEDOUT);
	assert_int_equal(second, -1);
	assert_true(fs_now_ms() >= start + 30);
	fd_close(&first);
	assert_true(fs_lock(in_dir("lock"), 0600, true, 0, &first, &e));
	assert_true(fs_lock(in_dir("lock"), 0600, true, 0, &second, &e));
	fd_close(&first);
	fd_close(&second);
	assert_int_equal(second, -1);
	assert_true(fs_remove(in_dir("lock"), &e));
}

static void test_list(void **state)
{
	struct err e = ERR_INIT;
	char **names = NULL;
	size_t n = 7;

	(void)state;
	assert_false(fs_list(&a, in_dir("none"), false, &names, &n, &e));
	assert_int_equal(n, 7);
	assert_true(fs_list(&a, in_dir("none"), true, &names, &n, &e));
	assert_int_equal(n, 0);
	for (int i = 999; i >= 0; i--)
		close(open(arena_printf(&a, "%s/a-name-that-is-long-enough-to-need-several-reads-%03d", dir, i),
			   O_CREAT | O_WRONLY, 0600));
	assert_true(fs_list(&a, dir, false, &names, &n, &e));
	assert_int_equal(n, 1000);
	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || strcmp(names[i - 1], names[i]) < 0);
		assert_true(fs_remove(in_dir(names[i]), &e));
	}
}

/* Nobody would ever write into it. */
static void test_not_regular(void **state)
{
	struct err e = ERR_INIT;
	struct bytes back;

	(void)state;
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(symlink("fifo", in_dir("to-fifo")), 0);
	assert_int_equal(symlink("file", in_dir("to-file")), 0);
	assert_true(fs_write_atomic(in_dir("file"), (struct bytes){ "x", 1 }, 0600, &e));
	alarm(10);
	assert_false(fs_read_regular(&a, in_dir("fifo"), 9, &back, &e));
	assert_int_equal(e.num, EINVAL);
	assert_true(str_ends(e.text, "/fifo is not a regular file"));
	assert_false(fs_read_regular(&a, in_dir("to-fifo"), 9, &back, &e));
	assert_false(fs_read_regular(&a, dir, 9, &back, &e));
	assert_int_equal(e.num, EISDIR);
	assert_false(fs_read_regular(&a, in_dir("none"), 9, &back, &e));
	assert_int_equal(e.num, ENOENT);
	assert_true(fs_read_regular(&a, in_dir("to-file"), 9, &back, &e));
	assert_string_equal(back.data, "x");
	alarm(0);
	for (size_t i = 0; i < 4; i++)
		assert_true(fs_remove(in_dir(((const char *[]){ "fifo", "to-fifo", "to-file", "file" })[i]), &e));
}

static void test_sweep(void **state)
{
	static const char *const rows[] = { ".crimp-0123456789abcdef", ".crimp-new0123456789abc", ".crimp-other",
					    "old" };
	const struct timespec old[2] = { { .tv_sec = time(NULL) - 100 }, { .tv_sec = time(NULL) - 100 } };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(fs_write_atomic(in_dir(rows[i]), (struct bytes){ "x", 1 }, 0600, &e));
		if (i != 1)
			assert_int_equal(utimensat(AT_FDCWD, in_dir(rows[i]), old, 0), 0);
	}
	fs_sweep(in_dir("none"), 0);
	fs_sweep(dir, 200);
	assert_int_equal(access(in_dir(rows[0]), F_OK), 0);
	fs_sweep(dir, 50);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(access(in_dir(rows[i]), F_OK), i ? 0 : -1);
		assert_true(fs_remove(in_dir(rows[i]), &e));
	}
}

static int start(void **state)
{
	(void)state;
	arena_init(&a, NULL, 0);
	return mkdtemp(dir) ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	arena_done(&a);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_regular), cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_write_and_read), cmocka_unit_test(test_read_big), cmocka_unit_test(test_mkdirs),
		cmocka_unit_test(test_lock), cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
