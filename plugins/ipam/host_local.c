// SPDX-License-Identifier: Apache-2.0
/*
 * host-local: addresses of this node's own ranges, leased in files. One address from every range set; a failure in a
 * later set gives back what the earlier ones got. Where the leases are and why this is fast:
 * plugins/ipam/lease_store.h and lease_index.h.
 */
#include <errno.h>
#include <unistd.h>

#include "plugins/plugin.h"

#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/ipam/host_local_conf.h"
#include "plugins/ipam/lease_store.h"
#include "plugins/ipam/resolv_conf.h"

struct got {
	struct ip ip;
	const struct range *range;
};

struct job {
	const struct request *r;
	struct host_local_conf conf;
	struct lease_store *store;
	struct bytes owner; /* text of our leases */
	struct got *got;    /* one per set, as far as we are */
	size_t n_got;
};

/* The next address of the set that may be had. @last is the one tried before (unset: begin at the segment's first). */
static bool segment_next(struct lease_store *s, const struct range_segment *seg, struct ip *last)
{
	struct ip from = seg->first;

	do {
		if (!ip_is_unset(last)) {
			if (ip_cmp(last, &seg->last) >= 0)
				return false;
			from = ip_add(last, 1);
		}
		if (!range_skip(seg->range, &from, &seg->last) || !lease_next_free(s, &from, &seg->last, last))
			return false;
	} while (ip_eq(last, &seg->range->gateway) || range_excludes(seg->range, last));
	return true;
}

/* Take the first free address in the order of the walk. *ret_range NULL: there is none. */
static bool take_next(struct job *j, size_t set, struct got *ret, struct err *e)
{
	struct ip cursor = lease_cursor(j->store, set);
	struct range_segment seg;
	struct range_walk w;
	bool taken;

	range_walk_init(&w, &j->conf.sets[set], &cursor);
	while (range_walk_next(&w, &seg)) {
		struct ip ip = { { 0 } };

		while (segment_next(j->store, &seg, &ip)) {
			if (!lease_take(j->store, &ip, j->owner, &taken, e))
				return false;
			if (!taken) {
				*ret = (struct got){ ip, seg.range };
				return true;
			}
		}
	}
	return true;
}

/* One attachment, one address per set: a second one is the runtime's mistake, or a DEL that never came. */
static bool refuse_duplicate(struct job *j, const struct range_set *set, struct err *e)
{
	char text[IP_TEXT_MAX];
	struct bytes old;
	struct ip *ips;
	size_t n;

	if (!lease_owner(j->r->arena, j->r->container_id, NULL, &old, e))
		return false;
	for (unsigned form = 0; form < 2; form++) {
		if (!lease_find(j->store, form ? old : j->owner, &ips, &n, e))
			return false;
		for (size_t i = 0; i < n; i++)
			if (range_find(set, &ips[i]))
				return fail(e, 0, "%s has been allocated to %s, duplicate allocation is not allowed",
					    ip_text(&ips[i], text), j->r->container_id);
	}
	return true;
}

static bool take_any(struct job *j, size_t set, struct got *ret, struct err *e)
{
	struct got got = { .range = NULL };

	if (!refuse_duplicate(j, &j->conf.sets[set], e) || !take_next(j, set, &got, e))
		return false;
	if (!got.range && lease_recount(j->store) && !take_next(j, set, &got, e))
		return false;
	if (!got.range)
		return fail(e, 0, "no IP addresses available in range set: %s",
			    range_set_text(j->r->arena, &j->conf.sets[set]));
	*ret = got;
	return true;
}

static bool take_wanted(struct job *j, size_t set, const struct ip *ip, struct got *ret, struct err *e)
{
	const struct range *range = range_find(&j->conf.sets[set], ip);
	char text[IP_TEXT_MAX];
	bool taken;

	if (ip_eq(ip, &range->gateway))
		return fail(e, 0, "requested ip %s is subnet's gateway", ip_text(ip, text));
	if (range_excludes(range, ip))
		return fail(e, 0, "requested IP address %s is excluded from range set %s", ip_text(ip, text),
			    range_set_text(j->r->arena, &j->conf.sets[set]));
	if (!lease_take(j->store, ip, j->owner, &taken, e))
		return false;
	if (taken)
		return fail(e, 0, "requested IP address %s is not available in range set %s", ip_text(ip, text),
			    range_set_text(j->r->arena, &j->conf.sets[set]));
	*ret = (struct got){ *ip, range };
	return true;
}

/* The first wish that falls into the set is its own and leaves the list. */
static bool wish_take(struct host_local_conf *c, const struct range_set *set, struct ip *ret)
{
	for (size_t i = 0; i < c->n_wanted; i++) {
		if (!range_find(set, &c->wanted[i]))
			continue;
		*ret = c->wanted[i];
		memmove(c->wanted + i, c->wanted + i + 1, (--c->n_wanted - i) * sizeof(*c->wanted));
		return true;
	}
	return false;
}

static bool take_from_set(struct job *j, size_t set, struct err *e)
{
	struct got *got = &j->got[j->n_got];
	struct ip wish;
	bool wished = wish_take(&j->conf, &j->conf.sets[set], &wish);

	if (!(wished ? take_wanted(j, set, &wish, got, e) : take_any(j, set, got, e)))
		return false;
	j->n_got++;
	return lease_cursor_set(j->store, set, &got->ip, e);
}

static bool refuse_unfulfilled(struct job *j, struct err *e)
{
	struct buf b;
	char text[IP_TEXT_MAX];

	if (!j->conf.n_wanted)
		return true;
	buf_init(&b, j->r->arena, 128);
	for (size_t i = 0; i < j->conf.n_wanted; i++)
		buf_printf(&b, " %s", ip_text(&j->conf.wanted[i], text));
	return fail(e, 0, "failed to allocate all requested IPs:%s", buf_str(&b));
}

/* All or nothing. What cannot be given back stays leased to this attachment, for its DEL. */
static bool take_all(struct job *j, struct err *e)
{
	bool ok = true;

	for (size_t set = 0; ok && set < j->conf.n_sets; set++)
		ok = take_from_set(j, set, e) || wrap(e, "failed to allocate for range %zu", set);
	ok = ok && refuse_unfulfilled(j, e);
	while (!ok && j->n_got) {
		struct err ignored = ERR_INIT;

		j->n_got--;
		(void)!lease_release(j->store, &j->got[j->n_got].ip, j->owner, &ignored);
	}
	return ok;
}

static bool host_local_add(const struct request *r, struct result *ret, struct err *e)
{
	autostore store = LEASE_STORE_CLOSED;
	struct job j = { .r = r, .store = &store };
	struct result result = { 0 };
	bool there;

	if (!host_local_conf_read(r, &j.conf, e) || !lease_owner(r->arena, r->container_id, r->ifname, &j.owner, e))
		return false;
	if (*j.conf.resolv_conf && !resolv_conf_read(r->arena, j.conf.resolv_conf, &result.dns, e))
		return false;
	if (!lease_store_open(&store, r->arena, j.conf.data_dir, r->net.name, true, &there, e))
		return false;
	j.got = arena_array(r->arena, j.conf.n_sets, sizeof(*j.got));
	if (!take_all(&j, e))
		return false;
	for (size_t i = 0; i < j.n_got; i++) {
		struct result_ip *ip = result_add_ip(r->arena, &result);

		ip->address = (struct cidr){ j.got[i].ip, j.got[i].range->subnet.len };
		ip->gateway = j.got[i].range->gateway;
	}
	result.routes = j.conf.routes;
	result.n_routes = j.conf.n_routes;
	*ret = result;
	return true;
}

/*
 * The leases of the attachment; if it has none, those of its container from the time before they named the interface.
 */
static bool find_own(const struct request *r, struct lease_store *s, struct bytes *ret_owner, struct ip **ret,
		     size_t *ret_n, struct err *e)
{
	size_t n;

	if (!lease_owner(r->arena, r->container_id, r->ifname, ret_owner, e) || !lease_find(s, *ret_owner, ret, &n, e))
		return false;
	if (!n &&
	    (!lease_owner(r->arena, r->container_id, NULL, ret_owner, e) || !lease_find(s, *ret_owner, ret, &n, e)))
		return false;
	*ret_n = n;
	return true;
}

static bool host_local_check(const struct request *r, struct err *e)
{
	autostore store = LEASE_STORE_CLOSED;
	struct host_local_conf conf;
	struct bytes owner;
	struct ip *ips;
	size_t n = 0;
	bool there;

	if (!host_local_conf_read(r, &conf, e) ||
	    !lease_store_open(&store, r->arena, conf.data_dir, r->net.name, false, &there, e))
		return false;
	if (there && !find_own(r, &store, &owner, &ips, &n, e))
		return false;
	return n || fail(e, 0, "host-local: Failed to find address added by container %s", r->container_id);
}

static bool host_local_del(const struct request *r, struct err *e)
{
	autostore store = LEASE_STORE_CLOSED;
	struct errs all = { .count = 0 };
	const char *data_dir;
	struct bytes owner;
	struct ip *ips;
	size_t n = 0;
	bool there;

	if (!host_local_conf_data_dir(r, &data_dir, e) ||
	    !lease_store_open(&store, r->arena, data_dir, r->net.name, false, &there, e))
		return false;
	if (there && !find_own(r, &store, &owner, &ips, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct err one = ERR_INIT;

		if (!lease_release(&store, &ips[i], owner, &one))
			errs_add(&all, &one);
	}
	return errs_done(&all, e);
}

/* ---- GC ---- */

struct sweep {
	struct bytes *valid; /* texts of leases that stay, sorted */
	size_t n;
	struct errs all;
};

static int by_text(const void *a, const void *b)
{
	const struct bytes *x = a, *y = b;
	int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

static bool sweep_lease(struct lease_store *s, const struct ip *ip, struct bytes text, void *arg, struct err *e UNUSED)
{
	struct sweep *w = arg;
	struct err one = ERR_INIT;

	if (!text.data || (w->n && bsearch(&text, w->valid, w->n, sizeof(*w->valid), by_text)))
		return true;
	if (!lease_release(s, ip, text, &one))
		errs_add(&w->all, &one);
	return true;
}

static bool host_local_gc(const struct request *r, struct err *e)
{
	autostore store = LEASE_STORE_CLOSED;
	struct sweep w = { .n = 0 };
	const char *data_dir;
	bool there;

	if (!r->net.has_valid)
		return true;
	if (!host_local_conf_data_dir(r, &data_dir, e))
		return false;
	w.valid = arena_array(r->arena, 2 * r->net.n_valid, sizeof(*w.valid));
	for (size_t i = 0; i < r->net.n_valid; i++) {
		const struct valid_attachment *v = &r->net.valid[i];

		if (!lease_owner(r->arena, v->container_id, v->ifname, &w.valid[w.n++], e) ||
		    !lease_owner(r->arena, v->container_id, NULL, &w.valid[w.n++], e))
			return false;
	}
	if (w.n)
		qsort(w.valid, w.n, sizeof(*w.valid), by_text);
	if (!lease_store_open(&store, r->arena, data_dir, r->net.name, false, &there, e))
		return false;
	if (there && !lease_each(&store, sweep_lease, &w, e))
		return false;
	return errs_done(&w.all, e);
}

/* ---- STATUS ---- */

static bool set_has_free(struct lease_store *s, const struct range_set *set)
{
	struct range_segment seg;
	struct range_walk w;

	range_walk_init(&w, set, &(struct ip){ { 0 } });
	while (range_walk_next(&w, &seg)) {
		struct ip ip = { { 0 } };

		while (segment_next(s, &seg, &ip))
			if (lease_is_free(s, &ip))
				return true;
	}
	return false;
}

/* Can leases be written? Of a directory that does not exist yet the nearest one above is asked. */
static bool check_writable(struct arena *a, const char *dir, struct err *e)
{
	char *at = arena_strdup(a, dir);

	while (access(at, W_OK | X_OK) < 0) {
		char *slash = strrchr(at, '/');

		if (errno != ENOENT)
			return fail(e, errno, "leases cannot be written to %s", at);
		if (!slash)
			return true;
		slash[slash == at] = '\0';
	}
	return true;
}

static bool host_local_status(const struct request *r, struct err *e)
{
	autostore store = LEASE_STORE_CLOSED;
	struct host_local_conf conf;
	bool there;

	if (!host_local_conf_read(r, &conf, e))
		return false;
	if (!check_writable(r->arena, fs_join(r->arena, conf.data_dir, r->net.name), e) ||
	    !lease_store_open(&store, r->arena, conf.data_dir, r->net.name, false, &there, e)) {
		e->code = CNI_NOT_AVAILABLE;
		return false;
	}
	for (size_t i = 0; there && i < conf.n_sets; i++) {
		const struct range_set *set = &conf.sets[i];

		if (!set_has_free(&store, set) && !(lease_recount(&store) && set_has_free(&store, set)))
			return fail_code(e, CNI_NOT_AVAILABLE, "no IP addresses available in range set: %s",
					 range_set_text(r->arena, set));
	}
	return true;
}

const struct plugin host_local_plugin = {
	.name = "host-local",
	.about = "lease addresses of ranges on this node",
	.versions = versions_all,
	.add = host_local_add,
	.check = host_local_check,
	.del = host_local_del,
	.gc = host_local_gc,
	.status = host_local_status,
};
