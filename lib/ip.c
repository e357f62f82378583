// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include "lib/ip.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four decimal octets, no leading zeros, and nothing after them. */
static bool parse4(const char *s, uint8_t dst[4])
{
	for (int i = 0; i < 4; i++) {
		unsigned v = 0, digits = 0;

		for (; *s >= '0' && *s <= '9'; s++, digits++) {
			if (digits && v == 0)
				return false;
			v = v * 10 + (unsigned)(*s - '0');
			if (v > 255)
				return false;
		}
		if (!digits || *s != (i < 3 ? '.' : '\0'))
			return false;
		s += i < 3;
		dst[i] = (uint8_t)v;
	}
	return true;
}

/* One to four hex digits; returns where they end, NULL if there are none or more than four. */
static const char *parse_group(const char *s, unsigned *ret)
{
	unsigned v = 0, digits = 0;

	for (int d; (d = hex_digit(*s)) >= 0; s++) {
		if (++digits > 4)
			return NULL;
		v = v << 4 | (unsigned)d;
	}
	*ret = v;
	return digits ? s : NULL;
}

/*
 * Groups go to dst from the left; @gap remembers where "::" stood, and at the end what came after it moves to the
 * right. "::" must stand for at least one group of zeros.
 */
static bool parse6(const char *s, uint8_t dst[16])
{
	int at = 0, gap = -1;

	if (s[0] == ':' && s[1] == ':') {
		gap = 0;
		s += 2;
	}
	while (*s && at < 16) {
		unsigned group;
		const char *end = parse_group(s, &group);

		if (!end)
			return false;
		if (*end == '.') {
			if (at > 12 || (gap < 0 && at != 12) || !parse4(s, dst + at))
				return false;
			at += 4;
			s = "";
			break;
		}
		dst[at++] = (uint8_t)(group >> 8);
		dst[at++] = (uint8_t)group;
		s = end;
		if (!*s)
			break;
		if (*s++ != ':' || !*s)
			return false;
		if (*s == ':') {
			if (gap >= 0)
				return false;
			gap = at;
			s++;
		}
	}
	if (*s || (at == 16) != (gap < 0))
		return false;
	if (gap >= 0) {
		memmove(dst + 16 - (at - gap), dst + gap, (size_t)(at - gap));
		memset(dst + gap, 0, (size_t)(16 - at));
	}
	return true;
}

/* @ret_six: it was written as IPv6, even if it is an IPv4 address in disguise. */
static bool parse(const char *s, struct ip *ret, bool *ret_six)
{
	struct ip a = { { 0 } };

	*ret_six = strchr(s, ':') != NULL;
	if (*ret_six) {
		if (!parse6(s, a.b))
			return false;
	} else {
		memcpy(a.b, mapped, sizeof(mapped));
		if (!parse4(s, a.b + 12))
			return false;
	}
	*ret = a;
	return true;
}

bool ip_parse(const char *s, struct ip *ret, struct err *e)
{
	bool six;

	return parse(s, ret, &six) || fail(e, 0, "invalid IP address: %s", s);
}

/*
 * Decimal digits to the end of the string, at most @max. Leading zeros are harmless here and existing configurations
 * may have them.
 */
static bool parse_len(const char *s, unsigned max, unsigned *ret)
{
	unsigned v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (unsigned)(*s - '0');
		if (v > max)
			return false;
	}
	*ret = v;
	return true;
}

bool cidr_parse(const char *s, struct cidr *ret, struct err *e)
{
	char host[IP_TEXT_MAX];
	const char *slash = strchr(s, '/');
	struct ip ip;
	unsigned len;
	bool six;

	if (!slash || (size_t)(slash - s) >= sizeof(host))
		return fail(e, 0, "invalid CIDR address: %s", s);
	memcpy(host, s, (size_t)(slash - s));
	host[slash - s] = '\0';
	if (!parse(host, &ip, &six) || !parse_len(slash + 1, six ? 128 : 32, &len))
		return fail(e, 0, "invalid CIDR address: %s", s);

	/* A v4-mapped prefix counts from the left of all 128 bits; we count the family's own. */
	if (six && ip_is4(&ip))
		len = len > 96 ? len - 96 : 0;
	*ret = (struct cidr){ .ip = ip, .len = (uint8_t)len };
	return true;
}

bool mac_parse(const char *s, struct mac *ret, struct err *e)
{
	size_t len = strlen(s);
	bool pairs = len == 17 && (s[2] == ':' || s[2] == '-'); /* else aabb.ccdd.eeff */
	char sep = pairs ? s[2] : '.';
	const char *p = s;
	struct mac m;

	if (!pairs && len != 14)
		return fail(e, 0, "invalid MAC address: %s", s);
	for (int i = 0; i < 6; i++) {
		int hi = hex_digit(p[0]), lo = hi < 0 ? -1 : hex_digit(p[1]);
		bool sep_due = i < 5 && (pairs || i % 2);

		if (lo < 0 || (sep_due && p[2] != sep))
			return fail(e, 0, "invalid MAC address: %s", s);
		m.b[i] = (uint8_t)(hi << 4 | lo);
		p += sep_due ? 3 : 2;
	}
	*ret = m;
	return true;
}

static char *put_dec(char *p, unsigned v)
{
	if (v >= 100)
		*p++ = (char)('0' + v / 100);
	if (v >= 10)
		*p++ = (char)('0' + v / 10 % 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

static const char hex[] = "0123456789abcdef";

static char *put_group(char *p, unsigned v)
{
	for (int shift = 12; shift >= 0; shift -= 4)
		if (v >> shift || !shift)
			*p++ = hex[v >> shift & 15];
	return p;
}

static unsigned group_at(const struct ip *a, int i)
{
	return (unsigned)a->b[2 * i] << 8 | a->b[2 * i + 1];
}

/* The first longest run of at least two zero groups: [*ret, returned end). An empty run at 8 if there is none. */
static int zero_run(const struct ip *a, int *ret)
{
	int best = 8, best_len = 1;

	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && group_at(a, i + n) == 0)
			n++;
		if (n > best_len) {
			best = i;
			best_len = n;
		}
		i += n;
	}
	*ret = best;
	return best == 8 ? 8 : best + best_len;
}

static char *put_ip(char *p, const struct ip *a)
{
	if (ip_is4(a)) {
		for (int i = 12; i < 16; i++) {
			p = put_dec(p, a->b[i]);
			*p++ = '.';
		}
		return p - 1;
	}
	int run, end = zero_run(a, &run);

	for (int i = 0; i < 8; i++) {
		if (i == run) {
			*p++ = ':';
			*p++ = ':';
			i = end - 1;
			continue;
		}
		if (i > 0 && i != end)
			*p++ = ':';
		p = put_group(p, group_at(a, i));
	}
	return p;
}

char *ip_text(const struct ip *a, char dst[static IP_TEXT_MAX])
{
	*put_ip(dst, a) = '\0';
	return dst;
}

char *cidr_text(const struct cidr *c, char dst[static CIDR_TEXT_MAX])
{
	char *p = put_ip(dst, &c->ip);

	*p++ = '/';
	*put_dec(p, c->len) = '\0';
	return dst;
}

char *mac_text(const struct mac *m, char dst[static MAC_TEXT_MAX])
{
	char *p = dst;

	for (int i = 0; i < 6; i++) {
		*p++ = hex[m->b[i] >> 4];
		*p++ = hex[m->b[i] & 15];
		*p++ = i < 5 ? ':' : '\0';
	}
	return dst;
}

bool ip_is4(const struct ip *a)
{
	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

bool ip_is_unset(const struct ip *a)
{
	static const struct ip none;

	return ip_eq(a, &none);
}

int ip_cmp(const struct ip *a, const struct ip *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

bool ip_eq(const struct ip *a, const struct ip *b)
{
	return ip_cmp(a, b) == 0;
}

bool mac_eq(const struct mac *a, const struct mac *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool mac_is_unset(const struct mac *m)
{
	static const struct mac none;

	return mac_eq(m, &none);
}

struct ip ip_add(const struct ip *a, int64_t n)
{
	struct ip sum = *a;
	int first = ip_is4(a) ? 12 : 0;
	uint64_t add = (uint64_t)n;
	unsigned carry = 0;

	/* n is sign-extended to the left, so that the same loop goes down. */
	for (int i = 15; i >= first; i--) {
		unsigned byte = 15 - i < 8 ? (unsigned)(add >> 8 * (15 - i) & 0xff) : n < 0 ? 0xff : 0;
		unsigned v = a->b[i] + byte + carry;

		sum.b[i] = (uint8_t)v;
		carry = v >> 8;
	}
	return sum;
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

uint64_t ip_distance(const struct ip *a, const struct ip *b)
{
	uint64_t low_a = load64(a->b + 8), low_b = load64(b->b + 8);
	uint64_t high = load64(b->b) - load64(a->b) - (low_b < low_a);

	return high ? UINT64_MAX : low_b - low_a;
}

int ip_family(const struct ip *a)
{
	return ip_is4(a) ? AF_INET : AF_INET6;
}

const void *ip_bytes(const struct ip *a)
{
	return ip_is4(a) ? a->b + 12 : a->b;
}

unsigned ip_size(const struct ip *a)
{
	return ip_is4(a) ? 4 : 16;
}

struct ip ip_from_bytes(int family, const void *bytes)
{
	struct ip a;

	if (family == AF_INET) {
		memcpy(a.b, mapped, sizeof(mapped));
		memcpy(a.b + 12, bytes, 4);
	} else {
		memcpy(a.b, bytes, 16);
	}
	return a;
}

struct ip ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return ip_from_bytes(AF_INET, (uint8_t[]){ a, b, c, d });
}

unsigned ip_bits(const struct ip *a)
{
	return ip_size(a) * 8;
}

struct cidr cidr_host(const struct ip *a)
{
	return (struct cidr){ .ip = *a, .len = (uint8_t)ip_bits(a) };
}

/* The bits of byte @i of @c that belong to the host. */
static uint8_t host_mask(const struct cidr *c, int i)
{
	int net = c->len + (ip_is4(&c->ip) ? 96 : 0) - 8 * i;

	return net >= 8 ? 0 : net <= 0 ? 0xff : (uint8_t)(0xff >> net);
}

struct ip cidr_network(const struct cidr *c)
{
	struct ip a = c->ip;

	for (int i = 0; i < 16; i++)
		a.b[i] &= (uint8_t)~host_mask(c, i);
	return a;
}

struct ip cidr_last(const struct cidr *c)
{
	struct ip a = c->ip;

	for (int i = 0; i < 16; i++)
		a.b[i] |= host_mask(c, i);
	return a;
}

bool cidr_has(const struct cidr *c, const struct ip *a)
{
	if (ip_is4(&c->ip) != ip_is4(a))
		return false;
	for (int i = 0; i < 16; i++)
		if ((c->ip.b[i] ^ a->b[i]) & ~host_mask(c, i))
			return false;
	return true;
}

bool cidr_overlap(const struct cidr *a, const struct cidr *b)
{
	return cidr_has(a, &b->ip) || cidr_has(b, &a->ip);
}

bool ip_is_multicast(const struct ip *a)
{
	return ip_is4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

bool ip_is_loopback(const struct ip *a)
{
	static const struct ip one = { { [15] = 1 } };

	return ip_is4(a) ? a->b[12] == 127 : ip_eq(a, &one);
}

bool ip_is_link_local(const struct ip *a)
{
	return ip_is4(a) ? a->b[12] == 169 && a->b[13] == 254 : a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}
