// SPDX-License-Identifier: Apache-2.0
#include "plugins/pair.h"

#include <errno.h>

#include "kernel/netns.h"
#include "lib/fs.h"
#include "lib/str.h"

#define NAME_TRIES 10

/* Our end's name is random; only when that very name is taken does another one help. */
bool pair_add(struct nl *nl, const struct pair_new *n, struct pair *ret, struct err *e)
{
	/* MACs are ours to choose, so that nobody (udev) thinks they wait to be replaced, and we know them. */
	struct pair p = { .mac = link_random_mac(),
			  .peer_mac = mac_is_unset(&n->peer_mac) ? link_random_mac() : n->peer_mac };
	struct veth_new v = { .name = p.name,
			      .peer_name = n->ifname,
			      .mac = p.mac,
			      .peer_mac = p.peer_mac,
			      .mtu = n->mtu,
			      .master = n->master,
			      .peer_netns = n->netns };
	struct err why = ERR_INIT;
	struct link other;

	for (int tries = 0; tries < NAME_TRIES; tries++) {
		link_random_veth_name(p.name);
		why = ERR_INIT;
		if (link_veth_add(nl, &v, &p.index, &p.peer, &why)) {
			*ret = p;
			return true;
		}
		if (why.num != EEXIST) {
			*e = why;
			return wrap(e, "failed to make veth pair");
		}
		if (!link_get(nl, p.name, &other, &why))
			return fail(e, 0, "container veth name (\"%s\") peer provided (\"%s\") already exists",
				    n->ifname, p.name);
	}
	return fail(e, 0, "failed to find a unique veth name");
}

/* @ret_found is set as soon as there is nothing more to look for. */
static bool del_in_container(const char *ifname, int netns, bool *ret_found, struct err *e)
{
	struct err why = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct link l;

	if (!netns_nl_open(netns, NETLINK_ROUTE, &nl, e))
		return false;
	if (!link_get(&nl, ifname, &l, &why))
		return link_gone_is_fine(false, &why, e);
	*ret_found = true;
	return !str_eq(l.kind, "veth") || link_gone_is_fine(link_del(&nl, l.index, &why), &why, e);
}

/* The namespace that the container had may live on without its name: our end is in prevResult. */
static bool del_on_node(const struct result_interface *f, struct err *e)
{
	struct err why = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct mac mac;
	struct link l;

	if (!f || !f->mac || !mac_parse(f->mac, &mac, &why))
		return true;
	if (!nl_open(&nl, NETLINK_ROUTE, e))
		return false;
	if (!link_get(&nl, f->name, &l, &why))
		return link_gone_is_fine(false, &why, e);
	if (!str_eq(l.kind, "veth") || !mac_eq(&l.mac, &mac))
		return true;
	return link_gone_is_fine(link_del(&nl, l.index, &why), &why, e);
}

bool pair_del(const struct request *r, const struct result_interface *f, struct err *e)
{
	struct err why = ERR_INIT;
	autoclose int netns = -1;
	bool found = false;

	if (*r->netns && netns_open(r->netns, &netns, &why)) {
		if (!del_in_container(r->ifname, netns, &found, e))
			return false;
	} else if (*r->netns && !netns_is_gone(why.num)) {
		*e = why;
		return false;
	}
	return found || del_on_node(f, e);
}
