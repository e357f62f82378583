// SPDX-License-Identifier: Apache-2.0
/*
 * What the bridge plugin makes on the node's side. The bridge, its gateway addresses and forwarding belong to all
 * containers of the network: they are made by whoever finds them missing, and nobody removes them. So everything here
 * must bear that another ADD does the same at the same moment: EEXIST is an answer, not a failure.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <time.h>

#include "kernel/addr.h"
#include "kernel/sysctl.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/bridge.h"
#include "plugins/forwarding.h"

#define PORT_WAIT_MS 3000
/* linux/if.h, which has these, and net/if.h exclude each other. */
#define LOWER_UP 0x10000	/* IFF_LOWER_UP */
#define OPER_UP 6		/* IF_OPER_UP */

// ---- the bridge ----

/*
 * Router advertisements are for hosts; a bridge that took an address from one would be a surprise. Not worth a failure.
 */
static void refuse_ra(const char *ifname)
{
	struct err ignored;
	bool done UNUSED = sysctl_set_if("ipv6", ifname, "accept_ra", "0", &ignored);
}

/*
 * A bridge that still probes its own link-local address cannot ask for neighbours: what is forwarded to the first
 * container over IPv6 would wait a second or two. It is set before the bridge is up, which is when probing begins.
 */
static void skip_dad(const char *ifname)
{
	struct err ignored;
	bool done UNUSED = sysctl_set_if("ipv6", ifname, "accept_dad", "0", &ignored);
}

/*
 * A bridge without a MAC of its own takes the lowest of its ports', and a gateway whose MAC changes with every
 * container is lost to its neighbours again and again: setting what it has makes it stay. Gateways of VLANs are not on
 * the bridge, and theirs are chosen.
 */
static bool keeps_mac(const struct bridge_conf *c)
{
	return c->is_gateway && !c->vlan;
}

static bool make(struct nl *nl, const struct bridge_conf *c, struct link *ret, struct err *e)
{
	struct bridge_new b = {
		.name = c->bridge,
		.mac = keeps_mac(c) ? link_random_mac() : (struct mac){ { 0 } },
		.mtu = c->mtu,
		.vlan_filtering = c->n_vlans > 0,
		.down = true,
	};
	struct err why = ERR_INIT;

	if (!link_bridge_add(nl, &b, &why) && why.num != EEXIST) {
		*e = why;
		return false;
	}
	if (!c->enabledad)
		skip_dad(c->bridge);
	return link_get(nl, c->bridge, ret, e);
}

static bool adjust(struct nl *nl, const struct bridge_conf *c, struct link *l, struct err *e)
{
	if (!str_eq(l->kind, "bridge"))
		return fail(e, 0, "\"%s\" already exists but is not a bridge", c->bridge);
	refuse_ra(c->bridge);
	if (!(l->flags & IFF_UP) && !link_set_up(nl, l->index, true, e))
		return false;
	if (c->promisc && !(l->flags & IFF_PROMISC) && !link_set_promisc(nl, l->index, true, e))
		return false;
	if (keeps_mac(c) && !link_mac_is_set(l) && !link_set_mac(nl, l->index, &l->mac, e))
		return false;
	return !c->n_vlans || l->vlan_filtering || link_bridge_vlan_filtering(nl, l->index, true, e);
}

bool bridge_ensure(struct nl *nl, const struct bridge_conf *c, struct link *ret, struct err *e)
{
	struct err why = ERR_INIT;
	struct link l;

	if (!link_get(nl, c->bridge, &l, &why)) {
		if (why.num != ENODEV) {
			*e = why;
			return wrap(e, "could not lookup \"%s\"", c->bridge);
		}
		if (!make(nl, c, &l, e))
			return wrap(e, "failed to create bridge \"%s\"", c->bridge);
	}
	if (!adjust(nl, c, &l, e))
		return wrap(e, "failed to create bridge \"%s\"", c->bridge);
	*ret = l;
	return true;
}

// ---- a port of it ----

/* What a new port has by itself is the bridge's default VLAN. */
static bool port_vlans(struct nl *nl, struct arena *a, const struct bridge_conf *c, int index, struct err *e)
{
	struct vlan_entry *now;
	size_t n;

	if (!c->n_vlans)
		return true;
	if (!c->preserve_default_vlan &&
	    (!link_port_vlans(nl, a, index, &now, &n, e) || !link_port_vlan_del(nl, index, now, n, e)))
		return wrap(e, "failed to remove default vlan");
	return link_port_vlan_add(nl, index, c->vlans, c->n_vlans, e) || wrap(e, "failed to setup vlan tags");
}

static bool port_setup(struct nl *nl, struct arena *a, const struct bridge_conf *c, const struct pair *p, struct err *e)
{
	struct port_flags f = { .hairpin = c->hairpin, .isolated = c->port_isolation };

	refuse_ra(p->name);
	if ((f.hairpin || f.isolated) && !link_set_port_flags(nl, p->index, f, e))
		return false;
	return port_vlans(nl, a, c, p->index, e);
}

bool bridge_port_add(struct nl *nl, struct arena *a, const struct bridge_conf *c, const struct link *bridge, int netns,
		     const char *ifname, struct pair *ret, struct err *e)
{
	struct pair_new n = {
		.ifname = ifname, .netns = netns, .master = bridge->index, .peer_mac = c->mac, .mtu = c->mtu
	};
	struct err ignored;
	struct pair p;

	if (!pair_add(nl, &n, &p, e))
		return false;
	if (!port_setup(nl, a, c, &p, e)) {
		bool done UNUSED = link_del(nl, p.index, &ignored);

		return wrap(e, "bridge port %s", p.name);
	}
	*ret = p;
	return true;
}

/*
 * A forwarding port with a carrier passes frames now, though the kernel may take until its next look at the link to
 * call it operational. With a spanning tree a port forwards after half a minute, and then operational has to do.
 */
static bool passes(const struct link *l)
{
	return (l->port_state == BR_STATE_FORWARDING && l->flags & LOWER_UP) || l->operstate == OPER_UP;
}

bool bridge_port_wait(struct nl *nl, const struct pair *p, struct err *e)
{
	int64_t deadline = fs_now_ms() + PORT_WAIT_MS;
	long nap_us = 50;
	struct link l;

	for (;;) {
		struct timespec nap = { .tv_nsec = nap_us * 1000 };

		if (!link_get_index(nl, p->index, &l, e))
			return false;
		if (passes(&l))
			return true;
		if (fs_now_ms() >= deadline)
			return fail(e, 0, "bridge port in error state: %s is not operational (state %u)", p->name,
				    l.operstate);
		nanosleep(&nap, NULL);
		nap_us = nap_us < 25000 ? nap_us * 2 : 50000;
	}
}

// ---- gateways ----

bool bridge_vlans_contain(const struct vlan_entry *have, size_t n, const struct vlan_entry *want)
{
	for (size_t i = 0; i < n; i++)
		if (have[i].first <= want->first && have[i].last >= want->last && have[i].pvid == want->pvid &&
		    have[i].untagged == want->untagged)
			return true;
	return false;
}

struct bridge_conf bridge_gateway_port(const struct bridge_conf *c, const struct link *bridge,
				       struct vlan_entry *access)
{
	struct bridge_conf port = *c;

	*access = (struct vlan_entry){ c->vlan, c->vlan, .pvid = true, .untagged = true };
	port.hairpin = port.port_isolation = false;
	port.mtu = bridge->mtu;
	port.mac = (struct mac){ { 0 } };
	port.vlans = access;
	port.n_vlans = 1;
	return port;
}

/* Whoever made it may have been stopped before the port was in its VLAN, or be about to do the same right now. */
static bool vlan_gateway_complete(struct nl *nl, struct arena *a, const struct bridge_conf *port,
				  const struct link *bridge, const struct link *gateway, struct err *e)
{
	struct vlan_entry *now;
	struct link l;
	size_t n;

	/* Not a pair of ours, such as a VLAN interface of the bridge: its other side is the administrator's. */
	if (!str_eq(gateway->kind, "veth"))
		return true;
	if (!link_get_index(nl, gateway->peer, &l, e))
		return wrap(e, "the other end of %s", gateway->name);
	if (l.master && l.master != bridge->index)
		return fail(e, 0, "the other end of %s, %s, is not a port of bridge %s", gateway->name, l.name,
			    bridge->name);
	if (!l.master && !link_set_master(nl, l.index, bridge->index, e))
		return false;
	if (!link_port_vlans(nl, a, l.index, &now, &n, e))
		return false;
	if (!(l.flags & IFF_UP) && !link_set_up(nl, l.index, true, e))
		return false;
	return bridge_vlans_contain(now, n, port->vlans) || port_vlans(nl, a, port, l.index, e);
}

/* The interface of a VLAN's gateway: a pair within the node, one end a port of the bridge in that VLAN. */
static bool vlan_gateway(struct nl *nl, struct arena *a, const struct bridge_conf *c, const struct link *bridge,
			 struct link *ret, struct err *e)
{
	struct vlan_entry access;
	struct bridge_conf port = bridge_gateway_port(c, bridge, &access);
	const char *name = bridge_gateway_name(a, c);
	struct err why = ERR_INIT, unmade = ERR_INIT;
	struct pair p;
	struct link l;

	bool there = link_get(nl, name, &l, &why);

	if (!there && why.num != ENODEV) {
		*e = why;
		return false;
	}
	/* If it cannot be made because somebody else just did, it is there now. */
	if (!there && !bridge_port_add(nl, a, &port, bridge, -1, name, &p, &unmade) && !link_get(nl, name, &l, &why)) {
		*e = unmade;
		return false;
	}
	if (!there && !link_get(nl, name, &l, e))
		return false;
	if (!vlan_gateway_complete(nl, a, &port, bridge, &l, e))
		return false;
	if (!(l.flags & IFF_UP) && !link_set_up(nl, l.index, true, e))
		return false;
	*ret = l;
	return true;
}

/*
 * Several IPv6 addresses may live beside each other as long as their subnets do not overlap; an IPv4
 * gateway is the only one of its interface.
 */
static bool conflicts(const struct cidr *have, const struct cidr *want)
{
	return ip_is4(&have->ip) == ip_is4(&want->ip) && (ip_is4(&want->ip) || cidr_overlap(have, want));
}

static bool same_cidr(const struct cidr *a, const struct cidr *b)
{
	return ip_eq(&a->ip, &b->ip) && a->len == b->len;
}

static struct cidr gateway_of(const struct result_ip *ip)
{
	return (struct cidr){ ip->gateway, ip->address.len };
}

static bool is_gateway(const struct result *r, const struct cidr *have)
{
	for (size_t i = 0; i < r->n_ips; i++) {
		struct cidr want = gateway_of(&r->ips[i]);

		if (same_cidr(&want, have))
			return true;
	}
	return false;
}

/* The interface and what is on it before we change anything. */
struct place {
	struct link l;
	struct addr *all;
	size_t n;
};

static bool make_room(struct nl *nl, const struct bridge_conf *c, const struct place *p, const struct result *r,
		      const struct cidr *want, struct err *e)
{
	struct err why = ERR_INIT;
	char text[CIDR_TEXT_MAX];

	for (size_t i = 0; i < p->n; i++) {
		const struct cidr *have = &p->all[i].cidr;

		if (!conflicts(have, want) || is_gateway(r, have))
			continue;
		if (!c->force_address)
			return fail(e, 0, "\"%s\" already has an IP address different from %s", p->l.name,
				    cidr_text(want, text));
		if (!addr_del(nl, p->l.index, have, &why) && why.num != EADDRNOTAVAIL) {
			*e = why;
			return wrap(e, "could not remove IP address from \"%s\"", p->l.name);
		}
	}
	return true;
}

static bool gateway_ensure(struct nl *nl, const struct bridge_conf *c, const struct place *p, const struct result *r,
			   const struct cidr *want, struct err *e)
{
	uint32_t flags = ip_is4(&want->ip) || c->enabledad ? 0 : IFA_F_NODAD;
	struct err why = ERR_INIT;

	for (size_t i = 0; i < p->n; i++)
		if (same_cidr(&p->all[i].cidr, want))
			return true;
	if (!make_room(nl, c, p, r, want, e))
		return false;
	if (addr_add(nl, p->l.index, want, flags, &why) || why.num == EEXIST)
		return true;
	*e = why;
	return wrap(e, "could not add IP address to \"%s\"", p->l.name);
}

bool bridge_gateways_ensure(struct nl *nl, struct arena *a, const struct bridge_conf *c, const struct link *bridge,
			    const struct result *r, struct link *ret_vlan, struct err *e)
{
	struct place p = { .l = *bridge };

	if (c->vlan && !vlan_gateway(nl, a, c, bridge, &p.l, e))
		return wrap(e, "failed to create vlan interface");
	if (!addr_list(nl, a, AF_UNSPEC, p.l.index, &p.all, &p.n, e))
		return false;
	for (size_t i = 0; i < r->n_ips; i++) {
		struct cidr want = gateway_of(&r->ips[i]);

		if (!ip_is_unset(&want.ip) && !gateway_ensure(nl, c, &p, r, &want, e))
			return wrap(e, "failed to set bridge addr");
	}
	if (!forwarding_ensure(r, AT_CONTAINER, e))
		return false;
	if (c->vlan)
		*ret_vlan = p.l;
	return true;
}
