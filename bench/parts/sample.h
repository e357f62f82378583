// SPDX-License-Identifier: Apache-2.0
/* Measurements of one thing, and what is said about them: medians, because one scheduler tick must not decide. */
#ifndef CRIMP_BENCH_PARTS_SAMPLE_H
#define CRIMP_BENCH_PARTS_SAMPLE_H

#include "lib/base.h"

#define SAMPLES_MAX 1024

struct sample {
	double wall_us; /* from before the spawn to after the reaping */
	double cpu_us;  /* user + system, descendants included */
	long faults;    /* minor page faults */
	long rss_kib;   /* peak */
};

struct samples {
	struct sample s[SAMPLES_MAX];
	size_t n;
	long rss_kib; /* peak of one run */
	bool failed;  /* the program refused or died: there is nothing to compare */
};

void samples_add(struct samples *all, struct sample s);
double samples_median_us(const struct samples *all);
double samples_percentile_us(const struct samples *all, unsigned percent);
double samples_median_cpu_us(const struct samples *all);
long samples_median_faults(const struct samples *all);
/* CLOCK_MONOTONIC in microseconds */
double clock_us(void);

#endif
