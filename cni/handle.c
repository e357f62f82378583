// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "cni/find.h"
#include "cni/handle.h"
#include "cni/version.h"
#include "lib/str.h"

#define CACHE_DIR "/var/lib/cni"
#define GRACE_MS 1000
#define LOCK_TIMEOUT_MS 120000

struct arena *scratch_init(struct scratch *s)
{
	arena_init(&s->arena, s->first, sizeof(s->first));
	return &s->arena;
}

void scratch_done(struct scratch *s)
{
	arena_done(&s->arena);
}

void *handle_new(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

bool size_take(void *dst, size_t full, const void *src, struct err *e)
{
	size_t size;

	if (!src)
		return fail(e, EINVAL, "a required argument is NULL");
	memcpy(&size, src, sizeof(size));
	if (size < sizeof(size))
		return fail(e, EINVAL, "the size of a struct is not set (use its _INIT macro)");
	memset(dst, 0, full);
	memcpy(dst, src, size < full ? size : full);
	return true;
}

bool size_give(void *dst, const void *src, size_t full)
{
	size_t size;

	memcpy(&size, dst, sizeof(size));
	if (size < sizeof(size))
		return false;
	if (size > full)
		size = full;
	memcpy((char *)dst + sizeof(size), (const char *)src + sizeof(size), size - sizeof(size));
	return true;
}

bool error_give(struct cni_error *e, const struct err *why)
{
	struct cni_error full = { .code = why->code, .num = why->num };

	if (!e)
		return false;
	/* File names and what plugins say may be anything. */
	utf8_copy(full.text, sizeof(full.text), why->text);
	utf8_copy(full.details, sizeof(full.details), why->details);
	/* With nowhere to put the reason it is a failure all the same. */
	return size_give(e, &full, sizeof(full)) && false;
}

_Static_assert(sizeof(((struct cni_error *)0)->text) == ERR_TEXT_MAX, "texts are copied whole");
_Static_assert(sizeof(((struct cni_error *)0)->details) == ERR_DETAILS_MAX, "details are copied whole");

void runtime_warn(const struct cni_runtime *rt, struct arena *a, const char *fmt, ...)
{
	char *text;
	size_t size;
	va_list ap;
	int n;

	if (!rt->on_warn)
		return;
	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	size = n < 0 ? 1 : (size_t)n + 1;
	text = arena_alloc(a, 4 * size + 4); /* as it is, then as UTF-8, where a byte may become three */
	va_start(ap, fmt);
	vsnprintf(text, size, fmt, ap);
	va_end(ap);
	utf8_copy(text + size, 3 * size + 4, text);
	rt->on_warn(rt->arg, text + size);
}

char **strings_give(const char *const *strings, size_t n)
{
	char **copy = handle_new((n + 1) * sizeof(*copy));

	for (size_t i = 0; i < n; i++) {
		size_t size = strlen(strings[i]) + 1;

		copy[i] = memcpy(handle_new(size), strings[i], size);
	}
	return copy;
}

void cni_strings_free(char **strings)
{
	for (size_t i = 0; strings && strings[i]; i++)
		free(strings[i]);
	free(strings);
}

/* ---- the runtime ---- */

static const char *const *dirs_copy(struct arena *a, const char *const *dirs)
{
	const char **copy;
	size_t n = 0;

	while (dirs && dirs[n])
		n++;
	copy = arena_array(a, n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = arena_strdup(a, dirs[i]);
	return copy;
}

bool cni_runtime_new(const struct cni_runtime_opts *opts, struct cni_runtime **ret, struct cni_error *e)
{
	struct err why = ERR_INIT;
	struct cni_runtime_opts o;
	struct cni_runtime *rt;

	if (!size_take(&o, sizeof(o), opts, &why))
		return error_give(e, &why);
	rt = handle_new(sizeof(*rt));
	arena_init(&rt->arena, NULL, 0);
	rt->dirs = dirs_copy(&rt->arena, o.plugin_dirs);
	rt->dirs_text = find_dirs_text(&rt->arena, rt->dirs);
	rt->cache_dir = arena_strdup(&rt->arena, str_empty(o.cache_dir) ? CACHE_DIR : o.cache_dir);
	rt->flags = o.flags;
	rt->timeout_ms = o.timeout_ms;
	rt->grace_ms = o.grace_ms > 0 ? o.grace_ms : GRACE_MS;
	rt->lock_timeout_ms = o.lock_timeout_ms > 0 ? o.lock_timeout_ms : LOCK_TIMEOUT_MS;
	rt->exec = o.exec;
	rt->on_stderr = o.on_stderr;
	rt->on_warn = o.on_warn;
	rt->arg = o.arg;
	*ret = rt;
	return true;
}

void cni_runtime_free(struct cni_runtime *rt)
{
	if (!rt)
		return;
	arena_done(&rt->arena);
	free(rt);
}

const char *cni_library_version(void)
{
	return CRIMP_VERSION;
}

const char *cni_spec_version(void)
{
	return VERSION_NEWEST;
}
