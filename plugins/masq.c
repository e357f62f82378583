// SPDX-License-Identifier: Apache-2.0
#include "plugins/masq.h"

#include <errno.h>
#include <sys/socket.h>

#include "cni/error.h"
#include "lib/str.h"
#include "plugins/masq_form.h"

#define DEL_ROOM (16 * 1024)
#define GC_ROOM (1024 * 1024)
#define RACES 3

bool masq_backend_parse(const char *s, enum masq_backend *ret, struct err *e)
{
	static const struct { const char *name; enum masq_backend backend; } names[] = {
		{ "", MASQ_AUTO }, { "nftables", MASQ_NFTABLES }, { "iptables", MASQ_IPTABLES },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!str_eq(s ? s : "", names[i].name))
			continue;
		*ret = names[i].backend;
		return true;
	}
	return fail_code(e, CNI_INVALID_CONFIG, "unknown ipmasq backend \"%s\"", s);
}

/* The kernel has no nf_tables, or no address translation in it: not a failure of this one request. */
static bool is_missing(int num)
{
	return num == EOPNOTSUPP || num == ENOENT || num == EAFNOSUPPORT || num == EPROTONOSUPPORT || num == EINVAL;
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
	if (backend == MASQ_AUTO && (!is_missing(why.num) || !iptables_usable(a, ip_family(&addrs[0].ip))))
		backend = MASQ_NFTABLES;
	if (backend != MASQ_NFTABLES && masq_iptables_setup(&m, ret_new, &why))
		return true;
	*e = why;
	return wrap(e, "masquerade %s", at->container_id);
}

typedef bool teardown_once(const struct masq *m, bool *ret_changed, struct err *e);

/* One look at every form, one transaction. @ret_changed: something was deleted. */
static bool teardown_all(const struct masq *m, bool *ret_changed, struct err *e)
{
	struct nft_batch b;
	struct iptables t;

	owned_batch(&b, m->arena, m->nl, DEL_ROOM);
	iptables_init(&t, m->arena, m->nl, &b);
	if (!masq_nft_teardown(m, &b, e) || !masq_rules_teardown(m, &b, e) || !masq_iptables_teardown(m, &t, e))
		return false;
	*ret_changed |= nft_batch_changes(&b);
	return nft_commit(&b, e) && iptables_done(&t, e);
}

static bool teardown_ours(const struct masq *m, bool *ret_changed, struct err *e)
{
	struct nft_batch b;

	owned_batch(&b, m->arena, m->nl, 256 + m->n * 256);
	if (!masq_nft_teardown_keyed(m, &b, e))
		return false;
	*ret_changed |= nft_batch_changes(&b);
	return nft_commit(&b, e);
}

static bool teardown(struct masq m, teardown_once *once, struct err *e)
{
	struct nl nl = NL_CLOSED;
	struct err why = ERR_INIT;
	bool ok = false, changed = false;

	m.nl = &nl;
	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	for (int tries = 0; tries < RACES && !ok && (tries == 0 || why.num == ENOENT); tries++)
		ok = once(&m, &changed, &why);
	(changed ? nft_close : nl_close)(&nl);
	if (ok)
		return true;
	*e = why;
	return wrap(e, "stop masquerading %s", m.at->container_id);
}

bool masq_teardown(struct arena *a, const struct attachment *at, const struct cidr *addrs, size_t n, struct err *e)
{
	struct masq m = { a, NULL, at, addrs, n };

	return teardown(m, teardown_all, e);
}

bool masq_teardown_keyed(struct arena *a, const struct attachment *at, const struct cidr *addrs, size_t n,
			 struct err *e)
{
	struct masq m = { a, NULL, at, addrs, n };

	return n == 0 || teardown(m, teardown_ours, e);
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

bool masq_gc(struct arena *a, const char *network, const struct attachment *valid, size_t n, struct err *e)
{
	struct nl nl = NL_CLOSED;
	struct attachments all;
	struct nft_batch b;
	struct iptables t;
	bool ok;

	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	attachments_init(&all, a, network, valid, n);
	owned_batch(&b, a, &nl, GC_ROOM);
	iptables_init(&t, a, &nl, &b);
	ok = masq_nft_gc(&all, &b, a, e) && masq_rules_gc(&all, &b, a, e) && masq_iptables_gc(&all, &t, e) &&
	     nft_commit(&b, e) && iptables_done(&t, e);
	nft_close(&nl);
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
