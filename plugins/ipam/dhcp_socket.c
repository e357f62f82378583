// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "kernel/netns.h"
#include "lib/fs.h"
#include "plugins/ipam/dhcp6_packet.h"
#include "plugins/ipam/dhcp_packet.h"

#define IP_HEADER  20
#define UDP_HEADER 8
#define TTL	   64
/* Offsets behind the IP header. */
#define AT_DPORT   2
#define AT_OP	   UDP_HEADER
#define AT_XID	   (UDP_HEADER + 4)
#define BOOTREPLY  2

static uint16_t load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void store16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* RFC 1071: add up, fold later. An odd last byte is followed by a zero. */
static uint32_t sum(uint32_t start, const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		start += load16(p + i);
	return i < len ? start + ((uint32_t)p[i] << 8) : start;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/* Of the pseudo header: both addresses stand in the IP header, at 12. */
static uint32_t pseudo(const uint8_t *ip, size_t udp_len)
{
	return sum((uint32_t)(IPPROTO_UDP + udp_len), ip + 12, 8);
}

void dhcp_frame_headers(uint8_t dst[static DHCP_HEADERS], const struct ip *from, const struct ip *to,
			struct bytes message)
{
	uint8_t *udp = dst + IP_HEADER;
	size_t udp_len = UDP_HEADER + message.len;
	uint16_t check;

	memset(dst, 0, DHCP_HEADERS);
	dst[0] = 0x45;
	store16(dst + 2, IP_HEADER + udp_len);
	dst[8] = TTL;
	dst[9] = IPPROTO_UDP;
	memcpy(dst + 12, ip_bytes(from), 4);
	memcpy(dst + 16, ip_bytes(to), 4);
	store16(dst + 10, fold(sum(0, dst, IP_HEADER)));
	store16(udp, DHCP_CLIENT_PORT);
	store16(udp + AT_DPORT, DHCP_SERVER_PORT);
	store16(udp + 4, udp_len);
	check = fold(sum(sum(pseudo(dst, udp_len), udp, UDP_HEADER), (const uint8_t *)message.data, message.len));
	/* Zero would mean that there is none. */
	store16(udp + 6, check ? check : 0xffff);
}

bool dhcp_frame_read(struct bytes packet, bool checked, struct bytes *ret)
{
	const uint8_t *ip = (const uint8_t *)packet.data, *udp;
	size_t head, total, len;

	if (packet.len < IP_HEADER || ip[0] >> 4 != 4)
		return false;
	head = (size_t)(ip[0] & 0xf) * 4;
	total = load16(ip + 2);
	if (head < IP_HEADER || total > packet.len || total < head + UDP_HEADER || ip[9] != IPPROTO_UDP)
		return false;
	if (load16(ip + 6) & 0x3fff || fold(sum(0, ip, head)) != 0)
		return false;
	udp = ip + head;
	len = load16(udp + 4);
	if (len < UDP_HEADER || len > total - head || load16(udp + AT_DPORT) != DHCP_CLIENT_PORT)
		return false;
	if (checked && load16(udp + 6) && fold(sum(pseudo(ip, len), udp, len)) != 0)
		return false;
	*ret = (struct bytes){ (const char *)udp + UDP_HEADER, len - UDP_HEADER };
	return true;
}

/* Offsets count from the IP header, as this kind of socket sees frames. */
static bool attach_filter(int fd, uint32_t xid, struct err *e)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 9),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 7, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, AT_DPORT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DHCP_CLIENT_PORT, 0, 4),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, AT_OP),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BOOTREPLY, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, AT_XID),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(xid), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = { ARRAY_LEN(code), code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 ||
	       fail(e, errno, "filter of the packet socket");
}

/* A socket lives where it was opened. */
static int socket_in(int netns, int family, int type, struct err *e)
{
	struct netns_visit v;
	int fd, num;

	if (!netns_enter(netns, &v, e))
		return -1;
	fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	num = errno;
	netns_leave(&v);
	if (fd < 0)
		(void)fail(e, num, "socket");
	return fd;
}

/* Nothing comes in before the filter stands: the protocol is set by bind(). */
bool dhcp_raw_open(int netns, uint32_t index, uint32_t xid, int *ret_fd, struct err *e)
{
	autoclose int fd = socket_in(netns, AF_PACKET, SOCK_DGRAM, e);
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)index };
	int on = 1;

	if (fd < 0 || !attach_filter(fd, xid, e))
		return false;
	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return fail(e, errno, "packet socket");
	*ret_fd = fd_take(&fd);
	return true;
}

bool dhcp_raw_send(int fd, uint32_t index, const struct ip *src, const struct ip *dst, const struct mac *to,
		   struct bytes message, struct err *e)
{
	uint8_t headers[DHCP_HEADERS];
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_IP),
				  .sll_ifindex = (int)index,
				  .sll_halen = ETH_ALEN };
	struct iovec parts[] = { { headers, sizeof(headers) }, { (void *)message.data, message.len } };
	struct msghdr m = { .msg_name = &at, .msg_namelen = sizeof(at), .msg_iov = parts, .msg_iovlen = 2 };

	memset(at.sll_addr, 0xff, ETH_ALEN);
	if (to)
		memcpy(at.sll_addr, to->b, ETH_ALEN);
	dhcp_frame_headers(headers, src, dst, message);
	return sendmsg(fd, &m, MSG_NOSIGNAL) >= 0 || fail(e, errno, "send");
}

/* A frame from this machine may leave its checksum to a network card that it never meets. */
static bool checksum_is_there(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA ||
		    c->cmsg_len < CMSG_LEN(sizeof(aux)))
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		return !(aux.tp_status & TP_STATUS_CSUMNOTREADY);
	}
	return true;
}

bool dhcp_raw_receive(int fd, uint8_t frame[static DHCP_FRAME_MAX], struct bytes *ret, struct mac *ret_from)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct sockaddr_ll from = { .sll_family = AF_PACKET };
	struct iovec part = { frame, DHCP_FRAME_MAX };
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(fd, &m, 0);

	*ret = (struct bytes){ NULL, 0 };
	if (got < 0)
		return errno != EAGAIN && errno != ENETDOWN && errno != ENXIO;
	if (from.sll_pkttype == PACKET_OUTGOING)
		return true;
	(void)dhcp_frame_read((struct bytes){ (const char *)frame, (size_t)got }, checksum_is_there(&m), ret);
	memcpy(ret_from->b, from.sll_addr, sizeof(ret_from->b));
	return true;
}

static struct sockaddr_in inet(const struct ip *ip, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };

	memcpy(&at.sin_addr, ip_bytes(ip), 4);
	return at;
}

bool dhcp_udp_open(int netns, const char *ifname, const struct ip *local, int *ret_fd, struct err *e)
{
	autoclose int fd = socket_in(netns, AF_INET, SOCK_DGRAM, e);
	struct sockaddr_in at = inet(local, DHCP_CLIENT_PORT);
	int on = 1;

	if (fd < 0)
		return false;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, (socklen_t)strlen(ifname)) < 0 ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return fail(e, errno, "UDP socket of the leased address");
	*ret_fd = fd_take(&fd);
	return true;
}

bool dhcp_udp_send(int fd, const struct ip *server, struct bytes message, struct err *e)
{
	struct sockaddr_in to = inet(server, DHCP_SERVER_PORT);

	return sendto(fd, message.data, message.len, MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof(to)) >= 0 ||
	       fail(e, errno, "send");
}

bool dhcp_socket_drained(int fd)
{
	int left;

	return ioctl(fd, SIOCOUTQ, &left) < 0 || left == 0;
}

/* ---- IPv6 ---- */

static struct sockaddr_in6 inet6(const uint8_t *ip, uint32_t index, uint16_t port)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = index };

	memcpy(&at.sin6_addr, ip, sizeof(at.sin6_addr));
	return at;
}

bool dhcp6_udp_open(int netns, uint32_t index, const struct ip *local, int *ret_fd, struct err *e)
{
	autoclose int fd = socket_in(netns, AF_INET6, SOCK_DGRAM, e);
	struct sockaddr_in6 at = inet6(local->b, index, DHCP6_CLIENT_PORT);
	int on = 1;

	if (fd < 0)
		return false;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return fail(e, errno, "UDP socket of the link-local address");
	*ret_fd = fd_take(&fd);
	return true;
}

bool dhcp6_udp_send(int fd, uint32_t index, struct bytes message, struct err *e)
{
	static const uint8_t servers[16] = { 0xff, 0x02, [13] = 1, [15] = 2 };
	struct sockaddr_in6 to = inet6(servers, index, DHCP6_SERVER_PORT);

	return sendto(fd, message.data, message.len, MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof(to)) >= 0 ||
	       fail(e, errno, "send");
}

bool dhcp6_udp_receive(int fd, uint8_t memory[static DHCP_FRAME_MAX], struct bytes *ret)
{
	ssize_t got = recv(fd, memory, DHCP_FRAME_MAX, 0);

	*ret = (struct bytes){ NULL, 0 };
	if (got < 0)
		return errno != EAGAIN && errno != ENETDOWN && errno != ENXIO && errno != ENODEV;
	*ret = (struct bytes){ (const char *)memory, (size_t)got };
	return true;
}
