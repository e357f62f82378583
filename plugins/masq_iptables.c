// SPDX-License-Identifier: Apache-2.0
/*
 * Masquerading as the reference writes it with iptables: a chain per (network, container), so that either of us can
 * take away what the other made. The chain does not know the interface: two interfaces of one container in one
 * network share it, as they do there.
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

/* Rules of POSTROUTING that go to the chain. */
static bool entries(struct iptables *t, enum iptables_front f, int family, const char *chain, size_t *ret,
		    struct err *e)
{
	struct iptables_rule *rules;
	size_t n;

	if (!iptables_rules(t, f, family, "POSTROUTING", &rules, &n, e))
		return false;
	*ret = 0;
	for (size_t i = 0; i < n; i++)
		*ret += rules[i].jump && strcmp(rules[i].jump, chain) == 0;
	return true;
}

static void put_rules(struct buf *text, const struct masq *m, int family, const char *chain, const char *comment,
		      bool enter)
{
	const char *multicast = family == AF_INET ? "224.0.0.0/4" : "ff00::/8";
	char addr[CIDR_TEXT_MAX];

	for (size_t i = 0; i < m->n; i++) {
		const struct cidr *c = &m->addrs[i];
		struct cidr net = { cidr_network(c), c->len }, host = cidr_host(&c->ip);

		if (ip_family(&c->ip) != family)
			continue;
		buf_printf(text, "-A %s -d %s -j ACCEPT -m comment --comment %s\n", chain, cidr_text(&net, addr),
			   comment);
		buf_printf(text, "-A %s ! -d %s -j MASQUERADE -m comment --comment %s\n", chain, multicast, comment);
		if (enter)
			buf_printf(text, "-A POSTROUTING -s %s -j %s -m comment --comment %s\n", cidr_text(&host, addr),
				   chain, comment);
	}
}

static bool setup_once(const struct masq *m, int family, bool *ret_new, struct err *e)
{
	const char *chain = chain_name(m->arena, m->at);
	const char *comment = iptables_quote(m->arena, arena_printf(m->arena, "name: \"%s\" id: \"%s\"", m->at->network,
								    m->at->container_id));
	enum iptables_front f = iptables_front(m->arena, family);
	struct iptables t;
	struct buf text;
	size_t entered;
	bool there;

	iptables_init(&t, m->arena, m->nl, NULL);
	if (!iptables_chain_exists(&t, f, family, chain, &there, e) || !entries(&t, f, family, chain, &entered, e))
		return false;
	buf_init(&text, m->arena, 1024);
	buf_printf(&text, "%s %s\n", there ? "-F" : "-N", chain);
	put_rules(&text, m, family, chain, comment, entered == 0);
	if (!iptables_restore(m->arena, family, buf_bytes(&text), e))
		return false;
	*ret_new = !there;
	return true;
}

bool masq_iptables_teardown(const struct masq *m, struct iptables *t, struct err *e)
{
	const char *chain = chain_name(m->arena, m->at);

	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (!iptables_unlink(t, families[i], "POSTROUTING", chain, e))
			return false;
	return true;
}

/* Of a family that was written before the other one failed. */
static void setup_undo(const struct masq *m, int family)
{
	const char *chain = chain_name(m->arena, m->at);
	struct nft_batch b;
	struct iptables t;
	struct err ignored;
	bool done UNUSED;

	nft_begin_growing(&b, m->nl, m->arena);
	iptables_init(&t, m->arena, m->nl, &b);
	done = iptables_unlink(&t, family, "POSTROUTING", chain, &ignored) && nft_commit(&b, &ignored) &&
	       iptables_done(&t, &ignored);
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

static bool check_front(const struct masq *m, struct iptables *t, enum iptables_front f, int family, struct err *e)
{
	const char *chain = chain_name(m->arena, m->at);
	struct iptables_rule *rules;
	size_t n, entered;
	bool there;

	if (!iptables_chain_exists(t, f, family, chain, &there, e))
		return false;
	if (!there)
		return fail(e, 0, "chain %s not found in iptables table nat", chain);
	if (!iptables_rules(t, f, family, chain, &rules, &n, e) || !entries(t, f, family, chain, &entered, e))
		return false;
	if (n < 2)
		return fail(e, 0, "chain %s has %zu of 2 rules in iptables table nat", chain, n);
	return entered || fail(e, 0, "rule -j %s not found in chain POSTROUTING of iptables table nat", chain);
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
