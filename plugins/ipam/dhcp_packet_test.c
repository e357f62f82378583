// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <sys/socket.h>

#include "plugins/ipam/dhcp_lease.h"
#include "plugins/ipam/dhcp_socket.h"

#include <cmocka.h>

#define AT_OPTIONS 240

/* A message of a server, put together option by option. */
struct reply {
	uint8_t b[1024];
	size_t len;
};

static struct reply reply_to(uint8_t message)
{
	struct reply r = { .b = { 2, 1, 6 }, .len = AT_OPTIONS };

	memcpy(r.b + 4, "\x11\x22\x33\x44", 4);
	memcpy(r.b + 16, "\x0a\x09\x00\x05", 4);
	memcpy(r.b + 28, "\x02\x00\x00\x00\x00\x07", 6);
	memcpy(r.b + 236, "\x63\x82\x53\x63", 4);
	memcpy(r.b + r.len, (uint8_t[]){ 53, 1, message }, 3);
	r.len += 3;
	return r;
}

static void put(struct reply *r, uint8_t code, const char *value, size_t len)
{
	r->b[r->len++] = code;
	r->b[r->len++] = (uint8_t)len;
	if (len)
		memcpy(r->b + r->len, value, len);
	r->len += len;
}
#define PUT(r, code, text) put((r), (code), (text), sizeof(text) - 1)

static bool read_reply(const struct reply *r, struct dhcp_packet *p, struct err *e)
{
	return dhcp_packet_read((struct bytes){ (const char *)r->b, r->len }, p, e);
}

/* Mask, server and times as every server sends them. */
static struct reply ack(void)
{
	struct reply r = reply_to(DHCP_ACK);

	PUT(&r, 1, "\xff\xff\xff\x00");
	PUT(&r, 54, "\x0a\x09\x00\x01");
	return r;
}

static struct arena arena;

static struct dhcp_lease lease_of(const struct reply *r)
{
	struct err e = ERR_INIT;
	struct dhcp_packet p;
	struct dhcp_lease l = { 0 };

	if (!read_reply(r, &p, &e) || !dhcp_lease_read(&arena, &p, &l, &e))
		fail_msg("%s", e.text);
	return l;
}

static void lease_refused(const struct reply *r, const char *why)
{
	struct err e = ERR_INIT;
	struct dhcp_packet p;
	struct dhcp_lease l;

	assert_true(read_reply(r, &p, &e));
	assert_false(dhcp_lease_read(&arena, &p, &l, &e));
	assert_non_null(strstr(e.text, why));
}

static const char *text(const struct ip *ip)
{
	static char b[IP_TEXT_MAX];

	return ip_text(ip, b);
}

static void test_a_message_is_judged_as_a_whole(void **state)
{
	struct reply good = reply_to(DHCP_OFFER), r;
	struct dhcp_packet p;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(read_reply(&good, &p, &e));
	assert_int_equal(p.message, DHCP_OFFER);
	assert_string_equal(text(&p.yours), "10.9.0.5");
	assert_int_equal(p.chaddr.b[5], 7);
	for (size_t cut = 0; cut < good.len; cut++) {
		r = good;
		r.len = cut;
		assert_false(read_reply(&r, &p, &e));
	}
	r = good;
	r.b[0] = 1;
	assert_false(read_reply(&r, &p, &e));
	r = good;
	r.b[236]++;
	assert_false(read_reply(&r, &p, &e));
	r = reply_to(9);
	assert_false(read_reply(&r, &p, &e));
	r = reply_to(0);
	assert_false(read_reply(&r, &p, &e));
}

static void test_an_option_that_runs_out_of_the_message_spoils_it(void **state)
{
	struct reply r = ack();
	struct dhcp_packet p;
	struct err e = ERR_INIT;

	(void)state;
	r.b[r.len++] = 6;
	assert_false(read_reply(&r, &p, &e));
	r.b[r.len++] = 4;
	assert_false(read_reply(&r, &p, &e));
	r.len += 3;
	assert_false(read_reply(&r, &p, &e));
	r.len++;
	assert_true(read_reply(&r, &p, &e));
}

static void test_what_comes_after_the_end_does_not_count(void **state)
{
	struct reply r = ack();
	struct dhcp_packet p;
	struct err e = ERR_INIT;
	struct bytes v;

	(void)state;
	r.b[r.len++] = 0;
	r.b[r.len++] = 255;
	PUT(&r, 15, "late");
	r.b[r.len++] = 6;
	assert_true(read_reply(&r, &p, &e));
	assert_false(dhcp_packet_option(&p, &arena, 15, &v));
}

static void test_options_in_file_and_sname(void **state)
{
	struct reply r = ack();
	struct dhcp_packet p;
	struct err e = ERR_INIT;
	struct bytes v;

	(void)state;
	memcpy(r.b + 108,
	       "\x0f\x04"
	       "file\xff",
	       7);
	memcpy(r.b + 44,
	       "\x0f\x05"
	       "sname\xff",
	       8);
	assert_true(read_reply(&r, &p, &e));
	assert_false(dhcp_packet_option(&p, &arena, 15, &v));
	PUT(&r, 52, "\x03");
	PUT(&r, 15, "options");
	assert_true(read_reply(&r, &p, &e));
	assert_true(dhcp_packet_option(&p, &arena, 15, &v));
	assert_int_equal(v.len, 16);
	assert_memory_equal(v.data, "optionsfilesname", 16);
	r.b[r.len - 10] = 2; /* sname only */
	assert_true(read_reply(&r, &p, &e));
	assert_true(dhcp_packet_option(&p, &arena, 15, &v));
	assert_memory_equal(v.data, "optionssname", 12);
	r.b[r.len - 10] = 4;
	assert_false(read_reply(&r, &p, &e));
	r.b[r.len - 10] = 1;
	memcpy(r.b + 234, "\x0f\x04", 2); /* runs out of file */
	memset(r.b + 108, 0, 126);
	assert_false(read_reply(&r, &p, &e));
}

static void test_a_clients_message(void **state)
{
	char value[300];
	struct dhcp_head h = { .message = DHCP_DISCOVER,
			       .xid = 7,
			       .secs = 258,
			       .broadcast = true,
			       .client = ip4(10, 0, 0, 1),
			       .chaddr = { { 2, 3, 4, 5, 6, 7 } } };
	struct buf b;

	(void)state;
	memset(value, 'x', sizeof(value));
	buf_init(&b, &arena, 64);
	dhcp_packet_begin(&b, &h);
	assert_int_equal(b.len, AT_OPTIONS + 3);
	assert_memory_equal(b.data, "\x01\x01\x06\x00", 4);
	assert_memory_equal(b.data + 8, "\x01\x02\x80\x00\x0a\x00\x00\x01", 8);
	assert_memory_equal(b.data + 28, "\x02\x03\x04\x05\x06\x07\x00", 7);
	assert_memory_equal(b.data + 236, "\x63\x82\x53\x63\x35\x01\x01", 7);
	dhcp_packet_put(&b, 80, NULL, 0);
	assert_memory_equal(b.data + b.len - 2, "\x50\x00", 2);
	dhcp_packet_end(&b);
	assert_int_equal(b.len, 300);
	dhcp_packet_put(&b, 61, value, sizeof(value));
	assert_int_equal(b.len, 300 + 2 + 255 + 2 + 45);
	assert_int_equal((uint8_t)b.data[300 + 1], 255);
	assert_int_equal(b.data[300 + 257], 61);
	assert_int_equal(b.data[300 + 258], 45);
}

static void test_a_lease_needs_address_mask_and_server(void **state)
{
	struct reply r = ack();
	struct dhcp_lease l = lease_of(&r);

	(void)state;
	assert_int_equal(l.address.len, 24);
	assert_string_equal(text(&l.server), "10.9.0.1");
	assert_int_equal(l.n_routes + l.n_dns + l.n_routers + l.mtu, 0);
	assert_string_equal(l.domain, "");
	assert_null(l.search);
	r = reply_to(DHCP_ACK);
	PUT(&r, 54, "\x0a\x09\x00\x01");
	lease_refused(&r, "DHCP option Subnet Mask not found in DHCPACK");
	PUT(&r, 1, "\xff\x00\xff\x00");
	lease_refused(&r, "subnet mask ff00ff00");
	r = reply_to(DHCP_ACK);
	PUT(&r, 1, "\xff\xff\xff\x00");
	lease_refused(&r, "option 54");
	r = ack();
	memset(r.b + 16, 0, 4);
	lease_refused(&r, "address 0.0.0.0");
	r.b[16] = 224;
	lease_refused(&r, "address 224.0.0.0");
}

static void test_addresses_that_no_host_can_have(void **state)
{
	static const struct {
		const char *address, *mask;
		bool good;
	} cases[] = {
		{ "\x0a\x09\x00\x05", "\xff\xff\xff\x00", true },  { "\x00\x09\x00\x05", "\xff\xff\xff\x00", false },
		{ "\x7f\x00\x00\x05", "\xff\x00\x00\x00", false }, { "\xe0\x00\x00\x05", "\xff\xff\xff\x00", false },
		{ "\xf0\x00\x00\x05", "\xff\xff\xff\x00", false }, { "\xff\xff\xff\xff", "\xff\xff\xff\x00", false },
		{ "\x0a\x09\x00\x00", "\xff\xff\xff\x00", false }, { "\x0a\x09\x00\xff", "\xff\xff\xff\x00", false },
		{ "\x0a\x09\x00\xff", "\xff\xff\xfe\x00", true },  { "\x0a\x09\x00\x00", "\xff\xff\xff\xfe", true },
		{ "\x0a\x09\x00\xff", "\xff\xff\xff\xff", true },  { "\x0a\x09\x00\x01", "\xff\xff\xff\x00", false },
		{ "\x0a\x09\x00\x02", "\xff\xff\xff\x00", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct reply r = reply_to(DHCP_OFFER);
		struct err e = ERR_INIT;
		struct dhcp_packet p;

		memcpy(r.b + 16, cases[i].address, 4);
		put(&r, 1, cases[i].mask, 4);
		PUT(&r, 54, "\x0a\x09\x00\x01");
		PUT(&r, 3, "\x0a\x09\x00\x02");
		assert_true(read_reply(&r, &p, &e));
		assert_int_equal(dhcp_lease_judge(&arena, &p, &e), cases[i].good);
	}
}

static void test_times(void **state)
{
	static const struct {
		const char *lease, *renew, *rebind;
		uint32_t want[3];
	} cases[] = {
		{ NULL, NULL, NULL, { 3600, 1800, 3060 } },
		{ "\0\0\0\x64", NULL, NULL, { 100, 50, 85 } },
		{ "\0\0\0\x64", "\0\0\0\x0a", "\0\0\0\x14", { 100, 10, 20 } },
		{ "\0\0\0\x64", "\0\0\0\x5a", NULL, { 100, 50, 85 } },
		{ "\0\0\0\x64", NULL, "\0\0\0\x14", { 100, 20, 20 } },
		{ "\0\0\0\x64", NULL, "\0\0\0\xc8", { 100, 50, 85 } },
		{ "\0\0\0\x64", "\0\0\0\x01", "\0\0\0\x01", { 100, 2, 2 } },
		{ "\0\0\0\x04", NULL, NULL, { 4, 2, 3 } },
		{ "\xff\xff\xff\xff", "\0\0\0\x0a", "\0\0\0\x14", { UINT32_MAX, UINT32_MAX, UINT32_MAX } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct reply r = ack();
		struct dhcp_lease l;

		if (cases[i].lease)
			put(&r, 51, cases[i].lease, 4);
		if (cases[i].renew)
			put(&r, 58, cases[i].renew, 4);
		if (cases[i].rebind)
			put(&r, 59, cases[i].rebind, 4);
		l = lease_of(&r);
		assert_int_equal(l.lease_s, cases[i].want[0]);
		assert_int_equal(l.renew_s, cases[i].want[1]);
		assert_int_equal(l.rebind_s, cases[i].want[2]);
	}
	struct reply none = ack();

	PUT(&none, 51, "\0\0\0\0");
	lease_refused(&none, "option 51");
	none = ack();
	PUT(&none, 51, "\0\0\0\x03");
	lease_refused(&none, "3 s (option 51) is shorter");
}

static void route_is(const struct dhcp_lease *l, size_t i, const char *dst, const char *gw)
{
	char b[CIDR_TEXT_MAX];

	assert_true(i < l->n_routes);
	assert_string_equal(cidr_text(&l->routes[i].dst, b), dst);
	assert_string_equal(ip_is_unset(&l->routes[i].gw) ? "link" : text(&l->routes[i].gw), gw);
}

static void test_classless_routes_stand_alone(void **state)
{
	struct reply r = ack();
	struct dhcp_lease l;

	(void)state;
	PUT(&r, 3, "\x0a\x09\x00\x01");
	PUT(&r, 33, "\x0a\x01\x02\x03\x0a\x09\x00\x02\xc0\xa8\x05\x00\x0a\x09\x00\x03\x00\x00\x00\x00\x0a\x09\x00\x04");
	l = lease_of(&r);
	assert_int_equal(l.n_routes, 3);
	route_is(&l, 0, "10.0.0.0/8", "10.9.0.2");
	route_is(&l, 1, "192.168.5.0/24", "10.9.0.3");
	route_is(&l, 2, "0.0.0.0/0", "10.9.0.1");
	/* In two pieces, with bits behind the prefix, and one on the link. */
	PUT(&r, 121, "\x00\x0a\x09\x00\x05\x0c\xac\x1f");
	PUT(&r, 121, "\x0a\x09\x00\x06\x20\x01\x02\x03\x04\x00\x00\x00\x00");
	l = lease_of(&r);
	assert_int_equal(l.n_routes, 3);
	route_is(&l, 0, "0.0.0.0/0", "10.9.0.5");
	route_is(&l, 1, "172.16.0.0/12", "10.9.0.6");
	route_is(&l, 2, "1.2.3.4/32", "link");
}

static void test_malformed_routes_count_as_absent(void **state)
{
	static const char *const bad[] = { "\x21\x01\x02\x03\x04\x05\x0a\x09\x00\x01", "\x18\x01\x02\x03\x0a\x09\x00",
					   "\x18\x01" };
	static const size_t lens[] = { 10, 7, 2 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct reply r = ack();
		struct dhcp_lease l;

		PUT(&r, 3, "\x0a\x09\x00\x01");
		put(&r, 121, bad[i], lens[i]);
		l = lease_of(&r);
		assert_int_equal(l.n_routes, 1);
		route_is(&l, 0, "0.0.0.0/0", "10.9.0.1");
	}
}

static void test_dns(void **state)
{
	struct reply r = ack();
	struct dhcp_lease l;

	(void)state;
	PUT(&r, 6, "\x01\x01\x01\x01\x08\x08\x08\x08");
	PUT(&r, 15, "example.org\0");
	/* "eng.apple.com" and "marketing" with a pointer to "apple.com": the example of RFC 3397. */
	PUT(&r, 119,
	    "\x03"
	    "eng\x05"
	    "apple\x03"
	    "com\x00\x09"
	    "marketing\xc0\x04");
	l = lease_of(&r);
	assert_int_equal(l.n_dns, 2);
	assert_string_equal(text(&l.dns[1]), "8.8.8.8");
	assert_string_equal(l.domain, "example.org");
	assert_string_equal(l.search[0], "eng.apple.com");
	assert_string_equal(l.search[1], "marketing.apple.com");
	assert_null(l.search[2]);
}

static void test_names_that_are_none(void **state)
{
	static const struct {
		const char *value;
		size_t len;
	} bad[] = {
		{ "\xc0\x00", 2 },		/* a loop */
		{ "\x01" "a\xc0\x00", 4 },	/* a longer one */
		{ "\x01" "a\xc0\x08", 4 },	/* forward */
		{ "\x05" "a", 2 },		/* runs out */
		{ "\x01" "a", 2 },		/* does not end */
		{ "\x01\n\x00", 3 },		/* would begin a line of its own */
		{ "\x40" "a\x00", 3 },		/* no such length */
		{ "\x00", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct reply r = ack();
		struct dhcp_lease l;

		put(&r, 119, bad[i].value, bad[i].len);
		put(&r, 15, "a\nb", 3);
		put(&r, 6, "\1\2\3", 3);
		put(&r, 26, "\0\x43", 2);
		l = lease_of(&r);
		assert_null(l.search);
		assert_string_equal(l.domain, "");
		assert_int_equal(l.n_dns, 0);
		assert_int_equal(l.mtu, 0);
	}
}

/* A frame as a server would send it, from what we would send. */
static size_t frame(uint8_t dst[1024], const char *message, size_t len)
{
	struct ip from = ip4(10, 9, 0, 1), to = ip4(10, 9, 0, 5);

	dhcp_frame_headers(dst, &from, &to, (struct bytes){ message, len });
	/* Exchanging ports changes no sum. */
	memcpy(dst + 20, "\x00\x43\x00\x44", 4);
	memcpy(dst + DHCP_HEADERS, message, len);
	return DHCP_HEADERS + len;
}

static void test_frames_are_checked_to_the_last_bit(void **state)
{
	static const char message[] = "odd";
	uint8_t f[1024];
	size_t len = frame(f, message, 3);
	struct bytes v;

	(void)state;
	assert_true(dhcp_frame_read((struct bytes){ (char *)f, len }, true, &v));
	assert_int_equal(v.len, 3);
	assert_memory_equal(v.data, message, 3);
	/* Ethernet fills up short frames. */
	assert_true(dhcp_frame_read((struct bytes){ (char *)f, len + 20 }, true, &v));
	assert_int_equal(v.len, 3);
	for (size_t cut = 0; cut < len; cut++)
		assert_false(dhcp_frame_read((struct bytes){ (char *)f, cut }, true, &v));
	for (size_t bit = 0; bit < len * 8; bit++) {
		f[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (dhcp_frame_read((struct bytes){ (char *)f, len }, true, &v))
			fail_msg("bit %zu of byte %zu does not matter", bit % 8, bit / 8);
		f[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	f[len - 1] ^= 1;
	assert_true(dhcp_frame_read((struct bytes){ (char *)f, len }, false, &v));
	f[26] = f[27] = 0; /* a sender without checksums */
	assert_true(dhcp_frame_read((struct bytes){ (char *)f, len }, true, &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message_is_judged_as_a_whole),
		cmocka_unit_test(test_an_option_that_runs_out_of_the_message_spoils_it),
		cmocka_unit_test(test_what_comes_after_the_end_does_not_count),
		cmocka_unit_test(test_options_in_file_and_sname),
		cmocka_unit_test(test_a_clients_message),
		cmocka_unit_test(test_a_lease_needs_address_mask_and_server),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_addresses_that_no_host_can_have),
		cmocka_unit_test(test_classless_routes_stand_alone),
		cmocka_unit_test(test_malformed_routes_count_as_absent),
		cmocka_unit_test(test_dns),
		cmocka_unit_test(test_names_that_are_none),
		cmocka_unit_test(test_frames_are_checked_to_the_last_bit),
	};
	int failed;

	arena_init(&arena, NULL, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&arena);
	return failed;
}
