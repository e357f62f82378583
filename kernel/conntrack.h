// SPDX-License-Identifier: Apache-2.0
/* Connection tracking entries (ctnetlink). */
#ifndef CRIMP_KERNEL_CONNTRACK_H
#define CRIMP_KERNEL_CONNTRACK_H

#include "kernel/nl.h"
#include "lib/ip.h"

/*
 * Forget every entry of @protocol (IPPROTO_UDP...) whose original destination port is @port, and, unless NULL or
 * ip_is_unset(), whose original destination is @dst. @family AF_INET or AF_INET6. One filtered flush where the kernel
 * can (6.9+), else a dump and deletions. No entry is success.
 */
bool conntrack_flush_port(struct nl *nl, int family, uint8_t protocol, uint16_t port, const struct ip *dst,
		struct err *e) MUST_CHECK;
/* The second way by itself: what older kernels get. */
bool conntrack_flush_port_listed(struct nl *nl, int family, uint8_t protocol, uint16_t port, const struct ip *dst,
		struct err *e) MUST_CHECK;

#endif
