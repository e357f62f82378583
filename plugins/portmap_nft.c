// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 *	table ip crimp_portmap {
 *		map ports { type inet_proto . inet_service : ipv4_addr . inet_service
 *			elements = { tcp . 8080 comment "net1 6f3a... eth0" : 10.1.0.5 . 80 } }
 *		map ports_on { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service }
 *		set masquerade_all, from_localhost, from_itself, from_10.1.0.0/16 ...
 *		chain publish {
 *			dnat ip to ip daddr . meta l4proto . th dport map @ports_on
 *			dnat ip to meta l4proto . th dport map @ports
 *		}
 *		chain prerouting, output { type nat ...; fib daddr type local jump publish }
 *		chain postrouting { type nat ...; ct status dnat jump hairpin }
 *		chain hairpin {
 *			ip daddr @masquerade_all masquerade
 *			ip saddr 127.0.0.0/8 ip daddr @from_localhost masquerade
 *			ip saddr . ip daddr @from_itself masquerade
 *			ip saddr 10.1.0.0/16 ip daddr @from_10.1.0.0/16 masquerade
 *		}
 *	}
 *
 * A published port is one element, found by the kernel with one look whatever their number, and one port has one
 * owner: the map refuses a second. Hairpin is who needs its source changed so that the answer comes back through us:
 * a neighbour in the container's subnet (itself included), and localhost. from_itself is for addresses that are a
 * subnet of their own. A network with conditions has a group of maps and a chain of its own, suffixed with the hash
 * of the conditions that guard the way into it: ports_1a2b3c4d, publish_1a2b3c4d.
 */
#include <errno.h>
#include <sys/socket.h>

#include "lib/str.h"
#include "plugins/owned.h"
#include "plugins/portmap_conditions.h"
#include "plugins/portmap_form.h"
#include "plugins/subnet.h"

#define TABLE "crimp_portmap"
#define CT_DNAT (1 << 5) /* IPS_DST_NAT */

static const int families[2] = { AF_INET, AF_INET6 };

static uint8_t nfproto(int which)
{
	return which ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

/* What an element needs beyond the table. */
struct need {
	const struct portmap *p;
	int which;                     /* 0: IPv4, 1: IPv6 */
	const struct mapping *mapping; /* of maps */
	const struct cidr *subnet;     /* of from_SUBNET */
	const char *group;             /* suffix; "": none */
};

// ---- table, groups, subnets ----

static void put_map(struct nft_batch *b, const char *name, bool with_address)
{
	uint32_t size = subnet_size(b->family), addr = subnet_type(b->family);
	uint32_t port = nft_type_concat(NFT_TYPE_PROTO, NFT_TYPE_SERVICE);
	struct nft_set s = { .name = name,
			     .key_type = port,
			     .key_len = 8,
			     .data_type = nft_type_concat(addr, NFT_TYPE_SERVICE),
			     .data_len = size + 4 };

	if (with_address) {
		s.key_type = nft_type_concat(nft_type_concat(addr, NFT_TYPE_PROTO), NFT_TYPE_SERVICE);
		s.key_len = size + 8;
	}
	nft_set_new(b, &s);
}

/* dnat ip to [ip daddr .] meta l4proto . th dport map @NAME */
static void put_dnat(struct nft_batch *b, const char *chain, const char *map, bool with_address)
{
	uint32_t slots = subnet_size(b->family) / 4, reg = NFT_REG32_00;
	struct nft_rule r;

	nft_rule_add(b, &r, chain, NULL);
	if (with_address) {
		nft_x_load(&r, subnet_daddr(b->family), reg);
		reg += slots;
	}
	nft_x_load(&r, NFT_F_META_L4PROTO, reg);
	nft_x_load(&r, NFT_F_TH_DPORT, reg + 1);
	nft_x_map(&r, map, NFT_REG32_00, NFT_REG32_00);
	nft_x_dnat(&r, b->family, NFT_REG32_00, NFT_REG32_00 + slots);
	nft_rule_end(&r);
}

/* Both maps of a group, the chain that reads them, and the two ways into it. */
static bool put_group(struct nft_batch *b, const struct need *need, struct err *e)
{
	static const char *const hooks[] = { "prerouting", "output" };
	struct arena *a = need->p->arena;
	struct nft_chain chain = { .name = arena_printf(a, "publish%s", need->group) };
	const char *ports = arena_printf(a, "ports%s", need->group),
		   *ports_on = arena_printf(a, "ports_on%s", need->group);
	struct conditions c = { 0 };
	struct nft_rule r;

	if (*need->group && !conditions_compile(a, &need->p->conditions[need->which], families[need->which], &c, e))
		return false;
	nft_chain_new(b, &chain);
	put_map(b, ports, false);
	put_map(b, ports_on, true);
	put_dnat(b, chain.name, ports_on, true);
	put_dnat(b, chain.name, ports, false);
	for (size_t i = 0; i < ARRAY_LEN(hooks); i++) {
		nft_rule_add(b, &r, hooks[i], NULL);
		conditions_put(&r, &c);
		nft_x_fib_local(&r);
		nft_x_verdict(&r, NFT_JUMP, chain.name);
		nft_rule_end(&r);
	}
	return true;
}

/* ip saddr 10.1.0.0/16 ip daddr @from_10.1.0.0/16 masquerade; without @c: ip daddr @NAME masquerade */
static void put_hairpin(struct nft_batch *b, const char *set, const struct cidr *c)
{
	struct nft_set s = { .name = set, .key_type = subnet_type(b->family), .key_len = subnet_size(b->family) };
	struct nft_rule r;

	nft_set_new(b, &s);
	nft_rule_add(b, &r, "hairpin", NULL);
	if (c)
		nft_x_cidr(&r, subnet_saddr(b->family), NFT_CMP_EQ, c);
	nft_x_load(&r, subnet_daddr(b->family), NFT_REG_1);
	nft_x_lookup(&r, set, NFT_REG_1, false);
	nft_x_masquerade(&r, false);
	nft_rule_end(&r);
}

/* ip saddr . ip daddr @from_itself masquerade */
static void put_from_itself(struct nft_batch *b)
{
	uint32_t addr = subnet_type(b->family), size = subnet_size(b->family);
	struct nft_set s = { .name = "from_itself", .key_type = nft_type_concat(addr, addr), .key_len = 2 * size };
	struct nft_rule r;

	nft_set_new(b, &s);
	nft_rule_add(b, &r, "hairpin", NULL);
	nft_x_load(&r, subnet_saddr(b->family), NFT_REG32_00);
	nft_x_load(&r, subnet_daddr(b->family), NFT_REG32_00 + size / 4);
	nft_x_lookup(&r, s.name, NFT_REG32_00, false);
	nft_x_masquerade(&r, false);
	nft_rule_end(&r);
}

static bool put_table(struct nft_batch *b, const struct need *need, struct err *e)
{
	static const struct nft_chain chains[] = {
		{ "prerouting", "nat", NF_INET_PRE_ROUTING, -100 },
		{ "output", "nat", NF_INET_LOCAL_OUT, -100 },
		{ "postrouting", "nat", NF_INET_POST_ROUTING, 100 },
		{ .name = "hairpin" },
	};
	const struct cidr localhost = { ip4(127, 0, 0, 0), 8 };
	struct need base = *need;
	struct nft_rule r;

	nft_table_add(b, "ports published by crimp");
	for (size_t i = 0; i < ARRAY_LEN(chains); i++)
		nft_chain_new(b, &chains[i]);
	base.group = "";
	if (!put_group(b, &base, e))
		return false;
	nft_rule_add(b, &r, "postrouting", NULL);
	nft_x_flag(&r, NFT_F_CT_STATUS, CT_DNAT);
	nft_x_verdict(&r, NFT_JUMP, "hairpin");
	nft_rule_end(&r);
	put_hairpin(b, "masquerade_all", NULL);
	if (b->family == NFPROTO_IPV4)
		put_hairpin(b, "from_localhost", &localhost);
	put_from_itself(b);
	return true;
}

/* First without the table, for a subnet or a group that is new on this node; then with it. */
static bool declare(struct nl *nl, const struct owned *o, void *arg, struct err *e)
{
	const struct need *need = o->about;
	struct err why = ERR_INIT;
	const size_t room = 8192;
	void *buf = arena_raw(need->p->arena, room);

	(void)arg;
	for (int with_table = !*need->group && !need->subnet; with_table < 2; with_table++) {
		struct nft_batch b;

		nft_begin(&b, nl, buf, room);
		nft_table(&b, o->family, TABLE);
		if ((with_table && !put_table(&b, need, e)) || (*need->group && !put_group(&b, need, e)))
			return false;
		if (need->subnet)
			put_hairpin(&b, o->set, need->subnet);
		if (nft_commit(&b, &why) || why.num == EEXIST)
			return true;
		if (why.num != ENOENT)
			break;
	}
	*e = why;
	return wrap(e, "make nftables table %s", TABLE);
}

// ---- elements ----

static struct owned *new_elem(struct owned_list *l, const struct need *need, const char *set, const char *comment)
{
	struct owned *o = owned_list_add(l);

	*o = (struct owned){
		.family = nfproto(need->which), .table = TABLE, .set = set, .about = owned_bytes(l, need, sizeof(*need))
	};
	o->el.comment = comment;
	return o;
}

static void set_key(struct owned_list *l, struct owned *o, const struct buf *key)
{
	o->el.key = owned_bytes(l, key->data, key->len);
	o->el.key_len = (uint32_t)key->len;
}

static void put_padded(struct buf *b, const void *data, size_t len)
{
	static const char zero[4];

	buf_put(b, data, len);
	buf_put(b, zero, (4 - len % 4) % 4);
}

static void put_port(struct buf *b, int32_t port)
{
	uint8_t be[2] = { (uint8_t)(port >> 8), (uint8_t)port };

	put_padded(b, be, sizeof(be));
}

static void add_mapping(struct owned_list *l, struct need need, const struct mapping *m, const char *comment)
{
	struct arena *a = l->arena;
	const struct ip *addr = &need.p->addr[need.which].ip;
	bool on = !ip_is_unset(&m->host_ip);
	struct buf key, data;
	struct owned *o;

	need.mapping = m;
	buf_init(&key, a, 32);
	buf_init(&data, a, 32);
	if (on)
		put_padded(&key, ip_bytes(&m->host_ip), ip_size(&m->host_ip));
	put_padded(&key, &m->number, 1);
	put_port(&key, m->host_port);
	put_padded(&data, ip_bytes(addr), ip_size(addr));
	put_port(&data, m->container_port);
	o = new_elem(l, &need, arena_printf(a, "ports%s%s", on ? "_on" : "", need.group), comment);
	set_key(l, o, &key);
	o->el.data = owned_bytes(l, data.data, data.len);
	o->el.data_len = (uint32_t)data.len;
}

static void add_addr(struct owned_list *l, struct need need, const char *set, bool pair, const struct cidr *subnet,
		     const char *comment)
{
	const struct ip *addr = &need.p->addr[need.which].ip;
	struct buf key;

	need.subnet = subnet;
	need.group = "";
	buf_init(&key, l->arena, 32);
	buf_put(&key, ip_bytes(addr), ip_size(addr));
	if (pair)
		buf_put(&key, ip_bytes(addr), ip_size(addr));
	set_key(l, new_elem(l, &need, set, comment), &key);
}

static void add_hairpin(struct owned_list *l, const struct need *need, const char *comment)
{
	const struct cidr *c = &need->p->addr[need->which];

	if (need->p->masq_all) {
		add_addr(l, *need, "masquerade_all", false, NULL, comment);
		return;
	}
	if (need->which == 0)
		add_addr(l, *need, "from_localhost", false, NULL, comment);
	if (subnet_is_host(c))
		add_addr(l, *need, "from_itself", true, NULL, comment);
	else
		add_addr(l, *need, subnet_set_name(l->arena, "from_", c), false, c, comment);
}

static const char *group(const struct portmap *p, int which)
{
	const char *id = conditions_id(p->arena, &p->conditions[which]);

	return *id ? arena_printf(p->arena, "_%s", id) : "";
}

static bool same_elem(const struct owned *x, const struct owned *y)
{
	return x->family == y->family && str_eq(x->set, y->set) && x->el.key_len == y->el.key_len &&
	       memcmp(x->el.key, y->el.key, x->el.key_len) == 0;
}

/* A port asked for twice: the first counts, as in a list of rules. */
static void drop_repeated(struct owned_list *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		bool again = false;

		for (size_t k = 0; k < kept && !again; k++)
			again = same_elem(&l->v[i], &l->v[k]);
		if (!again)
			l->v[kept++] = l->v[i];
	}
	l->n = kept;
}

static struct owned_list wanted(const struct portmap *p)
{
	struct owned_list l = { .arena = p->arena };
	const char *comment = attachment_comment(p->arena, &p->at);

	for (int which = 0; which < 2; which++) {
		struct need need = { .p = p, .which = which, .group = p->has_addr[which] ? group(p, which) : "" };
		size_t before = l.n;

		if (!p->has_addr[which])
			continue;
		mappings_each(m, p) if (mapping_fits(m, families[which])) add_mapping(&l, need, m, comment);
		if (l.n > before && p->snat)
			add_hairpin(&l, &need, comment);
	}
	drop_repeated(&l);
	return l;
}

// ---- the verbs ----

/* "NETWORK ID IFNAME" for people. */
static const char *owner_text(struct arena *a, const char *comment)
{
	size_t n = 0;
	char **part = str_split(a, comment ? comment : "", ' ', &n);

	if (n != 3)
		return comment ? comment : "nobody";
	return arena_printf(a, "container %s (network %s, interface %s)", part[1], part[0], part[2]);
}

/*
 * What leads to our own address under another name of our network is a leftover of who had the address before. In
 * another network the same address is somebody else, who is alive for all we know; the kernel sends what is published
 * to one of the two only, so there is no way to serve both. A port that leads elsewhere is in use.
 */
static bool may_replace(const struct owned *o, const struct nft_elem_info *found, void *arg, struct err *e)
{
	const struct need *need = o->about;
	const struct portmap *p = need->p;
	const struct ip *addr = &p->addr[need->which].ip;
	char text[IP_TEXT_MAX];

	(void)arg;
	if (found->comment && str_eq(found->comment, o->el.comment))
		return true;
	if (attachment_is_of(found->comment, p->at.network) &&
	    (!need->mapping ||
	     (found->data.len >= ip_size(addr) && memcmp(found->data.data, ip_bytes(addr), ip_size(addr)) == 0)))
		return true;
	if (need->mapping)
		fail(e, 0, "%s is already published by %s", mapping_text(p->arena, need->mapping),
		     owner_text(p->arena, found->comment));
	else
		fail(e, 0, "address %s already has published ports as that of %s", ip_text(addr, text),
		     owner_text(p->arena, found->comment));
	e->num = EADDRINUSE;
	return false;
}

bool portmap_nft_setup(struct nl *nl, const struct portmap *p, struct err *e)
{
	static const struct owned_rules rules = { .declare = declare, .may_replace = may_replace };
	struct owned_list l = wanted(p);

	return l.n == 0 || owned_add(nl, p->arena, &l, &rules, e);
}

bool portmap_nft_understands(const struct portmap *p, struct err *e)
{
	struct conditions c;

	for (int which = 0; which < 2; which++)
		if (p->has_addr[which] && p->conditions[which].n &&
		    !conditions_compile(p->arena, &p->conditions[which], families[which], &c, e))
			return wrap(e, "conditionsV%c", which ? '6' : '4');
	return true;
}

bool portmap_nft_usable(struct nl *nl, struct arena *a, struct err *e)
{
	struct portmap p = { .arena = a };
	struct need need = { .p = &p, .group = "" };
	struct nft_batch b;

	nft_begin_growing(&b, nl, a);
	nft_table(&b, NFPROTO_IPV4, TABLE "_probe");
	return put_table(&b, &need, e) && nft_try(&b, e);
}

// ---- removing ----

/* Whose elements a sweep takes, and where it notes which ports they were. */
struct sweep {
	int family;
	const char *comment; /* NULL: stale ones of @valid */
	const struct attachments *valid;
	struct flushes *gone;
};

/* Keys of maps end in protocol and port, a slot each; an address may stand in front. */
static void note_port(const struct sweep *s, const struct nft_elem_info *el)
{
	const uint8_t *key = (const uint8_t *)el->key.data;
	size_t size = s->family == AF_INET ? 4 : 16, at = el->key.len - 8;
	struct flush f = { .family = s->family };

	if (!el->data.len || (at != 0 && at != size))
		return;
	if (at)
		f.dst = ip_from_bytes(s->family, key);
	f.protocol = key[at];
	f.port = (uint16_t)(key[at + 4] << 8 | key[at + 5]);
	buf_put(&s->gone->list, &f, sizeof(f));
}

static bool swept(const char *set, const struct nft_elem_info *el, const void *arg)
{
	const struct sweep *s = arg;

	(void)set;
	if (s->comment ? !str_eq(el->comment, s->comment) : !attachments_stale(s->valid, el->comment))
		return false;
	note_port(s, el);
	return true;
}

static bool sweep(struct nft_batch *b, struct arena *a, struct sweep s, struct err *e)
{
	for (int which = 0; which < 2; which++) {
		s.family = families[which];
		if (!owned_sweep(b, a, nfproto(which), TABLE, swept, &s, e))
			return false;
	}
	return true;
}

/*
 * By key when configuration and prevResult say which; by a listing when they do not, or when a part of it is not
 * there.
 */
bool portmap_nft_teardown(struct nft_batch *b, const struct portmap *p, struct flushes *gone, struct err *e)
{
	struct owned_list l = wanted(p);
	bool all = false;

	if (l.n && !owned_del(b, p->arena, &l, &all, e))
		return false;
	return all ||
	       sweep(b, p->arena, (struct sweep){ .comment = attachment_comment(p->arena, &p->at), .gone = gone }, e);
}

bool portmap_nft_gc(struct nft_batch *b, struct arena *a, const struct attachments *valid, struct flushes *gone,
		    struct err *e)
{
	return sweep(b, a, (struct sweep){ .valid = valid, .gone = gone }, e);
}

// ---- checking ----

static bool leads(struct nl *nl, const struct portmap *p, int which, const char *from, const char *to, struct err *e)
{
	const struct owned_rule r = { .family = nfproto(which),
				      .table = TABLE,
				      .chain = from,
				      .jump = to,
				      .kind = str_starts(to, "publish") ? "publish" : to };

	return owned_rule_check(nl, p->arena, &r, e);
}

static bool check_rules(struct nl *nl, const struct portmap *p, const struct owned *o, struct err *e)
{
	const struct need *need = o->about;
	const char *publish = arena_printf(p->arena, "publish%s", need->group);
	const struct owned_rule r = { .family = o->family,
				      .table = TABLE,
				      .chain = need->mapping ? publish : "hairpin",
				      .set = o->set,
				      .ends = need->mapping ? " nat" : " masq" };

	if (!owned_rule_check(nl, p->arena, &r, e))
		return false;
	if (!need->mapping)
		return leads(nl, p, need->which, "postrouting", "hairpin", e);
	return leads(nl, p, need->which, "prerouting", publish, e) && leads(nl, p, need->which, "output", publish, e);
}

bool portmap_nft_check(struct nl *nl, const struct portmap *p, struct err *e)
{
	struct owned_list l = wanted(p);

	if (!owned_check(nl, p->arena, &l, e))
		return false;
	for (size_t i = 0; i < l.n; i++) {
		const struct owned *o = &l.v[i];
		bool same_rules = i && o->family == o[-1].family && str_eq(o->set, o[-1].set);

		if (!same_rules && !check_rules(nl, p, o, e))
			return false;
	}
	return true;
}
