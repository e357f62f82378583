// SPDX-License-Identifier: Apache-2.0
/* What an OFFER or ACK says about a lease: struct dhcp_lease, every option judged before it is believed. */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_LEASE_H
#define CRIMP_PLUGINS_IPAM_DHCP_LEASE_H

#include "plugins/ipam/dhcp.h"
#include "plugins/ipam/dhcp_packet.h"

/*
 * Fails without a usable address, subnet mask or server. Other options that are malformed count as absent, and times
 * that contradict each other (T1 <= T2 <= lease) as not given.
 */
bool dhcp_lease_read(struct arena *a, const struct dhcp_packet *p, struct dhcp_lease *ret, struct err *e) MUST_CHECK;

#endif
