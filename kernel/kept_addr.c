// SPDX-License-Identifier: Apache-2.0
/*
 * An IPv6 address that was in use a moment ago is nobody else's: it comes back with NODAD, else it could not be used
 * for a second, and a second request takes that flag away again, which starts no probing. Temporary addresses are the
 * kernel's alone to make; new ones come with the next router advertisement.
 */
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "kernel/kept_msg.h"

#define FIXED sizeof(struct ifaddrmsg)
#define FOREVER UINT32_MAX

static uint32_t flags_of(const struct nlmsghdr *h)
{
	const struct nlattr *a = kept_attr(h, FIXED, IFA_FLAGS);
	const struct ifaddrmsg *ifa = NLMSG_DATA(h);

	return a ? kept_u32(a) : ifa->ifa_flags;
}

static int family_of(const struct nlmsghdr *h)
{
	return ((const struct ifaddrmsg *)NLMSG_DATA(h))->ifa_family;
}

static bool wanted(const struct nlmsghdr *h, int index)
{
	const struct ifaddrmsg *ifa = NLMSG_DATA(h);

	return ifa->ifa_index == (uint32_t)index &&
	       (ifa->ifa_family == AF_INET || (ifa->ifa_family == AF_INET6 && !(flags_of(h) & IFA_F_TEMPORARY)));
}

static void tidy(struct kept_msg *m, int from UNUSED, int to)
{
	((struct ifaddrmsg *)NLMSG_DATA(m->h))->ifa_index = (uint32_t)to;
}

const struct kept_kind kept_addr = {
	.type = RTM_NEWADDR,
	.fixed = FIXED,
	.wanted = wanted,
	.tidy = tidy,
};

bool kept_addrs_note(struct nl *nl, struct kept *k, struct err *e)
{
	struct ifaddrmsg ifa = { .ifa_index = (uint32_t)k->link.index };
	NLMSG_ON_STACK(m, 64);

	nl_begin(nl, &m, RTM_GETADDR, NLM_F_DUMP | NL_NO_ACK, &ifa, sizeof(ifa));
	return kept_list(nl, k->arena, &kept_addr, &m, k->link.index, k->link.index, &k->addrs, e) ||
	       wrap(e, "list addresses");
}

static uint32_t less(uint32_t left, uint32_t passed)
{
	return left == FOREVER ? left : left > passed ? left - passed : 0;
}

/* Do its lifetimes go on? False: it would have ended. */
static bool age(struct nlmsghdr *h, uint32_t passed)
{
	struct nlattr *a = kept_attr(h, FIXED, IFA_CACHEINFO);
	struct ifa_cacheinfo ci;

	if (!a || a->nla_len < NLA_HDRLEN + sizeof(ci))
		return true;
	memcpy(&ci, kept_data(a), sizeof(ci));
	ci.ifa_prefered = less(ci.ifa_prefered, passed);
	ci.ifa_valid = less(ci.ifa_valid, passed);
	memcpy(kept_data(a), &ci, sizeof(ci));
	return ci.ifa_valid;
}

static bool is_settled(const struct kept *k, const struct nlmsghdr *h)
{
	return family_of(h) == AF_INET6 && k->link.flags & IFF_UP &&
	       !(flags_of(h) & (IFA_F_TENTATIVE | IFA_F_DADFAILED));
}

static void put(struct kept_out *o, const struct kept *k, const struct nlmsghdr *h, int index, uint32_t more,
		unsigned nlm_flags)
{
	struct nlmsghdr *copy = arena_alloc(k->arena, NLMSG_ALIGN(h->nlmsg_len));
	uint32_t flags = flags_of(h) | more;
	struct nlattr *a;

	memcpy(copy, h, h->nlmsg_len);
	((struct ifaddrmsg *)NLMSG_DATA(copy))->ifa_index = (uint32_t)index;
	a = kept_attr(copy, FIXED, IFA_FLAGS);
	if (a)
		memcpy(kept_data(a), &flags, sizeof(flags));
	else
		((struct ifaddrmsg *)NLMSG_DATA(copy))->ifa_flags = (uint8_t)flags;
	if (age(copy, kept_age(k)))
		kept_out_put(o, copy, FIXED, RTM_NEWADDR, nlm_flags);
}

/* IPv4 has its first address first in the list, IPv6 its last. */
bool kept_addrs_give(struct nl *nl, const struct kept *k, int index, struct err *e)
{
	struct kept_out out;

	kept_out_init(&out, nl, k->arena);
	for (size_t i = 0; i < k->addrs.n; i++)
		if (family_of(k->addrs.v[i].h) == AF_INET)
			put(&out, k, k->addrs.v[i].h, index, 0, NLM_F_CREATE | NLM_F_EXCL);
	for (size_t i = k->addrs.n; i-- > 0;) {
		const struct nlmsghdr *h = k->addrs.v[i].h;

		if (family_of(h) == AF_INET6)
			put(&out, k, h, index, is_settled(k, h) ? IFA_F_NODAD : 0, NLM_F_CREATE | NLM_F_EXCL);
	}
	kept_out_flush(&out);
	return errs_done(&out.failed, e) || wrap(e, "addresses");
}

bool kept_addrs_settle(struct nl *nl, const struct kept *k, int index, struct err *e)
{
	struct kept_out out;

	kept_out_init(&out, nl, k->arena);
	for (size_t i = 0; i < k->addrs.n; i++)
		if (is_settled(k, k->addrs.v[i].h) && !(flags_of(k->addrs.v[i].h) & IFA_F_NODAD))
			put(&out, k, k->addrs.v[i].h, index, 0, NLM_F_REPLACE);
	kept_out_flush(&out);
	return errs_done(&out.failed, e) || wrap(e, "flags of addresses");
}
