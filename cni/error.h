// SPDX-License-Identifier: Apache-2.0
/* Error codes and the error object of the protocol (specification, section "Error"). */
#ifndef CRIMP_CNI_ERROR_H
#define CRIMP_CNI_ERROR_H

#include <cni/types.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"

/* The public ones without their prefix: one list, whose numbers are the specification's. */
enum cni_code {
	CNI_INCOMPATIBLE_VERSION = CNI_ERR_INCOMPATIBLE_VERSION,
	CNI_UNSUPPORTED_FIELD = CNI_ERR_UNSUPPORTED_FIELD,
	CNI_UNKNOWN_CONTAINER = CNI_ERR_UNKNOWN_CONTAINER,
	CNI_INVALID_ENVIRONMENT = CNI_ERR_INVALID_ENVIRONMENT,
	CNI_IO_FAILURE = CNI_ERR_IO_FAILURE,
	CNI_DECODING_FAILURE = CNI_ERR_DECODING_FAILURE,
	CNI_INVALID_CONFIG = CNI_ERR_INVALID_CONFIG,
	CNI_INVALID_NETNS = CNI_ERR_INVALID_NETNS,
	CNI_TRY_AGAIN_LATER = CNI_ERR_TRY_AGAIN_LATER,
	/* STATUS: not available, and ... containers already attached suffer. */
	CNI_NOT_AVAILABLE = CNI_ERR_NOT_AVAILABLE,
	CNI_LIMITED_CONNECTIVITY = CNI_ERR_LIMITED_CONNECTIVITY,
	CNI_INTERNAL = CNI_ERR_INTERNAL, /* what the reference uses for an error without a code */
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
