// SPDX-License-Identifier: Apache-2.0
/*
 * Reading back. Every function answers "nothing" for what is not there, at whatever level it is missing: the element,
 * its set, the table, the address family, or nf_tables as a whole; to whoever cleans up it is all the same. Answers
 * are copied to the caller's arena.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <linux/netfilter/nf_tables_compat.h>

#include "kernel/nft_msg.h"

#define ELEMS_TRIES 64

/* EINVAL is how nfnetlink says that nobody answers for nf_tables: our questions themselves are well formed. */
bool nft_is_missing(int num)
{
	return num == ENOENT || num == EAFNOSUPPORT || num == EOPNOTSUPP || num == EPROTONOSUPPORT || num == EINVAL;
}

/* A list under construction: an array of some struct inside a buf. */
struct reading {
	struct arena *arena;
	struct buf out;
	const char *set, *chain; /* wanted; NULL: all */
	const char *table;
	unsigned messages;
};

static void reading_again(void *arg)
{
	struct reading *r = arg;

	r->out.len = 0;
	r->messages = 0;
}

static void reading_init(struct reading *r, struct arena *a, const char *table)
{
	*r = (struct reading){ .arena = a, .table = table };
	buf_init(&r->out, a, 1024);
}

static bool dump(struct nl *nl, struct nlmsg *m, nl_reply *take, struct reading *r, const char *what, struct err *e)
{
	struct err why = ERR_INIT;

	if (nl_dump(nl, m, take, reading_again, r, &why))
		return true;
	r->out.len = 0;
	if (nft_is_missing(why.num))
		return true;
	*e = why;
	return wrap(e, "list nftables %s of table %s", what, r->table);
}

static struct bytes copy(struct arena *a, const struct nl_attr *at)
{
	return at->there ? (struct bytes){ arena_strndup(a, at->data, at->len), at->len } : (struct bytes){ 0 };
}

// ---- user data ----

/* The value of @type, which must be text with its NUL. */
static const char *udata_text(struct arena *a, const struct nl_attr *at, uint8_t type)
{
	const uint8_t *p = at->data, *end = p + at->len;

	if (!at->there)
		return NULL;
	while (end - p >= 2 && end - p - 2 >= p[1]) {
		if (p[0] == type && p[1] && p[1 + p[1]] == '\0')
			return arena_strdup(a, (const char *)p + 2);
		p += 2 + p[1];
	}
	return NULL;
}

// ---- rules ----

static void read_immediate(struct arena *a, const struct nl_attr *data, struct nft_rule_info *ret)
{
	struct nl_attr imm[NFTA_IMMEDIATE_MAX + 1], value[NFTA_DATA_MAX + 1], verdict[NFTA_VERDICT_MAX + 1];
	struct err ignored;

	if (!nl_parse(data->data, data->len, imm, NFTA_IMMEDIATE_MAX, &ignored) || !imm[NFTA_IMMEDIATE_DATA].there ||
	    !nl_parse(imm[NFTA_IMMEDIATE_DATA].data, imm[NFTA_IMMEDIATE_DATA].len, value, NFTA_DATA_MAX, &ignored) ||
	    !value[NFTA_DATA_VERDICT].there ||
	    !nl_parse(value[NFTA_DATA_VERDICT].data, value[NFTA_DATA_VERDICT].len, verdict, NFTA_VERDICT_MAX, &ignored))
		return;
	if (verdict[NFTA_VERDICT_CHAIN].there)
		ret->jump = arena_strdup(a, nl_str(&verdict[NFTA_VERDICT_CHAIN]));
}

/* iptables-nft keeps a comment as a match of xtables. */
static void read_match(struct arena *a, const struct nl_attr *data, struct nft_rule_info *ret)
{
	struct nl_attr match[NFTA_MATCH_MAX + 1];
	const struct nl_attr *info = &match[NFTA_MATCH_INFO];
	struct err ignored;

	if (!nl_parse(data->data, data->len, match, NFTA_MATCH_MAX, &ignored) ||
	    strcmp(nl_str(&match[NFTA_MATCH_NAME]), "comment") != 0 || !info->there || ret->comment)
		return;
	ret->comment = arena_strndup(a, info->data, strnlen(info->data, info->len));
}

static void read_target(struct arena *a, const struct nl_attr *data, struct nft_rule_info *ret)
{
	struct nl_attr target[NFTA_TARGET_MAX + 1];
	struct err ignored;

	if (nl_parse(data->data, data->len, target, NFTA_TARGET_MAX, &ignored))
		ret->target = arena_strdup(a, nl_str(&target[NFTA_TARGET_NAME]));
}

static void read_lookup(struct arena *a, const struct nl_attr *data, struct nft_rule_info *ret)
{
	struct nl_attr lookup[NFTA_LOOKUP_MAX + 1];
	struct err ignored;

	if (!ret->set && nl_parse(data->data, data->len, lookup, NFTA_LOOKUP_MAX, &ignored))
		ret->set = arena_strdup(a, nl_str(&lookup[NFTA_LOOKUP_SET]));
}

static const struct expr_reader {
	const char *name;
	void (*read)(struct arena *a, const struct nl_attr *data, struct nft_rule_info *ret);
} expr_readers[] = {
	{ "immediate", read_immediate },
	{ "lookup", read_lookup },
	{ "match", read_match },
	{ "target", read_target },
};

static void read_exprs(struct arena *a, struct nft_rule_info *ret)
{
	struct buf shape;

	buf_init(&shape, a, 64);
	nl_each(it, (const uint8_t *)ret->exprs.data, ret->exprs.len) {
		struct nl_attr expr[NFTA_EXPR_MAX + 1];
		struct err ignored;

		if (!nl_parse(it.data, it.len, expr, NFTA_EXPR_MAX, &ignored))
			continue;
		buf_printf(&shape, "%s%s", shape.len ? " " : "", nl_str(&expr[NFTA_EXPR_NAME]));
		if (!expr[NFTA_EXPR_DATA].there)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(expr_readers); i++)
			if (strcmp(nl_str(&expr[NFTA_EXPR_NAME]), expr_readers[i].name) == 0)
				expr_readers[i].read(a, &expr[NFTA_EXPR_DATA], ret);
	}
	ret->shape = buf_str(&shape);
}

static bool take_rule(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct nl_attr at[NFTA_RULE_MAX + 1];
	struct reading *r = arg;
	struct nft_rule_info info;

	if (!nl_parse_msg(h, sizeof(struct nfgenmsg), at, NFTA_RULE_MAX, e))
		return false;
	if (strcmp(nl_str(&at[NFTA_RULE_TABLE]), r->table) != 0 ||
	    (r->chain && strcmp(nl_str(&at[NFTA_RULE_CHAIN]), r->chain) != 0))
		return true;
	info = (struct nft_rule_info){
		.handle = nl_be64(&at[NFTA_RULE_HANDLE]),
		.chain = arena_strdup(r->arena, nl_str(&at[NFTA_RULE_CHAIN])),
		.comment = udata_text(r->arena, &at[NFTA_RULE_USERDATA], 0),
		.exprs = copy(r->arena, &at[NFTA_RULE_EXPRESSIONS]),
		.mark = udata_text(r->arena, &at[NFTA_RULE_USERDATA], NFT_UDATA_MARK),
	};
	read_exprs(r->arena, &info);
	buf_put(&r->out, &info, sizeof(info));
	return true;
}

bool nft_rules(struct nl *nl, struct arena *a, uint8_t family, const char *table, const char *chain,
	       struct nft_rule_info **ret, size_t *ret_n, struct err *e)
{
	struct reading r;
	NLMSG_ON_STACK(m, 512);

	reading_init(&r, a, table);
	r.chain = chain;
	nft_msg(nl, &m, NFT_MSG_GETRULE, NLM_F_DUMP, family);
	nl_put_str(&m, NFTA_RULE_TABLE, table);
	if (chain)
		nl_put_str(&m, NFTA_RULE_CHAIN, chain);
	if (!dump(nl, &m, take_rule, &r, "rules", e))
		return false;
	*ret = (struct nft_rule_info *)r.out.data;
	*ret_n = r.out.len / sizeof(**ret);
	return true;
}

// ---- elements ----

static struct bytes value(struct arena *a, const struct nl_attr *at)
{
	struct nl_attr data[NFTA_DATA_MAX + 1];
	struct err ignored;

	if (!at->there || !nl_parse(at->data, at->len, data, NFTA_DATA_MAX, &ignored))
		return (struct bytes){ 0 };
	return copy(a, &data[NFTA_DATA_VALUE]);
}

static bool take_elems(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct nl_attr list[NFTA_SET_ELEM_LIST_MAX + 1], at[NFTA_SET_ELEM_MAX + 1];
	const struct nl_attr *members = &list[NFTA_SET_ELEM_LIST_ELEMENTS];
	struct reading *r = arg;

	r->messages++;
	if (!nl_parse_msg(h, sizeof(struct nfgenmsg), list, NFTA_SET_ELEM_LIST_MAX, e))
		return false;
	if (!members->there)
		return true;
	nl_each(it, members->data, members->len) {
		struct nft_elem_info info;

		if (!nl_parse(it.data, it.len, at, NFTA_SET_ELEM_MAX, e))
			return false;
		info = (struct nft_elem_info){
			.key = value(r->arena, &at[NFTA_SET_ELEM_KEY]),
			.data = value(r->arena, &at[NFTA_SET_ELEM_DATA]),
			.comment = udata_text(r->arena, &at[NFTA_SET_ELEM_USERDATA], 0),
		};
		buf_put(&r->out, &info, sizeof(info));
	}
	return true;
}

static bool take_generation(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct nl_attr at[NFTA_GEN_MAX + 1];

	if (!nl_parse_msg(h, sizeof(struct nfgenmsg), at, NFTA_GEN_MAX, e))
		return false;
	*(uint32_t *)arg = nl_be32(&at[NFTA_GEN_ID]);
	return true;
}

bool nft_generation(struct nl *nl, uint32_t *ret, struct err *e)
{
	struct err why = ERR_INIT;
	uint32_t id = 0;
	NLMSG_ON_STACK(m, 64);

	nft_msg(nl, &m, NFT_MSG_GETGEN, 0, AF_UNSPEC);
	if (!nl_send(nl, &m, take_generation, &id, NULL, &why) && !nft_is_missing(why.num)) {
		*e = why;
		return wrap(e, "ask for the generation of nftables");
	}
	*ret = id;
	return true;
}

static bool elems_once(struct nl *nl, struct reading *r, uint8_t family, const char *set, struct err *e)
{
	NLMSG_ON_STACK(m, 512);

	r->out.len = 0;
	r->messages = 0;
	nft_msg(nl, &m, NFT_MSG_GETSETELEM, NLM_F_DUMP, family);
	nl_put_str(&m, NFTA_SET_ELEM_LIST_TABLE, r->table);
	nl_put_str(&m, NFTA_SET_ELEM_LIST_SET, set);
	return dump(nl, &m, take_elems, r, "elements", e);
}

/*
 * The kernel does not say when a listing of elements was interrupted, as it does for rules: an element may be missing,
 * or come twice, although nobody touched it, because the table behind the set grows or shrinks, and that some time
 * after the transaction that was the reason. So a listing counts only when no transaction was committed meanwhile, and
 * one of several messages when another one, of the same generation, has as many elements.
 */
bool nft_elems(struct nl *nl, struct arena *a, uint8_t family, const char *table, const char *set,
	       struct nft_elem_info **ret, size_t *ret_n, struct err *e)
{
	size_t n, last = SIZE_MAX;
	uint32_t before, after, of_last = 0;
	struct reading r;

	reading_init(&r, a, table);
	for (int tries = 0; tries < ELEMS_TRIES; tries++) {
		if (tries)
			poll(NULL, 0, tries / 8);
		if (!nft_generation(nl, &before, e) || !elems_once(nl, &r, family, set, e) ||
		    !nft_generation(nl, &after, e))
			return false;
		if (before != after)
			continue;
		n = r.out.len / sizeof(**ret);
		if (r.messages <= 1 || (n == last && before == of_last)) {
			*ret = (struct nft_elem_info *)r.out.data;
			*ret_n = n;
			return true;
		}
		last = n;
		of_last = before;
	}
	return fail(e, EINTR, "nftables set %s of table %s changed during each of %d readings", set, table,
		    ELEMS_TRIES);
}

bool nft_elem_find(struct nl *nl, struct arena *a, uint8_t family, const char *table, const char *set,
		   const struct nft_elem *key, struct nft_elem_info *ret, bool *ret_found, struct err *e)
{
	struct err why = ERR_INIT;
	struct reading r;
	NLMSG_ON_STACK(m, 512);

	reading_init(&r, a, table);
	nft_msg(nl, &m, NFT_MSG_GETSETELEM, 0, family);
	nl_put_str(&m, NFTA_SET_ELEM_LIST_TABLE, table);
	nl_put_str(&m, NFTA_SET_ELEM_LIST_SET, set);
	NL_NEST(&m, NFTA_SET_ELEM_LIST_ELEMENTS)
		nft_put_elem(&m, key, true);
	if (!nl_send(nl, &m, take_elems, &r, NULL, &why) && !nft_is_missing(why.num)) {
		*e = why;
		return wrap(e, "look into nftables set %s of table %s", set, table);
	}
	*ret_found = r.out.len >= sizeof(*ret);
	if (*ret_found)
		*ret = *(const struct nft_elem_info *)r.out.data;
	return true;
}

// ---- names ----

bool nft_chain_exists(struct nl *nl, uint8_t family, const char *table, const char *chain, bool *ret, struct err *e)
{
	struct err why = ERR_INIT;
	bool there;
	NLMSG_ON_STACK(m, 512);

	nft_msg(nl, &m, NFT_MSG_GETCHAIN, 0, family);
	nl_put_str(&m, NFTA_CHAIN_TABLE, table);
	nl_put_str(&m, NFTA_CHAIN_NAME, chain);
	there = nl_send(nl, &m, NULL, NULL, NULL, &why);
	if (!there && !nft_is_missing(why.num)) {
		*e = why;
		return wrap(e, "look for nftables chain %s of table %s", chain, table);
	}
	*ret = there;
	return true;
}

static bool take_chain(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct nl_attr at[NFTA_CHAIN_USERDATA + 1];
	struct reading *r = arg;
	struct nft_chain_info info;

	if (!nl_parse_msg(h, sizeof(struct nfgenmsg), at, NFTA_CHAIN_USERDATA, e))
		return false;
	info = (struct nft_chain_info){
		.there = true,
		.base = at[NFTA_CHAIN_HOOK].there,
		.policy = at[NFTA_CHAIN_HOOK].there ? nl_be32(&at[NFTA_CHAIN_POLICY]) : NF_ACCEPT,
		.use = nl_be32(&at[NFTA_CHAIN_USE]),
		.mark = udata_text(r->arena, &at[NFTA_CHAIN_USERDATA], NFT_UDATA_MARK),
	};
	buf_put(&r->out, &info, sizeof(info));
	return true;
}

bool nft_chain_find(struct nl *nl, struct arena *a, uint8_t family, const char *table, const char *chain,
		    struct nft_chain_info *ret, struct err *e)
{
	struct err why = ERR_INIT;
	struct reading r;
	NLMSG_ON_STACK(m, 512);

	reading_init(&r, a, table);
	nft_msg(nl, &m, NFT_MSG_GETCHAIN, 0, family);
	nl_put_str(&m, NFTA_CHAIN_TABLE, table);
	nl_put_str(&m, NFTA_CHAIN_NAME, chain);
	if (!nl_send(nl, &m, take_chain, &r, NULL, &why) && !nft_is_missing(why.num)) {
		*e = why;
		return wrap(e, "look for nftables chain %s of table %s", chain, table);
	}
	*ret = r.out.len >= sizeof(*ret) ? *(const struct nft_chain_info *)r.out.data : (struct nft_chain_info){ 0 };
	return true;
}

static bool take_table(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct nl_attr at[NFTA_TABLE_USERDATA + 1];
	struct reading *r = arg;
	struct nft_table_info info;

	if (!nl_parse_msg(h, sizeof(struct nfgenmsg), at, NFTA_TABLE_USERDATA, e))
		return false;
	info = (struct nft_table_info){
		.there = true,
		.use = nl_be32(&at[NFTA_TABLE_USE]),
		.mark = udata_text(r->arena, &at[NFTA_TABLE_USERDATA], NFT_UDATA_MARK),
	};
	buf_put(&r->out, &info, sizeof(info));
	return true;
}

bool nft_table_find(struct nl *nl, struct arena *a, uint8_t family, const char *table, struct nft_table_info *ret,
		    struct err *e)
{
	struct err why = ERR_INIT;
	struct reading r;
	NLMSG_ON_STACK(m, 512);

	reading_init(&r, a, table);
	nft_msg(nl, &m, NFT_MSG_GETTABLE, 0, family);
	nl_put_str(&m, NFTA_TABLE_NAME, table);
	if (!nl_send(nl, &m, take_table, &r, NULL, &why) && !nft_is_missing(why.num)) {
		*e = why;
		return wrap(e, "look for nftables table %s", table);
	}
	*ret = r.out.len >= sizeof(*ret) ? *(const struct nft_table_info *)r.out.data : (struct nft_table_info){ 0 };
	return true;
}

static bool take_set(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct nl_attr at[NFTA_SET_NAME + 1];
	struct reading *r = arg;
	const char *name;

	if (!nl_parse_msg(h, sizeof(struct nfgenmsg), at, NFTA_SET_NAME, e))
		return false;
	if (strcmp(nl_str(&at[NFTA_SET_TABLE]), r->table) != 0)
		return true;
	name = arena_strdup(r->arena, nl_str(&at[NFTA_SET_NAME]));
	buf_put(&r->out, &name, sizeof(name));
	return true;
}

bool nft_set_names(struct nl *nl, struct arena *a, uint8_t family, const char *table, const char ***ret, size_t *ret_n,
		   struct err *e)
{
	struct reading r;
	NLMSG_ON_STACK(m, 512);

	reading_init(&r, a, table);
	nft_msg(nl, &m, NFT_MSG_GETSET, NLM_F_DUMP, family);
	nl_put_str(&m, NFTA_SET_TABLE, table);
	if (!dump(nl, &m, take_set, &r, "sets", e))
		return false;
	*ret = (const char **)r.out.data;
	*ret_n = r.out.len / sizeof(**ret);
	return true;
}
