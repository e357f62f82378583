// SPDX-License-Identifier: Apache-2.0
/*
 * What goes over the daemon's socket: Go's net/rpc over HTTP. After a CONNECT and its answer both sides write gob; a
 * call is a header (method, serial number) and its arguments, an answer a header with the same number (and the failure,
 * if it is one) and its result.
 */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_WIRE_H
#define CRIMP_PLUGINS_IPAM_DHCP_WIRE_H

#include "cni/result.h"
#include "plugins/ipam/dhcp.h"
#include "plugins/ipam/gob.h"

#define WIRE_HELLO "CONNECT /_goRPC_ HTTP/1.0\n\n"
#define WIRE_WELCOME "HTTP/1.0 200 Connected to Go RPC\n\n"
#define WIRE_HEAD_MAX 4096
/* How a daemon says that it has no such method; followed by what it lacks. */
#define WIRE_UNKNOWN "rpc: can't find "

/* The first two have the numbers that the reference's plugin gives them. */
enum wire_type {
	WIRE_REQUEST = GOB_FIRST_OWN,
	WIRE_ARGS,
	WIRE_RESPONSE,
	WIRE_NOTHING,
	WIRE_RESULT,
	WIRE_IPS,
	WIRE_IP,
	WIRE_NET,
	WIRE_ROUTES,
	WIRE_ROUTE,
	WIRE_DNS,
	WIRE_TEXTS,
};
extern const struct gob_types wire_types;
extern const char *const wire_methods[]; /* by enum dhcp_call_kind */
#define WIRE_METHODS ((size_t)DHCP_ALLOCATE_VERSIONS + 1)

/*
 * Where the first @len bytes of an HTTP head end, the blank line included; 0 if it is not
 * there yet.
 */
size_t wire_head_end(struct bytes in);

/* What of a lease goes into a result beyond address, gateway and routes. */
struct wire_wish {
	bool dns, domain, search;	/* the configuration has asked for options 6, 15, 119 */
	uint32_t priority;
};
struct gob_value *wire_result(struct arena *a, const struct dhcp_lease *leases, size_t n, const struct wire_wish *w);
/* Addresses, routes and DNS of a result as a daemon has sent it. */
bool wire_result_read(struct arena *a, const struct gob_value *v, struct result *ret, struct err *e) MUST_CHECK;

#endif
