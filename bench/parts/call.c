// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration comes from a memfd and stdout goes to one, so that no pipe has to be served.
 */
#include "bench/parts/call.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

enum { OUTPUT_MAX = 1 << 20, ARGS_MAX = 16 };

static double usage_us(const struct timeval *t)
{
	return (double)t->tv_sec * 1e6 + (double)t->tv_usec;
}

static bool spawn_and_reap(const struct program *p, const posix_spawn_file_actions_t *fa, int *ret_status,
			   struct sample *ret, struct err *e)
{
	struct rusage used;
	double start = clock_us();
	int rc, status;
	pid_t pid;

	rc = posix_spawn(&pid, p->argv[0], fa, NULL, p->argv, p->envp);
	if (rc)
		return fail(e, rc, "run %s", p->argv[0]);
	while (wait4(pid, &status, 0, &used) < 0) {
		if (errno != EINTR)
			return fail(e, errno, "wait for %s", p->argv[0]);
	}
	ret->wall_us = clock_us() - start;
	ret->cpu_us = usage_us(&used.ru_utime) + usage_us(&used.ru_stime);
	ret->faults = used.ru_minflt;
	*ret_status = status;
	return true;
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

bool program_run(struct arena *a, const struct program *p, struct sample *ret, const char **ret_out, struct err *e)
{
	autoclose int in = memfd_create("input", MFD_CLOEXEC), out = memfd_create("output", MFD_CLOEXEC);
	autoclose int peak = memfd_create("peak", MFD_CLOEXEC);
	posix_spawn_file_actions_t fa;
	struct bytes text;
	int status;
	bool ok;

	if (in < 0 || out < 0 || peak < 0)
		return fail(e, errno, "memfd_create");
	if (!fd_write_all(in, p->input, strlen(p->input), e) || lseek(in, 0, SEEK_SET) < 0)
		return wrap(e, "input");
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in, 0);
	posix_spawn_file_actions_adddup2(&fa, out, 1);
	posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0); /* some tell what they do */
	if (p->peak)
		posix_spawn_file_actions_adddup2(&fa, peak, 3);
	*ret = (struct sample){ .wall_us = 0 };
	ok = spawn_and_reap(p, &fa, &status, ret, e);
	posix_spawn_file_actions_destroy(&fa);
	if (!ok)
		return false;
	if (lseek(out, 0, SEEK_SET) < 0 || !fd_read_all(a, out, OUTPUT_MAX, &text, e))
		return wrap(e, "output");
	if (status)
		return fail(e, 0, "status %d: %s", status, text.data);
	*ret_out = text.data;
	return !p->peak || peak_read(a, peak, ret, e);
}

bool call_run(struct arena *a, const struct call *c, struct sample *ret, const char **ret_out, struct err *e)
{
	char *argv[ARGS_MAX] = { NULL };
	char *const envp[] = {
		arena_printf(a, "CNI_COMMAND=%s", c->command),
		arena_printf(a, "CNI_CONTAINERID=%s", c->container_id),
		arena_printf(a, "CNI_NETNS=%s", c->netns),
		arena_printf(a, "CNI_IFNAME=%s", c->ifname),
		arena_printf(a, "CNI_PATH=%s", c->bin),
		arena_printf(a, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
		NULL,
	};
	size_t n = 0;

	for (char *const *word = c->launcher; word && *word && n < ARGS_MAX - 2; word++)
		argv[n++] = *word;
	argv[n] = fs_join(a, c->bin, c->plugin);
	if (!program_run(a, &(struct program){ argv, envp, c->conf, c->peak }, ret, ret_out, e))
		return wrap(e, "%s %s", c->plugin, c->command);
	return true;
}

/* ---- who is left behind ------------------------------------------------------------------------------------------ */

void children_adopt(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

void children_note(struct children *c)
{
	FILE *list;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	c->n = 0;
	list = fopen("/proc/thread-self/children", "re");
	if (!list)
		return;
	while (c->n < ARRAY_LEN(c->pid) && fscanf(list, "%d", &c->pid[c->n]) == 1)
		c->n++;
	fclose(list);
}

static bool noted(const struct children *c, int pid)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->pid[i] == pid)
			return true;
	return false;
}

void children_wait(const struct children *before)
{
	static struct children now;
	bool waited;

	do {
		waited = false;
		children_note(&now);
		for (size_t i = 0; i < now.n; i++) {
			if (noted(before, now.pid[i]))
				continue;
			waitpid(now.pid[i], NULL, 0);
			waited = true;
		}
	} while (waited);
}

void children_wait_all(void)
{
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		continue;
}
