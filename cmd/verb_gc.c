// SPDX-License-Identifier: Apache-2.0
/*
 * crimp gc: without --keep and --all an attachment is valid while its network namespace exists, which is what a person means by "clean up what is gone". A namespace that
 * the cache does not know counts as existing: better a stale lease than a live container cut off.
 */
#include "cmd/cached.h"
#include "lib/jsonw.h"
#include "lib/str.h"

/* "ID" keeps the interface named by --ifname (eth0), "ID/IFNAME" that one. */
static void keep_split(struct cli *c, const char *text, struct cni_attachment *ret)
{
	const char *slash = strchr(text, '/');

	ret->container_id = slash ? arena_strndup(c->arena, text, (size_t)(slash - text)) : text;
	ret->ifname = slash ? slash + 1 : "eth0";
}

struct sweep {
	struct cni_attachment *valid;
	size_t n_valid;
	struct cni_cached_list *cached;
	struct list removed; /* of struct cni_cached */
};

static bool is_kept(const struct sweep *s, const struct cni_cached *a)
{
	for (size_t i = 0; i < s->n_valid; i++) {
		if (str_eq(s->valid[i].container_id, a->container_id) && str_eq(s->valid[i].ifname, a->ifname))
			return true;
	}
	return false;
}

static bool sweep_plan(struct cli *c, const struct cni_network *net, struct sweep *s, struct cni_error *e)
{
	size_t n, n_keep = c->opt.keep.n;
	struct cni_cached *removed;

	if (!cni_cached_attachments(c->rt, NULL, &s->cached, e))
		return false;
	n = cni_cached_list_len(s->cached);
	s->valid = arena_array(c->arena, n + n_keep + 1, sizeof(*s->valid));
	removed = arena_array(c->arena, n + 1, sizeof(*removed));
	s->removed.items = removed;
	for (size_t i = 0; i < n_keep; i++) {
		s->valid[s->n_valid] = (struct cni_attachment)CNI_ATTACHMENT_INIT;
		keep_split(c, ((const char **)c->opt.keep.items)[i], &s->valid[s->n_valid++]);
	}
	for (size_t i = 0; i < n; i++) {
		struct cni_cached a = { .size = sizeof(a) };

		if (!cni_cached_list_get(s->cached, i, &a) || !str_eq(a.network, cni_network_name(net)))
			continue;
		if (!c->opt.all && !n_keep && (!*a.netns || cached_netns_alive(&a))) {
			s->valid[s->n_valid] = (struct cni_attachment)CNI_ATTACHMENT_INIT;
			s->valid[s->n_valid].container_id = a.container_id;
			s->valid[s->n_valid++].ifname = a.ifname;
		} else if (!is_kept(s, &a)) {
			removed[s->removed.n++] = a;
		}
	}
	return true;
}

static void tell(struct cli *c, const struct sweep *s)
{
	const struct cni_cached *removed = s->removed.items;
	struct jsonw w;

	if (!c->opt.json) {
		term_mark(&c->term, &c->out, true);
		buf_printf(&c->out, " %zu removed, %zu kept\n", s->removed.n, s->n_valid);
		for (size_t i = 0; i < s->removed.n; i++)
			buf_printf(&c->out, "  %s %s\n", removed[i].container_id, removed[i].ifname);
		return;
	}
	jsonw_init(&w, &c->out, true);
	jsonw_object(&w);
	jsonw_key(&w, "removed");
	jsonw_array(&w);
	for (size_t i = 0; i < s->removed.n; i++) {
		jsonw_object(&w);
		jsonw_kstr(&w, "containerID", removed[i].container_id);
		jsonw_kstr(&w, "ifname", removed[i].ifname);
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	jsonw_kuint(&w, "kept", s->n_valid);
	jsonw_object_end(&w);
	buf_putc(&c->out, '\n');
}

static int gc(struct cli *c)
{
	struct cni_error e = CNI_ERROR_INIT;
	struct cni_network *net;
	struct sweep s = { .n_valid = 0 };
	bool ok;

	if (!target_network(c, c->operands[0], &net, &e))
		return report_failure(c, &e);
	ok = sweep_plan(c, net, &s, &e) &&
	     (c->opt.all ? cni_gc_all(c->rt, net, &e) : cni_gc(c->rt, net, s.valid, s.n_valid, &e));
	if (ok) {
		tell(c, &s);
		cli_flush(c);
	}
	cni_cached_list_free(s.cached);
	cni_network_free(net);
	return ok ? EXIT_DONE : report_failure(c, &e);
}

const struct verb verb_gc = {
	.name = "gc",
	.operands = "NETWORK",
	.about = "remove what belongs to containers that are gone",
	.more = "Containers whose network namespace still exists are kept; with --keep only those that it names;\n"
		"with --all none.",
	.options = OPT_GC,
	.min = 1,
	.max = 1,
	.run = gc,
};
