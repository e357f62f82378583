// SPDX-License-Identifier: Apache-2.0
/* What every fuzzer is made of: the function that gets the bytes, and what it claims of them. */
#ifndef CRIMP_FUZZ_CLAIM_H
#define CRIMP_FUZZ_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void claim(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "claim failed: %s\n", what);
	abort();
}

#endif
