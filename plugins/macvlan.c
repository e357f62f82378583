// SPDX-License-Identifier: Apache-2.0
/* macvlan: a network card of the node, seen by the container under a MAC of its own. Without IPAM it has no address. */
#include <linux/if_link.h>

#include "plugins/plugin.h"

#include "plugins/iface.h"
#include "plugins/stacked.h"

struct macvlan {
	struct stacked_conf stacked;
	const char *mode_name, *mac_text, *mac_by_runtime;
	uint32_t mode, bcqueuelen;
	struct mac mac; /* unset: the kernel's choice */
};

static const struct stacked_mode modes[] = {
	{ "bridge", MACVLAN_MODE_BRIDGE },
	{ "private", MACVLAN_MODE_PRIVATE },
	{ "vepa", MACVLAN_MODE_VEPA },
	{ "passthru", MACVLAN_MODE_PASSTHRU },
	{ 0 },
};

static const struct field runtime_fields[] = { FIELD_AS("mac", struct macvlan, mac_by_runtime, read_str), { 0 } };

static const struct field conf_fields[] = {
	STACKED_FIELDS(struct macvlan, stacked),
	FIELD_AS("mode", struct macvlan, mode_name, read_str),
	FIELD_AS("mac", struct macvlan, mac_text, read_str),
	FIELD_AS("bcqueuelen", struct macvlan, bcqueuelen, read_u32),
	{ 0 },
};

static bool conf_read(const struct request *r, struct macvlan *ret, struct err *e)
{
	struct macvlan c = { .stacked.master = "", .mode_name = "", .mac_text = "" };

	if (!stacked_conf_read(r, conf_fields, &c, e))
		return false;
	if (!json_fields(r->arena, r->net.runtime, runtime_fields, &c, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to load netconf: runtimeConfig");
	}
	if (!stacked_conf_valid(&c.stacked, e) || !stacked_mode_read(modes, "macvlan", c.mode_name, &c.mode, e) ||
	    !iface_mac_asked(r, c.mac_text, c.mac_by_runtime, &c.mac, e))
		return false;
	*ret = c;
	return true;
}

static bool make(struct endpoint *ep, struct err *e)
{
	const struct macvlan *c = ep->conf;
	struct link_new n = LINK_NEW;

	n.kind = "macvlan";
	n.mode = c->mode;
	n.bcqueuelen = c->bcqueuelen;
	n.mac = c->mac;
	return stacked_make(ep, &c->stacked, &n, true, e);
}

static bool verify(struct endpoint *ep, struct err *e)
{
	const struct macvlan *c = ep->conf;

	return stacked_mode_verify(ep, modes, c->mode, e) && stacked_verify(ep, &c->stacked, e);
}

static const struct endpoint_kind kind = { .kind = "macvlan", .announce = true, .make = make, .verify = verify };

static bool macvlan_add(const struct request *r, struct result *ret, struct err *e)
{
	struct macvlan c;

	return conf_read(r, &c, e) && endpoint_add(r, &kind, &c.stacked.endpoint, &c, ret, e);
}

static bool macvlan_check(const struct request *r, struct err *e)
{
	struct macvlan c;

	return conf_read(r, &c, e) && endpoint_check(r, &kind, &c, e);
}

static bool macvlan_del(const struct request *r, struct err *e)
{
	return endpoint_del(r, &kind, NULL, e);
}

static bool macvlan_status(const struct request *r, struct err *e)
{
	struct macvlan c;

	return conf_read(r, &c, e) && stacked_status(r, kind.kind, &c.stacked, true, true, e);
}

const struct plugin macvlan_plugin = {
	.name = "macvlan",
	.about = "give a container an interface with its own MAC on a network card",
	.versions = versions_all,
	.add = macvlan_add,
	.check = macvlan_check,
	.del = macvlan_del,
	.gc = endpoint_gc,
	.status = macvlan_status,
};
