// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Several sets of plugins do the same work in one run, iteration by iteration in alternating order, so that the columns
 * of one row come from the same seconds and the ratio of two medians means something even on a busy machine. The
 * program expects to be in a network and mount namespace of its own (bench/run sees to it). Every ADD gets a fresh
 * container namespace made beforehand; DEL and CHECK get the result of their ADD as prevResult, as from a runtime. The
 * first round of a row is thrown away: it makes bridges, tables and indexes, which is the node's cost and not the
 * container's; peak memory is read in it (bench/small/peak.c says how). Every scenario starts on a node without rules.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/parts/call.h"
#include "bench/parts/floor.h"
#include "lib/fs.h"
#include "lib/str.h"

enum { SETS_MAX = 4 };

struct set {
	const char *name, *dir;
};

static struct set sets[SETS_MAX];
static size_t n_sets;
static const char *work = "/tmp", *empty, *peak, *raw_path;
static unsigned rounds = 40;
static FILE *raw;
static struct arena arena;
static unsigned serial;

/*
 * One row of the report: a plugin, its configuration with %s for the set's own
 * store, and the budget of ratios (0: none).
 */
struct scenario {
	const char *title, *plugin, *conf;
	double add, check, del;
};

#define HOST_LOCAL(extra) \
	"\"ipam\":{\"type\":\"host-local\",\"dataDir\":\"%s\",\"ranges\":[[{\"subnet\":\"10.77.0.0/16\"}]" extra \
	"],\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}"
#define BRIDGE(keys) \
	"{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",\"type\":\"bridge\",\"bridge\":\"bench0\",\"isGateway\":true," keys

static const struct scenario scenarios[] = {
	{ "loopback", "loopback", "{\"cniVersion\":\"1.0.0\",\"name\":\"lo\",\"type\":\"loopback\"}", 0.20, 0, 0 },
	{ "static", "static",
	  "{\"cniVersion\":\"1.0.0\",\"name\":\"st\",\"type\":\"static\",\"ipam\":{\"type\":\"static\",\"addresses\":[{\"address\":"
	  "\"10.9.0.5/24\"}]}}",
	  0.20, 0, 0 },
	{ "bridge + host-local", "bridge", BRIDGE(HOST_LOCAL("")), 0.15, 0, 0.10 },
	{ "bridge + host-local, dual stack", "bridge", BRIDGE(HOST_LOCAL(",[{\"subnet\":\"fd77::/64\"}]")), 0.15, 0,
	  0.10 },
	{ "bridge + host-local + masquerade (Go: its default)", "bridge", BRIDGE("\"ipMasq\":true," HOST_LOCAL("")),
	  0.06, 0, 0.05 },
	{ "bridge + host-local + masquerade (both nftables)", "bridge",
	  BRIDGE("\"ipMasq\":true,\"ipMasqBackend\":\"nftables\"," HOST_LOCAL("")), 0.06, 0, 0.05 },
};

static const char *const version_plugins[] = { "bridge", "host-local", "loopback", "portmap", "static" };

static void record(const char *title, const char *set, const char *op, const struct sample *s)
{
	if (raw)
		fprintf(raw, "\"%s\",%s,%s,%.1f,%.1f,%ld,%ld\n", title, set, op, s->wall_us, s->cpu_us, s->faults,
			s->rss_kib);
}

static void head(const char *title)
{
	printf("\n### %s\n\n| what | ", title);
	for (size_t i = 0; i < n_sets; i++)
		printf("%s ms (min, p95) | ", sets[i].name);
	printf("ratio | budget | %s CPU ms | faults | peak KiB (%s) |\n|---|", sets[0].name, sets[n_sets - 1].name);
	for (size_t i = 0; i < n_sets + 5; i++)
		printf("--:|");
	printf("\n");
}

static void row(const char *what, const struct samples *of, double budget)
{
	double ours = samples_median_us(&of[0]),
	       theirs = n_sets > 1 && !of[n_sets - 1].failed ? samples_median_us(&of[n_sets - 1]) : 0;
	double ratio = theirs > 0 ? ours / theirs : 0;

	printf("| %s | ", what);
	for (size_t i = 0; i < n_sets; i++) {
		if (of[i].failed) {
			printf("it fails | ");
			continue;
		}
		printf("**%.2f** (%.2f, %.2f) | ", samples_median_us(&of[i]) / 1e3,
		       samples_percentile_us(&of[i], 0) / 1e3, samples_percentile_us(&of[i], 95) / 1e3);
	}
	printf("%.3f | ", ratio);
	if (budget > 0 && theirs > 0)
		printf("%.3f %s | ", budget, ratio <= budget ? "kept" : "MISSED");
	else
		printf("- | ");
	printf("%.2f | %ld | %ld (%ld) |\n", samples_median_cpu_us(&of[0]) / 1e3, samples_median_faults(&of[0]),
	       of[0].rss_kib, of[n_sets - 1].rss_kib);
	fflush(stdout);
}

static void die(const struct err *e)
{
	fprintf(stderr, "bench: %s\n", e->text);
	exit(1);
}

static void run(const char *title, struct samples *into, const struct set *s, struct call *c, const char **out,
		bool keep)
{
	struct err e = ERR_INIT;
	struct sample one;

	c->peak = keep ? NULL : peak;
	if (!call_run(&arena, c, &one, out, &e)) {
		if (s == &sets[0])
			die(&e);
		into->failed = true;
		return;
	}
	if (!keep) {
		into->rss_kib = one.rss_kib;
		return;
	}
	samples_add(into, one);
	record(title, s->name, c->command, &one);
}

/* ---- VERSION ----------------------------------------------------------------------------------------------------- */

static void bench_version(void)
{
	static struct samples of[SETS_MAX], floor;
	struct err e = ERR_INIT;

	head("VERSION: the cost of starting");
	for (size_t p = 0; p < ARRAY_LEN(version_plugins); p++) {
		memset(of, 0, sizeof(of));
		for (unsigned i = 0; i <= rounds * 2; i++) {
			for (size_t k = 0; k < n_sets; k++) {
				const struct set *s = &sets[(k + i) % n_sets];
				struct call c = { s->dir, version_plugins[p],           "VERSION", "", "",
						  "",     "{\"cniVersion\":\"1.0.0\"}", NULL };
				const char *out;

				run(version_plugins[p], &of[s - sets], s, &c, &out, i > 0);
			}
			struct sample one;

			if (empty && call_spawn(empty, &one, &e))
				samples_add(&floor, one);
		}
		row(version_plugins[p], of, 0.12);
	}
	if (floor.n)
		printf("\nFloor: an empty static program takes %.2f ms (%ld faults).\n",
		       samples_median_us(&floor) / 1e3, samples_median_faults(&floor));
}

/* ---- whole plugins ----------------------------------------------------------------------------------------------- */

/* A configuration written with %s for the set's own store. */
static const char *conf_for(const struct scenario *sc, const struct set *s)
{
	const char *at = strstr(sc->conf, "%s");

	if (!at)
		return sc->conf;
	return arena_printf(&arena, "%.*s%s/store-%s%s", (int)(at - sc->conf), sc->conf, work, s->name, at + 2);
}

static void life(const struct scenario *sc, const struct set *s, struct samples *add, struct samples *check,
		 struct samples *del, bool keep)
{
	const char *space = arena_printf(&arena, "%s/space-%u", work, ++serial), *result, *out;
	const char *conf = conf_for(sc, s);
	struct call c = {
		s->dir, sc->plugin, "ADD", arena_printf(&arena, "bench-%u", serial), space, "eth0", conf, NULL
	};
	struct err e = ERR_INIT;

	if (!space_make(space, &e))
		die(&e);
	run(sc->title, add, s, &c, &result, keep);
	c.conf = call_with_prev(&arena, conf, result);
	c.command = "CHECK";
	run(sc->title, check, s, &c, &out, keep);
	c.command = "DEL";
	run(sc->title, del, s, &c, &out, keep);
	space_drop(space);
}

static void bench_plugin(const struct scenario *sc)
{
	static struct samples add[SETS_MAX], check[SETS_MAX], del[SETS_MAX];

	memset(add, 0, sizeof(add));
	memset(check, 0, sizeof(check));
	memset(del, 0, sizeof(del));
	if (unshare(CLONE_NEWNET) < 0)
		perror("bench: a node of its own");
	for (unsigned i = 0; i <= rounds; i++) {
		for (size_t k = 0; k < n_sets; k++) {
			size_t at = (k + i) % n_sets;

			life(sc, &sets[at], &add[at], &check[at], &del[at], i > 0);
		}
		arena_done(&arena);
	}
	head(sc->title);
	row("ADD", add, sc->add);
	row("CHECK", check, sc->check);
	row("DEL", del, sc->del);
}

static void bench_floor(void)
{
	static struct samples attach, detach;
	struct err e = ERR_INIT;

	if (!floor_bridge("floor0", &e))
		die(&e);
	for (unsigned i = 0; i <= rounds; i++) {
		const char *space = arena_printf(&arena, "%s/space-%u", work, ++serial);
		struct sample a = { .wall_us = 0 }, d = { .wall_us = 0 };

		if (!space_make(space, &e) || !floor_attach("floor0", space, "floorveth", &a.wall_us, &e) ||
		    !floor_detach("floorveth", &d.wall_us, &e))
			die(&e);
		space_drop(space);
		samples_add(&attach, a);
		samples_add(&detach, d);
	}
	printf("\n### The kernel's floor for bridge, without a process around it\n\n"
	       "| what | median ms | min | p95 |\n|---|--:|--:|--:|\n"
	       "| veth into the namespace on a bridge, up, address, route: acknowledged | %.2f | %.2f | %.2f |\n"
	       "| the link deleted: acknowledged, grace periods included | %.2f | %.2f | %.2f |\n",
	       samples_median_us(&attach) / 1e3, samples_percentile_us(&attach, 0) / 1e3,
	       samples_percentile_us(&attach, 95) / 1e3, samples_median_us(&detach) / 1e3,
	       samples_percentile_us(&detach, 0) / 1e3, samples_percentile_us(&detach, 95) / 1e3);
	fflush(stdout);
}

/* ---- host-local against the number of addresses taken ------------------------------------------------------------ */

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		perror(path);
		exit(1);
	}
	close(fd);
}

/* Leases as the reference leaves them, from the start of the range on, and its cursor at the last. */
static void fill(const char *dir, unsigned n)
{
	char path[512], text[64], ip[32];

	for (unsigned i = 2; i < n + 2; i++) {
		snprintf(ip, sizeof(ip), "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
		snprintf(path, sizeof(path), "%s/%s", dir, ip);
		snprintf(text, sizeof(text), "filler-%u\r\neth0", i);
		put_file(path, text);
	}
	if (n) {
		snprintf(path, sizeof(path), "%s/last_reserved_ip.0", dir);
		put_file(path, ip);
	}
}

static double bench_leases(unsigned taken, double flat_from)
{
	static const char conf_text[] =
		"{\"cniVersion\":\"1.0.0\",\"name\":\"leases\",\"type\":\"bridge\",\"ipam\":{\"type\":\"host-local\","
		"\"dataDir\":\"%s\",\"ranges\":[[{\"subnet\":\"10.0.0.0/8\"}]]}}";
	static struct samples add[SETS_MAX], check[SETS_MAX], del[SETS_MAX];
	const char *conf[SETS_MAX];
	unsigned n = taken >= 10000 ? 12 : rounds;
	char title[64];

	memset(add, 0, sizeof(add));
	memset(check, 0, sizeof(check));
	memset(del, 0, sizeof(del));
	snprintf(title, sizeof(title), "host-local, %u addresses taken", taken);
	for (size_t k = 0; k < n_sets; k++) {
		const char *dir = arena_printf(&arena, "%s/leases-%u-%s", work, taken, sets[k].name);
		struct err e = ERR_INIT;

		if (!fs_mkdirs(arena_printf(&arena, "%s/leases", dir), 0755, &e))
			die(&e);
		fill(arena_printf(&arena, "%s/leases", dir), taken);
		conf[k] = arena_printf(&arena, conf_text, dir);
	}
	for (unsigned i = 0; i <= n; i++) {
		for (size_t k = 0; k < n_sets; k++) {
			size_t at = (k + i) % n_sets;
			struct call c = {
				sets[at].dir,        "host-local", "ADD",    arena_printf(&arena, "c-%u", ++serial),
				"/proc/self/ns/mnt", "eth0",       conf[at], NULL
			};
			const char *out;

			run(title, &add[at], &sets[at], &c, &out, i > 0);
			c.conf = call_with_prev(&arena, conf[at], out);
			c.command = "CHECK";
			run(title, &check[at], &sets[at], &c, &out, i > 0);
			c.command = "DEL";
			run(title, &del[at], &sets[at], &c, &out, i > 0);
		}
	}
	head(title);
	row("ADD", add, taken == 50000 ? 0.003 : 0);
	row("CHECK", check, 0);
	row("DEL", del, 0);
	if (flat_from > 0)
		printf("\nADD against none taken: x%.2f (budget 1.50 %s)\n", samples_median_us(&add[0]) / flat_from,
		       samples_median_us(&add[0]) / flat_from <= 1.5 ? "kept" : "MISSED");
	return samples_median_us(&add[0]);
}

/* ------------------------------------------------------------------------------------------------------------------ */

static int usage(void)
{
	fputs("usage: bench --work DIR [--raw FILE] [--empty PROGRAM] [--peak PROGRAM] [--rounds N] NAME=PLUGIN_DIR...\n",
	      stderr);
	return 2;
}

static bool options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		char *eq = strchr(argv[i], '=');
		uint64_t n;

		if (argv[i][0] != '-' && eq && n_sets < SETS_MAX) {
			*eq = '\0';
			sets[n_sets++] = (struct set){ argv[i], eq + 1 };
			continue;
		}
		if (!value)
			return false;
		if (str_eq(argv[i], "--work"))
			work = value;
		else if (str_eq(argv[i], "--peak"))
			peak = value;
		else if (str_eq(argv[i], "--raw"))
			raw_path = value;
		else if (str_eq(argv[i], "--empty"))
			empty = value;
		else if (str_eq(argv[i], "--rounds") && str_u64(value, SAMPLES_MAX / 4, &n))
			rounds = (unsigned)n;
		else
			return false;
		i++;
	}
	return n_sets > 0;
}

int main(int argc, char **argv)
{
	static const unsigned taken[] = { 0, 1000, 10000, 50000 };
	double none = 0;

	arena_init(&arena, NULL, 0);
	if (!options(argc, argv))
		return usage();
	raw = raw_path ? fopen(raw_path, "w") : NULL;
	if (raw)
		fputs("what,set,operation,wall_us,cpu_us,minor_faults,peak_kib\n", raw);
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		perror("bench: private mounts");
	bench_version();
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
		bench_plugin(&scenarios[i]);
	bench_floor();
	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		double us = bench_leases(taken[i], none);

		if (!i)
			none = us;
	}
	if (raw)
		fclose(raw);
	return 0;
}
