// SPDX-License-Identifier: Apache-2.0
/*
 * One execution of a plugin as a runtime does it, timed from before the spawn to after the
 * reaping; and namespaces to execute it for.
 */
#ifndef CRIMP_BENCH_PARTS_CALL_H
#define CRIMP_BENCH_PARTS_CALL_H

#include "bench/parts/sample.h"
#include "lib/arena.h"
#include "lib/err.h"

struct call {
	const char *bin; /* directory with the plugins, also CNI_PATH */
	const char *plugin, *command, *container_id, *netns, *ifname;
	const char *conf;
	const char *peak; /* path of bench/small/peak.c: the sample is good for rss_kib only; NULL: for all else */
};

/* Runs it; @ret_out gets stdout (arena). A failing plugin is a failure here: a benchmark of errors measures nothing. */
bool call_run(struct arena *a, const struct call *c, struct sample *ret, const char **ret_out,
	      struct err *e) MUST_CHECK;
/* Just spawn and reap @path. */
bool call_spawn(const char *path, struct sample *ret, struct err *e) MUST_CHECK;
/* @conf with a prevResult member added at its end. */
const char *call_with_prev(struct arena *a, const char *conf, const char *prev);

/* A network namespace kept alive by a mount at @path. */
bool space_make(const char *path, struct err *e) MUST_CHECK;
void space_drop(const char *path);

#endif
