// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Source based routing. Every address of the interface gets a routing table of its own, and a rule "from ADDRESS
 * lookup TABLE" leads to it what the container sends from there. The table holds what the main table had for the
 * interface: the routes through a gateway in the address's subnet, and those without any gateway or source. Then the
 * interface's routes leave the main table, so that they serve nobody else. Those to link-local addresses and multicast
 * groups of IPv6 stay there, too: who sends there from a link-local address, which no rule knows, has no other way.
 *
 * Invariant: at no moment has an address no way out. Rules and tables are complete before the first route leaves the
 * main table, and undoing begins with putting those back. A table is only ours if no rule and no route, of either
 * family, has anything to do with it; the namespace's lock (flock on the namespace's own file, which the reference
 * takes, too) keeps the choice true until the table is in use.
 *
 * With the key `table` there is no moving: whoever made the interface has filled that table, and only rules are made.
 *
 * All state lives in the container's namespace and names the attachment by its addresses alone.
 */
#ifndef CRIMP_PLUGINS_SBR_H
#define CRIMP_PLUGINS_SBR_H

#include "cni/plugin.h"
#include "kernel/route.h"
#include "kernel/rule.h"

struct sbr_conf {
	uint32_t table;		/* 0: one per address, chosen here */
	struct ip gateway4, gateway6;	/* unset: those of prevResult */
	bool source_hints;
};

struct sbr_address {
	struct cidr address;
	struct ip gateway;	/* of its table's default route; unset: none */
	bool gateway_given;	/* by the configuration: no other default route counts */
	uint32_t table;
};

struct sbr {
	struct arena *arena;
	struct nl *nl;		/* in the container */
	const struct sbr_conf *conf;
	int index;		/* of the interface; 0: it is gone */
	struct sbr_address *addresses;
	size_t n;
	struct kroute *main;	/* the interface's routes in the main table, as they were */
	size_t n_main;
	/* how far ADD came, for its undo */
	size_t ruled;
	bool main_touched;
};

/* Codes 6 and 7. */
bool sbr_conf_read(const struct request *r, struct sbr_conf *ret, struct err *e) MUST_CHECK;
/* The addresses of @prev that are the interface's, or nobody's in particular. */
void sbr_addresses(struct sbr *s, const struct request *r, const struct result *prev);

/* ADD. A failure has undone all. */
bool sbr_make(struct sbr *s, struct err *e) MUST_CHECK;
/* CHECK: rules are there and lead to tables that hold what @prev promises. */
bool sbr_verify(const struct sbr *s, const struct result *prev, struct err *e) MUST_CHECK;
/* DEL: no rule for an address is left, nor what the interface has in the tables they led to. */
bool sbr_withdraw(const struct sbr *s, struct err *e) MUST_CHECK;

#endif
