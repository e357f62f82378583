// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Several sets of plugins do the same work in one run, iteration by iteration in alternating order, so that the
 * columns of one row come from the same seconds and the ratio of two medians means something even on a busy machine.
 * Where there is a kernel's floor it takes its turn as well. This program only measures: every figure becomes a line
 * of JSON, and bench/report.py makes medians, tables and pictures of them. It expects namespaces of its own for
 * network, mounts and processes (bench/run sees to it), so that nothing it leaves can outlive it.
 *
 * Every ADD gets a container namespace made beforehand, every set a node of its own in every scenario. CHECK and DEL
 * get the result of their ADD, as from a runtime.
 */
#include <errno.h>
#include <sys/mount.h>

#include "bench/parts/bench.h"
#include "bench/parts/call.h"
#include "kernel/netns.h"
#include "lib/str.h"

static const struct scale scales[] = {
	{ "full", "what is published", 40, 12, 20, 200, { 1, 8, 32, -1 }, { 0, 100, 1000, 10000, 50000, -1 }, { 0, 100, 1000, -1 } },
	{ "long", "with 4,000 attachments present", 40, 12, 20, 200, { 1, 8, 32, -1 }, { 0, 100, 1000, 10000, 50000, -1 },
	  { 0, 100, 1000, 4000, -1 } },
	{ "quick", "less of everything", 10, 5, 6, 30, { 1, 8, 32, -1 }, { 0, 1000, 10000, -1 }, { 0, 100, -1 } },
	{ "smoke", "does it run at all", 1, 1, 1, 4, { 2, -1 }, { 0, 10, -1 }, { 0, 4, -1 } },
};

static const struct part {
	const char *name;
	void (*run)(struct bench *b);
} parts[] = {
	{ "versions", part_versions },
	{ "lives", part_lives },
	{ "leases", part_leases },
	{ "netavark", part_netavark },
	{ "syscalls", part_syscalls },
	{ "crowd", part_crowd },
	{ "present", part_present },
};

static const char *only; /* one part */

static int usage(void)
{
	fputs("usage: bench --work DIR --raw FILE --empty PROGRAM --peak PROGRAM --copies SCRIPT [--netavark DIR]\n"
	      "             [--scale NAME] [--rounds N] [--only PART] NAME=PLUGIN_DIR...\n",
	      stderr);
	for (size_t i = 0; i < ARRAY_LEN(scales); i++)
		fprintf(stderr, "scale %s: %s\n", scales[i].name, scales[i].about);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		fprintf(stderr, "part %s\n", parts[i].name);
	return 2;
}

static bool choose_scale(struct bench *b, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(scales); i++)
		if (str_eq(scales[i].name, name))
			b->scale = &scales[i];
	return str_eq(b->scale->name, name);
}

static bool open_raw(struct bench *b, const char *path)
{
	b->raw = fopen(path, "we");
	if (!b->raw)
		perror(path);
	return b->raw;
}

static bool option(struct bench *b, const char *name, const char *value)
{
	uint64_t n;

	if (str_eq(name, "--work"))
		b->work = value;
	else if (str_eq(name, "--peak"))
		b->peak = value;
	else if (str_eq(name, "--empty"))
		b->empty = value;
	else if (str_eq(name, "--copies"))
		b->copies = value;
	else if (str_eq(name, "--netavark"))
		b->netavark = value;
	else if (str_eq(name, "--only"))
		only = value;
	else if (str_eq(name, "--raw"))
		return open_raw(b, value);
	else if (str_eq(name, "--scale"))
		return choose_scale(b, value);
	else if (str_eq(name, "--rounds") && str_u64(value, 10000, &n))
		b->rounds = (unsigned)n;
	else
		return false;
	return true;
}

static bool options(struct bench *b, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *eq = strchr(argv[i], '=');

		if (argv[i][0] != '-' && eq && b->n_sets < SETS_MAX) {
			*eq = '\0';
			b->sets[b->n_sets++] = (struct set){ argv[i], eq + 1 };
		} else if (i + 1 == argc || !option(b, argv[i], argv[i + 1])) {
			return false;
		} else {
			i++;
		}
	}
	if (!b->rounds)
		b->rounds = b->scale->rounds;
	return b->n_sets > 0 && b->work && b->raw && b->empty && b->peak && b->copies;
}

int main(int argc, char **argv)
{
	static struct bench b = { .scale = &scales[0], .home = -1 };
	struct err e = ERR_INIT;

	arena_init(&b.arena, NULL, 0);
	if (!options(&b, argc, argv))
		return usage();
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		perror("bench: private mounts");
	children_adopt();
	if (!netns_own(&b.home, &e))
		die(&e);
	b.start_us = clock_us();
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (!only || str_eq(only, parts[i].name))
			parts[i].run(&b);
	progress(&b, "done");
	return b.failures || fclose(b.raw) ? 1 : 0;
}
