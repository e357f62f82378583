// SPDX-License-Identifier: Apache-2.0
/*
 * The forms in which masquerading lies in the kernel: ours, the reference's in iptables, the reference's in nftables.
 * masq.c chooses among them.
 */
#ifndef CRIMP_PLUGINS_MASQ_FORM_H
#define CRIMP_PLUGINS_MASQ_FORM_H

#include "plugins/iptables.h"
#include "plugins/masq.h"
#include "plugins/owned.h"

struct masq {
	struct arena *arena;
	struct nl *nl;
	const struct attachment *at;
	const struct cidr *addrs;
	size_t n;
};

/* Ours: tables `ip crimp_masquerade` and `ip6 crimp_masquerade` (masq_nft.c). Deletions go into @b. */
bool masq_nft_setup(const struct masq *m, bool *ret_new, struct err *e) MUST_CHECK;
bool masq_nft_teardown(const struct masq *m, struct nft_batch *b, struct err *e) MUST_CHECK;
/* Without a sweep when an element is missing: what is there goes. */
bool masq_nft_teardown_keyed(const struct masq *m, struct nft_batch *b, struct err *e) MUST_CHECK;
bool masq_nft_check(const struct masq *m, struct err *e) MUST_CHECK;
bool masq_nft_gc(const struct attachments *valid, struct nft_batch *b, struct arena *a, struct err *e) MUST_CHECK;
/* Could masq_nft_setup() work on this kernel? */
bool masq_nft_usable(struct nl *nl, struct arena *a, struct err *e) MUST_CHECK;

/* The reference's chain per container in iptables (masq_iptables.c). */
bool masq_iptables_setup(const struct masq *m, bool *ret_new, struct err *e) MUST_CHECK;
bool masq_iptables_teardown(const struct masq *m, struct iptables *t, struct err *e) MUST_CHECK;
bool masq_iptables_check(const struct masq *m, struct err *e) MUST_CHECK;
bool masq_iptables_gc(const struct attachments *valid, struct iptables *t, struct err *e) MUST_CHECK;

/* The reference's rule per address in table `inet cni_plugins_masquerade` (masq_rules.c). */
bool masq_rules_teardown(const struct masq *m, struct nft_batch *b, struct err *e) MUST_CHECK;
bool masq_rules_check(const struct masq *m, struct err *e) MUST_CHECK;
bool masq_rules_gc(const struct attachments *valid, struct nft_batch *b, struct arena *a, struct err *e) MUST_CHECK;

#endif
