// SPDX-License-Identifier: Apache-2.0
/*
 * What every plugin that makes an interface does to it inside the container: addresses and routes of an IPAM result,
 * the knobs around them, and the same things verified by CHECK.
 */
#ifndef CRIMP_PLUGINS_IFACE_H
#define CRIMP_PLUGINS_IFACE_H

#include "cni/plugin.h"
#include "kernel/addr.h"
#include "kernel/link.h"
#include "kernel/route.h"

struct iface_conf {
	int index;			/* in the container */
	const char *ifname;
	/* which interfaces[] entry of the result it is: ips[] of other entries are skipped */
	int result_index;
	/* do duplicate address detection and wait for it (at most 5 s); else IFA_F_NODAD */
	bool dad;
	/* tell the neighbours: by the kernel when it goes up (arp_notify, ndisc_notify), then by kernel/announce.h */
	bool announce;
	/*
	 * There is no neighbour but the gateway: instead of a connected route each address has one to its gateway, and
	 * one to its subnet through it, both with the address as source.
	 */
	bool gateway_only;
	/* CHECK: where routes that name no table must be; 0: in the main one or where tables.h says */
	uint32_t table;
};

/*
 * Up, addresses, routes (gateway defaults to the first of the family; priority, table, scope, mtu, advmss honoured).
 * @nl and the calling thread's namespace are the container's; one send where possible. IPv6 is switched on
 * (disable_ipv6 = 0, keep_addr_on_down = 1) when there is an IPv6 address.
 */
bool iface_configure(struct nl *nl, struct arena *a, const struct iface_conf *c, const struct result *r,
		     struct err *e) MUST_CHECK;
/* The same in the container's namespace @netns, from the node. */
bool iface_configure_in(int netns, struct arena *a, const struct iface_conf *c, const struct result *r,
			struct err *e) MUST_CHECK;
/* One more interfaces[] entry of @r; @sandbox NULL: on the node. */
void iface_report(struct arena *a, struct result *r, const char *name, const struct mac *mac, const char *sandbox);
/*
 * Each ips[] entry of @r for the interface is on it with that prefix length, and each route of @r
 * (and those the addresses imply) is there.
 */
bool iface_check(struct nl *nl, struct arena *a, const struct iface_conf *c, const struct result *r,
		 struct err *e) MUST_CHECK;
/* @l has the MAC that @f names, if any. */
bool iface_check_mac(const struct link *l, const struct result_interface *f, struct err *e) MUST_CHECK;
/*
 * The MAC that is asked for, from weak to strong by the configuration, CNI_ARGS (MAC) and runtimeConfig; @ret stays
 * when nobody asks. One that no single interface can have is refused with code 7.
 */
bool iface_mac_asked(const struct request *r, const char *by_conf, const char *by_runtime, struct mac *ret,
		     struct err *e) MUST_CHECK;
/* The interfaces[] entry of prevResult with this name and sandbox; -1 if absent. */
int iface_find(const struct result *r, const char *ifname, const char *sandbox);

#endif
