// SPDX-License-Identifier: Apache-2.0
/*
 * ADD, CHECK, STATUS and DEL of every plugin and of the chains, with the kernel's floor of the same work as one more
 * column where there is one.
 */
#include <unistd.h>

#include "bench/parts/floor.h"
#include "bench/parts/network.h"
#include "bench/parts/space.h"
#include "kernel/link.h"
#include "lib/str.h"

struct life {
	const char *title;
	const char *kind; /* of link that the kernel must have; NULL: any kernel will do */
	enum floor floor;
	struct chain chain;
};

static const struct life lives[] = {
	{ "loopback", NULL, FLOOR_LOOPBACK, { { { "loopback", NULL } } } },
	{ "static", NULL, FLOOR_NONE, { { { "static", STATIC } } } },
	{ "bridge", NULL, FLOOR_BRIDGE, { { { "bridge", BRIDGE HOST_LOCAL("") } } } },
	{ "bridge, dual stack", NULL, FLOOR_NONE, { { { "bridge", BRIDGE HOST_LOCAL(",[{\"subnet\":\"fd77::/64\"}]") } } } },
	{ "bridge, masquerade", NULL, FLOOR_MASQ, { { { "bridge", BRIDGE "\"ipMasq\":true," HOST_LOCAL("") } } } },
	{ "bridge, masquerade by nftables", NULL, FLOOR_MASQ,
	  { { { "bridge", BRIDGE "\"ipMasq\":true,\"ipMasqBackend\":\"nftables\"," HOST_LOCAL("") } } } },
	{ "ptp", NULL, FLOOR_NONE, { { { "ptp", HOST_LOCAL("") } } } },
	{ "macvlan", "macvlan", FLOOR_NONE, { { { "macvlan", "\"master\":\"uplink0\"," STATIC } } } },
	{ "ipvlan", "ipvlan", FLOOR_NONE, { { { "ipvlan", "\"master\":\"uplink0\"," STATIC } } } },
	{ "vlan", "vlan", FLOOR_NONE, { { { "vlan", "\"master\":\"uplink0\",\"vlanId\":5," STATIC } } } },
	{ "dummy", "dummy", FLOOR_NONE, { { { "dummy", STATIC } } } },
	{ "tap", NULL, FLOOR_NONE, { { { "tap", STATIC } } } },
	{ "host-device", NULL, FLOOR_NONE, { { { "host-device", "\"device\":\"lent0\"," STATIC } } } },
	{ "sbr", NULL, FLOOR_NONE, { { { "bridge", BRIDGE HOST_LOCAL("") }, { "sbr", NULL } } } },
	{ "vrf", "vrf", FLOOR_NONE, { { { "bridge", BRIDGE HOST_LOCAL("") }, { "vrf", "\"vrfname\":\"blue\"" } } } },
	{ "Kubernetes chain by nftables", NULL, FLOOR_CHAIN,
	  { { { "bridge", BRIDGE "\"hairpinMode\":true,\"ipMasq\":true,\"ipMasqBackend\":\"nftables\"," HOST_LOCAL("") },
	      { "portmap", "\"snat\":true,\"backend\":\"nftables\"," PORTS },
	      { "bandwidth", RATES },
	      { "firewall", NULL },
	      { "tuning", "\"sysctl\":{\"net.core.somaxconn\":\"500\"},\"mtu\":1450" } } } },
};

enum { OP_STATUS, OP_ADD, OP_CHECK, OP_DEL, N_OPS };
static const char *const ops[N_OPS] = { "STATUS", "ADD", "CHECK", "DEL" };

struct course {
	const char *title;
	const struct chain *chain;
	enum floor floor;
	int nodes[SETS_MAX + 1];      /* the last is the floor's */
	bool failed[SETS_MAX][N_OPS]; /* said once, and then no figure */
};

static struct label label_of(const struct course *c, size_t step, size_t op)
{
	return (struct label){ "lives", c->title, c->chain->steps[step].plugin, ops[op], 0 };
}

static void record_run(struct bench *b, const struct course *c, const struct set *s, size_t op,
		       const struct chain_run *r)
{
	size_t n = chain_len(c->chain);

	for (size_t i = 0; i < n; i++) {
		struct label l = label_of(c, i, op);

		if (r->peak)
			record_peak(b, &l, s->name, r->steps[i].rss_kib);
		else
			record_sample(b, &l, s->name, n == 1 ? &r->total : &r->steps[i]);
	}
	if (n > 1 && !r->peak)
		record_sample(b, &(struct label){ "lives", c->title, "whole chain", ops[op], 0 }, s->name, &r->total);
}

static void say_failure(struct bench *b, struct course *c, size_t k, size_t op, size_t step, const char *why)
{
	struct label l = label_of(c, step, op);

	if (!c->failed[k][op])
		record_failure(b, &l, b->sets[k].name, why);
	c->failed[k][op] = true;
}

static void live(struct bench *b, struct course *c, size_t k, enum round round)
{
	const struct set *s = &b->sets[k];
	struct err e = ERR_INIT;
	static struct pod p;
	bool there = true;

	if (!pod_make(b, &p, &e))
		die(&e);
	for (size_t op = 0; op < N_OPS; op++) {
		struct chain_run r = { .op = ops[op],
				       .peak = round == ROUND_PEAK,
				       .wait = round == ROUND_COUNTED && op == OP_DEL };
		struct err why = ERR_INIT;

		if (op == OP_CHECK && !there)
			continue;
		if (!chain_run(&b->arena, b, s, c->chain, &p, &r, &why)) {
			there = there && op != OP_ADD;
			say_failure(b, c, k, op, r.failed_at, why.text);
		} else if (!c->failed[k][op] && round != ROUND_FIRST) {
			record_run(b, c, s, op, &r);
		}
	}
	pod_drop(&p);
}

static void floor_live(struct bench *b, const struct course *c, enum round round)
{
	struct sample up = { .wall_us = 0 }, down = { .wall_us = 0 };
	struct err e = ERR_INIT;
	static struct pod p;

	if (!pod_make(b, &p, &e) || !floor_up(b, c->floor, &p, &up, &e) || !floor_down(b, c->floor, &p, &down, &e))
		die(&e);
	if (round == ROUND_COUNTED) {
		const char *step = chain_len(c->chain) > 1 ? "whole chain" : c->chain->steps[0].plugin;

		record_sample(b, &(struct label){ "lives", c->title, step, "ADD", 0 }, "floor", &up);
		record_sample(b, &(struct label){ "lives", c->title, step, "DEL", 0 }, "floor", &down);
	}
	pod_drop(&p);
}

static void turn(struct bench *b, struct course *c, size_t k, enum round round)
{
	struct err e = ERR_INIT;

	if (k == b->n_sets && c->floor == FLOOR_NONE)
		return;
	if (!node_enter(c->nodes[k], &e))
		die(&e);
	if (k < b->n_sets)
		live(b, c, k, round);
	else
		floor_live(b, c, round);
}

static bool kernel_has(const char *kind)
{
	autonl nl = NL_CLOSED;
	struct err e = ERR_INIT;

	return !kind || (nl_open(&nl, NETLINK_ROUTE, &e) && link_kind_usable(&nl, kind, &e));
}

static void skip(struct bench *b, const struct life *life)
{
	const char *plugin = life->chain.steps[chain_len(&life->chain) - 1].plugin;

	record_text(b, &(struct label){ "lives", life->title, plugin, "ADD", 0 }, b->sets[0].name, "skipped",
		    arena_printf(&b->arena, "this kernel has no %s", life->kind));
}

static void run_course(struct bench *b, const char *title, const struct chain *chain, enum floor floor)
{
	struct course c = { .title = title, .chain = chain, .floor = floor };
	struct err e = ERR_INIT;
	double began = clock_us();

	progress(b, "%s", title);
	b->course++;
	for (size_t k = 0; k <= b->n_sets; k++)
		if (!node_open(&c.nodes[k], &e) || (k == b->n_sets && !floor_node(c.nodes[k], &e)))
			die(&e);
	for (unsigned i = 0; i < b->rounds + ROUND_COUNTED; i++) {
		for (size_t k = 0; k <= b->n_sets; k++)
			turn(b, &c, (k + i) % (b->n_sets + 1), round_kind(i));
		arena_done(&b->arena);
		if (round_enough(b, began, i))
			break;
	}
	for (size_t k = 0; k <= b->n_sets; k++)
		close(c.nodes[k]);
	if (!node_enter(b->home, &e) || !space_settle(&e))
		die(&e);
}

void part_lives(struct bench *b)
{
	for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
		if (kernel_has(lives[i].kind))
			run_course(b, lives[i].title, &lives[i].chain, lives[i].floor);
		else
			skip(b, &lives[i]);
	}
	run_course(b, "Kubernetes chain", &kubernetes, FLOOR_CHAIN);
}
