// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * The kernel shapes what leaves an interface, by a token bucket (tbf) at its root. What arrives is shaped by sending it
 * through an "ifb" device, whose root has the other bucket, and from which it comes back as if it had just arrived.
 *
 * Where? A veth is shaped at its end on the node, as the reference does, out of the container's reach: what leaves
 * there is the container's ingress. Any other interface (macvlan, ipvlan, tap, a moved device, a veth whose other end
 * is elsewhere) has no end on the node and is shaped inside the container: what leaves there is its egress, and the ifb
 * is made inside, too. That binds every container that may not change its own network (CAP_NET_ADMIN).
 *
 * An ifb is named after network and container ID as the reference names it, and after the whole attachment when another
 * attachment of that container has taken that name. Its owner stands in its alias; the reference writes none.
 *
 * The redirection is a filter that everything matches. In a qdisc of our own it has the first priority. In a qdisc that
 * somebody else has put there it stands behind every filter of theirs: what they pass or drop does not get here, and
 * since a packet is not looked at again when it comes back, a place in front of theirs would take the traffic from
 * them. So the priority tells whose the qdisc is.
 */
#ifndef CRIMP_PLUGINS_BANDWIDTH_H
#define CRIMP_PLUGINS_BANDWIDTH_H

#include "cni/plugin.h"
#include "kernel/link.h"
#include "kernel/qdisc.h"
#include "plugins/attachment.h"

/* bits per second, bits; no rate: not shaped */
struct shape { uint64_t rate, burst; };
struct bandwidth {
	struct shape ingress, egress;	/* to and from the container */
};
bool bandwidth_conf_read(const struct request *r, struct bandwidth *ret, struct err *e) MUST_CHECK;

/* The interface that is shaped, and how. */
struct place {
	struct attachment at;
	struct arena *arena;
	struct nl nl;			/* where it is */
	struct link dev;
	bool inside;			/* in the container */
	struct shape leaving, arriving;
};

/* Made, called by the first name that is free, its owner written down. EEXIST: @p is shaped already. */
bool ifb_add(struct place *p, struct link *ret, struct err *e) MUST_CHECK;
/* That of @p->dev; e->num ENODEV if there is none. */
bool ifb_find(struct place *p, struct link *ret, struct err *e) MUST_CHECK;
/*
 * Remove what is the attachment's in @nl's namespace. One without an owner goes unless another interface still sends
 * into it: when we are @blind, not knowing which interface is ours, one that @prev (may be NULL) does not name.
 */
bool ifb_del(struct nl *nl, struct arena *a, const struct attachment *at, bool blind, const struct result *prev,
	     struct err *e) MUST_CHECK;
/* Remove those that no valid attachment of this network has, and those of nobody that nothing sends into. */
bool ifb_gc(struct nl *nl, struct arena *a, const struct attachments *valid, struct err *e) MUST_CHECK;

/* What arrives at @p->dev goes through interface number @to. All or nothing. */
bool divert_add(struct place *p, int to, struct err *e) MUST_CHECK;
bool divert_check(struct place *p, const struct link *to, struct err *e) MUST_CHECK;
/* Takes the way to @to away, and the qdisc if it is ours. Nothing there is success. */
bool divert_del(struct place *p, int to, struct err *e) MUST_CHECK;
/* Does anything that arrives at interface number @index go to @to? */
bool divert_leads(struct nl *nl, struct arena *a, int index, int to, bool *ret, struct err *e) MUST_CHECK;

#endif
