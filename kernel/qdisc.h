// SPDX-License-Identifier: Apache-2.0
/*
 * Traffic control: queueing disciplines (rtnetlink RTM_*QDISC). Rates are bytes per second, sizes bytes, times of the
 * token bucket ticks of the kernel's packet scheduler (/proc/net/psched).
 */
#ifndef CRIMP_KERNEL_QDISC_H
#define CRIMP_KERNEL_QDISC_H

#include "kernel/nl.h"

#define QDISC_OURS 0x10000	/* handle 1: */
#define QDISC_INGRESS 0xffff0000 /* handle ffff:, of "ingress" and of "clsact" */

struct tbf {
	uint64_t rate;
	uint32_t buffer;	/* how long the burst takes at that rate, in ticks */
	uint32_t limit;		/* bytes that may wait for tokens, the burst included */
};
/*
 * The figures for @rate, @burst bytes and packets that wait at most 25 ms, as the reference computes them: in floating
 * point, cut to microseconds and to ticks, and of a burst that takes more ticks than the kernel counts (275 s) the low
 * 32 bits, as long as these still let a packet of 64 KiB through. Neither @rate nor @burst is 0.
 */
struct tbf tbf_figures(uint64_t rate, uint32_t burst);

struct qdisc {
	char kind[16];		/* "" if there is none but the kernel's own */
	uint32_t handle;
	bool is_tbf;
	struct tbf tbf;
};
/* At the root of an interface / on its way in ("ingress", "clsact"). None is no failure. */
bool qdisc_root(struct nl *nl, int index, struct qdisc *ret, struct err *e) MUST_CHECK;
bool qdisc_ingress(struct nl *nl, int index, struct qdisc *ret, struct err *e) MUST_CHECK;

/* e->num EEXIST if somebody has put one there already. Handles are QDISC_OURS and QDISC_INGRESS. */
bool qdisc_add_tbf(struct nl *nl, int index, const struct tbf *t, struct err *e) MUST_CHECK;
bool qdisc_add_ingress(struct nl *nl, int index, struct err *e) MUST_CHECK;
/* What is there, if it is called QDISC_OURS; whatever is on the way in. */
bool qdisc_del_root(struct nl *nl, int index, struct err *e) MUST_CHECK;
bool qdisc_del_ingress(struct nl *nl, int index, struct err *e) MUST_CHECK;

/* Could a qdisc of @kind be made? Makes none: the request names a kind, and lacks what every kind needs. */
bool qdisc_kind_usable(struct nl *nl, const char *kind, struct err *e) MUST_CHECK;

#endif
