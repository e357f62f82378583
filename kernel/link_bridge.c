// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "kernel/link.h"
#include "lib/buf.h"

// ---- bridges ----

bool link_bridge_add(struct nl *nl, const struct bridge_new *b, struct err *e)
{
	NLMSG_ON_STACK(m, 256);
	struct ifinfomsg ifi = { .ifi_flags = b->down ? 0 : IFF_UP, .ifi_change = IFF_UP };

	nl_begin(nl, &m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi));
	nl_put_str(&m, IFLA_IFNAME, b->name);
	if (!mac_is_unset(&b->mac))
		nl_put(&m, IFLA_ADDRESS, b->mac.b, sizeof(b->mac.b));
	if (b->mtu)
		nl_put_u32(&m, IFLA_MTU, b->mtu);
	NL_NEST(&m, IFLA_LINKINFO) {
		nl_put_str(&m, IFLA_INFO_KIND, "bridge");
		NL_NEST(&m, IFLA_INFO_DATA) {
			if (b->vlan_filtering)
				nl_put_u8(&m, IFLA_BR_VLAN_FILTERING, 1);
		}
	}
	return nl_ask(nl, &m, e) || wrap(e, "make the bridge %s", b->name);
}

bool link_bridge_vlan_filtering(struct nl *nl, int index, bool on, struct err *e)
{
	NLMSG_ON_STACK(m, 128);
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_begin(nl, &m, RTM_NEWLINK, 0, &ifi, sizeof(ifi));
	NL_NEST(&m, IFLA_LINKINFO) {
		nl_put_str(&m, IFLA_INFO_KIND, "bridge");
		NL_NEST(&m, IFLA_INFO_DATA)
			nl_put_u8(&m, IFLA_BR_VLAN_FILTERING, on);
	}
	return nl_ask(nl, &m, e) || wrap(e, "switch VLAN filtering %s", on ? "on" : "off");
}

// ---- ports ----

bool link_set_port_flags(struct nl *nl, int index, struct port_flags f, struct err *e)
{
	NLMSG_ON_STACK(m, 128);
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE, .ifi_index = index };

	nl_begin(nl, &m, RTM_SETLINK, 0, &ifi, sizeof(ifi));
	NL_NEST(&m, IFLA_PROTINFO) {
		nl_put_u8(&m, IFLA_BRPORT_MODE, f.hairpin);
		nl_put_u8(&m, IFLA_BRPORT_ISOLATED, f.isolated);
	}
	return nl_ask(nl, &m, e) || wrap(e, "set hairpin and isolation of bridge port number %d", index);
}

// ---- VLANs of a port ----

static void put_vlan(struct nlmsg *m, uint16_t vid, unsigned flags)
{
	struct bridge_vlan_info info = { .flags = (uint16_t)flags, .vid = vid };

	nl_put(m, IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
}

static void put_vlans(struct nlmsg *m, const struct vlan_entry *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned flags =
			(v[i].pvid ? BRIDGE_VLAN_INFO_PVID : 0) | (v[i].untagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0);

		if (v[i].first == v[i].last) {
			put_vlan(m, v[i].first, flags);
			continue;
		}
		put_vlan(m, v[i].first, flags | BRIDGE_VLAN_INFO_RANGE_BEGIN);
		put_vlan(m, v[i].last, flags | BRIDGE_VLAN_INFO_RANGE_END);
	}
}

#define VLANS_PER_MESSAGE 128

static bool change_vlans(struct nl *nl, uint16_t type, int index, const struct vlan_entry *v, size_t n, struct err *e)
{
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE, .ifi_index = index };

	for (size_t at = 0; at < n; at += VLANS_PER_MESSAGE) {
		size_t some = n - at < VLANS_PER_MESSAGE ? n - at : VLANS_PER_MESSAGE;
		NLMSG_ON_STACK(m, 64 + VLANS_PER_MESSAGE * 16);

		nl_begin(nl, &m, type, 0, &ifi, sizeof(ifi));
		NL_NEST(&m, IFLA_AF_SPEC)
			put_vlans(&m, v + at, some);
		if (!nl_ask(nl, &m, e))
			return wrap(e, "%s VLANs of bridge port number %d", type == RTM_SETLINK ? "add" : "remove",
				    index);
	}
	return true;
}

bool link_port_vlan_add(struct nl *nl, int index, const struct vlan_entry *v, size_t n, struct err *e)
{
	return change_vlans(nl, RTM_SETLINK, index, v, n, e);
}

bool link_port_vlan_del(struct nl *nl, int index, const struct vlan_entry *v, size_t n, struct err *e)
{
	return change_vlans(nl, RTM_DELLINK, index, v, n, e);
}

struct listing {
	struct buf out; /* of struct vlan_entry */
	int index;
	uint16_t begun; /* first VID of a range whose end has not come yet; 0: none */
};

static void listing_put(struct listing *l, uint16_t first, uint16_t last, unsigned flags)
{
	struct vlan_entry v = {
		.first = first,
		.last = last,
		.pvid = flags & BRIDGE_VLAN_INFO_PVID,
		.untagged = flags & BRIDGE_VLAN_INFO_UNTAGGED,
	};

	buf_put(&l->out, &v, sizeof(v));
}

static void listing_again(void *arg)
{
	struct listing *l = arg;

	l->out.len = 0;
	l->begun = 0;
}

static bool take_vlandb(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct br_vlan_msg *bvm = NLMSG_DATA(h);
	struct listing *l = arg;

	if (h->nlmsg_type != RTM_NEWVLAN || h->nlmsg_len < NLMSG_LENGTH(sizeof(*bvm)))
		return true;
	if (bvm->ifindex != (uint32_t)l->index)
		return true;
	nl_each(it, (const uint8_t *)(bvm + 1), h->nlmsg_len - NLMSG_LENGTH(sizeof(*bvm))) {
		struct nl_attr tb[BRIDGE_VLANDB_ENTRY_RANGE + 1];
		const struct bridge_vlan_info *info;

		if (it.type != BRIDGE_VLANDB_ENTRY)
			continue;
		if (!nl_parse(it.data, it.len, tb, BRIDGE_VLANDB_ENTRY_RANGE, e))
			return false;
		info = tb[BRIDGE_VLANDB_ENTRY_INFO].data;
		if (!info || tb[BRIDGE_VLANDB_ENTRY_INFO].len < sizeof(*info))
			continue;
		listing_put(l, info->vid,
			    tb[BRIDGE_VLANDB_ENTRY_RANGE].there ? nl_u16(&tb[BRIDGE_VLANDB_ENTRY_RANGE]) : info->vid,
			    info->flags);
	}
	return true;
}

/* Linux 5.6 and newer: asked for one interface, it walks one interface. */
static bool list_vlandb(struct nl *nl, struct listing *l, struct err *e)
{
	NLMSG_ON_STACK(m, 64);
	struct br_vlan_msg bvm = { .family = AF_BRIDGE, .ifindex = (uint32_t)l->index };

	nl_begin(nl, &m, RTM_GETVLAN, NLM_F_DUMP | NL_NO_ACK, &bvm, sizeof(bvm));
	return nl_dump(nl, &m, take_vlandb, listing_again, l, e);
}

static bool take_af_spec(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct ifinfomsg *ifi = NLMSG_DATA(h);
	struct nl_attr tb[IFLA_AF_SPEC + 1];
	struct listing *l = arg;

	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(*ifi)) || ifi->ifi_index != l->index)
		return true;
	if (!nl_parse_msg(h, sizeof(*ifi), tb, IFLA_AF_SPEC, e))
		return false;
	nl_each(it, tb[IFLA_AF_SPEC].data, tb[IFLA_AF_SPEC].len) {
		const struct bridge_vlan_info *info = it.data;

		if (it.type != IFLA_BRIDGE_VLAN_INFO || it.len < sizeof(*info))
			continue;
		if (info->flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) {
			l->begun = info->vid;
			continue;
		}
		listing_put(l, info->flags & BRIDGE_VLAN_INFO_RANGE_END ? l->begun : info->vid, info->vid, info->flags);
	}
	return true;
}

/* Older kernels only have a listing of all ports. */
static bool list_af_spec(struct nl *nl, struct listing *l, struct err *e)
{
	NLMSG_ON_STACK(m, 64);
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE };

	nl_begin(nl, &m, RTM_GETLINK, NLM_F_DUMP | NL_NO_ACK, &ifi, sizeof(ifi));
	nl_put_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN_COMPRESSED);
	return nl_dump(nl, &m, take_af_spec, listing_again, l, e);
}

bool link_port_vlans(struct nl *nl, struct arena *a, int index, struct vlan_entry **ret, size_t *ret_n, struct err *e)
{
	struct listing l = { .index = index };
	struct err why = ERR_INIT;
	bool ok;

	buf_init(&l.out, a, 4 * sizeof(struct vlan_entry));
	ok = list_vlandb(nl, &l, &why);
	if (!ok && why.num == EOPNOTSUPP)
		ok = list_af_spec(nl, &l, &why);
	if (!ok) {
		*e = why;
		return wrap(e, "list VLANs of bridge port number %d", index);
	}
	*ret = (struct vlan_entry *)(void *)l.out.data;
	*ret_n = l.out.len / sizeof(struct vlan_entry);
	return true;
}
