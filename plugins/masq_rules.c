// SPDX-License-Identifier: Apache-2.0
/* Masquerading as the reference writes it with nftables. We never make it; we take it over. */
#include "lib/str.h"
#include "plugins/masq_form.h"

#define TABLE "cni_plugins_masquerade"
#define CHAIN "masq_checks"
#define HASH_LEN 16
#define MARK_LEN (2 * HASH_LEN + 1)

/* Its comments start with HASH(network)-HASH(ifname:containerID). */
static const char *mark(struct arena *a, const struct attachment *at)
{
	return arena_printf(a, "%s-%s", attachment_hash_name(a, "", at->network, "", HASH_LEN),
			    attachment_hash_name(a, "", arena_printf(a, "%s:%s", at->ifname, at->container_id), "",
						 HASH_LEN));
}

static bool marked(const struct nft_rule_info *r, const char *prefix)
{
	return r->comment && str_starts(r->comment, prefix);
}

static bool list(struct nl *nl, struct arena *a, struct nft_rule_info **ret, size_t *ret_n, struct err *e)
{
	return nft_rules(nl, a, NFPROTO_INET, TABLE, CHAIN, ret, ret_n, e);
}

bool masq_rules_teardown(const struct masq *m, struct nft_batch *b, struct err *e)
{
	const char *ours = mark(m->arena, m->at);
	struct nft_rule_info *rules;
	size_t n;

	if (!list(m->nl, m->arena, &rules, &n, e))
		return false;
	nft_table(b, NFPROTO_INET, TABLE);
	for (size_t i = 0; i < n; i++)
		if (marked(&rules[i], ours))
			nft_rule_del(b, CHAIN, rules[i].handle);
	return true;
}

bool masq_rules_check(const struct masq *m, struct err *e)
{
	const char *ours = mark(m->arena, m->at);
	struct nft_rule_info *rules;
	size_t n, found = 0;

	if (!list(m->nl, m->arena, &rules, &n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		found += marked(&rules[i], ours);
	return found >= m->n ||
	       fail(e, 0, "nftables chain %s of table %s has %zu of %zu rules", CHAIN, TABLE, found, m->n);
}

static int compare(const void *x, const void *y)
{
	return memcmp(*(const char *const *)x, *(const char *const *)y, MARK_LEN);
}

/* The marks of all that may stay, sorted. */
static const char **marks(const struct attachments *valid, struct arena *a)
{
	const char **all = arena_array(a, valid->n, sizeof(*all));

	for (size_t i = 0; i < valid->n; i++) {
		struct attachment at = { valid->network, valid->valid[i].container_id, valid->valid[i].ifname };

		all[i] = mark(a, &at);
	}
	qsort(all, valid->n, sizeof(*all), compare);
	return all;
}

bool masq_rules_gc(const struct attachments *valid, struct nft_batch *b, struct arena *a, struct err *e)
{
	const char *network = arena_printf(a, "%s-", attachment_hash_name(a, "", valid->network, "", HASH_LEN));
	struct nft_rule_info *rules;
	const char **stay;
	size_t n;

	if (!list(b->nl, a, &rules, &n, e))
		return false;
	if (!n)
		return true;
	stay = marks(valid, a);
	nft_table(b, NFPROTO_INET, TABLE);
	for (size_t i = 0; i < n; i++)
		if (marked(&rules[i], network) && strlen(rules[i].comment) >= MARK_LEN &&
		    !bsearch(&rules[i].comment, stay, valid->n, sizeof(*stay), compare))
			nft_rule_del(b, CHAIN, rules[i].handle);
	return true;
}
