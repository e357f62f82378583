// SPDX-License-Identifier: Apache-2.0
#include "kernel/link_kind.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

#define ADDR_SET 3	/* NET_ADDR_SET, which the kernel does not export */
#define ALTIFNAMSIZ 128	/* linux/if.h, which has it, and net/if.h exclude each other */

// ---- reading ----

static void read_kind(const struct nl_attr *info, struct link *ret)
{
	struct nl_attr tb[IFLA_INFO_SLAVE_DATA + 1], data[IFLA_BR_MAX + 1], port[IFLA_BRPORT_MAX + 1];
	struct err ignored;

	if (!info->there || !nl_parse(info->data, info->len, tb, IFLA_INFO_SLAVE_DATA, &ignored))
		return;
	snprintf(ret->kind, sizeof(ret->kind), "%s", nl_str(&tb[IFLA_INFO_KIND]));
	if (str_eq(ret->kind, "bridge") && tb[IFLA_INFO_DATA].there &&
	    nl_parse(tb[IFLA_INFO_DATA].data, tb[IFLA_INFO_DATA].len, data, IFLA_BR_MAX, &ignored)) {
		ret->vlan_filtering = nl_u8(&data[IFLA_BR_VLAN_FILTERING]);
		ret->stp = nl_u32(&data[IFLA_BR_STP_STATE]);
	}
	if (str_eq(nl_str(&tb[IFLA_INFO_SLAVE_KIND]), "bridge") && tb[IFLA_INFO_SLAVE_DATA].there &&
	    nl_parse(tb[IFLA_INFO_SLAVE_DATA].data, tb[IFLA_INFO_SLAVE_DATA].len, port, IFLA_BRPORT_MAX, &ignored)) {
		ret->hairpin = nl_u8(&port[IFLA_BRPORT_MODE]);
		ret->isolated = nl_u8(&port[IFLA_BRPORT_ISOLATED]);
		ret->port_state = nl_u8(&port[IFLA_BRPORT_STATE]);
	}
	if (tb[IFLA_INFO_DATA].there)
		link_read_kind(&tb[IFLA_INFO_DATA], ret);
}

static bool link_decode(const struct nlmsghdr *h, struct link *ret, struct err *e)
{
	const struct ifinfomsg *ifi = NLMSG_DATA(h);
	struct nl_attr tb[IFLA_LINK_NETNSID + 1];

	if (!nl_parse_msg(h, sizeof(*ifi), tb, IFLA_LINK_NETNSID, e))
		return false;
	*ret = (struct link){
		.index = ifi->ifi_index,
		.flags = ifi->ifi_flags,
		.mtu = nl_u32(&tb[IFLA_MTU]),
		.promiscuity = nl_u32(&tb[IFLA_PROMISCUITY]),
		.txqlen = nl_u32(&tb[IFLA_TXQLEN]),
		.master = (int)nl_u32(&tb[IFLA_MASTER]),
		.peer = (int)nl_u32(&tb[IFLA_LINK]),
		.peer_nsid = tb[IFLA_LINK_NETNSID].there ? (int)nl_u32(&tb[IFLA_LINK_NETNSID]) : -1,
		.operstate = nl_u8(&tb[IFLA_OPERSTATE]),
	};
	snprintf(ret->name, sizeof(ret->name), "%s", nl_str(&tb[IFLA_IFNAME]));
	snprintf(ret->alias, sizeof(ret->alias), "%s", nl_str(&tb[IFLA_IFALIAS]));
	if (tb[IFLA_ADDRESS].len == sizeof(ret->mac.b))
		memcpy(ret->mac.b, tb[IFLA_ADDRESS].data, sizeof(ret->mac.b));
	if (tb[IFLA_ADDRESS].there && tb[IFLA_ADDRESS].len <= sizeof(ret->hwaddr)) {
		memcpy(ret->hwaddr, tb[IFLA_ADDRESS].data, tb[IFLA_ADDRESS].len);
		ret->hwaddr_len = (uint8_t)tb[IFLA_ADDRESS].len;
	}
	read_kind(&tb[IFLA_LINKINFO], ret);
	/* Older kernels leave that number out when it is the interface's own, though in another namespace. */
	if (!tb[IFLA_LINK].there && tb[IFLA_LINK_NETNSID].there)
		ret->peer = ret->index;
	return true;
}

static bool is_link(const struct nlmsghdr *h)
{
	return h->nlmsg_type == RTM_NEWLINK && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg));
}

static bool link_take_one(const struct nlmsghdr *h, void *arg, struct err *e)
{
	return is_link(h) ? link_decode(h, arg, e) : true;
}

static bool get(struct nl *nl, int index, const char *name, struct link *ret, struct err *e)
{
	NLMSG_ON_STACK(m, 256);
	struct ifinfomsg ifi = { .ifi_index = index };
	struct link found = { 0 };

	nl_begin(nl, &m, RTM_GETLINK, 0, &ifi, sizeof(ifi));
	if (name)
		nl_put_str(&m, strlen(name) < IFNAMSIZ ? IFLA_IFNAME : IFLA_ALT_IFNAME, name);
	nl_put_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (!nl_send(nl, &m, link_take_one, &found, NULL, e))
		return false;
	if (!found.index)
		return fail(e, ENODEV, "the kernel described no interface");
	*ret = found;
	return true;
}

bool link_get(struct nl *nl, const char *name, struct link *ret, struct err *e)
{
	/* The kernel would say ERANGE; there is no such interface, and that is what callers decide on. */
	if (strlen(name) >= IFNAMSIZ)
		return fail(e, ENODEV, "find interface %s", name);
	return get(nl, 0, name, ret, e) || wrap(e, "find interface %s", name);
}

bool link_get_index(struct nl *nl, int index, struct link *ret, struct err *e)
{
	return get(nl, index, NULL, ret, e) || wrap(e, "find interface number %d", index);
}

bool link_find(struct nl *nl, const char *name, struct link *ret, struct err *e)
{
	if (strlen(name) >= ALTIFNAMSIZ)
		return fail(e, ENODEV, "find interface %s", name);
	return get(nl, 0, name, ret, e) || wrap(e, "find interface %s", name);
}

char *link_hwaddr_text(const struct link *l, char dst[static LINK_HWADDR_TEXT_MAX])
{
	dst[0] = '\0';
	for (size_t i = 0; i < l->hwaddr_len; i++)
		snprintf(dst + (i ? 3 * i - 1 : 0), 4, "%s%02x", i ? ":" : "", l->hwaddr[i]);
	return dst;
}

struct list {
	struct arena *a;
	struct link *v;
	size_t n, cap;
};

static bool list_take(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct list *l = arg;

	if (!is_link(h))
		return true;
	if (l->n == l->cap)
		l->v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof(*l->v));
	return link_decode(h, &l->v[l->n], e) && (l->n++, true);
}

static void list_again(void *arg)
{
	((struct list *)arg)->n = 0;
}

bool link_list(struct nl *nl, struct arena *a, int master, struct link **ret, size_t *ret_n, struct err *e)
{
	NLMSG_ON_STACK(m, 128);
	struct ifinfomsg ifi = { 0 };
	struct list l = { .a = a };

	nl_begin(nl, &m, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi));
	nl_put_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (master)
		nl_put_u32(&m, IFLA_MASTER, (uint32_t)master);
	if (!nl_dump(nl, &m, list_take, list_again, &l, e))
		return wrap(e, "list interfaces");
	*ret = l.v;
	*ret_n = l.n;
	return true;
}

// ---- changing ----

void link_put_up(struct nl *nl, struct nlmsg *m, int index, bool up)
{
	struct ifinfomsg ifi = { .ifi_index = index, .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP };

	nl_begin(nl, m, RTM_NEWLINK, 0, &ifi, sizeof(ifi));
}

void link_put_ipv4_conf(struct nl *nl, struct nlmsg *m, int index, uint16_t knob, uint32_t value)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_begin(nl, m, RTM_SETLINK, 0, &ifi, sizeof(ifi));
	NL_NEST(m, IFLA_AF_SPEC) {
		NL_NEST(m, AF_INET) {
			NL_NEST(m, IFLA_INET_CONF)
				nl_put_u32(m, knob, value);
		}
	}
}

bool link_del(struct nl *nl, int index, struct err *e)
{
	NLMSG_ON_STACK(m, 64);
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_begin(nl, &m, RTM_DELLINK, 0, &ifi, sizeof(ifi));
	return nl_ask(nl, &m, e) || wrap(e, "delete interface number %d", index);
}

bool link_gone_is_fine(bool ok, const struct err *why, struct err *e)
{
	if (ok || why->num == ENODEV)
		return true;
	*e = *why;
	return false;
}

static bool set_flags(struct nl *nl, int index, uint32_t flags, uint32_t change, struct err *e)
{
	NLMSG_ON_STACK(m, 64);
	struct ifinfomsg ifi = { .ifi_index = index, .ifi_flags = flags, .ifi_change = change };

	nl_begin(nl, &m, RTM_NEWLINK, 0, &ifi, sizeof(ifi));
	return nl_ask(nl, &m, e);
}

bool link_set_up(struct nl *nl, int index, bool up, struct err *e)
{
	if (set_flags(nl, index, up ? IFF_UP : 0, IFF_UP, e))
		return true;
	return wrap(e, "set interface number %d %s", index, up ? "up" : "down");
}

bool link_set_promisc(struct nl *nl, int index, bool on, struct err *e)
{
	if (set_flags(nl, index, on ? IFF_PROMISC : 0, IFF_PROMISC, e))
		return true;
	return wrap(e, "set promiscuous mode of interface number %d", index);
}

static bool set_attribute(struct nl *nl, int index, uint16_t type, const void *data, size_t len, struct err *e)
{
	NLMSG_ON_STACK(m, 128);
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_begin(nl, &m, RTM_SETLINK, 0, &ifi, sizeof(ifi));
	nl_put(&m, type, data, len);
	return nl_ask(nl, &m, e);
}

bool link_set_allmulti(struct nl *nl, int index, bool on, struct err *e)
{
	if (set_flags(nl, index, on ? IFF_ALLMULTI : 0, IFF_ALLMULTI, e))
		return true;
	return wrap(e, "set reception of all multicast of interface number %d", index);
}

bool link_set_master(struct nl *nl, int index, int master, struct err *e)
{
	uint32_t v = (uint32_t)master;

	if (set_attribute(nl, index, IFLA_MASTER, &v, sizeof(v), e))
		return true;
	return wrap(e, "set master %d of interface number %d", master, index);
}

bool link_set_mtu(struct nl *nl, int index, uint32_t mtu, struct err *e)
{
	if (set_attribute(nl, index, IFLA_MTU, &mtu, sizeof(mtu), e))
		return true;
	return wrap(e, "set MTU %u of interface number %d", mtu, index);
}

bool link_set_txqlen(struct nl *nl, int index, uint32_t packets, struct err *e)
{
	if (set_attribute(nl, index, IFLA_TXQLEN, &packets, sizeof(packets), e))
		return true;
	return wrap(e, "set transmit queue length %u of interface number %d", packets, index);
}

bool link_set_alias(struct nl *nl, int index, const char *alias, struct err *e)
{
	NLMSG_ON_STACK(m, 512);
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_begin(nl, &m, RTM_SETLINK, 0, &ifi, sizeof(ifi));
	nl_put(&m, IFLA_IFALIAS, alias, strlen(alias));
	return nl_ask(nl, &m, e) || wrap(e, "set alias of interface number %d", index);
}

bool link_rename(struct nl *nl, int index, const char *name, struct err *e)
{
	if (set_attribute(nl, index, IFLA_IFNAME, name, strlen(name) + 1, e))
		return true;
	return wrap(e, "rename interface number %d to %s", index, name);
}

static bool move(struct nl *nl, int index, int netns, const char *name, int number, struct err *e)
{
	NLMSG_ON_STACK(m, 128);
	struct ifinfomsg ifi = { .ifi_index = index };

	nl_begin(nl, &m, RTM_SETLINK, 0, &ifi, sizeof(ifi));
	nl_put_u32(&m, IFLA_NET_NS_FD, (uint32_t)netns);
	if (name)
		nl_put_str(&m, IFLA_IFNAME, name);
	if (number)
		nl_put_u32(&m, IFLA_NEW_IFINDEX, (uint32_t)number);
	return nl_ask(nl, &m, e) || wrap(e, "move interface number %d to another namespace", index);
}

bool link_move(struct nl *nl, int index, int netns, const char *name, struct err *e)
{
	return move(nl, index, netns, name, 0, e);
}

bool link_move_as(struct nl *nl, int index, int netns, const char *name, int number, struct err *e)
{
	struct err why = ERR_INIT;

	if (move(nl, index, netns, name, number, &why))
		return true;
	if (number && (why.num == EBUSY || why.num == EINVAL))
		return move(nl, index, netns, name, 0, e);
	*e = why;
	return false;
}

static bool sysfs_says(const char *ifname, const char *file, int number)
{
	char path[64 + IFNAMSIZ], text[16], want[16];
	autoclose int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", ifname, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	snprintf(want, sizeof(want), "%d\n", number);
	return str_eq(text, want);
}

bool link_mac_is_set(const struct link *l)
{
	return sysfs_says(l->name, "ifindex", l->index) && sysfs_says(l->name, "addr_assign_type", ADDR_SET);
}

bool link_set_mac(struct nl *nl, int index, const struct mac *mac, struct err *e)
{
	char text[MAC_TEXT_MAX];

	if (set_attribute(nl, index, IFLA_ADDRESS, mac->b, sizeof(mac->b), e))
		return true;
	return wrap(e, "set MAC %s of interface number %d", mac_text(mac, text), index);
}

/*
 * No driver accepts that MTU (since Linux 4.10; before, no name may be "."), and the kernel looks at it after
 * everything that may make the kind unusable.
 */
bool link_kind_usable(struct nl *nl, const char *kind, struct err *e)
{
	NLMSG_ON_STACK(m, 128);
	struct ifinfomsg ifi = { 0 };
	struct err why = ERR_INIT;

	nl_begin(nl, &m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi));
	nl_put_str(&m, IFLA_IFNAME, ".");
	nl_put_u32(&m, IFLA_MTU, INT32_MAX);
	NL_NEST(&m, IFLA_LINKINFO)
		nl_put_str(&m, IFLA_INFO_KIND, kind);
	if (nl_ask(nl, &m, &why) || why.num == EINVAL || why.num == ERANGE)
		return true;
	*e = why;
	return wrap(e, "the kernel cannot make interfaces of kind %s", kind);
}

// ---- names ----

struct mac link_random_mac(void)
{
	struct mac m;

	fs_random(m.b, sizeof(m.b));
	m.b[0] = (uint8_t)((m.b[0] & 0xfe) | 0x02);
	return m;
}

void link_random_veth_name(char dst[static IFNAMSIZ])
{
	uint8_t r[4];

	fs_random(r, sizeof(r));
	memcpy(dst, "veth", 4);
	str_hex(dst + 4, r, sizeof(r));
}
