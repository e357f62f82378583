// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Three kinds of socket in a container's namespace. Before the interface has an address, and when any server may
 * answer, a packet socket: IP and UDP headers are ours, and a filter in the kernel lets through only the answers to one
 * transaction, so that a thousand containers on one bridge do not wake each other. When there is an address and one
 * server to talk to, a UDP socket that sends. For DHCPv6 a UDP socket of the link-local address, which is there before
 * any lease, sends and receives. All are non-blocking and of one interface.
 */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_SOCKET_H
#define CRIMP_PLUGINS_IPAM_DHCP_SOCKET_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/ip.h"

/* Large enough for what an interface of any ordinary MTU brings. */
#define DHCP_FRAME_MAX 9216

/* @xid: as in struct dhcp_packet. */
bool dhcp_raw_open(int netns, uint32_t index, uint32_t xid, int *ret_fd, struct err *e) MUST_CHECK;
/* @to NULL: broadcast. e->num ENETDOWN: the interface is not up yet. */
bool dhcp_raw_send(int fd, uint32_t index, const struct ip *src, const struct ip *dst, const struct mac *to,
		   struct bytes message, struct err *e) MUST_CHECK;
/*
 * The message in the next frame; @frame is the caller's memory for it. False: there is no more. A frame that is damaged
 * or none of ours is passed over (the length of @ret is 0).
 */
bool dhcp_raw_receive(int fd, uint8_t frame[static DHCP_FRAME_MAX], struct bytes *ret, struct mac *ret_from);

/* e->num EADDRNOTAVAIL: the interface does not have the address @local. */
bool dhcp_udp_open(int netns, const char *ifname, const struct ip *local, int *ret_fd, struct err *e) MUST_CHECK;
bool dhcp_udp_send(int fd, const struct ip *server, struct bytes message, struct err *e) MUST_CHECK;
/* Has everything left the machine? What waits for the server's MAC has not, and is lost with the interface. */
bool dhcp_socket_drained(int fd);

/* DHCPv6: port 546 of the link-local address @local. Messages go to all servers and relays of the link. */
bool dhcp6_udp_open(int netns, uint32_t index, const struct ip *local, int *ret_fd, struct err *e) MUST_CHECK;
bool dhcp6_udp_send(int fd, uint32_t index, struct bytes message, struct err *e) MUST_CHECK;
/* As dhcp_raw_receive(). */
bool dhcp6_udp_receive(int fd, uint8_t memory[static DHCP_FRAME_MAX], struct bytes *ret);

/* The message in an IPv4 packet to our port. @checked: the UDP checksum is there. For dhcp_raw_receive() and tests. */
bool dhcp_frame_read(struct bytes ip, bool checked, struct bytes *ret);
/* Headers for @message; @dst has room for DHCP_HEADERS bytes. */
#define DHCP_HEADERS 28
void dhcp_frame_headers(uint8_t dst[static DHCP_HEADERS], const struct ip *from, const struct ip *to,
			struct bytes message);

#endif
