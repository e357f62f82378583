// SPDX-License-Identifier: Apache-2.0
/*
 * Kernels from 6.9 flush by a filter: one message, whatever the size of the table. Older ones refuse that message
 * (they take the half-filled tuple for a whole one and miss its rest), so the fallback is safe to try second: a dump,
 * filtered by the kernel from 5.8 and by us always, and one deletion per entry found.
 */
#include "kernel/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include "lib/buf.h"

/* Kernel-internal names for the bits of CTA_FILTER_ORIG_FLAGS. */
enum { MATCH_DST = 1 << 1, MATCH_PROTOCOL = 1 << 3, MATCH_DST_PORT = 1 << 5 };

struct wanted {
	int family;
	uint8_t protocol;
	uint16_t port;
	const struct ip *dst; /* NULL: any */
};

static void begin(struct nl *nl, struct nlmsg *m, uint8_t type, unsigned flags, int family)
{
	struct nfgenmsg g = { .nfgen_family = (uint8_t)family, .version = NFNETLINK_V0 };

	nl_begin(nl, m, NFNL_SUBSYS_CTNETLINK << 8 | type, flags, &g, sizeof(g));
}

static void put_filter(struct nlmsg *m, const struct wanted *w)
{
	NL_NEST(m, CTA_TUPLE_ORIG) {
		if (w->dst)
			NL_NEST(m, CTA_TUPLE_IP)
				nl_put(m, w->family == AF_INET ? CTA_IP_V4_DST : CTA_IP_V6_DST, ip_bytes(w->dst),
				       ip_size(w->dst));
		NL_NEST(m, CTA_TUPLE_PROTO) {
			nl_put_u8(m, CTA_PROTO_NUM, w->protocol);
			nl_put_be16(m, CTA_PROTO_DST_PORT, w->port);
		}
	}
	NL_NEST(m, CTA_FILTER) {
		nl_put_u32(m, CTA_FILTER_ORIG_FLAGS, (w->dst ? MATCH_DST : 0) | MATCH_PROTOCOL | MATCH_DST_PORT);
		nl_put_u32(m, CTA_FILTER_REPLY_FLAGS, 0);
	}
}

static bool flush(struct nl *nl, const struct wanted *w, struct err *e)
{
	NLMSG_ON_STACK(m, 256);

	begin(nl, &m, IPCTNL_MSG_CT_DELETE, 0, w->family);
	put_filter(&m, w);
	return nl_ask(nl, &m, e);
}

// ---- one by one ----

/* Tuples of what was found, as the kernel wrote them: they go back as they are. */
struct found {
	const struct wanted *wanted;
	struct arena arena;
	struct buf tuples; /* struct bytes, one after the other */
};

static bool matches(const struct wanted *w, const struct nl_attr *tuple)
{
	struct nl_attr part[CTA_TUPLE_MAX + 1], proto[CTA_PROTO_MAX + 1], addr[CTA_IP_MAX + 1];
	const struct nl_attr *dst = &addr[w->family == AF_INET ? CTA_IP_V4_DST : CTA_IP_V6_DST];
	struct err ignored;

	if (!nl_parse(tuple->data, tuple->len, part, CTA_TUPLE_MAX, &ignored) || !part[CTA_TUPLE_PROTO].there ||
	    !part[CTA_TUPLE_IP].there ||
	    !nl_parse(part[CTA_TUPLE_PROTO].data, part[CTA_TUPLE_PROTO].len, proto, CTA_PROTO_MAX, &ignored) ||
	    !nl_parse(part[CTA_TUPLE_IP].data, part[CTA_TUPLE_IP].len, addr, CTA_IP_MAX, &ignored))
		return false;
	if (nl_u8(&proto[CTA_PROTO_NUM]) != w->protocol || ntohs(nl_u16(&proto[CTA_PROTO_DST_PORT])) != w->port)
		return false;
	return !w->dst ||
	       (dst->there && dst->len == ip_size(w->dst) && memcmp(dst->data, ip_bytes(w->dst), dst->len) == 0);
}

static bool take(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct nl_attr at[CTA_TUPLE_ORIG + 1];
	struct found *f = arg;
	struct bytes tuple;

	if (!nl_parse_msg(h, sizeof(struct nfgenmsg), at, CTA_TUPLE_ORIG, e))
		return false;
	if (!at[CTA_TUPLE_ORIG].there || !matches(f->wanted, &at[CTA_TUPLE_ORIG]))
		return true;
	tuple = (struct bytes){ arena_strndup(&f->arena, at[CTA_TUPLE_ORIG].data, at[CTA_TUPLE_ORIG].len),
				at[CTA_TUPLE_ORIG].len };
	buf_put(&f->tuples, &tuple, sizeof(tuple));
	return true;
}

static void again(void *arg)
{
	((struct found *)arg)->tuples.len = 0;
}

static bool forget(struct nl *nl, const struct wanted *w, struct bytes tuple, struct err *e)
{
	struct err why = ERR_INIT;
	NLMSG_ON_STACK(m, 512);

	begin(nl, &m, IPCTNL_MSG_CT_DELETE, 0, w->family);
	nl_put(&m, CTA_TUPLE_ORIG | NLA_F_NESTED, tuple.data, tuple.len);
	if (nl_ask(nl, &m, &why) || why.num == ENOENT)
		return true;
	*e = why;
	return false;
}

static bool forget_all(struct nl *nl, const struct found *f, struct err *e)
{
	const struct bytes *tuple = (const struct bytes *)f->tuples.data;

	for (size_t i = 0; i < f->tuples.len / sizeof(*tuple); i++)
		if (!forget(nl, f->wanted, tuple[i], e))
			return false;
	return true;
}

static bool flush_listed(struct nl *nl, const struct wanted *w, struct err *e)
{
	struct found f = { .wanted = w };
	NLMSG_ON_STACK(m, 256);
	bool ok;

	arena_init(&f.arena, NULL, 0);
	buf_init(&f.tuples, &f.arena, 256);
	begin(nl, &m, IPCTNL_MSG_CT_GET, NLM_F_DUMP, w->family);
	put_filter(&m, w);
	ok = nl_dump(nl, &m, take, again, &f, e) && forget_all(nl, &f, e);
	arena_done(&f.arena);
	return ok;
}

bool conntrack_flush_port_listed(struct nl *nl, int family, uint8_t protocol, uint16_t port, const struct ip *dst,
				 struct err *e)
{
	struct wanted w = { family, protocol, port, dst && !ip_is_unset(dst) ? dst : NULL };

	return flush_listed(nl, &w, e) || wrap(e, "forget connections to port %u", port);
}

bool conntrack_flush_port(struct nl *nl, int family, uint8_t protocol, uint16_t port, const struct ip *dst,
			  struct err *e)
{
	struct wanted w = { family, protocol, port, dst && !ip_is_unset(dst) ? dst : NULL };
	struct err why = ERR_INIT;

	return flush(nl, &w, &why) || conntrack_flush_port_listed(nl, family, protocol, port, dst, e);
}
