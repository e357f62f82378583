// SPDX-License-Identifier: Apache-2.0
#include "bench/parts/crowd.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/parts/call.h"
#include "bench/parts/network.h"
#include "bench/parts/space.h"
#include "lib/jsonw.h"
#include "lib/str.h"

enum { WORKERS_MAX = 256, BACK_TRIES = 20 };

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

bool crowd_make(struct bench *b, unsigned n, struct crowd *ret, struct err *e)
{
	struct crowd c = { shared(n * sizeof(*c.pods) + 1), n };

	if (!c.pods)
		return fail(e, errno, "memory for %u pods", n);
	for (unsigned i = 0; i < n; i++)
		if (!pod_make(b, &c.pods[i].pod, e))
			return false;
	*ret = c;
	return true;
}

void crowd_drop(struct crowd *c)
{
	for (unsigned i = 0; i < c->n; i++)
		pod_drop(&c->pods[i].pod);
	munmap(c->pods, c->n * sizeof(*c->pods) + 1);
}

/* What workers share: the next pod, and when each of them was out of work. */
struct shift { unsigned next; double end_us[WORKERS_MAX]; };

/* A runtime that is refused an ADD takes away what the plugins before have made, and tries that again. */
static void one_pod(struct arena *a, const struct bench *b, const struct set *s, const struct chain *chain,
		    const char *op, struct crowd_pod *p)
{
	struct chain_run r = { .op = op }, back = { .op = "DEL" };
	struct err e = ERR_INIT, ignored = ERR_INIT;
	double start = clock_us();

	if (str_eq(op, "ADD") && *p->pod.result)
		return;
	p->us = 0;
	if (chain_run(a, b, s, chain, &p->pod, &r, &e)) {
		p->us = clock_us() - start;
		return;
	}
	snprintf(p->failure, sizeof(p->failure), "%.299s", e.text);
	for (int tries = 0; str_eq(op, "ADD") && tries < BACK_TRIES; tries++)
		if (chain_run(a, b, s, chain, &p->pod, &back, &ignored))
			return;
}

static void work_off(const struct bench *b, const struct set *s, const struct chain *chain, const char *op,
		     struct crowd *c, struct shift *shift, unsigned me)
{
	struct arena a;
	unsigned i;

	children_adopt();
	arena_init(&a, NULL, 0);
	while ((i = __atomic_fetch_add(&shift->next, 1, __ATOMIC_RELAXED)) < c->n) {
		one_pod(&a, b, s, chain, op, &c->pods[i]);
		arena_done(&a);
	}
	shift->end_us[me] = clock_us();
	/* What an ADD leaves behind tells the neighbours for two seconds, which is not what is measured. */
	if (str_eq(op, "DEL"))
		children_wait_all();
	_exit(0);
}

static void judge(const struct crowd *c, struct crowd_run *r)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (c->pods[i].us > 0)
			continue;
		r->failures++;
		r->failure = c->pods[i].failure;
	}
}

void crowd_run(const struct bench *b, const struct set *s, const struct chain *chain, const char *op, struct crowd *c,
	       unsigned workers, struct crowd_run *ret)
{
	struct shift *shift = shared(sizeof(*shift));
	pid_t pid[WORKERS_MAX];
	double start = clock_us();

	*ret = (struct crowd_run){ .wall_us = 0 };
	if (!shift || workers > WORKERS_MAX)
		abort();
	for (unsigned i = 0; i < workers; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			work_off(b, s, chain, op, c, shift, i);
		if (pid[i] < 0)
			abort();
	}
	for (unsigned i = 0; i < workers; i++)
		waitpid(pid[i], NULL, 0);
	ret->gone_us = clock_us() - start;
	for (unsigned i = 0; i < workers; i++)
		if (shift->end_us[i] - start > ret->wall_us)
			ret->wall_us = shift->end_us[i] - start;
	munmap(shift, sizeof(*shift));
	judge(c, ret);
}

/* ---- pods per second --------------------------------------------------------------------------------------------- */

static void record_crowd(struct bench *b, const struct label *l, const struct set *s, const struct crowd *c,
			 const struct crowd_run *r)
{
	struct buf text;
	struct jsonw w;

	if (r->failures)
		record_failure(b, l, s->name, arena_printf(&b->arena, "%u of %u: %s", r->failures, c->n, r->failure));
	buf_init(&text, &b->arena, 4096);
	jsonw_init(&w, &text, false);
	jsonw_object(&w);
	jsonw_kint(&w, "wall_us", (int64_t)r->wall_us);
	jsonw_kint(&w, "gone_us", (int64_t)r->gone_us);
	jsonw_kint(&w, "failures", r->failures);
	jsonw_key(&w, "pods_us");
	jsonw_array(&w);
	for (unsigned i = 0; i < c->n; i++)
		jsonw_int(&w, (int64_t)c->pods[i].us);
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	record_json(b, l, s->name, "crowd", buf_bytes(&text));
}

static void crowd(struct bench *b, const struct set *s, unsigned workers)
{
	struct label add = { "crowd", "Kubernetes chain", "whole chain", "ADD", (int)workers }, del = add;
	struct err e = ERR_INIT;
	struct crowd c, first;
	struct crowd_run r;
	int node;

	progress(b, "%u pods at %u workers, %s", b->scale->pods, workers, s->name);
	b->course++;
	del.op = "DEL";
	if (!node_open(&node, &e) || !node_enter(node, &e) || !crowd_make(b, 1, &first, &e) ||
	    !crowd_make(b, b->scale->pods, &c, &e))
		die(&e);
	/* The node's own bridge, tables and chains. */
	crowd_run(b, s, &kubernetes, "ADD", &first, 1, &r);
	crowd_run(b, s, &kubernetes, "ADD", &c, workers, &r);
	record_crowd(b, &add, s, &c, &r);
	crowd_run(b, s, &kubernetes, "DEL", &c, workers, &r);
	record_crowd(b, &del, s, &c, &r);
	crowd_drop(&c);
	crowd_drop(&first);
	close(node);
	arena_done(&b->arena);
	if (!node_enter(b->home, &e) || !space_settle(&e))
		die(&e);
}

void part_crowd(struct bench *b)
{
	for (const int *workers = b->scale->workers; *workers >= 0; workers++)
		for (size_t k = 0; k < b->n_sets; k++)
			crowd(b, &b->sets[k], (unsigned)*workers);
}
