// SPDX-License-Identifier: Apache-2.0
#include "bench/parts/space.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "kernel/link.h"
#include "kernel/netns.h"
#include "lib/fs.h"

enum { SETTLE_MS = 180000, SETTLE_STEP_US = 5000 };

bool space_make(const char *path, struct err *e)
{
	autoclose int home = -1, file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	bool ok;

	if (file < 0)
		return fail(e, errno, "%s", path);
	if (!netns_own(&home, e))
		return false;
	if (unshare(CLONE_NEWNET) < 0)
		return fail(e, errno, "unshare");
	ok = mount("/proc/thread-self/ns/net", path, NULL, MS_BIND, NULL) == 0 || fail(e, errno, "mount %s", path);
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	return ok;
}

void space_drop(const char *path)
{
	if (umount2(path, MNT_DETACH) < 0 || unlink(path) < 0)
		return;
}

static bool cable(struct nl *nl, const char *name, const char *other, struct err *e)
{
	struct veth_new v = {
		.name = name,
		.peer_name = other,
		.mac = link_random_mac(),
		.peer_mac = link_random_mac(),
		.peer_netns = -1,
	};
	int index, peer;

	return link_veth_add(nl, &v, &index, &peer, e) && link_set_up(nl, peer, true, e);
}

static bool furnish(struct err *e)
{
	autonl nl = NL_CLOSED;
	struct link lo;

	return nl_open(&nl, NETLINK_ROUTE, e) && link_get(&nl, "lo", &lo, e) && link_set_up(&nl, lo.index, true, e) &&
	       cable(&nl, "uplink0", "uplink1", e) && cable(&nl, "lent0", "lent1", e);
}

bool node_open(int *ret_fd, struct err *e)
{
	autoclose int home = -1, fd = -1;
	bool ok;

	if (!netns_own(&home, e))
		return false;
	if (unshare(CLONE_NEWNET) < 0)
		return fail(e, errno, "unshare");
	ok = furnish(e) && netns_own(&fd, e);
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	if (ok)
		*ret_fd = fd_take(&fd);
	return ok;
}

bool node_enter(int fd, struct err *e)
{
	return setns(fd, CLONE_NEWNET) == 0 || fail(e, errno, "enter a node");
}

/* The kernel works in order, and a veth whose other end was in a namespace goes when that namespace does. */
bool space_settle(struct err *e)
{
	autoclose int home = -1, fd = -1;
	autonl nl = NL_CLOSED;
	struct veth_new v = {
		.name = "settle0", .peer_name = "settle1", .mac = link_random_mac(), .peer_mac = link_random_mac()
	};
	struct err gone = ERR_INIT;
	struct link l;
	int64_t end = fs_now_ms() + SETTLE_MS;
	int index, peer;

	if (!netns_own(&home, e) || !nl_open(&nl, NETLINK_ROUTE, e))
		return false;
	if (unshare(CLONE_NEWNET) < 0)
		return fail(e, errno, "unshare");
	if (!netns_own(&fd, e) || setns(home, CLONE_NEWNET) < 0)
		abort();
	v.peer_netns = fd;
	if (!link_veth_add(&nl, &v, &index, &peer, e))
		return wrap(e, "settle");
	fd_close(&fd);
	fd = -1;
	while (link_get_index(&nl, index, &l, &gone)) {
		if (fs_now_ms() > end)
			return fail(e, ETIMEDOUT, "namespaces that were dropped are still there");
		usleep(SETTLE_STEP_US);
	}
	return true;
}
