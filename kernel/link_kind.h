// SPDX-License-Identifier: Apache-2.0
/* Details of one kind of interface: shared by kernel/link.c and kernel/link_kind.c alone. */
#ifndef CRIMP_KERNEL_LINK_KIND_H
#define CRIMP_KERNEL_LINK_KIND_H

#include "kernel/link.h"

/* Reads IFLA_INFO_DATA of @ret->kind into @ret; a kind that is not known says nothing. */
void link_read_kind(const struct nl_attr *data, struct link *ret);

#endif
