// SPDX-License-Identifier: Apache-2.0
/*
 * DHCPv6 messages (RFC 8415). Reading judges the whole message once, to the depth of addresses: no option runs out of
 * what holds it, identifiers have a possible length and come once. After that options are looked up. Options that only
 * advise (DNS) are judged when they are asked for; a malformed one counts as absent.
 */
#ifndef CRIMP_PLUGINS_IPAM_DHCP6_PACKET_H
#define CRIMP_PLUGINS_IPAM_DHCP6_PACKET_H

#include "plugins/ipam/dhcp.h"

#define DHCP6_CLIENT_PORT 546
#define DHCP6_SERVER_PORT 547
/* A DUID: two bytes of type and up to 128. */
#define DHCP6_DUID_MAX 130

enum dhcp6_message {
	DHCP6_SOLICIT = 1, DHCP6_ADVERTISE, DHCP6_REQUEST, DHCP6_CONFIRM, DHCP6_RENEW, DHCP6_REBIND, DHCP6_REPLY,
	DHCP6_RELEASED
};
enum {
	DHCP6_OPT_CLIENT = 1,
	DHCP6_OPT_SERVER = 2,
	DHCP6_OPT_IA_NA = 3,
	DHCP6_OPT_ADDRESS = 5,
	DHCP6_OPT_WANTED = 6,
	DHCP6_OPT_PREFERENCE = 7,
	DHCP6_OPT_ELAPSED = 8,
	DHCP6_OPT_STATUS = 13,
	DHCP6_OPT_DNS = 23,
	DHCP6_OPT_SEARCH = 24,
	DHCP6_OPT_SOLICIT_MAX = 82,
};
enum {
	DHCP6_SUCCESS, DHCP6_UNSPECIFIED, DHCP6_NO_ADDRESS, DHCP6_NO_BINDING, DHCP6_NOT_ON_LINK, DHCP6_USE_MULTICAST
};

/* A message from a server. The bytes belong to the caller. */
struct dhcp6_packet {
	struct bytes options;
	uint32_t xid;			/* 24 bits */
	uint8_t message;
	struct bytes client, server;	/* DUIDs; len 0: absent */
	uint8_t preference;
	uint16_t status;
};

bool dhcp6_packet_read(struct bytes raw, struct dhcp6_packet *ret, struct err *e) MUST_CHECK;
/* The value of the first option of this code outside of IAs. False if it is absent. */
bool dhcp6_packet_option(const struct dhcp6_packet *p, uint16_t code, struct bytes *ret);

/* The addresses of one IA_NA, of which one is of interest. */
struct dhcp6_ia {
	uint32_t renew_s, rebind_s;		/* T1 and T2 as the server says; 0: it leaves them to us */
	uint16_t status;
	bool has_address;
	struct ip address;
	uint32_t preferred_s, valid_s;
};
/* False: there is no such IA. Of several addresses @favourite (may be unset), else the first. */
bool dhcp6_packet_ia(const struct dhcp6_packet *p, uint32_t iaid, const struct ip *favourite, struct dhcp6_ia *ret);

/*
 * What a REPLY (or ADVERTISE) lends: the address with /128, because DHCPv6 knows no prefix of a link, and no routes,
 * because routers announce themselves. Fails without an address that can be used, with times that contradict each
 * other, or with a lease of less than DHCP_LEASE_S_MIN. T1 and T2 that would let a lease end without a renewal count as
 * not given.
 */
bool dhcp6_lease_read(struct arena *a, const struct dhcp6_packet *p, uint32_t iaid, const struct ip *favourite,
		      struct dhcp_lease *ret, struct err *e) MUST_CHECK;

/* A message of a client: begin, then options. */
void dhcp6_packet_begin(struct buf *b, enum dhcp6_message message, uint32_t xid);
void dhcp6_packet_put(struct buf *b, uint16_t code, const void *value, size_t len);
void dhcp6_packet_put_u16(struct buf *b, uint16_t code, uint16_t value);
/* @address unset: any. */
void dhcp6_packet_put_ia(struct buf *b, uint32_t iaid, const struct ip *address);

const char *dhcp6_message_name(enum dhcp6_message m);
const char *dhcp6_status_text(uint16_t status);

#endif
