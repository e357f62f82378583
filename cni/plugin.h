// SPDX-License-Identifier: Apache-2.0
/*
 * The contract between the skeleton (cni/skel.c) and a plugin: one file and one row. The skeleton has parsed, validated
 * and typed everything before the plugin runs; the plugin returns a result or an error, never prints, never exits.
 */
#ifndef CRIMP_CNI_PLUGIN_H
#define CRIMP_CNI_PLUGIN_H

#include "cni/config.h"
#include "cni/error.h"
#include "cni/result.h"
#include "cni/version.h"
#include "lib/arena.h"

enum command { COMMAND_ADD, COMMAND_CHECK, COMMAND_DEL, COMMAND_GC, COMMAND_STATUS, COMMAND_VERSION, COMMANDS };
extern const char *const command_names[COMMANDS];	/* "ADD", ... */

struct plugin_table;

struct request {
	enum command command;
	const char *container_id;	/* "" for GC and STATUS */
	const char *netns;		/* "" when not given (DEL) */
	const char *ifname;
	const char *args;		/* CNI_ARGS, "" when not given */
	const char *path;		/* CNI_PATH */
	struct bytes stdin_bytes;	/* the configuration exactly as it came: what a delegate gets */
	const struct json *conf;
	struct netconf net;
	struct arena *arena;
	const struct plugin_table *table;	/* all plugins of this binary: for delegation in process */
	unsigned depth;			/* delegations in process that led here */
	/* a DEL that takes an ADD of this process back: what that returned, in place of prevResult */
	const struct result *undone;
};

struct plugin {
	const char *name;
	const char *about;		/* one line, lower case: "connect a container to a bridge" */
	const char *const *versions;	/* versions_all, ... */
	/* @ret is zeroed; version of the text is the skeleton's work */
	bool (*add)(const struct request *r, struct result *ret, struct err *e);
	bool (*check)(const struct request *r, struct err *e);
	bool (*del)(const struct request *r, struct err *e);
	bool (*gc)(const struct request *r, struct err *e);
	bool (*status)(const struct request *r, struct err *e);
	/*
	 * `NAME WORD ...` on a command line is no plugin call but a program: @main gets the arguments from WORD on and
	 * returns the exit status. NULL: there is none.
	 */
	struct { const char *word; int (*main)(int argc, char **argv); } program;
};

struct plugin_table {
	const struct plugin *const *rows;	/* sorted by name */
	size_t n;
};
const struct plugin *plugin_find(const struct plugin_table *t, const char *name);

/*
 * prevResult of the request. @ret_there false and @ret untouched if there is none. Unreadable: failure on ADD and
 * CHECK; on DEL (which must work whatever became of it) it counts as absent. A family other than the configuration's is
 * refused as the reference does.
 */
bool request_prev(const struct request *r, struct result *ret, bool *ret_there, struct err *e) MUST_CHECK;
/* The same, but absence is a failure too: "Required prevResult missing". */
bool request_prev_required(const struct request *r, struct result *ret, struct err *e) MUST_CHECK;

/*
 * Delegation (specification section 4): run @type, found in CNI_PATH, with this request's environment, the
 * given command and the untouched configuration. When the first hit in CNI_PATH is this very binary the
 * call happens in process. Failures keep the delegate's code. delegate_add() reads the result; undoing it
 * after a later failure is the caller's duty.
 */
bool delegate_add(const struct request *r, const char *type, struct result *ret, struct err *e) MUST_CHECK;
/* Is there such a plugin? For who must not begin in vain. */
bool delegate_exists(const struct request *r, const char *type, struct err *e) MUST_CHECK;
bool delegate_check(const struct request *r, const char *type, struct err *e) MUST_CHECK;
bool delegate_del(const struct request *r, const char *type, struct err *e) MUST_CHECK;
bool delegate_gc(const struct request *r, const char *type, struct err *e) MUST_CHECK;
bool delegate_status(const struct request *r, const char *type, struct err *e) MUST_CHECK;

/*
 * The whole life of a plugin process: environment, stdin, checks in the protocol's order, the
 * plugin, stdout. Returns the exit status.
 */
int skel_main(const struct plugin *p, const struct plugin_table *table);

#endif
