// SPDX-License-Identifier: Apache-2.0
/* The cache as callers of <cni/runtime.h> see it. */
#include <errno.h>

#include "cni/call.h"
#include "lib/str.h"

struct cni_cached_list {
	struct arena arena;
	struct cni_cached *items;
	size_t n;
};

_Static_assert(sizeof(struct cni_arg) == sizeof(struct arg) &&
		       offsetof(struct cni_arg, value) == offsetof(struct arg, value),
	       "argument lists are shared");

bool cni_cached_result(struct cni_runtime *rt, struct cni_network *net, const struct cni_attachment *at,
		       struct cni_result **ret, struct cni_error *e)
{
	autoscratch s;
	struct err why = ERR_INIT;
	const struct json *j;
	struct result r;
	struct call c;

	call_init(&c, scratch_init(&s), rt, net, COMMAND_CHECK);
	if (!call_attach(&c, at, &why) || !call_prev_cached(&c, NULL, &why))
		return error_give(e, &why);
	if (!c.prev.len) {
		*ret = NULL;
		return true;
	}
	return (json_parse(c.arena, c.prev, &j, &why) && result_read(c.arena, j, net->list.version, false, &r, &why) &&
		result_handle_new(j, &r, ret, &why)) ||
	       error_give(e, &why);
}

static const char *json_text(struct arena *a, const struct json *j)
{
	return j ? arena_strndup(a, j->raw.data, j->raw.len) : NULL;
}

static void item_set(struct arena *a, struct cni_cached *item, const struct cache_entry *from)
{
	*item = (struct cni_cached){
		.network = from->key.network,
		.container_id = from->key.container_id,
		.ifname = from->key.ifname,
		.netns = from->netns,
		.config = from->config.data,
		.config_len = from->config.len,
		.args = (const struct cni_arg *)from->args,
		.n_args = from->n_args,
		.capability_args = json_text(a, from->cap_args),
		.result = json_text(a, from->result),
		.path = from->path,
	};
}

static struct cni_cached_list *list_new(void)
{
	struct cni_cached_list *l = handle_new(sizeof(*l));

	arena_init(&l->arena, NULL, 0);
	return l;
}

static void list_fill(struct cni_cached_list *l, const struct cache_entry *entries, size_t n)
{
	l->items = arena_array(&l->arena, n, sizeof(*l->items));
	l->n = n;
	for (size_t i = 0; i < n; i++)
		item_set(&l->arena, &l->items[i], &entries[i]);
}

void cni_cached_list_free(struct cni_cached_list *l)
{
	if (!l)
		return;
	arena_done(&l->arena);
	free(l);
}

bool cni_cached_attachments(struct cni_runtime *rt, const char *container_id, struct cni_cached_list **ret,
			    struct cni_error *e)
{
	struct cni_cached_list *l = list_new();
	struct err why = ERR_INIT;
	struct cache_entry *entries;
	size_t n;

	if (!cache_list(&l->arena, rt->cache_dir, container_id, &entries, &n, &why)) {
		cni_cached_list_free(l);
		return error_give(e, &why);
	}
	list_fill(l, entries, n);
	*ret = l;
	return true;
}

size_t cni_cached_list_len(const struct cni_cached_list *l)
{
	return l ? l->n : 0;
}

bool cni_cached_list_get(const struct cni_cached_list *l, size_t i, struct cni_cached *ret)
{
	return l && i < l->n && size_give(ret, &l->items[i], sizeof(*ret));
}

/* NULL in @ret: there is none. */
static bool config_get(struct cni_cached_list *l, const char *dir, const struct cache_key *key, bool *ret_there,
		       struct err *e)
{
	struct cache_entry entry;
	enum cache_state state;
	char *path;

	if (!cache_path(&l->arena, dir, key, &path, e))
		return false;
	state = cache_read(&l->arena, dir, key, &entry, e);
	if (state == CACHE_CORRUPT || state == CACHE_UNREADABLE)
		return false;
	if (state == CACHE_LEGACY)
		return fail(e, 0, "cache file %s: a bare result, without a configuration", path);
	*ret_there = state == CACHE_GOOD;
	if (*ret_there)
		list_fill(l, &entry, 1);
	return true;
}

bool cni_cached_config(struct cni_runtime *rt, const char *network, const char *container_id, const char *ifname,
		       struct cni_cached_list **ret, struct cni_error *e)
{
	struct cache_key key = { network ? network : "", container_id ? container_id : "", ifname ? ifname : "" };
	struct cni_cached_list *l = list_new();
	struct err why = ERR_INIT;
	bool there;

	if (!config_get(l, rt->cache_dir, &key, &there, &why)) {
		cni_cached_list_free(l);
		return error_give(e, &why);
	}
	if (!there) {
		cni_cached_list_free(l);
		l = NULL;
	}
	*ret = l;
	return true;
}
