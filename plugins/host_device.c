// SPDX-License-Identifier: Apache-2.0
/*
 * host-device: an interface of the node becomes the container's. Which one, how it goes there and comes back stand in
 * host_device_find.c and host_device_move.c; what it gets there is the same as for every endpoint (plugins/endpoint.h).
 *
 * A PCI device whose driver lives in user space (DPDK) has no interface: then there is only a lease to take and to give
 * back, and the program in the container configures itself by the result.
 */
#include "plugins/host_device.h"

#include "lib/str.h"
#include "plugins/endpoint.h"
#include "plugins/iface.h"
#include "plugins/lease.h"
#include "plugins/plugin.h"

static bool conf_read(const struct request *r, struct host_device_conf *ret, struct err *e)
{
	struct host_device_draft d;

	if (!host_device_conf_read(r, &d, e))
		return false;
	if (!d.conf.named)
		return fail_code(e, CNI_INVALID_CONFIG,
				 "specify either \"device\", \"hwaddr\", \"kernelpath\" or \"pciBusID\"");
	return host_device_resolve(r->arena, HOST_DEVICE_SYS, &d, ret, e);
}

/* The alias leads back: without it DEL could not tell what the node called the interface. */
static bool host_device_verify(struct endpoint *ep, struct err *e)
{
	const char *alias = ep->link.alias;
	struct err why = ERR_INIT;

	if (!*alias)
		return fail(e, 0, "interface %s has lost its alias, which is its name on the node", ep->link.name);
	return ifname_valid(alias, &why) ||
	       fail(e, 0, "alias \"%s\" of interface %s is not the name it had on the node", alias, ep->link.name);
}

static const struct endpoint_kind device_kind = {
	.announce = true,
	.look = host_device_look,
	.make = host_device_move_in,
	.unmake = host_device_move_out,
	.verify = host_device_verify,
};

// ---- without an interface ----

static bool dpdk_add(const struct request *r, const struct host_device_conf *c, struct result *ret, struct err *e)
{
	struct result result = { 0 };
	struct result_interface *f = result_add_interface(r->arena, &result);
	struct err ignored;
	bool leased = false, done UNUSED;

	f->name = r->ifname;
	f->sandbox = r->netns;
	f->pci_id = c->pci;
	result.dns = r->net.dns;
	if (*r->net.ipam_type && !lease_add(r, 0, &result, &leased, e)) {
		if (leased)
			done = lease_del(r, &ignored);
		return false;
	}
	*ret = result;
	return true;
}

static bool dpdk_check(const struct request *r, struct err *e)
{
	struct result prev;

	if (*r->net.ipam_type && !delegate_check(r, r->net.ipam_type, e))
		return false;
	return request_prev_required(r, &prev, e);
}

/* prevResult of an ADD in that mode: an interface without an address. Results of old versions tell of none. */
static bool was_dpdk(const struct request *r)
{
	struct result prev;
	struct err ignored;
	bool has_prev;
	int at;

	if (!request_prev(r, &prev, &has_prev, &ignored) || !has_prev)
		return false;
	at = iface_find(&prev, r->ifname, r->netns);
	return at >= 0 && str_empty(prev.interfaces[at].mac);
}

// ---- the verbs ----

/* Before it goes: sysfs shows it as long as it is here. */
static const char *pci_id(const struct request *r, const struct host_device_conf *c)
{
	autonl nl = NL_CLOSED;
	struct err ignored;
	struct link l;

	if (c->pci && !c->device && !c->hwaddr && !c->kernelpath)
		return c->pci;
	if (!nl_open(&nl, NETLINK_ROUTE, &ignored) ||
	    !host_device_find(&nl, r->arena, HOST_DEVICE_SYS, c, &l, &ignored))
		return NULL;
	return host_device_pci_of(r->arena, HOST_DEVICE_SYS, &l);
}

/*
 * Old versions cannot tell of an interface without addresses. ADD would be undone when the answer cannot be written,
 * but by then nobody knows how the interface was.
 */
static bool can_answer(const struct request *r, struct err *e)
{
	struct result nothing = { 0 };
	struct buf out;

	buf_init(&out, r->arena, 256);
	return *r->net.ipam_type || result_write(&out, &nothing, r->net.version, false, e);
}

static bool host_device_add(const struct request *r, struct result *ret, struct err *e)
{
	struct kept was = { .arena = NULL };
	struct endpoint_conf ec = { 0 };
	struct host_device_conf c;
	struct result result = { 0 };
	const char *pci;

	if (!conf_read(r, &c, e) || !can_answer(r, e))
		return false;
	/* Moving waits for the kernel and cuts connections: not in vain, if that can be known. */
	if (*r->net.ipam_type && !delegate_exists(r, r->net.ipam_type, e))
		return false;
	if (c.dpdk)
		return dpdk_add(r, &c, ret, e);
	c.was = &was;
	ec.dad = c.dad;
	pci = pci_id(r, &c);
	if (!endpoint_add(r, &device_kind, &ec, &c, &result, e))
		return false;
	result.interfaces[0].pci_id = pci;
	*ret = result;
	return true;
}

static bool host_device_check(const struct request *r, struct err *e)
{
	struct host_device_draft d;
	struct host_device_conf c;
	struct err ignored;

	if (!host_device_conf_read(r, &d, e))
		return false;
	/* A device that is no longer found on the node is no less in the container. */
	c = d.conf;
	if (host_device_resolve(r->arena, HOST_DEVICE_SYS, &d, &c, &ignored) && c.dpdk)
		return dpdk_check(r, e);
	return endpoint_check(r, &device_kind, &c, e);
}

static bool host_device_del(const struct request *r, struct err *e)
{
	struct host_device_conf c;

	if (was_dpdk(r))
		return lease_del(r, e);
	host_device_conf_read_del(r, &c);
	return endpoint_del(r, &device_kind, &c, e);
}

/* A device that comes by device ID is not known yet. */
static bool host_device_status(const struct request *r, struct err *e)
{
	struct host_device_draft d;
	struct host_device_conf c;
	autonl nl = NL_CLOSED;
	struct link l;

	if (!host_device_conf_read(r, &d, e))
		return false;
	if (d.conf.named &&
	    (!host_device_resolve(r->arena, HOST_DEVICE_SYS, &d, &c, e) || !nl_open(&nl, NETLINK_ROUTE, e) ||
	     (!c.dpdk && !host_device_find(&nl, r->arena, HOST_DEVICE_SYS, &c, &l, e)))) {
		e->code = CNI_NOT_AVAILABLE;
		return false;
	}
	return endpoint_status(r, NULL, NULL, e);
}

const struct plugin host_device_plugin = {
	.name = "host-device",
	.about = "move an interface of the node into a container",
	.versions = versions_all,
	.add = host_device_add,
	.check = host_device_check,
	.del = host_device_del,
	.gc = endpoint_gc,
	.status = host_device_status,
};
