// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "plugins/ipam/dhcp6_packet.h"

#include <cmocka.h>

#define IAID 0x01020304

/* A message of a server, put together option by option. */
struct reply {
	char b[2048];
	size_t len;
};

static struct arena arena;
static const struct ip unset;

static void put(struct reply *r, const void *data, size_t len)
{
	memcpy(r->b + r->len, data, len);
	r->len += len;
}
#define PUT(r, text) put((r), (text), sizeof(text) - 1)

#define CLIENT "\0\1\0\3\0\4c"
#define SERVER "\0\2\0\4\0\1s1"
/* fd00::5, preferred 100 s, valid 200 s */
#define ADDRESS_HEAD "\0\5\0\x18"
#define ADDRESS_IP "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5"
#define ADDRESS ADDRESS_HEAD ADDRESS_IP "\0\0\0\x64\0\0\0\xc8"
#define IA(len, t1, t2) "\0\3\0" len "\1\2\3\4" t1 t2
#define GOOD IA("\x28", "\0\0\0\x32", "\0\0\0\x50") ADDRESS

static struct reply reply(void)
{
	struct reply r = { .len = 0 };

	PUT(&r, "\7\xaa\xbb\xcc" CLIENT SERVER);
	return r;
}

static bool read_reply(const struct reply *r, struct dhcp6_packet *p, struct err *e)
{
	/* A copy of the exact size, so that a sanitizer sees one byte too far. */
	return dhcp6_packet_read((struct bytes){ arena_strndup(&arena, r->b, r->len), r->len }, p, e);
}

static bool lease_try(const struct reply *r, struct dhcp_lease *l, struct err *e)
{
	struct dhcp6_packet p;

	return read_reply(r, &p, e) && dhcp6_lease_read(&arena, &p, IAID, &unset, l, e);
}

static struct dhcp_lease lease_of(const struct reply *r)
{
	struct err e = ERR_INIT;
	struct dhcp_lease l = { 0 };

	if (!lease_try(r, &l, &e))
		fail_msg("%s", e.text);
	return l;
}

static void refused(const struct reply *r, const char *why)
{
	struct err e = ERR_INIT;
	struct dhcp_lease l;

	assert_false(lease_try(r, &l, &e));
	if (!strstr(e.text, why))
		fail_msg("\"%s\" without \"%s\"", e.text, why);
}

static void head(void **state)
{
	struct reply r = reply();
	struct err e = ERR_INIT;
	struct dhcp6_packet p;

	(void)state;
	PUT(&r, "\0\7\0\1\xc8\0\x0d\0\5\0\2why");
	assert_true(read_reply(&r, &p, &e));
	assert_int_equal(p.message, DHCP6_REPLY);
	assert_int_equal(p.xid, 0xaabbcc);
	assert_int_equal(p.preference, 200);
	assert_int_equal(p.status, DHCP6_NO_ADDRESS);
	assert_memory_equal(p.client.data, "\0\4c", 3);
	assert_int_equal(p.server.len, 4);
}

static void lease(void **state)
{
	struct reply r = reply();
	char text[CIDR_TEXT_MAX];
	struct dhcp_lease l;

	(void)state;
	PUT(&r, GOOD "\0\x17\0\x20" ADDRESS_IP ADDRESS_IP "\0\x18\0\x0f\1a\2bc\0\3xyz\3org\0");
	l = lease_of(&r);
	assert_string_equal(cidr_text(&l.address, text), "fd00::5/128");
	assert_int_equal(l.renew_s, 50);
	assert_int_equal(l.rebind_s, 80);
	assert_int_equal(l.lease_s, 200);
	assert_int_equal(l.n_routers, 0);
	assert_int_equal(l.n_dns, 2);
	assert_string_equal(l.search[0], "a.bc");
	assert_string_equal(l.search[1], "xyz.org");
	assert_null(l.search[2]);
}

/* Every shorter message is either refused or has no address: nothing is read behind the end. */
static void cut(void **state)
{
	struct reply whole = reply(), r;
	struct err e = ERR_INIT;
	struct dhcp_lease l;

	(void)state;
	PUT(&whole, GOOD);
	for (r = whole; r.len; r.len--)
		assert_int_equal(lease_try(&r, &l, &e), r.len == whole.len);
}

static void torn(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
#define ROW(text) { text, sizeof(text) - 1 }
		ROW("\0\1\0\2\0\4"),			/* a client's identifier of two bytes */
		ROW(CLIENT),				/* twice */
		ROW(SERVER),
		ROW("\0\7\0\2\0\0"),			/* preference of two bytes */
		ROW("\0\x0d\0\1\0"),			/* status of one */
		ROW("\0\3\0\4\1\2\3\4"),		/* IA without times */
		ROW(IA("\x0e", "\0\0\0\0", "\0\0\0\0") "\0\5"),	/* half an option in it */
		ROW(IA("\x28", "\0\0\0\0", "\0\0\0\0") "\0\5\0\x19" ADDRESS_IP "\0\0\0\1\0\0\0\1"),
		ROW(IA("\x14", "\0\0\0\0", "\0\0\0\0") "\0\5\0\4abcd"),
		ROW("\0\x17\0\x11"),
		ROW("\0"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reply r = reply();
		struct err e = ERR_INIT;
		struct dhcp6_packet p;

		put(&r, rows[i].bytes, rows[i].len);
		if (read_reply(&r, &p, &e))
			fail_msg("row %zu was taken", i);
		assert_true(*e.text);
	}
}

static void times(void **state)
{
	static const struct {
		const char *t1, *t2, *preferred, *valid;
		uint32_t renew, rebind, lease;
	} rows[] = {
		{ "\0\0\0\0", "\0\0\0\0", "\0\0\0\x64", "\0\0\0\xc8", 50, 80, 200 },
		{ "\0\0\0\0", "\0\0\0\0", "\0\0\0\0", "\0\0\0\xc8", 100, 160, 200 },
		{ "\0\0\0\x0a", "\0\0\0\0", "\0\0\0\x64", "\0\0\0\xc8", 10, 80, 200 },
		{ "\0\0\0\0", "\0\0\0\x14", "\0\0\0\x64", "\0\0\0\xc8", 20, 20, 200 },
		/* Behind the end: as if they were not given. */
		{ "\0\0\1\0", "\0\0\2\0", "\0\0\0\x64", "\0\0\0\xc8", 50, 80, 200 },
		{ "\0\0\0\x1e", "\0\0\0\x28", "\0\0\0\x08", "\0\0\0\x08", 4, 6, 8 },
		{ "\0\0\0\x0a", "\0\0\2\0", "\0\0\0\x64", "\0\0\0\xc8", 10, 80, 200 },
		{ "\0\0\0\x5a", "\0\0\0\0", "\0\0\0\x64", "\0\0\0\xc8", 50, 80, 200 },
		{ "\0\0\0\xc8", "\0\0\0\xc8", "\0\0\0\x64", "\0\0\0\xc8", 50, 200, 200 },
		{ "\xff\xff\xff\xff", "\xff\xff\xff\xff", "\0\0\0\x64", "\0\0\0\xc8", 50, 80, 200 },
		{ "\xff\xff\xff\xff", "\0\0\0\0", "\0\0\0\x64", "\0\0\0\xc8", 50, 80, 200 },
		{ "\0\0\0\0", "\0\0\0\0", "\0\0\0\x04", "\0\0\0\x04", 2, 3, 4 },
		{ "\xff\xff\xff\xff", "\xff\xff\xff\xff", "\0\0\0\x64", "\xff\xff\xff\xff", UINT32_MAX, UINT32_MAX,
		  UINT32_MAX },
		{ "\0\0\0\0", "\0\0\0\0", "\xff\xff\xff\xff", "\xff\xff\xff\xff", UINT32_MAX, UINT32_MAX, UINT32_MAX },
		{ "\0\0\0\x0a", "\0\0\0\x14", "\0\0\0\x64", "\xff\xff\xff\xff", 10, 20, UINT32_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reply r = reply();
		struct dhcp_lease l;

		PUT(&r, "\0\3\0\x28\1\2\3\4");
		put(&r, rows[i].t1, 4);
		put(&r, rows[i].t2, 4);
		PUT(&r, ADDRESS_HEAD ADDRESS_IP);
		put(&r, rows[i].preferred, 4);
		put(&r, rows[i].valid, 4);
		l = lease_of(&r);
		assert_int_equal(l.renew_s, rows[i].renew);
		assert_int_equal(l.rebind_s, rows[i].rebind);
		assert_int_equal(l.lease_s, rows[i].lease);
	}
}

static void unusable(void **state)
{
	static const struct {
		const char *ip, *preferred, *valid, *t1, *t2, *why;
	} rows[] = {
#define FD ADDRESS_IP
		{ FD, "\0\0\0\0", "\0\0\0\0", "\0\0\0\0", "\0\0\0\0", "lifetime is 0" },
		{ FD, "\0\0\0\2", "\0\0\0\1", "\0\0\0\0", "\0\0\0\0", "preferred for 2 s and valid for 1 s" },
		{ FD, "\0\0\0\2", "\0\0\0\2", "\0\0\0\3", "\0\0\0\2", "T1 (3 s)" },
		{ FD, "\0\0\0\3", "\0\0\0\3", "\0\0\0\0", "\0\0\0\0", "a lease of 3 s" },
		{ "\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1", "\0\0\0\1", "\0\0\0\1", "\0\0\0\0", "\0\0\0\0", "ff02::1 cannot" },
		{ "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1", "\0\0\0\1", "\0\0\0\1", "\0\0\0\0", "\0\0\0\0", "fe80::1 cannot" },
		{ "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1", "\0\0\0\1", "\0\0\0\1", "\0\0\0\0", "\0\0\0\0", "10.0.0.1 cannot" },
		{ "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "\0\0\0\1", "\0\0\0\1", "\0\0\0\0", "\0\0\0\0", ":: cannot" },
		{ "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", "\0\0\0\1", "\0\0\0\1", "\0\0\0\0", "\0\0\0\0", "::1 cannot" },
	};
	struct reply r = reply();

	(void)state;
	refused(&r, "no address");
	PUT(&r, "\0\3\0\x0c\1\2\3\5\0\0\0\0\0\0\0\0");
	refused(&r, "no address");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		r = reply();
		PUT(&r, "\0\3\0\x28\1\2\3\4");
		put(&r, rows[i].t1, 4);
		put(&r, rows[i].t2, 4);
		PUT(&r, ADDRESS_HEAD);
		put(&r, rows[i].ip, 16);
		put(&r, rows[i].preferred, 4);
		put(&r, rows[i].valid, 4);
		refused(&r, rows[i].why);
	}
}

/* Of two addresses the one that we have, not the first; the status beside them is the IA's. */
static void favourite(void **state)
{
	struct reply r = reply();
	struct err e = ERR_INIT;
	struct dhcp6_packet p;
	struct dhcp6_ia ia;
	struct ip six;

	(void)state;
	PUT(&r,
	    IA("\x4a", "\0\0\0\0", "\0\0\0\0") ADDRESS ADDRESS_HEAD "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\6\0\0\0\1\0\0\0\2"
								    "\0\x0d\0\2\0\4");
	assert_true(ip_parse("fd00::6", &six, &e));
	assert_true(read_reply(&r, &p, &e));
	assert_true(dhcp6_packet_ia(&p, IAID, &six, &ia));
	assert_true(ip_eq(&ia.address, &six));
	assert_int_equal(ia.valid_s, 2);
	assert_int_equal(ia.status, DHCP6_NOT_ON_LINK);
	assert_true(dhcp6_packet_ia(&p, IAID, &unset, &ia));
	assert_int_equal(ia.valid_s, 200);
	assert_false(dhcp6_packet_ia(&p, IAID + 1, &unset, &ia));
}

/* What only advises is passed over when it is malformed. */
static void bad_dns(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		ROW("\0\x17\0\x0f" "123456789012345"),
		ROW("\0\x18\0\0"),
		ROW("\0\x18\0\2\1a"),			/* no end */
		ROW("\0\x18\0\3\2a\0"),			/* over the end */
		ROW("\0\x18\0\1\0"),			/* the root */
		ROW("\0\x18\0\2\xc0\0"),		/* a pointer */
		ROW("\0\x18\0\5\3a b\0"),
		ROW("\0\x18\0\5\3a.b\0"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reply r = reply();
		struct dhcp_lease l;

		PUT(&r, GOOD);
		put(&r, rows[i].bytes, rows[i].len);
		l = lease_of(&r);
		assert_int_equal(l.n_dns, 0);
		if (l.search && l.search[0])
			fail_msg("row %zu: \"%s\"", i, l.search[0]);
	}
}

static void written(void **state)
{
	static const char want[] = "\3\x0b\xcc\xdd" CLIENT "\0\x08\0\2\1\2"
				   "\0\3\0\x28\1\2\3\4\0\0\0\0\0\0\0\0" ADDRESS_HEAD ADDRESS_IP "\0\0\0\0\0\0\0\0"
				   "\0\3\0\x0c\1\2\3\4\0\0\0\0\0\0\0\0";
	struct err e = ERR_INIT;
	struct ip five;
	struct buf b;

	(void)state;
	assert_true(ip_parse("fd00::5", &five, &e));
	buf_init(&b, &arena, 16);
	dhcp6_packet_begin(&b, DHCP6_REQUEST, 0xff0bccdd);
	dhcp6_packet_put(&b, DHCP6_OPT_CLIENT, "\0\4c", 3);
	dhcp6_packet_put_u16(&b, DHCP6_OPT_ELAPSED, 0x102);
	dhcp6_packet_put_ia(&b, IAID, &five);
	dhcp6_packet_put_ia(&b, IAID, &unset);
	assert_int_equal(b.len, sizeof(want) - 1);
	assert_memory_equal(b.data, want, b.len);
	assert_string_equal(dhcp6_message_name(DHCP6_RELEASED), "RELEASE");
	assert_string_equal(dhcp6_status_text(DHCP6_NO_BINDING), "NoBinding");
	assert_string_equal(dhcp6_status_text(99), "an unknown status");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head),	    cmocka_unit_test(lease),	 cmocka_unit_test(cut),
		cmocka_unit_test(torn),	    cmocka_unit_test(times),	 cmocka_unit_test(unusable),
		cmocka_unit_test(favourite), cmocka_unit_test(bad_dns), cmocka_unit_test(written),
	};
	int failed;

	arena_init(&arena, NULL, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&arena);
	return failed;
}
