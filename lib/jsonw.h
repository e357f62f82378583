// SPDX-License-Identifier: Apache-2.0
/*
 * Writes JSON straight into a buf: compact, or pretty with 4 spaces as the protocol's reference prints. Commas and
 * indentation are the writer's work. Strings are escaped as in the reference's output (control characters, quotes,
 * backslash, and < > & U+2028 U+2029 as \uXXXX only when @html is set); invalid UTF-8 becomes U+FFFD. jsonw_raw()
 * copies a value verbatim (re-indentation of pretty output does not apply to it).
 */
#ifndef CRIMP_LIB_JSONW_H
#define CRIMP_LIB_JSONW_H

#include "lib/json.h"

struct jsonw {
	struct buf *out;
	unsigned depth;
	bool pretty, html;
	bool comma;		/* the next value needs one in front */
	bool after_key;
};

void jsonw_init(struct jsonw *w, struct buf *out, bool pretty);
void jsonw_object(struct jsonw *w);
void jsonw_object_end(struct jsonw *w);
void jsonw_array(struct jsonw *w);
void jsonw_array_end(struct jsonw *w);
void jsonw_key(struct jsonw *w, const char *key);
void jsonw_keyn(struct jsonw *w, const char *key, size_t n); /* may hold NUL bytes */
void jsonw_str(struct jsonw *w, const char *s);		/* NULL writes null */
void jsonw_strn(struct jsonw *w, const char *s, size_t n);
void jsonw_int(struct jsonw *w, int64_t v);
void jsonw_uint(struct jsonw *w, uint64_t v);
void jsonw_bool(struct jsonw *w, bool v);
void jsonw_null(struct jsonw *w);
void jsonw_raw(struct jsonw *w, struct bytes raw);
/* A parsed value written anew (so that pretty applies inside); numbers and strings keep their bytes. */
void jsonw_json(struct jsonw *w, const struct json *j);
/* key + value in one call */
void jsonw_kstr(struct jsonw *w, const char *key, const char *s);
void jsonw_kstr_if(struct jsonw *w, const char *key, const char *s);	/* nothing when NULL or "" */
void jsonw_kint(struct jsonw *w, const char *key, int64_t v);
void jsonw_kuint(struct jsonw *w, const char *key, uint64_t v);
void jsonw_kbool(struct jsonw *w, const char *key, bool v);

#endif
