// SPDX-License-Identifier: Apache-2.0
#include "plugins/subnet.h"

const char *subnet_set_name(struct arena *a, const char *prefix, const struct cidr *c)
{
	struct cidr net = { cidr_network(c), c->len };
	char text[CIDR_TEXT_MAX];

	cidr_text(&net, text);
	for (char *p = text; *p; p++)
		if (*p == ':')
			*p = '-';
	return arena_printf(a, "%s%s", prefix, text);
}

bool subnet_is_host(const struct cidr *c)
{
	return c->len == ip_bits(&c->ip);
}

uint8_t subnet_nfproto(const struct ip *ip)
{
	return ip_is4(ip) ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

enum nft_field subnet_saddr(uint8_t nfproto)
{
	return nfproto == NFPROTO_IPV4 ? NFT_F_IP_SADDR : NFT_F_IP6_SADDR;
}

enum nft_field subnet_daddr(uint8_t nfproto)
{
	return nfproto == NFPROTO_IPV4 ? NFT_F_IP_DADDR : NFT_F_IP6_DADDR;
}

enum nft_type subnet_type(uint8_t nfproto)
{
	return nfproto == NFPROTO_IPV4 ? NFT_TYPE_IPV4 : NFT_TYPE_IPV6;
}

uint32_t subnet_size(uint8_t nfproto)
{
	return nfproto == NFPROTO_IPV4 ? 4 : 16;
}
