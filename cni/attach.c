// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * ADD, CHECK and DEL of <cni/runtime.h>.
 *
 * ADD looks before it leaps: names, arguments, version, every binary of the list, the cache directory and the length
 * of the file name are checked before the first plugin runs, because a failure half way leaves a half-connected
 * container. After the last plugin the result is cached; if that fails the attachment is undone at once, whatever the
 * flags say: the result that DEL needs would be lost with the return.
 *
 * An ADD of what is attached already runs, as the plugins decide about it. But it is never undone: DEL goes by
 * container and interface, and would take away what the first one made, which is in use.
 *
 * Between plugins a result is converted to the list's version, so that a plugin that answers in an older one does not
 * break the next. If its label is right already its bytes are passed on untouched.
 */
#include <errno.h>

#include "cni/call.h"
#include "cni/config.h"
#include "cni/error.h"
#include "cni/find.h"
#include "cni/invoke.h"
#include "cni/version.h"
#include "lib/str.h"

/* ---- ADD ---- */

static bool version_usable(const struct call *c, struct err *e)
{
	return version_family(c->list->version) >= 0 ||
	       fail_code(e, CNI_INCOMPATIBLE_VERSION,
			 "version \"%s\" is none of the specification's up to " VERSION_NEWEST, c->list->version);
}

static bool plugins_there(struct call *c, struct err *e)
{
	char *path;

	for (size_t i = 0; i < c->list->n; i++)
		if (!find_plugin(c->arena, c->rt->dirs, c->list->plugins[i].type, &path, e))
			return wrap(e, "plugin %s", c->list->plugins[i].type);
	return true;
}

static bool add_ready(struct call *c, struct err *e)
{
	return call_valid(c, e) && network_name_valid(c->key.network, e) && version_usable(c, e) &&
	       plugins_there(c, e) && cache_ready(c->arena, c->rt->cache_dir, &c->key, e);
}

/* Plugin @i: its answer, and what the next one will see of it. */
static bool add_one(struct call *c, size_t i, const struct json **ret_json, struct result *ret, struct err *e)
{
	struct err why = ERR_INIT;
	struct reply reply;

	if (!call_plugin(c, i, &reply, e))
		return false;
	if (!invoke_result(c->arena, &reply, c->list->version, ret, ret_json, e)) {
		if (!c->rt->on_stderr)
			invoke_add_stderr(c->arena, &reply.end, e);
		return call_wrap_plugin(c, i, e);
	}
	if (call_prev_set(c, *ret_json, ret, &why))
		return true;
	c->prev = (*ret_json)->raw;
	runtime_warn(c->rt, c->arena, "plugin %s (ADD, network %s): its result is passed on as it is: %s",
		     c->list->plugins[i].type, c->key.network, why.text);
	return true;
}

/* All plugins in order; a list has at least one. The last answer is @ret_json and @ret. */
static bool add_all(struct call *c, const struct json **ret_json, struct result *ret, struct err *e)
{
	size_t i = 0;

	do
		if (!add_one(c, i, ret_json, ret, e))
			return false;
	while (++i < c->list->n);
	return true;
}

/*
 * The container is as if it had not been attached, or there is a warning. @again: an earlier ADD has attached it, with
 * a result that is still cached; its interface and addresses are not ours to take away.
 */
static void undo(struct call *c, bool again)
{
	struct call del = *c;
	struct err why = ERR_INIT;

	if (again) {
		runtime_warn(
			c->rt, c->arena,
			"a repeated ADD of container %s, interface %s, network %s failed and is not undone: what the "
			"first one attached stays, until DEL",
			c->key.container_id, c->key.ifname, c->key.network);
		return;
	}
	del.command = COMMAND_DEL;
	if (!version_at_least(c->list->version, "0.4.0"))
		del.prev = (struct bytes){ NULL, 0 };
	if (call_del_all(&del, true, &why) && cache_remove(c->arena, c->rt->cache_dir, &c->key, &why))
		return;
	runtime_warn(c->rt, c->arena, "ADD of container %s, interface %s could not be undone: %s", c->key.container_id,
		     c->key.ifname, why.text);
}

static bool remember(struct call *c, const struct cni_result *r, struct err *e)
{
	struct cache_entry entry = {
		.key = c->key,
		.netns = c->netns,
		.config = c->list->bytes,
		.args = c->args,
		.n_args = c->n_args,
		.cap_args = c->cap_args,
		.result = r->json,
	};

	return cache_write(c->arena, c->rt->cache_dir, &entry, e) || wrap(e, "cannot remember the result");
}

static bool add_locked(struct call *c, bool again, struct cni_result **ret, struct err *e)
{
	struct cni_result *result = NULL;
	const struct json *j;
	struct result r;

	if (!add_all(c, &j, &r, e)) {
		if (c->rt->flags & CNI_ROLLBACK)
			undo(c, again);
		return false;
	}
	if (!result_handle_new(j, &r, &result, e) || !remember(c, result, e)) {
		cni_result_free(result);
		undo(c, again);
		return call_wrap(c, e);
	}
	*ret = result;
	return true;
}

/* Is there a result of an earlier ADD? */
static bool is_attached(struct call *c)
{
	struct err ignored = ERR_INIT;
	struct cache_entry entry;
	enum cache_state state = cache_read(c->arena, c->rt->cache_dir, &c->key, &entry, &ignored);

	return state == CACHE_GOOD || state == CACHE_LEGACY;
}

static bool add(struct call *c, const struct cni_attachment *at, struct cni_result **ret, struct err *e)
{
	struct lock lock = LOCK_INIT;
	bool ok = false, again;

	if (!call_attach(c, at, e) || !add_ready(c, e))
		return call_wrap(c, e);
	if (!call_lock(c, &lock, e))
		return false;
	again = is_attached(c);
	/* Whose file it is may have changed while we waited. */
	if (cache_ready(c->arena, c->rt->cache_dir, &c->key, e))
		ok = add_locked(c, again, ret, e);
	else
		call_wrap(c, e);
	lock_release(&lock, !ok && !again);
	return ok;
}

bool cni_add(struct cni_runtime *rt, struct cni_network *net, const struct cni_attachment *at, struct cni_result **ret,
	     struct cni_error *e)
{
	autoscratch s;
	struct err why = ERR_INIT;
	struct cni_result *result = NULL;
	struct call c;

	call_init(&c, scratch_init(&s), rt, net, COMMAND_ADD);
	if (!add(&c, at, &result, &why))
		return error_give(e, &why);
	if (ret)
		*ret = result;
	else
		cni_result_free(result);
	return true;
}

/* ---- CHECK ---- */

static bool check_all(struct call *c, struct err *e)
{
	struct reply reply;

	if (!call_prev_cached(c, NULL, e))
		return call_wrap(c, e);
	for (size_t i = 0; i < c->list->n; i++)
		if (!call_plugin(c, i, &reply, e))
			return false;
	return true;
}

static bool check(struct call *c, const struct cni_attachment *at, struct err *e)
{
	struct lock lock = LOCK_INIT;
	int ignored[3];
	bool ok;

	if (!version_parse(c->list->version, ignored, e)) {
		e->code = CNI_INVALID_CONFIG;
		return call_wrap(c, e);
	}
	if (!version_at_least(c->list->version, "0.4.0")) {
		fail_code(e, CNI_INCOMPATIBLE_VERSION,
			  "configuration version \"%s\" does not support the CHECK command", c->list->version);
		e->num = ENOTSUP;
		return call_wrap(c, e);
	}
	if (c->list->disable_check)
		return true;
	if (!call_attach(c, at, e) || !call_valid(c, e))
		return call_wrap(c, e);
	if (!call_lock(c, &lock, e))
		return false;
	ok = check_all(c, e);
	lock_release(&lock, false);
	return ok;
}

bool cni_check(struct cni_runtime *rt, struct cni_network *net, const struct cni_attachment *at, struct cni_error *e)
{
	autoscratch s;
	struct err why = ERR_INIT;
	struct call c;

	call_init(&c, scratch_init(&s), rt, net, COMMAND_CHECK);
	return check(&c, at, &why) || error_give(e, &why);
}

/* ---- DEL ---- */

bool cni_del(struct cni_runtime *rt, struct cni_network *net, const struct cni_attachment *at, struct cni_error *e)
{
	autoscratch s;
	struct err why = ERR_INIT;
	struct lock lock;
	struct call c;
	bool ok;

	call_init(&c, scratch_init(&s), rt, net, COMMAND_DEL);
	if (!call_attach(&c, at, &why) || !call_valid(&c, &why)) {
		call_wrap(&c, &why);
		return error_give(e, &why);
	}
	if (!call_lock(&c, &lock, &why))
		return error_give(e, &why);
	ok = call_del(&c, &why);
	lock_release(&lock, ok);
	return ok || error_give(e, &why);
}
