// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * vrf: the interface becomes a port of a VRF in its container, which is made by the first and removed with the last
 * of its ports. Becoming a port takes the interface down for a moment, and with that the kernel forgets what hung on
 * it: IPv6 addresses (unless keep_addr_on_down is set) and every route that somebody made. So they are noted before
 * and made again after, addresses without another probe for duplicates, routes of the main table in the VRF's table
 * and those of other tables where they were. What the kernel makes itself (connected and local routes) it makes again
 * by itself.
 *
 * Leaving works the same way, which is how a failed ADD is undone: it knows what was noted. DEL does not, and need
 * not: the interface goes next.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <time.h>

#include "plugins/plugin.h"

#include "kernel/addr.h"
#include "kernel/link.h"
#include "kernel/netns.h"
#include "kernel/route.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/iface.h"

#define KIND "vrf"
#define LOCAL_WAIT_MS 1280	/* as patient as the reference */
#define KEPT_FLAGS (IFA_F_NOPREFIXROUTE | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_MCAUTOJOIN)

struct conf {
	const char *name;
	uint32_t table; /* 0: any */
};

static const struct field vrf_fields[] = {
	FIELD_AS("vrfname", struct conf, name, read_str),
	FIELD(struct conf, table, read_u32),
	{ 0 }
};

static bool conf_read(const struct request *r, struct conf *ret, struct err *e)
{
	struct conf c = { .name = NULL };

	if (!json_fields(r->arena, r->conf, vrf_fields, &c, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to load netconf");
	}
	if (str_empty(c.name))
		return fail_code(e, CNI_INVALID_CONFIG, "vrfname: configuration is expected to have a valid vrf name");
	if (!ifname_valid(c.name, e)) {
		e->code = CNI_INVALID_CONFIG;
		return wrap(e, "vrfname: \"%s\"", c.name);
	}
	if (c.table >= RT_TABLE_DEFAULT && c.table <= RT_TABLE_LOCAL)
		return fail_code(e, CNI_INVALID_CONFIG, "table: %u is one of the kernel's own (253 to 255)", c.table);
	*ret = c;
	return true;
}

struct vrf {
	const struct request *r;
	struct conf conf;
	struct nl nl;             /* in the container */
	int netns;                /* locked: other attachments make and remove VRFs, too */
	struct link link, master; /* index 0: none */
	bool made;                /* the VRF is of this ADD */
	bool enslaved;
	/* what hung on the interface */
	struct addr *addrs; /* IPv6, not of the link itself */
	struct kroute *routes;
	size_t n_addrs, n_routes;
};
#define VRF_INIT(request) { .r = (request), .nl = NL_CLOSED, .netns = -1 }

static bool container_open(struct vrf *v, struct err *e)
{
	return netns_open_locked(v->r->netns, &v->netns, e) && netns_nl_open(v->netns, NETLINK_ROUTE, &v->nl, e);
}

static void vrf_close(struct vrf *v)
{
	nl_close(&v->nl);
	fd_close(&v->netns);
}
#define autovrf CLEANUP(vrf_close) struct vrf

/* @ret->index 0 when there is none. */
static bool link_look(struct nl *nl, const char *name, struct link *ret, struct err *e)
{
	struct err why = ERR_INIT;

	*ret = (struct link){ .index = 0 };
	if (link_get(nl, name, ret, &why) || why.num == ENODEV)
		return true;
	*e = why;
	return false;
}

// ---- finding and making the VRF ----

static bool refuse_other(const struct vrf *v, struct err *e)
{
	if (!str_eq(v->master.kind, KIND))
		return fail(e, 0, "Netlink %s is not a VRF", v->conf.name);
	if (v->conf.table && v->conf.table != v->master.table)
		return fail(e, 0, "VRF %s already exist with different routing table %u", v->conf.name,
			    v->master.table);
	return true;
}

static bool refuse_port(struct vrf *v, struct err *e)
{
	struct link master;
	struct err ignored;

	if (!v->link.master)
		return true;
	if (!link_get_index(&v->nl, v->link.master, &master, &ignored))
		snprintf(master.name, sizeof(master.name), "number %d", v->link.master);
	return fail(e, EBUSY, "interface %s has already a master set: %s", v->link.name, master.name);
}

/* The lowest that no VRF has, and that is not the kernel's own. */
static uint32_t free_table(const struct link *links, size_t n)
{
	uint32_t table = 1;

	for (size_t i = 0; i < n; i++) {
		bool taken = table >= RT_TABLE_DEFAULT && table <= RT_TABLE_LOCAL;

		taken = taken || (str_eq(links[i].kind, KIND) && links[i].table == table);
		if (!taken)
			continue;
		table++;
		i = (size_t)-1;
	}
	return table;
}

static bool vrf_make(struct vrf *v, struct err *e)
{
	struct link_new new = LINK_NEW;
	struct link *links;
	size_t n;

	if (!link_list(&v->nl, v->r->arena, 0, &links, &n, e))
		return false;
	new.kind = KIND;
	new.name = v->conf.name;
	new.up = true;
	new.table = v->conf.table ? v->conf.table : free_table(links, n);
	if (!link_add(&v->nl, &new, &v->nl, &v->master, e))
		return wrap(e, "could not add VRF %s", v->conf.name);
	v->made = true;
	return true;
}

// ---- what hangs on the interface ----

static bool note_addresses(struct vrf *v, struct err *e)
{
	struct addr *all;
	size_t n;

	if (!addr_list(&v->nl, v->r->arena, AF_INET6, v->link.index, &all, &n, e))
		return false;
	v->addrs = arena_array(v->r->arena, n, sizeof(*v->addrs));
	for (size_t i = 0; i < n; i++)
		if (!ip_is_link_local(&all[i].cidr.ip) && !(all[i].flags & IFA_F_TEMPORARY))
			v->addrs[v->n_addrs++] = all[i];
	return true;
}

static bool note_routes(struct vrf *v, struct err *e)
{
	struct route_filter f = { .oif = v->link.index };
	struct kroute *all;
	size_t n;

	if (!route_list(&v->nl, v->r->arena, &f, &all, &n, e))
		return false;
	v->routes = arena_array(v->r->arena, n, sizeof(*v->routes));
	for (size_t i = 0; i < n; i++) {
		if (all[i].protocol == RTPROT_KERNEL || all[i].table == RT_TABLE_LOCAL || all[i].type != RTN_UNICAST)
			continue;
		all[i].flags &= RTNH_F_ONLINK;
		v->routes[v->n_routes++] = all[i];
	}
	return true;
}

/* Has the kernel accepted all addresses as its own? It makes the local routes in its own time. */
static bool all_local(struct vrf *v, const struct kroute *routes, size_t n)
{
	for (size_t i = 0; i < v->n_addrs; i++) {
		bool found = false;

		for (size_t k = 0; k < n && !found; k++)
			found = routes[k].type == RTN_LOCAL && ip_eq(&routes[k].dst.ip, &v->addrs[i].cidr.ip);
		if (!found)
			return false;
	}
	return true;
}

/* An address that is late is no reason to refuse the container. */
static bool wait_local(struct vrf *v, struct err *e)
{
	struct route_filter f = { .family = AF_INET6, .oif = v->link.index };
	int64_t deadline = fs_now_ms() + LOCAL_WAIT_MS;
	struct timespec step = { .tv_nsec = 1000000L };
	struct kroute *routes;
	size_t n;

	for (;;) {
		if (!route_list(&v->nl, v->r->arena, &f, &routes, &n, e))
			return false;
		if (all_local(v, routes, n) || fs_now_ms() >= deadline)
			return true;
		nanosleep(&step, NULL);
		step.tv_nsec *= 2;
	}
}

static bool restore_addresses(struct vrf *v, struct err *e)
{
	char text[CIDR_TEXT_MAX];
	struct err why = ERR_INIT;

	for (size_t i = 0; i < v->n_addrs; i++) {
		uint32_t flags = (v->addrs[i].flags & KEPT_FLAGS) | IFA_F_NODAD;

		if (addr_add(&v->nl, v->link.index, &v->addrs[i].cidr, flags, &why) || why.num == EEXIST)
			continue;
		*e = why;
		return wrap(e, "could not restore address %s to %s", cidr_text(&v->addrs[i].cidr, text), v->link.name);
	}
	return !v->n_addrs || wait_local(v, e);
}

static void restore_route(struct vrf *v, const struct kroute *route, uint32_t table, struct errs *all)
{
	struct kroute k = *route;
	struct err why = ERR_INIT;

	if (k.table == RT_TABLE_MAIN)
		k.table = table;
	if (!route_add(&v->nl, &k, NLM_F_CREATE, &why) && why.num != EEXIST)
		errs_add(all, &why);
}

/*
 * Those of the main table into @table, in front of what other ports have there. Without a gateway first: the others
 * may need them to reach theirs.
 */
static bool restore_routes(struct vrf *v, uint32_t table, struct err *e)
{
	struct errs all = { .count = 0 };

	for (unsigned with_gateway = 0; with_gateway < 2; with_gateway++)
		for (size_t i = 0; i < v->n_routes; i++)
			if (!ip_is_unset(&v->routes[i].gw) == with_gateway)
				restore_route(v, &v->routes[i], table, &all);
	return errs_done(&all, e) || wrap(e, "could not restore the routes of %s", v->link.name);
}

/* The VRF goes with its last port. */
static bool vrf_remove_unused(struct vrf *v, struct err *e)
{
	struct err why = ERR_INIT;
	struct link *ports;
	size_t n;

	if (!link_list(&v->nl, v->r->arena, v->master.index, &ports, &n, e))
		return false;
	if (n || link_del(&v->nl, v->master.index, &why) || why.num == ENODEV)
		return true;
	*e = why;
	return false;
}

static void undo(struct vrf *v)
{
	struct err ignored;
	bool done UNUSED;

	if (v->enslaved)
		done = link_set_master(&v->nl, v->link.index, 0, &ignored) && restore_addresses(v, &ignored) &&
		       restore_routes(v, RT_TABLE_MAIN, &ignored);
	if (v->made)
		done = vrf_remove_unused(v, &ignored);
}

// ---- the verbs ----

static bool enslave(struct vrf *v, struct err *e)
{
	if (!link_set_master(&v->nl, v->link.index, v->master.index, e))
		return wrap(e, "could not set vrf %s as master of %s", v->conf.name, v->link.name);
	v->enslaved = true;
	return restore_addresses(v, e) && restore_routes(v, v->master.table, e);
}

static bool attach(struct vrf *v, struct err *e)
{
	if (!link_get(&v->nl, v->r->ifname, &v->link, e) || !refuse_port(v, e) ||
	    !link_look(&v->nl, v->conf.name, &v->master, e))
		return false;
	if (v->master.index ? !refuse_other(v, e) : !link_kind_usable(&v->nl, KIND, e))
		return false;
	if (!note_addresses(v, e) || !note_routes(v, e) || (!v->master.index && !vrf_make(v, e)))
		return false;
	if (enslave(v, e))
		return true;
	undo(v);
	return false;
}

static bool prev_need(const struct request *r, struct result *ret, struct err *e)
{
	bool there;

	if (!request_prev(r, ret, &there, e))
		return false;
	return there || fail_code(e, CNI_INVALID_CONFIG, "missing prevResult from earlier plugin");
}

static bool vrf_add(const struct request *r, struct result *ret, struct err *e)
{
	autovrf v = VRF_INIT(r);
	struct result prev;

	if (!conf_read(r, &v.conf, e) || !prev_need(r, &prev, e))
		return false;
	if (!container_open(&v, e) || !attach(&v, e))
		return wrap(e, "cmdAdd failed");
	*ret = prev;
	return true;
}

/* A route of the main table is one that ADD has not moved. */
static bool check_routes(struct vrf *v, const struct result *prev, struct err *e)
{
	struct iface_conf c = {
		.index = v->link.index,
		.ifname = v->link.name,
		.result_index = iface_find(prev, v->r->ifname, v->r->netns),
		.table = v->master.table,
	};

	return iface_check(&v->nl, v->r->arena, &c, prev, e);
}

static bool vrf_check(const struct request *r, struct err *e)
{
	autovrf v = VRF_INIT(r);
	struct result prev;

	if (!conf_read(r, &v.conf, e) || !prev_need(r, &prev, e) || !container_open(&v, e))
		return false;
	if (!link_get(&v.nl, v.conf.name, &v.master, e) || !refuse_other(&v, e) ||
	    !link_get(&v.nl, r->ifname, &v.link, e))
		return false;
	if (!(v.master.flags & IFF_UP))
		return fail(e, 0, "VRF %s is down", v.conf.name);
	if (v.link.master != v.master.index)
		return fail(e, 0, "Failed to find %s associated to vrf %s", r->ifname, v.conf.name);
	return check_routes(&v, &prev, e);
}

/* A VRF that somebody made beforehand goes, too, as with the reference. */
static bool detach(struct vrf *v, struct err *e)
{
	if (!link_look(&v->nl, v->conf.name, &v->master, e))
		return false;
	if (!v->master.index || !str_eq(v->master.kind, KIND))
		return true;
	if (!link_look(&v->nl, v->r->ifname, &v->link, e))
		return false;
	if (v->link.index && v->link.master == v->master.index && !link_set_master(&v->nl, v->link.index, 0, e))
		return false;
	return vrf_remove_unused(v, e);
}

/* A configuration that no ADD can have accepted has left nothing. */
static bool vrf_del(const struct request *r, struct err *e)
{
	autovrf v = VRF_INIT(r);
	struct err why = ERR_INIT;

	if (!*r->netns || !conf_read(r, &v.conf, &why))
		return true;
	if (container_open(&v, &why))
		return detach(&v, e);
	if (netns_is_gone(why.num))
		return true;
	*e = why;
	return false;
}

/* The VRF dies with the container's namespace. */
static bool vrf_gc(const struct request *r UNUSED, struct err *e UNUSED)
{
	return true;
}

static bool vrf_status(const struct request *r, struct err *e)
{
	autonl nl = NL_CLOSED;
	struct conf conf;

	if (!conf_read(r, &conf, e))
		return false;
	if (nl_open(&nl, NETLINK_ROUTE, e) && link_kind_usable(&nl, KIND, e))
		return true;
	e->code = CNI_NOT_AVAILABLE;
	return false;
}

const struct plugin vrf_plugin = {
	.name = "vrf",
	.about = "make the interface a port of a VRF in its container",
	.versions = versions_from_031,
	.add = vrf_add,
	.check = vrf_check,
	.del = vrf_del,
	.gc = vrf_gc,
	.status = vrf_status,
};
