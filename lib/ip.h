// SPDX-License-Identifier: Apache-2.0
/*
 * One address type: IPv4 lives inside IPv6 as ::ffff:a.b.c.d, so everything above handles 16 bytes and asks
 * ip_is4() where it matters. An all-zero struct is "no address" only by the caller's convention
 * (ip_is_unset: ::, never 0.0.0.0). Prefix lengths are counted in the family's own bits (0..32 or 0..128).
 * Text in and out is what the reference reads and prints: dotted decimal without leading zeros, RFC 5952; a
 * v4-mapped address is IPv4; zones are refused.
 */
#ifndef CRIMP_LIB_IP_H
#define CRIMP_LIB_IP_H

#include "lib/err.h"

struct ip { uint8_t b[16]; };
struct cidr { struct ip ip; uint8_t len; };	/* host bits are kept */
struct mac { uint8_t b[6]; };

#define IP_TEXT_MAX 46
#define CIDR_TEXT_MAX 50
#define MAC_TEXT_MAX 18

bool ip_parse(const char *s, struct ip *ret, struct err *e) MUST_CHECK;		/* "invalid IP address: x" */
/* prefix length mandatory; "invalid CIDR address: x" */
bool cidr_parse(const char *s, struct cidr *ret, struct err *e) MUST_CHECK;
/* aa:bb:.., aa-bb-.., aabb.ccdd.eeff; 6 bytes only */
bool mac_parse(const char *s, struct mac *ret, struct err *e) MUST_CHECK;
char *ip_text(const struct ip *a, char dst[static IP_TEXT_MAX]);		/* return dst */
char *cidr_text(const struct cidr *c, char dst[static CIDR_TEXT_MAX]);
char *mac_text(const struct mac *m, char dst[static MAC_TEXT_MAX]);

bool ip_is4(const struct ip *a);
bool ip_is_unset(const struct ip *a);			/* :: */
int ip_cmp(const struct ip *a, const struct ip *b);	/* numeric order; IPv4 before other IPv6 is not promised */
bool ip_eq(const struct ip *a, const struct ip *b);
bool mac_eq(const struct mac *a, const struct mac *b);
bool mac_is_unset(const struct mac *m);
/* @a + n, wrapping inside its family; negative n goes down. */
struct ip ip_add(const struct ip *a, int64_t n);
/* Distance b - a if both are of one family and it fits, saturated at UINT64_MAX. Requires a <= b. */
uint64_t ip_distance(const struct ip *a, const struct ip *b);
/* Kernel form: family AF_INET/AF_INET6, its bytes and their number. */
int ip_family(const struct ip *a);
const void *ip_bytes(const struct ip *a);		/* 4 or 16 bytes inside @a */
unsigned ip_size(const struct ip *a);			/* 4 or 16 */
struct ip ip_from_bytes(int family, const void *bytes);
struct ip ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
unsigned ip_bits(const struct ip *a);			/* 32 or 128 */
struct cidr cidr_host(const struct ip *a);		/* /32 or /128 */
struct ip cidr_network(const struct cidr *c);		/* host bits cleared */
struct ip cidr_last(const struct cidr *c);		/* host bits set: broadcast for IPv4 */
bool cidr_has(const struct cidr *c, const struct ip *a);	/* same family and inside */
bool cidr_overlap(const struct cidr *a, const struct cidr *b);
bool ip_is_multicast(const struct ip *a);
bool ip_is_loopback(const struct ip *a);
bool ip_is_link_local(const struct ip *a);

#endif
