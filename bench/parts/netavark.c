// SPDX-License-Identifier: Apache-2.0
/*
 * podman's own network program beside the same network made by our plugins: a bridge with masquerade and two published
 * ports. It gets its address from podman, ours lease it themselves. Another container stays on either network, because
 * netavark takes bridge and rules away with the last one.
 */
#include <unistd.h>

#include "bench/parts/call.h"
#include "bench/parts/network.h"
#include "bench/parts/space.h"
#include "lib/fs.h"
#include "lib/str.h"

static const struct chain same = {
	{
		{ "bridge", BRIDGE "\"ipMasq\":true," HOST_LOCAL("") },
		{ "portmap", "\"snat\":true," PORTS },
	},
};
static const struct chain same_and_firewall = {
	{
		{ "bridge", BRIDGE "\"ipMasq\":true," HOST_LOCAL("") },
		{ "portmap", "\"snat\":true," PORTS },
		{ "firewall", NULL },
	},
};

#define PLAIN "bridge, masquerade, 2 ports"
#define WITH_FIREWALL PLAIN ", firewall"
#define NETWORK_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char options[] =
	"{\"container_id\":\"%s\",\"container_name\":\"%s\",\"networks\":{\"bench\":{\"static_ips\":[\"10.89.%u.%u\"],"
	"\"interface_name\":\"eth0\"}},\"network_info\":{\"bench\":{\"name\":\"bench\",\"id\":\"" NETWORK_ID "\","
	"\"driver\":\"bridge\",\"network_interface\":\"bench0\",\"subnets\":[{\"subnet\":\"10.89.0.0/16\",\"gateway\":"
	"\"10.89.0.1\"}],\"ipv6_enabled\":false,\"internal\":false,\"dns_enabled\":false,\"ipam_options\":{\"driver\":"
	"\"host-local\"}}},\"port_mappings\":[{\"container_port\":80,\"host_ip\":\"\",\"host_port\":%u,\"protocol\":\"tcp\","
	"\"range\":1},{\"container_port\":53,\"host_ip\":\"\",\"host_port\":%u,\"protocol\":\"udp\",\"range\":1}]}";

static bool netavark(struct bench *b, const struct pod *p, const char *verb, bool wait, struct sample *ret,
		     struct err *e)
{
	const char *dir = b->netavark, *out;
	char *const argv[] = { fs_join(&b->arena, dir, "ld.so"),
			       (char *)"--library-path",
			       fs_join(&b->arena, dir, "lib"),
			       fs_join(&b->arena, dir, "netavark"),
			       (char *)"--config",
			       (char *)b->work,
			       (char *)verb,
			       (char *)p->space,
			       NULL };
	char *const envp[] = { (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			       (char *)"NETAVARK_FW=nftables", NULL };
	const char *input = arena_printf(&b->arena, options, p->id, p->id, p->serial >> 8 & 255, p->serial & 255,
					 pod_port(p), pod_port(p) + 1);
	struct children before;
	double answered;

	children_note(&before);
	if (!program_run(&b->arena, &(struct program){ argv, envp, input, false }, ret, &out, e))
		return false;
	answered = clock_us();
	if (wait) {
		children_wait(&before);
		ret->gone_us = ret->wall_us + (clock_us() - answered);
	}
	return true;
}

enum { N_NETWORKS = 3 };
struct network {
	const char *set, *what;
	const struct chain *chain; /* NULL: netavark's */
	int node;
};

static bool operate(struct bench *b, const struct network *n, struct pod *p, bool add, struct sample *ret,
		    struct err *e)
{
	struct chain_run r = { .op = add ? "ADD" : "DEL", .wait = !add };

	if (!n->chain)
		return netavark(b, p, add ? "setup" : "teardown", !add, ret, e);
	if (!chain_run(&b->arena, b, &b->sets[0], n->chain, p, &r, e))
		return false;
	*ret = r.total;
	return true;
}

static bool life(struct bench *b, const struct network *n, bool keep)
{
	struct label add = { "netavark", n->what, "whole chain", "ADD", 0 },
		     del = { "netavark", n->what, "whole chain", "DEL", 0 };
	struct err e = ERR_INIT;
	struct sample up, down;
	static struct pod p;

	if (!node_enter(n->node, &e) || !pod_make(b, &p, &e))
		die(&e);
	if (!operate(b, n, &p, true, &up, &e)) {
		record_failure(b, &add, n->set, e.text);
		pod_drop(&p);
		return false;
	}
	if (!operate(b, n, &p, false, &down, &e)) {
		record_failure(b, &del, n->set, e.text);
		return false;
	}
	pod_drop(&p);
	if (keep) {
		record_sample(b, &add, n->set, &up);
		record_sample(b, &del, n->set, &down);
	}
	/* netavark accepts what is for its containers in either case, so it is the peer of both. */
	if (keep && !n->chain) {
		add.what = del.what = WITH_FIREWALL;
		record_sample(b, &add, n->set, &up);
		record_sample(b, &del, n->set, &down);
	}
	return true;
}

static bool settle_in(struct bench *b, struct network *n, struct pod *resident)
{
	struct err e = ERR_INIT;
	struct sample s;

	if (!node_open(&n->node, &e) || !node_enter(n->node, &e) || !pod_make(b, resident, &e))
		die(&e);
	if (operate(b, n, resident, true, &s, &e))
		return true;
	record_failure(b, &(struct label){ "netavark", n->what, "whole chain", "ADD", 0 }, n->set, e.text);
	return false;
}

void part_netavark(struct bench *b)
{
	struct network networks[N_NETWORKS] = {
		{ b->sets[0].name, PLAIN, &same, -1 },
		{ b->sets[0].name, WITH_FIREWALL, &same_and_firewall, -1 },
		{ "netavark", PLAIN, NULL, -1 },
	};
	static struct pod residents[N_NETWORKS];
	struct err e = ERR_INIT;
	bool ok = true;

	if (!b->netavark)
		return;
	progress(b, "netavark and the same network of ours");
	for (size_t i = 0; i < N_NETWORKS; i++) {
		b->course++;
		ok = ok && settle_in(b, &networks[i], &residents[i]);
	}
	for (unsigned i = 0; ok && i <= b->rounds; i++) {
		for (size_t k = 0; ok && k < N_NETWORKS; k++)
			ok = life(b, &networks[(k + i) % N_NETWORKS], i > 0);
		arena_done(&b->arena);
	}
	for (size_t i = 0; i < N_NETWORKS; i++) {
		pod_drop(&residents[i]);
		close(networks[i].node);
	}
	if (!node_enter(b->home, &e) || !space_settle(&e))
		die(&e);
}
