// SPDX-License-Identifier: Apache-2.0
/*
 * Network namespaces by path. netns_open() tells a namespace from any other file (nsfs/procfs and NS_GET_NSTYPE). Work
 * in another namespace is done through a socket opened there; joining is needed only to open it and to write under
 * /proc/sys/net, and is undone at once.
 */
#ifndef CRIMP_KERNEL_NETNS_H
#define CRIMP_KERNEL_NETNS_H

#include "kernel/nl.h"

/* e->num: the kernel's, or EINVAL when it is not a network namespace ("... is not a network namespace"). */
bool netns_open(const char *path, int *ret_fd, struct err *e) MUST_CHECK;
/*
 * The same, locked against all who do so as long as *@ret_fd is open: flock() on the namespace's own file, which is
 * there already and which the reference's sbr takes, too. e->num ETIMEDOUT after 20 seconds.
 */
bool netns_open_locked(const char *path, int *ret_fd, struct err *e) MUST_CHECK;
/*
 * Is that what netns_open() (or joining) says of a namespace that no longer is? ENOENT: no such path; ENOTDIR: a part
 * of it has become a file; EACCES: of a process that is dying; EINVAL: after a reboot, the file that nothing is
 * mounted on.
 */
bool netns_is_gone(int num);
/* Is the namespace the calling thread's own? */
bool netns_is_own(int fd);
/* A descriptor of the calling thread's own. */
bool netns_own(int *ret_fd, struct err *e) MUST_CHECK;
/* The number under which @nl's namespace knows that of @fd (struct link, peer_nsid); -1: under none. */
bool netns_number(struct nl *nl, int fd, int *ret, struct err *e) MUST_CHECK;
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
