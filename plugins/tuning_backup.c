// SPDX-License-Identifier: Apache-2.0
#include "plugins/tuning.h"

#include <errno.h>

#include "kernel/sysctl.h"
#include "lib/field.h"
#include "lib/fs.h"
#include "lib/jsonw.h"
#include "lib/str.h"

#define FILE_MAX (1 << 20)
#define VALUE_MAX 4096

const char *backup_path(struct arena *a, const char *dir, const char *container_id, const char *ifname)
{
	return arena_printf(a, "%s/%s_%s.json", dir, container_id, ifname);
}

// ---- the file ----

/* As in the text. */
struct knob_text {
	const char *before, *set;
};
struct draft {
	struct backup b;
	const char *mac;
	const struct json *knobs;
};

static const struct field file_fields[] = {
	FIELD_AS("mac", struct draft, mac, read_str),
	FIELD_AS("promisc", struct draft, b.promisc.on, read_bool),
	FIELD_AS("promisc", struct draft, b.promisc.there, read_present),
	FIELD_AS("mtu", struct draft, b.mtu, read_u32),
	FIELD_AS("allmulti", struct draft, b.allmulti.on, read_bool),
	FIELD_AS("allmulti", struct draft, b.allmulti.there, read_present),
	FIELD_AS("txQLen", struct draft, b.txqlen, read_u32),
	FIELD_AS("txQLen", struct draft, b.has_txqlen, read_present),
	FIELD_AS("network", struct draft, b.network, read_str),
	FIELD_AS("containerID", struct draft, b.container_id, read_str),
	FIELD_AS("ifname", struct draft, b.ifname, read_str),
	FIELD_AS("sysctl", struct draft, knobs, read_json),
	{ 0 }
};

static const struct field knob_fields[] = {
	FIELD_AS("before", struct knob_text, before, read_str, .required = true),
	FIELD_AS("set", struct knob_text, set, read_str, .required = true),
	{ 0 }
};

/* Only what a backup of ours can name: we write as root below what this says. An interface may be called "a..b". */
static bool is_knob(const char *path)
{
	for (const char *up = strstr(path, "/.."); up; up = strstr(up + 1, "/.."))
		if (up[3] == '/' || !up[3])
			return false;
	return str_starts(path, "net/");
}

static bool read_knobs(struct arena *a, struct draft *d, struct err *e)
{
	size_t cap = 0;

	json_each(m, d->knobs) {
		struct knob_text t = { NULL, NULL };
		struct backup *b = &d->b;

		if (!json_fields(a, m, knob_fields, &t, e))
			return false;
		if (!is_knob(m->key))
			continue;
		if (b->n_knobs == cap)
			b->knobs = arena_grow(a, b->knobs, b->n_knobs, &cap, sizeof(*b->knobs));
		b->knobs[b->n_knobs++] = (struct knob_before){ m->key, t.before, t.set };
	}
	return true;
}

bool backup_read(struct arena *a, const char *path, struct backup *ret, bool *ret_there, struct err *e)
{
	struct draft d = { .mac = NULL };
	struct err why = ERR_INIT;
	const struct json *j;
	struct bytes text;

	*ret_there = false;
	if (!fs_read_regular(a, path, FILE_MAX, &text, &why)) {
		if (why.num == ENOENT || why.num == ENOTDIR)
			return true;
		*e = why;
		return false;
	}
	*ret_there =
		json_parse(a, text, &j, &why) && json_fields(a, j, file_fields, &d, &why) && read_knobs(a, &d, &why);
	if (*ret_there) {
		d.b.has_mac = !str_empty(d.mac) && mac_parse(d.mac, &d.b.mac, &why);
		*ret = d.b;
	}
	return true;
}

static void write_link(struct jsonw *w, const struct backup *b)
{
	char text[MAC_TEXT_MAX];

	if (b->has_mac)
		jsonw_kstr(w, "mac", mac_text(&b->mac, text));
	if (b->promisc.there)
		jsonw_kbool(w, "promisc", b->promisc.on);
	if (b->mtu)
		jsonw_kuint(w, "mtu", b->mtu);
	if (b->allmulti.there)
		jsonw_kbool(w, "allmulti", b->allmulti.on);
	if (b->has_txqlen)
		jsonw_kuint(w, "txQLen", b->txqlen);
}

static void write_knobs(struct jsonw *w, const struct backup *b)
{
	if (!b->n_knobs)
		return;
	jsonw_key(w, "sysctl");
	jsonw_object(w);
	for (size_t i = 0; i < b->n_knobs; i++) {
		jsonw_key(w, b->knobs[i].path);
		jsonw_object(w);
		jsonw_kstr(w, "before", b->knobs[i].before);
		jsonw_kstr(w, "set", b->knobs[i].set);
		jsonw_object_end(w);
	}
	jsonw_object_end(w);
}

bool backup_write(struct arena *a, const char *path, const struct backup *b, struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct jsonw w;
	struct buf out;

	buf_init(&out, a, 256);
	jsonw_init(&w, &out, true);
	jsonw_object(&w);
	write_link(&w, b);
	jsonw_kstr(&w, "network", b->network);
	jsonw_kstr(&w, "containerID", b->container_id);
	jsonw_kstr(&w, "ifname", b->ifname);
	write_knobs(&w, b);
	jsonw_object_end(&w);
	return (fs_mkdirs(arena_strndup(a, path, (size_t)(slash - path)), 0700, e) &&
		fs_write_atomic(path, buf_bytes(&out), 0600, e)) ||
	       wrap(e, "save what was there before");
}

// ---- the kernel ----

/* A knob that can only be written, or says more than we keep, is not put back. */
static bool take_knob(const struct request *r, const struct knob *k, struct backup *b, struct err *e)
{
	char value[VALUE_MAX];
	struct err why = ERR_INIT;

	if (sysctl_get(k->path, value, sizeof(value), &why)) {
		b->knobs[b->n_knobs++] = (struct knob_before){ k->path, arena_strdup(r->arena, value), k->value };
		return true;
	}
	if (why.num != ENOENT && why.num != ENOTDIR && why.num != EISDIR)
		return true;
	return fail_code(e, CNI_INVALID_CONFIG, "sysctl \"%s\": the kernel has no /proc/sys/%s", k->key, k->path);
}

bool backup_take(const struct request *r, const struct tuning *t, const struct link *l, struct backup *ret,
		 struct err *e)
{
	struct backup b = { .network = r->net.name, .container_id = r->container_id, .ifname = r->ifname };

	b.knobs = arena_array(r->arena, t->n_knobs, sizeof(*b.knobs));
	for (size_t i = 0; i < t->n_knobs; i++)
		if (!take_knob(r, &t->knobs[i], &b, e))
			return false;
	if (l) {
		b.has_mac = t->mac_text && !mac_is_unset(&l->mac);
		b.mac = l->mac;
		b.mtu = t->mtu ? l->mtu : 0;
		b.promisc = (struct flag){ t->promisc, l->flags & IFF_PROMISC };
		b.allmulti = (struct flag){ t->allmulti.there, l->flags & IFF_ALLMULTI };
		b.has_txqlen = t->has_txqlen;
		b.txqlen = l->txqlen;
	}
	*ret = b;
	return true;
}

static struct knob_before *knob_find(const struct backup *b, const char *path)
{
	for (size_t i = 0; i < b->n_knobs; i++)
		if (str_eq(b->knobs[i].path, path))
			return &b->knobs[i];
	return NULL;
}

void backup_merge(struct arena *a, struct backup *b, const struct backup *older)
{
	struct knob_before *knobs = arena_array(a, b->n_knobs + older->n_knobs, sizeof(*knobs));
	size_t n = 0;

	if (older->has_mac)
		b->has_mac = true, b->mac = older->mac;
	if (older->mtu)
		b->mtu = older->mtu;
	if (older->promisc.there)
		b->promisc = older->promisc;
	if (older->allmulti.there)
		b->allmulti = older->allmulti;
	if (older->has_txqlen)
		b->has_txqlen = true, b->txqlen = older->txqlen;
	for (size_t i = 0; i < b->n_knobs; i++) {
		const struct knob_before *was = knob_find(older, b->knobs[i].path);

		knobs[n] = b->knobs[i];
		if (was)
			knobs[n].before = was->before;
		n++;
	}
	for (size_t i = 0; i < older->n_knobs; i++)
		if (!knob_find(b, older->knobs[i].path))
			knobs[n++] = older->knobs[i];
	b->knobs = knobs;
	b->n_knobs = n;
}

bool backup_is_of_interface(const struct backup *b, const struct request *r)
{
	return (!b->container_id || str_eq(b->container_id, r->container_id)) &&
	       (!b->ifname || str_eq(b->ifname, r->ifname));
}

bool backup_is_of(const struct backup *b, const struct request *r)
{
	return backup_is_of_interface(b, r) && (!b->network || str_eq(b->network, r->net.name));
}

static void restore_link(struct nl *nl, const char *ifname, const struct backup *b)
{
	struct err ignored;
	struct link l;
	bool done UNUSED;

	if (!link_get(nl, ifname, &l, &ignored))
		return;
	if (b->mtu && b->mtu != l.mtu)
		done = link_set_mtu(nl, l.index, b->mtu, &ignored);
	if (b->has_mac && !mac_eq(&b->mac, &l.mac))
		done = link_set_mac(nl, l.index, &b->mac, &ignored);
	if (b->promisc.there)
		done = link_set_promisc(nl, l.index, b->promisc.on, &ignored);
	if (b->allmulti.there)
		done = link_set_allmulti(nl, l.index, b->allmulti.on, &ignored);
	if (b->has_txqlen && b->txqlen != l.txqlen)
		done = link_set_txqlen(nl, l.index, b->txqlen, &ignored);
}

void backup_restore(struct nl *nl, const char *ifname, const struct backup *b)
{
	restore_link(nl, ifname, b);
	for (size_t i = b->n_knobs; i-- > 0;) {
		const struct knob_before *k = &b->knobs[i];
		char now[VALUE_MAX];
		struct err ignored;
		bool done UNUSED;

		if (sysctl_get(k->path, now, sizeof(now), &ignored) && knob_equal(now, k->set) &&
		    !knob_equal(now, k->before))
			done = sysctl_set(k->path, k->before, &ignored);
	}
}
