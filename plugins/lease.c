// SPDX-License-Identifier: Apache-2.0
#include "plugins/lease.h"

#include "lib/str.h"

bool lease_goes_first(const struct request *r)
{
	return str_eq(r->net.ipam_type, "dhcp");
}

bool lease_needs_no_interface(const struct request *r)
{
	return str_eq(r->net.ipam_type, "host-local") || str_eq(r->net.ipam_type, "static");
}

/* A delegate that failed has left nothing, and may have failed because another ADD holds the lease. */
bool lease_add(const struct request *r, int at, struct result *ret, bool *ret_taken, struct err *e)
{
	struct result ipam = { 0 };

	if (!delegate_add(r, r->net.ipam_type, &ipam, e))
		return false;
	*ret_taken = true;
	if (!ipam.n_ips)
		return fail(e, 0, "IPAM plugin returned missing IP config");
	for (size_t i = 0; i < ipam.n_ips; i++) {
		ipam.ips[i].interface = at;
		ipam.ips[i].has_interface = true;
	}
	ret->ips = ipam.ips;
	ret->n_ips = ipam.n_ips;
	ret->routes = ipam.routes;
	ret->n_routes = ipam.n_routes;
	ret->dns = dns_is_empty(&r->net.dns) ? ipam.dns : r->net.dns;
	return true;
}

bool lease_del(const struct request *r, struct err *e)
{
	return !*r->net.ipam_type || delegate_del(r, r->net.ipam_type, e);
}

void lease_undo(const struct request *r, bool *taken)
{
	struct err ignored;
	bool done UNUSED;

	if (*taken)
		done = lease_del(r, &ignored);
	*taken = false;
}
