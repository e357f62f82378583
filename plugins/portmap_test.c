// SPDX-License-Identifier: Apache-2.0
/* portmap as a runtime sees it: what ADD puts into the kernel, who may have a port, what DEL and GC leave. */
#include <sched.h>
#include <setjmp.h>
#include <time.h>
#include <unistd.h>

#include "lib/str.h"
#include "plugins/plugin.h"

#include <cmocka.h>

#include "kernel/nft_testing.h"

static struct arena a;

static int set_up(void **state)
{
	(void)state;
	arena_init(&a, NULL, 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_string_equal(output("ip link set lo up; ip link add br0 type bridge; ip addr add 10.1.0.1/16 dev br0;"
				   "ip addr add fd00:1::1/64 dev br0 nodad; ip link set br0 up"),
			    "");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_done(&a);
	return 0;
}

// ---- requests ----

struct call {
	enum command command;
	const char *network, *id, *mappings, *options, *ips, *valid; /* NULL: left out; ips: NULL: no prevResult */
};

#define IPS4 "{\"address\":\"10.1.0.5/16\",\"interface\":0}"
#define IPS IPS4 ",{\"address\":\"fd00:1::5/64\",\"interface\":0}"
#define WEB "{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"tcp\"}"
#define DNS "{\"hostPort\":53,\"containerPort\":5353,\"protocol\":\"udp\"}"

static const char *config(const struct call *c)
{
	struct buf b;

	buf_init(&b, &a, 1024);
	buf_printf(&b, "{\"cniVersion\":\"1.1.0\",\"name\":\"%s\",\"type\":\"portmap\"%s%s",
		   c->network ? c->network : "net1", c->options ? "," : "", c->options ? c->options : "");
	if (c->mappings)
		buf_printf(&b, ",\"runtimeConfig\":{\"portMappings\":[%s]}", c->mappings);
	if (c->ips)
		buf_printf(
			&b,
			",\"prevResult\":{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"/x\"}],\"ips\":[%s]}",
			c->ips);
	if (c->valid)
		buf_printf(&b, ",\"cni.dev/valid-attachments\":[%s]", c->valid);
	buf_putc(&b, '}');
	return buf_str(&b);
}

static bool call(const struct call *c, struct err *e)
{
	struct request r = { .command = c->command,
			     .container_id = c->id ? c->id : "cid1",
			     .netns = "",
			     .ifname = "eth0",
			     .args = "",
			     .path = "/",
			     .arena = &a };
	const char *text = config(c);
	struct result result = { 0 };

	*e = ERR_INIT;
	r.stdin_bytes = (struct bytes){ text, strlen(text) };
	assert_true(json_parse(&a, r.stdin_bytes, &r.conf, e));
	assert_true(netconf_read(&a, r.conf, &r.net, e));
	switch (c->command) {
	case COMMAND_ADD: return portmap_plugin.add(&r, &result, e);
	case COMMAND_CHECK: return portmap_plugin.check(&r, e);
	case COMMAND_DEL: return portmap_plugin.del(&r, e);
	case COMMAND_GC: return portmap_plugin.gc(&r, e);
	case COMMAND_STATUS: return portmap_plugin.status(&r, e);
	case COMMAND_VERSION:
	case COMMANDS: break;
	}
	return false;
}

static void works(struct call c, enum command command)
{
	struct err e;

	c.command = command;
	if (!call(&c, &e))
		fail_msg("%s: %s", command_names[command], e.text);
}

static const char *refused(struct call c, enum command command)
{
	struct err e;

	c.command = command;
	assert_false(call(&c, &e));
	return arena_strdup(&a, e.text);
}

static const char *elements(void)
{
	return arena_strdup(
		&a,
		output("nft list ruleset | grep -o '[^ ].* comment \"net.*' | sed 's/^elements = { //; s/[ ,}]*$//'"));
}

// ---- tests ----

static void test_list(void **state)
{
	const struct call c = { .mappings = WEB
				"," DNS
				",{\"hostPort\":81,\"containerPort\":80,\"protocol\":\"TCP\",\"hostIP\":\"10.1.0.1\"}",
				.ips = IPS4 };

	(void)state;
	works(c, COMMAND_ADD);
	works(c, COMMAND_ADD);
	works(c, COMMAND_CHECK);
	assert_string_equal(output("nft list ruleset"),
			    "table ip crimp_portmap {\n"
			    "\tcomment \"ports published by crimp\"\n"
			    "\tmap ports {\n"
			    "\t\ttype inet_proto . inet_service : ipv4_addr . inet_service\n"
			    "\t\telements = { udp . 53 comment \"net1 cid1 eth0\" : 10.1.0.5 . 5353,\n"
			    "\t\t\t     tcp . 8080 comment \"net1 cid1 eth0\" : 10.1.0.5 . 80 }\n"
			    "\t}\n\n"
			    "\tmap ports_on {\n"
			    "\t\ttype ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service\n"
			    "\t\telements = { 10.1.0.1 . tcp . 81 comment \"net1 cid1 eth0\" : 10.1.0.5 . 80 }\n"
			    "\t}\n\n"
			    "\tset masquerade_all {\n\t\ttype ipv4_addr\n\t}\n\n"
			    "\tset from_localhost {\n"
			    "\t\ttype ipv4_addr\n"
			    "\t\telements = { 10.1.0.5 comment \"net1 cid1 eth0\" }\n"
			    "\t}\n\n"
			    "\tset from_itself {\n\t\ttype ipv4_addr . ipv4_addr\n\t}\n\n"
			    "\tset from_10.1.0.0/16 {\n"
			    "\t\ttype ipv4_addr\n"
			    "\t\telements = { 10.1.0.5 comment \"net1 cid1 eth0\" }\n"
			    "\t}\n\n"
			    "\tchain prerouting {\n"
			    "\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
			    "\t\tfib daddr type local jump publish\n"
			    "\t}\n\n"
			    "\tchain output {\n"
			    "\t\ttype nat hook output priority -100; policy accept;\n"
			    "\t\tfib daddr type local jump publish\n"
			    "\t}\n\n"
			    "\tchain postrouting {\n"
			    "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
			    "\t\tct status dnat jump hairpin\n"
			    "\t}\n\n"
			    "\tchain hairpin {\n"
			    "\t\tip daddr @masquerade_all masquerade\n"
			    "\t\tip saddr 127.0.0.0/8 ip daddr @from_localhost masquerade\n"
			    "\t\tip saddr . ip daddr @from_itself masquerade\n"
			    "\t\tip saddr 10.1.0.0/16 ip daddr @from_10.1.0.0/16 masquerade\n"
			    "\t}\n\n"
			    "\tchain publish {\n"
			    "\t\tdnat ip to ip daddr . meta l4proto . th dport map @ports_on\n"
			    "\t\tdnat ip to meta l4proto . th dport map @ports\n"
			    "\t}\n"
			    "}\n");
	assert_reloads();
	assert_string_equal(output("cat /proc/thread-self/net/../sys/net/ipv4/conf/br0/route_localnet 2>/dev/null || "
				   "cat /proc/sys/net/ipv4/conf/br0/route_localnet"),
			    "1\n");
}

static void test_nothing_to_do(void **state)
{
	const struct call c = { .ips = IPS };

	(void)state;
	works(c, COMMAND_ADD);
	works(c, COMMAND_CHECK);
	works(c, COMMAND_DEL);
	assert_string_equal(output("nft list ruleset"), "");
	assert_string_equal(refused((struct call){ .mappings = WEB }, COMMAND_ADD), "must be called as chained plugin");
}

static void test_owner(void **state)
{
	const struct call one = { .mappings = WEB, .ips = IPS };
	const struct call two = { .id = "cid2", .mappings = DNS "," WEB, .ips = "{\"address\":\"10.1.0.6/16\"}" };
	const struct call heir = { .id = "cid3", .mappings = WEB, .ips = IPS };
	const char *before;

	(void)state;
	works(one, COMMAND_ADD);
	before = elements();
	assert_string_equal(refused(two, COMMAND_ADD),
			    "host port 8080/tcp is already published by container cid1 (network net1, interface eth0)");
	assert_string_equal(elements(), before);
	/* Who has the address now has what leads there; the late DEL of the former owner takes nothing. */
	works(heir, COMMAND_ADD);
	works(heir, COMMAND_CHECK);
	works(one, COMMAND_DEL);
	works(heir, COMMAND_CHECK);
	assert_non_null(strstr(refused(one, COMMAND_CHECK), "has no element of \"net1 cid1 eth0\""));
	works(heir, COMMAND_DEL);
	assert_string_equal(elements(), "");
	works(two, COMMAND_ADD);
	works(two, COMMAND_CHECK);
}

/*
 * The same address in another network is another container: what is published leads to one, and the other is refused.
 */
static void test_same_address(void **state)
{
	const struct call one = { .mappings = WEB, .ips = IPS };
	const struct call same_port = { .network = "net2", .id = "cid2", .mappings = WEB, .ips = IPS };
	const struct call same_address = { .network = "net2", .id = "cid2", .mappings = DNS, .ips = IPS };
	const char *before;

	(void)state;
	works(one, COMMAND_ADD);
	before = elements();
	assert_string_equal(refused(same_port, COMMAND_ADD),
			    "host port 8080/tcp is already published by container cid1 (network net1, interface eth0)");
	assert_string_equal(
		refused(same_address, COMMAND_ADD),
		"address 10.1.0.5 already has published ports as that of container cid1 (network net1, interface eth0)");
	works(same_address, COMMAND_DEL);
	assert_string_equal(elements(), before);
	works(one, COMMAND_DEL);
	works(same_address, COMMAND_ADD);
}

/* Whatever the runtime still knows, everything goes. */
static void test_del(void **state)
{
	static const struct call ways[] = {
		{ .mappings = WEB "," DNS, .ips = IPS },
		{ .mappings = WEB "," DNS },
		{ .ips = IPS },
		{ 0 },
		{ .mappings = "{\"hostPort\":1,\"containerPort\":1}",
		  .ips = IPS4,
		  .options = "\"backend\":\"unknown\"" },
	};
	const struct call other = { .id = "cid2",
				    .mappings = "{\"hostPort\":1,\"containerPort\":1}",
				    .ips = "{\"address\":\"10.1.0.6/16\"}" };

	(void)state;
	works(other, COMMAND_ADD);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		works(ways[0], COMMAND_ADD);
		works(ways[i], COMMAND_DEL);
		assert_null(strstr(elements(), "cid1"));
		works(ways[i], COMMAND_DEL);
		works(other, COMMAND_CHECK);
	}
}

static void test_gc(void **state)
{
	const struct call one = { .mappings = WEB,
				  .ips = IPS,
				  .valid = "{\"containerID\":\"cid2\",\"ifname\":\"eth0\"}" };
	const struct call two = { .id = "cid2", .mappings = DNS, .ips = "{\"address\":\"10.1.0.6/16\"}", .valid = "" };
	const struct call other = { .network = "net2",
				    .id = "cid1",
				    .mappings = "{\"hostPort\":1,\"containerPort\":1}",
				    .ips = "{\"address\":\"10.1.0.7/16\"}" };

	(void)state;
	works(one, COMMAND_ADD);
	works(two, COMMAND_ADD);
	works(other, COMMAND_ADD);
	works(other, COMMAND_GC);
	works(one, COMMAND_CHECK);
	works(one, COMMAND_GC);
	assert_null(strstr(elements(), "net1 cid1"));
	works(two, COMMAND_CHECK);
	works(two, COMMAND_GC);
	assert_null(strstr(elements(), "net1"));
	works(other, COMMAND_CHECK);
}

/* An ADD that fails leaves what an earlier one has made. */
static void test_repeated_in_vain(void **state)
{
	const struct call c = { .mappings = WEB, .ips = IPS };
	struct call bad[] = {
		{ .mappings = WEB,
		  .ips = IPS,
		  .options = "\"backend\":\"nftables\",\"conditionsV4\":[\"ct state new\"]" },
		{ .mappings = WEB, .ips = IPS, .options = "\"backend\":\"iptables\",\"conditionsV6\":[\"--wrong\"]" },
	};
	const char *before;

	(void)state;
	works(c, COMMAND_ADD);
	before = elements();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		refused(bad[i], COMMAND_ADD);
		assert_string_equal(elements(), before);
		works(c, COMMAND_CHECK);
	}
	/* IPv4 was written before IPv6 was refused. */
	assert_null(strstr(output("iptables -t nat -S"), "CNI-DN"));
}

static const char *ports(unsigned first, unsigned n)
{
	struct buf b;

	buf_init(&b, &a, n * 64);
	for (unsigned i = 0; i < n; i++)
		buf_printf(&b, "%s{\"hostPort\":%u,\"containerPort\":80}", i ? "," : "", first + i);
	return buf_str(&b);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A thousand ports come and go, by key, by comment and by GC; a repeated ADD is not a matter of their square. */
static void test_many(void **state)
{
	struct call c = { .mappings = ports(10000, 1000), .ips = IPS4 }, no_keys = { .valid = "" };
	struct call some = { .mappings = ports(10000, 700), .ips = IPS4 };
	double took;

	(void)state;
	for (int way = 0; way < 4; way++) {
		works(c, COMMAND_ADD);
		took = now_ms();
		works(c, COMMAND_ADD);
		took = now_ms() - took;
		print_message("# 1000 ports again: %.0f ms\n", took);
		assert_true(took < 2000);
		works(c, COMMAND_CHECK);
		assert_string_equal(output("nft list ruleset | grep -o 'tcp [.] 1[0-9]* ' | wc -l"), "1000\n");
		switch (way) {
		case 0: works(c, COMMAND_DEL); break;
		case 1: works(no_keys, COMMAND_DEL); break;
		case 2: works(no_keys, COMMAND_GC); break;
		/* The configuration has become shorter. */
		default: works(some, COMMAND_DEL); works(c, COMMAND_DEL);
		}
		assert_string_equal(elements(), "");
	}
}

/* A table that another version made, or a person. */
static void test_foreign_table(void **state)
{
	const struct call c = { .mappings = WEB, .ips = IPS4, .options = "\"backend\":\"nftables\"" };
	const char *text;

	(void)state;
	assert_string_equal(
		output("nft 'table ip crimp_portmap { chain output { type nat hook output priority -100; }; }'"), "");
	text = refused(c, COMMAND_ADD);
	assert_non_null(strstr(text, "table crimp_portmap"));
	assert_non_null(strstr(text, "set ports"));
	assert_null(strstr(text, "somebody else"));
	output("nft delete table ip crimp_portmap");
	works(c, COMMAND_ADD);
}

static void test_check(void **state)
{
	static const struct {
		const char *damage, *text;
	} damages[] = {
		{ "nft flush chain ip crimp_portmap publish",
		  "chain publish of table crimp_portmap has no rule for set ports" },
		{ "nft flush chain ip crimp_portmap output",
		  "chain output of table crimp_portmap has no rule for publish" },
		{ "nft flush chain ip crimp_portmap hairpin",
		  "chain hairpin of table crimp_portmap has no rule for set from_localhost" },
		{ "nft flush set ip crimp_portmap from_10.1.0.0/16",
		  "set from_10.1.0.0/16 of table crimp_portmap has no element" },
		{ "nft flush map ip crimp_portmap ports", "set ports of table crimp_portmap has no element" },
		{ "nft insert rule ip crimp_portmap publish return", "somebody else before that for set ports" },
		{ "nft insert rule ip crimp_portmap prerouting accept", "somebody else before that for publish" },
		{ "nft insert rule ip crimp_portmap postrouting accept", "somebody else before that for hairpin" },
		{ "nft insert rule ip crimp_portmap hairpin tcp dport 1 return",
		  "somebody else before that for set from_localhost" },
	};
	const struct call c = { .mappings = WEB, .ips = IPS };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		works(c, COMMAND_ADD);
		works(c, COMMAND_CHECK);
		assert_string_equal(output(damages[i].damage), "");
		assert_non_null(strstr(refused(c, COMMAND_CHECK), damages[i].text));
		output("nft flush ruleset");
	}
}

/* Conditions guard the way into a group of their own; the same port may be published in each. */
static void test_conditions(void **state)
{
	const struct call plain = { .mappings = WEB, .ips = IPS4 };
	const struct call guarded = { .network = "net2",
				      .id = "cid2",
				      .mappings = WEB,
				      .ips = "{\"address\":\"10.1.0.6/16\"}",
				      .options = "\"conditionsV4\":[\"!\",\"-s\",\"192.0.2.0/24\"]" };
	const struct call alien = { .id = "cid3",
				    .mappings = WEB,
				    .ips = "{\"address\":\"10.1.0.7/16\"}",
				    .options = "\"backend\":\"nftables\",\"conditionsV4\":[\"ct state new\"]" };

	(void)state;
	works(plain, COMMAND_ADD);
	works(guarded, COMMAND_ADD);
	works(guarded, COMMAND_ADD);
	works(plain, COMMAND_CHECK);
	works(guarded, COMMAND_CHECK);
	assert_string_equal(
		output("nft list chain ip crimp_portmap prerouting | grep fib | sed 's/_[0-9a-f]*$/_HASH/'"),
		"\t\tfib daddr type local jump publish\n"
		"\t\tip saddr != 192.0.2.0/24 fib daddr type local jump publish_HASH\n");
	assert_reloads();
	works(guarded, COMMAND_DEL);
	works(plain, COMMAND_CHECK);
	assert_null(strstr(elements(), "net2"));
	assert_string_equal(refused(alien, COMMAND_ADD),
			    "conditionsV4: condition \"ct\": this expression of nft is not understood");
}

static void test_sources(void **state)
{
	const struct call host = { .mappings = WEB, .ips = "{\"address\":\"10.1.0.5/32\"}" };
	const struct call all = {
		.id = "cid2", .mappings = DNS, .ips = "{\"address\":\"10.1.0.6/16\"}", .options = "\"masqAll\":true"
	};
	const struct call none = { .id = "cid3",
				   .mappings = "{\"hostPort\":1,\"containerPort\":1}",
				   .ips = "{\"address\":\"10.1.0.7/16\"}",
				   .options = "\"snat\":false" };

	(void)state;
	works(host, COMMAND_ADD);
	works(all, COMMAND_ADD);
	works(none, COMMAND_ADD);
	assert_non_null(strstr(elements(), "10.1.0.5 . 10.1.0.5 comment \"net1 cid1 eth0\""));
	assert_string_equal(output("nft list set ip crimp_portmap masquerade_all | grep -c 10.1.0.6"), "1\n");
	assert_string_equal(output("nft list sets | grep -c from_10"), "0\n");
	assert_string_equal(output("nft list ruleset | grep -c cid3"), "1\n");
	works(host, COMMAND_CHECK);
	works(all, COMMAND_CHECK);
	works(none, COMMAND_CHECK);
}

static void test_config(void **state)
{
	static const struct {
		const char *mappings, *options, *text;
	} bad[] = {
		{ "{\"hostPort\":0,\"containerPort\":80}", NULL,
		  "failed to parse config: Invalid host port number: 0" },
		{ "{\"hostPort\":1,\"containerPort\":-1}", NULL,
		  "failed to parse config: Invalid container port number: -1" },
		{ "{\"hostPort\":1,\"containerPort\":1,\"protocol\":\"icmp\"}", NULL, "unknown protocol \"icmp\"" },
		{ "{\"hostPort\":1,\"containerPort\":1,\"hostIP\":\"x\"}", NULL, "hostIP: invalid IP address: x" },
		{ WEB, "\"markMasqBit\":32", "MasqMarkBit must be between 0 and 31" },
		{ WEB, "\"markMasqBit\":1,\"externalSetMarkChain\":\"X\"",
		  "Cannot specify externalSetMarkChain and markMasqBit" },
		{ WEB, "\"backend\":\"pf\"", "unrecognized backend \"pf\"" },
		{ WEB, "\"backend\":\"nftables\",\"markMasqBit\":1",
		  "nftables backend was requested but configuration contains iptables-specific options [markMasqBit]" },
		{ WEB, "\"backend\":\"iptables\",\"conditionsV6\":[\"ip6 saddr ::1\"]",
		  "iptables backend was requested but configuration contains nftables-specific options [conditionsV6]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_non_null(strstr(
			refused((struct call){ .mappings = bad[i].mappings, .options = bad[i].options, .ips = IPS },
				COMMAND_ADD),
			bad[i].text));
	assert_string_equal(output("nft list ruleset"), "");
	works((struct call){ 0 }, COMMAND_STATUS);
	works((struct call){ .options = "\"backend\":\"nftables\"" }, COMMAND_STATUS);
	assert_string_equal(output("nft list ruleset"), "");
}

// ---- the reference's forms ----

static void test_iptables(void **state)
{
	const struct call c = { .mappings = WEB "," DNS,
				.ips = IPS,
				.options = "\"backend\":\"iptables\"",
				.valid = "{\"containerID\":\"cid9\",\"ifname\":\"eth0\"}" };
	const struct call other = { .id = "cid9", .mappings = WEB, .ips = IPS4, .options = "\"backend\":\"iptables\"" };
	const char *text;

	(void)state;
	for (int by_gc = 0; by_gc < 2; by_gc++) {
		works(other, COMMAND_ADD);
		works(c, COMMAND_ADD);
		text = arena_strdup(&a, output("iptables -t nat -S; ip6tables -t nat -S"));
		works(c, COMMAND_ADD);
		assert_string_equal(output("iptables -t nat -S; ip6tables -t nat -S"), text);
		assert_non_null(strstr(
			text,
			"-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment \"dnat name: \\\"net1\\\" id: \\\"cid1\\\"\" "
			"-m multiport --dports 8080 -j CNI-DN-e8f6f419596f7f47b3468\n"));
		assert_non_null(strstr(
			text,
			"-A CNI-DN-e8f6f419596f7f47b3468 -p tcp -m tcp --dport 8080 -j DNAT --to-destination [fd00:1::5]:80\n"));
		works(c, COMMAND_CHECK);
		works(c, by_gc ? COMMAND_GC : COMMAND_DEL);
		assert_null(strstr(output("iptables -t nat -S; ip6tables -t nat -S"), "cid1"));
		assert_string_equal(refused(c, COMMAND_CHECK),
				    "chain CNI-DN-e8f6f419596f7f47b3468 not found in iptables table nat");
		works(other, COMMAND_CHECK);
	}
	works((struct call){ .id = "cid9" }, COMMAND_DEL);
	assert_string_equal(output("iptables -t nat -S | grep -c CNI-DN"), "0\n");
}

/* Two interfaces of one container in one network share the chain; CHECK tells their ports apart. */
static void test_iptables_two(void **state)
{
	const struct call one = { .mappings = WEB, .ips = IPS, .options = "\"backend\":\"iptables\"" };
	const struct call two = { .mappings = DNS, .ips = IPS, .options = "\"backend\":\"iptables\"" };
	const char *before, *both;

	(void)state;
	works(one, COMMAND_ADD);
	before = arena_strdup(&a, output("iptables -t nat -S; ip6tables -t nat -S"));
	assert_non_null(strstr(refused(two, COMMAND_CHECK), "host port 53/udp"));
	works(two, COMMAND_ADD);
	works(one, COMMAND_CHECK);
	works(two, COMMAND_CHECK);
	both = arena_strdup(&a, output("iptables -t nat -S | sort; ip6tables -t nat -S | sort"));
	works(one, COMMAND_ADD);
	works(two, COMMAND_ADD);
	assert_string_equal(output("iptables -t nat -S | sort; ip6tables -t nat -S | sort"), both);
	works(two, COMMAND_DEL);
	works(two, COMMAND_DEL);
	assert_string_equal(output("iptables -t nat -S; ip6tables -t nat -S"), before);
	works(one, COMMAND_CHECK);
	works(one, COMMAND_DEL);
	assert_string_equal(output("iptables -t nat -S | grep -c CNI-DN"), "0\n");
}

/* What a program says in several lines is one message of one line, and names both reasons. */
static void test_iptables_says(void **state)
{
	const struct call c = { .mappings = WEB,
				.ips = IPS4,
				.options = "\"conditionsV4\":[\"-m\",\"nonsense\",\"-s\",\"192.0.2.0/24\"]" };
	const char *text = refused(c, COMMAND_ADD);

	(void)state;
	assert_null(strchr(text, '\n'));
	assert_non_null(strstr(text, "nftables: conditionsV4"));
	assert_non_null(strstr(text, "iptables: "));
	assert_non_null(strstr(text, "nonsense"));
}

/* 15 ports are as many as one rule can hold. */
static void test_iptables_many(void **state)
{
	struct call c = { .ips = IPS4, .options = "\"backend\":\"iptables\",\"masqAll\":true,\"markMasqBit\":5" };
	struct buf b;

	(void)state;
	buf_init(&b, &a, 1024);
	for (int i = 1; i <= 16; i++)
		buf_printf(&b, "%s{\"hostPort\":%d,\"containerPort\":80}", i > 1 ? "," : "", i);
	c.mappings = buf_str(&b);
	works(c, COMMAND_ADD);
	works(c, COMMAND_CHECK);
	assert_string_equal(output("iptables -t nat -S CNI-HOSTPORT-DNAT | grep -o -e '--dports.*-j'"),
			    "--dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15 -j\n--dports 16 -j\n");
	assert_string_equal(output("iptables -t nat -S CNI-HOSTPORT-SETMARK | grep -o -e '--set.*'"),
			    "--set-xmark 0x20/0x20\n");
	assert_string_equal(output("iptables -t nat -S | grep -c -e '--dport .* -j CNI-HOSTPORT-SETMARK'"), "16\n");
	works(c, COMMAND_DEL);
	assert_string_equal(output("iptables -t nat -S | grep -c CNI-DN"), "0\n");
}

/* Words of iptables that we cannot say ourselves go to it, if nobody has chosen a backend. */
static void test_auto(void **state)
{
	const struct call c = { .mappings = WEB,
				.ips = IPS4,
				.options = "\"conditionsV4\":[\"-m\",\"conntrack\",\"--ctstate\",\"NEW\"]" };

	(void)state;
	works(c, COMMAND_ADD);
	works(c, COMMAND_CHECK);
	assert_non_null(strstr(output("iptables -t nat -S CNI-HOSTPORT-DNAT"),
			       "--dports 8080 -m conntrack --ctstate NEW -j CNI-DN-"));
	assert_string_equal(elements(), "");
	works(c, COMMAND_DEL);
	assert_string_equal(output("iptables -t nat -S | grep -c CNI-DN"), "0\n");
}

static void test_rules_found(void **state)
{
	static const char made[] =
		"nft 'add table ip cni_hostport; add chain ip cni_hostport hostports; add chain ip cni_hostport masquerading;"
		"add chain ip cni_hostport hostip_hostports;"
		"add rule ip cni_hostport hostports tcp dport 8080 dnat to 10.1.0.5:80 comment \"cid1\";"
		"add rule ip cni_hostport hostip_hostports tcp dport 8081 dnat to 10.1.0.5:80 comment \"cid1\";"
		"add rule ip cni_hostport masquerading ip saddr 127.0.0.1 ip daddr 10.1.0.5 masquerade comment \"cid1\";"
		"add rule ip cni_hostport hostports tcp dport 9090 dnat to 10.1.0.6:80 comment \"cid2\"'";
	const struct call c = { .mappings = WEB, .ips = IPS4 };

	(void)state;
	assert_string_equal(output(made), "");
	works(c, COMMAND_CHECK);
	works((struct call){ 0 }, COMMAND_DEL);
	assert_string_equal(output("nft list ruleset | grep -c cid1"), "0\n");
	assert_string_equal(output("nft list ruleset | grep -c cid2"), "1\n");
	assert_non_null(refused(c, COMMAND_CHECK));
}

/* The entry of an earlier life of the port is forgotten, on ADD and on DEL. */
static void test_udp(void **state)
{
	static const char entry[] =
		"conntrack -I -p udp -s 192.0.2.9 -d 10.1.0.1 --sport 1000 --dport 53 -t 60 >/dev/null 2>&1";
	const struct call c = { .mappings = DNS, .ips = IPS4 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(system(entry), 0);
		works(c, i == 0 ? COMMAND_ADD : COMMAND_DEL);
		assert_string_equal(output("conntrack -L -p udp 2>/dev/null | grep -c dport=53"),
				    i < 2 ? "0\n" : "1\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_to_do, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_owner, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_same_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_del, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gc, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_repeated_in_vain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_foreign_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_check, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_conditions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sources, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_config, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_iptables, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_iptables_two, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_iptables_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_iptables_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_auto, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rules_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_udp, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
