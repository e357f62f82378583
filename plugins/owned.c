// SPDX-License-Identifier: Apache-2.0
#include "plugins/owned.h"

#include <errno.h>

#include "lib/str.h"
#include "plugins/attachment.h"

/* A round declares one thing or settles all elements; more than this means that somebody works against us. */
#define ROUNDS 64
/* So often may a set be missing after it was declared: somebody may flush the ruleset meanwhile, once or twice. */
#define DECLARATIONS 4
#define WITHDRAWALS 4
#define GROUP 64 /* elements per message */

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

/* What is in the place of @o? */
static bool settle(struct nl *nl, struct arena *a, struct owned *o, const struct owned_rules *rules, struct err *e)
{
	struct nft_elem_info found;
	bool there;

	if (!nft_elem_find(nl, a, o->family, o->table, o->set, &o->el, &found, &there, e))
		return false;
	o->replace = false;
	if (!there)
		return true;
	if (same_owner(found.comment, o->el.comment) && same_data(&o->el, &found)) {
		o->there = true;
		return true;
	}
	if (rules->may_replace && !rules->may_replace(o, &found, rules->arg, e))
		return false;
	o->replace = true;
	return true;
}

/*
 * Something is in the way of the element at @from, or has left it: where one is, there are more, and each refusal names
 * but one of them.
 */
static bool settle_from(struct nl *nl, struct arena *a, struct owned_list *l, size_t from,
			const struct owned_rules *rules, struct err *e)
{
	for (size_t i = from; i < l->n; i++)
		if (!l->v[i].there && !settle(nl, a, &l->v[i], rules, e))
			return false;
	return true;
}

static bool declare(struct nl *nl, struct owned *o, const struct owned_rules *rules, struct err *e)
{
	if (++o->declared > DECLARATIONS)
		return fail(
			e, 0,
			"nftables table %s has no set %s, or not the chain that reads it, and is not of this version: "
			"it is made anew after \"nft delete table\"",
			o->table, o->set);
	return rules->declare(nl, o, rules->arg, e);
}

/* What the kernel refused in a round, the element at @i, and what to do about it. */
static bool answer(struct nl *nl, struct arena *a, struct owned_list *l, size_t i, const struct owned_rules *rules,
		   const struct err *why, struct err *e)
{
	struct owned *o = &l->v[i];

	if (why->num == EEXIST || (why->num == ENOENT && o->replace))
		return settle_from(nl, a, l, i, rules, e);
	if (why->num == ENOENT)
		return declare(nl, o, rules, e);
	*e = *why;
	return wrap(e, "add to nftables set %s of table %s", o->set, o->table);
}

bool owned_add(struct nl *nl, struct arena *a, struct owned_list *l, const struct owned_rules *rules, struct err *e)
{
	size_t room = 1024 + l->n * 1024;
	void *buf = arena_raw(a, room);
	struct err why = ERR_INIT;

	for (size_t round = 0; round < ROUNDS; round++) {
		struct nft_batch b;
		unsigned message = 0;

		nft_begin(&b, nl, buf, room);
		put_all(&b, l, 0);
		if (nft_commit_index(&b, &message, &why))
			return true;
		if (!answer(nl, a, l, put_all(NULL, l, message), rules, &why, e))
			return false;
	}
	*e = why;
	return wrap(e, "nftables elements of %s are being changed by somebody else", l->v[0].el.comment);
}

// ---- deleting ----

/* Deletions of one set on their way into a message. */
struct group {
	struct nft_batch *b;
	const char *set;
	struct nft_elem el[GROUP];
	size_t n;
};

static void group_end(struct group *g)
{
	nft_elem_del(g->b, g->set, g->el, g->n);
	g->n = 0;
}

static void group_put(struct group *g, const struct nft_elem *el)
{
	g->el[g->n++] = *el;
	if (g->n == GROUP)
		group_end(g);
}

static bool is_ours(struct nl *nl, struct arena *a, const struct owned *o, bool *ret, struct err *e)
{
	struct nft_elem_info found;
	bool there;

	if (!nft_elem_find(nl, a, o->family, o->table, o->set, &o->el, &found, &there, e))
		return false;
	*ret = there && same_owner(found.comment, o->el.comment);
	return true;
}

bool owned_del(struct nft_batch *b, struct arena *a, const struct owned_list *l, bool *ret_all, struct err *e)
{
	struct group g = { .b = b };

	for (size_t i = 0; i < l->n; i++) {
		bool ours;

		if (!is_ours(b->nl, a, &l->v[i], &ours, e))
			return false;
		if (!ours) {
			*ret_all = false;
			return true;
		}
	}
	for (size_t i = 0; i < l->n; i++) {
		const struct owned *o = &l->v[i];

		if (g.n && (o->family != b->family || !str_eq(o->set, g.set)))
			group_end(&g);
		nft_table(b, o->family, o->table);
		g.set = o->set;
		group_put(&g, &o->el);
	}
	group_end(&g);
	*ret_all = true;
	return true;
}

static bool sweep_set(struct nft_batch *b, struct arena *a, const char *set, owned_match *match, const void *arg,
		      struct err *e)
{
	struct group g = { .b = b, .set = set };
	struct nft_elem_info *all;
	size_t n;

	if (!nft_elems(b->nl, a, b->family, b->table, set, &all, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct nft_elem el = { .key = all[i].key.data, .key_len = (uint32_t)all[i].key.len };

		if (!all[i].comment || !match(set, &all[i], arg))
			continue;
		group_put(&g, &el);
		if (!g.n && !nft_spill(b, e))
			return false;
	}
	group_end(&g);
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

bool owned_withdraw(struct nl *nl, struct arena *a, owned_once *once, void *arg, bool *ret_changed, struct err *e)
{
	struct err why = ERR_INIT;
	bool ok = false;

	*ret_changed = false;
	for (int tries = 0; tries < WITHDRAWALS && !ok && (tries == 0 || why.num == ENOENT); tries++) {
		struct nft_batch b;

		nft_begin_growing(&b, nl, a);
		ok = once(&b, arg, &why);
		*ret_changed |= nft_batch_changes(&b);
	}
	if (!ok)
		*e = why;
	return ok;
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

static bool ends(const char *s, const char *tail)
{
	size_t n = strlen(s), m = strlen(tail);

	return n >= m && str_eq(s + n - m, tail);
}

static bool is_of_kind(const struct nft_rule_info *f, const struct owned_rule *r, bool first)
{
	if (first && r->headed)
		return !f->set && !f->jump && str_starts(f->shape, "payload") && ends(f->shape, " immediate");
	return r->set ? f->set && ends(f->shape, r->ends) : f->jump && str_starts(f->jump, r->kind);
}

bool owned_rule_check(struct nl *nl, struct arena *a, const struct owned_rule *r, struct err *e)
{
	const char *what = r->set ? arena_printf(a, "set %s", r->set) : r->jump;
	struct nft_rule_info *all;
	size_t n;

	if (!nft_rules(nl, a, r->family, r->table, r->chain, &all, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_of_kind(&all[i], r, i == 0))
			return fail(e, 0,
				    "nftables chain %s of table %s has a rule of somebody else before that for %s",
				    r->chain, r->table, what);
		if (r->set ? all[i].set && str_eq(all[i].set, r->set) : str_eq(all[i].jump, r->jump))
			return true;
	}
	return fail(e, 0, "nftables chain %s of table %s has no rule for %s", r->chain, r->table, what);
}
