// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Where a lease lives: an interface in a container's namespace. The daemon holds no descriptor of it while there is
 * nothing to do, neither of the namespace nor a socket in it, for either would keep a dead container's namespace, with
 * its interfaces, alive until the lease ends. It opens the path anew for each piece of work, and does it only if it
 * finds what it found the first time: the same namespace (by the kernel's cookie, which is never used twice; by device
 * and inode before 5.14), with an interface of the same name, number and MAC. Everything else means that the container
 * is gone.
 */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_PLACE_H
#define CRIMP_PLUGINS_IPAM_DHCP_PLACE_H

#include "plugins/ipam/dhcp.h"

struct dhcp_place {
	uint64_t dev, ino, cookie;
	uint32_t index;
	struct mac mac;
	uint32_t mtu;
	bool raised;		/* it was down when it was opened, and was set up */
};

/* Open the namespace at @path and look at its interface @ifname, which is set up if it is down. */
bool dhcp_place_open(const char *path, const char *ifname, struct dhcp_place *ret, int *ret_netns,
		     struct err *e) MUST_CHECK;
bool dhcp_place_same(const struct dhcp_place *a, const struct dhcp_place *b);
/*
 * The same, of a place seen before (@seen->raised is what changes); set up only if @up. *ret_gone with the failure: it
 * is not there any more, or something else is.
 */
bool dhcp_place_reopen(const char *path, const char *ifname, struct dhcp_place *seen, bool up, int *ret_netns,
		       bool *ret_gone, struct err *e) MUST_CHECK;

/*
 * Take the address off, so that nobody answers for it when the interface comes up again, and the interface down, with
 * all its routes; if it is to be @kept, only the address and the routes of the lease go.
 */
bool dhcp_place_stop(int netns, const struct dhcp_place *p, const struct dhcp_lease *l, bool kept,
		     struct err *e) MUST_CHECK;
/*
 * The address and routes of a lease that was regained. The interface is up. Nobody's route is replaced: e->num EEXIST.
 */
bool dhcp_place_restore(int netns, const struct dhcp_place *p, const struct dhcp_lease *l, uint32_t priority,
			struct err *e) MUST_CHECK;

#endif
