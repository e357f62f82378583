// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/host_local_conf.h"

#include "cni/args.h"
#include "lib/str.h"
#include "plugins/ipam/decode.h"

#define DATA_DIR "/var/lib/cni/networks"

struct draft {
	const char *data_dir, *resolv_conf;
	struct list ranges;  /* of lists */
	struct range single; /* the form of one range at the top */
	struct list routes;
};

/* An address, with or without a prefix length, which nobody needs. */
static bool ip_parse_loose(const char *text, struct ip *ret, struct err *e)
{
	struct err ignored = ERR_INIT;
	struct cidr c;

	if (!strchr(text, '/'))
		return ip_parse(text, ret, e);
	if (!cidr_parse(text, &c, &ignored))
		return fail(e, 0, "invalid IP address: %s", text);
	*ret = c.ip;
	return true;
}

static bool read_ip_loose(struct arena *a, const struct json *v, void *dst, const struct field *f, struct err *e)
{
	const char *text;

	return read_str(a, v, &text, f, e) && ip_parse_loose(text, dst, e);
}

static bool span_ends(char *text, struct span *ret, struct err *e)
{
	char *dash = strchr(text, '-');
	struct span s;

	*dash = '\0';
	if (!ip_parse(text, &s.first, e) || !ip_parse(dash + 1, &s.last, e))
		return false;
	*dash = '-';
	if (ip_is4(&s.first) != ip_is4(&s.last) || ip_cmp(&s.first, &s.last) > 0)
		return fail(e, 0, "%s does not go up within one family", text);
	*ret = s;
	return true;
}

/* "10.1.0.7", "10.1.0.64/26", "10.1.0.10-10.1.0.20" */
static bool read_span(struct arena *a, const struct json *v, void *dst, const struct field *f, struct err *e)
{
	struct span *ret = dst;
	const char *text;
	struct cidr c;
	struct ip net;

	if (!read_str(a, v, &text, f, e))
		return false;
	if (strchr(text, '-'))
		return span_ends(arena_strdup(a, text), ret, e);
	if (!strchr(text, '/'))
		return ip_parse(text, &ret->first, e) && ip_parse(text, &ret->last, e);
	if (!cidr_parse(text, &c, e))
		return false;
	net = cidr_network(&c);
	if (!ip_eq(&net, &c.ip))
		return fail(e, 0, "%s has host bits set", text);
	*ret = (struct span){ net, cidr_last(&c) };
	return true;
}

static const struct field_list span_list = {
	.size = sizeof(struct span),
	.item = { .read = read_span },
};
static const struct field range_fields[] = {
	FIELD(struct range, subnet, read_cidr),
	FIELD_AS("subnet", struct range, has_subnet, read_present),
	FIELD_AS("rangeStart", struct range, start, read_ip_opt),
	FIELD_AS("rangeEnd", struct range, end, read_ip_opt),
	FIELD(struct range, gateway, read_ip_opt),
	FIELD(struct range, exclude, read_list, .arg = &span_list),
	{ 0 }
};
static const struct field_list set_list = {
	.size = sizeof(struct range),
	.item = { .read = read_object, .arg = range_fields },
};
static const struct field_list sets_list = {
	.size = sizeof(struct list),
	.item = { .read = read_list, .arg = &set_list },
};
static const struct field_list route_list = {
	.size = sizeof(struct result_route),
	.item = { .read = read_object, .arg = result_route_fields },
};
static const struct field ipam_fields[] = {
	FIELD_AS("dataDir", struct draft, data_dir, read_str),
	FIELD_AS("resolvConf", struct draft, resolv_conf, read_str),
	FIELD(struct draft, ranges, read_list, .arg = &sets_list),
	FIELD_AS("subnet", struct draft, single.subnet, read_cidr),
	FIELD_AS("subnet", struct draft, single.has_subnet, read_present),
	FIELD_AS("rangeStart", struct draft, single.start, read_ip_opt),
	FIELD_AS("rangeEnd", struct draft, single.end, read_ip_opt),
	FIELD_AS("gateway", struct draft, single.gateway, read_ip_opt),
	FIELD_AS("exclude", struct draft, single.exclude, read_list, .arg = &span_list),
	FIELD(struct draft, routes, read_list, .arg = &route_list),
	{ 0 }
};
static const struct field place_fields[] = {
	FIELD_AS("dataDir", struct draft, data_dir, read_str),
	{ 0 }
};

/* Addresses asked for: runtimeConfig.ips, args.cni.ips. */
struct wishes {
	struct list ips;
	struct list ranges;
};
static const struct field_list ip_list = {
	.size = sizeof(struct ip),
	.item = { .read = read_ip_loose },
};
static const struct field args_fields[] = {
	FIELD(struct wishes, ips, read_list, .arg = &ip_list),
	{ 0 }
};
static const struct field runtime_fields[] = {
	FIELD(struct wishes, ips, read_list, .arg = &ip_list),
	FIELD_AS("ipRanges", struct wishes, ranges, read_list, .arg = &sets_list),
	{ 0 }
};

static void wanted_put(struct host_local_conf *c, const struct ip *ip)
{
	for (size_t i = 0; i < c->n_wanted; i++)
		if (ip_eq(&c->wanted[i], ip))
			return;
	c->wanted[c->n_wanted++] = *ip;
}

/* CNI_ARGS first, then args.cni, then what the runtime says. */
static bool wanted_read(const struct request *r, const struct wishes *args, const struct wishes *runtime,
			struct host_local_conf *c, struct err *e)
{
	struct arg env = { .key = "IP" };
	struct ip ip;

	c->wanted = arena_array(r->arena, args->ips.n + runtime->ips.n + 1, sizeof(*c->wanted));
	if (!args_read(r->arena, r->args, &env, 1, e))
		return false;
	if (!str_empty(env.value)) {
		if (!ip_parse_loose(env.value, &ip, e)) {
			e->code = CNI_INVALID_ENVIRONMENT;
			return wrap(e, "ARGS: error parsing value of pair \"IP=%s\"", env.value);
		}
		wanted_put(c, &ip);
	}
	for (size_t i = 0; i < args->ips.n; i++)
		wanted_put(c, (struct ip *)args->ips.items + i);
	for (size_t i = 0; i < runtime->ips.n; i++)
		wanted_put(c, (struct ip *)runtime->ips.items + i);
	return true;
}

static size_t sets_put(struct range_set *dst, const struct list *sets)
{
	const struct list *from = sets->items;

	for (size_t i = 0; i < sets->n; i++)
		dst[i] = (struct range_set){ .ranges = from[i].items, .n = from[i].n };
	return sets->n;
}

/* The runtime's sets come first, then the single range, then the list. */
static bool sets_read(const struct request *r, struct draft *d, const struct wishes *runtime, struct host_local_conf *c,
		      struct err *e)
{
	unsigned v4 = 0, v6 = 0;

	if (d->single.exclude.n && !d->single.has_subnet)
		return fail_code(e, CNI_INVALID_CONFIG, "ipam: exclude: there is no subnet beside it");
	c->sets = arena_array(r->arena, runtime->ranges.n + 1 + d->ranges.n, sizeof(*c->sets));
	c->n_sets = sets_put(c->sets, &runtime->ranges);
	if (d->single.has_subnet)
		c->sets[c->n_sets++] = (struct range_set){ .ranges = &d->single, .n = 1 };
	c->n_sets += sets_put(c->sets + c->n_sets, &d->ranges);
	if (!range_sets_complete(r->arena, c->sets, c->n_sets, e)) {
		e->code = CNI_INVALID_CONFIG;
		return false;
	}
	for (size_t i = 0; i < c->n_sets; i++)
		*(ip_is4(&c->sets[i].ranges[0].start) ? &v4 : &v6) += 1;
	if ((v4 > 1 || v6 > 1) && !version_at_least(r->net.version, "0.3.0"))
		return fail_code(e, CNI_INVALID_CONFIG,
				 "CNI version %s does not support more than 1 address per family", r->net.version);
	return true;
}

bool host_local_conf_read(const struct request *r, struct host_local_conf *ret, struct err *e)
{
	struct draft *d = arena_new(r->arena, struct draft);
	struct wishes args = { 0 }, runtime = { 0 };
	struct host_local_conf c = { 0 };

	if (!r->net.ipam)
		return fail_code(e, CNI_INVALID_CONFIG, "IPAM config missing 'ipam' key");
	if (!ipam_decode(r->arena, r->net.ipam, "ipam", ipam_fields, d, e) ||
	    !ipam_decode(r->arena, r->net.args_cni, "args.cni", args_fields, &args, e) ||
	    !ipam_decode(r->arena, r->net.runtime, "runtimeConfig", runtime_fields, &runtime, e))
		return false;
	if (!wanted_read(r, &args, &runtime, &c, e) || !sets_read(r, d, &runtime, &c, e))
		return false;
	c.data_dir = str_empty(d->data_dir) ? DATA_DIR : d->data_dir;
	c.resolv_conf = d->resolv_conf ? d->resolv_conf : "";
	c.routes = d->routes.items;
	c.n_routes = d->routes.n;
	*ret = c;
	return true;
}

bool host_local_conf_data_dir(const struct request *r, const char **ret, struct err *e)
{
	struct draft d = { .data_dir = NULL };

	if (!ipam_decode(r->arena, r->net.ipam, "ipam", place_fields, &d, e))
		return false;
	*ret = str_empty(d.data_dir) ? DATA_DIR : d.data_dir;
	return true;
}
