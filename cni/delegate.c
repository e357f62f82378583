// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * A plugin asks another one (IPAM, above all) to do a part. To the other it looks as if the runtime had called it: same
 * environment but for CNI_COMMAND, same bytes on stdin. If the file found for it is the program that is running anyway, a
 * call replaces the process: everything a process would have judged is judged (variables of the command, version), and what it would
 * have lost on its way through text is lost, so that nobody can tell the two apart but by the time they take.
 *
 * Unlike the reference: a file that nobody may execute does not hide a later one; a relative directory works; what the delegate
 * says on stderr reaches ours at once and always; an ADD with an unreadable answer is undone. An empty part of CNI_PATH
 * is passed over, since it would mean the current directory by accident.
 */
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cni/request.h"
#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/str.h"

/* A plugin named as its own delegate would go on until the stack is used up. */
#define DEPTH_MAX 8

struct place {
	const char *path;	/* absolute */
	dev_t dev;
	ino_t ino;
};

/* @note_shut: put a file there that is the one but for its permissions. */
static bool place_look(struct arena *a, const char *dir, const char *type, struct place *ret, const char **note_shut)
{
	const char *path = fs_join(a, dir, type);
	char cwd[4096];
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (!(st.st_mode & 0111)) {
		*note_shut = path;
		return false;
	}
	if (*path != '/') {
		if (!getcwd(cwd, sizeof(cwd)))
			return false;
		path = fs_join(a, cwd, path);
	}
	*ret = (struct place){ path, st.st_dev, st.st_ino };
	return true;
}

static bool place_find(struct arena *a, const char *dirs, const char *type, struct place *ret, struct err *e)
{
	const char *shut = NULL;
	struct buf looked;
	char **dir;

	if (!*type)
		return fail(e, 0, "no plugin name provided");
	if (strchr(type, '/'))
		return fail(e, 0, "invalid plugin name: %s", type);
	if (!*dirs)
		return fail(e, 0, "no paths provided");
	buf_init(&looked, a, 0);
	for (dir = str_split(a, dirs, ':', NULL); *dir; dir++) {
		if (!**dir)
			continue;
		if (place_look(a, *dir, type, ret, &shut))
			return true;
		buf_printf(&looked, "%s%s", looked.len ? " " : "", *dir);
	}
	fail(e, 0, "failed to find plugin \"%s\" in path [%s]", type, buf_str(&looked));
	return shut ? err_details(e, "%s may not be executed", shut) : false;
}

/* The row to call instead of executing @at, NULL if that is another program. */
static const struct plugin *own_plugin(const struct request *r, const char *type, const struct place *at)
{
	const struct plugin *p = r->table ? plugin_find(r->table, type) : NULL;
	struct stat own;

	if (!p || stat("/proc/self/exe", &own) < 0 || own.st_dev != at->dev || own.st_ino != at->ino)
		return NULL;
	return p;
}

static bool result_parse(const struct request *r, struct bytes text, struct result *ret, struct err *e)
{
	const struct json *j;

	if (!json_parse(r->arena, text, &j, e)) {
		e->code = CNI_DECODING_FAILURE;
		return false;
	}
	return result_read(r->arena, j, r->net.version, false, ret, e);
}

/* ---- in process ---- */

/* The oldest shape holds one address per family and bare routes; later ones hold all that a result made here has. */
static bool result_pass(const struct request *r, const struct result *made, struct result *ret, struct err *e)
{
	struct result passed = *made;
	struct buf text;

	if (version_family(r->net.version) == 0) {
		buf_init(&text, r->arena, 0);
		return result_write(&text, made, r->net.version, false, e) && result_parse(r, buf_bytes(&text), ret, e);
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
	if (r->command != COMMAND_ADD || result_pass(r, &made, ret, e))
		return true;
	back.command = COMMAND_DEL;
	undone = request_call(&back, p, NULL, &ignored);
	return false;
}

/* An error object has a code always and an errno never. */
static bool call_here(const struct request *r, const struct plugin *p, struct result *ret, struct err *e)
{
	if (call_checked(r, p, ret, e))
		return true;
	e->code = error_code(e);
	e->num = 0;
	return false;
}

/* ---- in a process of its own ---- */

static char **environ_with(struct arena *a, enum command c)
{
	static const char key[] = "CNI_COMMAND=";
	size_t n = 0, kept = 0;
	char **env;

	while (environ[n])
		n++;
	env = arena_array(a, n + 2, sizeof(*env));
	for (size_t i = 0; i < n; i++)
		if (!str_starts(environ[i], key))
			env[kept++] = environ[i];
	env[kept] = arena_printf(a, "%s%s", key, command_names[c]);
	return env;
}

/* Why a program that did not leave with 0 says that it failed. */
static bool diagnose(const struct request *r, const char *type, const struct proc_end *end, struct err *e)
{
	const char *status = proc_status_text(r->arena, end->status);
	const struct json *j;
	struct err said, why;

	if (!end->out.len && !end->err.len)
		return fail(e, 0, "plugin %s failed with no error message: %s", type, status);
	if (!end->out.len)
		return fail(e, 0, "plugin %s failed: \"%s\": %s", type, end->err.data, status);
	if (!json_parse(r->arena, end->out, &j, &why) || !error_parse(j, &said, &why))
		return fail(e, 0, "plugin %s failed but error parsing its diagnostic message \"%s\": %s", type,
			    end->out.data, why.text);
	if (!*said.text)
		fail_code(&said, said.code, "plugin %s failed with no error message: %s", type, status);
	*e = said;
	return false;
}

static bool call_there(const struct request *r, const char *type, const struct place *at, struct result *ret,
		       struct err *e)
{
	struct proc_run run = {
		.path = at->path,
		.envp = environ_with(r->arena, r->command),
		.input = r->stdin_bytes,
		.deadline_ms = -1,
		.stderr_fd = STDERR_FILENO,
	};
	struct proc_end end = { 0 }, undone;
	struct err ignored;
	bool ran UNUSED;

	if (!proc_run(r->arena, &run, &end, e))
		return wrap(e, "plugin %s", type);
	if (!WIFEXITED(end.status) || WEXITSTATUS(end.status) != 0)
		return diagnose(r, type, &end, e);
	if (r->command != COMMAND_ADD || result_parse(r, end.out, ret, e))
		return true;
	wrap(e, "result of plugin %s", type);
	run.envp = environ_with(r->arena, COMMAND_DEL);
	ran = proc_run(r->arena, &run, &undone, &ignored);
	return false;
}

static bool delegate(const struct request *r, enum command c, const char *type, struct result *ret, struct err *e)
{
	struct request d = *r;
	const struct plugin *p;
	struct place at;

	d.command = c;
	if (++d.depth > DEPTH_MAX)
		return fail_code(e, CNI_INVALID_CONFIG, "plugin %s delegates to itself", type);
	if (!place_find(r->arena, r->path, type, &at, e))
		return false;
	p = own_plugin(r, type, &at);
	return p ? call_here(&d, p, ret, e) : call_there(&d, type, &at, ret, e);
}

bool delegate_add(const struct request *r, const char *type, struct result *ret, struct err *e)
{
	return delegate(r, COMMAND_ADD, type, ret, e);
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
