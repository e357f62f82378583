// SPDX-License-Identifier: Apache-2.0
/* sbr: what a container sends from an address goes the way of that address's interface. plugins/sbr.h says how. */
#include "plugins/sbr.h"

#include "kernel/addr.h"
#include "kernel/link.h"
#include "kernel/netns.h"
#include "lib/fs.h"
#include "lib/str.h"

/* @nl in the container, locked as long as *@ret_netns is open. */
static bool container_open(const struct request *r, int *ret_netns, struct nl *nl, struct err *e)
{
	autoclose int fd = -1;

	if (!netns_open_locked(r->netns, &fd, e) || !netns_nl_open(fd, NETLINK_ROUTE, nl, e))
		return false;
	*ret_netns = fd_take(&fd);
	return true;
}

static bool find_interface(struct sbr *s, const char *ifname, struct err *e)
{
	struct link link;

	if (!link_get(s->nl, ifname, &link, e))
		return wrap(e, "Cannot find network interface %s", ifname);
	s->index = link.index;
	return true;
}

static bool addresses_need(struct sbr *s, const struct request *r, const struct result *prev, struct err *e)
{
	sbr_addresses(s, r, prev);
	return s->n || fail_code(e, CNI_INVALID_CONFIG, "No IP addresses supplied on interface: %s", r->ifname);
}

static bool sbr_add(const struct request *r, struct result *ret, struct err *e)
{
	autoclose int netns = -1;
	autonl nl = NL_CLOSED;
	struct sbr_conf conf;
	struct sbr s = { .arena = r->arena, .nl = &nl, .conf = &conf };
	struct result prev;
	bool there;

	if (!sbr_conf_read(r, &conf, e) || !request_prev(r, &prev, &there, e))
		return false;
	if (!there)
		return fail_code(e, CNI_INVALID_CONFIG, "This plugin must be called as chained plugin");
	if (!addresses_need(&s, r, &prev, e) || !container_open(r, &netns, &nl, e) ||
	    !find_interface(&s, r->ifname, e) || !sbr_make(&s, e))
		return false;
	*ret = prev;
	return true;
}

static bool sbr_check(const struct request *r, struct err *e)
{
	autoclose int netns = -1;
	autonl nl = NL_CLOSED;
	struct sbr_conf conf;
	struct sbr s = { .arena = r->arena, .nl = &nl, .conf = &conf };
	struct result prev;

	return sbr_conf_read(r, &conf, e) && request_prev_required(r, &prev, e) && addresses_need(&s, r, &prev, e) &&
	       container_open(r, &netns, &nl, e) && find_interface(&s, r->ifname, e) && sbr_verify(&s, &prev, e);
}

/* Besides those of prevResult what the interface has now: the reference goes by that alone. */
static bool add_present(struct sbr *s, struct err *e)
{
	struct sbr_address *all;
	struct addr *addrs;
	size_t n;

	if (!addr_list(s->nl, s->arena, AF_UNSPEC, s->index, &addrs, &n, e))
		return false;
	all = arena_array(s->arena, s->n + n, sizeof(*all));
	if (s->n)
		memcpy(all, s->addresses, s->n * sizeof(*all));
	for (size_t i = 0; i < n; i++)
		all[s->n++] = (struct sbr_address){ .address = addrs[i].cidr };
	s->addresses = all;
	return true;
}

/* A configuration that cannot be read names no table; rules are known by their addresses all the same. */
static bool sbr_del(const struct request *r, struct err *e)
{
	struct sbr_conf conf = { .table = 0 };
	struct err why = ERR_INIT;
	autoclose int netns = -1;
	autonl nl = NL_CLOSED;
	struct sbr s = { .arena = r->arena, .nl = &nl, .conf = &conf };
	struct result prev;
	bool there = false, known UNUSED;

	known = sbr_conf_read(r, &conf, &why);
	if (!*r->netns)
		return true;
	if (!container_open(r, &netns, &nl, &why)) {
		if (netns_is_gone(why.num))
			return true;
		*e = why;
		return false;
	}
	if (request_prev(r, &prev, &there, &why) && there)
		sbr_addresses(&s, r, &prev);
	if (find_interface(&s, r->ifname, &why) && !add_present(&s, e))
		return false;
	return sbr_withdraw(&s, e);
}

/* All that ADD makes dies with the container's namespace, and no runtime says where that of a lost one is. */
static bool sbr_gc(const struct request *r UNUSED, struct err *e UNUSED)
{
	return true;
}

static bool sbr_status(const struct request *r, struct err *e)
{
	autonl nl = NL_CLOSED;
	struct err why = ERR_INIT;
	struct sbr_conf conf;
	struct rule *rules;
	size_t n;

	if (!sbr_conf_read(r, &conf, e))
		return false;
	if (nl_open(&nl, NETLINK_ROUTE, &why) && rule_list(&nl, r->arena, AF_INET, &rules, &n, &why))
		return true;
	return fail_code(e, CNI_NOT_AVAILABLE, "the kernel has no policy routing: %s", why.text);
}

const struct plugin sbr_plugin = {
	.name = "sbr",
	.about = "route by source address: a table for each address of the interface",
	.versions = versions_all,
	.add = sbr_add,
	.check = sbr_check,
	.del = sbr_del,
	.gc = sbr_gc,
	.status = sbr_status,
};
