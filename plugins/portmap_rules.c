// SPDX-License-Identifier: Apache-2.0
/*
 * Published ports as the reference writes them with nftables. Its rules carry the container ID and nothing else, so
 * those of all networks of a container go together, as with the reference itself, and GC, which is about one network,
 * must leave them alone.
 */
#include <sys/socket.h>

#include "lib/str.h"
#include "plugins/portmap_form.h"

#define TABLE "cni_hostport"

static const uint8_t families[2] = { NFPROTO_IPV4, NFPROTO_IPV6 };

static bool ours(const struct nft_rule_info *r, const struct portmap *p)
{
	return r->comment && str_eq(r->comment, p->at.container_id);
}

bool portmap_rules_teardown(struct nft_batch *b, const struct portmap *p, struct err *e)
{
	for (int which = 0; which < 2; which++) {
		struct nft_rule_info *rules;
		size_t n;

		if (!nft_rules(b->nl, p->arena, families[which], TABLE, NULL, &rules, &n, e))
			return false;
		nft_table(b, families[which], TABLE);
		for (size_t i = 0; i < n; i++)
			if (ours(&rules[i], p))
				nft_rule_del(b, rules[i].chain, rules[i].handle);
	}
	return true;
}

static size_t expected(const struct portmap *p, int family)
{
	size_t n = 0;

	mappings_each(m, p) n += mapping_fits(m, family);
	return n;
}

bool portmap_rules_check(struct nl *nl, const struct portmap *p, struct err *e)
{
	for (int which = 0; which < 2; which++) {
		struct nft_rule_info *rules;
		size_t n, found = 0;

		if (!p->has_addr[which])
			continue;
		if (!nft_rules(nl, p->arena, families[which], TABLE, "hostports", &rules, &n, e))
			return false;
		for (size_t i = 0; i < n; i++)
			found += ours(&rules[i], p);
		if (found < expected(p, which ? AF_INET6 : AF_INET))
			return fail(e, 0, "missing hostport rules in \"hostports\" chain");
	}
	return true;
}
