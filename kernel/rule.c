// SPDX-License-Identifier: Apache-2.0
#include "kernel/rule.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "lib/buf.h"

static void put_rule(struct nl *nl, struct nlmsg *m, uint16_t type, unsigned flags, const struct rule *r)
{
	struct fib_rule_hdr h = {
		.family = (uint8_t)r->family,
		.src_len = r->has_src ? r->src.len : 0,
		.table = r->table > 255 ? RT_TABLE_UNSPEC : (uint8_t)r->table,
		.action = FR_ACT_TO_TBL,
	};
	struct ip net = cidr_network(&r->src);

	nl_begin(nl, m, type, flags, &h, sizeof(h));
	if (r->has_src)
		nl_put(m, FRA_SRC, ip_bytes(&net), ip_size(&net));
	nl_put_u32(m, FRA_TABLE, r->table);
	if (r->priority)
		nl_put_u32(m, FRA_PRIORITY, r->priority);
}

static const char *rule_text(const struct rule *r, char dst[static 80])
{
	char src[CIDR_TEXT_MAX];

	snprintf(dst, 80, "from %s lookup %u", r->has_src ? cidr_text(&r->src, src) : "all", r->table);
	return dst;
}

bool rule_add(struct nl *nl, const struct rule *r, struct err *e)
{
	NLMSG_ON_STACK(m, 128);
	char text[80];

	put_rule(nl, &m, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, r);
	return nl_ask(nl, &m, e) || wrap(e, "add rule \"%s\"", rule_text(r, text));
}

bool rule_del(struct nl *nl, const struct rule *r, struct err *e)
{
	NLMSG_ON_STACK(m, 128);
	char text[80];

	put_rule(nl, &m, RTM_DELRULE, 0, r);
	return nl_ask(nl, &m, e) || wrap(e, "remove rule \"%s\"", rule_text(r, text));
}

// ---- listing ----

/* What narrows a rule besides its source: each is absent, or says "any" with the value in the second column. */
static const struct condition {
	uint16_t attr;
	uint32_t any;
} conditions[] = {
	{ FRA_IIFNAME, 0 },	 { FRA_OIFNAME, 0 },	 { FRA_FWMARK, 0 },	{ FRA_TUN_ID, 0 },
	{ FRA_UID_RANGE, 0 },	 { FRA_IP_PROTO, 0 },	 { FRA_SPORT_RANGE, 0 }, { FRA_DPORT_RANGE, 0 },
	{ FRA_SUPPRESS_PREFIXLEN, UINT32_MAX }, { FRA_SUPPRESS_IFGROUP, UINT32_MAX }, { FRA_L3MDEV, 0 },
};

static bool is_conditional(const struct fib_rule_hdr *h, const struct nl_attr tb[])
{
	if (h->dst_len || h->tos || h->flags & FIB_RULE_INVERT)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
		const struct nl_attr *a = &tb[conditions[i].attr];

		if (a->there && !(a->len == sizeof(uint32_t) && nl_u32(a) == conditions[i].any))
			return true;
	}
	return false;
}

static bool rule_take(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct fib_rule_hdr *hdr = NLMSG_DATA(h);
	struct nl_attr tb[FRA_DPORT_RANGE + 1];
	struct rule r = { 0 };

	if (h->nlmsg_type != RTM_NEWRULE || h->nlmsg_len < NLMSG_LENGTH(sizeof(*hdr)))
		return true;
	if (hdr->family != AF_INET && hdr->family != AF_INET6)
		return true;
	if (!nl_parse_msg(h, sizeof(*hdr), tb, FRA_DPORT_RANGE, e))
		return false;
	r.family = hdr->family;
	r.has_src = hdr->src_len && tb[FRA_SRC].there && tb[FRA_SRC].len == (r.family == AF_INET ? 4 : 16);
	if (r.has_src)
		r.src = (struct cidr){ ip_from_bytes(r.family, tb[FRA_SRC].data), hdr->src_len };
	if (hdr->action == FR_ACT_TO_TBL)
		r.table = tb[FRA_TABLE].there ? nl_u32(&tb[FRA_TABLE]) : hdr->table;
	r.priority = nl_u32(&tb[FRA_PRIORITY]);
	r.conditional = is_conditional(hdr, tb);
	buf_put(arg, &r, sizeof(r));
	return true;
}

static void list_again(void *arg)
{
	((struct buf *)arg)->len = 0;
}

static bool list_family(struct nl *nl, struct arena *a, int family, struct buf *all, struct err *e)
{
	NLMSG_ON_STACK(m, 64);
	struct fib_rule_hdr h = { .family = (uint8_t)family };
	struct buf part;

	buf_init(&part, a, 8 * sizeof(struct rule));
	nl_begin(nl, &m, RTM_GETRULE, NLM_F_DUMP | NL_NO_ACK, &h, sizeof(h));
	if (!nl_dump(nl, &m, rule_take, list_again, &part, e))
		return wrap(e, "list rules of IPv%c", family == AF_INET ? '4' : '6');
	buf_put(all, part.data, part.len);
	return true;
}

bool rule_list(struct nl *nl, struct arena *a, int family, struct rule **ret, size_t *ret_n, struct err *e)
{
	struct err why = ERR_INIT;
	struct buf all;

	buf_init(&all, a, 8 * sizeof(struct rule));
	if (family != AF_INET6 && !list_family(nl, a, AF_INET, &all, e))
		return false;
	if (family != AF_INET && !list_family(nl, a, AF_INET6, &all, &why) &&
	    (family == AF_INET6 || (why.num != EAFNOSUPPORT && why.num != EOPNOTSUPP))) {
		*e = why;
		return false;
	}
	*ret = (struct rule *)(void *)all.data;
	*ret_n = all.len / sizeof(struct rule);
	return true;
}

// ---- questions ----

bool rule_covers(const struct rule *r, const struct ip *ip)
{
	return r->table && r->family == ip_family(ip) && (!r->has_src || cidr_has(&r->src, ip));
}

bool rule_is_of(const struct rule *r, const struct ip *ip)
{
	return r->table && !r->conditional && r->has_src && r->src.len == ip_bits(ip) && ip_eq(&r->src.ip, ip);
}
