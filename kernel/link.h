// SPDX-License-Identifier: Apache-2.0
/* Network interfaces (rtnetlink RTM_*LINK). Indices are kernel ifindexes; MTU in bytes, 0 = leave to the kernel. */
#ifndef CRIMP_KERNEL_LINK_H
#define CRIMP_KERNEL_LINK_H

#include <net/if.h>

#include "kernel/nl.h"
#include "lib/arena.h"
#include "lib/ip.h"

struct link {
	int index;
	char name[IFNAMSIZ];
	char kind[16];		/* "veth", "bridge", ...; empty for physical ones */
	struct mac mac;
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
	char alias[256];
};

/* Fails with e->num ENODEV when there is none. */
bool link_get(struct nl *nl, const char *name, struct link *ret, struct err *e) MUST_CHECK;
bool link_get_index(struct nl *nl, int index, struct link *ret, struct err *e) MUST_CHECK;

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
 * Could interfaces of @kind be made here? Makes none: a request that is wrong in its last
 * detail is refused for that detail or earlier.
 */
bool link_kind_usable(struct nl *nl, const char *kind, struct err *e) MUST_CHECK;

/* Append "up" (or down) and a net/ipv4/conf knob by its number (IPV4_DEVCONF_ARP_NOTIFY...) to a batch. */
void link_put_up(struct nl *nl, struct nlmsg *m, int index, bool up);
void link_put_ipv4_conf(struct nl *nl, struct nlmsg *m, int index, uint16_t knob, uint32_t value);

/* ENODEV is a failure: callers decide */
bool link_del(struct nl *nl, int index, struct err *e) MUST_CHECK;
bool link_set_up(struct nl *nl, int index, bool up, struct err *e) MUST_CHECK;
bool link_set_master(struct nl *nl, int index, int master, struct err *e) MUST_CHECK;
/*
 * Has somebody set the MAC, so that it stays? rtnetlink does not say, sysfs does; where sysfs is absent, or another
 * namespace's, the answer is no.
 */
bool link_mac_is_set(const struct link *l);
bool link_set_mac(struct nl *nl, int index, const struct mac *mac, struct err *e) MUST_CHECK;
bool link_set_promisc(struct nl *nl, int index, bool on, struct err *e) MUST_CHECK;
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
