// SPDX-License-Identifier: Apache-2.0
/* Addresses on interfaces (RTM_*ADDR). */
#ifndef CRIMP_KERNEL_ADDR_H
#define CRIMP_KERNEL_ADDR_H

#include "kernel/nl.h"
#include "lib/arena.h"
#include "lib/ip.h"

struct addr {
	struct cidr cidr;
	int index;
	uint32_t flags;		/* IFA_F_* */
	uint8_t scope;
};

/* Append an RTM_NEWADDR (broadcast filled in for IPv4 prefixes shorter than /31; @flags IFA_F_NODAD...) to a batch. */
void addr_put_new(struct nl *nl, struct nlmsg *m, int index, const struct cidr *c, uint32_t flags);
/* e->num EEXIST */
bool addr_add(struct nl *nl, int index, const struct cidr *c, uint32_t flags, struct err *e) MUST_CHECK;
bool addr_del(struct nl *nl, int index, const struct cidr *c, struct err *e) MUST_CHECK;
/* Addresses of one interface, or of all with @index 0; family AF_UNSPEC, AF_INET or AF_INET6. */
bool addr_list(struct nl *nl, struct arena *a, int family, int index, struct addr **ret, size_t *ret_n,
	       struct err *e) MUST_CHECK;

#endif
