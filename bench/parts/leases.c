// SPDX-License-Identifier: Apache-2.0
/* host-local against the number of addresses that are taken already. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "bench/parts/call.h"
#include "bench/parts/floor.h"
#include "lib/fs.h"

static const char conf_text[] =
	"{\"cniVersion\":\"1.0.0\",\"name\":\"leases\",\"type\":\"bridge\",\"ipam\":{\"type\":\"host-local\","
	"\"dataDir\":\"%s\",\"ranges\":[[{\"subnet\":\"10.0.0.0/8\"}]]}%s%s}";

enum { SLOW_FROM = 10000, N_OPS = 3 };
static const char *const ops[N_OPS] = { "ADD", "CHECK", "DEL" };

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
static void fill(const char *dir, int n)
{
	char path[512], text[64], ip[32];

	for (int i = 2; i < n + 2; i++) {
		snprintf(ip, sizeof(ip), "10.%d.%d.%d", i >> 16, (i >> 8) & 255, i & 255);
		snprintf(path, sizeof(path), "%s/%s", dir, ip);
		snprintf(text, sizeof(text), "filler-%d\r\neth0", i);
		put_file(path, text);
	}
	if (n) {
		snprintf(path, sizeof(path), "%s/last_reserved_ip.0", dir);
		put_file(path, ip);
	}
}

static const char *folder(struct bench *b, const char *set)
{
	return arena_printf(&b->arena, "%s/leases-%u-%s", b->work, b->course, set);
}

static void prepare(struct bench *b, const char *set, int taken)
{
	const char *dir = arena_printf(&b->arena, "%s/leases", folder(b, set));
	struct err e = ERR_INIT;

	if (!fs_mkdirs(dir, 0755, &e))
		die(&e);
	fill(dir, taken);
}

/* host-local looks at no namespace, so any file will do for one. */
static void lease(struct bench *b, const struct set *s, int taken, enum round round)
{
	char *const launcher[] = { (char *)b->peak, NULL };
	bool peak = round == ROUND_PEAK;
	const char *prev = "", *out;
	struct call c = { s->bin,
			  "host-local",
			  NULL,
			  arena_printf(&b->arena, "pod-%06u", ++b->serial),
			  "/proc/self/ns/mnt",
			  "eth0",
			  NULL,
			  peak ? launcher : NULL,
			  peak };

	for (size_t op = 0; op < N_OPS; op++) {
		struct label l = { "leases", "host-local", "host-local", ops[op], taken };
		struct err e = ERR_INIT;
		struct sample one;

		c.command = ops[op];
		c.conf = arena_printf(&b->arena, conf_text, folder(b, s->name), *prev ? ",\"prevResult\":" : "", prev);
		if (!call_run(&b->arena, &c, &one, &out, &e))
			record_failure(b, &l, s->name, e.text);
		else if (round == ROUND_COUNTED)
			record_sample(b, &l, s->name, &one);
		else if (peak)
			record_peak(b, &l, s->name, one.rss_kib);
		if (op == 0)
			prev = out;
	}
}

static void lease_floor(struct bench *b, int taken)
{
	const char *dir = arena_printf(&b->arena, "%s/leases", folder(b, "floor"));
	struct sample up = { .wall_us = 0 }, gone = { .wall_us = 0 };
	struct pod p = { .serial = ++b->serial };
	struct err e = ERR_INIT;

	snprintf(p.id, sizeof(p.id), "pod-%06u", p.serial);
	if (!floor_lease(&b->arena, dir, &p, &up.wall_us, &e) || !floor_release(&b->arena, dir, &p, &gone.wall_us, &e))
		die(&e);
	record_sample(b, &(struct label){ "leases", "host-local", "host-local", "ADD", taken }, "floor", &up);
	record_sample(b, &(struct label){ "leases", "host-local", "host-local", "DEL", taken }, "floor", &gone);
}

static void leases(struct bench *b, int taken)
{
	unsigned rounds = taken >= SLOW_FROM && b->scale->slow_rounds < b->rounds ? b->scale->slow_rounds : b->rounds;

	progress(b, "host-local with %d addresses taken", taken);
	b->course++;
	for (size_t k = 0; k < b->n_sets; k++)
		prepare(b, b->sets[k].name, taken);
	/* The floor looks at nobody's lease but its own. */
	prepare(b, "floor", 0);
	for (unsigned i = 0; i < rounds + ROUND_COUNTED; i++) {
		for (size_t k = 0; k < b->n_sets; k++)
			lease(b, &b->sets[(k + i) % b->n_sets], taken, round_kind(i));
		if (round_kind(i) == ROUND_COUNTED)
			lease_floor(b, taken);
		arena_done(&b->arena);
	}
}

void part_leases(struct bench *b)
{
	for (const int *taken = b->scale->leases; *taken >= 0; taken++)
		leases(b, *taken);
}
