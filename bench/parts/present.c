// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * One more pod of the Kubernetes chain on a node that has many already. To make a thousand attachments with plugins
 * that execute iptables would take longer than all else together, so only two of them are made so; what they have
 * added to the rules is then copied for the others (bench/copies.py). Links, queues and leases, which are the same
 * whoever makes them, are made by our plugins for every set.
 */
#include <errno.h>
#include <unistd.h>

#include "bench/parts/crowd.h"
#include "bench/parts/network.h"
#include "bench/parts/space.h"
#include "lib/fs.h"
#include "lib/jsonw.h"

enum { WORKERS = 4, GROUPS_MAX = 2 * SIZES_MAX, MODELS = 2 };

struct town {
	const struct set *set;
	int node;
	unsigned have; /* attachments */
	struct crowd groups[GROUPS_MAX];
	size_t n_groups;
};

static struct crowd *move_in(struct bench *b, struct town *t, const struct set *by, const struct chain *chain,
			     unsigned n)
{
	const struct label l = { "present", "Kubernetes chain", "many at once", "ADD", (int)(t->have + n) };
	struct crowd *c = &t->groups[t->n_groups++];
	struct crowd_run r;
	struct err e = ERR_INIT;

	if (!crowd_make(b, n, c, &e))
		die(&e);
	crowd_run(b, by, chain, "ADD", c, WORKERS, &r);
	if (r.failures) {
		record_failure(b, &l, by->name, arena_printf(&b->arena, "%u of %u: %s", r.failures, n, r.failure));
		crowd_run(b, by, chain, "ADD", c, 1, &r);
	}
	if (r.failures) {
		fail(&e, 0, "%u of %u pods with %s: %s", r.failures, n, by->name, r.failure);
		die(&e);
	}
	t->have += n;
	return c;
}

static void shell(const char *command)
{
	struct err e = ERR_INIT;
	int rc = system(command);

	if (rc == 0)
		return;
	fail(&e, 0, "status %d of: %s", rc, command);
	die(&e);
}

static void put_pods(struct jsonw *w, const struct crowd *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct pod *p = &c->pods[i].pod;

		jsonw_object(w);
		jsonw_kstr(w, "id", p->id);
		jsonw_kint(w, "port", pod_port(p));
		jsonw_key(w, "result");
		jsonw_raw(w, (struct bytes){ p->result, strlen(p->result) });
		jsonw_object_end(w);
	}
}

/* The model first, then those that get copies of what it has. */
static void write_pods(struct bench *b, const char *path, const struct crowd *model, const struct crowd *c)
{
	struct err e = ERR_INIT;
	struct jsonw w;
	struct buf text;

	buf_init(&text, &b->arena, 1 << 16);
	jsonw_init(&w, &text, false);
	jsonw_array(&w);
	put_pods(&w, model);
	put_pods(&w, c);
	jsonw_array_end(&w);
	if (!fs_write_atomic(path, buf_bytes(&text), 0644, &e))
		die(&e);
}

static void copy_rules(struct bench *b, struct town *t, unsigned n)
{
	/* The model must not be the first, whose ADD makes what all share. */
	struct crowd *model = &t->groups[MODELS - 1];
	struct set ours = { t->set->name, b->sets[0].bin };

	if (t->n_groups == 0) {
		move_in(b, t, t->set, &kubernetes, 1);
		shell(arena_printf(&b->arena, "iptables-save >'%s/before'", b->work));
		move_in(b, t, t->set, &kubernetes, 1);
		shell(arena_printf(&b->arena, "iptables-save >'%s/after'", b->work));
	}
	write_pods(b, arena_printf(&b->arena, "%s/pods", b->work), model,
		   move_in(b, t, &ours, &kubernetes_links, n - t->have));
	shell(arena_printf(&b->arena,
			   "/usr/bin/python3 '%s' '%s/before' '%s/after' '%s/pods' | iptables-restore --noflush",
			   b->copies, b->work, b->work, b->work));
}

static void grow(struct bench *b, struct town *t, unsigned n)
{
	struct err e = ERR_INIT;

	if (n <= t->have)
		return;
	if (!node_enter(t->node, &e))
		die(&e);
	if (t->set == &b->sets[0])
		move_in(b, t, t->set, &kubernetes, n - t->have);
	else
		copy_rules(b, t, n);
	arena_done(&b->arena);
}

static void one_op(struct bench *b, const struct town *t, struct pod *p, const char *op, int n, bool keep)
{
	struct label l = { "present", "Kubernetes chain", "whole chain", op, n };
	struct chain_run r = { .op = op, .wait = keep && strcmp(op, "DEL") == 0 };
	struct err e = ERR_INIT;

	if (!chain_run(&b->arena, b, t->set, &kubernetes, p, &r, &e)) {
		record_failure(b, &l, t->set->name, e.text);
		return;
	}
	if (!keep)
		return;
	record_sample(b, &l, t->set->name, &r.total);
	for (size_t i = 0; i < chain_len(&kubernetes); i++) {
		l.step = kubernetes.steps[i].plugin;
		record_sample(b, &l, t->set->name, &r.steps[i]);
	}
}

static void one_more(struct bench *b, const struct town *t, int n, bool keep)
{
	struct err e = ERR_INIT;
	static struct pod p;

	if (!node_enter(t->node, &e) || !pod_make(b, &p, &e))
		die(&e);
	one_op(b, t, &p, "ADD", n, keep);
	one_op(b, t, &p, "DEL", n, keep);
	pod_drop(&p);
}

static void leave(struct bench *b, struct town *t)
{
	struct err e = ERR_INIT;

	for (size_t i = 0; i < t->n_groups; i++)
		crowd_drop(&t->groups[i]);
	close(t->node);
	if (!node_enter(b->home, &e))
		die(&e);
}

void part_present(struct bench *b)
{
	struct town towns[SETS_MAX] = { { .have = 0 } };
	unsigned rounds = b->scale->slow_rounds < b->rounds ? b->scale->slow_rounds : b->rounds;
	struct err e = ERR_INIT;

	b->course++;
	for (size_t k = 0; k < b->n_sets; k++) {
		towns[k].set = &b->sets[k];
		if (!node_open(&towns[k].node, &e))
			die(&e);
	}
	for (const int *n = b->scale->present; *n >= 0; n++) {
		progress(b, "a pod more where %d are", *n);
		for (size_t k = 0; k < b->n_sets; k++)
			grow(b, &towns[k], (unsigned)*n);
		for (unsigned i = 0; i <= rounds; i++) {
			for (size_t k = 0; k < b->n_sets; k++)
				one_more(b, &towns[(k + i) % b->n_sets], *n, i > 0);
			arena_done(&b->arena);
		}
	}
	progress(b, "taking those nodes down");
	for (size_t k = 0; k < b->n_sets; k++)
		leave(b, &towns[k]);
	if (!space_settle(&e))
		die(&e);
}
