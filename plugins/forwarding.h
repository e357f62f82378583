// SPDX-License-Identifier: Apache-2.0
/* The node forwards what containers send: net/ipv4/ip_forward and net/ipv6/conf/all/forwarding, by family. */
#ifndef CRIMP_PLUGINS_FORWARDING_H
#define CRIMP_PLUGINS_FORWARDING_H

#include "cni/result.h"

/* On for each family that interfaces[@at] of @r has an address of. Nobody switches it off again. */
bool forwarding_ensure(const struct result *r, int at, struct err *e) MUST_CHECK;
/* The failure names the knob that is off. */
bool forwarding_check(const struct result *r, int at, struct err *e) MUST_CHECK;

#endif
