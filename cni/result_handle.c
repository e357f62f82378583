// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "cni/error.h"
#include "cni/handle.h"
#include "lib/jsonw.h"
#include "lib/str.h"

bool result_is_labelled(const struct json *j, const char *version)
{
	return json_str_is(json_fold(j, "cniVersion"), version);
}

void cni_result_free(struct cni_result *r)
{
	if (!r)
		return;
	arena_done(&r->arena);
	free(r);
}

static void text_set(struct cni_result *r)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, &r->arena, 2 * r->json->raw.len);
	jsonw_init(&w, &b, true);
	jsonw_json(&w, r->json);
	r->text = buf_str(&b);
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static const char *print_ip(struct arena *a, const struct ip *ip)
{
	return ip_is_unset(ip) ? "" : ip_text(ip, arena_alloc(a, IP_TEXT_MAX));
}

static const char *print_cidr(struct arena *a, const struct cidr *c)
{
	return cidr_text(c, arena_alloc(a, CIDR_TEXT_MAX));
}

static void interfaces_set(struct cni_result *h)
{
	h->interfaces = arena_array(&h->arena, h->r.n_interfaces, sizeof(*h->interfaces));
	for (size_t i = 0; i < h->r.n_interfaces; i++) {
		const struct result_interface *from = &h->r.interfaces[i];

		h->interfaces[i] = (struct cni_interface){
			.name = or_empty(from->name),
			.mac = or_empty(from->mac),
			.sandbox = or_empty(from->sandbox),
			.socket_path = or_empty(from->socket_path),
			.pci_id = or_empty(from->pci_id),
			.mtu = from->mtu,
		};
	}
}

static void ips_set(struct cni_result *h)
{
	h->ips = arena_array(&h->arena, h->r.n_ips, sizeof(*h->ips));
	for (size_t i = 0; i < h->r.n_ips; i++) {
		const struct result_ip *from = &h->r.ips[i];

		h->ips[i] = (struct cni_ip){
			.address = print_cidr(&h->arena, &from->address),
			.gateway = print_ip(&h->arena, &from->gateway),
			.interface = from->has_interface ? from->interface : -1,
		};
	}
}

static void routes_set(struct cni_result *h)
{
	h->routes = arena_array(&h->arena, h->r.n_routes, sizeof(*h->routes));
	for (size_t i = 0; i < h->r.n_routes; i++) {
		const struct result_route *from = &h->r.routes[i];

		h->routes[i] = (struct cni_route){
			.dst = print_cidr(&h->arena, &from->dst),
			.gw = print_ip(&h->arena, &from->gw),
			.mtu = from->mtu,
			.advmss = from->advmss,
			.priority = from->priority,
			.table = from->table,
			.scope = from->has_scope ? from->scope : -1,
		};
	}
}

static bool fill(struct cni_result *h, const struct json *j, const struct result *r, struct err *e)
{
	struct bytes text = { arena_strndup(&h->arena, j->raw.data, j->raw.len), j->raw.len };
	struct buf b;

	/* Labelled well, it keeps what it has besides the specified keys; else it is written anew. */
	if (!result_is_labelled(j, r->version)) {
		buf_init(&b, &h->arena, 512);
		if (!result_write(&b, r, r->version, false, e))
			return false;
		text = (struct bytes){ buf_str(&b), b.len };
	}
	if (!json_parse(&h->arena, text, &h->json, e) || !result_read(&h->arena, h->json, r->version, false, &h->r, e))
		return false;
	text_set(h);
	interfaces_set(h);
	ips_set(h);
	routes_set(h);
	return true;
}

bool result_handle_new(const struct json *j, const struct result *r, struct cni_result **ret, struct err *e)
{
	struct cni_result *h = handle_new(sizeof(*h));

	arena_init(&h->arena, NULL, 0);
	if (!fill(h, j, r, e)) {
		cni_result_free(h);
		return wrap(e, "result");
	}
	*ret = h;
	return true;
}

bool cni_result_parse(const char *json, size_t len, const char *fallback_version, struct cni_result **ret,
		      struct cni_error *e)
{
	autoscratch s;
	struct arena *a = scratch_init(&s);
	struct err why = ERR_INIT;
	const struct json *j;
	struct result r;

	if (!json_parse(a, (struct bytes){ json, len }, &j, &why)) {
		why.code = CNI_DECODING_FAILURE;
		return error_give(e, &why);
	}
	if (!result_read(a, j, fallback_version ? fallback_version : "", false, &r, &why) ||
	    !result_handle_new(j, &r, ret, &why))
		return error_give(e, &why);
	return true;
}

const char *cni_result_json(const struct cni_result *r)
{
	return r->text;
}

char *cni_result_json_as(const struct cni_result *r, const char *version, struct cni_error *e)
{
	autoscratch s;
	struct arena *a = scratch_init(&s);
	struct err why = ERR_INIT;
	struct buf b;
	char *text;

	buf_init(&b, a, 1024);
	if (!result_write(&b, &r->r, version, true, &why)) {
		error_give(e, &why);
		return NULL;
	}
	text = strdup(buf_str(&b));
	if (!text)
		abort();
	return text;
}

const char *cni_result_version(const struct cni_result *r)
{
	return r->r.version;
}

size_t cni_result_interfaces(const struct cni_result *r)
{
	return r->r.n_interfaces;
}

size_t cni_result_ips(const struct cni_result *r)
{
	return r->r.n_ips;
}

size_t cni_result_routes(const struct cni_result *r)
{
	return r->r.n_routes;
}

bool cni_result_interface(const struct cni_result *r, size_t i, struct cni_interface *ret)
{
	return i < r->r.n_interfaces && size_give(ret, &r->interfaces[i], sizeof(*ret));
}

bool cni_result_ip(const struct cni_result *r, size_t i, struct cni_ip *ret)
{
	return i < r->r.n_ips && size_give(ret, &r->ips[i], sizeof(*ret));
}

bool cni_result_route(const struct cni_result *r, size_t i, struct cni_route *ret)
{
	return i < r->r.n_routes && size_give(ret, &r->routes[i], sizeof(*ret));
}
