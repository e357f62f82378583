// SPDX-License-Identifier: Apache-2.0
/* dummy: an interface that swallows what is sent, for addresses that a container has without a network. */
#include "plugins/plugin.h"

#include "plugins/endpoint.h"

static const struct field conf_fields[] = {
	FIELD_AS("enabledad", struct endpoint_conf, dad, read_bool),
	{ 0 },
};

static bool conf_read(const struct request *r, struct endpoint_conf *ret, struct err *e)
{
	struct endpoint_conf c = { .dad = false };

	if (!json_fields(r->arena, r->conf, conf_fields, &c, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to parse network config");
	}
	if (!*r->net.ipam_type)
		return fail_code(e, CNI_INVALID_CONFIG, "dummy interface requires an IPAM configuration (ipam.type)");
	*ret = c;
	return true;
}

static bool make(struct endpoint *ep, struct err *e)
{
	struct link_new n = LINK_NEW;

	n.kind = "dummy";
	n.name = ep->r->ifname;
	return link_add(&ep->far, &n, &ep->far, &ep->link, e) || wrap(e, "failed to create dummy");
}

static const struct endpoint_kind kind = { .kind = "dummy", .make = make };

static bool dummy_add(const struct request *r, struct result *ret, struct err *e)
{
	struct endpoint_conf c;

	return conf_read(r, &c, e) && endpoint_add(r, &kind, &c, NULL, ret, e);
}

static bool dummy_check(const struct request *r, struct err *e)
{
	struct endpoint_conf c;

	return conf_read(r, &c, e) && endpoint_check(r, &kind, NULL, e);
}

static bool dummy_del(const struct request *r, struct err *e)
{
	return endpoint_del(r, &kind, NULL, e);
}

static bool dummy_status(const struct request *r, struct err *e)
{
	struct endpoint_conf c;

	return conf_read(r, &c, e) && endpoint_status(r, kind.kind, NULL, e);
}

const struct plugin dummy_plugin = {
	.name = "dummy",
	.about = "give a container an interface that leads nowhere",
	.versions = versions_all,
	.add = dummy_add,
	.check = dummy_check,
	.del = dummy_del,
	.gc = endpoint_gc,
	.status = dummy_status,
};
