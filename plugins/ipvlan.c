// SPDX-License-Identifier: Apache-2.0
/*
 * ipvlan: a network card of the node, seen by the container under the card's own MAC; the kernel tells containers apart
 * by their addresses, so they have some: from IPAM, or, in a chain without IPAM, those of the previous result, whose
 * one interface is then the master unless the configuration names one.
 */
#include <linux/if_link.h>

#include "plugins/plugin.h"

#include "lib/str.h"
#include "plugins/stacked.h"

struct ipvlan {
	struct stacked_conf stacked;
	const char *mode_name;
	uint32_t mode;
	struct result prev; /* ADD: what stacked.endpoint.addresses may point at */
};

static const struct stacked_mode modes[] = {
	{ "l2", IPVLAN_MODE_L2 },
	{ "l3", IPVLAN_MODE_L3 },
	{ "l3s", IPVLAN_MODE_L3S },
	{ 0 },
};

static const struct field conf_fields[] = {
	STACKED_FIELDS(struct ipvlan, stacked),
	FIELD_AS("mode", struct ipvlan, mode_name, read_str),
	{ 0 },
};

static bool conf_read(const struct request *r, struct ipvlan *ret, struct err *e)
{
	struct ipvlan c = { .stacked.master = "", .mode_name = "" };

	if (!stacked_conf_read(r, conf_fields, &c, e) || !stacked_conf_valid(&c.stacked, e) ||
	    !stacked_mode_read(modes, "ipvlan", c.mode_name, &c.mode, e))
		return false;
	*ret = c;
	return true;
}

static bool chain_read(const struct request *r, struct ipvlan *c, struct err *e)
{
	const struct result *prev = &c->prev;
	bool chained;

	if (!request_prev(r, &c->prev, &chained, e))
		return false;
	if (chained && !*c->stacked.master) {
		if (prev->n_interfaces != 1 || str_empty(prev->interfaces[0].name))
			return fail_code(e, CNI_INVALID_CONFIG,
					 "chained master failure. PrevResult lacks a single named interface");
		c->stacked.master = prev->interfaces[0].name;
	}
	if (*r->net.ipam_type)
		return true;
	if (!chained || !prev->n_ips)
		return fail_code(e, CNI_INVALID_CONFIG,
				 "ipvlan requires an IPAM configuration (ipam.type), or a prevResult with addresses");
	c->stacked.endpoint.addresses = prev;
	return true;
}

static bool make(struct endpoint *ep, struct err *e)
{
	const struct ipvlan *c = ep->conf;
	struct link_new n = LINK_NEW;

	n.kind = "ipvlan";
	n.mode = c->mode;
	return stacked_make(ep, &c->stacked, &n, false, e);
}

static bool verify(struct endpoint *ep, struct err *e)
{
	const struct ipvlan *c = ep->conf;

	return stacked_mode_verify(ep, modes, c->mode, e) && stacked_verify(ep, &c->stacked, e);
}

static const struct endpoint_kind kind = { .kind = "ipvlan", .announce = true, .make = make, .verify = verify };

static bool ipvlan_add(const struct request *r, struct result *ret, struct err *e)
{
	struct ipvlan c;

	return conf_read(r, &c, e) && chain_read(r, &c, e) && endpoint_add(r, &kind, &c.stacked.endpoint, &c, ret, e);
}

static bool ipvlan_check(const struct request *r, struct err *e)
{
	struct ipvlan c;

	return conf_read(r, &c, e) && endpoint_check(r, &kind, &c, e);
}

static bool ipvlan_del(const struct request *r, struct err *e)
{
	return endpoint_del(r, &kind, NULL, e);
}

static bool ipvlan_status(const struct request *r, struct err *e)
{
	struct ipvlan c;

	return conf_read(r, &c, e) && stacked_status(r, kind.kind, &c.stacked, false, false, e);
}

const struct plugin ipvlan_plugin = {
	.name = "ipvlan",
	.about = "give a container an interface with the MAC of a network card",
	.versions = versions_all,
	.add = ipvlan_add,
	.check = ipvlan_check,
	.del = ipvlan_del,
	.gc = endpoint_gc,
	.status = ipvlan_status,
};
