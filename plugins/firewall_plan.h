// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * The reference's rules in table "filter", one family of one front end at a time:
 *
 *	FORWARD			-> CNI-ISOLATION-STAGE-1 (with an ingress policy), -> CNI-FORWARD
 *	CNI-FORWARD		-> CNI-ADMIN; then per address: answers to it, and all that comes from it, are accepted
 *	CNI-ISOLATION-STAGE-1	what leaves a guarded bridge for elsewhere -> stage 2; isolated: within it: dropped
 *	CNI-ISOLATION-STAGE-2	what enters a guarded bridge is dropped
 *
 * A host whose FORWARD policy is DROP drops what no rule of that very chain accepts; an accept in a table of our own
 * would not be heard. So the rules stand where the host's own do, in the words in which iptables would have written
 * them, and both programs and the reference's plugin find them.
 *
 * Whose is a rule? The two rules of an address bear a mark, "NETWORK CONTAINER IFNAME", and behind a tab the policy and
 * the bridge that the container counts on. Rules without one (the reference's; of legacy tables; after
 * iptables-restore) are told by their address, which only prevResult knows.
 *
 * What nobody needs goes with the last who did: a bridge's rules when no mark names the bridge and policy and no
 * address without a mark can be on that bridge (the bridge's own subnets say so; without any, it can); CNI-FORWARD
 * with its jump when it holds nobody's rules and the administrator's chain is empty; that chain, FORWARD and the
 * table only if they bear our mark. There is no counter anywhere that could be wrong.
 */
#ifndef CRIMP_PLUGINS_FIREWALL_PLAN_H
#define CRIMP_PLUGINS_FIREWALL_PLAN_H

#include "plugins/firewall.h"
#include "plugins/firewall_table.h"

enum fw_allow { FW_ALLOW_ALWAYS, FW_ALLOW_IF_DROPPING };	/* the latter beside firewalld: where FORWARD drops */

/* Write what is not there yet. @ret_new: nothing of the attachment was. */
bool fw_plan_add(const struct firewall *f, enum fw_allow allow, struct fw_table *t, bool *ret_new,
		struct err *e) MUST_CHECK;
/* All of it is there. The failure names what is not. */
bool fw_plan_check(const struct firewall *f, enum fw_allow allow, struct fw_table *t, struct err *e) MUST_CHECK;

struct fw_removal {
	const struct firewall *f;
	const struct attachments *stale;	/* GC: what is of none of these, in place of what is of @f */
	const struct ip *others;		/* let in by somebody else than CNI-FORWARD */
	size_t n_others;
	bool zone;				/* @f may have left rules of its bridge, and none of its own */
	bool rules_only;			/* chains stay: somebody else holds on to them */
};
bool fw_plan_remove(const struct fw_removal *r, struct fw_table *t, struct err *e) MUST_CHECK;

#endif
