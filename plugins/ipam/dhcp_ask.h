// SPDX-License-Identifier: Apache-2.0
/* The plugin's end of a connection to the daemon, ours or the reference's: one call, one answer, within a deadline. */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_ASK_H
#define CRIMP_PLUGINS_IPAM_DHCP_ASK_H

#include "cni/plugin.h"
#include "plugins/ipam/dhcp.h"

/*
 * Is a daemon there? e->num: why not; dhcp_daemon_is_absent() when nobody listens. The failure begins with "error
 * dialing DHCP daemon".
 */
bool dhcp_daemon_probe(const char *socket, int64_t deadline_ms, struct err *e) MUST_CHECK;
/*
 * Make the call for the attachment of @r; @ret (may be NULL) is the result, of Allocate and Check. e->num is ENOSYS
 * when the daemon does not know the method, ETIMEDOUT at the deadline, 0 when it has refused.
 */
bool dhcp_daemon_ask(const struct request *r, const char *socket, enum dhcp_call_kind kind, int64_t deadline_ms,
		     struct result *ret, struct err *e) MUST_CHECK;
/* No socket, one that nobody listens on, or a daemon that ended in the middle. */
bool dhcp_daemon_is_absent(const struct err *e);

#endif
