// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 *	table bridge crimp_spoof {
 *		set guarded { type ifname; elements = { "veth1a2b" comment "net1 6f3a... eth0" } }
 *		set allowed {
 *			type ifname . ether_addr
 *			elements = { "veth1a2b" . 0a:58:0a:01:00:05 comment "net1 6f3a... eth0" }
 *		}
 *		chain prerouting {
 *			type filter hook prerouting priority dstnat; policy accept;
 *			iifname @guarded iifname . ether saddr != @allowed drop
 *		}
 *	}
 *
 * A frame from a guarded port passes if port and sender are a pair that is allowed. The reference makes two chains
 * and four rules per container instead; those are found, checked and removed.
 */
#include "plugins/spoof.h"

#include <errno.h>
#include <net/if.h>

#include "lib/str.h"
#include "plugins/owned.h"

#define TABLE "crimp_spoof"
#define OLD_TABLE "nat" /* bridge family */

enum { PAIR_LEN = IFNAMSIZ + 8 }; /* the MAC is padded to a multiple of 4 */

static void put_table(struct nft_batch *b)
{
	static const struct nft_chain chain = { "prerouting", "filter", NF_INET_PRE_ROUTING, -300 };
	const struct nft_set guarded = { .name = "guarded", .key_type = NFT_TYPE_IFNAME, .key_len = IFNAMSIZ };
	const struct nft_set allowed = { .name = "allowed",
					 .key_type = nft_type_concat(NFT_TYPE_IFNAME, NFT_TYPE_ETHER),
					 .key_len = PAIR_LEN };
	struct nft_rule r;

	nft_table_new(b, "senders of bridge ports, checked by crimp");
	nft_set_add(b, &guarded);
	nft_set_add(b, &allowed);
	nft_chain_add(b, &chain);
	nft_rule_add(b, &r, "prerouting", NULL);
	nft_x_load(&r, NFT_F_META_IIFNAME, NFT_REG_1);
	nft_x_lookup(&r, "guarded", NFT_REG_1, false);
	nft_x_load(&r, NFT_F_META_IIFNAME, NFT_REG32_00);
	nft_x_load(&r, NFT_F_ETHER_SADDR, NFT_REG32_04);
	nft_x_lookup(&r, "allowed", NFT_REG32_00, true);
	nft_x_verdict(&r, NF_DROP, NULL);
	nft_rule_end(&r);
}

static bool declare(struct nl *nl, const struct owned *o, void *arg, struct err *e)
{
	uint8_t buf[2048] __attribute__((aligned(8)));
	struct err why = ERR_INIT;
	struct nft_batch b;

	(void)arg;
	nft_begin(&b, nl, buf, sizeof(buf));
	nft_table(&b, o->family, o->table);
	put_table(&b);
	if (nft_commit(&b, &why) || why.num == EEXIST)
		return true;
	*e = why;
	return wrap(e, "make nftables table %s", TABLE);
}

static struct owned_list wanted(struct arena *a, const struct attachment *at, const char *host_ifname,
				const struct mac *mac)
{
	struct owned_list l = { .arena = a };
	const char *comment = attachment_comment(a, at);
	char key[PAIR_LEN] = "";

	snprintf(key, IFNAMSIZ, "%s", host_ifname);
	memcpy(key + IFNAMSIZ, mac->b, sizeof(mac->b));
	*owned_list_add(&l) = (struct owned){
		.family = NFPROTO_BRIDGE,
		.table = TABLE,
		.set = "guarded",
		.el = { .key = owned_bytes(&l, key, IFNAMSIZ), .key_len = IFNAMSIZ, .comment = comment },
	};
	*owned_list_add(&l) = (struct owned){
		.family = NFPROTO_BRIDGE,
		.table = TABLE,
		.set = "allowed",
		.el = { .key = owned_bytes(&l, key, PAIR_LEN), .key_len = PAIR_LEN, .comment = comment },
	};
	return l;
}

bool spoof_setup(struct arena *a, const struct attachment *at, const char *host_ifname, const struct mac *mac,
		 struct err *e)
{
	static const struct owned_rules rules = { .declare = declare };
	struct owned_list l = wanted(a, at, host_ifname, mac);
	autonl nl = NL_CLOSED;

	return (nl_open(&nl, NETLINK_NETFILTER, e) && owned_add(&nl, a, &l, &rules, e)) ||
	       wrap(e, "guard the sender of %s", host_ifname);
}

// ---- the reference's chains ----

struct old_names {
	const char *comment, *chain[2];
};

static struct old_names old_names(struct arena *a, const struct attachment *at)
{
	const char *chain = arena_printf(a, "cni-br-iface-%s-%s", at->container_id, at->ifname);

	return (struct old_names){ arena_printf(a, "macspoofchk-%s-%s", at->container_id, at->ifname),
				   { chain, arena_printf(a, "%s-mac", chain) } };
}

static bool old_teardown(struct nft_batch *b, struct arena *a, const struct attachment *at, struct err *e)
{
	struct old_names old = old_names(a, at);
	struct nft_rule_info *rules;
	bool there[2];
	size_t n;

	for (int i = 0; i < 2; i++)
		if (!nft_chain_exists(b->nl, NFPROTO_BRIDGE, OLD_TABLE, old.chain[i], &there[i], e))
			return false;
	if (!there[0] && !there[1])
		return true;
	if (!nft_rules(b->nl, a, NFPROTO_BRIDGE, OLD_TABLE, "PREROUTING", &rules, &n, e))
		return false;
	nft_table(b, NFPROTO_BRIDGE, OLD_TABLE);
	for (size_t i = 0; i < n; i++)
		if (rules[i].jump && str_eq(rules[i].jump, old.chain[0]))
			nft_rule_del(b, "PREROUTING", rules[i].handle);
	for (int i = 0; i < 2; i++) { /* the first leads to the second */
		if (there[i])
			nft_chain_flush(b, old.chain[i]);
		if (there[i])
			nft_chain_del(b, old.chain[i]);
	}
	return true;
}

static bool old_exists(struct nl *nl, struct arena *a, const struct attachment *at)
{
	struct old_names old = old_names(a, at);
	struct nft_rule_info *rules;
	struct err ignored;
	bool there;
	size_t n;

	if (!nft_chain_exists(nl, NFPROTO_BRIDGE, OLD_TABLE, old.chain[1], &there, &ignored) || !there ||
	    !nft_rules(nl, a, NFPROTO_BRIDGE, OLD_TABLE, "PREROUTING", &rules, &n, &ignored))
		return false;
	for (size_t i = 0; i < n; i++)
		if (rules[i].jump && str_eq(rules[i].jump, old.chain[0]))
			return true;
	return false;
}

// ---- removing and checking ----

struct withdrawal {
	struct arena *arena;
	const struct attachment *at;
	const char *host_ifname;
	const struct mac *mac;
	bool keyed; /* no sweep */
};

/* Without keys, or where something else lies at them, the comment says which elements they are. */
static bool withdraw_once(struct nft_batch *b, void *arg, struct err *e)
{
	const struct withdrawal *w = arg;
	bool all = false;

	if (w->host_ifname && w->mac) {
		struct owned_list l = wanted(w->arena, w->at, w->host_ifname, w->mac);

		if (!owned_del(b, w->arena, &l, &all, e))
			return false;
	}
	return (all || w->keyed ||
		owned_sweep(b, w->arena, NFPROTO_BRIDGE, TABLE, owned_by, attachment_comment(w->arena, w->at), e)) &&
	       old_teardown(b, w->arena, w->at, e) && nft_commit(b, e);
}

static bool withdraw(struct withdrawal *w, struct err *e)
{
	struct nl nl = NL_CLOSED;
	bool ok, changed;

	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	ok = owned_withdraw(&nl, w->arena, withdraw_once, w, &changed, e);
	(changed ? nft_close : nl_close)(&nl);
	return ok || wrap(e, "stop guarding the sender of %s", w->at->container_id);
}

bool spoof_teardown(struct arena *a, const struct attachment *at, const char *host_ifname, const struct mac *mac,
		    struct err *e)
{
	struct withdrawal w = { .arena = a, .at = at, .host_ifname = host_ifname, .mac = mac };

	return withdraw(&w, e);
}

bool spoof_teardown_keyed(struct arena *a, const struct attachment *at, const char *host_ifname, const struct mac *mac,
			  struct err *e)
{
	struct withdrawal w = { .arena = a, .at = at, .host_ifname = host_ifname, .mac = mac, .keyed = true };

	return !host_ifname || !mac || withdraw(&w, e);
}

static bool rule_check(struct nl *nl, struct arena *a, struct err *e)
{
	static const struct owned_rule rule = { .family = NFPROTO_BRIDGE,
						.table = TABLE,
						.chain = "prerouting",
						.set = "guarded",
						.ends = "meta lookup meta payload lookup immediate" };

	return owned_rule_check(nl, a, &rule, e);
}

bool spoof_check(struct arena *a, const struct attachment *at, const char *host_ifname, const struct mac *mac,
		 struct err *e)
{
	struct owned_list l = wanted(a, at, host_ifname, mac);
	struct err why = ERR_INIT;
	autonl nl = NL_CLOSED;

	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	if ((owned_check(&nl, a, &l, &why) && rule_check(&nl, a, &why)) || old_exists(&nl, a, at))
		return true;
	*e = why;
	return wrap(e, "sender guard of %s", host_ifname);
}

struct gc {
	struct arena *arena;
	struct attachments valid;
};

static bool gc_once(struct nft_batch *b, void *arg, struct err *e)
{
	const struct gc *g = arg;

	return owned_sweep(b, g->arena, NFPROTO_BRIDGE, TABLE, owned_stale, &g->valid, e) && nft_commit(b, e);
}

/* The reference's chains do not say which network they belong to: they wait for their DEL. */
bool spoof_gc(struct arena *a, const char *network, const struct attachment *valid, size_t n, struct err *e)
{
	struct gc g = { .arena = a };
	struct nl nl = NL_CLOSED;
	bool ok, changed;

	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	attachments_init(&g.valid, a, network, valid, n);
	ok = owned_withdraw(&nl, a, gc_once, &g, &changed, e);
	(changed ? nft_close : nl_close)(&nl);
	return ok || wrap(e, "clean up sender guards of network %s", network);
}
