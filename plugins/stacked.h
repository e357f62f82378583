// SPDX-License-Identifier: Apache-2.0
/* Interfaces that are stacked on another one, their master: macvlan, ipvlan, vlan. They differ in kind and mode. */
#ifndef CRIMP_PLUGINS_STACKED_H
#define CRIMP_PLUGINS_STACKED_H

#include "plugins/endpoint.h"

struct stacked_conf {
	struct endpoint_conf endpoint;
	const char *master;	/* "": the interface of the first default route */
	int32_t mtu;		/* 0: the master's */
	bool link_in_container;	/* the master is in the container's namespace */
};

/* Rows of the keys that all of them have, for a table over @type with a struct stacked_conf @member. */
#define STACKED_FIELDS(type, member)                                                      \
	FIELD_AS("master", type, member.master, read_str),                                \
	FIELD_AS("mtu", type, member.mtu, read_i32),                                      \
	FIELD_AS("linkInContainer", type, member.link_in_container, read_bool),           \
	FIELD_AS("enabledad", type, member.endpoint.dad, read_bool)

/* Names of modes and the kernel's numbers; ends with an empty row. The first is the default. */
struct stacked_mode { const char *name; uint32_t number; };

/* Decode the configuration into @dst; code 6. What can be judged without the node is the caller's to judge. */
bool stacked_conf_read(const struct request *r, const struct field *rows, void *dst, struct err *e) MUST_CHECK;
/* Names and numbers are such as can be; code 7. */
bool stacked_conf_valid(const struct stacked_conf *c, struct err *e) MUST_CHECK;
/* @name "" is the first. `unknown KIND mode: "x"`, code 7. */
bool stacked_mode_read(const struct stacked_mode *modes, const char *kind, const char *name, uint32_t *ret,
		       struct err *e) MUST_CHECK;

/*
 * A struct endpoint_kind's make(): @n has what the kind needs, the rest is filled in. @limited: the MTU may not be
 * larger than the master's; code 7.
 */
bool stacked_make(struct endpoint *ep, const struct stacked_conf *c, struct link_new *n, bool limited,
		  struct err *e) MUST_CHECK;
/* Its verify(): the master as configured; the MTU is not looked at, tuning may have another one. */
bool stacked_verify(struct endpoint *ep, const struct stacked_conf *c, struct err *e) MUST_CHECK;
bool stacked_mode_verify(const struct endpoint *ep, const struct stacked_mode *modes, uint32_t mode,
			 struct err *e) MUST_CHECK;
/* Without a master in the configuration: @by_route, the default route has to name one; otherwise nothing is known. */
bool stacked_status(const struct request *r, const char *kind, const struct stacked_conf *c, bool limited,
		    bool by_route, struct err *e) MUST_CHECK;

#endif
