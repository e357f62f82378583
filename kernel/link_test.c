// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <sys/mount.h>

#include "kernel/addr.h"
#include "kernel/link.h"
#include "kernel/netns.h"
#include "kernel/route.h"
#include "kernel/sysctl.h"
#include "kernel/testns.h"
#include "lib/fs.h"

#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <cmocka.h>

static struct arena arena;

static struct cidr cidr(const char *s)
{
	struct err e = ERR_INIT;
	struct cidr c;

	OK(cidr_parse(s, &c, &e));
	return c;
}

static struct ip ip(const char *s)
{
	struct err e = ERR_INIT;
	struct ip a;

	OK(ip_parse(s, &a, &e));
	return a;
}

static int make_bridge(struct nl *nl, const char *name, uint32_t mtu)
{
	struct err e = ERR_INIT;
	struct bridge_new b = { .name = name, .mtu = mtu };
	struct link l;

	OK(link_bridge_add(nl, &b, &e));
	OK(link_get(nl, name, &l, &e));
	return l.index;
}

static void test_veth_in_place(void **state)
{
	struct mac ours = link_random_mac(), theirs = link_random_mac();
	autonl nl = NL_CLOSED, far = NL_CLOSED;
	autoclose int other = -1;
	struct err e = ERR_INIT;
	struct link l, p;
	int index = 0, peer = 0, bridge;

	(void)state;
	NEED_NETNS();
	other = testns_other();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	OK(netns_nl_open(other, NETLINK_ROUTE, &far, &e));
	bridge = make_bridge(&nl, "br.t", 1400);
	OK(link_veth_add(&nl,
			 &(struct veth_new){ .name = "veth1",
					     .peer_name = "eth0",
					     .mac = ours,
					     .peer_mac = theirs,
					     .mtu = 1400,
					     .master = bridge,
					     .peer_netns = other },
			 &index, &peer, &e));
	OK(link_get_index(&nl, index, &l, &e));
	OK(link_get(&far, "eth0", &p, &e));
	assert_int_equal(p.index, peer);
	assert_string_equal(l.name, "veth1");
	assert_string_equal(l.kind, "veth");
	assert_true(mac_eq(&l.mac, &ours) && mac_eq(&p.mac, &theirs));
	assert_true(l.mtu == 1400 && p.mtu == 1400);
	assert_int_equal(l.master, bridge);
	assert_int_equal(l.peer, peer);
	assert_int_equal(p.peer, index);
	assert_true(l.flags & IFF_UP);
	assert_false(p.flags & IFF_UP);
	OK(link_set_port_flags(&nl, index, (struct port_flags){ .hairpin = true, .isolated = true }, &e));
	OK(link_get(&nl, "veth1", &l, &e));
	assert_true(l.hairpin && l.isolated);
	OK(link_del(&far, peer, &e));
	assert_false(link_get(&nl, "veth1", &l, &e));
	assert_int_equal(e.num, ENODEV);
	assert_false(link_del(&nl, index, &e));
	assert_int_equal(e.num, ENODEV);
}

/* Older kernels do not say the number of a peer that has the interface's own. */
static void test_veth_equal_numbers(void **state)
{
	autonl nl = NL_CLOSED, far = NL_CLOSED;
	struct veth_new v = { .name = "veth1", .peer_name = "eth0" };
	autoclose int other = -1;
	struct err e = ERR_INIT;
	int index = 0, peer = 0;
	struct link l, p;

	(void)state;
	NEED_NETNS();
	other = testns_other();
	v.peer_netns = other;
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	OK(netns_nl_open(other, NETLINK_ROUTE, &far, &e));
	OK(link_veth_add(&nl, &v, &index, &peer, &e));
	OK(link_get(&nl, "veth1", &l, &e));
	OK(link_get(&far, "eth0", &p, &e));
	assert_int_equal(l.index, p.index);
	assert_true(index == l.index && peer == p.index && l.peer == p.index && p.peer == l.index);
}

static void test_mac_is_set(void **state)
{
	struct bridge_new kept = { .name = "br.kept", .mac = link_random_mac() };
	autonl nl = NL_CLOSED;
	struct err e = ERR_INIT;
	struct link l;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	OK(link_bridge_add(&nl, &kept, &e));
	OK(link_get(&nl, "br.kept", &l, &e));
	assert_true(mac_eq(&l.mac, &kept.mac));
	assert_false(link_mac_is_set(&l)); /* sysfs is another namespace's */
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
		skip();
	assert_true(link_mac_is_set(&l));
	make_bridge(&nl, "br.loose", 0);
	OK(link_get(&nl, "br.loose", &l, &e));
	assert_false(link_mac_is_set(&l));
	OK(link_set_mac(&nl, l.index, &l.mac, &e));
	assert_true(link_mac_is_set(&l));
}

static void test_netns_is_gone(void **state)
{
	static const int gone[] = { ENOENT, ENOTDIR, EACCES, EINVAL }, other[] = { 0, EPERM, EMFILE, ENOMEM };
	char path[] = "/tmp/netns-gone.XXXXXX", below[sizeof(path) + 4];
	struct err e = ERR_INIT;
	int fd = mkstemp(path), netns;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(gone); i++)
		assert_true(netns_is_gone(gone[i]) && !netns_is_gone(other[i]));
	assert_true(fd >= 0);
	close(fd);
	snprintf(below, sizeof(below), "%s/x", path);
	assert_false(netns_open(below, &netns, &e));
	assert_int_equal(e.num, ENOTDIR);
	assert_false(netns_open(path, &netns, &e));
	assert_int_equal(e.num, EINVAL);
	unlink(path);
	assert_false(netns_open(path, &netns, &e));
	assert_int_equal(e.num, ENOENT);
}

static void test_veth_name_taken(void **state)
{
	autonl nl = NL_CLOSED;
	autoclose int other = -1;
	struct err e = ERR_INIT;
	int index = 0, peer = 0;
	struct veth_new v = { .name = "veth1", .peer_name = "eth0" };

	(void)state;
	NEED_NETNS();
	other = testns_other();
	v.peer_netns = other;
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	OK(link_veth_add(&nl, &v, &index, &peer, &e));
	v.name = "veth2";
	assert_false(link_veth_add(&nl, &v, &index, &peer, &e));
	assert_int_equal(e.num, EEXIST);
	v.name = "veth1";
	v.peer_name = "eth1";
	assert_false(link_veth_add(&nl, &v, &index, &peer, &e));
	assert_int_equal(e.num, EEXIST);
	v = (struct veth_new){ .name = "left", .peer_name = "right", .peer_netns = -1 };
	OK(link_veth_add(&nl, &v, &index, &peer, &e));
	OK(link_set_up(&nl, peer, true, &e));
}

static void test_bridge(void **state)
{
	struct mac mac = link_random_mac();
	autonl nl = NL_CLOSED;
	struct err e = ERR_INIT;
	struct bridge_new again = { .name = "br.t" };
	struct link l;
	int index;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	index = make_bridge(&nl, "br.t", 0);
	assert_false(link_bridge_add(&nl, &again, &e));
	assert_int_equal(e.num, EEXIST);
	OK(link_set_mac(&nl, index, &mac, &e));
	OK(link_set_promisc(&nl, index, true, &e));
	OK(link_get(&nl, "br.t", &l, &e));
	assert_true(mac_eq(&l.mac, &mac));
	assert_int_equal(l.promiscuity, 1);
	assert_true(l.flags & IFF_UP);
	assert_string_equal(l.kind, "bridge");
	OK(link_set_up(&nl, index, false, &e));
	OK(link_get(&nl, "br.t", &l, &e));
	assert_false(l.flags & IFF_UP);
	assert_false(link_get(&nl, "a-name-that-is-too-long", &l, &e));
	assert_int_equal(e.num, ENODEV);
}

static void test_addresses(void **state)
{
	static const char *const texts[] = { "10.1.2.3/24", "10.9.0.1/31", "fd00::5/64" };
	autonl nl = NL_CLOSED;
	struct err e = ERR_INIT;
	struct addr *all;
	size_t n = 0;
	int index, second;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	index = make_bridge(&nl, "br.t", 0);
	second = make_bridge(&nl, "br.u", 0);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct cidr c = cidr(texts[i]);

		OK(addr_add(&nl, index, &c, 0, &e));
		assert_false(addr_add(&nl, index, &c, 0, &e));
		assert_int_equal(e.num, EEXIST);
	}
	OK(addr_list(&nl, &arena, AF_INET, index, &all, &n, &e));
	assert_int_equal(n, 2);
	OK(addr_list(&nl, &arena, AF_INET, second, &all, &n, &e));
	assert_int_equal(n, 0);
	OK(addr_list(&nl, &arena, AF_INET, 0, &all, &n, &e));
	assert_int_equal(n, 3); /* and that of lo */
	OK(addr_del(&nl, index, &(struct cidr){ ip("10.1.2.3"), 24 }, &e));
	OK(addr_list(&nl, &arena, AF_UNSPEC, index, &all, &n, &e));
	for (size_t i = 0; i < n; i++)
		assert_true(all[i].index == index && !ip_eq(&all[i].cidr.ip, &(struct ip[]){ ip("10.1.2.3") }[0]));
}

static bool has_route(const struct kroute *r, size_t n, const char *dst, const char *gw, uint32_t mtu, uint32_t prio)
{
	struct cidr want = cidr(dst);
	struct ip via = { { 0 } };

	if (gw)
		via = ip(gw);
	for (size_t i = 0; i < n; i++)
		if (ip_eq(&r[i].dst.ip, &want.ip) && r[i].dst.len == want.len && ip_eq(&r[i].gw, &via) &&
		    r[i].mtu == mtu && r[i].priority == prio)
			return true;
	return false;
}

static void test_routes(void **state)
{
	autonl nl = NL_CLOSED;
	struct err e = ERR_INIT;
	struct kroute *all, best;
	struct kroute made[] = {
		{ .dst = cidr("0.0.0.0/0"), .gw = ip("10.1.2.1"), .mtu = 1300, .advmss = 1200, .priority = 5 },
		{ .dst = cidr("10.7.1.9/16") },
		{ .dst = cidr("10.8.0.0/16"), .table = 4000 },
	};
	struct cidr own = cidr("10.1.2.3/24");
	struct route_filter f = { .family = AF_INET, .table = RT_TABLE_MAIN };
	size_t n = 0;
	int index;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	index = make_bridge(&nl, "br.t", 0);
	OK(addr_add(&nl, index, &own, 0, &e));
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		made[i].oif = index;
		OK(testns_route(&nl, RTM_NEWROUTE, &made[i], NLM_F_CREATE | NLM_F_EXCL, &e));
	}
	OK(route_list(&nl, &arena, &f, &all, &n, &e));
	assert_true(has_route(all, n, "0.0.0.0/0", "10.1.2.1", 1300, 5));
	assert_true(has_route(all, n, "10.7.0.0/16", NULL, 0, 0));
	assert_false(has_route(all, n, "10.8.0.0/16", NULL, 0, 0));
	f = (struct route_filter){ .table = 4000, .oif = index };
	OK(route_list(&nl, &arena, &f, &all, &n, &e));
	assert_int_equal(n, 1);
	assert_true(has_route(all, n, "10.8.0.0/16", NULL, 0, 0));
	f = (struct route_filter){ .family = AF_INET, .table = 4001 };
	OK(route_list(&nl, &arena, &f, &all, &n, &e));
	assert_int_equal(n, 0);
	OK(route_to(&nl, &(struct ip[]){ ip("192.0.2.1") }[0], &best, &e));
	assert_true(best.oif == index && ip_eq(&best.gw, &(struct ip[]){ ip("10.1.2.1") }[0]));
	OK(testns_route(&nl, RTM_DELROUTE, &(struct kroute){ .dst = cidr("0.0.0.0/0") }, 0, &e));
	assert_false(route_to(&nl, &(struct ip[]){ ip("192.0.2.1") }[0], &best, &e));
}

static void test_namespaces(void **state)
{
	autonl nl = NL_CLOSED;
	autoclose int other = -1, own = -1;
	struct err e = ERR_INIT;
	struct netns_visit v;
	struct link l;
	char text[16];
	int fd = -1;

	(void)state;
	NEED_NETNS();
	other = testns_other();
	OK(netns_open("/proc/thread-self/ns/net", &own, &e));
	assert_true(netns_is_own(own));
	assert_false(netns_is_own(other));
	assert_false(netns_open("/nonexistent/netns", &fd, &e));
	assert_int_equal(e.num, ENOENT);
	assert_false(netns_open("/dev/null", &fd, &e));
	assert_int_equal(e.num, EINVAL);
	assert_false(netns_open("/proc/thread-self/ns/uts", &fd, &e));
	assert_int_equal(e.num, EINVAL);
	assert_int_equal(fd, -1);
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	make_bridge(&nl, "br.t", 0);
	OK(sysctl_set_if("ipv4", "br.t", "arp_notify", "1", &e));
	OK(sysctl_get("net/ipv4/conf/br.t/arp_notify", text, sizeof(text), &e));
	assert_string_equal(text, "1");
	OK(netns_enter(other, &v, &e));
	assert_true(netns_is_own(other));
	assert_false(sysctl_get("net/ipv4/conf/br.t/arp_notify", text, sizeof(text), &e));
	assert_int_equal(e.num, ENOENT);
	netns_leave(&v);
	assert_true(netns_is_own(own));
	OK(link_get(&nl, "br.t", &l, &e));
	OK(sysctl_want("net/ipv4/conf/br.t/arp_notify", "0", &e));
	OK(sysctl_get("net/ipv4/conf/br.t/arp_notify", text, sizeof(text), &e));
	assert_string_equal(text, "0");
}

static void test_conf_by_netlink(void **state)
{
	NLMSG_ON_STACK(m, 256);
	autonl nl = NL_CLOSED;
	struct err e = ERR_INIT;
	char text[16];

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	link_put_ipv4_conf(&nl, &m, make_bridge(&nl, "br.t", 0), IPV4_DEVCONF_ARP_NOTIFY, 1);
	OK(nl_ask(&nl, &m, &e));
	OK(sysctl_get("net/ipv4/conf/br.t/arp_notify", text, sizeof(text), &e));
	assert_string_equal(text, "1");
}

static void test_usable_kinds(void **state)
{
	autonl nl = NL_CLOSED;
	struct err e = ERR_INIT;
	struct link l;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	OK(link_kind_usable(&nl, "veth", &e));
	OK(link_kind_usable(&nl, "bridge", &e));
	assert_false(link_kind_usable(&nl, "nosuchkind", &e));
	assert_int_equal(e.num, EOPNOTSUPP);
	assert_false(link_get(&nl, ".", &l, &e));
	for (int index = 2; index < 10; index++)
		assert_false(link_get_index(&nl, index, &l, &e));
}

static void test_vlans(void **state)
{
	struct vlan_entry add[] = { { 100, 100, true, true }, { 200, 210, false, false } };
	struct bridge_new b = { .name = "br.t", .vlan_filtering = true };
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct vlan_entry *all;
	struct link l;
	size_t n = 0;
	int index = 0, peer = 0;

	(void)state;
	NEED_NETNS();
	OK(nl_open(&nl, NETLINK_ROUTE, &e));
	if (!link_bridge_add(&nl, &b, &e)) {
		assert_int_equal(e.num, EOPNOTSUPP);
		fprintf(stderr, "skipped: this kernel has no VLAN filtering in bridges\n");
		skip();
	}
	OK(link_get(&nl, "br.t", &l, &e));
	assert_true(l.vlan_filtering);
	OK(link_veth_add(
		&nl, &(struct veth_new){ .name = "veth1", .peer_name = "eth0", .master = l.index, .peer_netns = -1 },
		&index, &peer, &e));
	OK(link_port_vlans(&nl, &arena, index, &all, &n, &e));
	assert_true(n == 1 && all[0].first == 1 && all[0].pvid && all[0].untagged);
	OK(link_port_vlan_del(&nl, index, all, n, &e));
	OK(link_port_vlan_add(&nl, index, add, ARRAY_LEN(add), &e));
	OK(link_port_vlans(&nl, &arena, index, &all, &n, &e));
	assert_int_equal(n, 2);
	assert_memory_equal(all, add, sizeof(add));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_veth_in_place),
		cmocka_unit_test(test_veth_equal_numbers),
		cmocka_unit_test(test_mac_is_set),
		cmocka_unit_test(test_netns_is_gone),
		cmocka_unit_test(test_veth_name_taken),
		cmocka_unit_test(test_bridge),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_conf_by_netlink),
		cmocka_unit_test(test_usable_kinds),
		cmocka_unit_test(test_vlans),
	};
	int failed;

	arena_init(&arena, NULL, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&arena);
	return failed;
}
