// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp_lease.h"

#include <sys/socket.h>

/* What the reference assumes when a server does not say. */
#define LEASE_S_DEFAULT 3600
#define FOR_EVER	UINT32_MAX
#define MTU_MIN		68
#define NAME_MAX_LEN	255

static bool read_ips(struct arena *a, const struct dhcp_packet *p, uint8_t code, struct ip **ret, size_t *ret_n)
{
	struct bytes v;

	if (!dhcp_packet_option(p, a, code, &v) || v.len == 0 || v.len % 4)
		return false;
	*ret_n = v.len / 4;
	*ret = arena_array(a, *ret_n, sizeof(**ret));
	for (size_t i = 0; i < *ret_n; i++)
		(*ret)[i] = ip_from_bytes(AF_INET, v.data + 4 * i);
	return true;
}

static struct ip gateway(const void *bytes)
{
	static const uint8_t zero[4];
	static const struct ip unset;

	return memcmp(bytes, zero, 4) == 0 ? unset : ip_from_bytes(AF_INET, bytes);
}

/* RFC 3442: prefix length, the octets that it covers, router. False: malformed or empty. */
static bool classless(struct arena *a, struct bytes v, struct dhcp_lease *l)
{
	const uint8_t *at = (const uint8_t *)v.data, *end = at + v.len;
	struct dhcp_route *routes = arena_array(a, v.len / 5 + 1, sizeof(*routes));
	size_t n = 0;

	while (at < end) {
		uint8_t len = *at++, dst[4] = { 0 };
		size_t octets = (len + 7u) / 8;

		if (len > 32 || (size_t)(end - at) < octets + 4)
			return false;
		memcpy(dst, at, octets);
		routes[n].dst = (struct cidr){ ip_from_bytes(AF_INET, dst), len };
		routes[n].dst.ip = cidr_network(&routes[n].dst);
		routes[n++].gw = gateway(at + octets);
		at += octets + 4;
	}
	if (!n)
		return false;
	l->routes = routes;
	l->n_routes = n;
	return true;
}

/* Prefix length of a network from the time of classes; 0: the address is of none that has networks. */
static uint8_t class_len(uint8_t first)
{
	if (first < 128)
		return 8;
	if (first < 192)
		return 16;
	return first < 224 ? 24 : 0;
}

/* Option 33 and a default route by the first router. */
static void classful(struct arena *a, const struct dhcp_packet *p, struct dhcp_lease *l)
{
	static const uint8_t zero[4];
	struct bytes v = { NULL, 0 };

	if (!dhcp_packet_option(p, a, DHCP_OPT_STATIC_ROUTES, &v) || v.len % 8)
		v.len = 0;
	l->routes = arena_array(a, v.len / 8 + 1, sizeof(*l->routes));
	for (size_t at = 0; at < v.len; at += 8) {
		struct dhcp_route *r = &l->routes[l->n_routes];
		uint8_t len = class_len((uint8_t)v.data[at]);

		/* A default route is not allowed in this option. */
		if (!len || memcmp(v.data + at, zero, 4) == 0)
			continue;
		r->dst = (struct cidr){ ip_from_bytes(AF_INET, v.data + at), len };
		r->dst.ip = cidr_network(&r->dst);
		r->gw = gateway(v.data + at + 4);
		l->n_routes++;
	}
	if (l->n_routers)
		l->routes[l->n_routes++] = (struct dhcp_route){ { ip4(0, 0, 0, 0), 0 }, l->routers[0] };
}

bool dhcp_label_char(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != '.' && c != '"' && c != '\\';
}

/*
 * One name at *@at, which moves behind it. A pointer leads to a place before the one where the current piece began, so
 * there is no loop.
 */
static bool read_name(const uint8_t *v, size_t len, size_t *at, char dst[static NAME_MAX_LEN + 1])
{
	size_t pos = *at, floor = *at, n = 0;
	bool jumped = false;

	for (;;) {
		if (pos >= len)
			return false;

		uint8_t c = v[pos++];

		if (c == 0)
			break;
		if ((c & 0xc0) == 0xc0) {
			size_t to = pos < len ? (size_t)(c & 0x3f) << 8 | v[pos] : len;

			if (to >= floor)
				return false;
			if (!jumped)
				*at = pos + 1;
			jumped = true;
			pos = floor = to;
			continue;
		}
		if (c > 63 || c > len - pos || n + c + 1 > NAME_MAX_LEN)
			return false;
		if (n)
			dst[n++] = '.';
		for (; c; c--, pos++) {
			if (!dhcp_label_char(v[pos]))
				return false;
			dst[n++] = (char)v[pos];
		}
	}
	if (!jumped)
		*at = pos;
	dst[n] = '\0';
	return n > 0;
}

/* RFC 3397: names as in DNS, pointers count from the beginning of the (whole) option. */
static const char **read_search(struct arena *a, const struct dhcp_packet *p)
{
	char name[NAME_MAX_LEN + 1];
	const char **list = NULL;
	size_t at = 0, n = 0;
	struct bytes v;

	if (!dhcp_packet_option(p, a, DHCP_OPT_SEARCH, &v) || !v.len)
		return NULL;
	/* The shortest name takes two bytes. */
	list = arena_array(a, v.len / 2 + 2, sizeof(*list));
	while (at < v.len) {
		if (!read_name((const uint8_t *)v.data, v.len, &at, name))
			return NULL;
		list[n++] = arena_strdup(a, name);
	}
	return list;
}

/* Some servers count a final NUL. */
static const char *read_domain(struct arena *a, const struct dhcp_packet *p)
{
	struct bytes v;

	if (!dhcp_packet_option(p, a, DHCP_OPT_DOMAIN, &v))
		return "";
	while (v.len && v.data[v.len - 1] == '\0')
		v.len--;
	for (size_t i = 0; i < v.len; i++)
		if (v.data[i] != '.' && !dhcp_label_char((uint8_t)v.data[i]))
			return "";
	return v.len <= NAME_MAX_LEN ? arena_strndup(a, v.data, v.len) : "";
}

static bool is_mask(uint32_t mask)
{
	return mask != 0 && (~mask & (~mask + 1)) == 0;
}

/* No host of any network: 0/8, 127/8, 224/4, 240/4. Of its own network: neither its first nor its last address. */
static bool is_of_a_host(uint32_t address, uint32_t mask)
{
	uint32_t host = address & ~mask;

	if (address >> 24 == 0 || address >> 24 == 127 || address >> 28 >= 14)
		return false;
	return !is_mask(mask) || ~mask <= 1 || (host != 0 && host != ~mask);
}

static bool judge_address(struct arena *a, const struct dhcp_packet *p, struct err *e)
{
	const uint8_t *b = ip_bytes(&p->yours);
	uint32_t address = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3], mask = 0;
	char text[IP_TEXT_MAX];
	struct ip server, *routers;
	size_t n = 0;

	(void)dhcp_packet_u32(p, DHCP_OPT_MASK, &mask);
	if (!is_of_a_host(address, mask))
		return fail(e, 0, "the address %s cannot be used", ip_text(&p->yours, text));
	if (dhcp_packet_ip(p, DHCP_OPT_SERVER, &server) && ip_eq(&server, &p->yours))
		return fail(e, 0, "the address %s cannot be used: it is the server's", ip_text(&p->yours, text));
	if (!read_ips(a, p, DHCP_OPT_ROUTERS, &routers, &n))
		n = 0;
	for (size_t i = 0; i < n; i++)
		if (ip_eq(&routers[i], &p->yours))
			return fail(e, 0, "the address %s cannot be used: it is a router's", ip_text(&p->yours, text));
	return true;
}

bool dhcp_lease_judge(struct arena *a, const struct dhcp_packet *p, struct err *e)
{
	uint32_t s;

	if (!judge_address(a, p, e))
		return false;
	if (dhcp_packet_u32(p, DHCP_OPT_LEASE_TIME, &s) && s < DHCP_LEASE_S_MIN)
		return fail(e, 0, "a lease of %u s (option 51) is shorter than %d s", s, DHCP_LEASE_S_MIN);
	return true;
}

static bool read_address(const struct dhcp_packet *p, struct dhcp_lease *l, struct err *e)
{
	uint32_t mask;

	/* The reference's sentence. */
	if (!dhcp_packet_u32(p, DHCP_OPT_MASK, &mask))
		return fail(e, 0, "DHCP option Subnet Mask not found in DHCPACK");
	if (!is_mask(mask))
		return fail(e, 0, "the subnet mask %08x is none", mask);
	l->address = (struct cidr){ p->yours, (uint8_t)__builtin_popcount(mask) };
	if (!dhcp_packet_ip(p, DHCP_OPT_SERVER, &l->server))
		return fail(e, 0, "the server does not identify itself (option 54)");
	return true;
}

static void read_times(const struct dhcp_packet *p, struct dhcp_lease *l)
{
	if (!dhcp_packet_u32(p, DHCP_OPT_LEASE_TIME, &l->lease_s))
		l->lease_s = LEASE_S_DEFAULT;
	if (l->lease_s == FOR_EVER) {
		l->renew_s = l->rebind_s = FOR_EVER;
		return;
	}
	if (!dhcp_packet_u32(p, DHCP_OPT_REBIND_TIME, &l->rebind_s) || l->rebind_s > l->lease_s || !l->rebind_s)
		l->rebind_s = (uint32_t)((uint64_t)l->lease_s * 85 / 100);
	if (!dhcp_packet_u32(p, DHCP_OPT_RENEW_TIME, &l->renew_s) || l->renew_s > l->rebind_s || !l->renew_s)
		l->renew_s = l->lease_s / 2 < l->rebind_s ? l->lease_s / 2 : l->rebind_s;
	if (l->renew_s < DHCP_RENEW_S_MIN)
		l->renew_s = DHCP_RENEW_S_MIN;
	if (l->rebind_s < l->renew_s)
		l->rebind_s = l->renew_s;
}

bool dhcp_lease_read(struct arena *a, const struct dhcp_packet *p, struct dhcp_lease *ret, struct err *e)
{
	struct dhcp_lease l = { .domain = "" };
	struct bytes v;
	uint16_t mtu;

	if (!dhcp_lease_judge(a, p, e) || !read_address(p, &l, e))
		return false;
	read_times(p, &l);
	(void)read_ips(a, p, DHCP_OPT_ROUTERS, &l.routers, &l.n_routers);
	(void)read_ips(a, p, DHCP_OPT_DNS, &l.dns, &l.n_dns);
	if (!dhcp_packet_option(p, a, DHCP_OPT_ROUTES, &v) || !classless(a, v, &l))
		classful(a, p, &l);
	l.domain = read_domain(a, p);
	l.search = read_search(a, p);
	if (dhcp_packet_u16(p, DHCP_OPT_MTU, &mtu) && mtu >= MTU_MIN)
		l.mtu = mtu;
	*ret = l;
	return true;
}
