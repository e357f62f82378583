// SPDX-License-Identifier: Apache-2.0
/* crimp validate: is a configuration readable, are its plugins there, do they speak its version? Changes nothing. */
#include "cmd/cli.h"
#include "lib/jsonw.h"

static void tell(struct cli *c, const struct cni_network *net, char **caps)
{
	struct table t;

	term_mark(&c->term, &c->out, true);
	buf_puts(&c->out, " network ");
	term_put(&c->term, &c->out, STYLE_BOLD, cni_network_name(net));
	buf_printf(&c->out, ", version %s, %zu plugin%s\n",
		   *cni_network_version(net) ? cni_network_version(net) : "0.1.0 (none given)",
		   cni_network_plugins(net), cni_network_plugins(net) == 1 ? "" : "s");
	table_init(&t, c->arena, 2);
	for (size_t i = 0; i < cni_network_plugins(net); i++) {
		struct cni_error e = CNI_ERROR_INIT;
		char *path = NULL;

		table_cell(&t, STYLE_NAME, cni_network_plugin_type(net, i));
		table_cell(&t, STYLE_DIM,
			   cni_plugin_find(c->rt, cni_network_plugin_type(net, i), &path, &e)
				   ? arena_strdup(c->arena, path)
				   : e.text);
		free(path);
	}
	table_put(&t, &c->term, &c->out, "  ");
	if (caps && *caps) {
		buf_puts(&c->out, "  capabilities:");
		for (char **cap = caps; *cap; cap++)
			buf_printf(&c->out, " %s", *cap);
		buf_putc(&c->out, '\n');
	}
}

static void tell_json(struct cli *c, const struct cni_network *net, char **caps)
{
	struct jsonw w;

	jsonw_init(&w, &c->out, true);
	jsonw_object(&w);
	jsonw_kstr(&w, "network", cni_network_name(net));
	jsonw_kstr(&w, "cniVersion", cni_network_version(net));
	jsonw_key(&w, "plugins");
	jsonw_array(&w);
	for (size_t i = 0; i < cni_network_plugins(net); i++)
		jsonw_str(&w, cni_network_plugin_type(net, i));
	jsonw_array_end(&w);
	jsonw_key(&w, "capabilities");
	jsonw_array(&w);
	for (char **cap = caps; cap && *cap; cap++)
		jsonw_str(&w, *cap);
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	buf_putc(&c->out, '\n');
}

static int validate(struct cli *c)
{
	struct cni_error e = CNI_ERROR_INIT;
	struct cni_network *net;
	char **caps = NULL;
	bool ok;

	if (!target_network(c, c->operands[0], &net, &e))
		return report_failure(c, &e);
	ok = cni_validate(c->rt, net, &caps, &e);
	if (ok && c->opt.json)
		tell_json(c, net, caps);
	else if (ok)
		tell(c, net, caps);
	cni_strings_free(caps);
	cni_network_free(net);
	return ok ? cli_done(c, EXIT_DONE) : report_failure(c, &e);
}

const struct verb verb_validate = {
	.name = "validate",
	.operands = "NETWORK|FILE",
	.about = "check a configuration and its plugins without changing anything",
	.min = 1,
	.max = 1,
	.run = validate,
};
