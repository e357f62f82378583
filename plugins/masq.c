// SPDX-License-Identifier: Apache-2.0
#include "plugins/masq.h"

#include <sys/socket.h>

#include "cni/error.h"
#include "lib/str.h"
#include "plugins/masq_form.h"

bool masq_backend_parse(const char *s, enum masq_backend *ret, struct err *e)
{
	static const struct {
		const char *name;
		enum masq_backend backend;
	} names[] = {
		{ "", MASQ_AUTO },
		{ "nftables", MASQ_NFTABLES },
		{ "iptables", MASQ_IPTABLES },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!str_eq(s ? s : "", names[i].name))
			continue;
		*ret = names[i].backend;
		return true;
	}
	return fail_code(e, CNI_INVALID_CONFIG, "unknown ipmasq backend \"%s\"", s);
}

struct cidr *masq_addresses(struct arena *a, const struct result *r, int at, size_t *ret_n)
{
	struct cidr *v = arena_array(a, r->n_ips, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < r->n_ips; i++)
		if (!r->ips[i].has_interface || r->ips[i].interface == at)
			v[n++] = r->ips[i].address;
	*ret_n = n;
	return v;
}

bool masq_setup(struct arena *a, enum masq_backend backend, const struct attachment *at, const struct cidr *addrs,
		size_t n, bool *ret_new, struct err *e)
{
	autonl nl = NL_CLOSED;
	struct masq m = { a, &nl, at, addrs, n };
	struct err why = ERR_INIT;

	if (n == 0) {
		*ret_new = false;
		return true;
	}
	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	if (backend != MASQ_IPTABLES && masq_nft_setup(&m, ret_new, &why))
		return true;
	if (backend == MASQ_AUTO && (!nft_is_missing(why.num) || !iptables_usable(a, ip_family(&addrs[0].ip))))
		backend = MASQ_NFTABLES;
	if (backend == MASQ_NFTABLES)
		*e = why;
	else if (masq_iptables_setup(&m, ret_new, e))
		return true;
	else if (backend == MASQ_AUTO)
		wrap(e, "nftables: %s; iptables", why.text);
	return wrap(e, "masquerade %s", at->container_id);
}

/* One look at every form, one transaction. */
static bool withdraw_all(struct nft_batch *b, void *arg, struct err *e)
{
	const struct masq *m = arg;
	struct iptables t;

	iptables_init(&t, m->arena, m->nl, b);
	return masq_nft_teardown(m, b, e) && masq_rules_teardown(m, b, e) && masq_iptables_teardown(m, &t, e) &&
	       nft_commit(b, e) && iptables_done(&t, e);
}

static bool withdraw_keyed(struct nft_batch *b, void *arg, struct err *e)
{
	return masq_nft_teardown_keyed(arg, b, e) && nft_commit(b, e);
}

static bool teardown(struct masq m, owned_once *once, struct err *e)
{
	struct nl nl = NL_CLOSED;
	bool ok, changed;

	m.nl = &nl;
	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	ok = owned_withdraw(&nl, m.arena, once, &m, &changed, e);
	(changed ? nft_close : nl_close)(&nl);
	return ok || wrap(e, "stop masquerading %s", m.at->container_id);
}

bool masq_teardown(struct arena *a, const struct attachment *at, const struct cidr *addrs, size_t n, struct err *e)
{
	struct masq m = { a, NULL, at, addrs, n };

	return teardown(m, withdraw_all, e);
}

bool masq_teardown_keyed(struct arena *a, const struct attachment *at, const struct cidr *addrs, size_t n,
			 struct err *e)
{
	struct masq m = { a, NULL, at, addrs, n };

	return n == 0 || teardown(m, withdraw_keyed, e);
}

bool masq_check(struct arena *a, const struct attachment *at, const struct cidr *addrs, size_t n, struct err *e)
{
	autonl nl = NL_CLOSED;
	struct masq m = { a, &nl, at, addrs, n };
	struct err why = ERR_INIT, ignored;

	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	if (masq_nft_check(&m, &why) || masq_rules_check(&m, &ignored) || masq_iptables_check(&m, &ignored))
		return true;
	*e = why;
	return wrap(e, "masquerading of %s", at->container_id);
}

struct gc {
	struct arena *arena;
	struct attachments valid;
};

static bool gc_once(struct nft_batch *b, void *arg, struct err *e)
{
	struct gc *g = arg;
	struct iptables t;

	iptables_init(&t, g->arena, b->nl, b);
	return masq_nft_gc(&g->valid, b, g->arena, e) && masq_rules_gc(&g->valid, b, g->arena, e) &&
	       masq_iptables_gc(&g->valid, &t, e) && nft_commit(b, e) && iptables_done(&t, e);
}

bool masq_gc(struct arena *a, const char *network, const struct attachment *valid, size_t n, struct err *e)
{
	struct gc g = { .arena = a };
	struct nl nl = NL_CLOSED;
	bool ok, changed;

	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	attachments_init(&g.valid, a, network, valid, n);
	ok = owned_withdraw(&nl, a, gc_once, &g, &changed, e);
	(changed ? nft_close : nl_close)(&nl);
	return ok || wrap(e, "clean up masquerading of network %s", network);
}

bool masq_status(struct arena *a, enum masq_backend backend, struct err *e)
{
	bool iptables = backend != MASQ_NFTABLES && iptables_usable(a, AF_INET);
	struct err why = ERR_INIT;
	autonl nl = NL_CLOSED;

	if (iptables)
		return true;
	if (backend == MASQ_IPTABLES)
		return fail_code(e, CNI_NOT_AVAILABLE, "masquerading wants iptables-restore, which is not installed");
	if (nl_open(&nl, NETLINK_NETFILTER, &why) && masq_nft_usable(&nl, a, &why))
		return true;
	return fail_code(e, CNI_NOT_AVAILABLE, "the kernel does not take nftables masquerading: %s", why.text);
}
