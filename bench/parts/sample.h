// SPDX-License-Identifier: Apache-2.0
/* One measurement. What is said about many of them is said by bench/report.py. */
#ifndef CRIMP_BENCH_PARTS_SAMPLE_H
#define CRIMP_BENCH_PARTS_SAMPLE_H

#include "lib/base.h"

struct sample {
	double wall_us;		/* from before the spawn to after the reaping */
	double gone_us;		/* until the last process that it left behind had ended; 0: not looked at */
	double cpu_us;		/* user + system, descendants included */
	long faults;		/* minor page faults */
	long rss_kib;		/* peak; only when run by the launcher bench/small/peak.c */
};

/* CLOCK_MONOTONIC in microseconds */
double clock_us(void);

#endif
