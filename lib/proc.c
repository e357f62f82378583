// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/proc.h"

#define OUTPUT_MAX (8u << 20)
#define BUSY_MS 6000
#define HOLD_MS 100     /* how long outputs may stay open after the program has ended */
#define DEATH_MS 2000   /* how long we wait for a killed program that hangs in the kernel */
#define PIDFD_LESS_MS 5 /* how often we look when the kernel has no pidfd */

/* Each stage but RUNNING follows from a signal that we sent. */
enum stage { RUNNING, TERMINATED, KILLED };

struct stream {
	int fd;
	size_t max;
	int copy_fd;
	bool overflow;
	struct buf text;
};

struct child {
	const struct proc_run *run;
	pid_t pid;
	int pidfd;
	int in; /* our end of its stdin; -1 once all is written or refused */
	size_t sent;
	struct stream out, err;
	enum stage stage;
	int64_t next_ms; /* when the next stage begins; < 0: never */
	bool ended;
	bool reaped;     /* by somebody else: its number may be a stranger's */
	int64_t hold_ms; /* when we stop listening after its end */
	bool timed_out;
};

/* A pipe that leaves 0, 1 and 2 alone, so that moving one end there cannot overwrite another. */
static bool pipe_open(int *ret_read, int *ret_write, struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(e, errno, "pipe");
	for (int i = 0; i < 2; i++) {
		int low = ends[i];

		if (low > 2)
			continue;
		ends[i] = fcntl(low, F_DUPFD_CLOEXEC, 3);
		int num = errno;

		close(low);
		if (ends[i] < 0) {
			close(ends[!i]);
			return fail(e, num, "pipe");
		}
	}
	*ret_read = ends[0];
	*ret_write = ends[1];
	return true;
}

static void nonblock(int fd)
{
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* Write what the pipe takes. Done or refused: our end closes, and the program sees the end of its input. */
static void feed(struct child *c)
{
	const struct bytes *input = &c->run->input;

	while (c->sent < input->len) {
		ssize_t n = write(c->in, input->data + c->sent, input->len - c->sent);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break;
		c->sent += (size_t)n;
	}
	fd_close(&c->in);
}

/* Best effort: whoever watches may have gone away. */
static void copy_out(int fd, const char *data, size_t len)
{
	struct err ignored;

	if (fd >= 0 && !fd_write_all(fd, data, len, &ignored))
		return;
}

/* Read what is there. False: more than allowed. */
static bool drain(struct stream *s)
{
	while (s->fd >= 0) {
		size_t free = s->text.cap > s->text.len + 1 ? s->text.cap - s->text.len - 1 : 4096;
		char *at = buf_room(&s->text, free);
		ssize_t n = read(s->fd, at, free);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0) {
			fd_close(&s->fd);
			return true;
		}
		copy_out(s->copy_fd, at, (size_t)n);
		buf_grew(&s->text, (size_t)n);
		if (s->text.len > s->max) {
			s->overflow = true;
			s->text.len = s->max;
			fd_close(&s->fd);
			return false;
		}
	}
	return true;
}

static void kill_group(const struct child *c, int sig)
{
	if (!c->reaped)
		kill(-c->pid, sig);
}

static void stage_enter(struct child *c, enum stage to)
{
	c->stage = to;
	kill_group(c, to == TERMINATED ? SIGTERM : SIGKILL);
	c->next_ms = fs_now_ms() + (to == TERMINATED ? c->run->grace_ms : DEATH_MS);
}

/* The deadline of the stage has passed. False: there is no stage after this one. */
static bool stage_next(struct child *c)
{
	if (c->stage == KILLED)
		return false;
	c->timed_out |= c->stage == RUNNING;
	stage_enter(c, c->stage == RUNNING && c->run->grace_ms > 0 ? TERMINATED : KILLED);
	return true;
}

static int wait_ms(const struct child *c)
{
	int64_t at = c->ended ? c->hold_ms : c->next_ms, left;

	if (at < 0)
		return c->pidfd < 0 ? PIDFD_LESS_MS : -1;
	left = at - fs_now_ms();
	if (c->pidfd < 0 && !c->ended && left > PIDFD_LESS_MS)
		left = PIDFD_LESS_MS;
	return left < 0 ? 0 : left > 1 << 30 ? 1 << 30 : (int)left;
}

/* Left as a zombie on purpose: until it is reaped nobody else can get its number, nor its group's. */
static void note_end(struct child *c)
{
	siginfo_t info = { .si_pid = 0 };

	if (c->ended)
		return;
	c->reaped = waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0;
	if (!c->reaped && info.si_pid != c->pid)
		return;
	c->ended = true;
	c->hold_ms = c->stage == RUNNING ? fs_now_ms() + HOLD_MS : 0;
	fd_close(&c->in);
}

/* One wait for any of: input wanted, output there, end, time over. */
static bool turn(struct child *c)
{
	struct pollfd fds[] = {
		{ .fd = c->in, .events = POLLOUT },
		{ .fd = c->out.fd, .events = POLLIN },
		{ .fd = c->err.fd, .events = POLLIN },
		{ .fd = c->ended ? -1 : c->pidfd, .events = POLLIN },
	};

	if (poll(fds, ARRAY_LEN(fds), wait_ms(c)) < 0)
		return true;
	if (fds[0].revents)
		feed(c);
	/* Its end first: what it wrote before is then certainly read below. */
	if (fds[3].revents || c->pidfd < 0)
		note_end(c);
	if ((!drain(&c->out) || !drain(&c->err)) && c->stage != KILLED)
		stage_enter(c, KILLED);
	if (c->ended)
		return fs_now_ms() < c->hold_ms;
	return c->next_ms < 0 || fs_now_ms() < c->next_ms || stage_next(c);
}

/* Until it has ended and its outputs have, too, or nothing more will come of waiting. */
static void attend(struct child *c)
{
	while (!c->ended || c->out.fd >= 0 || c->err.fd >= 0) {
		if (turn(c))
			continue;
		/* Somebody it left behind still holds the outputs, or what we stopped has. */
		kill_group(c, SIGKILL);
		drain(&c->out);
		drain(&c->err);
		return;
	}
	if (c->stage != RUNNING)
		kill_group(c, SIGKILL);
}

/* Writing to a program that does not read must not kill us, and the caller must not get a signal that is ours. */
struct pipe_guard {
	sigset_t before;
	bool pending;
};

static void guard_enter(struct pipe_guard *g)
{
	sigset_t pipe, pending;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	g->pending = sigismember(&pending, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &g->before);
}

static void guard_leave(const struct pipe_guard *g)
{
	const struct timespec now = { 0 };
	sigset_t pipe;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	if (!g->pending)
		while (sigtimedwait(&pipe, NULL, &now) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &g->before, NULL);
}

/* Signals that a runtime may ignore; a program expects them to work. (Handlers end at the exec anyway.) */
static const int plain_signals[] = { SIGPIPE, SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM };

/*
 * The head of the program or library that this code is in: the linker makes it, unless a strange layout leaves it out.
 */
extern const ElfW(Ehdr) __ehdr_start __attribute__((weak, visibility("hidden")));

/*
 * Would the kernel itself load it? A binary of another machine has an interpreter registered, which opens it by name,
 * and a descriptor that closes at the exec has none by then.
 */
static bool is_own_kind(int fd)
{
	const ElfW(Ehdr) *own = &__ehdr_start;
	ElfW(Ehdr) head;
	ssize_t n;

	do
		n = pread(fd, &head, sizeof(head), 0);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(head) && own && memcmp(head.e_ident, own->e_ident, EI_DATA + 1) == 0 &&
	       head.e_machine == own->e_machine;
}

/*
 * The name under which the opened binary can be executed, whatever lies at @path by then; @path itself for the rest.
 * (Below 3 the child has other plans for the descriptor.)
 */
static const char *image(const char *path, int fd, char dst[static 32])
{
	if (fd < 3 || !is_own_kind(fd))
		return path;
	snprintf(dst, 32, "/proc/self/fd/%d", fd);
	return access(dst, F_OK) == 0 ? dst : path;
}

static int spawn_with(const struct proc_run *p, posix_spawn_file_actions_t *files, posix_spawnattr_t *attr,
		      const int fds[3], pid_t *ret)
{
	autoclose int fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *const argv[] = { (char *)p->path, NULL };
	char name[32];
	sigset_t none, plain;
	int num = 0;

	sigemptyset(&none);
	sigemptyset(&plain);
	for (size_t i = 0; i < ARRAY_LEN(plain_signals); i++)
		sigaddset(&plain, plain_signals[i]);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &plain);
	posix_spawnattr_setpgroup(attr, 0);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	for (int i = 0; i < 3 && !num; i++)
		num = posix_spawn_file_actions_adddup2(files, fds[i], i);
	/* Onto itself it only loses its close-on-exec flag, and only in the child. */
	if (p->held_fd > 2 && !num)
		num = posix_spawn_file_actions_adddup2(files, p->held_fd, p->held_fd);
	if (p->dir && !num)
		num = posix_spawn_file_actions_addchdir_np(files, p->dir);
	return num ? num : posix_spawn(ret, image(p->path, fd, name), files, attr, p->argv ? p->argv : argv, p->envp);
}

static int spawn_once(const struct proc_run *p, const int fds[3], pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int num = posix_spawn_file_actions_init(&files);

	if (num)
		return num;
	num = posix_spawnattr_init(&attr);
	if (!num) {
		num = spawn_with(p, &files, &attr, fds, ret);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&files);
	return num;
}

/* A file just copied there is busy while its writer, or a process forked meanwhile, has it open. */
static int spawn(const struct proc_run *p, const int fds[3], pid_t *ret)
{
	int64_t until = p->busy_until_ms ? p->busy_until_ms : fs_now_ms() + BUSY_MS;
	struct timespec pause = { .tv_nsec = 1000000 };
	int num;

	if (p->deadline_ms >= 0 && p->deadline_ms < until)
		until = p->deadline_ms;
	while ((num = spawn_once(p, fds, ret)) == ETXTBSY && fs_now_ms() < until) {
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 64000000)
			pause.tv_nsec *= 2;
	}
	return num;
}

/* First line of a script without "#!" and its blanks; "" if it is not one. */
static void script_interpreter(const char *path, char *dst, size_t size)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, dst, size - 1);

	dst[n > 0 ? n : 0] = '\0';
	if (memcmp(dst, "#!", 2) != 0)
		dst[0] = '\0';
	dst[strcspn(dst, "\n")] = '\0';
}

static bool cannot_run(const struct proc_run *p, int num, struct err *e)
{
	char line[128] = "";

	if (num == ENOENT && access(p->path, F_OK) == 0 && (!p->dir || access(p->dir, F_OK) == 0)) {
		script_interpreter(p->path, line, sizeof(line));
		if (line[0])
			return fail(e, num, "run %s: its interpreter %s", p->path, line + 2 + strspn(line + 2, " \t"));
		return fail(e, num, "run %s: the dynamic loader it names", p->path);
	}
	if (num == ENOEXEC)
		return fail(e, num, "run %s: neither a program for this machine nor a script that begins with #!",
			    p->path);
	return fail(e, num, "run %s", p->path);
}

static bool start(struct child *c, struct err *e)
{
	autoclose int in = -1, out = -1, err = -1;
	int num;

	if (!pipe_open(&in, &c->in, e) || !pipe_open(&c->out.fd, &out, e) || !pipe_open(&c->err.fd, &err, e))
		return false;
	nonblock(c->in);
	nonblock(c->out.fd);
	nonblock(c->err.fd);
	/* What fits into the pipe waits there already when the program begins to read; mostly that is all. */
	feed(c);
	num = spawn(c->run, (int[]){ in, out, err }, &c->pid);
	if (num)
		return cannot_run(c->run, num, e);
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	return true;
}

/* The exit status; false if somebody else has taken it, or if it does not end. */
static bool reap(const struct child *c, int *ret, struct err *e)
{
	pid_t got;

	if (!c->ended)
		return fail(e, ETIMEDOUT, "%s (process %d) was killed and does not end", c->run->path, (int)c->pid);
	do
		got = waitpid(c->pid, ret, 0);
	while (got < 0 && errno == EINTR);
	return got == c->pid ||
	       fail(e, errno, "exit status of %s (this process ignores SIGCHLD or waits for every child elsewhere)",
		    c->run->path);
}

static void child_done(struct child *c)
{
	fd_close(&c->in);
	fd_close(&c->out.fd);
	fd_close(&c->err.fd);
	fd_close(&c->pidfd);
}

static struct bytes stream_text(struct stream *s)
{
	return (struct bytes){ buf_str(&s->text), s->text.len };
}

static void stream_init(struct stream *s, struct arena *a, size_t cap, size_t max, int copy_fd)
{
	*s = (struct stream){ .fd = -1, .copy_fd = copy_fd, .max = max ? max : OUTPUT_MAX };
	buf_init(&s->text, a, cap);
}

static bool judge(struct child *c, int64_t began_ms, struct proc_end *ret, struct err *e)
{
	struct err lost = ERR_INIT;
	bool reaped = reap(c, &ret->status, &lost);

	ret->timed_out = c->timed_out;
	if (c->out.overflow || c->err.overflow)
		return fail(e, EMSGSIZE, "%s wrote more than %zu bytes to %s; killed", c->run->path, c->out.max,
			    c->out.overflow ? "stdout" : "stderr");
	if (c->timed_out && reaped)
		return fail(e, ETIMEDOUT, "%s did not end within %lld ms; killed", c->run->path,
			    (long long)(c->run->deadline_ms > began_ms ? c->run->deadline_ms - began_ms : 0));
	if (!reaped)
		*e = lost;
	return reaped;
}

bool proc_run(struct arena *a, const struct proc_run *p, struct proc_end *ret, struct err *e)
{
	struct child c = { .run = p, .pidfd = -1, .in = -1, .next_ms = p->deadline_ms };
	int64_t began_ms = fs_now_ms();
	struct pipe_guard guard;
	bool ok;

	stream_init(&c.err, a, 256, p->output_max, p->stderr_fd);
	stream_init(&c.out, a, 2048, p->output_max, -1);
	*ret = (struct proc_end){ .status = 0 };
	guard_enter(&guard);
	ok = start(&c, e);
	if (ok) {
		attend(&c);
		ok = judge(&c, began_ms, ret, e);
	}
	ret->out = stream_text(&c.out);
	ret->err = stream_text(&c.err);
	child_done(&c);
	guard_leave(&guard);
	return ok;
}

const char *proc_status_text(struct arena *a, int status)
{
	if (WIFSIGNALED(status))
		return arena_printf(a, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	return arena_printf(a, "exit status %d", WEXITSTATUS(status));
}
