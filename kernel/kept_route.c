// SPDX-License-Identifier: Apache-2.0
/*
 * Most routes need others: a gateway must be on a subnet, a source on the interface. And the kernel makes some with
 * every address, though somebody may have removed or changed them since. So what is there is held against what was
 * there, the difference sent in one batch, and the same again as long as that helps.
 *
 * A route out of a router advertisement is not put back: only the kernel can make one that the next advertisement
 * renews, and it asks for that when the interface goes up. Routes to what is the host's own come with the addresses.
 */
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/kept_msg.h"

#define FIXED sizeof(struct rtmsg)
#define ROUNDS 4
#define BIT(type) (UINT64_C(1) << (type))

static int32_t expires(const struct nlmsghdr *h)
{
	const struct nlattr *a = kept_attr(h, FIXED, RTA_CACHEINFO);
	struct rta_cacheinfo ci;

	if (!a || a->nla_len < NLA_HDRLEN + sizeof(ci))
		return 0;
	memcpy(&ci, kept_data(a), sizeof(ci));
	return (int32_t)ci.rta_expires;
}

/* The next hop behind @at in the list @a; NULL: there is none. */
static struct rtnexthop *next_hop(const struct nlattr *a, size_t *at)
{
	size_t len = a->nla_len - (size_t)NLA_HDRLEN;
	struct rtnexthop *hop = (void *)((uint8_t *)kept_data(a) + *at);

	if (*at + sizeof(*hop) > len || hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > len - *at)
		return NULL;
	*at += RTNH_ALIGN(hop->rtnh_len);
	return hop;
}

static bool leads_over(const struct nlmsghdr *h, int index)
{
	const struct nlattr *oif = kept_attr(h, FIXED, RTA_OIF), *hops = kept_attr(h, FIXED, RTA_MULTIPATH);
	const struct rtnexthop *hop;

	if (oif && kept_u32(oif) == (uint32_t)index)
		return true;
	for (size_t at = 0; hops && (hop = next_hop(hops, &at));)
		if (hop->rtnh_ifindex == index)
			return true;
	return false;
}

static bool wanted(const struct nlmsghdr *h, int index)
{
	const struct rtmsg *rt = NLMSG_DATA(h);
	bool kernels = rt->rtm_protocol == RTPROT_KERNEL;

	if ((rt->rtm_family != AF_INET && rt->rtm_family != AF_INET6) || rt->rtm_flags & RTM_F_CLONED)
		return false;
	if ((kernels && rt->rtm_type != RTN_UNICAST) || rt->rtm_protocol == RTPROT_REDIRECT)
		return false;
	if ((kernels || rt->rtm_protocol == RTPROT_RA) && expires(h))
		return false;
	return leads_over(h, index);
}

static void tidy(struct kept_msg *m, int from, int to)
{
	struct nlattr *oif = kept_attr(m->h, FIXED, RTA_OIF), *hops = kept_attr(m->h, FIXED, RTA_MULTIPATH);
	struct rtmsg *rt = NLMSG_DATA(m->h);
	int32_t ticks = expires(m->h);
	long hz = sysconf(_SC_CLK_TCK);
	struct rtnexthop *hop;

	rt->rtm_flags &= RTNH_F_ONLINK;
	if (ticks > 0)
		m->left = (uint32_t)(ticks / hz) + 1;
	if (oif && kept_u32(oif) == (uint32_t)from)
		memcpy(kept_data(oif), &to, sizeof(to));
	for (size_t at = 0; hops && (hop = next_hop(hops, &at));) {
		hop->rtnh_flags &= RTNH_F_ONLINK;
		if (hop->rtnh_ifindex == from)
			hop->rtnh_ifindex = to;
	}
}

/* A nexthop object went with the interface; the route names its hops as well. */
const struct kept_kind kept_route = {
	.type = RTM_NEWROUTE,
	.fixed = FIXED,
	.drop = BIT(RTA_CACHEINFO) | BIT(RTA_EXPIRES) | BIT(RTA_NH_ID),
	.wanted = wanted,
	.tidy = tidy,
};

static bool list(struct nl *nl, const struct kept *k, int index, int as, struct kept_msgs *ret, struct err *e)
{
	struct rtmsg rt = { .rtm_family = AF_UNSPEC };
	NLMSG_ON_STACK(m, 64);

	nl_begin(nl, &m, RTM_GETROUTE, NLM_F_DUMP | NL_NO_ACK, &rt, sizeof(rt));
	nl_put_u32(&m, RTA_OIF, (uint32_t)index);
	return kept_list(nl, k->arena, &kept_route, &m, index, as, ret, e) || wrap(e, "list routes");
}

bool kept_routes_note(struct nl *nl, struct kept *k, struct err *e)
{
	return list(nl, k, k->link.index, k->link.index, &k->routes, e);
}

static bool same(const struct nlmsghdr *a, const struct nlmsghdr *b)
{
	return a->nlmsg_len == b->nlmsg_len && !memcmp(NLMSG_DATA(a), NLMSG_DATA(b), a->nlmsg_len - NLMSG_HDRLEN);
}

/* Two lists in the same order are held against each other in one go: @hint is where the last one was found. */
static bool has(const struct kept_msgs *l, const struct nlmsghdr *h, size_t *hint)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t at = (*hint + i) % l->n;

		if (same(l->v[at].h, h)) {
			*hint = at + 1;
			return true;
		}
	}
	return false;
}

static void put_missing(struct kept_out *o, const struct kept *k, const struct kept_msg *m, int index)
{
	struct nlmsghdr *h = arena_alloc(k->arena, NLMSG_ALIGN(m->h->nlmsg_len));
	struct kept_msg copy = { .h = h };
	const struct rtmsg *rt = NLMSG_DATA(h);
	uint32_t passed = kept_age(k);
	bool six;

	memcpy(h, m->h, m->h->nlmsg_len);
	tidy(&copy, k->link.index, index);
	six = rt->rtm_family == AF_INET6;
	/* Of several IPv6 hops those over other interfaces have stayed. */
	if (!kept_out_put(o, h, FIXED, RTM_NEWROUTE,
			  NLM_F_CREATE | (six && kept_attr(h, FIXED, RTA_MULTIPATH) ? NLM_F_REPLACE : NLM_F_APPEND)))
		return;
	if (six && m->left)
		nl_put_u32(&o->m, RTA_EXPIRES, m->left > passed ? m->left - passed : 1);
}

/* What came with an address and had not been there. */
static void del_surplus(struct kept_out *o, const struct kept *k, struct kept_msgs *now, int index)
{
	size_t hint = 0;

	for (size_t i = 0; i < now->n; i++) {
		struct rtmsg *rt = NLMSG_DATA(now->v[i].h);

		if (rt->rtm_protocol != RTPROT_KERNEL || has(&k->routes, now->v[i].h, &hint))
			continue;
		tidy(&now->v[i], k->link.index, index);
		kept_out_put(o, now->v[i].h, FIXED, RTM_DELROUTE, 0);
	}
}

/* One round; how many were missing before it. */
static bool give(struct nl *nl, const struct kept *k, int index, size_t *ret_missing, struct err *e)
{
	size_t hint = 0, missing = 0;
	struct kept_msgs now;
	struct kept_out out;

	if (!list(nl, k, index, k->link.index, &now, e))
		return false;
	kept_out_init(&out, nl, k->arena);
	for (size_t i = 0; i < k->routes.n; i++)
		if (!has(&now, k->routes.v[i].h, &hint)) {
			put_missing(&out, k, &k->routes.v[i], index);
			missing++;
		}
	del_surplus(&out, k, &now, index);
	kept_out_flush(&out);
	*ret_missing = missing;
	return errs_done(&out.failed, e);
}

bool kept_routes_give(struct nl *nl, const struct kept *k, int index, struct err *e)
{
	struct err why = ERR_INIT;

	for (int round = 0; round < ROUNDS; round++) {
		size_t missing = 0;

		why = ERR_INIT;
		if (give(nl, k, index, &missing, &why) && !missing)
			return true;
	}
	if (!*why.text)
		return true;
	*e = why;
	return wrap(e, "routes");
}
