// SPDX-License-Identifier: Apache-2.0
/* The daemon's connections: bytes between a socket and its struct dhcp_rpc. Every whole call goes to the daemon. */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_CONN_H
#define CRIMP_PLUGINS_IPAM_DHCP_CONN_H

#include "plugins/ipam/dhcp.h"
#include "plugins/ipam/dhcp_loop.h"

struct dhcp_conn;

/* What all connections share. */
struct dhcp_conns {
	struct loop *loop;
	struct dhcp_conn *first;
	/* Nothing of @call is there any more when this has returned. */
	void (*call)(struct dhcp_conn *c, const struct dhcp_call *call);
	/* It goes away: it must not be answered from now on. */
	void (*closed)(struct dhcp_conn *c);
	void (*say)(const char *text);
};

/* Serves @fd, which is non-blocking and taken in any case, until the other side is gone. */
bool dhcp_conn_open(struct dhcp_conns *all, int fd, struct err *e) MUST_CHECK;
/* As dhcp_rpc_answer(). It is sent later, not in this call: whoever asked may be in the middle of a list of calls. */
void dhcp_conn_answer(struct dhcp_conn *c, uint64_t serial, const struct dhcp_lease *leases, size_t n,
		      const struct err *e);

#endif
