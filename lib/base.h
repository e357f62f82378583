// SPDX-License-Identifier: Apache-2.0
/*
 * What every file of the tree may take for granted: the attributes we use by name, and the functions nobody may call.
 */
#ifndef CRIMP_LIB_BASE_H
#define CRIMP_LIB_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define UNUSED __attribute__((unused))
#define MUST_CHECK __attribute__((warn_unused_result))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Unbounded or silently wrong: there is always a better way in lib/. (After the includes, so that libc may.) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#pragma GCC poison strcpy strcat sprintf vsprintf atoi atol strtok gets

#endif
