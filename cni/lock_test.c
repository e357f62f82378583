// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cni/lock.h"
#include "lib/fs.h"
#include "lib/str.h"

#include <cmocka.h>

static struct arena a;
static char dir[] = "/tmp/crimp-lock-XXXXXX";

static const struct cache_key pod = { "pods", "c1", "eth0" }, other = { "pods", "c2", "eth0" };

static size_t files(void)
{
	struct err e = ERR_INIT;
	char **names;
	size_t n;

	assert_true(fs_list(&a, fs_join(&a, dir, "locks"), true, &names, &n, &e));
	return n;
}

static void test_order(void **state)
{
	struct lock one = LOCK_INIT, two = LOCK_INIT, gc = LOCK_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(lock_attachment(&a, dir, &pod, 0, &one, &e));
	assert_true(lock_attachment(&a, dir, &other, 0, &two, &e));
	assert_false(lock_network(&a, dir, "pods", 20, &gc, &e));
	assert_int_equal(e.num, ETIMEDOUT);
	assert_true(lock_network(&a, dir, "another", 0, &gc, &e));
	lock_release(&gc, false);
	lock_release(&one, false);
	assert_false(lock_network(&a, dir, "pods", 20, &gc, &e));
	lock_release(&two, false);
	assert_true(lock_network(&a, dir, "pods", 0, &gc, &e));
	assert_false(lock_attachment(&a, dir, &pod, 20, &one, &e));
	assert_int_equal(one.network_fd, -1);
	lock_release(&gc, false);
	assert_true(lock_attachment(&a, dir, &pod, 0, &one, &e));
	assert_false(lock_attachment(&a, dir, &pod, 20, &two, &e));
	lock_release(&one, true);
	assert_true(lock_attachment(&a, dir, &pod, 0, &one, &e));
	lock_release(&one, true);
}

static void test_sentence(void **state)
{
	struct lock one = LOCK_INIT, two = LOCK_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(lock_attachment(&a, dir, &pod, 0, &one, &e));
	assert_false(lock_attachment(&a, dir, &pod, 30, &two, &e));
	assert_true(str_starts(e.text, "container c1, interface eth0 is in use: waited 30 ms for "));
	/* Where the kernel tells (a sandbox may not), it is us. */
	if (!strstr(e.text, "another process holds it"))
		assert_non_null(strstr(e.text, arena_printf(&a, "process %d holds it", (int)getpid())));
	lock_release(&one, true);
}

static void test_files(void **state)
{
	char *locks = fs_join(&a, dir, "locks");
	struct lock l = LOCK_INIT;
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	assert_true(lock_attachment(&a, dir, &pod, 0, &l, &e));
	assert_int_equal(stat(locks, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	size_t n = files();

	lock_release(&l, true);
	assert_int_equal(files(), n - 1);
	/* A name that no file could have. */
	assert_true(lock_network(&a, dir, "../../x/\n", 0, &l, &e));
	lock_release(&l, false);
	assert_int_equal(files(), n);
	assert_true(lock_attachment(&a, dir, &pod, 0, &l, &e));
	lock_release(&l, false);
	lock_forget(&a, dir, &pod);
	assert_int_equal(files(), n);
}

/* Whoever waited on a file that its holder removed must not hold it beside somebody with the new one. */
static void test_removed_while_waiting(void **state)
{
	struct lock l = LOCK_INIT, mine = LOCK_INIT;
	struct err e = ERR_INIT;
	int status;

	(void)state;
	assert_true(lock_attachment(&a, dir, &pod, 0, &l, &e));

	pid_t waiter = fork();

	if (waiter == 0) {
		struct lock theirs = LOCK_INIT, inherited = l;
		struct stat st;

		lock_release(&inherited, false);

		bool ok = lock_attachment(&a, dir, &pod, 5000, &theirs, &e);

		_exit(!(ok && stat(theirs.attachment_path, &st) == 0));
	}
	usleep(50000);
	lock_release(&l, true);
	assert_int_equal(waitpid(waiter, &status, 0), waiter);
	assert_int_equal(status, 0);
	/* And it left nothing that holds us up. */
	assert_true(lock_attachment(&a, dir, &pod, 0, &mine, &e));
	lock_release(&mine, true);
}

static void test_no_place(void **state)
{
	struct lock l = LOCK_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_false(lock_network(&a, "/proc/self", "pods", 0, &l, &e));
	assert_int_not_equal(e.num, ETIMEDOUT);
	assert_int_equal(l.network_fd, -1);
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
		cmocka_unit_test(test_order),    cmocka_unit_test(test_sentence),
		cmocka_unit_test(test_files),    cmocka_unit_test(test_removed_while_waiting),
		cmocka_unit_test(test_no_place),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
