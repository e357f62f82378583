// SPDX-License-Identifier: Apache-2.0
/* Network interfaces (rtnetlink RTM_*LINK). Indices are kernel ifindexes; MTU in bytes, 0 = leave to the kernel. */
#ifndef CRIMP_KERNEL_LINK_H
#define CRIMP_KERNEL_LINK_H

#include <net/if.h>

#include "kernel/nl.h"
#include "lib/arena.h"
#include "lib/ip.h"

#define LINK_HWADDR_MAX 32	/* MAX_ADDR_LEN */

struct link {
	int index;
	char name[IFNAMSIZ];
	char kind[16];		/* "veth", "bridge", ...; empty for physical ones */
	struct mac mac;		/* of Ethernet; others have another length, or no address */
	uint8_t hwaddr[LINK_HWADDR_MAX], hwaddr_len;
	uint32_t mtu;
	uint32_t flags;		/* IFF_UP, IFF_PROMISC... */
	uint32_t promiscuity;
	uint32_t txqlen;
	int master;		/* 0: none */
	int peer;		/* IFLA_LINK: index of the veth's other end or of the lower device; 0: none */
	int peer_nsid;		/* IFLA_LINK_NETNSID, -1: same namespace or unknown */
	uint8_t operstate;	/* IF_OPER_* */
	bool vlan_filtering, stp;	/* bridges; @stp: a spanning tree decides which ports forward */
	bool hairpin, isolated;	/* bridge ports */
	uint8_t port_state;	/* BR_STATE_* of a bridge port */
	/* of the kind: MACVLAN_MODE_*, IPVLAN_MODE_*; a VLAN's number; a VRF's table */
	uint32_t mode;
	uint16_t vlan_id;
	uint32_t table;
	char alias[256];
};

/* Fails with e->num ENODEV when there is none. */
bool link_get(struct nl *nl, const char *name, struct link *ret, struct err *e) MUST_CHECK;
bool link_get_index(struct nl *nl, int index, struct link *ret, struct err *e) MUST_CHECK;
/* By name or alternative name, which may have up to 127 characters. */
bool link_find(struct nl *nl, const char *name, struct link *ret, struct err *e) MUST_CHECK;
/* "aa:bb:..", of whatever length the interface's hardware has; "" if none. */
#define LINK_HWADDR_TEXT_MAX (3 * LINK_HWADDR_MAX)
char *link_hwaddr_text(const struct link *l, char dst[static LINK_HWADDR_TEXT_MAX]);

/*
 * A veth pair made in place by one message: our end here, with its master, MAC, MTU, and up; the peer in
 * @peer_netns with its own name and MAC (it cannot be made up: ENOTCONN). EEXIST when either name is
 * taken: e->text says which if the kernel does.
 */
struct veth_new {
	const char *name, *peer_name;
	struct mac mac, peer_mac;
	uint32_t mtu;
	int master;		/* index of a bridge, or 0 */
	int peer_netns;		/* descriptor; -1: this namespace too */
};
bool link_veth_add(struct nl *nl, const struct veth_new *v, int *ret_index, int *ret_peer_index,
		   struct err *e) MUST_CHECK;

struct bridge_new {
	const char *name;
	struct mac mac;		/* unset: that of its ports */
	uint32_t mtu;
	bool vlan_filtering;
	bool down;		/* leave it down: there is something to set before */
};
/* Makes it, up unless @down. e->num EEXIST if something of that name is there. */
bool link_bridge_add(struct nl *nl, const struct bridge_new *b, struct err *e) MUST_CHECK;
bool link_bridge_vlan_filtering(struct nl *nl, int index, bool on, struct err *e) MUST_CHECK;

/*
 * An interface that hangs on another one (macvlan, ipvlan, vlan) or on nothing (dummy, vrf, ifb).
 */
struct link_new {
	const char *kind, *name;
	/*
	 * With @netns: what it is called until it is where it will live. The kernel looks for a name's owner in the
	 * namespace of the request, where a node's own "eth0" is no reason to refuse a container's.
	 */
	const char *temporary;
	int netns;		/* descriptor of where it is to appear; -1: where @nl is */
	int lower;		/* number of what it hangs on, in @nl's namespace; 0: nothing */
	struct mac mac;		/* unset: the kernel's choice */
	uint32_t mtu;
	bool up;
	uint32_t mode;		/* of macvlan and ipvlan */
	uint32_t bcqueuelen;	/* of macvlan; 0: the kernel's choice */
	uint16_t vlan_id;
	uint32_t table;		/* of a VRF */
};
#define LINK_NEW ((struct link_new){ .netns = -1 })
/*
 * Makes it. @there is a socket in the namespace where it appears (@nl itself without @netns), and @ret what it then is.
 * e->num EEXIST if the name is taken. A failure leaves nothing; being killed may leave @temporary there.
 */
bool link_add(struct nl *nl, const struct link_new *n, struct nl *there, struct link *ret, struct err *e) MUST_CHECK;

/*
 * Could interfaces of @kind be made here? Makes none: a request that is wrong in its last
 * detail is refused for that detail or earlier.
 */
bool link_kind_usable(struct nl *nl, const char *kind, struct err *e) MUST_CHECK;

/* Append "up" (or down) and a net/ipv4/conf knob by its number (IPV4_DEVCONF_ARP_NOTIFY...) to a batch. */
void link_put_up(struct nl *nl, struct nlmsg *m, int index, bool up);
void link_put_ipv4_conf(struct nl *nl, struct nlmsg *m, int index, uint16_t knob, uint32_t value);

/* ENODEV is a failure: callers decide, by link_gone_is_fine(). */
bool link_del(struct nl *nl, int index, struct err *e) MUST_CHECK;
/* @ok, or @why says that the interface is not there any more; else @why becomes @e. */
bool link_gone_is_fine(bool ok, const struct err *why, struct err *e) MUST_CHECK;
bool link_set_up(struct nl *nl, int index, bool up, struct err *e) MUST_CHECK;
bool link_set_master(struct nl *nl, int index, int master, struct err *e) MUST_CHECK;
/*
 * Has somebody set the MAC, so that it stays? rtnetlink does not say, sysfs does; where sysfs is absent, or another
 * namespace's, the answer is no.
 */
bool link_mac_is_set(const struct link *l);
bool link_set_mac(struct nl *nl, int index, const struct mac *mac, struct err *e) MUST_CHECK;
bool link_set_promisc(struct nl *nl, int index, bool on, struct err *e) MUST_CHECK;
bool link_set_allmulti(struct nl *nl, int index, bool on, struct err *e) MUST_CHECK;
bool link_set_mtu(struct nl *nl, int index, uint32_t mtu, struct err *e) MUST_CHECK;
bool link_set_txqlen(struct nl *nl, int index, uint32_t packets, struct err *e) MUST_CHECK;
/* "" takes the alias away. */
bool link_set_alias(struct nl *nl, int index, const char *alias, struct err *e) MUST_CHECK;
/* The interface must be down on kernels before 6.2. e->num EEXIST if the name is taken. */
bool link_rename(struct nl *nl, int index, const char *name, struct err *e) MUST_CHECK;
/*
 * Into the namespace @netns, under @name (NULL: the one it has), in one step; it arrives down and without addresses.
 * Waits for a grace period of the kernel (10 to 20 ms). e->num EEXIST if the name is taken there.
 */
bool link_move(struct nl *nl, int index, int netns, const char *name, struct err *e) MUST_CHECK;
/* The same, with the number @number there if that is free (Linux 5.13), else one that the kernel chooses. */
bool link_move_as(struct nl *nl, int index, int netns, const char *name, int number, struct err *e) MUST_CHECK;
/* Every interface of the namespace, or those below @master only (0: all). */
bool link_list(struct nl *nl, struct arena *a, int master, struct link **ret, size_t *ret_n, struct err *e) MUST_CHECK;
/* Bridge port flags (IFLA_PROTINFO). */
struct port_flags { bool hairpin, isolated; };
bool link_set_port_flags(struct nl *nl, int index, struct port_flags f, struct err *e) MUST_CHECK;

/* VLANs of one bridge port (AF_BRIDGE RTM_SETLINK/DELLINK), without dumping anybody else's. */
struct vlan_entry { uint16_t first, last; bool pvid, untagged; };
bool link_port_vlans(struct nl *nl, struct arena *a, int index, struct vlan_entry **ret, size_t *ret_n,
		     struct err *e) MUST_CHECK;
bool link_port_vlan_add(struct nl *nl, int index, const struct vlan_entry *v, size_t n, struct err *e) MUST_CHECK;
bool link_port_vlan_del(struct nl *nl, int index, const struct vlan_entry *v, size_t n, struct err *e) MUST_CHECK;

/* A locally administered, unicast random address; "veth" + 8 hex digits. */
struct mac link_random_mac(void);
void link_random_veth_name(char dst[static IFNAMSIZ]);

#endif
