// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * A shape is a table of members: which ones an object of a version family has, in the order in which the reference
 * prints them (below 1.0.0 as declared, from 1.0.0 on sorted). Each member decides itself whether it is there. What
 * converting to an older version loses is what its table does not list.
 *
 * "<", ">" and "&" are written as they are, where the reference writes \u003c and
 * so on: the same string to every reader.
 */
#include "cni/result.h"
#include "cni/version.h"
#include "lib/jsonw.h"
#include "lib/str.h"

struct member {
	const char *key;
	void (*put)(struct jsonw *w, const char *key, const void *of);
};

static void object_put(struct jsonw *w, const struct member *shape, const void *of)
{
	jsonw_object(w);
	for (; shape->key; shape++)
		shape->put(w, shape->key, of);
	jsonw_object_end(w);
}

static void put_cidr(struct jsonw *w, const char *key, const struct cidr *c)
{
	char text[CIDR_TEXT_MAX];

	jsonw_kstr(w, key, cidr_text(c, text));
}

static void put_ip_if(struct jsonw *w, const char *key, const struct ip *ip)
{
	char text[IP_TEXT_MAX];

	if (!ip_is_unset(ip))
		jsonw_kstr(w, key, ip_text(ip, text));
}

static void put_uint_if(struct jsonw *w, const char *key, uint32_t v)
{
	if (v)
		jsonw_kuint(w, key, v);
}

/* ---- dns ---- */

static void put_strings(struct jsonw *w, const char *key, const char *const *strings)
{
	if (!strings || !*strings)
		return;
	jsonw_key(w, key);
	jsonw_array(w);
	for (; *strings; strings++)
		jsonw_str(w, *strings);
	jsonw_array_end(w);
}

static void dns_nameservers(struct jsonw *w, const char *key, const void *of)
{
	put_strings(w, key, ((const struct dns *)of)->nameservers);
}

static void dns_domain(struct jsonw *w, const char *key, const void *of)
{
	jsonw_kstr_if(w, key, ((const struct dns *)of)->domain);
}

static void dns_search(struct jsonw *w, const char *key, const void *of)
{
	put_strings(w, key, ((const struct dns *)of)->search);
}

static void dns_options(struct jsonw *w, const char *key, const void *of)
{
	put_strings(w, key, ((const struct dns *)of)->options);
}

static const struct member dns_010[] = {
	{ "nameservers", dns_nameservers },
	{ "domain", dns_domain },
	{ "search", dns_search },
	{ "options", dns_options },
	{ 0 },
};

static const struct member dns_100[] = {
	{ "domain", dns_domain },
	{ "nameservers", dns_nameservers },
	{ "options", dns_options },
	{ "search", dns_search },
	{ 0 },
};

/* ---- a route ---- */

static void route_dst(struct jsonw *w, const char *key, const void *of)
{
	put_cidr(w, key, &((const struct result_route *)of)->dst);
}

static void route_gw(struct jsonw *w, const char *key, const void *of)
{
	put_ip_if(w, key, &((const struct result_route *)of)->gw);
}

static void route_mtu(struct jsonw *w, const char *key, const void *of)
{
	put_uint_if(w, key, ((const struct result_route *)of)->mtu);
}

static void route_advmss(struct jsonw *w, const char *key, const void *of)
{
	put_uint_if(w, key, ((const struct result_route *)of)->advmss);
}

static void route_priority(struct jsonw *w, const char *key, const void *of)
{
	put_uint_if(w, key, ((const struct result_route *)of)->priority);
}

static void route_table(struct jsonw *w, const char *key, const void *of)
{
	const struct result_route *route = of;

	if (route->has_table)
		jsonw_kuint(w, key, route->table);
}

static void route_scope(struct jsonw *w, const char *key, const void *of)
{
	const struct result_route *route = of;

	if (route->has_scope)
		jsonw_kint(w, key, route->scope);
}

/* What is left of a route of a newer result. */
static const struct member route_bare[] = {
	{ "dst", route_dst },
	{ "gw", route_gw },
	{ 0 },
};

/* The reference keeps the attributes of 1.1.0 in results of every version. */
static const struct member route_010[] = {
	{ "dst", route_dst },
	{ "gw", route_gw },
	{ "mtu", route_mtu },
	{ "advmss", route_advmss },
	{ "priority", route_priority },
	{ "table", route_table },
	{ "scope", route_scope },
	{ 0 },
};

static const struct member route_100[] = {
	{ "advmss", route_advmss },
	{ "dst", route_dst },
	{ "gw", route_gw },
	{ "mtu", route_mtu },
	{ "priority", route_priority },
	{ "scope", route_scope },
	{ "table", route_table },
	{ 0 },
};

/* ---- an address ---- */

static char label_of(const struct result_ip *ip)
{
	if (ip->version)
		return ip->version;
	return ip_is4(&ip->address.ip) ? '4' : '6';
}

static void ip_version(struct jsonw *w, const char *key, const void *of)
{
	jsonw_kstr(w, key, label_of(of) == '4' ? "4" : "6");
}

static void ip_interface(struct jsonw *w, const char *key, const void *of)
{
	const struct result_ip *ip = of;

	if (ip->has_interface)
		jsonw_kint(w, key, ip->interface);
}

static void ip_address(struct jsonw *w, const char *key, const void *of)
{
	put_cidr(w, key, &((const struct result_ip *)of)->address);
}

static void ip_gateway(struct jsonw *w, const char *key, const void *of)
{
	put_ip_if(w, key, &((const struct result_ip *)of)->gateway);
}

static const struct member ip_030[] = {
	{ "version", ip_version },
	{ "interface", ip_interface },
	{ "address", ip_address },
	{ "gateway", ip_gateway },
	{ 0 },
};

static const struct member ip_100[] = {
	{ "address", ip_address },
	{ "gateway", ip_gateway },
	{ "interface", ip_interface },
	{ 0 },
};

/* ---- an interface ---- */

static void interface_name(struct jsonw *w, const char *key, const void *of)
{
	const char *name = ((const struct result_interface *)of)->name;

	jsonw_kstr(w, key, name ? name : "");
}

static void interface_mac(struct jsonw *w, const char *key, const void *of)
{
	jsonw_kstr_if(w, key, ((const struct result_interface *)of)->mac);
}

static void interface_mtu(struct jsonw *w, const char *key, const void *of)
{
	put_uint_if(w, key, ((const struct result_interface *)of)->mtu);
}

static void interface_sandbox(struct jsonw *w, const char *key, const void *of)
{
	jsonw_kstr_if(w, key, ((const struct result_interface *)of)->sandbox);
}

static void interface_socket_path(struct jsonw *w, const char *key, const void *of)
{
	jsonw_kstr_if(w, key, ((const struct result_interface *)of)->socket_path);
}

static void interface_pci_id(struct jsonw *w, const char *key, const void *of)
{
	jsonw_kstr_if(w, key, ((const struct result_interface *)of)->pci_id);
}

static const struct member interface_030[] = {
	{ "name", interface_name },
	{ "mac", interface_mac },
	{ "sandbox", interface_sandbox },
	{ 0 },
};

static const struct member interface_100[] = {
	{ "mac", interface_mac },
	{ "mtu", interface_mtu },
	{ "name", interface_name },
	{ "pciID", interface_pci_id },
	{ "sandbox", interface_sandbox },
	{ "socketPath", interface_socket_path },
	{ 0 },
};

/* ---- a result ---- */

/* What the shapes of a result are written from: the result, and what the oldest shape picks from it. */
struct view {
	const struct result *r;
	const char *version;
	const struct result_ip *ip4, *ip6;
	const struct member *old_route;
};

static void list_put(struct jsonw *w, const char *key, const struct member *shape, const void *items, size_t n,
		     size_t size)
{
	if (!n)
		return;
	jsonw_key(w, key);
	jsonw_array(w);
	for (size_t i = 0; i < n; i++)
		object_put(w, shape, (const char *)items + i * size);
	jsonw_array_end(w);
}

static void result_version(struct jsonw *w, const char *key, const void *of)
{
	jsonw_kstr(w, key, ((const struct view *)of)->version);
}

static void result_interfaces_030(struct jsonw *w, const char *key, const void *of)
{
	const struct result *r = ((const struct view *)of)->r;

	list_put(w, key, interface_030, r->interfaces, r->n_interfaces, sizeof(*r->interfaces));
}

static void result_interfaces_100(struct jsonw *w, const char *key, const void *of)
{
	const struct result *r = ((const struct view *)of)->r;

	list_put(w, key, interface_100, r->interfaces, r->n_interfaces, sizeof(*r->interfaces));
}

static void result_ips_030(struct jsonw *w, const char *key, const void *of)
{
	const struct result *r = ((const struct view *)of)->r;

	list_put(w, key, ip_030, r->ips, r->n_ips, sizeof(*r->ips));
}

static void result_ips_100(struct jsonw *w, const char *key, const void *of)
{
	const struct result *r = ((const struct view *)of)->r;

	list_put(w, key, ip_100, r->ips, r->n_ips, sizeof(*r->ips));
}

static void result_routes_030(struct jsonw *w, const char *key, const void *of)
{
	const struct result *r = ((const struct view *)of)->r;

	list_put(w, key, route_010, r->routes, r->n_routes, sizeof(*r->routes));
}

static void result_routes_100(struct jsonw *w, const char *key, const void *of)
{
	const struct result *r = ((const struct view *)of)->r;

	list_put(w, key, route_100, r->routes, r->n_routes, sizeof(*r->routes));
}

static void result_dns_010(struct jsonw *w, const char *key, const void *of)
{
	jsonw_key(w, key);
	object_put(w, dns_010, &((const struct view *)of)->r->dns);
}

static void result_dns_100(struct jsonw *w, const char *key, const void *of)
{
	const struct dns *dns = &((const struct view *)of)->r->dns;

	if (dns_is_empty(dns))
		return;
	jsonw_key(w, key);
	object_put(w, dns_100, dns);
}

/* Routes go with the address of their destination's family; those of a family without address are lost. */
static void old_routes_put(struct jsonw *w, const struct view *v, bool four)
{
	const struct result *r = v->r;
	bool open = false;

	for (size_t i = 0; i < r->n_routes; i++) {
		if (ip_is4(&r->routes[i].dst.ip) != four)
			continue;
		if (!open) {
			jsonw_key(w, "routes");
			jsonw_array(w);
			open = true;
		}
		object_put(w, v->old_route, &r->routes[i]);
	}
	if (open)
		jsonw_array_end(w);
}

static void old_ip_put(struct jsonw *w, const char *key, const struct view *v, const struct result_ip *ip, bool four)
{
	if (!ip)
		return;
	jsonw_key(w, key);
	jsonw_object(w);
	put_cidr(w, "ip", &ip->address);
	put_ip_if(w, "gateway", &ip->gateway);
	old_routes_put(w, v, four);
	jsonw_object_end(w);
}

static void result_ip4(struct jsonw *w, const char *key, const void *of)
{
	old_ip_put(w, key, of, ((const struct view *)of)->ip4, true);
}

static void result_ip6(struct jsonw *w, const char *key, const void *of)
{
	old_ip_put(w, key, of, ((const struct view *)of)->ip6, false);
}

static const struct member result_010[] = {
	{ "cniVersion", result_version },
	{ "ip4", result_ip4 },
	{ "ip6", result_ip6 },
	{ "dns", result_dns_010 },
	{ 0 },
};

static const struct member result_030[] = {
	{ "cniVersion", result_version },
	{ "interfaces", result_interfaces_030 },
	{ "ips", result_ips_030 },
	{ "routes", result_routes_030 },
	{ "dns", result_dns_010 },
	{ 0 },
};

static const struct member result_100[] = {
	{ "cniVersion", result_version },
	{ "dns", result_dns_100 },
	{ "interfaces", result_interfaces_100 },
	{ "ips", result_ips_100 },
	{ "routes", result_routes_100 },
	{ 0 },
};

static const struct member *const shape_of_family[] = { result_010, result_030, result_100 };

static const struct result_ip *ip_labelled(const struct result *r, char label)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (label_of(&r->ips[i]) == label)
			return &r->ips[i];
	return NULL;
}

bool result_write(struct buf *out, const struct result *r, const char *version, bool pretty, struct err *e)
{
	int from = version_family(r->version ? r->version : VERSION_NEWEST), to = version_family(version);
	struct view v = {
		.r = r,
		.version = *version ? version : "0.1.0",
		.ip4 = ip_labelled(r, '4'),
		.ip6 = ip_labelled(r, '6'),
		.old_route = from == 0 ? route_010 : route_bare,
	};
	struct jsonw w;

	if (from < 0 || to < 0)
		return fail(e, 0, "cannot convert a result of version \"%s\" to \"%s\"",
			    r->version ? r->version : VERSION_NEWEST, version);
	if (to == 0 && from != 0 && !v.ip4 && !v.ip6)
		return fail(e, 0, "cannot convert to version %s: no valid IP addresses", v.version);
	jsonw_init(&w, out, pretty);
	object_put(&w, shape_of_family[to], &v);
	return true;
}
