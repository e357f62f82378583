// SPDX-License-Identifier: Apache-2.0
/* Medians and percentiles of measurements. */
#include "bench/parts/sample.h"

#include <time.h>

void samples_add(struct samples *all, struct sample s)
{
	if (all->n < SAMPLES_MAX)
		all->s[all->n++] = s;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(const struct samples *all, size_t offset, unsigned percent)
{
	double values[SAMPLES_MAX];

	if (!all->n)
		return 0;
	for (size_t i = 0; i < all->n; i++)
		values[i] = *(const double *)((const char *)&all->s[i] + offset);
	qsort(values, all->n, sizeof(*values), compare);
	return values[(all->n - 1) * percent / 100];
}

double samples_median_us(const struct samples *all)
{
	return percentile(all, offsetof(struct sample, wall_us), 50);
}

double samples_percentile_us(const struct samples *all, unsigned percent)
{
	return percentile(all, offsetof(struct sample, wall_us), percent);
}

double samples_median_cpu_us(const struct samples *all)
{
	return percentile(all, offsetof(struct sample, cpu_us), 50);
}

long samples_median_faults(const struct samples *all)
{
	struct samples copy = { .n = all->n };

	for (size_t i = 0; i < all->n; i++)
		copy.s[i].wall_us = (double)all->s[i].faults;
	return (long)samples_median_us(&copy);
}

double clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}
