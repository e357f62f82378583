// SPDX-License-Identifier: Apache-2.0
/* What the files of the bridge plugin share: bridge.c (the verbs), bridge_config.c, bridge_link.c, bridge_check.c. */
#ifndef CRIMP_PLUGINS_BRIDGE_H
#define CRIMP_PLUGINS_BRIDGE_H

#include "cni/plugin.h"
#include "kernel/link.h"
#include "plugins/attachment.h"
#include "plugins/masq.h"
#include "plugins/pair.h"

/* Places in the result that other plugins of a chain rely on; the gateway interface of a VLAN comes behind them. */
enum { AT_BRIDGE, AT_PORT, AT_CONTAINER };

struct bridge_conf {
	const char *bridge;
	bool is_gateway, is_default_gateway, force_address, ip_masq, hairpin, promisc;
	bool preserve_default_vlan, macspoofchk;
	bool enabledad, disable_container_interface, port_isolation;
	enum masq_backend masq_backend;
	uint32_t mtu;			/* 0: the kernel's choice */
	uint16_t vlan;			/* 0: none */
	struct mac mac;			/* unset: random */
	struct vlan_entry *vlans;	/* of the host port, ascending; with @vlan or a trunk */
	size_t n_vlans;
};

/* Everything that can be judged without looking at the node is judged here. */
bool bridge_conf_read(const struct request *r, struct bridge_conf *ret, struct err *e) MUST_CHECK;
/* Where gateway addresses go: the bridge, or with a VLAN "BRIDGE.VLAN". */
const char *bridge_gateway_name(struct arena *a, const struct bridge_conf *c);

/* The bridge exists, is one, is up, keeps its MAC if it is a gateway, filters VLANs if asked; made when absent. */
bool bridge_ensure(struct nl *nl, const struct bridge_conf *c, struct link *ret, struct err *e) MUST_CHECK;
/* The pair: our end a port of @bridge, up, with its flags and VLANs; removed again on failure. */
bool bridge_port_add(struct nl *nl, struct arena *a, const struct bridge_conf *c, const struct link *bridge,
		     int netns, const char *ifname, struct pair *ret, struct err *e) MUST_CHECK;
/* The port behind a VLAN's gateway: configured like this, in the VLAN @access alone. */
struct bridge_conf bridge_gateway_port(const struct bridge_conf *c, const struct link *bridge,
				       struct vlan_entry *access);
/* Is @want, with its flags, within one of these? */
bool bridge_vlans_contain(const struct vlan_entry *have, size_t n, const struct vlan_entry *want);
/* Until frames flow (a few seconds at most): the kernel opens a port some time after both ends are up. */
bool bridge_port_wait(struct nl *nl, const struct pair *p, struct err *e) MUST_CHECK;
/*
 * The gateway of each IP of @r that has one is an address of the bridge (or of the VLAN's interface, made when absent),
 * and forwarding is on. @ret_vlan (index 0: none) is that interface.
 */
bool bridge_gateways_ensure(struct nl *nl, struct arena *a, const struct bridge_conf *c, const struct link *bridge,
			    const struct result *r, struct link *ret_vlan, struct err *e) MUST_CHECK;

/* All that ADD made is there. */
bool bridge_check(const struct request *r, struct err *e) MUST_CHECK;

#endif
