// SPDX-License-Identifier: Apache-2.0
/* What the unit tests of this room share. */
#ifndef CRIMP_CNI_TEST_H
#define CRIMP_CNI_TEST_H

#include <setjmp.h>

#include "lib/json.h"

#include <cmocka.h>

/* cmocka's fail() hides ours. */
#undef fail
#define broken(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

static inline const struct json *json_of(struct arena *a, const char *text)
{
	const struct json *j = NULL;
	struct err e;

	if (!json_parse(a, (struct bytes){ text, strlen(text) }, &j, &e))
		broken("%s: %s", text, e.text);
	return j;
}

#endif
