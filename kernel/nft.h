// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * nf_tables without libnftables: a transaction is a batch of messages in one buffer, one send, all or nothing. The
 * pattern of every caller: state that grows with containers is ELEMENTS of sets and maps; the table, its chains and
 * rules are made once per node, only after an element add answered ENOENT, because re-declaring a chain or deleting
 * anything makes the close of the socket wait for an RCU grace period (4-20 ms), while adding elements does not.
 *
 * Rules are put together from expressions with the helpers below; each helper notes what `nft list ruleset` shows for
 * it. Registers: the 16-byte register 1 (NFT_REG_1) and its 32-bit parts (NFT_REG32_00...); concatenated keys take
 * one 4-byte aligned slot per field.
 */
#ifndef CRIMP_KERNEL_NFT_H
#define CRIMP_KERNEL_NFT_H

#include <linux/netfilter/nf_tables.h>

#include "kernel/nl.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/ip.h"

/* From <linux/netfilter.h>, which cannot stand beside <netinet/in.h> with musl. */
enum { NF_DROP = 0, NF_ACCEPT = 1 };
enum { NFPROTO_INET = 1, NFPROTO_IPV4 = 2, NFPROTO_ARP = 3, NFPROTO_NETDEV = 5, NFPROTO_BRIDGE = 7, NFPROTO_IPV6 = 10 };
enum { NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING };

/* A transaction under construction. Start with nft_begin(), end with nft_commit(). */
struct nft_batch {
	struct nl *nl;
	struct nlmsg m;
	uint8_t family;		/* NFPROTO_* of what follows */
	const char *table;	/* of what follows */
	struct arena *arena;	/* where the buffer grows; NULL: it does not */
	bool sent;		/* nft_spill() has committed a part */
};

#define NFT_COMMENT_MAX 128
/* A mark is a text for us alone: neither nft nor iptables-nft shows it, or minds it. */
#define NFT_MARK_MAX 192

void nft_begin(struct nft_batch *b, struct nl *nl, void *buf, size_t cap);
/* The same with a buffer that grows in the arena as messages come. */
void nft_begin_growing(struct nft_batch *b, struct nl *nl, struct arena *a);
/*
 * For deletions that need not be one transaction: commit what is there when it has become so large that an unprivileged
 * send buffer might not take it, and begin anew.
 */
bool nft_spill(struct nft_batch *b, struct err *e) MUST_CHECK;
/* Has anything been put into it, or gone to the kernel already? */
bool nft_batch_changes(const struct nft_batch *b);
/*
 * Right after nft_begin(): the transaction only counts while the ruleset is of this generation; somebody was faster:
 * ERESTART.
 */
void nft_only_at(struct nft_batch *b, uint32_t generation);
/* How many transactions the namespace has seen. Where nobody can say, there is nothing to read either: 0. */
bool nft_generation(struct nl *nl, uint32_t *ret, struct err *e) MUST_CHECK;
/* What the following calls are about. */
void nft_table(struct nft_batch *b, uint8_t family, const char *table);
/*
 * All or nothing. e->num is the first message's errno; ENOENT: something named does not exist; EEXIST: an element
 * with NLM_F_EXCL or other data is there.
 */
bool nft_commit(struct nft_batch *b, struct err *e) MUST_CHECK;
/* The same; @ret_index: which message was refused (0 = the first after the batch header). */
bool nft_commit_index(struct nft_batch *b, unsigned *ret_index, struct err *e) MUST_CHECK;
/* Would nft_commit() work? The kernel judges every message and then forgets all of them. */
bool nft_try(struct nft_batch *b, struct err *e) MUST_CHECK;
bool nft_batch_is_empty(const struct nft_batch *b);
/*
 * nl_close() for a socket that has deleted something (or may have): the last close of any nfnetlink socket waits
 * while the kernel frees what was removed, 4-20 ms. A detached child does that waiting. It holds no other descriptor.
 * It is for processes that end soon: nobody waits for the child but init, once we have gone. Who lives long keeps its
 * socket open, and pays nothing either.
 */
void nft_close(struct nl *nl);

/* _add declares (already there is fine), _new is refused with EEXIST when it is there already. */
void nft_table_add(struct nft_batch *b, const char *comment);
void nft_table_new(struct nft_batch *b, const char *comment);
/* nft_table_new() with a mark instead of a comment. */
void nft_table_new_marked(struct nft_batch *b, const char *mark);
void nft_table_del(struct nft_batch *b);
struct nft_chain {
	const char *name;
	const char *type;	/* NULL: a regular chain; else "filter", "nat", "route" */
	uint32_t hook;		/* NF_INET_PRE_ROUTING... */
	int32_t priority;
};
void nft_chain_add(struct nft_batch *b, const struct nft_chain *c);
void nft_chain_new(struct nft_batch *b, const struct nft_chain *c);
/* With a mark, which kernels before 5.9 forget. */
void nft_chain_new_marked(struct nft_batch *b, const struct nft_chain *c, const char *mark);
void nft_chain_del(struct nft_batch *b, const char *name);
void nft_chain_flush(struct nft_batch *b, const char *name);
void nft_rule_del(struct nft_batch *b, const char *chain, uint64_t handle);

/*
 * Sets and maps. Types by nft's own numbers so that `nft` prints them (see nft.c): concatenations are built with
 * nft_type_concat().
 */
enum nft_type { NFT_TYPE_IPV4 = 7, NFT_TYPE_IPV6 = 8, NFT_TYPE_ETHER = 9, NFT_TYPE_PROTO = 12,
		NFT_TYPE_SERVICE = 13, NFT_TYPE_IFNAME = 41, NFT_TYPE_MARK = 19 };
struct nft_set {
	const char *name;
	uint32_t key_type, key_len;	/* key_len in bytes, padded per field when concatenated */
	uint32_t data_type, data_len;	/* 0: a set; else a map */
	const char *comment;
};
uint32_t nft_type_concat(uint32_t a, uint32_t b);	/* nest for more than two */
void nft_set_add(struct nft_batch *b, const struct nft_set *s);
void nft_set_new(struct nft_batch *b, const struct nft_set *s);
struct nft_elem {
	const void *key;
	const void *data;		/* maps */
	uint32_t key_len, data_len;
	const char *comment;		/* as `nft` shows it; at most NFT_COMMENT_MAX bytes, cut */
};
/* @excl: NLM_F_EXCL, so that an element already there is EEXIST even with equal data. */
void nft_elem_add(struct nft_batch *b, const char *set, const struct nft_elem *el, size_t n, bool excl);
void nft_elem_del(struct nft_batch *b, const char *set, const struct nft_elem *el, size_t n);

/* Rules: open, put expressions, close. */
struct nft_rule { struct nft_batch *b; size_t exprs; };
void nft_rule_add(struct nft_batch *b, struct nft_rule *r, const char *chain, const char *comment);	/* appended */
void nft_rule_end(struct nft_rule *r);
/* The same at another place. */
struct nft_place {
	const char *chain;
	bool first;		/* at the head of the chain */
	uint64_t after;		/* behind the rule of this handle */
	uint64_t instead;	/* in place of the rule of this handle */
};
void nft_rule_put(struct nft_batch *b, struct nft_rule *r, const struct nft_place *at, const char *mark);

enum nft_field {		/* loads into a register */
	NFT_F_IP_SADDR, NFT_F_IP_DADDR, NFT_F_IP6_SADDR, NFT_F_IP6_DADDR, NFT_F_TH_SPORT, NFT_F_TH_DPORT,
	NFT_F_ETHER_SADDR, NFT_F_ETHER_DADDR, NFT_F_META_L4PROTO, NFT_F_META_NFPROTO, NFT_F_META_IIFNAME,
	NFT_F_META_OIFNAME, NFT_F_META_MARK, NFT_F_CT_STATUS, NFT_F_CT_STATE,
};
void nft_x_load(struct nft_rule *r, enum nft_field f, uint32_t reg);
/* NFT_CMP_EQ, NFT_CMP_NEQ */
void nft_x_cmp(struct nft_rule *r, uint32_t reg, uint32_t op, const void *data, uint32_t len);
/* bitwise and */
void nft_x_mask(struct nft_rule *r, uint32_t reg, const void *mask, uint32_t len);
/* load, mask when needed, cmp */
void nft_x_cidr(struct nft_rule *r, enum nft_field f, uint32_t op, const struct cidr *c);
void nft_x_range(struct nft_rule *r, uint32_t reg, uint32_t op, const void *from, const void *to, uint32_t len);
void nft_x_flag(struct nft_rule *r, enum nft_field f, uint32_t bits);	/* any of these bits: "ct status dnat" */
/* fib daddr type local */
void nft_x_fib_local(struct nft_rule *r);
void nft_x_lookup(struct nft_rule *r, const char *set, uint32_t reg, bool invert);
void nft_x_map(struct nft_rule *r, const char *map, uint32_t reg, uint32_t dst_reg);
void nft_x_masquerade(struct nft_rule *r, bool random_fully);
/* dnat to the address in @addr_reg and, if not 0, the port in @port_reg. */
void nft_x_dnat(struct nft_rule *r, uint32_t family, uint32_t addr_reg, uint32_t port_reg);
void nft_x_counter(struct nft_rule *r);
/* A match of xtables, as iptables-nft puts it into rules; @len is a multiple of 8. */
void nft_x_match(struct nft_rule *r, const char *name, uint32_t rev, const void *info, uint32_t len);
/* NF_ACCEPT, NF_DROP, NFT_RETURN, NFT_JUMP, NFT_GOTO */
void nft_x_verdict(struct nft_rule *r, int verdict, const char *chain);

/* Reading. Each returns what exists; a missing table, chain or set is an empty list, not a failure. */
bool nft_is_missing(int num);	/* an errno that says so: also no nf_tables at all, or no address translation in it */
struct nft_rule_info {
	uint64_t handle;
	const char *chain;
	const char *comment;		/* of nft, or of iptables-nft's comment match; NULL: none */
	const char *jump;		/* chain that an immediate verdict of the rule jumps or goes to, NULL: none */
	const char *set;		/* first set or map it looks into, NULL: none */
	const char *target;		/* iptables-nft: target ("MASQUERADE"), NULL: none or native */
	const char *shape;		/* names of its expressions, as "payload lookup masq" */
	struct bytes exprs;		/* raw NFTA_RULE_EXPRESSIONS, for who wants to look closer */
	const char *mark;		/* NULL: none */
};
bool nft_rules(struct nl *nl, struct arena *a, uint8_t family, const char *table, const char *chain,
		struct nft_rule_info **ret, size_t *ret_n, struct err *e) MUST_CHECK;
struct nft_elem_info { struct bytes key, data; const char *comment; };
bool nft_elems(struct nl *nl, struct arena *a, uint8_t family, const char *table, const char *set,
		struct nft_elem_info **ret, size_t *ret_n, struct err *e) MUST_CHECK;
/* One element by key without a dump; @ret_found false if it (or the set) is not there. */
bool nft_elem_find(struct nl *nl, struct arena *a, uint8_t family, const char *table, const char *set,
		const struct nft_elem *key, struct nft_elem_info *ret, bool *ret_found, struct err *e) MUST_CHECK;
bool nft_chain_exists(struct nl *nl, uint8_t family, const char *table, const char *chain, bool *ret,
		struct err *e) MUST_CHECK;
struct nft_chain_info {
	bool there;
	bool base;			/* it hangs on a hook */
	uint32_t policy;		/* NF_ACCEPT, NF_DROP; NF_ACCEPT if it is no base chain */
	uint32_t use;			/* its rules, and whatever leads to it */
	const char *mark;		/* NULL: none */
};
/* Asked for by name: nobody wants to list the chains of a node with thousands of services. */
bool nft_chain_find(struct nl *nl, struct arena *a, uint8_t family, const char *table, const char *chain,
		struct nft_chain_info *ret, struct err *e) MUST_CHECK;
struct nft_table_info {
	bool there;
	uint32_t use;			/* chains, sets and other objects in it */
	const char *mark;		/* NULL: none */
};
bool nft_table_find(struct nl *nl, struct arena *a, uint8_t family, const char *table, struct nft_table_info *ret,
		struct err *e) MUST_CHECK;
bool nft_set_names(struct nl *nl, struct arena *a, uint8_t family, const char *table, const char ***ret,
		size_t *ret_n, struct err *e) MUST_CHECK;

#endif
