// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <unistd.h>

#include "cni/call.h"
#include "cni/config.h"
#include "cni/error.h"
#include "cni/find.h"
#include "cni/inject.h"
#include "cni/invoke.h"
#include "cni/version.h"
#include "lib/fs.h"
#include "lib/str.h"

void call_init(struct call *c, struct arena *a, const struct cni_runtime *rt, const struct cni_network *net,
	       enum command command)
{
	*c = (struct call){
		.arena = a,
		.rt = rt,
		.list = &net->list,
		.command = command,
		.key = { .network = net->list.name, .container_id = "", .ifname = "" },
		.netns = "",
	};
}

static const struct arg *args_take(struct arena *a, const struct cni_arg *from, size_t n)
{
	struct arg *args = arena_array(a, n, sizeof(*args));

	for (size_t i = 0; i < n; i++)
		args[i] = (struct arg){ from[i].key ? from[i].key : "", from[i].value ? from[i].value : "" };
	return args;
}

static bool cap_args_take(struct call *c, const char *text, struct err *e)
{
	const struct json *j;

	if (str_empty(text))
		return true;
	if (!json_parse(c->arena, (struct bytes){ text, strlen(text) }, &j, e)) {
		e->code = CNI_INVALID_CONFIG;
		return wrap(e, "capability arguments");
	}
	if (j->type != JSON_OBJECT)
		return fail_code(e, CNI_INVALID_CONFIG, "capability arguments: want an object, have %s",
				 json_type_name(j));
	c->cap_args = j;
	return true;
}

bool call_attach(struct call *c, const struct cni_attachment *at, struct err *e)
{
	struct cni_attachment full;

	if (!size_take(&full, sizeof(full), at, e))
		return false;
	if (!cap_args_take(c, full.capability_args, e))
		return false;
	c->key.container_id = full.container_id ? full.container_id : "";
	c->key.ifname = full.ifname ? full.ifname : "";
	c->netns = full.netns ? full.netns : "";
	c->args = args_take(c->arena, full.args, full.n_args);
	c->n_args = full.n_args;
	return true;
}

void call_attach_cached(struct call *c, const struct cache_entry *entry)
{
	c->key = entry->key;
	c->netns = entry->netns;
	c->args = entry->args;
	c->n_args = entry->n_args;
	c->cap_args = entry->cap_args;
	c->prev = (struct bytes){ NULL, 0 };
}

/* CNI_ARGS has no quoting. */
static bool args_valid(const struct call *c, struct err *e)
{
	for (size_t i = 0; i < c->n_args; i++) {
		const struct arg *arg = &c->args[i];

		if (!*arg->key || strpbrk(arg->key, "=;") || strchr(arg->value, ';'))
			return fail_code(e, CNI_INVALID_ENVIRONMENT, "argument \"%s=%s\" cannot be passed in CNI_ARGS",
					 arg->key, arg->value);
	}
	return true;
}

bool call_valid(const struct call *c, struct err *e)
{
	return container_id_valid(c->key.container_id, e) && ifname_valid(c->key.ifname, e) && args_valid(c, e);
}

/* ---- running ---- */

static const char *args_text(const struct call *c)
{
	struct buf b;

	buf_init(&b, c->arena, 64);
	for (size_t i = 0; i < c->n_args; i++)
		buf_printf(&b, "%s%s=%s", i ? ";" : "", c->args[i].key, c->args[i].value);
	return buf_str(&b);
}

static char **call_env(const struct call *c)
{
	const struct arg set[] = {
		{ "CNI_COMMAND", command_names[c->command] },
		{ "CNI_CONTAINERID", c->key.container_id },
		{ "CNI_NETNS", c->netns },
		{ "CNI_ARGS", args_text(c) },
		{ "CNI_IFNAME", c->key.ifname },
		{ "CNI_PATH", c->rt->dirs_text },
	};

	return env_with(c->arena, environ, set, ARRAY_LEN(set));
}

/* Take over what malloc gave to a caller's executor. */
static struct bytes adopt(struct arena *a, char *text, size_t len)
{
	struct bytes b = { arena_strndup(a, text ? text : "", text ? len : 0), text ? len : 0 };

	free(text);
	return b;
}

static bool exec_by_caller(struct arena *a, const struct cni_runtime *rt, const struct proc_run *p, struct reply *ret,
			   struct err *e)
{
	struct cni_exec call = {
		.size = sizeof(call),
		.path = p->path,
		.env = (const char *const *)p->envp,
		.input = p->input.data,
		.input_len = p->input.len,
		.deadline_ms = p->deadline_ms,
	};
	struct cni_exec_end end = { .size = sizeof(end) };
	struct cni_error why = CNI_ERROR_INIT;
	bool ok = rt->exec(rt->arg, &call, &end, &why);

	ret->end = (struct proc_end){ .status = end.status, .timed_out = end.timed_out };
	ret->end.out = adopt(a, end.out, end.out_len);
	ret->end.err = adopt(a, end.err, end.err_len);
	if (!ok) {
		fail_code(e, why.code, "%s", why.text[0] ? why.text : "it could not be run");
		e->num = why.num;
		return false;
	}
	return invoke_judge(a, ret, e);
}

static bool execute(struct arena *a, const struct cni_runtime *rt, const char *path, const char *type, char **env,
		    struct bytes request, int held_fd, struct reply *ret, struct err *e)
{
	struct proc_run p = {
		.path = path,
		.envp = env,
		.input = request,
		.deadline_ms = rt->timeout_ms > 0 ? fs_now_ms() + rt->timeout_ms : -1,
		.grace_ms = rt->grace_ms,
		.stderr_fd = -1,
		.held_fd = held_fd,
	};
	bool ok;

	*ret = (struct reply){ .why_not = "" };
	ok = rt->exec ? exec_by_caller(a, rt, &p, ret, e) : invoke(a, &p, ret, e);
	if (rt->on_stderr && ret->end.err.len)
		rt->on_stderr(rt->arg, type, ret->end.err.data, ret->end.err.len);
	if (!ok && !rt->on_stderr)
		invoke_add_stderr(a, &ret->end, e);
	return ok;
}

bool call_wrap_plugin(const struct call *c, size_t i, struct err *e)
{
	return wrap(e, "plugin %s (%s, network %s)", c->list->plugins[i].type, command_names[c->command],
		    c->key.network);
}

bool call_wrap(const struct call *c, struct err *e)
{
	return wrap(e, "%s, network %s", command_names[c->command], c->key.network);
}

bool call_plugin(struct call *c, size_t i, struct reply *ret, struct err *e)
{
	const struct conflist_plugin *plugin = &c->list->plugins[i];
	struct inject_keys keys = {
		.name = c->list->name,
		.version = c->list->version,
		.prev = c->prev,
		.cap_args = c->cap_args,
		.keep_capabilities = c->rt->flags & CNI_KEEP_CAPABILITIES,
		.valid = c->valid,
	};
	char *path;

	if (!find_plugin(c->arena, c->rt->dirs, plugin->type, &path, e) ||
	    !execute(c->arena, c->rt, path, plugin->type, call_env(c), inject(c->arena, plugin->json, &keys),
		     c->held_fd, ret, e))
		return call_wrap_plugin(c, i, e);
	return true;
}

bool call_version(struct arena *a, const struct cni_runtime *rt, const char *path, const char *type, struct reply *ret,
		  struct err *e)
{
	static const char request[] = "{\"cniVersion\":\"" VERSION_NEWEST "\"}";
	/* Plugins of the time of 0.1.0 look at these before they look at the command. */
	const struct arg set[] = {
		{ "CNI_COMMAND", command_names[COMMAND_VERSION] },
		{ "CNI_CONTAINERID", "" },
		{ "CNI_NETNS", "dummy" },
		{ "CNI_ARGS", "" },
		{ "CNI_IFNAME", "dummy" },
		{ "CNI_PATH", "dummy" },
	};
	struct bytes input = { request, sizeof(request) - 1 };

	return execute(a, rt, path, type, env_with(a, environ, set, ARRAY_LEN(set)), input, 0, ret, e);
}

/* ---- what the verbs share ---- */

bool call_lock(struct call *c, struct lock *ret, struct err *e)
{
	struct err why = ERR_INIT;

	*ret = LOCK_INIT;
	if (c->rt->flags & CNI_NO_LOCKS)
		return true;
	if (lock_attachment(c->arena, c->rt->cache_dir, &c->key, c->rt->lock_timeout_ms, ret, &why)) {
		c->held_fd = lock_fd(ret);
		return true;
	}
	if (why.num == ETIMEDOUT || (why.num == EOWNERDEAD && c->command != COMMAND_DEL) || c->command == COMMAND_ADD) {
		*e = why;
		return lock_failed(e) || call_wrap(c, e);
	}
	runtime_warn(c->rt, c->arena, "%s of container %s, interface %s, network %s goes on without a lock: %s",
		     command_names[c->command], c->key.container_id, c->key.ifname, c->key.network, why.text);
	return true;
}

bool call_prev_set(struct call *c, const struct json *j, const struct result *r, struct err *e)
{
	struct buf b;

	if (result_is_labelled(j, c->list->version)) {
		c->prev = j->raw;
		return true;
	}
	buf_init(&b, c->arena, j->raw.len + 64);
	if (!result_write(&b, r, c->list->version, false, e))
		return false;
	c->prev = (struct bytes){ buf_str(&b), b.len };
	return true;
}

bool call_prev_cached(struct call *c, enum cache_state *ret_state, struct err *e)
{
	struct cache_entry entry;
	struct err why = ERR_INIT;
	enum cache_state state = cache_read(c->arena, c->rt->cache_dir, &c->key, &entry, &why);
	struct result r;

	if (ret_state)
		*ret_state = state;
	if (state == CACHE_CORRUPT || state == CACHE_UNREADABLE) {
		*e = why;
		return false;
	}
	if ((state != CACHE_GOOD && state != CACHE_LEGACY) || !entry.result)
		return true;
	return (result_read(c->arena, entry.result, "0.1.0", false, &r, e) && call_prev_set(c, entry.result, &r, e)) ||
	       wrap(e, "cached result %s", entry.path);
}

bool call_del_all(struct call *c, bool go_on, struct err *e)
{
	struct errs all = { .count = 0 };

	for (size_t i = c->list->n; i-- > 0;) {
		struct err why = ERR_INIT;
		struct reply reply;

		if (call_plugin(c, i, &reply, &why))
			continue;
		errs_add(&all, &why);
		if (!go_on)
			break;
	}
	return errs_done(&all, e);
}

/* What is cached, for a DEL: whatever has become of it must not keep the container from going. */
static enum cache_state prev_for_del(struct call *c)
{
	enum cache_state state = CACHE_NONE;
	struct err why = ERR_INIT;

	if (call_prev_cached(c, &state, &why))
		return state;
	runtime_warn(c->rt, c->arena, "DEL of container %s, interface %s, network %s without prevResult: %s",
		     c->key.container_id, c->key.ifname, c->key.network, why.text);
	return state;
}

bool call_del(struct call *c, struct err *e)
{
	enum cache_state state;
	struct err why = ERR_INIT;
	int ignored[3];

	if (!version_parse(c->list->version, ignored, e)) {
		e->code = CNI_INVALID_CONFIG;
		return call_wrap(c, e);
	}
	state = prev_for_del(c);
	if (!version_at_least(c->list->version, "0.4.0"))
		c->prev = (struct bytes){ NULL, 0 };
	if (!call_del_all(c, c->rt->flags & CNI_DEL_CONTINUE, e))
		return false;
	/* One that cannot be read may be another's; there has been a warning. */
	if (state != CACHE_UNREADABLE && !cache_remove(c->arena, c->rt->cache_dir, &c->key, &why))
		runtime_warn(c->rt, c->arena, "%s", why.text);
	return true;
}
