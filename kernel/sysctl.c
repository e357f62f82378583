// SPDX-License-Identifier: Apache-2.0
#include "kernel/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

#define PATH_SIZE 192

static bool knob_open(const char *name, int flags, int *ret, struct err *e)
{
	char path[PATH_SIZE];

	if ((size_t)snprintf(path, sizeof(path), "/proc/sys/%s", name) >= sizeof(path))
		return fail(e, ENAMETOOLONG, "sysctl %s", name);
	*ret = open(path, flags | O_CLOEXEC);
	return *ret >= 0 ? true : fail(e, errno, "open %s", path);
}

bool sysctl_set(const char *name, const char *value, struct err *e)
{
	autoclose int fd = -1;
	size_t len = strlen(value);
	ssize_t n;

	if (!knob_open(name, O_WRONLY, &fd, e))
		return false;
	do
		n = write(fd, value, len);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)len)
		return true;
	return fail(e, n < 0 ? errno : EIO, "write \"%s\" to sysctl %s", value, name);
}

bool sysctl_get(const char *name, char *dst, size_t size, struct err *e)
{
	autoclose int fd = -1;
	ssize_t n;

	if (!knob_open(name, O_RDONLY, &fd, e))
		return false;
	do
		n = read(fd, dst, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(e, errno, "read sysctl %s", name);
	if ((size_t)n >= size)
		return fail(e, EOVERFLOW, "read sysctl %s", name);
	while (n > 0 && dst[n - 1] == '\n')
		n--;
	dst[n] = '\0';
	return true;
}

bool sysctl_want(const char *name, const char *value, struct err *e)
{
	char now[64];
	struct err unread;

	if (sysctl_get(name, now, sizeof(now), &unread) && str_eq(now, value))
		return true;
	return sysctl_set(name, value, e);
}

bool sysctl_set_if(const char *family, const char *ifname, const char *knob, const char *value, struct err *e)
{
	char name[PATH_SIZE];

	if ((size_t)snprintf(name, sizeof(name), "net/%s/conf/%s/%s", family, ifname, knob) >= sizeof(name))
		return fail(e, ENAMETOOLONG, "sysctl %s of %s", knob, ifname);
	return sysctl_set(name, value, e);
}
