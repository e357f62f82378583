// SPDX-License-Identifier: Apache-2.0
/* What an OFFER or ACK says about a lease: struct dhcp_lease, every option judged before it is believed. */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_LEASE_H
#define CRIMP_PLUGINS_IPAM_DHCP_LEASE_H

#include "plugins/ipam/dhcp.h"
#include "plugins/ipam/dhcp_packet.h"

/* Less is not a lease but a way to keep us busy. */
#define DHCP_LEASE_S_MIN 4
#define DHCP_RENEW_S_MIN 2

/*
 * May this be taken? For an OFFER and an ACK alike: an address that a host of its subnet can have (the mask counts if
 * it is given) and that is neither the server's nor a router's; if a time is given, one that is worth renewing.
 */
bool dhcp_lease_judge(struct arena *a, const struct dhcp_packet *p, struct err *e) MUST_CHECK;

/*
 * Fails without a usable address, subnet mask or server. Other options that are malformed count as absent, and times
 * that contradict each other (T1 <= T2 <= lease) as not given. T1 is never less than DHCP_RENEW_S_MIN.
 */
bool dhcp_lease_read(struct arena *a, const struct dhcp_packet *p, struct dhcp_lease *ret, struct err *e) MUST_CHECK;

/* What may stand in a label of a name of either family: names go into files that are read line by line. */
bool dhcp_label_char(uint8_t c);

#endif
