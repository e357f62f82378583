// SPDX-License-Identifier: Apache-2.0
/* VERSION of every plugin: what starting a process costs, beside a program that does nothing. */
#include <unistd.h>

#include "bench/parts/bench.h"
#include "bench/parts/call.h"
#include "lib/fs.h"

static const char *const plugins[] = {
	"bandwidth", "bridge", "dhcp",   "dummy",   "firewall", "flannel", "host-device", "host-local", "ipvlan", "loopback",
	"macvlan",   "portmap", "ptp",    "sbr",    "static",   "tap",     "tuning",      "vlan",       "vrf",
};

static void version(struct bench *b, const struct set *s, const char *plugin, enum round round)
{
	char *const launcher[] = { (char *)b->peak, NULL };
	bool peak = round == ROUND_PEAK;
	struct call c = { s->bin, plugin, "VERSION", "", "", "", "{\"cniVersion\":\"1.0.0\"}", peak ? launcher : NULL,
			  peak };
	struct label l = { "versions", plugin, plugin, "VERSION", 0 };
	struct err e = ERR_INIT;
	struct sample one;
	const char *out;

	if (access(fs_join(&b->arena, s->bin, plugin), X_OK) != 0)
		return;
	if (!call_run(&b->arena, &c, &one, &out, &e))
		record_failure(b, &l, s->name, e.text);
	else if (peak)
		record_peak(b, &l, s->name, one.rss_kib);
	else if (round == ROUND_COUNTED)
		record_sample(b, &l, s->name, &one);
}

static void nothing(struct bench *b)
{
	char *const argv[] = { (char *)b->empty, NULL }, *const envp[] = { NULL };
	struct program p = { argv, envp, "", false };
	struct err e = ERR_INIT;
	struct sample one;
	const char *out;

	if (!program_run(&b->arena, &p, &one, &out, &e))
		die(&e);
	record_sample(b, &(struct label){ "versions", "(a program that does nothing)", "start", "VERSION", 0 }, "floor",
		      &one);
}

void part_versions(struct bench *b)
{
	progress(b, "VERSION of %zu plugins", ARRAY_LEN(plugins));
	for (unsigned i = 0; i < b->rounds + ROUND_COUNTED; i++) {
		for (size_t p = 0; p < ARRAY_LEN(plugins); p++)
			for (size_t k = 0; k < b->n_sets; k++)
				version(b, &b->sets[(k + i) % b->n_sets], plugins[p], round_kind(i));
		nothing(b);
		arena_done(&b->arena);
	}
}
