// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * What a runtime remembers of an attachment between ADD and DEL: one file DIR/results/NETWORK-CONTAINER-IFNAME of
 * kind cniCacheV1, in the format of the reference, so that either can take over from the other: the same fields in
 * the same order, objects with their keys sorted, the configuration in base64, compact, no final newline. It is
 * replaced as a whole (temporary file, fsync, rename, fsync of the directory); a crash leaves the old or the new one.
 *
 * The name is ambiguous: `a` + `b-c` and `a-b` + `c` meet. The content says whose file it is, and a file of somebody
 * else is neither read nor removed; ADD refuses to overwrite it. (The lock of an attachment goes by the file's name,
 * see lock.h, so that nobody's file becomes another's between a look and an act.)
 *
 * States of a file:
 *	CACHE_NONE	not there, or no such file can exist (an empty or impossible name)
 *	CACHE_UNREADABLE	there, but the system does not give it to us (EACCES, EIO, EFBIG, a folder, ...)
 *	CACHE_GOOD	cniCacheV1, ours
 *	CACHE_LEGACY	a bare result, as written before the format had a kind
 *	CACHE_CORRUPT	none of these: torn by a crash of the reference, or alien
 *	CACHE_OTHER	cniCacheV1 of another attachment
 */
#ifndef CRIMP_CNI_CACHE_H
#define CRIMP_CNI_CACHE_H

#include "cni/args.h"
#include "lib/json.h"

#define CACHE_FILE_MAX (32u << 20)

enum cache_state { CACHE_NONE, CACHE_UNREADABLE, CACHE_GOOD, CACHE_LEGACY, CACHE_CORRUPT, CACHE_OTHER };

struct cache_key {
	const char *network, *container_id, *ifname;
};

struct cache_entry {
	struct cache_key key;
	const char *netns;      /* "" when unknown */
	struct bytes config;    /* as added with; data NULL if none is stored */
	const struct arg *args; /* CNI_ARGS */
	size_t n_args;
	const struct json *cap_args; /* NULL: none */
	const struct json *result;   /* object; NULL: none */
	const char *path;
};

/* NETWORK-CONTAINER-IFNAME, whatever is in them. */
char *cache_name(struct arena *a, const struct cache_key *key);
/*
 * Path of the file in @dir (the cache directory, without results/). Failure: an empty part, a slash, or too long a
 * name.
 */
bool cache_path(struct arena *a, const char *dir, const struct cache_key *key, char **ret, struct err *e) MUST_CHECK;
/*
 * @ret->key is @key, whatever the state; CACHE_LEGACY fills result only. @e says what is wrong with one that is
 * unreadable, corrupt or another's.
 */
enum cache_state cache_read(struct arena *a, const char *dir, const struct cache_key *key, struct cache_entry *ret,
			    struct err *e);
/* Could cache_write() succeed for @key? Makes the directory. Certain only under the lock of the attachment. */
bool cache_ready(struct arena *a, const char *dir, const struct cache_key *key, struct err *e) MUST_CHECK;
/* The text of a file. @entry->path is not used. Writing fails (EFBIG) when it could not be read again. */
struct bytes cache_text(struct arena *a, const struct cache_entry *entry);
bool cache_write(struct arena *a, const char *dir, const struct cache_entry *entry, struct err *e) MUST_CHECK;
/* Fine if there is none, or if it is another's, which stays. Failure: nobody can say whose it is; it stays, too. */
bool cache_remove(struct arena *a, const char *dir, const struct cache_key *key, struct err *e) MUST_CHECK;
/*
 * All good entries in order of their file names, of one container if @container_id is not NULL. Passed over: what is no
 * entry, and an entry that does not lie under its own name (a copy, the rest of an interrupted write), since nothing
 * that is done to an attachment would find it there.
 */
bool cache_list(struct arena *a, const char *dir, const char *container_id, struct cache_entry **ret, size_t *ret_n,
		struct err *e) MUST_CHECK;
/*
 * Which files there were at one moment, of one network. An entry is written as a new file, so that who keeps a snapshot
 * can tell later what was written since, without a clock.
 */
struct cache_snapshot {
	size_t n;
	struct cache_stamp *stamps; /* by name */
};
bool cache_snapshot(struct arena *a, const char *dir, const char *network, struct cache_snapshot *ret,
		    struct err *e) MUST_CHECK;
bool cache_written_since(const struct cache_snapshot *before, const struct cache_entry *entry);
/* Remove what writers left behind that died an hour ago or earlier. */
void cache_sweep(struct arena *a, const char *dir);

/* Read one text, whoever's it is. False: not a good entry. Legacy: see cache_read(). */
bool cache_parse(struct arena *a, struct bytes text, struct cache_entry *ret, struct err *e) MUST_CHECK;

#endif
