// SPDX-License-Identifier: Apache-2.0
#include "plugins/tables.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "kernel/link.h"
#include "kernel/rule.h"
#include "lib/str.h"

static bool covers_any(const struct rule *r, const struct addr *addrs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rule_covers(r, &addrs[i].cidr.ip))
			return true;
	return false;
}

/* 0: it is no port of a VRF. */
static bool vrf_table(struct nl *nl, int index, uint32_t *ret, struct err *e)
{
	struct link l, master;

	*ret = 0;
	if (!link_get_index(nl, index, &l, e))
		return false;
	if (!l.master)
		return true;
	if (!link_get_index(nl, l.master, &master, e))
		return false;
	if (str_eq(master.kind, "vrf"))
		*ret = master.table;
	return true;
}

bool tables_read(struct nl *nl, struct arena *a, int index, const struct addr *addrs, size_t n, struct tables *ret,
		 struct err *e)
{
	struct rule *rules = NULL;
	struct err why = ERR_INIT;
	size_t n_rules = 0;
	struct tables t;
	uint32_t vrf;

	if (!vrf_table(nl, index, &vrf, e))
		return false;
	/* A kernel without rules has the main table alone. */
	if (!rule_list(nl, a, AF_UNSPEC, &rules, &n_rules, &why) && why.num != EOPNOTSUPP && why.num != EAFNOSUPPORT) {
		*e = why;
		return false;
	}
	t.v = arena_array(a, n_rules + 2, sizeof(*t.v));
	t.v[0] = RT_TABLE_MAIN;
	t.n = 1;
	if (vrf)
		t.v[t.n++] = vrf;
	for (size_t i = 0; i < n_rules; i++)
		if (covers_any(&rules[i], addrs, n))
			t.v[t.n++] = rules[i].table;
	*ret = t;
	return true;
}

bool tables_have(const struct tables *t, uint32_t table)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i] == table)
			return true;
	return false;
}
