// SPDX-License-Identifier: Apache-2.0
/* Policy routing rules (RTM_*RULE): which table answers for whom. */
#ifndef CRIMP_KERNEL_RULE_H
#define CRIMP_KERNEL_RULE_H

#include "kernel/nl.h"
#include "lib/arena.h"
#include "lib/ip.h"

struct rule {
	int family;
	struct cidr src;	/* valid if has_src; else the rule is for all sources */
	bool has_src;
	uint32_t table;		/* 0: of another action than "look into a table" */
	uint32_t priority;	/* on input 0: the kernel's choice, in front of all but the first */
	/* It asks for more than the source (destination, mark, interface, ...), or what it asks for is inverted. */
	bool conditional;
};

/* "from @src lookup @table". e->num EEXIST when there is one of the same priority; without a priority never. */
bool rule_add(struct nl *nl, const struct rule *r, struct err *e) MUST_CHECK;
/* Remove the first rule with that source, table and, unless 0, priority. e->num ENOENT: there is none. */
bool rule_del(struct nl *nl, const struct rule *r, struct err *e) MUST_CHECK;
/*
 * Rules of a family (AF_UNSPEC: of both; one that the kernel does not have has none), by priority within each.
 * e->num EOPNOTSUPP: a kernel without policy routing.
 */
bool rule_list(struct nl *nl, struct arena *a, int family, struct rule **ret, size_t *ret_n, struct err *e) MUST_CHECK;

/* May packets from @ip be led into r->table by it? */
bool rule_covers(const struct rule *r, const struct ip *ip);
/* Is it "from IP lookup TABLE", for just this address and nothing else? */
bool rule_is_of(const struct rule *r, const struct ip *ip);

#endif
