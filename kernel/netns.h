// SPDX-License-Identifier: Apache-2.0
/*
 * Network namespaces by path. netns_open() tells a namespace from any other file (nsfs/procfs and NS_GET_NSTYPE). Work
 * in another namespace is done through a socket opened there; joining is needed only to open it and to write under
 * /proc/sys/net, and is undone at once.
 */
#ifndef CRIMP_KERNEL_NETNS_H
#define CRIMP_KERNEL_NETNS_H

#include "kernel/nl.h"

/*
 * e->num: ENOENT when the path is gone (DEL takes that as success); EINVAL when it is not a network
 * namespace ("... is not a network namespace").
 */
bool netns_open(const char *path, int *ret_fd, struct err *e) MUST_CHECK;
/* Is the namespace the calling thread's own? */
bool netns_is_own(int fd);
/*
 * Join @fd; netns_leave() goes back to @home, which netns_enter() opened. A failed way back aborts:
 * nothing may go on in a foreign namespace.
 */
struct netns_visit { int home; };
bool netns_enter(int fd, struct netns_visit *v, struct err *e) MUST_CHECK;
void netns_leave(struct netns_visit *v);
/* Open a netlink socket that lives in @fd. */
bool netns_nl_open(int fd, int protocol, struct nl *nl, struct err *e) MUST_CHECK;

#endif
