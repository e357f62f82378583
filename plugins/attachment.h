// SPDX-License-Identifier: Apache-2.0
/*
 * Whose kernel state is it? An attachment is (network, container ID, interface name). State that is not named after it carries it as a comment,
 * "NETWORK CONTAINERID IFNAME" (none of the three can hold a blank), so that DEL, GC and people find the owner.
 */
#ifndef CRIMP_PLUGINS_ATTACHMENT_H
#define CRIMP_PLUGINS_ATTACHMENT_H

#include "lib/arena.h"

struct attachment {
	const char *network, *container_id, *ifname;
};

/* Fits NFT_COMMENT_MAX or, when longer, ends in "#" and 16 hex digits of its SHA-512 in place of the tail (deterministic: compare texts). */
const char *attachment_comment(struct arena *a, const struct attachment *at);

#endif
