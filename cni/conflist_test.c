// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cni/confdir.h"
#include "cni/error.h"
#include "lib/fs.h"
#include "lib/str.h"

#include <cmocka.h>

static struct arena a;
static char dir[] = "/tmp/crimp-conflist-XXXXXX";

static struct bytes text(const char *s)
{
	return (struct bytes){ s, strlen(s) };
}

/* Everything a case makes lies below one directory that the next case does not see. */
static char *fresh(void)
{
	static int n;
	char *sub = arena_printf(&a, "%s/%d", dir, n++);

	assert_int_equal(mkdir(sub, 0755), 0);
	return sub;
}

static void put(const char *where, const char *name, const char *content)
{
	struct err e = ERR_INIT;
	char *path = fs_join(&a, where, name), *slash = strrchr(path, '/');

	*slash = '\0';
	assert_true(fs_mkdirs(path, 0755, &e));
	*slash = '/';
	if (!fs_write_atomic(path, text(content), 0644, &e))
		fail_msg("%s", e.text);
}

#define PLUGINS "\"plugins\":[{\"type\":\"t\"}]"

/* What a list says about itself: "version plugins check gc only", or the failure's code and a piece of its text. */
static const struct {
	const char *input, *expect;
	int code;
} rows[] = {
	{ "{\"name\":\"n\"," PLUGINS "}", "n  1 000", 0 },
	{ "{\"name\":\"\"," PLUGINS "}", "  1 000", 0 },
	{ "{\"name\":\"a/b\"," PLUGINS "}", "a/b  1 000", 0 },
	{ "{" PLUGINS "}", "no name", 7 },
	{ "{\"Name\":\"n\"," PLUGINS "}", "no name", 7 },
	{ "{\"name\":1," PLUGINS "}", "name: want a string", 7 },
	{ "{\"name\":null," PLUGINS "}", "name: want a string", 7 },
	{ "{\"name\":\"a\\u0000b\"," PLUGINS "}", "NUL", 7 },
	{ "{\"name\":\"n\",\"cniVersion\":\"1.2.3\"," PLUGINS "}", "n 1.2.3 1 000", 0 },
	{ "{\"name\":\"n\",\"cniVersion\":\"x\"," PLUGINS "}", "n x 1 000", 0 },
	{ "{\"name\":\"n\",\"cniVersion\":null," PLUGINS "}", "cniVersion: want a string", 7 },
	{ "{\"name\":\"n\",\"cniVersion\":1," PLUGINS "}", "cniVersion: want a string", 7 },
	{ "{\"name\":\"n\",\"cniVersions\":[\"1.1.0\",\"0.4.0\",\"1.0.0\"]," PLUGINS "}", "n 1.1.0 1 000", 0 },
	{ "{\"name\":\"n\",\"cniVersions\":[\"99.0.0\",\"1.1.0\"]," PLUGINS "}", "n 1.1.0 1 000", 0 },
	{ "{\"name\":\"n\",\"cniVersions\":[\"0.4.0\",\"1.0.f\"]," PLUGINS "}", "cniVersions: ", 7 },
	{ "{\"name\":\"n\",\"cniVersions\":[\"0.3.1\"],\"cniVersion\":\"x\"," PLUGINS "}", "cniVersion: ", 7 },
	{ "{\"name\":\"n\",\"cniVersions\":[\"0.3.1\",\"0.4.0\"],\"cniVersion\":\"1.0.0\"," PLUGINS "}",
	  "n 1.0.0 1 000", 0 },
	{ "{\"name\":\"n\",\"cniVersions\":[\"1.0.0\"],\"cniVersion\":\"0.4.0\"," PLUGINS "}", "n 1.0.0 1 000", 0 },
	{ "{\"name\":\"n\",\"cniVersions\":[\"0.4.0\"],\"cniVersion\":\"5.0.0\"," PLUGINS "}", "n 0.4.0 1 000", 0 },
	{ "{\"name\":\"n\",\"cniVersions\":[\"9.0.0\"],\"cniVersion\":\"5.0.0\"," PLUGINS "}", "n 5.0.0 1 000", 0 },
	{ "{\"name\":\"n\",\"cniVersions\":[\"0.7.7\",\"0.4.0\"]," PLUGINS "}", "n 0.7.7 1 000", 0 },
	{ "{\"name\":\"n\",\"cniVersions\":[]," PLUGINS "}", "n  1 000", 0 },
	{ "{\"name\":\"n\",\"cniVersions\":null," PLUGINS "}", "cniVersions: want an array", 7 },
	{ "{\"name\":\"n\",\"cniVersions\":[1]," PLUGINS "}", "cniVersions: want strings", 7 },
	{ "{\"name\":\"n\",\"disableCheck\":true," PLUGINS "}", "n  1 100", 0 },
	{ "{\"name\":\"n\",\"disableCheck\":\"true\"," PLUGINS "}", "n  1 100", 0 },
	{ "{\"name\":\"n\",\"disableCheck\":\"false\"," PLUGINS "}", "n  1 000", 0 },
	{ "{\"name\":\"n\",\"disableCheck\":\"TRUE\"," PLUGINS "}", "n  1 100", 0 },
	{ "{\"name\":\"n\",\"disableCheck\":1," PLUGINS "}", "disableCheck: want true or false, have 1", 7 },
	{ "{\"name\":\"n\",\"disableCheck\":null," PLUGINS "}", "disableCheck: ", 7 },
	{ "{\"name\":\"n\",\"disableGC\":\"adsf\"," PLUGINS "}", "disableGC: ", 7 },
	{ "{\"name\":\"n\",\"disableGC\":\"True\"," PLUGINS "}", "n  1 010", 0 },
	{ "{\"name\":\"n\",\"loadOnlyInlinedPlugins\":true," PLUGINS "}", "n  1 001", 0 },
	{ "{\"name\":\"n\",\"loadOnlyInlinedPlugins\":0," PLUGINS "}", "loadOnlyInlinedPlugins: ", 7 },
	{ "{\"name\":\"n\",\"loadOnlyInlinedPlugins\":true}", "no plugins key", 7 },
	{ "{\"name\":\"n\"}", "network n: no plugins", 7 },
	{ "{\"name\":\"n\",\"plugins\":null}", "plugins: want an array", 7 },
	{ "{\"name\":\"n\",\"plugins\":{}}", "plugins: want an array", 7 },
	{ "{\"name\":\"n\",\"plugins\":[]}", "plugins: the list is empty", 7 },
	{ "{\"name\":\"n\",\"Plugins\":[{\"type\":\"t\"}]}", "no plugins", 7 },
	{ "{\"name\":\"n\",\"plugins\":[{\"Type\":\"t\"}]}", "n  1 000", 0 },
	{ "{\"name\":\"n\",\"plugins\":[{}]}", "plugins[0]: missing key: type", 7 },
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"t\"},{\"type\":\"\"}]}", "plugins[1]: missing key: type", 7 },
	{ "{\"name\":\"n\",\"plugins\":[null]}", "plugins[0]: want an object", 7 },
	{ "{\"name\":\"n\",\"plugins\":[\"t\"]}", "plugins[0]: want an object", 7 },
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":3}]}", "type", 6 },
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"t\",\"capabilities\":{\"a\":1}}]}", "capabilities: a: ", 7 },
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"t\",\"Capabilities\":[]}]}", "capabilities: want an object", 7 },
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"t\",\"capabilities\":{\"a\":null}}]}", "n  1 000", 0 },
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"t\",\"ipam\":3}]}", "ipam", 6 },
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"t\",\"dns\":{\"search\":\"x\"}}]}", "dns", 6 },
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"t\",\"prevResult\":3}]}", "prevResult: want an object", 7 },
	{ "{\"name\":\"n\",\"name\":\"m\"," PLUGINS "}", "m  1 000", 0 },
	{ "{\"name\":\"n\"," PLUGINS "} x", "line 1", 6 },
	{ "{\"name\":\"n\",/* c */" PLUGINS "}", "line 1", 6 },
	{ "", "line 1", 6 },
	{ "[]", "want an object", 6 },
};

static void test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = ERR_INIT;
		struct conflist l;
		bool ok = conflist_parse(&a, text(rows[i].input), CONFLIST_LIST, &l, &e);

		if (ok != !rows[i].code)
			fail_msg("row %zu: %s: %s", i, rows[i].input, ok ? "accepted" : e.text);
		if (ok)
			assert_string_equal(arena_printf(&a, "%s %s %zu %d%d%d", l.name, l.version, l.n,
							 l.disable_check, l.disable_gc, l.only_inlined),
					    rows[i].expect);
		else if (e.code != rows[i].code || !strstr(e.text, rows[i].expect))
			fail_msg("row %zu: %s: %d %s", i, rows[i].input, e.code, e.text);
	}
}

static void test_bytes_are_kept(void **state)
{
	const char *list =
		"{ \"name\" : \"n\", \"big\":12345678901234567890, \"plugins\": [ { \"type\":\"t\", \"x\" : 1e21 } ] }\n";
	const char *single = " {\"type\":\"t\",\"name\":\"n\",\"cniVersion\":\"0.4.0\", \"x\":1.50 }";
	struct err e = ERR_INIT;
	struct conflist l;

	(void)state;
	assert_true(conflist_parse(&a, text(list), CONFLIST_EITHER, &l, &e));
	assert_false(l.is_single);
	assert_string_equal(l.bytes.data, list);
	assert_string_equal(l.plugins[0].text, "{ \"type\":\"t\", \"x\" : 1e21 }");
	/* An old file is remembered as the list that it stands for, so that whoever reads it back finds its plugin. */
	assert_true(conflist_parse(&a, text(single), CONFLIST_EITHER, &l, &e));
	assert_true(l.is_single);
	assert_string_equal(l.version, "0.4.0");
	assert_string_equal(l.bytes.data, "{\"cniVersion\":\"0.4.0\",\"name\":\"n\",\"plugins\":["
					  "{\"type\":\"t\",\"name\":\"n\",\"cniVersion\":\"0.4.0\", \"x\":1.50 }]}");
	assert_true(conflist_parse(&a, l.bytes, CONFLIST_EITHER, &l, &e));
	assert_false(l.is_single);
	assert_string_equal(l.name, "n");
}

static void test_dropins(void **state)
{
	const char *list = "{\"name\":\"n\",\"cniVersion\":\"1.1.0\",\"x\":1.0,\"plugins\":[{\"type\":\"in\"}]}";
	char *d = fresh(), *file = fs_join(&a, d, "n.conflist");
	struct err e = ERR_INIT;
	struct conflist l, again;

	(void)state;
	put(d, "n.conflist", list);
	assert_true(conflist_load(&a, file, CONFLIST_LIST, &l, &e));
	assert_string_equal(l.bytes.data, list);
	put(d, "n/20.conf", "{\"type\":\"b\",\"y\":1.50}");
	put(d, "n/10.conf", "{\"type\":\"a\",\"name\":\"other\"}\n");
	put(d, "n/.hidden.conf", "{\"type\":\"h\"}");
	put(d, "n/30.conf~", "{");
	put(d, "n/40.conflist", "{");
	put(d, "n/50.conf/x.conf", "{");
	assert_true(conflist_load(&a, file, CONFLIST_LIST, &l, &e));
	assert_int_equal(l.n, 4);
	assert_string_equal(l.plugins[0].type, "in");
	assert_string_equal(l.plugins[1].type, "h");
	assert_string_equal(l.plugins[2].type, "a");
	assert_string_equal(l.plugins[3].type, "b");
	assert_string_equal(l.file, file);
	assert_string_equal(l.bytes.data,
			    "{\"name\":\"n\",\"cniVersion\":\"1.1.0\",\"x\":1.0,\"loadOnlyInlinedPlugins\":true,"
			    "\"plugins\":[{\"type\":\"in\"},{\"type\":\"h\"},{\"type\":\"a\",\"name\":\"other\"},"
			    "{\"type\":\"b\",\"y\":1.50}]}");
	/* Read back from the cache: the same plugins, and no drop-in twice. */
	assert_true(conflist_parse(&a, l.bytes, CONFLIST_EITHER, &again, &e));
	assert_int_equal(again.n, 4);
	assert_true(again.only_inlined);

	assert_int_equal(symlink("/", fs_join(&a, d, "n/60.conf")), 0);
	assert_false(conflist_load(&a, file, CONFLIST_LIST, &l, &e));
	assert_non_null(strstr(e.text, "60.conf"));
	put(d, "n.conflist", "{\"name\":\"n\",\"loadOnlyInlinedPlugins\":true,\"plugins\":[{\"type\":\"in\"}]}");
	assert_true(conflist_load(&a, file, CONFLIST_LIST, &l, &e));
	assert_int_equal(l.n, 1);
}

static void test_dropins_only(void **state)
{
	char *d = fresh(), *file = fs_join(&a, d, "n.conflist");
	struct err e = ERR_INIT;
	struct conflist l;

	(void)state;
	put(d, "n.conflist", "{\"name\":\"n\"}");
	assert_false(conflist_load(&a, file, CONFLIST_LIST, &l, &e));
	assert_non_null(strstr(e.text, "no plugins"));
	assert_int_equal(mkdir(fs_join(&a, d, "n"), 0755), 0);
	assert_false(conflist_load(&a, file, CONFLIST_LIST, &l, &e));
	put(d, "n/a.conf", "{\"name\":\"x\"}");
	assert_false(conflist_load(&a, file, CONFLIST_LIST, &l, &e));
	assert_int_equal(e.code, CNI_INVALID_CONFIG);
	put(d, "n/a.conf", "{\"type\":\"t\"}");
	assert_true(conflist_load(&a, file, CONFLIST_LIST, &l, &e));
	assert_int_equal(l.n, 1);
	/* A name that climbs out has no drop-ins. */
	put(d, "m/x.conflist", "{\"name\":\"../n\"}");
	assert_false(conflist_load(&a, fs_join(&a, d, "m/x.conflist"), CONFLIST_LIST, &l, &e));
	assert_non_null(strstr(e.text, "no plugins"));
}

struct notes {
	int n;
	char last[512];
};

static void note(void *arg, const char *what)
{
	struct notes *notes = arg;

	notes->n++;
	snprintf(notes->last, sizeof(notes->last), "%s", what);
}

static bool find(const char *where, const char *name, bool strict, struct notes *notes, struct conflist *ret,
		 struct err *e)
{
	struct confdir_warn warn = { note, notes };

	*notes = (struct notes){ 0 };
	*e = ERR_INIT;
	return confdir_find(&a, where, name, strict, &warn, ret, e);
}

static void test_directory(void **state)
{
	struct notes notes;
	char *d = fresh();
	struct conflist l;
	struct err e;

	(void)state;
	assert_false(find(fs_join(&a, d, "missing"), "n", false, &notes, &l, &e));
	assert_int_equal(e.num, ENOENT);
	assert_non_null(strstr(e.text, "no net configurations found in"));
	assert_false(find(d, "n", false, &notes, &l, &e));
	assert_non_null(strstr(e.text, "no net configurations found in"));

	put(d, "b.json", "{\"type\":\"json\",\"name\":\"n\"}");
	assert_true(find(d, "n", false, &notes, &l, &e));
	assert_true(l.is_single);
	assert_string_equal(l.plugins[0].type, "json");
	put(d, "a.conf", "{\"type\":\"conf\",\"name\":\"n\"}");
	put(d, "n/x.conf", "{\"type\":\"never\"}");
	assert_true(find(d, "n", false, &notes, &l, &e));
	assert_string_equal(l.plugins[0].type, "conf");
	assert_int_equal(l.n, 1);
	put(d, "z.conflist", "{\"name\":\"n\",\"plugins\":[{\"type\":\"list\"}],\"loadOnlyInlinedPlugins\":true}");
	assert_true(find(d, "n", false, &notes, &l, &e));
	assert_string_equal(l.plugins[0].type, "list");
	assert_true(find(d, NULL, false, &notes, &l, &e));
	assert_string_equal(l.plugins[0].type, "list");
	assert_int_equal(notes.n, 0);
	assert_false(find(d, "other", false, &notes, &l, &e));
	assert_non_null(strstr(e.text, "no net configuration with name \"other\""));
	assert_int_equal(e.num, ENOENT);
}

static void test_broken_neighbours(void **state)
{
	struct notes notes;
	char *d = fresh();
	struct conflist l;
	struct err e;

	(void)state;
	put(d, "m.conflist", "{\"name\":\"n\"," PLUGINS "}");
	put(d, "z.conflist", "{");
	assert_true(find(d, "n", true, &notes, &l, &e));
	assert_int_equal(notes.n, 0);
	put(d, "a.conflist", "{\"name\":\"x\",\"plugins\":[]}");
	assert_false(find(d, "n", true, &notes, &l, &e));
	assert_non_null(strstr(e.text, "a.conflist"));
	assert_true(find(d, "n", false, &notes, &l, &e));
	assert_int_equal(notes.n, 1);
	assert_non_null(strstr(notes.last, "a.conflist"));
	/* What was passed over may have been what was wanted. */
	assert_false(find(d, "x", false, &notes, &l, &e));
	assert_non_null(strstr(e.text, "2 unreadable"));
	assert_non_null(strstr(e.text, "a.conflist"));

	/* A list in a file of the old kind. */
	put(d, "l.conf", "{\"name\":\"l\"," PLUGINS "}");
	assert_false(find(d, "l", true, &notes, &l, &e));
	assert_false(find(d, "l", false, &notes, &l, &e));
	assert_non_null(strstr(notes.last, ".conflist"));

	/* Real directories are passed over in silence, links to them are not. */
	d = fresh();
	put(d, "m.conflist", "{\"name\":\"n\"," PLUGINS "}");
	assert_int_equal(mkdir(fs_join(&a, d, "a.conflist"), 0755), 0);
	assert_true(find(d, "n", true, &notes, &l, &e));
	assert_int_equal(symlink("/", fs_join(&a, d, "b.conflist")), 0);
	assert_false(find(d, "n", true, &notes, &l, &e));
	assert_true(find(d, "n", false, &notes, &l, &e));
	assert_int_equal(notes.n, 1);
	/* Dot files count, copies of editors do not. */
	put(d, ".conflist", "{\"name\":\"dot\"," PLUGINS "}");
	put(d, "e.conflist~", "{\"name\":\"copy\"," PLUGINS "}");
	assert_true(find(d, "dot", false, &notes, &l, &e));
	assert_false(find(d, "copy", false, &notes, &l, &e));
}

static int remove_tree(const char *path)
{
	return system(arena_printf(&a, "rm -rf '%s'", path));
}

static int start(void **state)
{
	(void)state;
	arena_init(&a, NULL, 0);
	return mkdtemp(dir) ? 0 : -1;
}

static int stop(void **state)
{
	int rc = remove_tree(dir);

	(void)state;
	arena_done(&a);
	return rc;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),     cmocka_unit_test(test_bytes_are_kept),
		cmocka_unit_test(test_dropins),   cmocka_unit_test(test_dropins_only),
		cmocka_unit_test(test_directory), cmocka_unit_test(test_broken_neighbours),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
