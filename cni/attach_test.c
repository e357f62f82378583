// SPDX-License-Identifier: Apache-2.0
/*
 * The library through its public header, with an executor that plays the plugins: who was
 * called with what, and what is left behind.
 */
#include <setjmp.h>
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cni/runtime.h>

#include "lib/buf.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "lib/str.h"

#include <cmocka.h>

static struct arena a;
static char dir[] = "/tmp/crimp-attach-XXXXXX";

/* What a plugin answers to a verb; the first row that fits. NULL fits all. */
struct answer {
	const char *plugin, *verb;
	int status;
	const char *out, *err;
};
static const struct answer *answers;
static struct buf calls;    /* "one ADD\n..." */
static struct buf requests; /* the same with stdin */
static struct buf warnings, stderrs;

static const char *env_get(const struct cni_exec *call, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; call->env[i]; i++)
		if (strncmp(call->env[i], name, len) == 0 && call->env[i][len] == '=')
			return call->env[i] + len + 1;
	return "-";
}

static bool play(void *arg, const struct cni_exec *call, struct cni_exec_end *ret, struct cni_error *e)
{
	const char *name = strrchr(call->path, '/') + 1, *verb = env_get(call, "CNI_COMMAND");
	const struct answer *row = answers;

	assert_ptr_equal(arg, &calls);
	assert_int_equal(call->size, sizeof(*call));
	buf_printf(&calls, "%s %s\n", name, verb);
	buf_printf(&requests, "%s %s %s %s %s [%s] %.*s\n", name, verb, env_get(call, "CNI_CONTAINERID"),
		   env_get(call, "CNI_NETNS"), env_get(call, "CNI_IFNAME"), env_get(call, "CNI_ARGS"),
		   (int)call->input_len, call->input);
	while (row && row->out &&
	       ((row->plugin && !str_eq(row->plugin, name)) || (row->verb && !str_eq(row->verb, verb))))
		row++;
	if (!row || !row->out) {
		ret->out = strdup(str_eq(verb, "ADD") ? "{\"cniVersion\":\"1.1.0\"}" : "");
	} else if (row->status < 0) {
		snprintf(e->text, sizeof(e->text), "%s", row->out);
		e->num = EPERM;
		return false;
	} else {
		ret->status = row->status << 8;
		ret->out = strdup(row->out);
		ret->err = row->err ? strdup(row->err) : NULL;
		ret->err_len = row->err ? strlen(row->err) : 0;
	}
	ret->out_len = strlen(ret->out);
	return true;
}

static void warn(void *arg, const char *what)
{
	(void)arg;
	buf_printf(&warnings, "%s\n", what);
}

static void keep_stderr(void *arg, const char *type, const char *what, size_t len)
{
	(void)arg;
	buf_printf(&stderrs, "%s: %.*s", type, (int)len, what);
}

static void forget(void)
{
	calls.len = requests.len = warnings.len = stderrs.len = 0;
	answers = NULL;
}

/* A runtime with plugins one, two and three, and a cache of its own. */
static struct cni_runtime *runtime(unsigned flags)
{
	static int n;
	char *where = arena_printf(&a, "%s/%d", dir, n++);
	const char *dirs[] = { fs_join(&a, where, "bin"), NULL };
	struct cni_runtime_opts o = CNI_RUNTIME_OPTS_INIT;
	struct cni_runtime *rt = NULL;
	struct err e = ERR_INIT;

	assert_true(fs_mkdirs(dirs[0], 0755, &e));
	for (size_t i = 0; i < 3; i++)
		assert_true(fs_write_atomic(fs_join(&a, dirs[0], ((const char *[]){ "one", "two", "three" })[i]),
					    (struct bytes){ "", 0 }, 0755, &e));
	o.plugin_dirs = dirs;
	o.cache_dir = fs_join(&a, where, "cache");
	o.flags = flags;
	o.exec = play;
	o.on_warn = warn;
	o.lock_timeout_ms = 100;
	o.arg = &calls;
	forget();
	assert_true(cni_runtime_new(&o, &rt, NULL));
	return rt;
}

static struct cni_network *network(struct cni_runtime *rt, const char *version)
{
	const char *text = arena_printf(&a,
					"{\"name\":\"net\",\"cniVersion\":\"%s\",\"plugins\":[{\"type\":\"one\"},"
					"{\"type\":\"two\"},{\"type\":\"three\"}]}",
					version);
	struct cni_error e = CNI_ERROR_INIT;
	struct cni_network *net = NULL;

	if (!cni_network_load_bytes(rt, text, strlen(text), &net, &e))
		fail_msg("%s", e.text);
	return net;
}

static struct cni_attachment attachment(void)
{
	struct cni_attachment at = CNI_ATTACHMENT_INIT;

	at.container_id = "c1";
	at.netns = "/run/netns/x";
	at.ifname = "eth0";
	return at;
}

static size_t cached(struct cni_runtime *rt)
{
	struct cni_cached_list *l = NULL;
	size_t n;

	assert_true(cni_cached_attachments(rt, NULL, &l, NULL));
	n = cni_cached_list_len(l);
	cni_cached_list_free(l);
	return n;
}

static void done(struct cni_runtime *rt, struct cni_network *net)
{
	cni_network_free(net);
	cni_runtime_free(rt);
}

static void test_a_life(void **state)
{
	static const struct answer rows[] = {
		{ "one", "ADD", 0,
		  "{\"cniVersion\":\"0.3.1\",\"ips\":[{\"version\":\"4\",\"address\":\"10.0.0.2/24\"}],\"dns\":{}}",
		  NULL },
		{ "two", "ADD", 0, "{\"cniVersion\":\"1.0.0\",\"vendor\":{\"x\":1.50},\"ips\":[]}", NULL },
		{ NULL, "ADD", 0,
		  "{\"ips\":[{\"address\":\"10.0.0.3/24\",\"gateway\":\"10.0.0.1\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}",
		  NULL },
		{ 0 },
	};
	struct cni_runtime *rt = runtime(0);
	struct cni_network *net = network(rt, "1.0.0");
	struct cni_attachment at = attachment();
	struct cni_arg args[] = { { "A", "1" }, { "B", "" } };
	struct cni_result *r = NULL;
	struct cni_ip ip = CNI_IP_INIT;
	struct cni_route route = CNI_ROUTE_INIT;

	(void)state;
	at.args = args;
	at.n_args = 2;
	answers = rows;
	assert_true(cni_add(rt, net, &at, &r, NULL));
	assert_string_equal(
		buf_str(&requests),
		"one ADD c1 /run/netns/x eth0 [A=1;B=] {\"type\":\"one\",\"cniVersion\":\"1.0.0\",\"name\":\"net\"}\n"
		"two ADD c1 /run/netns/x eth0 [A=1;B=] {\"type\":\"two\",\"cniVersion\":\"1.0.0\",\"name\":\"net\","
		"\"prevResult\":{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.2/24\"}]}}\n"
		"three ADD c1 /run/netns/x eth0 [A=1;B=] {\"type\":\"three\",\"cniVersion\":\"1.0.0\",\"name\":\"net\","
		"\"prevResult\":{\"cniVersion\":\"1.0.0\",\"vendor\":{\"x\":1.50},\"ips\":[]}}\n");
	assert_string_equal(cni_result_version(r), "1.0.0");
	assert_int_equal(cni_result_ips(r), 1);
	assert_true(cni_result_ip(r, 0, &ip));
	assert_string_equal(ip.address, "10.0.0.3/24");
	assert_string_equal(ip.gateway, "10.0.0.1");
	assert_int_equal(ip.interface, -1);
	assert_true(cni_result_route(r, 0, &route));
	assert_string_equal(route.gw, "");
	assert_int_equal(route.scope, -1);
	assert_false(cni_result_ip(r, 1, &ip));
	assert_non_null(strstr(cni_result_json(r), "\"cniVersion\": \"1.0.0\""));
	cni_result_free(r);
	assert_int_equal(cached(rt), 1);

	requests.len = 0;
	assert_true(cni_del(rt, net, &at, NULL));
	assert_true(str_starts(
		buf_str(&requests),
		"three DEL c1 /run/netns/x eth0 [A=1;B=] {\"type\":\"three\",\"cniVersion\":\"1.0.0\",\"name\":\"net\","
		"\"prevResult\":{\"cniVersion\":\"1.0.0\","));
	assert_int_equal(cached(rt), 0);
	assert_true(cni_del(rt, net, &at, NULL));
	assert_int_equal(warnings.len, 0);
	done(rt, net);
}

/* Nothing runs when it could not end well. */
static void test_preflight(void **state)
{
	static const struct {
		const char *id, *ifname, *caps, *key;
		int code;
	} rows[] = {
		{ "", "eth0", NULL, "K", 3 },    { "a/b", "eth0", NULL, "K", 4 }, { "c", "", NULL, "K", 4 },
		{ "c", "a:b", NULL, "K", 4 },    { "c", "eth0", "[]", "K", 7 },   { "c", "eth0", "{", "K", 7 },
		{ "c", "eth0", "null", "K", 7 }, { "c", "eth0", NULL, "K;L", 4 }, { "c", "eth0", NULL, "", 4 },
	};
	struct cni_runtime *rt = runtime(0);
	struct cni_network *net = network(rt, "1.0.0"), *odd = network(rt, "0.7.7");
	struct cni_attachment at;
	struct cni_error e = CNI_ERROR_INIT;
	struct cni_result *r = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cni_arg arg = { rows[i].key, "v" };

		at = attachment();
		at.container_id = rows[i].id;
		at.ifname = rows[i].ifname;
		at.capability_args = rows[i].caps;
		at.args = &arg;
		at.n_args = 1;
		assert_false(cni_add(rt, net, &at, &r, &e));
		assert_int_equal(e.code, rows[i].code);
		assert_true(str_starts(e.text, "ADD, network net: "));
		assert_false(cni_del(rt, net, &at, &e));
		assert_int_equal(e.code, rows[i].code);
		assert_true(str_starts(e.text, "DEL, network net: "));
		assert_false(cni_check(rt, net, &at, &e));
		assert_int_equal(e.code, rows[i].code);
		assert_true(str_starts(e.text, "CHECK, network net: "));
	}
	at = attachment();
	assert_false(cni_add(rt, odd, &at, &r, &e));
	assert_int_equal(e.code, CNI_ERR_INCOMPATIBLE_VERSION);
	at.container_id = memset(arena_alloc(&a, 300), 'x', 250);
	assert_false(cni_add(rt, net, &at, &r, &e));
	assert_int_equal(e.num, ENAMETOOLONG);
	at.size = 0;
	assert_false(cni_add(rt, net, &at, &r, &e));
	assert_int_equal(e.num, EINVAL);
	assert_false(cni_add(rt, net, NULL, &r, &e));
	assert_null(r);
	assert_int_equal(calls.len, 0);
	cni_network_free(odd);
	done(rt, net);
}

static void test_missing_binary(void **state)
{
	const char text[] =
		"{\"name\":\"net\",\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"one\"},{\"type\":\"absent\"}]}";
	struct cni_runtime *rt = runtime(0);
	struct cni_network *net = NULL;
	struct cni_attachment at = attachment();
	struct cni_error e = CNI_ERROR_INIT;

	(void)state;
	assert_true(cni_network_load_bytes(rt, text, sizeof(text) - 1, &net, &e));
	assert_false(cni_add(rt, net, &at, NULL, &e));
	assert_true(str_starts(e.text, "ADD, network net: plugin absent: failed to find plugin \"absent\""));
	assert_int_equal(e.num, ENOENT);
	assert_int_equal(calls.len, 0);
	done(rt, net);
}

static const struct answer second_fails[] = {
	{ "two", "ADD", 1, "{\"code\":110,\"msg\":\"no\",\"details\":\"why\"}", "trace\n" },
	{ "three", "DEL", 1, "{\"code\":7,\"msg\":\"del three\"}", NULL },
	{ 0 },
};

static void test_failure(void **state)
{
	struct cni_runtime *rt = runtime(0);
	struct cni_network *net = network(rt, "1.1.0");
	struct cni_attachment at = attachment();
	struct cni_error e = CNI_ERROR_INIT;
	struct cni_result *r = NULL;

	(void)state;
	answers = second_fails;
	assert_false(cni_add(rt, net, &at, &r, &e));
	assert_string_equal(buf_str(&calls), "one ADD\ntwo ADD\n");
	assert_string_equal(e.text, "plugin two (ADD, network net): no (stderr: trace)");
	assert_string_equal(e.details, "why");
	assert_int_equal(e.code, 110);
	assert_null(r);
	assert_int_equal(cached(rt), 0);
	done(rt, net);
}

static void test_rollback(void **state)
{
	struct cni_runtime *rt = runtime(CNI_ROLLBACK);
	struct cni_network *net = network(rt, "1.1.0");
	struct cni_attachment at = attachment();
	struct cni_error e = CNI_ERROR_INIT;

	(void)state;
	answers = second_fails;
	assert_false(cni_add(rt, net, &at, NULL, &e));
	assert_string_equal(buf_str(&calls), "one ADD\ntwo ADD\nthree DEL\ntwo DEL\none DEL\n");
	assert_int_equal(e.code, 110);
	assert_non_null(strstr(buf_str(&warnings), "could not be undone: plugin three (DEL, network net): del three"));
	/* What the first had answered is all that is known. */
	assert_non_null(strstr(buf_str(&requests),
			       "one DEL c1 /run/netns/x eth0 [] {\"type\":\"one\",\"cniVersion\":\"1.1.0\","
			       "\"name\":\"net\",\"prevResult\":{\"cniVersion\":\"1.1.0\"}}"));
	done(rt, net);
}

/* What the first ADD attached is in use: no failure of a second one takes it away. */
static void test_rollback_of_a_repeated_add(void **state)
{
	struct cni_runtime *rt = runtime(CNI_ROLLBACK);
	struct cni_network *net = network(rt, "1.1.0");
	struct cni_attachment at = attachment();
	struct cni_error e = CNI_ERROR_INIT;

	(void)state;
	assert_true(cni_add(rt, net, &at, NULL, NULL));
	forget();
	answers = second_fails;
	assert_false(cni_add(rt, net, &at, NULL, &e));
	assert_int_equal(e.code, 110);
	assert_string_equal(buf_str(&calls), "one ADD\ntwo ADD\n");
	assert_non_null(strstr(buf_str(&warnings), "a repeated ADD of container c1, interface eth0, network net"));
	assert_int_equal(cached(rt), 1);
	answers = NULL;
	assert_true(cni_add(rt, net, &at, NULL, &e));
	done(rt, net);
}

static void test_del_stops_or_goes_on(void **state)
{
	static const struct answer rows[] = {
		{ "three", "DEL", 1, "{\"code\":7,\"msg\":\"del three\"}", NULL },
		{ "two", "DEL", 1, "{\"code\":11,\"msg\":\"del two\"}", NULL },
		{ 0 },
	};
	struct cni_attachment at = attachment();

	(void)state;
	for (int go_on = 0; go_on < 2; go_on++) {
		struct cni_runtime *rt = runtime(go_on ? CNI_DEL_CONTINUE : 0);
		struct cni_network *net = network(rt, "1.0.0");
		struct cni_error e = CNI_ERROR_INIT;

		assert_true(cni_add(rt, net, &at, NULL, NULL));
		forget();
		answers = rows;
		assert_false(cni_del(rt, net, &at, &e));
		assert_int_equal(e.code, 7);
		assert_string_equal(buf_str(&calls), go_on ? "three DEL\ntwo DEL\none DEL\n" : "three DEL\n");
		assert_true(!strstr(e.text, "del two") == !go_on);
		assert_int_equal(cached(rt), 1);
		answers = NULL;
		assert_true(cni_del(rt, net, &at, &e));
		assert_int_equal(cached(rt), 0);
		done(rt, net);
	}
}

/* The cache directory goes away while the plugins run: what was attached is detached. */
static bool play_and_spoil(void *arg, const struct cni_exec *call, struct cni_exec_end *ret, struct cni_error *e)
{
	if (str_ends(call->path, "/three") && str_eq(env_get(call, "CNI_COMMAND"), "ADD")) {
		assert_int_equal(rmdir(arena_printf(&a, "%s/spoilt/results", dir)), 0);
		assert_int_equal(symlink("/proc/self/nothing", arena_printf(&a, "%s/spoilt/results", dir)), 0);
	}
	return play(arg, call, ret, e);
}

static void test_unwritable_cache(void **state)
{
	struct cni_runtime *other = runtime(0), *rt = NULL;
	struct cni_network *net = network(other, "1.0.0");
	struct cni_attachment at = attachment();
	struct cni_error e = CNI_ERROR_INIT;
	struct cni_runtime_opts o = CNI_RUNTIME_OPTS_INIT;
	char *path = NULL;

	(void)state;
	assert_true(cni_plugin_find(other, "one", &path, NULL));
	*strrchr(path, '/') = '\0';
	o.plugin_dirs = (const char *[]){ path, NULL };
	o.cache_dir = fs_join(&a, dir, "spoilt");
	o.exec = play_and_spoil;
	o.arg = &calls;
	assert_true(cni_runtime_new(&o, &rt, NULL));
	free(path);
	assert_false(cni_add(rt, net, &at, NULL, &e));
	assert_true(str_starts(e.text, "ADD, network net: cannot remember the result: "));
	assert_string_equal(buf_str(&calls), "one ADD\ntwo ADD\nthree ADD\nthree DEL\ntwo DEL\none DEL\n");
	/* And now that it is known before, nothing runs. */
	forget();
	assert_false(cni_add(rt, net, &at, NULL, &e));
	assert_int_equal(calls.len, 0);
	cni_runtime_free(rt);
	done(other, net);
}

static void test_check_gates(void **state)
{
	struct cni_runtime *rt = runtime(0);
	struct cni_network *old = network(rt, "0.3.1"), *net = network(rt, "0.4.0");
	struct cni_attachment at = attachment();
	struct cni_error e = CNI_ERROR_INIT;

	(void)state;
	assert_false(cni_check(rt, old, &at, &e));
	assert_int_equal(e.num, ENOTSUP);
	assert_non_null(strstr(e.text, "does not support the CHECK command"));
	assert_int_equal(calls.len, 0);
	assert_true(cni_check(rt, net, &at, &e));
	assert_string_equal(buf_str(&calls), "one CHECK\ntwo CHECK\nthree CHECK\n");
	assert_null(strstr(buf_str(&requests), "prevResult"));
	cni_network_free(old);
	done(rt, net);
}

static void test_status(void **state)
{
	static const struct answer rows[] = {
		{ "two", NULL, 1, "{\"cniVersion\":\"1.1.0\",\"code\":51,\"msg\":\"degraded\"}", NULL },
		{ 0 },
	};
	struct cni_runtime *rt = runtime(0);
	struct cni_network *old = network(rt, "1.0.0"), *net = network(rt, "1.1.0");
	struct cni_error e = CNI_ERROR_INIT;

	(void)state;
	answers = rows;
	assert_true(cni_status(rt, old, &e));
	assert_int_equal(calls.len, 0);
	assert_false(cni_status(rt, net, &e));
	assert_int_equal(e.code, CNI_ERR_LIMITED_CONNECTIVITY);
	assert_string_equal(buf_str(&calls), "one STATUS\ntwo STATUS\n");
	assert_true(str_starts(buf_str(&requests), "one STATUS    [] {"));
	cni_network_free(old);
	done(rt, net);
}

static void test_gc(void **state)
{
	static const struct answer rows[] = { { NULL, "GC", 1, "{\"code\":9,\"msg\":\"gc\"}", NULL }, { 0 } };
	struct cni_runtime *rt = runtime(0);
	struct cni_network *net = network(rt, "1.1.0");
	struct cni_attachment at = attachment(), keep = attachment();
	struct cni_error e = CNI_ERROR_INIT;

	(void)state;
	assert_true(cni_add(rt, net, &at, NULL, NULL));
	keep.ifname = at.ifname = "eth1";
	assert_true(cni_add(rt, net, &at, NULL, NULL));
	forget();
	assert_true(cni_gc(rt, net, &keep, 1, &e));
	assert_string_equal(buf_str(&calls), "three DEL\ntwo DEL\none DEL\none GC\ntwo GC\nthree GC\n");
	assert_non_null(strstr(buf_str(&requests),
			       "one GC    [] {\"type\":\"one\",\"cniVersion\":\"1.1.0\",\"name\":\"net\","
			       "\"cni.dev/valid-attachments\":[{\"containerID\":\"c1\",\"ifname\":\"eth1\"}],"
			       "\"cni.dev/attachments\":[{\"containerID\":\"c1\",\"ifname\":\"eth1\"}]}"));
	assert_int_equal(cached(rt), 1);
	forget();
	answers = rows;
	assert_false(cni_gc_all(rt, net, &e));
	assert_int_equal(e.code, 9);
	assert_non_null(
		strstr(e.text, "plugin one (GC, network net): gc; plugin two (GC, network net): gc; plugin three"));
	assert_null(strstr(buf_str(&requests), "cni.dev"));
	assert_int_equal(cached(rt), 0);
	done(rt, net);
}

/* Callers compiled with an older header have smaller structs, and arrays of them are denser. */
static void test_sizes(void **state)
{
	struct older {
		size_t size;
		const char *container_id, *netns, *ifname;
	} valid[2] = { { sizeof(valid[0]), "c1", NULL, "eth0" }, { sizeof(valid[0]), "c1", NULL, "eth1" } };
	struct {
		size_t size;
		int code;
		int canary;
	} small = { .size = 12, .canary = 77 };
	struct {
		size_t size;
		const char *address;
		const char *canary;
	} ip = { .size = 16, .canary = "kept" };
	struct cni_runtime *rt = runtime(0);
	struct cni_network *net = network(rt, "1.0.0");
	struct cni_attachment at = attachment();
	struct cni_result *r = NULL;

	(void)state;
	assert_true(cni_add(rt, net, &at, NULL, NULL));
	assert_true(cni_gc(rt, net, (const struct cni_attachment *)&valid, 2, NULL));
	assert_int_equal(cached(rt), 1);
	assert_true(cni_gc(rt, net, (const struct cni_attachment *)&valid[1], 1, NULL));
	assert_int_equal(cached(rt), 0);
	at.container_id = "";
	assert_false(cni_add(rt, net, &at, NULL, (struct cni_error *)&small));
	assert_int_equal(small.size, 12);
	assert_int_equal(small.code, 3);
	assert_int_equal(small.canary, 77);
	assert_true(cni_result_parse("{\"ips\":[{\"address\":\"10.0.0.1/8\"}]}", 34, "1.0.0", &r, NULL));
	assert_true(cni_result_ip(r, 0, (struct cni_ip *)&ip));
	assert_string_equal(ip.address, "10.0.0.1/8");
	assert_string_equal(ip.canary, "kept");
	cni_result_free(r);
	done(rt, net);
}

/* A struct without a size has room for nothing, not even for the answer that there is one. */
static void test_no_size(void **state)
{
	struct cni_runtime *rt = runtime(0);
	struct cni_network *net = network(rt, "1.0.0");
	struct cni_attachment at = attachment();
	struct cni_interface interface = { .mtu = 7 };
	struct cni_route route = { .mtu = 7 };
	struct cni_ip ip = { .interface = 7 };
	struct cni_error e = { .code = 7 };
	struct cni_cached item = { .n_args = 7 };
	struct cni_cached_list *l = NULL;
	struct cni_result *r = NULL;
	static const char all[] = "{\"ips\":[{\"address\":\"10.0.0.1/8\"}],\"routes\":[{\"dst\":\"10.0.0.0/8\"}],"
				  "\"interfaces\":[{\"name\":\"x\"}]}";

	(void)state;
	assert_true(cni_result_parse(all, sizeof(all) - 1, "1.0.0", &r, NULL));
	assert_false(cni_result_interface(r, 0, &interface));
	assert_false(cni_result_ip(r, 0, &ip));
	assert_false(cni_result_route(r, 0, &route));
	assert_true(interface.mtu == 7 && route.mtu == 7 && ip.interface == 7);
	assert_true(cni_add(rt, net, &at, NULL, NULL));
	assert_true(cni_cached_attachments(rt, NULL, &l, NULL));
	assert_int_equal(cni_cached_list_len(l), 1);
	assert_false(cni_cached_list_get(l, 0, &item));
	assert_int_equal(item.n_args, 7);
	at.container_id = "";
	assert_false(cni_add(rt, net, &at, NULL, &e));
	assert_int_equal(e.code, 7);
	cni_cached_list_free(l);
	cni_result_free(r);
	done(rt, net);
}

/* Whatever a plugin says, a failure and a warning are text. */
static void test_texts_are_utf8(void **state)
{
	static const struct answer rows[] = {
		{ "one", "ADD", 1, "\xFF\xFE no", NULL },
		{ NULL, "DEL", 1, "\xC3", NULL },
		{ 0 },
	};
	struct cni_runtime *rt = runtime(CNI_ROLLBACK);
	struct cni_network *net = network(rt, "1.1.0");
	struct cni_attachment at = attachment();
	struct cni_error e = CNI_ERROR_INIT;
	char *id = arena_alloc(&a, 800);

	(void)state;
	answers = rows;
	assert_false(cni_add(rt, net, &at, NULL, &e));
	assert_non_null(strstr(e.text, "no error object: \xEF\xBF\xBD\xEF\xBF\xBD no"));
	assert_non_null(strstr(buf_str(&warnings), "no error object: \xEF\xBF\xBD"));
	assert_null(strstr(buf_str(&warnings), "\xC3"));
	/* As much as there is room for, in whole characters. */
	memset(id, 0xFF, 799);
	assert_false(cni_cached_config(rt, id, "", "", &(struct cni_cached_list *){ NULL }, &e));
	assert_true(str_ends(e.text, "\xEF\xBF\xBD..."));
	done(rt, net);
}

/* ---- the stack ---- */

enum { STACK = 256 << 10, PROMISED = 64 << 10 };

#if defined(__SANITIZE_ADDRESS__)
#define FRAMES_ARE_LARGER true
#else
#define FRAMES_ARE_LARGER false
#endif

static void *live(void *arg)
{
	struct cni_network **net = arg;
	struct cni_runtime *rt = NULL;
	struct cni_attachment at = attachment();
	struct cni_result *r = NULL;
	struct cni_error e = CNI_ERROR_INIT;
	char **versions = NULL;
	struct cni_runtime_opts o = CNI_RUNTIME_OPTS_INIT;

	o.plugin_dirs = (const char *[]){ fs_join(&a, dir, "stack"), NULL };
	o.cache_dir = fs_join(&a, dir, "stack/cache");
	o.on_warn = warn;
	o.arg = &calls;
	assert_true(cni_runtime_new(&o, &rt, NULL));
	assert_true(cni_network_load(rt, o.plugin_dirs[0], "net", net, &e));
	if (!cni_add(rt, *net, &at, &r, &e) || !cni_check(rt, *net, &at, &e) || !cni_gc(rt, *net, &at, 1, &e))
		print_error("%s\n", e.text);
	cni_result_free(r);
	assert_true(cni_cached_result(rt, *net, &at, &r, &e));
	cni_result_free(r);
	assert_true(cni_gc_all(rt, *net, &e));
	assert_int_equal(cached(rt), 0);
	assert_true(cni_del(rt, *net, &at, &e));
	assert_false(cni_validate(rt, *net, NULL, &e));
	assert_false(cni_plugin_versions(rt, "none", &versions, &e));
	cni_runtime_free(rt);
	return rt;
}

/* Everything once, as deep as JSON goes, on a stack that is looked at afterwards. */
static void test_stack(void **state)
{
	enum { DEEP = JSON_DEPTH_MAX - 3 };
	char *deep = memset(arena_alloc(&a, 2 * DEEP + 1), '[', DEEP);
	const char *conf, *plugin;
	unsigned char touched[STACK / 4096];
	void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct cni_network *net = NULL;
	struct err e = ERR_INIT;
	pthread_attr_t attr;
	pthread_t thread;
	size_t at = 0;

	(void)state;
	forget();
	memset(deep + DEEP, ']', DEEP);
	conf = arena_printf(
		&a, "{\"name\":\"net\",\"cniVersion\":\"1.1.0\",\"plugins\":[{\"type\":\"deep\",\"x\":%s}]}", deep);
	plugin = arena_printf(&a,
			      "#!/bin/sh\ncat >/dev/null\n[ $CNI_COMMAND = ADD ] && echo '{\"x\":%s,"
			      "\"ips\":[],\"cniVersion\":\"1.1.0\"}'\nexit 0\n",
			      deep);
	assert_true(fs_mkdirs(fs_join(&a, dir, "stack"), 0755, &e));
	assert_true(
		fs_write_atomic(fs_join(&a, dir, "stack/deep"), (struct bytes){ plugin, strlen(plugin) }, 0755, &e));
	assert_true(
		fs_write_atomic(fs_join(&a, dir, "stack/1.conflist"), (struct bytes){ conf, strlen(conf) }, 0644, &e));
	assert_true(stack != MAP_FAILED);
	assert_int_equal(pthread_attr_init(&attr) || pthread_attr_setstack(&attr, stack, STACK), 0);
	assert_int_equal(pthread_create(&thread, &attr, live, &net), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	assert_int_equal(cni_network_plugins(net), 1);
	/* Pages that nobody wrote to have never come to be. */
	assert_int_equal(mincore(stack, STACK, touched), 0);
	at = (size_t)((unsigned char *)memchr(touched, 1, sizeof(touched)) - touched);
	assert_int_equal(warnings.len, 0);
	assert_true(FRAMES_ARE_LARGER || STACK - at * 4096 <= PROMISED);
	cni_network_free(net);
	munmap(stack, STACK);
}

static void test_stderr_callback(void **state)
{
	static const struct answer rows[] = {
		{ "one", NULL, 0, "{}", "hello\n" },
		{ "two", NULL, -1, "not allowed here", NULL },
		{ 0 },
	};
	struct cni_runtime *other = runtime(0), *rt = NULL;
	struct cni_network *net = network(other, "1.1.0");
	struct cni_runtime_opts o = CNI_RUNTIME_OPTS_INIT;
	struct cni_error e = CNI_ERROR_INIT;
	char *path = NULL;

	(void)state;
	assert_true(cni_plugin_find(other, "one", &path, NULL));
	*strrchr(path, '/') = '\0';
	o.plugin_dirs = (const char *[]){ path, NULL };
	o.exec = play;
	o.on_stderr = keep_stderr;
	o.arg = &calls;
	assert_true(cni_runtime_new(&o, &rt, NULL));
	free(path);
	answers = rows;
	assert_false(cni_status(rt, net, &e));
	assert_string_equal(e.text, "plugin two (STATUS, network net): not allowed here");
	assert_int_equal(e.num, EPERM);
	assert_string_equal(buf_str(&stderrs), "one: hello\n");
	cni_runtime_free(rt);
	done(other, net);
}

static void test_versions(void **state)
{
	static const struct {
		const char *reply;
		int status;
		const char *first;
		size_t n;
	} rows[] = {
		{ "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.4.0\",\"1.0.0\"]}", 0, "0.4.0", 2 },
		{ "{\"cniVersion\":\"0.2.0\"}", 0, "0.1.0", 2 },
		{ "{\"cniVersion\":\"1.0.0\"}", 0, NULL, 0 },
		{ "{\"supportedVersions\":[\"1.0.0\"]}", 0, NULL, 0 },
		{ "{\"cniVersion\":\"1.0.0\",\"supportedVersions\":[1]}", 0, NULL, 0 },
		{ "what?", 0, NULL, 0 },
		{ "{\"code\":4,\"msg\":\"unknown CNI_COMMAND: VERSION\"}", 1, "0.1.0", 1 },
		{ "{\"code\":4,\"msg\":\"unknown CNI_COMMAND: VERSION!\"}", 1, NULL, 0 },
	};
	struct cni_runtime *rt = runtime(0);
	struct cni_error e = CNI_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct answer answer[] = { { NULL, "VERSION", rows[i].status, rows[i].reply, "chatter" }, { 0 } };
		char **versions = NULL;
		size_t n = 0;

		answers = answer;
		assert_int_equal(cni_plugin_versions(rt, "one", &versions, &e), rows[i].n > 0);
		while (versions && versions[n])
			n++;
		assert_int_equal(n, rows[i].n);
		if (n)
			assert_string_equal(versions[0], rows[i].first);
		else
			assert_true(str_starts(e.text, "plugin one (VERSION): "));
		cni_strings_free(versions);
	}
	assert_true(str_starts(buf_str(&requests), "one VERSION  dummy dummy [] {\"cniVersion\":\"1.1.0\"}\n"));
	cni_runtime_free(rt);
}

static int start(void **state)
{
	(void)state;
	arena_init(&a, NULL, 0);
	buf_init(&calls, &a, 256);
	buf_init(&requests, &a, 256);
	buf_init(&warnings, &a, 256);
	buf_init(&stderrs, &a, 256);
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
		cmocka_unit_test(test_a_life),
		cmocka_unit_test(test_preflight),
		cmocka_unit_test(test_missing_binary),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_rollback),
		cmocka_unit_test(test_rollback_of_a_repeated_add),
		cmocka_unit_test(test_del_stops_or_goes_on),
		cmocka_unit_test(test_unwritable_cache),
		cmocka_unit_test(test_check_gates),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_gc),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_no_size),
		cmocka_unit_test(test_texts_are_utf8),
		cmocka_unit_test(test_stack),
		cmocka_unit_test(test_stderr_callback),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
