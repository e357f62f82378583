// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/flannel.h"

#include "lib/fs.h"
#include "lib/str.h"

#define IFNAME_KEY "crimp/ifname"
#define CONTAINER_KEY "crimp/containerId"
#define SCRATCH_MAX (16 << 20)

void scratch_names(const struct flannel *f, const char *ret[static SCRATCH_NAMES])
{
	const struct request *r = f->r;

	ret[0] = arena_printf(r->arena, "%s/%s-%s-%s", f->data_dir, r->container_id, r->net.name, r->ifname);
	ret[1] = fs_join(r->arena, f->data_dir, r->container_id);
}

/* Held while a name is chosen and taken: two interfaces of one container may come at once. */
static bool dir_lock(const char *dir, int *ret_fd, struct err *e)
{
	autoclose int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail(e, errno, "open %s", dir);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return fail(e, errno, "lock %s", dir);
	*ret_fd = fd_take(&fd);
	return true;
}

bool scratch_save(const struct flannel *f, struct object *conf, const char **ret_path, struct err *e)
{
	const char *names[SCRATCH_NAMES], *path;
	struct object saved = *conf;
	autoclose int dir = -1;

	if (!fs_mkdirs(f->data_dir, 0700, e) || !dir_lock(f->data_dir, &dir, e))
		return false;
	scratch_names(f, names);
	path = access(names[1], F_OK) == 0 ? names[0] : names[1];
	if (path == names[0] && access(path, F_OK) == 0)
		return fail(e, EEXIST, "%s", path);
	/* The original has room of its own: what is added here is not in it. */
	saved.v = arena_array(conf->arena, conf->n + 2, sizeof(*saved.v));
	memcpy(saved.v, conf->v, conf->n * sizeof(*saved.v));
	saved.cap = conf->n + 2;
	object_set_word(&saved, IFNAME_KEY, f->r->ifname);
	object_set_word(&saved, CONTAINER_KEY, f->r->container_id);
	if (!fs_write_atomic(path, object_text(&saved), 0600, e))
		return false;
	*ret_path = path;
	return true;
}

/* CONTAINERID or CONTAINERID-NETWORK-IFNAME; what lies beside them in dataDir may be anybody's. */
static bool name_fits(struct arena *a, const char *name)
{
	struct err ignored;

	if (container_id_valid(name, &ignored))
		return true;
	for (const char *dash = strchr(name, '-'); dash; dash = strchr(dash + 1, '-'))
		if (ifname_valid(dash + 1, &ignored) &&
		    container_id_valid(arena_strndup(a, name, (size_t)(dash - name)), &ignored))
			return true;
	return false;
}

/* However little of it has been written: an object with members. */
static bool text_fits(struct bytes text)
{
	static const char begin[] = "{\"";
	size_t n = text.len < sizeof(begin) - 1 ? text.len : sizeof(begin) - 1;

	return !n || memcmp(text.data, begin, n) == 0;
}

static bool is_same(const char *path, const char *other)
{
	struct stat a, b;

	return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool scratch_may_be(const struct flannel *f, const char *path)
{
	const char *slash = strrchr(path, '/');

	return name_fits(f->r->arena, slash ? slash + 1 : path) && !is_same(path, f->subnet_file);
}

static const char *text_of(const struct json *conf, const char *key)
{
	const struct json *j = json_get(conf, key);

	return json_is(j, JSON_STRING) && *j->str ? j->str : NULL;
}

bool scratch_read(struct arena *a, const char *path, struct scratch *ret, struct err *e)
{
	struct scratch s = { .path = path };
	struct bytes text;

	if (!fs_read_regular(a, path, SCRATCH_MAX, &text, e))
		return false;
	if (!json_parse(a, text, &s.conf, e)) {
		e->num = text_fits(text) ? EBADMSG : ENOMSG;
		return wrap(e, "%s", path);
	}
	s.type = text_of(s.conf, "type");
	s.network = text_of(s.conf, "name");
	s.ifname = text_of(s.conf, IFNAME_KEY);
	s.container_id = text_of(s.conf, CONTAINER_KEY);
	if (!s.type || !s.network || str_eq(s.type, "flannel")) {
		fail(e, 0, "%s: not the configuration of a delegate", path);
		e->num = ENOMSG;
		return false;
	}
	*ret = s;
	return true;
}

bool scratch_is_of(const struct scratch *s, const struct request *r)
{
	return str_eq(s->network, r->net.name) && (!s->ifname || str_eq(s->ifname, r->ifname)) &&
	       (!s->container_id || str_eq(s->container_id, r->container_id));
}

const char *scratch_container(struct arena *a, const struct scratch *s)
{
	const char *slash = strrchr(s->path, '/'), *name = slash ? slash + 1 : s->path;
	const char *added = s->ifname ? arena_printf(a, "-%s-%s", s->network, s->ifname) : "";

	if (s->container_id)
		return s->container_id;
	return str_ends(name, added) ? arena_strndup(a, name, strlen(name) - strlen(added)) : name;
}

void scratch_object(const struct scratch *s, struct arena *a, struct object *ret)
{
	object_init(ret, a, s->conf);
	object_drop(ret, IFNAME_KEY);
	object_drop(ret, CONTAINER_KEY);
}
