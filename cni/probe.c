// SPDX-License-Identifier: Apache-2.0
/*
 * What a runtime asks without an attachment: STATUS, VERSION, and whether a list could
 * work at all. No locks, nothing is written.
 */
#include <errno.h>

#include "cni/call.h"
#include "cni/error.h"
#include "cni/find.h"
#include "cni/inject.h"
#include "cni/invoke.h"
#include "cni/version.h"
#include "lib/str.h"

#define LEGACY_ANSWER "unknown CNI_COMMAND: VERSION"

static bool status_all(struct call *c, struct err *e)
{
	struct reply reply;

	/* Below, the verb does not exist. */
	if (!version_at_least(c->list->version, "1.1.0"))
		return true;
	for (size_t i = 0; i < c->list->n; i++)
		if (!call_plugin(c, i, &reply, e))
			return false;
	return true;
}

bool cni_status(struct cni_runtime *rt, struct cni_network *net, struct cni_error *e)
{
	autoscratch s;
	struct err why = ERR_INIT;
	struct call c;

	call_init(&c, scratch_init(&s), rt, net, COMMAND_STATUS);
	return status_all(&c, &why) || error_give(e, &why);
}

/* ---- VERSION ---- */

struct versions {
	const char **list; /* NULL-terminated */
	size_t n;
};

static bool versions_list(struct arena *a, const struct json *list, struct versions *ret, struct err *e)
{
	struct versions v = { .list = arena_array(a, (list ? list->count : 0) + 3, sizeof(char *)) };

	if (list && list->type != JSON_NULL && list->type != JSON_ARRAY)
		return fail(e, 0, "supportedVersions: want an array, have %s", json_type_name(list));
	json_each(m, list) {
		if (m->type != JSON_STRING)
			return fail(e, 0, "supportedVersions: want strings, have %s", json_type_name(m));
		v.list[v.n++] = m->str;
	}
	*ret = v;
	return true;
}

static bool versions_read(struct arena *a, const struct reply *r, struct versions *ret, struct err *e)
{
	const struct json *j = r->json, *newest;
	struct versions v;

	if (!j)
		return fail(e, 0, "%s", *r->why_not ? r->why_not : "it printed nothing");
	newest = json_fold(j, "cniVersion");
	if (!json_is(newest, JSON_STRING) || !*newest->str)
		return fail(e, 0, "missing key: cniVersion");
	if (!versions_list(a, json_fold(j, "supportedVersions"), &v, e))
		return false;
	/* The list came with 0.2.0, and the first plugins of that version did not have it yet. */
	if (!v.n && json_str_is(newest, "0.2.0")) {
		v.list[v.n++] = "0.1.0";
		v.list[v.n++] = "0.2.0";
	}
	if (!v.n)
		return fail(e, 0, "missing key: supportedVersions");
	*ret = v;
	return true;
}

static bool versions_get(struct arena *a, const struct cni_runtime *rt, const char *type, struct versions *ret,
			 struct err *e)
{
	struct reply reply;
	char *path;

	if (!find_plugin(a, rt->dirs, type, &path, e))
		return wrap(e, "plugin %s (VERSION)", type);
	if (!call_version(a, rt, path, type, &reply, e)) {
		struct err said = ERR_INIT;
		struct reply quiet = { .end = { .status = reply.end.status, .out = reply.end.out } };

		/* Older than the verb: its own words, whatever it wrote to stderr besides. */
		if (invoke_judge(a, &quiet, &said) || !str_eq(said.text, LEGACY_ANSWER) || said.details[0])
			return wrap(e, "plugin %s (VERSION)", type);
		ret->list = arena_array(a, 2, sizeof(char *));
		ret->list[0] = "0.1.0";
		ret->n = 1;
		return true;
	}
	if (versions_read(a, &reply, ret, e))
		return true;
	e->code = CNI_DECODING_FAILURE;
	return wrap(e, "plugin %s (VERSION): reply", type);
}

bool cni_plugin_versions(struct cni_runtime *rt, const char *type, char ***ret, struct cni_error *e)
{
	autoscratch s;
	struct err why = ERR_INIT;
	struct versions v;

	if (!versions_get(scratch_init(&s), rt, type, &v, &why))
		return error_give(e, &why);
	*ret = strings_give(v.list, v.n);
	return true;
}

bool cni_plugin_find(struct cni_runtime *rt, const char *type, char **ret, struct cni_error *e)
{
	autoscratch s;
	struct err why = ERR_INIT;
	char *path;

	if (!find_plugin(scratch_init(&s), rt->dirs, type, &path, &why))
		return error_give(e, &why);
	path = strdup(path);
	if (!path)
		abort();
	*ret = path;
	return true;
}

/* ---- validation ---- */

/* Capabilities declared true by any plugin, each once, in order of appearance. */
static size_t capabilities(struct arena *a, const struct conflist *l, const char ***ret)
{
	size_t n = 0, room = 0;
	const char **names;

	for (size_t i = 0; i < l->n; i++)
		json_each(m, l->plugins[i].json)
			room += json_key_folds(m, "capabilities") ? m->count : 0;
	names = arena_array(a, room + 1, sizeof(*names));
	for (size_t i = 0; i < l->n; i++) {
		const struct json *plugin = l->plugins[i].json;

		json_each(m, plugin) {
			if (!json_key_folds(m, "capabilities"))
				continue;
			json_each(cap, m)
				if (plugin_has_capability(plugin, cap->key) &&
				    !version_in(cap->key, (const char *const *)names))
					names[n++] = cap->key;
		}
	}
	*ret = names;
	return n;
}

static bool plugin_valid(struct arena *a, const struct cni_runtime *rt, const struct conflist *l, size_t i,
			 struct err *e)
{
	const char *type = l->plugins[i].type, *version = *l->version ? l->version : "0.1.0";
	struct versions v;

	if (!versions_get(a, rt, type, &v, e))
		return wrap(e, "network %s", l->name);
	for (size_t k = 0; k < v.n; k++)
		if (str_eq(v.list[k], version))
			return true;
	return fail_code(e, CNI_INCOMPATIBLE_VERSION, "network %s: plugin %s does not support config version \"%s\"",
			 l->name, type, l->version);
}

bool cni_validate(struct cni_runtime *rt, struct cni_network *net, char ***ret_caps, struct cni_error *e)
{
	autoscratch s;
	struct arena *a = scratch_init(&s);
	struct errs all = { .count = 0 };
	struct err why = ERR_INIT;
	const char **caps;
	size_t n;

	for (size_t i = 0; i < net->list.n; i++) {
		struct err one = ERR_INIT;

		if (!plugin_valid(a, rt, &net->list, i, &one))
			errs_add(&all, &one);
	}
	if (!errs_done(&all, &why))
		return error_give(e, &why);
	if (ret_caps) {
		n = capabilities(a, &net->list, &caps);
		*ret_caps = strings_give(caps, n);
	}
	return true;
}
