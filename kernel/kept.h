// SPDX-License-Identifier: Apache-2.0
/* What an interface has in its namespace and loses when it leaves: noted before, given back after its return. */
#ifndef CRIMP_KERNEL_KEPT_H
#define CRIMP_KERNEL_KEPT_H

#include "kernel/knobs.h"
#include "kernel/link.h"

struct kept_msg {
	struct nlmsghdr *h;
	uint32_t left;	/* of a route that ends: seconds; else 0 */
};

struct kept_msgs {
	struct kept_msg *v;
	size_t n, cap;
};

struct kept {
	struct arena *arena;
	struct link link;	/* as it was */
	int64_t noted_ms;	/* fs_now_ms() */
	struct knobs knobs;
	struct kept_msgs addrs, neighs, routes;
	struct nl_attr port;	/* what the master says of it: IFLA_INFO_SLAVE_DATA */
	const char *port_kind;
	struct vlan_entry *vlans;
	size_t n_vlans;
};

/* @l and the calling thread are in @nl's namespace. */
bool kept_note(struct nl *nl, struct arena *a, const struct link *l, struct kept *ret, struct err *e) MUST_CHECK;
/*
 * The interface is in the same namespace and has its name again, is down, and now has the number @index: alias, MTU,
 * knobs, master and what that knew of it, addresses, up, routes, permanent neighbours. Goes on after a failure.
 */
bool kept_give_back(struct nl *nl, const struct kept *k, int index, struct err *e) MUST_CHECK;

#endif
