// SPDX-License-Identifier: Apache-2.0
/*
 * cnitool: the well-known test client, with its verbs, variables, container IDs and exit statuses. Unlike `crimp` it
 * says what that tool says: the result on stdout for add and nothing else, the text of an error on stderr, 0 or 1.
 */
#include <stdio.h>
#include <unistd.h>

#include "cmd/cli.h"
#include "cmd/cmd.h"
#include "lib/fs.h"
#include "lib/str.h"

static int say(const char *text, int status)
{
	struct err ignored;

	if (!fd_write_all(STDERR_FILENO, text, strlen(text), &ignored) ||
	    !fd_write_all(STDERR_FILENO, "\n", 1, &ignored))
		return 1;
	return status;
}

static const char usage[] =
	"cnitool: Add, check, remove, gc or status network interfaces from a network namespace\n"
	"  cnitool add     NET NETNS   add network interface to a network namespace\n"
	"  cnitool check   NET NETNS   check network interface in a network namespace\n"
	"  cnitool del     NET NETNS   delete network interface from a network namespace\n"
	"  cnitool gc      NET NETNS   remove every attachment of the network\n"
	"  cnitool status  NET NETNS   check the status of the network\n"
	"  -i, --ifname NAME           interface in the namespace (default $CNI_IFNAME, eth0)\n"
	"Environment: CNI_PATH (plugin directories), NETCONFPATH (default /etc/cni/net.d), CNI_ARGS, CAP_ARGS, CNI_IFNAME";

struct call {
	struct cni_runtime *rt;
	struct cni_network *net;
	struct cni_attachment at;
};

static bool add(struct call *c, struct cni_error *e)
{
	struct cni_result *r;
	struct err ignored;
	const char *text;
	bool ok;

	if (!cni_add(c->rt, c->net, &c->at, &r, e))
		return false;
	text = cni_result_json(r);
	ok = fd_write_all(STDOUT_FILENO, text, strlen(text), &ignored);
	cni_result_free(r);
	if (!ok)
		snprintf(e->text, sizeof(e->text), "cannot write the result");
	return ok;
}

static bool check(struct call *c, struct cni_error *e)
{
	return cni_check(c->rt, c->net, &c->at, e);
}

static bool del(struct call *c, struct cni_error *e)
{
	return cni_del(c->rt, c->net, &c->at, e);
}

static bool gc(struct call *c, struct cni_error *e)
{
	return cni_gc_all(c->rt, c->net, e);
}

static bool status(struct call *c, struct cni_error *e)
{
	return cni_status(c->rt, c->net, e);
}

static const struct {
	const char *name;
	bool (*run)(struct call *c, struct cni_error *e);
} tool_verbs[] = { { "add", add }, { "check", check }, { "del", del }, { "gc", gc }, { "status", status } };

/* The container's path becomes absolute; cnitool knows no names or process IDs. */
static bool prepare(struct cli *cli, struct call *c, struct cni_error *e)
{
	struct err bad = ERR_INIT;
	const char *netns = cli->operands[2];

	cli->opt.plugin_dirs = getenv("CNI_PATH") ? getenv("CNI_PATH") : "";
	if (!target_attachment(cli, strchr(netns, '/') ? netns : arena_printf(cli->arena, "./%s", netns), &c->at,
			       &bad)) {
		cni_error_from(e, &bad);
		return false;
	}
	if (!cli_runtime(cli, e))
		return false;
	c->rt = cli->rt;
	return cni_network_load(c->rt, cli->opt.conf_dir, cli->operands[1], &c->net, e);
}

static int run(struct cli *cli)
{
	struct cni_error e = CNI_ERROR_INIT;
	struct call c = { .rt = NULL };
	size_t i = 0;
	bool ok;

	if (cli->n_operands < 3)
		return say(usage, 1);
	while (i < ARRAY_LEN(tool_verbs) && !str_eq(tool_verbs[i].name, cli->operands[0]))
		i++;
	if (i == ARRAY_LEN(tool_verbs))
		return say(usage, 1);
	ok = prepare(cli, &c, &e) && tool_verbs[i].run(&c, &e);
	cni_network_free(c.net);
	cni_runtime_free(cli->rt);
	return ok ? 0 : say(*e.details ? arena_printf(cli->arena, "%s; %s", e.text, e.details) : e.text, 1);
}

int cnitool_main(int argc, char **argv)
{
	static char first[8192];
	static const struct verb any = { .name = "cnitool", .options = OPT_TARGET };
	static struct arena arena; /* all that it has is reachable to the end: no leak to a checker */
	struct cli cli = { .arena = &arena, .verb = &any, .tool = true };
	struct err e = ERR_INIT;

	arena_init(&arena, first, sizeof(first));
	buf_init(&cli.out, &arena, 256);
	if (argc < 2)
		return say(usage, 1);
	if (!options_parse(&cli, argc - 1, argv + 1, &e))
		return say(arena_printf(&arena, "cnitool: %s\n%s", e.text, usage), 1);
	if (cli.opt.help || (cli.n_operands && str_eq(cli.operands[0], "help")))
		return say(usage, 0);
	return run(&cli);
}
