// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * ADD makes the interface, takes a lease, configures, and on failure undoes from the end what it has made itself, by
 * what DEL uses. The interface comes before the lease: where the container has one of that name already, the kernel's
 * refusal leaves the lease of whoever made it alone. Where that can be judged beforehand and making is dear (`look`),
 * the lease comes first, unless it is one that is taken over the interface.
 *
 * DEL finds the interface by its name in the container, and the one that an ADD did not live to rename by its temporary
 * name; it deletes none of another kind, since after an ADD that was refused because the name was taken it meets what
 * took it. Nothing of an endpoint is outside the container's namespace but the lease, so a namespace that is gone has
 * taken the interface with it. The lease is released whatever became of the interface: after it, so that nobody is
 * given an address that still answers, unless it is released over that very interface.
 */
#include "plugins/endpoint.h"

#include <linux/rtnetlink.h>

#include "kernel/netns.h"
#include "kernel/route.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/attachment.h"
#include "plugins/iface.h"
#include "plugins/lease.h"

#define AT 0	/* place of the interface in an ADD's result */

static void ep_init(struct endpoint *ep, const struct request *r, const void *conf)
{
	*ep = (struct endpoint){ .r = r, .conf = conf, .netns = -1, .nl = NL_CLOSED, .far = NL_CLOSED };
}

static bool ep_open(struct endpoint *ep, struct err *e)
{
	return netns_open(ep->r->netns, &ep->netns, e) && nl_open(&ep->nl, NETLINK_ROUTE, e) &&
	       netns_nl_open(ep->netns, NETLINK_ROUTE, &ep->far, e);
}

static void ep_close(struct endpoint *ep)
{
	nl_close(&ep->nl);
	nl_close(&ep->far);
	fd_close(&ep->netns);
}

const char *endpoint_temporary(const struct request *r)
{
	struct attachment at = { r->net.name, r->container_id, r->ifname };

	return attachment_hash_name(r->arena, "cni", attachment_comment(r->arena, &at), "", IFNAMSIZ - 1);
}

/* ep->link goes, in the plugin's own way if it has one. */
static bool unmake(struct endpoint *ep, const struct endpoint_kind *k, struct err *e)
{
	struct err why = ERR_INIT;

	if (k->unmake)
		return k->unmake(ep, e);
	return !ep->link.index || link_gone_is_fine(link_del(&ep->far, ep->link.index, &why), &why, e);
}

// ---- ADD ----

static bool configure(struct endpoint *ep, const struct endpoint_kind *k, const struct endpoint_conf *c, struct err *e)
{
	struct iface_conf conf = { .index = ep->link.index,
				   .ifname = ep->r->ifname,
				   .result_index = AT,
				   .dad = c->dad,
				   .announce = k->announce };

	return iface_configure_in(ep->netns, ep->r->arena, &conf, &ep->result, e);
}

/* Addresses, routes and DNS that somebody else has come by become those of the interface. */
static void adopt(struct endpoint *ep, const struct result *from)
{
	struct result *to = &ep->result;

	to->ips = arena_array(ep->r->arena, from->n_ips, sizeof(*to->ips));
	to->n_ips = from->n_ips;
	to->routes = from->routes;
	to->n_routes = from->n_routes;
	to->dns = from->dns;
	for (size_t i = 0; i < from->n_ips; i++) {
		to->ips[i] = from->ips[i];
		to->ips[i].interface = AT;
		to->ips[i].has_interface = true;
	}
}

static bool take_lease(struct endpoint *ep, struct err *e)
{
	return lease_add(ep->r, AT, &ep->result, &ep->leased, e);
}

static bool look(struct endpoint *ep, const struct endpoint_kind *k, struct err *e)
{
	if (!k->look)
		return true;
	return k->look(ep, e) && (!lease_needs_no_interface(ep->r) || take_lease(ep, e));
}

static bool add_addresses(struct endpoint *ep, const struct endpoint_kind *k, const struct endpoint_conf *c,
			  struct err *e)
{
	if (c->addresses) {
		adopt(ep, c->addresses);
		return configure(ep, k, c, e);
	}
	if (*ep->r->net.ipam_type)
		return (ep->leased || take_lease(ep, e)) && configure(ep, k, c, e);
	return link_set_up(&ep->far, ep->link.index, true, e);
}

/* What cannot be taken back is told behind @e, why the ADD failed. */
static void add_undo(struct endpoint *ep, const struct endpoint_kind *k, struct err *e)
{
	struct errs all = { .count = 0 };
	struct err why = ERR_INIT;
	bool told UNUSED;

	if (lease_goes_first(ep->r))
		lease_undo(ep->r, &ep->leased);
	if (ep->link.index && !unmake(ep, k, &why)) {
		errs_add(&all, e);
		errs_add(&all, &why);
		told = errs_done(&all, e);
	}
	lease_undo(ep->r, &ep->leased);
}

static void add_result(struct endpoint *ep)
{
	struct result_interface *f = result_add_interface(ep->r->arena, &ep->result);
	char text[LINK_HWADDR_TEXT_MAX];

	f->name = ep->r->ifname;
	if (ep->link.hwaddr_len)
		f->mac = arena_strdup(ep->r->arena, link_hwaddr_text(&ep->link, text));
	f->sandbox = ep->r->netns;
	if (!dns_is_empty(&ep->r->net.dns))
		ep->result.dns = ep->r->net.dns;
}

bool endpoint_add(const struct request *r, const struct endpoint_kind *k, const struct endpoint_conf *c,
		  const void *conf, struct result *ret, struct err *e)
{
	struct endpoint ep;
	bool ok;

	ep_init(&ep, r, conf);
	ok = ep_open(&ep, e) && look(&ep, k, e) && k->make(&ep, e) && add_addresses(&ep, k, c, e);
	if (ok) {
		add_result(&ep);
		*ret = ep.result;
	} else {
		add_undo(&ep, k, e);
	}
	ep_close(&ep);
	return ok;
}

// ---- CHECK ----

static bool has_addresses(const struct result *r, int at)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].has_interface && r->ips[i].interface == at)
			return true;
	return false;
}

static bool check_link(struct endpoint *ep, const struct endpoint_kind *k, const struct result_interface *f,
		       struct err *e)
{
	struct link *l = &ep->link;

	if (!link_get(&ep->far, ep->r->ifname, l, e))
		return wrap(e, "container");
	if (k->kind && !str_eq(l->kind, k->kind))
		return fail(e, 0, "Error: Container interface %s not of type %s", l->name, k->kind);
	if (!(l->flags & IFF_UP))
		return fail(e, 0, "container interface %s is down", l->name);
	return iface_check_mac(l, f, e);
}

static bool check_all(struct endpoint *ep, const struct endpoint_kind *k, int at, struct err *e)
{
	const struct request *r = ep->r;
	struct iface_conf c = { .ifname = r->ifname, .result_index = at };

	if (*r->net.ipam_type && !delegate_check(r, r->net.ipam_type, e))
		return false;
	if (!ep_open(ep, e) || !check_link(ep, k, &ep->result.interfaces[at], e))
		return false;
	c.index = ep->link.index;
	if ((*r->net.ipam_type || has_addresses(&ep->result, at)) &&
	    !iface_check(&ep->far, r->arena, &c, &ep->result, e))
		return false;
	return !k->verify || k->verify(ep, e);
}

bool endpoint_check(const struct request *r, const struct endpoint_kind *k, const void *conf, struct err *e)
{
	struct endpoint ep;
	bool ok;
	int at;

	ep_init(&ep, r, conf);
	if (!request_prev_required(r, &ep.result, e))
		return false;
	at = iface_find(&ep.result, r->ifname, r->netns);
	if (at < 0)
		return fail(e, 0, "Sandbox in prevResult doesn't match configured netns: %s has no interface %s there",
			    r->netns, r->ifname);
	ok = check_all(&ep, k, at, e);
	ep_close(&ep);
	return ok;
}

// ---- DEL ----

/* Leaves @ret alone when there is none, or none that can be ours. */
static bool find_own(struct endpoint *ep, const struct endpoint_kind *k, const char *name, struct link *ret,
		     struct err *e)
{
	struct err why = ERR_INIT;
	struct link l;

	if (!link_get(&ep->far, name, &l, &why))
		return link_gone_is_fine(false, &why, e);
	if (!k->kind || str_eq(l.kind, k->kind))
		*ret = l;
	return true;
}

static bool del_temporary(struct endpoint *ep, const struct endpoint_kind *k, struct err *e)
{
	struct err why = ERR_INIT;
	struct link l = { 0 };

	if (!find_own(ep, k, endpoint_temporary(ep->r), &l, e))
		return false;
	return !l.index || link_gone_is_fine(link_del(&ep->far, l.index, &why), &why, e);
}

/* Who unmakes in a way of its own is asked even if the namespace is gone: then ep->netns is -1. */
static bool del_link(struct endpoint *ep, const struct endpoint_kind *k, struct err *e)
{
	struct err why = ERR_INIT;

	if (*ep->r->netns && !netns_open(ep->r->netns, &ep->netns, &why) && !netns_is_gone(why.num)) {
		*e = why;
		return false;
	}
	if (!nl_open(&ep->nl, NETLINK_ROUTE, e))
		return false;
	if (ep->netns < 0)
		return !k->unmake || k->unmake(ep, e);
	if (!netns_nl_open(ep->netns, NETLINK_ROUTE, &ep->far, e) || !find_own(ep, k, ep->r->ifname, &ep->link, e) ||
	    !unmake(ep, k, e))
		return false;
	return k->unmake || del_temporary(ep, k, e);
}

static void collect(struct errs *all, bool ok, const struct err *why)
{
	if (!ok)
		errs_add(all, why);
}

bool endpoint_del(const struct request *r, const struct endpoint_kind *k, const void *conf, struct err *e)
{
	struct err link_why = ERR_INIT, lease_why = ERR_INIT, ignored;
	bool lease_first = lease_goes_first(r), has_prev;
	struct errs all = { .count = 0 };
	struct endpoint ep;

	ep_init(&ep, r, conf);
	if (!request_prev(r, &ep.result, &has_prev, &ignored))
		ep.result = (struct result){ 0 };
	if (lease_first)
		collect(&all, lease_del(r, &lease_why), &lease_why);
	collect(&all, del_link(&ep, k, &link_why), &link_why);
	if (!lease_first)
		collect(&all, lease_del(r, &lease_why), &lease_why);
	ep_close(&ep);
	return errs_done(&all, e);
}

// ---- GC and STATUS ----

bool endpoint_gc(const struct request *r, struct err *e)
{
	return !*r->net.ipam_type || delegate_gc(r, r->net.ipam_type, e);
}

static bool not_available(struct err *e)
{
	e->code = CNI_NOT_AVAILABLE;
	return false;
}

bool endpoint_status(const struct request *r, const char *kind, const char *master, struct err *e)
{
	autonl nl = NL_CLOSED;
	struct link l;

	if (!nl_open(&nl, NETLINK_ROUTE, e) || (kind && !link_kind_usable(&nl, kind, e)))
		return not_available(e);
	if (master && !link_get(&nl, master, &l, e)) {
		wrap(e, "master \"%s\"", master);
		return not_available(e);
	}
	return !*r->net.ipam_type || delegate_status(r, r->net.ipam_type, e);
}

// ---- masters ----

bool endpoint_default_master(struct nl *nl, struct arena *a, struct link *ret, struct err *e)
{
	struct route_filter main_table = { .family = AF_UNSPEC, .table = RT_TABLE_MAIN };
	struct kroute *routes;
	size_t n;

	if (!route_list(nl, a, &main_table, &routes, &n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!routes[i].dst.len && routes[i].oif && routes[i].type == RTN_UNICAST)
			return link_get_index(nl, routes[i].oif, ret, e);
	return fail(e, 0, "no default route interface found");
}
