// SPDX-License-Identifier: Apache-2.0
/*
 * The addresses of an attachment, from its IPAM plugin (`ipam.type`): what every plugin that makes an interface does.
 */
#ifndef CRIMP_PLUGINS_LEASE_H
#define CRIMP_PLUGINS_LEASE_H

#include "cni/plugin.h"

/*
 * ADD: addresses (at least one; each of them of interfaces[@at]), routes and DNS go into @ret, whose interfaces stay.
 * The configuration's own DNS wins. @ret_taken as soon as there is something to give back, also when it then fails.
 */
bool lease_add(const struct request *r, int at, struct result *ret, bool *ret_taken, struct err *e) MUST_CHECK;
/* DEL; success without an IPAM plugin. */
bool lease_del(const struct request *r, struct err *e) MUST_CHECK;
/* Undo of an ADD under way: what has been @taken is given back, once. */
void lease_undo(const struct request *r, bool *taken);
/*
 * Must the lease be given back before the interface goes? An address is better not given to somebody else while it
 * still answers, but a DHCP lease is given back over the interface.
 */
bool lease_goes_first(const struct request *r);
/* Is it known that this IPAM plugin does not look at the interface? Others may, so they come after it. */
bool lease_needs_no_interface(const struct request *r);

#endif
