// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/str.h"
#include "plugins/ipam/dhcp.h"

/* Service managers number what they hand over from here. */
#define FIRST_FD 3

static bool listens(int fd)
{
	int yes = 0;
	socklen_t len = sizeof(yes);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 && yes;
}

bool dhcp_activation(int *ret_fd, struct err *e)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t owner = 0, n = 0;
	bool ours = pid && fds && str_u64(pid, INT32_MAX, &owner) && owner == (uint64_t)getpid() &&
		    str_u64(fds, INT32_MAX, &n) && n;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (!ours) {
		*ret_fd = -1;
		return true;
	}
	if (n > 1)
		return fail(e, 0, "Too many (%llu) FDs passed through socket activation", (unsigned long long)n);
	if (fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC) < 0)
		return fail(e, errno, "LISTEN_FDS=1 but no FD found");
	if (!listens(FIRST_FD))
		return fail(e, 0, "what was passed through socket activation is no listening socket");
	*ret_fd = FIRST_FD;
	return true;
}
