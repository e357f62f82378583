// SPDX-License-Identifier: Apache-2.0
/*
 * crimp completion: a script for the shell, made from the tables of verbs and
 * options so that it cannot lag behind them.
 */
#include "cmd/cli.h"
#include "lib/str.h"

static void put_option(void *arg, const char *name, char letter, const char *value, const char *help)
{
	(void)letter, (void)value, (void)help;
	buf_printf(arg, " --%s", name);
}

static void put_option_fish(void *arg, const char *name, char letter, const char *value, const char *help)
{
	struct buf *b = arg;

	buf_printf(b, "complete -c crimp -l %s", name);
	if (letter)
		buf_printf(b, " -s %c", letter);
	buf_printf(b, "%s -d '%s'\n", value ? " -r" : "", help);
}

static void verb_words(struct buf *b)
{
	for (const struct verb *const *v = verbs; *v; v++)
		buf_printf(b, "%s%s", v == verbs ? "" : " ", (*v)->name);
}

static void bash(struct buf *b)
{
	buf_puts(b, "_crimp()\n{\n"
		    "\tlocal word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} options words=\n"
		    "\tcase $verb in\n");
	for (const struct verb *const *v = verbs; *v; v++) {
		buf_printf(b, "\t%s) options='", (*v)->name);
		options_each(OPT_COMMON | (*v)->options, put_option, b);
		buf_puts(b, "' ;;\n");
	}
	buf_puts(b, "\t*) options= ;;\n\tesac\n\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\twords='");
	verb_words(b);
	buf_puts(b, "'\n\telif [ \"${word#-}\" != \"$word\" ]; then\n\t\twords=$options\n"
		    "\telif [ \"$verb\" = show ]; then\n"
		    "\t\twords=$(crimp list --json 2>/dev/null | sed -n 's/.*\"containerID\": \"\\(.*\\)\".*/\\1/p')\n"
		    "\telif [ \"$COMP_CWORD\" = 2 ]; then\n"
		    "\t\twords=$(crimp list --json 2>/dev/null | sed -n 's/.*\"name\": \"\\(.*\\)\".*/\\1/p')\n"
		    "\telif [ \"$COMP_CWORD\" = 3 ]; then\n"
		    "\t\twords=$(ip netns list 2>/dev/null | cut -d' ' -f1)\n"
		    "\tfi\n"
		    "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\n"
		    "complete -o default -F _crimp crimp\n");
}

static void zsh(struct buf *b)
{
	buf_puts(b, "#compdef crimp\nautoload -U +X bashcompinit && bashcompinit\n");
	bash(b);
}

static void fish(struct buf *b)
{
	buf_puts(b, "complete -c crimp -f\n");
	for (const struct verb *const *v = verbs; *v; v++)
		buf_printf(b, "complete -c crimp -n __fish_use_subcommand -a %s -d '%s'\n", (*v)->name, (*v)->about);
	options_each(~0U, put_option_fish, b);
}

static const struct {
	const char *name;
	void (*put)(struct buf *b);
} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

static int completion(struct cli *c)
{
	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		if (!str_eq(c->operands[0], shells[i].name))
			continue;
		shells[i].put(&c->out);
		return cli_done(c, EXIT_DONE);
	}
	return report_usage(c, "there is no completion for the shell %s; there is bash, zsh, fish", c->operands[0]);
}

const struct verb verb_completion = {
	.name = "completion",
	.operands = "bash|zsh|fish",
	.about = "print a completion script for the shell",
	.more = "For bash: source <(crimp completion bash)",
	.min = 1,
	.max = 1,
	.run = completion,
};
