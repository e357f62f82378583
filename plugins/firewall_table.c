// SPDX-License-Identifier: Apache-2.0
#include "plugins/firewall_table.h"

#include <errno.h>
#include <sys/socket.h>

#include "lib/str.h"

/* On the tables and chains that we made, so that we know which ones may go again. */
#define MADE "crimp"

const char *const fw_chain_names[FW_CHAINS] = { "FORWARD", "CNI-FORWARD", "CNI-ISOLATION-STAGE-1",
						"CNI-ISOLATION-STAGE-2" };

static uint8_t nfproto(const struct fw_table *t)
{
	return t->family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

static bool is_nft(const struct fw_table *t)
{
	return t->front == IPTABLES_NFT;
}

void fw_table_init(struct fw_table *t, struct arena *a, struct nl *nl, enum iptables_front f, int family)
{
	*t = (struct fw_table){ .arena = a, .nl = nl, .name = "filter", .front = f, .family = family };
	buf_init(&t->text, a, 256);
}

// ---- looking ----

static bool nft_look(struct fw_table *t, const char *name, struct fw_chain *ret, struct err *e)
{
	struct nft_chain_info c;
	struct nft_rule_info *all;

	if (!t->there)
		return true;
	if (!nft_chain_find(t->nl, t->arena, nfproto(t), t->name, name, &c, e))
		return false;
	ret->there = c.there;
	ret->made = c.mark && str_eq(c.mark, MADE);
	ret->base = c.base;
	ret->policy = c.policy;
	if (!ret->there)
		return true;
	if (!nft_rules(t->nl, t->arena, nfproto(t), t->name, name, &all, &ret->n, e))
		return false;
	ret->rules = arena_array(t->arena, ret->n, sizeof(*ret->rules));
	ret->dropped = arena_array(t->arena, ret->n, sizeof(*ret->dropped));
	ret->refs = c.use > ret->n ? c.use - ret->n : 0;
	for (size_t i = 0; i < ret->n; i++)
		ret->rules[i] = xt_rule_read(t->arena, nfproto(t), &all[i]);
	return true;
}

/* Nobody can say who made a chain of a legacy table: those that nobody has named but us are ours. */
static bool is_our_name(const char *name)
{
	bool ours = str_eq(name, FW_ADMIN_DEFAULT);

	for (size_t i = FW_ALLOW; i < FW_CHAINS; i++)
		ours |= str_eq(name, fw_chain_names[i]);
	return ours;
}

static bool legacy_look(struct fw_table *t, const char *name, struct fw_chain *ret, struct err *e)
{
	const char *chain = arena_printf(t->arena, ":%s ", name), *rule = arena_printf(t->arena, "-A %s ", name);
	char **lines;
	size_t n;

	if (!iptables_legacy_lines(t->saved, t->family, &lines, &n, e))
		return false;
	ret->rules = arena_array(t->arena, n, sizeof(*ret->rules));
	ret->dropped = arena_array(t->arena, n, sizeof(*ret->dropped));
	for (size_t i = 0; i < n; i++) {
		if (str_starts(lines[i], chain)) {
			ret->there = true;
			ret->made = is_our_name(name);
			ret->base = str_eq(name, fw_chain_names[FW_FORWARD]);
			ret->policy = str_starts(lines[i] + strlen(chain), "DROP") ? NF_DROP : NF_ACCEPT;
		} else if (str_starts(lines[i], rule)) {
			ret->rules[ret->n++] = fw_rule_parse(t->arena, lines[i] + strlen(rule));
		} else if (str_starts(lines[i], "-A ")) {
			ret->refs += fw_rule_leads_to(t->arena, lines[i], name);
		}
	}
	return true;
}

bool fw_table_look(struct fw_table *t, const char *name, struct fw_chain *ret, struct err *e)
{
	struct fw_chain c = { .name = name };

	if (!(is_nft(t) ? nft_look : legacy_look)(t, name, &c, e))
		return false;
	*ret = c;
	return true;
}

static bool nft_read_table(struct fw_table *t, struct err *e)
{
	struct nft_table_info info;

	if (!nft_table_find(t->nl, t->arena, nfproto(t), t->name, &info, e))
		return false;
	t->there = info.there;
	t->use = info.use;
	t->made = info.mark && str_eq(info.mark, MADE);
	return true;
}

bool fw_table_read(struct fw_table *t, struct err *e)
{
	if (!is_nft(t)) {
		t->saved = arena_new(t->arena, struct iptables);
		iptables_init_table(t->saved, t->arena, t->nl, NULL, t->name);
	} else if (!nft_read_table(t, e)) {
		return false;
	}
	for (size_t i = 0; i < FW_CHAINS; i++)
		if (!fw_table_look(t, fw_chain_names[i], &t->chain[i], e))
			return false;
	return true;
}

// ---- changes ----

void fw_table_plan(struct fw_table *t, struct nft_batch *b)
{
	t->batch = b;
	t->structural = false;
	for (size_t i = 0; i < FW_CHAINS; i++)
		for (size_t k = 0; k < t->chain[i].n; k++)
			t->chain[i].dropped[k] = false;
}

/* Into whose transaction the next message goes. */
static struct nft_batch *batch(struct fw_table *t)
{
	nft_table(t->batch, nfproto(t), t->name);
	return t->batch;
}

void fw_chain_make(struct fw_table *t, const char *name)
{
	const struct nft_chain forward = { name, "filter", NF_INET_FORWARD, 0 }, plain = { .name = name };
	bool base = str_eq(name, fw_chain_names[FW_FORWARD]);

	t->structural = true;
	if (!is_nft(t)) {
		if (!base) /* that one is always there */
			buf_printf(&t->text, "-N %s\n", name);
		return;
	}
	if (base && !t->there)
		nft_table_new_marked(batch(t), MADE);
	nft_chain_new_marked(batch(t), base ? &forward : &plain, MADE);
}

/* Nothing ties a text for iptables-restore to what was read: so no -F, which takes what others have added meanwhile. */
void fw_chain_drop(struct fw_table *t, const struct fw_chain *c)
{
	t->structural = t->deletes = true;
	if (is_nft(t)) {
		nft_chain_flush(batch(t), c->name);
		nft_chain_del(batch(t), c->name);
		return;
	}
	for (size_t i = 0; i < c->n; i++)
		if (!c->dropped[i])
			fw_rule_drop(t, c, i);
	buf_printf(&t->text, "-X %s\n", c->name);
}

void fw_table_drop(struct fw_table *t)
{
	t->structural = t->deletes = true;
	if (is_nft(t))
		nft_table_del(batch(t));
}

void fw_rule_append(struct fw_table *t, const char *chain, const struct xt_rule *x)
{
	if (is_nft(t))
		xt_rule_put(batch(t), &(struct nft_place){ .chain = chain }, x);
	else
		buf_printf(&t->text, "-A %s %s\n", chain, fw_rule_text(t->arena, x));
}

void fw_rule_insert(struct fw_table *t, const char *chain, const struct xt_rule *x)
{
	t->structural = true;
	if (is_nft(t))
		xt_rule_put(batch(t), &(struct nft_place){ .chain = chain, .first = true }, x);
	else
		buf_printf(&t->text, "-I %s %s\n", chain, fw_rule_text(t->arena, x));
}

void fw_rule_after(struct fw_table *t, const struct fw_chain *c, size_t i, const struct xt_rule *x)
{
	t->structural = true;
	if (is_nft(t))
		xt_rule_put(batch(t), &(struct nft_place){ .chain = c->name, .after = c->rules[i].handle }, x);
	else
		buf_printf(&t->text, "-I %s %zu %s\n", c->name, i + 2, fw_rule_text(t->arena, x));
}

void fw_rule_remark(struct fw_table *t, const struct fw_chain *c, size_t i, const struct xt_rule *x)
{
	t->deletes = true;
	if (is_nft(t))
		xt_rule_put(batch(t), &(struct nft_place){ .chain = c->name, .instead = c->rules[i].handle }, x);
}

void fw_rule_drop(struct fw_table *t, const struct fw_chain *c, size_t i)
{
	t->structural = t->deletes = true;
	c->dropped[i] = true;
	if (is_nft(t))
		nft_rule_del(batch(t), c->name, c->rules[i].handle);
	else
		buf_printf(&t->text, "-D %s %s\n", c->name, fw_rule_text(t->arena, &c->rules[i]));
}
