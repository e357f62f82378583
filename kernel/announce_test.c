// SPDX-License-Identifier: Apache-2.0
/* What the far end of a pair hears, and that nobody is left talking. */
#include <setjmp.h>
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kernel/addr.h"
#include "kernel/announce.h"
#include "kernel/testns.h"
#include "lib/fs.h"

#include <cmocka.h>

enum { FRAME = 128 };

static int pair(struct nl *nl, int *ret_far)
{
	struct veth_new v = { .name = "near", .peer_name = "far", .peer_netns = -1 };
	struct err e = ERR_INIT;
	int index = 0;

	OK(link_veth_add(nl, &v, &index, ret_far, &e));
	OK(link_set_up(nl, *ret_far, true, &e));
	return index;
}

static int listen_on(int index, uint16_t protocol)
{
	struct sockaddr_ll self = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = index };
	struct timeval limit = { .tv_sec = 4 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(protocol));

	assert_true(fd >= 0 && bind(fd, (void *)&self, sizeof(self)) == 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	return fd;
}

/* The next frame that is not the far end's own. */
static size_t hear(int fd, uint8_t frame[FRAME])
{
	struct sockaddr_ll from;
	ssize_t n;

	do {
		socklen_t len = sizeof(from);

		n = recvfrom(fd, frame, FRAME, 0, (void *)&from, &len);
	} while (n > 0 && from.sll_pkttype == PACKET_OUTGOING);
	return n > 0 ? (size_t)n : 0;
}

static void test_arp(void **state)
{
	static const uint8_t arp[] = { 0, 1, 8, 0, 6, 4, 0, 1 }, address[] = { 10, 1, 0, 5 };
	const struct ip ip = ip4(10, 1, 0, 5);
	autonl nl = NL_CLOSED;
	struct err e = ERR_INIT;
	uint8_t frame[FRAME];
	struct link l;
	int index, far, fd;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	index = pair(&nl, &far);
	OK(link_get_index(&nl, index, &l, &e));
	fd = listen_on(far, ETH_P_ARP);
	announce(index, &ip, 1);
	for (int i = 0; i < 3; i++) {
		/* After the first, another MAC. */
		if (i == 1) {
			l.mac.b[5] ^= 1;
			OK(link_set_mac(&nl, index, &l.mac, &e));
		}
		assert_true(hear(fd, frame) >= 42);
		assert_memory_equal(frame, "\xff\xff\xff\xff\xff\xff", 6);
		assert_memory_equal(frame + 6, l.mac.b, 6);
		assert_memory_equal(frame + 14, arp, sizeof(arp));
		assert_memory_equal(frame + 22, l.mac.b, 6);
		assert_memory_equal(frame + 28, address, 4);
		assert_memory_equal(frame + 38, address, 4);
	}
	assert_true(waitpid(-1, NULL, 0) > 0);
	close(fd);
}

static uint32_t sum(const uint8_t *p, size_t len)
{
	uint32_t s = 0;

	for (size_t i = 0; i < len; i += 2)
		s += (uint32_t)(p[i] << 8 | p[i + 1]);
	return s;
}

static void test_advertisement(void **state)
{
	autonl nl = NL_CLOSED;
	struct err e = ERR_INIT;
	uint8_t frame[FRAME];
	uint32_t check;
	struct ip ip;
	int index, far, fd;

	(void)state;
	NEED_NETNS();
	OK(ip_parse("fd00::5", &ip, &e));
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	index = pair(&nl, &far);
	fd = listen_on(far, ETH_P_IPV6);
	announce(index, &ip, 1);
	do /* the kernel has its own to say as the link comes up */
		assert_true(hear(fd, frame) >= 14 + 40 + 4);
	while (frame[20] != 58 || frame[54] != 136);
	assert_memory_equal(frame, "\x33\x33\0\0\0\1", 6);
	assert_memory_equal(frame + 22, ip.b, 16);
	assert_memory_equal(frame + 62, ip.b, 16);
	assert_int_equal(frame[21], 255);
	assert_int_equal(frame[58], 0x20);
	/* Addresses, length and protocol, and the message with its checksum: all ones. */
	check = sum(frame + 22, 32) + 32 + 58 + sum(frame + 54, 32);
	check = (check & 0xffff) + (check >> 16);
	assert_int_equal((check & 0xffff) + (check >> 16), 0xffff);
	OK(link_del(&nl, index, &e));
	/* Nothing to talk to any more: it ends before its time. */
	assert_true(waitpid(-1, NULL, 0) > 0);
	close(fd);
}

/* What cannot be sent is lost, and the next one is sent all the same. */
static void test_down_for_a_moment(void **state)
{
	const struct ip ip = ip4(10, 1, 0, 5);
	autonl nl = NL_CLOSED;
	struct err e = ERR_INIT;
	uint8_t frame[FRAME];
	int index, far, fd;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	index = pair(&nl, &far);
	fd = listen_on(far, ETH_P_ARP);
	OK(link_set_up(&nl, index, false, &e));
	announce(index, &ip, 1);
	usleep(300000);
	OK(link_set_up(&nl, index, true, &e));
	assert_true(hear(fd, frame) >= 42);
	OK(link_del(&nl, index, &e));
	assert_true(waitpid(-1, NULL, 0) > 0);
	close(fd);
}

/* "lo" has no neighbours. */
static void test_no_ethernet(void **state)
{
	const struct ip ip = ip4(127, 0, 0, 1);

	(void)state;
	NEED_NETNS();
	announce(1, &ip, 1);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_advertisement),
		cmocka_unit_test(test_down_for_a_moment),
		cmocka_unit_test(test_no_ethernet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
