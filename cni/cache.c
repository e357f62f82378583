// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cni/cache.h"
#include "lib/base64.h"
#include "lib/field.h"
#include "lib/fs.h"
#include "lib/jsonw.h"
#include "lib/str.h"

#define KIND "cniCacheV1"

static char *results_dir(struct arena *a, const char *dir)
{
	return fs_join(a, dir, "results");
}

char *cache_name(struct arena *a, const struct cache_key *key)
{
	return arena_printf(a, "%s-%s-%s", key->network, key->container_id, key->ifname);
}

bool cache_path(struct arena *a, const char *dir, const struct cache_key *key, char **ret, struct err *e)
{
	const char *const parts[] = { key->network, key->container_id, key->ifname };
	char *name;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (str_empty(parts[i]) || strchr(parts[i], '/'))
			return fail(
				e, EINVAL,
				"cache file name requires network name (\"%s\"), container ID (\"%s\"), and interface "
				"name (\"%s\")",
				parts[0] ? parts[0] : "", parts[1] ? parts[1] : "", parts[2] ? parts[2] : "");
	name = cache_name(a, key);
	if (strlen(name) > NAME_MAX)
		return fail(e, ENAMETOOLONG, "cache file %s", name);
	*ret = fs_join(a, results_dir(a, dir), name);
	return true;
}

/* ---- reading ---- */

struct draft {
	const char *kind, *config;
	const struct json *args;
	struct cache_entry entry;
};

static const struct field fields[] = {
	FIELD(struct draft, kind, read_str),
	FIELD_AS("containerId", struct draft, entry.key.container_id, read_str),
	FIELD(struct draft, config, read_str),
	FIELD_AS("ifName", struct draft, entry.key.ifname, read_str),
	FIELD_AS("networkName", struct draft, entry.key.network, read_str),
	FIELD_AS("netns", struct draft, entry.netns, read_str),
	FIELD_AS("cniArgs", struct draft, args, read_json),
	FIELD_AS("capabilityArgs", struct draft, entry.cap_args, read_json),
	FIELD_AS("result", struct draft, entry.result, read_json),
	{ 0 },
};

static bool object_or_nothing(const char *key, const struct json **v, struct err *e)
{
	if (json_absent(*v))
		*v = NULL;
	if (*v && (*v)->type != JSON_OBJECT)
		return fail(e, 0, "%s: want an object, have %s", key, json_type_name(*v));
	return true;
}

static bool args_decode(struct arena *a, const struct json *list, struct cache_entry *ret, struct err *e)
{
	struct arg *args;
	size_t n = 0;

	if (json_absent(list))
		return true;
	if (list->type != JSON_ARRAY)
		return fail(e, 0, "cniArgs: want an array, have %s", json_type_name(list));
	args = arena_array(a, list->count, sizeof(*args));
	json_each(pair, list) {
		const struct json *key = json_is(pair, JSON_ARRAY) ? pair->first : NULL;

		if (!key || key->type != JSON_STRING || !json_is(key->next, JSON_STRING))
			return fail(e, 0, "cniArgs[%zu]: want two strings", n);
		args[n++] = (struct arg){ .key = key->str, .value = key->next->str };
	}
	ret->args = args;
	ret->n_args = n;
	return true;
}

static bool entry_decode(struct arena *a, const struct json *j, struct cache_entry *ret, struct err *e)
{
	struct draft d = { .kind = "", .entry = { .key = { "", "", "" }, .netns = "" } };

	if (!json_fields(a, j, fields, &d, e))
		return false;
	if (!str_eq(d.kind, KIND))
		return fail(e, 0, "kind is \"%s\", not \"" KIND "\"", d.kind);
	if (!object_or_nothing("result", &d.entry.result, e) ||
	    !object_or_nothing("capabilityArgs", &d.entry.cap_args, e) || !args_decode(a, d.args, &d.entry, e))
		return false;
	if (d.config && !base64_decode(a, d.config, strlen(d.config), &d.entry.config, e))
		return wrap(e, "config");
	*ret = d.entry;
	return true;
}

bool cache_parse(struct arena *a, struct bytes text, struct cache_entry *ret, struct err *e)
{
	const struct json *j;

	return json_parse(a, text, &j, e) && entry_decode(a, j, ret, e);
}

static bool keys_equal(const struct cache_key *x, const struct cache_key *y)
{
	return str_eq(x->network, y->network) && str_eq(x->container_id, y->container_id) &&
	       str_eq(x->ifname, y->ifname);
}

/* A result of any version has no kind, but it is an object with something in it. */
static bool is_legacy(const struct json *j)
{
	return json_is(j, JSON_OBJECT) && !json_fold(j, "kind") && j->count;
}

static enum cache_state read_text(struct arena *a, struct bytes text, const struct cache_key *key,
				  struct cache_entry *ret, struct err *e)
{
	struct cache_entry entry;
	const struct json *j;

	if (!json_parse(a, text, &j, e))
		return CACHE_CORRUPT;
	if (is_legacy(j)) {
		ret->result = j;
		return CACHE_LEGACY;
	}
	if (!entry_decode(a, j, &entry, e))
		return CACHE_CORRUPT;
	if (!keys_equal(&entry.key, key)) {
		fail(e, EEXIST, "%s belongs to container %s, interface %s of network %s", ret->path,
		     entry.key.container_id, entry.key.ifname, entry.key.network);
		return CACHE_OTHER;
	}
	entry.path = ret->path;
	*ret = entry;
	return CACHE_GOOD;
}

enum cache_state cache_read(struct arena *a, const char *dir, const struct cache_key *key, struct cache_entry *ret,
			    struct err *e)
{
	enum cache_state state;
	struct bytes text;
	char *path;

	*ret = (struct cache_entry){ .key = *key, .netns = "" };
	if (!cache_path(a, dir, key, &path, e))
		return CACHE_NONE;
	ret->path = path;
	if (!fs_read_regular(a, path, CACHE_FILE_MAX, &text, e)) {
		if (e->num == ENOENT)
			return CACHE_NONE;
		wrap(e, "cache file");
		return CACHE_UNREADABLE;
	}
	state = read_text(a, text, key, ret, e);
	if (state == CACHE_CORRUPT)
		wrap(e, "cache file %s", path);
	return state;
}

/* ---- writing ---- */

static void write_sorted(struct arena *a, struct jsonw *w, const struct json *j);

static void write_object(struct arena *a, struct jsonw *w, const struct json *o)
{
	size_t n;
	const struct json **members = json_sorted(a, o, &n);

	jsonw_object(w);
	for (size_t i = 0; i < n; i++) {
		jsonw_keyn(w, members[i]->key, members[i]->key_len);
		write_sorted(a, w, members[i]);
	}
	jsonw_object_end(w);
}

static void write_sorted(struct arena *a, struct jsonw *w, const struct json *j)
{
	if (j->type == JSON_OBJECT) {
		write_object(a, w, j);
	} else if (j->type == JSON_ARRAY) {
		jsonw_array(w);
		json_each(m, j)
			write_sorted(a, w, m);
		jsonw_array_end(w);
	} else if (j->type == JSON_STRING) {
		jsonw_strn(w, j->str, j->str_len);
	} else {
		jsonw_raw(w, j->raw);
	}
}

static void write_config(struct arena *a, struct jsonw *w, struct bytes config)
{
	struct buf b;

	jsonw_key(w, "config");
	if (!config.data) {
		jsonw_null(w);
		return;
	}
	buf_init(&b, a, config.len * 4 / 3 + 8);
	base64_encode(&b, config);
	jsonw_str(w, buf_str(&b));
}

static void write_args(struct jsonw *w, const struct arg *args, size_t n)
{
	if (!n)
		return;
	jsonw_key(w, "cniArgs");
	jsonw_array(w);
	for (size_t i = 0; i < n; i++) {
		jsonw_array(w);
		jsonw_str(w, args[i].key);
		jsonw_str(w, args[i].value);
		jsonw_array_end(w);
	}
	jsonw_array_end(w);
}

struct bytes cache_text(struct arena *a, const struct cache_entry *entry)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, a, entry->config.len * 4 / 3 + 1024);
	jsonw_init(&w, &b, false);
	w.html = true; /* as the reference escapes */
	jsonw_object(&w);
	jsonw_kstr(&w, "kind", KIND);
	jsonw_kstr(&w, "containerId", entry->key.container_id);
	write_config(a, &w, entry->config);
	jsonw_kstr(&w, "ifName", entry->key.ifname);
	jsonw_kstr(&w, "networkName", entry->key.network);
	jsonw_kstr_if(&w, "netns", entry->netns);
	write_args(&w, entry->args, entry->n_args);
	if (entry->cap_args && entry->cap_args->count) {
		jsonw_key(&w, "capabilityArgs");
		write_sorted(a, &w, entry->cap_args);
	}
	if (entry->result && entry->result->count) {
		jsonw_key(&w, "result");
		write_sorted(a, &w, entry->result);
	}
	jsonw_object_end(&w);
	return (struct bytes){ buf_str(&b), b.len };
}

bool cache_ready(struct arena *a, const char *dir, const struct cache_key *key, struct err *e)
{
	const char *results = results_dir(a, dir);
	struct err why = ERR_INIT;
	struct cache_entry ignored;
	char *path;

	if (!cache_path(a, dir, key, &path, e) || !fs_mkdirs(results, 0700, e))
		return false;
	if (faccessat(AT_FDCWD, results, W_OK | X_OK, AT_EACCESS) < 0)
		return fail(e, errno, "cannot write into %s", results);
	switch (cache_read(a, dir, key, &ignored, &why)) {
	case CACHE_NONE:
	case CACHE_GOOD:
	case CACHE_LEGACY:
	case CACHE_CORRUPT: return true;
	case CACHE_UNREADABLE:
	case CACHE_OTHER: break;
	}
	*e = why;
	return false;
}

bool cache_write(struct arena *a, const char *dir, const struct cache_entry *entry, struct err *e)
{
	struct bytes text = cache_text(a, entry);
	char *path;

	if (!cache_path(a, dir, &entry->key, &path, e))
		return false;
	if (text.len > CACHE_FILE_MAX)
		return fail(e, EFBIG, "%zu bytes for cache file %s", text.len, path);
	return fs_mkdirs(results_dir(a, dir), 0700, e) && fs_write_atomic(path, text, 0600, e);
}

bool cache_remove(struct arena *a, const char *dir, const struct cache_key *key, struct err *e)
{
	struct err why = ERR_INIT;
	struct cache_entry entry;

	switch (cache_read(a, dir, key, &entry, &why)) {
	case CACHE_NONE:
	case CACHE_OTHER: return true;
	case CACHE_UNREADABLE: *e = why; return false;
	case CACHE_GOOD:
	case CACHE_LEGACY:
	case CACHE_CORRUPT: break;
	}
	return fs_remove(entry.path, e);
}

/* ---- listing ---- */

/* The container's ID is in the name: most files of others need not be opened. */
static bool entry_load(struct arena *a, const char *results, const char *name, const char *container_id,
		       struct cache_entry *ret)
{
	struct err ignored = ERR_INIT;
	struct bytes text;
	char *path;

	if (container_id && !strstr(name, container_id))
		return false;
	path = fs_join(a, results, name);
	if (!fs_read_regular(a, path, CACHE_FILE_MAX, &text, &ignored) || !cache_parse(a, text, ret, &ignored))
		return false;
	ret->path = path;
	return *ret->key.ifname && *ret->key.network && str_eq(cache_name(a, &ret->key), name) &&
	       (!container_id || str_eq(ret->key.container_id, container_id));
}

bool cache_list(struct arena *a, const char *dir, const char *container_id, struct cache_entry **ret, size_t *ret_n,
		struct err *e)
{
	const char *results = results_dir(a, dir);
	struct cache_entry *entries;
	size_t n_names, n = 0;
	char **names;

	if (!fs_list(a, results, true, &names, &n_names, e))
		return false;
	entries = arena_array(a, n_names, sizeof(*entries));
	for (size_t i = 0; i < n_names; i++)
		n += entry_load(a, results, names[i], container_id, &entries[n]);
	*ret = entries;
	*ret_n = n;
	return true;
}

/* ---- what has been written since ---- */

struct cache_stamp {
	const char *name;
	dev_t dev;
	ino_t ino;
	struct timespec modified, changed;
};

static bool stamp_take(const char *path, struct cache_stamp *ret)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return false;
	*ret = (struct cache_stamp){
		.name = strrchr(path, '/') + 1,
		.dev = st.st_dev,
		.ino = st.st_ino,
		.modified = st.st_mtim,
		.changed = st.st_ctim,
	};
	return true;
}

static bool same_time(const struct timespec *x, const struct timespec *y)
{
	return x->tv_sec == y->tv_sec && x->tv_nsec == y->tv_nsec;
}

bool cache_snapshot(struct arena *a, const char *dir, const char *network, struct cache_snapshot *ret, struct err *e)
{
	const char *results = results_dir(a, dir), *prefix = arena_printf(a, "%s-", network);
	struct cache_snapshot s = { .n = 0 };
	size_t n_names;
	char **names;

	if (!fs_list(a, results, true, &names, &n_names, e))
		return false;
	s.stamps = arena_array(a, n_names, sizeof(*s.stamps));
	for (size_t i = 0; i < n_names; i++)
		if (str_starts(names[i], prefix))
			s.n += stamp_take(fs_join(a, results, names[i]), &s.stamps[s.n]);
	*ret = s;
	return true;
}

static int stamp_cmp(const void *x, const void *y)
{
	const struct cache_stamp *a = x, *b = y;

	return strcmp(a->name, b->name);
}

bool cache_written_since(const struct cache_snapshot *before, const struct cache_entry *entry)
{
	const struct cache_stamp *then = NULL;
	struct cache_stamp now;

	if (!stamp_take(entry->path, &now))
		return false;
	if (before->n)
		then = bsearch(&now, before->stamps, before->n, sizeof(now), stamp_cmp);
	return !then || then->dev != now.dev || then->ino != now.ino || !same_time(&then->modified, &now.modified) ||
	       !same_time(&then->changed, &now.changed);
}

void cache_sweep(struct arena *a, const char *dir)
{
	fs_sweep(results_dir(a, dir), 3600);
}
