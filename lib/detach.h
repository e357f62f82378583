// SPDX-License-Identifier: Apache-2.0
/* A child that outlives us, for what nobody needs to wait for. */
#ifndef CRIMP_LIB_DETACH_H
#define CRIMP_LIB_DETACH_H

#include "lib/base.h"

/*
 * True in the child, which has a session of its own and no descriptor open but @fd, and ends by _exit(). False here,
 * also when there can be no child. The child is ours to reap; a process that is about to end leaves that to init.
 */
bool detach(int fd) MUST_CHECK;

#endif
