// SPDX-License-Identifier: Apache-2.0
/* Persistent TAP interfaces (/dev/net/tun): made by ioctl, the one kind that rtnetlink shows but cannot make. */
#ifndef CRIMP_KERNEL_TUN_H
#define CRIMP_KERNEL_TUN_H

#include "kernel/nl.h"

struct tun_new {
	const char *name;
	bool multi_queue;
	bool vnet_hdr, packet_info;	/* until somebody opens it and says otherwise */
	bool has_owner, has_group;	/* who else may open it, by number */
	uint32_t owner, group;
	const char *label;		/* SELinux context that it belongs to; NULL: that of the caller */
};
/* In the calling thread's namespace, down. e->num EEXIST if the name is taken. A failure leaves nothing. */
bool tun_tap_add(const struct tun_new *n, struct err *e) MUST_CHECK;

struct tun {
	bool tap, persist, multi_queue;
	bool has_owner, has_group;
	uint32_t owner, group;
};
/* Of an interface of kind "tun". */
bool tun_get(struct nl *nl, int index, struct tun *ret, struct err *e) MUST_CHECK;

/* Could tun_tap_add() work? Makes nothing. */
bool tun_usable(bool multi_queue, bool labelled, struct err *e) MUST_CHECK;

#endif
