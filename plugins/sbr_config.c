// SPDX-License-Identifier: Apache-2.0
#include "plugins/sbr.h"

#include "lib/field.h"
#include "lib/str.h"

#define GATEWAYS_MAX 2

struct draft {
	int64_t table;
	bool has_table;
	struct list gateways; /* of texts */
	bool source_hints;
};

/* Any whole number: what is out of range is said with the range. */
static bool read_table(struct arena *a UNUSED, const struct json *v, void *dst, const struct field *f UNUSED,
		       struct err *e)
{
	return json_int(v, INT64_MIN, INT64_MAX, dst, e);
}

static const struct field_list text_list = {
	.size = sizeof(const char *),
	.item = { .read = read_str },
};
static const struct field sbr_fields[] = {
	FIELD(struct draft, table, read_table),
	FIELD_AS("table", struct draft, has_table, read_present),
	FIELD(struct draft, gateways, read_list, .arg = &text_list),
	FIELD_AS("addSourceHints", struct draft, source_hints, read_bool),
	{ 0 }
};

static bool gateway_read(const char *text, struct sbr_conf *c, struct err *e)
{
	struct err ignored = ERR_INIT;
	struct ip any4 = ip4(0, 0, 0, 0), ip, *to;

	if (!ip_parse(text, &ip, &ignored))
		return fail_code(e, CNI_INVALID_CONFIG, "invalid static gateway IP address: \"%s\"", text);
	if (ip_is_unset(&ip) || ip_eq(&ip, &any4) || ip_is_multicast(&ip) || ip_is_loopback(&ip))
		return fail_code(e, CNI_INVALID_CONFIG,
				 "invalid static gateway IP address: %s is of no single neighbour", text);
	to = ip_is4(&ip) ? &c->gateway4 : &c->gateway6;
	if (!ip_is_unset(to))
		return fail_code(e, CNI_INVALID_CONFIG, "two IPv%c addresses, at most one of each family",
				 ip_is4(&ip) ? '4' : '6');
	*to = ip;
	return true;
}

static bool gateways_read(const struct draft *d, struct sbr_conf *c, struct err *e)
{
	const char *const *texts = d->gateways.items;

	if (d->gateways.n > GATEWAYS_MAX)
		return fail_code(e, CNI_INVALID_CONFIG, "%zu addresses, at most %d: one of each family", d->gateways.n,
				 GATEWAYS_MAX);
	for (size_t i = 0; i < d->gateways.n; i++)
		if (!gateway_read(texts[i], c, e))
			return false;
	return true;
}

static bool judge(const struct draft *d, struct sbr_conf *c, struct err *e)
{
	if (d->has_table && (d->table < 1 || d->table > UINT32_MAX))
		return fail_code(e, CNI_INVALID_CONFIG, "table: %lld is not between 1 and %u", (long long)d->table,
				 UINT32_MAX);
	if (d->has_table && (d->gateways.n || d->source_hints))
		return fail_code(e, CNI_INVALID_CONFIG,
				 "%s: cannot be used together with table, whose routes are made by others",
				 d->gateways.n ? "gateways" : "addSourceHints");
	c->table = d->has_table ? (uint32_t)d->table : 0;
	c->source_hints = d->source_hints;
	return gateways_read(d, c, e) || wrap(e, "gateways");
}

bool sbr_conf_read(const struct request *r, struct sbr_conf *ret, struct err *e)
{
	struct draft d = { .table = 0 };
	struct sbr_conf c = { 0 };

	if (!json_fields(r->arena, r->conf, sbr_fields, &d, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to parse network configuration");
	}
	if (!judge(&d, &c, e))
		return false;
	*ret = c;
	return true;
}

/* An index that names nothing is as good as none, as with the reference. */
static bool is_ours(const struct request *r, const struct result *prev, const struct result_ip *ip)
{
	if (!ip->has_interface || ip->interface < 0 || (size_t)ip->interface >= prev->n_interfaces)
		return true;
	return str_eq(prev->interfaces[ip->interface].name, r->ifname);
}

void sbr_addresses(struct sbr *s, const struct request *r, const struct result *prev)
{
	s->addresses = arena_array(r->arena, prev->n_ips, sizeof(*s->addresses));
	s->n = 0;
	for (size_t i = 0; i < prev->n_ips; i++) {
		const struct result_ip *ip = &prev->ips[i];
		struct ip given = ip_is4(&ip->address.ip) ? s->conf->gateway4 : s->conf->gateway6;

		if (!is_ours(r, prev, ip))
			continue;
		s->addresses[s->n++] = (struct sbr_address){
			.address = ip->address,
			.gateway = ip_is_unset(&given) ? ip->gateway : given,
			.gateway_given = !ip_is_unset(&given),
			.table = s->conf->table,
		};
	}
}
