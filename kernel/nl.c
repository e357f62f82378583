// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel works a request off while we are inside sendmsg(), so its answers stand in the socket's queue when that
 * returns: reading never waits in practice, and the deadline below only keeps a lost answer from becoming a process
 * that hangs for ever. After the first failure we read on until the queue is empty, because a request that did not ask
 * for an acknowledgement (an nftables batch header) may fail as well, and then nobody knows how many answers are still
 * to come.
 */
#include "kernel/nl.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fs.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

#define ANSWER_MAX (64 * 1024)		/* larger than any skb the kernel fills for a dump (32 KiB) */
#define ANSWER_WAIT_MS 10000
#define DUMP_TRIES 40
#define DUMP_TRIES_AT_ONCE 4
#define ACK_COST 1280			/* what one small answer counts against the receive buffer, generously */
#define ACKS_BY_DEFAULT 64		/* so many fit any sensible rmem_default */

// ---- the socket ----

/* Wishes: a kernel that does not know one of them answers a little more or a little less, no more than that. */
static void set_options(int fd, int protocol)
{
	int on = 1;

	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	if (protocol == NETLINK_ROUTE)
		setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
}

bool nl_open(struct nl *nl, int protocol, struct err *e)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(self);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return fail(e, errno, "open a netlink socket (protocol %d)", protocol);
	if (bind(fd, (struct sockaddr *)&self, sizeof(self)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&self, &len) < 0) {
		int num = errno;

		close(fd);
		return fail(e, num, "bind a netlink socket (protocol %d)", protocol);
	}
	set_options(fd, protocol);
	*nl = (struct nl){ .fd = fd, .protocol = protocol, .port = self.nl_pid };
	return true;
}

void nl_close(struct nl *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
}

// ---- building ----

/* @n zeroed bytes, padded to the alignment, at the end of @m; NULL and @full when they do not fit. */
static void *msg_room(struct nlmsg *m, size_t n)
{
	size_t padded = NLMSG_ALIGN(n);
	uint8_t *p;

	if (m->full || n > m->cap || padded > m->cap - m->len) {
		m->full = true;
		return NULL;
	}
	p = m->buf + m->len;
	if (padded > n)
		memset(p + n, 0, padded - n);
	m->len += padded;
	return p;
}

static struct nlmsghdr *msg_header(struct nlmsg *m)
{
	return (struct nlmsghdr *)(m->buf + m->at);
}

static void msg_grew(struct nlmsg *m)
{
	if (!m->full)
		msg_header(m)->nlmsg_len = (uint32_t)(m->len - m->at);
}

void nl_reset(struct nlmsg *m)
{
	m->len = m->at = 0;
	m->count = 0;
	m->full = false;
}

void nl_begin(struct nl *nl, struct nlmsg *m, uint16_t type, unsigned flags, const void *fixed, size_t fixed_len)
{
	bool first = m->len == 0, ack = !(flags & NL_NO_ACK);
	size_t at = m->len;
	struct nlmsghdr *h = msg_room(m, sizeof(*h));

	if (!h)
		return;
	m->at = at;
	*h = (struct nlmsghdr){
		.nlmsg_len = sizeof(*h),
		.nlmsg_type = type,
		.nlmsg_flags = (uint16_t)((flags & 0xffff) | NLM_F_REQUEST | (ack ? NLM_F_ACK : 0)),
		.nlmsg_seq = ++nl->seq,
		.nlmsg_pid = nl->port,
	};
	if (first)
		m->first_seq = h->nlmsg_seq;
	m->count += ack;
	nl_put_bare(m, fixed, fixed_len);
}

void nl_put_bare(struct nlmsg *m, const void *data, size_t len)
{
	void *p = msg_room(m, len);

	if (p && len)
		memcpy(p, data, len);
	msg_grew(m);
}

void nl_put(struct nlmsg *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr *a;

	if (len > UINT16_MAX - NLA_HDRLEN) {
		m->full = true;
		return;
	}
	a = msg_room(m, NLA_HDRLEN + len);
	if (!a)
		return;
	a->nla_type = type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	if (len)
		memcpy((uint8_t *)a + NLA_HDRLEN, data, len);
	msg_grew(m);
}

void nl_put_str(struct nlmsg *m, uint16_t type, const char *s)
{
	nl_put(m, type, s, strlen(s) + 1);
}

void nl_put_flag(struct nlmsg *m, uint16_t type)
{
	nl_put(m, type, NULL, 0);
}

void nl_put_u8(struct nlmsg *m, uint16_t type, uint8_t v)
{
	nl_put(m, type, &v, sizeof(v));
}

void nl_put_u16(struct nlmsg *m, uint16_t type, uint16_t v)
{
	nl_put(m, type, &v, sizeof(v));
}

void nl_put_u32(struct nlmsg *m, uint16_t type, uint32_t v)
{
	nl_put(m, type, &v, sizeof(v));
}

/* The @n low bytes of @v, most significant first. */
static void put_be(struct nlmsg *m, uint16_t type, uint64_t v, unsigned n)
{
	uint8_t b[8];

	for (unsigned i = 0; i < n; i++)
		b[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	nl_put(m, type, b, n);
}

void nl_put_be16(struct nlmsg *m, uint16_t type, uint16_t v)
{
	put_be(m, type, v, 2);
}

void nl_put_be32(struct nlmsg *m, uint16_t type, uint32_t v)
{
	put_be(m, type, v, 4);
}

void nl_put_be64(struct nlmsg *m, uint16_t type, uint64_t v)
{
	put_be(m, type, v, 8);
}

size_t nl_nest_open(struct nlmsg *m, uint16_t type)
{
	size_t at = m->len;

	nl_put(m, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void nl_nest_close(struct nlmsg *m, size_t at)
{
	size_t len = m->len - at;

	if (m->full)
		return;
	if (len > UINT16_MAX)
		m->full = true;
	else
		((struct nlattr *)(m->buf + at))->nla_len = (uint16_t)len;
}

// ---- reading attributes ----

bool nl_next(struct nl_iter *it)
{
	const struct nlattr *a = (const struct nlattr *)it->p;
	size_t left = (size_t)(it->end - it->p);

	if (left < NLA_HDRLEN || a->nla_len < NLA_HDRLEN || a->nla_len > left)
		return false;
	it->type = a->nla_type & NLA_TYPE_MASK;
	it->data = it->p + NLA_HDRLEN;
	it->len = (uint16_t)(a->nla_len - NLA_HDRLEN);
	it->p += (size_t)NLA_ALIGN(a->nla_len) < left ? (size_t)NLA_ALIGN(a->nla_len) : left;
	return true;
}

bool nl_parse(const void *data, size_t len, struct nl_attr *ret, unsigned max, struct err *e)
{
	struct nl_iter it = { .p = data, .end = (const uint8_t *)data + len };
	struct nl_iter check = it;

	while (nl_next(&check))
		;
	if (check.p != check.end)
		return fail(e, EBADMSG, "netlink attributes cut after %td of %zu bytes", check.p - it.p, len);
	memset(ret, 0, (max + 1) * sizeof(*ret));
	while (nl_next(&it))
		if (it.type <= max)
			ret[it.type] = (struct nl_attr){ .data = it.data, .len = it.len, .there = true };
	return true;
}

bool nl_parse_msg(const struct nlmsghdr *h, size_t fixed_len, struct nl_attr *ret, unsigned max, struct err *e)
{
	size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(fixed_len);

	if (h->nlmsg_len < skip)
		return fail(e, EBADMSG, "netlink message of type %u is only %u bytes long", h->nlmsg_type,
			    h->nlmsg_len);
	return nl_parse((const uint8_t *)h + skip, h->nlmsg_len - skip, ret, max, e);
}

/* The value, most significant byte first if @big, of an attribute of exactly @n bytes. */
static uint64_t attr_number(const struct nl_attr *a, unsigned n, bool big)
{
	const uint8_t *b = a->data;
	uint64_t v = 0;

	if (!a->there || a->len != n)
		return 0;
	if (big) {
		for (unsigned i = 0; i < n; i++)
			v = v << 8 | b[i];
		return v;
	}
	switch (n) {
	case 1: return b[0];
	case 2: return *(const uint16_t *)a->data;
	case 4: return *(const uint32_t *)a->data;
	default: memcpy(&v, b, sizeof(v)); return v; /* attributes are aligned to 4 only */
	}
}

uint32_t nl_u32(const struct nl_attr *a)
{
	return (uint32_t)attr_number(a, 4, false);
}

uint16_t nl_u16(const struct nl_attr *a)
{
	return (uint16_t)attr_number(a, 2, false);
}

uint8_t nl_u8(const struct nl_attr *a)
{
	return (uint8_t)attr_number(a, 1, false);
}

uint32_t nl_be32(const struct nl_attr *a)
{
	return (uint32_t)attr_number(a, 4, true);
}

uint64_t nl_be64(const struct nl_attr *a)
{
	return attr_number(a, 8, true);
}

const char *nl_str(const struct nl_attr *a)
{
	return a->there && a->len && memchr(a->data, '\0', a->len) ? a->data : "";
}

// ---- asking ----

/* One send and its answers. */
struct round {
	struct nl *nl;
	nl_reply *reply;
	void *arg;
	struct err *e;
	uint32_t first, last; /* sequence numbers of the requests */
	unsigned waiting;     /* acknowledgements, or the end of the dump, that are still to come */
	unsigned bad;         /* index of the request that failed */
	bool dump, failed, interrupted;
};

static bool round_fail(struct round *r, uint32_t seq)
{
	r->failed = true;
	r->bad = seq - r->first;
	return false;
}

static uint32_t last_seq(const struct nlmsg *m)
{
	return ((const struct nlmsghdr *)(m->buf + m->at))->nlmsg_seq;
}

static bool send_all(struct nl *nl, const struct nlmsg *m, struct err *e)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	if (m->full)
		return fail(e, EMSGSIZE, "netlink request does not fit its buffer of %zu bytes", m->cap);
	if (m->count > ACKS_BY_DEFAULT) {
		int room = (int)(m->count * ACK_COST);

		setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	}
	for (bool raised = false;; raised = true) {
		do
			n = sendto(nl->fd, m->buf, m->len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
		while (n < 0 && errno == EINTR);
		if (n >= 0)
			return true;
		if (errno != EMSGSIZE || raised)
			return fail(e, errno, "send a netlink request of %zu bytes", m->len);
		setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){ (int)m->len + 4096 }, sizeof(int));
	}
}

enum got { GOT_DATA, GOT_NOTHING, GOT_OVERRUN, GOT_ERROR };

/* The next datagram that the kernel sent. Errors are in errno. */
static enum got receive(struct round *r, void *buf, size_t size, size_t *ret_len)
{
	struct pollfd p = { .fd = r->nl->fd, .events = POLLIN };
	struct sockaddr_nl from;
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = { .msg_name = &from, .msg_iov = &iov, .msg_iovlen = 1 };

	for (;;) {
		ssize_t n;

		msg.msg_namelen = sizeof(from);
		n = recvmsg(r->nl->fd, &msg, MSG_DONTWAIT);
		if (n >= 0 && msg.msg_flags & MSG_TRUNC) {
			errno = EMSGSIZE;
			return GOT_ERROR;
		}
		if (n >= 0 && from.nl_pid == 0) {
			*ret_len = (size_t)n;
			return GOT_DATA;
		}
		if (n >= 0 || errno == EINTR)
			continue;
		if (errno == ENOBUFS)
			return GOT_OVERRUN;
		if (errno != EAGAIN)
			return GOT_ERROR;
		if (r->failed || poll(&p, 1, ANSWER_WAIT_MS) == 0)
			return GOT_NOTHING;
	}
}

/* The kernel's own sentence behind an error of @h, or "". */
static const char *extack_text(const struct nlmsghdr *h)
{
	const struct nlmsgerr *ne = NLMSG_DATA(h);
	struct nl_attr tb[NLMSGERR_ATTR_MSG + 1];
	size_t skip = sizeof(*ne);
	struct err ignored;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return "";
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(ne->msg.nlmsg_len) - sizeof(struct nlmsghdr);
	return nl_parse_msg(h, skip, tb, NLMSGERR_ATTR_MSG, &ignored) ? nl_str(&tb[NLMSGERR_ATTR_MSG]) : "";
}

static bool refused(struct round *r, uint32_t seq, int num, const char *sentence)
{
	if (r->failed)
		return false;
	fail(r->e, 0, "%s%s%s", strerror(num), *sentence ? ": " : "", sentence);
	r->e->num = num;
	return round_fail(r, seq);
}

static bool take_ack(struct round *r, const struct nlmsghdr *h)
{
	const struct nlmsgerr *ne = NLMSG_DATA(h);

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*ne)))
		return refused(r, h->nlmsg_seq, EBADMSG, "short acknowledgement");
	if (ne->error)
		return refused(r, h->nlmsg_seq, -ne->error, extack_text(h));
	if (r->waiting)
		r->waiting--;
	return true;
}

/* The end of a dump carries an error number; older kernels leave it out. */
static bool take_done(struct round *r, const struct nlmsghdr *h)
{
	int num = h->nlmsg_len >= NLMSG_LENGTH(sizeof(int)) ? *(const int *)NLMSG_DATA(h) : 0;

	if (num < 0)
		return refused(r, h->nlmsg_seq, -num, "");
	if (r->waiting)
		r->waiting--;
	return true;
}

static void take(struct round *r, const struct nlmsghdr *h)
{
	if (h->nlmsg_seq - r->first > r->last - r->first || h->nlmsg_pid != r->nl->port)
		return; /* the rest of an earlier question */
	if (h->nlmsg_flags & NLM_F_DUMP_INTR && r->dump)
		r->interrupted = true;
	switch (h->nlmsg_type) {
	case NLMSG_NOOP: break;
	case NLMSG_ERROR: take_ack(r, h); break;
	case NLMSG_DONE: take_done(r, h); break;
	case NLMSG_OVERRUN: refused(r, h->nlmsg_seq, ENOBUFS, "answers were lost"); break;
	default:
		if (!r->failed && r->reply && !r->reply(h, r->arg, r->e))
			round_fail(r, h->nlmsg_seq);
	}
}

static bool collect(struct round *r)
{
	uint8_t buf[ANSWER_MAX] __attribute__((aligned(8)));
	size_t len;

	while (r->waiting || r->failed) {
		enum got got = receive(r, buf, sizeof(buf), &len);

		if (got == GOT_NOTHING && r->failed)
			return false;
		if (got == GOT_NOTHING)
			return fail(r->e, ETIMEDOUT, "the kernel did not acknowledge a netlink request");
		if (got == GOT_ERROR)
			return r->failed ? false : fail(r->e, errno, "receive a netlink answer");
		if (got == GOT_OVERRUN) {
			refused(r, r->last, ENOBUFS, "netlink answers were lost");
			continue;
		}
		for (const struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len))
			take(r, h);
	}
	return true;
}

bool nl_send(struct nl *nl, struct nlmsg *m, nl_reply *reply, void *arg, unsigned *ret_index, struct err *e)
{
	struct round r = { .nl = nl, .reply = reply, .arg = arg, .e = e };

	if (m->len == 0 && !m->full)
		return true;
	if (!send_all(nl, m, e))
		return false;
	r.first = m->first_seq;
	r.last = last_seq(m);
	r.waiting = m->count;
	if (collect(&r))
		return true;
	if (ret_index)
		*ret_index = r.bad;
	return false;
}

bool nl_ask(struct nl *nl, struct nlmsg *m, struct err *e)
{
	return nl_send(nl, m, NULL, NULL, NULL, e);
}

/* Where others change the list all the time, a reading has to fall between two changes: it tries other moments. */
static void dump_again(struct nl *nl, struct nlmsg *m, int tries, void (*again)(void *arg), void *arg)
{
	struct nlmsghdr *h = (struct nlmsghdr *)m->buf;
	uint8_t random;

	if (tries >= DUMP_TRIES_AT_ONCE) {
		fs_random(&random, sizeof(random));
		poll(NULL, 0, random % tries);
	}
	h->nlmsg_seq = m->first_seq = ++nl->seq;
	if (again)
		again(arg);
}

bool nl_dump(struct nl *nl, struct nlmsg *m, nl_reply *reply, void (*again)(void *arg), void *arg, struct err *e)
{
	for (int tries = 0; tries < DUMP_TRIES; tries++) {
		struct err why = ERR_INIT;
		struct round r = { .nl = nl, .reply = reply, .arg = arg, .e = &why, .waiting = 1, .dump = true };
		bool ok;

		if (tries)
			dump_again(nl, m, tries, again, arg);
		if (!send_all(nl, m, e))
			return false;
		r.first = r.last = m->first_seq;
		ok = collect(&r);
		if (ok && !r.interrupted)
			return true;
		if (!ok && why.num != ENOBUFS) {
			*e = why;
			return false;
		}
	}
	return fail(e, EINTR, "the kernel's list changed during each of %d readings", DUMP_TRIES);
}
