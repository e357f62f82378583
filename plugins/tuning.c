// SPDX-License-Identifier: Apache-2.0
/* tuning: sysctls of a container, and attributes of its interface (plugins/tuning.h says what DEL puts back). */
#include "plugins/tuning.h"

#include <errno.h>
#include <sys/stat.h>

#include "kernel/netns.h"
#include "kernel/sysctl.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/attachment.h"
#include "plugins/plugin.h"

#define VALUE_MAX 4096
#define TORN_AGE_S 3600

/* The container: the thread is in there until it is left. */
struct inside {
	struct nl nl;
	struct netns_visit visit;
	bool entered;
};
#define INSIDE_NOT ((struct inside){ .nl = NL_CLOSED })
#define autoinside CLEANUP(inside_leave) struct inside

static bool inside_enter(const char *netns, struct inside *ret, struct err *e)
{
	autoclose int fd = -1;

	if (!netns_open(netns, &fd, e) || !netns_enter(fd, &ret->visit, e))
		return false;
	ret->entered = true;
	return nl_open(&ret->nl, NETLINK_ROUTE, e);
}

static void inside_leave(struct inside *in)
{
	nl_close(&in->nl);
	if (in->entered)
		netns_leave(&in->visit);
	in->entered = false;
}

// ---- ADD ----

/* The kernel tells the neighbours of a new MAC where these two are set; where they are not, for this once. */
static const struct { const char *family, *knob; } announcers[] = { { "ipv4", "arp_notify" }, { "ipv6", "ndisc_notify" } };

static bool mac_set(const struct request *r, struct nl *nl, const struct link *l, const struct mac *mac, struct err *e)
{
	bool quiet[ARRAY_LEN(announcers)] = { false }, done UNUSED, ok;
	const char *path[ARRAY_LEN(announcers)];
	struct err ignored;
	char now[16];

	if (mac_eq(mac, &l->mac))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(announcers); i++) {
		path[i] =
			arena_printf(r->arena, "net/%s/conf/%s/%s", announcers[i].family, l->name, announcers[i].knob);
		quiet[i] = sysctl_get(path[i], now, sizeof(now), &ignored) && str_eq(now, "0") &&
			   sysctl_set(path[i], "1", &ignored);
	}
	ok = link_set_mac(nl, l->index, mac, e);
	for (size_t i = 0; i < ARRAY_LEN(announcers); i++)
		if (quiet[i])
			done = sysctl_set(path[i], "0", &ignored);
	return ok;
}

static bool link_change(const struct request *r, struct nl *nl, const struct tuning *t, const struct link *l,
			struct err *e)
{
	return (!t->mac_text || mac_set(r, nl, l, &t->mac, e)) &&
	       (!t->promisc || link_set_promisc(nl, l->index, true, e)) &&
	       (!t->mtu || link_set_mtu(nl, l->index, t->mtu, e)) &&
	       (!t->allmulti.there || link_set_allmulti(nl, l->index, t->allmulti.on, e)) &&
	       (!t->has_txqlen || link_set_txqlen(nl, l->index, t->txqlen, e));
}

static bool change(const struct request *r, struct nl *nl, const struct tuning *t, const struct link *l, struct err *e)
{
	for (size_t i = 0; i < t->n_knobs; i++)
		if (!sysctl_set(t->knobs[i].path, t->knobs[i].value, e))
			return false;
	return !l || link_change(r, nl, t, l, e) || wrap(e, "interface %s", l->name);
}

/* The file as it was, or none. */
struct saved {
	const char *path;
	struct backup older;
	bool there;
};

static bool save(const struct request *r, const struct tuning *t, const struct backup *taken, struct saved *ret,
		 struct err *e)
{
	struct backup all = *taken;

	ret->path = backup_path(r->arena, t->data_dir, r->container_id, r->ifname);
	if (!backup_read(r->arena, ret->path, &ret->older, &ret->there, e))
		return false;
	if (ret->there && !backup_is_of_interface(&ret->older, r))
		return fail(e, EEXIST, "%s belongs to container %s, interface %s", ret->path, ret->older.container_id,
			    ret->older.ifname);
	if (ret->there && backup_is_of(&ret->older, r))
		backup_merge(r->arena, &all, &ret->older);
	return backup_write(r->arena, ret->path, &all, e);
}

/* Back to what this ADD has found, which after an earlier one is not what DEL goes back to. */
static void take_back(const struct request *r, struct nl *nl, const struct backup *taken, const struct saved *s)
{
	struct err ignored;
	bool done UNUSED;

	backup_restore(nl, r->ifname, taken);
	done = s->there ? backup_write(r->arena, s->path, &s->older, &ignored) : fs_remove(s->path, &ignored);
}

static bool apply(const struct request *r, const struct tuning *t, struct err *e)
{
	autoinside in = INSIDE_NOT;
	struct backup taken;
	struct saved s = { .there = false };
	struct link link, *l = NULL;

	if (!inside_enter(r->netns, &in, e))
		return false;
	if (tuning_has_link(t)) {
		if (!link_get(&in.nl, r->ifname, &link, e))
			return wrap(e, "failed to get \"%s\"", r->ifname);
		l = &link;
	}
	if (!backup_take(r, t, l, &taken, e) || !save(r, t, &taken, &s, e))
		return false;
	if (change(r, &in.nl, t, l, e))
		return true;
	take_back(r, &in.nl, &taken, &s);
	return false;
}

/* The container's interface: where a result names the sandbox, one of the node with the same name is not meant. */
static void result_set_mac(struct result *res, const struct request *r, const char *mac)
{
	bool inside = false;

	for (size_t i = 0; i < res->n_interfaces; i++)
		inside = inside ||
			 (str_eq(res->interfaces[i].name, r->ifname) && !str_empty(res->interfaces[i].sandbox));
	for (size_t i = 0; i < res->n_interfaces; i++)
		if (str_eq(res->interfaces[i].name, r->ifname) && (!inside || !str_empty(res->interfaces[i].sandbox)))
			res->interfaces[i].mac = mac;
}

static bool tuning_add(const struct request *r, struct result *ret, struct err *e)
{
	struct result prev;
	struct tuning t;

	if (!tuning_conf_read(r, &t, e) || !tuning_allowed(r, &t, e) || !request_prev_required(r, &prev, e))
		return false;
	if ((t.n_knobs || tuning_has_link(&t)) && !apply(r, &t, e))
		return false;
	if (t.mac_text)
		result_set_mac(&prev, r, t.mac_text);
	*ret = prev;
	return true;
}

// ---- CHECK ----

static bool knobs_check(const struct tuning *t, struct err *e)
{
	for (size_t i = 0; i < t->n_knobs; i++) {
		const struct knob *k = &t->knobs[i];
		char now[VALUE_MAX];
		struct err why = ERR_INIT;

		if (!sysctl_get(k->path, now, sizeof(now), &why)) {
			if (why.num == EACCES || why.num == EPERM) /* can only be written */
				continue;
			*e = why;
			return false;
		}
		if (!knob_equal(now, k->value))
			return fail(e, 0, "Error: Tuning configured value of /proc/sys/%s is %s, current value is %s",
				    k->path, k->value, now);
	}
	return true;
}

static const char *word(bool on)
{
	return on ? "true" : "false";
}

static bool link_check(const struct tuning *t, const struct link *l, struct err *e)
{
	bool promisc = l->flags & IFF_PROMISC, allmulti = l->flags & IFF_ALLMULTI;
	char text[MAC_TEXT_MAX];

	if (t->mac_text && !mac_eq(&t->mac, &l->mac))
		return fail(e, 0, "Error: Tuning configured Ethernet of %s is %s, current value is %s", l->name,
			    t->mac_text, mac_text(&l->mac, text));
	if (t->promisc != promisc)
		return fail(e, 0, "Error: Tuning link %s configured promisc is %s, current value is %s", l->name,
			    word(t->promisc), word(promisc));
	if (t->mtu && t->mtu != l->mtu)
		return fail(e, 0, "Error: Tuning configured MTU of %s is %u, current value is %u", l->name, t->mtu,
			    l->mtu);
	if (t->allmulti.there && t->allmulti.on != allmulti)
		return fail(e, 0, "Error: Tuning configured all-multicast mode of %s is %s, current value is %s",
			    l->name, word(t->allmulti.on), word(allmulti));
	if (t->has_txqlen && t->txqlen != l->txqlen)
		return fail(e, 0, "Error: Tuning configured txQLen of %s is %u, current value is %u", l->name,
			    t->txqlen, l->txqlen);
	return true;
}

static bool tuning_check(const struct request *r, struct err *e)
{
	autoinside in = INSIDE_NOT;
	struct result prev;
	struct tuning t;
	struct link l;

	if (!tuning_conf_read(r, &t, e) || !request_prev_required(r, &prev, e) || !inside_enter(r->netns, &in, e) ||
	    !knobs_check(&t, e))
		return false;
	if (!link_get(&in.nl, r->ifname, &l, e))
		return wrap(e, "Cannot find container link %s", r->ifname);
	return link_check(&t, &l, e);
}

// ---- DEL ----

static bool tuning_del(const struct request *r, struct err *e)
{
	const char *path = backup_path(r->arena, tuning_data_dir(r), r->container_id, r->ifname);
	autoinside in = INSIDE_NOT;
	struct err why = ERR_INIT;
	struct backup b;
	bool there;

	/* What cannot be read cannot be put back, and is no reason to keep a container: nor is a folder for no file. */
	if (!backup_read(r->arena, path, &b, &there, &why))
		there = false;
	if (there && !backup_is_of(&b, r))
		return true;
	if (there && *r->netns && inside_enter(r->netns, &in, &why))
		backup_restore(&in.nl, r->ifname, &b);
	if (fs_remove(path, &why) || !there)
		return true;
	*e = why;
	return false;
}

// ---- GC, STATUS ----

static bool is_stale(const struct request *r, const struct backup *b)
{
	if (str_empty(b->network) || !str_eq(b->network, r->net.name) || !b->container_id || !b->ifname)
		return false;
	for (size_t i = 0; i < r->net.n_valid; i++)
		if (str_eq(r->net.valid[i].container_id, b->container_id) && str_eq(r->net.valid[i].ifname, b->ifname))
			return false;
	return true;
}

static bool tuning_gc(const struct request *r, struct err *e)
{
	const char *dir = tuning_data_dir(r);
	struct errs all = { .count = 0 };
	char **names;
	size_t n;

	if (!r->net.has_valid) /* nobody says who is valid: then nobody is stale */
		return true;
	if (!fs_list(r->arena, dir, true, &names, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *path = fs_join(r->arena, dir, names[i]);
		struct err why = ERR_INIT;
		struct backup b;
		bool there;

		if (!str_ends(names[i], ".json") || !backup_read(r->arena, path, &b, &there, &why) || !there)
			continue;
		if (is_stale(r, &b) && !fs_remove(path, &why))
			errs_add(&all, &why);
	}
	if (n)
		fs_sweep(dir, TORN_AGE_S);
	return errs_done(&all, e);
}

static bool tuning_status(const struct request *r, struct err *e)
{
	struct err why = ERR_INIT;
	struct tuning t;
	struct stat st;

	if (!tuning_conf_read(r, &t, e))
		return false;
	if (!tuning_allowed(r, &t, &why))
		return fail_code(e, CNI_NOT_AVAILABLE, "%s", why.text);
	if (stat(t.data_dir, &st) == 0 && !S_ISDIR(st.st_mode))
		return fail_code(e, CNI_NOT_AVAILABLE, "dataDir %s is not a directory", t.data_dir);
	return true;
}

const struct plugin tuning_plugin = {
	.name = "tuning",
	.about = "set sysctls and interface attributes of a container",
	.versions = versions_all,
	.add = tuning_add,
	.check = tuning_check,
	.del = tuning_del,
	.gc = tuning_gc,
	.status = tuning_status,
};
