// SPDX-License-Identifier: Apache-2.0
/*
 * libcni for container runtimes: load network configurations, attach and detach containers, verify, collect garbage.
 *
 * The order of a runtime's life: cni_runtime_new(); cni_network_load() once per network; per container cni_add(), later
 * cni_check(), at its end cni_del(); from time to time cni_gc() with the containers that still exist. Calls for one
 * attachment are serialised by a lock file, and cni_gc() excludes all others of its network, across processes
 * (specification section "Garbage collection" demands it of runtimes).
 *
 * Functions return true on success. On false @e (if not NULL) is filled and outputs are untouched. `ret` handles are
 * freed with their _free function; NULL is fine there. A failure of a plugin reads "plugin bridge (ADD, network
 * pods): ..." and has the plugin's own code and details; one of the library has code 0 or one of the specification's,
 * and num if the system is to blame.
 *
 * The calling process may have any threads and signal handlers. It must not ignore SIGCHLD or wait for any child in
 * another thread, or else exit statuses of plugins are lost (num ECHILD). A call takes at most 64 KiB of stack.
 *
 * Locks outlive a caller that is killed: plugins inherit the descriptor, so that what is called next for the attachment
 * waits until the plugin that is still at work has ended (lock_timeout_ms at most: num ETIMEDOUT, and the text says
 * that the process that took the lock has ended). If the plugin has left a daemon behind that keeps all descriptors,
 * the lock is held as long as it lives; cni_del() then goes on after lock_timeout_ms, with a warning. (In a PID
 * namespace of its own a caller cannot see that the taker has ended: cni_del() fails like the others.) A caller's own
 * executor (cni_exec_fn) passes no lock on. In the ordinary case, where the call returns, nobody but the call holds it.
 *
 * While a cni_gc() waits, new calls for its network let it go first, for 5 seconds at most.
 *
 * What plugins print and what lies in files is bounded: 8 MiB for each output (num EMSGSIZE), 16 MiB for a
 * configuration, 32 MiB for a cache file (num EFBIG), and in each JSON text 128 levels and 1,000,000 values.
 */
#ifndef CNI_RUNTIME_H
#define CNI_RUNTIME_H

#include <cni/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cni_runtime;
struct cni_network;

/*
 * One execution of a plugin, for runtimes that replace the executor (tests, sandboxes). The plugin has been found
 * before.
 */
struct cni_exec {
	size_t size;
	const char *path;       /* absolute path of the plugin */
	const char *const *env; /* complete, NULL-terminated "K=V" */
	const char *input;      /* request on stdin */
	size_t input_len;
	int64_t deadline_ms; /* CLOCK_MONOTONIC milliseconds; -1: none */
};
struct cni_exec_end {
	size_t size;
	int status;      /* as from waitpid() */
	char *out, *err; /* malloc'ed, the library frees them; NULL when empty */
	size_t out_len, err_len;
	bool timed_out;
};
/*
 * False: could not be run, or not to its end; put the reason in @e. What a program says by its exit status is not
 * judged here.
 */
typedef bool cni_exec_fn(void *arg, const struct cni_exec *call, struct cni_exec_end *ret, struct cni_error *e);
/* What a plugin wrote to stderr (whole, after it ended), also when it succeeded. */
typedef void cni_stderr_fn(void *arg, const char *plugin_type, const char *text, size_t len);
/*
 * Something that was passed over and deserves a line in a log: an unreadable file beside the wanted one, a failed
 * rollback.
 */
typedef void cni_warn_fn(void *arg, const char *text);

enum {
	/*
	 * cni_add(): when a plugin fails, run DEL for the whole list before returning the failure;
	 * but not when the attachment was in the cache before, since DEL would take away what the
	 * earlier ADD attached (on_warn says so).
	 */
	CNI_ROLLBACK = 1 << 0,
	/* cni_del(): go on past a failing plugin, report all failures joined; the cache is kept if any failed. */
	CNI_DEL_CONTINUE = 1 << 1,
	/* cni_network_load(): an unreadable file that sorts before the wanted one is a failure, as in the reference. */
	CNI_STRICT_LOAD = 1 << 2,
	/* The caller serialises by himself. */
	CNI_NO_LOCKS = 1 << 3,
	/* Leave `capabilities` in the requests, as the reference does against the specification. */
	CNI_KEEP_CAPABILITIES = 1 << 4
};

struct cni_runtime_opts {
	size_t size;
	const char *const *plugin_dirs; /* NULL-terminated; searched in order */
	const char *cache_dir;          /* NULL: /var/lib/cni. Results go to cache_dir/results */
	unsigned flags;                 /* CNI_* above */
	int timeout_ms;                 /* for each plugin execution; 0: none */
	int grace_ms;                   /* between SIGTERM and SIGKILL of the plugin's process group; 0: 1000 */
	int lock_timeout_ms;            /* 0: 120000 */
	cni_exec_fn *exec;              /* NULL: run the program */
	cni_stderr_fn *on_stderr;       /* NULL: plugins' stderr is appended to a failure's text, else dropped */
	cni_warn_fn *on_warn;
	void *arg; /* for the callbacks */
};
#define CNI_RUNTIME_OPTS_INIT CNI_SIZED(cni_runtime_opts)

CNI_API bool cni_runtime_new(const struct cni_runtime_opts *opts, struct cni_runtime **ret, struct cni_error *e);
CNI_API void cni_runtime_free(struct cni_runtime *rt);

/* ---- networks ---- */

/*
 * The network called @name (NULL: the first in order) from directory @dir: *.conflist sorted, then *.conf and *.json
 * sorted. A list is completed by the drop-ins, every .conf file in DIR/NAME/, unless it says loadOnlyInlinedPlugins.
 * num ENOENT: there is none; files that were passed over (on_warn) are then named, too.
 */
CNI_API bool cni_network_load(struct cni_runtime *rt, const char *dir, const char *name, struct cni_network **ret,
			      struct cni_error *e);
/*
 * One file: a list (with its drop-in directory), or an old single-plugin configuration: one that has `type` but not
 * `plugins`, and whose name does not end in .conflist.
 */
CNI_API bool cni_network_load_file(struct cni_runtime *rt, const char *path, struct cni_network **ret,
				   struct cni_error *e);
/* The same from memory; drop-ins are not consulted. */
CNI_API bool cni_network_load_bytes(struct cni_runtime *rt, const char *json, size_t len, struct cni_network **ret,
				    struct cni_error *e);
CNI_API void cni_network_free(struct cni_network *net);

CNI_API const char *cni_network_name(const struct cni_network *net);
/* The one chosen from cniVersion and cniVersions; may be "". */
CNI_API const char *cni_network_version(const struct cni_network *net);
/* "" when from memory. */
CNI_API const char *cni_network_file(const struct cni_network *net);
CNI_API size_t cni_network_plugins(const struct cni_network *net);
/* NULL beyond the end. The JSON is as configured, with tokens untouched. */
CNI_API const char *cni_network_plugin_type(const struct cni_network *net, size_t i);
CNI_API const char *cni_network_plugin_json(const struct cni_network *net, size_t i);
/*
 * The bytes that go into the cache: the file as read; the merged list when drop-ins contributed; the list it stands
 * for if single.
 */
CNI_API const char *cni_network_json(const struct cni_network *net, size_t *ret_len);
/* An old single-plugin configuration (no disableCheck, no list)? */
CNI_API bool cni_network_is_single(const struct cni_network *net);
CNI_API bool cni_network_disable_check(const struct cni_network *net);
CNI_API bool cni_network_disable_gc(const struct cni_network *net);

/*
 * All networks of a directory, all files sorted by name as container runtimes see them; files that cannot be loaded are
 * reported by on_warn and passed over. The array and its members are freed with cni_networks_free().
 */
CNI_API bool cni_networks_load(struct cni_runtime *rt, const char *dir, struct cni_network ***ret, size_t *ret_n,
			       struct cni_error *e);
CNI_API void cni_networks_free(struct cni_network **nets, size_t n);

/* ---- attachments ---- */

struct cni_arg {
	const char *key, *value;
};

/* Who is attached, and with what. */
struct cni_attachment {
	size_t size;
	const char *container_id;
	const char *netns; /* path; NULL or "" when it is gone (DEL) */
	const char *ifname;
	const struct cni_arg *args; /* CNI_ARGS in order */
	size_t n_args;
	const char *capability_args; /* JSON object: capability name -> value; NULL: none */
};
#define CNI_ATTACHMENT_INIT CNI_SIZED(cni_attachment)

/*
 * Run ADD for all plugins in order, and remember the result. Before the first one runs, all is looked at that could
 * end it half way: names (codes 3, 4, 7), arguments (4), capability arguments (7), the version (1), every binary (num
 * ENOENT, EACCES), whether the result can be cached (num: ENAMETOOLONG, EEXIST for another attachment's file, EACCES
 * and the like for a file that is there and cannot be read, ...).
 *
 * When a plugin fails the container stays half connected until cni_del(), unless CNI_ROLLBACK is set. When the result
 * cannot be cached all is undone, unless the attachment was in the cache before. @ret: what the last plugin answered,
 * in the version it answered in; may be NULL.
 */
CNI_API bool cni_add(struct cni_runtime *rt, struct cni_network *net, const struct cni_attachment *at,
		     struct cni_result **ret, struct cni_error *e);
/*
 * Code 1 with num ENOTSUP below version 0.4.0. With disableCheck it succeeds and nothing runs. Names and arguments are
 * looked at first (codes 3, 4), and a cache file that is there but cannot be read or used is a failure.
 */
CNI_API bool cni_check(struct cni_runtime *rt, struct cni_network *net, const struct cni_attachment *at,
		       struct cni_error *e);
/*
 * Run DEL for all plugins in reverse, and forget the result. It may be repeated. A missing or damaged cache does not
 * keep it from working: the plugins then get no prevResult. The cache entry stays when a plugin failed, and when it
 * cannot be read (on_warn). Names and arguments are looked at first (codes 3, 4).
 */
CNI_API bool cni_del(struct cni_runtime *rt, struct cni_network *net, const struct cni_attachment *at,
		     struct cni_error *e);
/*
 * DEL for all cached attachments of the network that are not in @valid (container_id and ifname are looked at), then,
 * from 1.1.0 on, GC for all plugins. All failures are joined. With disableGC it succeeds and nothing runs.
 *
 * @valid is what the caller knew before the call, which may have to wait for others. Attachments that were cached since
 * the call began count as valid, too, and plugins are told of them. Those whose ADD returned before, but which the
 * caller's list is too old to have, are lost: make the list after the last ADD that is to be in it.
 */
CNI_API bool cni_gc(struct cni_runtime *rt, struct cni_network *net, const struct cni_attachment *valid, size_t n_valid,
		    struct cni_error *e);
/*
 * The reference's "no arguments" form: every cached attachment of the network is removed, plugins get no list of
 * valid ones. Everything includes what is attached while the call waits.
 */
CNI_API bool cni_gc_all(struct cni_runtime *rt, struct cni_network *net, struct cni_error *e);
/*
 * Code 50 or 51 of the first plugin that is not ready comes through unchanged. Below version 1.1.0 it succeeds and
 * nothing runs.
 */
CNI_API bool cni_status(struct cni_runtime *rt, struct cni_network *net, struct cni_error *e);
/*
 * Every plugin is there and speaks the network's version; failures are joined. @ret_caps: NULL-terminated names of the
 * capabilities that are declared true (cni_strings_free()), may be NULL.
 */
CNI_API bool cni_validate(struct cni_runtime *rt, struct cni_network *net, char ***ret_caps, struct cni_error *e);
/* Versions that the plugin @type supports, as it says itself. */
CNI_API bool cni_plugin_versions(struct cni_runtime *rt, const char *type, char ***ret, struct cni_error *e);
/* Absolute path of the plugin @type; free() it. */
CNI_API bool cni_plugin_find(struct cni_runtime *rt, const char *type, char **ret, struct cni_error *e);
CNI_API void cni_strings_free(char **strings);

/* ---- the cache ---- */

/*
 * The result of the ADD, converted to the network's version. *ret is NULL (and true returned) when nothing is cached. A
 * file that is there and cannot be read is a failure.
 */
CNI_API bool cni_cached_result(struct cni_runtime *rt, struct cni_network *net, const struct cni_attachment *at,
			       struct cni_result **ret, struct cni_error *e);

/* An attachment as the cache remembers it. */
struct cni_cached {
	size_t size;
	const char *network, *container_id, *ifname, *netns; /* netns "" when unknown */
	const char *config; /* the configuration it was added with, NULL if none is stored */
	size_t config_len;
	const struct cni_arg *args;
	size_t n_args;
	const char *capability_args; /* JSON object or NULL */
	const char *result;          /* JSON or NULL */
	const char *path;            /* cache file */
};
#define CNI_CACHED_INIT CNI_SIZED(cni_cached)
struct cni_cached_list;
/*
 * Attachments in the cache: of one container, or of all with @container_id NULL. Passed over are files that cannot be
 * read, alien ones, and copies under other names.
 */
CNI_API bool cni_cached_attachments(struct cni_runtime *rt, const char *container_id, struct cni_cached_list **ret,
				    struct cni_error *e);
CNI_API size_t cni_cached_list_len(const struct cni_cached_list *l);
CNI_API bool cni_cached_list_get(const struct cni_cached_list *l, size_t i, struct cni_cached *ret);
CNI_API void cni_cached_list_free(struct cni_cached_list *l);
/*
 * One entry by network name, container ID and interface; true with *ret NULL when there is none; unreadable, corrupt
 * or of another kind: failure. Free with cni_cached_list_free().
 */
CNI_API bool cni_cached_config(struct cni_runtime *rt, const char *network, const char *container_id,
			       const char *ifname, struct cni_cached_list **ret, struct cni_error *e);

#ifdef __cplusplus
}
#endif
#endif
