// SPDX-License-Identifier: Apache-2.0
/*
 * Holds the result of an ADD against the kernel: interfaces, addresses and
 * routes, inside the container and on the host.
 */
#include "cmd/observed.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "kernel/netns.h"
#include "lib/fs.h"
#include "lib/str.h"

static void found(struct arena *a, struct observed *o, struct finding f)
{
	o->findings = arena_grow(a, o->findings, o->n, &o->cap, sizeof(*o->findings));
	o->findings[o->n++] = f;
}

static const char *link_text(struct arena *a, const struct link *l)
{
	char mac[MAC_TEXT_MAX];

	return arena_printf(a, "%s, %s, mtu %u, %s", *l->kind ? l->kind : "device", mac_text(&l->mac, mac), l->mtu,
			    l->flags & IFF_UP ? "up" : "down");
}

static void look_interface(struct arena *a, struct nl *nl, const struct result_interface *in, struct observed *o)
{
	struct finding f = { .what = !str_empty(in->sandbox) ? "interface" : "on the host",
			     .name = in->name,
			     .now = "" };
	struct link l;
	struct err e = ERR_INIT;

	f.there = link_get(nl, in->name, &l, &e);
	if (!f.there && e.num != ENODEV)
		o->trouble = arena_strdup(a, e.text);
	if (f.there) {
		f.now = link_text(a, &l);
		if (!str_empty(in->mac)) {
			char mac[MAC_TEXT_MAX];

			f.there = str_fold_eq(mac_text(&l.mac, mac), in->mac);
		}
	}
	found(a, o, f);
}

static void look_addresses(struct arena *a, struct nl *nl, const struct result *r, struct observed *o)
{
	struct addr *addrs = NULL;
	struct err e = ERR_INIT;
	size_t n = 0;

	if (!addr_list(nl, a, AF_UNSPEC, 0, &addrs, &n, &e))
		o->trouble = arena_strdup(a, e.text);
	for (size_t i = 0; i < r->n_ips; i++) {
		const struct cidr *want = &r->ips[i].address;
		struct finding f = { .what = "address", .now = "" };
		char text[CIDR_TEXT_MAX];

		f.name = arena_strdup(a, cidr_text(want, text));
		for (size_t k = 0; k < n && !f.there; k++)
			f.there = ip_eq(&addrs[k].cidr.ip, &want->ip) && addrs[k].cidr.len == want->len;
		found(a, o, f);
	}
}

static void look_routes(struct arena *a, struct nl *nl, const struct result *r, struct observed *o)
{
	struct kroute *routes = NULL;
	struct err e = ERR_INIT;
	size_t n = 0;

	if (!route_list(nl, a, &(struct route_filter){ .family = AF_UNSPEC, .table = 0 }, &routes, &n, &e))
		o->trouble = arena_strdup(a, e.text);
	for (size_t i = 0; i < r->n_routes; i++) {
		const struct result_route *want = &r->routes[i];
		struct finding f = { .what = "route", .now = "" };
		char text[CIDR_TEXT_MAX], gw[IP_TEXT_MAX];

		f.name = arena_strdup(a, cidr_text(&want->dst, text));
		for (size_t k = 0; k < n && !f.there; k++) {
			struct ip net = cidr_network(&want->dst);

			if (routes[k].table != (want->has_table ? want->table : RT_TABLE_MAIN))
				continue;
			f.there = ip_eq(&routes[k].dst.ip, &net) && routes[k].dst.len == want->dst.len &&
				  (ip_is_unset(&want->gw) || ip_eq(&routes[k].gw, &want->gw));
			if (f.there && !ip_is_unset(&routes[k].gw))
				f.now = arena_printf(a, "via %s", ip_text(&routes[k].gw, gw));
		}
		found(a, o, f);
	}
}

static void look(struct arena *a, const struct result *r, struct nl *host, struct nl *inside, struct observed *o)
{
	for (size_t i = 0; i < r->n_interfaces; i++) {
		struct nl *where = str_empty(r->interfaces[i].sandbox) ? host : inside;

		if (where)
			look_interface(a, where, &r->interfaces[i], o);
		else
			found(a, o, (struct finding){ .what = "interface", .name = r->interfaces[i].name, .now = "" });
	}
	if (inside) {
		look_addresses(a, inside, r, o);
		look_routes(a, inside, r, o);
	}
}

void observe(struct arena *a, const struct cni_cached *cached, struct observed *ret)
{
	autonl host = NL_CLOSED, inside = NL_CLOSED;
	autoclose int netns = -1;
	struct err e = ERR_INIT;
	struct result r;

	*ret = (struct observed){ .n = 0 };
	if (!cached_result(a, cached, &r)) {
		ret->trouble = "the cache holds no readable result";
		return;
	}
	if (!nl_open(&host, NETLINK_ROUTE, &e)) {
		ret->trouble = arena_strdup(a, e.text);
		return;
	}
	if (!netns_open(cached->netns, &netns, &e) || !netns_nl_open(netns, NETLINK_ROUTE, &inside, &e))
		ret->trouble = arena_strdup(a, e.text);
	look(a, &r, &host, inside.fd >= 0 ? &inside : NULL, ret);
}
