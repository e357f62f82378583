// SPDX-License-Identifier: Apache-2.0
/*
 * Rules, put together from the expressions of the kernel's little machine. The comment behind a row is what `nft list
 * ruleset` shows.
 */
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/rtnetlink.h>

#include "kernel/nft_msg.h"

/* NF_NAT_RANGE_PROTO_RANDOM_FULLY of <linux/netfilter/nf_nat.h>, which needs <linux/netfilter.h>. */
#define RANDOM_FULLY (1 << 4)

enum load_kind { LOAD_PAYLOAD, LOAD_META, LOAD_CT };

static const struct load {
	enum load_kind kind;
	uint32_t where;      /* payload: base; else the key */
	uint8_t offset, len; /* bytes; len also of meta and ct values */
} loads[] = {
	[NFT_F_IP_SADDR] = { LOAD_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 12, 4 },   /* ip saddr */
	[NFT_F_IP_DADDR] = { LOAD_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 16, 4 },   /* ip daddr */
	[NFT_F_IP6_SADDR] = { LOAD_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 8, 16 },  /* ip6 saddr */
	[NFT_F_IP6_DADDR] = { LOAD_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, 24, 16 }, /* ip6 daddr */
	[NFT_F_TH_SPORT] = { LOAD_PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2 },  /* th sport, tcp sport... */
	[NFT_F_TH_DPORT] = { LOAD_PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2 },  /* th dport, tcp dport... */
	[NFT_F_ETHER_SADDR] = { LOAD_PAYLOAD, NFT_PAYLOAD_LL_HEADER, 6, 6 },      /* ether saddr */
	[NFT_F_ETHER_DADDR] = { LOAD_PAYLOAD, NFT_PAYLOAD_LL_HEADER, 0, 6 },      /* ether daddr */
	[NFT_F_META_L4PROTO] = { LOAD_META, NFT_META_L4PROTO, 0, 1 },             /* meta l4proto */
	[NFT_F_META_NFPROTO] = { LOAD_META, NFT_META_NFPROTO, 0, 1 },             /* meta nfproto */
	[NFT_F_META_IIFNAME] = { LOAD_META, NFT_META_IIFNAME, 0, 16 },            /* iifname */
	[NFT_F_META_OIFNAME] = { LOAD_META, NFT_META_OIFNAME, 0, 16 },            /* oifname */
	[NFT_F_META_MARK] = { LOAD_META, NFT_META_MARK, 0, 4 },                   /* meta mark */
	[NFT_F_CT_STATUS] = { LOAD_CT, NFT_CT_STATUS, 0, 4 },                     /* ct status */
	[NFT_F_CT_STATE] = { LOAD_CT, NFT_CT_STATE, 0, 4 },                       /* ct state */
};

// ---- rules ----

void nft_rule_add(struct nft_batch *b, struct nft_rule *r, const char *chain, const char *comment)
{
	nft_make_room(b);
	nft_msg(b->nl, &b->m, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, b->family);
	nl_put_str(&b->m, NFTA_RULE_TABLE, b->table);
	nl_put_str(&b->m, NFTA_RULE_CHAIN, chain);
	nft_put_comment(&b->m, NFTA_RULE_USERDATA, 0, comment);
	*r = (struct nft_rule){ .b = b, .exprs = nl_nest_open(&b->m, NFTA_RULE_EXPRESSIONS) };
}

void nft_rule_put(struct nft_batch *b, struct nft_rule *r, const struct nft_place *at, const char *mark)
{
	unsigned flags = at->instead ? NLM_F_REPLACE : NLM_F_CREATE | (at->first ? 0 : NLM_F_APPEND);

	nft_make_room(b);
	nft_msg(b->nl, &b->m, NFT_MSG_NEWRULE, flags, b->family);
	nl_put_str(&b->m, NFTA_RULE_TABLE, b->table);
	nl_put_str(&b->m, NFTA_RULE_CHAIN, at->chain);
	if (at->after)
		nl_put_be64(&b->m, NFTA_RULE_POSITION, at->after);
	if (at->instead)
		nl_put_be64(&b->m, NFTA_RULE_HANDLE, at->instead);
	nft_put_mark(&b->m, NFTA_RULE_USERDATA, mark);
	*r = (struct nft_rule){ .b = b, .exprs = nl_nest_open(&b->m, NFTA_RULE_EXPRESSIONS) };
}

void nft_rule_end(struct nft_rule *r)
{
	nl_nest_close(&r->b->m, r->exprs);
}

// ---- expressions ----

/* EXPR(r, "name") { puts of its attributes } */
#define EXPR(r, name) \
	NL_NEST(&(r)->b->m, NFTA_LIST_ELEM) \
		NL_NEST((nl_put_str(&(r)->b->m, NFTA_EXPR_NAME, (name)), &(r)->b->m), NFTA_EXPR_DATA)

static void put_data(struct nlmsg *m, uint16_t attr, const void *data, uint32_t len)
{
	NL_NEST(m, attr)
		nl_put(m, NFTA_DATA_VALUE, data, len);
}

static void load_payload(struct nft_rule *r, const struct load *l, uint32_t reg)
{
	struct nlmsg *m = &r->b->m;

	EXPR(r, "payload") {
		nl_put_be32(m, NFTA_PAYLOAD_DREG, reg);
		nl_put_be32(m, NFTA_PAYLOAD_BASE, l->where);
		nl_put_be32(m, NFTA_PAYLOAD_OFFSET, l->offset);
		nl_put_be32(m, NFTA_PAYLOAD_LEN, l->len);
	}
}

void nft_x_load(struct nft_rule *r, enum nft_field f, uint32_t reg)
{
	const struct load *l = &loads[f];
	struct nlmsg *m = &r->b->m;

	switch (l->kind) {
	case LOAD_PAYLOAD: load_payload(r, l, reg); break;
	case LOAD_META:
		EXPR(r, "meta") {
			nl_put_be32(m, NFTA_META_DREG, reg);
			nl_put_be32(m, NFTA_META_KEY, l->where);
		}
		break;
	case LOAD_CT:
		EXPR(r, "ct") {
			nl_put_be32(m, NFTA_CT_DREG, reg);
			nl_put_be32(m, NFTA_CT_KEY, l->where);
		}
	}
}

void nft_x_cmp(struct nft_rule *r, uint32_t reg, uint32_t op, const void *data, uint32_t len)
{
	struct nlmsg *m = &r->b->m;

	EXPR(r, "cmp") {
		nl_put_be32(m, NFTA_CMP_SREG, reg);
		nl_put_be32(m, NFTA_CMP_OP, op);
		put_data(m, NFTA_CMP_DATA, data, len);
	}
}

void nft_x_range(struct nft_rule *r, uint32_t reg, uint32_t op, const void *from, const void *to, uint32_t len)
{
	struct nlmsg *m = &r->b->m;

	EXPR(r, "range") {
		nl_put_be32(m, NFTA_RANGE_SREG, reg);
		nl_put_be32(m, NFTA_RANGE_OP, op == NFT_CMP_NEQ ? NFT_RANGE_NEQ : NFT_RANGE_EQ);
		put_data(m, NFTA_RANGE_FROM_DATA, from, len);
		put_data(m, NFTA_RANGE_TO_DATA, to, len);
	}
}

void nft_x_mask(struct nft_rule *r, uint32_t reg, const void *mask, uint32_t len)
{
	static const uint8_t zero[16];
	struct nlmsg *m = &r->b->m;

	EXPR(r, "bitwise") {
		nl_put_be32(m, NFTA_BITWISE_SREG, reg);
		nl_put_be32(m, NFTA_BITWISE_DREG, reg);
		nl_put_be32(m, NFTA_BITWISE_LEN, len);
		put_data(m, NFTA_BITWISE_MASK, mask, len);
		put_data(m, NFTA_BITWISE_XOR, zero, len);
	}
}

void nft_x_cidr(struct nft_rule *r, enum nft_field f, uint32_t op, const struct cidr *c)
{
	struct ip network = cidr_network(c);
	uint8_t mask[16] = { 0 };

	nft_x_load(r, f, NFT_REG_1);
	for (unsigned i = 0; i < c->len; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	if (c->len < ip_bits(&c->ip))
		nft_x_mask(r, NFT_REG_1, mask, ip_size(&c->ip));
	nft_x_cmp(r, NFT_REG_1, op, ip_bytes(&network), ip_size(&c->ip));
}

void nft_x_flag(struct nft_rule *r, enum nft_field f, uint32_t bits)
{
	uint32_t zero = 0;

	nft_x_load(r, f, NFT_REG_1);
	nft_x_mask(r, NFT_REG_1, &bits, sizeof(bits));
	nft_x_cmp(r, NFT_REG_1, NFT_CMP_NEQ, &zero, sizeof(zero));
}

void nft_x_fib_local(struct nft_rule *r)
{
	uint32_t local = RTN_LOCAL;
	struct nlmsg *m = &r->b->m;

	EXPR(r, "fib") {
		nl_put_be32(m, NFTA_FIB_DREG, NFT_REG_1);
		nl_put_be32(m, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
		nl_put_be32(m, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	}
	nft_x_cmp(r, NFT_REG_1, NFT_CMP_EQ, &local, sizeof(local));
}

/*
 * The kernel wants to know the set by number too, but a name alone is enough for one that the transaction or the
 * table holds.
 */
void nft_x_lookup(struct nft_rule *r, const char *set, uint32_t reg, bool invert)
{
	struct nlmsg *m = &r->b->m;

	EXPR(r, "lookup") {
		nl_put_str(m, NFTA_LOOKUP_SET, set);
		nl_put_be32(m, NFTA_LOOKUP_SREG, reg);
		if (invert)
			nl_put_be32(m, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	}
}

void nft_x_map(struct nft_rule *r, const char *map, uint32_t reg, uint32_t dst_reg)
{
	struct nlmsg *m = &r->b->m;

	EXPR(r, "lookup") {
		nl_put_str(m, NFTA_LOOKUP_SET, map);
		nl_put_be32(m, NFTA_LOOKUP_SREG, reg);
		nl_put_be32(m, NFTA_LOOKUP_DREG, dst_reg);
	}
}

void nft_x_masquerade(struct nft_rule *r, bool random_fully)
{
	struct nlmsg *m = &r->b->m;

	EXPR(r, "masq") {
		if (random_fully)
			nl_put_be32(m, NFTA_MASQ_FLAGS, RANDOM_FULLY);
	}
}

void nft_x_dnat(struct nft_rule *r, uint32_t family, uint32_t addr_reg, uint32_t port_reg)
{
	struct nlmsg *m = &r->b->m;

	EXPR(r, "nat") {
		nl_put_be32(m, NFTA_NAT_TYPE, NFT_NAT_DNAT);
		nl_put_be32(m, NFTA_NAT_FAMILY, family);
		nl_put_be32(m, NFTA_NAT_REG_ADDR_MIN, addr_reg);
		if (port_reg)
			nl_put_be32(m, NFTA_NAT_REG_PROTO_MIN, port_reg);
	}
}

void nft_x_counter(struct nft_rule *r)
{
	struct nlmsg *m = &r->b->m;

	EXPR(r, "counter") {
		nl_put_be64(m, NFTA_COUNTER_BYTES, 0);
		nl_put_be64(m, NFTA_COUNTER_PACKETS, 0);
	}
}

void nft_x_match(struct nft_rule *r, const char *name, uint32_t rev, const void *info, uint32_t len)
{
	struct nlmsg *m = &r->b->m;

	EXPR(r, "match") {
		nl_put_str(m, NFTA_MATCH_NAME, name);
		nl_put_be32(m, NFTA_MATCH_REV, rev);
		nl_put(m, NFTA_MATCH_INFO, info, len);
	}
}

void nft_x_verdict(struct nft_rule *r, int verdict, const char *chain)
{
	struct nlmsg *m = &r->b->m;

	EXPR(r, "immediate") {
		nl_put_be32(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
		NL_NEST(m, NFTA_IMMEDIATE_DATA) {
			NL_NEST(m, NFTA_DATA_VERDICT) {
				nl_put_be32(m, NFTA_VERDICT_CODE, (uint32_t)verdict);
				if (chain)
					nl_put_str(m, NFTA_VERDICT_CHAIN, chain);
			}
		}
	}
}
