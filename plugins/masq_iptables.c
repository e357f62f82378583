// SPDX-License-Identifier: Apache-2.0
/*
 * Masquerading as the reference writes it with iptables: a chain per (network, container), so that either of us can
 * take away what the other made. The chain does not know the interface: two interfaces of one container in one
 * network share it, as they do there. Which rules belong to which is told by their addresses.
 */
#include <sys/socket.h>

#include "plugins/masq_form.h"

#define CHAIN_LEN 28
#define TRIES 3

static const int families[] = { AF_INET, AF_INET6 };

static const char *chain_name(struct arena *a, const struct attachment *at)
{
	return attachment_hash_name(a, "CNI-", at->network, at->container_id, CHAIN_LEN);
}

static bool has_family(const struct masq *m, int family)
{
	for (size_t i = 0; i < m->n; i++)
		if (ip_family(&m->addrs[i].ip) == family)
			return true;
	return false;
}

/* Rules that go to the chain (@to) or stand in it, with their text. */
struct rules {
	struct iptables_rule *v;
	size_t n;
	const char *to;
};

static bool look(struct iptables *t, enum iptables_front f, int family, const char *chain, struct rules *ret_ways,
		 struct rules *ret_inside, struct err *e)
{
	*ret_ways = (struct rules){ .to = chain };
	*ret_inside = (struct rules){ 0 };
	return iptables_saved(t, f, family, "POSTROUTING", &ret_ways->v, &ret_ways->n, e) &&
	       iptables_saved(t, f, family, chain, &ret_inside->v, &ret_inside->n, e);
}

/* Is it a way in for one of the addresses? Before 0.8 the reference wrote the whole subnet. */
static bool is_way_of(struct arena *a, const struct iptables_rule *r, const struct cidr *addr)
{
	const char *source = iptables_word(a, r, " -s ");
	struct err ignored;
	struct cidr c;

	return source && cidr_parse(source, &c, &ignored) && cidr_has(&c, &addr->ip);
}

static bool is_mine(const struct iptables_rule *r, const void *arg)
{
	const struct masq *m = arg;

	for (size_t i = 0; i < m->n; i++)
		if (is_way_of(m->arena, r, &m->addrs[i]))
			return true;
	return false;
}

static bool leads_in(const struct rules *ways, size_t i)
{
	return ways->v[i].jump && strcmp(ways->v[i].jump, ways->to) == 0;
}

static bool is_entered(const struct masq *m, const struct rules *ways, const struct cidr *addr)
{
	for (size_t i = 0; i < ways->n; i++)
		if (leads_in(ways, i) && is_way_of(m->arena, &ways->v[i], addr))
			return true;
	return false;
}

static bool is_shared(const struct masq *m, const struct rules *ways)
{
	for (size_t i = 0; i < ways->n; i++)
		if (leads_in(ways, i) && !is_mine(&ways->v[i], m))
			return true;
	return false;
}

static bool has_target(const struct masq *m, const struct rules *inside, const char *target, const char *dst)
{
	for (size_t i = 0; i < inside->n; i++) {
		const char *word = iptables_word(m->arena, &inside->v[i], " -d ");

		if (inside->v[i].jump && strcmp(inside->v[i].jump, target) == 0 &&
		    (!dst || (word && strcmp(word, dst) == 0)))
			return true;
	}
	return false;
}

/* @shared: what is in the chain stays, and the subnet goes before the rule that masquerades. */
static void put_rules(struct buf *text, const struct masq *m, int family, const struct rules *ways,
		      const struct rules *inside, bool shared)
{
	const char *multicast = family == AF_INET ? "224.0.0.0/4" : "ff00::/8", *chain = ways->to;
	const char *comment = iptables_quote(m->arena, arena_printf(m->arena, "name: \"%s\" id: \"%s\"", m->at->network,
								    m->at->container_id));
	char addr[CIDR_TEXT_MAX];

	for (size_t i = 0; i < m->n; i++) {
		const struct cidr *c = &m->addrs[i];
		struct cidr net = { cidr_network(c), c->len }, host = cidr_host(&c->ip);

		if (ip_family(&c->ip) != family)
			continue;
		cidr_text(&net, addr);
		if (!shared || !has_target(m, inside, "ACCEPT", addr))
			buf_printf(text, "-%c %s -d %s -j ACCEPT -m comment --comment %s\n", shared ? 'I' : 'A', chain,
				   addr, comment);
		if (!shared || !has_target(m, inside, "MASQUERADE", NULL))
			buf_printf(text, "-A %s ! -d %s -j MASQUERADE -m comment --comment %s\n", chain, multicast,
				   comment);
		if (!is_entered(m, ways, c))
			buf_printf(text, "-A POSTROUTING -s %s -j %s -m comment --comment %s\n", cidr_text(&host, addr),
				   chain, comment);
	}
}

/* @ret_new: no address of ours was led into the chain before. */
static bool setup_once(const struct masq *m, int family, bool *ret_new, struct err *e)
{
	const char *chain = chain_name(m->arena, m->at);
	enum iptables_front f = iptables_front(m->arena, family);
	struct rules ways = { .to = chain }, inside = { 0 };
	bool there, shared, entered = false;
	struct iptables t;
	struct buf text;

	iptables_init(&t, m->arena, m->nl, NULL);
	if (!iptables_chain_exists(&t, f, family, chain, &there, e) ||
	    (there && !look(&t, f, family, chain, &ways, &inside, e)))
		return false;
	shared = is_shared(m, &ways);
	for (size_t i = 0; i < m->n; i++)
		entered |= is_entered(m, &ways, &m->addrs[i]);
	buf_init(&text, m->arena, 1024);
	if (!shared)
		buf_printf(&text, "%s %s\n", there ? "-F" : "-N", chain);
	put_rules(&text, m, family, &ways, &inside, shared);
	if (!iptables_restore(m->arena, family, buf_bytes(&text), e))
		return false;
	*ret_new = !entered;
	return true;
}

static bool teardown_family(const struct masq *m, struct iptables *t, int family, struct err *e)
{
	const char *chain = chain_name(m->arena, m->at);

	return has_family(m, family) ? iptables_unlink_mine(t, family, "POSTROUTING", chain, is_mine, m, e)
				     : m->n || iptables_unlink(t, family, "POSTROUTING", chain, e);
}

/* Where nobody knows the addresses any more, the chain goes whole. */
bool masq_iptables_teardown(const struct masq *m, struct iptables *t, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (!teardown_family(m, t, families[i], e))
			return false;
	return true;
}

/* Of a family that was written before the other one failed. */
static void setup_undo(const struct masq *m, int family)
{
	struct nft_batch b;
	struct iptables t;
	struct err ignored;
	bool done UNUSED;

	nft_begin_growing(&b, m->nl, m->arena);
	iptables_init(&t, m->arena, m->nl, &b);
	done = teardown_family(m, &t, family, &ignored) && nft_commit(&b, &ignored) && iptables_done(&t, &ignored);
}

/* Another plugin may make or remove the chain between our look and our write. */
bool masq_iptables_setup(const struct masq *m, bool *ret_new, struct err *e)
{
	bool made[ARRAY_LEN(families)] = { false }, all = true;

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		bool ok = !has_family(m, families[i]);

		if (ok)
			continue;
		for (int tries = 0; tries < TRIES && !ok; tries++)
			ok = setup_once(m, families[i], &made[i], e);
		if (!ok) {
			for (size_t k = 0; k < i; k++)
				if (made[k])
					setup_undo(m, families[k]);
			return false;
		}
		all = all && made[i];
	}
	*ret_new = all;
	return true;
}

static bool check_addr(const struct masq *m, const struct rules *ways, const struct rules *inside, const struct cidr *c,
		       struct err *e)
{
	struct cidr net = { cidr_network(c), c->len };
	char text[CIDR_TEXT_MAX];

	if (!is_entered(m, ways, c))
		return fail(e, 0, "rule -s %s -j %s not found in chain POSTROUTING of iptables table nat",
			    cidr_text(c, text), ways->to);
	if (!has_target(m, inside, "ACCEPT", cidr_text(&net, text)))
		return fail(e, 0, "chain %s has no rule -d %s -j ACCEPT in iptables table nat", ways->to, text);
	return has_target(m, inside, "MASQUERADE", NULL) ||
	       fail(e, 0, "chain %s has no rule -j MASQUERADE in iptables table nat", ways->to);
}

static bool check_front(const struct masq *m, struct iptables *t, enum iptables_front f, int family, struct err *e)
{
	const char *chain = chain_name(m->arena, m->at);
	struct rules ways, inside;
	bool there;

	if (!iptables_chain_exists(t, f, family, chain, &there, e))
		return false;
	if (!there)
		return fail(e, 0, "chain %s not found in iptables table nat", chain);
	if (!look(t, f, family, chain, &ways, &inside, e))
		return false;
	for (size_t i = 0; i < m->n; i++)
		if (ip_family(&m->addrs[i].ip) == family && !check_addr(m, &ways, &inside, &m->addrs[i], e))
			return false;
	return true;
}

bool masq_iptables_check(const struct masq *m, struct err *e)
{
	struct iptables t;

	iptables_init(&t, m->arena, m->nl, NULL);
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		struct err ignored;

		if (has_family(m, families[i]) && !check_front(m, &t, IPTABLES_NFT, families[i], e) &&
		    !check_front(m, &t, IPTABLES_LEGACY, families[i], &ignored))
			return false;
	}
	return true;
}

bool masq_iptables_gc(const struct attachments *valid, struct iptables *t, struct err *e)
{
	struct iptables_stale stale = { .prefix = "", .chain_prefix = "CNI-", .valid = valid };

	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (!iptables_unlink_if(t, families[i], "POSTROUTING", iptables_rule_stale, &stale, e))
			return false;
	return true;
}
