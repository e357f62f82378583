// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdio.h>

#include "plugins/ipam/range.h"
#include "lib/buf.h"

#include <cmocka.h>

static struct arena a;

static struct ip ip(const char *s)
{
	struct err e = ERR_INIT;
	struct ip ip = { { 0 } };

	if (*s && !ip_parse(s, &ip, &e))
		fail_msg("%s", e.text);
	return ip;
}

static struct range range(const char *subnet, const char *start, const char *end, const char *gateway)
{
	struct range r = { .has_subnet = true, .start = ip(start), .end = ip(end), .gateway = ip(gateway) };
	struct err e = ERR_INIT;

	if (!cidr_parse(subnet, &r.subnet, &e))
		fail_msg("%s", e.text);
	return r;
}

static void assert_defaults(const char *subnet, const char *want, const char *gateway)
{
	struct range r = range(subnet, "", "", "");
	struct range_set set = { &r, 1 };
	struct err e = ERR_INIT;
	char text[IP_TEXT_MAX];

	assert_true(range_sets_complete(&a, &set, 1, &e));
	assert_string_equal(range_set_text(&a, &set), want);
	assert_string_equal(ip_text(&r.gateway, text), gateway);
}

static void test_defaults(void **state)
{
	(void)state;
	assert_defaults("10.1.0.0/24", "10.1.0.1-10.1.0.254", "10.1.0.1");
	assert_defaults("10.1.0.0/30", "10.1.0.1-10.1.0.2", "10.1.0.1");
	assert_defaults("fd00::/64", "fd00::1-fd00::ffff:ffff:ffff:ffff", "fd00::1");
	assert_defaults("fd00::4/126", "fd00::5-fd00::7", "fd00::5");
}

static void assert_refused(struct range_set *sets, size_t n, const char *want)
{
	struct err e = ERR_INIT;

	assert_false(range_sets_complete(&a, sets, n, &e));
	assert_string_equal(e.text, want);
}

static void test_refused(void **state)
{
	struct range rows[] = {
		range("10.1.0.0/31", "", "", ""), range("10.1.0.5/24", "", "", ""), range("10.1.0.0/24", "10.2.0.1", "", ""),
		range("10.1.0.0/24", "", "10.2.0.1", ""), range("10.1.0.0/24", "10.1.0.9", "10.1.0.8", ""), { .has_subnet = false },
		range("fd00::/127", "", "", ""), range("10.1.0.0/24", "fd00::1", "", ""),
	};
	static const char *const texts[] = {
		"Network 10.1.0.0/31 too small to allocate from",
		"Network has host bits set. For a subnet mask of length 24 the network address is 10.1.0.0",
		"RangeStart 10.2.0.1 not in network 10.1.0.0/24",
		"RangeEnd 10.2.0.1 not in network 10.1.0.0/24",
		"RangeStart 10.1.0.9 not in network 10.1.0.0/24",
		"subnet: missing key",
		"Network fd00::/127 too small to allocate from",
		"RangeStart fd00::1 not in network 10.1.0.0/24",
	};
	struct range mixed[] = { range("10.1.0.0/24", "", "", ""), range("fd00::/64", "", "", "") };
	struct range twice[] = { range("10.1.0.0/24", "", "10.1.0.9", ""), range("10.1.0.0/24", "10.1.0.9", "", "") };
	struct range one = range("10.1.0.0/16", "", "", ""), two = range("10.1.7.0/24", "", "", ""),
		     other = range("10.2.0.0/24", "", "", "");
	struct range_set sets[] = { { &one, 1 }, { &other, 1 }, { &two, 1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct range_set set = { &rows[i], 1 };
		char want[200];

		snprintf(want, sizeof(want), "invalid range set 0: %s", texts[i]);
		assert_refused(&set, 1, want);
	}
	assert_refused(&(struct range_set){ mixed, 2 }, 1, "invalid range set 0: mixed address families");
	assert_refused(&(struct range_set){ twice, 2 }, 1,
		       "invalid range set 0: subnets 10.1.0.1-10.1.0.9 and 10.1.0.9-10.1.0.254 overlap");
	assert_refused(&(struct range_set){ NULL, 0 }, 1, "invalid range set 0: empty range set");
	assert_refused(NULL, 0, "no IP ranges specified");
	assert_refused(sets, 3, "range set 0 overlaps with 2");
}

/* The order of a walk as text, addresses of each segment written out. */
static const char *walk(const struct range_set *set, const char *last)
{
	struct ip from = ip(last);
	struct range_segment seg;
	struct range_walk w;
	struct buf b;
	char text[IP_TEXT_MAX];

	buf_init(&b, &a, 64);
	range_walk_init(&w, set, &from);
	while (range_walk_next(&w, &seg))
		for (struct ip at = seg.first; ip_cmp(&at, &seg.last) <= 0; at = ip_add(&at, 1))
			buf_printf(&b, "%s ", ip_text(&at, text) + 5);
	return buf_str(&b);
}

static void test_walk(void **state)
{
	struct range two[] = { range("10.1.0.0/24", "10.1.0.5", "10.1.0.8", ""),
			       range("10.1.1.0/24", "10.1.1.1", "10.1.1.3", "") };
	struct range_set set = { two, 2 }, one = { two, 1 };
	struct err e = ERR_INIT;

	(void)state;
	assert_true(range_sets_complete(&a, &set, 1, &e));
	assert_string_equal(walk(&set, ""), "0.5 0.6 0.7 0.8 1.1 1.2 1.3 ");
	assert_string_equal(walk(&set, "10.9.0.1"), "0.5 0.6 0.7 0.8 1.1 1.2 1.3 ");
	assert_string_equal(walk(&set, "10.1.0.6"), "0.7 0.8 1.1 1.2 1.3 0.5 0.6 ");
	assert_string_equal(walk(&set, "10.1.0.8"), "1.1 1.2 1.3 0.5 0.6 0.7 0.8 ");
	assert_string_equal(walk(&set, "10.1.1.1"), "1.2 1.3 0.5 0.6 0.7 0.8 1.1 ");
	assert_string_equal(walk(&set, "10.1.1.3"), "0.5 0.6 0.7 0.8 1.1 1.2 1.3 ");
	assert_string_equal(walk(&one, "10.1.0.6"), "0.7 0.8 0.5 0.6 ");
	assert_string_equal(walk(&one, "10.1.0.8"), "0.5 0.6 0.7 0.8 ");
}

static struct span span(const char *first, const char *last)
{
	return (struct span){ ip(first), ip(last) };
}

/* Where the search goes on from @from, "" if nowhere. */
static const char *skip_from(const struct range *r, const char *from)
{
	static char text[IP_TEXT_MAX];
	struct ip at = ip(from);

	return range_skip(r, &at, &r->end) ? ip_text(&at, text) : "";
}

static void test_exclude(void **state)
{
	struct span spans[] = { span("10.1.0.20", "10.1.0.29"), span("10.1.0.5", "10.1.0.5"),
				span("10.1.0.25", "10.1.0.30"), span("10.1.0.6", "10.1.0.7"),
				span("10.1.0.22", "10.1.0.23"), span("10.1.0.250", "10.1.0.255") };
	struct range r = range("10.1.0.0/24", "", "", "");
	struct range_set set = { &r, 1 };
	struct err e = ERR_INIT;

	(void)state;
	r.exclude = (struct list){ spans, 6 };
	assert_true(range_sets_complete(&a, &set, 1, &e));
	assert_int_equal(r.exclude.n, 3);
	assert_true(range_excludes(&r, &spans[0].first) && range_excludes(&r, &spans[1].last));
	assert_string_equal(skip_from(&r, "10.1.0.4"), "10.1.0.4");
	assert_string_equal(skip_from(&r, "10.1.0.5"), "10.1.0.8");
	assert_string_equal(skip_from(&r, "10.1.0.20"), "10.1.0.31");
	assert_string_equal(skip_from(&r, "10.1.0.30"), "10.1.0.31");
	assert_string_equal(skip_from(&r, "10.1.0.250"), "");
}

static void test_exclude_refused(void **state)
{
	struct span all = span("10.1.0.2", "10.1.0.255"), far = span("10.1.0.9", "10.1.1.0"),
		    most = span("10.1.0.2", "10.1.0.253");
	struct range r = range("10.1.0.0/24", "", "", "");
	struct range_set set = { &r, 1 };
	struct err e = ERR_INIT;

	(void)state;
	r.exclude = (struct list){ &all, 1 };
	assert_false(range_sets_complete(&a, &set, 1, &e));
	assert_non_null(strstr(e.text, "no address of 10.1.0.1-10.1.0.254 is left"));
	r.exclude = (struct list){ &far, 1 };
	assert_false(range_sets_complete(&a, &set, 1, &e));
	assert_non_null(strstr(e.text, "10.1.1.0 not in network"));
	r.exclude = (struct list){ &most, 1 };
	assert_true(range_sets_complete(&a, &set, 1, &e));
}

static int start(void **state)
{
	(void)state;
	arena_init(&a, NULL, 0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	arena_done(&a);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_defaults), cmocka_unit_test(test_refused),
					    cmocka_unit_test(test_walk), cmocka_unit_test(test_exclude),
					    cmocka_unit_test(test_exclude_refused) };

	return cmocka_run_group_tests(tests, start, stop);
}
