// SPDX-License-Identifier: Apache-2.0
/* The configuration of host-local: from the ipam object, runtimeConfig, args.cni and CNI_ARGS. */
#ifndef CRIMP_PLUGINS_IPAM_HOST_LOCAL_CONF_H
#define CRIMP_PLUGINS_IPAM_HOST_LOCAL_CONF_H

#include "cni/plugin.h"
#include "plugins/ipam/range.h"

struct host_local_conf {
	const char *data_dir;
	const char *resolv_conf;	/* "" when not given */
	struct range_set *sets;		/* complete */
	size_t n_sets;
	struct ip *wanted;		/* addresses asked for, each once */
	size_t n_wanted;
	struct result_route *routes;
	size_t n_routes;
};

/* Everything, checked: for ADD, CHECK and STATUS. Codes 6 and 7. */
bool host_local_conf_read(const struct request *r, struct host_local_conf *ret, struct err *e) MUST_CHECK;
/* Only where the leases are: DEL and GC must work whatever became of the rest. */
bool host_local_conf_data_dir(const struct request *r, const char **ret, struct err *e) MUST_CHECK;

#endif
