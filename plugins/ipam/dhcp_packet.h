// SPDX-License-Identifier: Apache-2.0
/*
 * DHCP messages (RFC 2131, options RFC 2132). Reading judges the whole message once: the magic cookie is there, no
 * option runs out of its field, overload (52) says one of the three things it can say. After that options are looked
 * up, pieces of a long one put together in the order of RFC 3396: options, file, sname.
 */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_PACKET_H
#define CRIMP_PLUGINS_IPAM_DHCP_PACKET_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/ip.h"

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
/* What we take and make: an Ethernet frame's worth, without IP and UDP. */
#define DHCP_MESSAGE_MAX 1472

enum dhcp_message {
	DHCP_DISCOVER = 1, DHCP_OFFER, DHCP_REQUEST, DHCP_DECLINE, DHCP_ACK, DHCP_NAK, DHCP_RELEASED, DHCP_INFORM
};

enum {
	DHCP_OPT_PAD = 0,
	DHCP_OPT_MASK = 1,
	DHCP_OPT_ROUTERS = 3,
	DHCP_OPT_DNS = 6,
	DHCP_OPT_DOMAIN = 15,
	DHCP_OPT_MTU = 26,
	DHCP_OPT_STATIC_ROUTES = 33,
	DHCP_OPT_ADDRESS = 50,
	DHCP_OPT_LEASE_TIME = 51,
	DHCP_OPT_OVERLOAD = 52,
	DHCP_OPT_MESSAGE = 53,
	DHCP_OPT_SERVER = 54,
	DHCP_OPT_WANTED = 55,
	DHCP_OPT_SIZE_MAX = 57,
	DHCP_OPT_RENEW_TIME = 58,
	DHCP_OPT_REBIND_TIME = 59,
	DHCP_OPT_CLIENT_ID = 61,
	DHCP_OPT_SEARCH = 119,
	DHCP_OPT_ROUTES = 121,
	DHCP_OPT_END = 255,
};

/* A message from a server. The bytes belong to the caller. */
struct dhcp_packet {
	const uint8_t *raw;
	size_t len;
	uint32_t xid;
	uint8_t overload;		/* 1: file holds options, 2: sname */
	enum dhcp_message message;
	struct ip yours;		/* yiaddr; 0.0.0.0: none */
	struct mac chaddr;		/* its first six bytes */
};

bool dhcp_packet_read(struct bytes raw, struct dhcp_packet *ret, struct err *e) MUST_CHECK;
/* The value of an option, in @a if it came in pieces. False if it is absent. */
bool dhcp_packet_option(const struct dhcp_packet *p, struct arena *a, uint8_t code, struct bytes *ret);
/* The value if it has exactly this size: one address, a number. False if absent or of another size. */
bool dhcp_packet_ip(const struct dhcp_packet *p, uint8_t code, struct ip *ret);
bool dhcp_packet_u32(const struct dhcp_packet *p, uint8_t code, uint32_t *ret);
bool dhcp_packet_u16(const struct dhcp_packet *p, uint8_t code, uint16_t *ret);

/* A message of a client: begin, put, end. */
struct dhcp_head {
	enum dhcp_message message;
	uint32_t xid;
	uint16_t secs;			/* since the client began */
	bool broadcast;			/* answers shall come by broadcast */
	struct ip client;		/* ciaddr; 0.0.0.0: none */
	struct mac chaddr;
};
void dhcp_packet_begin(struct buf *b, const struct dhcp_head *h);
/* A value over 255 bytes goes out in pieces. */
void dhcp_packet_put(struct buf *b, uint8_t code, const void *value, size_t len);
void dhcp_packet_put_ip(struct buf *b, uint8_t code, const struct ip *ip);
void dhcp_packet_end(struct buf *b);

const char *dhcp_message_name(enum dhcp_message m);

#endif
