// SPDX-License-Identifier: Apache-2.0
/* bandwidth: limits what a container sends and receives (plugins/bandwidth.h says how). */
#include "plugins/bandwidth.h"

#include <errno.h>

#include "kernel/netns.h"
#include "kernel/tcfilter.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/iface.h"
#include "plugins/plugin.h"

#define BITS 8

static bool is_empty(const struct bandwidth *b)
{
	return !b->ingress.rate && !b->egress.rate;
}

static struct tbf figures(const struct shape *s)
{
	return tbf_figures(s->rate / BITS, (uint32_t)(s->burst / BITS));
}

// ---- where ----

/*
 * The end on the node of @link, which @far sees. A number alone could be that of an interface in any namespace: the one
 * that @far knows the veth's other end to be in has to be ours.
 */
static bool end_on_node(struct nl *far, const struct link *link, struct nl *node, struct link *ret, bool *ret_there,
			struct err *e)
{
	autoclose int own = -1;
	int number;

	*ret_there = false;
	if (!str_eq(link->kind, "veth") || !link->peer || link->peer_nsid < 0)
		return true;
	if (!netns_own(&own, e) || !netns_number(far, own, &number, e))
		return false;
	if (number != link->peer_nsid)
		return true;
	*ret_there = link_get_index(node, link->peer, ret, e);
	return *ret_there;
}

static struct nl nl_take(struct nl *nl)
{
	struct nl taken = *nl;

	*nl = NL_CLOSED;
	return taken;
}

static void place_close(struct place *p)
{
	nl_close(&p->nl);
}

#define PLACE_NONE ((struct place){ .nl = NL_CLOSED })
#define autoplace CLEANUP(place_close) struct place

static bool place_find(const struct request *r, const struct bandwidth *b, struct place *ret, struct err *e)
{
	autonl far = NL_CLOSED, node = NL_CLOSED;
	struct place p = { .at = attachment_of(r), .arena = r->arena };
	autoclose int netns = -1;
	struct link link;
	bool on_node;

	if (!netns_open(r->netns, &netns, e) || !netns_nl_open(netns, NETLINK_ROUTE, &far, e) ||
	    !nl_open(&node, NETLINK_ROUTE, e))
		return false;
	if (!link_get(&far, r->ifname, &link, e))
		return wrap(e, "container interface %s", r->ifname);
	if (!end_on_node(&far, &link, &node, &p.dev, &on_node, e))
		return wrap(e, "the end on the node of %s", r->ifname);
	p.inside = !on_node;
	if (p.inside)
		p.dev = link;
	p.nl = nl_take(on_node ? &node : &far);
	p.leaving = p.inside ? b->egress : b->ingress;
	p.arriving = p.inside ? b->ingress : b->egress;
	*ret = p;
	return true;
}

// ---- ADD ----

static bool bucket_add(struct place *p, const struct link *dev, const struct shape *s, struct err *e)
{
	struct tbf t = figures(s);
	struct err why = ERR_INIT;
	struct qdisc q;

	if (qdisc_add_tbf(&p->nl, dev->index, &t, e))
		return true;
	if (e->num == EEXIST && qdisc_root(&p->nl, dev->index, &q, &why) && *q.kind)
		wrap(e, "%s has a qdisc %s already", dev->name, q.kind);
	return wrap(e, "create qdisc");
}

/* @ret stays as it is when nothing that arrives is shaped. */
static bool arriving_add(struct place *p, struct link *ret, struct err *e)
{
	struct err ignored;
	bool done UNUSED;
	struct link ifb;

	if (!p->arriving.rate)
		return true;
	if (!ifb_add(p, &ifb, e))
		return false;
	if (bucket_add(p, &ifb, &p->arriving, e) && divert_add(p, ifb.index, e)) {
		*ret = ifb;
		return true;
	}
	done = link_del(&p->nl, ifb.index, &ignored);
	return false;
}

static void arriving_undo(struct place *p, const struct link *ifb)
{
	struct err ignored;
	bool done UNUSED;

	if (!ifb->index)
		return;
	done = divert_del(p, ifb->index, &ignored);
	done = link_del(&p->nl, ifb->index, &ignored);
}

static bool bandwidth_add(const struct request *r, struct result *ret, struct err *e)
{
	autoplace p = PLACE_NONE;
	struct link ifb = { 0 };
	struct bandwidth b;
	struct result prev;
	bool there;

	if (!bandwidth_conf_read(r, &b, e) || !request_prev(r, &prev, &there, e))
		return false;
	if (!there)
		return fail_code(e, CNI_INVALID_CONFIG, "must be called as chained plugin");
	if (is_empty(&b)) {
		*ret = prev;
		return true;
	}
	if (!prev.n_interfaces)
		return fail_code(e, CNI_INVALID_CONFIG, "prevResult: no interfaces provided");
	if (!place_find(r, &b, &p, e) || !arriving_add(&p, &ifb, e))
		return false;
	if (p.leaving.rate && !bucket_add(&p, &p.dev, &p.leaving, e)) {
		arriving_undo(&p, &ifb);
		return false;
	}
	if (ifb.index)
		iface_report(r->arena, &prev, ifb.name, &ifb.mac, p.inside ? r->netns : NULL);
	*ret = prev;
	return true;
}

// ---- CHECK ----

/* Figures beyond what the kernel can count were cut, by the reference in another way than by us. */
static bool figure_differs(uint32_t want, uint32_t have)
{
	return have != want && want != UINT32_MAX;
}

static bool bucket_has(const struct qdisc *q, const struct tbf *want)
{
	return q->is_tbf && q->tbf.rate == want->rate && !figure_differs(want->limit, q->tbf.limit) &&
	       !figure_differs(want->buffer, q->tbf.buffer);
}

static bool bucket_check(struct place *p, const struct link *dev, const struct shape *s, struct err *e)
{
	struct tbf want = figures(s);
	struct qdisc q;

	if (!qdisc_root(&p->nl, dev->index, &q, e))
		return false;
	if (!*q.kind)
		return fail(e, 0, "Failed to find qdisc on %s", dev->name);
	if (str_eq(q.kind, "htb"))
		return fail(e, 0, "%s has a qdisc htb, as version 1.5 of the reference makes it, and not tbf",
			    dev->name);
	if (!q.is_tbf)
		return fail(e, 0, "%s has a qdisc %s and not tbf", dev->name, q.kind);
	if (q.tbf.rate != want.rate)
		return fail(e, 0, "Rate doesn't match: %s has %llu bytes per second, not %llu", dev->name,
			    (unsigned long long)q.tbf.rate, (unsigned long long)want.rate);
	if (figure_differs(want.limit, q.tbf.limit))
		return fail(e, 0, "Limit doesn't match: %s has %u bytes, not %u", dev->name, q.tbf.limit, want.limit);
	if (figure_differs(want.buffer, q.tbf.buffer))
		return fail(e, 0, "Buffer doesn't match: %s has %u ticks, not %u", dev->name, q.tbf.buffer,
			    want.buffer);
	return true;
}

static bool arriving_check(struct place *p, struct err *e)
{
	struct link ifb;

	if (!ifb_find(p, &ifb, e))
		return false;
	if (!(ifb.flags & IFF_UP))
		return fail(e, 0, "interface %s is down", ifb.name);
	return bucket_check(p, &ifb, &p->arriving, e) && divert_check(p, &ifb, e);
}

static bool bandwidth_check(const struct request *r, struct err *e)
{
	autoplace p = PLACE_NONE;
	struct bandwidth b;
	struct result prev;
	bool there;

	if (!bandwidth_conf_read(r, &b, e) || !request_prev(r, &prev, &there, e))
		return false;
	if (!there)
		return fail_code(e, CNI_INVALID_CONFIG, "must be called as a chained plugin");
	if (is_empty(&b))
		return true;
	return place_find(r, &b, &p, e) && (!p.leaving.rate || bucket_check(&p, &p.dev, &p.leaving, e)) &&
	       (!p.arriving.rate || arriving_check(&p, e));
}

// ---- DEL ----

static bool divert_clear(struct place *p, struct err *e)
{
	struct err why = ERR_INIT;
	struct link ifb;

	if (ifb_find(p, &ifb, &why))
		return divert_del(p, ifb.index, e);
	if (why.num == ENODEV)
		return true;
	*e = why;
	return false;
}

/* A bucket of other figures under the same handle is somebody else's, at which ADD has failed. */
static bool bucket_clear(struct place *p, struct err *e)
{
	struct err why = ERR_INIT;
	struct tbf ours;
	struct qdisc q;

	if (!p->leaving.rate)
		return true;
	ours = figures(&p->leaving);
	if (qdisc_root(&p->nl, p->dev.index, &q, &why) &&
	    (q.handle != QDISC_OURS || !bucket_has(&q, &ours) || qdisc_del_root(&p->nl, p->dev.index, &why)))
		return true;
	if (why.num == ENOENT || why.num == ENODEV || why.num == EOPNOTSUPP)
		return true;
	*e = why;
	return false;
}

/* The interface may live on: a device goes back to its node. */
static bool place_clear(struct place *p, struct err *e)
{
	struct err why[3] = { ERR_INIT, ERR_INIT, ERR_INIT };
	struct errs all = { .count = 0 };

	if (!divert_clear(p, &why[0]))
		errs_add(&all, &why[0]);
	if (!bucket_clear(p, &why[1]))
		errs_add(&all, &why[1]);
	if (p->inside && !ifb_del(&p->nl, p->arena, &p->at, false, NULL, &why[2]))
		errs_add(&all, &why[2]);
	return errs_done(&all, e);
}

static bool bandwidth_del(const struct request *r, struct err *e)
{
	struct attachment at = attachment_of(r);
	struct errs all = { .count = 0 };
	struct bandwidth b = { 0 };
	struct result prev = { 0 };
	autoplace p = PLACE_NONE;
	struct err ignored = ERR_INIT, at_place = ERR_INIT, at_ifb = ERR_INIT;
	autonl nl = NL_CLOSED;
	bool known, there = false, read UNUSED;

	/* What cannot be read no ADD has accepted. */
	read = bandwidth_conf_read(r, &b, &ignored);
	read = request_prev(r, &prev, &there, &ignored);
	known = *r->netns && place_find(r, &b, &p, &ignored);
	if (known && !place_clear(&p, &at_place))
		errs_add(&all, &at_place);
	if (!nl_open(&nl, NETLINK_ROUTE, &at_ifb) ||
	    !ifb_del(&nl, r->arena, &at, !known, there ? &prev : NULL, &at_ifb))
		errs_add(&all, &at_ifb);
	return errs_done(&all, e);
}

// ---- GC, STATUS ----

static bool bandwidth_gc(const struct request *r, struct err *e)
{
	struct attachments valid;
	autonl nl = NL_CLOSED;

	if (!r->net.has_valid) /* nobody says who is valid: then nobody is stale */
		return true;
	attachments_init(&valid, r->arena, r->net.name, attachments_valid(r), r->net.n_valid);
	return nl_open(&nl, NETLINK_ROUTE, e) && ifb_gc(&nl, r->arena, &valid, e);
}

static bool bandwidth_status(const struct request *r, struct err *e)
{
	struct bandwidth b;
	struct err why = ERR_INIT;
	autonl nl = NL_CLOSED;

	if (!bandwidth_conf_read(r, &b, e))
		return false;
	if (nl_open(&nl, NETLINK_ROUTE, &why) && qdisc_kind_usable(&nl, "tbf", &why) &&
	    link_kind_usable(&nl, "ifb", &why) && qdisc_kind_usable(&nl, "ingress", &why) &&
	    tcfilter_redirect_usable(&nl, &why))
		return true;
	return fail_code(e, CNI_NOT_AVAILABLE, "traffic cannot be shaped: %s", why.text);
}

const struct plugin bandwidth_plugin = {
	.name = "bandwidth",
	.about = "limit the traffic of a container",
	.versions = versions_from_030,
	.add = bandwidth_add,
	.check = bandwidth_check,
	.del = bandwidth_del,
	.gc = bandwidth_gc,
	.status = bandwidth_status,
};
