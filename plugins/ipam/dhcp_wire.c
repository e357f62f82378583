// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp_wire.h"

#include <linux/rtnetlink.h>

static const struct gob_member request_members[] = { { "ServiceMethod", GOB_STRING }, { "Seq", GOB_UINT } };
static const struct gob_member args_members[] = {
	{ "ContainerID", GOB_STRING },
	{ "Netns", GOB_STRING },
	{ "IfName", GOB_STRING },
	{ "Args", GOB_STRING },
	{ "Path", GOB_STRING },
	{ "NetnsOverride", GOB_STRING },
	{ "StdinData", GOB_BYTES },
};
static const struct gob_member response_members[] = {
	{ "ServiceMethod", GOB_STRING },
	{ "Seq", GOB_UINT },
	{ "Error", GOB_STRING },
};
/* Without what a lease never fills: the version and the interfaces are the plugin's business. */
static const struct gob_member result_members[] = { { "IPs", WIRE_IPS },
						    { "Routes", WIRE_ROUTES },
						    { "DNS", WIRE_DNS } };
static const struct gob_member ip_members[] = { { "Address", WIRE_NET }, { "Gateway", GOB_BYTES } };
static const struct gob_member net_members[] = { { "IP", GOB_BYTES }, { "Mask", GOB_BYTES } };
static const struct gob_member route_members[] = {
	{ "Dst", WIRE_NET },
	{ "GW", GOB_BYTES },
	{ "Priority", GOB_INT },
	{ "Scope", GOB_INT },
};
static const struct gob_member dns_members[] = {
	{ "Nameservers", WIRE_TEXTS },
	{ "Domain", GOB_STRING },
	{ "Search", WIRE_TEXTS },
};

#define STRUCT(number, text, rows) \
	{ .id = (number), .kind = GOB_KIND_STRUCT, .name = (text), .members = (rows), .n = ARRAY_LEN(rows) }
#define LIST(number, text, of) { .id = (number), .kind = GOB_KIND_LIST, .name = (text), .elem = (of) }
static const struct gob_type types[] = {
	STRUCT(WIRE_REQUEST, "Request", request_members),
	STRUCT(WIRE_ARGS, "CmdArgs", args_members),
	STRUCT(WIRE_RESPONSE, "Response", response_members),
	{ .id = WIRE_NOTHING, .kind = GOB_KIND_STRUCT },
	STRUCT(WIRE_RESULT, "Result", result_members),
	LIST(WIRE_IPS, "[]*types100.IPConfig", WIRE_IP),
	STRUCT(WIRE_IP, "IPConfig", ip_members),
	STRUCT(WIRE_NET, "IPNet", net_members),
	LIST(WIRE_ROUTES, "[]*types.Route", WIRE_ROUTE),
	STRUCT(WIRE_ROUTE, "Route", route_members),
	STRUCT(WIRE_DNS, "DNS", dns_members),
	LIST(WIRE_TEXTS, "[]string", GOB_STRING),
};
const struct gob_types wire_types = { types, ARRAY_LEN(types) };

const char *const wire_methods[] = {
	[DHCP_ALLOCATE] = "DHCP.Allocate",
	[DHCP_RELEASE] = "DHCP.Release",
	[DHCP_CHECK] = "DHCP.Check",
	[DHCP_GC] = "DHCP.GC",
	[DHCP_ALLOCATE_VERSIONS] = "DHCP.AllocateVersions",
};

size_t wire_head_end(struct bytes in)
{
	for (size_t i = 1; i < in.len; i++)
		if (in.data[i] == '\n' &&
		    (in.data[i - 1] == '\n' || (i > 1 && in.data[i - 1] == '\r' && in.data[i - 2] == '\n')))
			return i + 1;
	return 0;
}

/* ---- from a lease ---- */

static struct bytes address_bytes(struct arena *a, const struct ip *ip)
{
	size_t n = ip_is4(ip) ? 4 : 16;

	return (struct bytes){ arena_strndup(a, (const char *)ip->b + 16 - n, n), n };
}

static struct gob_value *net_value(struct arena *a, const struct cidr *c)
{
	struct gob_value *v = gob_struct(a);
	struct bytes ip = address_bytes(a, &c->ip);
	uint8_t *mask = arena_alloc(a, ip.len);

	for (unsigned bit = 0; bit < c->len; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	gob_put_bytes(a, v, "IP", ip);
	gob_put_bytes(a, v, "Mask", (struct bytes){ (const char *)mask, ip.len });
	return v;
}

static struct gob_value *route_value(struct arena *a, const struct dhcp_route *r, uint32_t priority)
{
	struct gob_value *v = gob_struct(a);

	gob_put(v, "Dst", net_value(a, &r->dst));
	/* Without any gateway, who makes the route would take that of the address. */
	if (ip_is_unset(&r->gw)) {
		gob_put_number(a, v, "Scope", RT_SCOPE_LINK);
		gob_put_bytes(a, v, "GW", (struct bytes){ "\0\0\0\0", 4 });
	} else {
		gob_put_bytes(a, v, "GW", address_bytes(a, &r->gw));
	}
	gob_put_number(a, v, "Priority", priority);
	return v;
}

struct lists {
	struct gob_value *ips, *routes, *nameservers, *search;
	const char *domain;
};

static void lease_put(struct arena *a, const struct dhcp_lease *l, const struct wire_wish *w, struct lists *to)
{
	struct gob_value *ip = gob_struct(a);
	char text[IP_TEXT_MAX];

	gob_put(ip, "Address", net_value(a, &l->address));
	if (l->n_routers)
		gob_put_bytes(a, ip, "Gateway", address_bytes(a, &l->routers[0]));
	gob_put(to->ips, NULL, ip);
	for (size_t i = 0; i < l->n_routes; i++)
		gob_put(to->routes, NULL, route_value(a, &l->routes[i], w->priority));
	for (size_t i = 0; w->dns && i < l->n_dns; i++)
		gob_put_str(a, to->nameservers, NULL, arena_strdup(a, ip_text(&l->dns[i], text)));
	for (const char **s = l->search; w->search && s && *s; s++)
		gob_put_str(a, to->search, NULL, *s);
	if (w->domain && l->domain && *l->domain)
		to->domain = l->domain;
}

struct gob_value *wire_result(struct arena *a, const struct dhcp_lease *leases, size_t n, const struct wire_wish *w)
{
	struct lists to = { gob_list(a), gob_list(a), gob_list(a), gob_list(a), "" };
	struct gob_value *v = gob_struct(a), *dns = gob_struct(a);

	for (size_t i = 0; i < n; i++)
		lease_put(a, &leases[i], w, &to);
	gob_put(v, "IPs", to.ips);
	gob_put(v, "Routes", to.routes);
	gob_put(dns, "Nameservers", to.nameservers);
	gob_put_str(a, dns, "Domain", to.domain);
	gob_put(dns, "Search", to.search);
	gob_put(v, "DNS", dns);
	return v;
}

/* ---- to a result ---- */

static bool ip_take(struct bytes b, struct ip *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (b.len != 4 && b.len != 16)
		return false;
	if (b.len == 4)
		memcpy(ret->b, mapped, sizeof(mapped));
	memcpy(ret->b + 16 - b.len, b.data, b.len);
	return true;
}

/* A mask of 16 bytes for an IPv4 address is that of its mapped form. */
static bool mask_take(struct bytes b, bool is4, uint8_t *ret)
{
	unsigned len = 0, bits;

	if (is4 && b.len == 16)
		b = (struct bytes){ b.data + 12, 4 };
	bits = (unsigned)b.len * 8;
	if (bits != (is4 ? 32 : 128))
		return false;
	while (len < bits && (uint8_t)b.data[len / 8] & 0x80 >> len % 8)
		len++;
	for (unsigned i = len; i < bits; i++)
		if ((uint8_t)b.data[i / 8] & 0x80 >> i % 8)
			return false;
	*ret = (uint8_t)len;
	return true;
}

static bool net_take(const struct gob_value *v, const char *what, struct cidr *ret, struct err *e)
{
	struct cidr c = { .len = 0 };

	if (!ip_take(gob_bytes(v, "IP"), &c.ip) || !mask_take(gob_bytes(v, "Mask"), ip_is4(&c.ip), &c.len))
		return fail(e, 0, "the DHCP daemon's answer has %s that is none", what);
	*ret = c;
	return true;
}

static bool route_take(const struct gob_value *v, struct result_route *to, struct err *e)
{
	struct bytes gw = gob_bytes(v, "GW");

	if (!net_take(gob_get(v, "Dst"), "a route", &to->dst, e))
		return false;
	if (gw.len && !ip_take(gw, &to->gw))
		return fail(e, 0, "the DHCP daemon's answer has a gateway that is none");
	to->mtu = (uint32_t)gob_number(v, "MTU");
	to->advmss = (uint32_t)gob_number(v, "AdvMSS");
	to->priority = (uint32_t)gob_number(v, "Priority");
	to->has_table = gob_get(v, "Table") != NULL;
	to->table = (uint32_t)gob_number(v, "Table");
	to->has_scope = gob_get(v, "Scope") != NULL;
	to->scope = (int)gob_number(v, "Scope");
	return true;
}

static const char **texts_take(struct arena *a, const struct gob_value *v)
{
	const char **texts;
	size_t n = 0;

	if (!v || !v->n)
		return NULL;
	texts = arena_array(a, v->n + 1, sizeof(*texts));
	gob_each(m, v) texts[n++] = m->kind == GOB_KIND_TEXT ? m->text.data : "";
	return texts;
}

bool wire_result_read(struct arena *a, const struct gob_value *v, struct result *ret, struct err *e)
{
	const struct gob_value *dns = gob_get(v, "DNS");
	struct result r = { .version = NULL };

	gob_each(m, gob_get(v, "IPs"))
	{
		struct result_ip *ip = result_add_ip(a, &r);
		struct bytes gw = gob_bytes(m, "Gateway");

		if (!net_take(gob_get(m, "Address"), "an address", &ip->address, e))
			return false;
		if (gw.len && !ip_take(gw, &ip->gateway))
			return fail(e, 0, "the DHCP daemon's answer has a gateway that is none");
	}
	gob_each(m, gob_get(v, "Routes")) if (!route_take(m, result_add_route(a, &r), e)) return false;
	r.dns.nameservers = texts_take(a, gob_get(dns, "Nameservers"));
	r.dns.search = texts_take(a, gob_get(dns, "Search"));
	r.dns.options = texts_take(a, gob_get(dns, "Options"));
	r.dns.domain = *gob_str(dns, "Domain") ? gob_str(dns, "Domain") : NULL;
	*ret = r;
	return true;
}
