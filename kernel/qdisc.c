// SPDX-License-Identifier: Apache-2.0
#include "kernel/qdisc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#include "kernel/link.h"
#include "lib/fs.h"
#include "lib/str.h"

#define USEC_PER_SEC 1000000
#define LATENCY_USEC 25000
#define PACKET_MAX 65535

// ---- figures ----

/* Ticks of the packet scheduler in a microsecond; 64 ns each on every kernel of the last decade. */
static double ticks_per_usec(void)
{
	unsigned t2us = 1000, us2t = 64, resolution = USEC_PER_SEC;
	autoclose int fd = open("/proc/net/psched", O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%8x%8x%8x", &t2us, &us2t, &resolution) != 3 || !us2t)
		t2us = 1000, us2t = 64, resolution = USEC_PER_SEC;
	return (double)t2us / us2t * ((double)resolution / USEC_PER_SEC);
}

struct tbf tbf_figures(uint64_t rate, uint32_t burst)
{
	double per_usec = ticks_per_usec(), queue = (double)rate * LATENCY_USEC / USEC_PER_SEC;
	uint64_t usec = (uint64_t)((double)burst * USEC_PER_SEC / (double)rate);
	uint64_t ticks = (uint64_t)((double)(uint32_t)usec * per_usec);
	uint64_t limit = queue < UINT32_MAX ? (uint64_t)queue + burst : UINT32_MAX;
	bool cut = usec > UINT32_MAX || ticks > UINT32_MAX;

	if (cut && (double)(uint32_t)ticks / per_usec * (double)rate / USEC_PER_SEC < PACKET_MAX)
		ticks = UINT32_MAX;
	return (struct tbf){
		.rate = rate,
		.buffer = (uint32_t)ticks,
		.limit = (uint32_t)(limit < UINT32_MAX ? limit : UINT32_MAX),
	};
}

// ---- reading ----

static void read_tbf(const struct nl_attr *options, struct qdisc *q)
{
	struct nl_attr tb[TCA_TBF_RATE64 + 1];
	struct tc_tbf_qopt parms;
	struct err ignored;

	if (!options->there || !nl_parse(options->data, options->len, tb, TCA_TBF_RATE64, &ignored) ||
	    tb[TCA_TBF_PARMS].len < sizeof(parms))
		return;
	memcpy(&parms, tb[TCA_TBF_PARMS].data, sizeof(parms));
	q->is_tbf = true;
	q->tbf = (struct tbf){ .rate = parms.rate.rate, .buffer = parms.buffer, .limit = parms.limit };
	if (tb[TCA_TBF_RATE64].len == sizeof(q->tbf.rate))
		memcpy(&q->tbf.rate, tb[TCA_TBF_RATE64].data, sizeof(q->tbf.rate));
}

static bool take(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct tcmsg *tc = NLMSG_DATA(h);
	struct nl_attr tb[TCA_OPTIONS + 1];
	struct qdisc *q = arg;

	if (h->nlmsg_type != RTM_NEWQDISC || h->nlmsg_len < NLMSG_LENGTH(sizeof(*tc)))
		return true;
	if (!nl_parse_msg(h, sizeof(*tc), tb, TCA_OPTIONS, e))
		return false;
	*q = (struct qdisc){ .handle = tc->tcm_handle };
	/* What the kernel puts there by itself has no handle. */
	if (q->handle)
		snprintf(q->kind, sizeof(q->kind), "%s", nl_str(&tb[TCA_KIND]));
	if (str_eq(q->kind, "tbf"))
		read_tbf(&tb[TCA_OPTIONS], q);
	return true;
}

/*
 * One qdisc and not a dump, which would be that of the whole namespace. Older kernels answer a question as if it were a
 * change, and the one who asks only hears of it as an echo. A qdisc that the kernel does not show is EINVAL.
 */
static bool get(struct nl *nl, int index, uint32_t parent, struct qdisc *ret, struct err *e)
{
	NLMSG_ON_STACK(m, 64);
	struct tcmsg tc = { .tcm_ifindex = index, .tcm_parent = parent };
	struct qdisc q = { 0 };
	struct err why = ERR_INIT;

	nl_begin(nl, &m, RTM_GETQDISC, NLM_F_ECHO, &tc, sizeof(tc));
	if (!nl_send(nl, &m, take, &q, NULL, &why) && why.num != EINVAL && why.num != ENOENT) {
		*e = why;
		return wrap(e, "read the qdisc of interface number %d", index);
	}
	*ret = q;
	return true;
}

bool qdisc_root(struct nl *nl, int index, struct qdisc *ret, struct err *e)
{
	return get(nl, index, TC_H_ROOT, ret, e);
}

bool qdisc_ingress(struct nl *nl, int index, struct qdisc *ret, struct err *e)
{
	return get(nl, index, TC_H_INGRESS, ret, e);
}

// ---- changing ----

bool qdisc_add_tbf(struct nl *nl, int index, const struct tbf *t, struct err *e)
{
	NLMSG_ON_STACK(m, 256);
	struct tcmsg tc = { .tcm_ifindex = index, .tcm_parent = TC_H_ROOT, .tcm_handle = QDISC_OURS };
	struct tc_tbf_qopt parms = {
		.rate.rate = t->rate < UINT32_MAX ? (uint32_t)t->rate : UINT32_MAX,
		.limit = t->limit,
		.buffer = t->buffer,
	};

	nl_begin(nl, &m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tc, sizeof(tc));
	nl_put_str(&m, TCA_KIND, "tbf");
	NL_NEST(&m, TCA_OPTIONS) {
		nl_put(&m, TCA_TBF_PARMS, &parms, sizeof(parms));
		if (t->rate > UINT32_MAX)
			nl_put(&m, TCA_TBF_RATE64, &t->rate, sizeof(t->rate));
	}
	return nl_ask(nl, &m, e) || wrap(e, "shape interface number %d", index);
}

bool qdisc_add_ingress(struct nl *nl, int index, struct err *e)
{
	NLMSG_ON_STACK(m, 128);
	struct tcmsg tc = { .tcm_ifindex = index, .tcm_parent = TC_H_INGRESS, .tcm_handle = QDISC_INGRESS };

	nl_begin(nl, &m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tc, sizeof(tc));
	nl_put_str(&m, TCA_KIND, "ingress");
	return nl_ask(nl, &m, e) || wrap(e, "put an ingress qdisc on interface number %d", index);
}

static bool del(struct nl *nl, int index, uint32_t parent, uint32_t handle, struct err *e)
{
	NLMSG_ON_STACK(m, 64);
	struct tcmsg tc = { .tcm_ifindex = index, .tcm_parent = parent, .tcm_handle = handle };

	nl_begin(nl, &m, RTM_DELQDISC, 0, &tc, sizeof(tc));
	return nl_ask(nl, &m, e) || wrap(e, "take the qdisc of interface number %d away", index);
}

bool qdisc_del_root(struct nl *nl, int index, struct err *e)
{
	return del(nl, index, TC_H_ROOT, QDISC_OURS, e);
}

bool qdisc_del_ingress(struct nl *nl, int index, struct err *e)
{
	return del(nl, index, TC_H_INGRESS, QDISC_INGRESS, e);
}

/*
 * An unknown kind is ENOENT before anything else is looked at. What is known refuses: tbf lacks its figures (EINVAL),
 * ingress does not belong at a root (EOPNOTSUPP).
 */
bool qdisc_kind_usable(struct nl *nl, const char *kind, struct err *e)
{
	NLMSG_ON_STACK(m, 128);
	struct tcmsg tc = { .tcm_parent = TC_H_ROOT, .tcm_handle = QDISC_OURS };
	struct err why = ERR_INIT;
	struct link lo;

	if (!link_get(nl, "lo", &lo, e))
		return false;
	tc.tcm_ifindex = lo.index;
	nl_begin(nl, &m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tc, sizeof(tc));
	nl_put_str(&m, TCA_KIND, kind);
	if (nl_ask(nl, &m, &why) || why.num == EINVAL || why.num == EOPNOTSUPP || why.num == EEXIST)
		return true;
	*e = why;
	return wrap(e, "the kernel has no qdisc %s", kind);
}
