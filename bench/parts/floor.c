// SPDX-License-Identifier: Apache-2.0
/* The kernel's own share of attaching and detaching a container. */
#include "bench/parts/floor.h"

#include <linux/if_addr.h>

#include "kernel/addr.h"
#include "kernel/link.h"
#include "kernel/netns.h"
#include "kernel/route.h"
#include "lib/fs.h"

bool floor_bridge(const char *bridge, struct err *e)
{
	autonl nl = NL_CLOSED;

	return nl_open(&nl, NETLINK_ROUTE, e) && link_bridge_add(&nl, &(struct bridge_new){ .name = bridge }, e);
}

static bool configure(int netns, int index, struct err *e)
{
	const struct cidr address = { .ip = ip4(10, 99, 0, 2), .len = 16 };
	const struct kroute route = { .dst = { .ip = ip4(0, 0, 0, 0) }, .gw = ip4(10, 99, 0, 1), .oif = index };
	autonl inside = NL_CLOSED;
	NLMSG_ON_STACK(m, 1024);

	if (!netns_nl_open(netns, NETLINK_ROUTE, &inside, e))
		return false;
	link_put_up(&inside, &m, index, true);
	addr_put_new(&inside, &m, index, &address, IFA_F_NODAD);
	route_put_new(&inside, &m, &route, NLM_F_CREATE | NLM_F_EXCL);
	return nl_send(&inside, &m, NULL, NULL, NULL, e);
}

bool floor_attach(const char *bridge, const char *netns, const char *host_name, double *ret_us, struct err *e)
{
	struct veth_new v = {
		.name = host_name, .peer_name = "eth0", .mac = link_random_mac(), .peer_mac = link_random_mac()
	};
	autonl host = NL_CLOSED;
	autoclose int fd = -1;
	struct link master;
	int index, peer;
	double start;

	if (!nl_open(&host, NETLINK_ROUTE, e) || !link_get(&host, bridge, &master, e))
		return false;
	nl_close(&host);
	start = clock_us();
	if (!nl_open(&host, NETLINK_ROUTE, e) || !netns_open(netns, &fd, e))
		return false;
	v.master = master.index;
	v.peer_netns = fd;
	if (!link_veth_add(&host, &v, &index, &peer, e) || !configure(fd, peer, e))
		return false;
	*ret_us = clock_us() - start;
	return true;
}

bool floor_detach(const char *host_name, double *ret_us, struct err *e)
{
	autonl host = NL_CLOSED;
	struct link l;
	double start;

	if (!nl_open(&host, NETLINK_ROUTE, e) || !link_get(&host, host_name, &l, e))
		return false;
	start = clock_us();
	if (!link_del(&host, l.index, e))
		return false;
	*ret_us = clock_us() - start;
	return true;
}
