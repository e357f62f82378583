// SPDX-License-Identifier: Apache-2.0
/*
 * Names of nftables sets that belong to a subnet, and address fields by family: what the two users of network address
 * translation share.
 */
#ifndef CRIMP_PLUGINS_SUBNET_H
#define CRIMP_PLUGINS_SUBNET_H

#include "kernel/nft.h"

/* "from_10.1.0.0/16", "from_fd00-1--/64": `nft` reads no colon in a name. */
const char *subnet_set_name(struct arena *a, const char *prefix, const struct cidr *c);
/* Nothing but the address itself is in its subnet. */
bool subnet_is_host(const struct cidr *c);
uint8_t subnet_nfproto(const struct ip *ip);			/* NFPROTO_IPV4, NFPROTO_IPV6 */
enum nft_field subnet_saddr(uint8_t nfproto), subnet_daddr(uint8_t nfproto);
enum nft_type subnet_type(uint8_t nfproto);
uint32_t subnet_size(uint8_t nfproto);				/* bytes of an address */

#endif
