// SPDX-License-Identifier: Apache-2.0
#include "cni/error.h"
#include "cni/result.h"
#include "cni/test.h"
#include "cni/version.h"

static struct arena a;

static int setup(void **state)
{
	(void)state;
	arena_init(&a, NULL, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_done(&a);
	return 0;
}

static struct result read_as(const char *text, const char *fallback, bool strict)
{
	struct result r = { .version = NULL };
	struct err e;

	if (!result_read(&a, json_of(&a, text), fallback, strict, &r, &e))
		broken("%s: %s", text, e.text);
	return r;
}

static const char *written(const struct result *r, const char *version)
{
	struct buf out;
	struct err e;

	buf_init(&out, &a, 0);
	if (!result_write(&out, r, version, false, &e))
		broken("to \"%s\": %s", version, e.text);
	return buf_str(&out);
}

/* Text of one version to text of another. */
static const char *converted(const char *text, const char *version)
{
	struct result r = read_as(text, "", false);

	return written(&r, version);
}

static void refused(const char *text, const char *part)
{
	struct result r = { .version = "untouched" };
	struct err e = ERR_INIT;

	if (result_read(&a, json_of(&a, text), "1.1.0", false, &r, &e))
		broken("%s was read", text);
	if (!strstr(e.text, part))
		broken("%s: %s (without \"%s\")", text, e.text, part);
	assert_int_equal(e.code, CNI_DECODING_FAILURE);
	assert_string_equal(r.version, "untouched");
}

static void unwritable(const char *text, const char *version)
{
	struct result r = read_as(text, "", false);
	struct err e = ERR_INIT;
	struct buf out;

	buf_init(&out, &a, 0);
	if (result_write(&out, &r, version, false, &e))
		broken("%s to \"%s\": %s", text, version, buf_str(&out));
	assert_true(*e.text);
	assert_int_equal(out.len, 0);
}

#define DNS_OLD \
	"\"dns\":{\"nameservers\":[\"1.1.1.1\",\"8.8.8.8\"],\"domain\":\"d\",\"search\":[\"s1\",\"s2\"]," \
	"\"options\":[\"o\"]}"
#define DNS_NEW \
	"\"dns\":{\"domain\":\"d\",\"nameservers\":[\"1.1.1.1\",\"8.8.8.8\"],\"options\":[\"o\"]," \
	"\"search\":[\"s1\",\"s2\"]}"

/* All that 1.1.0 can say; @version is the only difference between 1.0.0 and 1.1.0. */
#define FULL_100(version) \
	"{\"cniVersion\":\"" version "\"," DNS_NEW \
	",\"interfaces\":[{\"mac\":\"00:11:22:33:44:55\",\"mtu\":1500,\"name\":\"eth0\",\"pciID\":\"8086:9a01\"," \
	"\"sandbox\":\"/var/run/netns/x\",\"socketPath\":\"/s\"},{\"name\":\"cni0\"}]," \
	"\"ips\":[{\"address\":\"10.1.2.3/24\",\"gateway\":\"10.1.2.1\",\"interface\":0}," \
	"{\"address\":\"fd00::3/64\",\"gateway\":\"fd00::1\",\"interface\":0},{\"address\":\"10.9.9.9/8\"}]," \
	"\"routes\":[{\"advmss\":1400,\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.2.254\",\"mtu\":1450,\"priority\":100," \
	"\"scope\":0,\"table\":50},{\"dst\":\"::/0\"},{\"dst\":\"10.5.0.0/16\",\"gw\":\"10.1.2.7\"}]}"
#define FULL_030(version) \
	"{\"cniVersion\":\"" version "\"," \
	"\"interfaces\":[{\"name\":\"eth0\",\"mac\":\"00:11:22:33:44:55\",\"sandbox\":\"/var/run/netns/x\"}," \
	"{\"name\":\"cni0\"}]," \
	"\"ips\":[{\"version\":\"4\",\"interface\":0,\"address\":\"10.1.2.3/24\",\"gateway\":\"10.1.2.1\"}," \
	"{\"version\":\"6\",\"interface\":0,\"address\":\"fd00::3/64\",\"gateway\":\"fd00::1\"}," \
	"{\"version\":\"4\",\"address\":\"10.9.9.9/8\"}]," \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.2.254\",\"mtu\":1450,\"advmss\":1400,\"priority\":100," \
	"\"table\":50,\"scope\":0},{\"dst\":\"::/0\"},{\"dst\":\"10.5.0.0/16\",\"gw\":\"10.1.2.7\"}]," DNS_OLD "}"
#define FULL_010(version) \
	"{\"cniVersion\":\"" version "\"," \
	"\"ip4\":{\"ip\":\"10.1.2.3/24\",\"gateway\":\"10.1.2.1\",\"routes\":[{\"dst\":\"0.0.0.0/0\"," \
	"\"gw\":\"10.1.2.254\"},{\"dst\":\"10.5.0.0/16\",\"gw\":\"10.1.2.7\"}]}," \
	"\"ip6\":{\"ip\":\"fd00::3/64\",\"gateway\":\"fd00::1\",\"routes\":[{\"dst\":\"::/0\"}]}," DNS_OLD "}"

/* RS1 and RS2: everything to everything. What an older shape lost stays lost on the way back. */
static void test_full_to_every_version(void **state)
{
	static const char *const to_100[] = { FULL_100("1.0.0"), FULL_100("1.1.0") };
	static const char *const to_030[] = { FULL_030("0.3.0"), FULL_030("0.3.1"), FULL_030("0.4.0") };
	static const char *const to_010[] = { FULL_010("0.1.0"), FULL_010("0.2.0") };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(to_100); i++) {
		assert_string_equal(converted(to_100[i], "1.1.0"), to_100[1]);
		assert_string_equal(converted(to_100[i], "1.0.0"), to_100[0]);
		assert_string_equal(converted(to_100[i], "0.4.0"), to_030[2]);
		assert_string_equal(converted(to_100[i], "0.3.1"), to_030[1]);
		assert_string_equal(converted(to_100[i], "0.3.0"), to_030[0]);
		assert_string_equal(converted(to_100[i], "0.2.0"), to_010[1]);
		assert_string_equal(converted(to_100[i], "0.1.0"), to_010[0]);
		assert_string_equal(converted(to_100[i], ""), to_010[0]);
	}
	for (size_t i = 0; i < ARRAY_LEN(to_030); i++) {
		assert_string_equal(converted(to_030[i], "0.3.0"), to_030[0]);
		assert_string_equal(converted(to_030[i], "0.3.1"), to_030[1]);
		assert_string_equal(converted(to_030[i], "0.4.0"), to_030[2]);
		assert_string_equal(converted(to_030[i], "0.2.0"), to_010[1]);
		assert_string_equal(converted(to_030[i], "0.1.0"), to_010[0]);
		assert_string_equal(converted(to_030[i], ""), to_010[0]);
	}
	for (size_t i = 0; i < ARRAY_LEN(to_010); i++) {
		assert_string_equal(converted(to_010[i], "0.1.0"), to_010[0]);
		assert_string_equal(converted(to_010[i], "0.2.0"), to_010[1]);
		assert_string_equal(converted(to_010[i], ""), to_010[0]);
	}
}

static void test_030_to_100(void **state)
{
	static const char want[] =
		"{\"cniVersion\":\"1.0.0\"," DNS_NEW
		",\"interfaces\":[{\"mac\":\"00:11:22:33:44:55\",\"name\":\"eth0\","
		"\"sandbox\":\"/var/run/netns/x\"},{\"name\":\"cni0\"}],"
		"\"ips\":[{\"address\":\"10.1.2.3/24\",\"gateway\":\"10.1.2.1\",\"interface\":0},"
		"{\"address\":\"fd00::3/64\",\"gateway\":\"fd00::1\",\"interface\":0},{\"address\":\"10.9.9.9/8\"}],"
		"\"routes\":[{\"advmss\":1400,\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.2.254\",\"mtu\":1450,\"priority\":100,"
		"\"scope\":0,\"table\":50},{\"dst\":\"::/0\"},{\"dst\":\"10.5.0.0/16\",\"gw\":\"10.1.2.7\"}]}";

	(void)state;
	assert_string_equal(converted(FULL_030("0.4.0"), "1.0.0"), want);
	assert_string_equal(converted(FULL_030("0.3.0"), "1.0.0"), want);
}

/* RS3: dual stack, routes with and without gateway. */
static void test_010_and_back(void **state)
{
	static const char old[] =
		"{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"1.2.3.30/24\",\"gateway\":\"1.2.3.1\","
		"\"routes\":[{\"dst\":\"15.5.6.0/24\",\"gw\":\"15.5.6.8\"},{\"dst\":\"15.5.7.0/24\"}]},"
		"\"ip6\":{\"ip\":\"abcd:1234:ffff::cdde/64\",\"routes\":[{\"dst\":\"1111:dddd::/80\","
		"\"gw\":\"1111:dddd::aaaa\"},{\"dst\":\"::/0\"}]},\"dns\":{}}";
	static const char new[] =
		"{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"4\",\"address\":\"1.2.3.30/24\","
		"\"gateway\":\"1.2.3.1\"},{\"version\":\"6\",\"address\":\"abcd:1234:ffff::cdde/64\"}],"
		"\"routes\":[{\"dst\":\"15.5.6.0/24\",\"gw\":\"15.5.6.8\"},{\"dst\":\"15.5.7.0/24\"},"
		"{\"dst\":\"1111:dddd::/80\",\"gw\":\"1111:dddd::aaaa\"},{\"dst\":\"::/0\"}],\"dns\":{}}";

	(void)state;
	assert_string_equal(converted(old, "0.4.0"), new);
	assert_string_equal(converted(new, "0.2.0"), old);
	assert_string_equal(converted(old, "1.1.0"),
			    "{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"1.2.3.30/24\",\"gateway\":\"1.2.3.1\"},"
			    "{\"address\":\"abcd:1234:ffff::cdde/64\"}],"
			    "\"routes\":[{\"dst\":\"15.5.6.0/24\",\"gw\":\"15.5.6.8\"},{\"dst\":\"15.5.7.0/24\"},"
			    "{\"dst\":\"1111:dddd::/80\",\"gw\":\"1111:dddd::aaaa\"},{\"dst\":\"::/0\"}]}");
	/* Within the oldest shape nothing is lost, whatever a route carries. */
	assert_string_equal(converted("{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"1.2.3.4/8\",\"routes\":["
				      "{\"dst\":\"0.0.0.0/0\",\"mtu\":9}]}}",
				      "0.1.0"),
			    "{\"cniVersion\":\"0.1.0\",\"ip4\":{\"ip\":\"1.2.3.4/8\",\"routes\":["
			    "{\"dst\":\"0.0.0.0/0\",\"mtu\":9}]},\"dns\":{}}");
}

/* RS4 */
static void test_no_addresses(void **state)
{
	struct result made = { .version = NULL };
	struct err e;
	struct buf out;

	(void)state;
	unwritable("{\"cniVersion\":\"0.4.0\"}", "0.2.0");
	unwritable("{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"x\"}]}", "0.1.0");
	unwritable("{\"cniVersion\":\"1.1.0\"}", "");
	buf_init(&out, &a, 0);
	assert_false(result_write(&out, &made, "0.2.0", true, &e));
	assert_string_equal(written(&made, "0.3.1"), "{\"cniVersion\":\"0.3.1\",\"dns\":{}}");
	assert_string_equal(written(&made, "1.1.0"), "{\"cniVersion\":\"1.1.0\"}");
	assert_string_equal(converted("{}", "0.2.0"), "{\"cniVersion\":\"0.2.0\",\"dns\":{}}");
	assert_string_equal(converted("{}", "0.4.0"), "{\"cniVersion\":\"0.4.0\",\"dns\":{}}");
}

/* RS5, RS6 and the label that is believed. */
static void test_what_the_oldest_shape_picks(void **state)
{
	(void)state;
	assert_string_equal(
		converted(
			"{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"fd00::1/64\"},{\"address\":\"10.0.0.1/8\"},"
			"{\"address\":\"10.0.0.2/8\"},{\"address\":\"fd00::2/64\"}]}",
			"0.2.0"),
		"{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.0.0.1/8\"},\"ip6\":{\"ip\":\"fd00::1/64\"},\"dns\":{}}");
	assert_string_equal(
		converted("{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"4\",\"address\":\"10.0.0.1/8\"}],"
			  "\"routes\":[{\"dst\":\"::/0\"},{\"dst\":\"0.0.0.0/0\",\"mtu\":9,\"table\":7}]}",
			  "0.2.0"),
		"{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.0.0.1/8\",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]},\"dns\":{}}");
	assert_string_equal(
		converted("{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"6\",\"address\":\"10.0.0.1/8\"}]}",
			  "0.2.0"),
		"{\"cniVersion\":\"0.2.0\",\"ip6\":{\"ip\":\"10.0.0.1/8\"},\"dns\":{}}");
	assert_string_equal(
		converted("{\"cniVersion\":\"0.3.1\",\"ips\":[{\"version\":\"6\",\"address\":\"10.0.0.1/8\"}]}",
			  "0.4.0"),
		"{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"6\",\"address\":\"10.0.0.1/8\"}],\"dns\":{}}");
	/* The oldest shape labels by the member that an address is in. */
	assert_string_equal(
		converted("{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"fd00::1/64\"}}", "0.4.0"),
		"{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"4\",\"address\":\"fd00::1/64\"}],\"dns\":{}}");
	/* Through 1.0.0, which has no labels, it is forgotten; a label that is none counts as missing. */
	assert_string_equal(
		converted(
			converted("{\"cniVersion\":\"0.3.1\",\"ips\":[{\"version\":\"6\",\"address\":\"10.0.0.1/8\"}]}",
				  "1.0.0"),
			"0.4.0"),
		"{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"4\",\"address\":\"10.0.0.1/8\"}],\"dns\":{}}");
	assert_string_equal(
		converted("{\"cniVersion\":\"0.3.1\",\"ips\":[{\"version\":\"v6\",\"address\":\"fd00::1/8\"}]}",
			  "0.3.0"),
		"{\"cniVersion\":\"0.3.0\",\"ips\":[{\"version\":\"6\",\"address\":\"fd00::1/8\"}],\"dns\":{}}");
	assert_string_equal(
		converted("{\"cniVersion\":\"1.0.0\",\"ips\":[{\"version\":\"6\",\"address\":\"10.0.0.1/8\"}]}",
			  "0.4.0"),
		"{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"4\",\"address\":\"10.0.0.1/8\"}],\"dns\":{}}");
}

/* RS7 and RS8: nothing, zero and minus one are three things. */
static void test_absent_is_not_zero(void **state)
{
	static const char ips[] = "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.1/8\",\"interface\":0},"
				  "{\"address\":\"10.0.0.1/8\",\"interface\":-1},{\"address\":\"10.0.0.1/8\"},"
				  "{\"address\":\"10.0.0.1/8\",\"interface\":99}]}";
	static const char routes[] =
		"{\"cniVersion\":\"1.1.0\",\"routes\":[{\"dst\":\"10.0.0.0/8\",\"scope\":0,\"table\":0},"
		"{\"dst\":\"10.0.0.0/8\"},{\"dst\":\"10.0.0.0/8\",\"scope\":253,\"table\":4294967295}]}";

	(void)state;
	assert_string_equal(converted(ips, "1.0.0"), ips);
	assert_string_equal(converted(converted(ips, "0.4.0"), "1.0.0"), ips);
	assert_string_equal(converted(routes, "1.1.0"), routes);
	assert_string_equal(converted(converted(routes, "0.3.0"), "1.1.0"), routes);
	assert_string_equal(
		converted("{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"\",\"mtu\":0,\"mac\":\"\"}],"
			  "\"ips\":[{\"address\":\"1.2.3.4/8\",\"interface\":null,\"gateway\":null}],"
			  "\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"\",\"mtu\":0,\"advmss\":0,\"priority\":0,"
			  "\"table\":null,\"scope\":null}]}",
			  "1.1.0"),
		"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"\"}],\"ips\":[{\"address\":\"1.2.3.4/8\"}],"
		"\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}");
	assert_string_equal(converted("{\"cniVersion\":\"1.1.0\",\"interfaces\":[],\"ips\":[],\"routes\":null}",
				      "1.1.0"),
			    "{\"cniVersion\":\"1.1.0\"}");
}

/* RS9 */
static void test_empty_dns(void **state)
{
	static const char *const always[] = { "0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		assert_non_null(strstr(converted("{\"ip4\":{\"ip\":\"1.2.3.4/8\"}}", always[i]), "\"dns\":{}"));
	assert_string_equal(converted("{\"cniVersion\":\"0.4.0\",\"dns\":{\"nameservers\":[],\"domain\":\"\"}}",
				      "1.0.0"),
			    "{\"cniVersion\":\"1.0.0\"}");
	assert_string_equal(converted("{\"cniVersion\":\"1.1.0\",\"dns\":null}", "0.4.0"),
			    "{\"cniVersion\":\"0.4.0\",\"dns\":{}}");
}

/* RS10 and RS15 */
static void test_refused(void **state)
{
	static const char *const addresses[] = {
		"\"10.0.0.1\"",    "\"10.0.0.1/99\"",  "\"fd00::1/129\"", "5",  "\"\"",         "null",
		"\"010.0.0.1/8\"", "\"fe80::1%1/64\"", "\"10.0.0.1/-1\"", "{}", "\"10.0.0/8\"", "\"10.0.0.1/8 \""
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
		refused(arena_printf(&a, "{\"ips\":[{\"address\":%s}]}", addresses[i]), "ips[0]: address");
	refused("{\"ips\":[{\"gateway\":\"10.0.0.1\"}]}", "address: missing key");
	refused("{\"ips\":[null]}", "ips[0]");
	refused("{\"ips\":[{}]}", "ips[0]: the entry is empty");
	refused("{\"ips\":[{\"address\":\"10.0.0.1/8\"},{}]}", "ips[1]");
	refused("{\"ips\":[{\"address\":\"10.0.0.1/8\",\"interface\":1.5}]}", "interface");
	refused("{\"ips\":[{\"address\":\"10.0.0.1/8\",\"gateway\":\"x\"}]}", "gateway");
	refused("{\"ips\":{}}", "ips");
	refused("{\"interfaces\":[null]}", "interfaces[0]");
	refused("{\"interfaces\":[{}]}", "interfaces[0]");
	refused("{\"interfaces\":[{\"name\":1}]}", "interfaces[0]: name");
	refused("{\"interfaces\":[{\"name\":\"x\",\"mtu\":-1}]}", "mtu");
	refused("{\"routes\":[null]}", "routes[0]");
	refused("{\"routes\":[{}]}", "routes[0]");
	refused("{\"routes\":[{\"gw\":\"1.1.1.1\"}]}", "dst");
	refused("{\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"fe80::1%eth0\"}]}", "gw");
	refused("{\"dns\":{\"nameservers\":[null]}}", "nameservers");
	refused("{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":4,\"address\":\"10.0.0.1/8\"}]}", "version");
	refused("{\"cniVersion\":\"0.2.0\",\"ip4\":{}}", "ip4: ip: missing key");
	refused("{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"1.2.3.4/8\",\"routes\":[null]}}", "ip4: routes[0]");
	refused("{\"cniVersion\":\"0.2.0\",\"ip6\":7}", "ip6");
	refused("[]", "object");
	refused("7", "object");
}

/* RS11, and what else is said anew on the way. */
static void test_canonical(void **state)
{
	(void)state;
	assert_string_equal(converted("{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"::ffff:1.2.3.4/120\","
				      "\"gateway\":\"::FFFF:1.2.3.1\"},{\"address\":\"FD00:0:0::0A/64\"}],"
				      "\"routes\":[{\"dst\":\"10.1.2.3/8\"}],\"unknown\":{}}",
				      "1.0.0"),
			    "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"1.2.3.4/24\",\"gateway\":\"1.2.3.1\"},"
			    "{\"address\":\"fd00::a/64\"}],\"routes\":[{\"dst\":\"10.1.2.3/8\"}]}");
	assert_string_equal(
		converted("{\"CNIVERSION\":\"1.0.0\",\"IPs\":[{\"Address\":\"1.2.3.4/24\",\"Interface\":1}]}", "1.0.0"),
		"{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"1.2.3.4/24\",\"interface\":1}]}");
}

/* RS12 */
static void test_unknown_versions(void **state)
{
	static const char *const versions[] = { "0.5.0", "1.2.0", "1.0", "x", "0.0.0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		unwritable(FULL_100("1.0.0"), versions[i]);
		unwritable(FULL_010("0.2.0"), versions[i]);
		refused(arena_printf(&a, "{\"cniVersion\":\"%s\"}", versions[i]), versions[i]);
	}
}

/* Whose version counts when the text names none. */
static void test_fallback(void **state)
{
	static const char *const nameless[] = { "{}", "null", "{\"cniVersion\":null}" };
	static const char *const odd[] = { "{\"cniVersion\":\"\"}", "{\"cniVersion\":5}", "{\"cniVersion\":[]}" };
	struct result r;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nameless); i++) {
		assert_string_equal(read_as(nameless[i], "0.4.0", false).version, "0.4.0");
		assert_string_equal(read_as(nameless[i], "1.0.0", true).version, "1.0.0");
		assert_string_equal(read_as(nameless[i], "", true).version, "0.1.0");
	}
	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		assert_string_equal(read_as(odd[i], "0.4.0", false).version, "0.4.0");
	assert_string_equal(read_as(odd[0], "1.0.0", true).version, "0.1.0");
	assert_false(result_read(&a, json_of(&a, odd[1]), "1.0.0", true, &r, &e));
	assert_false(result_read(&a, json_of(&a, "{}"), "9.9.9", false, &r, &e));
}

/* RS14: what goes through a plugin comes out as it was. */
static void test_pretty(void **state)
{
	struct result r = read_as(
		"{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"4\",\"address\":\"10.1.2.3/24\"}]}", "", false);
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, &a, 0);
	assert_true(result_write(&out, &r, "0.4.0", true, &e));
	assert_string_equal(
		buf_str(&out),
		"{\n    \"cniVersion\": \"0.4.0\",\n    \"ips\": [\n        {\n            \"version\": \"4\",\n"
		"            \"address\": \"10.1.2.3/24\"\n        }\n    ],\n    \"dns\": {}\n}");
}

static void test_growing(void **state)
{
	struct result r = read_as(FULL_100("1.1.0"), "", false);
	size_t n = r.n_ips;

	(void)state;
	for (uint8_t i = 0; i < 100; i++) {
		struct result_ip *ip = result_add_ip(&a, &r);
		struct result_route *route = result_add_route(&a, &r);
		struct result_interface *interface = result_add_interface(&a, &r);

		assert_false(ip->has_interface || route->has_table || interface->mac);
		assert_string_equal(interface->name, "");
		ip->address = (struct cidr){ ip4(10, 0, 0, i), 32 };
		ip->interface = i;
		ip->has_interface = true;
		route->dst = ip->address;
		interface->mtu = i;
	}
	assert_int_equal(r.n_ips, n + 100);
	assert_string_equal(r.interfaces[0].name, "eth0");
	for (uint8_t i = 0; i < 100; i++) {
		assert_int_equal(r.ips[n + i].interface, i);
		assert_int_equal(r.ips[n + i].address.ip.b[15], i);
		assert_int_equal(r.interfaces[2 + i].mtu, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_to_every_version),
		cmocka_unit_test(test_030_to_100),
		cmocka_unit_test(test_010_and_back),
		cmocka_unit_test(test_no_addresses),
		cmocka_unit_test(test_what_the_oldest_shape_picks),
		cmocka_unit_test(test_absent_is_not_zero),
		cmocka_unit_test(test_empty_dns),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_unknown_versions),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_growing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
