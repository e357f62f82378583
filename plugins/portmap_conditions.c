// SPDX-License-Identifier: Apache-2.0
#include "plugins/portmap_conditions.h"

#include <errno.h>
#include <net/if.h>
#include <sys/socket.h>

#include "cni/error.h"
#include "lib/str.h"
#include "plugins/attachment.h"

/* Words still to read, and what has been read. */
struct reading {
	struct arena *arena;
	char **word;
	int family;
	struct buf out;
};

static bool refuse(struct err *e, const char *word, const char *what)
{
	return fail_code(e, CNI_INVALID_CONFIG, "condition \"%s\": %s", word ? word : "", what);
}

static void emit(struct reading *r, const struct condition *c)
{
	buf_put(&r->out, c, sizeof(*c));
}

static bool taken(struct reading *r, const char *word)
{
	if (!*r->word || !str_eq(*r->word, word))
		return false;
	r->word++;
	return true;
}

static bool next(struct reading *r, const char *after, const char **ret, struct err *e)
{
	if (!*r->word)
		return refuse(e, after, "a value must follow");
	*ret = *r->word++;
	return true;
}

// ---- values ----

typedef bool read_value(struct reading *r, const char *text, struct condition *c, struct err *e);

static bool value_address(struct reading *r, const char *text, struct condition *c, struct err *e)
{
	struct err why = ERR_INIT;
	struct ip ip;

	if (ip_parse(text, &ip, &why))
		c->cidr = cidr_host(&ip);
	else if (!cidr_parse(text, &c->cidr, &why))
		return refuse(e, text, "want an address or a subnet");
	if (ip_family(&c->cidr.ip) != r->family)
		return refuse(e, text, "an address of the other family");
	if (c->cidr.len == 0)
		return refuse(e, text, "a subnet that holds everything");
	return true;
}

/* A name that ends in '*' or '+' stands for all that begin so. */
static bool value_ifname(struct reading *r, const char *text, struct condition *c, struct err *e)
{
	size_t len = strlen(text);

	(void)r;
	if (len == 0 || len >= IFNAMSIZ)
		return refuse(e, text, "want the name of an interface");
	c->len = IFNAMSIZ;
	if (text[len - 1] == '*' || text[len - 1] == '+')
		c->len = (uint32_t)--len;
	if (len == 0)
		return refuse(e, text, "a name that every interface has");
	memcpy(c->value, text, len);
	return true;
}

static bool number(const char *text, uint32_t max, uint32_t *ret)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 0);
	if (*text < '0' || *text > '9' || *end || errno || v > max)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static bool value_mark(struct reading *r, const char *text, struct condition *c, struct err *e)
{
	const char *slash = strchr(text, '/');
	uint32_t mark;

	if (slash && (!number(slash + 1, UINT32_MAX, &c->mask) || !c->mask))
		return refuse(e, text, "want a mark and a mask");
	if (!number(slash ? arena_strndup(r->arena, text, (size_t)(slash - text)) : text, UINT32_MAX, &mark))
		return refuse(e, text, "want a mark");
	memcpy(c->value, &mark, sizeof(mark));
	c->len = sizeof(mark);
	return true;
}

static bool port(const char *text, uint8_t dst[static 2])
{
	uint32_t v;

	if (!number(text, UINT16_MAX, &v))
		return false;
	dst[0] = (uint8_t)(v >> 8);
	dst[1] = (uint8_t)v;
	return true;
}

static bool value_port(struct reading *r, const char *text, struct condition *c, struct err *e)
{
	size_t first = strcspn(text, ":-");

	c->len = 2;
	c->range = text[first] != '\0';
	if (!port(arena_strndup(r->arena, text, first), c->value) ||
	    (c->range && !port(text + first + 1, c->value_end)))
		return refuse(e, text, "want a port or a range of ports");
	if (c->range && memcmp(c->value, c->value_end, 2) > 0)
		return refuse(e, text, "a range that ends before it begins");
	return true;
}

static bool protocol(const char *text, uint8_t *ret)
{
	static const struct { const char *name; uint8_t number; } names[] = {
		{ "tcp", 6 }, { "udp", 17 }, { "sctp", 132 }, { "dccp", 33 },
	};
	uint32_t v;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(text, names[i].name)) {
			*ret = names[i].number;
			return true;
		}
	if (!number(text, UINT8_MAX, &v) || v == 0)
		return false;
	*ret = (uint8_t)v;
	return true;
}

static bool value_protocol(struct reading *r, const char *text, struct condition *c, struct err *e)
{
	(void)r;
	c->len = 1;
	return protocol(text, c->value) || refuse(e, text, "want a protocol");
}

// ---- iptables ----

static const struct option {
	const char *name, *long_name, *other_name;
	read_value *read;
	enum nft_field field[2]; /* IPv4, IPv6 */
} options[] = {
	{ "-s", "--source", "--src", value_address, { NFT_F_IP_SADDR, NFT_F_IP6_SADDR } },
	{ "-d", "--destination", "--dst", value_address, { NFT_F_IP_DADDR, NFT_F_IP6_DADDR } },
	{ "-i", "--in-interface", "", value_ifname, { NFT_F_META_IIFNAME, NFT_F_META_IIFNAME } },
	{ "-o", "--out-interface", "", value_ifname, { NFT_F_META_OIFNAME, NFT_F_META_OIFNAME } },
	{ "-p", "--protocol", "--proto", value_protocol, { NFT_F_META_L4PROTO, NFT_F_META_L4PROTO } },
	{ "--dport", "--destination-port", "", value_port, { NFT_F_TH_DPORT, NFT_F_TH_DPORT } },
	{ "--sport", "--source-port", "", value_port, { NFT_F_TH_SPORT, NFT_F_TH_SPORT } },
	{ "--mark", "", "", value_mark, { NFT_F_META_MARK, NFT_F_META_MARK } },
};

static const struct option *option_find(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (str_eq(word, options[i].name) || str_eq(word, options[i].long_name) ||
		    str_eq(word, options[i].other_name))
			return &options[i];
	return NULL;
}

/* Words that say nothing more: the module an option belongs to, a comment. */
static bool skipped(struct reading *r, const char *word, bool *ret, struct err *e)
{
	static const char *const modules[] = { "tcp", "udp", "sctp", "dccp", "mark", "comment" };
	const char *name;

	*ret = str_eq(word, "-m") || str_eq(word, "--match") || str_eq(word, "--comment");
	if (!*ret)
		return true;
	if (!next(r, word, &name, e))
		return false;
	if (str_eq(word, "--comment"))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(modules); i++)
		if (str_eq(name, modules[i]))
			return true;
	return refuse(e, name, "this match of iptables is not understood (backend \"iptables\" passes it on)");
}

static bool read_iptables(struct reading *r, struct err *e)
{
	struct condition c = { .negated = taken(r, "!") };
	const char *word, *text;
	const struct option *o;
	bool skip;

	if (!next(r, "!", &word, e) || !skipped(r, word, &skip, e))
		return false;
	if (skip)
		return true;
	o = option_find(word);
	if (!o || !*word)
		return refuse(e, word, "this option of iptables is not understood (backend \"iptables\" passes it on)");
	if (!next(r, word, &text, e) || !o->read(r, text, &c, e))
		return false;
	c.field = o->field[r->family == AF_INET6];
	emit(r, &c);
	return true;
}

// ---- nft ----

static const struct selector {
	const char *word, *second; /* second "": one word */
	read_value *read;
	enum nft_field field;
	int family; /* 0: both */
} selectors[] = {
	{ "ip", "saddr", value_address, NFT_F_IP_SADDR, AF_INET },
	{ "ip", "daddr", value_address, NFT_F_IP_DADDR, AF_INET },
	{ "ip6", "saddr", value_address, NFT_F_IP6_SADDR, AF_INET6 },
	{ "ip6", "daddr", value_address, NFT_F_IP6_DADDR, AF_INET6 },
	{ "iifname", "", value_ifname, NFT_F_META_IIFNAME, 0 },
	{ "oifname", "", value_ifname, NFT_F_META_OIFNAME, 0 },
	{ "meta", "iifname", value_ifname, NFT_F_META_IIFNAME, 0 },
	{ "meta", "oifname", value_ifname, NFT_F_META_OIFNAME, 0 },
	{ "meta", "mark", value_mark, NFT_F_META_MARK, 0 },
	{ "mark", "", value_mark, NFT_F_META_MARK, 0 },
	{ "meta", "l4proto", value_protocol, NFT_F_META_L4PROTO, 0 },
};

/* "tcp dport 80" says two things. */
static bool read_nft_port(struct reading *r, struct condition *c, read_value **ret)
{
	struct condition l4 = { .field = NFT_F_META_L4PROTO, .len = 1 };

	if (!r->word[1] || !(str_eq(r->word[1], "dport") || str_eq(r->word[1], "sport")) ||
	    (*r->word[0] >= '0' && *r->word[0] <= '9') || !protocol(r->word[0], l4.value))
		return false;
	emit(r, &l4);
	c->field = str_eq(r->word[1], "dport") ? NFT_F_TH_DPORT : NFT_F_TH_SPORT;
	*ret = value_port;
	r->word += 2;
	return true;
}

static bool read_selector(struct reading *r, struct condition *c, read_value **ret, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(selectors); i++) {
		const struct selector *s = &selectors[i];

		if (!str_eq(r->word[0], s->word) || (*s->second && !(r->word[1] && str_eq(r->word[1], s->second))))
			continue;
		if (s->family && s->family != r->family)
			return refuse(e, r->word[0], "a selector of the other family");
		r->word += *s->second ? 2 : 1;
		c->field = s->field;
		*ret = s->read;
		return true;
	}
	return read_nft_port(r, c, ret) || refuse(e, r->word[0], "this expression of nft is not understood");
}

static bool read_nft(struct reading *r, struct err *e)
{
	struct condition c = { 0 };
	const char *text, *mask;
	read_value *read;
	uint32_t bits = 0;

	if (!read_selector(r, &c, &read, e))
		return false;
	if (c.field == NFT_F_META_MARK && (taken(r, "&") || taken(r, "and")))
		if (!next(r, "&", &mask, e) || (!number(mask, UINT32_MAX, &bits) && !refuse(e, mask, "want a mask")))
			return false;
	c.negated = taken(r, "!=") || taken(r, "ne");
	if (!c.negated && !taken(r, "=="))
		taken(r, "eq");
	if (!next(r, r->word[-1], &text, e) || !read(r, text, &c, e))
		return false;
	if (bits)
		c.mask = bits;
	emit(r, &c);
	return true;
}

// ---- all of them ----

bool conditions_are_iptables(const struct list *words)
{
	const char *first = words->n ? *(const char *const *)words->items : "";

	return *first == '-' || *first == '!';
}

static const char *joined(struct arena *a, const struct list *words, char separator)
{
	struct buf b;

	buf_init(&b, a, 128);
	for (size_t i = 0; i < words->n; i++) {
		if (i)
			buf_putc(&b, separator);
		buf_puts(&b, ((const char *const *)words->items)[i]);
	}
	return buf_str(&b);
}

/* Runs of blanks part words, as when the list was one rule of text; quotes around a word are nft's. */
static char **split(struct arena *a, const struct list *words)
{
	char **all = str_split(a, joined(a, words, ' '), ' ', NULL), **to = all;

	for (char **from = all; *from; from++) {
		size_t len = strlen(*from);

		if (len >= 2 && **from == '"' && (*from)[len - 1] == '"') {
			(*from)[len - 1] = '\0';
			++*from;
		}
		if (len)
			*to++ = *from;
	}
	*to = NULL;
	return all;
}

bool conditions_compile(struct arena *a, const struct list *words, int family, struct conditions *ret, struct err *e)
{
	struct reading r = { .arena = a, .word = split(a, words), .family = family };
	bool iptables = conditions_are_iptables(words);

	buf_init(&r.out, a, 256);
	while (*r.word)
		if (!(iptables ? read_iptables : read_nft)(&r, e))
			return false;
	*ret = (struct conditions){ (struct condition *)r.out.data, r.out.len / sizeof(struct condition) };
	return true;
}

static void put(struct nft_rule *r, const struct condition *c)
{
	uint32_t op = c->negated ? NFT_CMP_NEQ : NFT_CMP_EQ;

	if (c->field == NFT_F_IP_SADDR || c->field == NFT_F_IP_DADDR || c->field == NFT_F_IP6_SADDR ||
	    c->field == NFT_F_IP6_DADDR) {
		nft_x_cidr(r, c->field, op, &c->cidr);
		return;
	}
	nft_x_load(r, c->field, NFT_REG_1);
	if (c->mask)
		nft_x_mask(r, NFT_REG_1, &c->mask, sizeof(c->mask));
	if (c->range)
		nft_x_range(r, NFT_REG_1, op, c->value, c->value_end, c->len);
	else
		nft_x_cmp(r, NFT_REG_1, op, c->value, c->len);
}

void conditions_put(struct nft_rule *r, const struct conditions *c)
{
	for (size_t i = 0; i < c->n; i++)
		put(r, &c->v[i]);
}

const char *conditions_id(struct arena *a, const struct list *words)
{
	return words->n ? attachment_hash_name(a, "", joined(a, words, '\n'), "", 8) : "";
}
