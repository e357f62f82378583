// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cni/lock.h"
#include "lib/fs.h"
#include "lib/sha512.h"
#include "lib/str.h"

#define HASH_BYTES 16

/* CACHE_DIR/locks/KIND-HASH; the parts are hashed with their NULs, so that ("ab","c") is not ("a","bc"). */
static char *lock_path(struct arena *a, const char *dir, const char *kind, const char *const *parts, size_t n)
{
	char hex[2 * HASH_BYTES + 1];
	uint8_t hash[64];
	struct sha512 s;

	sha512_init(&s);
	for (size_t i = 0; i < n; i++)
		sha512_put(&s, parts[i], strlen(parts[i]) + 1);
	sha512_end(&s, hash);
	str_hex(hex, hash, HASH_BYTES);
	return arena_printf(a, "%s/locks/%s-%s", dir, kind, hex);
}

/*
 * The process that holds a lock on @path, 0 if it is not known. A line of /proc/locks:
 *	3: FLOCK  ADVISORY  WRITE 4711 08:01:262146 0 EOF
 * Waiting ones have "->" after the number.
 */
static long lock_holder(struct arena *a, const char *path)
{
	struct err ignored = ERR_INIT;
	struct bytes text;
	struct stat st;
	char *save, *file;

	if (stat(path, &st) < 0 || !fs_read(a, "/proc/locks", 16u << 20, &text, &ignored))
		return 0;
	file = arena_printf(a, "%02x:%02x:%llu", major(st.st_dev), minor(st.st_dev), (unsigned long long)st.st_ino);
	save = arena_strndup(a, text.data, text.len);
	for (char *line; (line = strsep(&save, "\n"));) {
		char where[64];
		long pid;

		if (sscanf(line, "%*d: FLOCK %*s %*s %ld %63s", &pid, where) == 2 && str_eq(where, file))
			return pid;
	}
	return 0;
}

static bool timed_out(struct arena *a, const char *path, const char *what, int64_t timeout_ms, struct err *e)
{
	long pid = lock_holder(a, path);
	bool dead = pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
	const char *who = "another process holds it";

	if (dead)
		who = arena_printf(a, "process %ld has ended, but what it started holds it", pid);
	else if (pid > 0)
		who = arena_printf(a, "process %ld holds it", pid);
	fail(e, 0, "%s is in use: waited %lld ms for %s, %s", what, (long long)timeout_ms, path, who);
	e->num = dead ? EOWNERDEAD : ETIMEDOUT;
	return false;
}

/* Is @fd still the file that others find by this name? */
static bool is_current(int fd, const char *path)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_dev == there.st_dev &&
	       mine.st_ino == there.st_ino;
}

struct wish {
	const char *path, *what;
	bool shared;
	int64_t began_ms, timeout_ms;
};

static bool take(struct arena *a, const struct wish *w, int *ret_fd, struct err *e)
{
	for (;;) {
		autoclose int fd = -1;

		if (!fs_lock(w->path, 0600, w->shared, w->began_ms + w->timeout_ms, &fd, e))
			return e->num == ETIMEDOUT ? timed_out(a, w->path, w->what, w->timeout_ms, e) : false;
		if (is_current(fd, w->path)) {
			*ret_fd = fd_take(&fd);
			return true;
		}
	}
}

static char *gate_path(struct arena *a, const char *dir, const char *network)
{
	return lock_path(a, dir, "gate", &network, 1);
}

/* A newcomer: let a GC go first that waits, if it gets there soon. */
static void gate_pass(const char *gate, int64_t timeout_ms)
{
	int64_t wait_ms = timeout_ms < LOCK_GATE_MS ? timeout_ms : LOCK_GATE_MS;
	struct err ignored = ERR_INIT;
	autoclose int fd = -1;
	bool passed UNUSED;

	if (access(gate, F_OK) == 0)
		passed = fs_lock(gate, 0600, true, fs_now_ms() + wait_ms, &fd, &ignored);
}

/* GC: newcomers wait as long as @ret_fd is open. Without a gate it works, too, but later. */
static void gate_close(const char *gate, int64_t timeout_ms, int *ret_fd)
{
	struct err ignored = ERR_INIT;
	bool closed UNUSED = fs_lock(gate, 0600, false, fs_now_ms() + timeout_ms, ret_fd, &ignored);
}

static bool take_at_once(const struct wish *w, int *ret_fd)
{
	struct err ignored = ERR_INIT;
	autoclose int fd = -1;

	if (!fs_lock(w->path, 0600, w->shared, w->began_ms, &fd, &ignored) || !is_current(fd, w->path))
		return false;
	*ret_fd = fd_take(&fd);
	return true;
}

static bool take_network(struct arena *a, const char *dir, const char *network, bool shared, int64_t timeout_ms,
			 struct lock *l, struct err *e)
{
	struct wish w = {
		.path = lock_path(a, dir, "network", &network, 1),
		.what = arena_printf(a, "network %s", network),
		.shared = shared,
		.began_ms = fs_now_ms(),
		.timeout_ms = timeout_ms,
	};

	char *gate = gate_path(a, dir, network);
	autoclose int gate_fd = -1;

	if (!fs_mkdirs(fs_join(a, dir, "locks"), 0700, e))
		return false;
	if (shared)
		gate_pass(gate, timeout_ms);
	else if (take_at_once(&w, &l->network_fd))
		return true;
	else
		gate_close(gate, timeout_ms, &gate_fd);
	return take(a, &w, &l->network_fd, e);
}

bool lock_network(struct arena *a, const char *dir, const char *network, int64_t timeout_ms, struct lock *ret,
		  struct err *e)
{
	struct lock l = LOCK_INIT;

	if (!take_network(a, dir, network, false, timeout_ms, &l, e))
		return false;
	*ret = l;
	return true;
}

static char *attachment_path(struct arena *a, const char *dir, const struct cache_key *key)
{
	const char *name = cache_name(a, key);

	return lock_path(a, dir, "attachment", &name, 1);
}

static bool take_attachment(struct arena *a, const char *dir, const struct cache_key *key, const struct wish *base,
			    struct lock *l, struct err *e)
{
	struct wish w = *base;

	w.path = l->attachment_path = attachment_path(a, dir, key);
	w.what = arena_printf(a, "container %s, interface %s", key->container_id, key->ifname);
	return take(a, &w, &l->attachment_fd, e);
}

bool lock_attachment(struct arena *a, const char *dir, const struct cache_key *key, int64_t timeout_ms,
		     struct lock *ret, struct err *e)
{
	struct wish w = { .began_ms = fs_now_ms(), .timeout_ms = timeout_ms };
	struct lock l = LOCK_INIT;

	if (!take_network(a, dir, key->network, true, timeout_ms, &l, e))
		return false;
	if (!take_attachment(a, dir, key, &w, &l, e)) {
		lock_release(&l, false);
		return false;
	}
	*ret = l;
	return true;
}

bool lock_member(struct arena *a, const char *dir, const struct cache_key *key, int64_t timeout_ms, struct lock *ret,
		 struct err *e)
{
	struct wish w = { .began_ms = fs_now_ms(), .timeout_ms = timeout_ms };
	struct lock l = LOCK_INIT;

	if (!take_attachment(a, dir, key, &w, &l, e))
		return false;
	*ret = l;
	return true;
}

bool lock_failed(struct err *e)
{
	if (e->num == EOWNERDEAD)
		e->num = ETIMEDOUT;
	return false;
}

/* Unlocked by word: somebody may have inherited the descriptor. */
static void drop(int *fd)
{
	if (*fd >= 0)
		flock(*fd, LOCK_UN);
	fd_close(fd);
}

void lock_release(struct lock *l, bool gone)
{
	if (gone && l->attachment_fd >= 0)
		unlink(l->attachment_path);
	drop(&l->attachment_fd);
	drop(&l->network_fd);
}

int lock_fd(const struct lock *l)
{
	int fd = l->attachment_fd >= 0 ? l->attachment_fd : l->network_fd;

	return fd < 0 ? 0 : fd;
}
