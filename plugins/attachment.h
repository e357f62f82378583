// SPDX-License-Identifier: Apache-2.0
/*
 * Whose kernel state is it? An attachment is (network, container ID, interface name). State that is not named after
 * it carries it as a comment, "NETWORK CONTAINERID IFNAME" (none of the three can hold a blank), so that DEL, GC and
 * people find the owner.
 */
#ifndef CRIMP_PLUGINS_ATTACHMENT_H
#define CRIMP_PLUGINS_ATTACHMENT_H

#include "lib/arena.h"

struct attachment {
	const char *network, *container_id, *ifname;
};

/*
 * Fits NFT_COMMENT_MAX or, when longer, ends in "#" and 16 hex digits of its SHA-512 in place of the tail
 * (deterministic: compare texts).
 */
const char *attachment_comment(struct arena *a, const struct attachment *at);

struct request;
struct attachment attachment_of(const struct request *r);

/* The valid attachments that a GC request names. */
struct attachment *attachments_valid(const struct request *r);

/* Who may stay when a network is cleaned up: what GC asks of every comment it meets. */
struct attachments {
	const char *network;
	const struct attachment *valid;
	size_t n;
	const char **comments;		/* of @valid, sorted */
	/* container IDs of @valid, sorted: state of the reference knows no more than that */
	const char **ids;
};
void attachments_init(struct attachments *s, struct arena *a, const char *network, const struct attachment *valid,
		size_t n);
/*
 * Is @comment (may be NULL) one of ours, of this network, and of none of the valid attachments? A cut comment that
 * does not show the whole network name is left alone.
 */
bool attachments_stale(const struct attachments *s, const char *comment);
bool attachments_know_id(const struct attachments *s, const char *container_id);

/* May @comment (NULL: no) be of an attachment of @network? A cut one shows only the beginning of a long name. */
bool attachment_is_of(const char *comment, const char *network);
/*
 * @prefix and the first hex digits of SHA-512(@first @second), @len characters in all: how the reference names
 * chains.
 */
const char *attachment_hash_name(struct arena *a, const char *prefix, const char *first, const char *second,
		size_t len);

#endif
