// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * conditionsV4 and conditionsV6 are words of a rule, in the syntax of iptables or of nft. What people write there is
 * compiled; the rest is refused by name rather than handed to a program:
 *
 *	nft		ip saddr|daddr, ip6 saddr|daddr [!=] ADDRESS[/LENGTH]; iifname|oifname [!=] NAME[*];
 *			meta mark [& MASK] [!=] NUMBER; meta l4proto [!=] PROTOCOL;
 *			tcp|udp|sctp|dccp sport|dport [!=] PORT[-PORT]
 *	iptables	[!] -s|-d ADDRESS[/LENGTH]; [!] -i|-o NAME[+]; [!] -p PROTOCOL; [!] --sport|--dport PORT[:PORT];
 *			-m mark [!] --mark NUMBER[/MASK]; -m tcp|udp|sctp|dccp|comment|mark; --comment TEXT;
 *			long names of all these
 */
#ifndef CRIMP_PLUGINS_PORTMAP_CONDITIONS_H
#define CRIMP_PLUGINS_PORTMAP_CONDITIONS_H

#include "kernel/nft.h"
#include "lib/field.h"

struct condition {
	enum nft_field field;
	bool negated;
	struct cidr cidr;		/* addresses */
	uint8_t value[16], value_end[16];	/* else: as the kernel compares; value_end: ranges */
	uint32_t mask;			/* marks; 0: all bits */
	uint32_t len;
	bool range;
};
struct conditions { struct condition *v; size_t n; };

/* Is the first word one of iptables ("-..." or "!")? @words: list of const char *. */
bool conditions_are_iptables(const struct list *words);
/* @family AF_INET or AF_INET6. Code 7 names the word that is not understood. */
bool conditions_compile(struct arena *a, const struct list *words, int family, struct conditions *ret,
		struct err *e) MUST_CHECK;
void conditions_put(struct nft_rule *r, const struct conditions *c);
/* 8 hex digits that stand for the words; "" when there are none. */
const char *conditions_id(struct arena *a, const struct list *words);

#endif
