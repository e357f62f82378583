// SPDX-License-Identifier: Apache-2.0
#include "kernel/knobs.h"

#include <fcntl.h>

#include "kernel/sysctl.h"
#include "lib/fs.h"
#include "lib/str.h"

struct folder {
	struct knobs *knobs;
	const char *name;
};

/* A knob that cannot be read (stable_secret before it is set) has nothing to put back. */
static bool take(const char *file, void *arg)
{
	const struct folder *f = arg;
	struct knobs *k = f->knobs;
	char *name = fs_join(k->arena, f->name, file);
	struct err ignored;
	char value[128];

	if (!sysctl_get(name, value, sizeof(value), &ignored))
		return true;
	if (k->n == k->cap)
		k->v = arena_grow(k->arena, k->v, k->n, &k->cap, sizeof(*k->v));
	k->v[k->n++] = (struct knob){ name, arena_strdup(k->arena, value) };
	return true;
}

void knobs_read(struct arena *a, const char *ifname, struct knobs *ret)
{
	static const char *const folders[] = { "net/ipv4/conf", "net/ipv4/neigh", "net/ipv6/conf", "net/ipv6/neigh" };
	struct knobs k = { .arena = a };

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		struct folder f = { &k, fs_join(a, folders[i], ifname) };
		autoclose int fd = open(fs_join(a, "/proc/sys", f.name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct err ignored;
		bool done UNUSED;

		if (fd >= 0)
			done = fs_each(fd, take, &f, &ignored);
	}
	*ret = k;
}

static void write_all(const struct knobs *k, struct errs *failed)
{
	for (size_t i = 0; i < k->n; i++) {
		struct err why = ERR_INIT;

		if (!sysctl_want(k->v[i].name, k->v[i].value, &why))
			errs_add(failed, &why);
	}
}

/* Twice: writing one may change another, as stable_secret does with addr_gen_mode. */
bool knobs_put_back(const struct knobs *k, struct err *e)
{
	struct errs first = { .count = 0 }, all = { .count = 0 };

	write_all(k, &first);
	write_all(k, &all);
	return errs_done(&all, e);
}
