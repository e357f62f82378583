// SPDX-License-Identifier: Apache-2.0
/*
 * The raw figures, a JSON object per line, so that a run that was broken off is worth something too; and how steady
 * the machine was: before every progress line a fixed piece of work is done some times, whose spread tells what else
 * went on.
 */
#include <sys/resource.h>

#include "bench/parts/bench.h"
#include "lib/fs.h"
#include "lib/jsonw.h"

enum { CALIBRATIONS = 30, CALIBRATION_STEPS = 150000, LINE_MAX_BYTES = 1 << 16 };

static void line_begin(struct jsonw *w, struct buf *text, struct arena *a)
{
	buf_init(text, a, 512);
	jsonw_init(w, text, false);
	jsonw_object(w);
}

static void line_end(struct bench *b, struct jsonw *w, struct buf *text)
{
	jsonw_object_end(w);
	if (b->raw && (fprintf(b->raw, "%s\n", buf_str(text)) < 0 || fflush(b->raw))) {
		perror("bench: raw figures");
		exit(1);
	}
}

static void put_label(struct jsonw *w, const struct label *l, const char *set)
{
	jsonw_kstr(w, "part", l->part);
	jsonw_kstr(w, "what", l->what);
	jsonw_kstr(w, "step", l->step);
	jsonw_kstr(w, "op", l->op);
	jsonw_kint(w, "n", l->n);
	jsonw_kstr(w, "set", set);
}

void record_sample(struct bench *b, const struct label *l, const char *set, const struct sample *s)
{
	struct buf text;
	struct jsonw w;

	line_begin(&w, &text, &b->arena);
	put_label(&w, l, set);
	jsonw_kint(&w, "wall_us", (int64_t)(s->wall_us));
	jsonw_kint(&w, "cpu_us", (int64_t)(s->cpu_us));
	jsonw_kint(&w, "faults", s->faults);
	if (s->gone_us > 0)
		jsonw_kint(&w, "gone_us", (int64_t)(s->gone_us));
	line_end(b, &w, &text);
}

void record_peak(struct bench *b, const struct label *l, const char *set, long kib)
{
	struct buf text;
	struct jsonw w;

	line_begin(&w, &text, &b->arena);
	put_label(&w, l, set);
	jsonw_kint(&w, "peak_kib", kib);
	line_end(b, &w, &text);
}

void record_text(struct bench *b, const struct label *l, const char *set, const char *key, const char *value)
{
	struct buf text;
	struct jsonw w;

	line_begin(&w, &text, &b->arena);
	put_label(&w, l, set);
	jsonw_kstr(&w, key, value);
	line_end(b, &w, &text);
}

void record_json(struct bench *b, const struct label *l, const char *set, const char *key, struct bytes json)
{
	struct buf text;
	struct jsonw w;

	line_begin(&w, &text, &b->arena);
	put_label(&w, l, set);
	jsonw_key(&w, key);
	jsonw_raw(&w, json);
	line_end(b, &w, &text);
}

void record_failure(struct bench *b, const struct label *l, const char *set, const char *why)
{
	fprintf(stderr, "bench:         %s %s %s %s fails with %s (the report says how)\n", l->part, l->what, l->step,
		l->op, set);
	record_text(b, l, set, "failure", why);
	if (strcmp(set, b->sets[0].name) == 0)
		b->failures++;
}

enum round round_kind(unsigned i)
{
	return i < ROUND_COUNTED ? (enum round)i : ROUND_COUNTED;
}

bool round_enough(const struct bench *b, double began_us, unsigned i)
{
	return i + 1 >= b->scale->slow_rounds + ROUND_COUNTED && clock_us() - began_us > b->scale->patience_s * 1e6;
}

static volatile uint64_t calibration_sink;

static double calibrate(void)
{
	double start = clock_us();
	uint64_t x = 88172645463325252ULL;

	for (int i = 0; i < CALIBRATION_STEPS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	calibration_sink = x;
	return clock_us() - start;
}

static double own_cpu_us(void)
{
	static const int whose[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
	struct rusage used;
	double us = 0;

	for (size_t i = 0; i < ARRAY_LEN(whose); i++) {
		getrusage(whose[i], &used);
		us += (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6;
		us += (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
	}
	return us;
}

static void put_file(struct jsonw *w, struct arena *a, const char *key, const char *path)
{
	struct err e = ERR_INIT;
	struct bytes text = { "", 0 };

	if (!fs_read(a, path, LINE_MAX_BYTES, &text, &e))
		text = (struct bytes){ "", 0 };
	jsonw_kstr(w, key, arena_strndup(a, text.data, strcspn(text.data, "\n")));
}

static void record_machine(struct bench *b, const char *before)
{
	struct arena a;
	struct buf text;
	struct jsonw w;

	arena_init(&a, NULL, 0);
	line_begin(&w, &text, &a);
	jsonw_kstr(&w, "machine", before);
	jsonw_kint(&w, "at_us", (int64_t)(clock_us() - b->start_us));
	jsonw_kint(&w, "own_cpu_us", (int64_t)own_cpu_us());
	put_file(&w, &a, "loadavg", "/proc/loadavg");
	put_file(&w, &a, "stat", "/proc/stat");
	jsonw_key(&w, "calibration_us");
	jsonw_array(&w);
	for (int i = 0; i < CALIBRATIONS; i++)
		jsonw_int(&w, (int64_t)calibrate());
	jsonw_array_end(&w);
	line_end(b, &w, &text);
	arena_done(&a);
}

void progress(struct bench *b, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "bench: %4.0f s  %s\n", (clock_us() - b->start_us) / 1e6, text);
	record_machine(b, text);
}

void die(const struct err *e)
{
	fprintf(stderr, "bench: %s\n", e->text);
	exit(1);
}
