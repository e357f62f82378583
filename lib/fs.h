// SPDX-License-Identifier: Apache-2.0
/*
 * Files, as this project needs them: read whole and bounded, written so that a crash leaves the old or the new content
 * and never a torn one, locked with a deadline. Descriptors are always close-on-exec. Failures name the path.
 */
#ifndef CRIMP_LIB_FS_H
#define CRIMP_LIB_FS_H

#include <sys/types.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"

/* autoclose int fd = -1; closes when the scope ends. fd_take() hands the descriptor over. */
void fd_close(int *fd);
#define autoclose CLEANUP(fd_close)
int fd_take(int *fd);

/* The whole file, at most @max bytes (larger: EFBIG), NUL-terminated in the arena (len does not count it). */
bool fs_read(struct arena *a, const char *path, size_t max, struct bytes *ret, struct err *e) MUST_CHECK;
/*
 * The same of a regular file (or a link to one), for names that were found in a directory: what else lies there is
 * refused (EINVAL, EISDIR) without waiting for anybody to write into it.
 */
bool fs_read_regular(struct arena *a, const char *path, size_t max, struct bytes *ret, struct err *e) MUST_CHECK;
/* Everything from a descriptor (pipe, socket, file) until its end. */
bool fd_read_all(struct arena *a, int fd, size_t max, struct bytes *ret, struct err *e) MUST_CHECK;
bool fd_write_all(int fd, const void *data, size_t len, struct err *e) MUST_CHECK;
/*
 * Write @data to a temporary file beside @path, fsync it, rename it over @path, fsync the directory.
 * Failure: @path is what it was; only when the last step fails, after which nobody can say what a crash
 * would leave, the new content is there already.
 */
bool fs_write_atomic(const char *path, struct bytes data, mode_t mode, struct err *e) MUST_CHECK;
/*
 * Remove from @dir what writers left there that died before their rename: their
 * temporary files older than @age_s seconds.
 */
void fs_sweep(const char *dir, int64_t age_s);
/* mkdir -p; every directory made gets @mode. An existing directory is fine, an existing file is not. */
bool fs_mkdirs(const char *path, mode_t mode, struct err *e) MUST_CHECK;
/* unlink that is happy when it is gone already. */
bool fs_remove(const char *path, struct err *e) MUST_CHECK;
/*
 * Open (creating it with @mode) and flock(LOCK_EX or LOCK_SH) @path; waits until @deadline_ms
 * (fs_now_ms() scale; <0: no limit): ETIMEDOUT.
 */
bool fs_lock(const char *path, mode_t mode, bool shared, int64_t deadline_ms, int *ret_fd, struct err *e) MUST_CHECK;
/* The same with an open file, whose lock ends with the last descriptor of this opening. */
bool fd_lock(int fd, bool shared, int64_t deadline_ms, struct err *e) MUST_CHECK;
/* Names in a directory, sorted bytewise, without . and ..; a missing directory is an empty list when @missing_ok. */
bool fs_list(struct arena *a, const char *dir, bool missing_ok, char ***ret, size_t *ret_n, struct err *e) MUST_CHECK;
/*
 * Call @each with every name in the open directory @fd, from its beginning, in no order, without . and
 * ..; ends early when @each returns false.
 */
typedef bool fs_name(const char *name, void *arg);
bool fs_each(int fd, fs_name *each, void *arg, struct err *e) MUST_CHECK;
/* CLOCK_MONOTONIC in milliseconds. */
int64_t fs_now_ms(void);
/* @dir + "/" + @name in the arena. */
char *fs_join(struct arena *a, const char *dir, const char *name);
/* Cryptographic randomness (getrandom); cannot fail. */
void fs_random(void *dst, size_t n);

#endif
