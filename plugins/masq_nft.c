// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * One set and one rule per subnet of a network, one element per container:
 *
 *	table ip crimp_masquerade {
 *		set from_10.1.0.0/16_net1 {
 *			type ipv4_addr
 *			elements = { 10.1.0.5 comment "net1 6f3a... eth0" }
 *		}
 *		chain postrouting {
 *			type nat hook postrouting priority srcnat; policy accept;
 *			ip daddr 224.0.0.0/4 return
 *			ip saddr @from_10.1.0.0/16_net1 ip daddr != 10.1.0.0/16 masquerade
 *		}
 *	}
 *
 * An ADD is one element; the set and its rule are made when the kernel says that the set is missing, the table when
 * it says so of the table. A chain is passed once per connection, and a node has few subnets. Addresses that are a
 * subnet of their own share a set "hosts_net1", or each of them would bring a rule; they are masqueraded even towards
 * themselves, which only happens behind a published port and is needed there. Networks do not share sets: two of them
 * may use the same addresses, each behind its own bridge, and neither may take the other's element for a leftover.
 *
 * Rejected: one set of (subnet . subnet) pairs with intervals (refuses overlapping networks, needs Linux 5.6, copies
 * itself on every change); a verdict map from address to a chain per subnet (the kernel walks all elements to
 * validate each ADD); one inet table (nothing gained, and some kernels have no inet).
 */
#include <errno.h>

#include "plugins/masq_form.h"
#include "plugins/subnet.h"

#define TABLE "crimp_masquerade"
#define HOSTS "hosts"
#define NAME_MAX_SHOWN 128 /* of a network; the kernel allows a set 255 in all */
#define HASH_LEN 16

static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

static const char *set_name(const struct masq *m, const struct cidr *c)
{
	const char *network = m->at->network;
	const char *subnet = subnet_is_host(c) ? HOSTS : subnet_set_name(m->arena, "from_", c);

	if (strlen(network) > NAME_MAX_SHOWN)
		network = attachment_hash_name(m->arena, "", network, "", HASH_LEN);
	return arena_printf(m->arena, "%s_%s", subnet, network);
}

/* ip saddr @from_10.1.0.0/16_net1 ip daddr != 10.1.0.0/16 masquerade */
static void put_subnet(struct nft_batch *b, const char *set, const struct cidr *c)
{
	struct nft_set s = { .name = set, .key_type = subnet_type(b->family), .key_len = subnet_size(b->family) };
	struct nft_rule r;

	nft_set_new(b, &s);
	nft_rule_add(b, &r, "postrouting", NULL);
	nft_x_load(&r, subnet_saddr(b->family), NFT_REG_1);
	nft_x_lookup(&r, set, NFT_REG_1, false);
	if (!subnet_is_host(c))
		nft_x_cidr(&r, subnet_daddr(b->family), NFT_CMP_NEQ, c);
	nft_x_masquerade(&r, false);
	nft_rule_end(&r);
}

static void put_table(struct nft_batch *b)
{
	static const struct nft_chain chain = { "postrouting", "nat", NF_INET_POST_ROUTING, 100 };
	struct cidr multicast = { ip4(224, 0, 0, 0), 4 };
	struct nft_rule r;

	if (b->family == NFPROTO_IPV6)
		multicast = (struct cidr){ { { 0xff } }, 8 };
	nft_table_add(b, "containers masqueraded by crimp");
	nft_chain_new(b, &chain);
	nft_rule_add(b, &r, "postrouting", NULL);
	nft_x_cidr(&r, subnet_daddr(b->family), NFT_CMP_EQ, &multicast);
	nft_x_verdict(&r, NFT_RETURN, NULL);
	nft_rule_end(&r);
}

/* Without a table the first try is ENOENT; with one, it is the whole work. */
static bool declare(struct nl *nl, const struct owned *o, void *arg, struct err *e)
{
	uint8_t buf[2048] __attribute__((aligned(8)));
	struct err why = ERR_INIT;

	(void)arg;
	for (int with_table = 0; with_table < 2; with_table++) {
		struct nft_batch b;

		nft_begin(&b, nl, buf, sizeof(buf));
		nft_table(&b, o->family, TABLE);
		if (with_table)
			put_table(&b);
		put_subnet(&b, o->set, o->about);
		if (nft_commit(&b, &why) || why.num == EEXIST)
			return true;
		if (why.num != ENOENT)
			break;
	}
	*e = why;
	return wrap(e, "make nftables table %s", TABLE);
}

static struct owned_list wanted(const struct masq *m)
{
	struct owned_list l = { .arena = m->arena };
	const char *comment = attachment_comment(m->arena, m->at);

	for (size_t i = 0; i < m->n; i++) {
		const struct cidr *c = &m->addrs[i];

		*owned_list_add(&l) = (struct owned){
			.family = subnet_nfproto(&c->ip),
			.table = TABLE,
			.set = set_name(m, c),
			.about = c,
			.el = { .key = ip_bytes(&c->ip), .key_len = ip_size(&c->ip), .comment = comment },
		};
	}
	return l;
}

/* An address of ours under another owner's name: this network's IPAM gave it to us, so the other is gone. */
bool masq_nft_setup(const struct masq *m, bool *ret_new, struct err *e)
{
	static const struct owned_rules rules = { .declare = declare };
	struct owned_list l = wanted(m);
	bool there = false;

	if (l.n && !owned_add(m->nl, m->arena, &l, &rules, e))
		return false;
	for (size_t i = 0; i < l.n; i++)
		there = there || l.v[i].there;
	*ret_new = !there;
	return true;
}

bool masq_nft_teardown(const struct masq *m, struct nft_batch *b, struct err *e)
{
	const char *comment = attachment_comment(m->arena, m->at);
	struct owned_list l = wanted(m);
	bool all = false;

	if (l.n && !owned_del(b, m->arena, &l, &all, e))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(families) && !all; i++)
		if (!owned_sweep(b, m->arena, families[i], TABLE, owned_by, comment, e))
			return false;
	return true;
}

bool masq_nft_teardown_keyed(const struct masq *m, struct nft_batch *b, struct err *e)
{
	struct owned_list l = wanted(m);

	for (size_t i = 0; i < l.n; i++) {
		struct owned_list one = { .arena = m->arena, .v = &l.v[i], .n = 1 };
		bool there;

		if (!owned_del(b, m->arena, &one, &there, e))
			return false;
	}
	return true;
}

bool masq_nft_check(const struct masq *m, struct err *e)
{
	struct owned_list l = wanted(m);

	if (!owned_check(m->nl, m->arena, &l, e))
		return false;
	for (size_t i = 0; i < l.n; i++) {
		const struct owned_rule r = { .family = l.v[i].family,
					      .table = TABLE,
					      .chain = "postrouting",
					      .set = l.v[i].set,
					      .ends = " masq",
					      .headed = true };

		if (!owned_rule_check(m->nl, m->arena, &r, e))
			return false;
	}
	return true;
}

/* Sets and rules of a subnet stay, empty: they cost nothing, and taking them away would race with an ADD. */
bool masq_nft_gc(const struct attachments *valid, struct nft_batch *b, struct arena *a, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (!owned_sweep(b, a, families[i], TABLE, owned_stale, valid, e))
			return false;
	return true;
}

bool masq_nft_usable(struct nl *nl, struct arena *a, struct err *e)
{
	static const struct cidr host = { { { [10] = 0xff, 0xff, 10 } }, 32 };
	struct nft_batch b;

	nft_begin_growing(&b, nl, a);
	nft_table(&b, NFPROTO_IPV4, TABLE "_probe");
	put_table(&b);
	put_subnet(&b, HOSTS, &host);
	return nft_try(&b, e);
}
