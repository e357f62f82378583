// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Runs one program to its end: input by pipe, both outputs collected, within a deadline that holds. The child leads a process group of its own, so
 * that at the deadline TERM, and after a grace KILL, reach its children too; and the call returns when the program has ended even
 * if a grandchild still holds the pipes (what it wrote until then is kept, the group is killed). The program is executed from an opened descriptor, so what was
 * checked is what runs; ETXTBSY is retried until @busy_until_ms and reported as a failure if it never stops. SIGPIPE of the
 * caller is not touched: writes to the child use MSG_NOSIGNAL on a socketpair or a blocked signal.
 */
#ifndef CRIMP_LIB_PROC_H
#define CRIMP_LIB_PROC_H

#include "lib/buf.h"
#include "lib/err.h"

struct proc_run {
	const char *path;		/* absolute; argv[0] is the same */
	char *const *argv;		/* NULL: { path, NULL } */
	char *const *envp;		/* complete environment */
	struct bytes input;
	int64_t deadline_ms;		/* fs_now_ms() scale; < 0: none */
	int64_t grace_ms;		/* between TERM and KILL; 0 kills at once */
	int64_t busy_until_ms;		/* stop retrying ETXTBSY here; 0: 6 seconds from now */
	size_t output_max;		/* of stdout, and of stderr; more: EMSGSIZE. 0: 32 MiB */
	int stderr_fd;			/* >= 0: stderr is copied there live as well; -1: only collected */
	const char *dir;		/* NULL: stay */
};

struct proc_end {
	int status;			/* as from waitpid(); only meaningful if the program ran */
	struct bytes out, err;		/* NUL-terminated in the arena */
	bool timed_out;
};

/* False only if the program could not be run or was stopped by us (@ret then still carries what it printed: the one output kept on failure). */
bool proc_run(struct arena *a, const struct proc_run *p, struct proc_end *ret, struct err *e) MUST_CHECK;
/* "exit status 3", "killed by signal 11 (Segmentation fault)". */
const char *proc_status_text(struct arena *a, int status);

#endif
