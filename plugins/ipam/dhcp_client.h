// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * One lease. A client is a state, its sockets, and one timer; nothing waits. The functions below are for both families
 * and lead to dhcp6_client.h for an IPv6 address (RFC 8415); what follows is about an IPv4 address, by RFC 2131.
 *
 *	state       has                     the timer means
 *	SELECTING   packet socket           send DISCOVER again
 *	REQUESTING  packet socket, offer    send REQUEST again; after -timeout back to SELECTING
 *	REBOOTING   packet socket, old ACK  the same, for a lease that ran out while the daemon was away
 *	BOUND       ACK                     T1
 *	RENEWING    ACK; both sockets while a try runs    next try, of the server alone, until T2
 *	REBINDING   ACK; packet socket while a try runs   next try, of any server, until the lease ends
 *	LOST        the ACK of before       the next attempt to regain the address
 *	RELEASING   UDP or packet socket    has the message left the machine?
 *
 * Answers are always taken from the packet socket: a NAK to a renewal comes by broadcast, which a UDP socket of the
 * leased address does not hear. The UDP socket sends, and keeps the kernel from telling the server that nobody listens.
 *
 * BOUND holds no descriptor (dhcp_place.h says why). Whoever opens the place of a lease and finds that it is gone ends
 * the client: there is nobody left to renew for, and nothing over which a release could be sent.
 *
 * A container cannot be given another address behind its runtime's back: that is in results, caches and rules of
 * others. When a lease ends, or the server takes it back (NAK), the interface goes down, without the address, as the
 * reference's does (which leaves it there). In a pair it stays up, for the other half: only the address goes, and the
 * routes of the lease. Then, unlike the reference, the client goes on asking for the same address, for which it raises
 * the interface for moments; when it gets it, address and routes are put back. An offer of another is not taken.
 *
 * Must not: hold a descriptor of a namespace in BOUND; touch an interface that is not the one that has the lease; send
 * RELEASE for a lease that was not acknowledged or asked for.
 */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_CLIENT_H
#define CRIMP_PLUGINS_IPAM_DHCP_CLIENT_H

#include "plugins/ipam/dhcp.h"
#include "plugins/ipam/dhcp6_packet.h"
#include "plugins/ipam/dhcp_loop.h"
#include "plugins/ipam/dhcp_packet.h"
#include "plugins/ipam/dhcp_place.h"

enum dhcp_state {
	DHCP_SELECTING, DHCP_REQUESTING, DHCP_REBOOTING, DHCP_BOUND, DHCP_RENEWING, DHCP_REBINDING, DHCP_LOST,
	DHCP_RELEASING
};

struct dhcp_client;

/* What all clients of a daemon share. */
struct dhcp_host {
	struct loop *loop;
	const char *prefix;		/* before every path of a namespace; "" */
	const char *store;		/* directory of the leases; "": none are kept */
	int64_t timeout_ms;		/* a server that has offered must acknowledge within */
	int64_t resend_max_ms;		/* longest pause between two DISCOVER */
	int64_t give_up_ms;		/* an acquisition fails after */
	bool broadcast;			/* ask for answers by broadcast */
	/* The first acquisition has ended; not NULL: without success, and the client is over (the callee frees it). */
	void (*settled)(struct dhcp_client *c, const struct err *e);
	/* Released, or the container is gone: nothing is left; the callee frees it. */
	void (*gone)(struct dhcp_client *c);
	/* Is there a lease of the other family on the interface, or one on its way? */
	bool (*is_shared)(const struct dhcp_client *c);
	void (*log)(const struct dhcp_client *c, const char *text);
};

struct dhcp_client {
	struct dhcp_client *next;	/* the daemon's list */
	const struct dhcp_host *host;
	struct arena arena;		/* of @ask and the paths */
	struct dhcp_ask ask;		/* a copy */
	const char *netns;		/* with the prefix */
	struct bytes id;		/* option 61 */
	struct dhcp_place place;
	enum dhcp_state state;
	bool settled;			/* somebody has been told of a lease */
	bool raised;			/* after LOST: the interface is up for an attempt, without its address */

	struct loop_timer timer;
	struct loop_io io;		/* the packet socket, fd -1: none */
	int udp;			/* what is sent by the leased address goes out here, -1: none */

	uint32_t xid;
	int64_t began;			/* of this exchange: the message's secs */
	int64_t give_up;		/* when it is over without an answer */
	int64_t asked;			/* when the latest REQUEST went out: a lease counts from here */
	int64_t back_to_start;		/* REQUESTING: when the offer is worth nothing any more */
	unsigned tries;
	unsigned hasty;			/* quick repetitions that are left to an interface that was just set up */

	bool unseen;			/* resumed, but its place could not be looked at yet */
	bool complained;		/* of what a server said in this exchange: once is enough */
	char refused[160];		/* why the last offer was passed over; "" */

	struct ip wanted;		/* address offered, had before or asked for; unset: any */
	struct ip had;			/* of before: to put back (IPv4, raised), or to ask for first (IPv6) */
	struct ip offerer;
	struct mac server_mac;		/* of the last frame taken */

	/* The acknowledged lease: what was sent, and when it began. */
	uint8_t ack[DHCP_MESSAGE_MAX];
	size_t ack_len;
	int64_t bound_at, renew_at, rebind_at, end_at;	/* INT64_MAX: never */

	/* The other lease of its pair was not to be had, or nobody waits for both any more: released if not awaited. */
	bool orphan;

	/* IPv6 (dhcp6_client.c) */
	struct {
		uint32_t iaid;
		uint8_t duid[18];
		uint8_t server[DHCP6_DUID_MAX];	/* DUID of who is asked; of whose ADVERTISE is the best so far */
		size_t server_len;
		bool offered;
		struct ip offer;
		uint8_t preference;
		uint16_t status;		/* why the last server did not offer or lend anything */
		int64_t pause;			/* the latest one between two tries; 0: none yet */
		int64_t carried;		/* the one after a lease was not made anew; 0: it was not */
		int64_t next;			/* when the next try to renew is due */
		int64_t solicit_max_ms;
	} six;

	char memory[1024];
};

/* A copy of @ask, of whose versions there is one. The caller frees with dhcp_client_free(). */
struct dhcp_client *dhcp_client_new(const struct dhcp_host *h, const struct dhcp_ask *ask);
/* Closes and frees, tells nobody. */
void dhcp_client_free(struct dhcp_client *c);

/*
 * Acquire; host->settled() tells of the end. On failure nothing was begun. @old (may be NULL): a client of the same
 * attachment, whose place @c is to take.
 */
bool dhcp_client_start(struct dhcp_client *c, const struct dhcp_client *old, struct err *e) MUST_CHECK;
/*
 * Go on with a lease from the store: fields ask, place, ack, bound_at and server_mac are set. Fails only if the place
 * is gone or the ACK cannot be read. What may pass (no descriptors, no memory) does not: for IPv4 the look at the place
 * is repeated until it has passed, for IPv6 the next one is when there is something to do.
 */
bool dhcp_client_resume(struct dhcp_client *c, bool lost, struct err *e) MUST_CHECK;
/* Give back what there is, then host->gone(), perhaps before this returns. */
void dhcp_client_release(struct dhcp_client *c);
/*
 * Is there a lease in force, and its interface where it was? Then what it says, in @a. A container that is gone ends
 * the lease, but not the client: the caller does.
 */
bool dhcp_client_alive(struct dhcp_client *c, struct arena *a, struct dhcp_lease *ret, struct err *e) MUST_CHECK;
/* In force; also while a server is asked to make anew what it has forgotten. */
bool dhcp_client_has_lease(const struct dhcp_client *c);
bool dhcp_client_is6(const struct dhcp_client *c);
/* What the last ACK says. */
bool dhcp_client_lease(const struct dhcp_client *c, struct arena *a, struct dhcp_lease *ret, struct err *e) MUST_CHECK;

#endif
