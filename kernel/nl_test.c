// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <sys/socket.h>

#include "kernel/nl.h"
#include "kernel/testns.h"

#include <cmocka.h>

static const struct ifinfomsg no_link = { 0 };

static void test_build(void **state)
{
	struct nl nl = { .fd = -1, .port = 7 };
	NLMSG_ON_STACK(m, 256);
	const struct nlmsghdr *h = (void *)m.buf;
	struct nl_attr tb[8], in[4];
	struct err e = ERR_INIT;

	(void)state;
	nl_begin(&nl, &m, 16, NLM_F_CREATE, &no_link, sizeof(no_link));
	nl_put_str(&m, 3, "abc");
	NL_NEST(&m, 5) {
		nl_put_u8(&m, 1, 9);
		nl_put_be16(&m, 2, 0x1234);
		nl_put_be64(&m, 3, 0x0102030405060708);
	}
	nl_put_u16(&m, 300, 1); /* beyond the table: dropped */
	nl_put_u32(&m, 6, 1);
	nl_put_u32(&m, 6, 2);
	assert_false(m.full);
	assert_int_equal(h->nlmsg_len, m.len);
	assert_int_equal(h->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE);
	assert_int_equal(h->nlmsg_pid, 7);
	OK(nl_parse_msg(h, sizeof(no_link), tb, 7, &e));
	assert_string_equal(nl_str(&tb[3]), "abc");
	assert_int_equal(nl_u32(&tb[6]), 2);
	assert_false(tb[1].there);
	OK(nl_parse(tb[5].data, tb[5].len, in, 3, &e));
	assert_int_equal(nl_u8(&in[1]), 9);
	assert_memory_equal(in[2].data, "\x12\x34", 2);
	assert_true(nl_be64(&in[3]) == 0x0102030405060708);
	assert_int_equal(nl_u32(&in[1]), 0); /* another size than asked */
}

static void test_full(void **state)
{
	struct nl nl = { .fd = -1 };
	NLMSG_ON_STACK(m, 48);
	struct err e = ERR_INIT;

	(void)state;
	nl_begin(&nl, &m, 16, 0, &no_link, sizeof(no_link));
	NL_NEST(&m, 1) {
		nl_put(&m, 2, "0123456789abcdef0123456789abcdef", 32);
		nl_put_u8(&m, 3, 1);
	}
	assert_true(m.full);
	assert_true(m.len <= m.cap);
	assert_false(nl_ask(&nl, &m, &e));
	assert_int_equal(e.num, EMSGSIZE);
	nl_reset(&m);
	nl_begin(&nl, &m, 16, NL_NO_ACK, &no_link, sizeof(no_link));
	assert_false(m.full);
	assert_int_equal(m.count, 0);
}

static void test_cut_attributes(void **state)
{
	static const uint16_t row[] = { 8, 1, 0, 0, 12, 2, 0, 0 }; /* the second says 12 and has 8 */
	struct nl_attr tb[3];
	struct err e = ERR_INIT;

	(void)state;
	memset(tb, 0x55, sizeof(tb));
	assert_false(nl_parse(row, sizeof(row), tb, 2, &e));
	assert_int_equal(e.num, EBADMSG);
	assert_int_equal(tb[0].len, 0x5555); /* untouched */
}

static void ask_up(struct nl *nl, struct nlmsg *m, int index)
{
	struct ifinfomsg ifi = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	nl_begin(nl, m, RTM_NEWLINK, 0, &ifi, sizeof(ifi));
}

static void test_batch_names_the_failed_message(void **state)
{
	NLMSG_ON_STACK(m, 512);
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	unsigned index = 99;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	ask_up(&nl, &m, 1);
	ask_up(&nl, &m, 4711);
	ask_up(&nl, &m, 1);
	assert_false(nl_send(&nl, &m, NULL, NULL, &index, &e));
	assert_int_equal(index, 1);
	assert_int_equal(e.num, ENODEV);
	assert_string_equal(e.text, "No such device");
	nl_reset(&m);
	ask_up(&nl, &m, 1);
	e = ERR_INIT;
	OK(nl_ask(&nl, &m, &e)); /* nothing of the failed batch is left in the queue */
}

static void test_kernel_sentence(void **state)
{
	struct ifinfomsg ifi = { .ifi_index = -1 };
	NLMSG_ON_STACK(m, 128);
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	nl_begin(&nl, &m, RTM_NEWLINK, NLM_F_CREATE, &ifi, sizeof(ifi));
	assert_false(nl_ask(&nl, &m, &e));
	assert_int_equal(e.num, EINVAL);
	assert_true(strncmp(e.text, "Invalid argument: ", 18) == 0);
	assert_true(strlen(e.text) > 18);
}

static void test_many_acknowledgements(void **state)
{
	static uint8_t bytes[2000 * 32];
	struct nlmsg m = { .buf = bytes, .cap = sizeof(bytes) };
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	for (int i = 0; i < 2000; i++)
		ask_up(&nl, &m, 1);
	assert_int_equal(m.count, 2000);
	OK(nl_ask(&nl, &m, &e));
}

static bool count(const struct nlmsghdr *h, void *arg, struct err *e)
{
	(void)e;
	*(int *)arg += h->nlmsg_type == RTM_NEWLINK;
	return true;
}

static bool refuse(const struct nlmsghdr *h, void *arg, struct err *e)
{
	(void)h;
	(void)arg;
	return (fail)(e, EDOM, "no more"); /* cmocka has a macro of that name */
}

static void test_dump(void **state)
{
	NLMSG_ON_STACK(m, 128);
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	int n = 0;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	nl_begin(&nl, &m, RTM_GETLINK, NLM_F_DUMP | NL_NO_ACK, &no_link, sizeof(no_link));
	OK(nl_dump(&nl, &m, count, NULL, &n, &e));
	assert_true(n >= 1);
	nl_reset(&m);
	nl_begin(&nl, &m, RTM_GETLINK, NLM_F_DUMP, &no_link, sizeof(no_link));
	assert_false(nl_dump(&nl, &m, refuse, NULL, NULL, &e));
	assert_int_equal(e.num, EDOM);
	assert_string_equal(e.text, "no more: Numerical argument out of domain");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_cut_attributes),
		cmocka_unit_test(test_batch_names_the_failed_message),
		cmocka_unit_test(test_kernel_sentence),
		cmocka_unit_test(test_many_acknowledgements),
		cmocka_unit_test(test_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
