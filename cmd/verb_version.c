// SPDX-License-Identifier: Apache-2.0
/*
 * crimp version: what this program is, and which versions of the specification plugins speak, as they say themselves.
 */
#include "cmd/cli.h"
#include "lib/fs.h"
#include "lib/jsonw.h"
#include "lib/str.h"

struct answer {
	const char *type, *versions;
	char **list;
	bool ok;
};

static void ask(struct cli *c, const char *type, struct answer *a)
{
	struct cni_error e = CNI_ERROR_INIT;
	struct buf b;

	a->type = type;
	a->ok = cni_plugin_versions(c->rt, type, &a->list, &e);
	if (!a->ok) {
		a->versions = arena_strdup(c->arena, e.text);
		return;
	}
	buf_init(&b, c->arena, 64);
	for (char **v = a->list; *v; v++)
		buf_printf(&b, "%s%s", v == a->list ? "" : " ", *v);
	a->versions = buf_str(&b);
}

static bool known(const struct list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		if (str_eq(((const char **)l->items)[i], name))
			return true;
	}
	return false;
}

/* Names in the plugin directories, without the two programs that are not plugins. */
static bool plugin_names(struct cli *c, struct list *ret, struct err *e)
{
	struct list all = { .n = 0 };
	size_t cap = 0;

	for (char **dir = str_split_nonempty(c->arena, c->opt.plugin_dirs, ':', NULL); *dir; dir++) {
		char **names;
		size_t n;

		if (!fs_list(c->arena, *dir, true, &names, &n, e))
			return false;
		for (size_t i = 0; i < n; i++) {
			if (names[i][0] == '.' || str_eq(names[i], "crimp") || str_eq(names[i], "cnitool") ||
			    known(&all, names[i]))
				continue;
			all.items = arena_grow(c->arena, all.items, all.n, &cap, sizeof(char *));
			((const char **)all.items)[all.n++] = names[i];
		}
	}
	*ret = all;
	return true;
}

static void tell_json(struct cli *c, const struct answer *answers, size_t n)
{
	struct jsonw w;

	jsonw_init(&w, &c->out, true);
	jsonw_object(&w);
	jsonw_kstr(&w, "version", CRIMP_VERSION);
	jsonw_kstr(&w, "specification", cni_spec_version());
	jsonw_key(&w, "plugins");
	jsonw_object(&w);
	for (size_t i = 0; i < n; i++) {
		jsonw_key(&w, answers[i].type);
		if (!answers[i].ok) {
			jsonw_null(&w);
			continue;
		}
		jsonw_array(&w);
		for (char **v = answers[i].list; *v; v++)
			jsonw_str(&w, *v);
		jsonw_array_end(&w);
	}
	jsonw_object_end(&w);
	jsonw_object_end(&w);
	buf_putc(&c->out, '\n');
}

static void tell(struct cli *c, const struct answer *answers, size_t n)
{
	struct table t;

	if (c->opt.json) {
		tell_json(c, answers, n);
		return;
	}
	buf_printf(&c->out, "crimp %s, specification up to %s\n", CRIMP_VERSION, cni_spec_version());
	table_init(&t, c->arena, 2);
	for (size_t i = 0; i < n; i++) {
		table_cell(&t, STYLE_NAME, answers[i].type);
		table_cell(&t, answers[i].ok ? STYLE_PLAIN : STYLE_BAD, answers[i].versions);
	}
	table_put(&t, &c->term, &c->out, "  ");
}

static int version(struct cli *c)
{
	struct cni_error ce = CNI_ERROR_INIT;
	struct list names = { .items = c->operands, .n = (size_t)c->n_operands };
	struct err e = ERR_INIT;
	struct answer *answers;
	int status = EXIT_DONE;

	if (!cli_runtime(c, &ce))
		return report_failure(c, &ce);
	if (!names.n && !plugin_names(c, &names, &e))
		return report_err(c, &e);
	answers = arena_array(c->arena, names.n + 1, sizeof(*answers));
	for (size_t i = 0; i < names.n; i++) {
		ask(c, ((const char **)names.items)[i], &answers[i]);
		if (!answers[i].ok)
			status = EXIT_FAILED;
	}
	tell(c, answers, names.n);
	for (size_t i = 0; i < names.n; i++)
		cni_strings_free(answers[i].ok ? answers[i].list : NULL);
	return cli_done(c, status);
}

const struct verb verb_version = {
	.name = "version",
	.operands = "[PLUGIN...]",
	.about = "show versions: of crimp, and of the specification each plugin speaks",
	.min = 0,
	.max = -1,
	.run = version,
};
