// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * The order that the specification asks of runtimes, kept across processes by flock() on files in CACHE_DIR/locks:
 *
 *	ADD, CHECK, DEL		network shared, then attachment exclusive
 *	GC			network exclusive
 *
 * Names are hashes, so any name of a network is safe and short enough. A lock belongs to an open file, so that a
 * process that dies leaves none behind; a file left over is harmless. DEL removes the file of its attachment while it
 * holds the lock, and whoever gets a lock on a file that is no longer the one of that name starts again.
 *
 * Rejected: a fixed set of files shared by hash (two pods would wait for each other, and a plugin that itself is a
 * runtime could wait for its own parent), and a gate that lets a waiting GC overtake (the same deadlock).
 */
#ifndef CRIMP_CNI_LOCK_H
#define CRIMP_CNI_LOCK_H

#include "cni/cache.h"

struct lock {
	int network_fd, attachment_fd; /* -1: not held */
	const char *attachment_path;
};
#define LOCK_INIT ((struct lock){ .network_fd = -1, .attachment_fd = -1 })

/* Until @timeout_ms have passed; the failure (num ETIMEDOUT) names the process that holds it, if the kernel says. */
bool lock_attachment(struct arena *a, const char *dir, const struct cache_key *key, int64_t timeout_ms,
		     struct lock *ret, struct err *e) MUST_CHECK;
bool lock_network(struct arena *a, const char *dir, const char *network, int64_t timeout_ms, struct lock *ret,
		  struct err *e) MUST_CHECK;
/*
 * The file of an attachment that GC has removed. Only under lock_network(): nobody else can hold it or wait for it
 * then.
 */
void lock_forget(struct arena *a, const char *dir, const struct cache_key *key);
/* @gone: the attachment is no more, its file can go. */
void lock_release(struct lock *l, bool gone);

#endif
