// SPDX-License-Identifier: Apache-2.0
#include "plugins/owned.h"

#include <errno.h>

#include "lib/str.h"
#include "plugins/attachment.h"

/* Each round settles one element or declares one thing; more than this means that somebody works against us. */
#define ROUNDS(n) (4 * (n) + 8)

struct owned *owned_list_add(struct owned_list *l)
{
	if (l->n == l->cap) {
		struct owned *v = arena_array(l->arena, l->cap ? 2 * l->cap : 8, sizeof(*v));

		if (l->n)
			memcpy(v, l->v, l->n * sizeof(*v));
		l->v = v;
		l->cap = l->cap ? 2 * l->cap : 8;
	}
	l->v[l->n] = (struct owned){ 0 };
	return &l->v[l->n++];
}

const void *owned_bytes(struct owned_list *l, const void *data, size_t len)
{
	return arena_strndup(l->arena, data, len);
}

void owned_batch(struct nft_batch *b, struct arena *a, struct nl *nl, size_t size)
{
	nft_begin(b, nl, arena_raw(a, size), size);
}

// ---- adding ----

static bool same_owner(const char *x, const char *y)
{
	return x && y && str_eq(x, y);
}

static bool same_data(const struct nft_elem *el, const struct nft_elem_info *found)
{
	return el->data ? found->data.len == el->data_len && memcmp(found->data.data, el->data, el->data_len) == 0
			: true;
}

/* Returns the index of the element that message @message was about. */
static size_t put_all(struct nft_batch *b, const struct owned_list *l, unsigned message)
{
	unsigned at = 0;
	size_t blamed = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct owned *o = &l->v[i];

		if (o->there)
			continue;
		if (b)
			nft_table(b, o->family, o->table);
		if (b && o->replace)
			nft_elem_del(b, o->set, &o->el, 1);
		if (b)
			nft_elem_add(b, o->set, &o->el, 1, true);
		if (at <= message)
			blamed = i;
		at += o->replace ? 2 : 1;
	}
	return blamed;
}

/* The element of @o is there already. */
static bool settle(struct nl *nl, struct arena *a, struct owned *o, const struct owned_rules *rules, struct err *e)
{
	struct nft_elem_info found;
	bool there;

	if (!nft_elem_find(nl, a, o->family, o->table, o->set, &o->el, &found, &there, e))
		return false;
	if (!there)
		return true; /* gone again: the next round adds it */
	if (same_owner(found.comment, o->el.comment) && same_data(&o->el, &found)) {
		o->there = true;
		return true;
	}
	if (rules->may_replace && !rules->may_replace(o, &found, rules->arg, e))
		return false;
	o->replace = true;
	return true;
}

/* What the kernel refused in a round, and what to do about it. */
static bool answer(struct nl *nl, struct arena *a, struct owned *o, const struct owned_rules *rules,
		   const struct err *why, struct err *e)
{
	if (why->num == ENOENT && o->replace) {
		o->replace = false; /* what was in the way has left */
		return true;
	}
	if (why->num == ENOENT)
		return rules->declare(nl, o, rules->arg, e);
	if (why->num == EEXIST)
		return settle(nl, a, o, rules, e);
	*e = *why;
	return wrap(e, "add to nftables set %s of table %s", o->set, o->table);
}

bool owned_add(struct nl *nl, struct arena *a, struct owned_list *l, const struct owned_rules *rules, struct err *e)
{
	size_t room = 1024 + l->n * 1024;
	void *buf = arena_raw(a, room);
	struct err why = ERR_INIT;

	for (size_t round = 0; round < ROUNDS(l->n); round++) {
		struct nft_batch b;
		unsigned message = 0;

		nft_begin(&b, nl, buf, room);
		put_all(&b, l, 0);
		if (nft_commit_index(&b, &message, &why))
			return true;
		if (!answer(nl, a, &l->v[put_all(NULL, l, message)], rules, &why, e))
			return false;
	}
	*e = why;
	return wrap(e, "nftables elements of %s are being changed by somebody else", l->v[0].el.comment);
}

// ---- deleting ----

bool owned_del(struct nft_batch *b, struct arena *a, const struct owned_list *l, bool *ret_all, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct owned *o = &l->v[i];
		struct nft_elem_info found;
		bool there;

		if (!nft_elem_find(b->nl, a, o->family, o->table, o->set, &o->el, &found, &there, e))
			return false;
		if (!there || !same_owner(found.comment, o->el.comment)) {
			*ret_all = false;
			return true;
		}
	}
	for (size_t i = 0; i < l->n; i++) {
		nft_table(b, l->v[i].family, l->v[i].table);
		nft_elem_del(b, l->v[i].set, &l->v[i].el, 1);
	}
	*ret_all = true;
	return true;
}

static bool sweep_set(struct nft_batch *b, struct arena *a, const char *set, owned_match *match, const void *arg,
		      struct err *e)
{
	struct nft_elem_info *all;
	size_t n;

	if (!nft_elems(b->nl, a, b->family, b->table, set, &all, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct nft_elem el = { .key = all[i].key.data,
				       .key_len = (uint32_t)all[i].key.len,
				       .key_end = all[i].key_end.data };

		if (all[i].comment && match(set, &all[i], arg))
			nft_elem_del(b, set, &el, 1);
	}
	return true;
}

bool owned_sweep(struct nft_batch *b, struct arena *a, uint8_t family, const char *table, owned_match *match,
		 const void *arg, struct err *e)
{
	const char **sets;
	size_t n;

	if (!nft_set_names(b->nl, a, family, table, &sets, &n, e))
		return false;
	nft_table(b, family, table);
	for (size_t i = 0; i < n; i++)
		if (!sweep_set(b, a, sets[i], match, arg, e))
			return false;
	return true;
}

bool owned_by(const char *set, const struct nft_elem_info *el, const void *arg)
{
	(void)set;
	return str_eq(el->comment, arg);
}

bool owned_stale(const char *set, const struct nft_elem_info *el, const void *arg)
{
	(void)set;
	return attachments_stale(arg, el->comment);
}

// ---- checking ----

bool owned_check(struct nl *nl, struct arena *a, const struct owned_list *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct owned *o = &l->v[i];
		struct nft_elem_info found;
		bool there;

		if (!nft_elem_find(nl, a, o->family, o->table, o->set, &o->el, &found, &there, e))
			return false;
		if (!there || !same_owner(found.comment, o->el.comment))
			return fail(e, 0, "nftables set %s of table %s has no element of \"%s\"", o->set, o->table,
				    o->el.comment);
		if (!same_data(&o->el, &found))
			return fail(e, 0, "nftables map %s of table %s has another value for \"%s\"", o->set, o->table,
				    o->el.comment);
	}
	return true;
}
