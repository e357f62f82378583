// SPDX-License-Identifier: Apache-2.0
/* What the operands mean: networks, namespaces, containers, and the libcni handle that the options describe. */
#include <stdio.h>
#include <unistd.h>

#include "cmd/cli.h"
#include "lib/fs.h"
#include "lib/jsonw.h"
#include "lib/sha512.h"
#include "lib/str.h"

static const char *first_set(const char *a, const char *b, const char *c)
{
	return !str_empty(a) ? a : !str_empty(b) ? b : c;
}

static void warn(void *arg, const char *text)
{
	struct cli *c = arg;
	struct buf b;

	buf_init(&b, c->arena, 256);
	buf_printf(&b, "%s: ", c->tool ? "cnitool" : "crimp");
	term_put(&c->term, &b, STYLE_WARN, "warning: ");
	buf_printf(&b, "%s\n", text);
	if (write(STDERR_FILENO, b.data, b.len) < 0)
		return;
}

/* What plugins say goes where their runtime's own words go, also when they succeed. */
static void pass_on(void *arg UNUSED, const char *type UNUSED, const char *text, size_t len)
{
	struct err ignored;
	bool done UNUSED = fd_write_all(STDERR_FILENO, text, len, &ignored);
}

bool cli_runtime(struct cli *c, struct cni_error *e)
{
	struct cni_runtime_opts o = CNI_RUNTIME_OPTS_INIT;
	uint64_t seconds = 0;
	struct err bad = ERR_INIT;

	if (c->opt.timeout && (!str_u64(c->opt.timeout, 86400, &seconds) || !seconds)) {
		(void)fail_code(&bad, CNI_ERR_INVALID_ENVIRONMENT,
				"--timeout wants whole seconds from 1 to 86400, has %s", c->opt.timeout);
		cni_error_from(e, &bad);
		return false;
	}
	c->opt.conf_dir = first_set(c->opt.conf_dir, getenv("NETCONFPATH"), "/etc/cni/net.d");
	if (!c->opt.plugin_dirs)
		c->opt.plugin_dirs = first_set(getenv("CNI_PATH"), NULL, "/opt/cni/bin");
	o.plugin_dirs = (const char *const *)str_split_nonempty(c->arena, c->opt.plugin_dirs, ':', NULL);
	o.cache_dir = c->opt.cache_dir;
	o.timeout_ms = (int)seconds * 1000;
	o.flags = (c->opt.rollback ? CNI_ROLLBACK : 0) | (c->opt.keep_going ? CNI_DEL_CONTINUE : 0);
	o.on_stderr = pass_on;
	o.on_warn = warn;
	o.arg = c;
	return cni_runtime_new(&o, &c->rt, e);
}

bool target_network(struct cli *c, const char *operand, struct cni_network **ret, struct cni_error *e)
{
	if (!cli_runtime(c, e))
		return false;
	if (strchr(operand, '/'))
		return cni_network_load_file(c->rt, operand, ret, e);
	return cni_network_load(c->rt, c->opt.conf_dir, operand, ret, e);
}

/* Lexically absolute and clean, as cnitool does it: the container ID is derived from this text. */
static const char *absolute(struct arena *a, const char *path)
{
	char cwd[4096];
	struct buf b;
	size_t n;
	char **parts;

	if (*path != '/') {
		if (!getcwd(cwd, sizeof(cwd)))
			return path;
		path = fs_join(a, cwd, path);
	}
	parts = str_split(a, path, '/', &n);
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (!*parts[i] || str_eq(parts[i], "."))
			continue;
		if (str_eq(parts[i], ".."))
			kept -= kept > 0;
		else
			parts[kept++] = parts[i];
	}
	buf_init(&b, a, strlen(path) + 2);
	for (size_t i = 0; i < kept; i++)
		buf_printf(&b, "/%s", parts[i]);
	if (!kept)
		buf_putc(&b, '/');
	return buf_str(&b);
}

const char *target_netns(struct arena *a, const char *operand)
{
	uint64_t pid;

	if (str_u64(operand, INT32_MAX, &pid))
		return arena_printf(a, "/proc/%llu/ns/net", (unsigned long long)pid);
	if (!strchr(operand, '/'))
		return arena_printf(a, "/var/run/netns/%s", operand);
	return absolute(a, operand);
}

const char *container_id_of(struct arena *a, const char *netns_path)
{
	const char *path = absolute(a, netns_path);
	struct sha512 s;
	uint8_t digest[64];
	char hex[21];

	sha512_init(&s);
	sha512_put(&s, path, strlen(path));
	sha512_end(&s, digest);
	str_hex(hex, digest, 10);
	return arena_printf(a, "cnitool-%s", hex);
}

/* "K=V" from --arg, or the pieces of $CNI_ARGS; both halves must be there. */
static bool read_args(struct cli *c, struct cni_attachment *ret, struct err *e)
{
	const char *env = getenv("CNI_ARGS");
	const char **texts = (const char **)c->opt.args.items;
	size_t n = c->opt.args.n;

	if (!n && !str_empty(env))
		texts = (const char **)str_split(c->arena, env, ';', &n);
	struct cni_arg *args = arena_array(c->arena, n + 1, sizeof(*args));

	for (size_t i = 0; i < n; i++) {
		const char *eq = strchr(texts[i], '=');

		if (!eq || eq == texts[i] || !eq[1] || strchr(eq + 1, '='))
			return fail_code(e, CNI_ERR_INVALID_ENVIRONMENT, "argument \"%s\" is not of the form KEY=VALUE",
					 texts[i]);
		args[i].key = arena_strndup(c->arena, texts[i], (size_t)(eq - texts[i]));
		args[i].value = eq + 1;
	}
	ret->args = args;
	ret->n_args = n;
	return true;
}

struct port_mapping {
	const char *host_ip, *protocol;
	uint64_t host, container;
};

static bool port_read(struct arena *a, const char *text, struct port_mapping *ret, struct err *e)
{
	char *copy = arena_strdup(a, text), *slash = strrchr(copy, '/'), *container, *host;

	*ret = (struct port_mapping){ .protocol = "tcp" };
	if (slash) {
		*slash = '\0';
		ret->protocol = slash + 1;
	}
	container = strrchr(copy, ':');
	if (!container)
		return fail_code(e, CNI_ERR_INVALID_ENVIRONMENT, "--publish %s: want [HOSTIP:]HOST:CONTAINER[/PROTO]",
				 text);
	*container++ = '\0';
	host = strrchr(copy, ':');
	if (host) {
		*host++ = '\0';
		ret->host_ip = copy;
		size_t n = strlen(copy);

		if (n > 2 && copy[0] == '[' && copy[n - 1] == ']') {
			copy[n - 1] = '\0';
			ret->host_ip = copy + 1;
		}
	} else {
		host = copy;
	}
	if (!str_u64(host, 65535, &ret->host) || !str_u64(container, 65535, &ret->container) || !ret->host ||
	    !ret->container)
		return fail_code(e, CNI_ERR_INVALID_ENVIRONMENT, "--publish %s: ports are numbers from 1 to 65535",
				 text);
	return true;
}

/* The capability object: --capabilities or $CAP_ARGS, with portMappings from --publish in place of its own. */
static bool read_capabilities(struct cli *c, const char **ret, struct err *e)
{
	const char *given = !str_empty(c->opt.caps) ? c->opt.caps : getenv("CAP_ARGS");
	const struct json *object = NULL;
	struct jsonw w;
	struct buf b;

	if (!str_empty(given)) {
		if (!json_parse(c->arena, (struct bytes){ given, strlen(given) }, &object, e)) {
			e->code = CNI_ERR_INVALID_ENVIRONMENT;
			return wrap(e, "capability arguments");
		}
		if (!json_is(object, JSON_OBJECT))
			return fail_code(e, CNI_ERR_INVALID_ENVIRONMENT,
					 "capability arguments: want an object, have %s", json_type_name(object));
	}
	if (!c->opt.publish.n) {
		*ret = object ? given : NULL;
		return true;
	}
	buf_init(&b, c->arena, 256);
	jsonw_init(&w, &b, false);
	jsonw_object(&w);
	json_each(m, object) {
		if (str_eq(m->key, "portMappings"))
			continue;
		jsonw_key(&w, m->key);
		jsonw_raw(&w, m->raw);
	}
	jsonw_key(&w, "portMappings");
	jsonw_array(&w);
	for (size_t i = 0; i < c->opt.publish.n; i++) {
		struct port_mapping p;

		if (!port_read(c->arena, ((const char **)c->opt.publish.items)[i], &p, e))
			return false;
		jsonw_object(&w);
		jsonw_kuint(&w, "hostPort", p.host);
		jsonw_kuint(&w, "containerPort", p.container);
		jsonw_kstr(&w, "protocol", p.protocol);
		jsonw_kstr_if(&w, "hostIP", p.host_ip);
		jsonw_object_end(&w);
	}
	jsonw_array_end(&w);
	jsonw_object_end(&w);
	*ret = buf_str(&b);
	return true;
}

bool target_attachment(struct cli *c, const char *netns_operand, struct cni_attachment *ret, struct err *e)
{
	struct cni_attachment at = CNI_ATTACHMENT_INIT;

	at.netns = netns_operand ? target_netns(c->arena, netns_operand) : "";
	at.ifname = first_set(c->opt.ifname, getenv("CNI_IFNAME"), "eth0");
	at.container_id = c->opt.container_id;
	if (str_empty(at.container_id)) {
		if (!netns_operand)
			return fail_code(e, CNI_ERR_INVALID_ENVIRONMENT,
					 "say which container: NETNS or --container-id");
		at.container_id = container_id_of(c->arena, at.netns);
	}
	if (!read_args(c, &at, e) || !read_capabilities(c, &at.capability_args, e))
		return false;
	*ret = at;
	return true;
}
