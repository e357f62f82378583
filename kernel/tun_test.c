// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <unistd.h>

#include "kernel/testns.h"
#include "kernel/tun.h"

#include <cmocka.h>

#define NEED_TUN()                                                                        \
	do {                                                                              \
		if (!tun_usable(false, false, &e)) {                                      \
			fprintf(stderr, "skipped: %s\n", e.text);                         \
			skip();                                                           \
		}                                                                         \
	} while (0)

static void test_plain(void **state)
{
	struct tun_new n = { .name = "tap0" };
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct link l;
	struct tun t;

	(void)state;
	NEED_NETNS();
	NEED_TUN();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	OK(tun_tap_add(&n, &e));
	OK(link_get(&nl, "tap0", &l, &e));
	assert_string_equal(l.kind, "tun");
	assert_false(l.flags & IFF_UP);
	OK(tun_get(&nl, l.index, &t, &e));
	assert_true(t.tap && t.persist);
	assert_false(t.multi_queue || t.has_owner || t.has_group);
	/* There already: not opened, but refused. */
	assert_false(tun_tap_add(&n, &e));
	assert_int_equal(e.num, EEXIST);
	assert_non_null(strstr(e.text, "tap0"));
}

static void test_everything(void **state)
{
	struct tun_new n = { .name = "tap1", .multi_queue = true, .has_owner = true, .has_group = true, .group = 4711 };
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct link l;
	struct tun t;

	(void)state;
	NEED_NETNS();
	NEED_TUN();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	OK(tun_tap_add(&n, &e));
	OK(link_get(&nl, "tap1", &l, &e));
	OK(tun_get(&nl, l.index, &t, &e));
	assert_true(t.tap && t.persist && t.multi_queue && t.has_owner && t.has_group);
	assert_int_equal(t.owner, 0);
	assert_int_equal(t.group, 4711);
}

/* A user that no namespace has: after the interface was made, which goes again. */
static void test_leaves_nothing(void **state)
{
	struct tun_new n = { .name = "tap2", .has_owner = true, .owner = UINT32_MAX };
	struct err e = ERR_INIT, why = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct link l;

	(void)state;
	NEED_NETNS();
	NEED_TUN();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	assert_false(tun_tap_add(&n, &why));
	assert_non_null(strstr(why.text, "owner"));
	assert_false(link_get(&nl, "tap2", &l, &e));
	assert_int_equal(e.num, ENODEV);
}

static void test_label(void **state)
{
	struct tun_new n = { .name = "tap3", .label = "system_u:system_r:container_t:s0" };
	struct err e = ERR_INIT;

	(void)state;
	NEED_NETNS();
	if (access("/sys/fs/selinux/status", F_OK) == 0)
		skip();
	assert_false(tun_tap_add(&n, &e));
	assert_non_null(strstr(e.text, "SELinux is not enabled"));
	assert_false(tun_usable(false, true, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_leaves_nothing),
		cmocka_unit_test(test_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
