// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * An address that a container gets may have been another one's a moment ago, and neighbours go on sending to the old
 * MAC until their entry ages. The kernel announces once, when the interface comes up (arp_notify, ndisc_notify), which
 * is too early where the port behind it does not forward yet, and too little where a frame gets lost. So there are
 * three more, spaced, and nobody waits for them.
 *
 * One packet socket, opened and bound before the child is made, is all that the child has. Sending through it needs no
 * privilege, and the kernel says each time what it is bound to: the MAC as it is by then, which another plugin of the
 * chain may have changed, or no interface any more, which ends the child. A frame that cannot be sent, because the
 * interface is down for a moment, is lost as others are.
 */
#include "kernel/announce.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/detach.h"
#include "lib/fs.h"

enum { ALEN = 6, ICMPV6 = 58, NEIGHBOUR_ADVERTISEMENT = 136, OVERRIDE = 0x20, TARGET_LINK_ADDRESS = 2 };

struct arp {
	uint16_t hardware, protocol;
	uint8_t hardware_len, protocol_len;
	uint16_t op;
	uint8_t sender[ALEN], sender_ip[4], target[ALEN], target_ip[4];
} __attribute__((packed));

struct advertisement {
	uint8_t version, zero[3];
	uint16_t payload_len;
	uint8_t next, hops, src[16], dst[16];
	uint8_t type, code;
	uint16_t sum;
	uint8_t flags, reserved[3], target[16];
	uint8_t option, option_len, mac[ALEN];
} __attribute__((packed));

static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };

/* When, after the one before; the kernel's own was at 0. */
static const long pauses_ms[] = { 100, 900, 1000 };

static void send_to(int fd, const struct sockaddr_ll *self, uint16_t protocol, const uint8_t dst[ALEN],
		    const void *data, size_t len)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(protocol),
				  .sll_ifindex = self->sll_ifindex,
				  .sll_halen = ALEN };

	memcpy(to.sll_addr, dst, ALEN);
	(void)sendto(fd, data, len, 0, (void *)&to, sizeof(to));
}

static void send_arp(int fd, const struct sockaddr_ll *self, const struct ip *ip)
{
	static const uint8_t everybody[ALEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct arp arp = { .hardware = htons(ARPHRD_ETHER),
			   .protocol = htons(ETH_P_IP),
			   .hardware_len = ALEN,
			   .protocol_len = 4,
			   .op = htons(ARPOP_REQUEST) };

	memcpy(arp.sender, self->sll_addr, ALEN);
	memcpy(arp.sender_ip, ip_bytes(ip), 4);
	memcpy(arp.target_ip, ip_bytes(ip), 4);
	send_to(fd, self, ETH_P_ARP, everybody, &arp, sizeof(arp));
}

/* Of the pseudo header (addresses, length, protocol) and the message. */
static uint16_t checksum(const struct advertisement *na)
{
	const uint8_t *p = na->src, *end = (const uint8_t *)(na + 1);
	uint32_t sum = (uint32_t)(ntohs(na->payload_len) + ICMPV6);

	for (; p < end; p += 2)
		sum += (uint32_t)(p[0] << 8 | p[1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void send_advertisement(int fd, const struct sockaddr_ll *self, const struct ip *ip)
{
	static const uint8_t everybody[ALEN] = { 0x33, 0x33, 0, 0, 0, 1 };
	struct advertisement na = { .version = 0x60,
				    .payload_len = htons(sizeof(na) - offsetof(struct advertisement, type)),
				    .next = ICMPV6,
				    .hops = 255,
				    .type = NEIGHBOUR_ADVERTISEMENT,
				    .flags = OVERRIDE,
				    .option = TARGET_LINK_ADDRESS,
				    .option_len = 1 };

	memcpy(na.src, ip_bytes(ip), 16);
	memcpy(na.dst, all_nodes, 16);
	memcpy(na.target, ip_bytes(ip), 16);
	memcpy(na.mac, self->sll_addr, ALEN);
	na.sum = checksum(&na);
	send_to(fd, self, ETH_P_IPV6, everybody, &na, sizeof(na));
}

static bool look(int fd, struct sockaddr_ll *ret)
{
	socklen_t len = sizeof(*ret);

	return getsockname(fd, (void *)ret, &len) == 0 && ret->sll_hatype == ARPHRD_ETHER && ret->sll_halen == ALEN;
}

static void repeat(int fd, const struct ip *addrs, size_t n)
{
	struct sockaddr_ll self = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(pauses_ms); i++) {
		struct timespec pause = { pauses_ms[i] / 1000, pauses_ms[i] % 1000 * 1000000 };

		nanosleep(&pause, NULL);
		if (!look(fd, &self))
			return;
		for (size_t k = 0; k < n; k++)
			(ip_is4(&addrs[k]) ? send_arp : send_advertisement)(fd, &self, &addrs[k]);
	}
}

/* Bound to no protocol, it receives nothing. */
static bool open_on(int index, int *ret_fd)
{
	struct sockaddr_ll self = { .sll_family = AF_PACKET, .sll_ifindex = index };
	autoclose int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (void *)&self, sizeof(self)) < 0 || !look(fd, &self))
		return false;
	*ret_fd = fd_take(&fd);
	return true;
}

static bool has_neighbours(int fd, int index)
{
	struct ifreq ifr = { .ifr_ifindex = index };

	return ioctl(fd, SIOCGIFNAME, &ifr) == 0 && ioctl(fd, SIOCGIFFLAGS, &ifr) == 0 && !(ifr.ifr_flags & IFF_NOARP);
}

void announce(int index, const struct ip *addrs, size_t n)
{
	autoclose int fd = -1;

	if (!n || !open_on(index, &fd) || !detach(fd))
		return;
	if (has_neighbours(fd, index))
		repeat(fd, addrs, n);
	_exit(0);
}
