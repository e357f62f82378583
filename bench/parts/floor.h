// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel alone needs for the same work: the fewest netlink messages, in this process, without a start and
 * without JSON. Leases are files as host-local leaves them.
 */
#ifndef CRIMP_BENCH_PARTS_FLOOR_H
#define CRIMP_BENCH_PARTS_FLOOR_H

#include "bench/parts/chain.h"

/* Each but the first two is the one before it and more. */
enum floor {
	FLOOR_NONE,
	FLOOR_LOOPBACK,		/* lo up */
	FLOOR_BRIDGE,		/* veth on a bridge, address, route, lease */
	FLOOR_MASQ,		/* an element of a set */
	FLOOR_CHAIN,		/* ports, an accepted address, queues both ways, a sysctl */
};

/* Make in the node @fd what its pods will share. */
bool floor_node(int fd, struct err *e) MUST_CHECK;
bool floor_up(struct bench *b, enum floor floor, const struct pod *p, struct sample *ret, struct err *e) MUST_CHECK;
/* wall_us: until the links are gone for everybody else. gone_us: until the kernel has answered. */
bool floor_down(struct bench *b, enum floor floor, const struct pod *p, struct sample *ret, struct err *e) MUST_CHECK;

/* The same for a lease alone, in a folder of leases. */
bool floor_lease(struct arena *a, const char *dir, const struct pod *p, double *ret_us, struct err *e) MUST_CHECK;
bool floor_release(struct arena *a, const char *dir, const struct pod *p, double *ret_us, struct err *e) MUST_CHECK;

#endif
