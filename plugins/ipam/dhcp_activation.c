// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fs.h"
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

/* Does somebody listen there? A socket whose daemon was killed refuses. */
static bool is_stale(const struct sockaddr_un *at)
{
	autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 && errno == ECONNREFUSED;
}

static bool make_folder(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	if (!slash || slash == path)
		return true;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	return fs_mkdirs(folder, 0700, e);
}

/* Whatever the umask: root and its group may ask. One thread, so nobody else makes a file meanwhile. */
static bool bind_0660(int fd, const struct sockaddr_un *at)
{
	mode_t old = umask(0117);
	int rc = bind(fd, (const struct sockaddr *)at, sizeof(*at)), num = errno;

	umask(old);
	errno = num;
	return rc == 0;
}

bool dhcp_nobody_listens(const char *path, struct err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct stat st;

	memcpy(at.sun_path, path, strlen(path));
	return lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode) || is_stale(&at) ||
	       fail(e, EADDRINUSE, "listen at %s", path);
}

bool dhcp_listen(const char *path, int *ret_fd, struct err *e)
{
	autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct stat st;

	memcpy(at.sun_path, path, strlen(path));
	if (fd < 0)
		return fail(e, errno, "socket");
	if (!make_folder(path, e))
		return false;
	if (!dhcp_nobody_listens(path, e))
		return false;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && !fs_remove(path, e))
		return false;
	if (!bind_0660(fd, &at) || listen(fd, SOMAXCONN) < 0)
		return fail(e, errno, "listen at %s", path);
	*ret_fd = fd_take(&fd);
	return true;
}
