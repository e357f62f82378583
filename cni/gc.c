// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * GC of <cni/runtime.h>: first a DEL for every cached attachment of this network that is not valid (with the
 * namespace, the arguments and the result it was added with, but the plugins of the list as it is now), then, from
 * 1.1.0 on, the verb GC for every plugin. Nothing stops it: all failures are joined.
 *
 * The caller's list is of the moment he made it, and GC may wait long for the calls that are under way. What they have
 * attached by then is not in the list and yet no garbage. So the files of the cache are noted when the call begins, and
 * entries written since are valid, for the DELs and in what plugins are told. Nothing of this holds for the form
 * without a list, whose meaning is: everything.
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
	struct cache_snapshot before;
};

/* Nobody but a plugin whose runtime was killed can hold an attachment while GC holds the network. */
#define MEMBER_LOCK_MS 1000

static bool is_valid(const struct gc *g, const struct cache_key *key)
{
	for (size_t i = 0; i < g->n; i++)
		if (str_eq(g->valid[i].container_id, key->container_id) && str_eq(g->valid[i].ifname, key->ifname))
			return true;
	return false;
}

static bool delete_locked(struct call *c, struct err *e)
{
	struct lock lock = LOCK_INIT;
	bool ok;

	if (!(c->rt->flags & CNI_NO_LOCKS) &&
	    !lock_member(c->arena, c->rt->cache_dir, &c->key, MEMBER_LOCK_MS, &lock, e))
		return lock_failed(e) || call_wrap(c, e);
	c->held_fd = lock_fd(&lock);
	ok = call_del(c, e);
	lock_release(&lock, ok);
	return ok;
}

/* With memory of its own: there may be thousands. */
static void delete_one(struct gc *g, const struct cache_entry *entry, struct errs *all)
{
	autoscratch s;
	struct err why = ERR_INIT;
	struct call c;

	call_init(&c, scratch_init(&s), g->rt, g->net, COMMAND_DEL);
	call_attach_cached(&c, entry);
	if (delete_locked(&c, &why))
		return;
	wrap(&why, "GC of container %s, interface %s", entry->key.container_id, entry->key.ifname);
	errs_add(all, &why);
}

static void valid_add(struct gc *g, const struct cache_key *key)
{
	g->valid[g->n++] = (struct valid_attachment){ .container_id = key->container_id, .ifname = key->ifname };
}

/* The entries of this network, and those of them that are newer than the call among the valid ones. */
static size_t entries_choose(struct gc *g, struct cache_entry *entries, size_t n)
{
	struct valid_attachment *more = arena_array(g->arena, g->n + n, sizeof(*more));
	size_t kept = 0;

	if (g->n)
		memcpy(more, g->valid, g->n * sizeof(*more));
	g->valid = more;
	for (size_t i = 0; i < n; i++) {
		if (!str_eq(entries[i].key.network, g->net->list.name))
			continue;
		entries[kept++] = entries[i];
		if (g->tell && !is_valid(g, &entries[i].key) && cache_written_since(&g->before, &entries[i]))
			valid_add(g, &entries[i].key);
	}
	return kept;
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
	n = entries_choose(g, entries, n);
	for (size_t i = 0; i < n; i++)
		if (!is_valid(g, &entries[i].key))
			delete_one(g, &entries[i], all);
	cache_sweep(g->arena, g->rt->cache_dir);
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

static void ask_plugins(struct gc *g, const struct lock *lock, struct errs *all)
{
	struct call c;

	call_init(&c, g->arena, g->rt, g->net, COMMAND_GC);
	c.held_fd = lock_fd(lock);
	if (g->tell)
		c.valid = valid_text(g);
	for (size_t i = 0; i < g->net->list.n; i++) {
		struct err why = ERR_INIT;
		struct reply reply;

		if (!call_plugin(&c, i, &reply, &why))
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
	if (!cache_snapshot(g->arena, rt->cache_dir, g->net->list.name, &g->before, e) ||
	    (!(rt->flags & CNI_NO_LOCKS) &&
	     !lock_network(g->arena, rt->cache_dir, g->net->list.name, rt->lock_timeout_ms, &lock, e) &&
	     !lock_failed(e)))
		return wrap(e, "GC, network %s", g->net->list.name);
	delete_stale(g, &all);
	if (version_at_least(g->net->list.version, "1.1.0"))
		ask_plugins(g, &lock, &all);
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
