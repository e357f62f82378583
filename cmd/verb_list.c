// SPDX-License-Identifier: Apache-2.0
/* crimp list: the networks of the configuration directory and what is attached to them. */
#include "cmd/cached.h"
#include "lib/jsonw.h"
#include "lib/str.h"

struct listing {
	struct cni_network **nets;
	size_t n_nets;
	struct cni_cached_list *cached;
	struct cni_cached *attachments;
	size_t n_attachments;
};

/* The networks that are asked for. */
static void networks_keep(struct listing *l, const char *only)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n_nets; i++) {
		if (str_eq(cni_network_name(l->nets[i]), only))
			l->nets[kept++] = l->nets[i];
		else
			cni_network_free(l->nets[i]);
	}
	l->n_nets = kept;
}

/* Neither configured nor attached to: loading it says where it was looked for. */
static bool unknown(struct cli *c, const char *name, struct cni_error *e)
{
	struct cni_network *net;

	if (!cni_network_load(c->rt, c->opt.conf_dir, name, &net, e))
		return false;
	cni_network_free(net);
	return true;
}

static bool gather(struct cli *c, struct listing *l, struct cni_error *e)
{
	const char *only = c->n_operands ? c->operands[0] : NULL;

	if (!cli_runtime(c, e) || !cni_networks_load(c->rt, c->opt.conf_dir, &l->nets, &l->n_nets, e))
		return false;
	if (only)
		networks_keep(l, only);
	if (!cni_cached_attachments(c->rt, NULL, &l->cached, e))
		return false;
	l->attachments = arena_array(c->arena, cni_cached_list_len(l->cached) + 1, sizeof(*l->attachments));
	for (size_t i = 0; i < cni_cached_list_len(l->cached); i++) {
		struct cni_cached a = { .size = sizeof(a) };

		if (cni_cached_list_get(l->cached, i, &a) && (!only || str_eq(a.network, only)))
			l->attachments[l->n_attachments++] = a;
	}
	return !only || l->n_nets || l->n_attachments || unknown(c, only, e);
}

static size_t attached_to(const struct listing *l, const char *network)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_attachments; i++)
		n += str_eq(l->attachments[i].network, network);
	return n;
}

static const char *types_of(struct cli *c, const struct cni_network *net)
{
	struct buf b;

	buf_init(&b, c->arena, 64);
	for (size_t i = 0; i < cni_network_plugins(net); i++)
		buf_printf(&b, "%s%s", i ? ", " : "", cni_network_plugin_type(net, i));
	return buf_str(&b);
}

static void head(struct table *t, const char *const *titles, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		table_cell(t, STYLE_BOLD, titles[i]);
}

static void tell_networks(struct cli *c, const struct listing *l)
{
	static const char *const titles[] = { "NETWORK", "VERSION", "PLUGINS", "ATTACHED", "FILE" };
	struct table t;

	table_init(&t, c->arena, 5);
	head(&t, titles, 5);
	for (size_t i = 0; i < l->n_nets; i++) {
		const char *version = cni_network_version(l->nets[i]);

		table_cell(&t, STYLE_NAME, cni_network_name(l->nets[i]));
		table_cell(&t, STYLE_PLAIN, *version ? version : "-");
		table_cell(&t, STYLE_PLAIN, types_of(c, l->nets[i]));
		table_cell(&t, STYLE_PLAIN,
			   arena_printf(c->arena, "%zu", attached_to(l, cni_network_name(l->nets[i]))));
		table_cell(&t, STYLE_DIM, cni_network_file(l->nets[i]));
	}
	if (l->n_nets)
		table_put(&t, &c->term, &c->out, "");
	else
		buf_printf(&c->out, "no networks in %s\n", c->opt.conf_dir);
}

static void tell_attachments(struct cli *c, const struct listing *l)
{
	static const char *const titles[] = { "CONTAINER", "NETWORK", "INTERFACE", "ADDRESSES", "NAMESPACE" };
	struct table t;

	if (!l->n_attachments) {
		buf_puts(&c->out, "nothing is attached\n");
		return;
	}
	table_init(&t, c->arena, 5);
	head(&t, titles, 5);
	for (size_t i = 0; i < l->n_attachments; i++) {
		const struct cni_cached *a = &l->attachments[i];
		bool alive = cached_netns_alive(a);

		table_cell(&t, STYLE_NAME, a->container_id);
		table_cell(&t, STYLE_PLAIN, a->network);
		table_cell(&t, STYLE_PLAIN, a->ifname);
		table_cell(&t, STYLE_PLAIN, cached_addresses(c->arena, a));
		table_cell(&t, alive ? STYLE_DIM : STYLE_BAD,
			   alive ? *a->netns ? a->netns : "unknown" : arena_printf(c->arena, "%s (gone)", a->netns));
	}
	table_put(&t, &c->term, &c->out, "");
}

static void tell_json(struct cli *c, const struct listing *l)
{
	struct jsonw w;

	jsonw_init(&w, &c->out, true);
	jsonw_object(&w);
	jsonw_key(&w, "networks");
	jsonw_array(&w);
	for (size_t i = 0; i < l->n_nets; i++) {
		jsonw_object(&w);
		jsonw_kstr(&w, "name", cni_network_name(l->nets[i]));
		jsonw_kstr(&w, "cniVersion", cni_network_version(l->nets[i]));
		jsonw_key(&w, "plugins");
		jsonw_array(&w);
		for (size_t k = 0; k < cni_network_plugins(l->nets[i]); k++)
			jsonw_str(&w, cni_network_plugin_type(l->nets[i], k));
		jsonw_array_end(&w);
		jsonw_kuint(&w, "attached", attached_to(l, cni_network_name(l->nets[i])));
		jsonw_kstr(&w, "file", cni_network_file(l->nets[i]));
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	jsonw_key(&w, "attachments");
	jsonw_array(&w);
	for (size_t i = 0; i < l->n_attachments; i++) {
		const struct cni_cached *a = &l->attachments[i];

		jsonw_object(&w);
		jsonw_kstr(&w, "containerID", a->container_id);
		jsonw_kstr(&w, "network", a->network);
		jsonw_kstr(&w, "ifname", a->ifname);
		jsonw_kstr(&w, "netns", a->netns);
		jsonw_kbool(&w, "netnsExists", cached_netns_alive(a));
		jsonw_key(&w, "result");
		if (a->result)
			jsonw_raw(&w, (struct bytes){ a->result, strlen(a->result) });
		else
			jsonw_null(&w);
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	buf_putc(&c->out, '\n');
}

static int list(struct cli *c)
{
	struct cni_error e = CNI_ERROR_INIT;
	struct listing l = { .n_nets = 0 };
	bool ok = gather(c, &l, &e);

	if (ok && c->opt.json) {
		tell_json(c, &l);
	} else if (ok) {
		tell_networks(c, &l);
		buf_putc(&c->out, '\n');
		tell_attachments(c, &l);
	}
	cni_cached_list_free(l.cached);
	cni_networks_free(l.nets, l.n_nets);
	return ok ? cli_done(c, EXIT_DONE) : report_failure(c, &e);
}

const struct verb verb_list = {
	.name = "list",
	.operands = "[NETWORK]",
	.about = "show networks and what is attached to them",
	.min = 0,
	.max = 1,
	.run = list,
};
