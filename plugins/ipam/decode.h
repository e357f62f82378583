// SPDX-License-Identifier: Apache-2.0
/* What the plugins of address management read alike. */
#ifndef CRIMP_PLUGINS_IPAM_DECODE_H
#define CRIMP_PLUGINS_IPAM_DECODE_H

#include "cni/plugin.h"
#include "lib/field.h"

/* A struct ip; "" is as good as nothing. */
field_read read_ip_opt;
/* json_fields() with code 6 and @where in front of the key. */
bool ipam_decode(struct arena *a, const struct json *o, const char *where, const struct field *rows, void *dst,
		 struct err *e) MUST_CHECK;

#endif
