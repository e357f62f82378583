// SPDX-License-Identifier: Apache-2.0
/* crimp show: one attachment, as it was made and as the kernel has it now. */
#include "cmd/observed.h"
#include "lib/jsonw.h"
#include "lib/str.h"

static void tell_findings(struct cli *c, const struct observed *o)
{
	struct table t;

	table_init(&t, c->arena, 4);
	for (size_t i = 0; i < o->n; i++) {
		const struct finding *f = &o->findings[i];

		table_cell(&t, STYLE_DIM, f->what);
		table_cell(&t, STYLE_NAME, f->name);
		table_cell(&t, f->there ? STYLE_GOOD : STYLE_BAD, f->there ? "there" : *f->now ? "changed" : "missing");
		table_cell(&t, STYLE_PLAIN, f->now);
	}
	table_put(&t, &c->term, &c->out, "  ");
}

static void tell(struct cli *c, const struct cni_cached *a)
{
	struct observed o;

	observe(c->arena, a, &o);
	term_put(&c->term, &c->out, STYLE_BOLD, a->container_id);
	buf_printf(&c->out, ", %s on network %s\n", a->ifname, a->network);
	buf_printf(&c->out, "  namespace  %s%s\n", *a->netns ? a->netns : "unknown",
		   cached_netns_alive(a) ? "" : " (gone)");
	if (o.trouble) {
		buf_puts(&c->out, "  ");
		term_put(&c->term, &c->out, STYLE_BAD, o.trouble);
		buf_putc(&c->out, '\n');
	}
	tell_findings(c, &o);
	for (const char **p = cached_ports(c->arena, a); *p; p++)
		buf_printf(&c->out, "  published  %s\n", *p);
	buf_printf(&c->out, "  cache      %s\n", a->path);
}

static void tell_json(struct cli *c, struct jsonw *w, const struct cni_cached *a)
{
	struct observed o;

	observe(c->arena, a, &o);
	jsonw_object(w);
	jsonw_kstr(w, "containerID", a->container_id);
	jsonw_kstr(w, "network", a->network);
	jsonw_kstr(w, "ifname", a->ifname);
	jsonw_kstr(w, "netns", a->netns);
	jsonw_kbool(w, "netnsExists", cached_netns_alive(a));
	jsonw_kstr_if(w, "trouble", o.trouble);
	jsonw_key(w, "kernel");
	jsonw_array(w);
	for (size_t i = 0; i < o.n; i++) {
		jsonw_object(w);
		jsonw_kstr(w, "what", o.findings[i].what);
		jsonw_kstr(w, "name", o.findings[i].name);
		jsonw_kbool(w, "there", o.findings[i].there);
		jsonw_kstr_if(w, "now", o.findings[i].now);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	jsonw_key(w, "published");
	jsonw_array(w);
	for (const char **p = cached_ports(c->arena, a); *p; p++)
		jsonw_str(w, *p);
	jsonw_array_end(w);
	jsonw_key(w, "result");
	if (a->result)
		jsonw_raw(w, (struct bytes){ a->result, strlen(a->result) });
	else
		jsonw_null(w);
	jsonw_kstr(w, "cache", a->path);
	jsonw_object_end(w);
}

/* The operand is a container ID, or a namespace from which one is derived. */
static bool wanted(struct cli *c, const char *operand, const struct cni_cached *a)
{
	return str_eq(a->container_id, operand) ||
	       str_eq(a->container_id, container_id_of(c->arena, target_netns(c->arena, operand))) ||
	       str_eq(a->netns, target_netns(c->arena, operand));
}

static int show(struct cli *c)
{
	struct cni_error e = CNI_ERROR_INIT;
	struct cni_cached_list *all;
	struct jsonw w;
	size_t shown = 0;

	if (!cli_runtime(c, &e) || !cni_cached_attachments(c->rt, NULL, &all, &e))
		return report_failure(c, &e);
	jsonw_init(&w, &c->out, true);
	if (c->opt.json)
		jsonw_array(&w);
	for (size_t i = 0; i < cni_cached_list_len(all); i++) {
		struct cni_cached a = { .size = sizeof(a) };

		if (!cni_cached_list_get(all, i, &a) || !wanted(c, c->operands[0], &a))
			continue;
		if (c->n_operands > 1 && !str_eq(a.network, c->operands[1]))
			continue;
		shown++;
		if (c->opt.json)
			tell_json(c, &w, &a);
		else
			tell(c, &a);
	}
	if (c->opt.json) {
		jsonw_array_end(&w);
		buf_putc(&c->out, '\n');
	}
	cni_cached_list_free(all);
	if (shown) {
		return cli_done(c, EXIT_DONE);
	}
	c->out.len = 0;
	struct err none = ERR_INIT;

	(void)fail_code(&none, CNI_ERR_UNKNOWN_CONTAINER, "nothing is attached under the name %s", c->operands[0]);
	return report_err(c, &none);
}

const struct verb verb_show = {
	.name = "show",
	.operands = "CONTAINER|NETNS [NETWORK]",
	.about = "show an attachment, and what the kernel has of it now",
	.min = 1,
	.max = 2,
	.run = show,
};
