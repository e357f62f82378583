// SPDX-License-Identifier: Apache-2.0
/*
 * What the handles of <cni/runtime.h> are, and the two sides of its border: structs of callers compiled with an older
 * header come in through size_take() and go out through size_give(), failures through error_give(). Nothing behind
 * the border sees a public struct.
 */
#ifndef CRIMP_CNI_HANDLE_H
#define CRIMP_CNI_HANDLE_H

#include <cni/runtime.h>

#include "cni/args.h"
#include "cni/confdir.h"
#include "cni/conflist.h"
#include "cni/result.h"

struct cni_runtime {
	struct arena arena;
	const char *const *dirs;
	const char *dirs_text; /* as CNI_PATH */
	const char *cache_dir;
	unsigned flags;
	int64_t timeout_ms, grace_ms, lock_timeout_ms;
	cni_exec_fn *exec;
	cni_stderr_fn *on_stderr;
	cni_warn_fn *on_warn;
	void *arg;
};

struct cni_network {
	struct arena arena;
	struct conflist list;
};

struct cni_result {
	struct arena arena;
	const struct json *json; /* in version r.version */
	struct result r;
	const char *text;                 /* @json, pretty */
	struct cni_interface *interfaces; /* @r as callers see it */
	struct cni_ip *ips;
	struct cni_route *routes;
};

/* Memory for one call: most need no more than @first. */
struct scratch {
	struct arena arena;
	_Alignas(16) char first[8192];
};
struct arena *scratch_init(struct scratch *s);
void scratch_done(struct scratch *s);
#define autoscratch CLEANUP(scratch_done) struct scratch

/* Zeroed malloc memory for what a caller frees by a _free function. Aborts like an arena when there is none. */
void *handle_new(size_t size) __attribute__((returns_nonnull));

/* Both structs begin with a size_t. What @src does not cover is zero in @dst; false if its size is not set. */
bool size_take(void *dst, size_t full, const void *src, struct err *e) MUST_CHECK;
/* Copy what @dst has room for; its size stays. False, and nothing done, if its size is not set. */
bool size_give(void *dst, const void *src, size_t full);
/* Returns false, so that `return error_give(e, &why)` reads well. */
bool error_give(struct cni_error *e, const struct err *why);

void runtime_warn(const struct cni_runtime *rt, struct arena *a, const char *fmt, ...) PRINTF(3, 4);

/* A handle of its own from a result read from @j (which may die then). */
bool result_handle_new(const struct json *j, const struct result *r, struct cni_result **ret, struct err *e) MUST_CHECK;
/* Is @j labelled exactly with @version, so that its bytes can be passed on as they are? */
bool result_is_labelled(const struct json *j, const char *version);

/* NULL-terminated copies in malloc memory, see cni_strings_free(). */
char **strings_give(const char *const *strings, size_t n);

#endif
