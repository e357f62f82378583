// SPDX-License-Identifier: Apache-2.0
#include "kernel/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/fs.h"

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

bool netns_is_gone(int num)
{
	return num == ENOENT || num == ENOTDIR || num == EACCES || num == EINVAL;
}

bool netns_is_own(int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(OWN_NETNS, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool netns_enter(int fd, struct netns_visit *v, struct err *e)
{
	autoclose int home = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);

	if (home < 0)
		return fail(e, errno, "open the own network namespace");
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
