// SPDX-License-Identifier: Apache-2.0
#include "kernel/addr.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "lib/buf.h"

static void put_addr(struct nl *nl, struct nlmsg *m, uint16_t type, unsigned nlm_flags, int index, const struct cidr *c)
{
	struct ifaddrmsg ifa = {
		.ifa_family = (uint8_t)ip_family(&c->ip),
		.ifa_prefixlen = c->len,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = (uint32_t)index,
	};

	nl_begin(nl, m, type, nlm_flags, &ifa, sizeof(ifa));
	nl_put(m, IFA_LOCAL, ip_bytes(&c->ip), ip_size(&c->ip));
	nl_put(m, IFA_ADDRESS, ip_bytes(&c->ip), ip_size(&c->ip));
}

void addr_put_new(struct nl *nl, struct nlmsg *m, int index, const struct cidr *c, uint32_t flags)
{
	put_addr(nl, m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, c);
	if (ip_is4(&c->ip) && c->len < 31) {
		struct ip last = cidr_last(c);

		nl_put(m, IFA_BROADCAST, ip_bytes(&last), ip_size(&last));
	}
	if (flags)
		nl_put_u32(m, IFA_FLAGS, flags);
}

bool addr_add(struct nl *nl, int index, const struct cidr *c, uint32_t flags, struct err *e)
{
	NLMSG_ON_STACK(m, 256);
	char text[CIDR_TEXT_MAX];

	addr_put_new(nl, &m, index, c, flags);
	return nl_ask(nl, &m, e) || wrap(e, "add address %s", cidr_text(c, text));
}

bool addr_del(struct nl *nl, int index, const struct cidr *c, struct err *e)
{
	NLMSG_ON_STACK(m, 256);
	char text[CIDR_TEXT_MAX];

	put_addr(nl, &m, RTM_DELADDR, 0, index, c);
	return nl_ask(nl, &m, e) || wrap(e, "remove address %s", cidr_text(c, text));
}

struct listing {
	struct buf out; /* of struct addr */
	int family, index;
};

static bool addr_decode(const struct nlmsghdr *h, struct addr *ret, struct err *e)
{
	const struct ifaddrmsg *ifa = NLMSG_DATA(h);
	struct nl_attr tb[IFA_FLAGS + 1], *at;

	if (!nl_parse_msg(h, sizeof(*ifa), tb, IFA_FLAGS, e))
		return false;
	at = tb[IFA_LOCAL].there ? &tb[IFA_LOCAL] : &tb[IFA_ADDRESS];
	if (!at->there || at->len != (ifa->ifa_family == AF_INET ? 4 : 16))
		return fail(e, EBADMSG, "interface address of %u bytes", at->len);
	*ret = (struct addr){
		.cidr = { ip_from_bytes(ifa->ifa_family, at->data), ifa->ifa_prefixlen },
		.index = (int)ifa->ifa_index,
		.flags = tb[IFA_FLAGS].there ? nl_u32(&tb[IFA_FLAGS]) : ifa->ifa_flags,
		.scope = ifa->ifa_scope,
	};
	return true;
}

static bool addr_take(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct ifaddrmsg *ifa = NLMSG_DATA(h);
	struct listing *l = arg;
	struct addr a;

	if (h->nlmsg_type != RTM_NEWADDR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*ifa)))
		return true;
	if (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6)
		return true;
	if ((l->family && l->family != ifa->ifa_family) || (l->index && (uint32_t)l->index != ifa->ifa_index))
		return true;
	if (!addr_decode(h, &a, e))
		return false;
	buf_put(&l->out, &a, sizeof(a));
	return true;
}

static void listing_again(void *arg)
{
	((struct listing *)arg)->out.len = 0;
}

bool addr_list(struct nl *nl, struct arena *a, int family, int index, struct addr **ret, size_t *ret_n, struct err *e)
{
	NLMSG_ON_STACK(m, 64);
	struct ifaddrmsg ifa = { .ifa_family = (uint8_t)family, .ifa_index = (uint32_t)index };
	struct listing l = { .family = family, .index = index };

	buf_init(&l.out, a, 8 * sizeof(struct addr));
	nl_begin(nl, &m, RTM_GETADDR, NLM_F_DUMP | NL_NO_ACK, &ifa, sizeof(ifa));
	if (!nl_dump(nl, &m, addr_take, listing_again, &l, e))
		return wrap(e, "list addresses");
	*ret = (struct addr *)(void *)l.out.data;
	*ret_n = l.out.len / sizeof(struct addr);
	return true;
}
