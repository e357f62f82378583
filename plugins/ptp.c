// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * A container and the node, and nobody else on the wire: a veth pair without a bridge. What the container sends goes
 * to the node, also what is for its own subnet: its addresses have no connected route, but one to the gateway and one
 * to the subnet through the gateway (plugins/iface.h: gateway_only). The node's end has the gateway's address, and
 * the node routes each of the container's addresses there (ptp_node.c).
 *
 * ADD makes the pair in place, then takes the lease, then configures the container, the node and masquerading. When it
 * fails, what it has made itself goes in the order of DEL: pair, lease, masquerade (a lease of dhcp before the pair).
 * Nobody is told of the new addresses by broadcast: the only neighbour is the node's end, which is as new as they are.
 *
 * DEL removes each part by what finds it: the pair by its name in the container, else by prevResult; lease and
 * masquerade by the attachment. Routes and addresses of the node go with the pair.
 */
#include "plugins/ptp.h"

#include "kernel/netns.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/attachment.h"
#include "plugins/forwarding.h"
#include "plugins/iface.h"
#include "plugins/lease.h"
#include "plugins/masq.h"
#include "plugins/pair.h"

#define MTU_MIN 68
#define MTU_MAX 65535

// ---- configuration ----

struct ptp_conf {
	bool ip_masq, dad;
	enum masq_backend masq_backend;
	uint32_t mtu; /* 0: the kernel's choice */
};

/* The configuration as it is written, before it is judged. */
struct draft {
	struct ptp_conf conf;
	const char *masq_backend;
	int32_t mtu;
};

static const struct field conf_fields[] = {
	FIELD_AS("ipMasq", struct draft, conf.ip_masq, read_bool),
	FIELD_AS("ipMasqBackend", struct draft, masq_backend, read_str),
	FIELD_AS("mtu", struct draft, mtu, read_i32),
	FIELD_AS("enabledad", struct draft, conf.dad, read_bool),
	{ 0 }
};

static bool conf_read(const struct request *r, struct ptp_conf *ret, struct err *e)
{
	struct draft d = { .mtu = 0 };

	if (!json_fields(r->arena, r->conf, conf_fields, &d, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to load netconf");
	}
	if (!masq_backend_parse(d.masq_backend, &d.conf.masq_backend, e))
		return false;
	if (d.mtu && (d.mtu < MTU_MIN || d.mtu > MTU_MAX))
		return fail_code(e, CNI_INVALID_CONFIG, "invalid mtu %d (must be 0 or between %d and %d)", d.mtu,
				 MTU_MIN, MTU_MAX);
	if (!*r->net.ipam_type)
		return fail_code(e, CNI_INVALID_CONFIG,
				 "no plugin name provided: \"ipam\" with a \"type\" is missing, and a point-to-point "
				 "link cannot do without addresses");
	d.conf.mtu = (uint32_t)d.mtu;
	*ret = d.conf;
	return true;
}

// ---- ADD ----

/* One ADD under way: what is set has been made, and goes again on failure. */
struct add {
	const struct request *r;
	struct ptp_conf conf;
	struct attachment at;
	struct nl nl; /* of the node */
	int netns;
	struct pair pair; /* index 0: not made */
	bool leased, masked;
	struct result result;
};

static void add_undo(struct add *w)
{
	struct cidr *addrs;
	struct err ignored;
	bool done UNUSED;
	size_t n;

	if (lease_goes_first(w->r))
		lease_undo(w->r, &w->leased);
	if (w->pair.index)
		done = link_del(&w->nl, w->pair.index, &ignored);
	lease_undo(w->r, &w->leased);
	if (!w->masked)
		return;
	addrs = masq_addresses(w->r->arena, &w->result, PTP_CONTAINER, &n);
	done = masq_teardown(w->r->arena, &w->at, addrs, n, &ignored);
}

static bool add_pair(struct add *w, struct err *e)
{
	struct pair_new n = { .ifname = w->r->ifname, .netns = w->netns, .mtu = w->conf.mtu };

	if (!pair_add(&w->nl, &n, &w->pair, e))
		return false;
	ptp_node_prepare(w->pair.name, w->conf.dad);
	iface_report(w->r->arena, &w->result, w->pair.name, &w->pair.mac, NULL);
	iface_report(w->r->arena, &w->result, w->r->ifname, &w->pair.peer_mac, w->r->netns);
	return true;
}

/* Without a gateway there is nobody to send to. */
static bool gateways_valid(const struct result *r, struct err *e)
{
	char text[CIDR_TEXT_MAX];

	for (size_t i = 0; i < r->n_ips; i++) {
		const struct result_ip *ip = &r->ips[i];

		if (ip_is_unset(&ip->gateway))
			return fail(e, 0, "IPAM plugin returned no gateway for %s, which a point-to-point link needs",
				    cidr_text(&ip->address, text));
		if (ip_is4(&ip->gateway) != ip_is4(&ip->address.ip))
			return fail(e, 0, "IPAM plugin returned a gateway of another family for %s",
				    cidr_text(&ip->address, text));
	}
	return true;
}

static bool configure_container(struct add *w, struct err *e)
{
	struct iface_conf c = { .index = w->pair.peer,
				.ifname = w->r->ifname,
				.result_index = PTP_CONTAINER,
				.dad = w->conf.dad,
				.gateway_only = true };

	return iface_configure_in(w->netns, w->r->arena, &c, &w->result, e);
}

static bool configure_node(struct add *w, struct err *e)
{
	struct link l = { .index = w->pair.index };

	memcpy(l.name, w->pair.name, sizeof(l.name));
	if (!forwarding_ensure(&w->result, PTP_CONTAINER, e))
		return wrap(e, "Could not enable IP forwarding");
	return ptp_node_configure(&w->nl, w->r->arena, &l, w->conf.dad, &w->result, e);
}

static bool add_masq(struct add *w, struct err *e)
{
	struct cidr *addrs;
	size_t n;

	if (!w->conf.ip_masq)
		return true;
	addrs = masq_addresses(w->r->arena, &w->result, PTP_CONTAINER, &n);
	return masq_setup(w->r->arena, w->conf.masq_backend, &w->at, addrs, n, &w->masked, e);
}

static bool ptp_add(const struct request *r, struct result *ret, struct err *e)
{
	struct add w = { .r = r, .at = attachment_of(r), .nl = NL_CLOSED, .netns = -1 };
	bool ok = conf_read(r, &w.conf, e) && netns_open(r->netns, &w.netns, e) && nl_open(&w.nl, NETLINK_ROUTE, e) &&
		  add_pair(&w, e) && lease_add(r, PTP_CONTAINER, &w.result, &w.leased, e) &&
		  gateways_valid(&w.result, e) && configure_container(&w, e) && configure_node(&w, e) &&
		  add_masq(&w, e);

	if (ok)
		*ret = w.result;
	else
		add_undo(&w);
	nl_close(&w.nl);
	fd_close(&w.netns);
	return ok;
}

// ---- CHECK ----

struct check {
	const struct request *r;
	struct ptp_conf conf;
	struct result prev;
	int at; /* of the container's interface in prev */
	int netns;
	struct nl nl, far; /* of the node, of the container */
	struct link node, container;
};

static bool check_open(struct check *w, struct err *e)
{
	const struct request *r = w->r;

	if (!conf_read(r, &w->conf, e) || !request_prev_required(r, &w->prev, e))
		return false;
	w->at = iface_find(&w->prev, r->ifname, r->netns);
	if (w->at < 0)
		return fail(e, 0, "Sandbox in prevResult doesn't match configured netns: %s has no interface %s there",
			    r->netns, r->ifname);
	return netns_open(r->netns, &w->netns, e) && nl_open(&w->nl, NETLINK_ROUTE, e) &&
	       netns_nl_open(w->netns, NETLINK_ROUTE, &w->far, e);
}

static bool check_container(struct check *w, struct err *e)
{
	struct link *l = &w->container;

	if (!link_get(&w->far, w->r->ifname, l, e))
		return wrap(e, "container");
	if (!str_eq(l->kind, "veth"))
		return fail(e, 0, "Error: Container interface %s not of type veth/p2p", l->name);
	if (!(l->flags & IFF_UP))
		return fail(e, 0, "container interface %s is down", l->name);
	return iface_check_mac(l, &w->prev.interfaces[w->at], e);
}

static const struct result_interface *find_on_node(const struct result *r, const char *name)
{
	for (size_t i = 0; i < r->n_interfaces; i++)
		if (str_empty(r->interfaces[i].sandbox) && str_eq(r->interfaces[i].name, name))
			return &r->interfaces[i];
	return NULL;
}

static bool check_node(struct check *w, struct err *e)
{
	const struct result_interface *f;
	struct link *l = &w->node;

	if (!link_get_index(&w->nl, w->container.peer, l, e))
		return wrap(e, "the other end of %s", w->r->ifname);
	f = find_on_node(&w->prev, l->name);
	if (!f || !str_eq(l->kind, "veth") || l->peer != w->container.index)
		return fail(e, 0, "the other end of %s is not in prevResult", w->r->ifname);
	if (!(l->flags & IFF_UP))
		return fail(e, 0, "the node's end %s is down", l->name);
	return iface_check_mac(l, f, e) && ptp_node_check(&w->nl, w->r->arena, l, &w->prev, w->at, e);
}

static bool check_addresses(struct check *w, struct err *e)
{
	struct iface_conf c = {
		.index = w->container.index, .ifname = w->r->ifname, .result_index = w->at, .gateway_only = true
	};

	return iface_check(&w->far, w->r->arena, &c, &w->prev, e) && forwarding_check(&w->prev, w->at, e);
}

static bool check_masq(struct check *w, struct err *e)
{
	struct attachment at = attachment_of(w->r);
	struct cidr *addrs;
	size_t n;

	addrs = masq_addresses(w->r->arena, &w->prev, w->at, &n);
	return !w->conf.ip_masq || masq_check(w->r->arena, &at, addrs, n, e);
}

static bool ptp_check(const struct request *r, struct err *e)
{
	struct check w = { .r = r, .netns = -1, .nl = NL_CLOSED, .far = NL_CLOSED };
	bool ok = check_open(&w, e) && check_container(&w, e) && delegate_check(r, r->net.ipam_type, e) &&
		  check_addresses(&w, e) && check_node(&w, e) && check_masq(&w, e);

	nl_close(&w.nl);
	nl_close(&w.far);
	fd_close(&w.netns);
	return ok;
}

// ---- DEL ----

struct del {
	const struct request *r;
	struct ptp_conf conf;
	const struct result_interface *node; /* our end by prevResult; NULL: nobody knows */
	struct cidr *addrs;                  /* of the container, as far as prevResult knows */
	size_t n_addrs;
};

/* A configuration that no ADD can have accepted must not keep a container alive: then nothing is assumed. */
static void del_read(struct del *w)
{
	const struct request *r = w->r;
	struct result prev;
	struct err ignored;
	bool has_prev;
	int at;

	if (!conf_read(r, &w->conf, &ignored))
		w->conf = (struct ptp_conf){ .ip_masq = true };
	if (!request_prev(r, &prev, &has_prev, &ignored) || !has_prev)
		return;
	if (prev.n_interfaces > PTP_NODE && str_empty(prev.interfaces[PTP_NODE].sandbox))
		w->node = prev.interfaces + PTP_NODE;
	at = iface_find(&prev, r->ifname, r->netns);
	w->addrs = masq_addresses(r->arena, &prev, at < 0 ? PTP_CONTAINER : at, &w->n_addrs);
}

static bool del_pair(struct del *w, struct err *e)
{
	return pair_del(w->r, w->node, e);
}

static bool del_lease(struct del *w, struct err *e)
{
	return lease_del(w->r, e);
}

/* What the configuration no longer asks for is removed if prevResult names it, without a listing. */
static bool del_masq(struct del *w, struct err *e)
{
	struct attachment at = attachment_of(w->r);

	if (w->conf.ip_masq || w->conf.masq_backend == MASQ_IPTABLES)
		return masq_teardown(w->r->arena, &at, w->addrs, w->n_addrs, e);
	return masq_teardown_keyed(w->r->arena, &at, w->addrs, w->n_addrs, e);
}

static bool ptp_del(const struct request *r, struct err *e)
{
	static bool (*const pair_first[])(struct del * w, struct err * e) = { del_pair, del_lease, del_masq };
	static bool (*const lease_first[])(struct del * w, struct err * e) = { del_lease, del_pair, del_masq };
	bool (*const *steps)(struct del * w, struct err * e) = lease_goes_first(r) ? lease_first : pair_first;
	struct errs all = { .count = 0 };
	struct del w = { .r = r };

	del_read(&w);
	for (size_t i = 0; i < ARRAY_LEN(pair_first); i++) {
		struct err why = ERR_INIT;

		if (!steps[i](&w, &why))
			errs_add(&all, &why);
	}
	return errs_done(&all, e);
}

// ---- GC and STATUS ----

static bool ptp_gc(const struct request *r, struct err *e)
{
	struct errs all = { .count = 0 };
	struct err why = ERR_INIT;

	if (*r->net.ipam_type && !delegate_gc(r, r->net.ipam_type, &why))
		errs_add(&all, &why);
	why = ERR_INIT;
	/* Without a list nobody said that everything is stale. */
	if (r->net.has_valid && !masq_gc(r->arena, r->net.name, attachments_valid(r), r->net.n_valid, &why))
		errs_add(&all, &why);
	return errs_done(&all, e);
}

static bool ptp_status(const struct request *r, struct err *e)
{
	struct ptp_conf conf;
	autonl nl = NL_CLOSED;

	if (!conf_read(r, &conf, e))
		return false;
	if (!nl_open(&nl, NETLINK_ROUTE, e) || !link_kind_usable(&nl, "veth", e)) {
		e->code = CNI_NOT_AVAILABLE;
		return false;
	}
	if (conf.ip_masq && !masq_status(r->arena, conf.masq_backend, e))
		return false;
	return delegate_status(r, r->net.ipam_type, e);
}

const struct plugin ptp_plugin = {
	.name = "ptp",
	.about = "connect a container to the node by a point-to-point link",
	.versions = versions_all,
	.add = ptp_add,
	.check = ptp_check,
	.del = ptp_del,
	.gc = ptp_gc,
	.status = ptp_status,
};
