// SPDX-License-Identifier: Apache-2.0
/*
 * CNI_ARGS on the plugin's side: "K=V;K2=V2". Each piece has exactly one '='. Keys are exact; those a plugin did not
 * ask for fail unless IgnoreUnknown is true; the last of a repeated key wins.
 */
#ifndef CRIMP_CNI_ARGS_H
#define CRIMP_CNI_ARGS_H

#include "lib/arena.h"
#include "lib/err.h"

struct arg {
	const char *key;
	const char *value;	/* filled in; NULL: not given */
};

/*
 * Fill @known (n entries). Values stay text: the plugin reads them. Failure: code
 * 4... as the reference's text `ARGS: ...`.
 */
bool args_read(struct arena *a, const char *text, struct arg *known, size_t n, struct err *e) MUST_CHECK;

#endif
