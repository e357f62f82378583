// SPDX-License-Identifier: Apache-2.0
#include "plugins/bandwidth.h"

#include <errno.h>
#include <linux/if_ether.h>

#include "kernel/tcfilter.h"
#include "lib/str.h"

/*
 * In a qdisc of our own, as the reference has it; behind others. What asks the
 * kernel for a priority gets 0xc000 or less.
 */
#define PRIORITY_OWN 1
#define PRIORITY_GUEST 0xd000

struct filters {
	struct qdisc on;
	struct tcfilter *v;
	size_t n;
};

static bool filters_read(struct nl *nl, struct arena *a, int index, struct filters *ret, struct err *e)
{
	struct filters f = { .n = 0 };

	if (!qdisc_ingress(nl, index, &f.on, e) || (*f.on.kind && !tcfilter_list(nl, a, index, &f.on, &f.v, &f.n, e)))
		return false;
	*ret = f;
	return true;
}

bool divert_leads(struct nl *nl, struct arena *a, int index, int to, bool *ret, struct err *e)
{
	struct filters f;
	bool leads = false;

	if (!filters_read(nl, a, index, &f, e))
		return false;
	for (size_t i = 0; i < f.n; i++)
		leads = leads || f.v[i].redirect == to;
	*ret = leads;
	return true;
}

/* Behind all there is. */
static bool guest_priority(const struct filters *f, uint16_t *ret, struct err *e)
{
	uint16_t last = PRIORITY_GUEST - 1;

	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].priority > last)
			last = f->v[i].priority;
	if (last == UINT16_MAX)
		return fail(e, EEXIST, "a filter of the last priority is there already; nothing can stand behind it");
	*ret = (uint16_t)(last + 1);
	return true;
}

static bool divert_as_guest(struct place *p, int to, struct err *e)
{
	struct filters f;
	uint16_t priority;

	if (!filters_read(&p->nl, p->arena, p->dev.index, &f, e))
		return false;
	if (!*f.on.kind)
		return fail(e, EAGAIN, "the qdisc on the way into %s has just been taken away", p->dev.name);
	return guest_priority(&f, &priority, e) && tcfilter_add_redirect(&p->nl, p->dev.index, &f.on, priority, to, e);
}

bool divert_add(struct place *p, int to, struct err *e)
{
	static const struct qdisc own = { .kind = "ingress", .handle = QDISC_INGRESS };
	struct err why = ERR_INIT, ignored;
	bool done UNUSED;

	if (!qdisc_add_ingress(&p->nl, p->dev.index, &why)) {
		if (why.num == EEXIST)
			return divert_as_guest(p, to, e);
		*e = why;
		return false;
	}
	if (tcfilter_add_redirect(&p->nl, p->dev.index, &own, PRIORITY_OWN, to, e))
		return true;
	done = qdisc_del_ingress(&p->nl, p->dev.index, &ignored);
	return false;
}

bool divert_check(struct place *p, const struct link *to, struct err *e)
{
	struct filters f;
	int elsewhere = 0;

	if (!filters_read(&p->nl, p->arena, p->dev.index, &f, e))
		return false;
	if (!*f.on.kind)
		return fail(e, 0, "interface %s has no ingress qdisc", p->dev.name);
	for (size_t i = 0; i < f.n; i++) {
		if (!f.v[i].all || f.v[i].protocol != ETH_P_ALL || !f.v[i].redirect)
			continue;
		if (f.v[i].redirect == to->index)
			return true;
		elsewhere = f.v[i].redirect;
	}
	if (elsewhere)
		return fail(e, 0, "a filter of interface %s sends to interface number %d, not to %s (number %d)",
			    p->dev.name, elsewhere, to->name, to->index);
	return fail(e, 0, "no filter of interface %s sends all that arrives to %s", p->dev.name, to->name);
}

bool divert_del(struct place *p, int to, struct err *e)
{
	struct filters f;
	bool own = false;
	size_t others = 0;

	if (!filters_read(&p->nl, p->arena, p->dev.index, &f, e))
		return false;
	for (size_t i = 0; i < f.n; i++)
		own = own || (f.v[i].redirect == to && f.v[i].priority == PRIORITY_OWN);
	for (size_t i = 0; i < f.n; i++)
		others += !(own && f.v[i].priority == PRIORITY_OWN);
	if (own && !others && str_eq(f.on.kind, "ingress"))
		return qdisc_del_ingress(&p->nl, p->dev.index, e);
	for (size_t i = 0; i < f.n; i++)
		if (f.v[i].redirect == to && !tcfilter_del(&p->nl, p->dev.index, &f.on, f.v[i].priority, e))
			return false;
	return true;
}
