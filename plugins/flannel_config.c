// SPDX-License-Identifier: Apache-2.0
#include "plugins/flannel.h"

#include "lib/field.h"
#include "lib/jsonw.h"
#include "lib/str.h"

#define SUBNET_FILE "/run/flannel/subnet.env"
#define DATA_DIR "/var/lib/cni/flannel"

static const struct field flannel_fields[] = {
	FIELD_AS("subnetFile", struct flannel, subnet_file, read_str),
	FIELD_AS("dataDir", struct flannel, data_dir, read_str),
	FIELD(struct flannel, delegate, read_json),
	{ 0 }
};

static const struct field_list route_list = {
	.size = sizeof(struct result_route),
	.item = { .read = read_object, .arg = result_route_fields },
};
static const struct field routes_fields[] = {
	{ .name = "routes", .read = read_list, .arg = &route_list },
	{ 0 }
};

static bool delegate_judge(struct flannel *f, struct err *e)
{
	const struct json *type = json_fold(f->delegate, "type");

	if (!f->delegate)
		return true;
	if (f->delegate->type != JSON_OBJECT)
		return fail_code(e, CNI_DECODING_FAILURE, "delegate: want an object, have %s",
				 json_type_name(f->delegate));
	if (type && (type->type != JSON_STRING || !*type->str))
		return fail_code(e, CNI_INVALID_CONFIG,
				 "'delegate' dictionary, if present, must have (string) 'type' field");
	if (json_fold(f->delegate, "name"))
		return fail_code(e, CNI_INVALID_CONFIG,
				 "'delegate' dictionary must not have 'name' field, it'll be set by flannel");
	if (json_fold(f->delegate, "ipam"))
		return fail_code(e, CNI_INVALID_CONFIG,
				 "'delegate' dictionary must not have 'ipam' field, it'll be set by flannel");
	if (type)
		f->type = type->str;
	if (str_eq(f->type, "flannel"))
		return fail_code(e, CNI_INVALID_CONFIG, "delegate.type: flannel cannot be its own delegate");
	if (strchr(f->type, '/'))
		return fail_code(e, CNI_INVALID_CONFIG, "delegate.type: invalid plugin name: %s", f->type);
	return true;
}

static bool routes_judge(const struct request *r, struct err *e)
{
	struct list ignored = { 0 };

	if (json_fields(r->arena, r->net.ipam, routes_fields, &ignored, e))
		return true;
	e->code = CNI_DECODING_FAILURE;
	return wrap(e, "failed to parse ipam");
}

bool flannel_read(const struct request *r, struct flannel *ret, struct err *e)
{
	struct flannel f = { .r = r, .type = "bridge" };

	if (!json_fields(r->arena, r->conf, flannel_fields, &f, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to load flannel netconf file");
	}
	if (json_absent(f.delegate))
		f.delegate = NULL;
	if (!delegate_judge(&f, e) || !routes_judge(r, e))
		return false;
	if (str_empty(f.subnet_file))
		f.subnet_file = SUBNET_FILE;
	if (str_empty(f.data_dir))
		f.data_dir = DATA_DIR;
	*ret = f;
	return true;
}

// ---- building ----

static void ranges_put(struct jsonw *w, const struct cidr *subnet)
{
	char text[CIDR_TEXT_MAX];

	jsonw_array(w);
	jsonw_object(w);
	jsonw_kstr(w, "subnet", cidr_text(subnet, text));
	jsonw_object_end(w);
	jsonw_array_end(w);
}

/* A range set for each of the node's subnets. */
static struct bytes ranges_text(struct arena *a, const struct subnet_env *env)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, a, 128);
	jsonw_init(&w, &b, false);
	jsonw_array(&w);
	if (env->has_subnet)
		ranges_put(&w, &env->subnet);
	if (env->has_subnet6)
		ranges_put(&w, &env->subnet6);
	jsonw_array_end(&w);
	return buf_bytes(&b);
}

static void networks_put(struct jsonw *w, const struct cidr *list, size_t n)
{
	char text[CIDR_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		jsonw_object(w);
		jsonw_kstr(w, "dst", cidr_text(&list[i], text));
		jsonw_object_end(w);
	}
}

/* The configuration's own, then one to each of the cluster's networks. */
static struct bytes routes_text(struct arena *a, const struct json *own, const struct subnet_env *env)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, a, 256);
	jsonw_init(&w, &b, false);
	jsonw_array(&w);
	json_each(route, own)
		jsonw_json(&w, route);
	networks_put(&w, env->networks, env->n_networks);
	networks_put(&w, env->networks6, env->n_networks6);
	jsonw_array_end(&w);
	return buf_bytes(&b);
}

static struct bytes ipam_text(const struct flannel *f, const struct subnet_env *env)
{
	const struct json *own = json_fold(f->r->net.ipam, "routes");
	struct object ipam;

	object_init(&ipam, f->r->arena, f->r->net.ipam);
	if (!object_has(&ipam, "type"))
		object_set_word(&ipam, "type", "host-local");
	if (env) {
		object_set(&ipam, "ranges", ranges_text(f->r->arena, env));
		object_set(&ipam, "routes", routes_text(f->r->arena, own, env));
	}
	return object_text(&ipam);
}

/* What the delegate's own object does not say. */
static void defaults_put(const struct flannel *f, const struct subnet_env *env, struct object *o)
{
	if (!object_has(o, "type"))
		object_set_word(o, "type", f->type);
	if (env && !object_has(o, "ipMasq"))
		object_set_text(o, "ipMasq", env->masquerades ? "false" : "true");
	if (env && !object_has(o, "mtu"))
		object_set_text(o, "mtu", arena_printf(o->arena, "%u", env->mtu));
	if (str_eq(f->type, "bridge") && !object_has(o, "isGateway"))
		object_set_text(o, "isGateway", "true");
}

void flannel_delegate(const struct flannel *f, const struct subnet_env *env, struct object *ret)
{
	const struct netconf *net = &f->r->net;
	const struct json *version = json_fold(f->r->conf, "cniVersion");

	object_init(ret, f->r->arena, f->delegate);
	defaults_put(f, env, ret);
	object_set_word(ret, "name", net->name);
	if (json_is(version, JSON_STRING) && *version->str)
		object_set_word(ret, "cniVersion", net->version);
	if (!json_absent(net->runtime))
		object_set_json(ret, "runtimeConfig", net->runtime);
	object_set(ret, "ipam", ipam_text(f, env));
}
