// SPDX-License-Identifier: Apache-2.0
/* crimp status: could the next container be attached? Of one network, or of all in the directory. */
#include "cmd/cli.h"
#include "lib/jsonw.h"

struct answer {
	const char *network;
	bool ready;
	struct cni_error e;
};

static void ask(struct cli *c, struct cni_network *net, struct answer *a)
{
	a->network = arena_strdup(c->arena, cni_network_name(net));
	a->e = (struct cni_error)CNI_ERROR_INIT;
	a->ready = cni_status(c->rt, net, &a->e);
}

static void tell(struct cli *c, const struct answer *answers, size_t n)
{
	struct jsonw w;

	if (!c->opt.json) {
		for (size_t i = 0; i < n; i++) {
			term_mark(&c->term, &c->out, answers[i].ready);
			buf_printf(&c->out, " %s: %s", answers[i].network,
				   answers[i].ready ? "ready" : answers[i].e.text);
			if (!answers[i].ready && *answers[i].e.details)
				buf_printf(&c->out, " (%s)", answers[i].e.details);
			buf_putc(&c->out, '\n');
		}
		return;
	}
	jsonw_init(&w, &c->out, true);
	jsonw_array(&w);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(&w);
		jsonw_kstr(&w, "network", answers[i].network);
		jsonw_kbool(&w, "ready", answers[i].ready);
		if (!answers[i].ready) {
			jsonw_kint(&w, "code", answers[i].e.code ? answers[i].e.code : CNI_ERR_INTERNAL);
			jsonw_kstr(&w, "msg", answers[i].e.text);
			jsonw_kstr_if(&w, "details", answers[i].e.details);
		}
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	buf_putc(&c->out, '\n');
}

static bool networks(struct cli *c, struct cni_network ***ret, size_t *n, struct cni_error *e)
{
	if (c->n_operands) {
		struct cni_network **one = calloc(1, sizeof(*one));

		if (!one || !target_network(c, c->operands[0], one, e)) {
			free(one);
			return false;
		}
		*ret = one;
		*n = 1;
		return true;
	}
	return cli_runtime(c, e) && cni_networks_load(c->rt, c->opt.conf_dir, ret, n, e);
}

static int status(struct cli *c)
{
	struct cni_error e = CNI_ERROR_INIT;
	struct cni_network **nets;
	struct answer *answers;
	int worst = EXIT_DONE;
	size_t n;

	if (!networks(c, &nets, &n, &e))
		return report_failure(c, &e);
	answers = arena_array(c->arena, n + 1, sizeof(*answers));
	for (size_t i = 0; i < n; i++) {
		ask(c, nets[i], &answers[i]);
		if (!answers[i].ready && exit_status(answers[i].e.code) > worst)
			worst = exit_status(answers[i].e.code);
	}
	tell(c, answers, n);
	cni_networks_free(nets, n);
	return cli_done(c, worst);
}

const struct verb verb_status = {
	.name = "status",
	.operands = "[NETWORK]",
	.about = "say whether the next container could be attached",
	.more = "The exit status is 50 when a network is not ready, 51 when containers already attached suffer too.",
	.min = 0,
	.max = 1,
	.run = status,
};
