// SPDX-License-Identifier: Apache-2.0
/*
 * What a client says to DHCPv6 servers, how often, and through which socket: its state decides (RFC 8415, 7.6 and 15).
 */
#ifndef CRIMP_PLUGINS_IPAM_DHCP6_EXCHANGE_H
#define CRIMP_PLUGINS_IPAM_DHCP6_EXCHANGE_H

#include "plugins/ipam/dhcp_client.h"

/* IPv6 on the interface. */
bool exchange6_switch_on(const struct dhcp_client *c, int netns, struct err *e) MUST_CHECK;
/* The socket, in place of what was open. e->num EAGAIN: there is no link-local address yet that can be used. */
bool exchange6_open(struct dhcp_client *c, int netns, struct err *e) MUST_CHECK;
/* A new transaction in @state, that begins now; the socket stays. */
void exchange6_begin(struct dhcp_client *c, enum dhcp_state state);
bool exchange6_send(struct dhcp_client *c, enum dhcp_state as, struct err *e) MUST_CHECK;
/* How long to wait for an answer now; a try has begun. */
int64_t exchange6_pause(struct dhcp_client *c);
enum dhcp6_message exchange6_message(enum dhcp_state as);
/* Is it said to the server whose lease or offer this is, and to no other? */
bool exchange6_to_server(enum dhcp_state as);

#endif
