// SPDX-License-Identifier: Apache-2.0
#include "bench/parts/network.h"

const struct chain kubernetes = {
	{
		{ "bridge", BRIDGE "\"hairpinMode\":true,\"ipMasq\":true," HOST_LOCAL("") },
		{ "portmap", "\"snat\":true," PORTS },
		{ "bandwidth", RATES },
		{ "firewall", NULL },
		{ "tuning", "\"sysctl\":{\"net.core.somaxconn\":\"500\"},\"mtu\":1450" },
	},
};

const struct chain kubernetes_links = {
	{
		{ "bridge", BRIDGE "\"hairpinMode\":true," HOST_LOCAL("") },
		{ "bandwidth", RATES },
	},
};
