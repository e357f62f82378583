// SPDX-License-Identifier: Apache-2.0
/*
 * A plugin made with our own skeleton whose callbacks do what a script says (control.h), to see the skeleton and the
 * delegation from outside. Keys of its script; all but `versions` and `about` are for one command, as in "ADD.error":
 *
 *	versions V...	what the plugin supports; all by default
 *	about TEXT	its line of description; none by default
 *	nil		the callback is NULL
 *	delegate TYPE	the callback calls delegate_add(), ... for this type; a result is handed on
 *	undo TYPE	and when that failed calls delegate_del()
 *	prev		the callback answers with prevResult (request_prev); prev-required: and fails without
 *	result JSON	it answers with this result
 *	args KEY...	it reads CNI_ARGS and leaves call.N/args with lines KEY=VALUE
 *	error CODE MSG	it fails with this code, 0 for none; details TEXT: and these details;
 *			wrap TEXT: and this context
 *	log FILE	a line "NAME COMMAND" is appended when the callback runs
 *
 * call.N/stdin exists if the callback ran, and holds what it was given.
 */
#include "control.h"

#include "cni/args.h"
#include "cni/plugin.h"
#include "lib/json.h"
#include "lib/str.h"

static struct control control;

static bool read_text(struct arena *a, const char *text, struct result *ret, struct err *e)
{
	const struct json *j;
	return json_parse(a, (struct bytes){ text, strlen(text) }, &j, e) &&
	       result_read(a, j, VERSION_NEWEST, false, ret, e);
}

static bool note_args(const struct request *r, char *keys, struct err *e)
{
	struct arg known[16];
	size_t n = 0;
	for (char *save, *k = strtok_r(keys, " ", &save); k && n < ARRAY_LEN(known); k = strtok_r(NULL, " ", &save))
		known[n++] = (struct arg){ .key = k };
	if (!args_read(r->arena, r->args, known, n, e))
		return false;
	char text[4096];
	size_t len = 0;
	for (size_t i = 0; i < n; i++)
		if (known[i].value)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s=%s\n", known[i].key,
						known[i].value);
	file_write(control.call, "args", text, len);
	return true;
}

/* What all commands have in common. */
static bool run(const struct request *r, struct err *e)
{
	char *v;
	control_stdin(&control, (struct text){ (char *)r->stdin_bytes.data, r->stdin_bytes.len });
	control_log(&control);
	if ((v = setting(&control, "args")) && !note_args(r, v, e))
		return false;
	if (!(v = setting(&control, "error")))
		return true;
	char *msg, *context = setting(&control, "wrap"), *details = setting(&control, "details");
	long code = strtol(v, &msg, 10);
	if (code)
		(fail_code)(e, (int)code, "%s", msg + (*msg == ' '));
	else
		(fail)(e, 0, "%s", msg + (*msg == ' '));
	if (details)
		(err_details)(e, "%s", details);
	return context ? wrap(e, "%s", context) : false;
}

static bool add(const struct request *r, struct result *ret, struct err *e)
{
	char *v;
	bool there = false;
	if (!run(r, e))
		return false;
	if (setting(&control, "prev-required"))
		return request_prev_required(r, ret, e);
	if (setting(&control, "prev"))
		return request_prev(r, ret, &there, e);
	if ((v = setting(&control, "result")))
		return read_text(r->arena, v, ret, e);
	if (!(v = setting(&control, "delegate")) || delegate_add(r, v, ret, e))
		return true;
	struct err undone = ERR_INIT;
	char *undo = setting(&control, "undo");
	if (undo && !delegate_del(r, undo, &undone))
		return wrap(&undone, "undo");
	return false;
}

typedef bool delegate_fn(const struct request *r, const char *type, struct err *e);

static bool other(const struct request *r, delegate_fn *delegate, struct err *e)
{
	struct result prev = { 0 };
	bool there = false;
	char *v;
	if (!run(r, e))
		return false;
	if (setting(&control, "prev-required") && !request_prev_required(r, &prev, e))
		return false;
	if (setting(&control, "prev") && !request_prev(r, &prev, &there, e))
		return false;
	return !(v = setting(&control, "delegate")) || delegate(r, v, e);
}

static bool check(const struct request *r, struct err *e)
{
	return other(r, delegate_check, e);
}
static bool del(const struct request *r, struct err *e)
{
	return other(r, delegate_del, e);
}
static bool gc(const struct request *r, struct err *e)
{
	return other(r, delegate_gc, e);
}
static bool status(const struct request *r, struct err *e)
{
	return other(r, delegate_status, e);
}

static const char *const *versions(void)
{
	static const char *list[32];
	char *save, *text = setting(&control, "versions");
	if (!text)
		return versions_all;
	size_t n = 0;
	for (char *v = strtok_r(text, " ", &save); v && n < ARRAY_LEN(list) - 1; v = strtok_r(NULL, " ", &save))
		list[n++] = v;
	return list;
}

int main(int argc, char **argv)
{
	control_open(&control, argc ? argv[0] : "skelnoop");
	bool nil = setting(&control, "nil") != NULL;
	struct plugin plugin = {
		.name = control.name, .about = setting(&control, "about"), .versions = versions(),
		.add = nil ? NULL : add, .check = nil ? NULL : check, .del = nil ? NULL : del, .gc = nil ? NULL : gc,
		.status = nil ? NULL : status,
	};
	const struct plugin *rows[] = { &plugin };
	struct plugin_table table = { rows, 1 };
	return skel_main(&plugin, &table);
}
