// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * nftables elements that carry their owner as a comment. Adding goes straight at the elements, in one transaction;
 * only what the kernel says is missing or in the way is looked at, one thing per round, and then the transaction is
 * tried again. So the normal case is one message, and everything rare (first container of a node, of a subnet; a
 * repeated ADD; somebody else's leftovers) costs a round each, or one round and a look at each element. Deleting looks
 * first: a key may have been given to somebody else since.
 */
#ifndef CRIMP_PLUGINS_OWNED_H
#define CRIMP_PLUGINS_OWNED_H

#include "kernel/nft.h"

struct owned {
	uint8_t family;		/* NFPROTO_* */
	const char *table, *set;
	struct nft_elem el;	/* comment: the owner */
	const void *about;	/* caller's */
	unsigned declared;	/* how often what it needs was found missing */
	bool there;		/* found to be in the kernel as wanted */
	bool replace;		/* found to be there with another owner or value, and ours to overwrite */
};

struct owned_rules {
	/*
	 * Make what @o needs: set, rules, table. Somebody else having made it meanwhile (EEXIST) is to be called
	 * success.
	 */
	bool (*declare)(struct nl *nl, const struct owned *o, void *arg, struct err *e);
	/*
	 * @o is in the way with another comment or value: may we overwrite it? False with @e says why not. NULL:
	 * always.
	 */
	bool (*may_replace)(const struct owned *o, const struct nft_elem_info *found, void *arg, struct err *e);
	void *arg;
};

/* Room for the next entry of an arena list. */
struct owned_list { struct arena *arena; struct owned *v; size_t n, cap; };
struct owned *owned_list_add(struct owned_list *l);
/* Bytes that live as long as the list: keys and values of elements. */
const void *owned_bytes(struct owned_list *l, const void *data, size_t len);

bool owned_add(struct nl *nl, struct arena *a, struct owned_list *l, const struct owned_rules *rules,
		struct err *e) MUST_CHECK;
/*
 * Put the deletion of all these elements into @b if each exists with its comment; otherwise nothing, and @ret_all
 * false: sweep then.
 */
bool owned_del(struct nft_batch *b, struct arena *a, const struct owned_list *l, bool *ret_all,
		struct err *e) MUST_CHECK;
/* Put the deletion of all elements of a table that have a comment and that @match accepts into @b. */
typedef bool owned_match(const char *set, const struct nft_elem_info *el, const void *arg);
bool owned_sweep(struct nft_batch *b, struct arena *a, uint8_t family, const char *table, owned_match *match,
		const void *arg, struct err *e) MUST_CHECK;
owned_match owned_by;		/* arg: the comment */
owned_match owned_stale;	/* arg: a struct attachments */
/*
 * Deletions in one transaction: @once plans them in @b from what it sees and commits. What it saw may have left before
 * (ENOENT): then it is called again, with an empty @b, a few times. @ret_changed, also when it fails: something was to
 * be deleted, and the socket wants nft_close().
 */
typedef bool owned_once(struct nft_batch *b, void *arg, struct err *e);
bool owned_withdraw(struct nl *nl, struct arena *a, owned_once *once, void *arg, bool *ret_changed,
		struct err *e) MUST_CHECK;
/*
 * A rule that reads elements, and what its chain may have in front of it: only rules of the same kind, or somebody's
 * "return" undoes ours.
 */
struct owned_rule {
	uint8_t family;
	const char *table, *chain;
	const char *set;	/* the rule looks into it... */
	const char *ends;	/* ...and its shape ends so; or: */
	const char *jump;	/* it leads there, */
	const char *kind;	/* and chains whose names begin so are of its kind */
	bool headed;		/* the first rule is a match of addresses with a verdict */
};
bool owned_rule_check(struct nl *nl, struct arena *a, const struct owned_rule *r, struct err *e) MUST_CHECK;
/* All elements are in the kernel, with owner and value. The failure names the first that is not. */
bool owned_check(struct nl *nl, struct arena *a, const struct owned_list *l, struct err *e) MUST_CHECK;
#endif
