// SPDX-License-Identifier: Apache-2.0
/* The end of a plugin process that has nothing but a failure to say. */
#ifndef CRIMP_CNI_SKEL_H
#define CRIMP_CNI_SKEL_H

#include "cni/plugin.h"

/* Print the error object on stdout. Returns the exit status, 1. @version: cniVersion; NULL: the newest. */
int skel_refuse(struct arena *a, const struct err *e, const char *version);

#endif
