// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * The leases of one network on this node, in the files that the reference's host-local keeps, so that either can take
 * over from the other, or both work at once: DATADIR/NETWORK/ holds a file per address in use, named by its text,
 * containing "CONTAINERID\r\nIFNAME" (before plugins 0.8: only the container ID); last_reserved_ip.N, the address
 * that set N gave out last; and lock, which everybody holds with flock(LOCK_EX) while he reads or changes the rest.
 *
 * Invariants. A lease file is complete when its name appears (unnamed file, written, then linked), so killing us at
 * any system call leaves a whole lease or none; a whole one belongs to its container and goes with DEL or GC. Other
 * writers, and file systems without unnamed files, make the name first: since everybody writes under the lock, an
 * empty lease seen under the lock is debris and counts as free. A new lease is linked exclusively: the file system,
 * not the index, decides who has an address. Nothing is synced to disk: after a crash of the machine the containers
 * are gone, too.
 *
 * last_reserved_ip.N is advice. Missing or damaged, the search starts at the beginning of the set.
 */
#ifndef CRIMP_PLUGINS_IPAM_LEASE_STORE_H
#define CRIMP_PLUGINS_IPAM_LEASE_STORE_H

#include "lib/err.h"
#include "plugins/ipam/lease_index.h"

/* Longest text of a lease; a container ID that does not fit is refused by lease_owner(). */
#define LEASE_MAX 4096

struct lease_store {
	struct arena *arena;
	const char *dir;		/* path, for sentences */
	int fd, lock;
	bool walked;			/* the index was rebuilt since the store was opened */
	struct lease_index index;
};

/*
 * Open and lock the store; waits for the lock as long as it takes. With @create it is made when missing, otherwise
 * *ret_there says whether there is one. Close it on every path: autostore struct lease_store s = LEASE_STORE_CLOSED.
 */
#define LEASE_STORE_CLOSED ((struct lease_store){ .fd = -1, .lock = -1, .index = { .dir = -1, .fd = -1 } })
bool lease_store_open(struct lease_store *s, struct arena *a, const char *data_dir, const char *network, bool create,
		      bool *ret_there, struct err *e) MUST_CHECK;
void lease_store_close(struct lease_store *s);
#define autostore CLEANUP(lease_store_close) struct lease_store

/* Texts of leases: of an attachment, and of a container as written before plugins 0.8 (@ifname NULL). */
bool lease_owner(struct arena *a, const char *container_id, const char *ifname, struct bytes *ret,
		 struct err *e) MUST_CHECK;

/* The addresses whose lease has exactly this text. */
bool lease_find(struct lease_store *s, struct bytes owner, struct ip **ret, size_t *ret_n, struct err *e) MUST_CHECK;
/* Lease one address. *ret_taken: somebody has it (nothing changed then). */
bool lease_take(struct lease_store *s, const struct ip *ip, struct bytes owner, bool *ret_taken,
		struct err *e) MUST_CHECK;
/* Remove the lease of @ip, whose text is @owner. Gone already is success. */
bool lease_release(struct lease_store *s, const struct ip *ip, struct bytes owner, struct err *e) MUST_CHECK;
/* The first address of first..last that seems free; lease_take() and lease_is_free() know. False: all are taken. */
bool lease_next_free(struct lease_store *s, const struct ip *first, const struct ip *last, struct ip *ret);
bool lease_is_free(struct lease_store *s, const struct ip *ip);
/* Before giving up: count everything anew if this has not been done. True if another try makes sense. */
bool lease_recount(struct lease_store *s);

/*
 * Every lease, in no order. @text is trimmed and lasts for the call; it is empty for debris, and its data NULL when
 * the file cannot be read. Releasing the lease in the call is allowed. False stops with @e.
 */
typedef bool lease_visit(struct lease_store *s, const struct ip *ip, struct bytes text, void *arg, struct err *e);
bool lease_each(struct lease_store *s, lease_visit *visit, void *arg, struct err *e) MUST_CHECK;

/* The cursor of set @set; unset when missing or damaged. */
struct ip lease_cursor(struct lease_store *s, size_t set);
bool lease_cursor_set(struct lease_store *s, size_t set, const struct ip *ip, struct err *e) MUST_CHECK;

#endif
