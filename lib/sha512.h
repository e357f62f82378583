// SPDX-License-Identifier: Apache-2.0
/* SHA-512 (FIPS 180-4): the names of chains and devices that take-over must find again are cut from it. */
#ifndef CRIMP_LIB_SHA512_H
#define CRIMP_LIB_SHA512_H

#include "lib/base.h"

struct sha512 {
	uint64_t state[8];
	uint64_t bytes;
	uint8_t block[128];
};

void sha512_init(struct sha512 *s);
void sha512_put(struct sha512 *s, const void *data, size_t len);
void sha512_end(struct sha512 *s, uint8_t ret[static 64]);

#endif
