// SPDX-License-Identifier: Apache-2.0
/*
 * A directory of network configurations (/etc/cni/net.d). Lists (.conflist) come first, then old one-plugin files
 * (.conf, .json); each group sorted bytewise by name. Names count literally (dot files, too), and only real
 * directories are passed over.
 *
 * One broken file must not hide a good network beside it: it is reported and passed over, and named in the failure if
 * nothing is found in the end. @strict: it ends the search, as in the reference.
 */
#ifndef CRIMP_CNI_CONFDIR_H
#define CRIMP_CNI_CONFDIR_H

#include "cni/conflist.h"

/* Where remarks go. */
struct confdir_warn {
	void (*fn)(void *arg, const char *text); /* may be NULL */
	void *arg;
};

extern const char *const confdir_lists[], *const confdir_singles[], *const confdir_all[];

/* Paths of the files in @dir that end in one of @extensions, sorted. A missing directory has none. */
bool confdir_files(struct arena *a, const char *dir, const char *const *extensions, char ***ret, size_t *ret_n,
		   struct err *e) MUST_CHECK;
/* How a file found in a directory is to be read. */
enum conflist_form confdir_form(const char *path);
/* The network called @name, the first one if NULL. Nothing found: num ENOENT. */
bool confdir_find(struct arena *a, const char *dir, const char *name, bool strict, const struct confdir_warn *warn,
		  struct conflist *ret, struct err *e) MUST_CHECK;

#endif
