// SPDX-License-Identifier: Apache-2.0
/*
 * Asks functions that no program shows by themselves:
 *
 *	probe version-parse V	"MAJOR MINOR PATCH", or the failure and exit status 1
 *	probe version-cmp A B	"<", "=" or ">"
 *	probe version-list	"030", "031", "040" or "all" and its members, a line each
 *	probe delegate VERB TYPE	delegate_*() with stdin as configuration and the request that the environment
 *				describes, whatever CNI_COMMAND is; the result's addresses or the failure as
 *				"CODE MSG"; then the environment must be what it was
 */
#include "control.h"

#include "cni/plugin.h"
#include "lib/str.h"

static int version_parse_main(const char *v)
{
	int n[3];
	struct err e = ERR_INIT;
	if (!version_parse(v, n, &e)) {
		puts(e.text);
		return 1;
	}
	printf("%d %d %d\n", n[0], n[1], n[2]);
	return 0;
}

static void print_list(const char *name, const char *const *list)
{
	fputs(name, stdout);
	for (; *list; list++)
		printf(" %s", *list);
	putchar('\n');
}

static const char *env(const char *name)
{
	const char *v = getenv(name);
	return v ? v : "";
}

/* One text of all of it, to see a change. */
static char *environment(struct arena *a)
{
	struct buf b;
	buf_init(&b, a, 4096);
	for (char **v = environ; *v; v++)
		buf_printf(&b, "%s\n", *v);
	return arena_strdup(a, buf_str(&b));
}

static bool delegate(const struct request *r, const char *verb, const char *type, struct result *ret, struct err *e)
{
	static const struct {
		const char *verb;
		bool (*call)(const struct request *r, const char *type, struct err *e);
	} calls[] = {
		{ "CHECK", delegate_check }, { "DEL", delegate_del }, { "GC", delegate_gc }, { "STATUS", delegate_status },
	};
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (str_eq(verb, calls[i].verb))
			return calls[i].call(r, type, e);
	return delegate_add(r, type, ret, e);
}

static int delegate_main(const char *verb, const char *type)
{
	/* Static: what is never freed is reachable to the end, as a leak checker wants it. */
	static struct arena a;
	static struct text in;
	struct err e = ERR_INIT;
	struct result result = { 0 };
	in = text_read(STDIN_FILENO);
	arena_init(&a, NULL, 0);
	struct request r = {
		.container_id = env("CNI_CONTAINERID"), .netns = env("CNI_NETNS"), .ifname = env("CNI_IFNAME"), .args = env("CNI_ARGS"),
		.path = env("CNI_PATH"), .stdin_bytes = { in.data, in.len }, .arena = &a,
	};
	char *before = environment(&a);
	if (!json_parse(&a, r.stdin_bytes, &r.conf, &e) || !netconf_read(&a, r.conf, &r.net, &e) ||
	    !delegate(&r, verb, type, &result, &e)) {
		printf("%d %s\n", e.code, e.text);
		return 1;
	}
	char text[CIDR_TEXT_MAX];
	for (size_t i = 0; i < result.n_ips; i++)
		puts(cidr_text(&result.ips[i].address, text));
	if (!str_eq(before, environment(&a))) {
		puts("the environment has changed");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && str_eq(argv[1], "version-parse"))
		return version_parse_main(argv[2]);
	if (argc == 4 && str_eq(argv[1], "version-cmp")) {
		int c = version_cmp(argv[2], argv[3]);
		puts(c < 0 ? "<" : c > 0 ? ">" : "=");
		return 0;
	}
	if (argc == 2 && str_eq(argv[1], "version-list")) {
		print_list("all", versions_all);
		print_list("030", versions_from_030);
		print_list("031", versions_from_031);
		print_list("040", versions_from_040);
		return 0;
	}
	if (argc == 4 && str_eq(argv[1], "delegate"))
		return delegate_main(argv[2], argv[3]);
	fputs("probe version-parse V | version-cmp A B | version-list | delegate VERB TYPE\n", stderr);
	return 2;
}
