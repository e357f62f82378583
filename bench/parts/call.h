// SPDX-License-Identifier: Apache-2.0
/*
 * One execution of a program, timed from before the spawn to after the reaping; a plugin's as a runtime does it.
 */
#ifndef CRIMP_BENCH_PARTS_CALL_H
#define CRIMP_BENCH_PARTS_CALL_H

#include "bench/parts/sample.h"
#include "lib/arena.h"
#include "lib/err.h"

struct program {
	char *const *argv;	/* argv[0] is a path */
	char *const *envp;
	const char *input;	/* for stdin */
	bool peak;		/* argv begins with bench/small/peak.c: the sample is good for rss_kib only */
};
/* A failing program is a failure here: a benchmark of errors measures nothing. @ret_out gets stdout (arena). */
bool program_run(struct arena *a, const struct program *p, struct sample *ret, const char **ret_out,
		 struct err *e) MUST_CHECK;

struct call {
	const char *bin;	/* folder of plugins, also CNI_PATH */
	const char *plugin, *command, *container_id, *netns, *ifname;
	const char *conf;
	char *const *launcher;	/* a program before the plugin, with its arguments; NULL: none */
	bool peak;
};
bool call_run(struct arena *a, const struct call *c, struct sample *ret, const char **ret_out,
	      struct err *e) MUST_CHECK;

/*
 * Who is left behind becomes a child of ours (children_adopt(), once per process). children_note() before a call and
 * children_wait() after it waits for those that came in between, and for none that were there.
 */
void children_adopt(void);
struct children { int pid[4096]; size_t n; };
void children_note(struct children *c);
void children_wait(const struct children *before);
/* For every child there is. */
void children_wait_all(void);

#endif
