// SPDX-License-Identifier: Apache-2.0
/*
 * CHECK of an attachment: prevResult says what was made under which name, the configuration says how. Each function
 * below verifies one thing that ADD made, and its failure names it.
 */
#include <linux/if_bridge.h>
#include <sys/socket.h>

#include "kernel/addr.h"
#include "kernel/netns.h"
#include "kernel/sysctl.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/bridge.h"
#include "plugins/forwarding.h"
#include "plugins/iface.h"
#include "plugins/spoof.h"

struct check {
	const struct request *r;
	struct bridge_conf conf;
	struct attachment at;
	struct result prev;
	int container_at; /* place in prev.interfaces */
	int netns;
	struct nl nl, far; /* of the node, of the container */
	struct link bridge, port, container;
};

static const struct result_interface *find_on_node(const struct check *w, const char *name)
{
	for (size_t i = 0; i < w->prev.n_interfaces; i++) {
		const struct result_interface *f = &w->prev.interfaces[i];

		if (str_empty(f->sandbox) && str_eq(f->name, name))
			return f;
	}
	return NULL;
}

/* The MAC of a bridge that is no gateway follows its ports, whoever they belong to. */
static bool check_bridge(struct check *w, struct err *e)
{
	const struct result_interface *f = find_on_node(w, w->conf.bridge);
	struct link *l = &w->bridge;

	if (!f)
		return fail(e, 0, "bridge interface %s is not in prevResult", w->conf.bridge);
	if (!link_get(&w->nl, w->conf.bridge, l, e))
		return false;
	if (!str_eq(l->kind, "bridge"))
		return fail(e, 0, "Interface %s is not a bridge", l->name);
	if (!(l->flags & IFF_UP))
		return fail(e, 0, "bridge %s is down", l->name);
	if (w->conf.promisc && !(l->flags & IFF_PROMISC))
		return fail(e, 0, "bridge %s is not in promiscuous mode", l->name);
	if (w->conf.n_vlans && !l->vlan_filtering)
		return fail(e, 0, "bridge %s does not filter VLANs", l->name);
	return !w->conf.is_gateway || w->conf.vlan || iface_check_mac(l, f, e);
}

static bool check_container(struct check *w, struct err *e)
{
	struct link *l = &w->container;

	if (!link_get(&w->far, w->r->ifname, l, e))
		return wrap(e, "container");
	if (!str_eq(l->kind, "veth"))
		return fail(e, 0, "Container interface %s not of type veth", l->name);
	if (!(l->flags & IFF_UP) && !w->conf.disable_container_interface)
		return fail(e, 0, "container interface %s is down", l->name);
	return iface_check_mac(l, &w->prev.interfaces[w->container_at], e);
}

/* The VLANs that @c wants and no others. The default VLAN, whichever the bridge's is, may have been kept. */
static bool check_vlans(struct check *w, const struct bridge_conf *c, const struct link *port, struct err *e)
{
	struct vlan_entry *have;
	size_t n;

	if (!c->n_vlans)
		return true;
	if (!link_port_vlans(&w->nl, w->r->arena, port->index, &have, &n, e))
		return false;
	for (size_t i = 0; i < c->n_vlans; i++)
		if (!bridge_vlans_contain(have, n, &c->vlans[i]))
			return fail(e, 0, "bridge port %s is not in VLAN %u as configured", port->name,
				    c->vlans[i].first);
	for (size_t i = 0; i < n; i++) {
		bool may_be_default = c->preserve_default_vlan && have[i].untagged && have[i].first == have[i].last;

		if (!may_be_default && !bridge_vlans_contain(c->vlans, c->n_vlans, &have[i]))
			return fail(e, 0, "bridge port %s is in VLAN %u, for which it is not configured", port->name,
				    have[i].first);
	}
	return true;
}

/*
 * Up, of our bridge, and not kept from forwarding but by a spanning tree. A port whose peer is down is off by itself.
 */
static bool check_forwards(struct check *w, const struct link *port, bool peer_up, struct err *e)
{
	if (port->master != w->bridge.index)
		return fail(e, 0, "Interface %s is not enslaved to bridge %s", port->name, w->bridge.name);
	if (!(port->flags & IFF_UP))
		return fail(e, 0, "bridge port %s is down", port->name);
	if (peer_up && port->port_state != BR_STATE_FORWARDING && (!w->bridge.stp || !port->port_state))
		return fail(e, 0, "bridge port %s does not forward (state %u)", port->name, port->port_state);
	return true;
}

static bool check_port(struct check *w, struct err *e)
{
	const struct result_interface *f;
	struct link *l = &w->port;

	if (!link_get_index(&w->nl, w->container.peer, l, e))
		return wrap(e, "the other end of %s", w->r->ifname);
	f = find_on_node(w, l->name);
	if (!f || !str_eq(l->kind, "veth") || l->peer != w->container.index)
		return fail(e, 0, "the other end of %s is not in prevResult", w->r->ifname);
	if (!check_forwards(w, l, w->container.flags & IFF_UP, e))
		return false;
	if (l->hairpin != w->conf.hairpin)
		return fail(e, 0, "hairpin mode of bridge port %s is %s", l->name, l->hairpin ? "on" : "off");
	if (l->isolated != w->conf.port_isolation)
		return fail(e, 0, "isolation of bridge port %s is %s", l->name, l->isolated ? "on" : "off");
	return iface_check_mac(l, f, e) && check_vlans(w, &w->conf, l, e);
}

/* A gateway interface that is no pair was not made by us: its other side is the administrator's. */
static bool check_vlan_gateway(struct check *w, const struct link *gateway, struct err *e)
{
	struct vlan_entry access;
	struct bridge_conf conf = bridge_gateway_port(&w->conf, &w->bridge, &access);
	struct link l;

	if (!(gateway->flags & IFF_UP))
		return fail(e, 0, "gateway interface %s is down", gateway->name);
	if (!str_eq(gateway->kind, "veth"))
		return true;
	if (!link_get_index(&w->nl, gateway->peer, &l, e))
		return wrap(e, "the other end of %s", gateway->name);
	return (check_forwards(w, &l, true, e) && check_vlans(w, &conf, &l, e)) ||
	       wrap(e, "the other end of gateway interface %s", gateway->name);
}

static bool check_gateways(struct check *w, struct err *e)
{
	const char *name = bridge_gateway_name(w->r->arena, &w->conf);
	char text[CIDR_TEXT_MAX];
	struct addr *have;
	struct link l;
	size_t n;

	if (!w->conf.is_gateway)
		return true;
	if (!link_get(&w->nl, name, &l, e) || (w->conf.vlan && !check_vlan_gateway(w, &l, e)) ||
	    !addr_list(&w->nl, w->r->arena, AF_UNSPEC, l.index, &have, &n, e))
		return false;
	for (size_t i = 0; i < w->prev.n_ips; i++) {
		const struct result_ip *ip = &w->prev.ips[i];
		struct cidr want = { ip->gateway, ip->address.len };
		bool found = ip_is_unset(&ip->gateway) || !ip->has_interface || ip->interface != w->container_at;

		for (size_t k = 0; k < n && !found; k++)
			found = ip_eq(&have[k].cidr.ip, &want.ip) && have[k].cidr.len == want.len;
		if (!found)
			return fail(e, 0, "gateway address %s is not on %s", cidr_text(&want, text), name);
	}
	return forwarding_check(&w->prev, w->container_at, e);
}

static bool check_layer3(struct check *w, struct err *e)
{
	struct iface_conf c = { .index = w->container.index, .ifname = w->r->ifname, .result_index = w->container_at };
	struct arena *a = w->r->arena;
	struct cidr *addrs;
	size_t n;

	if (!delegate_check(w->r, w->r->net.ipam_type, e) || !iface_check(&w->far, a, &c, &w->prev, e) ||
	    !check_gateways(w, e))
		return false;
	addrs = masq_addresses(a, &w->prev, w->container_at, &n);
	return !w->conf.ip_masq || masq_check(a, &w->at, addrs, n, e);
}

static bool check_all(struct check *w, struct err *e)
{
	const struct request *r = w->r;

	if (!check_bridge(w, e) || !check_container(w, e) || !check_port(w, e))
		return false;
	if (w->conf.macspoofchk && !spoof_check(r->arena, &w->at, w->port.name, &w->container.mac, e))
		return false;
	return !*r->net.ipam_type || check_layer3(w, e);
}

static bool check_open(struct check *w, struct err *e)
{
	const struct request *r = w->r;

	if (!bridge_conf_read(r, &w->conf, e) || !request_prev_required(r, &w->prev, e))
		return false;
	w->container_at = iface_find(&w->prev, r->ifname, r->netns);
	if (w->container_at < 0)
		return fail(e, 0, "Sandbox in prevResult doesn't match configured netns: %s has no interface %s there",
			    r->netns, r->ifname);
	return netns_open(r->netns, &w->netns, e) && nl_open(&w->nl, NETLINK_ROUTE, e) &&
	       netns_nl_open(w->netns, NETLINK_ROUTE, &w->far, e);
}

bool bridge_check(const struct request *r, struct err *e)
{
	struct check w = {
		.r = r,
		.at = { r->net.name, r->container_id, r->ifname },
		.netns = -1,
		.nl = NL_CLOSED,
		.far = NL_CLOSED,
	};
	bool ok = check_open(&w, e) && check_all(&w, e);

	nl_close(&w.nl);
	nl_close(&w.far);
	fd_close(&w.netns);
	return ok;
}
