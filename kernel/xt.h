// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Rules that iptables-nft understands. It keeps the tables of iptables in nf_tables (`ip filter`, `ip6 filter`, chains
 * INPUT, FORWARD...) in a form of its own: interfaces and addresses as native expressions, then the extensions
 * ("-m comment", "-m conntrack") as binary structs of xtables, a counter, and the verdict as an immediate. Whoever
 * writes exactly that is read by iptables-save, found by `iptables -C` and deleted by `iptables -D`, without any of
 * these programs having run.
 *
 * One struct is written, read back and compared. It holds what rules about the forwarding of containers consist of; a
 * rule with anything else in it is read as @other, and equal to none. Reading also takes what other versions of
 * iptables-nft write natively: comments as user data, `-m conntrack --ctstate` as "ct state".
 *
 * A mark (kernel/nft.h) can be put on a rule, and is lost when somebody saves and restores the tables.
 */
#ifndef CRIMP_KERNEL_XT_H
#define CRIMP_KERNEL_XT_H

#include "kernel/nft.h"

enum { XT_CT_INVALID = 1, XT_CT_ESTABLISHED = 2, XT_CT_RELATED = 4, XT_CT_NEW = 8 };

struct xt_rule {
	struct ip src, dst;	/* one address; ip_is_unset(): any */
	const char *in, *out;	/* interface; NULL: any */
	bool out_not;		/* ! -o */
	uint32_t ct_state;	/* XT_CT_*; 0: any */
	const char *comment;	/* NULL: none; at most 255 bytes */
	const char *jump;	/* chain; NULL: @verdict */
	int verdict;		/* NF_ACCEPT, NF_DROP, NFT_RETURN; NFT_CONTINUE: none */
	/* not compared: */
	const char *mark;	/* NULL: none */
	uint64_t handle;	/* of a rule that was read */
	bool other;		/* what was read has something else in it */
};

/* Put the rule where @at says, into the table of @b. */
void xt_rule_put(struct nft_batch *b, const struct nft_place *at, const struct xt_rule *x);
/* @family NFPROTO_IPV4 or NFPROTO_IPV6. */
struct xt_rule xt_rule_read(struct arena *a, uint8_t family, const struct nft_rule_info *info);
bool xt_rule_eq(const struct xt_rule *a, const struct xt_rule *b);

#endif
