// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp6_packet.h"

#include <sys/socket.h>

#include "plugins/ipam/dhcp_lease.h"

#define HEAD	      4
#define OPTION_HEAD   4
#define IA_FIXED      12
#define ADDRESS_FIXED 24
#define DUID_MIN      3
#define FOR_EVER      UINT32_MAX
#define NAME_MAX_LEN  255
#define LABEL_MAX     63

static uint16_t load16(const void *from)
{
	const uint8_t *p = from;

	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t load32(const void *from)
{
	return (uint32_t)load16(from) << 16 | load16((const uint8_t *)from + 2);
}

struct option {
	uint16_t code;
	struct bytes value;
};

/* The next option of @in, which moves behind it; false at the end. @ret_torn: something is left that is none. */
static bool next_option(struct bytes *in, struct option *ret, bool *ret_torn)
{
	size_t len;

	if (!in->len)
		return false;
	if (in->len < OPTION_HEAD || (len = load16(in->data + 2)) > in->len - OPTION_HEAD) {
		*ret_torn = true;
		return false;
	}
	*ret = (struct option){ load16(in->data), { in->data + OPTION_HEAD, len } };
	*in = (struct bytes){ in->data + OPTION_HEAD + len, in->len - OPTION_HEAD - len };
	return true;
}

static struct bytes behind(struct bytes b, size_t n)
{
	return (struct bytes){ b.data + n, b.len - n };
}

/* What is inside of @code can hold options, too: behind how many bytes? */
static bool inner(uint16_t code, size_t *ret)
{
	*ret = code == DHCP6_OPT_IA_NA ? IA_FIXED : ADDRESS_FIXED;
	return code == DHCP6_OPT_IA_NA || code == DHCP6_OPT_ADDRESS;
}

static bool size_fits(const struct option *o)
{
	switch (o->code) {
	case DHCP6_OPT_CLIENT:
	case DHCP6_OPT_SERVER: return o->value.len >= DUID_MIN && o->value.len <= DHCP6_DUID_MAX;
	case DHCP6_OPT_IA_NA: return o->value.len >= IA_FIXED;
	case DHCP6_OPT_ADDRESS: return o->value.len >= ADDRESS_FIXED;
	case DHCP6_OPT_PREFERENCE: return o->value.len == 1;
	case DHCP6_OPT_STATUS: return o->value.len >= 2;
	default: return true;
	}
}

static bool refuse(const struct option *o, struct err *e)
{
	return fail(e, 0, "option %u with %zu bytes in a DHCPv6 message", o->code, o->value.len);
}

/* An IA holds addresses, an address holds what we do not look at: two levels and no more. */
static bool judge_inside(struct bytes in, unsigned levels, struct err *e)
{
	struct option o;
	bool torn = false;
	size_t fixed;

	while (next_option(&in, &o, &torn)) {
		if (!size_fits(&o))
			return refuse(&o, e);
		if (levels && inner(o.code, &fixed) && !judge_inside(behind(o.value, fixed), levels - 1, e))
			return false;
	}
	return !torn || fail(e, 0, "an option runs out of the DHCPv6 message");
}

static bool take_id(struct bytes *to, const struct option *o, struct err *e)
{
	if (to->len)
		return fail(e, 0, "option %u is twice in a DHCPv6 message", o->code);
	*to = o->value;
	return true;
}

bool dhcp6_packet_read(struct bytes raw, struct dhcp6_packet *ret, struct err *e)
{
	struct dhcp6_packet p = { .status = DHCP6_SUCCESS };
	struct bytes in;
	struct option o;
	bool torn = false, ok = true;

	if (raw.len < HEAD)
		return fail(e, 0, "%zu bytes are no DHCPv6 message", raw.len);
	p.message = (uint8_t)raw.data[0];
	p.xid = load32(raw.data) & 0xffffff;
	in = p.options = behind(raw, HEAD);
	if (!judge_inside(in, 2, e))
		return false;
	while (ok && next_option(&in, &o, &torn)) {
		if (o.code == DHCP6_OPT_CLIENT)
			ok = take_id(&p.client, &o, e);
		else if (o.code == DHCP6_OPT_SERVER)
			ok = take_id(&p.server, &o, e);
		else if (o.code == DHCP6_OPT_PREFERENCE)
			p.preference = (uint8_t)o.value.data[0];
		else if (o.code == DHCP6_OPT_STATUS)
			p.status = load16(o.value.data);
	}
	if (!ok)
		return false;
	*ret = p;
	return true;
}

bool dhcp6_packet_option(const struct dhcp6_packet *p, uint16_t code, struct bytes *ret)
{
	struct bytes in = p->options;
	bool torn = false;
	struct option o;

	while (next_option(&in, &o, &torn))
		if (o.code == code) {
			*ret = o.value;
			return true;
		}
	return false;
}

static void read_address(struct bytes v, const struct ip *favourite, struct dhcp6_ia *to)
{
	struct ip ip = ip_from_bytes(AF_INET6, v.data);

	if (to->has_address && !ip_eq(&ip, favourite))
		return;
	to->has_address = true;
	to->address = ip;
	to->preferred_s = load32(v.data + 16);
	to->valid_s = load32(v.data + 20);
}

bool dhcp6_packet_ia(const struct dhcp6_packet *p, uint32_t iaid, const struct ip *favourite, struct dhcp6_ia *ret)
{
	struct bytes in = p->options;
	struct option o, inside;
	bool torn = false;

	while (next_option(&in, &o, &torn)) {
		struct dhcp6_ia ia = { .status = DHCP6_SUCCESS };
		struct bytes rest;

		if (o.code != DHCP6_OPT_IA_NA || load32(o.value.data) != iaid)
			continue;
		ia.renew_s = load32(o.value.data + 4);
		ia.rebind_s = load32(o.value.data + 8);
		rest = behind(o.value, IA_FIXED);
		while (next_option(&rest, &inside, &torn)) {
			if (inside.code == DHCP6_OPT_STATUS)
				ia.status = load16(inside.value.data);
			else if (inside.code == DHCP6_OPT_ADDRESS)
				read_address(inside.value, favourite, &ia);
		}
		*ret = ia;
		return true;
	}
	return false;
}

/* ---- what it says about a lease ---- */

static bool judge_times(const struct dhcp6_ia *ia, struct err *e)
{
	if (ia->valid_s == 0)
		return fail(e, 0, "the lease ends with its beginning (its valid lifetime is 0)");
	if (ia->preferred_s > ia->valid_s)
		return fail(e, 0, "the address is preferred for %u s and valid for %u s", ia->preferred_s, ia->valid_s);
	if (ia->renew_s && ia->rebind_s && ia->renew_s > ia->rebind_s)
		return fail(e, 0, "T1 (%u s) is behind T2 (%u s)", ia->renew_s, ia->rebind_s);
	if (ia->valid_s < DHCP_LEASE_S_MIN)
		return fail(e, 0, "a lease of %u s (its valid lifetime) is shorter than %d s", ia->valid_s,
			    DHCP_LEASE_S_MIN);
	return true;
}

/* A share of the time that the address is preferred, if there is one. */
static uint32_t tenths(const struct dhcp6_ia *ia, unsigned n)
{
	uint64_t base = ia->preferred_s ? ia->preferred_s : ia->valid_s;

	return base == FOR_EVER ? FOR_EVER : (uint32_t)(base * n / 10);
}

/*
 * RFC 8415, sections 14.2 and 21.4. T1 and T2 that come when the lease has ended would mean that it is never renewed;
 * they count as left to us, as those of 0 do.
 */
static void read_times(const struct dhcp6_ia *ia, struct dhcp_lease *l)
{
	l->lease_s = ia->valid_s;
	l->rebind_s = ia->rebind_s && ia->rebind_s <= ia->valid_s ? ia->rebind_s : tenths(ia, 8);
	l->renew_s = ia->renew_s;
	if (!l->renew_s || l->renew_s > l->rebind_s || (l->renew_s >= l->lease_s && l->lease_s != FOR_EVER))
		l->renew_s = tenths(ia, 5);
	if (l->renew_s > l->rebind_s)
		l->renew_s = l->rebind_s;
}

static void read_servers(struct arena *a, const struct dhcp6_packet *p, struct dhcp_lease *l)
{
	struct bytes v;

	if (!dhcp6_packet_option(p, DHCP6_OPT_DNS, &v) || v.len % 16)
		return;
	l->dns = arena_array(a, v.len / 16, sizeof(*l->dns));
	for (; v.len; v = behind(v, 16))
		l->dns[l->n_dns++] = ip_from_bytes(AF_INET6, v.data);
}

/* One name of RFC 1035 at *@in, which moves behind it; there are no pointers in DHCPv6. */
static bool read_name(struct bytes *in, char dst[static NAME_MAX_LEN + 1])
{
	const uint8_t *at = (const uint8_t *)in->data, *end = at + in->len;
	size_t n = 0;

	while (at < end && *at) {
		size_t len = *at++;

		if (len > LABEL_MAX || len > (size_t)(end - at) || n + len + 1 > NAME_MAX_LEN)
			return false;
		if (n)
			dst[n++] = '.';
		for (; len; len--) {
			if (!dhcp_label_char(*at))
				return false;
			dst[n++] = (char)*at++;
		}
	}
	if (at == end || !n)
		return false;
	dst[n] = '\0';
	*in = behind(*in, (size_t)(at + 1 - (const uint8_t *)in->data));
	return true;
}

static const char **read_search(struct arena *a, const struct dhcp6_packet *p)
{
	char name[NAME_MAX_LEN + 1];
	const char **list;
	struct bytes v;
	size_t n = 0;

	if (!dhcp6_packet_option(p, DHCP6_OPT_SEARCH, &v) || !v.len)
		return NULL;
	/* A name takes three bytes at least. */
	list = arena_array(a, v.len / 3 + 1, sizeof(*list));
	while (v.len) {
		if (!read_name(&v, name))
			return NULL;
		list[n++] = arena_strdup(a, name);
	}
	return list;
}

bool dhcp6_lease_read(struct arena *a, const struct dhcp6_packet *p, uint32_t iaid, const struct ip *favourite,
		      struct dhcp_lease *ret, struct err *e)
{
	struct dhcp_lease l = { .domain = "" };
	struct dhcp6_ia ia;
	char text[IP_TEXT_MAX];

	if (!dhcp6_packet_ia(p, iaid, favourite, &ia) || !ia.has_address)
		return fail(e, 0, "the DHCPv6 server has sent no address");
	if (ip_is4(&ia.address) || ip_is_unset(&ia.address) || ip_is_multicast(&ia.address) ||
	    ip_is_loopback(&ia.address) || ip_is_link_local(&ia.address))
		return fail(e, 0, "the address %s cannot be used", ip_text(&ia.address, text));
	if (!judge_times(&ia, e))
		return false;
	read_times(&ia, &l);
	l.address = cidr_host(&ia.address);
	read_servers(a, p, &l);
	l.search = read_search(a, p);
	*ret = l;
	return true;
}

/* ---- messages of a client ---- */

static void put16(struct buf *b, size_t v)
{
	buf_putc(b, (char)(v >> 8));
	buf_putc(b, (char)v);
}

static void put32(struct buf *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b, v & 0xffff);
}

void dhcp6_packet_begin(struct buf *b, enum dhcp6_message message, uint32_t xid)
{
	put32(b, (uint32_t)message << 24 | (xid & 0xffffff));
}

void dhcp6_packet_put(struct buf *b, uint16_t code, const void *value, size_t len)
{
	put16(b, code);
	put16(b, len);
	buf_put(b, value, len);
}

void dhcp6_packet_put_u16(struct buf *b, uint16_t code, uint16_t value)
{
	put16(b, code);
	put16(b, sizeof(value));
	put16(b, value);
}

/* Times in messages of a client are hints; we have no wish. */
void dhcp6_packet_put_ia(struct buf *b, uint32_t iaid, const struct ip *address)
{
	static const char none[8];
	bool any = ip_is_unset(address);

	put16(b, DHCP6_OPT_IA_NA);
	put16(b, IA_FIXED + (any ? 0 : OPTION_HEAD + ADDRESS_FIXED));
	put32(b, iaid);
	buf_put(b, none, 8);
	if (any)
		return;
	put16(b, DHCP6_OPT_ADDRESS);
	put16(b, ADDRESS_FIXED);
	buf_put(b, address->b, sizeof(address->b));
	buf_put(b, none, 8);
}

const char *dhcp6_message_name(enum dhcp6_message m)
{
	static const char *const names[] = { "message", "SOLICIT", "ADVERTISE", "REQUEST", "CONFIRM",
					     "RENEW",   "REBIND",  "REPLY",     "RELEASE" };

	return (size_t)m < ARRAY_LEN(names) ? names[m] : names[0];
}

const char *dhcp6_status_text(uint16_t status)
{
	static const char *const texts[] = { "Success",   "UnspecFail", "NoAddrsAvail",
					     "NoBinding", "NotOnLink",  "UseMulticast" };

	return status < ARRAY_LEN(texts) ? texts[status] : "an unknown status";
}
