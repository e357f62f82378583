// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * The descriptor decides about the namespace (where it was opened), the task about the SELinux label (whoever asks
 * for the interface: the kernel looks neither at a label for sockets nor at one for the next program). So an
 * interface with a label of its own is asked for by a child that has taken this label and does nothing else; the
 * policy must allow the change (setcurrent, dyntransition) and the new domain to create a tun_socket. The interface
 * outlives the child: it is persistent.
 *
 * IFF_TUN_EXCL: without it a name that is taken by another tun interface would be opened instead of refused.
 */
#include "kernel/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/magic.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

#define DEVICE "/dev/net/tun"
#define SELINUX_DIR "/sys/fs/selinux"
#define SELINUX_SELF "/proc/thread-self/attr/current"

// ---- making ----

/* What was being done when errno @num came; crosses the pipe from the child. */
struct failure {
	enum { LABEL, CREATE, OWNER, GROUP, PERSIST } doing;
	int num;
};
static const char *const doings[] = { "take the SELinux context", "create", "set the owner of", "set the group of",
				      "keep" };

static bool is(int rc, int doing, struct failure *ret)
{
	if (rc >= 0)
		return true;
	*ret = (struct failure){ doing, errno };
	return false;
}

static bool ask(int fd, const struct tun_new *n, struct failure *ret)
{
	int flags = IFF_TAP | IFF_TUN_EXCL | (n->multi_queue ? IFF_MULTI_QUEUE : 0) | (n->packet_info ? 0 : IFF_NO_PI) |
		    (n->vnet_hdr ? IFF_VNET_HDR : 0);
	struct ifreq ifr = { .ifr_flags = (short)flags };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", n->name);
	return is(ioctl(fd, TUNSETIFF, &ifr), CREATE, ret) &&
	       (!n->has_owner || is(ioctl(fd, TUNSETOWNER, (unsigned long)n->owner), OWNER, ret)) &&
	       (!n->has_group || is(ioctl(fd, TUNSETGROUP, (unsigned long)n->group), GROUP, ret)) &&
	       is(ioctl(fd, TUNSETPERSIST, 1UL), PERSIST, ret);
}

static bool take_label(const char *label, struct failure *ret)
{
	autoclose int fd = open(SELINUX_SELF, O_WRONLY | O_CLOEXEC);
	struct err ignored;

	if (fd >= 0 && fd_write_all(fd, label, strlen(label), &ignored))
		return true;
	return is(-1, LABEL, ret);
}

/* In the child: says nothing when all went well. */
static void ask_as(int fd, const struct tun_new *n, int report)
{
	struct failure f = { 0 };
	struct err ignored;
	bool done UNUSED;

	if (!take_label(n->label, &f) || !ask(fd, n, &f))
		done = fd_write_all(report, &f, sizeof(f), &ignored);
	_exit(0);
}

static bool ask_labelled(int fd, const struct tun_new *n, struct failure *ret, struct err *e)
{
	autoclose int from = -1, to = -1;
	int ends[2], status = 0;
	ssize_t got;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(e, errno, "make a pipe");
	from = ends[0];
	to = ends[1];
	pid = fork();
	if (pid < 0)
		return fail(e, errno, "start a process");
	if (!pid)
		ask_as(fd, n, to);
	fd_close(&to);
	do
		got = read(from, ret, sizeof(*ret));
	while (got < 0 && errno == EINTR);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (got == 0 && status)
		return fail(e, 0, "the process that was to create it died (wait status %d)", status);
	return got == 0 || fail(e, ret->num, "%s%s%s", doings[ret->doing], ret->doing == LABEL ? " " : "",
				ret->doing == LABEL ? n->label : "");
}

static bool selinux_enabled(struct err *e)
{
	struct statfs fs;

	if (statfs(SELINUX_DIR, &fs) == 0 && (unsigned)fs.f_type == SELINUX_MAGIC)
		return true;
	return fail(e, 0, "SELinux is not enabled on this node");
}

static bool device_open(int *ret, struct err *e)
{
	*ret = open(DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	return *ret >= 0 || fail(e, errno, "open " DEVICE);
}

static bool make(const struct tun_new *n, struct err *e)
{
	autoclose int fd = -1;
	struct failure f = { 0 };

	if (n->label && !selinux_enabled(e))
		return wrap(e, "failed set socket label: %s", n->label);
	if (!device_open(&fd, e))
		return false;
	if (n->label)
		return ask_labelled(fd, n, &f, e);
	return ask(fd, n, &f) || fail(e, f.num, "%s", doings[f.doing]);
}

bool tun_tap_add(const struct tun_new *n, struct err *e)
{
	struct err why = ERR_INIT;

	if (make(n, &why))
		return true;
	*e = why;
	if (why.num == EBUSY)
		fail(e, EEXIST, "create");
	return wrap(e, "tap interface %s", n->name);
}

// ---- looking ----

static bool take(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct nl_attr tb[IFLA_LINKINFO + 1], info[IFLA_INFO_DATA + 1], data[IFLA_TUN_MAX + 1];
	struct tun *t = arg;

	if (h->nlmsg_type != RTM_NEWLINK)
		return true;
	if (!nl_parse_msg(h, sizeof(struct ifinfomsg), tb, IFLA_LINKINFO, e) ||
	    !nl_parse(tb[IFLA_LINKINFO].data, tb[IFLA_LINKINFO].len, info, IFLA_INFO_DATA, e) ||
	    !nl_parse(info[IFLA_INFO_DATA].data, info[IFLA_INFO_DATA].len, data, IFLA_TUN_MAX, e))
		return false;
	*t = (struct tun){
		.tap = nl_u8(&data[IFLA_TUN_TYPE]) == IFF_TAP,
		.persist = nl_u8(&data[IFLA_TUN_PERSIST]),
		.multi_queue = nl_u8(&data[IFLA_TUN_MULTI_QUEUE]),
		.has_owner = data[IFLA_TUN_OWNER].there,
		.has_group = data[IFLA_TUN_GROUP].there,
		.owner = nl_u32(&data[IFLA_TUN_OWNER]),
		.group = nl_u32(&data[IFLA_TUN_GROUP]),
	};
	return true;
}

bool tun_get(struct nl *nl, int index, struct tun *ret, struct err *e)
{
	NLMSG_ON_STACK(m, 64);
	struct ifinfomsg ifi = { .ifi_index = index };
	struct tun t = { 0 };

	nl_begin(nl, &m, RTM_GETLINK, 0, &ifi, sizeof(ifi));
	nl_put_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (!nl_send(nl, &m, take, &t, NULL, e))
		return wrap(e, "look at tap interface number %d", index);
	*ret = t;
	return true;
}

bool tun_usable(bool multi_queue, bool labelled, struct err *e)
{
	autoclose int fd = -1;
	unsigned features = 0;

	if (!device_open(&fd, e))
		return wrap(e, "the kernel cannot make tap interfaces");
	if (ioctl(fd, TUNGETFEATURES, &features) < 0)
		return fail(e, errno, "the kernel cannot make tap interfaces: ask " DEVICE);
	if (multi_queue && !(features & IFF_MULTI_QUEUE))
		return fail(e, 0, "the kernel cannot make tap interfaces with several queues");
	return !labelled || selinux_enabled(e);
}
