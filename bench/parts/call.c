// SPDX-License-Identifier: Apache-2.0
/*
 * One timed execution of a plugin. The configuration comes from a memfd and stdout goes
 * to one, so that no pipe has to be served.
 */
#include "bench/parts/call.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

static double usage_us(const struct timeval *t)
{
	return (double)t->tv_sec * 1e6 + (double)t->tv_usec;
}

static bool spawn_and_reap(char *const *argv, char *const *envp, const posix_spawn_file_actions_t *fa, int *ret_status,
			   struct sample *ret, struct err *e)
{
	const char *path = argv[0];
	struct rusage used;
	double start = clock_us();
	int rc, status;
	pid_t pid;

	rc = posix_spawn(&pid, path, fa, NULL, argv, envp);
	if (rc)
		return fail(e, rc, "run %s", path);
	while (wait4(pid, &status, 0, &used) < 0) {
		if (errno != EINTR)
			return fail(e, errno, "wait for %s", path);
	}
	ret->wall_us = clock_us() - start;
	ret->cpu_us = usage_us(&used.ru_utime) + usage_us(&used.ru_stime);
	ret->faults = used.ru_minflt;
	*ret_status = status;
	return true;
}

bool call_spawn(const char *path, struct sample *ret, struct err *e)
{
	char *argv[] = { (char *)path, NULL }, *none[] = { NULL };
	int status;

	return spawn_and_reap(argv, none, NULL, &status, ret, e);
}

static char **call_env(struct arena *a, const struct call *c)
{
	char **env = arena_array(a, 8, sizeof(*env));

	env[0] = arena_printf(a, "CNI_COMMAND=%s", c->command);
	env[1] = arena_printf(a, "CNI_CONTAINERID=%s", c->container_id);
	env[2] = arena_printf(a, "CNI_NETNS=%s", c->netns);
	env[3] = arena_printf(a, "CNI_IFNAME=%s", c->ifname);
	env[4] = arena_printf(a, "CNI_PATH=%s", c->bin);
	env[5] = arena_printf(a, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	return env;
}

static bool peak_read(struct arena *a, int fd, struct sample *ret, struct err *e)
{
	struct bytes text;
	uint64_t kib;

	if (lseek(fd, 0, SEEK_SET) < 0 || !fd_read_all(a, fd, 64, &text, e))
		return wrap(e, "peak memory");
	if (!str_u64(text.data, INT32_MAX, &kib))
		return fail(e, 0, "peak memory: \"%s\" is not a number", text.data);
	ret->rss_kib = (long)kib;
	return true;
}

bool call_run(struct arena *a, const struct call *c, struct sample *ret, const char **ret_out, struct err *e)
{
	autoclose int in = memfd_create("conf", MFD_CLOEXEC), out = memfd_create("result", MFD_CLOEXEC);
	autoclose int peak = memfd_create("peak", MFD_CLOEXEC);
	char *argv[] = { fs_join(a, c->bin, c->plugin), NULL, NULL };
	posix_spawn_file_actions_t fa;
	struct bytes text;
	int status;
	bool ok;

	if (in < 0 || out < 0 || peak < 0)
		return fail(e, errno, "memfd_create");
	if (!fd_write_all(in, c->conf, strlen(c->conf), e) || lseek(in, 0, SEEK_SET) < 0)
		return wrap(e, "configuration");
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in, 0);
	posix_spawn_file_actions_adddup2(&fa, out, 1);
	if (c->peak) {
		posix_spawn_file_actions_adddup2(&fa, peak, 3);
		argv[1] = argv[0];
		argv[0] = (char *)c->peak;
	}
	*ret = (struct sample){ .wall_us = 0 };
	ok = spawn_and_reap(argv, call_env(a, c), &fa, &status, ret, e);
	posix_spawn_file_actions_destroy(&fa);
	if (!ok)
		return false;
	if (lseek(out, 0, SEEK_SET) < 0 || !fd_read_all(a, out, 1 << 20, &text, e))
		return wrap(e, "result");
	if (status)
		return fail(e, 0, "%s/%s %s: status %d: %s", c->bin, c->plugin, c->command, status, text.data);
	*ret_out = text.data;
	return !c->peak || peak_read(a, peak, ret, e);
}

const char *call_with_prev(struct arena *a, const char *conf, const char *prev)
{
	return arena_printf(a, "%.*s,\"prevResult\":%s}", (int)strlen(conf) - 1, conf, prev);
}

bool space_make(const char *path, struct err *e)
{
	autoclose int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC),
		      file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	bool ok;

	if (home < 0 || file < 0)
		return fail(e, errno, "%s", path);
	if (unshare(CLONE_NEWNET) < 0)
		return fail(e, errno, "unshare");
	ok = mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) == 0 || fail(e, errno, "mount %s", path);
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	return ok;
}

void space_drop(const char *path)
{
	if (umount2(path, MNT_DETACH) < 0 || unlink(path) < 0)
		return;
}
