// SPDX-License-Identifier: Apache-2.0
/*
 * A network as a runtime operates it: its plugins one after the other, each with the result so far, DEL backwards with
 * the final one. What a runtime does itself (looking for binaries, the cache) is not in the figures.
 */
#ifndef CRIMP_BENCH_PARTS_CHAIN_H
#define CRIMP_BENCH_PARTS_CHAIN_H

#include "bench/parts/bench.h"

enum { POD_ID_MAX = 24, POD_PATH_MAX = 200, POD_RESULT_MAX = 6000 };

struct step {
	const char *plugin;
	/*
	 * Members of its configuration besides cniVersion, name and type. "@store@" stands for a folder that nobody
	 * else has, neither another set nor another scenario; "@port@" and "@port2@" for two ports that no other pod
	 * has.
	 */
	const char *conf;
};
struct chain { struct step steps[STEPS_MAX]; };

/* A container and its attachment. Flat, so that an array of them may be shared by processes. */
struct pod {
	unsigned serial;
	char id[POD_ID_MAX], space[POD_PATH_MAX];
	char result[POD_RESULT_MAX];	/* of the whole chain's ADD; "" without one */
};
/* With a namespace of its own. */
bool pod_make(struct bench *b, struct pod *ret, struct err *e) MUST_CHECK;
void pod_drop(const struct pod *p);
unsigned pod_port(const struct pod *p);

/* What one operation of a chain took. */
struct chain_run {
	const char *op;			/* "ADD", "CHECK", "DEL", "STATUS" */
	bool peak;			/* through bench/small/peak.c: good for steps[].rss_kib only */
	char *const *launcher;		/* a program with arguments that starts the plugin; NULL: none */
	bool wait;			/* total.gone_us: wait for the last process */
	struct sample steps[STEPS_MAX], total;
	size_t failed_at;		/* when it failed */
};
bool chain_run(struct arena *a, const struct bench *b, const struct set *s, const struct chain *c, struct pod *p,
	       struct chain_run *r, struct err *e) MUST_CHECK;
size_t chain_len(const struct chain *c);

/* The folder that "@store@" stands for. */
const char *set_store(struct arena *a, const struct bench *b, const struct set *s);

#endif
