// SPDX-License-Identifier: Apache-2.0
/*
 * Where a plugin lies. A type is a file name, never a path: a configuration must not choose what to run outside the
 * plugin directories. The first directory wins that holds an executable regular file of that name (symbolic links are
 * followed, and the path returned is the link's, because a binary of many plugins reads its own name there); what
 * cannot be executed does not shadow what can.
 */
#ifndef CRIMP_CNI_FIND_H
#define CRIMP_CNI_FIND_H

#include "lib/arena.h"
#include "lib/err.h"

/* The directories of a CNI_PATH, NULL-terminated; empty elements are left out. */
const char *const *find_dirs(struct arena *a, const char *cni_path);
/* The reverse. */
char *find_dirs_text(struct arena *a, const char *const *dirs);
/*
 * Absolute path of plugin @type. Failure: code 7 for a type that is no file name, else num ENOENT, EACCES (there, but
 * not executable).
 */
bool find_plugin(struct arena *a, const char *const *dirs, const char *type, char **ret, struct err *e) MUST_CHECK;

#endif
