// SPDX-License-Identifier: Apache-2.0
#include "cni/confdir.h"
#include "cni/config.h"
#include "cni/conflist.h"
#include "cni/error.h"
#include "cni/version.h"
#include "lib/fs.h"
#include "lib/jsonw.h"
#include "lib/str.h"

/* ---- one plugin ---- */

/* What the specification says about types in a plugin's object and struct netconf does not judge. */
static bool plugin_check(const struct json *o, struct err *e)
{
	json_each(m, o) {
		if (json_key_folds(m, "prevResult") && !json_absent(m) && m->type != JSON_OBJECT)
			return fail(e, 0, "prevResult: want an object, have %s", json_type_name(m));
		if (!json_key_folds(m, "capabilities") || json_absent(m))
			continue;
		if (m->type != JSON_OBJECT)
			return fail(e, 0, "capabilities: want an object, have %s", json_type_name(m));
		json_each(cap, m)
			if (!json_absent(cap) && cap->type != JSON_BOOL)
				return fail(e, 0, "capabilities: %s: want true or false, have %s", cap->key,
					    json_type_name(cap));
	}
	return true;
}

static bool plugin_read(struct arena *a, const struct json *o, struct conflist_plugin *ret, struct netconf *ret_net,
			struct err *e)
{
	struct netconf net;

	if (!json_is(o, JSON_OBJECT))
		return fail(e, 0, "want an object, have %s", json_type_name(o));
	if (!netconf_read(a, o, &net, e) || !plugin_check(o, e))
		return false;
	if (!*net.type)
		return fail(e, 0, "missing key: type");
	*ret = (struct conflist_plugin){
		.type = net.type,
		.json = o,
		.text = arena_strndup(a, o->raw.data, o->raw.len),
	};
	*ret_net = net;
	return true;
}

/* ---- a list ---- */

static bool list_string(const struct json *o, const char *key, bool required, const char **ret, struct err *e)
{
	const struct json *v = json_get(o, key);

	if (!v && !required)
		return true;
	if (!v)
		return fail(e, 0, "no %s", key);
	if (v->type != JSON_STRING)
		return fail(e, 0, "%s: want a string, have %s", key, json_type_name(v));
	if (strlen(v->str) != v->str_len)
		return fail(e, 0, "%s: holds a NUL byte", key);
	*ret = v->str;
	return true;
}

/* A boolean, or one written as a string: lists of both kinds are in use. */
static bool list_bool(const struct json *o, const char *key, bool *ret, struct err *e)
{
	const struct json *v = json_get(o, key);

	if (!v)
		return true;
	if (v->type == JSON_BOOL)
		*ret = v->truth;
	else if (json_is(v, JSON_STRING) && str_fold_eq(v->str, "true"))
		*ret = true;
	else if (json_is(v, JSON_STRING) && str_fold_eq(v->str, "false"))
		*ret = false;
	else
		return fail(e, 0, "%s: want true or false, have %.*s", key, v->raw.len > 40 ? 40 : (int)v->raw.len,
			    v->raw.data);
	return true;
}

/* Take @v if we speak it and it is newer than what we have. */
static bool version_offer(const char *v, const char **best, struct err *e)
{
	int ignored[3];

	if (!version_parse(v, ignored, e))
		return false;
	if (version_cmp(v, VERSION_NEWEST) <= 0 && (!*best || version_cmp(v, *best) > 0))
		*best = v;
	return true;
}

/* cniVersion alone is taken as it stands; with cniVersions the newest of all that we speak, if there is one. */
static bool version_choose(const struct json *o, const char **ret, struct err *e)
{
	const struct json *offers = json_get(o, "cniVersions");
	const char *best = NULL;

	*ret = "";
	if (!list_string(o, "cniVersion", false, ret, e))
		return false;
	if (!offers)
		return true;
	if (offers->type != JSON_ARRAY)
		return fail(e, 0, "cniVersions: want an array, have %s", json_type_name(offers));
	json_each(v, offers) {
		if (v->type != JSON_STRING)
			return fail(e, 0, "cniVersions: want strings, have %s", json_type_name(v));
		if (!version_offer(v->str, &best, e))
			return wrap(e, "cniVersions");
	}
	if (**ret && !version_offer(*ret, &best, e))
		return wrap(e, "cniVersion");
	if (best)
		*ret = best;
	return true;
}

static bool list_plugins(struct arena *a, const struct json *o, struct conflist *ret, struct err *e)
{
	const struct json *list = json_get(o, "plugins");
	struct netconf ignored;

	if (!list && !ret->only_inlined)
		return true;
	if (!list)
		return fail(e, 0, "loadOnlyInlinedPlugins is true, but there is no plugins key");
	if (list->type != JSON_ARRAY)
		return fail(e, 0, "plugins: want an array, have %s", json_type_name(list));
	if (!list->count)
		return fail(e, 0, "plugins: the list is empty");
	ret->plugins = arena_array(a, list->count, sizeof(*ret->plugins));
	json_each(p, list) {
		if (!plugin_read(a, p, &ret->plugins[ret->n], &ignored, e))
			return wrap(e, "plugins[%zu]", ret->n);
		ret->n++;
	}
	return true;
}

static bool list_read(struct arena *a, const struct json *o, struct conflist *ret, struct err *e)
{
	return list_string(o, "name", true, &ret->name, e) && version_choose(o, &ret->version, e) &&
	       list_bool(o, "disableCheck", &ret->disable_check, e) && list_bool(o, "disableGC", &ret->disable_gc, e) &&
	       list_bool(o, "loadOnlyInlinedPlugins", &ret->only_inlined, e) && list_plugins(a, o, ret, e);
}

/* ---- new bytes ---- */

static void write_plugins(struct jsonw *w, const struct conflist *l)
{
	jsonw_key(w, "plugins");
	jsonw_array(w);
	for (size_t i = 0; i < l->n; i++)
		jsonw_raw(w, l->plugins[i].json->raw);
	jsonw_array_end(w);
}

/* The list that one plugin stands for. */
static void bytes_wrap(struct arena *a, struct conflist *l)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, a, l->bytes.len + 128);
	jsonw_init(&w, &b, false);
	jsonw_object(&w);
	jsonw_kstr(&w, "cniVersion", l->version);
	jsonw_kstr(&w, "name", l->name);
	write_plugins(&w, l);
	jsonw_object_end(&w);
	l->bytes = (struct bytes){ buf_str(&b), b.len };
}

/* List @o with the drop-ins inlined. */
static void bytes_merge(struct arena *a, const struct json *o, struct conflist *l)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, a, 2 * l->bytes.len + 128);
	jsonw_init(&w, &b, false);
	jsonw_object(&w);
	json_each(m, o) {
		if (str_eq(m->key, "plugins") || str_eq(m->key, "loadOnlyInlinedPlugins"))
			continue;
		jsonw_keyn(&w, m->key, m->key_len);
		jsonw_raw(&w, m->raw);
	}
	jsonw_kbool(&w, "loadOnlyInlinedPlugins", true);
	write_plugins(&w, l);
	jsonw_object_end(&w);
	l->bytes = (struct bytes){ buf_str(&b), b.len };
}

/* ---- texts ---- */

static bool parse_object(struct arena *a, struct bytes text, const struct json **ret, struct err *e)
{
	const struct json *o;

	if (!json_parse(a, text, &o, e)) {
		e->code = CNI_DECODING_FAILURE;
		return false;
	}
	if (o->type != JSON_OBJECT)
		return fail_code(e, CNI_DECODING_FAILURE, "want an object, have %s", json_type_name(o));
	*ret = o;
	return true;
}

static bool single_read(struct arena *a, const struct json *o, struct conflist *ret, struct err *e)
{
	struct conflist_plugin *plugin = arena_new(a, struct conflist_plugin);
	struct netconf net;
	const struct json *version = json_fold(o, "cniVersion");

	if (!plugin_read(a, o, plugin, &net, e)) {
		if (json_get(o, "plugins"))
			return wrap(e, "this is a list, whose file name must end in .conflist");
		return false;
	}
	ret->is_single = true;
	ret->name = net.name ? net.name : "";
	ret->version = json_absent(version) ? "" : version->str;
	ret->plugins = plugin;
	ret->n = 1;
	bytes_wrap(a, ret);
	return true;
}

static bool read_text(struct arena *a, struct bytes text, enum conflist_form form, struct conflist *ret,
		      const struct json **ret_list, struct err *e)
{
	struct conflist l = { .name = "", .version = "", .file = "", .bytes = text };
	const struct json *o;
	bool single, ok;

	if (!parse_object(a, text, &o, e))
		return false;
	single =
		form == CONFLIST_SINGLE || (form == CONFLIST_EITHER && !json_get(o, "plugins") && json_fold(o, "type"));
	ok = single ? single_read(a, o, &l, e) : list_read(a, o, &l, e);
	if (!ok) {
		e->code = e->code ? e->code : CNI_INVALID_CONFIG;
		return false;
	}
	*ret = l;
	*ret_list = single ? NULL : o;
	return true;
}

static bool has_plugins(const struct conflist *l, struct err *e)
{
	return l->n || fail_code(e, CNI_INVALID_CONFIG, "network %s: no plugins", l->name);
}

bool conflist_parse(struct arena *a, struct bytes text, enum conflist_form form, struct conflist *ret, struct err *e)
{
	const struct json *o;
	struct conflist l;

	if (!read_text(a, text, form, &l, &o, e) || !has_plugins(&l, e))
		return wrap(e, "network configuration");
	*ret = l;
	return true;
}

/* ---- drop-ins ---- */

static bool dropin_load(struct arena *a, const char *path, struct conflist *l, struct err *e)
{
	struct netconf ignored;
	const struct json *o;
	struct bytes text;

	if (!fs_read_regular(a, path, CONFLIST_FILE_MAX, &text, e))
		return false;
	if (!parse_object(a, text, &o, e) || !plugin_read(a, o, &l->plugins[l->n], &ignored, e)) {
		e->code = e->code ? e->code : CNI_INVALID_CONFIG;
		return wrap(e, "%s", path);
	}
	l->n++;
	return true;
}

/* Directory of @path and in it the one named like the network. */
static char *dropin_dir(struct arena *a, const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 1;

	return arena_printf(a, "%.*s/%s", (int)len, slash ? path : ".", name);
}

/* @name becomes a path here: one that is not a plain word has no drop-ins. */
static bool dropins_load(struct arena *a, const char *path, const struct json *o, struct conflist *l, struct err *e)
{
	static const char *const extensions[] = { ".conf", NULL };
	struct err ignored = ERR_INIT;
	struct conflist_plugin *all;
	size_t n, inlined = l->n;
	char **files;

	if (l->only_inlined || !network_name_valid(l->name, &ignored))
		return true;
	if (!confdir_files(a, dropin_dir(a, path, l->name), extensions, &files, &n, e))
		return false;
	all = arena_array(a, inlined + n, sizeof(*all));
	if (inlined)
		memcpy(all, l->plugins, inlined * sizeof(*all));
	l->plugins = all;
	for (size_t i = 0; i < n; i++)
		if (!dropin_load(a, files[i], l, e))
			return false;
	if (l->n > inlined)
		bytes_merge(a, o, l);
	return true;
}

static bool load_text(struct arena *a, const char *path, struct bytes text, enum conflist_form form,
		      struct conflist *ret, struct err *e)
{
	const struct json *o;
	struct conflist l;

	if (!read_text(a, text, form, &l, &o, e))
		return wrap(e, "%s", path);
	if (o && !dropins_load(a, path, o, &l, e))
		return wrap(e, "drop-ins of %s", path);
	if (!has_plugins(&l, e))
		return wrap(e, "%s", path);
	l.file = arena_strdup(a, path);
	*ret = l;
	return true;
}

bool conflist_load(struct arena *a, const char *path, enum conflist_form form, struct conflist *ret, struct err *e)
{
	struct bytes text;

	return fs_read_regular(a, path, CONFLIST_FILE_MAX, &text, e) && load_text(a, path, text, form, ret, e);
}

bool conflist_load_named(struct arena *a, const char *path, enum conflist_form form, struct conflist *ret,
			 struct err *e)
{
	struct bytes text;

	return fs_read(a, path, CONFLIST_FILE_MAX, &text, e) && load_text(a, path, text, form, ret, e);
}
