// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <sys/socket.h>

#include "lib/ip.h"

#include <cmocka.h>

static struct ip ip(const char *s)
{
	struct ip a;
	struct err e = ERR_INIT;

	if (!ip_parse(s, &a, &e))
		fail_msg("%s", e.text);
	return a;
}

static struct cidr cidr(const char *s)
{
	struct cidr c;
	struct err e = ERR_INIT;

	if (!cidr_parse(s, &c, &e))
		fail_msg("%s", e.text);
	return c;
}

static void test_text(void **state)
{
	static const char *const rows[][2] = {
		{ "0.0.0.0", "0.0.0.0" },
		{ "192.168.100.255", "192.168.100.255" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "1::", "1::" },
		{ "FE80::A", "fe80::a" },
		{ "2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
		{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
		{ "1:0:0:2:0:0:0:3", "1:0:0:2::3" },
		{ "::ffff:1.2.3.4", "1.2.3.4" },
		{ "::ffff:102:304", "1.2.3.4" },
		{ "::1.2.3.4", "::102:304" },
		{ "64:ff9b::10.0.0.1", "64:ff9b::a00:1" },
		{ "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[IP_TEXT_MAX];
		struct ip a = ip(rows[i][0]);

		assert_string_equal(ip_text(&a, text), rows[i][1]);
	}
}

static void test_refused(void **state)
{
	static const char *const rows[] = {
		"", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "256.1.1.1", "01.2.3.4", "1.2.3.00", "1.2.3.4 ", " 1.2.3.4",
		"0x1.2.3.4", "1.2.3.-4", ":", ":::", "1:", ":1", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:",
		"1::2:3:4:5:6:7:8", "12345::", "::00001", "g::", "fe80::1%eth0", "::1.2.3", "::1.2.3.04", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4",
		"1:2:3:4:5:1.2.3.4", "1:2:3:4:5:6:7:8::", "::ffff:1.2.3.4/24", "1.2.3.4/24",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip a = ip4(9, 9, 9, 9), before = a;
		struct err e = ERR_INIT;

		if (ip_parse(rows[i], &a, &e))
			fail_msg("accepted: %s", rows[i]);
		assert_true(ip_eq(&a, &before));
		assert_non_null(strstr(e.text, "invalid IP address: "));
	}
}

static void test_cidr(void **state)
{
	static const char *const rows[][2] = {
		{ "10.1.2.3/16", "10.1.2.3/16" },
		{ "10.1.2.3/0", "10.1.2.3/0" },
		{ "10.1.2.3/024", "10.1.2.3/24" },
		{ "::ffff:1.2.3.4/120", "1.2.3.4/24" },
		{ "::ffff:1.2.3.4/64", "1.2.3.4/0" },
		{ "fd00::1/128", "fd00::1/128" },
		{ "::/0", "::/0" },
	};
	static const char *const bad[] = {
		"10.1.2.3", "10.1.2.3/", "10.1.2.3/33", "10.1.2.3/99", "10.1.2.3/-1", "10.1.2.3/+8", "10.1.2.3/8 ", "10.1.2.3/8/8", "fd00::/129", "/24",
		"fe80::1%lo/64", "01.2.3.4/8", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/64", "10.1.2.3/4294967304",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[CIDR_TEXT_MAX];
		struct cidr c = cidr(rows[i][0]);

		assert_string_equal(cidr_text(&c, text), rows[i][1]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct cidr c;
		struct err e = ERR_INIT;

		if (cidr_parse(bad[i], &c, &e))
			fail_msg("accepted: %s", bad[i]);
	}
}

static void test_mac(void **state)
{
	static const char *const good[] = { "00:1b:2C:3d:4E:5f", "00-1b-2c-3d-4e-5f", "001b.2c3d.4e5f" };
	static const char *const bad[] = {
		"", "00:1b:2c:3d:4e", "00:1b:2c:3d:4e:5", "00:1b:2c:3d:4e:5f:60", "00:1b-2c:3d:4e:5f", "00.1b.2c.3d.4e.5f", "001b:2c3d:4e5f", "001b.2c3d.4e5g",
		"0:1b:2c:3d:4e:5f0", "02:00:5e:10:00:00:00:01",
	};
	struct err e = ERR_INIT;
	struct mac m;
	char text[MAC_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(mac_parse(good[i], &m, &e));
		assert_string_equal(mac_text(&m, text), "00:1b:2c:3d:4e:5f");
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (mac_parse(bad[i], &m, &e))
			fail_msg("accepted: %s", bad[i]);
	assert_true(mac_is_unset(&(struct mac){ { 0 } }));
	assert_false(mac_is_unset(&m));
}

static void assert_add(const char *from, int64_t n, const char *want)
{
	char text[IP_TEXT_MAX];
	struct ip a = ip(from), sum = ip_add(&a, n);

	assert_string_equal(ip_text(&sum, text), want);
}

static void test_arithmetic(void **state)
{
	(void)state;
	assert_add("10.0.0.255", 1, "10.0.1.0");
	assert_add("10.0.1.0", -1, "10.0.0.255");
	assert_add("255.255.255.255", 1, "0.0.0.0");
	assert_add("0.0.0.0", -1, "255.255.255.255");
	assert_add("10.0.0.0", 65536 + 7, "10.1.0.7");
	assert_add("fd00::ffff:ffff:ffff:ffff", 1, "fd00:0:0:1::");
	assert_add("fd00:0:0:1::", -1, "fd00::ffff:ffff:ffff:ffff");
	assert_add("::", -1, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	assert_int_equal(ip_distance(&(struct ip[]){ ip("10.0.0.1") }[0], &(struct ip[]){ ip("10.0.1.1") }[0]), 256);

	struct ip low = ip("fd00::ffff:ffff:ffff:ffff"), high = ip("fd00:0:0:1::1"), far = ip("fd01::");

	assert_int_equal(ip_distance(&low, &high), 2);
	assert_true(ip_distance(&low, &far) == UINT64_MAX);
	assert_true(ip_cmp(&low, &high) < 0 && ip_cmp(&high, &low) > 0);
}

static void assert_ends(const char *text, const char *network, const char *last)
{
	struct cidr c = cidr(text);
	struct ip first = cidr_network(&c), end = cidr_last(&c), want_first = ip(network), want_end = ip(last);

	assert_true(ip_eq(&first, &want_first));
	assert_true(ip_eq(&end, &want_end));
}

static void test_networks(void **state)
{
	struct cidr c = cidr("10.1.0.0/16"), inner = cidr("10.1.200.0/24"), other = cidr("10.2.0.0/16"),
		    all6 = cidr("::/0");
	struct ip in = ip("10.1.255.255"), out = ip("10.2.0.0"), six = ip("fd00::1");

	(void)state;
	assert_ends("10.1.2.3/16", "10.1.0.0", "10.1.255.255");
	assert_ends("10.1.2.3/30", "10.1.2.0", "10.1.2.3");
	assert_ends("10.1.2.3/32", "10.1.2.3", "10.1.2.3");
	assert_ends("10.1.2.3/0", "0.0.0.0", "255.255.255.255");
	assert_ends("fd00::1234/118", "fd00::1000", "fd00::13ff");
	assert_true(cidr_has(&c, &in));
	assert_false(cidr_has(&c, &out));
	assert_true(cidr_has(&all6, &six));
	assert_false(cidr_has(&all6, &in));
	assert_true(cidr_overlap(&c, &inner) && cidr_overlap(&inner, &c));
	assert_false(cidr_overlap(&c, &other));
}

static void test_kinds(void **state)
{
	struct ip v4 = ip4(10, 1, 2, 3), zero4 = ip4(0, 0, 0, 0), v6 = ip("fd00::1"), none = { { 0 } };
	struct ip back4 = ip_from_bytes(AF_INET, ip_bytes(&v4)), back6 = ip_from_bytes(AF_INET6, ip_bytes(&v6));
	struct ip loop4 = ip("127.9.0.1"), loop6 = ip("::1"), local4 = ip("169.254.1.1"), local6 = ip("febf::1");
	struct ip multi4 = ip("239.1.1.1"), multi6 = ip("ff02::1");

	(void)state;
	assert_true(ip_is4(&v4) && ip_is4(&zero4) && !ip_is4(&v6) && !ip_is4(&none));
	assert_true(ip_is_unset(&none) && !ip_is_unset(&zero4));
	assert_true(ip_eq(&back4, &v4) && ip_eq(&back6, &v6));
	assert_int_equal(ip_family(&v4), AF_INET);
	assert_int_equal(ip_family(&v6), AF_INET6);
	assert_int_equal(ip_size(&v4), 4);
	assert_int_equal(ip_bits(&v6), 128);
	assert_int_equal(cidr_host(&v4).len, 32);
	assert_true(ip_is_loopback(&loop4) && ip_is_loopback(&loop6) && !ip_is_loopback(&v4) && !ip_is_loopback(&none));
	assert_true(ip_is_link_local(&local4) && ip_is_link_local(&local6) && !ip_is_link_local(&v6));
	assert_true(ip_is_multicast(&multi4) && ip_is_multicast(&multi6) && !ip_is_multicast(&v4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text), cmocka_unit_test(test_refused), cmocka_unit_test(test_cidr),
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_arithmetic), cmocka_unit_test(test_networks), cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
