// SPDX-License-Identifier: Apache-2.0
/* Many pods at once: worker processes that each take the next pod until none is left, as a runtime's threads would. */
#ifndef CRIMP_BENCH_PARTS_CROWD_H
#define CRIMP_BENCH_PARTS_CROWD_H

#include "bench/parts/chain.h"

struct crowd_pod {
	struct pod pod;
	double us;		/* of the newest operation; 0: it failed */
	char failure[300];
};
struct crowd { struct crowd_pod *pods; unsigned n; };

/* @n pods in memory that processes share. */
bool crowd_make(struct bench *b, unsigned n, struct crowd *ret, struct err *e) MUST_CHECK;
void crowd_drop(struct crowd *c);

struct crowd_run {
	double wall_us;		/* until the last pod had its answer */
	double gone_us;		/* until the last process was gone; of a DEL */
	unsigned failures;
	const char *failure;	/* one of them */
};
/* In the node that the caller is in. An ADD leaves out the pods that have a result already. */
void crowd_run(const struct bench *b, const struct set *s, const struct chain *chain, const char *op, struct crowd *c,
	       unsigned workers, struct crowd_run *ret);

#endif
