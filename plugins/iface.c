// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Everything that the interface needs leaves in one send: IPv4 addresses, up, IPv6 addresses, routes. IPv4 comes before
 * "up" because the kernel announces at that moment what it has by then (arp_notify); IPv6 after it, because a prefix
 * route needs an interface that is up. rtnetlink works on after a refused message; what counts is the first refusal,
 * and the table of steps says what that was about.
 *
 * Addresses come from an IPAM that owns its range, so asking the neighbours first (duplicate address detection) only
 * costs time: IFA_F_NODAD makes them usable at once. Who asks for it with @dad gets addresses first, the wait, then
 * routes.
 */
#include "plugins/iface.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <time.h>

#include "cni/args.h"
#include "kernel/announce.h"
#include "kernel/netns.h"
#include "kernel/sysctl.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/tables.h"

#define SETTLE_MS 5000
#define SETTLE_STEP_MS 20
#define STEP_BYTES 192		/* the longest message below */
#define OPER_UP 6		/* IF_OPER_UP; linux/if.h and net/if.h exclude each other */

static bool is_ours(const struct iface_conf *c, const struct result_ip *ip)
{
	return ip->has_interface && ip->interface == c->result_index;
}

static bool has_family(const struct iface_conf *c, const struct result *r, bool v4)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (is_ours(c, &r->ips[i]) && ip_is4(&r->ips[i].address.ip) == v4)
			return true;
	return false;
}

/* The gateway of routes that name none: the first that an address of the family has. */
static struct ip default_gateway(const struct iface_conf *c, const struct result *r, bool v4)
{
	for (size_t i = 0; i < r->n_ips; i++) {
		const struct result_ip *ip = &r->ips[i];

		if (is_ours(c, ip) && ip_is4(&ip->address.ip) == v4 && !ip_is_unset(&ip->gateway))
			return ip->gateway;
	}
	return (struct ip){ { 0 } };
}

/* In the subnet of an address, and none of the gateways. */
static bool is_neighbour(const struct iface_conf *c, const struct result *r, const struct ip *gw)
{
	bool inside = false;

	for (size_t i = 0; i < r->n_ips; i++) {
		if (is_ours(c, &r->ips[i]) && ip_eq(&r->ips[i].gateway, gw))
			return false;
		inside = inside || (is_ours(c, &r->ips[i]) && cidr_has(&r->ips[i].address, gw));
	}
	return inside;
}

/* 0.0.0.0 is how dhcp says of a route that it is on the link: to say nothing would mean the default gateway. */
static struct ip written_gateway(const struct result_route *route)
{
	static const struct ip any4 = { .b = { [10] = 0xff, [11] = 0xff } };

	return ip_eq(&route->gw, &any4) ? (struct ip){ { 0 } } : route->gw;
}

static struct kroute kernel_route(const struct iface_conf *c, const struct result *r, const struct result_route *route)
{
	/* What is on the link has no gateway: the kernel takes no route that says both. */
	bool direct = route->has_scope && route->scope == RT_SCOPE_LINK;
	struct ip gw = ip_is_unset(&route->gw) && !direct ? default_gateway(c, r, ip_is4(&route->dst.ip))
							  : written_gateway(route);
	/* Without connected routes the kernel would take nobody of the subnet for a neighbour. */
	bool on_link = c->gateway_only && !ip_is_unset(&gw) && is_neighbour(c, r, &gw);

	return (struct kroute){
		.dst = { cidr_network(&route->dst), route->dst.len },
		.gw = gw,
		.flags = on_link ? RTNH_F_ONLINK : 0,
		.oif = c->index,
		.table = route->has_table ? route->table : 0,
		.priority = route->priority,
		.scope = route->has_scope ? (uint8_t)route->scope : RT_SCOPE_UNIVERSE,
		.has_scope = true,
		.mtu = route->mtu,
		.advmss = route->advmss,
	};
}

// ---- the gateway as the only neighbour ----

static struct kroute gateway_route(const struct iface_conf *c, const struct result_ip *ip)
{
	return (struct kroute){
		.dst = cidr_host(&ip->gateway),
		.src = ip->address.ip,
		.oif = c->index,
		.scope = RT_SCOPE_LINK,
		.has_scope = true,
	};
}

static struct kroute subnet_route(const struct iface_conf *c, const struct result_ip *ip)
{
	return (struct kroute){
		.dst = { cidr_network(&ip->address), ip->address.len },
		.gw = ip->gateway,
		.src = ip->address.ip,
		.oif = c->index,
	};
}

/* The routes that ips[@at] needs beside those of the addresses before it, which may share its gateway or subnet. */
static size_t gateway_routes(const struct iface_conf *c, const struct result *r, size_t at, struct kroute ret[2])
{
	struct kroute want[2] = { gateway_route(c, &r->ips[at]), subnet_route(c, &r->ips[at]) };
	size_t n = 0;

	for (size_t k = 0; k < 2; k++) {
		bool seen = false;

		for (size_t i = 0; i < at && !seen; i++) {
			struct kroute other = k ? subnet_route(c, &r->ips[i]) : gateway_route(c, &r->ips[i]);

			seen = is_ours(c, &r->ips[i]) && other.dst.len == want[k].dst.len &&
			       ip_eq(&other.dst.ip, &want[k].dst.ip);
		}
		if (!seen)
			ret[n++] = want[k];
	}
	return n;
}

// ---- configuring ----

/* What a message of the batch is about: at most one is set; none: "up" or a knob. */
struct step {
	const struct result_ip *ip, *gateway_of;
	const struct result_route *route;
};

struct work {
	struct nl *nl;
	const struct iface_conf *c;
	const struct result *r;
	struct nlmsg m;
	struct step *steps;
};

static void work_init(struct work *w, struct nl *nl, struct arena *a, const struct iface_conf *c,
		      const struct result *r)
{
	size_t steps = 2 + r->n_ips * (c->gateway_only ? 3 : 1) + r->n_routes, size = steps * STEP_BYTES;

	*w = (struct work){
		.nl = nl,
		.c = c,
		.r = r,
		.m = { .buf = arena_raw(a, size), .cap = size },
		.steps = arena_array(a, steps, sizeof(struct step)),
	};
}

static void put_addresses(struct work *w, bool v4)
{
	uint32_t flags = (v4 || w->c->dad ? 0 : IFA_F_NODAD) | (w->c->gateway_only ? IFA_F_NOPREFIXROUTE : 0);

	for (size_t i = 0; i < w->r->n_ips; i++) {
		const struct result_ip *ip = &w->r->ips[i];

		if (!is_ours(w->c, ip) || ip_is4(&ip->address.ip) != v4)
			continue;
		w->steps[w->m.count].ip = ip;
		addr_put_new(w->nl, &w->m, w->c->index, &ip->address, flags);
	}
}

static void put_up(struct work *w)
{
	if (w->c->announce)
		link_put_ipv4_conf(w->nl, &w->m, w->c->index, IPV4_DEVCONF_ARP_NOTIFY, 1);
	put_addresses(w, true);
	link_put_up(w->nl, &w->m, w->c->index, true);
	put_addresses(w, false);
}

static void put_gateway_routes(struct work *w)
{
	struct kroute k[2];

	for (size_t i = 0; i < w->r->n_ips; i++) {
		size_t n = is_ours(w->c, &w->r->ips[i]) ? gateway_routes(w->c, w->r, i, k) : 0;

		for (size_t j = 0; j < n; j++) {
			w->steps[w->m.count].gateway_of = &w->r->ips[i];
			route_put_new(w->nl, &w->m, &k[j], NLM_F_CREATE | NLM_F_EXCL);
		}
	}
}

static void put_routes(struct work *w)
{
	if (w->c->gateway_only)
		put_gateway_routes(w);
	for (size_t i = 0; i < w->r->n_routes; i++) {
		struct kroute k = kernel_route(w->c, w->r, &w->r->routes[i]);

		w->steps[w->m.count].route = &w->r->routes[i];
		route_put_new(w->nl, &w->m, &k, NLM_F_CREATE);
	}
}

static const char *scope_name(int scope)
{
	switch (scope) {
	case RT_SCOPE_UNIVERSE: return "universe";
	case RT_SCOPE_SITE: return "site";
	case RT_SCOPE_LINK: return "link";
	case RT_SCOPE_HOST: return "host";
	case RT_SCOPE_NOWHERE: return "nowhere";
	default: return "unknown";
	}
}

static bool route_failed(const struct work *w, const struct result_route *route, struct err *e)
{
	struct kroute k = kernel_route(w->c, w->r, route);
	char dst[CIDR_TEXT_MAX], gw[IP_TEXT_MAX];

	return wrap(e, "failed to add route '%s via %s dev %s metric %u (Scope: %s, Table: %u)'",
		    cidr_text(&k.dst, dst), ip_is_unset(&k.gw) ? "<nil>" : ip_text(&k.gw, gw), w->c->ifname, k.priority,
		    scope_name(k.scope), k.table);
}

static bool send_work(struct work *w, struct err *e)
{
	char text[CIDR_TEXT_MAX];
	unsigned failed = 0;
	struct step s;

	if (nl_send(w->nl, &w->m, NULL, NULL, &failed, e)) {
		memset(w->steps, 0, w->m.count * sizeof(*w->steps));
		nl_reset(&w->m);
		return true;
	}
	s = w->steps[failed];
	if (s.route)
		return route_failed(w, s.route, e);
	if (s.gateway_of)
		return wrap(e, "failed to add the routes of gateway %s to \"%s\"",
			    ip_text(&s.gateway_of->gateway, text), w->c->ifname);
	if (s.ip)
		return wrap(e, "failed to add IP addr %s to \"%s\"", cidr_text(&s.ip->address, text), w->c->ifname);
	return wrap(e, "failed to set \"%s\" UP", w->c->ifname);
}

static bool set_knob(const char *ifname, const char *knob, const char *value, struct err *e)
{
	return sysctl_set_if("ipv6", ifname, knob, value, e) || wrap(e, "failed to set up IPv6 on \"%s\"", ifname);
}

/* A kernel that has no such knob has no IPv6 either; the address will say so. */
static bool switch_on_ipv6(const char *ifname, struct err *e)
{
	char name[96], now[16];
	struct err unread;

	snprintf(name, sizeof(name), "net/ipv6/conf/%s/disable_ipv6", ifname);
	if (!sysctl_get(name, now, sizeof(now), &unread) || str_eq(now, "0"))
		return true;
	return sysctl_set(name, "0", e) || wrap(e, "failed to enable IPv6 on \"%s\"", ifname);
}

static bool prepare_ipv6(const struct iface_conf *c, struct err *e)
{
	if (!switch_on_ipv6("lo", e) || !switch_on_ipv6(c->ifname, e))
		return false;
	if (!set_knob(c->ifname, "keep_addr_on_down", "1", e))
		return false;
	if (c->announce && !set_knob(c->ifname, "ndisc_notify", "1", e))
		return false;
	return !c->dad || (set_knob(c->ifname, "enhanced_dad", "1", e) && set_knob(c->ifname, "accept_dad", "1", e));
}

/* Is an IPv6 address still being probed? One that somebody else has is a failure. */
static bool look_tentative(struct nl *nl, struct arena *a, const struct iface_conf *c, bool *ret, struct err *e)
{
	char text[CIDR_TEXT_MAX];
	struct addr *all;
	bool found = false;
	size_t n;

	if (!addr_list(nl, a, AF_INET6, c->index, &all, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (all[i].flags & IFA_F_DADFAILED)
			return fail(e, 0, "link %s has address %s in DADFAILED state", c->ifname,
				    cidr_text(&all[i].cidr, text));
		found = found || all[i].flags & IFA_F_TENTATIVE;
	}
	*ret = found;
	return true;
}

/* A link that has no carrier never ends its probing; that is no reason to refuse the container. */
static bool settle(struct nl *nl, struct arena *a, const struct iface_conf *c, struct err *e)
{
	struct timespec step = { .tv_nsec = SETTLE_STEP_MS * 1000000L };
	int64_t deadline = fs_now_ms() + SETTLE_MS;
	bool tentative = true;
	struct link l;

	for (;;) {
		if (!look_tentative(nl, a, c, &tentative, e))
			return false;
		if (!tentative)
			return true;
		if (fs_now_ms() >= deadline)
			break;
		nanosleep(&step, NULL);
	}
	if (!link_get_index(nl, c->index, &l, e))
		return false;
	return l.operstate != OPER_UP ||
	       fail(e, 0, "link %s still has tentative addresses after %d ms", c->ifname, SETTLE_MS);
}

static void announce_addresses(struct arena *a, const struct iface_conf *c, const struct result *r)
{
	struct ip *addrs = arena_array(a, r->n_ips, sizeof(*addrs));
	size_t n = 0;

	for (size_t i = 0; i < r->n_ips; i++)
		if (is_ours(c, &r->ips[i]))
			addrs[n++] = r->ips[i].address.ip;
	announce(c->index, addrs, n);
}

bool iface_configure(struct nl *nl, struct arena *a, const struct iface_conf *c, const struct result *r, struct err *e)
{
	bool v6 = has_family(c, r, false);
	struct work w;

	if (v6 && !prepare_ipv6(c, e))
		return false;
	work_init(&w, nl, a, c, r);
	put_up(&w);
	if (v6 && c->dad && (!send_work(&w, e) || !settle(nl, a, c, e)))
		return false;
	put_routes(&w);
	if (!send_work(&w, e))
		return false;
	if (c->announce)
		announce_addresses(a, c, r);
	return true;
}

bool iface_configure_in(int netns, struct arena *a, const struct iface_conf *c, const struct result *r, struct err *e)
{
	autonl nl = NL_CLOSED;
	struct netns_visit v;
	bool ok;

	if (!netns_enter(netns, &v, e))
		return false;
	ok = nl_open(&nl, NETLINK_ROUTE, e) && iface_configure(&nl, a, c, r, e);
	netns_leave(&v);
	return ok;
}

void iface_report(struct arena *a, struct result *r, const char *name, const struct mac *mac, const char *sandbox)
{
	struct result_interface *f = result_add_interface(a, r);
	char text[MAC_TEXT_MAX];

	f->name = arena_strdup(a, name);
	f->mac = arena_strdup(a, mac_text(mac, text));
	f->sandbox = sandbox;
}

bool iface_mac_asked(const struct request *r, const char *by_conf, const char *by_runtime, struct mac *ret,
		     struct err *e)
{
	struct arg known[] = { { "MAC", NULL } };
	const char *text = by_conf, *key = "mac";
	struct mac mac;

	if (!args_read(r->arena, r->args, known, ARRAY_LEN(known), e))
		return false;
	if (!str_empty(known[0].value)) {
		text = known[0].value;
		key = "MAC in CNI_ARGS";
	}
	if (!str_empty(by_runtime)) {
		text = by_runtime;
		key = "runtimeConfig.mac";
	}
	if (str_empty(text))
		return true;
	if (!mac_parse(text, &mac, e)) {
		e->code = CNI_INVALID_CONFIG;
		return wrap(e, "%s: invalid args %s for MAC addr", key, text);
	}
	if (mac_is_unset(&mac) || mac.b[0] & 1)
		return fail_code(e, CNI_INVALID_CONFIG,
				 "%s: invalid args %s for MAC addr: must be the address of one interface", key, text);
	*ret = mac;
	return true;
}

// ---- verifying ----

/* What the kernel has of the interface. */
struct present {
	struct addr *addrs;
	struct kroute *routes;
	size_t n_addrs, n_routes;
	struct tables tables; /* where routes that name none may be */
};

static bool has_address(const struct present *p, const struct cidr *c)
{
	for (size_t i = 0; i < p->n_addrs; i++)
		if (ip_eq(&p->addrs[i].cidr.ip, &c->ip) && p->addrs[i].cidr.len == c->len)
			return true;
	return false;
}

/* Who moves a default route to another table may know a better gateway for it. */
static bool gateway_matches(const struct kroute *have, const struct kroute *want)
{
	return ip_is_unset(&want->gw) || ip_eq(&have->gw, &want->gw) ||
	       (want->dst.len == 0 && have->table != RT_TABLE_MAIN && !want->table);
}

/* Settings that a route does not make are whatever the kernel chose; a route without a table may have been moved. */
static bool route_matches(const struct present *p, const struct kroute *have, const struct kroute *want)
{
	return have->type == RTN_UNICAST && have->dst.len == want->dst.len && ip_eq(&have->dst.ip, &want->dst.ip) &&
	       gateway_matches(have, want) && (ip_is_unset(&want->src) || ip_eq(&have->src, &want->src)) &&
	       (want->table ? have->table == want->table : tables_have(&p->tables, have->table)) &&
	       (!want->priority || have->priority == want->priority) && (!want->mtu || have->mtu == want->mtu) &&
	       (!want->advmss || have->advmss == want->advmss);
}

static bool has_route(const struct present *p, const struct kroute *want)
{
	for (size_t i = 0; i < p->n_routes; i++)
		if (route_matches(p, &p->routes[i], want))
			return true;
	return false;
}

/* The address, and the route to its neighbours that the kernel makes for it. */
static bool check_ip(const struct iface_conf *c, const struct present *p, const struct result_ip *ip, struct err *e)
{
	struct kroute near = { .dst = { cidr_network(&ip->address), ip->address.len } };
	char text[CIDR_TEXT_MAX];

	if (!has_address(p, &ip->address))
		return fail(e, 0, "Failed to match addr %s on interface %s", cidr_text(&ip->address, text), c->ifname);
	if (ip->address.len < ip_bits(&ip->address.ip) && !has_route(p, &near))
		return fail(e, 0, "Failed to find Gateway: no route to %s on interface %s", cidr_text(&near.dst, text),
			    c->ifname);
	return true;
}

static bool check_gateway(const struct iface_conf *c, const struct present *p, const struct result *r, size_t at,
			  struct err *e)
{
	struct kroute k[2];
	size_t n = gateway_routes(c, r, at, k);
	char dst[CIDR_TEXT_MAX], gw[IP_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		if (!has_route(p, &k[i]))
			return fail(e, 0, "Failed to find Gateway: no route to %s%s%s on interface %s",
				    cidr_text(&k[i].dst, dst), ip_is_unset(&k[i].gw) ? "" : " via ",
				    ip_is_unset(&k[i].gw) ? "" : ip_text(&k[i].gw, gw), c->ifname);
	return true;
}

static bool check_route(const struct iface_conf *c, const struct present *p, const struct result *r,
			const struct result_route *route, struct err *e)
{
	struct kroute want = kernel_route(c, r, route);
	char dst[CIDR_TEXT_MAX], gw[IP_TEXT_MAX];

	if (has_route(p, &want))
		return true;
	return fail(e, 0, "Expected Route %s via %s dev %s not found in routing table", cidr_text(&want.dst, dst),
		    ip_is_unset(&want.gw) ? "<nil>" : ip_text(&want.gw, gw), c->ifname);
}

bool iface_check(struct nl *nl, struct arena *a, const struct iface_conf *c, const struct result *r, struct err *e)
{
	struct route_filter f = { .oif = c->index };
	uint32_t only = c->table;
	struct present p = { .tables = { &only, 1 } };

	if (!addr_list(nl, a, AF_UNSPEC, c->index, &p.addrs, &p.n_addrs, e) ||
	    !route_list(nl, a, &f, &p.routes, &p.n_routes, e) ||
	    (!c->table && !tables_read(nl, a, c->index, p.addrs, p.n_addrs, &p.tables, e)))
		return false;
	for (size_t i = 0; i < r->n_ips; i++)
		if (is_ours(c, &r->ips[i]) &&
		    (!check_ip(c, &p, &r->ips[i], e) || (c->gateway_only && !check_gateway(c, &p, r, i, e))))
			return false;
	for (size_t i = 0; i < r->n_routes; i++)
		if (!check_route(c, &p, r, &r->routes[i], e))
			return false;
	return true;
}

bool iface_check_mac(const struct link *l, const struct result_interface *f, struct err *e)
{
	char text[LINK_HWADDR_TEXT_MAX];
	struct err ignored;
	struct mac mac;

	if (str_empty(f->mac) || (mac_parse(f->mac, &mac, &ignored) && mac_eq(&mac, &l->mac)) ||
	    str_fold_eq(f->mac, link_hwaddr_text(l, text)))
		return true;
	return fail(e, 0, "Interface %s Mac %s doesn't match container Mac: %s", f->name, f->mac,
		    link_hwaddr_text(l, text));
}

int iface_find(const struct result *r, const char *ifname, const char *sandbox)
{
	for (size_t i = 0; i < r->n_interfaces; i++) {
		const struct result_interface *f = &r->interfaces[i];

		if (str_eq(f->name, ifname) && f->sandbox && str_eq(f->sandbox, sandbox))
			return (int)i;
	}
	return -1;
}
