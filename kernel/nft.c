// SPDX-License-Identifier: Apache-2.0
/*
 * Transactions, and the things that are declared in them: tables, chains, sets, elements. Rules are in nft_expr.c,
 * reading is in nft_read.c. Whatever `nft` shows that the kernel does not use itself (comments, the byte order of
 * keys) travels as "user data": type, length, value, one byte each for the first two.
 */
#include "kernel/nft.h"

#include <arpa/inet.h>
#include <unistd.h>

#include "kernel/nft_msg.h"
#include "lib/detach.h"

enum { UDATA_SET_KEYBYTEORDER = 0, UDATA_SET_DATABYTEORDER = 1, UDATA_SET_COMMENT = 7 };
enum { BYTEORDER_HOST = 1, BYTEORDER_BIG = 2 };

#define MESSAGE_MAX (8 * 1024) /* the largest message that a batch is asked to hold: a group of elements */
#define SPILL_AT (96 * 1024)   /* half of what wmem_default allows */

/* nfnetlink's header. */
static void begin(struct nl *nl, struct nlmsg *m, uint16_t type, unsigned flags, uint8_t family, uint16_t res_id)
{
	struct nfgenmsg g = { .nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(res_id) };

	nl_begin(nl, m, type, flags, &g, sizeof(g));
}

void nft_msg(struct nl *nl, struct nlmsg *m, uint8_t type, unsigned flags, uint8_t family)
{
	begin(nl, m, NFNL_SUBSYS_NFTABLES << 8 | type, flags, family, 0);
}

// ---- transactions ----

void nft_begin(struct nft_batch *b, struct nl *nl, void *buf, size_t cap)
{
	*b = (struct nft_batch){ .nl = nl, .m = { .buf = buf, .cap = cap } };
	begin(nl, &b->m, NFNL_MSG_BATCH_BEGIN, NL_NO_ACK, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

void nft_begin_growing(struct nft_batch *b, struct nl *nl, struct arena *a)
{
	nft_begin(b, nl, arena_raw(a, 2 * MESSAGE_MAX), 2 * MESSAGE_MAX);
	b->arena = a;
}

/* Messages are offsets into the buffer, and may move with it as long as none is being written. */
void nft_make_room(struct nft_batch *b)
{
	struct nlmsg *m = &b->m;
	uint8_t *larger;

	if (!b->arena || m->cap - m->len >= MESSAGE_MAX)
		return;
	if (!arena_extend(b->arena, m->buf, m->cap, 2 * m->cap)) {
		larger = arena_raw(b->arena, 2 * m->cap);
		memcpy(larger, m->buf, m->len);
		m->buf = larger;
	}
	m->cap *= 2;
}

void nft_only_at(struct nft_batch *b, uint32_t generation)
{
	nl_put_be32(&b->m, NFNL_BATCH_GENID, generation);
}

bool nft_spill(struct nft_batch *b, struct err *e)
{
	if (b->m.len < SPILL_AT)
		return true;
	if (!nft_commit(b, e))
		return false;
	nl_reset(&b->m);
	begin(b->nl, &b->m, NFNL_MSG_BATCH_BEGIN, NL_NO_ACK, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	b->sent = true;
	return true;
}

bool nft_batch_changes(const struct nft_batch *b)
{
	return b->sent || !nft_batch_is_empty(b);
}

void nft_table(struct nft_batch *b, uint8_t family, const char *table)
{
	b->family = family;
	b->table = table;
}

bool nft_batch_is_empty(const struct nft_batch *b)
{
	return b->m.count == 0 && !b->m.full;
}

bool nft_commit_index(struct nft_batch *b, unsigned *ret_index, struct err *e)
{
	unsigned index = 0;

	if (nft_batch_is_empty(b))
		return true;
	begin(b->nl, &b->m, NFNL_MSG_BATCH_END, NL_NO_ACK, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	if (nl_send(b->nl, &b->m, NULL, NULL, &index, e))
		return true;
	if (ret_index)
		*ret_index = index ? index - 1 : 0;
	return false;
}

bool nft_commit(struct nft_batch *b, struct err *e)
{
	return nft_commit_index(b, NULL, e);
}

/* A batch without its end is judged and then forgotten. */
bool nft_try(struct nft_batch *b, struct err *e)
{
	return nl_send(b->nl, &b->m, NULL, NULL, NULL, e);
}

/* It closes by exiting. If there can be no child the caller waits itself, which is slow but right. */
void nft_close(struct nl *nl)
{
	if (nl->fd >= 0 && detach(nl->fd))
		_exit(0);
	nl_close(nl);
}

// ---- user data ----

static void udata_put(uint8_t *dst, size_t *at, uint8_t type, const void *data, uint8_t len)
{
	dst[*at] = type;
	dst[*at + 1] = len;
	memcpy(dst + *at + 2, data, len);
	*at += 2U + len;
}

void nft_put_comment(struct nlmsg *m, uint16_t attr, uint8_t type, const char *comment)
{
	uint8_t data[2 + NFT_COMMENT_MAX + 1];
	char text[NFT_COMMENT_MAX + 1];
	size_t at = 0;

	if (!comment || !*comment)
		return;
	snprintf(text, sizeof(text), "%s", comment);
	udata_put(data, &at, type, text, (uint8_t)(strlen(text) + 1));
	nl_put(m, attr, data, at);
}

void nft_put_mark(struct nlmsg *m, uint16_t attr, const char *mark)
{
	uint8_t data[2 + NFT_MARK_MAX + 1];
	char text[NFT_MARK_MAX + 1];
	size_t at = 0;

	if (!mark)
		return;
	snprintf(text, sizeof(text), "%s", mark);
	udata_put(data, &at, NFT_UDATA_MARK, text, (uint8_t)(strlen(text) + 1));
	nl_put(m, attr, data, at);
}

// ---- tables and chains ----

static void table_msg(struct nft_batch *b, uint8_t type, unsigned flags, uint16_t attr, const char *name)
{
	nft_make_room(b);
	nft_msg(b->nl, &b->m, type, flags, b->family);
	nl_put_str(&b->m, attr, name);
}

static void table_add(struct nft_batch *b, const char *comment, unsigned flags)
{
	table_msg(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | flags, NFTA_TABLE_NAME, b->table);
	nl_put_be32(&b->m, NFTA_TABLE_FLAGS, 0);
	nft_put_comment(&b->m, NFTA_TABLE_USERDATA, 0, comment);
}

void nft_table_add(struct nft_batch *b, const char *comment)
{
	table_add(b, comment, 0);
}

void nft_table_new(struct nft_batch *b, const char *comment)
{
	table_add(b, comment, NLM_F_EXCL);
}

void nft_table_new_marked(struct nft_batch *b, const char *mark)
{
	table_add(b, NULL, NLM_F_EXCL);
	nft_put_mark(&b->m, NFTA_TABLE_USERDATA, mark);
}

void nft_table_del(struct nft_batch *b)
{
	table_msg(b, NFT_MSG_DELTABLE, 0, NFTA_TABLE_NAME, b->table);
}

static void chain_add(struct nft_batch *b, const struct nft_chain *c, unsigned flags)
{
	struct nlmsg *m = &b->m;

	table_msg(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE | flags, NFTA_CHAIN_TABLE, b->table);
	nl_put_str(m, NFTA_CHAIN_NAME, c->name);
	if (!c->type)
		return;
	NL_NEST(m, NFTA_CHAIN_HOOK) {
		nl_put_be32(m, NFTA_HOOK_HOOKNUM, c->hook);
		nl_put_be32(m, NFTA_HOOK_PRIORITY, (uint32_t)c->priority);
	}
	nl_put_be32(m, NFTA_CHAIN_POLICY, NF_ACCEPT);
	nl_put_str(m, NFTA_CHAIN_TYPE, c->type);
}

void nft_chain_add(struct nft_batch *b, const struct nft_chain *c)
{
	chain_add(b, c, 0);
}

void nft_chain_new(struct nft_batch *b, const struct nft_chain *c)
{
	chain_add(b, c, NLM_F_EXCL);
}

void nft_chain_new_marked(struct nft_batch *b, const struct nft_chain *c, const char *mark)
{
	chain_add(b, c, NLM_F_EXCL);
	nft_put_mark(&b->m, NFTA_CHAIN_USERDATA, mark);
}

void nft_chain_del(struct nft_batch *b, const char *name)
{
	table_msg(b, NFT_MSG_DELCHAIN, 0, NFTA_CHAIN_TABLE, b->table);
	nl_put_str(&b->m, NFTA_CHAIN_NAME, name);
}

void nft_chain_flush(struct nft_batch *b, const char *name)
{
	table_msg(b, NFT_MSG_DELRULE, 0, NFTA_RULE_TABLE, b->table);
	nl_put_str(&b->m, NFTA_RULE_CHAIN, name);
}

void nft_rule_del(struct nft_batch *b, const char *chain, uint64_t handle)
{
	table_msg(b, NFT_MSG_DELRULE, 0, NFTA_RULE_TABLE, b->table);
	nl_put_str(&b->m, NFTA_RULE_CHAIN, chain);
	nl_put_be64(&b->m, NFTA_RULE_HANDLE, handle);
}

// ---- sets and maps ----

#define TYPE_BITS 6

uint32_t nft_type_concat(uint32_t a, uint32_t b)
{
	return a << TYPE_BITS | b;
}

/* Numbers of the network are in its order, a mark is in ours. Concatenations count as the former. */
static uint32_t byte_order(uint32_t type)
{
	return type == NFT_TYPE_MARK || type == NFT_TYPE_IFNAME ? BYTEORDER_HOST : BYTEORDER_BIG;
}

static void put_set_userdata(struct nlmsg *m, const struct nft_set *s)
{
	uint8_t data[2 * 6 + 2 + NFT_COMMENT_MAX + 1];
	char text[NFT_COMMENT_MAX + 1];
	uint32_t order = byte_order(s->key_type);
	size_t at = 0;

	udata_put(data, &at, UDATA_SET_KEYBYTEORDER, &order, sizeof(order));
	order = byte_order(s->data_type);
	if (s->data_len)
		udata_put(data, &at, UDATA_SET_DATABYTEORDER, &order, sizeof(order));
	if (s->comment && *s->comment) {
		snprintf(text, sizeof(text), "%s", s->comment);
		udata_put(data, &at, UDATA_SET_COMMENT, text, (uint8_t)(strlen(text) + 1));
	}
	nl_put(m, NFTA_SET_USERDATA, data, at);
}

static void set_add(struct nft_batch *b, const struct nft_set *s, unsigned flags)
{
	struct nlmsg *m = &b->m;

	table_msg(b, NFT_MSG_NEWSET, NLM_F_CREATE | flags, NFTA_SET_TABLE, b->table);
	nl_put_str(m, NFTA_SET_NAME, s->name);
	nl_put_be32(m, NFTA_SET_FLAGS, s->data_len ? NFT_SET_MAP : 0);
	nl_put_be32(m, NFTA_SET_KEY_TYPE, s->key_type);
	nl_put_be32(m, NFTA_SET_KEY_LEN, s->key_len);
	if (s->data_len) {
		nl_put_be32(m, NFTA_SET_DATA_TYPE, s->data_type);
		nl_put_be32(m, NFTA_SET_DATA_LEN, s->data_len);
	}
	/* Required by the kernel; it names the set inside this transaction, and no caller refers to it that way. */
	nl_put_be32(m, NFTA_SET_ID, b->m.count);
	put_set_userdata(m, s);
}

void nft_set_add(struct nft_batch *b, const struct nft_set *s)
{
	set_add(b, s, 0);
}

void nft_set_new(struct nft_batch *b, const struct nft_set *s)
{
	set_add(b, s, NLM_F_EXCL);
}

static void put_value(struct nlmsg *m, uint16_t attr, const void *data, uint32_t len)
{
	NL_NEST(m, attr)
		nl_put(m, NFTA_DATA_VALUE, data, len);
}

void nft_put_elem(struct nlmsg *m, const struct nft_elem *el, bool key_only)
{
	NL_NEST(m, NFTA_LIST_ELEM) {
		put_value(m, NFTA_SET_ELEM_KEY, el->key, el->key_len);
		if (el->data && !key_only)
			put_value(m, NFTA_SET_ELEM_DATA, el->data, el->data_len);
		if (!key_only)
			nft_put_comment(m, NFTA_SET_ELEM_USERDATA, 0, el->comment);
	}
}

static void elems(struct nft_batch *b, uint8_t type, unsigned flags, const char *set, const struct nft_elem *el,
		  size_t n)
{
	table_msg(b, type, flags, NFTA_SET_ELEM_LIST_TABLE, b->table);
	nl_put_str(&b->m, NFTA_SET_ELEM_LIST_SET, set);
	NL_NEST(&b->m, NFTA_SET_ELEM_LIST_ELEMENTS) {
		for (size_t i = 0; i < n; i++)
			nft_put_elem(&b->m, &el[i], type == NFT_MSG_DELSETELEM);
	}
}

void nft_elem_add(struct nft_batch *b, const char *set, const struct nft_elem *el, size_t n, bool excl)
{
	if (n)
		elems(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE | (excl ? NLM_F_EXCL : 0), set, el, n);
}

void nft_elem_del(struct nft_batch *b, const char *set, const struct nft_elem *el, size_t n)
{
	if (n)
		elems(b, NFT_MSG_DELSETELEM, 0, set, el, n);
}
