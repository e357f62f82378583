// SPDX-License-Identifier: Apache-2.0
#include "plugins/stacked.h"

#include <errno.h>

#include "lib/str.h"

#define MTU_MAX 65535	/* of any interface */

bool stacked_conf_read(const struct request *r, const struct field *rows, void *dst, struct err *e)
{
	if (json_fields(r->arena, r->conf, rows, dst, e))
		return true;
	e->code = CNI_DECODING_FAILURE;
	return wrap(e, "failed to load netconf");
}

bool stacked_conf_valid(const struct stacked_conf *c, struct err *e)
{
	struct err why = ERR_INIT;

	if (*c->master && !ifname_valid(c->master, &why))
		return fail_code(e, CNI_INVALID_CONFIG, "master \"%s\": %s", c->master, why.text);
	if (c->mtu < 0 || c->mtu > MTU_MAX)
		return fail_code(e, CNI_INVALID_CONFIG, "invalid MTU %d, must be [0, %d]", c->mtu, MTU_MAX);
	return true;
}

bool stacked_mode_read(const struct stacked_mode *modes, const char *kind, const char *name, uint32_t *ret,
		       struct err *e)
{
	char known[64] = "";
	size_t len = 0;

	for (const struct stacked_mode *m = modes; m->name; m++) {
		if (!*name || str_eq(m->name, name)) {
			*ret = m->number;
			return true;
		}
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", len ? ", " : "", m->name);
	}
	return fail_code(e, CNI_INVALID_CONFIG, "unknown %s mode: \"%s\", must be one of: %s", kind, name, known);
}

static bool find_master(struct nl *nl, const struct request *r, const struct stacked_conf *c, struct link *ret,
			struct err *e)
{
	if (!*c->master)
		return endpoint_default_master(nl, r->arena, ret, e);
	if (link_get(nl, c->master, ret, e))
		return true;
	if (e->num == ENODEV)
		err_details(e, "set \"master\" to an interface that is there, as \"ip link\" lists them");
	return wrap(e, "failed to lookup master \"%s\"", c->master);
}

static bool mtu_valid(const struct stacked_conf *c, const struct link *master, struct err *e)
{
	if ((uint32_t)c->mtu <= master->mtu)
		return true;
	return fail_code(e, CNI_INVALID_CONFIG, "invalid MTU %d, must be [0, master MTU(%u)]", c->mtu, master->mtu);
}

bool stacked_make(struct endpoint *ep, const struct stacked_conf *c, struct link_new *n, bool limited, struct err *e)
{
	struct nl *nl = c->link_in_container ? &ep->far : &ep->nl;
	struct link master;

	if (!find_master(nl, ep->r, c, &master, e) || (limited && !mtu_valid(c, &master, e)))
		return false;
	n->name = ep->r->ifname;
	n->temporary = endpoint_temporary(ep->r);
	n->netns = c->link_in_container ? -1 : ep->netns;
	n->lower = master.index;
	n->mtu = (uint32_t)c->mtu;
	return link_add(nl, n, &ep->far, &ep->link, e) || wrap(e, "failed to create %s on %s", n->kind, master.name);
}

/*
 * A configuration that names no master does not say which one the default route was on at the time. The kernel removes
 * an interface together with its master, so there is one.
 */
bool stacked_verify(struct endpoint *ep, const struct stacked_conf *c, struct err *e)
{
	const struct link *l = &ep->link;
	struct link master;

	if (!*c->master)
		return true;
	if (!find_master(c->link_in_container ? &ep->far : &ep->nl, ep->r, c, &master, e))
		return false;
	if (l->peer != master.index || (l->peer_nsid >= 0) == c->link_in_container)
		return fail(e, 0, "master of interface %s is not %s", l->name, master.name);
	return true;
}

bool stacked_mode_verify(const struct endpoint *ep, const struct stacked_mode *modes, uint32_t mode, struct err *e)
{
	const char *have = "unknown", *want = "unknown";

	for (const struct stacked_mode *m = modes; m->name; m++) {
		if (m->number == ep->link.mode)
			have = m->name;
		if (m->number == mode)
			want = m->name;
	}
	return ep->link.mode == mode ||
	       fail(e, 0, "container %s mode %s does not match expected value: %s", ep->link.kind, have, want);
}

bool stacked_status(const struct request *r, const char *kind, const struct stacked_conf *c, bool limited,
		    bool by_route, struct err *e)
{
	bool known = !c->link_in_container && *c->master;
	autonl nl = NL_CLOSED;
	struct link master;

	if (!endpoint_status(r, kind, known ? c->master : NULL, e))
		return false;
	if (!known && (c->link_in_container || !by_route))
		return true;
	if (nl_open(&nl, NETLINK_ROUTE, e) && find_master(&nl, r, c, &master, e) &&
	    (!limited || mtu_valid(c, &master, e)))
		return true;
	e->code = CNI_NOT_AVAILABLE;
	return false;
}
