// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cni/cache.h"
#include "lib/fs.h"
#include "lib/str.h"

#include <cmocka.h>

static struct arena a;
static char dir[] = "/tmp/crimp-cache-XXXXXX";

/* As the reference writes it: fields in this order, objects sorted, < > & escaped, no final newline. */
static const char golden[] = "{\"kind\":\"cniCacheV1\",\"containerId\":\"c1\",\"config\":"
			     "\"eyAibmFtZSI6ICJwb2RzIiwgInBsdWdpbnMiOiBbXSB9Cg==\",\"ifName\":\"eth0\","
			     "\"networkName\":\"pods\",\"netns\":\"/var/run/netns/x\",\"cniArgs\":[[\"K\",\"V\"],"
			     "[\"A\",\"\\u003c\\u0026\\u003e\"]],\"capabilityArgs\":{\"ips\":[\"10.0.0.1\"],"
			     "\"portMappings\":[{\"containerPort\":80,\"hostPort\":8080}]},\"result\":{\"cniVersion\":"
			     "\"1.0.0\",\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"/var/run/netns/x\"}],\"ips\":"
			     "[{\"address\":\"10.1.2.3/24\",\"interface\":0}]}}";

static struct bytes text(const char *s)
{
	return (struct bytes){ s, strlen(s) };
}

static const struct json *parse(const char *s)
{
	struct err e = ERR_INIT;
	const struct json *j = NULL;

	if (!json_parse(&a, text(s), &j, &e))
		fail_msg("%s: %s", s, e.text);
	return j;
}

static void put(const char *name, const char *content)
{
	struct err e = ERR_INIT;
	char *results = fs_join(&a, dir, "results");

	assert_true(fs_mkdirs(results, 0700, &e));
	assert_true(fs_write_atomic(fs_join(&a, results, name), text(content), 0600, &e));
}

static struct cache_key key(const char *network, const char *id, const char *ifname)
{
	return (struct cache_key){ network, id, ifname };
}

static struct cache_entry entry_example(void)
{
	static const struct arg args[] = { { "K", "V" }, { "A", "<&>" } };

	return (struct cache_entry){
		.key = key("pods", "c1", "eth0"),
		.netns = "/var/run/netns/x",
		.config = text("{ \"name\": \"pods\", \"plugins\": [] }\n"),
		.args = args,
		.n_args = ARRAY_LEN(args),
		.cap_args =
			parse("{\"portMappings\":[{\"hostPort\":8080,\"containerPort\":80}],\"ips\":[\"10.0.0.1\"]}"),
		.result = parse(
			"{ \"cniVersion\": \"1.0.0\", \"ips\": [ { \"interface\": 0, \"address\": \"10.1.2.3/24\" } ],\n"
			"\"interfaces\": [ { \"name\": \"eth0\", \"sandbox\": \"/var/run/netns/x\" } ] }"),
	};
}

static void test_write(void **state)
{
	struct cache_entry entry = entry_example();
	struct cache_key k = entry.key;
	char *path = arena_printf(&a, "%s/results/pods-c1-eth0", dir);
	struct err e = ERR_INIT;
	struct bytes back;
	struct stat st;

	(void)state;
	assert_string_equal(cache_text(&a, &entry).data, golden);
	assert_true(cache_ready(&a, dir, &k, &e));
	assert_true(cache_write(&a, dir, &entry, &e));
	assert_true(fs_read(&a, path, 10000, &back, &e));
	assert_int_equal(back.len, strlen(golden));
	assert_memory_equal(back.data, golden, back.len);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(fs_join(&a, dir, "results"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(cache_remove(&a, dir, &k, &e));
	assert_true(cache_remove(&a, dir, &k, &e));
	assert_int_equal(access(path, F_OK), -1);
}

static void test_write_least(void **state)
{
	struct cache_entry entry = {
		.key = key("n", "c", "e"), .netns = "", .result = parse("{}"), .cap_args = parse("{}")
	};

	(void)state;
	assert_string_equal(cache_text(&a, &entry).data,
			    "{\"kind\":\"cniCacheV1\",\"containerId\":\"c\",\"config\":null,"
			    "\"ifName\":\"e\",\"networkName\":\"n\"}");
}

static void test_read(void **state)
{
	struct cache_key k = key("pods", "c1", "eth0");
	struct cache_entry got, expect = entry_example();
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(cache_read(&a, dir, &k, &got, &e), CACHE_NONE);
	put("pods-c1-eth0", golden);
	assert_int_equal(cache_read(&a, dir, &k, &got, &e), CACHE_GOOD);
	assert_string_equal(got.netns, expect.netns);
	assert_int_equal(got.config.len, expect.config.len);
	assert_memory_equal(got.config.data, expect.config.data, got.config.len);
	assert_int_equal(got.n_args, 2);
	assert_string_equal(got.args[1].key, "A");
	assert_string_equal(got.args[1].value, "<&>");
	assert_true(json_equal(got.cap_args, expect.cap_args));
	assert_true(json_equal(got.result, expect.result));
	assert_true(str_ends(got.path, "/results/pods-c1-eth0"));
	/* What was read is written as it was. */
	assert_string_equal(cache_text(&a, &got).data, golden);
	assert_true(cache_remove(&a, dir, &k, &e));
}

static void test_states(void **state)
{
	static const struct {
		const char *content;
		enum cache_state state;
	} rows[] = {
		{ "", CACHE_CORRUPT },
		{ "{", CACHE_CORRUPT },
		{ "{}", CACHE_CORRUPT },
		{ "null", CACHE_CORRUPT },
		{ "[]", CACHE_CORRUPT },
		{ "{\"kind\":\"cniCacheV2\"}", CACHE_CORRUPT },
		{ "{\"kind\":3}", CACHE_CORRUPT },
		{ "{\"kind\":\"cniCacheV1\",\"config\":\"%%\"}", CACHE_CORRUPT },
		{ "{\"kind\":\"cniCacheV1\",\"cniArgs\":[[1,2]]}", CACHE_CORRUPT },
		{ "{\"kind\":\"cniCacheV1\",\"result\":[]}", CACHE_CORRUPT },
		{ "{\"cniVersion\":\"0.3.1\",\"ips\":[]}", CACHE_LEGACY },
		{ "{\"ip4\":{\"ip\":\"1.2.3.4/24\"}}", CACHE_LEGACY },
		{ "{\"kind\":\"cniCacheV1\",\"containerId\":\"c\",\"ifName\":\"e\",\"networkName\":\"n\"}",
		  CACHE_GOOD },
		{ "{\"KIND\":\"cniCacheV1\",\"ContainerID\":\"c\",\"IfName\":\"e\",\"NetworkName\":\"n\",\"result\":null}",
		  CACHE_GOOD },
		{ "{\"kind\":\"cniCacheV1\",\"containerId\":\"other\",\"ifName\":\"e\",\"networkName\":\"n\"}",
		  CACHE_OTHER },
	};
	struct cache_key k = key("n", "c", "e");
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cache_entry got;
		enum cache_state s;

		put("n-c-e", rows[i].content);
		s = cache_read(&a, dir, &k, &got, &e);
		if (s != rows[i].state)
			fail_msg("%s: state %d", rows[i].content, s);
		assert_string_equal(got.key.container_id, "c");
		assert_true(!got.result == (s != CACHE_LEGACY));
	}
	assert_true(fs_remove(arena_printf(&a, "%s/results/n-c-e", dir), &e));
}

static void test_ready(void **state)
{
	struct cache_key k = key("a", "b-c", "e"), twin = key("a-b", "c", "e"), empty = key("a", "", "e");
	struct cache_entry entry = { .key = k, .netns = "" };
	struct err e = ERR_INIT;
	char long_name[256];

	(void)state;
	assert_true(cache_write(&a, dir, &entry, &e));
	assert_true(cache_ready(&a, dir, &k, &e));
	assert_false(cache_ready(&a, dir, &twin, &e));
	assert_int_equal(e.num, EEXIST);
	assert_non_null(strstr(e.text, "belongs to container b-c, interface e of network a"));
	assert_false(cache_ready(&a, dir, &empty, &e));
	assert_non_null(strstr(e.text, "requires network name"));
	memset(long_name, 'x', 252);
	long_name[251] = '\0';
	assert_true(cache_ready(&a, dir, &(struct cache_key){ long_name, "c", "e" }, &e));
	long_name[251] = 'x';
	long_name[252] = '\0';
	assert_false(cache_ready(&a, dir, &(struct cache_key){ long_name, "c", "e" }, &e));
	assert_int_equal(e.num, ENAMETOOLONG);
	assert_true(cache_remove(&a, dir, &k, &e));

	/* Where results/ should be there is a file. */
	put("file", "");
	assert_false(cache_ready(&a, arena_printf(&a, "%s/results/file", dir), &k, &e));
	assert_int_equal(e.num, ENOTDIR);
	assert_true(fs_remove(arena_printf(&a, "%s/results/file", dir), &e));
}

/* There, but not for us. */
static void test_unreadable(void **state)
{
	struct cache_key k = key("n", "c", "e");
	char *path = arena_printf(&a, "%s/results/n-c-e", dir);
	struct cache_entry got;
	struct err e = ERR_INIT;

	(void)state;
	for (int how = 0; how < 3; how++) {
		put("other", "");
		assert_int_equal(how == 0 ? mkdir(path, 0700) : how == 1 ? symlink(path, path) : mkfifo(path, 0600), 0);
		assert_int_equal(cache_read(&a, dir, &k, &got, &e), CACHE_UNREADABLE);
		assert_int_equal(e.num, how == 0 ? EISDIR : how == 1 ? ELOOP : EINVAL);
		assert_non_null(strstr(e.text, "cache file"));
		assert_false(cache_ready(&a, dir, &k, &e));
		assert_false(cache_remove(&a, dir, &k, &e));
		assert_int_equal(how == 0 ? rmdir(path) : unlink(path), 0);
	}
}

/* By no name is a file removed that is somebody else's, and none is written that could not be read. */
static void test_others_and_too_large(void **state)
{
	struct cache_key mine = key("a", "b-c", "e"), twin = key("a-b", "c", "e");
	struct cache_entry entry = { .key = mine, .netns = "" }, got;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(cache_write(&a, dir, &entry, &e));
	assert_true(cache_remove(&a, dir, &twin, &e));
	assert_int_equal(cache_read(&a, dir, &mine, &got, &e), CACHE_GOOD);
	entry.config = (struct bytes){ arena_alloc(&a, CACHE_FILE_MAX), CACHE_FILE_MAX };
	assert_false(cache_write(&a, dir, &entry, &e));
	assert_int_equal(e.num, EFBIG);
	assert_int_equal(cache_read(&a, dir, &mine, &got, &e), CACHE_GOOD);
	assert_true(cache_remove(&a, dir, &mine, &e));
}

static void put_entry(const char *network, const char *id, const char *ifname)
{
	struct cache_entry entry = { .key = key(network, id, ifname), .netns = "" };
	struct err e = ERR_INIT;

	assert_true(cache_write(&a, dir, &entry, &e));
}

static void test_list(void **state)
{
	struct cache_entry *got;
	struct err e = ERR_INIT;
	size_t n = 9;

	(void)state;
	assert_true(cache_list(&a, fs_join(&a, dir, "missing"), NULL, &got, &n, &e));
	assert_int_equal(n, 0);
	put_entry("n", "c2", "eth0");
	put_entry("n", "c2", "eth1");
	put_entry("n", "c22", "eth0");
	put_entry("m", "c1", "eth0");
	put("n-c2-alien", "{\"kind\":\"x\"}");
	put("n-c2-torn", "");
	/* Copies and rests of writes. */
	put("n-c2-eth0.bak",
	    arena_strdup(&a, cache_text(&a, &(struct cache_entry){ .key = key("n", "c2", "eth0"), .netns = "" }).data));
	put(".crimp-0123456789abcdef",
	    cache_text(&a, &(struct cache_entry){ .key = key("n", "c9", "eth0"), .netns = "" }).data);
	put("n-c2-legacy", "{\"cniVersion\":\"0.3.1\"}");
	put("n-c2-nameless", "{\"kind\":\"cniCacheV1\",\"containerId\":\"c2\",\"ifName\":\"\",\"networkName\":\"n\"}");
	assert_true(cache_list(&a, dir, NULL, &got, &n, &e));
	assert_int_equal(n, 4);
	assert_string_equal(got[0].key.network, "m");
	assert_string_equal(got[1].key.ifname, "eth0");
	assert_string_equal(got[2].key.ifname, "eth1");
	assert_string_equal(got[3].key.container_id, "c22");
	assert_true(cache_list(&a, dir, "c2", &got, &n, &e));
	assert_int_equal(n, 2);
	assert_true(str_ends(got[1].path, "/n-c2-eth1"));
}

static void test_snapshot(void **state)
{
	struct cache_snapshot before;
	struct cache_entry *got;
	struct err e = ERR_INIT;
	size_t n;

	(void)state;
	assert_true(cache_snapshot(&a, fs_join(&a, dir, "missing"), "w", &before, &e));
	assert_int_equal(before.n, 0);
	put_entry("w", "same", "eth0");
	put_entry("w", "again", "eth0");
	assert_true(cache_snapshot(&a, dir, "w", &before, &e));
	assert_int_equal(before.n, 2);
	put_entry("w", "again", "eth0");
	put_entry("w", "fresh", "eth0");
	assert_true(cache_list(&a, dir, NULL, &got, &n, &e));
	for (size_t i = 0; i < n; i++)
		if (str_eq(got[i].key.network, "w"))
			assert_int_equal(cache_written_since(&before, &got[i]),
					 !str_eq(got[i].key.container_id, "same"));
}

static int start(void **state)
{
	(void)state;
	arena_init(&a, NULL, 0);
	return mkdtemp(dir) ? 0 : -1;
}

static int stop(void **state)
{
	int rc = system(arena_printf(&a, "rm -rf '%s'", dir));

	(void)state;
	arena_done(&a);
	return rc;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write),  cmocka_unit_test(test_write_least), cmocka_unit_test(test_read),
		cmocka_unit_test(test_states), cmocka_unit_test(test_ready),       cmocka_unit_test(test_list),
		cmocka_unit_test(test_unreadable), cmocka_unit_test(test_others_and_too_large),
		cmocka_unit_test(test_snapshot),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
