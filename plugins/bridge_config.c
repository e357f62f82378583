// SPDX-License-Identifier: Apache-2.0
#include "cni/args.h"
#include "lib/str.h"
#include "plugins/bridge.h"

#define VLAN_MAX 4094
#define DEFAULT_BRIDGE "cni0"

struct trunk {
	int32_t min, max, id;
	bool has_min, has_max, has_id;
};

/* The configuration as it is written, before it is judged. */
struct draft {
	struct bridge_conf conf;
	const char *masq_backend, *mac_by_args, *mac_by_runtime;
	int32_t mtu, vlan;
	struct list trunk;
};

static const struct field trunk_fields[] = {
	FIELD_AS("minID", struct trunk, min, read_i32),
	FIELD_AS("minID", struct trunk, has_min, read_present),
	FIELD_AS("maxID", struct trunk, max, read_i32),
	FIELD_AS("maxID", struct trunk, has_max, read_present),
	FIELD(struct trunk, id, read_i32),
	FIELD_AS("id", struct trunk, has_id, read_present),
	{ 0 }
};

static const struct field_list trunk_list = {
	.size = sizeof(struct trunk),
	.item = { .read = read_object, .arg = trunk_fields },
};

static const struct field mac_by_runtime_fields[] = { FIELD_AS("mac", struct draft, mac_by_runtime, read_str), { 0 } };
static const struct field mac_by_args_fields[] = { FIELD_AS("mac", struct draft, mac_by_args, read_str), { 0 } };

static const struct field conf_fields[] = {
	FIELD_AS("bridge", struct draft, conf.bridge, read_str),
	FIELD_AS("isGateway", struct draft, conf.is_gateway, read_bool),
	FIELD_AS("isDefaultGateway", struct draft, conf.is_default_gateway, read_bool),
	FIELD_AS("forceAddress", struct draft, conf.force_address, read_bool),
	FIELD_AS("ipMasq", struct draft, conf.ip_masq, read_bool),
	FIELD_AS("ipMasqBackend", struct draft, masq_backend, read_str),
	FIELD_AS("mtu", struct draft, mtu, read_i32),
	FIELD_AS("hairpinMode", struct draft, conf.hairpin, read_bool),
	FIELD_AS("promiscMode", struct draft, conf.promisc, read_bool),
	FIELD_AS("vlan", struct draft, vlan, read_i32),
	FIELD_AS("vlanTrunk", struct draft, trunk, read_list, .arg = &trunk_list),
	FIELD_AS("preserveDefaultVlan", struct draft, conf.preserve_default_vlan, read_bool),
	FIELD_AS("macspoofchk", struct draft, conf.macspoofchk, read_bool),
	FIELD_AS("enabledad", struct draft, conf.enabledad, read_bool),
	FIELD_AS("disableContainerInterface", struct draft, conf.disable_container_interface, read_bool),
	FIELD_AS("portIsolation", struct draft, conf.port_isolation, read_bool),
	{ 0 }
};

static bool invalid(struct err *e, const char *text)
{
	return fail_code(e, CNI_INVALID_CONFIG, "%s", text);
}

static bool vid_ok(int32_t v)
{
	return v > 0 && v <= VLAN_MAX;
}

static bool trunk_valid(const struct trunk *t, struct err *e)
{
	if (t->has_min && t->has_max) {
		if (!vid_ok(t->min))
			return invalid(e, "incorrect trunk minID parameter");
		if (!vid_ok(t->max))
			return invalid(e, "incorrect trunk maxID parameter");
		if (t->max < t->min)
			return invalid(e, "minID is greater than maxID in trunk parameter");
	} else if (t->has_max) {
		return invalid(e, "minID and maxID should be configured simultaneously, minID is missing");
	} else if (t->has_min) {
		return invalid(e, "minID and maxID should be configured simultaneously, maxID is missing");
	}
	return !t->has_id || vid_ok(t->id) || invalid(e, "incorrect trunk id parameter");
}

/* @wanted[v]: VID v is a tagged member of the trunk. Runs become one entry; the access VLAN stands alone, untagged. */
static void vlans_fill(struct arena *a, struct bridge_conf *c, const bool wanted[VLAN_MAX + 2], uint16_t access)
{
	struct vlan_entry *v = arena_array(a, VLAN_MAX / 2 + 2, sizeof(*v));
	size_t n = 0;

	for (uint16_t vid = 1; vid <= VLAN_MAX; vid++) {
		if (vid == access)
			v[n++] = (struct vlan_entry){ vid, vid, .pvid = true, .untagged = true };
		else if (wanted[vid] && n && v[n - 1].last == vid - 1 && !v[n - 1].pvid)
			v[n - 1].last = vid;
		else if (wanted[vid])
			v[n++] = (struct vlan_entry){ .first = vid, .last = vid };
	}
	c->vlans = v;
	c->n_vlans = n;
}

static bool vlans_read(struct arena *a, const struct draft *d, struct bridge_conf *c, struct err *e)
{
	const struct trunk *t = d->trunk.items;
	bool *wanted;

	if (d->vlan < 0 || d->vlan > VLAN_MAX)
		return fail_code(e, CNI_INVALID_CONFIG, "invalid VLAN ID %d (must be between 0 and %d)", d->vlan,
				 VLAN_MAX);
	c->vlan = (uint16_t)d->vlan;
	for (size_t i = 0; i < d->trunk.n; i++)
		if (!trunk_valid(&t[i], e))
			return false;
	if (!c->vlan && !d->trunk.n)
		return true;
	wanted = arena_array(a, VLAN_MAX + 2, sizeof(*wanted));
	for (size_t i = 0; i < d->trunk.n; i++) {
		for (int32_t vid = t[i].min; t[i].has_min && vid <= t[i].max; vid++)
			wanted[vid] = true;
		if (t[i].has_id)
			wanted[t[i].id] = true;
	}
	/* Untagged frames of a trunk without an access VLAN belong to VLAN 1, as on a port nobody configured. */
	vlans_fill(a, c, wanted, c->vlan ? c->vlan : 1);
	return true;
}

/* From weak to strong: CNI_ARGS, args.cni, runtimeConfig. */
static bool mac_read(const struct request *r, struct draft *d, struct bridge_conf *c, struct err *e)
{
	struct arg known[] = { { "MAC", NULL } };
	const char *text;

	if (!json_fields(r->arena, r->net.args_cni, mac_by_args_fields, d, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to load netconf: args.cni");
	}
	if (!json_fields(r->arena, r->net.runtime, mac_by_runtime_fields, d, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to load netconf: runtimeConfig");
	}
	if (!args_read(r->arena, r->args, known, ARRAY_LEN(known), e))
		return false;
	text = !str_empty(d->mac_by_runtime) ? d->mac_by_runtime
	       : !str_empty(d->mac_by_args)  ? d->mac_by_args
					     : known[0].value;
	if (str_empty(text) || mac_parse(text, &c->mac, e))
		return true;
	e->code = CNI_INVALID_CONFIG;
	return false;
}

static bool conf_valid(const struct request *r, const struct bridge_conf *c, struct err *e)
{
	struct err why;

	if (*r->net.ipam_type && c->disable_container_interface)
		return invalid(e, "cannot use IPAM when DisableContainerInterface flag is set");
	if (c->hairpin && c->promisc)
		return invalid(e, "cannot set hairpin mode and promiscuous mode at the same time");
	if (!ifname_valid(c->bridge, &why))
		return fail_code(e, CNI_INVALID_CONFIG, "bridge \"%s\": %s", c->bridge, why.text);
	if (c->is_gateway && c->vlan && strlen(bridge_gateway_name(r->arena, c)) >= IFNAMSIZ)
		return fail_code(e, CNI_INVALID_CONFIG,
				 "the gateway interface of VLAN %u cannot be called \"%s\": "
				 "interface names have less than %d characters; use a shorter bridge name",
				 c->vlan, bridge_gateway_name(r->arena, c), IFNAMSIZ);
	return true;
}

bool bridge_conf_read(const struct request *r, struct bridge_conf *ret, struct err *e)
{
	struct draft d = { .conf.bridge = DEFAULT_BRIDGE };
	struct bridge_conf *c = &d.conf;

	if (!json_fields(r->arena, r->conf, conf_fields, &d, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to load netconf");
	}
	if (!*c->bridge)
		c->bridge = DEFAULT_BRIDGE;
	c->mtu = d.mtu > 0 ? (uint32_t)d.mtu : 0;
	c->is_gateway = c->is_gateway || c->is_default_gateway;
	if (!masq_backend_parse(d.masq_backend, &c->masq_backend, e) || !vlans_read(r->arena, &d, c, e) ||
	    !mac_read(r, &d, c, e) || !conf_valid(r, c, e))
		return false;
	*ret = *c;
	return true;
}

const char *bridge_gateway_name(struct arena *a, const struct bridge_conf *c)
{
	return c->vlan ? arena_printf(a, "%s.%u", c->bridge, c->vlan) : c->bridge;
}
