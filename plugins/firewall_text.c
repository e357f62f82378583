// SPDX-License-Identifier: Apache-2.0
/* Rules in the words of iptables, for legacy tables. */
#include <stdlib.h>

#include "lib/str.h"
#include "plugins/firewall_table.h"

static const struct { int verdict; const char *name; } verdicts[] = {
	{ NF_ACCEPT, "ACCEPT" }, { NF_DROP, "DROP" }, { NFT_RETURN, "RETURN" },
};

/* In the order in which iptables-save names them. */
static const struct { uint32_t bit; const char *name; } states[] = {
	{ XT_CT_INVALID, "INVALID" }, { XT_CT_NEW, "NEW" }, { XT_CT_RELATED, "RELATED" },
	{ XT_CT_ESTABLISHED, "ESTABLISHED" },
};

// ---- writing ----

static void put_address(struct buf *b, const char *option, const struct ip *ip)
{
	struct cidr host = cidr_host(ip);
	char text[CIDR_TEXT_MAX];

	if (!ip_is_unset(ip))
		buf_printf(b, "%s %s ", option, cidr_text(&host, text));
}

static void put_states(struct buf *b, uint32_t bits)
{
	const char *between = "-m conntrack --ctstate ";

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (!(bits & states[i].bit))
			continue;
		buf_printf(b, "%s%s", between, states[i].name);
		between = ",";
	}
	if (bits)
		buf_putc(b, ' ');
}

static const char *target(const struct xt_rule *x)
{
	for (size_t i = 0; i < ARRAY_LEN(verdicts) && !x->jump; i++)
		if (verdicts[i].verdict == x->verdict)
			return verdicts[i].name;
	return x->jump;
}

const char *fw_rule_text(struct arena *a, const struct xt_rule *x)
{
	struct buf b;

	buf_init(&b, a, 256);
	put_address(&b, "-s", &x->src);
	put_address(&b, "-d", &x->dst);
	if (x->in)
		buf_printf(&b, "-i %s ", iptables_quote(a, x->in));
	if (x->out)
		buf_printf(&b, "%s-o %s ", x->out_not ? "! " : "", iptables_quote(a, x->out));
	put_states(&b, x->ct_state);
	if (x->comment)
		buf_printf(&b, "-m comment --comment %s ", iptables_quote(a, x->comment));
	if (target(x))
		buf_printf(&b, "-j %s", target(x));
	return buf_str(&b);
}

// ---- reading ----

/* Words of a line; quotes group, a backslash inside them takes the next character as it is. */
static char **words(struct arena *a, const char *p, size_t *ret_n)
{
	char **list = arena_array(a, strlen(p) / 2 + 2, sizeof(*list));
	size_t n = 0;

	while (*p) {
		struct buf b;
		bool quoted = false;

		for (; *p == ' '; p++)
			;
		if (!*p)
			break;
		buf_init(&b, a, 32);
		for (; *p && (quoted || *p != ' '); p++) {
			if (*p == '"')
				quoted = !quoted;
			else
				buf_putc(&b, quoted && *p == '\\' && p[1] ? *++p : *p);
		}
		list[n++] = buf_str(&b);
	}
	*ret_n = n;
	return list;
}

static bool read_address(const char *text, struct ip *ret)
{
	struct err ignored;
	struct cidr c;

	if (!cidr_parse(text, &c, &ignored) || c.len != ip_bits(&c.ip))
		return false;
	*ret = c.ip;
	return true;
}

static bool read_states(struct arena *a, const char *text, uint32_t *ret)
{
	for (char **word = str_split(a, text, ',', NULL); *word; word++) {
		size_t i = 0;

		while (i < ARRAY_LEN(states) && !str_eq(states[i].name, *word))
			i++;
		if (i == ARRAY_LEN(states))
			return false;
		*ret |= states[i].bit;
	}
	return true;
}

static bool read_target(const char *text, struct xt_rule *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
		if (!str_eq(verdicts[i].name, text))
			continue;
		ret->verdict = verdicts[i].verdict;
		return true;
	}
	ret->jump = text;
	ret->verdict = NFT_JUMP;
	return true;
}

/* An option and its value; "!" stands before the option. */
static bool read_option(struct arena *a, struct xt_rule *x, bool negated, const char *option, const char *value)
{
	if (str_eq(option, "-o")) {
		x->out = value;
		x->out_not = negated;
		return true;
	}
	if (negated)
		return false;
	if (str_eq(option, "-s"))
		return read_address(value, &x->src);
	if (str_eq(option, "-d"))
		return read_address(value, &x->dst);
	if (str_eq(option, "-m"))
		return str_eq(value, "comment") || str_eq(value, "conntrack");
	if (str_eq(option, "--ctstate"))
		return read_states(a, value, &x->ct_state);
	if (str_eq(option, "-j"))
		return read_target(value, x);
	if (str_eq(option, "-i"))
		x->in = value;
	else if (str_eq(option, "--comment"))
		x->comment = value;
	else
		return false;
	return true;
}

bool fw_rule_leads_to(struct arena *a, const char *text, const char *chain)
{
	char **word;
	size_t n;

	if (!strstr(text, chain))
		return false;
	word = words(a, text, &n);
	for (size_t i = 0; i + 1 < n; i++)
		if ((str_eq(word[i], "-j") || str_eq(word[i], "-g")) && str_eq(word[i + 1], chain))
			return true;
	return false;
}

struct xt_rule fw_rule_parse(struct arena *a, const char *text)
{
	struct xt_rule x = { .verdict = NFT_CONTINUE };
	size_t n;
	char **word = words(a, text, &n);

	for (size_t i = 0; i < n && !x.other; i += 2) {
		bool negated = str_eq(word[i], "!");

		i += negated;
		x.other = i + 1 >= n || !read_option(a, &x, negated, word[i], word[i + 1]);
	}
	return x;
}
