// SPDX-License-Identifier: Apache-2.0
/*
 * Leases on disk, for a daemon that is started anew: a JSON file per lease, named by a hash of whose it is. A lease
 * lives no longer than its container, and no container outlives the kernel, so the place for it is beside the socket,
 * under /run, and a file from another boot is debris.
 */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_STORE_H
#define CRIMP_PLUGINS_IPAM_DHCP_STORE_H

#include "plugins/ipam/dhcp_client.h"

/* Make the directory and lock it: *ret_lock is kept as long as the daemon lives. */
bool dhcp_store_open(const char *dir, int *ret_lock, struct err *e) MUST_CHECK;
bool dhcp_store_put(const struct dhcp_client *c, struct err *e) MUST_CHECK;
bool dhcp_store_drop(const struct dhcp_client *c, struct err *e) MUST_CHECK;
/*
 * Every lease of this boot becomes a client (not yet resumed); those of others, and damaged ones, are removed.
 * What cannot be read, or lies under a wrong name, is a failure for @say, and stays for people to look at.
 */
typedef void dhcp_store_found(struct dhcp_client *c, bool lost, void *arg);
bool dhcp_store_each(const struct dhcp_host *h, dhcp_store_found *found, void (*say)(const char *text), void *arg,
		     struct err *e) MUST_CHECK;

#endif
