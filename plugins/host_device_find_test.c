// SPDX-License-Identifier: Apache-2.0
/* The lookups in sysfs, over a tree of our own. */
#include "cni/test.h"
#include "kernel/testns.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/host_device.h"

#include <sys/stat.h>
#include <sys/wait.h>

#define MUST(call)                           \
	do {                                 \
		if (!(call))                 \
			broken("%s", e.text); \
	} while (0)

static struct arena arena;
static char root[] = "/tmp/crimp-sysfs-XXXXXX";

static const char *at(const char *path)
{
	return arena_printf(&arena, "%s/%s", root, path);
}

static void folder(const char *path)
{
	struct err e = ERR_INIT;

	if (!fs_mkdirs(at(path), 0755, &e))
		broken("%s", e.text);
}

static void points(const char *path, const char *target)
{
	if (symlink(target, at(path)) < 0)
		broken("symlink %s: %s", path, strerror(errno));
}

static void file(const char *path, const char *text)
{
	struct err e = ERR_INIT;

	if (!fs_write_atomic(at(path), (struct bytes){ text, strlen(text) }, 0644, &e))
		broken("%s", e.text);
}

/* A card of two ports behind a bridge, a virtio card, one for DPDK, one without a driver, a part of a card. */
static int make_tree(void **state)
{
	(void)state;
	if (!mkdtemp(root))
		return -1;
	folder("drivers/ixgbe");
	folder("drivers/vfio-pci");
	folder("devices/pci0000:00/0000:00:02.0/0000:01:00.0/net/ens9");
	folder("devices/pci0000:00/0000:00:02.0/0000:01:00.0/net/ens10");
	folder("devices/pci0000:00/0000:00:03.0/virtio0/net/eth7");
	folder("devices/pci0000:00/0000:00:03.0/virtio1");
	folder("devices/pci0000:00/0000:00:04.0");
	folder("devices/pci0000:00/0000:00:05.0/net");
	folder("devices/pci0000:00/0000:01:00.0/mlx5_core.sf.2/net/en7f0s2");
	folder("devices/virtual/net/lo");
	folder("bus/pci/devices");
	folder("bus/auxiliary/devices");
	folder("class/net");
	points("devices/pci0000:00/0000:00:02.0/0000:01:00.0/driver", "../../../../drivers/ixgbe");
	points("devices/pci0000:00/0000:00:03.0/driver", "../../../drivers/ixgbe");
	points("devices/pci0000:00/0000:00:04.0/driver", "../../../drivers/vfio-pci");
	points("bus/pci/devices/0000:01:00.0", "../../../devices/pci0000:00/0000:00:02.0/0000:01:00.0");
	points("bus/pci/devices/0000:00:03.0", "../../../devices/pci0000:00/0000:00:03.0");
	points("bus/pci/devices/0000:00:04.0", "../../../devices/pci0000:00/0000:00:04.0");
	points("bus/pci/devices/0000:00:05.0", "../../../devices/pci0000:00/0000:00:05.0");
	points("bus/auxiliary/devices/mlx5_core.sf.2", "../../../devices/pci0000:00/0000:01:00.0/mlx5_core.sf.2");
	points("devices/pci0000:00/0000:00:02.0/0000:01:00.0/net/ens9/device", "../../../0000:01:00.0");
	points("devices/pci0000:00/0000:00:03.0/virtio0/net/eth7/device", "../../../virtio0");
	points("class/net/ens9", "../../devices/pci0000:00/0000:00:02.0/0000:01:00.0/net/ens9");
	points("class/net/eth7", "../../devices/pci0000:00/0000:00:03.0/virtio0/net/eth7");
	points("class/net/lo", "../../devices/virtual/net/lo");
	file("class/net/ens9/ifindex", "7\n");
	file("class/net/eth7/ifindex", "8\n");
	file("class/net/lo/ifindex", "1\n");
	return 0;
}

static int remove_tree(void **state)
{
	char *const argv[] = { "rm", "-rf", root, NULL };
	pid_t pid = fork();
	int status;

	(void)state;
	if (!pid)
		execvp(argv[0], argv);
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static void test_places(void **state)
{
	struct err e = ERR_INIT;
	const char *name;

	(void)state;
	/* The first by name, bytewise. */
	MUST(host_device_at_pci(&arena, root, "0000:01:00.0", &name, &e));
	assert_string_equal(name, "ens10");
	MUST(host_device_at_pci(&arena, root, "0000:00:03.0", &name, &e));
	assert_string_equal(name, "eth7");
	MUST(host_device_at_path(&arena, root, "/sys/devices/pci0000:00/0000:00:03.0/virtio0", &name, &e));
	assert_string_equal(name, "eth7");
	MUST(host_device_at_auxiliary(&arena, root, "mlx5_core.sf.2", &name, &e));
	assert_string_equal(name, "en7f0s2");
}

static void test_places_without(void **state)
{
	const char *name = "untouched";
	struct err e = ERR_INIT;

	(void)state;
	assert_false(host_device_at_pci(&arena, root, "0000:00:04.0", &name, &e));
	assert_non_null(strstr(e.text, "no net directory under pci device 0000:00:04.0"));
	assert_false(host_device_at_pci(&arena, root, "0000:00:05.0", &name, &e));
	assert_non_null(strstr(e.text, "failed to find network device"));
	assert_false(host_device_at_path(&arena, root, "/sys/devices/nowhere", &name, &e));
	assert_non_null(strstr(e.text, "devices/nowhere/net"));
	assert_false(host_device_at_auxiliary(&arena, root, "mlx5_core.sf.3", &name, &e));
	assert_string_equal(name, "untouched");
}

static void test_resolve(void **state)
{
	struct host_device_draft d = { .conf.device = "ens9" };
	struct host_device_conf c;
	struct err e = ERR_INIT;

	(void)state;
	MUST(host_device_resolve(&arena, root, &d, &c, &e));
	assert_false(c.dpdk);
	d.device_id = "0000:00:04.0";
	MUST(host_device_resolve(&arena, root, &d, &c, &e));
	assert_string_equal(c.pci, "0000:00:04.0");
	assert_true(c.dpdk);
	/* Of the auxiliary bus: no PCI device any more, though the configuration names one. */
	d.conf.pci = "0000:00:04.0";
	d.device_id = "mlx5_core.sf.2";
	MUST(host_device_resolve(&arena, root, &d, &c, &e));
	assert_null(c.pci);
	assert_string_equal(c.auxiliary, "mlx5_core.sf.2");
	assert_false(c.dpdk);
	/* A driver in the kernel speaks louder than the key. */
	d = (struct host_device_draft){ .conf = { .pci = "0000:01:00.0", .dpdk = true } };
	MUST(host_device_resolve(&arena, root, &d, &c, &e));
	assert_false(c.dpdk);
}

static void test_resolve_fails(void **state)
{
	struct host_device_draft d = { .device_id = "0000:09:00.0" };
	struct host_device_conf c = { .device = "untouched" };
	struct err e = ERR_INIT;

	(void)state;
	assert_false(host_device_resolve(&arena, root, &d, &c, &e));
	assert_string_equal(e.text, "runtime config DeviceID 0000:09:00.0 not found or unsupported");
	d = (struct host_device_draft){ .conf.pci = "0000:00:05.0" };
	assert_false(host_device_resolve(&arena, root, &d, &c, &e));
	assert_non_null(strstr(e.text, "has no driver"));
	d.conf.pci = "0000:09:00.0";
	assert_false(host_device_resolve(&arena, root, &d, &c, &e));
	assert_non_null(strstr(e.text, "does not exist"));
	assert_string_equal(c.device, "untouched");
}

static struct link link_of(const char *name, int index)
{
	struct link l = { .index = index };

	snprintf(l.name, sizeof(l.name), "%s", name);
	return l;
}

static void test_pci_of(void **state)
{
	struct link ens9 = link_of("ens9", 7), eth7 = link_of("eth7", 8), lo = link_of("lo", 1);
	struct link other = link_of("ens9", 9);

	(void)state;
	assert_string_equal(host_device_pci_of(&arena, root, &ens9), "0000:01:00.0");
	assert_string_equal(host_device_pci_of(&arena, root, &eth7), "0000:00:03.0");
	assert_null(host_device_pci_of(&arena, root, &lo));
	/* The same name, but of another namespace. */
	assert_true(host_device_is_shown(&arena, root, &ens9));
	assert_false(host_device_is_shown(&arena, root, &other));
	assert_null(host_device_pci_of(&arena, root, &other));
}

static void test_find(void **state)
{
	struct host_device_conf by_pci = { .pci = "0000:00:03.0" }, by_mac = { .hwaddr = "02-00-00-00-00-0A" };
	struct mac mac = { { 2, 0, 0, 0, 0, 10 } };
	struct veth_new v = { .name = "eth7", .peer_name = "far", .mac = mac, .peer_netns = -1 };
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct link l = { 0 };
	int index, peer;

	(void)state;
	NEED_NETNS();
	MUST(nl_open(&nl, NETLINK_ROUTE, &e));
	assert_false(host_device_find(&nl, &arena, root, &by_pci, &l, &e));
	assert_non_null(strstr(e.text, "eth7"));
	MUST(link_veth_add(&nl, &v, &index, &peer, &e));
	file("class/net/eth7/ifindex", arena_printf(&arena, "%d\n", index));
	MUST(host_device_find(&nl, &arena, root, &by_pci, &l, &e));
	assert_int_equal(l.index, index);
	MUST(host_device_find(&nl, &arena, root, &by_mac, &l, &e));
	assert_int_equal(l.index, index);
	file("class/net/eth7/ifindex", "4711\n");
	assert_false(host_device_find(&nl, &arena, root, &by_pci, &l, &e));
	assert_non_null(strstr(e.text, "another network namespace"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),	       cmocka_unit_test(test_places_without),
		cmocka_unit_test(test_resolve),	       cmocka_unit_test(test_resolve_fails),
		cmocka_unit_test(test_pci_of),	       cmocka_unit_test(test_find),
	};

	arena_init(&arena, NULL, 0);
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
