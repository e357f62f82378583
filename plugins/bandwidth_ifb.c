// SPDX-License-Identifier: Apache-2.0
#include "plugins/bandwidth.h"

#include <errno.h>
#include <time.h>

#include "lib/str.h"

#define PREFIX "bwp"
#define NAME_LEN 15
/* An ADD of the reference makes its ifb some time before it sends anything there. */
#define BIRTH_NS 200000000

/* The names that an attachment's ifb may have: the reference's, and one that only this attachment can have. */
enum { REFERENCE, QUALIFIED, NAMES };

static const char *ifb_name(struct arena *a, const struct attachment *at, int which)
{
	if (which == REFERENCE)
		return attachment_hash_name(a, PREFIX, at->network, at->container_id, NAME_LEN);
	return attachment_hash_name(a, PREFIX, attachment_comment(a, at), "", NAME_LEN);
}

/* @ret_there false: nothing of that name. */
static bool look(struct nl *nl, const char *name, struct link *ret, bool *ret_there, struct err *e)
{
	struct err why = ERR_INIT;

	*ret_there = link_get(nl, name, ret, &why);
	if (*ret_there || why.num == ENODEV)
		return true;
	*e = why;
	return false;
}

static bool remove_link(struct nl *nl, const struct link *l, struct err *e)
{
	struct err why = ERR_INIT;

	if (link_del(nl, l->index, &why) || why.num == ENODEV)
		return true;
	*e = why;
	return wrap(e, "remove %s", l->name);
}

// ---- making ----

/* @ret_free: the name is free now. What this very attachment has left behind, without using it, is cleared away. */
static bool make_room(struct place *p, const char *name, bool *ret_free, struct err *e)
{
	const char *owner = attachment_comment(p->arena, &p->at);
	struct link l;
	bool there, used;

	*ret_free = false;
	if (!look(&p->nl, name, &l, &there, e))
		return false;
	if (!there) {
		*ret_free = true;
		return true;
	}
	if (!str_eq(l.kind, "ifb"))
		return true;
	if (!divert_leads(&p->nl, p->arena, p->dev.index, l.index, &used, e))
		return false;
	if (used && (!*l.alias || str_eq(l.alias, owner)))
		return fail(e, EEXIST, "what arrives at %s is shaped by %s already", p->dev.name, name);
	if (!str_eq(l.alias, owner))
		return true;
	*ret_free = true;
	return remove_link(&p->nl, &l, e);
}

static bool name_choose(struct place *p, const char **ret, struct err *e)
{
	for (int which = 0; which < NAMES; which++) {
		const char *name = ifb_name(p->arena, &p->at, which);
		bool is_free;

		if (!make_room(p, name, &is_free, e))
			return false;
		if (is_free) {
			*ret = name;
			return true;
		}
	}
	return fail(e, EEXIST, "both names of the ifb of %s are taken: %s, %s", p->at.ifname,
		    ifb_name(p->arena, &p->at, REFERENCE), ifb_name(p->arena, &p->at, QUALIFIED));
}

bool ifb_add(struct place *p, struct link *ret, struct err *e)
{
	struct link_new n = LINK_NEW;
	struct err ignored;
	bool done UNUSED;
	struct link l;

	n.kind = "ifb";
	n.mtu = p->dev.mtu;
	n.up = true;
	if (!name_choose(p, &n.name, e) || !link_add(&p->nl, &n, &p->nl, &l, e))
		return false;
	if (link_set_alias(&p->nl, l.index, attachment_comment(p->arena, &p->at), e) &&
	    link_set_txqlen(&p->nl, l.index, 0, e)) {
		*ret = l;
		return true;
	}
	done = link_del(&p->nl, l.index, &ignored);
	return false;
}

// ---- finding ----

/* Of this attachment, or of nobody, under the name that the reference would give it. */
static bool may_be_ours(const struct link *l, const char *owner, int which)
{
	return str_eq(l->kind, "ifb") && (str_eq(l->alias, owner) || (which == REFERENCE && !*l->alias));
}

bool ifb_find(struct place *p, struct link *ret, struct err *e)
{
	const char *owner = attachment_comment(p->arena, &p->at);

	for (int which = NAMES - 1; which >= 0; which--) {
		struct link l;
		bool there;

		if (!look(&p->nl, ifb_name(p->arena, &p->at, which), &l, &there, e))
			return false;
		if (there && may_be_ours(&l, owner, which)) {
			*ret = l;
			return true;
		}
	}
	return fail(e, ENODEV, "find the ifb %s", ifb_name(p->arena, &p->at, REFERENCE));
}

// ---- removing ----

/* An interface that sends into @ifb; @ret_user NULL: none. */
static bool user_find(struct nl *nl, struct arena *a, const struct link *ifb, const struct link **ret_user,
		      struct err *e)
{
	struct link *all;
	size_t n;
	bool leads;

	*ret_user = NULL;
	if (!link_list(nl, a, 0, &all, &n, e))
		return false;
	for (size_t i = 0; i < n && !*ret_user; i++) {
		struct err why = ERR_INIT;

		if (!divert_leads(nl, a, all[i].index, ifb->index, &leads, &why)) {
			if (why.num == ENODEV) /* gone meanwhile */
				continue;
			*e = why;
			return false;
		}
		if (leads)
			*ret_user = &all[i];
	}
	return true;
}

static bool is_named(const struct result *prev, const char *name)
{
	for (size_t i = 0; i < prev->n_interfaces; i++)
		if (str_empty(prev->interfaces[i].sandbox) && str_eq(prev->interfaces[i].name, name))
			return true;
	return false;
}

/* The reference's, without an owner: is it another attachment's? */
static bool is_foreign(struct nl *nl, struct arena *a, const struct link *ifb, bool blind, const struct result *prev,
		       bool *ret, struct err *e)
{
	const struct link *user;

	if (!user_find(nl, a, ifb, &user, e))
		return false;
	*ret = user && (!blind || (prev && !is_named(prev, user->name)));
	return true;
}

bool ifb_del(struct nl *nl, struct arena *a, const struct attachment *at, bool blind, const struct result *prev,
	     struct err *e)
{
	const char *owner = attachment_comment(a, at);

	for (int which = 0; which < NAMES; which++) {
		bool there, foreign = false;
		struct link l;

		if (!look(nl, ifb_name(a, at, which), &l, &there, e))
			return false;
		if (!there || !may_be_ours(&l, owner, which))
			continue;
		if (!*l.alias && !is_foreign(nl, a, &l, blind, prev, &foreign, e))
			return false;
		if (!foreign && !remove_link(nl, &l, e))
			return false;
	}
	return true;
}

// ---- GC ----

/* The name that the reference gave it says nothing about its network, unless it is a valid attachment's. */
static bool is_valid_name(struct arena *a, const struct attachments *valid, const char *name)
{
	for (size_t i = 0; i < valid->n; i++)
		if (str_eq(ifb_name(a, &valid->valid[i], REFERENCE), name))
			return true;
	return false;
}

/* Nothing sends into it, now and a while later. */
static bool is_orphan(struct nl *nl, struct arena *a, const struct link *ifb, bool *ret, struct err *e)
{
	static const struct timespec birth = { .tv_nsec = BIRTH_NS };
	const struct link *user;

	*ret = false;
	if (!user_find(nl, a, ifb, &user, e))
		return false;
	if (user)
		return true;
	nanosleep(&birth, NULL);
	if (!user_find(nl, a, ifb, &user, e))
		return false;
	*ret = !user;
	return true;
}

static bool gc_one(struct nl *nl, struct arena *a, const struct attachments *valid, const struct link *l, struct err *e)
{
	bool stale = *l->alias && attachments_stale(valid, l->alias);

	if (!*l->alias && !is_valid_name(a, valid, l->name) && !is_orphan(nl, a, l, &stale, e))
		return false;
	return !stale || remove_link(nl, l, e);
}

bool ifb_gc(struct nl *nl, struct arena *a, const struct attachments *valid, struct err *e)
{
	struct errs all = { .count = 0 };
	struct link *links;
	size_t n;

	if (!link_list(nl, a, 0, &links, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;

		if (str_eq(links[i].kind, "ifb") && str_starts(links[i].name, PREFIX) &&
		    !gc_one(nl, a, valid, &links[i], &why))
			errs_add(&all, &why);
	}
	return errs_done(&all, e);
}
