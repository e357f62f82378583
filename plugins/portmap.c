// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Ports of the host lead to a container. The kernel state has three forms (portmap_form.h); ADD makes one of them,
 * DEL removes all of them, CHECK is content with any, GC cleans what says which network it belongs to. Connections
 * that the kernel already tracks keep their old way, so UDP entries of the host ports are forgotten after ADD and
 * after DEL; that is best effort, a port works without.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "kernel/conntrack.h"
#include "kernel/route.h"
#include "kernel/sysctl.h"
#include "lib/str.h"
#include "plugins/owned.h"
#include "plugins/portmap_conditions.h"
#include "plugins/portmap_form.h"

// ---- the connection table ----

static void flush(struct nl *nl, const struct flushes *f)
{
	const struct flush *v = (const struct flush *)f->list.data;
	struct err ignored;

	for (size_t i = 0; i < f->list.len / sizeof(*v); i++)
		if (v[i].protocol == IPPROTO_UDP &&
		    !conntrack_flush_port(nl, v[i].family, v[i].protocol, v[i].port, &v[i].dst, &ignored))
			return;
}

/* The host ports of the configuration. @all: of both families, even where the container has no address any more. */
static void note_ports(struct flushes *f, const struct portmap *p, bool all)
{
	static const int families[2] = { AF_INET, AF_INET6 };

	for (int which = 0; which < 2; which++) {
		if (!all && !p->has_addr[which])
			continue;
		mappings_each(m, p)
		{
			struct flush one = { families[which], m->number, (uint16_t)m->host_port, m->host_ip };

			if (mapping_fits(m, families[which]))
				buf_put(&f->list, &one, sizeof(one));
		}
	}
}

static void flushes_init(struct flushes *f, struct arena *a)
{
	buf_init(&f->list, a, 4 * sizeof(struct flush));
}

// ---- publishing ----

/* Without it the kernel drops what comes from 127.0.0.0/8 and goes to the container. */
static bool allow_localhost(const struct portmap *p, struct err *e)
{
	char ifname[IF_NAMESIZE], ip[IP_TEXT_MAX];
	autonl nl = NL_CLOSED;
	struct kroute to;
	struct err why;

	if (!p->snat || !p->has_addr[0])
		return true;
	if (!nl_open(&nl, NETLINK_ROUTE, e))
		return false;
	/* No way yet: then there is no interface to allow it on, and no failure with the reference either. */
	if (!route_to(&nl, &p->addr[0].ip, &to, &why)) {
		if (why.num == ENETUNREACH || why.num == EHOSTUNREACH)
			return true;
		*e = why;
		return wrap(e, "find the way to %s", ip_text(&p->addr[0].ip, ip));
	}
	if (!if_indextoname((unsigned)to.oif, ifname))
		return fail(e, errno, "find the interface that leads to %s", ip_text(&p->addr[0].ip, ip));
	return sysctl_want(arena_printf(p->arena, "net/ipv4/conf/%s/route_localnet", ifname), "1", e);
}

/* What the kernel cannot do at all, "auto" may answer with the other backend. */
static bool setup_auto(struct nl *nl, const struct portmap *p, struct err *e)
{
	struct err why = ERR_INIT;
	bool other;

	if (portmap_nft_understands(p, &why)) {
		if (portmap_nft_setup(nl, p, &why))
			return true;
		other = nft_is_missing(why.num);
	} else {
		other = conditions_are_iptables(&p->conditions[0]) || conditions_are_iptables(&p->conditions[1]);
	}
	if (other && iptables_usable(p->arena, p->has_addr[0] ? AF_INET : AF_INET6))
		return portmap_iptables_setup(nl, p, e) || wrap(e, "nftables: %s; iptables", why.text);
	*e = why;
	return false;
}

static bool setup(struct nl *nl, const struct portmap *p, struct err *e)
{
	if (p->backend == PORTMAP_AUTO)
		return setup_auto(nl, p, e);
	if (p->backend == PORTMAP_IPTABLES)
		return portmap_iptables_setup(nl, p, e);
	return portmap_nft_understands(p, e) && portmap_nft_setup(nl, p, e);
}

/* All or nothing: a failure leaves what an earlier ADD has made. */
static bool publish(const struct portmap *p, struct err *e)
{
	autonl nl = NL_CLOSED;
	struct flushes f;

	if (!allow_localhost(p, e) || !nl_open(&nl, NETLINK_NETFILTER, e) || !setup(&nl, p, e))
		return false;
	flushes_init(&f, p->arena);
	note_ports(&f, p, false);
	flush(&nl, &f);
	return true;
}

// ---- withdrawing ----

struct withdrawal {
	const struct portmap *p;
	struct flushes gone;
};

static bool withdraw_once(struct nft_batch *b, void *arg, struct err *e)
{
	struct withdrawal *w = arg;
	struct iptables t;

	iptables_init(&t, w->p->arena, b->nl, b);
	return portmap_nft_teardown(b, w->p, &w->gone, e) && portmap_rules_teardown(b, w->p, e) &&
	       portmap_iptables_teardown(&t, w->p, e) && nft_commit(b, e) && iptables_done(&t, e);
}

static bool withdraw(const struct portmap *p, struct err *e)
{
	struct withdrawal w = { .p = p };
	struct nl nl = NL_CLOSED;
	bool ok, changed;

	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	flushes_init(&w.gone, p->arena);
	ok = owned_withdraw(&nl, p->arena, withdraw_once, &w, &changed, e);
	note_ports(&w.gone, p, true);
	if (changed)
		flush(&nl, &w.gone);
	(changed ? nft_close : nl_close)(&nl);
	return ok || wrap(e, "withdraw the ports of %s", p->at.container_id);
}

// ---- the verbs ----

static bool portmap_add(const struct request *r, struct result *ret, struct err *e)
{
	struct portmap p;
	struct result prev;
	bool there;

	if (!portmap_read(r, true, &p, e) || !request_prev(r, &prev, &there, e))
		return false;
	if (!there)
		return fail_code(e, CNI_INVALID_CONFIG, "must be called as chained plugin");
	portmap_addresses(&p, &prev);
	if (p.mappings.n && !publish(&p, e))
		return false;
	*ret = prev;
	return true;
}

static bool portmap_del(const struct request *r, struct err *e)
{
	struct err ignored;
	struct portmap p;
	struct result prev;
	bool there = false;

	if (!portmap_read(r, false, &p, e))
		return false;
	if (request_prev(r, &prev, &there, &ignored) && there)
		portmap_addresses(&p, &prev);
	return withdraw(&p, e);
}

static bool portmap_check(const struct request *r, struct err *e)
{
	struct err why = ERR_INIT, ignored;
	autonl nl = NL_CLOSED;
	struct portmap p;
	struct result prev;

	if (!portmap_read(r, true, &p, e) || !request_prev_required(r, &prev, e))
		return false;
	portmap_addresses(&p, &prev);
	if (p.mappings.n == 0)
		return true;
	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	if (portmap_nft_check(&nl, &p, &why) || portmap_rules_check(&nl, &p, &ignored))
		return true;
	if (portmap_iptables_check(&nl, &p, p.backend == PORTMAP_IPTABLES ? &why : &ignored))
		return true;
	*e = why;
	return false;
}

struct gc {
	struct arena *arena;
	struct attachments valid;
	struct flushes gone;
};

static bool gc_once(struct nft_batch *b, void *arg, struct err *e)
{
	struct gc *g = arg;
	struct iptables t;

	iptables_init(&t, g->arena, b->nl, b);
	return portmap_nft_gc(b, g->arena, &g->valid, &g->gone, e) && portmap_iptables_gc(&t, &g->valid, e) &&
	       nft_commit(b, e) && iptables_done(&t, e);
}

static bool portmap_gc(const struct request *r, struct err *e)
{
	struct gc g = { .arena = r->arena };
	struct nl nl = NL_CLOSED;
	bool ok, changed;

	if (!r->net.has_valid) /* nobody says who is valid: then nobody is stale */
		return true;
	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	attachments_init(&g.valid, r->arena, r->net.name, attachments_valid(r), r->net.n_valid);
	flushes_init(&g.gone, r->arena);
	ok = owned_withdraw(&nl, r->arena, gc_once, &g, &changed, e);
	flush(&nl, &g.gone);
	(changed ? nft_close : nl_close)(&nl);
	return ok || wrap(e, "withdraw ports of network %s", r->net.name);
}

static bool portmap_status(const struct request *r, struct err *e)
{
	struct err why = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct portmap p;

	if (!portmap_read(r, true, &p, e))
		return false;
	if (p.backend != PORTMAP_NFTABLES && iptables_usable(r->arena, AF_INET))
		return true;
	if (p.backend == PORTMAP_IPTABLES)
		return fail_code(e, CNI_NOT_AVAILABLE,
				 "iptables-restore is not installed, and the configuration asks for backend iptables");
	if (nl_open(&nl, NETLINK_NETFILTER, &why) && portmap_nft_usable(&nl, r->arena, &why))
		return true;
	return fail_code(e, CNI_NOT_AVAILABLE,
			 "the kernel does not take nftables address translation, and there is no iptables: %s",
			 why.text);
}

const struct plugin portmap_plugin = {
	.name = "portmap",
	.about = "publish ports of a container on the host",
	.versions = versions_all,
	.add = portmap_add,
	.check = portmap_check,
	.del = portmap_del,
	.gc = portmap_gc,
	.status = portmap_status,
};
