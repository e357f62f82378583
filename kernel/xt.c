// SPDX-License-Identifier: Apache-2.0
#include "kernel/xt.h"

#include <linux/netfilter/nf_tables_compat.h>
#include <sys/socket.h>

#include "kernel/nft_msg.h"
#include "lib/str.h"

/* struct xt_comment_info and struct xt_conntrack_mtinfo3, whose headers cannot stand beside <netinet/in.h>. */
struct comment_info { char text[256]; };
struct conntrack_info {
	uint8_t addresses[128];
	uint32_t expires[2];
	uint16_t l4proto, ports[4];
	uint16_t match_flags, invert_flags;
	uint16_t state_mask, status_mask;
	uint16_t high_ports[4];
	uint8_t padding[4]; /* to 8 bytes, as the kernel counts */
};
_Static_assert(sizeof(struct conntrack_info) == 168, "as the kernel counts it");

enum { CONNTRACK_STATE = 1, CONNTRACK_STATE_ALIAS = 1 << 13 };
#define CONNTRACK_REV 3

// ---- writing ----

static void put_iface(struct nft_rule *r, enum nft_field f, uint32_t op, const char *name)
{
	if (!name)
		return;
	nft_x_load(r, f, NFT_REG_1);
	nft_x_cmp(r, NFT_REG_1, op, name, (uint32_t)strlen(name) + 1);
}

static void put_address(struct nft_rule *r, enum nft_field f, const struct ip *ip)
{
	if (ip_is_unset(ip))
		return;
	nft_x_load(r, f, NFT_REG_1);
	nft_x_cmp(r, NFT_REG_1, NFT_CMP_EQ, ip_bytes(ip), ip_size(ip));
}

static void put_matches(struct nft_rule *r, const struct xt_rule *x)
{
	struct conntrack_info ct = { .match_flags = CONNTRACK_STATE, .state_mask = (uint16_t)x->ct_state };
	struct comment_info comment = { 0 };

	if (x->ct_state)
		nft_x_match(r, "conntrack", CONNTRACK_REV, &ct, sizeof(ct));
	if (x->comment) {
		snprintf(comment.text, sizeof(comment.text), "%s", x->comment);
		nft_x_match(r, "comment", 0, &comment, sizeof(comment));
	}
}

void xt_rule_put(struct nft_batch *b, const struct nft_place *at, const struct xt_rule *x)
{
	bool v6 = b->family == NFPROTO_IPV6;
	struct nft_rule r;

	nft_rule_put(b, &r, at, x->mark);
	put_iface(&r, NFT_F_META_IIFNAME, NFT_CMP_EQ, x->in);
	put_iface(&r, NFT_F_META_OIFNAME, x->out_not ? NFT_CMP_NEQ : NFT_CMP_EQ, x->out);
	put_address(&r, v6 ? NFT_F_IP6_SADDR : NFT_F_IP_SADDR, &x->src);
	put_address(&r, v6 ? NFT_F_IP6_DADDR : NFT_F_IP_DADDR, &x->dst);
	put_matches(&r, x);
	nft_x_counter(&r);
	if (x->jump)
		nft_x_verdict(&r, NFT_JUMP, x->jump);
	else if (x->verdict != NFT_CONTINUE)
		nft_x_verdict(&r, x->verdict, NULL);
	nft_rule_end(&r);
	NL_NEST(&b->m, NFTA_RULE_COMPAT) {
		nl_put_be32(&b->m, NFTA_RULE_COMPAT_PROTO, 0);
		nl_put_be32(&b->m, NFTA_RULE_COMPAT_FLAGS, 0);
	}
}

// ---- reading ----

enum loaded { LOADED_NOTHING, LOADED_SRC, LOADED_DST, LOADED_IN, LOADED_OUT, LOADED_STATE, LOADED_MASKED_STATE };

/* A rule being taken apart; each reader says whether it has understood. */
struct reading {
	struct arena *arena;
	bool v6;
	uint32_t reg;       /* the register last loaded... */
	enum loaded loaded; /* ...with this */
	uint32_t mask;
	struct xt_rule x;
};

static bool load(struct reading *r, const struct nl_attr *reg, enum loaded what)
{
	r->reg = nl_be32(reg);
	r->loaded = what;
	return what != LOADED_NOTHING;
}

static bool read_payload(struct reading *r, const struct nl_attr *at)
{
	uint32_t offset = nl_be32(&at[NFTA_PAYLOAD_OFFSET]), len = nl_be32(&at[NFTA_PAYLOAD_LEN]);
	enum loaded what = LOADED_NOTHING;

	if (nl_be32(&at[NFTA_PAYLOAD_BASE]) == NFT_PAYLOAD_NETWORK_HEADER && len == (r->v6 ? 16 : 4))
		what = offset == (r->v6 ? 8 : 12)    ? LOADED_SRC
		       : offset == (r->v6 ? 24 : 16) ? LOADED_DST
						     : LOADED_NOTHING;
	return load(r, &at[NFTA_PAYLOAD_DREG], what);
}

static bool read_meta(struct reading *r, const struct nl_attr *at)
{
	uint32_t key = nl_be32(&at[NFTA_META_KEY]);

	return load(r, &at[NFTA_META_DREG],
		    key == NFT_META_IIFNAME   ? LOADED_IN
		    : key == NFT_META_OIFNAME ? LOADED_OUT
					      : LOADED_NOTHING);
}

static bool read_ct(struct reading *r, const struct nl_attr *at)
{
	return load(r, &at[NFTA_CT_DREG], nl_be32(&at[NFTA_CT_KEY]) == NFT_CT_STATE ? LOADED_STATE : LOADED_NOTHING);
}

static bool data_value(const struct nl_attr *at, struct nl_attr *ret)
{
	struct nl_attr data[NFTA_DATA_MAX + 1];
	struct err ignored;

	if (!at->there || !nl_parse(at->data, at->len, data, NFTA_DATA_MAX, &ignored) || !data[NFTA_DATA_VALUE].there)
		return false;
	*ret = data[NFTA_DATA_VALUE];
	return true;
}

static bool read_bitwise(struct reading *r, const struct nl_attr *at)
{
	struct nl_attr mask;

	if (r->loaded != LOADED_STATE || nl_be32(&at[NFTA_BITWISE_SREG]) != r->reg ||
	    !data_value(&at[NFTA_BITWISE_MASK], &mask) || mask.len != sizeof(r->mask))
		return false;
	memcpy(&r->mask, mask.data, sizeof(r->mask));
	return load(r, &at[NFTA_BITWISE_DREG], LOADED_MASKED_STATE);
}

static bool take_address(struct reading *r, struct ip *dst, bool equal, const struct nl_attr *v)
{
	if (!equal || v->len != (r->v6 ? 16 : 4) || !ip_is_unset(dst))
		return false;
	*dst = ip_from_bytes(r->v6 ? AF_INET6 : AF_INET, v->data);
	return true;
}

/* With its NUL it is the whole name; without, it is the beginning of some. */
static bool take_iface(struct reading *r, const char **dst, const struct nl_attr *v)
{
	if (*dst || !memchr(v->data, '\0', v->len))
		return false;
	*dst = arena_strndup(r->arena, v->data, v->len);
	return true;
}

static bool read_cmp(struct reading *r, const struct nl_attr *at)
{
	bool equal = nl_be32(&at[NFTA_CMP_OP]) == NFT_CMP_EQ, differ = nl_be32(&at[NFTA_CMP_OP]) == NFT_CMP_NEQ;
	enum loaded what = r->loaded;
	struct nl_attr v;

	if (nl_be32(&at[NFTA_CMP_SREG]) != r->reg || !(equal || differ) || !data_value(&at[NFTA_CMP_DATA], &v))
		return false;
	r->loaded = LOADED_NOTHING;
	switch (what) {
	case LOADED_SRC: return take_address(r, &r->x.src, equal, &v);
	case LOADED_DST: return take_address(r, &r->x.dst, equal, &v);
	case LOADED_IN: return equal && take_iface(r, &r->x.in, &v);
	case LOADED_OUT: r->x.out_not = differ; return take_iface(r, &r->x.out, &v);
	case LOADED_MASKED_STATE:
		if (!differ || v.len != sizeof(uint32_t) || nl_u32(&v) != 0 || r->x.ct_state)
			return false;
		r->x.ct_state = r->mask;
		return true;
	case LOADED_NOTHING:
	case LOADED_STATE: break;
	}
	return false;
}

/* Before revision 2 the mask of states was a byte. */
static bool read_conntrack(struct reading *r, uint32_t rev, const struct nl_attr *info)
{
	struct conntrack_info ct = { 0 };

	if (rev < 1 || rev > CONNTRACK_REV || info->len < offsetof(struct conntrack_info, high_ports) || r->x.ct_state)
		return false;
	memcpy(&ct, info->data, info->len < sizeof(ct) ? info->len : sizeof(ct));
	r->x.ct_state = rev == 1 ? *(const uint8_t *)&ct.state_mask : ct.state_mask;
	return (ct.match_flags & ~CONNTRACK_STATE_ALIAS) == CONNTRACK_STATE && !ct.invert_flags;
}

static bool read_match(struct reading *r, const struct nl_attr *at)
{
	const struct nl_attr *info = &at[NFTA_MATCH_INFO];

	if (str_eq(nl_str(&at[NFTA_MATCH_NAME]), "conntrack"))
		return info->there && read_conntrack(r, nl_be32(&at[NFTA_MATCH_REV]), info);
	if (!str_eq(nl_str(&at[NFTA_MATCH_NAME]), "comment") || !info->there || r->x.comment)
		return false;
	r->x.comment = arena_strndup(r->arena, info->data, strnlen(info->data, info->len));
	return true;
}

static bool read_counter(struct reading *r, const struct nl_attr *at)
{
	(void)r;
	(void)at;
	return true;
}

static bool read_immediate(struct reading *r, const struct nl_attr *at)
{
	struct nl_attr data[NFTA_DATA_MAX + 1], verdict[NFTA_VERDICT_MAX + 1];
	const struct nl_attr *d = &at[NFTA_IMMEDIATE_DATA];
	struct err ignored;

	if (!d->there || !nl_parse(d->data, d->len, data, NFTA_DATA_MAX, &ignored) || !data[NFTA_DATA_VERDICT].there ||
	    !nl_parse(data[NFTA_DATA_VERDICT].data, data[NFTA_DATA_VERDICT].len, verdict, NFTA_VERDICT_MAX, &ignored))
		return false;
	r->x.verdict = (int)nl_be32(&verdict[NFTA_VERDICT_CODE]);
	if (r->x.verdict == NFT_JUMP)
		r->x.jump = arena_strdup(r->arena, nl_str(&verdict[NFTA_VERDICT_CHAIN]));
	return r->x.verdict != NFT_GOTO;
}

#define ATTRIBUTES_MAX 16
static const struct reader {
	const char *name;
	bool (*read)(struct reading *r, const struct nl_attr *at);
} readers[] = {
	{ "payload", read_payload }, { "meta", read_meta },   { "ct", read_ct },	   { "bitwise", read_bitwise },
	{ "cmp", read_cmp },	     { "match", read_match }, { "counter", read_counter }, { "immediate", read_immediate },
};

static bool read_expr(struct reading *r, const struct nl_iter *it)
{
	struct nl_attr expr[NFTA_EXPR_MAX + 1], at[ATTRIBUTES_MAX + 1];
	const struct nl_attr *data = &expr[NFTA_EXPR_DATA];
	struct err ignored;

	if (!nl_parse(it->data, it->len, expr, NFTA_EXPR_MAX, &ignored) || !data->there ||
	    !nl_parse(data->data, data->len, at, ATTRIBUTES_MAX, &ignored))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		if (str_eq(nl_str(&expr[NFTA_EXPR_NAME]), readers[i].name))
			return readers[i].read(r, at);
	return false;
}

struct xt_rule xt_rule_read(struct arena *a, uint8_t family, const struct nft_rule_info *info)
{
	struct reading r = { .arena = a, .v6 = family == NFPROTO_IPV6 };

	r.x = (struct xt_rule){ .verdict = NFT_CONTINUE, .mark = info->mark, .handle = info->handle };
	nl_each(it, (const uint8_t *)info->exprs.data, info->exprs.len) {
		if (!read_expr(&r, &it))
			r.x.other = true;
	}
	if (!r.x.comment)
		r.x.comment = info->comment;
	return r.x;
}

// ---- comparing ----

static bool text_eq(const char *a, const char *b)
{
	return a && b ? str_eq(a, b) : a == b;
}

bool xt_rule_eq(const struct xt_rule *a, const struct xt_rule *b)
{
	return !a->other && !b->other && ip_eq(&a->src, &b->src) && ip_eq(&a->dst, &b->dst) && text_eq(a->in, b->in) &&
	       text_eq(a->out, b->out) && a->out_not == b->out_not && a->ct_state == b->ct_state &&
	       text_eq(a->comment, b->comment) && text_eq(a->jump, b->jump) && (a->jump || a->verdict == b->verdict);
}
