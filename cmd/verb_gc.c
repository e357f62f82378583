// SPDX-License-Identifier: Apache-2.0
/*
 * crimp gc: without --keep and --all an attachment is valid while its network namespace exists, which is what a person
 * means by "clean up what is gone". A namespace that the cache does not know counts as existing: better a stale lease
 * than a live container cut off.
 */
#include "cmd/cached.h"
#include "cni/version.h"
#include "lib/jsonw.h"
#include "lib/str.h"

/* "ID/IFNAME" names one interface; "ID" all that the container has. */
static bool keep_names(const char *text, const char *container_id, const char *ifname)
{
	size_t n = strlen(container_id);

	return strncmp(text, container_id, n) == 0 && (!text[n] || (text[n] == '/' && str_eq(text + n + 1, ifname)));
}

struct sweep {
	struct cni_attachment *valid;
	size_t n_valid, n_kept; /* n_kept: of the cached ones */
	struct cni_cached_list *cached;
	struct cni_cached *planned; /* not valid */
	size_t n_planned, n_removed;
	bool *removed; /* which of the planned are gone now */
};

static bool is_kept(const struct cli *c, const struct cni_cached *a)
{
	if (c->opt.all)
		return false;
	if (!c->opt.keep.n)
		return cached_netns_alive(a);
	for (size_t i = 0; i < c->opt.keep.n; i++) {
		if (keep_names(((const char **)c->opt.keep.items)[i], a->container_id, a->ifname))
			return true;
	}
	return false;
}

/*
 * An attachment that the cache does not know may have leases and rules all the
 * same: what --keep names in full is valid.
 */
static void keep_unknown(struct cli *c, struct sweep *s)
{
	for (size_t i = 0; i < c->opt.keep.n; i++) {
		const char *text = ((const char **)c->opt.keep.items)[i], *slash = strchr(text, '/');
		struct cni_attachment *at = &s->valid[s->n_valid++];

		*at = (struct cni_attachment)CNI_ATTACHMENT_INIT;
		at->container_id = slash ? arena_strndup(c->arena, text, (size_t)(slash - text)) : text;
		at->ifname = slash ? slash + 1 : "eth0";
	}
}

static bool sweep_plan(struct cli *c, const struct cni_network *net, struct sweep *s, struct cni_error *e)
{
	size_t n;

	if (!cni_cached_attachments(c->rt, NULL, &s->cached, e))
		return false;
	n = cni_cached_list_len(s->cached);
	s->valid = arena_array(c->arena, n + c->opt.keep.n + 1, sizeof(*s->valid));
	s->planned = arena_array(c->arena, n + 1, sizeof(*s->planned));
	for (size_t i = 0; i < n; i++) {
		struct cni_cached a = { .size = sizeof(a) };

		if (!cni_cached_list_get(s->cached, i, &a) || !str_eq(a.network, cni_network_name(net)))
			continue;
		if (!is_kept(c, &a)) {
			s->planned[s->n_planned++] = a;
			continue;
		}
		s->valid[s->n_valid] = (struct cni_attachment)CNI_ATTACHMENT_INIT;
		s->valid[s->n_valid].container_id = a.container_id;
		s->valid[s->n_valid++].ifname = a.ifname;
	}
	s->n_kept = s->n_valid;
	keep_unknown(c, s);
	return true;
}

/* What was planned need not have happened: the network may say disableGC, or the container may have been added anew. */
static bool sweep_look(struct cli *c, struct sweep *s, struct cni_error *e)
{
	s->removed = arena_array(c->arena, s->n_planned + 1, sizeof(*s->removed));
	for (size_t i = 0; i < s->n_planned; i++) {
		const struct cni_cached *a = &s->planned[i];
		struct cni_cached_list *left;

		if (!cni_cached_config(c->rt, a->network, a->container_id, a->ifname, &left, e))
			return false;
		s->removed[i] = !left;
		s->n_removed += !left;
		cni_cached_list_free(left);
	}
	return true;
}

static void tell(struct cli *c, const struct cni_network *net, const struct sweep *s)
{
	term_mark(&c->term, &c->out, true);
	buf_printf(&c->out, " %zu removed, %zu kept", s->n_removed, s->n_kept + s->n_planned - s->n_removed);
	buf_puts(&c->out, cni_network_disable_gc(net) ? " (the network says disableGC)\n" : "\n");
	for (size_t i = 0; i < s->n_planned; i++) {
		if (s->removed[i])
			buf_printf(&c->out, "  %s %s\n", s->planned[i].container_id, s->planned[i].ifname);
	}
}

static void tell_json(struct cli *c, const struct sweep *s)
{
	struct jsonw w;

	jsonw_init(&w, &c->out, true);
	jsonw_object(&w);
	jsonw_key(&w, "removed");
	jsonw_array(&w);
	for (size_t i = 0; i < s->n_planned; i++) {
		if (!s->removed[i])
			continue;
		jsonw_object(&w);
		jsonw_kstr(&w, "containerID", s->planned[i].container_id);
		jsonw_kstr(&w, "ifname", s->planned[i].ifname);
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	jsonw_kuint(&w, "kept", s->n_kept + s->n_planned - s->n_removed);
	jsonw_object_end(&w);
	buf_putc(&c->out, '\n');
}

/*
 * Versions before 1.1.0 have no GC verb, so that leases and rules of attachments that no cache knows (a cache that was
 * lost, a DEL by plugins that did not make them) would stay for ever on most nodes. Where every plugin speaks 1.1.0 it
 * is asked in that version: GC has no result whose shape could matter.
 */
static bool newer(struct cli *c, struct cni_network *net, struct cni_network **ret)
{
	struct cni_error ignored = CNI_ERROR_INIT;
	const struct json *conf;
	struct err bad = ERR_INIT;
	struct jsonw w;
	struct buf b;
	size_t len;
	const char *text = cni_network_json(net, &len);

	if (version_at_least(cni_network_version(net), "1.1.0") || cni_network_is_single(net) ||
	    !json_parse(c->arena, (struct bytes){ text, len }, &conf, &bad))
		return false;
	buf_init(&b, c->arena, len + 64);
	jsonw_init(&w, &b, false);
	jsonw_object(&w);
	json_each(m, conf) {
		if (str_eq(m->key, "cniVersion") || str_eq(m->key, "cniVersions"))
			continue;
		jsonw_key(&w, m->key);
		jsonw_raw(&w, m->raw);
	}
	jsonw_kstr(&w, "cniVersion", "1.1.0");
	jsonw_object_end(&w);
	if (!cni_network_load_bytes(c->rt, buf_str(&b), b.len, ret, &ignored))
		return false;
	if (cni_validate(c->rt, *ret, NULL, &ignored))
		return true;
	cni_network_free(*ret);
	return false;
}

/*
 * A network of which our cache knows nothing may be somebody else's, whose cache lies elsewhere: plugins told that
 * nothing is valid would cut its living containers off. Who wants that says --all.
 */
static bool sweep_do(struct cli *c, struct cni_network *net, struct sweep *s, struct cni_error *e)
{
	struct cni_network *young;
	bool ok;

	if (!s->n_planned && !s->n_valid && !c->opt.all)
		return true;
	if (!cni_gc(c->rt, net, s->valid, s->n_valid, e))
		return false;
	if (!newer(c, net, &young))
		return true;
	ok = cni_gc(c->rt, young, s->valid, s->n_valid, e);
	cni_network_free(young);
	return ok;
}

static int gc(struct cli *c)
{
	struct cni_error e = CNI_ERROR_INIT;
	struct cni_network *net;
	struct sweep s = { .n_valid = 0 };
	int status;
	bool ok;

	if (!target_network(c, c->operands[0], &net, &e))
		return report_failure(c, &e);
	ok = sweep_plan(c, net, &s, &e) && sweep_do(c, net, &s, &e) && sweep_look(c, &s, &e);
	if (ok && c->opt.json)
		tell_json(c, &s);
	else if (ok)
		tell(c, net, &s);
	status = ok ? cli_done(c, EXIT_DONE) : report_failure(c, &e);
	cni_cached_list_free(s.cached);
	cni_network_free(net);
	return status;
}

const struct verb verb_gc = {
	.name = "gc",
	.operands = "NETWORK",
	.about = "remove what belongs to containers that are gone",
	.more = "Containers whose network namespace still exists are kept; with --keep only those that it names;\n"
		"with --all none. A network of which the cache knows nothing is left alone without --all or --keep.",
	.options = OPT_GC,
	.min = 1,
	.max = 1,
	.run = gc,
};
