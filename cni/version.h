// SPDX-License-Identifier: Apache-2.0
/* Versions of the specification: 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0. "" and absence mean 0.1.0. */
#ifndef CRIMP_CNI_VERSION_H
#define CRIMP_CNI_VERSION_H

#include "lib/err.h"

#define VERSION_NEWEST "1.1.0"

/* NULL-terminated, ascending. */
extern const char *const versions_all[];
extern const char *const versions_from_030[];
extern const char *const versions_from_031[];
extern const char *const versions_from_040[];

/* 1 to 3 dot-separated decimals, missing ones are 0, "" is 0.1.0. Anything else fails. */
bool version_parse(const char *s, int ret[3], struct err *e) MUST_CHECK;
/* <0, 0, >0; unparsable versions sort below all. */
int version_cmp(const char *a, const char *b);
bool version_at_least(const char *v, const char *min);
/* Is @v published (exactly spelled)? */
bool version_known(const char *v);
/* Result families: 0 = {"", 0.1.0, 0.2.0}, 1 = {0.3.0, 0.3.1, 0.4.0}, 2 = {1.0.0, 1.1.0}; -1 unknown. */
int version_family(const char *v);
bool version_in(const char *v, const char *const *list);

#endif
