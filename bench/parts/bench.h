// SPDX-License-Identifier: Apache-2.0
/*
 * What every part of the benchmark knows: who is measured, how much of everything, and where the figures go. A part is
 * a function here and a row in the table of bench/bench.c.
 */
#ifndef CRIMP_BENCH_PARTS_BENCH_H
#define CRIMP_BENCH_PARTS_BENCH_H

#include "bench/parts/sample.h"
#include "lib/buf.h"
#include "lib/err.h"

enum { SETS_MAX = 4, STEPS_MAX = 8, SIZES_MAX = 6 };

/* Plugins that do the same work as the others. The first set is ours. */
struct set {
	const char *name;	/* "crimp", "go" */
	const char *bin;	/* folder of plugins, also CNI_PATH */
};

/* How much: a list of numbers ends with -1. */
struct scale {
	const char *name, *about;
	unsigned rounds;		/* of one operation */
	unsigned slow_rounds;		/* where the peer takes half a second, or patience has ended */
	unsigned patience_s;		/* with one scenario */
	unsigned pods;			/* of the crowd */
	int workers[SIZES_MAX];		/* of the crowd */
	int leases[SIZES_MAX];		/* taken when host-local is measured */
	int present[SIZES_MAX];		/* attachments there when one more is made */
};

struct bench {
	struct set sets[SETS_MAX];
	size_t n_sets;
	const struct scale *scale;
	unsigned rounds;
	const char *work;		/* folder for everything that is made */
	const char *empty, *peak;	/* bench/small */
	const char *netavark;		/* folder of scripts/peers; NULL: not measured */
	const char *copies;		/* bench/copies.py */
	FILE *raw;			/* a JSON object per line */
	double start_us;
	int home;			/* the namespace that the benchmark was started in */
	unsigned serial;		/* of the newest pod */
	unsigned course;		/* of the newest scenario */
	unsigned failures;		/* of ours */
	struct arena arena;		/* emptied after every round */
};

/*
 * The first round makes bridges, tables and indexes, which is the node's cost and not the container's; in the second
 * one peak memory is read, through a launcher; the rest is counted.
 */
enum round { ROUND_FIRST, ROUND_PEAK, ROUND_COUNTED };
enum round round_kind(unsigned i);
/* After round @i of a scenario that began then: on a busy machine fewer rounds must do. */
bool round_enough(const struct bench *b, double began_us, unsigned i);

/* What a figure is of. @n: how many leases, workers, attachments... */
struct label {
	const char *part, *what, *step, *op;
	int n;
};

void record_sample(struct bench *b, const struct label *l, const char *set, const struct sample *s);
void record_peak(struct bench *b, const struct label *l, const char *set, long kib);
/* A failure of ours makes the whole run fail in the end; a peer's is a figure that is missing. */
void record_failure(struct bench *b, const struct label *l, const char *set, const char *why);
/* One more member, a text or JSON as it stands. */
void record_text(struct bench *b, const struct label *l, const char *set, const char *key, const char *text);
void record_json(struct bench *b, const struct label *l, const char *set, const char *key, struct bytes json);

/* What is going on, for a person, and how steady the machine is right now, for the report. */
void progress(struct bench *b, const char *fmt, ...) PRINTF(2, 3);
/* The benchmark itself could not go on. */
void die(const struct err *e) __attribute__((noreturn));

void part_versions(struct bench *b);
void part_lives(struct bench *b);
void part_leases(struct bench *b);
void part_netavark(struct bench *b);
void part_syscalls(struct bench *b);
void part_crowd(struct bench *b);
void part_present(struct bench *b);

#endif
