// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * What the kernel lists is kept as it lists it. Its answers to a dump (RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNEIGH) are
 * nearly the requests that make the same again, whatever attributes this or a later kernel has: metrics, labels,
 * several next hops, encapsulation. A copy that knows only the members of a struct of ours would lose the rest.
 *
 * The order of the way back: the knobs first, since some decide what addresses are made; the master while the interface
 * is down, as bonds and VRFs want it; addresses before it goes up, so that the kernel does not begin with a link-local
 * one of its own; routes last, because they need all that.
 *
 * Limits: queues and filters, what hangs on the interface (a VLAN goes down with it) and routes of other interfaces
 * that have an address of this one as source are not kept.
 */
#include "kernel/kept.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "kernel/kept_msg.h"
#include "lib/fs.h"
#include "lib/str.h"

#define BIT(type) (UINT64_C(1) << (type))

uint32_t kept_age(const struct kept *k)
{
	return (uint32_t)((fs_now_ms() - k->noted_ms) / 1000);
}

// ---- neighbours that somebody has entered ----

static bool neigh_wanted(const struct nlmsghdr *h, int index)
{
	const struct ndmsg *nd = NLMSG_DATA(h);

	return nd->ndm_ifindex == index && (nd->ndm_family == AF_INET || nd->ndm_family == AF_INET6) &&
	       nd->ndm_state & NUD_PERMANENT && !(nd->ndm_flags & NTF_PROXY);
}

static void neigh_tidy(struct kept_msg *m, int from UNUSED, int to)
{
	((struct ndmsg *)NLMSG_DATA(m->h))->ndm_ifindex = to;
}

const struct kept_kind kept_neigh = {
	.type = RTM_NEWNEIGH,
	.fixed = sizeof(struct ndmsg),
	.drop = BIT(NDA_CACHEINFO) | BIT(NDA_PROBES) | BIT(NDA_IFINDEX),
	.wanted = neigh_wanted,
	.tidy = neigh_tidy,
};

static bool neighs_note(struct nl *nl, struct kept *k, struct err *e)
{
	struct ndmsg nd = { .ndm_family = AF_UNSPEC };
	NLMSG_ON_STACK(m, 64);

	nl_begin(nl, &m, RTM_GETNEIGH, NLM_F_DUMP | NL_NO_ACK, &nd, sizeof(nd));
	nl_put_u32(&m, NDA_IFINDEX, (uint32_t)k->link.index);
	return kept_list(nl, k->arena, &kept_neigh, &m, k->link.index, k->link.index, &k->neighs, e) ||
	       wrap(e, "list neighbours");
}

static bool neighs_give(struct nl *nl, const struct kept *k, int index, struct err *e)
{
	struct kept_out out;

	kept_out_init(&out, nl, k->arena);
	for (size_t i = 0; i < k->neighs.n; i++) {
		struct kept_msg m = k->neighs.v[i];

		neigh_tidy(&m, 0, index);
		kept_out_put(&out, m.h, sizeof(struct ndmsg), RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	}
	kept_out_flush(&out);
	return errs_done(&out.failed, e) || wrap(e, "neighbours");
}

// ---- the port of a master ----

static bool take_port(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct nl_attr tb[IFLA_LINKINFO + 1], info[IFLA_INFO_SLAVE_DATA + 1];
	struct kept *k = arg;
	void *copy;

	if (h->nlmsg_type != RTM_NEWLINK)
		return true;
	if (!nl_parse_msg(h, sizeof(struct ifinfomsg), tb, IFLA_LINKINFO, e))
		return false;
	if (!tb[IFLA_LINKINFO].there)
		return true;
	if (!nl_parse(tb[IFLA_LINKINFO].data, tb[IFLA_LINKINFO].len, info, IFLA_INFO_SLAVE_DATA, e))
		return false;
	if (!info[IFLA_INFO_SLAVE_DATA].there)
		return true;
	copy = arena_raw(k->arena, info[IFLA_INFO_SLAVE_DATA].len);
	memcpy(copy, info[IFLA_INFO_SLAVE_DATA].data, info[IFLA_INFO_SLAVE_DATA].len);
	k->port = (struct nl_attr){ copy, info[IFLA_INFO_SLAVE_DATA].len, true };
	k->port_kind = arena_strdup(k->arena, nl_str(&info[IFLA_INFO_SLAVE_KIND]));
	return true;
}

static bool port_note(struct nl *nl, struct kept *k, struct err *e)
{
	struct ifinfomsg ifi = { .ifi_index = k->link.index };
	struct err ignored;
	NLMSG_ON_STACK(m, 128);

	if (!k->link.master)
		return true;
	nl_begin(nl, &m, RTM_GETLINK, 0, &ifi, sizeof(ifi));
	nl_put_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (!nl_send(nl, &m, take_port, k, NULL, e))
		return wrap(e, "ask for the port");
	if (k->port_kind && str_eq(k->port_kind, "bridge") &&
	    !link_port_vlans(nl, k->arena, k->link.index, &k->vlans, &k->n_vlans, &ignored))
		k->n_vlans = 0;
	return true;
}

/*
 * A request for each attribute: the kernel refuses those that it only tells (identifiers, timers, counts), which ones
 * these are changes with its version, and one of them would spoil all.
 */
static bool port_data_give(struct nl *nl, const struct kept *k, int index, struct err *e)
{
	struct ifinfomsg ifi = { .ifi_index = index };
	struct err why = ERR_INIT;
	NLMSG_ON_STACK(m, 8192);

	nl_each(a, k->port.data, k->port.len) {
		nl_begin(nl, &m, RTM_NEWLINK, 0, &ifi, sizeof(ifi));
		NL_NEST(&m, IFLA_LINKINFO) {
			nl_put_str(&m, IFLA_INFO_SLAVE_KIND, k->port_kind);
			NL_NEST(&m, IFLA_INFO_SLAVE_DATA)
				nl_put(&m, a.type, a.data, a.len);
		}
	}
	if (nl_ask(nl, &m, &why) || why.num == EINVAL || why.num == ENETDOWN || why.num == EBUSY)
		return true;
	*e = why;
	return wrap(e, "port of interface number %d", index);
}

/* A new port has the bridge's default VLAN. */
static bool vlans_give(struct nl *nl, const struct kept *k, int index, struct err *e)
{
	struct vlan_entry *now;
	size_t n;

	if (!k->n_vlans)
		return true;
	return link_port_vlans(nl, k->arena, index, &now, &n, e) && (!n || link_port_vlan_del(nl, index, now, n, e)) &&
	       link_port_vlan_add(nl, index, k->vlans, k->n_vlans, e);
}

static bool port_give(struct nl *nl, const struct kept *k, int index, struct err *e)
{
	if (!k->link.master)
		return true;
	return link_set_master(nl, index, k->link.master, e) && (!k->port.there || port_data_give(nl, k, index, e)) &&
	       vlans_give(nl, k, index, e);
}

// ---- all of it ----

bool kept_note(struct nl *nl, struct arena *a, const struct link *l, struct kept *ret, struct err *e)
{
	struct kept k = { .arena = a, .link = *l, .noted_ms = fs_now_ms() };

	if (!port_note(nl, &k, e) || !kept_addrs_note(nl, &k, e) || !neighs_note(nl, &k, e) ||
	    !kept_routes_note(nl, &k, e))
		return false;
	knobs_read(a, l->name, &k.knobs);
	*ret = k;
	return true;
}

static bool alias_give(struct nl *nl, const struct kept *k, int index, struct err *e)
{
	return link_set_alias(nl, index, k->link.alias, e);
}

static bool mtu_give(struct nl *nl, const struct kept *k, int index, struct err *e)
{
	struct link now;

	return link_get_index(nl, index, &now, e) &&
	       (now.mtu == k->link.mtu || link_set_mtu(nl, index, k->link.mtu, e));
}

static bool knobs_give(struct nl *nl UNUSED, const struct kept *k, int index UNUSED, struct err *e)
{
	return knobs_put_back(&k->knobs, e);
}

static bool up_give(struct nl *nl, const struct kept *k, int index, struct err *e)
{
	return !(k->link.flags & IFF_UP) || link_set_up(nl, index, true, e);
}

bool kept_give_back(struct nl *nl, const struct kept *k, int index, struct err *e)
{
	static bool (*const steps[])(struct nl *nl, const struct kept *k, int index, struct err *e) = {
		alias_give,	   mtu_give,	knobs_give,	  port_give, kept_addrs_give, up_give,
		kept_addrs_settle, neighs_give, kept_routes_give,
	};
	struct errs all = { .count = 0 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct err why = ERR_INIT;

		if (!steps[i](nl, k, index, &why))
			errs_add(&all, &why);
	}
	return errs_done(&all, e);
}
