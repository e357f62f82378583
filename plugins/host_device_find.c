// SPDX-License-Identifier: Apache-2.0
/*
 * Which interface is meant. By name and hardware address the kernel is asked; by place of the hardware, sysfs. A
 * sysfs shows the interfaces of the namespace in which it was mounted, so what it names is held against what
 * rtnetlink says of that name: number and name must both agree.
 */
#include "plugins/host_device.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

#define PCI_DEVICES "bus/pci/devices"
#define AUXILIARY_DEVICES "bus/auxiliary/devices"

/* Drivers that hand a device to a program instead of making an interface of it. */
static const char *const userspace_drivers[] = { "vfio-pci", "uio_pci_generic", "igb_uio" };

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* What a link points at, without the way there; NULL if nothing. */
static const char *link_target(struct arena *a, const char *path)
{
	char real[PATH_MAX];
	const char *slash;

	if (!realpath(path, real))
		return NULL;
	slash = strrchr(real, '/');
	return arena_strdup(a, slash ? slash + 1 : real);
}

static const char *device_path(struct arena *a, const char *sys, const char *bus, const char *id)
{
	return arena_printf(a, "%s/%s/%s", sys, bus, id);
}

// ---- what the configuration means ----

static bool driver_is_userspace(struct arena *a, const char *sys, const char *pci, bool *ret, struct err *e)
{
	const char *path = device_path(a, sys, PCI_DEVICES, pci);
	const char *driver = link_target(a, fs_join(a, path, "driver"));

	if (!driver)
		return fail(e, 0, "error with host device: PCI device %s %s", pci,
			    is_there(path) ? "has no driver" : "does not exist");
	*ret = false;
	for (size_t i = 0; i < ARRAY_LEN(userspace_drivers); i++)
		*ret = *ret || str_eq(driver, userspace_drivers[i]);
	return true;
}

bool host_device_resolve(struct arena *a, const char *sys, const struct host_device_draft *d,
			 struct host_device_conf *ret, struct err *e)
{
	struct host_device_conf c = d->conf;

	if (d->device_id && is_there(device_path(a, sys, PCI_DEVICES, d->device_id))) {
		c.pci = d->device_id;
	} else if (d->device_id && is_there(device_path(a, sys, AUXILIARY_DEVICES, d->device_id))) {
		c.pci = NULL;
		c.auxiliary = d->device_id;
	} else if (d->device_id) {
		return fail(e, 0, "runtime config DeviceID %s not found or unsupported", d->device_id);
	}
	if (c.pci && !driver_is_userspace(a, sys, c.pci, &c.dpdk, e))
		return false;
	*ret = c;
	return true;
}

// ---- by place ----

/* The first entry of a folder "net". */
static bool first_in(struct arena *a, const char *folder, const char **ret, struct err *e)
{
	char **names;
	size_t n;

	if (!fs_list(a, folder, false, &names, &n, e))
		return wrap(e, "failed to find network devices at \"%s\"", folder);
	if (!n)
		return fail(e, ENODEV, "failed to find network device in path %s", folder);
	*ret = names[0];
	return true;
}

bool host_device_at_path(struct arena *a, const char *sys, const char *kernelpath, const char **ret, struct err *e)
{
	/* The key says "/sys/..."; the root may be elsewhere. */
	const char *below = kernelpath + strlen(HOST_DEVICE_SYS);

	return first_in(a, arena_printf(a, "%s%s/net", sys, below), ret, e);
}

bool host_device_at_pci(struct arena *a, const char *sys, const char *address, const char **ret, struct err *e)
{
	const char *path = device_path(a, sys, PCI_DEVICES, address), *net = fs_join(a, path, "net");
	struct err ignored;
	char **names = NULL;
	size_t n = 0;

	if (is_there(net))
		return first_in(a, net, ret, e);
	if (!fs_list(a, path, true, &names, &n, &ignored))
		n = 0;
	for (size_t i = 0; i < n; i++) {
		net = arena_printf(a, "%s/%s/net", path, names[i]);
		if (str_starts(names[i], "virtio") && is_there(net))
			return first_in(a, net, ret, e);
	}
	return fail(e, ENODEV, "no net directory under pci device %s", address);
}

bool host_device_at_auxiliary(struct arena *a, const char *sys, const char *name, const char **ret, struct err *e)
{
	return first_in(a, fs_join(a, device_path(a, sys, AUXILIARY_DEVICES, name), "net"), ret, e);
}

bool host_device_is_shown(struct arena *a, const char *sys, const struct link *l)
{
	const char *path = arena_printf(a, "%s/class/net/%s/ifindex", sys, l->name);
	struct err ignored;
	struct bytes text;

	return fs_read(a, path, 64, &text, &ignored) && str_eq(text.data, arena_printf(a, "%d\n", l->index));
}

static bool is_pci_address(const char *s)
{
	size_t n = strlen(s);

	/* DDDD:BB:DD.F, the domain with four digits or more */
	return n >= 12 && s[n - 2] == '.' && s[n - 5] == ':' && s[n - 8] == ':' && strspn(s, "0123456789abcdef:.") == n;
}

const char *host_device_pci_of(struct arena *a, const char *sys, const struct link *l)
{
	const char *found = NULL;
	char real[PATH_MAX];
	char **parts;

	if (!host_device_is_shown(a, sys, l) ||
	    !realpath(arena_printf(a, "%s/class/net/%s/device", sys, l->name), real))
		return NULL;
	/* The last one on the way: bridges come before it, a virtio function or an auxiliary device behind it. */
	parts = str_split_nonempty(a, real, '/', NULL);
	for (size_t i = 0; parts[i]; i++)
		if (is_pci_address(parts[i]))
			found = parts[i];
	return found;
}

// ---- the interface ----

bool host_device_has_hwaddr(struct arena *a, const struct link *l, const char *text)
{
	char *want = arena_strdup(a, text), have[LINK_HWADDR_TEXT_MAX];
	struct err ignored;
	struct mac mac;

	/* One spelling for all. */
	if (mac_parse(text, &mac, &ignored))
		want = arena_strdup(a, mac_text(&mac, have));
	for (char *p = want; *p; p++)
		*p = *p == '-' ? ':' : *p;
	return str_fold_eq(link_hwaddr_text(l, have), want);
}

static bool by_hwaddr(struct nl *nl, struct arena *a, const char *text, struct link *ret, struct err *e)
{
	struct link *all;
	size_t n;

	if (!link_list(nl, a, 0, &all, &n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (host_device_has_hwaddr(a, &all[i], text)) {
			*ret = all[i];
			return true;
		}
	return fail(e, ENODEV, "no interface has the hardware address %s", text);
}

static bool by_place(struct nl *nl, struct arena *a, const char *sys, const struct host_device_conf *c,
		     struct link *ret, struct err *e)
{
	const char *name = NULL;
	struct link l;
	bool ok;

	if (c->kernelpath)
		ok = host_device_at_path(a, sys, c->kernelpath, &name, e);
	else if (c->pci)
		ok = host_device_at_pci(a, sys, c->pci, &name, e);
	else
		ok = host_device_at_auxiliary(a, sys, c->auxiliary, &name, e);
	if (!ok || !link_get(nl, name, &l, e))
		return false;
	if (!host_device_is_shown(a, sys, &l))
		return fail(e, 0, "%s shows interfaces of another network namespace: its %s is not ours", sys, name);
	*ret = l;
	return true;
}

bool host_device_find(struct nl *nl, struct arena *a, const char *sys, const struct host_device_conf *c,
		      struct link *ret, struct err *e)
{
	bool ok;

	if (c->device)
		ok = link_find(nl, c->device, ret, e);
	else if (c->hwaddr)
		ok = by_hwaddr(nl, a, c->hwaddr, ret, e);
	else
		ok = by_place(nl, a, sys, c, ret, e);
	return ok || wrap(e, "failed to find host device");
}
