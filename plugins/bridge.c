// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * A bridge on the node, and per container a veth pair whose far end lies in the container under the name the runtime
 * chose. With IPAM the container has addresses and routes; without, the network is plain Ethernet.
 *
 * ADD judges the configuration, opens the container's namespace, and only then changes anything. Shared things (bridge,
 * gateway address, forwarding) are made if missing and stay. What belongs to the container is made in the order link,
 * MAC filter, lease, configuration, masquerade. The pair comes before the lease: when the container already has an
 * interface of that name, the kernel's refusal leaves the lease of whoever made it alone. The container's namespace is
 * visited once, for a socket and a few sysctls.
 *
 * What goes, in a failed ADD as in DEL, goes in the order link, lease, MAC filter, masquerade: nobody is given an
 * address that still answers, and the filter lasts as long as what it filters. But a DHCP lease is released over that
 * link, so there the lease goes first. A failed ADD takes back what it has made, never what merely carries its name: an
 * attachment that the runtime repeats elsewhere, and in vain, is to outlive that. DEL removes what it finds and goes on
 * after a failure: each part is found by itself (the link by its name in the container, or by the name in prevResult
 * when the namespace is gone; the rest by the attachment), and a lease is released whatever became of the others.
 */
#include "plugins/bridge.h"

#include "kernel/netns.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/iface.h"
#include "plugins/lease.h"
#include "plugins/pair.h"
#include "plugins/spoof.h"

// ---- ADD ----

/* One ADD under way: what is set has been made, and goes again on failure. */
struct add {
	const struct request *r;
	struct bridge_conf conf;
	struct attachment at;
	struct nl nl; /* of the node */
	int netns;
	struct link bridge, vlan;
	struct pair port; /* index 0: not made */
	bool leased, masked, guarded;
	struct result result;
};

/*
 * The same container and interface may be attached elsewhere, by an ADD that this one repeats: what that has made
 * carries the same owner, and stays.
 */
static void add_undo(struct add *w)
{
	struct arena *a = w->r->arena;
	struct cidr *addrs;
	struct err ignored;
	bool done UNUSED;
	size_t n;

	if (lease_goes_first(w->r))
		lease_undo(w->r, &w->leased);
	if (w->port.index)
		done = link_del(&w->nl, w->port.index, &ignored);
	lease_undo(w->r, &w->leased);
	if (w->guarded)
		done = spoof_teardown_keyed(a, &w->at, w->port.name, &w->port.peer_mac, &ignored);
	if (!w->masked)
		return;
	addrs = masq_addresses(a, &w->result, AT_CONTAINER, &n);
	done = masq_teardown(a, &w->at, addrs, n, &ignored);
}

static bool is_default(const struct result_route *route, bool v4)
{
	struct ip net = cidr_network(&route->dst);

	return route->dst.len == 0 && ip_is4(&net) == v4;
}

static bool has_default(const struct result *r, bool v4)
{
	for (size_t i = 0; i < r->n_routes; i++)
		if (is_default(&r->routes[i], v4))
			return true;
	return false;
}

/*
 * The first address of the subnet, or of a subnet of two the one that is not the container's. Unset for a subnet of one
 * (/32, /128, such as DHCPv6 leases): what comes behind it is not ours to take, and most likely the next container's.
 */
static struct ip gateway_by_subnet(const struct cidr *address)
{
	unsigned free_bits = ip_bits(&address->ip) - address->len;
	struct ip net = cidr_network(address), first = ip_add(&net, 1);

	if (!free_bits)
		return (struct ip){ { 0 } };
	return free_bits == 1 && ip_eq(&first, &address->ip) ? net : first;
}

/*
 * Gateways that IPAM left open are chosen by the subnet, and with isDefaultGateway each family that has a gateway has a
 * default route; one that IPAM gave, with or without a gateway, is enough.
 */
static void fill_gateways(struct add *w)
{
	struct result *r = &w->result;

	for (size_t i = 0; i < r->n_ips; i++) {
		struct result_ip *ip = &r->ips[i];
		bool v4 = ip_is4(&ip->address.ip);
		struct result_route *route;

		if (ip_is_unset(&ip->gateway) && w->conf.is_gateway)
			ip->gateway = gateway_by_subnet(&ip->address);
		if (!w->conf.is_default_gateway || ip_is_unset(&ip->gateway) || has_default(r, v4))
			continue;
		route = result_add_route(w->r->arena, r);
		route->dst.ip = v4 ? ip4(0, 0, 0, 0) : (struct ip){ { 0 } };
		route->gw = ip->gateway;
	}
}

static bool configure(struct add *w, struct err *e)
{
	struct iface_conf c = { .index = w->port.peer,
				.ifname = w->r->ifname,
				.result_index = AT_CONTAINER,
				.dad = w->conf.enabledad,
				.announce = true };

	return iface_configure_in(w->netns, w->r->arena, &c, &w->result, e);
}

static bool add_layer3(struct add *w, struct err *e)
{
	struct arena *a = w->r->arena;
	struct cidr *addrs;
	size_t n;

	if (!lease_add(w->r, AT_CONTAINER, &w->result, &w->leased, e))
		return false;
	fill_gateways(w);
	if (!configure(w, e))
		return false;
	if (w->conf.is_gateway && !bridge_gateways_ensure(&w->nl, a, &w->conf, &w->bridge, &w->result, &w->vlan, e))
		return false;
	if (!w->conf.ip_masq)
		return true;
	addrs = masq_addresses(a, &w->result, AT_CONTAINER, &n);
	return masq_setup(a, w->conf.masq_backend, &w->at, addrs, n, &w->masked, e);
}

static bool add_layer2(struct add *w, struct err *e)
{
	autonl nl = NL_CLOSED;

	if (w->conf.disable_container_interface)
		return true;
	return netns_nl_open(w->netns, NETLINK_ROUTE, &nl, e) && link_set_up(&nl, w->port.peer, true, e);
}

static bool add_container(struct add *w, struct err *e)
{
	const struct request *r = w->r;

	if (!bridge_port_add(&w->nl, r->arena, &w->conf, &w->bridge, w->netns, r->ifname, &w->port, e))
		return false;
	if (w->conf.macspoofchk && !spoof_setup(r->arena, &w->at, w->port.name, &w->port.peer_mac, e))
		return false;
	w->guarded = w->conf.macspoofchk;
	if (!(*r->net.ipam_type ? add_layer3(w, e) : add_layer2(w, e)))
		return false;
	return w->conf.disable_container_interface || bridge_port_wait(&w->nl, &w->port, e);
}

/* The bridge's MAC may have changed with the new port. */
static bool add_result(struct add *w, struct err *e)
{
	struct link bridge;

	if (!link_get_index(&w->nl, w->bridge.index, &bridge, e))
		return false;
	iface_report(w->r->arena, &w->result, bridge.name, &bridge.mac, NULL);
	iface_report(w->r->arena, &w->result, w->port.name, &w->port.mac, NULL);
	iface_report(w->r->arena, &w->result, w->r->ifname, &w->port.peer_mac, w->r->netns);
	if (w->vlan.index)
		iface_report(w->r->arena, &w->result, w->vlan.name, &w->vlan.mac, NULL);
	if (!dns_is_empty(&w->r->net.dns))
		w->result.dns = w->r->net.dns;
	return true;
}

static bool bridge_add(const struct request *r, struct result *ret, struct err *e)
{
	struct add w = { .r = r, .at = attachment_of(r), .nl = NL_CLOSED, .netns = -1 };
	bool ok = bridge_conf_read(r, &w.conf, e) && netns_open(r->netns, &w.netns, e) &&
		  nl_open(&w.nl, NETLINK_ROUTE, e) && bridge_ensure(&w.nl, &w.conf, &w.bridge, e) &&
		  add_container(&w, e) && add_result(&w, e);

	if (ok)
		*ret = w.result;
	else
		add_undo(&w);
	nl_close(&w.nl);
	fd_close(&w.netns);
	return ok;
}

// ---- DEL ----

struct del {
	const struct request *r;
	struct bridge_conf conf;
	struct attachment at;
	const char *port;   /* our end of the pair, NULL: nobody knows */
	struct cidr *addrs; /* of the container, as far as prevResult knows */
	size_t n_addrs;
	bool has_prev;
	struct result prev;
};

static const struct result_interface *prev_port(const struct del *w)
{
	const struct result_interface *f = &w->prev.interfaces[AT_PORT];

	return w->has_prev && w->prev.n_interfaces > AT_PORT && str_empty(f->sandbox) ? f : NULL;
}

static bool del_link(struct del *w, struct err *e)
{
	return pair_del(w->r, prev_port(w), e);
}

static bool del_lease(struct del *w, struct err *e)
{
	return lease_del(w->r, e);
}

/* NULL: nobody knows it. */
static const struct mac *prev_mac(const struct del *w, struct mac *mac)
{
	const struct result_interface *f = &w->prev.interfaces[AT_CONTAINER];
	struct err ignored;

	return w->has_prev && w->prev.n_interfaces > AT_CONTAINER && f->mac && mac_parse(f->mac, mac, &ignored) ? mac
														: NULL;
}

/*
 * The configuration may have lost these keys since the ADD. What prevResult names is asked for in any case; whether to
 * look for the owner among all containers of the node, which costs, is up to the configuration.
 */
static bool del_spoof(struct del *w, struct err *e)
{
	const struct mac *known;
	struct mac mac;

	known = prev_mac(w, &mac);
	return (w->conf.macspoofchk ? spoof_teardown : spoof_teardown_keyed)(w->r->arena, &w->at, w->port, known, e);
}

static bool del_masq(struct del *w, struct err *e)
{
	if (w->conf.ip_masq || w->conf.masq_backend == MASQ_IPTABLES)
		return masq_teardown(w->r->arena, &w->at, w->addrs, w->n_addrs, e);
	return masq_teardown_keyed(w->r->arena, &w->at, w->addrs, w->n_addrs, e);
}

/* A configuration that no ADD can have accepted must not keep a container alive: then nothing is assumed. */
static void del_read(struct del *w)
{
	const struct result_interface *port;
	struct err ignored;
	int at;

	if (!bridge_conf_read(w->r, &w->conf, &ignored))
		w->conf = (struct bridge_conf){ .ip_masq = true, .macspoofchk = true };
	if (!request_prev(w->r, &w->prev, &w->has_prev, &ignored))
		w->has_prev = false;
	port = prev_port(w);
	w->port = port ? port->name : NULL;
	if (w->has_prev) {
		at = iface_find(&w->prev, w->r->ifname, w->r->netns);
		w->addrs = masq_addresses(w->r->arena, &w->prev, at < 0 ? AT_CONTAINER : at, &w->n_addrs);
	}
}

static bool bridge_del(const struct request *r, struct err *e)
{
	static bool (*const link_first[])(struct del * w, struct err * e) = { del_link, del_lease, del_spoof,
									      del_masq };
	static bool (*const lease_first[])(struct del * w, struct err * e) = { del_lease, del_link, del_spoof,
									       del_masq };
	bool (*const *steps)(struct del * w, struct err * e) = lease_goes_first(r) ? lease_first : link_first;
	struct del w = { .r = r, .at = attachment_of(r) };
	struct errs all = { .count = 0 };

	del_read(&w);
	for (size_t i = 0; i < ARRAY_LEN(link_first); i++) {
		struct err why = ERR_INIT;

		if (!steps[i](&w, &why))
			errs_add(&all, &why);
	}
	return errs_done(&all, e);
}

// ---- GC and STATUS ----

static bool bridge_gc(const struct request *r, struct err *e)
{
	struct attachment *valid = attachments_valid(r);
	struct errs all = { .count = 0 };
	struct err why = ERR_INIT;

	if (*r->net.ipam_type && !delegate_gc(r, r->net.ipam_type, &why))
		errs_add(&all, &why);
	/* Without a list nobody said that everything is stale. */
	if (!r->net.has_valid)
		return errs_done(&all, e);
	why = ERR_INIT;
	if (!masq_gc(r->arena, r->net.name, valid, r->net.n_valid, &why))
		errs_add(&all, &why);
	why = ERR_INIT;
	if (!spoof_gc(r->arena, r->net.name, valid, r->net.n_valid, &why))
		errs_add(&all, &why);
	return errs_done(&all, e);
}

static bool not_available(struct err *e)
{
	e->code = CNI_NOT_AVAILABLE;
	return false;
}

static bool bridge_status(const struct request *r, struct err *e)
{
	struct err why = ERR_INIT;
	struct bridge_conf conf;
	autonl nl = NL_CLOSED;
	struct link l;

	if (!bridge_conf_read(r, &conf, e))
		return false;
	if (!nl_open(&nl, NETLINK_ROUTE, e) || !link_kind_usable(&nl, "veth", e) || !link_kind_usable(&nl, "bridge", e))
		return not_available(e);
	if (link_get(&nl, conf.bridge, &l, &why) && !str_eq(l.kind, "bridge")) {
		fail(e, 0, "\"%s\" already exists but is not a bridge", conf.bridge);
		return not_available(e);
	}
	if (conf.ip_masq && !masq_status(r->arena, conf.masq_backend, e))
		return false;
	return !*r->net.ipam_type || delegate_status(r, r->net.ipam_type, e);
}

const struct plugin bridge_plugin = {
	.name = "bridge",
	.about = "connect a container to a bridge",
	.versions = versions_all,
	.add = bridge_add,
	.check = bridge_check,
	.del = bridge_del,
	.gc = bridge_gc,
	.status = bridge_status,
};
