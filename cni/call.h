// SPDX-License-Identifier: Apache-2.0
/*
 * One verb of a runtime on one network: what every plugin of the list is told, and running them. The functions of
 * <cni/runtime.h> fill a struct call and run the plugins in their verb's order.
 *
 * Every failure of a plugin reads `plugin portmap (ADD, network pods): ...` and keeps the plugin's code and details.
 */
#ifndef CRIMP_CNI_CALL_H
#define CRIMP_CNI_CALL_H

#include "cni/cache.h"
#include "cni/handle.h"
#include "cni/invoke.h"
#include "cni/lock.h"
#include "cni/plugin.h"

struct call {
	struct arena *arena;
	const struct cni_runtime *rt;
	const struct conflist *list;
	enum command command;
	struct cache_key key; /* network is the list's name */
	const char *netns;    /* "" when not given */
	const struct arg *args;
	size_t n_args;
	const struct json *cap_args; /* NULL: none */
	struct bytes prev;           /* prevResult, len 0: none */
	struct bytes valid;          /* GC: JSON array, len 0: none */
	int held_fd;                 /* of the lock, which plugins inherit; 0: none */
};

/* A call without an attachment. */
void call_init(struct call *c, struct arena *a, const struct cni_runtime *rt, const struct cni_network *net,
	       enum command command);
/* Fill in who is attached. Code 7 when capability_args is no JSON object. Nothing else is judged. */
bool call_attach(struct call *c, const struct cni_attachment *at, struct err *e) MUST_CHECK;
/* The same from the cache. */
void call_attach_cached(struct call *c, const struct cache_entry *entry);

/*
 * Are the names and arguments such that every plugin can take them? Codes 3 and
 * 4; the network's name is ADD's business.
 */
bool call_valid(const struct call *c, struct err *e) MUST_CHECK;

/* Run plugin @i and judge. @ret->end is kept on failure. */
bool call_plugin(struct call *c, size_t i, struct reply *ret, struct err *e) MUST_CHECK;
/* Run a program for VERSION: no list, no attachment. */
bool call_version(struct arena *a, const struct cni_runtime *rt, const char *path, const char *type,
		  struct reply *ret, struct err *e) MUST_CHECK;
/* "plugin TYPE (VERB, network NAME)" or "VERB, network NAME" in front of @e. Both return false. */
bool call_wrap_plugin(const struct call *c, size_t i, struct err *e);
bool call_wrap(const struct call *c, struct err *e);

/*
 * Locks of an attachment unless the caller does without. A lock that cannot be made matters on ADD only: the rest
 * goes on with a warning; and so does DEL when the time is over and only somebody has it whom a dead runtime has left.
 */
bool call_lock(struct call *c, struct lock *ret, struct err *e) MUST_CHECK;
/*
 * The next prevResult: @j, read as @r, in the list's version; its own bytes if it is labelled so. c->prev stays on
 * failure.
 */
bool call_prev_set(struct call *c, const struct json *j, const struct result *r, struct err *e) MUST_CHECK;
/*
 * Set c->prev from the cache, converted to the list's version; nothing cached leaves it empty. Failure:
 * unreadable, corrupt, or not to be converted. @ret_state may be NULL.
 */
bool call_prev_cached(struct call *c, enum cache_state *ret_state, struct err *e) MUST_CHECK;
/* DEL for the whole list in reverse. @go_on: past failures, which are joined. */
bool call_del_all(struct call *c, bool go_on, struct err *e) MUST_CHECK;
/*
 * DEL as runtimes know it: prevResult from the cache where the version has it, all plugins, and, if all went well, the
 * cache entry removed. Locks are the caller's.
 */
bool call_del(struct call *c, struct err *e) MUST_CHECK;

#endif
