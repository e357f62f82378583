// SPDX-License-Identifier: Apache-2.0
/* Telling the neighbours who has an address now: gratuitous ARP (RFC 5227 section 3) and unsolicited neighbour
 * advertisements (RFC 4861 section 7.2.6). */
#ifndef CRIMP_KERNEL_ANNOUNCE_H
#define CRIMP_KERNEL_ANNOUNCE_H

#include "lib/ip.h"

/*
 * Announce @n addresses of interface number @index of the calling thread's namespace, several times within two seconds,
 * from a child that nobody waits for. It ends as soon as the interface is gone, and holds the namespace until then.
 * Best effort: an interface that knows no neighbours (no Ethernet, IFF_NOARP) announces nothing.
 */
void announce(int index, const struct ip *addrs, size_t n);

#endif
