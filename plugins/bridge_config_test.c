// SPDX-License-Identifier: Apache-2.0
#include "cni/test.h"
#include "lib/str.h"
#include "plugins/bridge.h"

static struct arena arena;

static struct request request_of(const char *conf, const char *args)
{
	struct request r = { .command = COMMAND_ADD, .args = args, .arena = &arena };
	struct err e = ERR_INIT;

	r.conf = json_of(&arena, conf);
	if (!netconf_read(&arena, r.conf, &r.net, &e))
		broken("%s", e.text);
	return r;
}

static struct bridge_conf conf_of(const char *conf, const char *args)
{
	struct request r = request_of(conf, args);
	struct bridge_conf c = { 0 };
	struct err e = ERR_INIT;

	if (!bridge_conf_read(&r, &c, &e))
		broken("%s: %s", conf, e.text);
	return c;
}

static void test_defaults(void **state)
{
	struct bridge_conf c = conf_of("{}", "");

	(void)state;
	assert_string_equal(c.bridge, "cni0");
	assert_false(c.is_gateway || c.ip_masq || c.hairpin || c.promisc || c.enabledad || c.port_isolation);
	assert_int_equal(c.n_vlans, 0);
	assert_int_equal(c.mtu, 0);
	assert_true(mac_is_unset(&c.mac));
}

static void test_every_key(void **state)
{
	struct bridge_conf c =
		conf_of("{\"bridge\":\"br9\",\"isDefaultGateway\":true,\"forceAddress\":true,\"ipMasq\":true,"
			"\"ipMasqBackend\":\"iptables\",\"mtu\":1400,\"HairpinMode\":true,"
			"\"preserveDefaultVlan\":true,\"macspoofchk\":true,\"enabledad\":true,"
			"\"disableContainerInterface\":true,\"portIsolation\":true}",
			"");

	(void)state;
	assert_string_equal(c.bridge, "br9");
	assert_true(c.is_gateway && c.is_default_gateway && c.force_address && c.ip_masq && c.hairpin && !c.promisc);
	assert_true(c.preserve_default_vlan && c.macspoofchk && c.enabledad && c.disable_container_interface);
	assert_true(c.port_isolation && c.masq_backend == MASQ_IPTABLES);
	assert_int_equal(c.mtu, 1400);
}

static void test_mac_precedence(void **state)
{
	static const struct { const char *conf, *args, *mac; } rows[] = {
		{ "{}", "MAC=02:00:00:00:00:01", "02:00:00:00:00:01" },
		{ "{\"args\":{\"cni\":{\"mac\":\"02:00:00:00:00:02\"}}}", "MAC=02:00:00:00:00:01", "02:00:00:00:00:02" },
		{ "{\"args\":{\"cni\":{\"mac\":\"02:00:00:00:00:02\"}},\"runtimeConfig\":{\"mac\":\"02:00:00:00:00:03\"}}",
		  "MAC=02:00:00:00:00:01", "02:00:00:00:00:03" },
		{ "{\"runtimeConfig\":{\"mac\":\"\"}}", "IgnoreUnknown=1;MAC=02:00:00:00:00:01;K8S=1", "02:00:00:00:00:01" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bridge_conf c = conf_of(rows[i].conf, rows[i].args);
		char text[MAC_TEXT_MAX];

		assert_string_equal(mac_text(&c.mac, text), rows[i].mac);
	}
}

static const char *vlans_text(const struct bridge_conf *c)
{
	struct buf b;

	buf_init(&b, &arena, 64);
	for (size_t i = 0; i < c->n_vlans; i++)
		buf_printf(&b, "%s%u-%u%s", i ? " " : "", c->vlans[i].first, c->vlans[i].last,
			   c->vlans[i].pvid && c->vlans[i].untagged ? "*" : "");
	return buf_str(&b);
}

static void test_vlans(void **state)
{
	static const char *const rows[][2] = {
		{ "\"vlan\":100", "100-100*" },
		{ "\"vlan\":0", "" },
		{ "\"vlanTrunk\":[]", "" },
		{ "\"vlanTrunk\":[{\"id\":7}]", "1-1* 7-7" },
		{ "\"vlanTrunk\":[{\"minID\":200,\"maxID\":205},{\"id\":206},{\"minID\":204,\"maxID\":204}]", "1-1* 200-206" },
		{ "\"vlanTrunk\":[{\"minID\":1,\"maxID\":4094}]", "1-1* 2-4094" },
		{ "\"vlanTrunk\":[{\"minID\":5,\"maxID\":6,\"id\":9}]", "1-1* 5-6 9-9" },
		{ "\"vlan\":100,\"vlanTrunk\":[{\"minID\":98,\"maxID\":105}]", "98-99 100-100* 101-105" },
		{ "\"vlan\":4094,\"vlanTrunk\":[{\"id\":4093}]", "4093-4093 4094-4094*" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bridge_conf c = conf_of(arena_printf(&arena, "{%s}", rows[i][0]), "");

		assert_string_equal(vlans_text(&c), rows[i][1]);
	}
}

static void test_refused(void **state)
{
	static const struct { const char *conf; int code; const char *text; } rows[] = {
		{ "\"vlan\":4095", 7, "invalid VLAN ID 4095 (must be between 0 and 4094)" },
		{ "\"vlan\":-1", 7, "invalid VLAN ID -1 (must be between 0 and 4094)" },
		{ "\"vlanTrunk\":[{\"minID\":0,\"maxID\":4}]", 7, "incorrect trunk minID parameter" },
		{ "\"vlanTrunk\":[{\"minID\":1,\"maxID\":4095}]", 7, "incorrect trunk maxID parameter" },
		{ "\"vlanTrunk\":[{\"minID\":5,\"maxID\":4}]", 7, "minID is greater than maxID in trunk parameter" },
		{ "\"vlanTrunk\":[{\"maxID\":4}]", 7, "minID and maxID should be configured simultaneously, minID is missing" },
		{ "\"vlanTrunk\":[{\"minID\":4}]", 7, "minID and maxID should be configured simultaneously, maxID is missing" },
		{ "\"vlanTrunk\":[{\"id\":4095}]", 7, "incorrect trunk id parameter" },
		{ "\"ipam\":{\"type\":\"x\"},\"disableContainerInterface\":true", 7,
		  "cannot use IPAM when DisableContainerInterface flag is set" },
		{ "\"hairpinMode\":true,\"promiscMode\":true", 7,
		  "cannot set hairpin mode and promiscuous mode at the same time" },
		{ "\"ipMasqBackend\":\"pf\"", 7, "unknown ipmasq backend \"pf\"" },
		{ "\"isGateway\":1", 6, "failed to load netconf: isGateway: want a boolean, have a number" },
		{ "\"bridge\":\"a/b\"", 7, "bridge \"a/b\": interface name contains / or : or whitespace characters" },
		{ "\"runtimeConfig\":{\"mac\":\"zz\"}", 7, "invalid MAC address: zz" },
		{ "\"bridge\":\"a-long-bridge\",\"vlan\":100,\"isGateway\":true", 7, "the gateway interface of VLAN 100 cannot" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct request r = request_of(arena_printf(&arena, "{%s}", rows[i].conf), "");
		struct bridge_conf c = { .mtu = 77 };
		struct err e = ERR_INIT;

		if (bridge_conf_read(&r, &c, &e))
			broken("accepted: %s", rows[i].conf);
		if (strncmp(e.text, rows[i].text, strlen(rows[i].text)) != 0)
			broken("%s: %s", rows[i].conf, e.text);
		assert_int_equal(e.code, rows[i].code);
		assert_int_equal(c.mtu, 77);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_mac_precedence),
		cmocka_unit_test(test_vlans),
		cmocka_unit_test(test_refused),
	};
	int failed;

	arena_init(&arena, NULL, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&arena);
	return failed;
}
