// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * GC of <cni/runtime.h>: first a DEL for every cached attachment of this network that is not valid (with the
 * namespace, the arguments and the result it was added with, but the plugins of the list as it is now), then, from
 * 1.1.0 on, the verb GC for every plugin. Nothing stops it: all failures are joined.
 */
#include "cni/call.h"
#include "cni/config.h"
#include "cni/error.h"
#include "cni/version.h"
#include "lib/jsonw.h"
#include "lib/str.h"

struct gc {
	struct arena *arena;
	struct cni_runtime *rt;
	struct cni_network *net;
	struct valid_attachment *valid;
	size_t n;
	bool tell; /* plugins get the list of valid ones */
};

static bool is_valid(const struct gc *g, const struct cache_key *key)
{
	for (size_t i = 0; i < g->n; i++)
		if (str_eq(g->valid[i].container_id, key->container_id) && str_eq(g->valid[i].ifname, key->ifname))
			return true;
	return false;
}

static void delete_one(struct gc *g, const struct cache_entry *entry, struct errs *all)
{
	struct err why = ERR_INIT;
	struct call c;

	call_init(&c, g->arena, g->rt, g->net, COMMAND_DEL);
	call_attach_cached(&c, entry);
	if (call_del(&c, &why)) {
		if (!(g->rt->flags & CNI_NO_LOCKS))
			lock_forget(g->arena, g->rt->cache_dir, &entry->key);
		return;
	}
	wrap(&why, "GC of container %s, interface %s", entry->key.container_id, entry->key.ifname);
	errs_add(all, &why);
}

static void delete_stale(struct gc *g, struct errs *all)
{
	struct err why = ERR_INIT;
	struct cache_entry *entries;
	size_t n;

	if (!cache_list(g->arena, g->rt->cache_dir, NULL, &entries, &n, &why)) {
		wrap(&why, "GC, network %s", g->net->list.name);
		errs_add(all, &why);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (str_eq(entries[i].key.network, g->net->list.name) && !is_valid(g, &entries[i].key))
			delete_one(g, &entries[i], all);
}

static struct bytes valid_text(const struct gc *g)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, g->arena, 64 * g->n + 16);
	jsonw_init(&w, &b, false);
	jsonw_array(&w);
	for (size_t i = 0; i < g->n; i++) {
		jsonw_object(&w);
		jsonw_kstr(&w, "containerID", g->valid[i].container_id);
		jsonw_kstr(&w, "ifname", g->valid[i].ifname);
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	return buf_bytes(&b);
}

static void ask_plugins(struct gc *g, struct errs *all)
{
	struct call c;

	call_init(&c, g->arena, g->rt, g->net, COMMAND_GC);
	if (g->tell)
		c.valid = valid_text(g);
	for (size_t i = 0; i < g->net->list.n; i++) {
		struct err why = ERR_INIT;
		struct proc_end end;

		if (!call_plugin(&c, i, &end, &why))
			errs_add(all, &why);
	}
}

static bool collect(struct gc *g, struct err *e)
{
	const struct cni_runtime *rt = g->rt;
	struct errs all = { .count = 0 };
	struct lock lock = LOCK_INIT;

	if (g->net->list.disable_gc)
		return true;
	if (!(rt->flags & CNI_NO_LOCKS) &&
	    !lock_network(g->arena, rt->cache_dir, g->net->list.name, rt->lock_timeout_ms, &lock, e))
		return wrap(e, "GC, network %s", g->net->list.name);
	delete_stale(g, &all);
	if (version_at_least(g->net->list.version, "1.1.0"))
		ask_plugins(g, &all);
	lock_release(&lock, false);
	return errs_done(&all, e);
}

/* The array's elements are as large as the caller's compiler made them. */
static bool valid_take(struct gc *g, const struct cni_attachment *valid, size_t n, struct err *e)
{
	const char *at = (const char *)valid;

	g->valid = arena_array(g->arena, n, sizeof(*g->valid));
	g->n = n;
	for (size_t i = 0; i < n; i++, at += valid->size) {
		struct cni_attachment full;

		if (!size_take(&full, sizeof(full), at, e))
			return wrap(e, "valid attachment %zu", i);
		g->valid[i].container_id = full.container_id ? full.container_id : "";
		g->valid[i].ifname = full.ifname ? full.ifname : "";
	}
	return true;
}

bool cni_gc(struct cni_runtime *rt, struct cni_network *net, const struct cni_attachment *valid, size_t n_valid,
	    struct cni_error *e)
{
	autoscratch s;
	struct gc g = { .arena = scratch_init(&s), .rt = rt, .net = net, .tell = true };
	struct err why = ERR_INIT;

	return (valid_take(&g, valid, n_valid, &why) && collect(&g, &why)) || error_give(e, &why);
}

bool cni_gc_all(struct cni_runtime *rt, struct cni_network *net, struct cni_error *e)
{
	autoscratch s;
	struct gc g = { .arena = scratch_init(&s), .rt = rt, .net = net };
	struct err why = ERR_INIT;

	return collect(&g, &why) || error_give(e, &why);
}
