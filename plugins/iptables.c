// SPDX-License-Identifier: Apache-2.0
#include "plugins/iptables.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "plugins/attachment.h"

#define RUN_MS 60000

static const struct tool {
	int family;
	uint8_t nfproto;
	const char *restore, *names;
} tools[2] = {
	{ AF_INET, NFPROTO_IPV4, "iptables-restore", "/proc/thread-self/net/ip_tables_names" },
	{ AF_INET6, NFPROTO_IPV6, "ip6tables-restore", "/proc/thread-self/net/ip6_tables_names" },
};

static const struct tool *tool(int family)
{
	return &tools[family == AF_INET6];
}

void iptables_init(struct iptables *t, struct arena *a, struct nl *nl, struct nft_batch *batch)
{
	iptables_init_table(t, a, nl, batch, "nat");
}

void iptables_init_table(struct iptables *t, struct arena *a, struct nl *nl, struct nft_batch *batch, const char *table)
{
	*t = (struct iptables){ .arena = a, .nl = nl, .batch = batch, .table = table };
}

// ---- programs ----

/* First in PATH, or where distributions put it when PATH is poor. NULL: not installed. */
static const char *program(struct arena *a, const char *name)
{
	const char *path = getenv("PATH");
	char **dirs = str_split(a, arena_printf(a, "%s:/usr/sbin:/sbin:/usr/local/sbin", path ? path : ""), ':', NULL);

	for (; *dirs; dirs++) {
		const char *file = fs_join(a, *dirs, name);

		if (**dirs == '/' && access(file, X_OK) == 0)
			return file;
	}
	return NULL;
}

/* What a program has to say, on one line. */
static const char *one_line(struct arena *a, struct bytes said)
{
	struct buf b;
	size_t end = said.len;

	buf_init(&b, a, said.len + 1);
	while (end && strchr("\n\r\t ", said.data[end - 1]))
		end--;
	for (size_t i = 0; i < end; i++)
		if (said.data[i] != '\n')
			buf_putc(&b, (unsigned char)said.data[i] < ' ' ? ' ' : said.data[i]);
		else if (said.data[i + 1] != '\n')
			buf_puts(&b, "; ");
	return end ? buf_str(&b) : "no message";
}

static bool run(struct arena *a, const char *path, char *const *argv, struct bytes input, struct bytes *ret_out,
		struct err *e)
{
	struct proc_run p = { .path = path,
			      .argv = argv,
			      .envp = environ,
			      .input = input,
			      .deadline_ms = fs_now_ms() + RUN_MS,
			      .stderr_fd = -1 };
	struct proc_end end;

	if (!proc_run(a, &p, &end, e))
		return wrap(e, "run %s", path);
	if (end.status != 0)
		return fail(e, 0, "%s: %s: %.600s", path, proc_status_text(a, end.status), one_line(a, end.err));
	if (ret_out)
		*ret_out = end.out;
	return true;
}

bool iptables_usable(struct arena *a, int family)
{
	return program(a, tool(family)->restore);
}

/*
 * The programs are names of one that does all; its own name says what it is. Before 1.8 there was only the legacy
 * one.
 */
enum iptables_front iptables_front(struct arena *a, int family)
{
	const char *path = program(a, tool(family)->restore);
	char real[PATH_MAX];

	return path && realpath(path, real) && strstr(real, "nft") ? IPTABLES_NFT : IPTABLES_LEGACY;
}

static bool restore(struct arena *a, const char *path, const char *table, struct bytes lines, struct err *e)
{
	char *const argv[] = { (char *)path, (char *)"--noflush", (char *)"--wait", NULL };
	struct buf text;

	buf_init(&text, a, lines.len + 32);
	buf_printf(&text, "*%s\n", table);
	buf_put(&text, lines.data, lines.len);
	buf_puts(&text, "COMMIT\n");
	return run(a, path, argv, buf_bytes(&text), NULL, e);
}

bool iptables_restore(struct arena *a, int family, struct bytes lines, struct err *e)
{
	const char *path = program(a, tool(family)->restore);

	if (!path)
		return fail(e, ENOENT, "%s is not installed", tool(family)->restore);
	return restore(a, path, "nat", lines, e);
}

const char *iptables_quote(struct arena *a, const char *s)
{
	struct buf b;

	buf_init(&b, a, strlen(s) + 16);
	buf_putc(&b, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_putc(&b, '\\');
		buf_putc(&b, *s == '\n' ? ' ' : *s);
	}
	buf_putc(&b, '"');
	return buf_str(&b);
}

// ---- the legacy table ----

bool iptables_is_legacy(int family)
{
	return iptables_has_legacy(family, "nat");
}

bool iptables_has_legacy(int family, const char *table)
{
	char text[512], *rest = NULL;
	autoclose int fd = open(tool(family)->names, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	for (char *name = strtok_r(text, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest))
		if (str_eq(name, table))
			return true;
	return false;
}

/* @what: "save" or "restore". Before 1.8 there were only the short names. */
static const char *front_program(struct arena *a, enum iptables_front f, int family, const char *what)
{
	const char *ip = family == AF_INET6 ? "ip6" : "ip";
	const char *path =
		program(a, arena_printf(a, "%stables-%s-%s", ip, f == IPTABLES_NFT ? "nft" : "legacy", what));

	return path || iptables_front(a, family) != f ? path : program(a, arena_printf(a, "%stables-%s", ip, what));
}

/*
 * Reading a legacy table makes one where there was none, so the kernel is asked first. A legacy table that no program
 * of this node can have made (none is installed) is not ours.
 */
static bool saved_text(struct iptables *t, enum iptables_front f, int family, struct iptables_text **ret, struct err *e)
{
	struct iptables_text *x = &t->text[f][family == AF_INET6];
	const char *path = NULL;
	struct bytes out;

	*ret = x;
	if (x->read)
		return true;
	if (f == IPTABLES_NFT || iptables_has_legacy(family, t->table))
		path = front_program(t->arena, f, family, "save");
	if (!path && f == IPTABLES_NFT)
		return fail(e, ENOENT, "%s is not installed", family == AF_INET6 ? "ip6tables-save" : "iptables-save");
	if (path) {
		char *const argv[] = { (char *)path, (char *)"-t", (char *)t->table, NULL };

		if (!run(t->arena, path, argv, (struct bytes){ 0 }, &out, e))
			return false;
		x->lines = str_split(t->arena, out.data, '\n', &x->n);
	}
	buf_init(&x->removal, t->arena, 256);
	x->read = true;
	return true;
}

/* The word after @option in a saved rule, its quotes and backslashes taken off; NULL: not there. */
static const char *saved_word(struct arena *a, const char *line, const char *option)
{
	const char *p = strstr(line, option);
	struct buf b;

	if (!p)
		return NULL;
	p += strlen(option);
	buf_init(&b, a, 64);
	if (*p != '"') {
		buf_put(&b, p, strcspn(p, " "));
		return buf_str(&b);
	}
	for (p++; *p && *p != '"'; p++) {
		if (*p == '\\' && p[1])
			p++;
		buf_putc(&b, *p);
	}
	return buf_str(&b);
}

const char *iptables_word(struct arena *a, const struct iptables_rule *r, const char *option)
{
	return saved_word(a, r->text, option);
}

bool iptables_legacy_usable(struct arena *a, int family)
{
	return front_program(a, IPTABLES_LEGACY, family, "restore");
}

bool iptables_legacy_lines(struct iptables *t, int family, char ***ret, size_t *ret_n, struct err *e)
{
	struct iptables_text *x;

	if (!saved_text(t, IPTABLES_LEGACY, family, &x, e))
		return false;
	*ret = x->lines;
	*ret_n = x->n;
	return true;
}

bool iptables_legacy_restore(struct iptables *t, int family, struct bytes lines, struct err *e)
{
	const char *path = front_program(t->arena, IPTABLES_LEGACY, family, "restore");

	if (!path)
		return fail(e, ENOENT, "no program for legacy tables is installed");
	t->text[IPTABLES_LEGACY][family == AF_INET6].read = false;
	return restore(t->arena, path, t->table, lines, e);
}

static bool saved_rules(struct iptables *t, enum iptables_front f, int family, const char *chain, struct buf *out,
			struct err *e)
{
	const char *start = arena_printf(t->arena, "-A %s ", chain);
	struct iptables_text *x;

	if (!saved_text(t, f, family, &x, e))
		return false;
	for (size_t i = 0; i < x->n; i++) {
		struct iptables_rule r = { .chain = chain, .text = x->lines[i] };

		if (!str_starts(r.text, start))
			continue;
		r.comment = saved_word(t->arena, r.text, "--comment ");
		r.jump = saved_word(t->arena, r.text, " -j ");
		buf_put(out, &r, sizeof(r));
	}
	return true;
}

static bool legacy_chain_exists(struct iptables *t, int family, const char *chain, bool *ret, struct err *e)
{
	const char *start = arena_printf(t->arena, ":%s ", chain);
	struct iptables_text *x;

	if (!saved_text(t, IPTABLES_LEGACY, family, &x, e))
		return false;
	*ret = false;
	for (size_t i = 0; i < x->n; i++)
		*ret |= str_starts(x->lines[i], start);
	return true;
}

// ---- looking ----

bool iptables_chain_exists(struct iptables *t, enum iptables_front f, int family, const char *chain, bool *ret,
			   struct err *e)
{
	if (f == IPTABLES_LEGACY)
		return legacy_chain_exists(t, family, chain, ret, e);
	return nft_chain_exists(t->nl, tool(family)->nfproto, t->table, chain, ret, e);
}

static bool nft_held_rules(struct iptables *t, int family, const char *chain, struct buf *out, struct err *e)
{
	struct nft_rule_info *all;
	size_t n;

	if (!nft_rules(t->nl, t->arena, tool(family)->nfproto, t->table, chain, &all, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct iptables_rule r = {
			.chain = chain, .comment = all[i].comment, .jump = all[i].jump, .handle = all[i].handle
		};

		buf_put(out, &r, sizeof(r));
	}
	return true;
}

bool iptables_rules(struct iptables *t, enum iptables_front f, int family, const char *chain,
		    struct iptables_rule **ret, size_t *ret_n, struct err *e)
{
	struct buf out;

	buf_init(&out, t->arena, 1024);
	if (!(f == IPTABLES_LEGACY ? saved_rules(t, f, family, chain, &out, e)
				   : nft_held_rules(t, family, chain, &out, e)))
		return false;
	*ret = (struct iptables_rule *)out.data;
	*ret_n = out.len / sizeof(**ret);
	return true;
}

bool iptables_saved(struct iptables *t, enum iptables_front f, int family, const char *chain,
		    struct iptables_rule **ret, size_t *ret_n, struct err *e)
{
	struct buf out;

	buf_init(&out, t->arena, 1024);
	if (!saved_rules(t, f, family, chain, &out, e))
		return false;
	*ret = (struct iptables_rule *)out.data;
	*ret_n = out.len / sizeof(**ret);
	return true;
}

// ---- removing ----

static void drop_rule(struct iptables *t, enum iptables_front f, int family, const struct iptables_rule *r)
{
	if (r->text) {
		buf_printf(&t->text[f][family == AF_INET6].removal, "-D%s\n", r->text + 2);
		return;
	}
	nft_table(t->batch, tool(family)->nfproto, t->table);
	nft_rule_del(t->batch, r->chain, r->handle);
}

static void drop_chain(struct iptables *t, enum iptables_front f, int family, const char *chain)
{
	if (f == IPTABLES_LEGACY) {
		buf_printf(&t->text[f][family == AF_INET6].removal, "-F %s\n-X %s\n", chain, chain);
		return;
	}
	nft_table(t->batch, tool(family)->nfproto, t->table);
	nft_chain_flush(t->batch, chain);
	nft_chain_del(t->batch, chain);
}

static bool goes_to(const struct iptables_rule *r, const void *chain)
{
	return r->jump && str_eq(r->jump, chain);
}

static bool unlink_from(struct iptables *t, enum iptables_front f, int family, const char *entry, const char *chain,
			struct err *e)
{
	struct iptables_rule *rules;
	bool there;
	size_t n;

	if (!iptables_chain_exists(t, f, family, chain, &there, e))
		return false;
	if (!there)
		return true;
	if (!iptables_rules(t, f, family, entry, &rules, &n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (goes_to(&rules[i], chain))
			drop_rule(t, f, family, &rules[i]);
	drop_chain(t, f, family, chain);
	return true;
}

bool iptables_unlink(struct iptables *t, int family, const char *entry, const char *chain, struct err *e)
{
	return unlink_from(t, IPTABLES_NFT, family, entry, chain, e) &&
	       unlink_from(t, IPTABLES_LEGACY, family, entry, chain, e);
}

/* Where nobody can read the rules' text they go together, as with the reference. */
static bool unlink_mine_from(struct iptables *t, enum iptables_front f, int family, const char *entry,
			     const char *chain, iptables_match *mine, const void *arg, struct err *e)
{
	const char *const chains[] = { entry, chain };
	struct iptables_rule *rules;
	bool there, shared = false;
	size_t n;

	if (!iptables_chain_exists(t, f, family, chain, &there, e))
		return false;
	if (!there)
		return true;
	if (!front_program(t->arena, f, family, "save"))
		return unlink_from(t, f, family, entry, chain, e);
	if (!iptables_saved(t, f, family, entry, &rules, &n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		shared |= goes_to(&rules[i], chain) && !mine(&rules[i], arg);
	if (!shared)
		return unlink_from(t, f, family, entry, chain, e);
	for (size_t k = 0; k < ARRAY_LEN(chains); k++) {
		if (!iptables_saved(t, f, family, chains[k], &rules, &n, e))
			return false;
		for (size_t i = 0; i < n; i++)
			if ((k || goes_to(&rules[i], chain)) && mine(&rules[i], arg))
				drop_rule(t, f, family, &rules[i]);
	}
	return true;
}

bool iptables_unlink_mine(struct iptables *t, int family, const char *entry, const char *chain, iptables_match *mine,
			  const void *arg, struct err *e)
{
	return unlink_mine_from(t, IPTABLES_NFT, family, entry, chain, mine, arg, e) &&
	       unlink_mine_from(t, IPTABLES_LEGACY, family, entry, chain, mine, arg, e);
}

static bool unlink_if_from(struct iptables *t, enum iptables_front f, int family, const char *entry,
			   iptables_match *match, const void *arg, struct err *e)
{
	struct iptables_rule *rules;
	size_t n;

	if (!iptables_rules(t, f, family, entry, &rules, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) /* all ways into a chain go before it */
		if (match(&rules[i], arg))
			drop_rule(t, f, family, &rules[i]);
	for (size_t i = 0; i < n; i++) {
		bool dropped = !match(&rules[i], arg);

		for (size_t k = 0; k < i && !dropped; k++)
			dropped = goes_to(&rules[k], rules[i].jump) && match(&rules[k], arg);
		if (!dropped)
			drop_chain(t, f, family, rules[i].jump);
	}
	return true;
}

bool iptables_unlink_if(struct iptables *t, int family, const char *entry, iptables_match *match, const void *arg,
			struct err *e)
{
	return unlink_if_from(t, IPTABLES_NFT, family, entry, match, arg, e) &&
	       unlink_if_from(t, IPTABLES_LEGACY, family, entry, match, arg, e);
}

static bool done(struct iptables *t, enum iptables_front f, int family, struct err *e)
{
	struct iptables_text *x = &t->text[f][family == AF_INET6];
	const char *path;

	if (!x->read || !x->removal.len)
		return true;
	path = front_program(t->arena, f, family, "restore");
	if (!path)
		return fail(e, ENOENT, "%s is not installed", tool(family)->restore);
	if (!restore(t->arena, path, t->table, buf_bytes(&x->removal), e))
		return false;
	x->read = false;
	return true;
}

bool iptables_done(struct iptables *t, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(tools); i++)
		if (!done(t, IPTABLES_NFT, tools[i].family, e) || !done(t, IPTABLES_LEGACY, tools[i].family, e))
			return false;
	return true;
}

// ---- whose rule is it ----

/* What stands in quotes after @label at *@at, which moves behind it; NULL: something else stands there. */
static const char *quoted(struct arena *a, const char **at, const char *label)
{
	const char *p = *at + strlen(label), *end;

	if (!str_starts(*at, label) || *p != '"' || !(end = strchr(p + 1, '"')))
		return NULL;
	*at = end + 1;
	return arena_strndup(a, p + 1, (size_t)(end - p - 1));
}

bool iptables_rule_stale(const struct iptables_rule *r, const void *arg)
{
	const struct iptables_stale *s = arg;
	const char *at = r->comment, *name, *id;
	struct arena a;
	bool stale;

	if (!at || !r->jump || !str_starts(r->jump, s->chain_prefix) || !str_starts(at, s->prefix))
		return false;
	arena_init(&a, NULL, 0);
	at += strlen(s->prefix);
	name = quoted(&a, &at, "name: ");
	id = name ? quoted(&a, &at, " id: ") : NULL;
	stale = id && str_eq(name, s->valid->network) && !attachments_know_id(s->valid, id);
	arena_done(&a);
	return stale;
}
