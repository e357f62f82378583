// SPDX-License-Identifier: Apache-2.0
/* What the cache remembers of an attachment, made readable: addresses and published ports out of its JSON. */
#ifndef CRIMP_CMD_CACHED_H
#define CRIMP_CMD_CACHED_H

#include "cmd/cli.h"
#include "cni/result.h"

/* The cached result; false (and @ret untouched) when there is none or it cannot be read. */
bool cached_result(struct arena *a, const struct cni_cached *cached, struct result *ret);
/* "10.88.0.2/16, fd00::2/64", "" if nothing is known. */
const char *cached_addresses(struct arena *a, const struct cni_cached *cached);
/* "8080:80/tcp" per published port, NULL-terminated. */
const char **cached_ports(struct arena *a, const struct cni_cached *cached);
/* The namespace is still there. One that may not be looked at, or whose path nobody knows, counts as alive. */
bool cached_netns_alive(const struct cni_cached *cached);

#endif
