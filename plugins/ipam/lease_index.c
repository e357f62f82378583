// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* renameat() is declared there */
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "plugins/ipam/lease_index.h"

#include "lib/fs.h"

#define MAGIC "crimpix1"
#define FEWEST_PAGES 16
#define MOST_PAGES (1u << 20)
#define FULL_AT 44		/* slots per page on average: more, and buckets begin to overflow */
#define ROOMY_AT 28		/* what a new index starts with */
#define BLOCK 256		/* addresses */
#define NEIGHBOURS (16 * BLOCK)

enum { SLOT_FREE, SLOT_OWNER, SLOT_BLOCK };

_Static_assert(sizeof(struct index_slot) == 64 && sizeof(struct index_page) == 4096, "the file's layout");
_Static_assert(offsetof(struct index_head, sum) == 104, "no holes: the head is hashed as bytes");

/* FNV-1a, and a finaliser because buckets take the low bits. A collision costs one file read. */
static uint64_t hash_bytes(const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93;
	return h ^ h >> 32;
}

static struct ip round_down(const struct ip *ip, unsigned unit)
{
	return ip_add(ip, -(int64_t)((ip->b[14] << 8 | ip->b[15]) & (unit - 1)));
}

/* What is looked for, and the bucket where the search starts. */
struct key {
	uint32_t kind;
	uint64_t hash, home;
	struct ip ip;
};

static struct key owner_key(struct bytes text, const struct ip *ip)
{
	uint64_t h = hash_bytes(text.data, text.len);

	return (struct key){ .kind = SLOT_OWNER, .hash = h, .home = h, .ip = *ip };
}

static struct key block_key(const struct ip *ip)
{
	struct ip first = round_down(ip, BLOCK), group = round_down(ip, NEIGHBOURS);

	return (struct key){ .kind = SLOT_BLOCK,
			     .hash = hash_bytes(&first, sizeof(first)),
			     .home = hash_bytes(&group, sizeof(group)),
			     .ip = first };
}

/* ---- pages ---- */

static void table_drop(struct lease_index *x)
{
	if (x->table)
		munmap(x->table, x->head.pages * sizeof(*x->table));
	x->table = NULL;
	x->loaded = 0;
}

static void give_up(struct lease_index *x)
{
	x->fresh = false;
	table_drop(x);
}

static bool page_load(struct lease_index *x, uint32_t no)
{
	if (x->loaded == no)
		return true;
	x->loaded = 0;
	x->page = x->table ? &x->table[no - 1] : &x->buffer;
	if (!x->table && pread(x->fd, x->page, sizeof(*x->page), (off_t)no * sizeof(*x->page)) != sizeof(*x->page))
		return false;
	x->loaded = no;
	return true;
}

/* Write @n bytes at @part, which lies in the loaded page. */
static bool page_save(struct lease_index *x, const void *part, size_t n)
{
	off_t at = (off_t)x->loaded * sizeof(*x->page) + ((const char *)part - (const char *)x->page);

	x->dirty = true;
	return x->table || pwrite(x->fd, part, n, at) == (ssize_t)n;
}

/* Write what was collected in memory; empty buckets stay holes. */
static bool table_write(struct lease_index *x)
{
	static const struct index_page empty;

	for (uint32_t i = 0; x->table && i < x->head.pages; i++) {
		const struct index_page *p = &x->table[i];

		if (memcmp(p, &empty, sizeof(empty)) != 0 &&
		    pwrite(x->fd, p, sizeof(*p), (off_t)(i + 1) * sizeof(*p)) != sizeof(*p))
			return false;
	}
	table_drop(x);
	return true;
}

/* A walk over the slots where a key can be, bucket by bucket. */
struct probe {
	uint32_t page; /* 0: not started */
	uint32_t visited;
	unsigned slot;
};

/*
 * Load the bucket of the probe, or the one after it. False at the end of the
 * road, and (stale then) if it cannot be read.
 */
static bool probe_page(struct lease_index *x, struct probe *p, const struct key *k, bool onward)
{
	if (!p->page)
		p->page = 1 + (uint32_t)(k->home & (x->head.pages - 1));
	else if (onward)
		p->page = p->page < x->head.pages ? p->page + 1 : 1;
	if (onward) {
		p->slot = 0;
		p->visited++;
	}
	if (p->visited >= x->head.pages)
		return false;
	if (page_load(x, p->page))
		return true;
	give_up(x);
	return false;
}

static bool slot_matches(const struct index_slot *s, const struct key *k, bool any_ip)
{
	return s->kind == k->kind && s->hash == k->hash && (any_ip || ip_eq(&s->ip, &k->ip));
}

/* The next slot with this key, NULL if there is no more. */
static struct index_slot *probe_next(struct lease_index *x, struct probe *p, const struct key *k, bool any_ip)
{
	for (bool onward = false; probe_page(x, p, k, onward); onward = true) {
		while (p->slot < INDEX_SLOTS) {
			struct index_slot *s = &x->page->slots[p->slot++];

			if (slot_matches(s, k, any_ip))
				return s;
		}
		if (!x->page->spilled)
			break;
	}
	return NULL;
}

/* A free slot for the key. Full buckets on the way are marked, so that searches pass them. */
static struct index_slot *slot_free(struct lease_index *x, const struct key *k)
{
	struct probe p = { 0 };

	for (bool onward = false; probe_page(x, &p, k, onward); onward = true) {
		for (unsigned i = 0; i < INDEX_SLOTS; i++)
			if (x->page->slots[i].kind == SLOT_FREE)
				return &x->page->slots[i];
		x->page->spilled = 1;
		if (!page_save(x, &x->page->spilled, sizeof(x->page->spilled)))
			break;
	}
	return NULL;
}

/* Take a free slot for @new. It is the caller's to see that there is none of this key yet. */
static bool slot_add(struct lease_index *x, const struct key *k, const struct index_slot *new)
{
	struct index_slot *s = slot_free(x, k);

	if (!s)
		return false;
	*s = *new;
	x->head.used++;
	return page_save(x, s, sizeof(*s));
}

/* ---- the file ---- */

static bool boot_id(char dst[36])
{
	autoclose int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, dst, 36) == 36;
}

/* Fill in what identifies the present state of the store. */
static bool head_identify(struct lease_index *x, struct index_head *h)
{
	struct stat st;

	if (fstat(x->store, &st) < 0)
		return false;
	h->dev = st.st_dev;
	h->ino = st.st_ino;
	h->mtime[0] = st.st_mtim.tv_sec;
	h->mtime[1] = st.st_mtim.tv_nsec;
	h->ctime[0] = st.st_ctim.tv_sec;
	h->ctime[1] = st.st_ctim.tv_nsec;
	h->sum = hash_bytes(h, offsetof(struct index_head, sum));
	return true;
}

static bool head_read(struct lease_index *x)
{
	struct index_head now;

	if (pread(x->fd, &x->head, sizeof(x->head), 0) != sizeof(x->head) ||
	    memcmp(x->head.magic, MAGIC, sizeof(x->head.magic)) != 0)
		return false;
	if (x->head.pages < FEWEST_PAGES || x->head.pages > MOST_PAGES || x->head.pages & (x->head.pages - 1))
		return false;
	now = x->head;
	return boot_id(now.boot) && head_identify(x, &now) && memcmp(&now, &x->head, sizeof(now)) == 0;
}

void lease_index_open(struct lease_index *x, struct arena *a, const char *data_dir, const char *network, int store)
{
	*x = (struct lease_index){ .fd = -1, .store = store };
	x->name = arena_printf(a, "%s.index", network);
	x->spare = arena_printf(a, "%s.index~", network);
	x->dir = open(fs_join(a, data_dir, ".crimp"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->dir < 0 && errno == ENOENT && (mkdir(fs_join(a, data_dir, ".crimp"), 0700) == 0 || errno == EEXIST))
		x->dir = open(fs_join(a, data_dir, ".crimp"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->dir < 0)
		return;
	x->fd = openat(x->dir, x->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	x->fresh = x->fd >= 0 && head_read(x);
}

/* Give the store an mtime that no change can leave behind: see the theory of operation. */
static bool store_mark(struct lease_index *x)
{
	struct timespec now, times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct stat st;
	uint32_t random;

	fs_random(&random, sizeof(random));
	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return false;
	times[1] = (struct timespec){ .tv_sec = now.tv_sec - 3, .tv_nsec = random % 1000000000 };
	return futimens(x->store, times) == 0 && fstat(x->store, &st) == 0 && st.st_mtim.tv_sec <= now.tv_sec - 3;
}

static bool head_write(struct lease_index *x)
{
	return store_mark(x) && head_identify(x, &x->head) &&
	       pwrite(x->fd, &x->head, sizeof(x->head), 0) == sizeof(x->head);
}

void lease_index_close(struct lease_index *x)
{
	/* A head that could not be written describes an older mtime: it is stale as it should be. */
	if (x->fresh && x->dirty)
		x->fresh = head_write(x);
	fd_close(&x->fd);
	fd_close(&x->dir);
}

/* An empty index of @pages buckets in x->fd. Its head is zero until the end: dying on the way leaves no index. */
static bool file_init(struct lease_index *x, uint32_t pages)
{
	if (ftruncate(x->fd, 0) < 0 || ftruncate(x->fd, ((off_t)pages + 1) * (off_t)sizeof(*x->page)) < 0)
		return false;
	x->head = (struct index_head){ .pages = pages };
	memcpy(x->head.magic, MAGIC, sizeof(x->head.magic));
	x->dirty = true;
	return boot_id(x->head.boot);
}

void lease_index_begin(struct lease_index *x, size_t n)
{
	uint32_t pages = FEWEST_PAGES;

	give_up(x);
	while (pages < n / ROOMY_AT && pages < MOST_PAGES)
		pages *= 2;
	if (x->dir < 0)
		return;
	if (x->fd < 0)
		x->fd = openat(x->dir, x->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	/* If the mark or the first page cannot be written there is no use in putting thousands of leases. */
	x->fresh = x->fd >= 0 && file_init(x, pages) && store_mark(x) && head_identify(x, &x->head) &&
		   pwrite(x->fd, &(char){ 0 }, 1, sizeof(*x->page)) == 1;
	if (!x->fresh)
		return;
	x->table = mmap(NULL, pages * sizeof(*x->table), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (x->table == MAP_FAILED)
		x->table = NULL;
}

void lease_index_end(struct lease_index *x)
{
	struct index_head now = x->head;

	if (!x->fresh || !head_identify(x, &now) || memcmp(now.mtime, x->head.mtime, sizeof(now.mtime)) != 0 ||
	    !table_write(x))
		give_up(x);
}

/* Move everything into a file of twice the buckets. */
static bool grow(struct lease_index *x)
{
	struct lease_index big = { .dir = x->dir, .store = x->store, .fresh = true };

	if (x->head.pages >= MOST_PAGES)
		return false;
	big.fd = openat(x->dir, x->spare, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	bool ok = big.fd >= 0 && file_init(&big, x->head.pages * 2);

	for (uint32_t no = 1; ok && no <= x->head.pages; no++) {
		ok = page_load(x, no);
		for (unsigned i = 0; ok && i < INDEX_SLOTS; i++) {
			struct index_slot *s = &x->page->slots[i];
			struct key k = s->kind == SLOT_BLOCK ? block_key(&s->ip) : (struct key){ .home = s->hash };

			ok = s->kind == SLOT_FREE || slot_add(&big, &k, s);
		}
	}
	if (!ok || renameat(x->dir, x->spare, x->dir, x->name) < 0) {
		fd_close(&big.fd);
		return false;
	}
	table_drop(x);
	fd_close(&x->fd);
	x->fd = big.fd;
	x->head = big.head;
	return true;
}

/* ---- owners and blocks ---- */

static bool owner_put(struct lease_index *x, struct bytes text, const struct ip *ip)
{
	struct key k = owner_key(text, ip);
	struct probe p = { 0 };
	struct index_slot new = { .kind = SLOT_OWNER, .hash = k.hash, .ip = *ip };

	return !text.len || probe_next(x, &p, &k, false) || slot_add(x, &k, &new);
}

static bool owner_drop(struct lease_index *x, struct bytes text, const struct ip *ip)
{
	struct key k = owner_key(text, ip);
	struct probe p = { 0 };
	struct index_slot *s = text.len ? probe_next(x, &p, &k, false) : NULL;

	if (!s)
		return true;
	*s = (struct index_slot){ .kind = SLOT_FREE };
	x->head.used--;
	return page_save(x, s, sizeof(*s));
}

/* Blocks are kept when they become empty: their addresses are likely to be used again. */
static bool block_set(struct lease_index *x, const struct ip *ip, bool taken)
{
	struct key k = block_key(ip);
	struct probe p = { 0 };
	struct index_slot *s = probe_next(x, &p, &k, false);
	struct index_slot new = { .kind = SLOT_BLOCK, .hash = k.hash, .ip = k.ip };
	uint8_t bit = (uint8_t)(1u << ip->b[15] % 8), *byte = s ? &s->taken[ip->b[15] / 8] : &new.taken[ip->b[15] / 8];

	*byte = (uint8_t)(taken ? *byte | bit : *byte & ~bit);
	return s ? page_save(x, byte, 1) : !taken || slot_add(x, &k, &new);
}

void lease_index_put(struct lease_index *x, struct bytes text, const struct ip *ip)
{
	if (!x->fresh)
		return;

	bool room = x->head.used < (uint64_t)x->head.pages * FULL_AT || grow(x);

	if (!room || !owner_put(x, text, ip) || !block_set(x, ip, true))
		give_up(x);
}

void lease_index_drop(struct lease_index *x, struct bytes text, const struct ip *ip)
{
	if (x->fresh && (!owner_drop(x, text, ip) || !block_set(x, ip, false)))
		give_up(x);
}

void lease_index_find(struct lease_index *x, struct arena *a, struct bytes text, struct ip **ret, size_t *ret_n)
{
	struct key k = owner_key(text, &(struct ip){ { 0 } });
	struct probe p = { 0 };
	struct index_slot *s;
	struct ip *found = NULL;
	size_t n = 0, cap = 0;

	while (x->fresh && (s = probe_next(x, &p, &k, true))) {
		if (n == cap) {
			struct ip *more = arena_array(a, cap + 8, sizeof(*more));

			if (n)
				memcpy(more, found, n * sizeof(*more));
			found = more;
			cap += 8;
		}
		found[n++] = s->ip;
	}
	*ret = found;
	*ret_n = n;
}

/* The first clear bit of the block from @from on; BLOCK if there is none. */
static unsigned first_clear(const struct index_slot *s, unsigned from)
{
	for (unsigned i = from; i < BLOCK; i++) {
		if (i % 8 == 0 && s->taken[i / 8] == 0xff)
			i += 7;
		else if (!(s->taken[i / 8] & 1u << i % 8))
			return i;
	}
	return BLOCK;
}

bool lease_index_free(struct lease_index *x, const struct ip *first, const struct ip *last, struct ip *ret)
{
	struct ip at = *first;

	for (;;) {
		struct key k = block_key(&at);
		struct probe p = { 0 };
		struct index_slot *s = x->fresh ? probe_next(x, &p, &k, false) : NULL;
		unsigned i = s ? first_clear(s, at.b[15]) : at.b[15];
		uint64_t left = ip_distance(&at, last), step = i - at.b[15];

		if (step > left)
			return false;
		at = ip_add(&at, (int64_t)step);
		if (i < BLOCK)
			break;
	}
	*ret = at;
	return true;
}
