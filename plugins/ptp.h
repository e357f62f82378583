// SPDX-License-Identifier: Apache-2.0
/* What the files of the ptp plugin share: ptp.c (the verbs) and ptp_node.c (the node's side of the pair). */
#ifndef CRIMP_PLUGINS_PTP_H
#define CRIMP_PLUGINS_PTP_H

#include "cni/plugin.h"
#include "kernel/link.h"

/* Places in the result, as the reference has them. */
enum { PTP_NODE, PTP_CONTAINER };

/* Knobs of our end before the other end is up: no addresses from routers, no wait for its own link-local address. */
void ptp_node_prepare(const char *ifname, bool dad);
/*
 * Each gateway is an address of our end, each address of the container a route to it. Of result interface
 * PTP_CONTAINER; a route to the container that leads elsewhere is a failure.
 */
bool ptp_node_configure(struct nl *nl, struct arena *a, const struct link *l, bool dad, const struct result *r,
			struct err *e) MUST_CHECK;
/* All that is there, for interfaces[@at]. */
bool ptp_node_check(struct nl *nl, struct arena *a, const struct link *l, const struct result *r, int at,
		    struct err *e) MUST_CHECK;

#endif
