// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel really has of an attachment, to be held against what the cache says was made. Looks, never changes.
 */
#ifndef CRIMP_CMD_OBSERVED_H
#define CRIMP_CMD_OBSERVED_H

#include "cmd/cached.h"
#include "kernel/addr.h"
#include "kernel/link.h"
#include "kernel/route.h"

/* One thing that ADD reported, and whether it is there. */
struct finding {
	const char *what; /* "address", "route", "interface", "on the host" */
	const char *name; /* "10.88.0.2/16" */
	const char *now;  /* what the kernel says, "" if it is gone */
	bool there;
};

struct observed {
	struct finding *findings;
	size_t n, cap;
	const char *trouble; /* why nothing could be looked at, NULL if it could */
};

void observe(struct arena *a, const struct cni_cached *cached, struct observed *ret);

#endif
