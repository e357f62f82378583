// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Executing a plugin, for runtimes and for plugins that delegate. How a plugin ended is judged in one place:
 *
 *	exit status 0			success, unless stdout holds an error object: who says that he failed has failed
 *	otherwise, an error object	that error: its code, msg and details, whatever is printed before it
 *	otherwise			no code; the text says how it ended, and carries what it printed
 *
 * What it wrote to stderr is never lost: it is in struct proc_end, and it is the text of a failure that has no other.
 */
#ifndef CRIMP_CNI_INVOKE_H
#define CRIMP_CNI_INVOKE_H

#include "cni/args.h"
#include "cni/result.h"
#include "lib/proc.h"

/*
 * A copy of environment @base in which every name is once: with the value of @set, else the last it had.
 * NULL-terminated.
 */
char **env_with(struct arena *a, char *const *base, const struct arg *set, size_t n);

/* What a plugin has left: how it ended, and its stdout, which is read as JSON once. */
struct reply {
	struct proc_end end;
	const struct json *json; /* NULL: stdout is empty or no JSON */
	const char *why_not;     /* what is wrong with it then, "" if it is empty */
};

/*
 * Run @p and judge. @ret->end is kept on failure as by proc_run(). A failure says what happened, not to whom: callers
 * wrap it.
 */
bool invoke(struct arena *a, const struct proc_run *p, struct reply *ret, struct err *e) MUST_CHECK;
/* Only read and judge: for who has run it by other means, and has set @r->end. */
bool invoke_judge(struct arena *a, struct reply *r, struct err *e) MUST_CHECK;
/* Append what is worth keeping of stderr to a failure that does not have it yet: " (stderr: ...)". Returns false. */
bool invoke_add_stderr(struct arena *a, const struct proc_end *end, struct err *e);
/*
 * The answer to ADD, after invoke() or invoke_judge(): one JSON object (null counts as an empty one). @version: of the
 * configuration, assumed when the answer has none. @ret_json: the answer as printed; may be NULL.
 */
bool invoke_result(struct arena *a, const struct reply *reply, const char *version, struct result *ret,
		   const struct json **ret_json, struct err *e) MUST_CHECK;

#endif
