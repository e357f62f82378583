// SPDX-License-Identifier: Apache-2.0
/* vlan: one 802.1Q VLAN of a network card, as an interface of the container. */
#include "plugins/plugin.h"

#include "plugins/stacked.h"

#define VLAN_MAX 4094

struct vlan {
	struct stacked_conf stacked;
	int32_t id;
};

static const struct field conf_fields[] = {
	STACKED_FIELDS(struct vlan, stacked),
	FIELD_AS("vlanId", struct vlan, id, read_i32),
	{ 0 },
};

static bool conf_read(const struct request *r, struct vlan *ret, struct err *e)
{
	struct vlan c = { .stacked.master = "" };

	if (!stacked_conf_read(r, conf_fields, &c, e))
		return false;
	if (!*c.stacked.master)
		return fail_code(e, CNI_INVALID_CONFIG,
				 "\"master\" field is required. It names the interface whose VLAN it shall be");
	if (c.id < 0 || c.id > VLAN_MAX)
		return fail_code(e, CNI_INVALID_CONFIG,
				 "invalid VLAN ID %d (vlanId must be between 0 and %d inclusive)", c.id, VLAN_MAX);
	if (!*r->net.ipam_type)
		return fail_code(e, CNI_INVALID_CONFIG, "vlan requires an IPAM configuration (ipam.type)");
	if (!stacked_conf_valid(&c.stacked, e))
		return false;
	*ret = c;
	return true;
}

static bool make(struct endpoint *ep, struct err *e)
{
	const struct vlan *c = ep->conf;
	struct link_new n = LINK_NEW;

	n.kind = "vlan";
	n.vlan_id = (uint16_t)c->id;
	return stacked_make(ep, &c->stacked, &n, true, e);
}

static bool verify(struct endpoint *ep, struct err *e)
{
	const struct vlan *c = ep->conf;
	int32_t mtu = c->stacked.mtu;

	/* As the reference does, for VLANs alone. */
	if (mtu && ep->link.mtu != (uint32_t)mtu)
		return fail(e, 0, "MTU of interface %s is %u, not %d", ep->link.name, ep->link.mtu, mtu);
	if (ep->link.vlan_id != c->id)
		return fail(e, 0, "VLAN ID of interface %s is %u, not %d", ep->link.name, ep->link.vlan_id, c->id);
	return stacked_verify(ep, &c->stacked, e);
}

static const struct endpoint_kind kind = { .kind = "vlan", .announce = true, .make = make, .verify = verify };

static bool vlan_add(const struct request *r, struct result *ret, struct err *e)
{
	struct vlan c;

	return conf_read(r, &c, e) && endpoint_add(r, &kind, &c.stacked.endpoint, &c, ret, e);
}

static bool vlan_check(const struct request *r, struct err *e)
{
	struct vlan c;

	return conf_read(r, &c, e) && endpoint_check(r, &kind, &c, e);
}

static bool vlan_del(const struct request *r, struct err *e)
{
	return endpoint_del(r, &kind, NULL, e);
}

static bool vlan_status(const struct request *r, struct err *e)
{
	struct vlan c;

	return conf_read(r, &c, e) && stacked_status(r, kind.kind, &c.stacked, true, true, e);
}

const struct plugin vlan_plugin = {
	.name = "vlan",
	.about = "give a container one VLAN of a network card",
	.versions = versions_all,
	.add = vlan_add,
	.check = vlan_check,
	.del = vlan_del,
	.gc = endpoint_gc,
	.status = vlan_status,
};
