// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/ipam/lease_store.h"

#include "lib/fs.h"
#include "lib/str.h"

/* ---- one lease file ---- */

/* Is it the name of a lease? Only the canonical text of an address is. */
static bool lease_name(const char *name, struct ip *ret)
{
	char text[IP_TEXT_MAX];
	struct err e = ERR_INIT;

	return *name && ip_parse(name, ret, &e) && str_eq(ip_text(ret, text), name);
}

static struct bytes trim(struct bytes b)
{
	static const char blank[] = " \t\r\n\v\f";

	while (b.len && strchr(blank, b.data[0])) {
		b.data++;
		b.len--;
	}
	while (b.len && strchr(blank, b.data[b.len - 1]))
		b.len--;
	return b;
}

struct lease_text {
	char raw[LEASE_MAX + 1];
	struct bytes text;
};

/* Read and trim. What is longer than any of ours is cut: it equals none of ours. */
static bool lease_read(const struct lease_store *s, const struct ip *ip, struct lease_text *ret, int *ret_num)
{
	char name[IP_TEXT_MAX];
	autoclose int fd = openat(s->fd, ip_text(ip, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret->raw, sizeof(ret->raw));

	if (n < 0) {
		*ret_num = errno;
		return false;
	}
	ret->text = trim((struct bytes){ ret->raw, (size_t)n });
	return true;
}

static bool bytes_eq(struct bytes a, struct bytes b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

bool lease_owner(struct arena *a, const char *container_id, const char *ifname, struct bytes *ret, struct err *e)
{
	struct buf b;

	buf_init(&b, a, 128);
	buf_puts(&b, container_id);
	if (ifname)
		buf_printf(&b, "\r\n%s", ifname);
	if (b.len > LEASE_MAX)
		return fail(e, 0, "container ID of %zu bytes does not fit a lease", strlen(container_id));
	*ret = buf_bytes(&b);
	return true;
}

/* ---- walking ---- */

struct walk {
	struct lease_store *s;
	lease_visit *visit;
	void *arg;
	struct err *e;
	bool failed;
};

static bool walk_name(const char *name, void *arg)
{
	struct walk *w = arg;
	struct lease_text t;
	struct ip ip;
	int num;

	if (!lease_name(name, &ip))
		return true;
	if (!lease_read(w->s, &ip, &t, &num)) {
		if (num == ENOENT)
			return true;
		t.text = (struct bytes){ NULL, 0 };
	}
	w->failed = !w->visit(w->s, &ip, t.text, w->arg, w->e);
	return !w->failed;
}

bool lease_each(struct lease_store *s, lease_visit *visit, void *arg, struct err *e)
{
	struct walk w = { .s = s, .visit = visit, .arg = arg, .e = e };

	return (fs_each(s->fd, walk_name, &w, e) || wrap(e, "%s", s->dir)) && !w.failed;
}

/* ---- the index ---- */

static bool count_name(const char *name, void *arg)
{
	struct ip ip;

	*(size_t *)arg += lease_name(name, &ip);
	return true;
}

static bool index_lease(struct lease_store *s, const struct ip *ip, struct bytes text, void *arg UNUSED,
			struct err *e UNUSED)
{
	if (text.len || !text.data)
		lease_index_put(&s->index, text, ip);
	return true;
}

static void index_rebuild(struct lease_store *s)
{
	struct err e = ERR_INIT;
	size_t n = 0;

	s->walked = true;
	if (!fs_each(s->fd, count_name, &n, &e))
		return;
	lease_index_begin(&s->index, n);
	if (s->index.fresh && !lease_each(s, index_lease, NULL, &e))
		s->index.fresh = false;
	lease_index_end(&s->index);
}

bool lease_recount(struct lease_store *s)
{
	if (s->walked || !s->index.fresh)
		return false;
	index_rebuild(s);
	return true;
}

/* ---- open and close ---- */

static bool open_dir(struct lease_store *s, bool create, bool *ret_there, struct err *e)
{
	if (create && !fs_mkdirs(s->dir, 0755, e))
		return false;
	s->fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*ret_there = s->fd >= 0;
	if (s->fd >= 0 || (!create && (errno == ENOENT || errno == ENOTDIR)))
		return true;
	return fail(e, errno, "open lease store %s", s->dir);
}

static bool lock(struct lease_store *s, struct err *e)
{
	s->lock = openat(s->fd, "lock", O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0750);
	if (s->lock < 0)
		return fail(e, errno, "open %s/lock", s->dir);
	while (flock(s->lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return fail(e, errno, "lock %s/lock", s->dir);
	return true;
}

bool lease_store_open(struct lease_store *s, struct arena *a, const char *data_dir, const char *network, bool create,
		      bool *ret_there, struct err *e)
{
	s->arena = a;
	s->dir = fs_join(a, data_dir, network);
	if (!open_dir(s, create, ret_there, e))
		return false;
	if (!*ret_there)
		return true;
	if (!lock(s, e))
		return false;
	lease_index_open(&s->index, a, data_dir, network, s->fd);
	if (!s->index.fresh)
		index_rebuild(s);
	return true;
}

void lease_store_close(struct lease_store *s)
{
	lease_index_close(&s->index);
	fd_close(&s->lock);
	fd_close(&s->fd);
}

/* ---- finding ---- */

struct find {
	struct bytes owner;
	struct ip *found;
	size_t n, cap;
};

static bool find_visit(struct lease_store *s, const struct ip *ip, struct bytes text, void *arg, struct err *e UNUSED)
{
	struct find *f = arg;

	if (!bytes_eq(text, f->owner))
		return true;
	if (f->n == f->cap) {
		struct ip *more = arena_array(s->arena, f->cap + 8, sizeof(*more));

		if (f->n)
			memcpy(more, f->found, f->n * sizeof(*more));
		f->found = more;
		f->cap += 8;
	}
	f->found[f->n++] = *ip;
	return true;
}

bool lease_find(struct lease_store *s, struct bytes owner, struct ip **ret, size_t *ret_n, struct err *e)
{
	struct find f = { .owner = owner };
	struct lease_text t;
	struct ip *hits;
	size_t n;
	int num;

	lease_index_find(&s->index, s->arena, owner, &hits, &n);
	if (!s->index.fresh) {
		if (!lease_each(s, find_visit, &f, e))
			return false;
		n = 0;
	}
	for (size_t i = 0; i < n; i++)
		if (lease_read(s, &hits[i], &t, &num) && !find_visit(s, &hits[i], t.text, &f, e))
			return false;
	*ret = f.found;
	*ret_n = f.n;
	return true;
}

bool lease_next_free(struct lease_store *s, const struct ip *first, const struct ip *last, struct ip *ret)
{
	return lease_index_free(&s->index, first, last, ret);
}

bool lease_is_free(struct lease_store *s, const struct ip *ip)
{
	struct lease_text t;
	int num;

	if (lease_read(s, ip, &t, &num))
		return t.text.len == 0;
	return num == ENOENT;
}

/* ---- taking and releasing ---- */

/* An unnamed file with the owner's text; -1 where there is no such thing. */
static int draft_open(const struct lease_store *s, struct bytes owner)
{
	autoclose int fd = openat(s->fd, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	struct err e = ERR_INIT;

	if (fd < 0 || !fd_write_all(fd, owner.data, owner.len, &e))
		return -1;
	return fd_take(&fd);
}

/*
 * The way of file systems and processes that have no unnamed files (linking one by descriptor needs
 * CAP_DAC_READ_SEARCH before Linux 6.10).
 */
static bool create_named(const struct lease_store *s, const char *name, struct bytes owner, bool *ret_taken,
			 struct err *e)
{
	autoclose int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	*ret_taken = fd < 0 && errno == EEXIST;
	if (*ret_taken)
		return true;
	if (fd < 0)
		return fail(e, errno, "create lease %s/%s", s->dir, name);
	if (fd_write_all(fd, owner.data, owner.len, e))
		return true;
	unlinkat(s->fd, name, 0);
	return wrap(e, "create lease %s/%s", s->dir, name);
}

static bool create(const struct lease_store *s, int draft, const char *name, struct bytes owner, bool *ret_taken,
		   struct err *e)
{
	if (draft >= 0 && linkat(draft, "", s->fd, name, AT_EMPTY_PATH) == 0) {
		*ret_taken = false;
		return true;
	}
	if (draft >= 0 && errno == EEXIST) {
		*ret_taken = true;
		return true;
	}
	return create_named(s, name, owner, ret_taken, e);
}

bool lease_take(struct lease_store *s, const struct ip *ip, struct bytes owner, bool *ret_taken, struct err *e)
{
	char name[IP_TEXT_MAX];
	autoclose int draft = -1;
	bool taken;

	/* Without an index the addresses are tried one by one: look before making a file for each. */
	if (!s->index.fresh && !lease_is_free(s, ip)) {
		*ret_taken = true;
		return true;
	}
	draft = draft_open(s, owner);
	ip_text(ip, name);
	if (!create(s, draft, name, owner, &taken, e))
		return false;
	if (taken && lease_is_free(s, ip)) {
		if (unlinkat(s->fd, name, 0) < 0 && errno != ENOENT)
			return fail(e, errno, "remove empty lease %s/%s", s->dir, name);
		if (!create(s, draft, name, owner, &taken, e))
			return false;
	}
	if (!taken)
		lease_index_put(&s->index, owner, ip);
	*ret_taken = taken;
	return true;
}

bool lease_release(struct lease_store *s, const struct ip *ip, struct bytes owner, struct err *e)
{
	char name[IP_TEXT_MAX];

	if (unlinkat(s->fd, ip_text(ip, name), 0) < 0 && errno != ENOENT)
		return fail(e, errno, "remove lease %s/%s", s->dir, name);
	lease_index_drop(&s->index, owner, ip);
	return true;
}

/* ---- the cursor ---- */

static const char *cursor_name(struct lease_store *s, size_t set)
{
	return arena_printf(s->arena, "last_reserved_ip.%zu", set);
}

struct ip lease_cursor(struct lease_store *s, size_t set)
{
	autoclose int fd = openat(s->fd, cursor_name(s, set), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct ip ip = { { 0 } };
	struct err e = ERR_INIT;
	char text[IP_TEXT_MAX];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return ip;
	text[n] = '\0';
	return ip_parse(text, &ip, &e) ? ip : (struct ip){ { 0 } };
}

/* In place: emptying the file first would make ext4 write it out at once. A torn cursor is no harm. */
bool lease_cursor_set(struct lease_store *s, size_t set, const struct ip *ip, struct err *e)
{
	const char *name = cursor_name(s, set);
	autoclose int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	char text[IP_TEXT_MAX];
	struct stat st;

	if (fd < 0)
		return fail(e, errno, "open %s/%s", s->dir, name);
	ip_text(ip, text);
	if (!fd_write_all(fd, text, strlen(text), e))
		return wrap(e, "%s/%s", s->dir, name);
	if (fstat(fd, &st) < 0 || (st.st_size != (off_t)strlen(text) && ftruncate(fd, (off_t)strlen(text)) < 0))
		return fail(e, errno, "truncate %s/%s", s->dir, name);
	return true;
}
