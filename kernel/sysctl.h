// SPDX-License-Identifier: Apache-2.0
/* Files below /proc/sys, of the namespace the calling thread is in. @name has slashes: "net/ipv4/ip_forward". */
#ifndef CRIMP_KERNEL_SYSCTL_H
#define CRIMP_KERNEL_SYSCTL_H

#include "lib/err.h"

/* e->num is ENOENT where the kernel has no such knob. */
bool sysctl_set(const char *name, const char *value, struct err *e) MUST_CHECK;
bool sysctl_get(const char *name, char *dst, size_t size, struct err *e) MUST_CHECK;	/* without the newline */
/* Write only if it has another value: a write to some knobs (forwarding) costs an RTNL round. */
bool sysctl_want(const char *name, const char *value, struct err *e) MUST_CHECK;
/* "net/ipv6/conf/IFNAME/KNOB": interface names may hold dots, which is why these are paths. */
bool sysctl_set_if(const char *family, const char *ifname, const char *knob, const char *value,
		   struct err *e) MUST_CHECK;

#endif
