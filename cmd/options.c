// SPDX-License-Identifier: Apache-2.0
/* Options of the command line: one table, from which parsing, help and completion follow. */
#include <stddef.h>

#include "cmd/cli.h"
#include "lib/str.h"

enum option_kind { KIND_STR, KIND_FLAG, KIND_LIST };

struct option_row {
	const char *name;
	char letter;
	enum option_kind kind;
	size_t offset;
	unsigned sets;
	const char *value; /* name of the value in the help, NULL for flags */
	const char *help;
};

#define AT(member) offsetof(struct options, member)

static const struct option_row rows[] = {
	{ "ifname", 'i', KIND_STR, AT(ifname), OPT_TARGET, "NAME", "interface in the container [$CNI_IFNAME, eth0]" },
	{ "container-id", 'c', KIND_STR, AT(container_id), OPT_TARGET, "ID",
	  "container ID [derived from NETNS, as cnitool does]" },
	{ "publish", 'p', KIND_LIST, AT(publish), OPT_ATTACH, "PORT",
	  "publish [HOSTIP:]HOST:CONTAINER[/PROTO]; may be repeated" },
	{ "arg", 'a', KIND_LIST, AT(args), OPT_ATTACH, "K=V", "CNI_ARGS for the plugins; may be repeated [$CNI_ARGS]" },
	{ "capabilities", 0, KIND_STR, AT(caps), OPT_ATTACH, "JSON", "capability arguments, an object [$CAP_ARGS]" },
	{ "rollback", 0, KIND_FLAG, AT(rollback), OPT_ADD, NULL, "undo everything when a plugin fails" },
	{ "keep-going", 'k', KIND_FLAG, AT(keep_going), OPT_DEL, NULL,
	  "go on past a failing plugin, report all failures" },
	{ "keep", 0, KIND_LIST, AT(keep), OPT_GC, "ID[/IFNAME]", "an attachment that still exists; may be repeated" },
	{ "all", 0, KIND_FLAG, AT(all), OPT_GC, NULL, "remove every attachment of the network" },
	{ "conf-dir", 0, KIND_STR, AT(conf_dir), OPT_COMMON, "DIR",
	  "network configurations [$NETCONFPATH, /etc/cni/net.d]" },
	{ "plugin-dir", 0, KIND_STR, AT(plugin_dirs), OPT_COMMON, "DIRS",
	  "plugins, colon-separated [$CNI_PATH, /opt/cni/bin]" },
	{ "cache-dir", 0, KIND_STR, AT(cache_dir), OPT_COMMON, "DIR", "what is attached [/var/lib/cni]" },
	{ "timeout", 't', KIND_STR, AT(timeout), OPT_COMMON, "SECONDS", "for each plugin [none]" },
	{ "json", 'j', KIND_FLAG, AT(json), OPT_COMMON, NULL, "answer in JSON" },
	{ "plain", 0, KIND_FLAG, AT(plain), OPT_COMMON, NULL, "no colour (also $NO_COLOR)" },
	{ "help", 'h', KIND_FLAG, AT(help), OPT_COMMON, NULL, "this text" },
};

static void list_push(struct arena *a, struct list *l, const char *value)
{
	size_t room = l->n;
	const char **items = arena_grow(a, l->items, l->n, &room, sizeof(*items));

	items[l->n++] = value;
	l->items = items;
}

static const struct option_row *row_of_letter(char letter)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].letter == letter)
			return &rows[i];
	}
	return NULL;
}

static const struct option_row *row_of_name(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strlen(rows[i].name) == len && strncmp(rows[i].name, name, len) == 0)
			return &rows[i];
	}
	return NULL;
}

static void row_store(struct cli *c, const struct option_row *r, const char *value)
{
	void *dst = (char *)&c->opt + r->offset;

	switch (r->kind) {
	case KIND_STR: *(const char **)dst = value; return;
	case KIND_FLAG: *(bool *)dst = true; return;
	case KIND_LIST: list_push(c->arena, dst, value); return;
	}
}

/* One argument that starts with '-'. Advances @i when the value is the next argument. */
static bool option_take(struct cli *c, int argc, char **argv, int *i, struct err *e)
{
	const char *arg = argv[*i], *value = NULL;
	const struct option_row *r;

	if (arg[1] == '-') {
		const char *name = arg + 2, *eq = strchr(name, '=');

		r = row_of_name(name, eq ? (size_t)(eq - name) : strlen(name));
		value = eq ? eq + 1 : NULL;
	} else {
		r = row_of_letter(arg[1]);
		value = arg[2] ? arg + 2 : NULL;
	}
	if (!r || (c->verb && !(r->sets & (OPT_COMMON | c->verb->options))))
		return fail(e, 0, "unknown option %s", arg);
	if (r->kind == KIND_FLAG) {
		if (value)
			return fail(e, 0, "option --%s takes no value", r->name);
	} else if (!value) {
		if (*i + 1 >= argc)
			return fail(e, 0, "option --%s needs a value (%s)", r->name, r->value);
		value = argv[++*i];
	}
	row_store(c, r, value);
	return true;
}

bool options_parse(struct cli *c, int argc, char **argv, struct err *e)
{
	bool only_operands = false;

	c->operands = arena_array(c->arena, (size_t)argc + 1, sizeof(*c->operands));
	for (int i = 0; i < argc; i++) {
		if (!only_operands && str_eq(argv[i], "--"))
			only_operands = true;
		else if (only_operands || argv[i][0] != '-' || !argv[i][1])
			c->operands[c->n_operands++] = argv[i];
		else if (!option_take(c, argc, argv, &i, e))
			return false;
	}
	return true;
}

void options_each(unsigned sets, void (*row)(void *arg, const char *, char, const char *, const char *), void *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].sets & sets)
			row(arg, rows[i].name, rows[i].letter, rows[i].value, rows[i].help);
	}
}

static void help_row(void *arg, const char *name, char letter, const char *value, const char *help)
{
	struct table *t = arg;
	char *text =
		letter ? arena_printf(t->arena, "-%c, --%s%s%s", letter, name, value ? " " : "", value ? value : "")
		       : arena_printf(t->arena, "    --%s%s%s", name, value ? " " : "", value ? value : "");

	table_cell(t, STYLE_NAME, text);
	table_cell(t, STYLE_PLAIN, help);
}

void options_help(struct cli *c, unsigned sets)
{
	struct table t;

	table_init(&t, c->arena, 2);
	options_each(sets, help_row, &t);
	table_put(&t, &c->term, &c->out, "  ");
}
