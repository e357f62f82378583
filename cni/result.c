// SPDX-License-Identifier: Apache-2.0
/* Reading a result of any version, and putting one together. Writing is result_write.c. */
#include "cni/result.h"

#include "cni/error.h"
#include "cni/version.h"
#include "lib/field.h"
#include "lib/str.h"

/* "" is how the reference spells an address that is not there. */
static bool read_gateway(struct arena *a, const struct json *v, void *dst, const struct field *f, struct err *e)
{
	struct ip none = { 0 };

	if (!json_str_is(v, ""))
		return read_ip(a, v, dst, f, e);
	memcpy(dst, &none, sizeof(none));
	return true;
}

/* The label of an address; one that names no family is as good as none. */
static bool read_label(struct arena *a UNUSED, const struct json *v, void *dst, const struct field *f UNUSED,
		       struct err *e)
{
	if (!json_is(v, JSON_STRING))
		return fail(e, 0, "want a string, have %s", json_type_name(v));
	*(char *)dst = json_str_is(v, "4") || json_str_is(v, "6") ? v->str[0] : 0;
	return true;
}

/* An element of a list. The reference takes null and {} and answers with nonsense or dies of it later. */
static bool read_entry(struct arena *a, const struct json *v, void *dst, const struct field *f, struct err *e)
{
	if (json_is(v, JSON_OBJECT) && !v->first)
		return fail(e, 0, "the entry is empty");
	return read_object(a, v, dst, f, e);
}

const struct field result_route_fields[] = {
	FIELD(struct result_route, dst, read_cidr, .required = true),
	FIELD(struct result_route, gw, read_gateway),
	FIELD(struct result_route, mtu, read_u32),
	FIELD(struct result_route, advmss, read_u32),
	FIELD(struct result_route, priority, read_u32),
	FIELD(struct result_route, table, read_u32),
	FIELD_AS("table", struct result_route, has_table, read_present),
	FIELD(struct result_route, scope, read_i32),
	FIELD_AS("scope", struct result_route, has_scope, read_present),
	{ 0 }
};

static const struct field_list route_list = {
	.size = sizeof(struct result_route),
	.item = { .read = read_entry, .arg = result_route_fields },
};

static const struct field ip_fields_030[] = {
	FIELD(struct result_ip, version, read_label),
	FIELD(struct result_ip, interface, read_i32),
	FIELD_AS("interface", struct result_ip, has_interface, read_present),
	FIELD(struct result_ip, address, read_cidr, .required = true),
	FIELD(struct result_ip, gateway, read_gateway),
	{ 0 }
};

static const struct field ip_fields_100[] = {
	FIELD(struct result_ip, interface, read_i32),
	FIELD_AS("interface", struct result_ip, has_interface, read_present),
	FIELD(struct result_ip, address, read_cidr, .required = true),
	FIELD(struct result_ip, gateway, read_gateway),
	{ 0 }
};

static const struct field interface_fields_030[] = {
	FIELD(struct result_interface, name, read_str),
	FIELD(struct result_interface, mac, read_str),
	FIELD(struct result_interface, sandbox, read_str),
	{ 0 }
};

static const struct field interface_fields_100[] = {
	FIELD(struct result_interface, name, read_str),
	FIELD(struct result_interface, mac, read_str),
	FIELD(struct result_interface, mtu, read_u32),
	FIELD(struct result_interface, sandbox, read_str),
	FIELD_AS("socketPath", struct result_interface, socket_path, read_str),
	FIELD_AS("pciID", struct result_interface, pci_id, read_str),
	{ 0 }
};

static const struct field_list ip_list_030 = {
	.size = sizeof(struct result_ip),
	.item = { .read = read_entry, .arg = ip_fields_030 },
};
static const struct field_list ip_list_100 = {
	.size = sizeof(struct result_ip),
	.item = { .read = read_entry, .arg = ip_fields_100 },
};
static const struct field_list interface_list_030 = {
	.size = sizeof(struct result_interface),
	.item = { .read = read_entry, .arg = interface_fields_030 },
};
static const struct field_list interface_list_100 = {
	.size = sizeof(struct result_interface),
	.item = { .read = read_entry, .arg = interface_fields_100 },
};

/* "ip4" and "ip6" of the oldest shape: one address with the routes of its family. */
struct old_ip {
	struct result_ip ip;
	struct list routes;
	bool there;
};

static const struct field old_ip_fields[] = {
	FIELD_AS("ip", struct old_ip, ip.address, read_cidr, .required = true),
	FIELD_AS("gateway", struct old_ip, ip.gateway, read_gateway),
	FIELD(struct old_ip, routes, read_list, .arg = &route_list),
	{ 0 }
};

struct draft {
	struct list interfaces, ips, routes;
	struct old_ip ip4, ip6;
	struct dns dns;
};

static const struct field result_fields_010[] = {
	FIELD(struct draft, ip4, read_object, .arg = old_ip_fields),
	FIELD_AS("ip4", struct draft, ip4.there, read_present),
	FIELD(struct draft, ip6, read_object, .arg = old_ip_fields),
	FIELD_AS("ip6", struct draft, ip6.there, read_present),
	FIELD(struct draft, dns, read_dns),
	{ 0 }
};

static const struct field result_fields_030[] = {
	FIELD(struct draft, interfaces, read_list, .arg = &interface_list_030),
	FIELD(struct draft, ips, read_list, .arg = &ip_list_030),
	FIELD(struct draft, routes, read_list, .arg = &route_list),
	FIELD(struct draft, dns, read_dns),
	{ 0 }
};

static const struct field result_fields_100[] = {
	FIELD(struct draft, interfaces, read_list, .arg = &interface_list_100),
	FIELD(struct draft, ips, read_list, .arg = &ip_list_100),
	FIELD(struct draft, routes, read_list, .arg = &route_list),
	FIELD(struct draft, dns, read_dns),
	{ 0 }
};

static const struct field *const fields_of_family[] = { result_fields_010, result_fields_030, result_fields_100 };

/* The version that @j says it has, or is taken to have. */
static bool version_of(const struct json *j, const char *fallback, bool strict_empty, const char **ret, struct err *e)
{
	const struct json *v = json_fold(j, "cniVersion");
	const char *version = fallback;

	if (strict_empty && !json_absent(v) && v->type != JSON_STRING)
		return fail(e, 0, "cniVersion: want a string, have %s", json_type_name(v));
	if (json_is(v, JSON_STRING) && (strict_empty || v->str_len))
		version = v->str;
	if (version_family(version) < 0)
		return fail(e, 0, "unsupported CNI result version \"%s\"", version);
	*ret = *version ? version : "0.1.0";
	return true;
}

/* ip4 comes first, with its routes. */
static void old_ips_take(struct arena *a, struct result *r, const struct draft *d)
{
	const struct old_ip *olds[] = { &d->ip4, &d->ip6 };

	r->ips = arena_array(a, ARRAY_LEN(olds), sizeof(*r->ips));
	r->routes = arena_array(a, d->ip4.routes.n + d->ip6.routes.n, sizeof(*r->routes));
	for (size_t i = 0; i < ARRAY_LEN(olds); i++) {
		const struct list *routes = &olds[i]->routes;

		if (!olds[i]->there)
			continue;
		r->ips[r->n_ips] = olds[i]->ip;
		r->ips[r->n_ips++].version = "46"[i];
		if (routes->n)
			memcpy(r->routes + r->n_routes, routes->items, routes->n * sizeof(*r->routes));
		r->n_routes += routes->n;
	}
}

bool result_read(struct arena *a, const struct json *j, const char *fallback_version, bool strict_empty,
		 struct result *ret, struct err *e)
{
	struct draft d = { .dns = { 0 } };
	struct result r = { 0 };

	if (!version_of(j, fallback_version, strict_empty, &r.version, e) ||
	    !json_fields(a, j, fields_of_family[version_family(r.version)], &d, e)) {
		e->code = CNI_DECODING_FAILURE;
		return false;
	}
	r.interfaces = d.interfaces.items;
	r.n_interfaces = d.interfaces.n;
	r.ips = d.ips.items;
	r.n_ips = d.ips.n;
	r.routes = d.routes.items;
	r.n_routes = d.routes.n;
	r.dns = d.dns;
	if (version_family(r.version) == 0)
		old_ips_take(a, &r, &d);
	for (size_t i = 0; i < r.n_interfaces; i++)
		if (!r.interfaces[i].name)
			r.interfaces[i].name = "";
	*ret = r;
	return true;
}

/* One more entry of @size bytes at the end of @items. */
static void *grow(struct arena *a, void *items, size_t n, size_t size)
{
	void *more = items;

	if (!items) {
		more = arena_array(a, n + 1, size);
	} else if (!arena_extend(a, items, n * size, (n + 1) * size)) {
		more = arena_array(a, n + 1, size);
		memcpy(more, items, n * size);
	}
	memset((char *)more + n * size, 0, size);
	return more;
}

struct result_interface *result_add_interface(struct arena *a, struct result *r)
{
	r->interfaces = grow(a, r->interfaces, r->n_interfaces, sizeof(*r->interfaces));
	r->interfaces[r->n_interfaces].name = "";
	return &r->interfaces[r->n_interfaces++];
}

struct result_ip *result_add_ip(struct arena *a, struct result *r)
{
	r->ips = grow(a, r->ips, r->n_ips, sizeof(*r->ips));
	return &r->ips[r->n_ips++];
}

struct result_route *result_add_route(struct arena *a, struct result *r)
{
	r->routes = grow(a, r->routes, r->n_routes, sizeof(*r->routes));
	return &r->routes[r->n_routes++];
}
