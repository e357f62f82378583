// SPDX-License-Identifier: Apache-2.0
/* A veth pair between node and container: how it comes to be, how it is found again, how it goes. */
#ifndef CRIMP_PLUGINS_PAIR_H
#define CRIMP_PLUGINS_PAIR_H

#include "cni/plugin.h"
#include "kernel/link.h"

struct pair {
	int index, peer;	/* our end here, the other in the container */
	char name[IFNAMSIZ];	/* ours: "veth" and 8 hex digits */
	struct mac mac, peer_mac;
};

/*
 * Makes it in place: our end under a random name and up, the peer called @ifname in the namespace @netns, down. A
 * peer's MAC that is unset is random. The failure says so when the container has an interface of that name.
 */
struct pair_new { const char *ifname; int netns, master; struct mac peer_mac; uint32_t mtu; };
bool pair_add(struct nl *nl, const struct pair_new *n, struct pair *ret, struct err *e) MUST_CHECK;

/*
 * DEL: by CNI_IFNAME in the container; when that namespace is gone, by name and MAC of our end, @f of prevResult (NULL:
 * nobody knows). Only a veth is deleted: after an ADD that was refused because the name was taken, DEL meets what took
 * it. Nothing there is success.
 */
bool pair_del(const struct request *r, const struct result_interface *f, struct err *e) MUST_CHECK;

#endif
