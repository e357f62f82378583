// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * A result in memory has one shape, that of the newest version; older shapes exist only as text. Reading turns any
 * version into it and remembers the version; writing produces the version asked for, by the reference's conversion
 * rules: which fields an old shape loses, which IP of a family an 0.2.0 result keeps, where a wrong "version" label is
 * believed. What text to text conversion can tell apart (interface 0 or absent, table 0 or absent) is kept apart.
 */
#ifndef CRIMP_CNI_RESULT_H
#define CRIMP_CNI_RESULT_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/ip.h"
#include "lib/json.h"

struct result_interface {
	const char *name;	/* never NULL */
	const char *mac;	/* text as given; NULL: absent */
	uint32_t mtu;		/* bytes; 0: absent */
	const char *sandbox;	/* NULL: absent (host) */
	const char *socket_path, *pci_id;
};
struct result_ip {
	struct cidr address;
	struct ip gateway;	/* ip_is_unset(): absent */
	int interface;		/* valid if has_interface; may be -1 or beyond the list, as read */
	bool has_interface;
	char version;		/* '4', '6': label of a 0.3/0.4 text; 0: derive from the address */
};
struct result_route {
	struct cidr dst;
	struct ip gw;		/* ip_is_unset(): absent */
	uint32_t mtu, advmss, priority;	/* 0: absent */
	uint32_t table;
	int scope;
	bool has_table, has_scope;
};
struct dns {
	const char **nameservers, **search, **options;	/* NULL-terminated or NULL */
	const char *domain;
};
struct result {
	const char *version;	/* cniVersion it was read with; NULL: made here */
	struct result_interface *interfaces;
	struct result_ip *ips;
	struct result_route *routes;
	size_t n_interfaces, n_ips, n_routes;
	struct dns dns;
};

bool dns_is_empty(const struct dns *d);
/* Reads {"nameservers","domain","search","options"} into struct dns: a reader for lib/field.h tables. */
#include "lib/field.h"
field_read read_dns;
/* rows for a struct result_route: plugins read config "routes" with it (read_list) */
extern const struct field result_route_fields[];

/*
 * Read a result object. @fallback_version is assumed when cniVersion is absent, or, unless @strict_empty, empty or not
 * a string. Unknown version, malformed entries (null or {} in a list, an address without prefix): code 6.
 */
bool result_read(struct arena *a, const struct json *j, const char *fallback_version, bool strict_empty,
		 struct result *ret, struct err *e) MUST_CHECK;
/*
 * Write as @version ("" is labelled 0.1.0). Fails for unknown versions, and below 0.3.0 without any IP when the result
 * was not itself below 0.3.0. @pretty: 4 spaces. No final newline.
 */
bool result_write(struct buf *out, const struct result *r, const char *version, bool pretty, struct err *e) MUST_CHECK;

/* Growing a result in an arena; each returns the new entry, zeroed, valid until the next append of its kind. */
struct result_interface *result_add_interface(struct arena *a, struct result *r);
struct result_ip *result_add_ip(struct arena *a, struct result *r);
struct result_route *result_add_route(struct arena *a, struct result *r);

#endif
