// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "cni/confdir.h"
#include "cni/error.h"
#include "cni/handle.h"

static struct cni_network *network_new(void)
{
	struct cni_network *net = handle_new(sizeof(*net));

	arena_init(&net->arena, NULL, 0);
	return net;
}

void cni_network_free(struct cni_network *net)
{
	if (!net)
		return;
	arena_done(&net->arena);
	free(net);
}

/* What every loader ends with. */
static bool give(bool ok, struct cni_network *net, struct cni_network **ret, const struct err *why, struct cni_error *e)
{
	if (ok) {
		*ret = net;
		return true;
	}
	cni_network_free(net);
	return error_give(e, why);
}

bool cni_network_load(struct cni_runtime *rt, const char *dir, const char *name, struct cni_network **ret,
		      struct cni_error *e)
{
	struct confdir_warn warn = { rt->on_warn, rt->arg };
	struct cni_network *net = network_new();
	struct err why = ERR_INIT;
	bool ok = confdir_find(&net->arena, dir, name, rt->flags & CNI_STRICT_LOAD, &warn, &net->list, &why);

	return give(ok, net, ret, &why, e);
}

bool cni_network_load_file(struct cni_runtime *rt, const char *path, struct cni_network **ret, struct cni_error *e)
{
	enum conflist_form form = confdir_form(path) == CONFLIST_LIST ? CONFLIST_LIST : CONFLIST_EITHER;
	struct cni_network *net = network_new();
	struct err why = ERR_INIT;

	(void)rt;
	return give(conflist_load_named(&net->arena, path, form, &net->list, &why), net, ret, &why, e);
}

bool cni_network_load_bytes(struct cni_runtime *rt, const char *json, size_t len, struct cni_network **ret,
			    struct cni_error *e)
{
	struct cni_network *net = network_new();
	struct bytes text = { arena_strndup(&net->arena, json, len), len };
	struct err why = ERR_INIT;

	(void)rt;
	return give(conflist_parse(&net->arena, text, CONFLIST_EITHER, &net->list, &why), net, ret, &why, e);
}

const char *cni_network_name(const struct cni_network *net)
{
	return net->list.name;
}

const char *cni_network_version(const struct cni_network *net)
{
	return net->list.version;
}

const char *cni_network_file(const struct cni_network *net)
{
	return net->list.file;
}

size_t cni_network_plugins(const struct cni_network *net)
{
	return net->list.n;
}

const char *cni_network_plugin_type(const struct cni_network *net, size_t i)
{
	return i < net->list.n ? net->list.plugins[i].type : NULL;
}

const char *cni_network_plugin_json(const struct cni_network *net, size_t i)
{
	return i < net->list.n ? net->list.plugins[i].text : NULL;
}

const char *cni_network_json(const struct cni_network *net, size_t *ret_len)
{
	if (ret_len)
		*ret_len = net->list.bytes.len;
	return net->list.bytes.data;
}

bool cni_network_is_single(const struct cni_network *net)
{
	return net->list.is_single;
}

bool cni_network_disable_check(const struct cni_network *net)
{
	return net->list.disable_check;
}

bool cni_network_disable_gc(const struct cni_network *net)
{
	return net->list.disable_gc;
}

bool cni_networks_load(struct cni_runtime *rt, const char *dir, struct cni_network ***ret, size_t *ret_n,
		       struct cni_error *e)
{
	autoscratch s;
	struct arena *a = scratch_init(&s);
	struct cni_network **nets;
	struct err why = ERR_INIT;
	size_t n_files, n = 0;
	char **files;

	if (!confdir_files(a, dir, confdir_all, &files, &n_files, &why))
		return error_give(e, &why);
	nets = handle_new((n_files + 1) * sizeof(struct cni_network *));
	for (size_t i = 0; i < n_files; i++) {
		struct cni_network *net = network_new();

		if (conflist_load(&net->arena, files[i], confdir_form(files[i]), &net->list, &why)) {
			nets[n++] = net;
			continue;
		}
		cni_network_free(net);
		runtime_warn(rt, a, "passed over: %s", why.text);
	}
	*ret = nets;
	*ret_n = n;
	return true;
}

void cni_networks_free(struct cni_network **nets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cni_network_free(nets[i]);
	free(nets);
}
