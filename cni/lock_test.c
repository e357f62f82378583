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
	assert_true(lock_attachment(&a, dir, &pod, 0, &l, &e));
	lock_release(&l, true);
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
		struct lock theirs = LOCK_INIT;
		struct stat st;

		/* Not released, which would be by word, for both. */
		close(l.attachment_fd);
		close(l.network_fd);

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

/* Two processes that attach and detach by turns, so that the network is never free. */
static pid_t busy(const struct cache_key *k, int64_t until_ms)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (struct lock l; fs_now_ms() < until_ms; lock_release(&l, false)) {
		struct err e = ERR_INIT;

		if (!lock_attachment(&a, dir, k, 20000, &l, &e))
			_exit(1);
		usleep(60000);
	}
	_exit(0);
}

static void test_gate(void **state)
{
	int64_t began_ms = fs_now_ms();
	struct lock gc = LOCK_INIT;
	struct err e = ERR_INIT;
	pid_t pids[6];
	int status;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		pids[i] = busy(i % 2 ? &pod : &(struct cache_key){ "pods", arena_printf(&a, "x%zu", i), "eth0" },
			       began_ms + 3000);
		usleep(9000);
	}
	if (!lock_network(&a, dir, "pods", 2000, &gc, &e))
		fail_msg("%s", e.text);
	assert_true(fs_now_ms() - began_ms < 2000);
	lock_release(&gc, false);
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
}

/* A GC that never gets there, as it waits for the parent of the newcomer: the gate opens by itself. */
static void test_gate_is_no_trap(void **state)
{
	struct lock parent = LOCK_INIT, child = LOCK_INIT, gc = LOCK_INIT;
	int64_t began_ms = fs_now_ms();
	struct err e = ERR_INIT;
	int status;
	pid_t pid;

	(void)state;
	assert_true(lock_attachment(&a, dir, &pod, 0, &parent, &e));
	pid = fork();
	if (pid == 0)
		_exit(!lock_network(&a, dir, "pods", 20000, &gc, &e));
	usleep(100000);
	assert_true(lock_attachment(&a, dir, &other, 20000, &child, &e));
	assert_in_range(fs_now_ms() - began_ms, LOCK_GATE_MS / 2, 2 * LOCK_GATE_MS);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	lock_release(&child, true);
	lock_release(&parent, true);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Names that meet in the cache, in networks of their own. */
static void test_twins(void **state)
{
	static const struct cache_key x = { "a", "b-c", "eth0" }, y = { "a-b", "c", "eth0" };
	struct lock one = LOCK_INIT, two = LOCK_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(lock_attachment(&a, dir, &x, 0, &one, &e));
	assert_false(lock_attachment(&a, dir, &y, 20, &two, &e));
	assert_int_equal(e.num, ETIMEDOUT);
	lock_release(&one, true);
	assert_true(lock_attachment(&a, dir, &y, 0, &two, &e));
	lock_release(&two, true);
}

/* What a dead process has left behind holds a lock; what a living one has left does not. */
static void test_inherited(void **state)
{
	struct lock l = LOCK_INIT, mine = LOCK_INIT;
	struct err e = ERR_INIT;
	int status, ends[2];
	char byte;

	(void)state;
	for (int dies = 0; dies < 2; dies++) {
		assert_int_equal(pipe(ends), 0);

		pid_t owner = fork();

		if (owner == 0) {
			if (!lock_attachment(&a, dir, &pod, 1000, &l, &e))
				_exit(1);
			if (fork() == 0) { /* the daemon */
				close(ends[1]);
				close(l.network_fd);
				_exit(read(ends[0], &byte, 1) != 0);
			}
			if (!dies)
				lock_release(&l, false);
			_exit(0);
		}
		assert_int_equal(waitpid(owner, &status, 0), owner);
		assert_int_equal(status, 0);
		assert_true(lock_attachment(&a, dir, &pod, 30, &mine, &e) == !dies);
		if (dies && !strstr(e.text, "another process holds it")) {
			assert_int_equal(e.num, EOWNERDEAD);
			assert_non_null(strstr(e.text, arena_printf(&a, "process %d has ended", (int)owner)));
		}
		assert_true(lock_network(&a, dir, "pods", 30, &l, &e) == dies);
		assert_true(lock_member(&a, dir, &pod, 30, &l, &e) == false);
		lock_release(&l, false);
		lock_release(&mine, false);
		close(ends[0]);
		close(ends[1]);
		assert_true(lock_attachment(&a, dir, &pod, 5000, &mine, &e));
		lock_release(&mine, true);
	}
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
		cmocka_unit_test(test_no_place), cmocka_unit_test(test_gate),
		cmocka_unit_test(test_gate_is_no_trap), cmocka_unit_test(test_twins),
		cmocka_unit_test(test_inherited),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
