// SPDX-License-Identifier: Apache-2.0
/*
 * The pair appears whole, its far end already where it will live: moving an interface between namespaces afterwards
 * waits for a grace period, creating it there does not. The echo of our own request carries both indices; kernels
 * before 6.2 do not echo, and are asked.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "kernel/link.h"

static void put_end(struct nlmsg *m, const char *name, const struct mac *mac, uint32_t mtu)
{
	nl_put_str(m, IFLA_IFNAME, name);
	if (!mac_is_unset(mac))
		nl_put(m, IFLA_ADDRESS, mac->b, sizeof(mac->b));
	if (mtu)
		nl_put_u32(m, IFLA_MTU, mtu);
}

static void put_peer(struct nlmsg *m, const struct veth_new *v)
{
	struct ifinfomsg ifi = { 0 };

	nl_put_bare(m, &ifi, sizeof(ifi));
	put_end(m, v->peer_name, &v->peer_mac, v->mtu);
	if (v->peer_netns >= 0)
		nl_put_u32(m, IFLA_NET_NS_FD, (uint32_t)v->peer_netns);
}

struct ends { int index, peer; };

static bool take_echo(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct ifinfomsg *ifi = NLMSG_DATA(h);
	struct nl_attr tb[IFLA_LINK + 1];
	struct ends *ends = arg;

	if (h->nlmsg_type != RTM_NEWLINK)
		return true;
	if (!nl_parse_msg(h, sizeof(*ifi), tb, IFLA_LINK, e))
		return false;
	if (nl_u32(&tb[IFLA_LINK]))
		*ends = (struct ends){ ifi->ifi_index, (int)nl_u32(&tb[IFLA_LINK]) };
	return true;
}

static bool ask_ends(struct nl *nl, const char *name, struct ends *ret, struct err *e)
{
	struct link l;

	if (!link_get(nl, name, &l, e))
		return false;
	*ret = (struct ends){ l.index, l.peer };
	return true;
}

bool link_veth_add(struct nl *nl, const struct veth_new *v, int *ret_index, int *ret_peer_index, struct err *e)
{
	NLMSG_ON_STACK(m, 512);
	struct ifinfomsg ifi = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct ends ends = { 0 };

	nl_begin(nl, &m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO, &ifi, sizeof(ifi));
	put_end(&m, v->name, &v->mac, v->mtu);
	if (v->master)
		nl_put_u32(&m, IFLA_MASTER, (uint32_t)v->master);
	NL_NEST(&m, IFLA_LINKINFO) {
		nl_put_str(&m, IFLA_INFO_KIND, "veth");
		NL_NEST(&m, IFLA_INFO_DATA) {
			NL_NEST(&m, VETH_INFO_PEER)
				put_peer(&m, v);
		}
	}
	if (!nl_send(nl, &m, take_echo, &ends, NULL, e))
		return wrap(e, "make the veth pair %s and %s", v->name, v->peer_name);
	if (!ends.index && !ask_ends(nl, v->name, &ends, e))
		return false;
	*ret_index = ends.index;
	*ret_peer_index = ends.peer;
	return true;
}
