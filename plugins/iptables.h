// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Table "nat" of iptables, as the reference's plugins leave it. There are two front ends, which do not see each
 * other: iptables-nft keeps it in nf_tables (`ip nat`, `ip6 nat`), where we read and delete by netlink like
 * everything else; iptables-legacy keeps it in a table of its own, which only its program can read. A node without a
 * legacy table, which /proc says, never costs an execution.
 *
 * What a rule matches is read from iptables-save, and only of a container that has a chain.
 *
 * Writing (backend "iptables") is one iptables-restore run per family of a text made from what the table holds now.
 * Chains that are shared are made with -N, which fails when somebody was faster: then the table is read again and
 * another text is made.
 */
#ifndef CRIMP_PLUGINS_IPTABLES_H
#define CRIMP_PLUGINS_IPTABLES_H

#include "kernel/nft.h"

enum iptables_front { IPTABLES_NFT, IPTABLES_LEGACY, IPTABLES_FRONTS };

struct iptables_rule {
	const char *chain;
	const char *comment;	/* NULL: none */
	const char *jump;	/* user chain; NULL: none */
	uint64_t handle;	/* IPTABLES_NFT */
	const char *text;	/* "-A CHAIN ..."; NULL when read from nf_tables */
};

struct iptables_text {		/* the table of one family, as saved */
	bool read;
	char **lines;
	size_t n;
	struct buf removal;	/* what iptables-restore shall be told */
};

struct iptables {
	struct arena *arena;
	struct nl *nl;
	struct nft_batch *batch;	/* where deletions in nf_tables go */
	struct iptables_text text[IPTABLES_FRONTS][2];	/* IPv4, IPv6 */
	const char *table;	/* "nat" */
};

/* @family is AF_INET or AF_INET6 everywhere. @batch may be NULL for who only looks. */
void iptables_init(struct iptables *t, struct arena *a, struct nl *nl, struct nft_batch *batch);
/* The same for another table than "nat". */
void iptables_init_table(struct iptables *t, struct arena *a, struct nl *nl, struct nft_batch *batch,
		const char *table);
/* Has the kernel a legacy nat table of this family? */
bool iptables_is_legacy(int family);
bool iptables_has_legacy(int family, const char *table);
/* Is there a program for legacy tables of this family? */
bool iptables_legacy_usable(struct arena *a, int family);
/* The legacy table as saved; none without one, or without a program that could have made it. */
bool iptables_legacy_lines(struct iptables *t, int family, char ***ret, size_t *ret_n, struct err *e) MUST_CHECK;
/* Feed lines to the program of legacy tables. What was read before is forgotten. */
bool iptables_legacy_restore(struct iptables *t, int family, struct bytes lines, struct err *e) MUST_CHECK;
bool iptables_chain_exists(struct iptables *t, enum iptables_front f, int family, const char *chain, bool *ret,
		struct err *e) MUST_CHECK;
/* Rules of a chain; a missing chain or table has none. */
bool iptables_rules(struct iptables *t, enum iptables_front f, int family, const char *chain,
		struct iptables_rule **ret, size_t *ret_n, struct err *e) MUST_CHECK;

/* The same as text, by iptables-save: what a rule matches is best read in its own words. */
bool iptables_saved(struct iptables *t, enum iptables_front f, int family, const char *chain,
		struct iptables_rule **ret, size_t *ret_n, struct err *e) MUST_CHECK;
/* The word after @option (" -s ") in a rule's text; NULL: it has none. */
const char *iptables_word(struct arena *a, const struct iptables_rule *r, const char *option);

/* Plan the removal of @chain and of all rules of @entry that go there, in both front ends, if it is there. */
bool iptables_unlink(struct iptables *t, int family, const char *entry, const char *chain, struct err *e) MUST_CHECK;
/*
 * The same for a chain that several interfaces share: when rules of @entry that @mine does not accept lead there, only
 * those of both chains go that it does accept. They have their text.
 */
typedef bool iptables_match(const struct iptables_rule *r, const void *arg);
bool iptables_unlink_mine(struct iptables *t, int family, const char *entry, const char *chain, iptables_match *mine,
		const void *arg, struct err *e) MUST_CHECK;
/* The same for the chain of each rule of @entry that @match wants gone. */
bool iptables_unlink_if(struct iptables *t, int family, const char *entry, iptables_match *match, const void *arg,
		struct err *e) MUST_CHECK;
/* Carry out what is planned as text (what is planned in nf_tables is in @batch, which the caller commits first). */
bool iptables_done(struct iptables *t, struct err *e) MUST_CHECK;

/* Is there an iptables-restore for this family? */
bool iptables_usable(struct arena *a, int family);
/* The front end that iptables-restore of this family is. */
enum iptables_front iptables_front(struct arena *a, int family);
/* Feed lines for table nat (without "*nat" and "COMMIT") to it. */
bool iptables_restore(struct arena *a, int family, struct bytes lines, struct err *e) MUST_CHECK;
/* @s as one word of such a text. */
const char *iptables_quote(struct arena *a, const char *s);

/*
 * Is it `name: "NETWORK" id: "ID"` (after @prefix), for a network of @stale and an id that it does not know? @arg of
 * the match: struct iptables_stale.
 */
struct attachments;
struct iptables_stale { const char *prefix; const char *chain_prefix; const struct attachments *valid; };
iptables_match iptables_rule_stale;

#endif
