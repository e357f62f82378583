// SPDX-License-Identifier: Apache-2.0
/* For tests only: a network namespace of the test's own, or the reason why there is none. Include before cmocka.h. */
#ifndef CRIMP_KERNEL_TESTNS_H
#define CRIMP_KERNEL_TESTNS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <unistd.h>

#include "kernel/link.h"
#include "kernel/nl.h"
#include "kernel/route.h"

/* The process lives in a fresh namespace with lo up; false only if it may not have one. */
static inline bool testns_enter(void)
{
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;

	if (unshare(CLONE_NEWNET) < 0) {
		fprintf(stderr, "skipped: this process may not unshare its network: %s\n", strerror(errno));
		return false;
	}
	if (!nl_open(&nl, NETLINK_ROUTE, &e) || !link_set_up(&nl, 1, true, &e)) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
	return true;
}

/* A descriptor of one more new namespace; the process stays where it is. */
static inline int testns_other(void)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), other;

	if (home < 0 || unshare(CLONE_NEWNET) < 0)
		abort();
	other = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (other < 0 || setns(home, CLONE_NEWNET) < 0)
		abort();
	close(home);
	return other;
}

#define NEED_NETNS()                  \
	do {                          \
		if (!testns_enter())  \
			skip();       \
	} while (0)

/* Make a route, or remove the first one there (of whatever scope, type and protocol). */
static inline bool testns_route(struct nl *nl, uint16_t type, const struct kroute *r, unsigned flags, struct err *e)
{
	NLMSG_ON_STACK(m, 512);
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)m_bytes;
	struct rtmsg *rtm = NLMSG_DATA(h);

	route_put_new(nl, &m, r, flags);
	h->nlmsg_type = type;
	if (type == RTM_DELROUTE) {
		rtm->rtm_scope = RT_SCOPE_NOWHERE;
		rtm->rtm_type = rtm->rtm_protocol = 0;
	}
	return nl_ask(nl, &m, e);
}

/* Fails the case with the error's text. */
#define OK(call)                                      \
	do {                                          \
		if (!(call))                          \
			fail_msg("%s", e.text);       \
	} while (0)

#endif
