// SPDX-License-Identifier: Apache-2.0
/* The system calls of one bridge ADD on a node that has the bridge already, as strace counts them. */
#include <unistd.h>

#include "bench/parts/call.h"
#include "bench/parts/network.h"
#include "bench/parts/space.h"
#include "lib/fs.h"

enum { TABLE_MAX = 1 << 16 };
#define STRACE "/usr/bin/strace"

static const struct chain bridge = { { { "bridge", BRIDGE HOST_LOCAL("") } } };

static void count(struct bench *b, const struct set *s)
{
	char *file = arena_printf(&b->arena, "%s/strace", b->work);
	char *const launcher[] = { (char *)STRACE, (char *)"-f", (char *)"-c", (char *)"-o", file, NULL };
	struct chain_run up = { .op = "ADD" }, traced = { .op = "ADD", .launcher = launcher };
	struct label l = { "syscalls", "bridge", "bridge", "ADD", 0 };
	struct err e = ERR_INIT;
	static struct pod first, p;
	struct bytes table;
	int node;

	b->course++;
	if (!node_open(&node, &e) || !node_enter(node, &e) || !pod_make(b, &first, &e) || !pod_make(b, &p, &e))
		die(&e);
	if (!chain_run(&b->arena, b, s, &bridge, &first, &up, &e) ||
	    !chain_run(&b->arena, b, s, &bridge, &p, &traced, &e) || !fs_read(&b->arena, file, TABLE_MAX, &table, &e))
		record_failure(b, &l, s->name, e.text);
	else
		record_text(b, &l, s->name, "strace", table.data);
	pod_drop(&first);
	pod_drop(&p);
	close(node);
	if (!node_enter(b->home, &e))
		die(&e);
}

void part_syscalls(struct bench *b)
{
	if (access(STRACE, X_OK) != 0)
		return;
	progress(b, "system calls of one bridge ADD");
	for (size_t k = 0; k < b->n_sets; k++)
		count(b, &b->sets[k]);
	arena_done(&b->arena);
}
