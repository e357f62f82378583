// SPDX-License-Identifier: Apache-2.0
/* crimp add, check, del: the life of one attachment. */
#include "cmd/cli.h"
#include "lib/str.h"

/* One operation on the attachment that the operands name. */
struct doing {
	struct cni_network *net;
	struct cni_attachment at;
};

static bool doing_open(struct cli *c, struct doing *d, struct cni_error *e)
{
	struct err bad = ERR_INIT;

	if (!target_attachment(c, c->n_operands > 1 ? c->operands[1] : NULL, &d->at, &bad)) {
		cni_error_from(e, &bad);
		return false;
	}
	return target_network(c, c->operands[0], &d->net, e);
}

/*
 * CHECK and DEL need the arguments that the ADD had (which ports to look for, say). What the command line does not give
 * comes from the cache.
 */
static bool doing_recall(struct cli *c, struct doing *d, struct cni_cached_list **ret, struct cni_error *e)
{
	struct cni_cached was = CNI_CACHED_INIT;

	if (!cni_cached_config(c->rt, cni_network_name(d->net), d->at.container_id, d->at.ifname, ret, e))
		return false;
	if (!*ret || !cni_cached_list_get(*ret, 0, &was))
		return true;
	if (!d->at.n_args) {
		d->at.args = was.args;
		d->at.n_args = was.n_args;
	}
	if (!d->at.capability_args)
		d->at.capability_args = was.capability_args;
	if (!*d->at.netns)
		d->at.netns = was.netns;
	return true;
}

static void say(struct cli *c, const struct doing *d, const char *what)
{
	term_mark(&c->term, &c->out, true);
	buf_printf(&c->out, " %s %s ", what, d->at.ifname);
	buf_puts(&c->out, "of ");
	term_put(&c->term, &c->out, STYLE_BOLD, d->at.container_id);
	buf_printf(&c->out, ", network %s\n", cni_network_name(d->net));
}

/* With --json a verb that has nothing to tell answers an empty object. */
static void say_nothing(struct cli *c)
{
	buf_puts(&c->out, "{}\n");
}

static int add(struct cli *c)
{
	struct cni_error e = CNI_ERROR_INIT;
	struct cni_result *result;
	struct doing d;

	if (!doing_open(c, &d, &e))
		return report_failure(c, &e);
	if (!cni_add(c->rt, d.net, &d.at, &result, &e)) {
		cni_network_free(d.net);
		return report_failure(c, &e);
	}
	if (c->opt.json) {
		buf_printf(&c->out, "%s\n", cni_result_json(result));
	} else {
		say(c, &d, "attached");
		report_result(c, result);
	}
	cni_result_free(result);
	cni_network_free(d.net);
	return cli_done(c, EXIT_DONE);
}

typedef bool simple_verb(struct cni_runtime *rt, struct cni_network *net, const struct cni_attachment *at,
			 struct cni_error *e);

/* @unknown: what to say when the cache knew nothing of the attachment. */
static int run_simple(struct cli *c, simple_verb *verb, const char *done, const char *unknown)
{
	struct cni_error e = CNI_ERROR_INIT;
	struct cni_cached_list *cached = NULL;
	struct doing d;
	bool ok;

	if (!doing_open(c, &d, &e))
		return report_failure(c, &e);
	/* A cache file that cannot be read is the verb's to judge: DEL works without it. */
	if (!doing_recall(c, &d, &cached, &e))
		cached = NULL;
	ok = verb(c->rt, d.net, &d.at, &e);
	done = cached ? done : unknown;
	cni_cached_list_free(cached);
	if (ok && c->opt.json)
		say_nothing(c);
	else if (ok)
		say(c, &d, done);
	cni_network_free(d.net);
	return ok ? cli_done(c, EXIT_DONE) : report_failure(c, &e);
}

static int check(struct cli *c)
{
	static const char words[] = "all is as it was made:";

	return run_simple(c, cni_check, words, words);
}

static int del(struct cli *c)
{
	return run_simple(c, cni_del, "detached", "nothing was known to be attached as");
}

#define TARGET \
	"NETWORK is a name in the configuration directory, or a path of a file. NETNS is a path, a name\n" \
	"of `ip netns`, or a process ID."

const struct verb verb_add = {
	.name = "add",
	.operands = "NETWORK NETNS",
	.about = "attach a container to a network",
	.more = TARGET,
	.options = OPT_TARGET | OPT_ATTACH | OPT_ADD,
	.min = 2,
	.max = 2,
	.run = add,
};

const struct verb verb_check = {
	.name = "check",
	.operands = "NETWORK NETNS",
	.about = "verify that an attachment is still as it was made",
	.more = TARGET,
	.options = OPT_TARGET | OPT_ATTACH,
	.min = 2,
	.max = 2,
	.run = check,
};

const struct verb verb_del = {
	.name = "del",
	.operands = "NETWORK [NETNS]",
	.about = "detach a container; succeeds when there is nothing left to do",
	.more = TARGET "\nWithout NETNS the container is named by --container-id.",
	.options = OPT_TARGET | OPT_ATTACH | OPT_DEL,
	.min = 1,
	.max = 2,
	.run = del,
};
