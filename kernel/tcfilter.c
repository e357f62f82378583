// SPDX-License-Identifier: Apache-2.0
#include "kernel/tcfilter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

#include "lib/str.h"

#define CLASS_REFERENCE 0x10001	/* 1:1; nothing is classified, but the reference's filters say so */

/* clsact has two sides; ingress has one, whose handle the reference uses. */
static struct tcmsg header(int index, const struct qdisc *on, uint16_t priority)
{
	bool both = str_eq(on->kind, "clsact");

	return (struct tcmsg){
		.tcm_ifindex = index,
		.tcm_parent = both ? TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS) : QDISC_INGRESS,
		.tcm_info = TC_H_MAKE((uint32_t)priority << 16, htons(ETH_P_ALL)),
	};
}

// ---- reading ----

struct list {
	struct arena *a;
	struct tcfilter *v;
	size_t n, cap;
};

/* The interface to which the first redirecting action of a list sends. */
static int redirect_of(const struct nl_attr *actions)
{
	struct nl_attr act[TCA_ACT_OPTIONS + 1], parms[TCA_MIRRED_PARMS + 1];
	struct tc_mirred mirred;
	struct err ignored;

	nl_each(it, actions->data, actions->len) {
		if (!nl_parse(it.data, it.len, act, TCA_ACT_OPTIONS, &ignored) ||
		    !str_eq(nl_str(&act[TCA_ACT_KIND]), "mirred") || !act[TCA_ACT_OPTIONS].there ||
		    !nl_parse(act[TCA_ACT_OPTIONS].data, act[TCA_ACT_OPTIONS].len, parms, TCA_MIRRED_PARMS, &ignored) ||
		    parms[TCA_MIRRED_PARMS].len < sizeof(mirred))
			continue;
		memcpy(&mirred, parms[TCA_MIRRED_PARMS].data, sizeof(mirred));
		if (mirred.eaction == TCA_EGRESS_REDIR)
			return (int)mirred.ifindex;
	}
	return 0;
}

static bool matches_all(const struct nl_attr *selector)
{
	struct tc_u32_sel sel;
	struct tc_u32_key key;

	if (selector->len < sizeof(sel))
		return false;
	memcpy(&sel, selector->data, sizeof(sel));
	for (unsigned i = 0; i < sel.nkeys; i++) {
		if (selector->len < sizeof(sel) + (i + 1) * sizeof(key))
			return false;
		memcpy(&key, (const char *)selector->data + sizeof(sel) + i * sizeof(key), sizeof(key));
		if (key.mask)
			return false;
	}
	return sel.flags & TC_U32_TERMINAL;
}

static void read_u32_filter(const struct nl_attr *options, struct tcfilter *f)
{
	struct nl_attr tb[TCA_U32_ACT + 1];
	struct err ignored;

	if (!options->there || !nl_parse(options->data, options->len, tb, TCA_U32_ACT, &ignored))
		return;
	f->all = tb[TCA_U32_SEL].there && matches_all(&tb[TCA_U32_SEL]);
	if (tb[TCA_U32_ACT].there)
		f->redirect = redirect_of(&tb[TCA_U32_ACT]);
}

static bool take(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct tcmsg *tc = NLMSG_DATA(h);
	struct nl_attr tb[TCA_OPTIONS + 1];
	struct list *l = arg;
	struct tcfilter *f;

	if (h->nlmsg_type != RTM_NEWTFILTER || h->nlmsg_len < NLMSG_LENGTH(sizeof(*tc)))
		return true;
	if (!nl_parse_msg(h, sizeof(*tc), tb, TCA_OPTIONS, e))
		return false;
	if (l->n == l->cap)
		l->v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof(*l->v));
	f = &l->v[l->n++];
	*f = (struct tcfilter){
		.priority = (uint16_t)(tc->tcm_info >> 16),
		.protocol = ntohs((uint16_t)TC_H_MIN(tc->tcm_info)),
	};
	snprintf(f->kind, sizeof(f->kind), "%s", nl_str(&tb[TCA_KIND]));
	if (str_eq(f->kind, "u32"))
		read_u32_filter(&tb[TCA_OPTIONS], f);
	return true;
}

static void again(void *arg)
{
	((struct list *)arg)->n = 0;
}

bool tcfilter_list(struct nl *nl, struct arena *a, int index, const struct qdisc *on, struct tcfilter **ret,
		   size_t *ret_n, struct err *e)
{
	struct tcmsg tc = header(index, on, 0);
	struct list l = { .a = a };
	NLMSG_ON_STACK(m, 64);

	tc.tcm_info = 0;
	nl_begin(nl, &m, RTM_GETTFILTER, NLM_F_DUMP, &tc, sizeof(tc));
	if (!nl_dump(nl, &m, take, again, &l, e))
		return wrap(e, "list the filters of interface number %d", index);
	*ret = l.v;
	*ret_n = l.n;
	return true;
}

// ---- changing ----

/* A packet sent on is not looked at again: TC_ACT_STOLEN. */
static void put_redirect(struct nlmsg *m, int to)
{
	struct tc_mirred mirred = { .action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = (uint32_t)to };

	NL_NEST(m, 1) {
		nl_put_str(m, TCA_ACT_KIND, "mirred");
		NL_NEST(m, TCA_ACT_OPTIONS)
			nl_put(m, TCA_MIRRED_PARMS, &mirred, sizeof(mirred));
	}
}

bool tcfilter_add_redirect(struct nl *nl, int index, const struct qdisc *on, uint16_t priority, int to, struct err *e)
{
	static const struct tc_u32_sel sel = { .flags = TC_U32_TERMINAL, .nkeys = 1 };
	/* With its one key, of which no bit counts. */
	uint8_t all[sizeof(struct tc_u32_sel) + sizeof(struct tc_u32_key)] = { 0 };
	struct tcmsg tc = header(index, on, priority);
	NLMSG_ON_STACK(m, 512);

	memcpy(all, &sel, sizeof(sel));
	nl_begin(nl, &m, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &tc, sizeof(tc));
	nl_put_str(&m, TCA_KIND, "u32");
	NL_NEST(&m, TCA_OPTIONS) {
		nl_put(&m, TCA_U32_SEL, all, sizeof(all));
		nl_put_u32(&m, TCA_U32_CLASSID, CLASS_REFERENCE);
		NL_NEST(&m, TCA_U32_ACT)
			put_redirect(&m, to);
	}
	return nl_ask(nl, &m, e) || wrap(e, "redirect what comes in by interface number %d", index);
}

bool tcfilter_del(struct nl *nl, int index, const struct qdisc *on, uint16_t priority, struct err *e)
{
	struct tcmsg tc = header(index, on, priority);
	NLMSG_ON_STACK(m, 128);

	nl_begin(nl, &m, RTM_DELTFILTER, 0, &tc, sizeof(tc));
	nl_put_str(&m, TCA_KIND, "u32");
	return nl_ask(nl, &m, e) || wrap(e, "take a filter of interface number %d away", index);
}

/* An unknown action is ENOENT; the one that is known lacks its parameters. */
bool tcfilter_redirect_usable(struct nl *nl, struct err *e)
{
	NLMSG_ON_STACK(m, 128);
	struct tcamsg tca = { 0 };
	struct err why = ERR_INIT;

	nl_begin(nl, &m, RTM_NEWACTION, NLM_F_CREATE | NLM_F_EXCL, &tca, sizeof(tca));
	NL_NEST(&m, TCA_ACT_TAB) {
		NL_NEST(&m, 1)
			nl_put_str(&m, TCA_ACT_KIND, "mirred");
	}
	if (nl_ask(nl, &m, &why) || why.num == EINVAL)
		return true;
	*e = why;
	return wrap(e, "the kernel has no action mirred");
}
