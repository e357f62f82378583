// SPDX-License-Identifier: Apache-2.0
#include "kernel/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "lib/buf.h"

/* RTA_VIA: a gateway of another family than the destination's. */
static void put_via(struct nlmsg *m, const struct ip *gw)
{
	struct { uint16_t family; uint8_t bytes[16]; } via = { .family = (uint16_t)ip_family(gw) };

	memcpy(via.bytes, ip_bytes(gw), ip_size(gw));
	nl_put(m, RTA_VIA, &via, sizeof(via.family) + ip_size(gw));
}

static void put_attributes(struct nlmsg *m, const struct kroute *r, uint32_t table)
{
	struct ip net = cidr_network(&r->dst);

	if (r->dst.len)
		nl_put(m, RTA_DST, ip_bytes(&net), ip_size(&net));
	if (!ip_is_unset(&r->gw) && ip_family(&r->gw) == ip_family(&net))
		nl_put(m, RTA_GATEWAY, ip_bytes(&r->gw), ip_size(&r->gw));
	else if (!ip_is_unset(&r->gw))
		put_via(m, &r->gw);
	if (!ip_is_unset(&r->src))
		nl_put(m, RTA_PREFSRC, ip_bytes(&r->src), ip_size(&r->src));
	if (r->oif)
		nl_put_u32(m, RTA_OIF, (uint32_t)r->oif);
	if (r->priority)
		nl_put_u32(m, RTA_PRIORITY, r->priority);
	if (table > 255)
		nl_put_u32(m, RTA_TABLE, table);
	if (!r->mtu && !r->advmss)
		return;
	NL_NEST(m, RTA_METRICS) {
		if (r->mtu)
			nl_put_u32(m, RTAX_MTU, r->mtu);
		if (r->advmss)
			nl_put_u32(m, RTAX_ADVMSS, r->advmss);
	}
}

static void put_route(struct nl *nl, struct nlmsg *m, uint16_t type, unsigned nlm_flags, const struct kroute *r,
		      struct rtmsg rt)
{
	uint32_t table = r->table ? r->table : RT_TABLE_MAIN;

	rt.rtm_family = (uint8_t)ip_family(&r->dst.ip);
	rt.rtm_dst_len = r->dst.len;
	rt.rtm_table = table > 255 ? RT_TABLE_UNSPEC : (uint8_t)table;
	rt.rtm_flags = r->flags;
	nl_begin(nl, m, type, nlm_flags, &rt, sizeof(rt));
	put_attributes(m, r, table);
}

void route_put_new(struct nl *nl, struct nlmsg *m, const struct kroute *r, unsigned nlm_flags)
{
	uint8_t scope = ip_is_unset(&r->gw) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;

	put_route(nl, m, RTM_NEWROUTE, nlm_flags, r,
		  (struct rtmsg){
			  .rtm_scope = r->has_scope ? r->scope : scope,
			  .rtm_type = r->type ? r->type : RTN_UNICAST,
			  .rtm_protocol = r->protocol ? r->protocol : RTPROT_BOOT,
		  });
}

void route_put_del(struct nl *nl, struct nlmsg *m, const struct kroute *r)
{
	put_route(nl, m, RTM_DELROUTE, 0, r,
		  (struct rtmsg){
			  .rtm_scope = r->has_scope ? r->scope : RT_SCOPE_NOWHERE,
			  .rtm_type = r->type,
			  .rtm_protocol = r->protocol,
		  });
}

static bool say_route(const char *what, const struct kroute *r, struct err *e)
{
	char dst[CIDR_TEXT_MAX], gw[IP_TEXT_MAX];
	bool via = !ip_is_unset(&r->gw);

	return wrap(e, "%s the route to %s%s%s (table %u)", what, cidr_text(&r->dst, dst), via ? " via " : "",
		    via ? ip_text(&r->gw, gw) : "", r->table ? r->table : RT_TABLE_MAIN);
}

bool route_add(struct nl *nl, const struct kroute *r, unsigned nlm_flags, struct err *e)
{
	NLMSG_ON_STACK(m, 256);

	route_put_new(nl, &m, r, nlm_flags);
	return nl_ask(nl, &m, e) || say_route("make", r, e);
}

bool route_del(struct nl *nl, const struct kroute *r, struct err *e)
{
	NLMSG_ON_STACK(m, 256);

	route_put_del(nl, &m, r);
	return nl_ask(nl, &m, e) || say_route("remove", r, e);
}

// ---- reading ----

static struct ip attr_ip(int family, const struct nl_attr *a)
{
	struct ip none = { { 0 } };

	return a->there && a->len == (family == AF_INET ? 4 : 16) ? ip_from_bytes(family, a->data) : none;
}

static struct ip next_hop(int family, const struct nl_attr tb[])
{
	const struct nl_attr *via = &tb[RTA_VIA];
	struct nl_attr address = { 0 };
	uint16_t via_family;

	if (!via->there || via->len < sizeof(via_family))
		return attr_ip(family, &tb[RTA_GATEWAY]);
	memcpy(&via_family, via->data, sizeof(via_family));
	address = (struct nl_attr){
		.data = (const uint8_t *)via->data + sizeof(via_family),
		.len = (uint16_t)(via->len - sizeof(via_family)),
		.there = true,
	};
	return attr_ip(via_family, &address);
}

static void read_metrics(const struct nl_attr *a, struct kroute *ret)
{
	struct nl_attr tb[RTAX_ADVMSS + 1];
	struct err ignored;

	if (!a->there || !nl_parse(a->data, a->len, tb, RTAX_ADVMSS, &ignored))
		return;
	ret->mtu = nl_u32(&tb[RTAX_MTU]);
	ret->advmss = nl_u32(&tb[RTAX_ADVMSS]);
}

/* All but the next hop. */
static void read_route(const struct rtmsg *rt, const struct nl_attr tb[], struct kroute *ret)
{
	static const uint8_t zero[16];
	int family = rt->rtm_family;

	*ret = (struct kroute){
		.dst.ip = tb[RTA_DST].there ? attr_ip(family, &tb[RTA_DST]) : ip_from_bytes(family, zero),
		.dst.len = rt->rtm_dst_len,
		.src = attr_ip(family, &tb[RTA_PREFSRC]),
		.table = tb[RTA_TABLE].there ? nl_u32(&tb[RTA_TABLE]) : rt->rtm_table,
		.priority = nl_u32(&tb[RTA_PRIORITY]),
		.scope = rt->rtm_scope,
		.has_scope = true,
		.type = rt->rtm_type,
		.protocol = rt->rtm_protocol,
		.flags = rt->rtm_flags,
	};
	read_metrics(&tb[RTA_METRICS], ret);
}

struct listing {
	struct buf out; /* of struct kroute */
	const struct route_filter *filter;
};

static void listing_put(struct listing *l, const struct kroute *r)
{
	if (!l->filter->oif || l->filter->oif == r->oif)
		buf_put(&l->out, r, sizeof(*r));
}

/* A route over several next hops becomes one entry for each. */
static bool take_multipath(struct listing *l, struct kroute *r, const struct rtmsg *rt, const struct nl_attr *a,
			   struct err *e)
{
	const uint8_t *p = a->data, *end = p + a->len;

	while (end - p >= (ptrdiff_t)sizeof(struct rtnexthop)) {
		const struct rtnexthop *hop = (const void *)p;
		struct nl_attr tb[RTA_VIA + 1];

		if (hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > end - p)
			return fail(e, EBADMSG, "next hop of %u bytes", hop->rtnh_len);
		if (!nl_parse(hop + 1, hop->rtnh_len - sizeof(*hop), tb, RTA_VIA, e))
			return false;
		r->oif = hop->rtnh_ifindex;
		r->flags = hop->rtnh_flags;
		r->gw = next_hop(rt->rtm_family, tb);
		listing_put(l, r);
		p += RTNH_ALIGN(hop->rtnh_len) < end - p ? RTNH_ALIGN(hop->rtnh_len) : end - p;
	}
	return true;
}

static bool route_take(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct rtmsg *rt = NLMSG_DATA(h);
	struct nl_attr tb[RTA_MAX + 1];
	struct listing *l = arg;
	struct kroute r;

	if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof(*rt)))
		return true;
	if ((rt->rtm_family != AF_INET && rt->rtm_family != AF_INET6) || rt->rtm_flags & RTM_F_CLONED)
		return true;
	if (l->filter->family && l->filter->family != rt->rtm_family)
		return true;
	if (!nl_parse_msg(h, sizeof(*rt), tb, RTA_MAX, e))
		return false;
	read_route(rt, tb, &r);
	if (l->filter->table && l->filter->table != r.table)
		return true;
	if (tb[RTA_MULTIPATH].there)
		return take_multipath(l, &r, rt, &tb[RTA_MULTIPATH], e);
	r.oif = (int)nl_u32(&tb[RTA_OIF]);
	r.gw = next_hop(rt->rtm_family, tb);
	listing_put(l, &r);
	return true;
}

static void listing_again(void *arg)
{
	((struct listing *)arg)->out.len = 0;
}

bool route_list(struct nl *nl, struct arena *a, const struct route_filter *f, struct kroute **ret, size_t *ret_n,
		struct err *e)
{
	NLMSG_ON_STACK(m, 128);
	struct rtmsg rt = { .rtm_family = (uint8_t)f->family };
	struct listing l = { .filter = f };
	struct err why = ERR_INIT;

	buf_init(&l.out, a, 8 * sizeof(struct kroute));
	nl_begin(nl, &m, RTM_GETROUTE, NLM_F_DUMP | NL_NO_ACK, &rt, sizeof(rt));
	if (f->table)
		nl_put_u32(&m, RTA_TABLE, f->table);
	if (f->oif)
		nl_put_u32(&m, RTA_OIF, (uint32_t)f->oif);
	/* ENOENT: that table was never made, which is as good as empty. */
	if (!nl_dump(nl, &m, route_take, listing_again, &l, &why) && why.num != ENOENT) {
		*e = why;
		return wrap(e, "list routes");
	}
	*ret = (struct kroute *)(void *)l.out.data;
	*ret_n = l.out.len / sizeof(struct kroute);
	return true;
}

static bool route_take_one(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct rtmsg *rt = NLMSG_DATA(h);
	struct nl_attr tb[RTA_MAX + 1];
	struct kroute *r = arg;

	if (h->nlmsg_type != RTM_NEWROUTE)
		return true;
	if (!nl_parse_msg(h, sizeof(*rt), tb, RTA_MAX, e))
		return false;
	read_route(rt, tb, r);
	r->oif = (int)nl_u32(&tb[RTA_OIF]);
	r->gw = next_hop(rt->rtm_family, tb);
	return true;
}

bool route_to(struct nl *nl, const struct ip *dst, struct kroute *ret, struct err *e)
{
	NLMSG_ON_STACK(m, 128);
	struct rtmsg rt = { .rtm_family = (uint8_t)ip_family(dst), .rtm_dst_len = (uint8_t)ip_bits(dst) };
	struct kroute r = { 0 };
	char text[IP_TEXT_MAX];

	nl_begin(nl, &m, RTM_GETROUTE, 0, &rt, sizeof(rt));
	nl_put(&m, RTA_DST, ip_bytes(dst), ip_size(dst));
	if (!nl_send(nl, &m, route_take_one, &r, NULL, e))
		return wrap(e, "find the route to %s", ip_text(dst, text));
	*ret = r;
	return true;
}
