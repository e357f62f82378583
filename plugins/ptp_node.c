// SPDX-License-Identifier: Apache-2.0
/*
 * The node's end of a point-to-point link: it answers for the gateway, and the way to the container is a route to this
 * one address. Both go with the interface. Containers of one subnet share their gateway, so its address is on many
 * interfaces; a container's address is on one, and its route must lead there.
 */
#include "plugins/ptp.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "kernel/addr.h"
#include "kernel/route.h"
#include "kernel/sysctl.h"

#define STEP_BYTES 128	/* the longest message below */

static bool is_of(const struct result *r, size_t i, int at)
{
	return r->ips[i].has_interface && r->ips[i].interface == at;
}

/* Addresses of a container may share their gateway. */
static bool gateway_seen(const struct result *r, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (ip_eq(&r->ips[i].gateway, &r->ips[at].gateway))
			return true;
	return false;
}

static struct kroute route_of(const struct link *l, const struct result_ip *ip)
{
	return (struct kroute){
		.dst = cidr_host(&ip->address.ip),
		.oif = l->index,
		.scope = RT_SCOPE_HOST,
		.has_scope = true,
	};
}

void ptp_node_prepare(const char *ifname, bool dad)
{
	struct err ignored;
	bool done UNUSED = sysctl_set_if("ipv6", ifname, "accept_ra", "0", &ignored);

	/* While it probes its own link-local address it cannot ask for neighbours, on behalf of others neither. */
	if (!dad)
		done = sysctl_set_if("ipv6", ifname, "accept_dad", "0", &ignored);
}

// ---- configuring ----

struct step {
	const struct result_ip *ip;
	bool route;
};

/* Where the route that is in the way leads, for people. */
static void say_where(struct nl *nl, struct arena *a, const struct kroute *want, struct err *e)
{
	struct route_filter f = { .family = ip_family(&want->dst.ip), .table = RT_TABLE_MAIN };
	struct err ignored;
	struct kroute *all;
	struct link l;
	size_t n;

	if (e->num != EEXIST || !route_list(nl, a, &f, &all, &n, &ignored))
		return;
	for (size_t i = 0; i < n; i++)
		if (all[i].dst.len == want->dst.len && ip_eq(&all[i].dst.ip, &want->dst.ip) && all[i].oif &&
		    link_get_index(nl, all[i].oif, &l, &ignored)) {
			fail(e, 0, "the node has that route over %s", l.name);
			e->num = EEXIST;
			return;
		}
}

static bool step_failed(struct nl *nl, struct arena *a, const struct link *l, const struct step *s, struct err *e)
{
	struct kroute k = route_of(l, s->ip);
	struct cidr gw = cidr_host(&s->ip->gateway);
	char text[CIDR_TEXT_MAX];

	if (!s->route)
		return wrap(e, "failed to add IP addr %s to veth %s", cidr_text(&gw, text), l->name);
	say_where(nl, a, &k, e);
	return wrap(e, "failed to add route on host: %s dev %s", cidr_text(&k.dst, text), l->name);
}

bool ptp_node_configure(struct nl *nl, struct arena *a, const struct link *l, bool dad, const struct result *r,
			struct err *e)
{
	size_t size = 2 * r->n_ips * STEP_BYTES;
	struct nlmsg m = { .buf = arena_raw(a, size), .cap = size };
	struct step *steps = arena_array(a, 2 * r->n_ips, sizeof(*steps));
	unsigned failed = 0;

	for (size_t i = 0; i < r->n_ips; i++) {
		const struct result_ip *ip = &r->ips[i];
		struct cidr gw = cidr_host(&ip->gateway);
		struct kroute k = route_of(l, ip);

		if (!is_of(r, i, PTP_CONTAINER))
			continue;
		if (!gateway_seen(r, i)) {
			steps[m.count] = (struct step){ .ip = ip };
			addr_put_new(nl, &m, l->index, &gw, ip_is4(&gw.ip) || dad ? 0 : IFA_F_NODAD);
		}
		steps[m.count] = (struct step){ .ip = ip, .route = true };
		route_put_new(nl, &m, &k, NLM_F_CREATE | NLM_F_EXCL);
	}
	return nl_send(nl, &m, NULL, NULL, &failed, e) || step_failed(nl, a, l, &steps[failed], e);
}

// ---- verifying ----

struct present {
	struct addr *addrs;
	struct kroute *routes;
	size_t n_addrs, n_routes;
};

static bool has_address(const struct present *p, const struct cidr *c)
{
	for (size_t i = 0; i < p->n_addrs; i++)
		if (ip_eq(&p->addrs[i].cidr.ip, &c->ip) && p->addrs[i].cidr.len == c->len)
			return true;
	return false;
}

static bool has_route(const struct present *p, const struct cidr *dst)
{
	for (size_t i = 0; i < p->n_routes; i++)
		if (p->routes[i].type == RTN_UNICAST && p->routes[i].dst.len == dst->len &&
		    ip_eq(&p->routes[i].dst.ip, &dst->ip))
			return true;
	return false;
}

bool ptp_node_check(struct nl *nl, struct arena *a, const struct link *l, const struct result *r, int at, struct err *e)
{
	struct route_filter f = { .table = RT_TABLE_MAIN, .oif = l->index };
	char text[CIDR_TEXT_MAX];
	struct present p;

	if (!addr_list(nl, a, AF_UNSPEC, l->index, &p.addrs, &p.n_addrs, e) ||
	    !route_list(nl, a, &f, &p.routes, &p.n_routes, e))
		return false;
	for (size_t i = 0; i < r->n_ips; i++) {
		struct cidr gw = cidr_host(&r->ips[i].gateway), ip = cidr_host(&r->ips[i].address.ip);

		if (!is_of(r, i, at))
			continue;
		if (!has_address(&p, &gw))
			return fail(e, 0, "gateway address %s is not on %s", cidr_text(&gw, text), l->name);
		if (!has_route(&p, &ip))
			return fail(e, 0, "the node has no route to %s over %s", cidr_text(&ip, text), l->name);
	}
	return true;
}
