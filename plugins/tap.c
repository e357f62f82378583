// SPDX-License-Identifier: Apache-2.0
/*
 * tap: a persistent TAP interface in the container, for whoever opens it there (a virtual machine, as a rule). It may
 * be a port of a bridge of the container. What owner, group and number of queues are is fixed when it is made; MAC,
 * MTU and bridge are set before it is up.
 */
#include "plugins/plugin.h"

#include "kernel/netns.h"
#include "kernel/tun.h"
#include "lib/str.h"
#include "plugins/endpoint.h"
#include "plugins/iface.h"

#define MTU_MIN 68
#define MTU_MAX 65521	/* 65535 less the Ethernet header */
#define ID_MAX (UINT32_MAX - 1)	/* the last one is "nobody in particular" */

struct tap_conf {
	bool dad, multi_queue, has_owner, has_group;
	uint32_t owner, group, mtu; /* mtu 0: the kernel's choice */
	struct mac mac;             /* unset: random */
	const char *label, *bridge; /* NULL: none */
};

/* The configuration as it is written, before it is judged. */
struct draft {
	struct tap_conf conf;
	const char *mac, *mac_by_runtime;
	int32_t mtu;
};

static const struct field runtime_fields[] = { FIELD_AS("mac", struct draft, mac_by_runtime, read_str), { 0 } };

static const struct field conf_fields[] = {
	FIELD_AS("multiQueue", struct draft, conf.multi_queue, read_bool),
	FIELD_AS("mtu", struct draft, mtu, read_i32),
	FIELD_AS("mac", struct draft, mac, read_str),
	FIELD_AS("owner", struct draft, conf.owner, read_u32),
	FIELD_AS("owner", struct draft, conf.has_owner, read_present),
	FIELD_AS("group", struct draft, conf.group, read_u32),
	FIELD_AS("group", struct draft, conf.has_group, read_present),
	FIELD_AS("selinuxContext", struct draft, conf.label, read_str),
	FIELD_AS("bridge", struct draft, conf.bridge, read_str),
	FIELD_AS("enabledad", struct draft, conf.dad, read_bool),
	{ 0 }
};

static bool conf_valid(const struct draft *d, struct err *e)
{
	const struct tap_conf *c = &d->conf;
	struct err why = ERR_INIT;

	if (d->mtu && (d->mtu < MTU_MIN || d->mtu > MTU_MAX))
		return fail_code(e, CNI_INVALID_CONFIG, "invalid mtu %d (must be 0 or between %d and %d)", d->mtu,
				 MTU_MIN, MTU_MAX);
	if (c->owner > ID_MAX)
		return fail_code(e, CNI_INVALID_CONFIG, "invalid owner %u (must be between 0 and %u)", c->owner,
				 ID_MAX);
	if (c->group > ID_MAX)
		return fail_code(e, CNI_INVALID_CONFIG, "invalid group %u (must be between 0 and %u)", c->group,
				 ID_MAX);
	if (c->bridge && !ifname_valid(c->bridge, &why))
		return fail_code(e, CNI_INVALID_CONFIG, "bridge \"%s\": %s", c->bridge, why.text);
	return true;
}

static bool conf_read(const struct request *r, struct tap_conf *ret, struct err *e)
{
	struct draft d = { .mtu = 0 };

	if (!json_fields(r->arena, r->conf, conf_fields, &d, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to load netconf");
	}
	if (!json_fields(r->arena, r->net.runtime, runtime_fields, &d, e)) {
		e->code = CNI_DECODING_FAILURE;
		return wrap(e, "failed to load netconf: runtimeConfig");
	}
	if (str_empty(d.conf.label))
		d.conf.label = NULL;
	if (str_empty(d.conf.bridge))
		d.conf.bridge = NULL;
	if (!conf_valid(&d, e) || !iface_mac_asked(r, d.mac, d.mac_by_runtime, &d.conf.mac, e))
		return false;
	d.conf.mtu = (uint32_t)d.mtu;
	*ret = d.conf;
	return true;
}

// ---- the interface ----

static bool bridge_get(struct endpoint *ep, const char *name, struct link *ret, struct err *e)
{
	struct link l;

	if (!link_get(&ep->far, name, &l, e))
		return wrap(e, "bridge \"%s\" of the container", name);
	if (!str_eq(l.kind, "bridge"))
		return fail(e, 0, "\"%s\" of the container is not a bridge", name);
	*ret = l;
	return true;
}

static bool tap_create(struct endpoint *ep, const struct tap_conf *c, struct err *e)
{
	/* Packet information and header as the reference sets them; whoever opens the interface chooses again. */
	bool owned = c->has_owner && c->has_group && !c->label;
	struct tun_new n = {
		.name = ep->r->ifname,
		.multi_queue = c->multi_queue,
		.vnet_hdr = owned,
		.packet_info = owned && !c->multi_queue,
		.has_owner = c->has_owner,
		.has_group = c->has_group,
		.owner = c->owner,
		.group = c->group,
		.label = c->label,
	};
	struct netns_visit v;
	bool ok;

	if (!netns_enter(ep->netns, &v, e))
		return false;
	ok = tun_tap_add(&n, e);
	netns_leave(&v);
	return ok || wrap(e, "failed to create tap");
}

static bool tap_adjust(struct endpoint *ep, const struct tap_conf *c, const struct link *bridge, struct link *l,
		       struct err *e)
{
	if (!link_get(&ep->far, ep->r->ifname, l, e))
		return false;
	if (!mac_is_unset(&c->mac) && !link_set_mac(&ep->far, l->index, &c->mac, e))
		return false;
	if (c->mtu && !link_set_mtu(&ep->far, l->index, c->mtu, e))
		return false;
	if (c->bridge && !link_set_master(&ep->far, l->index, bridge->index, e))
		return false;
	return link_get_index(&ep->far, l->index, l, e);
}

static bool tap_make(struct endpoint *ep, struct err *e)
{
	const struct tap_conf *c = ep->conf;
	struct link bridge = { 0 }, l = { 0 };
	struct err ignored;

	if (c->bridge && !bridge_get(ep, c->bridge, &bridge, e))
		return false;
	if (!tap_create(ep, c, e))
		return false;
	if (!tap_adjust(ep, c, &bridge, &l, e)) {
		bool done UNUSED = l.index && link_del(&ep->far, l.index, &ignored);

		return false;
	}
	ep->link = l;
	return true;
}

// ---- CHECK ----

static bool same_id(const char *what, const char *ifname, bool want, uint32_t wanted, bool has, uint32_t id,
		    struct err *e)
{
	if (want == has && (!want || wanted == id))
		return true;
	if (!has)
		return fail(e, 0, "tap interface %s has no %s instead of %u", ifname, what, wanted);
	if (!want)
		return fail(e, 0, "tap interface %s has %s %u instead of none", ifname, what, id);
	return fail(e, 0, "tap interface %s has %s %u instead of %u", ifname, what, id, wanted);
}

static bool verify_device(struct endpoint *ep, const struct tap_conf *c, struct err *e)
{
	const char *name = ep->link.name;
	struct tun t;

	if (!tun_get(&ep->far, ep->link.index, &t, e))
		return false;
	if (!t.tap)
		return fail(e, 0, "Error: Container interface %s is a tun interface instead of a tap interface", name);
	if (!t.persist)
		return fail(e, 0, "tap interface %s is not persistent", name);
	if (t.multi_queue != c->multi_queue)
		return fail(e, 0, "tap interface %s has %s", name, t.multi_queue ? "several queues" : "one queue");
	return same_id("owner", name, c->has_owner, c->owner, t.has_owner, t.owner, e) &&
	       same_id("group", name, c->has_group, c->group, t.has_group, t.group, e);
}

static bool tap_verify(struct endpoint *ep, struct err *e)
{
	const struct tap_conf *c = ep->conf;
	struct link bridge = { 0 };

	if (!verify_device(ep, c, e))
		return false;
	if (c->bridge && !bridge_get(ep, c->bridge, &bridge, e))
		return false;
	return !c->bridge || ep->link.master == bridge.index ||
	       fail(e, 0, "tap interface %s is not a port of bridge %s", ep->link.name, c->bridge);
}

static const struct endpoint_kind tap_kind = {
	.kind = "tun",
	.announce = true,
	.make = tap_make,
	.verify = tap_verify,
};

// ---- the verbs ----

static bool tap_add(const struct request *r, struct result *ret, struct err *e)
{
	struct endpoint_conf ec = { 0 };
	struct tap_conf c;

	if (!conf_read(r, &c, e))
		return false;
	ec.dad = c.dad;
	return endpoint_add(r, &tap_kind, &ec, &c, ret, e);
}

static bool tap_check(const struct request *r, struct err *e)
{
	struct tap_conf c;

	return conf_read(r, &c, e) && endpoint_check(r, &tap_kind, &c, e);
}

static bool tap_del(const struct request *r, struct err *e)
{
	return endpoint_del(r, &tap_kind, NULL, e);
}

static bool tap_status(const struct request *r, struct err *e)
{
	struct tap_conf c;

	if (!conf_read(r, &c, e))
		return false;
	if (!tun_usable(c.multi_queue, c.label != NULL, e)) {
		e->code = CNI_NOT_AVAILABLE;
		return false;
	}
	return endpoint_status(r, NULL, NULL, e);
}

const struct plugin tap_plugin = {
	.name = "tap",
	.about = "make a persistent TAP interface in a container",
	.versions = versions_all,
	.add = tap_add,
	.check = tap_check,
	.del = tap_del,
	.gc = endpoint_gc,
	.status = tap_status,
};
