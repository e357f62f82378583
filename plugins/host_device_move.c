// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * There: the interface's name goes into its alias, then one request moves it under its new name. The kernel moves
 * first and renames in the container, both under one lock, so that on the node nobody (udev, NetworkManager) sees
 * more than an interface that goes: there is no intermediate name to race for, and one grace period to wait for
 * instead of the two of a way through a temporary namespace. A request that fails half way leaves the interface in
 * the container under its old name, so the name it is to have is looked at before, and whatever fails is taken back.
 *
 * The kernel takes from an interface that leaves what it has on the node: addresses, routes, knobs, its place at a
 * master. All of that is noted before (kernel/kept.h), and an ADD that fails puts it back. DEL does not: between ADD
 * and DEL the node has gone on without it, and nobody has kept the note.
 *
 * Back: here the node would see the container's name before the old one. So the interface is renamed in the
 * container, where nobody watches, and arrives under its final name. Only when the container has another interface of
 * that name is it renamed on arrival, under the kernel's lock still.
 *
 * If the node meanwhile has another interface of that name, ours is neither lost nor does it push that one aside: it
 * arrives as "cni" and 12 hex digits (endpoint_temporary), and keeps the alias, which says whose it was. An interface
 * that outlived its namespace because it is hardware was put on the node by the kernel under the container's name; it
 * is found there by its alias and gets its name back.
 *
 * What is ours: the alias must be the name of an interface, as we and the reference leave it, but anybody may write
 * such an alias. So it counts together with the MAC of prevResult; or, for what is called CNI_IFNAME in the container,
 * with the configuration: its `device` is the alias, its `hwaddr` the address, and a device that is given by its place
 * is not on the node. What was renamed in the container, and what is on the node, is found by that MAC alone: without
 * prevResult the ADD may have been refused, and then an alias leads to somebody else's. The name "cni" and 12 hex
 * digits is the attachment's own.
 */
#include "plugins/host_device.h"

#include <errno.h>

#include "kernel/netns.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/endpoint.h"
#include "plugins/iface.h"

#define OWN_NETNS "/proc/thread-self/ns/net"

static void quietly(bool done UNUSED)
{
}

// ---- there ----

static bool go_home(struct endpoint *ep, int index, const char *name, struct err *e)
{
	const struct host_device_conf *c = ep->conf;
	int number = c && c->was ? c->was->link.index : 0;
	autoclose int home = -1;

	return netns_open(OWN_NETNS, &home, e) && link_move_as(&ep->far, index, home, name, number, e);
}

static bool find_far(struct endpoint *ep, const char *name, const char *alias, struct link *ret)
{
	struct err ignored;

	return link_get(&ep->far, name, ret, &ignored) && str_eq(ret->alias, alias);
}

/* After a failed move: the interface is still here, or there under its old name or, if it was not seen, its new one. */
static void fetch_back(struct endpoint *ep, const struct kept *was)
{
	const char *name = was->link.name;
	struct err ignored;
	struct link now;

	if (link_get(&ep->nl, name, &now, &ignored)) {
		quietly(link_set_alias(&ep->nl, now.index, was->link.alias, &ignored));
		return;
	}
	if (!find_far(ep, name, name, &now) && !find_far(ep, ep->r->ifname, name, &now))
		return;
	quietly(go_home(ep, now.index, name, &ignored));
	if (link_get(&ep->nl, name, &now, &ignored))
		quietly(kept_give_back(&ep->nl, was, now.index, &ignored));
}

static bool name_is_free(struct endpoint *ep, struct err *e)
{
	struct err why = ERR_INIT;
	struct link other;

	if (link_get(&ep->far, ep->r->ifname, &other, &why))
		return fail(e, EEXIST, "the container has an interface %s", ep->r->ifname);
	if (why.num == ENODEV)
		return true;
	*e = why;
	return false;
}

static bool move(struct endpoint *ep, const struct link *l, struct err *e)
{
	return link_set_alias(&ep->nl, l->index, l->name, e) &&
	       link_move(&ep->nl, l->index, ep->netns, ep->r->ifname, e) &&
	       link_get(&ep->far, ep->r->ifname, &ep->link, e);
}

bool host_device_look(struct endpoint *ep, struct err *e)
{
	const struct host_device_conf *c = ep->conf;
	struct link l;

	if (!host_device_find(&ep->nl, ep->r->arena, HOST_DEVICE_SYS, c, &l, e))
		return false;
	return (name_is_free(ep, e) && kept_note(&ep->nl, ep->r->arena, &l, c->was, e)) ||
	       wrap(e, "failed to move link %s", l.name);
}

bool host_device_move_in(struct endpoint *ep, struct err *e)
{
	const struct kept *was = ((const struct host_device_conf *)ep->conf)->was;

	if (move(ep, &was->link, e))
		return true;
	fetch_back(ep, was);
	return wrap(e, "failed to move link %s", was->link.name);
}

// ---- back ----

static bool is_name(const char *alias)
{
	struct err ignored;

	return *alias && ifname_valid(alias, &ignored);
}

/* The address that prevResult has of it; NULL: nobody knows. */
static const char *prev_mac(const struct endpoint *ep)
{
	int at = iface_find(&ep->result, ep->r->ifname, ep->r->netns);

	return at < 0 ? NULL : ep->result.interfaces[at].mac;
}

static bool has_prev_mac(const struct endpoint *ep, const struct link *l)
{
	const char *mac = prev_mac(ep);
	char text[LINK_HWADDR_TEXT_MAX];

	return !str_empty(mac) && str_fold_eq(mac, link_hwaddr_text(l, text));
}

/* @name leads to @l, but is not what @l is called. */
static bool is_alternative(struct nl *nl, const char *name, const struct link *l)
{
	struct err ignored;
	struct link found;

	return !str_eq(name, l->name) && link_find(nl, name, &found, &ignored) && found.index == l->index;
}

static bool is_on_node(struct endpoint *ep, const struct host_device_conf *c)
{
	struct err ignored;
	struct link l;

	return (c->kernelpath || c->pci || c->auxiliary) &&
	       host_device_find(&ep->nl, ep->r->arena, HOST_DEVICE_SYS, c, &l, &ignored);
}

/* Can @l be the one that the configuration means? */
static bool is_meant(struct endpoint *ep, const struct link *l)
{
	const struct host_device_conf *c = ep->conf;

	if (!c || !c->named)
		return false;
	if (c->device)
		return str_eq(l->alias, c->device) || is_alternative(&ep->far, c->device, l);
	if (c->hwaddr)
		return host_device_has_hwaddr(ep->r->arena, l, c->hwaddr);
	return !is_on_node(ep, c);
}

/* @l is called as it should be in the container. */
static bool is_ours(struct endpoint *ep, const struct link *l)
{
	const struct host_device_conf *c = ep->conf;

	return is_name(l->alias) && ((c && c->was) || has_prev_mac(ep, l) || is_meant(ep, l));
}

static bool is_ours_renamed(const struct endpoint *ep, const struct link *l)
{
	return is_name(l->alias) && has_prev_mac(ep, l);
}

/* After its namespace went. The bond or bridge above a device has its MAC, too, but another name. */
static bool is_ours_on_node(const struct endpoint *ep, const struct link *l)
{
	const struct host_device_conf *c = ep->conf;

	if (!is_name(l->alias) || str_eq(l->alias, l->name))
		return false;
	if (str_eq(l->name, endpoint_temporary(ep->r)))
		return true;
	return has_prev_mac(ep, l) &&
	       (str_eq(l->name, ep->r->ifname) || (c && c->device && str_eq(l->alias, c->device)));
}

/* @ret->index 0: there is none. */
static bool find_ours(struct endpoint *ep, struct nl *nl,
		      bool (*is_it)(const struct endpoint *ep, const struct link *l), struct link *ret, struct err *e)
{
	struct link *all;
	size_t n;

	if (!link_list(nl, ep->r->arena, 0, &all, &n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (is_it(ep, &all[i])) {
			*ret = all[i];
			return true;
		}
	return true;
}

static bool is_taken(struct nl *nl, const char *name, int except)
{
	struct err ignored;
	struct link l;

	return link_get(nl, name, &l, &ignored) && l.index != except;
}

/* What it is to be called on the node; a stranger there keeps his name. */
static const char *home_name(struct endpoint *ep, const struct link *l)
{
	return is_taken(&ep->nl, l->alias, 0) ? endpoint_temporary(ep->r) : l->alias;
}

static bool arrive(struct endpoint *ep, const char *name, const char *remembered, struct err *e)
{
	const struct host_device_conf *c = ep->conf;
	struct link now;

	if (!link_get(&ep->nl, name, &now, e))
		return false;
	if (!str_eq(name, remembered))
		return true;
	if (c && c->was) {
		return kept_give_back(&ep->nl, c->was, now.index, e) ||
		       wrap(e, "%s is on the node again, but not all that it had", name);
	}
	return link_set_alias(&ep->nl, now.index, "", e);
}

static bool move_home(struct endpoint *ep, const struct link *l, struct err *e)
{
	const char *name = home_name(ep, l);
	struct err ignored;

	if (!link_set_up(&ep->far, l->index, false, e))
		return false;
	if (!is_taken(&ep->far, name, l->index))
		quietly(link_rename(&ep->far, l->index, name, &ignored));
	if (go_home(ep, l->index, name, e))
		return arrive(ep, name, l->alias, e);
	quietly(link_rename(&ep->far, l->index, l->name, &ignored));
	if (l->flags & IFF_UP)
		quietly(link_set_up(&ep->far, l->index, true, &ignored));
	return wrap(e, "failed to move %s back to the node as %s", l->name, name);
}

/* On the node, after its namespace went. */
static bool rename_home(struct endpoint *ep, const struct link *l, struct err *e)
{
	struct err why = ERR_INIT;
	bool up = l->flags & IFF_UP;

	if (is_taken(&ep->nl, l->alias, l->index))
		return true;
	if (!link_rename(&ep->nl, l->index, l->alias, &why)) {
		if (!up || why.num != EBUSY) {
			*e = why;
			return false;
		}
		if (!link_set_up(&ep->nl, l->index, false, e) || !link_rename(&ep->nl, l->index, l->alias, e) ||
		    !link_set_up(&ep->nl, l->index, true, e))
			return false;
	}
	return link_set_alias(&ep->nl, l->index, "", e);
}

static bool find_out(struct endpoint *ep, struct link *ret, struct err *e)
{
	*ret = ep->link;
	if (ep->netns >= 0 && ret->index && is_ours(ep, ret))
		return true;
	ret->index = 0;
	return ep->netns >= 0 ? find_ours(ep, &ep->far, is_ours_renamed, ret, e)
			      : find_ours(ep, &ep->nl, is_ours_on_node, ret, e);
}

bool host_device_move_out(struct endpoint *ep, struct err *e)
{
	struct err why = ERR_INIT;
	struct link l;

	if (!find_out(ep, &l, e))
		return false;
	if (!l.index)
		return true;
	return link_gone_is_fine(ep->netns >= 0 ? move_home(ep, &l, &why) : rename_home(ep, &l, &why), &why, e);
}
