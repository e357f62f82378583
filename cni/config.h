// SPDX-License-Identifier: Apache-2.0
/* What all plugins read from their configuration (stdin): the keys the specification itself defines. Keys fold case. */
#ifndef CRIMP_CNI_CONFIG_H
#define CRIMP_CNI_CONFIG_H

#include "cni/result.h"
#include "lib/json.h"

struct valid_attachment { const char *container_id, *ifname; };

struct netconf {
	const char *version;		/* cniVersion; "0.1.0" when absent or empty */
	const char *name;		/* network; validated */
	const char *type;		/* "" when absent */
	const char *ipam_type;		/* "" when absent */
	const struct json *ipam;	/* the ipam object, NULL if absent */
	const struct json *prev;	/* prevResult object as read, NULL if absent */
	const struct json *runtime;	/* runtimeConfig, NULL if absent */
	const struct json *args_cni;	/* args.cni, NULL if absent */
	struct dns dns;
	bool has_valid;			/* cni.dev/valid-attachments (or cni.dev/attachments) present and not null */
	struct valid_attachment *valid;
	size_t n_valid;
};

/* Code 6 for wrong types. Does not judge name or version: the skeleton does, in its own order. */
bool netconf_read(struct arena *a, const struct json *conf, struct netconf *ret, struct err *e) MUST_CHECK;

/*
 * Rules of the specification; each failure has the code and text runtimes know
 * (code 4 or 7; 3 for an empty container ID).
 */
bool container_id_valid(const char *id, struct err *e) MUST_CHECK;
bool network_name_valid(const char *name, struct err *e) MUST_CHECK;
bool ifname_valid(const char *name, struct err *e) MUST_CHECK;

#endif
