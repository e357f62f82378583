// SPDX-License-Identifier: Apache-2.0
/*
 * Plugins whose product is one interface in the container: macvlan, ipvlan, vlan, dummy, tap, host-device. They differ
 * in how it comes to be and in what CHECK looks at; lease, addresses, routes, undo, DEL, GC and STATUS are the same.
 */
#ifndef CRIMP_PLUGINS_ENDPOINT_H
#define CRIMP_PLUGINS_ENDPOINT_H

#include "cni/plugin.h"
#include "kernel/link.h"

struct endpoint {
	const struct request *r;
	const void *conf;	/* the plugin's own */
	int netns;		/* of the container */
	struct nl nl, far;	/* sockets on the node and in the container */
	struct link link;	/* the interface, in the container; index 0: not made (yet), or gone */
	bool leased;
	struct result result;	/* ADD: under way; CHECK and DEL: prevResult, empty when there is none */
};

struct endpoint_kind {
	const char *kind;	/* IFLA_INFO_KIND: CHECK demands it, and DEL deletes nothing else. NULL: any */
	bool announce;		/* tell neighbours when the addresses are there */
	/*
	 * ADD: all that can be known to be in the way before @make. With it, @make comes after the lease of an IPAM
	 * plugin that needs no interface (lease_needs_no_interface): it must be one that costs more to take back. NULL:
	 * @make finds out.
	 */
	bool (*look)(struct endpoint *ep, struct err *e);
	/*
	 * Make the interface in the container, called r->ifname and down, and fill ep->link. The calling thread is on
	 * the node. A failure leaves nothing.
	 */
	bool (*make)(struct endpoint *ep, struct err *e);
	/*
	 * Take ep->link back: undo of ADD, and DEL. NULL: it is deleted. Nothing there (index 0) is success, and so is
	 * a namespace that is gone (ep->netns -1, ep->far closed).
	 */
	bool (*unmake)(struct endpoint *ep, struct err *e);
	/*
	 * CHECK: what is particular about ep->link (kind, MAC, up, addresses and
	 * routes have been looked at). May be NULL.
	 */
	bool (*verify)(struct endpoint *ep, struct err *e);
};

/* What plugins let the configuration say about the addresses: keys of every endpoint. */
struct endpoint_conf {
	bool dad;		/* `enabledad` */
	/* ADD: addresses and routes that are there already, in place of a lease; NULL: none */
	const struct result *addresses;
};

bool endpoint_add(const struct request *r, const struct endpoint_kind *k, const struct endpoint_conf *c,
		  const void *conf, struct result *ret, struct err *e) MUST_CHECK;
bool endpoint_check(const struct request *r, const struct endpoint_kind *k, const void *conf, struct err *e) MUST_CHECK;
/*
 * @conf may be NULL when it cannot be read: a configuration that no ADD can have accepted must not keep a container
 * alive. Goes on after a failure; whatever is already gone is success.
 */
bool endpoint_del(const struct request *r, const struct endpoint_kind *k, const void *conf, struct err *e) MUST_CHECK;
/* The interface dies with its namespace: what is left is the lease. */
bool endpoint_gc(const struct request *r, struct err *e) MUST_CHECK;
/* Can interfaces of @kind (NULL: not asked) be made, does @master (NULL: none) exist, is there an address? Code 50. */
bool endpoint_status(const struct request *r, const char *kind, const char *master, struct err *e) MUST_CHECK;

/* What an interface that is made under another name is called until it is in place: "cni" and 12 hex digits. */
const char *endpoint_temporary(const struct request *r);

/* The interface to hang on when the configuration names none: that of the first default route. */
bool endpoint_default_master(struct nl *nl, struct arena *a, struct link *ret, struct err *e) MUST_CHECK;

#endif
