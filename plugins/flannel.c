// SPDX-License-Identifier: Apache-2.0
/* flannel: the node's subnet, as flanneld knows it, for another plugin. plugins/flannel.h says how. */
#include "plugins/flannel.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "cni/request.h"
#include "lib/fs.h"
#include "lib/str.h"

#define TORN_AGE_S 3600
#define VALID "cni.dev/valid-attachments"

static bool env_read(const struct flannel *f, struct subnet_env *ret, struct err *e)
{
	return subnet_env_read(f->r->arena, f->subnet_file, ret, e) ||
	       wrap(e, "failed to load flannel 'subnet.env' file");
}

static bool delegate_request(const struct request *r, struct object *conf, struct request *ret, struct err *e)
{
	return request_derive(r, object_text(conf), ret, e) || wrap(e, "configuration of the delegate");
}

// ---- ADD ----

/* The delegate refuses an attachment that it has made already, and what is saved stays true. */
static bool add_saved(const struct flannel *f, struct object *conf, const struct request *d, struct result *ret,
		      struct err *e)
{
	struct err why = ERR_INIT, ignored;
	bool done UNUSED, exists;
	const char *path;

	exists = !scratch_save(f, conf, &path, &why);
	if (exists && why.num != EEXIST) {
		*e = why;
		return wrap(e, "save the configuration of the delegate");
	}
	if (delegate_add(d, f->type, ret, e))
		return true;
	if (!exists)
		done = fs_remove(path, &ignored);
	return wrap(e, "failed to delegate add");
}

static bool flannel_add(const struct request *r, struct result *ret, struct err *e)
{
	struct subnet_env env;
	struct object conf;
	struct flannel f;
	struct request d;

	if (!flannel_read(r, &f, e))
		return false;
	if (!env_read(&f, &env, e)) {
		e->code = CNI_TRY_AGAIN_LATER;
		return err_details(e, "flanneld writes it when it has a subnet for this node. "
				      "Check the flannel pod log for this node.");
	}
	flannel_delegate(&f, &env, &conf);
	return delegate_request(r, &conf, &d, e) && add_saved(&f, &conf, &d, ret, e);
}

// ---- what was saved ----

/* The saved configuration, in the version of this call, and with its prevResult. */
static bool saved_request(const struct request *r, const struct scratch *s, struct request *ret, struct err *e)
{
	const struct json *version = json_fold(r->conf, "cniVersion");
	struct object conf;

	scratch_object(s, r->arena, &conf);
	if (json_is(version, JSON_STRING) && *version->str)
		object_set_word(&conf, "cniVersion", r->net.version);
	object_drop(&conf, "prevResult");
	if (!json_absent(r->net.prev))
		object_set(&conf, "prevResult", r->net.prev->raw);
	return delegate_request(r, &conf, ret, e);
}

static bool flannel_check(const struct request *r, struct err *e)
{
	const char *names[SCRATCH_NAMES];
	struct flannel f;
	struct scratch s;
	struct request d;
	struct err why = ERR_INIT;

	if (!flannel_read(r, &f, e))
		return false;
	if (json_absent(r->net.prev))
		return fail_code(e, CNI_INVALID_CONFIG, "Required prevResult missing");
	scratch_names(&f, names);
	for (size_t i = 0; i < SCRATCH_NAMES; i++) {
		if (scratch_read(r->arena, names[i], &s, &why)) {
			if (scratch_is_of(&s, r))
				return saved_request(r, &s, &d, e) && delegate_check(&d, s.type, e);
		} else if (why.num != ENOENT && why.num != ENOTDIR) {
			*e = why;
			return false;
		}
	}
	return fail(e, 0, "the configuration that was saved for container %s is missing in %s", r->container_id,
		    f.data_dir);
}

// ---- DEL ----

static bool del_saved(const struct request *r, const struct scratch *s, struct err *e)
{
	struct request d;

	return saved_request(r, s, &d, e) && delegate_del(&d, s->type, e) && fs_remove(s->path, e);
}

/*
 * Nothing was saved, or it is unreadable. Where prevResult tells of an ADD that came to its end the delegate must have
 * its say; else this is a container of which there is most likely nothing.
 */
static bool del_rebuilt(const struct flannel *f, struct err *e)
{
	struct subnet_env env;
	struct err why = ERR_INIT;
	struct object conf;
	struct request d;
	bool known = env_read(f, &env, &why);

	flannel_delegate(f, known ? &env : NULL, &conf);
	if (!json_absent(f->r->net.prev))
		object_set(&conf, "prevResult", f->r->net.prev->raw);
	if (delegate_request(f->r, &conf, &d, &why) && delegate_del(&d, f->type, &why))
		return true;
	if (json_absent(f->r->net.prev))
		return true;
	*e = why;
	return false;
}

static bool remove_torn(const char *path, bool torn, struct err *e)
{
	return !torn || fs_remove(path, e);
}

/* Nothing that says how the delegate was called. */
static bool is_none(const struct err *why)
{
	return why->num == EBADMSG || why->num == ENOMSG || why->num == ENOENT || why->num == ENOTDIR;
}

static bool del_all(const struct flannel *f, struct err *e)
{
	const char *names[SCRATCH_NAMES];
	bool found = false, torn[SCRATCH_NAMES] = { false };
	struct errs all = { .count = 0 };
	struct scratch s;

	scratch_names(f, names);
	for (size_t i = 0; i < SCRATCH_NAMES; i++) {
		struct err why = ERR_INIT;

		if (!scratch_read(f->r->arena, names[i], &s, &why)) {
			torn[i] = why.num == EBADMSG && scratch_may_be(f, names[i]);
			if (!is_none(&why))
				errs_add(&all, &why);
			continue;
		}
		if (!scratch_is_of(&s, f->r))
			continue;
		found = true;
		if (!del_saved(f->r, &s, &why))
			errs_add(&all, &why);
	}
	if (found || all.count)
		return errs_done(&all, e);
	return del_rebuilt(f, e) && remove_torn(names[0], torn[0], e) && remove_torn(names[1], torn[1], e);
}

/* A configuration that no ADD can have accepted has saved nothing; where it would be, only it can say. */
static bool flannel_del(const struct request *r, struct err *e)
{
	struct flannel f;
	struct err ignored;

	return !flannel_read(r, &f, &ignored) || del_all(&f, e);
}

// ---- GC ----

struct gc {
	const struct flannel *f;
	struct bytes valid; /* the list as the runtime wrote it */
	struct bytes last;  /* the configuration that the delegate has cleaned up with already */
	struct errs all;
};

static bool is_valid(const struct request *r, const char *container_id, const char *ifname)
{
	for (size_t i = 0; i < r->net.n_valid; i++)
		if (str_eq(r->net.valid[i].container_id, container_id) &&
		    (!ifname || str_eq(r->net.valid[i].ifname, ifname)))
			return true;
	return false;
}

static bool delegate_clean(struct gc *g, struct object *conf, const char *type, struct err *e)
{
	struct request d;
	struct bytes text;

	object_set_word(conf, "cniVersion", g->f->r->net.version);
	object_set(conf, VALID, g->valid);
	text = object_text(conf);
	if (g->last.data && text.len == g->last.len && memcmp(text.data, g->last.data, text.len) == 0)
		return true;
	if (!delegate_request(g->f->r, conf, &d, e) || !delegate_gc(&d, type, e))
		return false;
	g->last = text;
	return true;
}

/* What GC of the delegate does not find, its DEL may: it is called as for a container whose namespace is gone. */
static bool delegate_forget(const struct gc *g, const struct scratch *s, const char *container_id, struct err *e)
{
	struct request gone = *g->f->r;
	struct request d;

	if (!s->ifname)
		return true;
	gone.container_id = container_id;
	gone.ifname = s->ifname;
	gone.netns = "";
	gone.command = COMMAND_DEL;
	return saved_request(&gone, s, &d, e) && delegate_del(&d, s->type, e);
}

static bool release(struct gc *g, const struct scratch *s, const char *container_id, struct err *e)
{
	struct object conf;

	scratch_object(s, g->f->r->arena, &conf);
	return delegate_forget(g, s, container_id, e) && delegate_clean(g, &conf, s->type, e) && fs_remove(s->path, e);
}

/* What nobody can read and nobody is writing any more. */
static bool is_old(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && time(NULL) - st.st_mtime > TORN_AGE_S;
}

static bool sweep_one(struct gc *g, const char *path, struct err *e)
{
	const struct request *r = g->f->r;
	struct err why = ERR_INIT;
	const char *container_id;
	struct scratch s;

	if (!scratch_may_be(g->f, path))
		return true;
	if (!scratch_read(r->arena, path, &s, &why))
		return why.num != EBADMSG || !is_old(path) || fs_remove(path, e);
	if (!str_eq(s.network, r->net.name))
		return true;
	container_id = scratch_container(r->arena, &s);
	return is_valid(r, container_id, s.ifname) || release(g, &s, container_id, e);
}

static bool sweep(struct gc *g, struct err *e)
{
	struct arena *a = g->f->r->arena;
	char **names;
	size_t n;

	if (!fs_list(a, g->f->data_dir, true, &names, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;

		if (!sweep_one(g, fs_join(a, g->f->data_dir, names[i]), &why))
			errs_add(&g->all, &why);
	}
	return true;
}

static bool flannel_gc(const struct request *r, struct err *e)
{
	const struct json *valid = json_fold(r->conf, VALID);
	struct flannel f;
	struct gc g = { .f = &f };
	struct err why = ERR_INIT;
	struct subnet_env env;
	struct object conf;

	if (!r->net.has_valid)
		return true;
	if (!flannel_read(r, &f, e))
		return false;
	if (json_absent(valid))
		valid = json_fold(r->conf, "cni.dev/attachments");
	g.valid = valid->raw;
	if (!sweep(&g, e))
		return false;
	fs_sweep(f.data_dir, TORN_AGE_S);
	flannel_delegate(&f, env_read(&f, &env, &why) ? &env : NULL, &conf);
	if (!delegate_clean(&g, &conf, f.type, &why))
		errs_add(&g.all, &why);
	return errs_done(&g.all, e);
}

// ---- STATUS ----

static bool flannel_status(const struct request *r, struct err *e)
{
	struct subnet_env env;
	struct object conf;
	struct flannel f;
	struct request d;

	if (!flannel_read(r, &f, e))
		return false;
	if (!env_read(&f, &env, e)) {
		e->code = CNI_NOT_AVAILABLE;
		return err_details(e, "flanneld writes %s when it has a subnet for this node: is it running?",
				   f.subnet_file);
	}
	flannel_delegate(&f, &env, &conf);
	return delegate_request(r, &conf, &d, e) && delegate_status(&d, f.type, e);
}

const struct plugin flannel_plugin = {
	.name = "flannel",
	.about = "hand the node's subnet, as flanneld knows it, to another plugin",
	.versions = versions_all,
	.add = flannel_add,
	.check = flannel_check,
	.del = flannel_del,
	.gc = flannel_gc,
	.status = flannel_status,
};
