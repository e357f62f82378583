// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of the host-device plugin share: host_device.c (the verbs), host_device_config.c, host_device_find.c
 * (which interface is meant), host_device_move.c (there and back).
 */
#ifndef CRIMP_PLUGINS_HOST_DEVICE_H
#define CRIMP_PLUGINS_HOST_DEVICE_H

#include "cni/plugin.h"
#include "kernel/kept.h"

struct endpoint;

struct host_device_conf {
	/* which one; the first that is not NULL decides */
	const char *device, *hwaddr, *kernelpath, *pci, *auxiliary;
	bool named;	/* one of them is given, or a device ID */
	bool dpdk;	/* its driver lives in user space: there is no interface */
	bool dad;
	struct kept *was;	/* ADD: how it was on the node, for the way back of one that fails */
};

// ---- configuration

/* What can be judged without looking at the node; device IDs are not resolved yet. */
struct host_device_draft {
	struct host_device_conf conf;
	const char *device_id;	/* runtimeConfig.deviceID */
};
bool host_device_conf_read(const struct request *r, struct host_device_draft *ret, struct err *e) MUST_CHECK;
/* DEL: which device it is, as far as can be read. */
void host_device_conf_read_del(const struct request *r, struct host_device_conf *ret);

// ---- finding; @sys is "/sys", but for tests

#define HOST_DEVICE_SYS "/sys"

/* A device ID becomes a PCI or auxiliary device, and a PCI device with a driver of user space DPDK mode. */
bool host_device_resolve(struct arena *a, const char *sys, const struct host_device_draft *d,
			 struct host_device_conf *ret, struct err *e) MUST_CHECK;
/* The first interface, by name, below a device; of a PCI device also below its virtio function. */
bool host_device_at_path(struct arena *a, const char *sys, const char *kernelpath, const char **ret,
			 struct err *e) MUST_CHECK;
bool host_device_at_pci(struct arena *a, const char *sys, const char *address, const char **ret,
			struct err *e) MUST_CHECK;
bool host_device_at_auxiliary(struct arena *a, const char *sys, const char *name, const char **ret,
			      struct err *e) MUST_CHECK;
/* Does @sys show this interface, rather than one of the same name in another namespace? */
bool host_device_is_shown(struct arena *a, const char *sys, const struct link *l);
/* The address of the PCI device behind an interface; NULL if there is none, or nobody knows. */
const char *host_device_pci_of(struct arena *a, const char *sys, const struct link *l);
/* @text as the configuration may spell it. */
bool host_device_has_hwaddr(struct arena *a, const struct link *l, const char *text);
/* The one that @c means, on the node. */
bool host_device_find(struct nl *nl, struct arena *a, const char *sys, const struct host_device_conf *c,
		      struct link *ret, struct err *e) MUST_CHECK;

// ---- moving

/* Before anything is done: the interface is found, and noted how it is, and the container has none of that name. */
bool host_device_look(struct endpoint *ep, struct err *e) MUST_CHECK;
bool host_device_move_in(struct endpoint *ep, struct err *e) MUST_CHECK;
/* DEL and undo; see host_device_move.c for what counts as ours. */
bool host_device_move_out(struct endpoint *ep, struct err *e) MUST_CHECK;

#endif
