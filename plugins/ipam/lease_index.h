// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * The lease files of a store are the truth, and finding the one that belongs to a container means reading them all.
 * The index beside them, DATADIR/.crimp/NETWORK.index, answers the two questions of every ADD, CHECK and DEL in a few
 * page reads, whatever the number of leases: which addresses carry this owner's text, and which is the next free
 * address after the cursor. It is a cache. If it is missing, torn, from another version, or cannot be written
 * (read-only or full disk), everything works, only slower.
 *
 * What it says is believed like this:
 *	"this address is yours"   only after the lease file has been read and says so as well
 *	"this address is free"    never: creating the lease file exclusively decides
 *	"nothing is yours", "this address is taken"   only while the index is fresh
 *
 * Fresh means: nobody has changed the directory since we did. Lease files never change once made, so every change of
 * the truth changes the directory's mtime, also when another program makes it, and after our own change we remember
 * that mtime. But a kernel stamps files with the time of its last tick (1 to 10 ms): a change by somebody else in the
 * same tick as ours would leave the mtime that we remembered, the trap that git calls "racily clean". Waiting for the
 * tick to pass would cost more than the operation. So after our change we *set* the mtime, to a moment two to three
 * seconds ago with random nanoseconds. The kernel stamps changes with the present, therefore no later change can
 * leave this value; also on file systems that keep seconds, or two. (A clock set back by seconds could, by hitting
 * one nanosecond.) The ctime, which nobody can set, is compared too, and device and inode number: another directory
 * in this one's place is noticed.
 *
 * Crashes. All work happens under the store's lock. The lease file changes first, which makes the index stale by
 * itself; then the slots, then the mtime, then the head of the index. A process that dies at any point between leaves
 * a stale index, and the next one rebuilds it by one walk. After a crash of the machine, pages of one file reach the
 * disk in any order, so an index from another boot counts as stale.
 *
 * Shape: page 0 is the head. Each further page of 4096 bytes is a bucket of 63 slots of 64 bytes, searched as a
 * whole: no tombstones. A full bucket sets its mark and the key goes on to the next. Two kinds of slot:
 *	owner	hash of a lease's text -> its address (several leases of one text: several slots)
 *	block	256 addresses -> a bitmap of those taken; sixteen neighbouring blocks share a home bucket, so that
 *		skipping a run of n taken addresses costs n/4096 page reads
 * Read and written with pread and pwrite, not mapped: a write to a mapped hole on a full disk is a SIGBUS. Only a
 * rebuild collects in memory first.
 *
 * Rejected: reverse files named after the owner (double the inodes, and two truths to keep equal); a database library
 * (none is needed for one writer under a lock); inotify (nobody is there to listen).
 *
 * Limits: who changes the store without taking its lock, in the microseconds of our own work, may be noticed late: an
 * address freed that way stays out of use until the set is exhausted (which always checks by a walk) or the directory
 * changes again by other hands. Editing a lease file in place goes unnoticed.
 */
#ifndef CRIMP_PLUGINS_IPAM_LEASE_INDEX_H
#define CRIMP_PLUGINS_IPAM_LEASE_INDEX_H

#include "lib/buf.h"
#include "lib/ip.h"

#define INDEX_SLOTS 63

struct index_head {
	char magic[8];
	char boot[36];
	uint32_t pages;		/* buckets, a power of two */
	uint64_t dev, ino;	/* of the store's directory */
	int64_t mtime[2], ctime[2];
	uint64_t used;		/* slots */
	uint64_t sum;		/* of all before */
};

struct index_slot {
	uint32_t kind;
	uint32_t unused;
	uint64_t hash;
	struct ip ip;		/* owner: the address; block: its first address */
	uint8_t taken[32];
};

struct index_page {
	uint32_t spilled;	/* was full once: keys at home here may be in the next page */
	uint8_t unused[60];
	struct index_slot slots[INDEX_SLOTS];
};

struct lease_index {
	int dir;		/* descriptor of DATADIR/.crimp, -1: there is no index */
	int fd;
	int store;		/* borrowed descriptor of the store's directory */
	const char *name;	/* of the file in dir; of the larger one that replaces it */
	const char *spare;
	bool fresh;
	bool dirty;		/* the head is behind */
	struct index_head head;
	uint32_t loaded;	/* number of the page at @page, 0: none */
	struct index_page *page;	/* @buffer, or inside @table */
	struct index_page *table;	/* all buckets in memory while the index is built, NULL otherwise */
	struct index_page buffer;
};

/* Look for the index of @network. Cannot fail: see @fresh. The file is made by the first lease_index_begin(). */
void lease_index_open(struct lease_index *x, struct arena *a, const char *data_dir, const char *network, int store);
/* Make what was put and dropped since count, if the index is fresh; then close. */
void lease_index_close(struct lease_index *x);

/*
 * Start anew, empty, with room for @n leases; it is fresh if this worked. The caller puts all leases, then ends:
 * stale if somebody changed the store meanwhile.
 */
void lease_index_begin(struct lease_index *x, size_t n);
void lease_index_end(struct lease_index *x);
/*
 * A lease was made or removed. An empty text has no owner. Without effect on a stale index; a failure to write makes
 * it stale.
 */
void lease_index_put(struct lease_index *x, struct bytes text, const struct ip *ip);
void lease_index_drop(struct lease_index *x, struct bytes text, const struct ip *ip);
/* Addresses whose lease may have this text. Check @fresh afterwards: reading can fail. */
void lease_index_find(struct lease_index *x, struct arena *a, struct bytes text, struct ip **ret, size_t *ret_n);
/* The first address of first..last that is not known to be taken; false if all are. A stale index knows of none. */
bool lease_index_free(struct lease_index *x, const struct ip *first, const struct ip *last, struct ip *ret);

#endif
