// SPDX-License-Identifier: Apache-2.0
/* All sysctls of one interface (net/ipv4 and net/ipv6, conf and neigh), in the namespace the calling thread is in. */
#ifndef CRIMP_KERNEL_KNOBS_H
#define CRIMP_KERNEL_KNOBS_H

#include "lib/arena.h"
#include "lib/err.h"

struct knob {
	const char *name; /* "net/ipv4/conf/eth0/rp_filter" */
	const char *value;
};

struct knobs {
	struct arena *arena;
	struct knob *v;
	size_t n, cap;
};

/* What can be read: a folder or file that is not there is none of them. */
void knobs_read(struct arena *a, const char *ifname, struct knobs *ret);
/* Write those that have another value now. Goes on after a failure. */
bool knobs_put_back(const struct knobs *k, struct err *e) MUST_CHECK;

#endif
