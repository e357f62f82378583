// SPDX-License-Identifier: Apache-2.0
/*
 * The store and its index, against other hands that change the same files: another program, a crash, an
 * administrator. All of it twice: in /tmp, and on ramfs, which stamps files with the time of the last tick, so that
 * changes right after each other have the same mtime.
 */
#include <setjmp.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/ipam/lease_store.h"

#include <cmocka.h>

static struct arena a;
static char top[] = "/tmp/crimp-store-XXXXXX";
static const char *dir, *store_dir;

static struct bytes owner(const char *cid, const char *ifname)
{
	struct err e = ERR_INIT;
	struct bytes b = { 0 };

	assert_true(lease_owner(&a, cid, ifname, &b, &e));
	return b;
}

static void open_store(struct lease_store *s)
{
	struct err e = ERR_INIT;
	bool there;

	*s = LEASE_STORE_CLOSED;
	if (!lease_store_open(s, &a, dir, "net", true, &there, &e))
		fail_msg("%s", e.text);
	assert_true(there);
}

static struct ip addr(unsigned i)
{
	struct ip base = ip4(10, 1, 0, 0);

	return ip_add(&base, i);
}

static bool take(struct lease_store *s, unsigned i, struct bytes who)
{
	struct err e = ERR_INIT;
	struct ip ip = addr(i);
	bool taken;

	if (!lease_take(s, &ip, who, &taken, &e))
		fail_msg("%s", e.text);
	return !taken;
}

static void release(struct lease_store *s, unsigned i, struct bytes who)
{
	struct err e = ERR_INIT;
	struct ip ip = addr(i);

	if (!lease_release(s, &ip, who, &e))
		fail_msg("%s", e.text);
}

static size_t found(struct lease_store *s, struct bytes who)
{
	struct err e = ERR_INIT;
	struct ip *ips;
	size_t n;

	if (!lease_find(s, who, &ips, &n, &e))
		fail_msg("%s", e.text);
	return n;
}

static char *lease_path(unsigned i)
{
	char text[IP_TEXT_MAX];
	struct ip ip = addr(i);

	return fs_join(&a, store_dir, ip_text(&ip, text));
}

/* What another program does: no index, no mark. */
static void foreign_write(unsigned i, const char *text)
{
	struct err e = ERR_INIT;
	bool made = fs_mkdirs(store_dir, 0755, &e);
	autoclose int fd = open(lease_path(i), O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(made && fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Open, ask one question, close: what one process does. */
static size_t ask(struct bytes who)
{
	autostore s = LEASE_STORE_CLOSED;

	open_store(&s);
	return found(&s, who);
}

static bool next_free(unsigned from, unsigned to, unsigned *ret)
{
	autostore s = LEASE_STORE_CLOSED;
	struct ip first = addr(from), last = addr(to), base = addr(0), got;

	open_store(&s);
	if (!lease_next_free(&s, &first, &last, &got))
		return false;
	*ret = (unsigned)ip_distance(&base, &got);
	return true;
}

static void test_files(void **state)
{
	struct err e = ERR_INIT;
	struct bytes text;
	struct stat st;
	struct ip six;
	bool taken;

	(void)state;
	{
		autostore s = LEASE_STORE_CLOSED;

		open_store(&s);
		assert_true(take(&s, 5, owner("cid", "eth0")));
		assert_false(take(&s, 5, owner("other", "eth0")));
		assert_true(ip_parse("fd00:0:0:1::A", &six, &e));
		assert_true(lease_take(&s, &six, owner("cid", "eth0"), &taken, &e) && !taken);
		assert_true(lease_cursor_set(&s, 3, &six, &e));
		assert_true(lease_cursor_set(&s, 3, &(struct ip[]){ addr(7) }[0], &e));
	}
	assert_true(fs_read(&a, lease_path(5), 100, &text, &e));
	assert_string_equal(text.data, "cid\r\neth0");
	assert_int_equal(stat(lease_path(5), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_true(fs_read(&a, fs_join(&a, store_dir, "fd00:0:0:1::a"), 100, &text, &e));
	assert_true(fs_read(&a, fs_join(&a, store_dir, "last_reserved_ip.3"), 100, &text, &e));
	assert_string_equal(text.data, "10.1.0.7");
	assert_int_equal(ask(owner("cid", "eth0")), 2);
	assert_int_equal(ask(owner("cid", "eth1")), 0);
	assert_int_equal(ask(owner("other", "eth0")), 0);
}

static void test_missing(void **state)
{
	autostore s = LEASE_STORE_CLOSED;
	struct err e = ERR_INIT;
	struct bytes who;
	char *long_id = arena_alloc(&a, LEASE_MAX + 1);
	bool there = true;

	(void)state;
	assert_true(lease_store_open(&s, &a, dir, "no-such-net", false, &there, &e));
	assert_false(there);
	assert_int_equal(access(fs_join(&a, dir, "no-such-net"), F_OK), -1);
	memset(long_id, 'x', LEASE_MAX);
	assert_false(lease_owner(&a, long_id, "eth0", &who, &e));
}

/*
 * A change by other hands right after ours falls into the same tick of the kernel's clock, and must be noticed all
 * the same.
 */
static void test_foreign_changes(void **state)
{
	struct bytes foreign = owner("foreign", "eth0"), ours = owner("ours", "eth0");
	unsigned got;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		{
			autostore s = LEASE_STORE_CLOSED;

			open_store(&s);
			assert_true(take(&s, 2 * i, ours));
			assert_true(s.index.fresh);
		}
		foreign_write(2 * i + 1, "foreign\r\neth0");
		assert_int_equal(ask(foreign), i + 1);
	}
	for (unsigned i = 0; i < 100; i++) {
		{
			autostore s = LEASE_STORE_CLOSED;

			open_store(&s);
			release(&s, 2 * i, ours);
		}
		assert_int_equal(unlink(lease_path(2 * i + 1)), 0);
		assert_true(next_free(2 * i + 1, 2 * i + 1, &got));
		assert_int_equal(ask(foreign), 99 - i);
	}
}

/* Without changes by others the index is used, not rebuilt. */
static void test_stays_fresh(void **state)
{
	(void)state;
	ask(owner("x", "y"));
	for (unsigned i = 0; i < 5; i++) {
		autostore s = LEASE_STORE_CLOSED;

		open_store(&s);
		assert_true(s.index.fresh);
		assert_false(s.walked);
		assert_true(take(&s, i, owner("ours", "eth0")));
		if (i % 2)
			release(&s, i, owner("ours", "eth0"));
	}
	assert_int_equal(ask(owner("ours", "eth0")), 3);
}

static void test_debris(void **state)
{
	struct err e = ERR_INIT;
	struct bytes text;
	struct stat st;

	(void)state;
	foreign_write(1, "");
	foreign_write(2, "old-container\n");
	foreign_write(3, "  ");
	assert_int_equal(ask(owner("old-container", NULL)), 1);
	assert_int_equal(ask(owner("old-container", "eth0")), 0);
	{
		autostore s = LEASE_STORE_CLOSED;

		open_store(&s);
		assert_true(take(&s, 1, owner("new", "eth0")));
		assert_false(take(&s, 2, owner("new", "eth0")));
		assert_true(take(&s, 3, owner("new", "eth0")));
	}
	assert_true(fs_read(&a, lease_path(1), 100, &text, &e));
	assert_string_equal(text.data, "new\r\neth0");
	assert_int_equal(stat(lease_path(3), &st), 0);
	assert_int_equal(st.st_size, 9);
	assert_int_equal(ask(owner("new", "eth0")), 2);
}

static void test_cursor(void **state)
{
	autostore s = LEASE_STORE_CLOSED;
	struct err e = ERR_INIT;
	struct ip ip = addr(300), got;

	(void)state;
	open_store(&s);
	got = lease_cursor(&s, 0);
	assert_true(ip_is_unset(&got));
	assert_true(lease_cursor_set(&s, 0, &ip, &e));
	got = lease_cursor(&s, 0);
	assert_true(ip_eq(&got, &ip));
	assert_true(fs_write_atomic(fs_join(&a, store_dir, "last_reserved_ip.0"), (struct bytes){ "10.1.0.\xff", 8 },
				    0600, &e));
	got = lease_cursor(&s, 0);
	assert_true(ip_is_unset(&got));
}

/* Whatever lies where the index should be, the answers are right, and taking and releasing work. */
static void assert_works(bool want_fresh)
{
	unsigned got;

	{
		autostore s = LEASE_STORE_CLOSED;

		open_store(&s);
		assert_int_equal(s.index.fresh, want_fresh);
		assert_int_equal(found(&s, owner("one", "eth0")), 1);
		assert_false(take(&s, 1, owner("two", "eth0")));
		assert_true(take(&s, 2, owner("two", "eth0")));
		assert_int_equal(found(&s, owner("two", "eth0")), 1);
		release(&s, 2, owner("two", "eth0"));
		assert_int_equal(found(&s, owner("two", "eth0")), 0);
	}
	assert_true(next_free(2, 9, &got));
	assert_int_equal(got, 2);
}

static void test_broken_index(void **state)
{
	char *index = arena_printf(&a, "%s/.crimp/net.index", dir);
	struct err e = ERR_INIT;
	struct bytes whole;

	(void)state;
	foreign_write(1, "one\r\neth0");
	assert_works(true);
	assert_true(fs_read(&a, index, 1 << 20, &whole, &e));
	for (size_t cut = 0; cut < whole.len; cut += cut < 200 ? 50 : 4096) {
		assert_int_equal(truncate(index, (off_t)cut), 0);
		assert_works(true);
	}
	for (size_t at = 0; at < 112; at++) {
		autoclose int fd = open(index, O_RDWR);
		char c;

		assert_int_equal(pread(fd, &c, 1, (off_t)at), 1);
		c ^= 1;
		assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
		assert_works(true);
	}
	assert_int_equal(unlink(index), 0);
	assert_int_equal(mkdir(index, 0700), 0);
	assert_works(false);
	assert_int_equal(rmdir(index), 0);
	assert_int_equal(symlink("/dev/null", index), 0);
	assert_works(false);
	assert_int_equal(unlink(index) | rmdir(fs_join(&a, dir, ".crimp")), 0);
	assert_true(fs_write_atomic(fs_join(&a, dir, ".crimp"), (struct bytes){ "", 0 }, 0600, &e));
	assert_works(false);
	assert_int_equal(unlink(fs_join(&a, dir, ".crimp")), 0);
	assert_works(true);
}

/* Another directory under the same name has its own leases. */
static void test_replaced(void **state)
{
	char *aside = fs_join(&a, dir, "aside");

	(void)state;
	{
		autostore s = LEASE_STORE_CLOSED;

		open_store(&s);
		assert_true(take(&s, 1, owner("one", "eth0")));
	}
	assert_int_equal(rename(store_dir, aside), 0);
	assert_int_equal(ask(owner("one", "eth0")), 0);
	assert_int_equal(unlink(fs_join(&a, store_dir, "lock")) | rmdir(store_dir), 0);
	assert_int_equal(rename(aside, store_dir), 0);
	assert_int_equal(ask(owner("one", "eth0")), 1);
}

static void test_growth(void **state)
{
	char cid[20];
	unsigned got, n = 3000;

	(void)state;
	{
		autostore s = LEASE_STORE_CLOSED;

		open_store(&s);
		for (unsigned i = 0; i < n; i++) {
			snprintf(cid, sizeof(cid), "c%u", i);
			assert_true(take(&s, i, owner(cid, "eth0")));
		}
		assert_true(s.index.fresh);
		assert_true(s.index.head.pages >= n / 63);
	}
	autostore s = LEASE_STORE_CLOSED;

	open_store(&s);
	assert_false(s.walked);
	for (unsigned i = 0; i < n; i++) {
		snprintf(cid, sizeof(cid), "c%u", i);
		assert_int_equal(found(&s, owner(cid, "eth0")), 1);
	}
	for (unsigned from = 0; from < n; from += 77) {
		struct ip first = addr(from), last = addr(n + 5), full = addr(n - 1), free, want = addr(n);

		assert_true(lease_next_free(&s, &first, &last, &free));
		assert_true(ip_eq(&free, &want));
		assert_false(lease_next_free(&s, &first, &full, &free));
	}
	release(&s, 1234, owner("c1234", "eth0"));
	lease_store_close(&s);
	assert_true(next_free(0, n - 1, &got));
	assert_int_equal(got, 1234);
}

/* One attachment with more leases than a bucket has slots, so that searches pass from bucket to bucket. */
static void test_spill(void **state)
{
	autostore s = LEASE_STORE_CLOSED;

	(void)state;
	open_store(&s);
	for (unsigned i = 0; i < 200; i++)
		assert_true(take(&s, i, owner("same", "eth0")));
	assert_true(s.index.fresh);
	assert_int_equal(found(&s, owner("same", "eth0")), 200);
	for (unsigned i = 0; i < 200; i += 2)
		release(&s, i, owner("same", "eth0"));
	assert_int_equal(found(&s, owner("same", "eth0")), 100);
	assert_true(s.index.fresh);
}

/* Someone frees an address in the moment of our own work: counting anew finds it. */
static void test_recount(void **state)
{
	autostore s = LEASE_STORE_CLOSED;
	struct ip first = addr(0), last = addr(9), got;

	(void)state;
	open_store(&s);
	for (unsigned i = 0; i < 10; i++)
		assert_true(take(&s, i, owner("x", "eth0")));
	s.walked = false;
	assert_int_equal(unlink(lease_path(4)), 0);
	assert_false(lease_next_free(&s, &first, &last, &got));
	assert_true(lease_recount(&s));
	assert_true(lease_next_free(&s, &first, &last, &got));
	assert_int_equal(got.b[15], 4);
	assert_false(lease_recount(&s));
}

static bool drop(struct lease_store *s, const struct ip *ip, struct bytes text, void *arg, struct err *e)
{
	*(unsigned *)arg += 1;
	return lease_release(s, ip, text, e);
}

/* Random work by us and by others, against a model that cannot be wrong. */
static void test_random(void **state)
{
	enum { ADDRESSES = 600, OWNERS = 40 };
	int model[ADDRESSES];
	unsigned seed = 7, left = 0, dropped = 0;
	struct err e = ERR_INIT;

	(void)state;
	for (unsigned i = 0; i < ADDRESSES; i++)
		model[i] = -1;
	for (unsigned step = 0; step < 1500; step++) {
		unsigned i = (unsigned)rand_r(&seed) % ADDRESSES, who = (unsigned)rand_r(&seed) % OWNERS,
			 kind = (unsigned)rand_r(&seed) % 8;
		struct bytes text = owner(arena_printf(&a, "c%u", who), "eth0");

		if (kind == 0 && model[i] < 0) {
			foreign_write(i, text.data);
			model[i] = (int)who;
		} else if (kind == 1 && model[i] >= 0) {
			assert_int_equal(unlink(lease_path(i)), 0);
			model[i] = -1;
		} else if (kind < 5) {
			autostore s = LEASE_STORE_CLOSED;

			open_store(&s);
			assert_int_equal(take(&s, i, text), model[i] < 0);
			if (model[i] < 0)
				model[i] = (int)who;
		} else if (kind == 5 && model[i] >= 0) {
			autostore s = LEASE_STORE_CLOSED;

			open_store(&s);
			release(&s, i, owner(arena_printf(&a, "c%d", model[i]), "eth0"));
			model[i] = -1;
		} else {
			unsigned want = 0, got = ADDRESSES, first_free = i;

			for (unsigned k = 0; k < ADDRESSES; k++)
				want += model[k] == (int)who;
			assert_int_equal(ask(text), want);
			while (first_free < ADDRESSES && model[first_free] >= 0)
				first_free++;
			next_free(i, ADDRESSES - 1, &got);
			assert_int_equal(got, first_free);
		}
	}
	for (unsigned i = 0; i < ADDRESSES; i++)
		left += model[i] >= 0;

	autostore s = LEASE_STORE_CLOSED;

	open_store(&s);
	assert_true(lease_each(&s, drop, &dropped, &e));
	assert_int_equal(dropped, left);
	assert_int_equal(s.index.fresh, true);
}

static int start(void **state)
{
	(void)state;
	arena_init(&a, NULL, 0);
	memcpy(top + sizeof(top) - 7, "XXXXXX", 6);
	if (!mkdtemp(top))
		return -1;
	dir = fs_join(&a, top, "data");
	store_dir = fs_join(&a, dir, "net");
	return mkdir(dir, 0700);
}

/* In a mount namespace of our own. Who may not mount repeats the tests in /tmp. */
static int start_ramfs(void **state)
{
	if (start(state) < 0)
		return -1;
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
		return 0;
	if (mount("none", top, "ramfs", 0, NULL) < 0)
		return 0;
	return mkdir(dir, 0700);
}

static int remove_all(const char *path)
{
	struct err e = ERR_INIT;
	char **names;
	size_t n;

	if (!fs_list(&a, path, false, &names, &n, &e))
		return -1;
	for (size_t i = 0; i < n; i++) {
		char *name = fs_join(&a, path, names[i]);

		if (unlink(name) < 0 && remove_all(name) < 0)
			return -1;
	}
	return rmdir(path);
}

/* Each test begins with an empty data directory. */
static int clean(void **state)
{
	(void)state;
	return remove_all(dir) < 0 ? -1 : mkdir(dir, 0700);
}

static int stop(void **state)
{
	int failed;

	(void)state;
	failed = rmdir(dir);
	umount(top);
	rmdir(dir);
	arena_done(&a);
	return failed | rmdir(top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_files, clean),
		cmocka_unit_test_teardown(test_missing, clean),
		cmocka_unit_test_teardown(test_foreign_changes, clean),
		cmocka_unit_test_teardown(test_stays_fresh, clean),
		cmocka_unit_test_teardown(test_debris, clean),
		cmocka_unit_test_teardown(test_cursor, clean),
		cmocka_unit_test_teardown(test_broken_index, clean),
		cmocka_unit_test_teardown(test_replaced, clean),
		cmocka_unit_test_teardown(test_growth, clean),
		cmocka_unit_test_teardown(test_spill, clean),
		cmocka_unit_test_teardown(test_recount, clean),
		cmocka_unit_test_teardown(test_random, clean),
	};

	int here = cmocka_run_group_tests_name("in /tmp", tests, start, stop);

	return here + cmocka_run_group_tests_name("on ramfs", tests, start_ramfs, stop);
}
