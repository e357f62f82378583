// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as flanneld's file. What is accepted has all that a delegate's configuration is made of, each network
 * once and without host bits, and means the same when it is written out and read again.
 */
#include "fuzz/claim.h"
#include "plugins/subnet_env.h"

static bool same(const struct cidr *a, const struct cidr *b)
{
	return a->len == b->len && ip_eq(&a->ip, &b->ip);
}

static void claim_network(const struct cidr *c)
{
	struct ip net = cidr_network(c);

	claim(ip_eq(&net, &c->ip), "no host bits");
}

static void claim_list(const struct cidr *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		claim_network(&v[i]);
		for (size_t k = 0; k < i; k++)
			claim(!same(&v[i], &v[k]), "each network once");
	}
}

static void put_list(struct buf *b, const char *key, const struct cidr *v, size_t n)
{
	char text[CIDR_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s%s", i ? "," : key, cidr_text(&v[i], text));
	buf_putc(b, '\n');
}

static void claim_rereads(struct arena *a, const struct subnet_env *s)
{
	struct subnet_env again;
	struct err e = ERR_INIT;
	struct buf b;

	buf_init(&b, a, 256);
	put_list(&b, "FLANNEL_NETWORK=", s->networks, s->n_networks);
	put_list(&b, "FLANNEL_IPV6_NETWORK=", s->networks6, s->n_networks6);
	put_list(&b, "FLANNEL_SUBNET=", &s->subnet, s->has_subnet);
	put_list(&b, "FLANNEL_IPV6_SUBNET=", &s->subnet6, s->has_subnet6);
	buf_printf(&b, "FLANNEL_MTU=%u\nFLANNEL_IPMASQ=%s\n", s->mtu, s->masquerades ? "true" : "false");
	claim(subnet_env_parse(a, buf_bytes(&b), &again, &e), "what was accepted is accepted again");
	claim(again.n_networks == s->n_networks && again.n_networks6 == s->n_networks6 && again.mtu == s->mtu &&
		      again.masquerades == s->masquerades && again.has_subnet == s->has_subnet &&
		      again.has_subnet6 == s->has_subnet6,
	      "and means the same");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subnet_env s = { .mtu = 7 };
	struct err e = ERR_INIT;
	struct arena a;
	bool ok;

	arena_init(&a, NULL, 0);
	ok = subnet_env_parse(&a, (struct bytes){ (const char *)data, size }, &s, &e);
	claim(ok || (*e.text && s.mtu == 7), "a failure has a text and leaves the output alone");
	if (ok) {
		claim(s.has_mtu && s.has_masquerades && s.n_networks + s.n_networks6 && (s.has_subnet || s.has_subnet6),
		      "all is there");
		claim_list(s.networks, s.n_networks);
		claim_list(s.networks6, s.n_networks6);
		claim_list(&s.subnet, s.has_subnet);
		claim_list(&s.subnet6, s.has_subnet6);
		claim_rereads(&a, &s);
	}
	arena_done(&a);
	return 0;
}
