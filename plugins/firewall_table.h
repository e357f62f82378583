// SPDX-License-Identifier: Apache-2.0
/*
 * Table "filter" of one family in one of the front ends of iptables: as it is, and changes to it. What wants rules
 * (firewall_plan.c) does not see which front end it is. In nf_tables changes go into a transaction, for legacy
 * tables into a text for iptables-restore; which of the two runs, and when, is firewall.c's business.
 */
#ifndef CRIMP_PLUGINS_FIREWALL_TABLE_H
#define CRIMP_PLUGINS_FIREWALL_TABLE_H

#include "kernel/xt.h"
#include "plugins/iptables.h"

/* The chains that we know by name. */
enum { FW_FORWARD, FW_ALLOW, FW_STAGE1, FW_STAGE2, FW_CHAINS };
extern const char *const fw_chain_names[FW_CHAINS];
#define FW_ADMIN_DEFAULT "CNI-ADMIN" /* the administrator's, unless the configuration names another */

struct fw_chain {
	const char *name;
	bool there, made;	/* made: it bears our mark, and goes when it is empty */
	bool base;		/* it hangs on a hook */
	uint32_t policy;	/* NF_ACCEPT, NF_DROP; of FORWARD */
	size_t refs;		/* rules, or what else there is, that lead to it */
	struct xt_rule *rules;
	bool *dropped;		/* of each rule: the plan takes it away */
	size_t n;
};

struct fw_table {
	struct arena *arena;
	struct nl *nl;
	const char *name;		/* "filter", but for tests of what the kernel can do */
	enum iptables_front front;
	int family;			/* AF_INET, AF_INET6 */
	struct fw_chain chain[FW_CHAINS];
	/* nf_tables */
	bool there, made;
	uint32_t use;			/* chains and whatever else the table has */
	struct nft_batch *batch;	/* where changes go */
	/* legacy */
	struct iptables *saved;
	struct buf text;		/* where changes go */
	bool structural;		/* a change relies on what was read: it may only happen if that is still so */
	bool deletes;			/* a change takes something away: the kernel takes its time for that */
};

void fw_table_init(struct fw_table *t, struct arena *a, struct nl *nl, enum iptables_front f, int family);
bool fw_table_read(struct fw_table *t, struct err *e) MUST_CHECK;
/* Another chain. */
bool fw_table_look(struct fw_table *t, const char *name, struct fw_chain *ret, struct err *e) MUST_CHECK;

/* Begin a plan, anew if there was one: changes of nf_tables go into @b. */
void fw_table_plan(struct fw_table *t, struct nft_batch *b);

/* Changes. */
void fw_chain_make(struct fw_table *t, const char *name);	/* FORWARD brings its table */
/* With the rules that were read. Others' rules, or ways into it, that came meanwhile let the whole plan fail. */
void fw_chain_drop(struct fw_table *t, const struct fw_chain *c);
void fw_table_drop(struct fw_table *t);
void fw_rule_append(struct fw_table *t, const char *chain, const struct xt_rule *x);
void fw_rule_insert(struct fw_table *t, const char *chain, const struct xt_rule *x);
/* Behind rule @i of the chain, as it was read. */
void fw_rule_after(struct fw_table *t, const struct fw_chain *c, size_t i, const struct xt_rule *x);
/* The same rule with another mark, which only nf_tables keeps. */
void fw_rule_remark(struct fw_table *t, const struct fw_chain *c, size_t i, const struct xt_rule *x);
void fw_rule_drop(struct fw_table *t, const struct fw_chain *c, size_t i);

/* A rule as iptables-save and iptables-restore know it, without "-A CHAIN ". */
const char *fw_rule_text(struct arena *a, const struct xt_rule *x);
struct xt_rule fw_rule_parse(struct arena *a, const char *text);
/* Does the rule, whatever is in it, jump or go to the chain? */
bool fw_rule_leads_to(struct arena *a, const char *text, const char *chain);

#endif
