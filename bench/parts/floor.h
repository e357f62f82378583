// SPDX-License-Identifier: Apache-2.0
/* What the kernel alone needs for the same work: the fewest netlink messages, in this process, no JSON, no files. */
#ifndef CRIMP_BENCH_PARTS_FLOOR_H
#define CRIMP_BENCH_PARTS_FLOOR_H

#include "bench/parts/sample.h"
#include "lib/err.h"

/* A veth pair on bridge @bridge with an address and a default route inside @netns: until the last acknowledgement. */
bool floor_attach(const char *bridge, const char *netns, const char *host_name, double *ret_us,
		  struct err *e) MUST_CHECK;
/* That pair deleted: until the acknowledgement. */
bool floor_detach(const char *host_name, double *ret_us, struct err *e) MUST_CHECK;
/* The bridge to attach to. */
bool floor_bridge(const char *bridge, struct err *e) MUST_CHECK;

#endif
