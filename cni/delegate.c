// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * A plugin asks another one (IPAM, above all) to do a part. To the other it looks as if the runtime had called
 * it: same environment but for CNI_COMMAND, same bytes on stdin. If the file found for it is the program that is
 * running anyway, a call replaces the process: everything a process would have judged is judged (variables of
 * the command, version), and what it would have lost on its way through text is lost, so that nobody can tell
 * the two apart but by the time they take.
 *
 * Finding, executing and judging are what a runtime does (find.h, invoke.h). Besides, what the delegate says on stderr
 * reaches ours at once and always, and an ADD with an unreadable answer is undone.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "cni/find.h"
#include "cni/invoke.h"
#include "cni/request.h"
#include "lib/proc.h"

/* A plugin named as its own delegate would go on until the stack is used up. */
#define DEPTH_MAX 8

/* The row to call instead of executing @path, NULL if that is another program. */
static const struct plugin *own_plugin(const struct request *r, const char *type, const char *path)
{
	const struct plugin *p = r->table ? plugin_find(r->table, type) : NULL;
	struct stat own, other;

	if (!p || stat("/proc/self/exe", &own) < 0 || stat(path, &other) < 0)
		return NULL;
	return own.st_dev == other.st_dev && own.st_ino == other.st_ino ? p : NULL;
}

/* ---- in process ---- */

/* The oldest shape holds one address per family and bare routes; later ones hold all that a result made here has. */
static bool result_pass(const struct request *r, const struct result *made, struct result *ret, struct err *e)
{
	struct result passed = *made;
	const struct json *j;
	struct buf text;

	if (version_family(r->net.version) == 0) {
		buf_init(&text, r->arena, 0);
		return result_write(&text, made, r->net.version, false, e) &&
		       json_parse(r->arena, buf_bytes(&text), &j, e) &&
		       result_read(r->arena, j, r->net.version, false, ret, e);
	}
	passed.version = r->net.version;
	*ret = passed;
	return true;
}

static bool call_checked(const struct request *r, const struct plugin *p, struct result *ret, struct err *e)
{
	struct result made = { .version = NULL };
	struct request back = *r;
	struct err ignored;
	bool undone UNUSED;

	if (!request_variables_check(r, e) || !request_version_check(r, p, e) || !request_netns_check(r, e) ||
	    !request_call(r, p, &made, e))
		return false;
	if (!ret || result_pass(r, &made, ret, e))
		return true;
	back.command = COMMAND_DEL;
	undone = request_call(&back, p, NULL, &ignored);
	return false;
}

/* An error object always has a code. */
static bool call_here(const struct request *r, const struct plugin *p, struct result *ret, struct err *e)
{
	if (call_checked(r, p, ret, e))
		return true;
	e->code = error_code(e);
	return false;
}

/* ---- in a process of its own ---- */

static char **environ_with(struct arena *a, enum command c)
{
	const struct arg command = { "CNI_COMMAND", command_names[c] };

	return env_with(a, environ, &command, 1);
}

/* An error object is the delegate's own word and passes as it is; of what we say about it we say whom it is about. */
static bool say_who(const char *type, struct err *e)
{
	return e->code ? false : wrap(e, "plugin %s", type);
}

static bool call_there(const struct request *r, const char *type, const char *path, struct result *ret, struct err *e)
{
	struct proc_run run = {
		.path = path,
		.envp = environ_with(r->arena, r->command),
		.input = r->stdin_bytes,
		.deadline_ms = -1,
		.stderr_fd = STDERR_FILENO,
	};
	struct reply reply;
	struct proc_end undone;
	struct err ignored;
	bool ran UNUSED;

	if (!invoke(r->arena, &run, &reply, e))
		return say_who(type, e);
	if (!ret || invoke_result(r->arena, &reply, r->net.version, ret, NULL, e))
		return true;
	run.envp = environ_with(r->arena, COMMAND_DEL);
	ran = proc_run(r->arena, &run, &undone, &ignored);
	return wrap(e, "plugin %s", type);
}

/* @ret: for ADD, else NULL. */
static bool delegate(const struct request *r, enum command c, const char *type, struct result *ret, struct err *e)
{
	struct request d = *r;
	const struct plugin *p;
	char *path;

	d.command = c;
	d.undone = NULL;
	if (++d.depth > DEPTH_MAX)
		return fail_code(e, CNI_INVALID_CONFIG, "plugin %s delegates to itself", type);
	if (find_plugin(r->arena, find_dirs(r->arena, r->path), type, &path, e)) {
		p = own_plugin(r, type, path);
		if (p ? call_here(&d, p, ret, e) : call_there(&d, type, path, ret, e))
			return true;
	}
	/*
	 * Who forgives ENOENT means something that is gone, not a delegate that was never called or has failed of it.
	 */
	e->num = 0;
	return false;
}

bool delegate_add(const struct request *r, const char *type, struct result *ret, struct err *e)
{
	return delegate(r, COMMAND_ADD, type, ret, e);
}

bool delegate_exists(const struct request *r, const char *type, struct err *e)
{
	char *path;

	if (find_plugin(r->arena, find_dirs(r->arena, r->path), type, &path, e))
		return true;
	e->num = 0;
	return false;
}

bool delegate_check(const struct request *r, const char *type, struct err *e)
{
	return delegate(r, COMMAND_CHECK, type, NULL, e);
}

bool delegate_del(const struct request *r, const char *type, struct err *e)
{
	return delegate(r, COMMAND_DEL, type, NULL, e);
}

bool delegate_gc(const struct request *r, const char *type, struct err *e)
{
	return delegate(r, COMMAND_GC, type, NULL, e);
}

bool delegate_status(const struct request *r, const char *type, struct err *e)
{
	return delegate(r, COMMAND_STATUS, type, NULL, e);
}
