// SPDX-License-Identifier: Apache-2.0
/*
 * Kinds of links that one request makes, whether they hang on another one (macvlan, ipvlan, vlan) or on nothing
 * (dummy, vrf, ifb): a row each. They appear where they will live, as a veth's end does (kernel/link_veth.c), but for
 * the name: the kernel asks the namespace of the request whether it is free. So they come with a temporary name, and
 * are called by their own when they are there.
 */
#include "kernel/link_kind.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "lib/str.h"

/* A kind, how its details are written, and where the one that readers want lies. */
struct kind {
	const char *name;
	void (*put)(struct nlmsg *m, const struct link_new *n);
	uint16_t attr;
	void (*read)(const struct nl_attr *a, struct link *ret);
};

static void put_macvlan(struct nlmsg *m, const struct link_new *n)
{
	nl_put_u32(m, IFLA_MACVLAN_MODE, n->mode);
	if (n->bcqueuelen)
		nl_put_u32(m, IFLA_MACVLAN_BC_QUEUE_LEN, n->bcqueuelen);
}

static void put_ipvlan(struct nlmsg *m, const struct link_new *n)
{
	nl_put_u16(m, IFLA_IPVLAN_MODE, (uint16_t)n->mode);
}

static void put_vlan(struct nlmsg *m, const struct link_new *n)
{
	nl_put_u16(m, IFLA_VLAN_ID, n->vlan_id);
}

static void put_vrf(struct nlmsg *m, const struct link_new *n)
{
	nl_put_u32(m, IFLA_VRF_TABLE, n->table);
}

static void read_mode(const struct nl_attr *a, struct link *ret)
{
	ret->mode = a->len == sizeof(uint16_t) ? nl_u16(a) : nl_u32(a);
}

static void read_vlan(const struct nl_attr *a, struct link *ret)
{
	ret->vlan_id = nl_u16(a);
}

static void read_table(const struct nl_attr *a, struct link *ret)
{
	ret->table = nl_u32(a);
}

static const struct kind kinds[] = {
	{ "macvlan", put_macvlan, IFLA_MACVLAN_MODE, read_mode }, { "ipvlan", put_ipvlan, IFLA_IPVLAN_MODE, read_mode },
	{ "vlan", put_vlan, IFLA_VLAN_ID, read_vlan },		  { "vrf", put_vrf, IFLA_VRF_TABLE, read_table },
	{ "dummy", NULL, 0, NULL },				  { "ifb", NULL, 0, NULL },
};

static const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

void link_read_kind(const struct nl_attr *data, struct link *ret)
{
	const struct kind *k = kind_find(ret->kind);
	struct nl_attr tb[IFLA_MACVLAN_MAX + 1];
	struct err ignored;

	if (k && k->read && nl_parse(data->data, data->len, tb, IFLA_MACVLAN_MAX, &ignored) && tb[k->attr].there)
		k->read(&tb[k->attr], ret);
}

static void put_new(struct nl *nl, struct nlmsg *m, const struct link_new *n, const char *name)
{
	struct ifinfomsg ifi = { .ifi_flags = n->up ? IFF_UP : 0, .ifi_change = n->up ? IFF_UP : 0 };
	const struct kind *k = kind_find(n->kind);

	nl_begin(nl, m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi));
	nl_put_str(m, IFLA_IFNAME, name);
	if (n->netns >= 0)
		nl_put_u32(m, IFLA_NET_NS_FD, (uint32_t)n->netns);
	if (n->lower)
		nl_put_u32(m, IFLA_LINK, (uint32_t)n->lower);
	if (!mac_is_unset(&n->mac))
		nl_put(m, IFLA_ADDRESS, n->mac.b, sizeof(n->mac.b));
	if (n->mtu)
		nl_put_u32(m, IFLA_MTU, n->mtu);
	NL_NEST(m, IFLA_LINKINFO) {
		nl_put_str(m, IFLA_INFO_KIND, n->kind);
		if (k && k->put)
			NL_NEST(m, IFLA_INFO_DATA)
				k->put(m, n);
	}
}

/* By name alone: who could not be looked up has no number. */
static void del_named(struct nl *nl, const char *name)
{
	NLMSG_ON_STACK(m, 64);
	struct ifinfomsg ifi = { .ifi_index = 0 };
	struct err ignored;
	bool done UNUSED;

	nl_begin(nl, &m, RTM_DELLINK, 0, &ifi, sizeof(ifi));
	nl_put_str(&m, IFLA_IFNAME, name);
	done = nl_ask(nl, &m, &ignored);
}

/* Known and called by its name; what was made goes again on failure. */
static bool settle(const struct link_new *n, const char *first, struct nl *there, struct link *ret, struct err *e)
{
	struct link l = { 0 };

	if (!link_get(there, first, &l, e) || (!str_eq(first, n->name) && !link_rename(there, l.index, n->name, e))) {
		del_named(there, first);
		return false;
	}
	snprintf(l.name, sizeof(l.name), "%s", n->name);
	*ret = l;
	return true;
}

bool link_add(struct nl *nl, const struct link_new *n, struct nl *there, struct link *ret, struct err *e)
{
	const char *first = n->netns >= 0 ? n->temporary : n->name;
	NLMSG_ON_STACK(m, 512);

	put_new(nl, &m, n, first);
	if (!nl_ask(nl, &m, e) || !settle(n, first, there, ret, e))
		return wrap(e, "make the %s interface %s", n->kind, n->name);
	return true;
}
