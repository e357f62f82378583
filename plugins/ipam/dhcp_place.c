// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp_place.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kernel/addr.h"
#include "kernel/link.h"
#include "kernel/netns.h"
#include "kernel/route.h"
#include "lib/fs.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* Namespace, socket in it and interface, without a change. */
static bool look(const char *path, const char *ifname, struct dhcp_place *ret, int *ret_netns, struct nl *nl,
		 struct link *link, struct err *e)
{
	autoclose int netns = -1;
	struct stat st;
	socklen_t len = sizeof(ret->cookie);

	if (!netns_open(path, &netns, e))
		return false;
	if (fstat(netns, &st) < 0)
		return fail(e, errno, "namespace %s", path);
	if (!netns_nl_open(netns, NETLINK_ROUTE, nl, e))
		return false;
	if (!link_get(nl, ifname, link, e))
		return wrap(e, "interface %s in %s", ifname, path);
	*ret = (struct dhcp_place){
		.dev = st.st_dev, .ino = st.st_ino, .index = (uint32_t)link->index, .mac = link->mac, .mtu = link->mtu
	};
	if (getsockopt(nl->fd, SOL_SOCKET, SO_NETNS_COOKIE, &ret->cookie, &len) < 0)
		ret->cookie = 0;
	*ret_netns = fd_take(&netns);
	return true;
}

static bool set_up(struct nl *nl, const struct link *link, struct dhcp_place *p, struct err *e)
{
	if (link->flags & IFF_UP)
		return true;
	if (!link_set_up(nl, link->index, true, e))
		return wrap(e, "set %s up", link->name);
	p->raised = true;
	return true;
}

bool dhcp_place_open(const char *path, const char *ifname, struct dhcp_place *ret, int *ret_netns, struct err *e)
{
	autoclose int netns = -1;
	autonl nl = NL_CLOSED;
	struct dhcp_place p;
	struct link link;

	if (!look(path, ifname, &p, &netns, &nl, &link, e) || !set_up(&nl, &link, &p, e))
		return false;
	*ret = p;
	*ret_netns = fd_take(&netns);
	return true;
}

bool dhcp_place_same(const struct dhcp_place *a, const struct dhcp_place *b)
{
	if (a->cookie && b->cookie && a->cookie != b->cookie)
		return false;
	return a->dev == b->dev && a->ino == b->ino && a->index == b->index && mac_eq(&a->mac, &b->mac);
}

bool dhcp_place_reopen(const char *path, const char *ifname, struct dhcp_place *seen, bool up, int *ret_netns,
		       bool *ret_gone, struct err *e)
{
	autoclose int netns = -1;
	autonl nl = NL_CLOSED;
	struct dhcp_place p;
	struct link link;

	*ret_gone = false;
	if (!look(path, ifname, &p, &netns, &nl, &link, e)) {
		*ret_gone = e->num == ENODEV || netns_is_gone(e->num);
		return false;
	}
	if (!dhcp_place_same(&p, seen)) {
		*ret_gone = true;
		return fail(e, 0, "%s in %s is not the interface that has the lease", ifname, path);
	}
	if (up && !set_up(&nl, &link, &p, e))
		return false;
	seen->raised = p.raised;
	*ret_netns = fd_take(&netns);
	return true;
}

/* Did the lease bring it? Whatever its metric: that is the main plugin's business. */
static bool is_of_lease(const struct kroute *r, const struct dhcp_lease *l)
{
	for (size_t i = 0; i < l->n_routes; i++)
		if (r->dst.len == l->routes[i].dst.len && ip_eq(&r->dst.ip, &l->routes[i].dst.ip) &&
		    ip_eq(&r->gw, &l->routes[i].gw))
			return true;
	return false;
}

static bool drop_routes(struct nl *nl, const struct dhcp_place *p, const struct dhcp_lease *l, struct err *e)
{
	struct route_filter f = { AF_INET, RT_TABLE_MAIN, (int)p->index };
	struct errs all = { 0 };
	struct kroute *have;
	struct arena a;
	size_t n;
	bool ok;

	arena_init(&a, NULL, 0);
	ok = route_list(nl, &a, &f, &have, &n, e);
	for (size_t i = 0; ok && i < n; i++) {
		struct err why = ERR_INIT;

		if (is_of_lease(&have[i], l) && !route_del(nl, &have[i], &why) && why.num != ESRCH)
			errs_add(&all, &why);
	}
	arena_done(&a);
	return ok && errs_done(&all, e);
}

bool dhcp_place_stop(int netns, const struct dhcp_place *p, const struct dhcp_lease *l, bool kept, struct err *e)
{
	autonl nl = NL_CLOSED;
	struct errs all = { 0 };
	struct err why = ERR_INIT;

	if (!netns_nl_open(netns, NETLINK_ROUTE, &nl, e))
		return false;
	if (kept && !drop_routes(&nl, p, l, &why))
		errs_add(&all, &why);
	why = ERR_INIT;
	if (!addr_del(&nl, (int)p->index, &l->address, &why) && why.num != EADDRNOTAVAIL)
		errs_add(&all, &why);
	why = ERR_INIT;
	if (!kept && !link_set_up(&nl, (int)p->index, false, &why))
		errs_add(&all, &why);
	return errs_done(&all, e);
}

static bool is_there(struct nl *nl, const struct kroute *r)
{
	struct route_filter f = { AF_INET, RT_TABLE_MAIN, r->oif };
	struct err ignored = ERR_INIT;
	struct kroute *have;
	struct arena a;
	bool found = false;
	size_t n;

	arena_init(&a, NULL, 0);
	if (route_list(nl, &a, &f, &have, &n, &ignored))
		for (size_t i = 0; i < n && !found; i++)
			found = have[i].dst.len == r->dst.len && ip_eq(&have[i].dst.ip, &r->dst.ip) &&
				ip_eq(&have[i].gw, &r->gw) && have[i].priority == r->priority;
	arena_done(&a);
	return found;
}

/* What leads elsewhere meanwhile was put there by somebody who knew that this interface was down: it stays. */
static bool put_route(struct nl *nl, const struct kroute *r, struct err *e)
{
	char text[CIDR_TEXT_MAX];
	struct err why = ERR_INIT;

	if (route_add(nl, r, NLM_F_CREATE | NLM_F_EXCL, &why) || (why.num == EEXIST && is_there(nl, r)))
		return true;
	*e = why;
	return wrap(e, "put the route to %s back", cidr_text(&r->dst, text));
}

bool dhcp_place_restore(int netns, const struct dhcp_place *p, const struct dhcp_lease *l, uint32_t priority,
			struct err *e)
{
	autonl nl = NL_CLOSED;
	struct errs all = { 0 };
	struct err why = ERR_INIT;

	if (!netns_nl_open(netns, NETLINK_ROUTE, &nl, e))
		return false;
	if (!addr_add(&nl, (int)p->index, &l->address, IFA_F_NODAD, &why) && why.num != EEXIST) {
		*e = why;
		return wrap(e, "put the address back");
	}
	for (size_t i = 0; i < l->n_routes; i++) {
		struct kroute r = {
			.dst = l->routes[i].dst, .gw = l->routes[i].gw, .oif = (int)p->index, .priority = priority
		};

		why = ERR_INIT;
		if (!put_route(&nl, &r, &why))
			errs_add(&all, &why);
	}
	return errs_done(&all, e);
}
