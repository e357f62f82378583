// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "plugins/sbr.h"

#define FIRST_TABLE 100

static struct rule rule_of(const struct sbr_address *a)
{
	struct cidr host = cidr_host(&a->address.ip);

	return (struct rule){
		.family = ip_family(&host.ip),
		.src = host,
		.has_src = true,
		.table = a->table,
	};
}

static struct kroute default_route(const struct sbr *s, const struct sbr_address *a)
{
	static const uint8_t zero[16];

	return (struct kroute){
		.dst.ip = ip_from_bytes(ip_family(&a->address.ip), zero),
		.gw = a->gateway,
		.oif = s->index,
		.table = a->table,
	};
}

static struct cidr subnet_of(const struct sbr_address *a)
{
	return (struct cidr){ cidr_network(&a->address), a->address.len };
}

static bool has_subnet(const struct sbr_address *a)
{
	return a->address.len < ip_bits(&a->address.ip);
}

static bool in_some_subnet(const struct sbr *s, const struct ip *ip)
{
	for (size_t i = 0; i < s->n; i++)
		if (cidr_has(&s->addresses[i].address, ip))
			return true;
	return false;
}

/* fe80::/10 and ff00::/8: said with the interface, so no other interface's routes compete. */
static bool is_of_link(const struct kroute *r)
{
	const struct ip *dst = &r->dst.ip;

	return !ip_is4(dst) && ((r->dst.len >= 10 && ip_is_link_local(dst)) || (r->dst.len >= 8 && dst->b[0] == 0xff));
}

/*
 * Does the main table's route belong into the table of @a? The reference takes those whose source or gateway lies in
 * the address's subnet, and those that have neither, of whatever family: here of the address's own. A gateway that is
 * in nobody's subnet (it is reached by a route of its own) it takes nowhere, and then removes the route: here it goes
 * to all addresses of its family.
 */
static bool belongs(const struct sbr *s, const struct sbr_address *a, const struct kroute *r)
{
	bool src = !ip_is_unset(&r->src), gw = !ip_is_unset(&r->gw);
	bool family = ip_is4(&r->dst.ip) == ip_is4(&a->address.ip);

	if (a->gateway_given && r->dst.len == 0 && family)
		return false;
	if ((!src && !gw && family) || (src && cidr_has(&a->address, &r->src)) || (gw && cidr_has(&a->address, &r->gw)))
		return true;
	return gw && family && !in_some_subnet(s, &r->gw) && (!src || !in_some_subnet(s, &r->src));
}

// ---- tables ----

static bool table_is_used(uint32_t table, const struct rule *rules, size_t n_rules, const struct kroute *routes,
			  size_t n_routes)
{
	for (size_t i = 0; i < n_rules; i++)
		if (rules[i].table == table)
			return true;
	for (size_t i = 0; i < n_routes; i++)
		if (routes[i].table == table)
			return true;
	return table >= RT_TABLE_DEFAULT && table <= RT_TABLE_LOCAL;
}

/* Has an earlier ADD done its work for this address? A rule that leads to nothing of ours is what a lost one left. */
static bool is_served(const struct sbr *s, const struct sbr_address *a, const struct rule *rule,
		      const struct kroute *routes, size_t n_routes)
{
	if (!rule_is_of(rule, &a->address.ip))
		return false;
	if (s->conf->table)
		return rule->table == s->conf->table;
	for (size_t i = 0; i < n_routes; i++)
		if (routes[i].table == rule->table && routes[i].oif == s->index && rule->table != RT_TABLE_MAIN)
			return true;
	return false;
}

static bool refuse_served(const struct sbr *s, const struct rule *rules, size_t n_rules, const struct kroute *routes,
			  size_t n_routes, struct err *e)
{
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < n_rules; k++)
			if (is_served(s, &s->addresses[i], &rules[k], routes, n_routes))
				return fail(e, EEXIST, "Failed to add rule: %s is led to table %u already",
					    ip_text(&s->addresses[i].address.ip, text), rules[k].table);
	return true;
}

static void take_main(struct sbr *s, const struct kroute *routes, size_t n)
{
	s->main = arena_array(s->arena, n, sizeof(*s->main));
	for (size_t i = 0; i < n; i++) {
		if (routes[i].oif != s->index || routes[i].table != RT_TABLE_MAIN || routes[i].type != RTN_UNICAST)
			continue;
		s->main[s->n_main] = routes[i];
		s->main[s->n_main++].flags &= RTNH_F_ONLINK;
	}
}

/* See what is there, and choose. Nothing is changed. */
static bool plan(struct sbr *s, struct err *e)
{
	struct route_filter all = { 0 };
	uint32_t table = FIRST_TABLE;
	struct kroute *routes;
	size_t n_rules, n_routes;
	struct rule *rules;

	if (!rule_list(s->nl, s->arena, AF_UNSPEC, &rules, &n_rules, e) ||
	    !route_list(s->nl, s->arena, &all, &routes, &n_routes, e) ||
	    !refuse_served(s, rules, n_rules, routes, n_routes, e))
		return false;
	if (s->conf->table)
		return true;
	take_main(s, routes, n_routes);
	for (size_t i = 0; i < s->n; i++, table++) {
		while (table_is_used(table, rules, n_rules, routes, n_routes))
			table++;
		s->addresses[i].table = table;
	}
	return true;
}

// ---- making ----

static bool make_rules(struct sbr *s, struct err *e)
{
	for (s->ruled = 0; s->ruled < s->n; s->ruled++) {
		struct rule rule = rule_of(&s->addresses[s->ruled]);

		if (!rule_add(s->nl, &rule, e))
			return wrap(e, "Failed to add rule");
	}
	return true;
}

/* Another next hop of a route that has been copied: IPv6 keeps them apart, and replacing would lose the first. */
static bool is_sibling(const struct sbr *s, const struct sbr_address *a, size_t i)
{
	const struct kroute *r = &s->main[i];

	for (size_t k = 0; k < i && !ip_is4(&r->dst.ip); k++) {
		const struct kroute *o = &s->main[k];

		if (o->dst.len == r->dst.len && ip_eq(&o->dst.ip, &r->dst.ip) && o->priority == r->priority &&
		    ip_is_unset(&o->gw) == ip_is_unset(&r->gw) && belongs(s, a, o))
			return true;
	}
	return false;
}

/* Routes without a gateway first: the others may need them to reach theirs. */
static bool copy_routes(const struct sbr *s, const struct sbr_address *a, bool with_gateway, struct err *e)
{
	for (size_t i = 0; i < s->n_main; i++) {
		struct kroute copy = s->main[i];

		if (ip_is_unset(&copy.gw) == with_gateway || !belongs(s, a, &copy))
			continue;
		copy.table = a->table;
		if (!route_add(s->nl, &copy, NLM_F_CREATE | (is_sibling(s, a, i) ? NLM_F_APPEND : NLM_F_REPLACE), e))
			return wrap(e, "Failed to readd route");
	}
	return true;
}

static bool fill_table(const struct sbr *s, const struct sbr_address *a, struct err *e)
{
	struct kroute way_out = default_route(s, a);
	char gw[IP_TEXT_MAX];

	if (!copy_routes(s, a, false, e))
		return false;
	if (!ip_is_unset(&a->gateway) && !route_add(s->nl, &way_out, NLM_F_CREATE | NLM_F_REPLACE, e))
		return wrap(e, "Failed to add default route to %s", ip_text(&a->gateway, gw));
	return copy_routes(s, a, true, e);
}

static struct kroute hint(const struct sbr *s, const struct sbr_address *a)
{
	return (struct kroute){
		.dst = subnet_of(a),
		.src = a->address.ip,
		.oif = s->index,
		.scope = RT_SCOPE_LINK,
		.has_scope = true,
	};
}

static bool make_hints(const struct sbr *s, struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		struct kroute h = hint(s, &s->addresses[i]);

		if (has_subnet(&s->addresses[i]) && !route_add(s->nl, &h, NLM_F_CREATE | NLM_F_REPLACE, e))
			return wrap(e, "addSourceHints");
	}
	return true;
}

static bool leave_main(struct sbr *s, struct err *e)
{
	struct err why;

	s->main_touched = true;
	if (s->conf->source_hints && !make_hints(s, e))
		return false;
	for (size_t i = 0; i < s->n_main; i++) {
		if ((s->conf->source_hints && s->main[i].scope == RT_SCOPE_LINK) || is_of_link(&s->main[i]))
			continue;
		if (route_del(s->nl, &s->main[i], &why) || why.num == ESRCH)
			continue;
		*e = why;
		return wrap(e, "Failed to delete route");
	}
	return true;
}

// ---- taking back ----

/* What the interface has in @table, unless that is one of the kernel's own. */
static bool empty_table(const struct sbr *s, uint32_t table, struct err *e)
{
	struct route_filter f = { .table = table, .oif = s->index };
	struct errs all = { .count = 0 };
	struct kroute *routes;
	size_t n;

	if (!s->index || table < FIRST_TABLE || (table >= RT_TABLE_DEFAULT && table <= RT_TABLE_LOCAL))
		return true;
	if (!route_list(s->nl, s->arena, &f, &routes, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;

		if (!route_del(s->nl, &routes[i], &why) && why.num != ESRCH)
			errs_add(&all, &why);
	}
	return errs_done(&all, e);
}

/* Best effort: it says nothing about why we are here. */
static void restore_main(const struct sbr *s)
{
	struct err ignored;
	bool done UNUSED;

	for (size_t i = 0; i < s->n && s->conf->source_hints; i++) {
		struct kroute h = hint(s, &s->addresses[i]);

		h.protocol = RTPROT_BOOT;
		done = route_del(s->nl, &h, &ignored);
	}
	for (unsigned with_gateway = 0; with_gateway < 2; with_gateway++)
		for (size_t i = 0; i < s->n_main; i++)
			if (!ip_is_unset(&s->main[i].gw) == with_gateway)
				done = route_add(s->nl, &s->main[i], NLM_F_CREATE | NLM_F_APPEND, &ignored);
}

static void undo(const struct sbr *s)
{
	struct err ignored;
	bool done UNUSED;

	if (s->main_touched)
		restore_main(s);
	for (size_t i = s->ruled; i-- > 0;) {
		struct rule rule = rule_of(&s->addresses[i]);

		done = rule_del(s->nl, &rule, &ignored);
	}
	for (size_t i = 0; i < s->n && !s->conf->table; i++)
		done = empty_table(s, s->addresses[i].table, &ignored);
}

static bool make(struct sbr *s, struct err *e)
{
	if (!make_rules(s, e))
		return false;
	if (s->conf->table)
		return true;
	for (size_t i = 0; i < s->n; i++)
		if (!fill_table(s, &s->addresses[i], e))
			return false;
	return leave_main(s, e);
}

bool sbr_make(struct sbr *s, struct err *e)
{
	if (!plan(s, e))
		return false;
	if (make(s, e))
		return true;
	undo(s);
	return false;
}

static bool is_one_of(const struct sbr *s, const struct rule *rule)
{
	if (s->conf->table && rule->table != s->conf->table)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (rule_is_of(rule, &s->addresses[i].address.ip))
			return true;
	return false;
}

bool sbr_withdraw(const struct sbr *s, struct err *e)
{
	struct errs all = { .count = 0 };
	struct err none = ERR_INIT;
	struct rule *rules;
	size_t n;

	if (!rule_list(s->nl, s->arena, AF_UNSPEC, &rules, &n, &none)) {
		if (none.num == EOPNOTSUPP || none.num == EAFNOSUPPORT)
			return true;
		*e = none;
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;

		if (!is_one_of(s, &rules[i]))
			continue;
		if (!rule_del(s->nl, &rules[i], &why) && why.num != ENOENT)
			errs_add(&all, &why);
		if (!s->conf->table && !empty_table(s, rules[i].table, &why))
			errs_add(&all, &why);
	}
	return errs_done(&all, e);
}

// ---- verifying ----

struct seen {
	struct rule *rules;
	struct kroute *routes; /* of the interface, in all tables */
	size_t n_rules, n_routes;
};

static bool seen_route(const struct seen *v, const struct kroute *want)
{
	for (size_t i = 0; i < v->n_routes; i++) {
		const struct kroute *have = &v->routes[i];

		if (have->table == want->table && have->dst.len == want->dst.len && have->type == RTN_UNICAST &&
		    ip_eq(&have->dst.ip, &want->dst.ip) && (ip_is_unset(&want->gw) || ip_eq(&have->gw, &want->gw)) &&
		    (ip_is_unset(&want->src) || ip_eq(&have->src, &want->src)))
			return true;
	}
	return false;
}

static struct ip family_gateway(const struct sbr *s, const struct ip *like)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct sbr_address *a = &s->addresses[i];

		if (ip_is4(&a->address.ip) == ip_is4(like) && !ip_is_unset(&a->gateway) && !a->gateway_given)
			return a->gateway;
	}
	return (struct ip){ { 0 } };
}

/* A route of prevResult that ADD has copied for this address. What named a table has never been in the main one. */
static bool is_promised(const struct sbr *s, const struct sbr_address *a, const struct result_route *route,
			struct kroute *ret)
{
	if (ip_is4(&route->dst.ip) != ip_is4(&a->address.ip) || (route->has_table && route->table != RT_TABLE_MAIN))
		return false;
	if (a->gateway_given && route->dst.len == 0)
		return false;
	*ret = (struct kroute){
		.dst = { cidr_network(&route->dst), route->dst.len },
		.gw = ip_is_unset(&route->gw) ? family_gateway(s, &route->dst.ip) : route->gw,
		.table = a->table,
	};
	return ip_is_unset(&ret->gw) || cidr_has(&a->address, &ret->gw);
}

static bool missing(const struct sbr_address *a, const struct kroute *r, struct err *e)
{
	char ip[IP_TEXT_MAX], dst[CIDR_TEXT_MAX];

	return fail(e, 0, "table %u, to which packets from %s are led, has no route to %s", a->table,
		    ip_text(&a->address.ip, ip), cidr_text(&r->dst, dst));
}

static bool verify_table(const struct sbr *s, const struct seen *v, const struct sbr_address *a,
			 const struct result *prev, struct err *e)
{
	struct kroute near = { .dst = subnet_of(a), .table = a->table }, way_out = default_route(s, a), promised;

	if (has_subnet(a) && !seen_route(v, &near))
		return missing(a, &near, e);
	if (!ip_is_unset(&a->gateway) && !seen_route(v, &way_out))
		return missing(a, &way_out, e);
	for (size_t i = 0; i < prev->n_routes; i++)
		if (is_promised(s, a, &prev->routes[i], &promised) && !seen_route(v, &promised))
			return missing(a, &promised, e);
	return true;
}

/* Rules may be left by others: one that leads to a good table is enough, and the first failure says the most. */
static bool verify_address(const struct sbr *s, const struct seen *v, const struct sbr_address *a,
			   const struct result *prev, struct err *e)
{
	struct sbr_address found = *a;
	struct err why = ERR_INIT;
	char text[IP_TEXT_MAX];
	bool any = false;

	for (size_t i = 0; i < v->n_rules; i++) {
		found.table = v->rules[i].table;
		if (!rule_is_of(&v->rules[i], &a->address.ip) || (s->conf->table && found.table != s->conf->table))
			continue;
		if (s->conf->table || verify_table(s, v, &found, prev, any ? &(struct err){ 0 } : &why))
			return true;
		any = true;
	}
	if (!any)
		return fail(e, 0, "no rule leads packets from %s to %s", ip_text(&a->address.ip, text),
			    s->conf->table ? "the configured table" : "a table of their own");
	*e = why;
	return false;
}

/* Two addresses of one subnet have one hint between them. */
static bool verify_hint(const struct sbr *s, const struct seen *v, const struct sbr_address *a, struct err *e)
{
	struct cidr subnet = subnet_of(a);
	char text[CIDR_TEXT_MAX];

	if (!s->conf->source_hints || !has_subnet(a))
		return true;
	for (size_t i = 0; i < s->n; i++) {
		struct kroute want = hint(s, &s->addresses[i]);

		want.table = RT_TABLE_MAIN;
		if (want.dst.len == subnet.len && ip_eq(&want.dst.ip, &subnet.ip) && seen_route(v, &want))
			return true;
	}
	return fail(e, 0, "the main table's route to %s has no source hint", cidr_text(&subnet, text));
}

bool sbr_verify(const struct sbr *s, const struct result *prev, struct err *e)
{
	struct route_filter f = { .oif = s->index };
	struct seen v;

	if (!rule_list(s->nl, s->arena, AF_UNSPEC, &v.rules, &v.n_rules, e) ||
	    !route_list(s->nl, s->arena, &f, &v.routes, &v.n_routes, e))
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (!verify_address(s, &v, &s->addresses[i], prev, e) || !verify_hint(s, &v, &s->addresses[i], e))
			return false;
	return true;
}
