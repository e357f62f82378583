// SPDX-License-Identifier: Apache-2.0
/*
 * What a client says to DHCP servers, and through which socket: its state decides how a message is made and where it
 * goes. That is IPv4's (dhcp6_exchange.h has the other), but for the beginning and the end, which serve both.
 */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_EXCHANGE_H
#define CRIMP_PLUGINS_IPAM_DHCP_EXCHANGE_H

#include "plugins/ipam/dhcp_client.h"

/* A new transaction, that begins now; of either family. */
void exchange_begin(struct dhcp_client *c);
/* Answers come by this socket from now on, in place of what was open; success takes *@fd. Of either family. */
bool exchange_listen(struct dhcp_client *c, int *fd, struct err *e) MUST_CHECK;
/* The packet socket of this transaction, in place of what was open. */
bool exchange_raw(struct dhcp_client *c, int netns, struct err *e) MUST_CHECK;
/* The UDP socket of the leased address. e->num EADDRNOTAVAIL: the interface does not have it. */
bool exchange_udp(struct dhcp_client *c, int netns, struct err *e) MUST_CHECK;
/* Of either family. */
void exchange_close(struct dhcp_client *c);

/* Send what is said in state @as: through the UDP socket if it is open. */
bool exchange_send(struct dhcp_client *c, enum dhcp_state as, struct err *e) MUST_CHECK;
enum dhcp_message exchange_message(enum dhcp_state as);
/* Do all options go into one message? */
bool exchange_fits(const struct dhcp_client *c, struct err *e) MUST_CHECK;

#endif
