// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * One builder and one socket type for every netlink family. Messages are written front to back into a caller's
 * buffer and never moved; several may stand in one buffer and leave with one send (a "batch" of rtnetlink
 * requests, an nftables transaction). Running out of room sets @full and makes each later put a no-op, so a
 * message of forty attributes needs one check, made by nl_send() and not by the author of the message. Nests are
 * scopes: NL_NEST() opens, the closing brace patches the length. Every request asks for NETLINK_EXT_ACK and the
 * kernel's own sentence lands in the error.
 *
 * A socket belongs to the network namespace in which it was opened, for ever: whoever works in two namespaces holds two
 * sockets and joins the other one only to open its socket (kernel/netns.h).
 */
#ifndef CRIMP_KERNEL_NL_H
#define CRIMP_KERNEL_NL_H

#include <linux/netlink.h>

#include "lib/err.h"

struct nl {
	int fd;			/* -1: closed */
	int protocol;
	uint32_t seq;		/* of the newest request */
	uint32_t port;		/* ours */
};
#define NL_CLOSED ((struct nl){ .fd = -1 })

/* @protocol: NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_GENERIC. Opens in the calling thread's network namespace. */
bool nl_open(struct nl *nl, int protocol, struct err *e) MUST_CHECK;
void nl_close(struct nl *nl);
#define autonl CLEANUP(nl_close) struct nl

struct nlmsg {
	uint8_t *buf;
	size_t cap, len;	/* len: end of what is written */
	size_t at;		/* start of the message being written */
	unsigned count;		/* messages that will be acknowledged */
	uint32_t first_seq;	/* of the first message in the buffer */
	bool full;
};
/* struct nlmsg NAME over a stack buffer of SIZE bytes. */
#define NLMSG_ON_STACK(name, size)                                \
	uint8_t name##_bytes[size] __attribute__((aligned(8)));   \
	struct nlmsg name = { .buf = name##_bytes, .cap = (size) }

/*
 * Start the next message in @m: header (NLM_F_REQUEST | NLM_F_ACK are added unless @flags has
 * NL_NO_ACK) and the family header @fixed.
 */
#define NL_NO_ACK 0x10000
void nl_begin(struct nl *nl, struct nlmsg *m, uint16_t type, unsigned flags, const void *fixed, size_t fixed_len);
/* Empty again: for the next send from the same buffer. */
void nl_reset(struct nlmsg *m);
void nl_put(struct nlmsg *m, uint16_t type, const void *data, size_t len);
void nl_put_str(struct nlmsg *m, uint16_t type, const char *s);	/* with its NUL */
void nl_put_flag(struct nlmsg *m, uint16_t type);
void nl_put_u8(struct nlmsg *m, uint16_t type, uint8_t v);
void nl_put_u16(struct nlmsg *m, uint16_t type, uint16_t v);
void nl_put_u32(struct nlmsg *m, uint16_t type, uint32_t v);
void nl_put_be16(struct nlmsg *m, uint16_t type, uint16_t v);	/* host order in, network order out */
void nl_put_be32(struct nlmsg *m, uint16_t type, uint32_t v);
void nl_put_be64(struct nlmsg *m, uint16_t type, uint64_t v);
/* Bytes without an attribute header (VETH_INFO_PEER starts with an ifinfomsg). */
void nl_put_bare(struct nlmsg *m, const void *data, size_t len);

struct nl_nest { struct nlmsg *m; size_t at; bool once; };
size_t nl_nest_open(struct nlmsg *m, uint16_t type);		/* sets NLA_F_NESTED */
void nl_nest_close(struct nlmsg *m, size_t at);
static inline void nl_nest_end(struct nl_nest *n) { nl_nest_close(n->m, n->at); }
/* NL_NEST(m, type) { puts } -- the closing brace closes the nest, on every path out. */
#define NL_NEST(m, type) NL_NEST_(m, type, __COUNTER__)
#define NL_NEST_(m, type, n) NL_NEST__(m, type, n)
#define NL_NEST__(m, type, n) \
	for (struct nl_nest nest##n CLEANUP(nl_nest_end) = { (m), nl_nest_open((m), (type)), true }; nest##n.once; \
	     nest##n.once = false)

/*
 * A reply message, with its attributes found by type. Unknown types beyond @max are
 * dropped; the last of a repeated type is kept.
 */
struct nl_attr { const void *data; uint16_t len; bool there; };
bool nl_parse(const void *data, size_t len, struct nl_attr *ret, unsigned max, struct err *e) MUST_CHECK;
/* Attributes behind the family header of @h. */
bool nl_parse_msg(const struct nlmsghdr *h, size_t fixed_len, struct nl_attr *ret, unsigned max,
		  struct err *e) MUST_CHECK;
uint32_t nl_u32(const struct nl_attr *a);	/* 0 when absent or of another size */
uint16_t nl_u16(const struct nl_attr *a);
uint8_t nl_u8(const struct nl_attr *a);
uint32_t nl_be32(const struct nl_attr *a);
uint64_t nl_be64(const struct nl_attr *a);
const char *nl_str(const struct nl_attr *a);	/* "" when absent or unterminated */
/* Walk the members of a nest or list: nl_each(a, nest.data, nest.len) { ... a.type, a.data, a.len ... } */
struct nl_iter { const uint8_t *p, *end; uint16_t type; const void *data; uint16_t len; };
bool nl_next(struct nl_iter *it);
#define nl_each(it, bytes, n) \
	for (struct nl_iter it = { .p = (bytes), .end = (const uint8_t *)(bytes) + (n) }; nl_next(&it);)

/* Called for each reply message that is not an ack or error. Returning false stops and fails with @e. */
typedef bool nl_reply(const struct nlmsghdr *h, void *arg, struct err *e);

/*
 * Send all messages in @m and collect every acknowledgement. On the first failure the rest is still drained; e->num is
 * the kernel's errno and the text "File exists" or "Invalid argument: the kernel's own sentence" (callers wrap() it).
 * @ret_index (may be NULL) is the index in @m of the message that failed, those without acknowledgement counted too.
 * rtnetlink goes on after a failed message, so the others have happened.
 */
bool nl_send(struct nl *nl, struct nlmsg *m, nl_reply *reply, void *arg, unsigned *ret_index, struct err *e) MUST_CHECK;
/* nl_send() of one message without replies. */
bool nl_ask(struct nl *nl, struct nlmsg *m, struct err *e) MUST_CHECK;
/*
 * A dump (NLM_F_DUMP is added by the caller in nl_begin flags). Where the kernel says that it was interrupted by a
 * change it is tried again, up to 40 times and for about a second: @again (may be NULL) resets @arg. EINTR then.
 */
bool nl_dump(struct nl *nl, struct nlmsg *m, nl_reply *reply, void (*again)(void *arg), void *arg,
	     struct err *e) MUST_CHECK;

#endif
