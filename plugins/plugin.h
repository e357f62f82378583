// SPDX-License-Identifier: Apache-2.0
/*
 * The list of plugins. To add one: write plugins/NAME.c that ends in `const struct plugin NAME_plugin = { ... };`
 * (cni/plugin.h is the contract), and add its row here, in alphabetical order of the names (a test refuses disorder).
 * The Makefile, the links in bin/ and `crimp --plugins` follow from it.
 */
#ifndef CRIMP_PLUGINS_PLUGIN_H
#define CRIMP_PLUGINS_PLUGIN_H

#include "cni/plugin.h"

#define PLUGINS(X)     \
	X(bandwidth)   \
	X(bridge)      \
	X(dhcp)        \
	X(dummy)       \
	X(firewall)    \
	X(flannel)     \
	X(host_device) \
	X(host_local)  \
	X(ipvlan)      \
	X(loopback)    \
	X(macvlan)     \
	X(portmap)     \
	X(ptp)         \
	X(sbr)         \
	X(static)      \
	X(tap)         \
	X(tuning)      \
	X(vlan)        \
	X(vrf)

#define PLUGIN_DECLARE(p) extern const struct plugin p##_plugin;
PLUGINS(PLUGIN_DECLARE)
#undef PLUGIN_DECLARE

extern const struct plugin_table plugins;

#endif
