// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * One lease of an IPv6 address, by RFC 8415. It is a struct dhcp_client as well, in the same states, the same list and
 * the same store; the functions of dhcp_client.h lead here when that is what was asked for.
 *
 *	state       has                        the timer means
 *	SELECTING   no socket                  look whether the link-local address can be used by now
 *	SELECTING   socket                     send SOLICIT again, or take the best of the ADVERTISEs
 *	REQUESTING  socket, server             send REQUEST again; after -timeout back to SELECTING, or renewing
 *	BOUND       REPLY                      T1
 *	RENEWING    REPLY; socket while a try runs    next RENEW, to the server alone, until T2
 *	REBINDING   REPLY; socket while a try runs    next REBIND, to any server, until the lease ends
 *	LOST        the REPLY of before        the next attempt to regain the address
 *	RELEASING   socket                     send RELEASE again, or give up
 *
 * One UDP socket, of port 546 and the link-local address, does everything: all that a client says goes to the multicast
 * address of servers. The kernel makes the link-local address when the interface comes up, and tries for a second or
 * two whether it is alone with it; before that it cannot be used. Pauses are those of section 15, but a client does
 * not wait before its first SOLICIT (probing the address has spread clients already), and gives up a RELEASE sooner,
 * because a DEL waits for it.
 *
 * A server that has forgotten the lease (NoBinding) is asked for the address as if it were new, by REQUEST. That takes
 * nothing from the lease that runs: when it brings no other, the client is RENEWING or REBINDING as before, until the
 * end.
 *
 * When a lease ends, the address is taken off the interface, which stays up: it may have others. The client goes on
 * asking for that address, and puts it back when it gets it.
 */
#ifndef CRIMP_PLUGINS_IPAM_DHCP6_CLIENT_H
#define CRIMP_PLUGINS_IPAM_DHCP6_CLIENT_H

#include "plugins/ipam/dhcp_client.h"

/* What a client of this family needs in addition. ask, id and the paths are set. */
void dhcp6_client_init(struct dhcp_client *c);
/* As the functions of dhcp_client.h. */
bool dhcp6_client_start(struct dhcp_client *c, const struct dhcp_client *old, struct err *e) MUST_CHECK;
bool dhcp6_client_resume(struct dhcp_client *c, bool lost, struct err *e) MUST_CHECK;
void dhcp6_client_release(struct dhcp_client *c);
bool dhcp6_client_lease(const struct dhcp_client *c, struct arena *a, struct dhcp_lease *ret, struct err *e) MUST_CHECK;

#endif
