// SPDX-License-Identifier: Apache-2.0
#include "kernel/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/net_namespace.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/fs.h"

#define LOCK_WAIT_MS 20000
#define OWN_NETNS "/proc/thread-self/ns/net"

/*
 * Namespace files are of nsfs when bound or opened, of procfs on kernels before
 * 3.19. Only nsfs can be asked for the type.
 */
static bool is_netns(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	if (fs.f_type == NSFS_MAGIC) {
		int type = ioctl(fd, NS_GET_NSTYPE);

		return type == CLONE_NEWNET || (type < 0 && errno == ENOTTY);
	}
	return fs.f_type == PROC_SUPER_MAGIC;
}

bool netns_open(const char *path, int *ret_fd, struct err *e)
{
	/* Without O_NONBLOCK a FIFO at that path would hold us for ever. */
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return fail(e, errno, "failed to open netns \"%s\"", path);
	if (!is_netns(fd)) {
		fail(e, 0, "failed to open netns \"%s\": it is not a network namespace", path);
		e->num = EINVAL;
		return false;
	}
	*ret_fd = fd_take(&fd);
	return true;
}

bool netns_open_locked(const char *path, int *ret_fd, struct err *e)
{
	autoclose int fd = -1;

	if (!netns_open(path, &fd, e))
		return false;
	if (!fd_lock(fd, false, fs_now_ms() + LOCK_WAIT_MS, e))
		return wrap(e, "network namespace %s", path);
	*ret_fd = fd_take(&fd);
	return true;
}

bool netns_is_gone(int num)
{
	return num == ENOENT || num == ENOTDIR || num == EACCES || num == EINVAL;
}

bool netns_is_own(int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(OWN_NETNS, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool netns_own(int *ret_fd, struct err *e)
{
	int fd = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail(e, errno, "open the own network namespace");
	*ret_fd = fd;
	return true;
}

static bool take_number(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct nl_attr tb[NETNSA_NSID + 1];

	if (h->nlmsg_type != RTM_NEWNSID)
		return true;
	if (!nl_parse_msg(h, sizeof(struct rtgenmsg), tb, NETNSA_NSID, e))
		return false;
	*(int *)arg = (int)nl_u32(&tb[NETNSA_NSID]);
	return true;
}

bool netns_number(struct nl *nl, int fd, int *ret, struct err *e)
{
	struct rtgenmsg family = { .rtgen_family = AF_UNSPEC };
	NLMSG_ON_STACK(m, 64);
	int number = -1;

	nl_begin(nl, &m, RTM_GETNSID, 0, &family, sizeof(family));
	nl_put_u32(&m, NETNSA_FD, (uint32_t)fd);
	if (!nl_send(nl, &m, take_number, &number, NULL, e))
		return wrap(e, "ask for the number of a network namespace");
	*ret = number;
	return true;
}

bool netns_enter(int fd, struct netns_visit *v, struct err *e)
{
	autoclose int home = -1;

	if (!netns_own(&home, e))
		return false;
	if (setns(fd, CLONE_NEWNET) < 0)
		return fail(e, errno, "join the network namespace");
	v->home = fd_take(&home);
	return true;
}

void netns_leave(struct netns_visit *v)
{
	if (setns(v->home, CLONE_NEWNET) < 0)
		abort();
	close(v->home);
	v->home = -1;
}

bool netns_nl_open(int fd, int protocol, struct nl *nl, struct err *e)
{
	struct netns_visit v;
	bool ok;

	if (!netns_enter(fd, &v, e))
		return false;
	ok = nl_open(nl, protocol, e);
	netns_leave(&v);
	return ok;
}
