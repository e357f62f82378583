// SPDX-License-Identifier: Apache-2.0
/*
 * static: the addresses that the configuration, or whoever asks, spells out. Sources in order: ipam.addresses, to
 * which CNI_ARGS adds; args.cni.ips replaces all of these, runtimeConfig.ips replaces all. A GATEWAY of CNI_ARGS
 * belongs to the addresses of CNI_ARGS whose subnet it is in. There is no state.
 */
#include "plugins/plugin.h"

#include "cni/args.h"
#include "lib/str.h"
#include "plugins/ipam/decode.h"

struct entry {
	const char *text; /* as written in the configuration */
	struct cidr address;
	struct ip gateway;
};

struct entries {
	struct entry *items;
	size_t n;
};

struct static_conf {
	struct list addresses; /* of struct entry, without address yet */
	struct list routes;
	struct dns dns;
	struct entries final;
};

static const struct field entry_fields[] = {
	FIELD_AS("address", struct entry, text, read_str),
	FIELD(struct entry, gateway, read_ip_opt),
	{ 0 }
};
static const struct field_list entry_list = {
	.size = sizeof(struct entry),
	.item = { .read = read_object, .arg = entry_fields },
};
static const struct field_list route_list = {
	.size = sizeof(struct result_route),
	.item = { .read = read_object, .arg = result_route_fields },
};
static const struct field ipam_fields[] = {
	FIELD(struct static_conf, addresses, read_list, .arg = &entry_list),
	FIELD(struct static_conf, routes, read_list, .arg = &route_list),
	FIELD(struct static_conf, dns, read_dns),
	{ 0 }
};
static const struct field_list text_list = {
	.size = sizeof(const char *),
	.item = { .read = read_str },
};
static const struct field ips_fields[] = {
	{ .name = "ips", .read = read_list, .arg = &text_list },
	{ 0 }
};

/* @what: how the failure calls the source. */
static bool address_parse(const char *text, const char *what, struct cidr *ret, struct err *e)
{
	struct err ignored = ERR_INIT;

	return cidr_parse(text, ret, &ignored) ||
	       fail_code(e, CNI_INVALID_CONFIG, "%s in CIDR notation, got: '%s'", what, text);
}

static const char *trim(struct arena *a, const char *s)
{
	size_t n;

	s += strspn(s, " \t\r\n\v\f");
	n = strlen(s);
	while (n && strchr(" \t\r\n\v\f", s[n - 1]))
		n--;
	return arena_strndup(a, s, n);
}

/* "10.0.0.2/24, fd00::2/64" */
static bool env_addresses(struct arena *a, const char *text, struct entries *ret, struct err *e)
{
	size_t n;
	char **piece = str_split(a, text, ',', &n);

	ret->items = arena_array(a, n, sizeof(*ret->items));
	for (ret->n = 0; ret->n < n; ret->n++)
		if (!address_parse(trim(a, piece[ret->n]), "the 'ip' field is expected to be",
				   &ret->items[ret->n].address, e))
			return false;
	return true;
}

static bool env_gateways(struct arena *a, const char *text, struct entries *to, struct err *e)
{
	struct err ignored = ERR_INIT;
	struct ip gateway;
	size_t n;
	char **piece = str_split(a, text, ',', &n);

	for (size_t i = 0; i < n; i++) {
		if (!ip_parse(trim(a, piece[i]), &gateway, &ignored))
			return fail_code(e, CNI_INVALID_ENVIRONMENT, "invalid gateway address: %s", piece[i]);
		for (size_t k = 0; k < to->n; k++)
			if (cidr_has(&to->items[k].address, &gateway))
				to->items[k].gateway = gateway;
	}
	return true;
}

static bool env_read(const struct request *r, struct entries *ret, struct err *e)
{
	struct arg env[] = { { .key = "IP" }, { .key = "GATEWAY" } };

	if (!args_read(r->arena, r->args, env, ARRAY_LEN(env), e))
		return false;
	if (!str_empty(env[0].value) && !env_addresses(r->arena, env[0].value, ret, e))
		return false;
	return str_empty(env[1].value) || env_gateways(r->arena, env[1].value, ret, e);
}

/* The configuration's own addresses, then those of CNI_ARGS. */
static bool own_read(const struct request *r, const struct list *conf, struct entries *ret, struct err *e)
{
	struct entries env = { 0 };

	if (!env_read(r, &env, e))
		return false;
	ret->items = arena_array(r->arena, conf->n + env.n, sizeof(*ret->items));
	if (conf->n)
		memcpy(ret->items, conf->items, conf->n * sizeof(*ret->items));
	for (ret->n = 0; ret->n < conf->n; ret->n++) {
		struct entry *item = &ret->items[ret->n];

		if (!address_parse(item->text ? item->text : "", "the 'address' field is expected to be",
				   &item->address, e))
			return false;
	}
	if (env.n)
		memcpy(ret->items + ret->n, env.items, env.n * sizeof(*ret->items));
	ret->n += env.n;
	return true;
}

/* A list of plain texts replaces everything before it; without one nothing changes. */
static bool replace(struct arena *a, const struct list *ips, struct entries *to, struct err *e)
{
	const char *const *texts = ips->items;
	struct entries new = { .items = arena_array(a, ips->n, sizeof(*new.items)), .n = ips->n };

	for (size_t i = 0; i < ips->n; i++)
		if (!address_parse(texts[i], "an entry in the 'ips' field is NOT", &new.items[i].address, e))
			return false;
	if (ips->n)
		*to = new;
	return true;
}

static bool refuse_many(const struct request *r, const struct entries *l, struct err *e)
{
	unsigned v4 = 0, v6 = 0;

	for (size_t i = 0; i < l->n; i++)
		*(ip_is4(&l->items[i].address.ip) ? &v4 : &v6) += 1;
	if ((v4 > 1 || v6 > 1) && !version_at_least(r->net.version, "0.3.0"))
		return fail_code(e, CNI_INVALID_CONFIG,
				 "CNI version %s does not support more than 1 address per family", r->net.version);
	return true;
}

static bool conf_read(const struct request *r, struct static_conf *ret, struct err *e)
{
	struct list args = { 0 }, runtime = { 0 };

	*ret = (struct static_conf){ .final = { 0 } };
	if (!r->net.ipam)
		return fail_code(e, CNI_INVALID_CONFIG, "IPAM config missing 'ipam' key");
	if (!ipam_decode(r->arena, r->net.ipam, "ipam", ipam_fields, ret, e) ||
	    !ipam_decode(r->arena, r->net.args_cni, "args.cni", ips_fields, &args, e) ||
	    !ipam_decode(r->arena, r->net.runtime, "runtimeConfig", ips_fields, &runtime, e))
		return false;
	return own_read(r, &ret->addresses, &ret->final, e) && replace(r->arena, &args, &ret->final, e) &&
	       replace(r->arena, &runtime, &ret->final, e) && refuse_many(r, &ret->final, e);
}

static bool static_add(const struct request *r, struct result *ret, struct err *e)
{
	struct static_conf conf;
	struct result result = { 0 };

	if (!conf_read(r, &conf, e))
		return false;
	for (size_t i = 0; i < conf.final.n; i++) {
		struct result_ip *ip = result_add_ip(r->arena, &result);

		ip->address = conf.final.items[i].address;
		ip->gateway = conf.final.items[i].gateway;
	}
	result.routes = conf.routes.items;
	result.n_routes = conf.routes.n;
	result.dns = conf.dns;
	*ret = result;
	return true;
}

static const struct result_ip *result_find(const struct result *r, const struct ip *ip)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (ip_eq(&r->ips[i].address.ip, ip))
			return &r->ips[i];
	return NULL;
}

/* Every configured address was given out, with its gateway. */
static bool static_check(const struct request *r, struct err *e)
{
	struct static_conf conf;
	struct result prev;
	char text[IP_TEXT_MAX];

	if (!conf_read(r, &conf, e) || !request_prev_required(r, &prev, e))
		return false;
	for (size_t i = 0; i < conf.final.n; i++) {
		const struct entry *want = &conf.final.items[i];
		const struct result_ip *have = result_find(&prev, &want->address.ip);

		if (!have)
			return fail(e, 0, "static: Failed to find addr %s on interface %s",
				    ip_text(&want->address.ip, text), r->ifname);
		if (!ip_is_unset(&want->gateway) && !ip_eq(&want->gateway, &have->gateway))
			return fail(e, 0, "static: Failed to match addr %s on interface %s",
				    ip_text(&want->address.ip, text), r->ifname);
	}
	return true;
}

static bool static_nothing(const struct request *r UNUSED, struct err *e UNUSED)
{
	return true;
}

/*
 * A configuration that ADD would refuse is not available; addresses may still come from the runtime, so having none
 * is fine.
 */
static bool static_status(const struct request *r, struct err *e)
{
	struct static_conf conf;

	return conf_read(r, &conf, e);
}

const struct plugin static_plugin = {
	.name = "static",
	.about = "hand out the configured addresses",
	.versions = versions_all,
	.add = static_add,
	.check = static_check,
	.del = static_nothing,
	.gc = static_nothing,
	.status = static_status,
};
