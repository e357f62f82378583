// SPDX-License-Identifier: Apache-2.0
/*
 * What flanneld tells the plugins of its node: lines of KEY=VALUE, by default in /run/flannel/subnet.env. Keys are
 * exact, nothing is trimmed or unquoted, the last of a repeated key counts, others are ignored.
 */
#ifndef CRIMP_PLUGINS_SUBNET_ENV_H
#define CRIMP_PLUGINS_SUBNET_ENV_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/ip.h"

struct subnet_env {
	struct cidr *networks, *networks6;	/* of the cluster, each once, masked */
	size_t n_networks, n_networks6;
	struct cidr subnet, subnet6;	/* of this node, masked */
	bool has_subnet, has_subnet6;
	uint32_t mtu;
	bool has_mtu;
	bool masquerades;	/* flanneld does, for the node's containers */
	bool has_masquerades;
};

/* The failure names the line, or what is missing: of networks and of subnets one family is enough. */
bool subnet_env_parse(struct arena *a, struct bytes text, struct subnet_env *ret, struct err *e) MUST_CHECK;
bool subnet_env_read(struct arena *a, const char *path, struct subnet_env *ret, struct err *e) MUST_CHECK;

#endif
