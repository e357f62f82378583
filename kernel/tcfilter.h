// SPDX-License-Identifier: Apache-2.0
/*
 * Traffic control: filters on the way into an interface, and the one action that we use, sending a packet out of
 * another interface instead (rtnetlink RTM_*TFILTER; u32 with mirred). They hang below what qdisc_ingress() finds.
 */
#ifndef CRIMP_KERNEL_TCFILTER_H
#define CRIMP_KERNEL_TCFILTER_H

#include "kernel/qdisc.h"
#include "lib/arena.h"

struct tcfilter {
	char kind[16];
	uint16_t priority;	/* lower ones run earlier */
	uint16_t protocol;	/* ETH_P_*; ETH_P_ALL */
	bool all;		/* a u32 filter that every packet matches */
	int redirect;		/* number of the interface packets leave by instead; 0: no such action */
};
/* Filters of the way in, in the order in which they run; a filter that is a table of filters is several. */
bool tcfilter_list(struct nl *nl, struct arena *a, int index, const struct qdisc *on, struct tcfilter **ret,
		   size_t *ret_n, struct err *e) MUST_CHECK;
/* Everything that comes in goes out of interface number @to. */
bool tcfilter_add_redirect(struct nl *nl, int index, const struct qdisc *on, uint16_t priority, int to,
			   struct err *e) MUST_CHECK;
/* All u32 filters of that priority and of protocol "all". */
bool tcfilter_del(struct nl *nl, int index, const struct qdisc *on, uint16_t priority, struct err *e) MUST_CHECK;
/* Does the kernel know the action "mirred"? */
bool tcfilter_redirect_usable(struct nl *nl, struct err *e) MUST_CHECK;

#endif
