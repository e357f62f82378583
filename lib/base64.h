// SPDX-License-Identifier: Apache-2.0
/* RFC 4648 standard alphabet with padding: how the result cache carries configurations. */
#ifndef CRIMP_LIB_BASE64_H
#define CRIMP_LIB_BASE64_H

#include "lib/buf.h"
#include "lib/err.h"

void base64_encode(struct buf *out, struct bytes in);
/* Strict: no white space, canonical padding. */
bool base64_decode(struct arena *a, const char *text, size_t len, struct bytes *ret, struct err *e) MUST_CHECK;

#endif
