// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * A plugin process answers with exactly one JSON object on stdout, or with nothing, and leaves with 0 or 1. So whatever
 * is to be said is put together in memory and written at one place; a plugin is only called when nothing but its own
 * work can fail, and a result that cannot be delivered is undone, because its reader will never know about it.
 *
 * Order of the checks (a reader of several faults sees the first): variables of the environment, stdin, JSON and name
 * of the network, the command, the version, the whole configuration, the network namespace. The reference compares
 * namespaces last, when the host is changed and a result printed; here it is a condition for doing anything.
 *
 * CNI_PATH is demanded by every command but VERSION, though the specification leaves it out for some: runtimes always
 * send it, and their tests expect the refusal.
 */
#include "cni/skel.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "cni/request.h"
#include "lib/fs.h"
#include "lib/jsonw.h"
#include "lib/str.h"

#define STDIN_MAX ((size_t)16 << 20)

/* Static, so that a typical process never calls malloc, and all that it did allocate is still reachable at its end. */
static _Alignas(16) char first_chunk[24 << 10];
static struct arena arena;

/* A reader that is gone makes the write fail, and does not end us by a signal before we have undone anything. */
static bool put(int fd, const struct buf *text, struct err *e)
{
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	bool ok = fd_write_all(fd, text->data, text->len, e);

	signal(SIGPIPE, before);
	return ok;
}

/* One line for the log of the runtime, when stdout is not there to take it. */
static void complain(const char *name, struct arena *a, const struct err *e)
{
	struct buf line;
	struct err ignored;
	bool done UNUSED;

	buf_init(&line, a, 0);
	buf_printf(&line, "%s: %s%s%s\n", name, e->text, *e->details ? "; " : "", e->details);
	done = put(STDERR_FILENO, &line, &ignored);
}

int skel_refuse(struct arena *a, const struct err *e, const char *version)
{
	struct buf out;
	struct err ignored;

	buf_init(&out, a, 0);
	error_write(&out, e, version ? version : VERSION_NEWEST);
	if (!put(STDOUT_FILENO, &out, &ignored))
		complain("CNI plugin", a, e);
	return 1;
}

static int refuse(const struct request *r, const struct err *e)
{
	struct err ignored;
	int number[3];
	bool usable = r->net.version && version_parse(r->net.version, number, &ignored);

	return skel_refuse(r->arena, e, usable ? r->net.version : NULL);
}

/* There is no memory to put an object together. */
static void memory_exhausted(void)
{
	static const char text[] = "{\n    \"cniVersion\": \"" VERSION_NEWEST "\",\n    \"code\": 11,\n"
				   "    \"msg\": \"out of memory\"\n}";
	ssize_t done UNUSED = write(STDOUT_FILENO, text, sizeof(text) - 1);

	_exit(1);
}

/* Started by a person: say what this is. */
static int about(const struct plugin *p, struct arena *a)
{
	struct buf text;
	struct err e;

	if (str_empty(p->about)) {
		fail_code(&e, CNI_INVALID_ENVIRONMENT, "required env variables [CNI_COMMAND] missing");
		return skel_refuse(a, &e, NULL);
	}
	buf_init(&text, a, 0);
	buf_printf(&text, "CNI %s plugin %s: %s\nCNI protocol versions supported: ", p->name, CRIMP_VERSION, p->about);
	for (size_t i = 0; p->versions[i]; i++)
		buf_printf(&text, "%s%s", i ? ", " : "", p->versions[i]);
	buf_putc(&text, '\n');
	return put(STDERR_FILENO, &text, &e) ? 0 : 1;
}

static int say_versions(const struct plugin *p, struct arena *a)
{
	struct buf out;
	struct jsonw w;
	struct err e;

	buf_init(&out, a, 256);
	jsonw_init(&w, &out, false);
	jsonw_object(&w);
	jsonw_kstr(&w, "cniVersion", VERSION_NEWEST);
	jsonw_key(&w, "supportedVersions");
	jsonw_array(&w);
	for (const char *const *v = p->versions; *v; v++)
		jsonw_str(&w, *v);
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	buf_putc(&out, '\n');
	if (put(STDOUT_FILENO, &out, &e))
		return 0;
	complain(p->name, a, &e);
	return 1;
}

/*
 * A closed stdout or stderr would be the number of the next file that the plugin opens. In its place comes a file that
 * refuses what is written to it, so that an answer nobody can get is noticed.
 */
static void outputs_hold(void)
{
	struct pollfd p[] = { { .fd = STDOUT_FILENO }, { .fd = STDERR_FILENO } };

	poll(p, ARRAY_LEN(p), 0);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		if (p[i].revents & POLLNVAL) {
			int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

			if (fd >= 0 && fd != p[i].fd) {
				dup2(fd, p[i].fd);
				close(fd);
			}
		}
}

static bool prepare(struct request *r, const struct plugin *p, const char *command, struct err *e)
{
	struct bytes text;

	if (!request_variables_check(r, e))
		return false;
	if (!fd_read_all(r->arena, STDIN_FILENO, STDIN_MAX, &text, e)) {
		e->code = CNI_IO_FAILURE;
		return wrap(e, "error reading from stdin");
	}
	if (!request_decode(r, text, e))
		return false;
	if (r->command == COMMANDS)
		return fail_code(e, CNI_INVALID_ENVIRONMENT, "unknown CNI_COMMAND: %s", command);
	return request_version_check(r, p, e) && netconf_read(r->arena, r->conf, &r->net, e) &&
	       request_netns_check(r, e);
}

/* What ADD made cannot be told to anybody: @why becomes the failure, and says if something is left. */
static void undo(const struct request *r, const struct plugin *p, const struct result *made, struct err *why)
{
	struct request back = *r;
	struct err e;

	back.command = COMMAND_DEL;
	back.undone = made;
	if (!request_call(&back, p, NULL, &e))
		err_details(why, "undoing ADD failed too: %s", e.text);
}

static int add(const struct request *r, const struct plugin *p)
{
	struct result result = { .version = NULL };
	struct buf out;
	struct err e;

	if (!p->add)
		return 0;
	if (!request_call(r, p, &result, &e))
		return refuse(r, &e);
	buf_init(&out, r->arena, 1024);
	if (!result_write(&out, &result, r->net.version, true, &e)) {
		undo(r, p, &result, &e);
		return refuse(r, &e);
	}
	if (!put(STDOUT_FILENO, &out, &e)) {
		wrap(&e, "cannot write the result");
		undo(r, p, &result, &e);
		complain(p->name, r->arena, &e);
		return 1;
	}
	return 0;
}

int skel_main(const struct plugin *p, const struct plugin_table *table)
{
	const char *command = getenv("CNI_COMMAND");
	struct request r = { .arena = &arena, .table = table };
	struct err e;

	arena_init(&arena, first_chunk, sizeof(first_chunk));
	arena_on_exhausted(memory_exhausted);
	if (str_empty(command))
		return about(p, &arena);
	r.command = command_parse(command);
	if (r.command == COMMAND_VERSION)
		return say_versions(p, &arena);
	outputs_hold();
	request_environ(&r);
	if (!prepare(&r, p, command, &e))
		return refuse(&r, &e);
	if (r.command == COMMAND_ADD)
		return add(&r, p);
	return request_call(&r, p, NULL, &e) ? 0 : refuse(&r, &e);
}
