// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/str.h"

#include <cmocka.h>

static struct arena a;
static char dir[] = "/tmp/crimp-proc-XXXXXX";
static char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "COLOUR=blue", NULL };

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static const char *file(const char *name, const char *text)
{
	struct err e = ERR_INIT;
	char *path = fs_join(&a, dir, name);

	if (!fs_write_atomic(path, (struct bytes){ text, strlen(text) }, 0755, &e))
		fail_msg("%s", e.text);
	return path;
}

/* The defaults of the cases below: a shell script, five seconds. */
static struct proc_run script(const char *text)
{
	return (struct proc_run){
		.path = file("script", arena_printf(&a, "#!/bin/sh\n%s\n", text)),
		.envp = env,
		.deadline_ms = fs_now_ms() + 5000,
		.grace_ms = 200,
		.stderr_fd = -1,
	};
}

/* Orphans come to us (start() sees to it), so that the dead do not look alive where process 1 never waits. */
static bool group_is_gone(pid_t group)
{
	for (int i = 0; i < 100; i++, pause_ms(10)) {
		while (waitpid(-group, NULL, WNOHANG) > 0)
			;
		if (kill(-group, 0) < 0 && errno == ESRCH)
			return true;
	}
	return false;
}

static void test_plain(void **state)
{
	struct proc_run p = script("cat; echo \"$COLOUR $0\" >&2; pwd >&2; exit 3");
	struct err e = ERR_INIT;
	struct proc_end end;

	(void)state;
	p.input = (struct bytes){ "hello", 5 };
	p.dir = "/usr";
	assert_true(proc_run(&a, &p, &end, &e));
	assert_string_equal(end.out.data, "hello");
	assert_int_equal(end.out.len, 5);
	assert_string_equal(end.err.data, arena_printf(&a, "blue %s\n/usr\n", p.path));
	assert_true(WIFEXITED(end.status));
	assert_string_equal(proc_status_text(&a, end.status), "exit status 3");
	assert_false(end.timed_out);
}

/* A binary runs from the descriptor that was opened, under its own name; a script keeps its path. */
static void test_image(void **state)
{
	struct proc_run p = script("");
	struct err e = ERR_INIT;
	struct proc_end end;

	(void)state;
	p.path = "/usr/bin/readlink";
	p.argv = (char *[]){ "/usr/bin/readlink", "/proc/self/exe", NULL };
	assert_true(proc_run(&a, &p, &end, &e));
	assert_true(str_starts(end.out.data, "/"));
	assert_true(str_ends(end.out.data, "/readlink\n") || str_ends(end.out.data, "/coreutils\n"));
	/* The kernel names a process after the last part of what was executed: a number. */
	p.path = "/bin/cat";
	p.argv = (char *[]){ "/bin/cat", "/proc/self/comm", NULL };
	assert_true(proc_run(&a, &p, &end, &e));
	assert_int_equal(strspn(end.out.data, "0123456789\n"), end.out.len);
}

#ifdef __x86_64__
/* An i386 program that prints the 16 bytes of its process's name. */
static const char other_kind[] =
	"\x7f\x45\x4c\x46\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x03\x00\x01\x00\x00\x00\x54\x80"
	"\x04\x08\x34\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x34\x00\x20\x00\x01\x00\x00\x00\x00\x00\x00\x00"
	"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x80\x04\x08\x00\x80\x04\x08\x81\x00\x00\x00\x81\x00\x00\x00\x05\x00"
	"\x00\x00\x00\x10\x00\x00\x83\xec\x20\xb8\xac\x00\x00\x00\xbb\x10\x00\x00\x00\x89\xe1\xcd\x80\xb8\x04\x00"
	"\x00\x00\xbb\x01\x00\x00\x00\x89\xe1\xba\x10\x00\x00\x00\xcd\x80\xb8\x01\x00\x00\x00\x31\xdb\xcd\x80";

/* A binary of another kind keeps its path: the kernel may hand it to an interpreter, which opens it by name. */
static void test_image_of_another_kind(void **state)
{
	struct proc_run p = script("");
	struct err e = ERR_INIT;
	struct proc_end end;

	(void)state;
	p.path = fs_join(&a, dir, "other-kind");
	assert_true(fs_write_atomic(p.path, (struct bytes){ other_kind, sizeof(other_kind) - 1 }, 0755, &e));
	if (!proc_run(&a, &p, &end, &e)) {
		assert_int_equal(e.num, ENOEXEC);
		skip();
	}
	assert_string_equal(end.out.data, "other-kind");
}
#endif

/* A lock on a descriptor that the program inherits outlives its owner here, and ends with the program. */
static void test_held_descriptor(void **state)
{
	struct proc_run p = script("sleep 30");
	char *path = fs_join(&a, dir, "held");
	struct err e = ERR_INIT;
	struct proc_end end;
	autoclose int fd = -1;
	int64_t began_ms;
	long before;
	int status;

	(void)state;
	pid_t owner = fork();

	if (owner == 0) {
		p.path = "/bin/sleep";
		p.argv = (char *[]){ "/bin/sleep", "1", NULL };
		p.held_fd = fs_lock(path, 0600, false, -1, &fd, &e) ? fd : 0;
		_exit(proc_run(&a, &p, &end, &e));
	}
	pause_ms(300);
	assert_int_equal(kill(owner, SIGKILL), 0);
	assert_int_equal(waitpid(owner, &status, 0), owner);
	began_ms = fs_now_ms();
	assert_false(fs_lock(path, 0600, false, began_ms, &fd, &e));
	assert_int_equal(e.num, ETIMEDOUT);
	assert_true(fs_lock(path, 0600, false, began_ms + 5000, &fd, &e));
	assert_true(fs_now_ms() - began_ms > 200);
	while (waitpid(-1, NULL, 0) > 0)
		;
	/* Nothing else is inherited, nor this when nobody says so. */
	p = script("ls /proc/self/fd | wc -l");
	assert_true(proc_run(&a, &p, &end, &e));
	before = strtol(end.out.data, NULL, 10);
	p.held_fd = fd;
	assert_true(proc_run(&a, &p, &end, &e));
	assert_int_equal(strtol(end.out.data, NULL, 10), before + 1);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

/* Shell plugins say `cat /dev/stdin`, which a socket would refuse. */
static void test_stdin_can_be_reopened(void **state)
{
	struct proc_run p = script("cat /dev/stdin");
	struct err e = ERR_INIT;
	struct proc_end end;

	(void)state;
	p.input = (struct bytes){ "x", 1 };
	assert_true(proc_run(&a, &p, &end, &e));
	assert_int_equal(end.status, 0);
	assert_string_equal(end.out.data, "x");
}

static void test_argv(void **state)
{
	char *const argv[] = { "sh", "-c", "echo $0 $1", "zero", "one", NULL };
	struct proc_run p = { .path = "/bin/sh", .argv = argv, .envp = env, .deadline_ms = -1, .stderr_fd = -1 };
	struct err e = ERR_INIT;
	struct proc_end end;

	(void)state;
	assert_true(proc_run(&a, &p, &end, &e));
	assert_string_equal(end.out.data, "zero one\n");
	assert_int_equal(end.err.len, 0);
	assert_string_equal(end.err.data, "");
}

static void test_big_both_ways(void **state)
{
	struct proc_run p = script("head -c 3000000 /dev/zero >&2 & head -c 3000000 /dev/zero; wait; cat");
	struct err e = ERR_INIT;
	struct proc_end end;

	(void)state;
	p.input = (struct bytes){ arena_alloc(&a, 1 << 20), 1 << 20 };
	assert_true(proc_run(&a, &p, &end, &e));
	assert_int_equal(end.out.len, 3000000 + (1 << 20));
	assert_int_equal(end.err.len, 3000000);
}

static void note_pipe(int sig)
{
	(void)sig;
	fail_msg("SIGPIPE reached the caller");
}

static void test_input_not_read(void **state)
{
	struct proc_run p = script("exec <&-; sleep 0.05; echo done");
	struct sigaction old, mine = { .sa_handler = note_pipe };
	struct err e = ERR_INIT;
	struct proc_end end;
	sigset_t mask;

	(void)state;
	sigaction(SIGPIPE, &mine, &old);
	p.input = (struct bytes){ arena_alloc(&a, 1 << 20), 1 << 20 };
	assert_true(proc_run(&a, &p, &end, &e));
	assert_string_equal(end.out.data, "done\n");
	assert_int_equal(end.status, 0);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_false(sigismember(&mask, SIGPIPE));
	sigaction(SIGPIPE, &old, NULL);
}

static void test_deadline_reaches_the_group(void **state)
{
	struct proc_run p = script("echo early; echo why >&2; sleep 60 & echo $$; wait");
	struct err e = ERR_INIT;
	struct proc_end end;
	int64_t began = fs_now_ms();

	(void)state;
	p.deadline_ms = began + 300;
	assert_false(proc_run(&a, &p, &end, &e));
	assert_true(end.timed_out);
	assert_int_equal(e.num, ETIMEDOUT);
	assert_non_null(strstr(e.text, "did not end within 300 ms"));
	assert_string_equal(end.err.data, "why\n");
	assert_true(str_starts(end.out.data, "early\n"));
	assert_in_range(fs_now_ms() - began, 300, 900);
	assert_true(group_is_gone((pid_t)strtol(end.out.data + 6, NULL, 10)));
}

static void test_child_that_ignores_term(void **state)
{
	struct proc_run p = script("trap '' TERM; echo $$; while :; do sleep 1; done");
	struct err e = ERR_INIT;
	struct proc_end end;
	int64_t began = fs_now_ms();

	(void)state;
	p.deadline_ms = began + 200;
	p.grace_ms = 300;
	assert_false(proc_run(&a, &p, &end, &e));
	assert_true(end.timed_out);
	assert_in_range(fs_now_ms() - began, 500, 1200);
	assert_string_equal(proc_status_text(&a, end.status), "killed by signal 9 (Killed)");
	assert_true(group_is_gone((pid_t)strtol(end.out.data, NULL, 10)));
}

static void test_child_that_tidies_up_on_term(void **state)
{
	struct proc_run p = script("trap 'echo bye; exit 0' TERM; sleep 60 >&- 2>&- & wait");
	struct err e = ERR_INIT;
	struct proc_end end;

	(void)state;
	p.deadline_ms = fs_now_ms() + 200;
	p.grace_ms = 3000;
	assert_false(proc_run(&a, &p, &end, &e));
	assert_string_equal(end.out.data, "bye\n");
	assert_true(fs_now_ms() < p.deadline_ms + 2000);
}

static void test_grandchild_holds_stdout(void **state)
{
	struct proc_run p = script("echo answer; sleep 60 & echo $$ >&2; exit 0");
	struct err e = ERR_INIT;
	struct proc_end end;
	int64_t began = fs_now_ms();

	(void)state;
	p.deadline_ms = -1;
	assert_true(proc_run(&a, &p, &end, &e));
	assert_string_equal(end.out.data, "answer\n");
	assert_int_equal(end.status, 0);
	assert_true(fs_now_ms() - began < 2000);
	assert_true(group_is_gone((pid_t)strtol(end.err.data, NULL, 10)));
}

/* A daemon with outputs of its own was left on purpose. */
static void test_quiet_grandchild_lives(void **state)
{
	struct proc_run p = script("sleep 60 >/dev/null 2>&1 & echo $!");
	struct err e = ERR_INIT;
	struct proc_end end;
	pid_t left;

	(void)state;
	assert_true(proc_run(&a, &p, &end, &e));
	left = (pid_t)strtol(end.out.data, NULL, 10);
	assert_int_equal(kill(left, SIGKILL), 0);
	assert_int_equal(waitpid(left, NULL, 0), left);
}

static void test_signal_death(void **state)
{
	struct proc_run p = script("echo last words >&2; kill -SEGV $$");
	struct err e = ERR_INIT;
	struct proc_end end;

	(void)state;
	assert_true(proc_run(&a, &p, &end, &e));
	assert_string_equal(proc_status_text(&a, end.status), "killed by signal 11 (Segmentation fault)");
	assert_string_equal(end.err.data, "last words\n");
}

static void test_output_limit(void **state)
{
	struct proc_run p = script("yes");
	struct err e = ERR_INIT;
	struct proc_end end;

	(void)state;
	p.output_max = 10000;
	assert_false(proc_run(&a, &p, &end, &e));
	assert_int_equal(e.num, EMSGSIZE);
	assert_non_null(strstr(e.text, "more than 10000 bytes to stdout"));
	assert_int_equal(end.out.len, 10000);
	assert_false(end.timed_out);
}

static void *close_later(void *fd)
{
	pause_ms(1000);
	close(*(int *)fd);
	return NULL;
}

static void test_busy_until_it_is_not(void **state)
{
	struct proc_run p = script("echo ran");
	struct err e = ERR_INIT;
	struct proc_end end;
	pthread_t closer;
	int fd = open(p.path, O_WRONLY | O_CLOEXEC);
	int64_t began = fs_now_ms();

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pthread_create(&closer, NULL, close_later, &fd), 0);
	assert_true(proc_run(&a, &p, &end, &e));
	pthread_join(closer, NULL);
	assert_string_equal(end.out.data, "ran\n");
	assert_in_range(fs_now_ms() - began, 950, 3000);
}

static void test_busy_for_good(void **state)
{
	struct proc_run p = script("echo ran");
	struct err e = ERR_INIT;
	struct proc_end end;
	autoclose UNUSED int fd = open(p.path, O_WRONLY | O_CLOEXEC);

	(void)state;
	p.busy_until_ms = fs_now_ms() + 100;
	assert_false(proc_run(&a, &p, &end, &e));
	assert_int_equal(e.num, ETXTBSY);
	assert_int_equal(end.out.len, 0);
	assert_true(fs_now_ms() < p.busy_until_ms + 1000);
}

static void test_what_cannot_run(void **state)
{
	static const struct {
		const char *name, *text;
		int num;
		const char *says;
	} rows[] = {
		{ "no-interpreter", "#! /no/such/shell -x\necho\n", ENOENT,
		  "its interpreter /no/such/shell -x: No such file" },
		{ "no-format", "echo this is not a program\n", ENOEXEC, "neither a program for this machine" },
		{ "empty", "", ENOEXEC, "neither a program for this machine" },
	};
	struct proc_end end;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct proc_run p = {
			.path = file(rows[i].name, rows[i].text), .envp = env, .deadline_ms = -1, .stderr_fd = -1
		};
		struct err e = ERR_INIT;

		assert_false(proc_run(&a, &p, &end, &e));
		assert_int_equal(e.num, rows[i].num);
		assert_non_null(strstr(e.text, p.path));
		assert_non_null(strstr(e.text, rows[i].says));
	}

	struct proc_run p = { .path = fs_join(&a, dir, "absent"), .envp = env, .deadline_ms = -1, .stderr_fd = -1 };
	struct err e = ERR_INIT;

	assert_false(proc_run(&a, &p, &end, &e));
	assert_string_equal(e.text, arena_printf(&a, "run %s: No such file or directory", p.path));
	p.path = dir;
	assert_false(proc_run(&a, &p, &end, &e));
	assert_int_equal(e.num, EACCES);
}

static void test_stderr_live(void **state)
{
	struct proc_run p = script("echo one >&2; echo two >&2");
	struct err e = ERR_INIT;
	struct proc_end end;
	char seen[16] = "";
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	p.stderr_fd = ends[1];
	assert_true(proc_run(&a, &p, &end, &e));
	assert_int_equal(read(ends[0], seen, sizeof(seen) - 1), 8);
	assert_string_equal(seen, "one\ntwo\n");
	assert_string_equal(end.err.data, seen);
	/* A watcher that has gone away disturbs nothing. */
	close(ends[0]);
	assert_true(proc_run(&a, &p, &end, &e));
	assert_string_equal(end.err.data, "one\ntwo\n");
	close(ends[1]);
}

static void test_closed_stdio(void **state)
{
	struct proc_run p = script("cat; echo err >&2");
	struct err e = ERR_INIT;
	struct proc_end end;
	int kept[3];
	bool ok;

	(void)state;
	p.input = (struct bytes){ "in", 2 };
	for (int i = 0; i < 3; i++) {
		kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		close(i);
	}
	ok = proc_run(&a, &p, &end, &e);
	for (int i = 0; i < 3; i++) {
		dup2(kept[i], i);
		close(kept[i]);
	}
	assert_true(ok);
	assert_string_equal(end.out.data, "in");
	assert_string_equal(end.err.data, "err\n");
}

static void test_status_taken_away(void **state)
{
	struct proc_run p = script("exit 1");
	struct err e = ERR_INIT;
	struct proc_end end;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	bool ok = proc_run(&a, &p, &end, &e);

	signal(SIGCHLD, SIG_DFL);
	assert_false(ok);
	assert_int_equal(e.num, ECHILD);
}

static int open_files(void)
{
	struct err e = ERR_INIT;
	char **names;
	size_t n;

	assert_true(fs_list(&a, "/proc/self/fd", false, &names, &n, &e));
	return (int)n;
}

static void test_nothing_left_open(void **state)
{
	int before = open_files();

	(void)state;
	test_plain(state);
	test_what_cannot_run(state);
	test_output_limit(state);
	test_grandchild_holds_stdout(state);
	assert_int_equal(open_files(), before);
	/* Nothing alive either: what is left are the dead that came to us. */
	pid_t left;

	do
		left = waitpid(-1, NULL, WNOHANG);
	while (left > 0);
	assert_int_equal(left, -1);
}

static int start(void **state)
{
	(void)state;
	arena_init(&a, NULL, 0);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return -1;
	return mkdtemp(dir) ? 0 : -1;
}

static int stop(void **state)
{
	struct err e = ERR_INIT;
	char **names;
	size_t n;

	(void)state;
	if (!fs_list(&a, dir, false, &names, &n, &e))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!fs_remove(fs_join(&a, dir, names[i]), &e))
			return -1;
	arena_done(&a);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_image),
#ifdef __x86_64__
		cmocka_unit_test(test_image_of_another_kind),
#endif
		cmocka_unit_test(test_held_descriptor),
		cmocka_unit_test(test_stdin_can_be_reopened),
		cmocka_unit_test(test_argv),
		cmocka_unit_test(test_big_both_ways),
		cmocka_unit_test(test_input_not_read),
		cmocka_unit_test(test_deadline_reaches_the_group),
		cmocka_unit_test(test_child_that_ignores_term),
		cmocka_unit_test(test_child_that_tidies_up_on_term),
		cmocka_unit_test(test_grandchild_holds_stdout),
		cmocka_unit_test(test_quiet_grandchild_lives),
		cmocka_unit_test(test_signal_death),
		cmocka_unit_test(test_output_limit),
		cmocka_unit_test(test_busy_until_it_is_not),
		cmocka_unit_test(test_busy_for_good),
		cmocka_unit_test(test_what_cannot_run),
		cmocka_unit_test(test_stderr_live),
		cmocka_unit_test(test_closed_stdio),
		cmocka_unit_test(test_status_taken_away),
		cmocka_unit_test(test_nothing_left_open),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
