// SPDX-License-Identifier: Apache-2.0
#include "plugins/firewall_plan.h"

#include <net/if.h>
#include <sys/socket.h>

#include "kernel/addr.h"
#include "lib/str.h"

#define COMMENT "CNI firewall plugin rules"
#define COMMENT_ADMIN "CNI firewall plugin admin overrides"
#define COMMENT_STAGES COMMENT " (ingressPolicy: same-bridge|isolated)"
#define CROWD 256 /* rules */

static const char *const policy_comments[] = {
	[INGRESS_SAME_BRIDGE] = COMMENT " (ingressPolicy: same-bridge)",
	[INGRESS_ISOLATED] = COMMENT " (ingressPolicy: isolated)",
};

// ---- the rules ----

static const struct xt_rule to_allow = { .comment = COMMENT, .jump = "CNI-FORWARD" };
static const struct xt_rule to_stages = { .comment = COMMENT_STAGES, .jump = "CNI-ISOLATION-STAGE-1" };
static const struct xt_rule end_of_stage = { .comment = COMMENT_STAGES, .verdict = NFT_RETURN };

static struct xt_rule to_admin(const char *chain)
{
	return (struct xt_rule){ .comment = COMMENT_ADMIN, .jump = chain };
}

static struct xt_rule leaving(const char *bridge, enum ingress_policy policy)
{
	return (struct xt_rule){ .in = bridge,
				 .out = bridge,
				 .out_not = true,
				 .comment = policy_comments[policy],
				 .jump = fw_chain_names[FW_STAGE2] };
}

static struct xt_rule within(const char *bridge)
{
	return (struct xt_rule){
		.in = bridge, .out = bridge, .comment = policy_comments[INGRESS_ISOLATED], .verdict = NF_DROP
	};
}

static struct xt_rule entering(const char *bridge)
{
	return (struct xt_rule){ .out = bridge, .comment = COMMENT_STAGES, .verdict = NF_DROP };
}

static const char *mark(const struct firewall *f)
{
	return f->policy == INGRESS_OPEN
		       ? f->owner
		       : arena_printf(f->arena, "%s\t%s %s", f->owner, ingress_policy_names[f->policy], f->bridge);
}

/* Two rules per address. */
static struct xt_rule *container_rules(const struct firewall *f, const struct fw_table *t, size_t *ret_n)
{
	int which = t->family == AF_INET6;
	size_t n = 2 * f->n_ips[which];
	struct xt_rule *all = arena_array(f->arena, n, sizeof(*all));
	const char *text = mark(f);

	for (size_t i = 0; i < f->n_ips[which]; i++) {
		all[2 * i] = (struct xt_rule){ .dst = f->ips[which][i],
					       .ct_state = XT_CT_RELATED | XT_CT_ESTABLISHED,
					       .verdict = NF_ACCEPT,
					       .mark = text };
		all[2 * i + 1] = (struct xt_rule){ .src = f->ips[which][i], .verdict = NF_ACCEPT, .mark = text };
	}
	*ret_n = n;
	return all;
}

// ---- finding ----

/* The reference called all rules of the stages "same-bridge" before there was "isolated" (1.7). */
static bool is_rule(const struct xt_rule *have, const struct xt_rule *want)
{
	struct xt_rule x = *have;

	if (x.comment && want->comment && str_eq(want->comment, COMMENT_STAGES) &&
	    str_eq(x.comment, policy_comments[INGRESS_SAME_BRIDGE]))
		x.comment = want->comment;
	return xt_rule_eq(&x, want);
}

/* The index of rule @x, or c->n. */
static size_t find_rule(const struct fw_chain *c, const struct xt_rule *x)
{
	size_t i = 0;

	while (i < c->n && !is_rule(&c->rules[i], x))
		i++;
	return i;
}

static bool has_rule(const struct fw_chain *c, const struct xt_rule *x)
{
	return find_rule(c, x) < c->n;
}

static bool is_owner(const char *text, const char *owner)
{
	size_t len = strlen(owner);

	return text && strncmp(text, owner, len) == 0 && (text[len] == '\0' || text[len] == '\t');
}

/* The address that a container's rule is about; NULL: it is another rule. */
static const struct ip *subject(const struct xt_rule *x)
{
	if (x->other || x->comment || x->jump || x->verdict != NF_ACCEPT || x->in || x->out ||
	    ip_is_unset(&x->src) == ip_is_unset(&x->dst))
		return NULL;
	return ip_is_unset(&x->src) ? &x->dst : &x->src;
}

static bool has_ip(const struct ip *all, size_t n, const struct ip *ip)
{
	for (size_t i = 0; i < n; i++)
		if (ip_eq(&all[i], ip))
			return true;
	return false;
}

/* Made for the attachment: by mark, or by address when nobody has marked it. */
static bool is_of(const struct firewall *f, const struct fw_table *t, const struct xt_rule *x)
{
	int which = t->family == AF_INET6;

	if (x->mark)
		return is_owner(x->mark, f->owner);
	return subject(x) && has_ip(f->ips[which], f->n_ips[which], subject(x));
}

/* A chain of that name that no packet comes to is somebody's own; rules in it would let nobody through. */
static bool want_hook(const struct fw_table *t, struct err *e)
{
	const struct fw_chain *forward = &t->chain[FW_FORWARD];

	if (!forward->there || forward->base)
		return true;
	return fail(e, 0,
		    "chain FORWARD of table filter (%s) in nf_tables is none of iptables: it is not on the hook "
		    "forward",
		    t->family == AF_INET6 ? "ip6" : "ip");
}

static bool wants_allow(enum fw_allow allow, const struct fw_table *t)
{
	const struct fw_chain *forward = &t->chain[FW_FORWARD];

	return allow == FW_ALLOW_ALWAYS || (forward->there && forward->policy == NF_DROP);
}

// ---- adding ----

static void add_forward(struct fw_table *t)
{
	const struct fw_chain *forward = &t->chain[FW_FORWARD];

	if (!forward->there)
		fw_chain_make(t, forward->name);
}

/* Behind the jump to the stages, or pods would be let in before anybody asks for the policy. */
static void add_jump(struct fw_table *t)
{
	const struct fw_chain *forward = &t->chain[FW_FORWARD];
	size_t stages = find_rule(forward, &to_stages);

	if (has_rule(forward, &to_allow))
		return;
	if (stages < forward->n)
		fw_rule_after(t, forward, stages, &to_allow);
	else
		fw_rule_insert(t, forward->name, &to_allow);
}

static bool add_admin(const struct firewall *f, struct fw_table *t, struct err *e)
{
	const struct fw_chain *allow = &t->chain[FW_ALLOW];
	const struct xt_rule jump = to_admin(f->admin_chain);
	struct fw_chain admin;

	if (!fw_table_look(t, f->admin_chain, &admin, e))
		return false;
	if (!admin.there)
		fw_chain_make(t, admin.name);
	if (!has_rule(allow, &jump))
		fw_rule_insert(t, allow->name, &jump);
	return true;
}

/*
 * Of what an earlier ADD, or the reference, has left of this attachment, that which is wanted gets our mark where it
 * stands, and the rest goes.
 */
static void add_container(const struct firewall *f, struct fw_table *t, bool *ret_new)
{
	const struct fw_chain *allow = &t->chain[FW_ALLOW];
	size_t n;
	const struct xt_rule *want = container_rules(f, t, &n);
	bool *found = arena_array(f->arena, n, sizeof(*found));

	for (size_t i = 0; i < allow->n; i++) {
		const struct xt_rule *have = &allow->rules[i];
		size_t k = 0;

		if (!is_of(f, t, have))
			continue;
		*ret_new = false;
		while (k < n && (found[k] || !xt_rule_eq(have, &want[k])))
			k++;
		if (k == n)
			fw_rule_drop(t, allow, i);
		else if (!have->mark || !str_eq(have->mark, want[k].mark))
			fw_rule_remark(t, allow, i, &want[k]);
		if (k < n)
			found[k] = true;
	}
	for (size_t k = 0; k < n; k++)
		if (!found[k])
			fw_rule_append(t, allow->name, &want[k]);
}

static bool add_allow(const struct firewall *f, struct fw_table *t, bool *ret_new, struct err *e)
{
	const struct fw_chain *allow = &t->chain[FW_ALLOW];

	if (!allow->there)
		fw_chain_make(t, allow->name);
	if (!add_admin(f, t, e))
		return false;
	add_jump(t);
	add_container(f, t, ret_new);
	return true;
}

static void insert_missing(struct fw_table *t, const struct fw_chain *c, struct xt_rule x)
{
	if (!has_rule(c, &x))
		fw_rule_insert(t, c->name, &x);
}

static void add_stage(struct fw_table *t, const struct fw_chain *c)
{
	if (!c->there)
		fw_chain_make(t, c->name);
	if (!has_rule(c, &end_of_stage))
		fw_rule_append(t, c->name, &end_of_stage);
}

/* The jump comes before that to CNI-FORWARD; one that stands behind is moved. */
static void add_isolation(const struct firewall *f, struct fw_table *t)
{
	const struct fw_chain *forward = &t->chain[FW_FORWARD], *stage1 = &t->chain[FW_STAGE1];
	size_t jump = find_rule(forward, &to_stages), after = find_rule(forward, &to_allow);

	add_stage(t, &t->chain[FW_STAGE2]);
	add_stage(t, stage1);
	insert_missing(t, &t->chain[FW_STAGE2], entering(f->bridge));
	insert_missing(t, stage1, leaving(f->bridge, f->policy));
	if (f->policy == INGRESS_ISOLATED)
		insert_missing(t, stage1, within(f->bridge));
	if (jump < forward->n && (after > jump || after == forward->n)) {
		t->structural = true;
		return;
	}
	if (jump < forward->n)
		fw_rule_drop(t, forward, jump);
	fw_rule_insert(t, forward->name, &to_stages);
}

bool fw_plan_add(const struct firewall *f, enum fw_allow allow, struct fw_table *t, bool *ret_new, struct err *e)
{
	bool allows = wants_allow(allow, t);

	*ret_new = true;
	if (!allows && f->policy == INGRESS_OPEN)
		return true;
	if (!want_hook(t, e))
		return false;
	add_forward(t);
	if (allows && !add_allow(f, t, ret_new, e))
		return false;
	if (f->policy != INGRESS_OPEN)
		add_isolation(f, t);
	return true;
}

// ---- checking ----

static bool want_rule(struct arena *a, const struct fw_chain *c, const struct xt_rule *x, struct err *e)
{
	if (has_rule(c, x))
		return true;
	return fail(e, 0, "expected rule \"%s\" not found in chain %s of iptables table filter", fw_rule_text(a, x),
		    c->name);
}

/* Nothing that takes or refuses everything stands before rule @x. */
static bool want_reached(struct arena *a, const struct fw_chain *c, const struct xt_rule *x, struct err *e)
{
	size_t at = find_rule(c, x);

	for (size_t i = 0; i < at && at < c->n; i++) {
		struct xt_rule bare = c->rules[i];

		bare.comment = NULL;
		if (xt_rule_eq(&bare, &(struct xt_rule){ .verdict = NF_DROP }) ||
		    xt_rule_eq(&bare, &(struct xt_rule){ .verdict = NF_ACCEPT }))
			return fail(e, 0,
				    "chain %s of iptables table filter never comes to rule \"%s\": before it "
				    "stands \"%s\"",
				    c->name, fw_rule_text(a, x), fw_rule_text(a, &c->rules[i]));
	}
	return want_rule(a, c, x, e);
}

static bool check_allow(const struct firewall *f, const struct fw_table *t, struct err *e)
{
	const struct xt_rule admin = to_admin(f->admin_chain);
	size_t n;
	const struct xt_rule *want = container_rules(f, t, &n);

	if (!want_reached(f->arena, &t->chain[FW_FORWARD], &to_allow, e) ||
	    !want_rule(f->arena, &t->chain[FW_ALLOW], &admin, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!want_reached(f->arena, &t->chain[FW_ALLOW], &want[i], e))
			return false;
	return true;
}

static bool check_isolation(const struct firewall *f, const struct fw_table *t, struct err *e)
{
	const struct fw_chain *forward = &t->chain[FW_FORWARD];
	const struct xt_rule leave = leaving(f->bridge, f->policy), stay = within(f->bridge),
			     enter = entering(f->bridge);

	if (!want_reached(f->arena, forward, &to_stages, e))
		return false;
	if (find_rule(forward, &to_stages) > find_rule(forward, &to_allow))
		return fail(e, 0, "chain FORWARD of iptables table filter lets pods in before it comes to %s",
			    to_stages.jump);
	return want_rule(f->arena, &t->chain[FW_STAGE1], &leave, e) &&
	       (f->policy != INGRESS_ISOLATED || want_rule(f->arena, &t->chain[FW_STAGE1], &stay, e)) &&
	       want_rule(f->arena, &t->chain[FW_STAGE2], &enter, e);
}

bool fw_plan_check(const struct firewall *f, enum fw_allow allow, struct fw_table *t, struct err *e)
{
	bool allows = wants_allow(allow, t);

	if (!allows && f->policy == INGRESS_OPEN)
		return true;
	return want_hook(t, e) && (!allows || check_allow(f, t, e)) &&
	       (f->policy == INGRESS_OPEN || check_isolation(f, t, e));
}

// ---- removing ----

/* A removal on its way through a table. */
struct removing {
	const struct fw_removal *r;
	struct fw_table *t;
	size_t forward_left; /* rules of FORWARD */
	size_t chains_gone;
};

static bool is_gone(const struct removing *g, const struct xt_rule *x)
{
	if (!g->r->stale)
		return is_of(g->r->f, g->t, x);
	return x->mark && attachments_stale(g->r->stale, arena_strndup(g->t->arena, x->mark, strcspn(x->mark, "\t")));
}

/*
 * Whoever takes the last rule takes the chains, so a plan relies on which rules are there; but not where so many stay
 * that all their pods will hardly go at this very moment. Else on a crowded node DELs would send each other back.
 */
static bool drop_containers(struct removing *g)
{
	const struct fw_chain *allow = &g->t->chain[FW_ALLOW];
	bool structural = g->t->structural;
	size_t gone = 0;

	for (size_t i = 0; i < allow->n; i++) {
		if (!is_gone(g, &allow->rules[i]))
			continue;
		fw_rule_drop(g->t, allow, i);
		gone++;
	}
	if (allow->n - gone > CROWD)
		g->t->structural = structural;
	return gone > 0;
}

/* Rules of FORWARD that are @jump, word for word: others to the same chain are somebody else's. */
static size_t count_jumps(const struct removing *g, const struct xt_rule *jump)
{
	const struct fw_chain *forward = &g->t->chain[FW_FORWARD];
	size_t n = 0;

	for (size_t i = 0; i < forward->n; i++)
		n += is_rule(&forward->rules[i], jump);
	return n;
}

static void drop_jumps(struct removing *g, const struct xt_rule *jump)
{
	const struct fw_chain *forward = &g->t->chain[FW_FORWARD];

	for (size_t i = 0; i < forward->n; i++) {
		if (!is_rule(&forward->rules[i], jump))
			continue;
		fw_rule_drop(g->t, forward, i);
		g->forward_left--;
	}
}

/* Does anything but rules of @from, which goes first, lead to the chain? */
static bool is_held(const struct fw_chain *c, const struct fw_chain *from)
{
	size_t n = 0;

	for (size_t i = 0; i < from->n; i++)
		n += from->rules[i].jump && str_eq(from->rules[i].jump, c->name);
	return c->refs > n;
}

static void drop_chain(struct removing *g, const struct fw_chain *c)
{
	fw_chain_drop(g->t, c);
	g->chains_gone++;
}

/* Can the address be on that bridge? Without a subnet of its family the bridge cannot tell, so it can. */
static bool can_be_on(const struct removing *g, const char *bridge, const struct ip *ip)
{
	int index = (int)if_nametoindex(bridge);
	struct err ignored;
	autonl nl = NL_CLOSED;
	struct addr *all;
	bool any = false;
	size_t n;

	if (!index)
		return false;
	if (!nl_open(&nl, NETLINK_ROUTE, &ignored) ||
	    !addr_list(&nl, g->t->arena, g->t->family, index, &all, &n, &ignored))
		return true;
	for (size_t i = 0; i < n; i++) {
		if (cidr_has(&all[i].cidr, ip))
			return true;
		any |= !ip_is_link_local(&all[i].cidr.ip);
	}
	return !any;
}

/* @policy INGRESS_OPEN: any. */
static bool claims(const char *text, const char *bridge, enum ingress_policy policy)
{
	const char *claim = strchr(text, '\t');

	for (enum ingress_policy p = INGRESS_SAME_BRIDGE; claim && p <= INGRESS_ISOLATED; p++) {
		const char *name = ingress_policy_names[p];
		size_t len = strlen(name);

		if ((policy == p || policy == INGRESS_OPEN) && strncmp(claim + 1, name, len) == 0 &&
		    claim[1 + len] == ' ' && str_eq(claim + 2 + len, bridge))
			return true;
	}
	return false;
}

static bool is_needed(const struct removing *g, const char *bridge, enum ingress_policy policy)
{
	const struct fw_chain *allow = &g->t->chain[FW_ALLOW];

	for (size_t i = 0; i < allow->n; i++) {
		const struct xt_rule *x = &allow->rules[i];

		if (allow->dropped[i] || !subject(x))
			continue;
		if (x->mark ? claims(x->mark, bridge, policy) : can_be_on(g, bridge, subject(x)))
			return true;
	}
	for (size_t i = 0; i < g->r->n_others; i++)
		if (ip_family(&g->r->others[i]) == g->t->family && can_be_on(g, bridge, &g->r->others[i]))
			return true;
	return false;
}

/* The bridge and policy of a rule of the stages; false: it is none of ours. */
static bool about_bridge(const struct xt_rule *x, const char **bridge, enum ingress_policy *policy)
{
	const struct xt_rule enter = entering(x->out);

	*bridge = x->out;
	if (!x->out)
		return false;
	for (*policy = INGRESS_SAME_BRIDGE; *policy <= INGRESS_ISOLATED; ++*policy) {
		const struct xt_rule leave = leaving(x->out, *policy), stay = within(x->out);

		if (xt_rule_eq(x, &leave) || (*policy == INGRESS_ISOLATED && xt_rule_eq(x, &stay)))
			return true;
	}
	*policy = INGRESS_OPEN;
	return is_rule(x, &enter);
}

/* How many rules stay, the last one not counted. */
static size_t drop_stage(struct removing *g, const struct fw_chain *c)
{
	size_t left = 0;

	for (size_t i = 0; i < c->n; i++) {
		enum ingress_policy policy;
		const char *bridge;

		if (is_rule(&c->rules[i], &end_of_stage))
			continue;
		if (about_bridge(&c->rules[i], &bridge, &policy) && !is_needed(g, bridge, policy))
			fw_rule_drop(g->t, c, i);
		else
			left++;
	}
	return left;
}

static void drop_isolation(struct removing *g)
{
	const struct fw_chain *stage1 = &g->t->chain[FW_STAGE1], *stage2 = &g->t->chain[FW_STAGE2];
	size_t left = drop_stage(g, stage1);

	left += drop_stage(g, stage2);
	if (left || g->r->rules_only || (!stage1->there && !stage2->there))
		return;
	if (stage1->refs > count_jumps(g, &to_stages) || is_held(stage2, stage1))
		return;
	drop_jumps(g, &to_stages);
	if (stage1->there)
		drop_chain(g, stage1);
	if (stage2->there)
		drop_chain(g, stage2);
}

/*
 * CNI-FORWARD holds nothing but jumps to chains of administrators, these are empty, and only our own jump leads to it:
 * it goes, and those of them that we made and nobody else uses.
 */
static bool drop_allow(struct removing *g, struct err *e)
{
	const struct fw_chain *allow = &g->t->chain[FW_ALLOW];
	struct fw_chain *admin = arena_array(g->t->arena, allow->n, sizeof(*admin));
	size_t n = 0;

	for (size_t i = 0; i < allow->n; i++) {
		const struct xt_rule *x = &allow->rules[i], jump = to_admin(x->jump);

		if (allow->dropped[i])
			continue;
		if (!x->jump || !xt_rule_eq(x, &jump))
			return true;
		if (find_rule(allow, x) < i)
			continue;
		if (!fw_table_look(g->t, x->jump, &admin[n], e))
			return false;
		if (admin[n++].n)
			return true;
	}
	if (!allow->there || allow->refs > count_jumps(g, &to_allow))
		return true;
	drop_jumps(g, &to_allow);
	drop_chain(g, allow);
	for (size_t i = 0; i < n; i++)
		if (admin[i].made && !is_held(&admin[i], allow))
			drop_chain(g, &admin[i]);
	return true;
}

static void drop_table(struct removing *g)
{
	const struct fw_chain *forward = &g->t->chain[FW_FORWARD];

	if (g->t->front != IPTABLES_NFT || !forward->made || g->forward_left || forward->policy != NF_ACCEPT)
		return;
	drop_chain(g, forward);
	if (g->t->made && g->t->use == g->chains_gone)
		fw_table_drop(g->t);
}

bool fw_plan_remove(const struct fw_removal *r, struct fw_table *t, struct err *e)
{
	struct removing g = { .r = r, .t = t, .forward_left = t->chain[FW_FORWARD].n };

	if (!drop_containers(&g) && !r->zone)
		return true;
	drop_isolation(&g);
	if (r->rules_only)
		return true;
	if (!drop_allow(&g, e))
		return false;
	drop_table(&g);
	return true;
}
