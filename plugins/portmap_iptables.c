// SPDX-License-Identifier: Apache-2.0
/*
 * Published ports as the reference writes them with iptables, rule by rule, so that either of us can take away what
 * the other made:
 *
 *	CNI-HOSTPORT-DNAT	from PREROUTING and OUTPUT; leads, by protocol and up to 15 ports, to
 *	CNI-DN-...		one per (network, container): marks what needs masquerading, then DNAT
 *	CNI-HOSTPORT-SETMARK	sets the mark
 *	CNI-HOSTPORT-MASQ	from the head of POSTROUTING; masquerades what is marked
 */
#include <sys/socket.h>

#include "lib/str.h"
#include "plugins/portmap_form.h"

#define CHAIN_LEN 28
#define PORTS_PER_RULE 15
#define COMMENT_MAX 253
#define TRIES 3

#define DNAT_CHAIN "CNI-HOSTPORT-DNAT"
#define SNAT_CHAIN "CNI-HOSTPORT-SNAT"
#define MARK_CHAIN "CNI-HOSTPORT-SETMARK"
#define MASQ_CHAIN "CNI-HOSTPORT-MASQ"

static const int families[2] = { AF_INET, AF_INET6 };

static const char *chain_name(const struct portmap *p, const char *prefix)
{
	return attachment_hash_name(p->arena, prefix, p->at.network, p->at.container_id, CHAIN_LEN);
}

/* The text of one iptables-restore run. */
struct script {
	const struct portmap *p;
	int which; /* 0: IPv4, 1: IPv6 */
	enum iptables_front front;
	struct iptables *table;
	struct buf text;
};

// ---- shared chains ----

/* Does @chain have a rule that leads to @to? A missing chain has none. */
static bool leads(struct script *s, const char *chain, const char *to, bool *ret, struct err *e)
{
	struct iptables_rule *rules;
	size_t n;

	if (!iptables_rules(s->table, s->front, families[s->which], chain, &rules, &n, e))
		return false;
	*ret = false;
	for (size_t i = 0; i < n; i++)
		*ret |= rules[i].jump && str_eq(rules[i].jump, to);
	return true;
}

/* The chain with its one rule (NULL: none), if it is not there. */
static bool put_chain(struct script *s, const char *chain, const char *rule, struct err *e)
{
	bool there;

	if (!iptables_chain_exists(s->table, s->front, families[s->which], chain, &there, e))
		return false;
	if (!there)
		buf_printf(&s->text, "-N %s\n", chain);
	if (!there && rule)
		buf_printf(&s->text, "-A %s %s\n", chain, rule);
	return true;
}

static bool put_entry(struct script *s, const char *chain, const char *to, const char *rule, struct err *e)
{
	bool there;

	if (!leads(s, chain, to, &there, e))
		return false;
	if (!there)
		buf_printf(&s->text, "%s -j %s\n", rule, to);
	return true;
}

static bool put_shared(struct script *s, struct err *e)
{
	const struct portmap *p = s->p;
	uint32_t bit = 1U << p->mark_bit;
	const char *set =
		arena_printf(p->arena,
			     "-m comment --comment \"CNI portfwd masquerade mark\" -j MARK --set-xmark 0x%x/0x%x", bit,
			     bit);
	const char *masq = arena_printf(p->arena, "-m mark --mark 0x%x/0x%x -j MASQUERADE", bit, bit);

	if (!put_chain(s, DNAT_CHAIN, NULL, e) ||
	    !put_entry(s, "PREROUTING", DNAT_CHAIN, "-A PREROUTING -m addrtype --dst-type LOCAL", e) ||
	    !put_entry(s, "OUTPUT", DNAT_CHAIN, "-A OUTPUT -m addrtype --dst-type LOCAL", e))
		return false;
	if (!p->snat || p->set_mark_chain)
		return true;
	return put_chain(s, MARK_CHAIN, set, e) && put_chain(s, MASQ_CHAIN, masq, e) &&
	       put_entry(s, "POSTROUTING", MASQ_CHAIN,
			 "-I POSTROUTING 1 -m comment --comment \"CNI portfwd requiring masquerade\"", e);
}

// ---- the container's chain ----

static void put_mark(struct script *s, const char *match, const char *source)
{
	buf_printf(&s->text, "%s -s %s -j %s\n", match, source,
		   s->p->set_mark_chain ? s->p->set_mark_chain : MARK_CHAIN);
}

static void put_mapping(struct script *s, const char *chain, const struct mapping *m)
{
	const struct portmap *p = s->p;
	const struct cidr *c = &p->addr[s->which];
	struct cidr net = { cidr_network(c), c->len };
	char addr[CIDR_TEXT_MAX], host[IP_TEXT_MAX];
	bool on = !ip_is_unset(&m->host_ip);
	const char *match = arena_printf(p->arena, "-A %s -p %s --dport %d%s%s", chain, m->protocol, (int)m->host_port,
					 on ? " -d " : "", on ? ip_text(&m->host_ip, host) : "");

	if (p->snat && p->masq_all)
		put_mark(s, match, s->which ? "::/0" : "0.0.0.0/0");
	else if (p->snat)
		put_mark(s, match, cidr_text(&net, addr));
	if (p->snat && !p->masq_all && s->which == 0)
		put_mark(s, match, "127.0.0.1");
	buf_printf(&s->text, s->which ? "%s -j DNAT --to-destination [%s]:%d\n" : "%s -j DNAT --to-destination %s:%d\n",
		   match, ip_text(&c->ip, addr), (int)m->container_port);
}

static const char *entry_comment(const struct portmap *p)
{
	const char *text = arena_printf(p->arena, "dnat name: \"%s\" id: \"%s\"", p->at.network, p->at.container_id);

	if (strlen(text) > COMMENT_MAX)
		text = arena_printf(p->arena, "%.*s...", COMMENT_MAX, text);
	return iptables_quote(p->arena, text);
}

// ---- whose rule is it ----

static const struct mapping *mapping_of(const struct portmap *p, const char *protocol, long port)
{
	mappings_each(m, p) if (str_eq(m->protocol, protocol) && m->host_port == port) return m;
	return NULL;
}

/* Are all ports that a rule is about ports of ours? Another interface of the container may share the chain. */
static bool is_mine(const struct iptables_rule *r, const void *arg)
{
	const struct portmap *p = arg;
	const char *protocol = iptables_word(p->arena, r, " -p "), *list = iptables_word(p->arena, r, " --dports ");
	char **port;

	list = list ? list : iptables_word(p->arena, r, " --dport ");
	if (!protocol || !list)
		return false;
	for (port = str_split(p->arena, list, ',', NULL); *port; port++)
		if (!mapping_of(p, protocol, strtol(*port, NULL, 10)))
			return false;
	return true;
}

static bool lists(const struct portmap *p, const struct iptables_rule *r, const struct mapping *m)
{
	const char *protocol = iptables_word(p->arena, r, " -p "), *list = iptables_word(p->arena, r, " --dports ");
	char **port;

	if (!protocol || !list || !str_eq(protocol, m->protocol))
		return false;
	for (port = str_split(p->arena, list, ',', NULL); *port; port++)
		if (strtol(*port, NULL, 10) == m->host_port)
			return true;
	return false;
}

/* The rules of the container's chain, and those of DNAT_CHAIN, which may lead there. */
struct found {
	const char *chain;
	struct iptables_rule *inside, *ways;
	size_t n_inside, n_ways;
};

static bool look(struct iptables *t, enum iptables_front f, int family, struct found *ret, struct err *e)
{
	return iptables_saved(t, f, family, ret->chain, &ret->inside, &ret->n_inside, e) &&
	       iptables_saved(t, f, family, DNAT_CHAIN, &ret->ways, &ret->n_ways, e);
}

static bool leads_in(const struct found *f, size_t i)
{
	return f->ways[i].jump && str_eq(f->ways[i].jump, f->chain);
}

static bool is_entered(const struct portmap *p, const struct found *f, const struct mapping *m)
{
	for (size_t i = 0; i < f->n_ways; i++)
		if (leads_in(f, i) && lists(p, &f->ways[i], m))
			return true;
	return false;
}

static bool is_shared(const struct portmap *p, const struct found *f)
{
	for (size_t i = 0; i < f->n_ways; i++)
		if (leads_in(f, i) && !is_mine(&f->ways[i], p))
			return true;
	return false;
}

static bool all_entered(const struct portmap *p, const struct found *f)
{
	mappings_each(m, p) if (!is_entered(p, f, m)) return false;
	return true;
}

/* What an earlier ADD of this interface wrote goes, and is written anew. */
static void drop_mine(struct script *s, const struct iptables_rule *r)
{
	if (is_mine(r, s->p))
		buf_printf(&s->text, "-D%s\n", r->text + 2);
}

// ---- the ways to it ----

/*
 * Rules that lead to the container's chain: by protocol, 15 ports each. Also for ports that are of the other family
 * only, as there: CHECK of the reference looks for the very text.
 */
static void put_entries(struct script *s, const char *chain, const char *protocol)
{
	const struct portmap *p = s->p;
	const struct list *words = &p->conditions[s->which];
	unsigned n = 0;
	struct buf tail;

	buf_init(&tail, p->arena, 128);
	for (size_t i = 0; i < words->n; i++)
		buf_printf(&tail, " %s", iptables_quote(p->arena, ((const char *const *)words->items)[i]));
	buf_printf(&tail, " -j %s\n", chain);
	mappings_each(m, p)
	{
		if (!str_eq(m->protocol, protocol))
			continue;
		if (n == 0)
			buf_printf(&s->text, "-A %s -m comment --comment %s -m multiport -p %s --destination-ports ",
				   DNAT_CHAIN, entry_comment(p), protocol);
		buf_printf(&s->text, "%s%d", n ? "," : "", (int)m->host_port);
		if (++n == PORTS_PER_RULE) {
			buf_puts(&s->text, buf_str(&tail));
			n = 0;
		}
	}
	if (n)
		buf_puts(&s->text, buf_str(&tail));
}

static void put_container(struct script *s, const struct found *f, bool there)
{
	static const char *const protocols[] = { "dccp", "sctp", "tcp", "udp" };
	const struct portmap *p = s->p;
	bool shared = is_shared(p, f);

	if (!shared)
		buf_printf(&s->text, "%s %s\n", there ? "-F" : "-N", f->chain);
	for (size_t i = 0; shared && i < f->n_inside; i++)
		drop_mine(s, &f->inside[i]);
	mappings_each(m, p) if (mapping_fits(m, families[s->which])) put_mapping(s, f->chain, m);
	if (there && all_entered(p, f))
		return;
	for (size_t i = 0; i < f->n_ways; i++)
		if (leads_in(f, i))
			drop_mine(s, &f->ways[i]);
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		put_entries(s, f->chain, protocols[i]);
}

/* @ret_made: no port of ours was led to the container's chain before. */
static bool setup_once(struct nl *nl, const struct portmap *p, int which, bool *ret_made, struct err *e)
{
	struct found found = { .chain = chain_name(p, "CNI-DN-") };
	struct iptables table;
	struct script s = {
		.p = p, .which = which, .front = iptables_front(p->arena, families[which]), .table = &table
	};
	bool there, entered = false;

	iptables_init(&table, p->arena, nl, NULL);
	buf_init(&s.text, p->arena, 1024);
	if (!put_shared(&s, e) || !iptables_chain_exists(&table, s.front, families[which], found.chain, &there, e) ||
	    (there && !look(&table, s.front, families[which], &found, e)))
		return false;
	mappings_each(m, p) entered |= is_entered(p, &found, m);
	put_container(&s, &found, there);
	if (!iptables_restore(p->arena, families[which], buf_bytes(&s.text), e))
		return false;
	*ret_made = !entered;
	return true;
}

/* IPv4 was written before IPv6 failed. */
static void undo_first(struct nl *nl, const struct portmap *p)
{
	struct err ignored;
	struct iptables t;
	struct nft_batch b;
	bool done UNUSED;

	nft_begin_growing(&b, nl, p->arena);
	iptables_init(&t, p->arena, nl, &b);
	done = iptables_unlink_mine(&t, families[0], DNAT_CHAIN, chain_name(p, "CNI-DN-"), is_mine, p, &ignored) &&
	       nft_commit(&b, &ignored) && iptables_done(&t, &ignored);
}

/* Another plugin may make the shared chains between our look and our write. */
bool portmap_iptables_setup(struct nl *nl, const struct portmap *p, struct err *e)
{
	bool made[2] = { false };

	for (int which = 0; which < 2; which++) {
		bool ok = !p->has_addr[which];

		for (int tries = 0; tries < TRIES && !ok; tries++)
			ok = setup_once(nl, p, which, &made[which], e);
		if (ok)
			continue;
		if (made[0])
			undo_first(nl, p);
		return false;
	}
	return true;
}

// ---- the other verbs ----

/* Where nobody knows the ports any more, the chain goes whole. */
static bool unlink_dnat(struct iptables *t, const struct portmap *p, int family, struct err *e)
{
	const char *chain = chain_name(p, "CNI-DN-");

	return p->mappings.n ? iptables_unlink_mine(t, family, DNAT_CHAIN, chain, is_mine, p, e)
			     : iptables_unlink(t, family, DNAT_CHAIN, chain, e);
}

bool portmap_iptables_teardown(struct iptables *t, const struct portmap *p, struct err *e)
{
	for (int which = 0; which < 2; which++)
		if (!unlink_dnat(t, p, families[which], e) ||
		    !iptables_unlink(t, families[which], SNAT_CHAIN, chain_name(p, "CNI-SN-"), e))
			return false;
	return true;
}

static bool has_dnat(const struct portmap *p, int which, const struct found *f, const struct mapping *m)
{
	const char *port = arena_printf(p->arena, "%d", (int)m->host_port);
	char addr[IP_TEXT_MAX];
	const char *to = arena_printf(p->arena, which ? "[%s]:%d" : "%s:%d", ip_text(&p->addr[which].ip, addr),
				      (int)m->container_port);

	for (size_t i = 0; i < f->n_inside; i++) {
		const char *protocol = iptables_word(p->arena, &f->inside[i], " -p ");
		const char *dport = iptables_word(p->arena, &f->inside[i], " --dport ");
		const char *dst = iptables_word(p->arena, &f->inside[i], " --to-destination ");

		if (protocol && dport && dst && str_eq(protocol, m->protocol) && str_eq(dport, port) && str_eq(dst, to))
			return true;
	}
	return false;
}

static bool check_front(struct iptables *t, const struct portmap *p, enum iptables_front f, int which, struct err *e)
{
	struct found found = { .chain = chain_name(p, "CNI-DN-") };
	bool there;

	if (!iptables_chain_exists(t, f, families[which], found.chain, &there, e))
		return false;
	if (!there)
		return fail(e, 0, "chain %s not found in iptables table nat", found.chain);
	if (!look(t, f, families[which], &found, e))
		return false;
	mappings_each(m, p)
	{
		if (!mapping_fits(m, families[which]))
			continue;
		if (!has_dnat(p, which, &found, m))
			return fail(e, 0, "chain %s has no rule for %s in iptables table nat", found.chain,
				    mapping_text(p->arena, m));
		if (!is_entered(p, &found, m))
			return fail(e, 0, "rule -j %s not found in table nat for %s", found.chain,
				    mapping_text(p->arena, m));
	}
	return true;
}

bool portmap_iptables_check(struct nl *nl, const struct portmap *p, struct err *e)
{
	struct iptables t;

	iptables_init(&t, p->arena, nl, NULL);
	for (int which = 0; which < 2; which++) {
		struct err why = ERR_INIT, ignored = ERR_INIT;

		if (!p->has_addr[which] || check_front(&t, p, IPTABLES_NFT, which, &why) ||
		    check_front(&t, p, IPTABLES_LEGACY, which, &ignored))
			continue;
		*e = why;
		return false;
	}
	return true;
}

bool portmap_iptables_gc(struct iptables *t, const struct attachments *valid, struct err *e)
{
	struct iptables_stale dnat = { .prefix = "dnat ", .chain_prefix = "CNI-DN-", .valid = valid };
	struct iptables_stale snat = { .prefix = "snat ", .chain_prefix = "CNI-SN-", .valid = valid };

	for (int which = 0; which < 2; which++)
		if (!iptables_unlink_if(t, families[which], DNAT_CHAIN, iptables_rule_stale, &dnat, e) ||
		    !iptables_unlink_if(t, families[which], SNAT_CHAIN, iptables_rule_stale, &snat, e))
			return false;
	return true;
}
