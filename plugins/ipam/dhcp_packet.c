// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp_packet.h"

#include <sys/socket.h>

#define AT_OP	  0
#define AT_XID	  4
#define AT_SECS	  8
#define AT_FLAGS  10
#define AT_CIADDR 12
#define AT_YIADDR 16
#define AT_CHADDR 28
#define AT_SNAME  44
#define AT_FILE	  108
#define AT_COOKIE 236
#define AT_OPTION 240

#define BOOTREQUEST 1
#define BOOTREPLY   2
#define ETHERNET    1
#define BROADCAST   0x80
/* Relays and servers of the time of BOOTP drop what is shorter. */
#define LENGTH_MIN  300

static const uint8_t cookie[4] = { 99, 130, 83, 99 };

/* A field that holds options. */
struct area {
	const uint8_t *at, *end;
};

struct option {
	uint8_t code;
	const uint8_t *value;
	uint8_t len;
};

/* The next option, false at the end. @ret_torn: an option runs out of the field. */
static bool next_option(struct area *f, struct option *ret, bool *ret_torn)
{
	while (f->at < f->end && *f->at == DHCP_OPT_PAD)
		f->at++;
	if (f->at == f->end || *f->at == DHCP_OPT_END)
		return false;
	if (f->end - f->at < 2 || f->end - f->at < 2 + f->at[1]) {
		*ret_torn = true;
		return false;
	}
	*ret = (struct option){ f->at[0], f->at + 2, f->at[1] };
	f->at += 2 + ret->len;
	return true;
}

/* The fields that hold options, in the order of RFC 3396. Returns how many. */
static unsigned areas(const struct dhcp_packet *p, struct area ret[static 3])
{
	unsigned n = 0;

	ret[n++] = (struct area){ p->raw + AT_OPTION, p->raw + p->len };
	if (p->overload & 1)
		ret[n++] = (struct area){ p->raw + AT_FILE, p->raw + AT_COOKIE };
	if (p->overload & 2)
		ret[n++] = (struct area){ p->raw + AT_SNAME, p->raw + AT_FILE };
	return n;
}

/* Only the option field itself can say that others hold options, too. */
static bool read_overload(struct dhcp_packet *p, struct err *e)
{
	struct area f;
	struct option o;
	bool torn = false;

	f = (struct area){ p->raw + AT_OPTION, p->raw + p->len };
	while (next_option(&f, &o, &torn)) {
		if (o.code != DHCP_OPT_OVERLOAD)
			continue;
		if (o.len != 1 || o.value[0] < 1 || o.value[0] > 3)
			return fail(e, 0, "option 52 (overload) is none of 1, 2, 3");
		p->overload = o.value[0];
	}
	return true;
}

static bool judge_areas(const struct dhcp_packet *p, struct err *e)
{
	struct area fields[3];
	unsigned n = areas(p, fields);
	struct option o;
	bool torn = false;

	for (unsigned i = 0; i < n; i++)
		while (next_option(&fields[i], &o, &torn))
			;
	return !torn || fail(e, 0, "an option is longer than the message");
}

static bool read_message(struct dhcp_packet *p, struct err *e)
{
	struct arena a;
	struct bytes v;
	bool good;

	arena_init(&a, NULL, 0);
	good = dhcp_packet_option(p, &a, DHCP_OPT_MESSAGE, &v) && v.len == 1 && v.data[0] >= DHCP_DISCOVER &&
	       v.data[0] <= DHCP_INFORM;
	if (good)
		p->message = (enum dhcp_message)v.data[0];
	arena_done(&a);
	return good || fail(e, 0, "option 53 (message type) is absent or unknown");
}

bool dhcp_packet_read(struct bytes raw, struct dhcp_packet *ret, struct err *e)
{
	const uint8_t *b = (const uint8_t *)raw.data;
	struct dhcp_packet p = { .raw = b, .len = raw.len };

	if (raw.len < AT_OPTION)
		return fail(e, 0, "%zu bytes are no DHCP message", raw.len);
	if (b[AT_OP] != BOOTREPLY)
		return fail(e, 0, "not from a server");
	if (memcmp(b + AT_COOKIE, cookie, sizeof(cookie)) != 0)
		return fail(e, 0, "no DHCP magic cookie");
	memcpy(&p.xid, b + AT_XID, sizeof(p.xid));
	p.yours = ip_from_bytes(AF_INET, b + AT_YIADDR);
	memcpy(p.chaddr.b, b + AT_CHADDR, sizeof(p.chaddr.b));
	if (!read_overload(&p, e) || !judge_areas(&p, e) || !read_message(&p, e))
		return false;
	*ret = p;
	return true;
}

bool dhcp_packet_option(const struct dhcp_packet *p, struct arena *a, uint8_t code, struct bytes *ret)
{
	struct area fields[3];
	unsigned n = areas(p, fields), pieces = 0;
	struct bytes first = { NULL, 0 };
	struct option o;
	bool torn = false;
	struct buf whole;

	for (unsigned i = 0; i < n; i++) {
		while (next_option(&fields[i], &o, &torn)) {
			if (o.code != code)
				continue;
			if (++pieces == 1) {
				first = (struct bytes){ (const char *)o.value, o.len };
				continue;
			}
			if (pieces == 2) {
				buf_init(&whole, a, 512);
				buf_put(&whole, first.data, first.len);
			}
			buf_put(&whole, o.value, o.len);
		}
	}
	if (!pieces)
		return false;
	*ret = pieces == 1 ? first : buf_bytes(&whole);
	return true;
}

/* Of one size, so that a small buffer is enough: longer ones are not wanted. */
static bool fixed(const struct dhcp_packet *p, uint8_t code, void *dst, size_t len)
{
	struct arena a;
	struct bytes v;
	bool good;

	arena_init(&a, NULL, 0);
	good = dhcp_packet_option(p, &a, code, &v) && v.len == len;
	if (good)
		memcpy(dst, v.data, len);
	arena_done(&a);
	return good;
}

bool dhcp_packet_ip(const struct dhcp_packet *p, uint8_t code, struct ip *ret)
{
	uint8_t b[4];

	if (!fixed(p, code, b, sizeof(b)))
		return false;
	*ret = ip_from_bytes(AF_INET, b);
	return true;
}

bool dhcp_packet_u32(const struct dhcp_packet *p, uint8_t code, uint32_t *ret)
{
	uint8_t b[4];

	if (!fixed(p, code, b, sizeof(b)))
		return false;
	*ret = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	return true;
}

bool dhcp_packet_u16(const struct dhcp_packet *p, uint8_t code, uint16_t *ret)
{
	uint8_t b[2];

	if (!fixed(p, code, b, sizeof(b)))
		return false;
	*ret = (uint16_t)(b[0] << 8 | b[1]);
	return true;
}

void dhcp_packet_begin(struct buf *b, const struct dhcp_head *h)
{
	uint8_t head[AT_OPTION] = { BOOTREQUEST, ETHERNET, sizeof(h->chaddr.b) };
	uint8_t message = (uint8_t)h->message;

	memcpy(head + AT_XID, &h->xid, sizeof(h->xid));
	head[AT_SECS] = (uint8_t)(h->secs >> 8);
	head[AT_SECS + 1] = (uint8_t)h->secs;
	head[AT_FLAGS] = h->broadcast ? BROADCAST : 0;
	memcpy(head + AT_CIADDR, ip_bytes(&h->client), 4);
	memcpy(head + AT_CHADDR, h->chaddr.b, sizeof(h->chaddr.b));
	memcpy(head + AT_COOKIE, cookie, sizeof(cookie));
	buf_put(b, head, sizeof(head));
	dhcp_packet_put(b, DHCP_OPT_MESSAGE, &message, 1);
}

void dhcp_packet_put(struct buf *b, uint8_t code, const void *value, size_t len)
{
	const char *at = value;

	do {
		size_t piece = len > 255 ? 255 : len;

		buf_putc(b, (char)code);
		buf_putc(b, (char)(uint8_t)piece);
		if (piece)
			buf_put(b, at, piece);
		at += piece;
		len -= piece;
	} while (len);
}

void dhcp_packet_put_ip(struct buf *b, uint8_t code, const struct ip *ip)
{
	dhcp_packet_put(b, code, ip_bytes(ip), 4);
}

void dhcp_packet_end(struct buf *b)
{
	buf_putc(b, (char)DHCP_OPT_END);
	while (b->len < LENGTH_MIN)
		buf_putc(b, DHCP_OPT_PAD);
}

const char *dhcp_message_name(enum dhcp_message m)
{
	static const char *const names[] = { "",        "DHCPDISCOVER", "DHCPOFFER",   "DHCPREQUEST", "DHCPDECLINE",
					     "DHCPACK", "DHCPNAK",      "DHCPRELEASE", "DHCPINFORM" };

	return m <= DHCP_INFORM ? names[m] : "";
}
