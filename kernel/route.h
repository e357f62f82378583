// SPDX-License-Identifier: Apache-2.0
/* Routes (RTM_*ROUTE). */
#ifndef CRIMP_KERNEL_ROUTE_H
#define CRIMP_KERNEL_ROUTE_H

#include "kernel/nl.h"
#include "lib/arena.h"
#include "lib/ip.h"

struct kroute {
	struct cidr dst;
	struct ip gw;		/* ip_is_unset(): none */
	struct ip src;		/* preferred source; ip_is_unset(): none */
	int oif;		/* 0: none */
	uint32_t table;		/* 0 on input means main (254) */
	uint32_t priority;	/* metric */
	/* RT_SCOPE_*; on input meaningful only if has_scope, else universe with a gateway and link without */
	uint8_t scope;
	bool has_scope;
	uint8_t type;		/* RTN_UNICAST when 0 */
	uint8_t protocol;	/* RTPROT_BOOT when 0 */
	uint32_t mtu, advmss;	/* metrics; 0: unset */
	uint32_t flags;		/* RTNH_F_ONLINK... */
};

/* Append an RTM_NEWROUTE with @nlm_flags (NLM_F_CREATE and NLM_F_EXCL / NLM_F_REPLACE / NLM_F_APPEND) to a batch. */
void route_put_new(struct nl *nl, struct nlmsg *m, const struct kroute *r, unsigned nlm_flags);
/* Append the RTM_DELROUTE of just this one: table, destination, metric, next hop, scope, type and protocol count. */
void route_put_del(struct nl *nl, struct nlmsg *m, const struct kroute *r);
bool route_add(struct nl *nl, const struct kroute *r, unsigned nlm_flags, struct err *e) MUST_CHECK;
/* e->num ESRCH: there is none. */
bool route_del(struct nl *nl, const struct kroute *r, struct err *e) MUST_CHECK;
/*
 * Routes of a family (AF_UNSPEC: both), of one table (0: all) and one interface (0: all); only RTN_UNICAST and
 * RTN_LOCAL.. as the kernel lists them.
 */
struct route_filter { int family; uint32_t table; int oif; };
bool route_list(struct nl *nl, struct arena *a, const struct route_filter *f, struct kroute **ret, size_t *ret_n,
		struct err *e) MUST_CHECK;
/* The route the kernel would take to @dst (RTM_GETROUTE lookup). */
bool route_to(struct nl *nl, const struct ip *dst, struct kroute *ret, struct err *e) MUST_CHECK;

#endif
