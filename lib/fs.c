// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h> /* rename() is declared there */
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static int open_retry(const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static ssize_t read_retry(int fd, void *dst, size_t n)
{
	ssize_t got;

	do
		got = read(fd, dst, n);
	while (got < 0 && errno == EINTR);
	return got;
}

/* @guess: how much we expect. One byte more than allowed is room enough to see that there is too much. */
static bool read_all(struct arena *a, int fd, size_t guess, size_t max, struct bytes *ret, struct err *e)
{
	struct buf b;

	buf_init(&b, a, guess < max ? guess + 1 : max + 1);
	for (;;) {
		size_t free = b.cap > b.len + 1 ? b.cap - b.len - 1 : 4096;
		size_t want = free < max - b.len + 1 ? free : max - b.len + 1;
		ssize_t got = read_retry(fd, buf_room(&b, want), want);

		if (got < 0)
			return fail(e, errno, "read");
		if (got == 0)
			break;
		buf_grew(&b, (size_t)got);
		if (b.len > max)
			return fail(e, EFBIG, "more than %zu bytes", max);
	}
	*ret = (struct bytes){ buf_str(&b), b.len };
	return true;
}

bool fd_read_all(struct arena *a, int fd, size_t max, struct bytes *ret, struct err *e)
{
	return read_all(a, fd, 4096, max, ret, e);
}

static bool read_path(struct arena *a, const char *path, int flags, size_t max, struct bytes *ret, struct err *e)
{
	autoclose int fd = open_retry(path, O_RDONLY | O_NOCTTY | flags, 0);
	struct stat st;

	if (fd < 0)
		return fail(e, errno, "open %s", path);
	if (fstat(fd, &st) < 0)
		return fail(e, errno, "stat %s", path);
	if ((flags & O_NONBLOCK) && !S_ISREG(st.st_mode)) {
		fail(e, 0, "%s is not a regular file", path);
		e->num = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return false;
	}

	size_t guess = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size + 1 : 4096;

	return read_all(a, fd, guess, max, ret, e) || wrap(e, "%s", path);
}

bool fs_read(struct arena *a, const char *path, size_t max, struct bytes *ret, struct err *e)
{
	return read_path(a, path, 0, max, ret, e);
}

bool fs_read_regular(struct arena *a, const char *path, size_t max, struct bytes *ret, struct err *e)
{
	return read_path(a, path, O_NONBLOCK, max, ret, e);
}

bool fd_write_all(int fd, const void *data, size_t len, struct err *e)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(e, errno, "write");
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* Length of the directory part with its slash; 0 when there is none. */
static size_t dir_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

static bool sync_dir(const char *path, struct err *e)
{
	char dir[PATH_MAX] = ".";
	size_t n = dir_len(path);

	if (n) {
		memcpy(dir, path, n);
		dir[n] = '\0';
	}
	autoclose int fd = open_retry(dir, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return fail(e, errno, "open %s", dir);
	return fsync(fd) == 0 || fail(e, errno, "sync %s", dir);
}

#define TMP_PREFIX ".crimp-"
#define TMP_RANDOM 8

/* A name of its own length in the directory of @path: names near NAME_MAX have no room for a suffix. */
static bool tmp_name(const char *path, char dst[static PATH_MAX], struct err *e)
{
	uint8_t random[TMP_RANDOM];
	size_t n = dir_len(path);

	if (n + sizeof(TMP_PREFIX) + 2 * TMP_RANDOM > PATH_MAX)
		return fail(e, ENAMETOOLONG, "write %s", path);
	fs_random(random, sizeof(random));
	memcpy(dst, path, n);
	memcpy(dst + n, TMP_PREFIX, sizeof(TMP_PREFIX) - 1);
	str_hex(dst + n + sizeof(TMP_PREFIX) - 1, random, sizeof(random));
	return true;
}

bool fs_write_atomic(const char *path, struct bytes data, mode_t mode, struct err *e)
{
	char tmp[PATH_MAX];

	if (!tmp_name(path, tmp, e))
		return false;

	autoclose int fd = open_retry(tmp, O_WRONLY | O_CREAT | O_EXCL, mode);

	if (fd < 0)
		return fail(e, errno, "create %s", tmp);

	bool ok = fd_write_all(fd, data.data, data.len, e) || wrap(e, "%s", tmp);

	ok = ok && (fsync(fd) == 0 || fail(e, errno, "sync %s", tmp));
	ok = ok && (rename(tmp, path) == 0 || fail(e, errno, "rename %s to %s", tmp, path));
	if (!ok) {
		unlink(tmp);
		return false;
	}
	return sync_dir(path, e);
}

struct sweep {
	int fd;
	time_t before;
};

static bool sweep_one(const char *name, void *arg)
{
	const struct sweep *s = arg;
	struct stat st;

	if (str_starts(name, TMP_PREFIX) && strlen(name) == sizeof(TMP_PREFIX) - 1 + 2 * TMP_RANDOM &&
	    fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_mtime < s->before)
		unlinkat(s->fd, name, 0);
	return true;
}

void fs_sweep(const char *dir, int64_t age_s)
{
	autoclose int fd = open_retry(dir, O_RDONLY | O_DIRECTORY, 0);
	struct sweep s = { fd, time(NULL) - age_s };
	struct err ignored;
	bool done UNUSED = fd >= 0 && fs_each(fd, sweep_one, &s, &ignored);
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* EEXIST is fine for a directory; others (EROFS, EACCES on a parent we may pass) are, too, when it is there. */
static bool make_dir(const char *path, mode_t mode, struct err *e)
{
	if (mkdir(path, mode) == 0)
		return true;

	int num = errno;

	return is_dir(path) || fail(e, num == EEXIST ? ENOTDIR : num, "mkdir %s", path);
}

bool fs_mkdirs(const char *path, mode_t mode, struct err *e)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return fail(e, ENAMETOOLONG, "mkdir %s", path);
	if (is_dir(path))
		return true;
	memcpy(part, path, len + 1);
	for (char *p = part + 1; len && *p; p++) {
		if (*p != '/' || p[-1] == '/')
			continue;
		*p = '\0';
		if (!make_dir(part, mode, e))
			return false;
		*p = '/';
	}
	return make_dir(path, mode, e);
}

bool fs_remove(const char *path, struct err *e)
{
	if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
		return true;
	return fail(e, errno, "remove %s", path);
}

/* flock() with a deadline: the kernel has none, and a signal would be the whole process's business, so we ask again. */
static bool lock_until(int fd, int how, int64_t deadline_ms)
{
	struct timespec pause = { .tv_nsec = 100000 };

	for (;;) {
		if (flock(fd, how | (deadline_ms < 0 ? 0 : LOCK_NB)) == 0)
			return true;
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return false;
		if (fs_now_ms() >= deadline_ms) {
			errno = ETIMEDOUT;
			return false;
		}
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 5000000)
			pause.tv_nsec *= 2;
	}
}

bool fd_lock(int fd, bool shared, int64_t deadline_ms, struct err *e)
{
	return lock_until(fd, shared ? LOCK_SH : LOCK_EX, deadline_ms) || fail(e, errno, "lock");
}

bool fs_lock(const char *path, mode_t mode, bool shared, int64_t deadline_ms, int *ret_fd, struct err *e)
{
	autoclose int fd = open_retry(path, O_RDONLY | O_CREAT | O_NONBLOCK, mode);

	if (fd < 0)
		return fail(e, errno, "open %s", path);
	if (!lock_until(fd, shared ? LOCK_SH : LOCK_EX, deadline_ms))
		return fail(e, errno, "lock %s", path);
	*ret_fd = fd_take(&fd);
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	struct arena *arena;
	char **items;
	size_t n, cap;
};

static bool names_put(const char *name, void *arg)
{
	struct names *l = arg;

	if (l->n == l->cap) {
		char **more = arena_array(l->arena, l->cap ? 2 * l->cap : 64, sizeof(*more));

		if (l->n)
			memcpy(more, l->items, l->n * sizeof(*more));
		l->items = more;
		l->cap = l->cap ? 2 * l->cap : 64;
	}
	l->items[l->n++] = arena_strdup(l->arena, name);
	return true;
}

_Static_assert(offsetof(struct dirent, d_name) == 19, "struct dirent is the kernel's linux_dirent64");

/* Straight from the kernel: opendir() would allocate. */
bool fs_each(int fd, fs_name *each, void *arg, struct err *e)
{
	_Alignas(struct dirent) char raw[8192];
	long got = lseek(fd, 0, SEEK_SET);

	while (got >= 0 && (got = syscall(SYS_getdents64, fd, raw, sizeof(raw))) > 0) {
		for (long at = 0; at < got;) {
			const struct dirent *d = (const void *)(raw + at);

			if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, "..") && !each(d->d_name, arg))
				return true;
			at += d->d_reclen;
		}
	}
	return got == 0 || fail(e, errno, "list directory");
}

bool fs_list(struct arena *a, const char *dir, bool missing_ok, char ***ret, size_t *ret_n, struct err *e)
{
	struct names l = { .arena = a };
	autoclose int fd = open_retry(dir, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0 && !(missing_ok && errno == ENOENT))
		return fail(e, errno, "open %s", dir);
	if (fd >= 0 && !fs_each(fd, names_put, &l, e))
		return wrap(e, "%s", dir);
	if (l.n)
		qsort(l.items, l.n, sizeof(*l.items), by_name);
	*ret = l.items;
	*ret_n = l.n;
	return true;
}

int64_t fs_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

char *fs_join(struct arena *a, const char *dir, const char *name)
{
	return arena_printf(a, "%s/%s", dir, name);
}

void fs_random(void *dst, size_t n)
{
	char *p = dst;

	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			abort();
		p += got;
		n -= (size_t)got;
	}
}
