// SPDX-License-Identifier: Apache-2.0
/*
 * Where routes of an interface count. A plugin puts them into the main table, but others of its chain may move them:
 * sbr into a table for packets from one address, vrf into that of the VRF. So a route is there if it is in the main
 * table, in one that a rule for an address of the interface leads to, or in that of the VRF the interface is a port
 * of; one that is only in a table nobody looks into is missing.
 */
#ifndef CRIMP_PLUGINS_TABLES_H
#define CRIMP_PLUGINS_TABLES_H

#include "kernel/addr.h"

struct tables {
	uint32_t *v;
	size_t n;
};
/* Of the interface number @index, which has @addrs. */
bool tables_read(struct nl *nl, struct arena *a, int index, const struct addr *addrs, size_t n, struct tables *ret,
		 struct err *e) MUST_CHECK;
bool tables_have(const struct tables *t, uint32_t table);

#endif
