// SPDX-License-Identifier: Apache-2.0
/* Small questions about NUL-terminated strings, and numbers read strictly. */
#ifndef CRIMP_LIB_STR_H
#define CRIMP_LIB_STR_H

#include "lib/arena.h"

static inline bool str_eq(const char *a, const char *b) { return strcmp(a, b) == 0; }
/* NULL or "" */
static inline bool str_empty(const char *s) { return !s || !*s; }
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* Equal when ASCII case is folded. */
bool str_fold_eq(const char *a, const char *b);
/* A whole string of decimal digits within [0, max]; no sign, no blank, no leading +. False leaves @ret alone. */
bool str_u64(const char *s, uint64_t max, uint64_t *ret);
/*
 * Split @s at @sep into a NULL-terminated arena array; empty pieces are kept; ""
 * gives one empty piece. @ret_n may be NULL.
 */
char **str_split(struct arena *a, const char *s, char sep, size_t *ret_n);
/* The same without the empty pieces. */
char **str_split_nonempty(struct arena *a, const char *s, char sep, size_t *ret_n);
/* @n bytes as 2*n lower-case hex digits plus NUL into @dst. */
void str_hex(char *dst, const void *src, size_t n);
/*
 * Length of the valid UTF-8 sequence at @s (1..4), 0 if it is not one (overlong,
 * surrogate, cut). @end is one past the last byte.
 */
unsigned utf8_len(const char *s, const char *end);

/*
 * @src as valid UTF-8 that fits @size bytes (at least 4) with its NUL: each byte that is none becomes U+FFFD, and what
 * does not fit is cut between characters and ends in "...". @src may not lie in @dst.
 */
void utf8_copy(char *dst, size_t size, const char *src);

#endif
