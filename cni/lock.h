// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * The order that the specification asks of runtimes, kept across processes by flock() on files in CACHE_DIR/locks:
 *
 *	ADD, CHECK, DEL		network shared, then attachment exclusive
 *	GC			network exclusive, then, for each DEL of its own, attachment exclusive
 *
 * Names are hashes, so any name of a network is safe and short enough. What is hashed for an attachment is the name of
 * its cache file: attachments that meet there exclude each other, whatever their networks.
 *
 * A lock belongs to an open file. Plugins inherit the descriptor of the attachment's (GC's plugins the network's),
 * so that a runtime that is killed leaves a lock behind exactly as long as the plugin that it has started works
 * on. On its way out a living one unlocks by word (LOCK_UN), not only by closing, so that a daemon that a plugin
 * has left behind holds nothing. Where both come together (runtime killed, daemon left) the daemon has the lock
 * until it ends: a failure then says that the process that took it has ended, and DEL, which is how the daemon may
 * come to its end, goes on after its timeout.
 *
 * A file left over is harmless. DEL removes the file of its attachment while it holds the lock, and whoever gets a lock
 * on a file that is no longer the one of that name starts again.
 *
 * So that calls that overlap without a gap cannot keep a GC waiting for ever it closes a gate: a third file, locked
 * while GC waits, at which newcomers wait until it is open, but LOCK_GATE_MS at most. The limit is what makes it safe:
 * a plugin that itself is a runtime may be a newcomer, while the GC waits for its parent.
 *
 * Rejected: a fixed set of files shared by hash (two pods would wait for each other, and a plugin that itself is a
 * runtime could wait for its own parent), and a parent-death signal for plugins (it stops them half way, is bound to
 * the thread that started them, and a set-user-ID program loses it).
 */
#ifndef CRIMP_CNI_LOCK_H
#define CRIMP_CNI_LOCK_H

#include "cni/cache.h"

#define LOCK_GATE_MS 5000

struct lock {
	int network_fd, attachment_fd; /* -1: not held */
	const char *attachment_path;
};
#define LOCK_INIT ((struct lock){ .network_fd = -1, .attachment_fd = -1 })

/*
 * Until @timeout_ms have passed; the failure (num ETIMEDOUT) names the process that holds it, if the kernel says. num
 * EOWNERDEAD: the time has passed, and who took the lock has ended; what he started has it.
 */
bool lock_attachment(struct arena *a, const char *dir, const struct cache_key *key, int64_t timeout_ms,
		     struct lock *ret, struct err *e) MUST_CHECK;
bool lock_network(struct arena *a, const char *dir, const char *network, int64_t timeout_ms, struct lock *ret,
		  struct err *e) MUST_CHECK;
/* Only the attachment's, for who holds the network's exclusively: others can have it only as said above. */
bool lock_member(struct arena *a, const char *dir, const struct cache_key *key, int64_t timeout_ms, struct lock *ret,
		 struct err *e) MUST_CHECK;
/* For callers' callers EOWNERDEAD is a timeout like any other. Returns false. */
bool lock_failed(struct err *e);
/* @gone: nothing is cached for the attachment, so that nobody may ever come back for the file: it goes, too. */
void lock_release(struct lock *l, bool gone);
/* The descriptor that plugins inherit, 0 if none is held (see held_fd in lib/proc.h). */
int lock_fd(const struct lock *l);

#endif
