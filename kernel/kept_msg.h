// SPDX-License-Identifier: Apache-2.0
/* Inside of kernel/kept.c: what the kernel has listed, as requests that make it again. */
#ifndef CRIMP_KERNEL_KEPT_MSG_H
#define CRIMP_KERNEL_KEPT_MSG_H

#include "kernel/kept.h"

/* How the messages of a kind are read and made fit to be sent. */
struct kept_kind {
	uint16_t type;		/* RTM_NEW... */
	size_t fixed;		/* size of the family header */
	uint64_t drop;		/* attributes that are not part of a request, as bits */
	bool (*wanted)(const struct nlmsghdr *h, int index);
	/* @m is a copy; where it names the interface @from, it is to name @to. */
	void (*tidy)(struct kept_msg *m, int from, int to);
};

/* The answers to the dump @m that @k wants, about the interface @index, as if that were @as. */
bool kept_list(struct nl *nl, struct arena *a, const struct kept_kind *k, struct nlmsg *m, int index, int as,
	       struct kept_msgs *ret, struct err *e) MUST_CHECK;
/* NULL: it has none. */
struct nlattr *kept_attr(const struct nlmsghdr *h, size_t fixed, uint16_t type);
void *kept_data(const struct nlattr *a);
uint32_t kept_u32(const struct nlattr *a);	/* 0 without @a */

/* Requests on their way, sent when the room is used up. */
struct kept_out {
	struct nl *nl;
	struct nlmsg m;
	struct errs failed;	/* but for those that are there already, or gone */
};
void kept_out_init(struct kept_out *o, struct nl *nl, struct arena *a);
/* Append a copy of @h; false when it does not fit any batch. More attributes may follow. */
bool kept_out_put(struct kept_out *o, const struct nlmsghdr *h, size_t fixed, uint16_t type, unsigned flags);
void kept_out_flush(struct kept_out *o);

extern const struct kept_kind kept_addr, kept_neigh, kept_route;

/* Seconds that have passed since @k was noted. */
uint32_t kept_age(const struct kept *k);

bool kept_addrs_note(struct nl *nl, struct kept *k, struct err *e) MUST_CHECK;
/* Before the interface goes up: all addresses, those that are known to be nobody else's without probing for them. */
bool kept_addrs_give(struct nl *nl, const struct kept *k, int index, struct err *e) MUST_CHECK;
/* And when it is up: their flags as they were. */
bool kept_addrs_settle(struct nl *nl, const struct kept *k, int index, struct err *e) MUST_CHECK;
bool kept_routes_note(struct nl *nl, struct kept *k, struct err *e) MUST_CHECK;
bool kept_routes_give(struct nl *nl, const struct kept *k, int index, struct err *e) MUST_CHECK;

#endif
