// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Runs one program to its end: input by pipe, both outputs collected, within a deadline that holds. The child leads a
 * process group of its own, so that at the deadline TERM, and after a grace KILL, reach its children too.
 *
 * The call is over when the program has ended, even if somebody it left behind still holds the pipes: what was
 * written within 100 ms after its end is kept, then the group is killed. A program that starts a daemon gives it
 * other outputs, or a session of its own. A program that SIGKILL does not end (it hangs in the kernel) is given up
 * after 2 s.
 *
 * A binary for this machine is opened once, looked at, and executed from that descriptor: a file put in its place
 * meanwhile is not what runs. A script must be executed by path (its interpreter opens it again, by name), and so is
 * what an interpreter registered with the kernel runs (a binary of another machine), and a file that may be executed
 * but not read. ETXTBSY is retried until @busy_until_ms and reported as a failure if it never stops.
 *
 * The caller may have any threads and signal handlers: SIGPIPE is blocked only in this thread and only meanwhile; the
 * program begins with nothing blocked and the usual signals not ignored. A caller who ignores SIGCHLD, or who waits for
 * any child in another thread, takes the exit status away: that is reported as ECHILD, never as success.
 */
#ifndef CRIMP_LIB_PROC_H
#define CRIMP_LIB_PROC_H

#include "lib/buf.h"
#include "lib/err.h"

struct proc_run {
	const char *path;  /* absolute; argv[0] is the same */
	char *const *argv; /* NULL: { path, NULL } */
	char *const *envp; /* complete environment */
	struct bytes input;
	int64_t deadline_ms;   /* fs_now_ms() scale; < 0: none */
	int64_t grace_ms;      /* between TERM and KILL; 0 kills at once */
	int64_t busy_until_ms; /* stop retrying ETXTBSY here; 0: 6 seconds from now */
	size_t output_max;     /* of stdout, and of stderr; more: EMSGSIZE. 0: 8 MiB */
	int stderr_fd;         /* >= 0: stderr is copied there live as well; -1: only collected */
	const char *dir;       /* NULL: stay */
	/*
	 * A descriptor that the program inherits: an flock() on it then lives at least as long as the program, even if
	 * this process dies before it. <= 2: none.
	 */
	int held_fd;
};

struct proc_end {
	int status;            /* as from waitpid(); only meaningful if the program ran */
	struct bytes out, err; /* NUL-terminated in the arena */
	bool timed_out;
};

/*
 * False only if the program could not be run or was stopped by us (@ret then still carries what it printed: the one
 * output kept on failure).
 */
bool proc_run(struct arena *a, const struct proc_run *p, struct proc_end *ret, struct err *e) MUST_CHECK;
/* "exit status 3", "killed by signal 11 (Segmentation fault)". */
const char *proc_status_text(struct arena *a, int status);

#endif
