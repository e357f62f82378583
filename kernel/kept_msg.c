// SPDX-License-Identifier: Apache-2.0
#include "kernel/kept_msg.h"

#include <errno.h>

#define OUT_SIZE (16 * 1024)
#define MORE_MAX 16	/* what callers put behind a copy */

static uint8_t *attrs_of(const struct nlmsghdr *h, size_t fixed)
{
	return (uint8_t *)h + NLMSG_HDRLEN + NLMSG_ALIGN(fixed);
}

static bool next(const struct nlmsghdr *h, uint8_t **at, struct nlattr **ret)
{
	size_t left = (size_t)((uint8_t *)h + h->nlmsg_len - *at);
	struct nlattr *a = (void *)*at;

	if (left < NLA_HDRLEN || a->nla_len < NLA_HDRLEN || a->nla_len > left)
		return false;
	*at += (size_t)NLA_ALIGN(a->nla_len) < left ? (size_t)NLA_ALIGN(a->nla_len) : left;
	*ret = a;
	return true;
}

struct nlattr *kept_attr(const struct nlmsghdr *h, size_t fixed, uint16_t type)
{
	uint8_t *at = attrs_of(h, fixed);
	struct nlattr *a;

	while (next(h, &at, &a))
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

void *kept_data(const struct nlattr *a)
{
	return (uint8_t *)a + NLA_HDRLEN;
}

uint32_t kept_u32(const struct nlattr *a)
{
	uint32_t v = 0;

	if (a && a->nla_len >= NLA_HDRLEN + sizeof(v))
		memcpy(&v, kept_data(a), sizeof(v));
	return v;
}

/* Attributes close ranks where one is left out. */
static void strip(struct nlmsghdr *h, size_t fixed, uint64_t drop)
{
	uint8_t *at = attrs_of(h, fixed), *to = at;
	struct nlattr *a;

	while (next(h, &at, &a)) {
		unsigned type = a->nla_type & NLA_TYPE_MASK;
		size_t len = (size_t)(at - (uint8_t *)a);

		if (type < 64 && drop >> type & 1)
			continue;
		memmove(to, a, len);
		to += len;
	}
	h->nlmsg_len = (uint32_t)(to - (uint8_t *)h);
}

struct reading {
	const struct kept_kind *kind;
	struct arena *arena;
	struct kept_msgs *out;
	int index, as;
};

static bool take(const struct nlmsghdr *h, void *arg, struct err *e UNUSED)
{
	const struct reading *r = arg;
	struct kept_msgs *out = r->out;
	struct kept_msg m = { .left = 0 };

	if (h->nlmsg_type != r->kind->type || h->nlmsg_len < NLMSG_SPACE(r->kind->fixed) ||
	    !r->kind->wanted(h, r->index))
		return true;
	m.h = arena_alloc(r->arena, NLMSG_ALIGN(h->nlmsg_len));
	memcpy(m.h, h, h->nlmsg_len);
	r->kind->tidy(&m, r->index, r->as);
	strip(m.h, r->kind->fixed, r->kind->drop);
	if (out->n == out->cap)
		out->v = arena_grow(r->arena, out->v, out->n, &out->cap, sizeof(*out->v));
	out->v[out->n++] = m;
	return true;
}

static void take_again(void *arg)
{
	((struct reading *)arg)->out->n = 0;
}

bool kept_list(struct nl *nl, struct arena *a, const struct kept_kind *k, struct nlmsg *m, int index, int as,
	       struct kept_msgs *ret, struct err *e)
{
	struct kept_msgs out = { .n = 0 };
	struct reading r = { .kind = k, .arena = a, .out = &out, .index = index, .as = as };

	if (!nl_dump(nl, m, take, take_again, &r, e))
		return false;
	*ret = out;
	return true;
}

void kept_out_init(struct kept_out *o, struct nl *nl, struct arena *a)
{
	*o = (struct kept_out){ .nl = nl, .m = { .buf = arena_raw(a, OUT_SIZE), .cap = OUT_SIZE } };
}

/* The others of a batch happen although one fails. */
void kept_out_flush(struct kept_out *o)
{
	struct err why = ERR_INIT;

	if (!nl_send(o->nl, &o->m, NULL, NULL, NULL, &why) && why.num != EEXIST && why.num != ESRCH)
		errs_add(&o->failed, &why);
	nl_reset(&o->m);
}

bool kept_out_put(struct kept_out *o, const struct nlmsghdr *h, size_t fixed, uint16_t type, unsigned flags)
{
	const uint8_t *attrs = attrs_of(h, fixed);
	size_t len = (size_t)((const uint8_t *)h + h->nlmsg_len - attrs);

	if (h->nlmsg_len + MORE_MAX > OUT_SIZE)
		return false;
	if (o->m.len + h->nlmsg_len + MORE_MAX > OUT_SIZE)
		kept_out_flush(o);
	nl_begin(o->nl, &o->m, type, flags, NLMSG_DATA(h), fixed);
	nl_put_bare(&o->m, attrs, len);
	return true;
}
