// SPDX-License-Identifier: Apache-2.0
/* Error codes and the error object of the protocol (specification, section "Error"). */
#ifndef CRIMP_CNI_ERROR_H
#define CRIMP_CNI_ERROR_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"

enum cni_code {
	CNI_INCOMPATIBLE_VERSION = 1,
	CNI_UNSUPPORTED_FIELD = 2,
	CNI_UNKNOWN_CONTAINER = 3,
	CNI_INVALID_ENVIRONMENT = 4,
	CNI_IO_FAILURE = 5,
	CNI_DECODING_FAILURE = 6,
	CNI_INVALID_CONFIG = 7,
	CNI_INVALID_NETNS = 8,
	CNI_TRY_AGAIN_LATER = 11,
	CNI_NOT_AVAILABLE = 50,			/* STATUS */
	CNI_LIMITED_CONNECTIVITY = 51,		/* STATUS: not available, and containers already attached suffer */
	CNI_INTERNAL = 999,			/* what the reference uses for an error without a code */
};

/* The code to report for @e: its own, else CNI_INTERNAL. */
int error_code(const struct err *e);
/* Write the error object, pretty, without a final newline. @version: cniVersion member, NULL leaves it out. */
void error_write(struct buf *out, const struct err *e, const char *version);
/* Read an error object printed by a plugin: @ret gets code, text (msg) and details. False if it is not one. */
bool error_parse(const struct json *j, struct err *ret, struct err *e) MUST_CHECK;
/* "decoding failure", "try again later", ...; "plugin error" for codes from 100. */
const char *error_code_name(int code);

#endif
