// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * dhcp is two programs in one. The plugin (dhcp.c) lives for a moment and asks; the daemon ("dhcp daemon") lives on,
 * because somebody must renew what a server has only lent. Between them is a unix socket on which the reference's
 * plugin and daemon talk (dhcp_rpc.c), so that an old and a new half understand each other.
 *
 *	dhcp.c, dhcp_ask.c	the plugin; its end of a connection
 *	dhcp_conf.c	the configuration, which both halves read
 *	dhcp_wire.c	what goes over a connection, for both ends
 *	dhcp_daemon.c, dhcp_flags.c	calls and the leases that they are about, one loop; flags
 *	dhcp_activation.c	the listening socket: our own, or a service manager's
 *	dhcp_conn.c	connections
 *	dhcp_rpc.c	bytes of a connection <-> calls; knows configurations and results, nothing of DHCP
 *	dhcp_client.c	one lease: the states of RFC 2131
 *	dhcp_exchange.c	what such a client says in which state, and through which socket
 *	dhcp_packet.c, dhcp_lease.c	messages; what a message says about a lease
 *	dhcp6_client.c, dhcp6_exchange.c, dhcp6_packet.c	the same for IPv6 (RFC 8415)
 *	dhcp_alike.c	what clients of both families do alike
 *	dhcp_socket.c, dhcp_place.c	the container's namespace: sockets, the interface
 *	dhcp_store.c	leases on disk
 *	dhcp_loop.c	descriptors and deadlines
 *
 * There are no threads. The daemon feeds what it has read from a connection to its struct dhcp_rpc, takes out every
 * whole call, and answers when it can: at once, or minutes later. Calls of one connection may be answered in any order.
 */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_H
#define CRIMP_PLUGINS_IPAM_DHCP_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/ip.h"

#define DHCP_SOCKET "/run/cni/dhcp.sock"

/* What is wanted of the daemon. Texts are never NULL. */
struct dhcp_option {
	uint8_t code;		/* 1..254 */
	struct bytes value;
};
enum { DHCP_VERSION_4 = 1, DHCP_VERSION_6 = 2 };
struct dhcp_ask {
	const char *container_id, *network, *ifname;
	/* absolute path as the plugin has it (the daemon prepends -hostprefix); "" only for release and GC */
	const char *netns;
	/* options to send; one of code 61 takes the place of the identifier that the daemon makes */
	const struct dhcp_option *send;
	size_t n_send;
	/* the whole parameter request list (option 55), defaults included */
	const uint8_t *wanted;
	size_t n_wanted;
	/* DHCP_VERSION_*: one lease each, all or none */
	unsigned versions;
	/* metric of the routes that the daemon puts back after an expired lease was regained; 0: none */
	uint32_t priority;
};

/* What a server has lent. In @routes, an unset @gw means that the destination is on the link. */
struct dhcp_route {
	struct cidr dst;
	struct ip gw;
};
struct dhcp_lease {
	struct cidr address;	/* with the server's subnet mask */
	struct ip *routers;	/* option 3 */
	size_t n_routers;
	/* option 121 alone if present, else 33 and a default route by the first router */
	struct dhcp_route *routes;
	size_t n_routes;
	struct ip *dns;		/* option 6 */
	size_t n_dns;
	const char *domain;	/* option 15; "" if absent */
	const char **search;	/* option 119; NULL-terminated, or NULL */
	uint32_t mtu;		/* option 26; 0: not given */
	struct ip server;	/* option 54 */
	uint32_t lease_s, renew_s, rebind_s;	/* from the ACK on; UINT32_MAX: for ever */
};

/*
 * ---- calls: from a connection to the daemon ----
 *
 * Allocate and Release are the reference's. Check and GC are our own additions to the same wire: a daemon that does not
 * know them says so ("rpc: can't find method DHCP.Check"), and the plugin does without. AllocateVersions is Allocate by
 * another name, for whoever must not be given an IPv4 address alone: a daemon that knows no other versions does not
 * know the name either.
 */
enum dhcp_call_kind {
	DHCP_ALLOCATE,	/* the lease of this attachment, the one it has or a new one */
	DHCP_RELEASE,	/* give it back; success if there is none */
	DHCP_CHECK,	/* the lease if it is alive, else a failure; acquires nothing */
	DHCP_GC,	/* release what is of ask.network and not of @valid */
	DHCP_ALLOCATE_VERSIONS,
};
struct dhcp_attachment { const char *container_id, *ifname; };
struct dhcp_call {
	enum dhcp_call_kind kind;
	uint64_t serial;		/* chosen by the connection, names the call in the answer */
	struct dhcp_ask ask;		/* GC: only network */
	const struct dhcp_attachment *valid;	/* GC */
	size_t n_valid;
};

/*
 * ---- a connection, implemented by dhcp_rpc.c: bytes in, calls out; answers in, bytes out; no system calls ----
 */
struct dhcp_rpc;
struct dhcp_rpc *dhcp_rpc_new(void);
void dhcp_rpc_free(struct dhcp_rpc *c);	/* NULL is fine */
/* Bytes have come. False: the other side does not speak our protocol; send what is pending, then close. */
bool dhcp_rpc_feed(struct dhcp_rpc *c, struct bytes in, struct err *e) MUST_CHECK;
/*
 * The next whole call, in @a (which the daemon gives up when it has looked at it: nothing of it is kept). False: there
 * is none. A call that is not understood (unknown method, wrong configuration) is answered inside and skipped.
 */
bool dhcp_rpc_next(struct dhcp_rpc *c, struct arena *a, struct dhcp_call *ret) MUST_CHECK;
/*
 * Answers. @leases: one per family (IPv4 first), nothing of them is kept. @e not NULL: the call failed for that reason.
 */
void dhcp_rpc_answer(struct dhcp_rpc *c, uint64_t serial, const struct dhcp_lease *leases, size_t n,
		     const struct err *e);
/* What is to be sent, until there is nothing (len 0), and how much of it was. */
struct bytes dhcp_rpc_pending(const struct dhcp_rpc *c);
void dhcp_rpc_sent(struct dhcp_rpc *c, size_t n);

/*
 * The listening socket that a service manager has handed over (LISTEN_PID, LISTEN_FDS; close-on-exec is set and the
 * variables are taken away), -1 if there is none. More than one is a failure. Implemented beside dhcp_rpc.c.
 */
bool dhcp_activation(int *ret_fd, struct err *e) MUST_CHECK;
/* Both want a path that fits into a struct sockaddr_un. False: somebody listens there. */
bool dhcp_nobody_listens(const char *path, struct err *e) MUST_CHECK;
/* A socket of our own at @path; one that nobody listens on any more is replaced. */
bool dhcp_listen(const char *path, int *ret_fd, struct err *e) MUST_CHECK;

/*
 * ---- the daemon, implemented by dhcp_daemon.c: what `dhcp daemon [flags]` runs. argv[0] is "daemon". ----
 * Returns the exit status.
 */
int dhcp_daemon_main(int argc, char **argv);

#endif
