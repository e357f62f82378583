// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Patterns in the syntax that the reference's allow lists are written in (RE2), for the C library's regcomp(), which
 * speaks POSIX extended expressions. A pattern is taken apart and put together anew: sets are spelled out, lazy
 * repetitions lose their laziness (the question is only whether something matches), groups lose their names. What has
 * no counterpart there (flags, word boundaries, Unicode classes, empty alternatives, repetitions over 255) is a
 * failure, never a guess: the caller decides about permission. ASCII only.
 */
#ifndef CRIMP_LIB_RE2_H
#define CRIMP_LIB_RE2_H

#include "lib/buf.h"
#include "lib/err.h"

/* Does @pattern match somewhere in @text? The failure says what of the pattern cannot be understood. */
bool re2_match(struct arena *a, const char *pattern, const char *text, bool *ret, struct err *e) MUST_CHECK;
/* The POSIX form. */
bool re2_translate(struct arena *a, const char *pattern, const char **ret, struct err *e) MUST_CHECK;

#endif
