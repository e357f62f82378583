// SPDX-License-Identifier: Apache-2.0
/*
 * resolv.conf(5) as DNS settings of a result: nameserver, domain, search, options.
 * Unknown lines and comments are passed over.
 */
#ifndef CRIMP_PLUGINS_IPAM_RESOLV_CONF_H
#define CRIMP_PLUGINS_IPAM_RESOLV_CONF_H

#include "cni/result.h"

bool resolv_conf_read(struct arena *a, const char *path, struct dns *ret, struct err *e) MUST_CHECK;

#endif
