// SPDX-License-Identifier: Apache-2.0
/* crimp, the command line: finds the verb, reads the options, runs it. */
#include <unistd.h>

#include "cmd/cli.h"
#include "cmd/cmd.h"
#include "lib/str.h"

extern const struct verb verb_add, verb_check, verb_del, verb_gc, verb_status, verb_version, verb_list, verb_show,
	verb_validate, verb_completion;

const struct verb *const verbs[] = {
	&verb_add,  &verb_check, &verb_del,      &verb_gc,         &verb_status, &verb_version,
	&verb_list, &verb_show,  &verb_validate, &verb_completion, NULL,
};

static const struct verb *verb_find(const char *name)
{
	for (const struct verb *const *v = verbs; *v; v++) {
		if (str_eq((*v)->name, name))
			return *v;
	}
	return NULL;
}

static int help_all(struct cli *c)
{
	struct table t;

	buf_puts(&c->out, "crimp " CRIMP_VERSION ": container networking (CNI)\n\n");
	term_put(&c->term, &c->out, STYLE_BOLD, "usage:");
	buf_puts(&c->out, " crimp VERB OPERANDS [options]\n\n");
	table_init(&t, c->arena, 3);
	for (const struct verb *const *v = verbs; *v; v++) {
		table_cell(&t, STYLE_NAME, (*v)->name);
		table_cell(&t, STYLE_DIM, (*v)->operands);
		table_cell(&t, STYLE_PLAIN, (*v)->about);
	}
	table_put(&t, &c->term, &c->out, "  ");
	buf_puts(&c->out, "\nOptions of every verb:\n");
	options_help(c, OPT_COMMON);
	buf_puts(&c->out, "\n`crimp VERB --help` tells the rest, crimp(1) all of it.\n"
			  "As a plugin (CNI_COMMAND set) the same file is whatever name it is called by.\n");
	return cli_done(c, EXIT_DONE);
}

static int help_verb(struct cli *c)
{
	const struct verb *v = c->verb;

	term_put(&c->term, &c->out, STYLE_BOLD, "usage:");
	buf_printf(&c->out, " crimp %s %s [options]\n\n  %s\n", v->name, v->operands, v->about);
	if (v->more)
		buf_printf(&c->out, "\n%s\n", v->more);
	buf_puts(&c->out, "\n");
	options_help(c, OPT_COMMON | v->options);
	return cli_done(c, EXIT_DONE);
}

static int run_verb(struct cli *c, int argc, char **argv)
{
	struct err e = ERR_INIT;

	if (!options_parse(c, argc, argv, &e))
		return report_usage(c, "%s", e.text);
	term_init(&c->term, STDOUT_FILENO, c->opt.plain);
	if (c->opt.help)
		return help_verb(c);
	if (c->n_operands < c->verb->min)
		return report_usage(c, "%s needs %s", c->verb->name, c->verb->operands);
	if (c->verb->max >= 0 && c->n_operands > c->verb->max)
		return report_usage(c, "%s: one operand too many: %s", c->verb->name, c->operands[c->verb->max]);
	return c->verb->run(c);
}

int crimp_main(int argc, char **argv)
{
	static char first[16384];
	static struct arena arena; /* all that it has is reachable to the end: no leak to a checker */
	struct cli c = { .arena = &arena };
	const char *word = argc > 1 ? argv[1] : "help";
	int status;

	arena_init(&arena, first, sizeof(first));
	buf_init(&c.out, &arena, 4096);
	term_init(&c.term, STDOUT_FILENO, false);
	if (str_eq(word, "--version") || str_eq(word, "-V")) {
		buf_puts(&c.out, "crimp " CRIMP_VERSION "\n");
		return cli_done(&c, EXIT_DONE);
	}
	if (str_eq(word, "help") || str_eq(word, "--help") || str_eq(word, "-h")) {
		if (argc < 3 || !(c.verb = verb_find(argv[2])))
			return help_all(&c);
		return help_verb(&c);
	}
	c.verb = verb_find(word);
	if (!c.verb)
		return report_usage(&c, "there is no verb %s", word);
	status = run_verb(&c, argc - 2, argv + 2);
	cni_runtime_free(c.rt);
	return status;
}
