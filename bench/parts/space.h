// SPDX-License-Identifier: Apache-2.0
/*
 * Network namespaces: spaces for containers, known by a path, and nodes, which play the host and are known by a
 * descriptor. Every set has a node of its own in every scenario, so that nobody pays for another's rules.
 */
#ifndef CRIMP_BENCH_PARTS_SPACE_H
#define CRIMP_BENCH_PARTS_SPACE_H

#include "lib/err.h"

/* Kept alive by a mount at @path. */
bool space_make(const char *path, struct err *e) MUST_CHECK;
void space_drop(const char *path);

/*
 * With lo up and two cables: "uplink0" (up, for what needs a master) and "lent0" (to be lent to containers), with
 * their other ends parked.
 */
bool node_open(int *ret_fd, struct err *e) MUST_CHECK;
bool node_enter(int fd, struct err *e) MUST_CHECK;
/*
 * Wait until the kernel has taken down the namespaces that were dropped so far: it does so in the background, one
 * after the other, and would disturb what is measured next.
 */
bool space_settle(struct err *e) MUST_CHECK;

#endif
